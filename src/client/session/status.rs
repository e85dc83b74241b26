//! Status lines: the answer to a command, or the beginning of it.

use super::{Session, TRACE, Wire};
use crate::client::error::{Error, Misbehaviour, Wait};
use crate::protocol::framer::FoundLine;
use crate::protocol::limits::STRAY_LINES_MAX;
use crate::protocol::{LineEnding, Refusal, ResponseCode, ServerText, StatusLine, Verb};

impl<W: Wire> Session<W> {
    /// Reads the status line that answers a command.
    pub(in crate::client) fn status(&mut self, verb: Verb) -> Result<StatusLine, Error> {
        self.in_step(|session| {
            let mut strays = 0;
            session.whole_line(Wait::Response(verb))?;
            while strays < STRAY_LINES_MAX && session.skip_stray_line() {
                strays += 1;
                session.whole_line(Wait::Response(verb))?;
            }
            session.parse_status(verb)
        })
    }

    /// Reads the status line that answers a command by yes or no.
    pub(in crate::client) fn answer(
        &mut self,
        verb: Verb,
    ) -> Result<Result<ServerText, Refusal>, Error> {
        match self.status(verb)? {
            StatusLine::Ok(text) => Ok(Ok(text)),
            StatusLine::Err(refusal) => Ok(Err(refusal)),
            StatusLine::Continue(_) => {
                self.give_up();
                let odd = Misbehaviour::UnexpectedContinuation(verb);
                Err(Error::Misbehaved(odd))
            }
        }
    }

    /// Some servers send a line too many behind a message: an empty one, or another dot.
    fn skip_stray_line(&mut self) -> bool {
        let FoundLine::Whole {
            line: b"" | b".",
            consumed,
        } = self.talk.found_line()
        else {
            return false;
        };
        self.talk.input.consume(consumed);
        self.talk.was_odd = true;
        log::warn!("the server sent a stray line in front of its answer");
        true
    }

    fn parse_status(&mut self, verb: Verb) -> Result<StatusLine, Error> {
        let wait = Wait::Response(verb);
        let FoundLine::Whole { line, consumed } = self.talk.found_line() else {
            return Err(Error::Misbehaved(Misbehaviour::LineTooLong(wait)));
        };
        let status = StatusLine::parse(line).map(|status| self.cleared(status, verb));
        let text = self.text(line);
        let is_crlf = self.talk.ending == LineEnding::Lf && line.ends_with(b"\r");
        self.talk.input.consume(consumed);
        let is_obeyed = matches!(status, Some(StatusLine::Ok(_))) && !verb.is_of_login();
        // It was the greeting alone that ended otherwise. A refusal, or what is said of a user, may
        // repeat our own CR.
        if is_crlf && is_obeyed {
            self.talk.end_lines_by(LineEnding::CrLf);
        }
        // A challenge is not for everybody's eyes.
        if let Some(StatusLine::Continue(_)) = status {
            log::trace!(target: TRACE, "S: + ****");
        } else {
            log::trace!(target: TRACE, "S: {text}");
        }
        if is_obeyed {
            self.talk.unsaid.forget_short();
        }
        status.ok_or(Error::Misbehaved(Misbehaviour::NoStatusLine {
            wait,
            line: text,
        }))
    }

    /// The status line without what is kept unsaid; what it means to us stays.
    fn cleared(&self, status: StatusLine, verb: Verb) -> StatusLine {
        match status {
            // Numbers are read from it, and it is not shown.
            StatusLine::Ok(text) if !verb.is_of_login() => StatusLine::Ok(text),
            StatusLine::Ok(text) => StatusLine::Ok(self.text(text.as_bytes())),
            StatusLine::Err(mut refusal) => {
                if let Some(ResponseCode::Other(code)) = &mut refusal.code {
                    *code = self.text(code.as_bytes());
                }
                refusal.text = self.text(refusal.text.as_bytes());
                StatusLine::Err(refusal)
            }
            challenge @ StatusLine::Continue(_) => challenge,
        }
    }
}
