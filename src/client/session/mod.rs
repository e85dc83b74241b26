//! The talk with a server: commands out, lines and multi-line responses in, always in step.
//!
//! Once an error has left it open where in the stream we are, a session gives nothing but errors:
//! octets of one response are never read as another.

mod greeting;
mod multi_line;
mod status;
mod unsaid;
mod wire;

use std::time::Duration;

use zeroize::{Zeroize as _, Zeroizing};

use super::error::{Error, Misbehaviour, Wait};
use super::input::Input;
use crate::protocol::framer::{FoundLine, Unstuffer, find_line};
use crate::protocol::limits::{CAPABILITY_OCTETS_MAX, STATUS_LINE_OCTETS_MAX};
use crate::protocol::{Capabilities, Command, LineEnding, Refusal, ServerText, StatusLine, Verb};
use crate::secret::Secret;

use unsaid::Unsaid;
pub(super) use wire::Wire;

/// Where the talk goes: `C: ` what we sent, `S: ` what came, never a secret.
pub(super) const TRACE: &str = "popfetch::trace";

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
}

#[cfg(test)]
mod tests;
