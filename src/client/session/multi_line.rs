//! Multi-line responses: the rows of a list, the data of a message.

use std::ops::Range;

use super::{Data, Session, TRACE, Talk, Wire};
use crate::client::error::{Error, Misbehaviour, Wait};
use crate::protocol::framer::{FoundLine, find_line};
use crate::protocol::limits::ROW_OCTETS_MAX;
use crate::protocol::{LineEnding, Verb};

/// What must come in one wait for more of a multi-line response. A server that trickles is given
/// up, one that is slow is not.
const PROGRESS_OCTETS_MIN: usize = 1024;

impl<W: Wire> Session<W> {
    /// Reads the rows of a multi-line response to its end. Rows that are too long are skipped.
    ///
    /// A row is handed out without its line end.
    pub(in crate::client) fn rows(
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
    pub(in crate::client) fn begin_data(&mut self) {
        self.talk.unstuffer.restart();
        self.talk.data = Data::Open;
        self.talk.progress = None;
    }

    /// Whether multi-line data was begun and not read to its end.
    pub(in crate::client) fn is_in_data(&self) -> bool {
        self.talk.data != Data::None
    }

    /// The place of the next span of multi-line data, as long as can be; `None` behind the last.
    pub(in crate::client) fn next_span(&mut self) -> Result<Option<Range<usize>>, Error> {
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
    pub(in crate::client) fn span(&self, place: Range<usize>) -> &[u8] {
        self.talk.input.at(place)
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
}

impl Talk {
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
