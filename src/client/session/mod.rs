//! The talk with a server: commands out, lines and multi-line responses in, always in step.
//!
//! Once an error has left it open where in the stream we are, a session gives nothing but errors:
//! octets of one response are never read as another.

mod unsaid;
mod wire;

use std::ops::Range;
use std::time::Duration;

use zeroize::{Zeroize as _, Zeroizing};

use super::error::{Error, Misbehaviour, Wait};
use super::input::Input;
use crate::protocol::framer::{FoundLine, Unstuffer, find_line};
use crate::protocol::limits::{
    CAPABILITY_OCTETS_MAX, ROW_OCTETS_MAX, STATUS_LINE_OCTETS_MAX, STRAY_LINES_MAX,
};
use crate::protocol::{
    Capabilities, Command, LineEnding, Refusal, ResponseCode, ServerText, StatusLine, Verb,
};
use crate::secret::Secret;

use unsaid::Unsaid;
pub(super) use wire::Wire;

/// Where the talk goes: `C: ` what we sent, `S: ` what came, never a secret.
pub(super) const TRACE: &str = "popfetch::trace";

/// What must come in one wait for more of a multi-line response. A server that trickles is given
/// up, one that is slow is not.
const PROGRESS_OCTETS_MIN: usize = 1024;

/// Room for a window of commands and, rarely, a long token. A buffer that grows would leave
/// copies of secrets behind.
const OUTPUT_OCTETS: usize = 8 * 1024;

/// The talk over one connection.
#[derive(Debug)]
pub(super) struct Session<W = Box<dyn Wire>> {
    wire: W,
    talk: Talk,
}

/// All of a session but its connection, which STLS exchanges.
#[derive(Debug)]
struct Talk {
    input: Input,
    output: Zeroizing<Vec<u8>>,
    ending: LineEnding,
    unstuffer: Unstuffer,
    data: Data,
    /// Octets that came since the running wait for data began; `None` if none runs.
    progress: Option<usize>,
    /// Whether the last octets read were the start of a row that is too long.
    in_long_row: bool,
    in_step: bool,
    was_odd: bool,
    unsaid: Unsaid,
}

/// Whether multi-line data is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Data {
    None,
    Open,
    /// The terminator was read along with the last span.
    Ended,
}

/// What the next line is, before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextLine {
    /// The terminator of a multi-line response.
    Terminator,
    /// A status line.
    Status,
    /// Anything else.
    Row,
}

impl<W: Wire> Session<W> {
    /// Nothing said yet.
    pub(super) fn new(wire: W) -> Self {
        let ending = LineEnding::default();
        Self {
            wire,
            talk: Talk {
                input: Input::new(),
                output: Zeroizing::new(Vec::with_capacity(OUTPUT_OCTETS)),
                ending,
                unstuffer: Unstuffer::new(ending),
                data: Data::None,
                progress: None,
                in_long_row: false,
                in_step: true,
                was_odd: false,
                unsaid: Unsaid::default(),
            },
        }
    }

    /// The connection.
    pub(super) fn wire(&self) -> &W {
        &self.wire
    }

    /// Whether it is known where in the stream we are, so that the talk can go on.
    pub(super) fn is_in_step(&self) -> bool {
        self.talk.in_step
    }

    /// Gives the session up: nothing that still comes can be trusted.
    pub(super) fn give_up(&mut self) {
        self.talk.in_step = false;
    }

    /// Whether the server did anything that was forgiven.
    pub(super) fn was_odd(&self) -> bool {
        self.talk.was_odd
    }

    /// Begins a login with this secret: it is shown in no text of the server's from here on.
    pub(super) fn keep_unsaid(&mut self, secret: &Secret) {
        self.talk.unsaid.begin_with(secret);
    }

    /// The server's octets as a text that anybody may see.
    pub(super) fn text(&self, octets: &[u8]) -> ServerText {
        self.talk.unsaid.text(octets)
    }

    /// What has come and was not read.
    pub(super) fn unread(&self) -> &[u8] {
        self.talk.input.unread()
    }

    /// Goes on over another connection, such as this one with TLS on top.
    ///
    /// Whatever came in clear behind the answer to STLS was put there by somebody who hopes
    /// that it is taken for a part of the protected talk.
    pub(super) fn upgrade<V: Wire>(
        self,
        secure: impl FnOnce(W) -> Result<V, Error>,
    ) -> Result<Session<V>, Error> {
        if !self.unread().is_empty() {
            return Err(Error::Misbehaved(Misbehaviour::StlsInjection));
        }
        Ok(Session {
            wire: secure(self.wire)?,
            talk: self.talk,
        })
    }

    /// The same over a connection whose kind does not matter any more.
    pub(super) fn boxed(self) -> Session
    where
        W: 'static,
    {
        Session {
            wire: Box::new(self.wire),
            talk: self.talk,
        }
    }

    /// Reads the greeting, and what ends the lines of this server.
    pub(super) fn greeting(&mut self) -> Result<ServerText, Error> {
        self.in_step(|session| {
            session.wire.begin(Wait::Greeting);
            loop {
                let unread = session.talk.input.unread();
                if begins_tls_record(unread) {
                    return Err(Error::Misbehaved(Misbehaviour::TlsInPlaceOfGreeting));
                }
                match find_line(unread, LineEnding::Lf, STATUS_LINE_OCTETS_MAX) {
                    FoundLine::Whole { .. } => break,
                    FoundLine::Partial => session
                        .fill()
                        .map_err(|error| session.no_greeting().unwrap_or(error))?,
                    FoundLine::TooLong => {
                        let too_long = Misbehaviour::LineTooLong(Wait::Greeting);
                        return Err(session.no_greeting().unwrap_or(Error::Misbehaved(too_long)));
                    }
                }
            }
            session.parse_greeting()
        })
    }

    /// Sends a command and reads the status line that answers it.
    pub(super) fn exchange(&mut self, command: &Command) -> Result<StatusLine, Error> {
        self.expect_nothing()?;
        self.send(std::slice::from_ref(command))?;
        self.status(command.verb())
    }

    /// As [`Self::exchange`], for a command that is answered by yes or no.
    pub(super) fn ask(&mut self, command: &Command) -> Result<Result<ServerText, Refusal>, Error> {
        self.expect_nothing()?;
        self.send(std::slice::from_ref(command))?;
        self.answer(command.verb())
    }

    /// Asks what the server can do. `None`: it does not know the question.
    pub(super) fn capabilities(&mut self) -> Result<Option<Capabilities>, Error> {
        self.expect_nothing()?;
        self.send(&[Command::Capa])?;
        self.capabilities_answer()
    }

    /// The answer to CAPA, which was sent before.
    pub(super) fn capabilities_answer(&mut self) -> Result<Option<Capabilities>, Error> {
        if self.answer(Verb::Capa)?.is_err() {
            return Ok(None);
        }
        let mut capabilities = Capabilities::default();
        let mut unsaid = std::mem::take(&mut self.talk.unsaid);
        let read = self.rows(Verb::Capa, CAPABILITY_OCTETS_MAX, |row| {
            capabilities.push_row(unsaid.capability(row).as_bytes());
            Ok(())
        });
        unsaid.told(&capabilities);
        self.talk.unsaid = unsaid;
        read.map(|()| Some(capabilities))
    }

    /// Makes sure that nothing has come that nobody asked for, when all is answered: it would be
    /// taken for the answer to what is asked next. Stray lines are passed over later.
    pub(super) fn expect_nothing(&mut self) -> Result<(), Error> {
        self.in_step(|session| {
            let is_stray = |octet: &u8| matches!(octet, b'\r' | b'\n' | b'.');
            let mut lines = session.unread().split(|octet| *octet == b'\n');
            let Some(line) = lines.find(|line| !line.iter().all(is_stray)) else {
                return Ok(());
            };
            let line = session.text(line.strip_suffix(b"\r").unwrap_or(line));
            Err(Error::Misbehaved(Misbehaviour::UnexpectedAnswer(line)))
        })
    }

    /// Sends the commands in one write.
    pub(super) fn send(&mut self, commands: &[Command]) -> Result<(), Error> {
        self.in_step(|session| {
            let Some(first) = commands.first() else {
                return Ok(());
            };
            for command in commands {
                log::trace!(target: TRACE, "C: {command}");
                command.encode(&mut session.talk.output);
                session.talk.unsaid.add_sent(command);
            }
            session.wire.begin(Wait::Response(first.verb()));
            let written = session.wire.write_all(&session.talk.output);
            session.talk.output.zeroize();
            written
        })
    }

    /// Reads the status line that answers a command.
    pub(super) fn status(&mut self, verb: Verb) -> Result<StatusLine, Error> {
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
    pub(super) fn answer(&mut self, verb: Verb) -> Result<Result<ServerText, Refusal>, Error> {
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

    /// Waits until the next line is there, whole, and tells what it is.
    pub(super) fn next_line(&mut self, verb: Verb) -> Result<NextLine, Error> {
        self.in_step(|session| {
            session.whole_line(Wait::Response(verb))?;
            Ok(match session.talk.found_line() {
                FoundLine::Whole { line: b".", .. } => NextLine::Terminator,
                FoundLine::Whole { line, .. } if StatusLine::parse(line).is_some() => {
                    NextLine::Status
                }
                FoundLine::Whole { .. } | FoundLine::Partial | FoundLine::TooLong => NextLine::Row,
            })
        })
    }

    /// Waits for anything to come, but not for long.
    pub(super) fn is_silent_for(&mut self, time: Duration, verb: Verb) -> Result<bool, Error> {
        self.in_step(|session| {
            if !session.unread().is_empty() {
                return Ok(false);
            }
            let wait = Wait::Response(verb);
            session.wire.begin_within(wait, time);
            match session.fill() {
                Ok(()) => Ok(false),
                Err(Error::Deadline(late)) if late == wait => Ok(true),
                Err(error) => Err(error),
            }
        })
    }

    /// Reads the rows of a multi-line response to its end. Rows that are too long are skipped.
    ///
    /// A row is handed out without its line end.
    pub(super) fn rows(
        &mut self,
        verb: Verb,
        octets_max: usize,
        mut each: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.in_step(|session| {
            let mut octets = 0;
            let mut rows = 0_u64;
            session.talk.progress = None;
            loop {
                let (consumed, ended) = session.talk.next_row(&mut each)?;
                octets += consumed;
                if ended {
                    log::trace!(target: TRACE, "S: ({rows} rows)");
                    return Ok(());
                }
                if octets > octets_max {
                    return Err(Error::Misbehaved(Misbehaviour::ListTooLong(verb)));
                }
                if consumed == 0 {
                    session.fill_data()?;
                } else {
                    rows += 1;
                }
            }
        })
    }

    /// Begins to read multi-line data, behind the status line.
    pub(super) fn begin_data(&mut self) {
        self.talk.unstuffer.restart();
        self.talk.data = Data::Open;
        self.talk.progress = None;
    }

    /// Whether multi-line data was begun and not read to its end.
    pub(super) fn is_in_data(&self) -> bool {
        self.talk.data != Data::None
    }

    /// The place of the next span of multi-line data, as long as can be; `None` behind the last.
    pub(super) fn next_span(&mut self) -> Result<Option<Range<usize>>, Error> {
        self.in_step(|session| {
            loop {
                if session.talk.data != Data::Open {
                    session.talk.data = Data::None;
                    return Ok(None);
                }
                let step = session.talk.unstuffer.step(session.talk.input.unread());
                let span = session.talk.input.consume_span(step.span, step.consumed);
                if step.ended {
                    session.talk.data = Data::Ended;
                }
                if !span.is_empty() {
                    return Ok(Some(span));
                }
                if step.consumed == 0 && !step.ended {
                    session.fill_data()?;
                }
            }
        })
    }

    /// The octets in a place that [`Self::next_span`] told last.
    pub(super) fn span(&self, place: Range<usize>) -> &[u8] {
        self.talk.input.at(place)
    }

    /// Runs one piece of talk; an error in it leaves the session out of step for ever.
    fn in_step<T>(&mut self, talk: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if !self.talk.in_step {
            return Err(Error::OutOfStep);
        }
        let result = talk(self);
        self.talk.in_step = result.is_ok();
        result
    }

    /// Reads until a whole line is there.
    fn whole_line(&mut self, wait: Wait) -> Result<(), Error> {
        let mut begun = false;
        loop {
            match self.talk.found_line() {
                FoundLine::Whole { .. } => return Ok(()),
                FoundLine::TooLong => {
                    return Err(Error::Misbehaved(Misbehaviour::LineTooLong(wait)));
                }
                FoundLine::Partial if begun => self.fill()?,
                FoundLine::Partial => {
                    self.wire.begin(wait);
                    begun = true;
                }
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

    /// What came, if it can be no greeting however it goes on.
    fn no_greeting(&self) -> Option<Error> {
        let unread = self.talk.input.unread();
        let is_greeting = unread
            .first()
            .is_none_or(|first| matches!(first, b'+' | b'-'));
        let odd = || Misbehaviour::NoGreeting(ServerText::new(unread));
        (!is_greeting).then(|| Error::Misbehaved(odd()))
    }

    fn parse_greeting(&mut self) -> Result<ServerText, Error> {
        let found = find_line(
            self.talk.input.unread(),
            LineEnding::Lf,
            STATUS_LINE_OCTETS_MAX,
        );
        let FoundLine::Whole { line, consumed } = found else {
            return Err(Error::Misbehaved(Misbehaviour::LineTooLong(Wait::Greeting)));
        };
        let (ending, line) = match line.strip_suffix(b"\r") {
            Some(line) => (LineEnding::CrLf, line),
            None => (LineEnding::Lf, line),
        };
        let status = StatusLine::parse(line);
        let text = ServerText::new(line);
        self.talk.input.consume(consumed);
        self.talk.end_lines_by(ending);
        log::trace!(target: TRACE, "S: {text}");
        match status {
            Some(StatusLine::Ok(greeting)) => Ok(self.text(greeting.as_bytes())),
            Some(StatusLine::Err(mut refusal)) => {
                refusal.text = self.text(refusal.text.as_bytes());
                Err(Error::Unwelcome(refusal))
            }
            Some(StatusLine::Continue(_)) | None => {
                Err(Error::Misbehaved(Misbehaviour::NoGreeting(text)))
            }
        }
    }

    /// Reads more of multi-line data. A new wait begins whenever the last one brought enough.
    fn fill_data(&mut self) -> Result<(), Error> {
        if self
            .talk
            .progress
            .is_none_or(|octets| octets >= PROGRESS_OCTETS_MIN)
        {
            self.wire.begin(Wait::Data);
            self.talk.progress = Some(0);
        }
        let before = self.unread().len();
        self.fill()?;
        let came = self.unread().len() - before;
        self.talk.progress = self.talk.progress.map(|octets| octets + came);
        Ok(())
    }

    fn fill(&mut self) -> Result<(), Error> {
        let octets = self.wire.read(self.talk.input.room())?;
        if octets == 0 {
            return Err(self.wire.closed());
        }
        self.talk.input.arrived(octets);
        Ok(())
    }
}

impl Talk {
    fn end_lines_by(&mut self, ending: LineEnding) {
        self.ending = ending;
        self.unstuffer = Unstuffer::new(ending);
    }

    fn found_line(&self) -> FoundLine<'_> {
        find_line(self.input.unread(), self.ending, STATUS_LINE_OCTETS_MAX)
    }

    /// Reads one row, if it is whole; tells how many octets it took, and whether it was the
    /// terminator.
    fn next_row(
        &mut self,
        each: &mut impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(usize, bool), Error> {
        match find_line(self.input.unread(), self.ending, ROW_OCTETS_MAX) {
            FoundLine::Whole { line, consumed } => {
                let skipped = std::mem::take(&mut self.in_long_row);
                let ended = !skipped && is_terminator(line, self.ending);
                if !ended && !skipped {
                    each(line.strip_prefix(b".").unwrap_or(line))?;
                }
                self.input.consume(consumed);
                Ok((consumed, ended))
            }
            FoundLine::Partial => Ok((0, false)),
            FoundLine::TooLong => {
                // The last octet may be half of the line end.
                self.in_long_row = true;
                self.input.consume(ROW_OCTETS_MAX - 1);
                Ok((ROW_OCTETS_MAX - 1, false))
            }
        }
    }
}

/// Whether a line ends a multi-line response. Where lines end in a bare LF, the terminator may
/// still come with a CR: stuffing keeps the same from being text.
fn is_terminator(line: &[u8], ending: LineEnding) -> bool {
    line == b"." || (ending == LineEnding::Lf && line == b".\r")
}

/// Whether a server that was expected to greet sent a TLS alert or handshake record.
fn begins_tls_record(octets: &[u8]) -> bool {
    matches!(octets, [0x15 | 0x16, 0x03, ..])
}

#[cfg(test)]
mod tests;
