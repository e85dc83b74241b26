//! A message on its way in.

use std::fmt;

use super::error::{Error, Wait};
use super::pipeline::{Pipeline, Request};
use super::session::{Session, TRACE};
use super::watch::AnswerWatch;
use crate::protocol::{MessageNumber, StatusLine};

/// The octets of a message, or of its header, as they come.
///
/// One that is dropped before its end is read to it, and thrown away, by the next call to the
/// [`Client`](super::Client). To stop sooner, drop the client.
#[derive(Debug)]
pub struct Body<'a> {
    pub(super) session: &'a mut Session,
    pub(super) pipeline: &'a mut Pipeline<Request>,
    pub(super) watch: &'a mut AnswerWatch,
    pub(super) progress: Progress,
}

/// How far a body has come.
#[derive(Debug)]
pub(super) struct Progress {
    request: Request,
    octets: u64,
    /// The last octets, the very last at the end.
    tail: [u8; 3],
    /// Whether others were asked for behind this one, so that their answers may come early.
    is_followed: bool,
    /// Once it is at its end: how that came.
    end: Option<BodyEnd>,
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyEnd {
    /// How many octets it had, its CRLFs included, byte-stuffing and terminator not.
    pub octets: u64,
    /// Why what came may not be the message.
    pub suspect: Option<Suspicion>,
}

/// Why a message that came to an end may not be the message all the same: servers get the
/// terminator wrong.
///
/// Whoever has such a message keeps it, and does not delete it from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// The server fell silent behind something that was perhaps meant as the terminator: a dot
    /// at the end of the last line, or one whose line end was cut short.
    HalfTerminator,
    /// Something came behind the terminator that nothing had asked for: the message has perhaps
    /// a line with a single dot in it, and goes on behind that.
    MoreBehindEnd,
    /// It is much shorter than LIST claimed.
    MuchShorterThanListed,
    /// It is longer than LIST claimed by just one line that looks like the answer to another
    /// command.
    AnswerInside,
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HalfTerminator => "the server did not end the message properly",
            Self::MoreBehindEnd => "the server sent more behind the end of the message",
            Self::MuchShorterThanListed => "the message is much shorter than the server listed it",
            Self::AnswerInside => "the server put another answer inside the message",
        })
    }
}

impl Body<'_> {
    /// Which message it is.
    pub fn number(&self) -> MessageNumber {
        self.progress.request.number()
    }

    /// The next octets, as many as are there; `None` behind the last.
    ///
    /// Byte-stuffing is undone, and nothing else: lines end as the server ends them. How the
    /// octets are cut into chunks means nothing.
    pub fn chunk(&mut self) -> Result<Option<&[u8]>, Error> {
        if self.progress.end.is_some() {
            return Ok(None);
        }
        match self.session.next_span() {
            Ok(Some(place)) => {
                let span = self.session.span(place);
                self.progress.pass(span);
                if self.progress.is_followed {
                    self.watch.pass(span);
                }
                Ok(Some(span))
            }
            Ok(None) => {
                self.finish();
                Ok(None)
            }
            Err(Error::Deadline(Wait::Data)) if self.looks_terminated() => {
                self.progress.end_with(Some(Suspicion::HalfTerminator));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads on to the end, and tells how that came.
    pub fn end(mut self) -> Result<BodyEnd, Error> {
        loop {
            if let Some(end) = self.progress.end {
                return Ok(end);
            }
            self.chunk()?;
        }
    }

    fn finish(&mut self) {
        let suspect = if self.is_more_behind() {
            self.session.give_up();
            Some(Suspicion::MoreBehindEnd)
        } else if self.progress.is_longer_by_a_line(self.watch) {
            self.pipeline.fall_into_lock_step();
            Some(Suspicion::AnswerInside)
        } else if self.progress.is_much_shorter() {
            Some(Suspicion::MuchShorterThanListed)
        } else {
            None
        };
        self.progress.end_with(suspect);
    }

    /// Whether what came behind the terminator, if anything did, is no answer to anything.
    fn is_more_behind(&self) -> bool {
        let is_stray = |octet: &u8| matches!(octet, b'\r' | b'\n' | b'.');
        let unread = self.session.unread();
        let behind = unread.iter().position(|octet| !is_stray(octet));
        let behind = behind.and_then(|start| unread.get(start..));
        behind.is_some_and(|behind| !(self.pipeline.is_outstanding() && may_be_status_line(behind)))
    }

    /// Whether a server that now says nothing may think that it has ended the message.
    fn looks_terminated(&self) -> bool {
        let is_half = self.session.unread() == b".\r";
        let is_joined = self.session.unread().is_empty()
            && (self.progress.tail == *b".\r\n" || self.progress.tail.ends_with(b".\n"));
        (is_half || is_joined) && self.progress.is_nearly_all()
    }
}

impl Progress {
    /// Nothing of it yet.
    pub(super) fn new(request: Request, is_followed: bool) -> Self {
        Self {
            request,
            octets: 0,
            tail: [0; 3],
            is_followed,
            end: None,
        }
    }

    fn pass(&mut self, span: &[u8]) {
        self.octets += span.len() as u64;
        if let Some(tail) = span.last_chunk() {
            self.tail = *tail;
        } else {
            for octet in span {
                let [_, second, third] = self.tail;
                self.tail = [second, third, *octet];
            }
        }
    }

    fn end_with(&mut self, suspect: Option<Suspicion>) {
        let octets = self.octets;
        log::trace!(target: TRACE, "S: ({octets} octets)");
        self.end = Some(BodyEnd { octets, suspect });
    }

    fn listed_octets(&self) -> Option<u64> {
        match self.request {
            Request::Retr { listed_octets, .. } => listed_octets,
            Request::Top { .. } => None,
        }
    }

    /// A server may stall behind any line that ends in a dot. Only where the message can be
    /// whole is that taken for its end.
    fn is_nearly_all(&self) -> bool {
        self.listed_octets()
            .is_none_or(|listed| self.octets >= listed - listed / 8)
    }

    /// Sizes are wrong in many ways, among them rounding up to 1024 octets and the overhead of
    /// the server's own form of storage.
    fn is_much_shorter(&self) -> bool {
        self.listed_octets()
            .is_some_and(|listed| self.octets < listed / 2 && listed - self.octets > 1024)
    }

    fn is_longer_by_a_line(&self, watch: &AnswerWatch) -> bool {
        self.is_followed
            && self
                .listed_octets()
                .and_then(|listed| self.octets.checked_sub(listed))
                .is_some_and(|more| watch.saw_line_of(more))
    }
}

/// Whether octets are a status line, or can become one as more of them come.
fn may_be_status_line(octets: &[u8]) -> bool {
    let line = octets.split(|octet| *octet == b'\n').next();
    let line = line.unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    [&b"+OK"[..], b"-ERR"].iter().any(|indicator| {
        let known = indicator.get(..line.len()).unwrap_or(indicator);
        known.len() < indicator.len() && line.eq_ignore_ascii_case(known)
    }) || StatusLine::parse(line).is_some()
}
