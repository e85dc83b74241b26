//! What has come from a server and is not read yet.

use std::ops::Range;

/// Room for what is read at once. One read takes all that the system has, and a span of it is
/// what a message is handed on in.
const INPUT_OCTETS: usize = 128 * 1024;

/// A buffer that is filled at its end and read from its start, and lends what it holds.
///
/// `start <= end <= octets.len()`; what is between them is unread.
pub(super) struct Input {
    octets: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Input {
    pub(super) fn new() -> Self {
        Self {
            octets: vec![0; INPUT_OCTETS].into_boxed_slice(),
            start: 0,
            end: 0,
        }
    }

    /// What has come and was not read.
    pub(super) fn unread(&self) -> &[u8] {
        self.octets.get(self.start..self.end).unwrap_or_default()
    }

    /// These octets are read.
    pub(super) fn consume(&mut self, octets: usize) {
        self.start = (self.start + octets).min(self.end);
    }

    /// These octets are read, and the span, counted from the first of them, is wanted: its
    /// place until there is more input.
    pub(super) fn consume_span(&mut self, span: Range<usize>, octets: usize) -> Range<usize> {
        let place = self.start + span.start..self.start + span.end;
        self.consume(octets);
        place
    }

    /// What is in a place that [`Self::consume_span`] told.
    pub(super) fn at(&self, place: Range<usize>) -> &[u8] {
        self.octets.get(place).unwrap_or_default()
    }

    /// Where more can be put. What is unread goes to the front for it: never more than a line
    /// that is not whole yet.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.octets.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        self.octets.get_mut(self.end..).unwrap_or_default()
    }

    /// So much was put there.
    pub(super) fn arrived(&mut self, octets: usize) {
        self.end = (self.end + octets).min(self.octets.len());
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input")
            .field("unread_octets", &self.unread().len())
            .finish_non_exhaustive()
    }
}
