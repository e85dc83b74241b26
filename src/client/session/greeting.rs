//! What the server says first, and what it ends its lines by.

use super::{Session, TRACE, Wire};
use crate::client::error::{Error, Misbehaviour, Wait};
use crate::protocol::framer::{FoundLine, find_line};
use crate::protocol::limits::STATUS_LINE_OCTETS_MAX;
use crate::protocol::{LineEnding, ServerText, StatusLine};

impl<W: Wire> Session<W> {
    /// Reads the greeting, and what ends the lines of this server.
    pub(in crate::client) fn greeting(&mut self) -> Result<ServerText, Error> {
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

    /// What came, if it can be no greeting however it goes on.
    fn no_greeting(&self) -> Option<Error> {
        let unread = self.talk.input.unread();
        let is_greeting = unread
            .first()
            .is_none_or(|first| matches!(first, b'+' | b'-'));
        let odd = || Misbehaviour::NoGreeting(ServerText::new(unread));
        (!is_greeting).then(|| Error::Misbehaved(odd()))
    }
}

/// Whether a server that was expected to greet sent a TLS alert or handshake record.
fn begins_tls_record(octets: &[u8]) -> bool {
    matches!(octets, [0x15 | 0x16, 0x03, ..])
}
