//! A message as it stands in an mbox, from behind its From_ line to its closing empty line.

use super::quoting::Quoting;
use crate::store::line_ends::LineEnds;

/// Turns a message as received into its form in an mbox, in any split.
#[derive(Debug)]
pub(crate) struct MboxText {
    line_ends: LineEnds,
    quoting: Quoting,
    /// What was fed last, with LF line ends and not quoted.
    text: Vec<u8>,
    ends_in_line_feed: bool,
}

impl MboxText {
    /// Begins a message.
    pub(crate) fn new() -> Self {
        Self {
            line_ends: LineEnds::default(),
            quoting: Quoting::new(),
            text: Vec::new(),
            // The From_ line does.
            ends_in_line_feed: true,
        }
    }

    /// Appends to `out` what the next octets become; gives them before they were quoted, which is
    /// what a receipt speaks of.
    pub(crate) fn feed(&mut self, octets: &[u8], out: &mut Vec<u8>) -> &[u8] {
        self.text.clear();
        self.line_ends.feed(octets, &mut self.text);
        self.quote(out)
    }

    /// The message is over: appends what was held back and the closing empty line, for which a
    /// last line without end gets one.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> &[u8] {
        self.text.clear();
        self.line_ends.finish(&mut self.text);
        self.quote(out);
        self.quoting.finish(out);
        out.extend_from_slice(if self.ends_in_line_feed {
            b"\n"
        } else {
            b"\n\n"
        });
        &self.text
    }

    fn quote(&mut self, out: &mut Vec<u8>) -> &[u8] {
        if let Some(last) = self.text.last() {
            self.ends_in_line_feed = *last == b'\n';
        }
        self.quoting.feed(&self.text, out);
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::MboxText;

    fn check(message: &str, stored: &str, receipted: &str) {
        for size in 1..=message.len().max(1) {
            let mut text = MboxText::new();
            let (mut out, mut hashed) = (Vec::new(), Vec::new());
            for chunk in message.as_bytes().chunks(size) {
                hashed.extend_from_slice(text.feed(chunk, &mut out));
            }
            hashed.extend_from_slice(text.finish(&mut out));
            assert_eq!(out, stored.as_bytes(), "{message:?} by {size}");
            assert_eq!(hashed, receipted.as_bytes(), "{message:?} by {size}");
        }
    }

    #[test]
    fn a_message_ends_in_one_empty_line() {
        check(
            "A: 1\r\n\r\nFrom b\r\n",
            "A: 1\n\n>From b\n\n",
            "A: 1\n\nFrom b\n",
        );
        check("A: 1\r\n\r\n\r\n", "A: 1\n\n\n\n", "A: 1\n\n\n");
        check("", "\n", "");
        check("no end", "no end\n\n", "no end");
        check("cr\r", "cr\r\n\n", "cr\r");
        check("From", "From\n\n", "From");
        check("A: 1\r\n>Fro", "A: 1\n>Fro\n\n", "A: 1\n>Fro");
    }
}
