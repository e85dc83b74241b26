//! What of a message in an mbox stays the same when a mail reader rewrites the file.
//!
//! Readers keep their own state in the header (`Status`, `X-Status`, ...), rewrite the From_ line
//! and are free with the empty lines at the end. The essence is a hash of all the rest, so that
//! a message of ours is found again after mutt or Python's `mailbox` has been at work.

use memchr::{memchr, memchr_iter};
use sha2::{Digest as _, Sha256};

/// The fields readers add, change and remove.
const READERS_FIELDS: [&[u8]; 8] = [
    b"Status",
    b"X-Status",
    b"X-Keywords",
    b"X-UID",
    b"X-IMAP",
    b"X-IMAPbase",
    b"Content-Length",
    b"Lines",
];

/// No name above is longer.
const NAME_OCTETS_MAX: usize = 16;

/// The hash of a message without what readers change.
pub(crate) type Essence = [u8; 32];

/// Takes the essence of a message as it stands in an mbox, without its From_ line, in any split.
#[derive(Debug)]
pub(crate) struct Distiller {
    part: Part,
    kept: Trimmed,
}

#[derive(Debug)]
enum Part {
    /// At the begin of a header line, of which this much is seen. `readers` tells whether the line
    /// before belonged to a reader's field, and so whether a continuation of it does.
    LineBegin { seen: Vec<u8>, readers: bool },
    /// Further on in a header line.
    Line { readers: bool },
    /// Behind the empty line.
    Body,
}

impl Distiller {
    /// Begins a message.
    pub(crate) fn new() -> Self {
        let part = Part::LineBegin {
            seen: Vec::new(),
            readers: false,
        };
        Self {
            part,
            kept: Trimmed::default(),
        }
    }

    /// Takes the next octets.
    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = match self.part {
                Part::LineBegin { .. } => self.begin_line(rest),
                Part::Line { readers } => self.go_on_in_line(rest, readers),
                Part::Body => {
                    self.kept.feed(rest);
                    return;
                }
            };
        }
    }

    /// Takes what is needed to tell what line this is; gives the rest.
    fn begin_line<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let Part::LineBegin { seen, readers } = &mut self.part else {
            return text;
        };
        let (line, _) = through_line_end(text);
        let (taken, after) = text.split_at(line.len().min(NAME_OCTETS_MAX - seen.len()));
        seen.extend_from_slice(taken);
        let Some(kind) = line_kind(seen, *readers) else {
            return after;
        };
        let ended = seen.ends_with(b"\n");
        let readers = kind == LineKind::Readers;
        if readers {
            self.kept.feed_torn(seen);
        } else {
            self.kept.feed(seen);
        }
        self.part = match kind {
            LineKind::Empty => Part::Body,
            LineKind::Kept | LineKind::Readers if ended => Part::LineBegin {
                seen: Vec::new(),
                readers,
            },
            LineKind::Kept | LineKind::Readers => Part::Line { readers },
        };
        after
    }

    fn go_on_in_line<'a>(&mut self, text: &'a [u8], readers: bool) -> &'a [u8] {
        let (line, after) = through_line_end(text);
        if readers {
            self.kept.feed_torn(line);
        } else {
            self.kept.feed(line);
        }
        if line.ends_with(b"\n") {
            self.part = Part::LineBegin {
                seen: Vec::new(),
                readers,
            };
        }
        after
    }

    /// The message is over.
    pub(crate) fn finish(mut self) -> Essence {
        self.end();
        self.kept.hash.finalize().into()
    }

    /// The message, which was fed without quoting, is over, and the last line feed is the empty
    /// line that closes it: gives the octets and the hash a receipt would have, if no field of
    /// the original was a reader's.
    pub(crate) fn finish_content(mut self) -> (u64, [u8; 32]) {
        self.end();
        self.kept.line_feeds = self.kept.line_feeds.saturating_sub(1);
        self.kept.put_line_feeds();
        (self.kept.octets, self.kept.hash.finalize().into())
    }

    fn end(&mut self) {
        if let Part::LineBegin { seen, .. } = &self.part {
            self.kept.feed(seen);
        }
    }
}

/// What a header line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    Kept,
    Readers,
    Empty,
}

/// What a line is of which `seen` is the begin; none while that cannot be told.
pub(super) fn line_kind(seen: &[u8], continues_readers: bool) -> Option<LineKind> {
    match seen.first()? {
        b'\n' => return Some(LineKind::Empty),
        b' ' | b'\t' if continues_readers => return Some(LineKind::Readers),
        _ => {}
    }
    if let Some(name) = memchr(b':', seen).and_then(|colon| seen.get(..colon)) {
        let readers = READERS_FIELDS
            .iter()
            .any(|field| field.eq_ignore_ascii_case(name));
        return Some(if readers {
            LineKind::Readers
        } else {
            LineKind::Kept
        });
    }
    let told = seen.ends_with(b"\n") || seen.len() == NAME_OCTETS_MAX;
    told.then_some(LineKind::Kept)
}

pub(super) fn through_line_end(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(memchr(b'\n', text).map_or(text.len(), |at| at + 1))
}

/// A hash of everything but the line feeds at the end.
#[derive(Debug, Default)]
struct Trimmed {
    hash: Sha256,
    octets: u64,
    /// Line feeds that only count if something follows.
    line_feeds: usize,
}

impl Trimmed {
    fn feed(&mut self, octets: &[u8]) {
        let Some(last) = octets.iter().rposition(|&octet| octet != b'\n') else {
            self.line_feeds += octets.len();
            return;
        };
        self.put_line_feeds();
        let (text, line_feeds) = octets.split_at(last + 1);
        self.hash.update(text);
        self.octets += text.len() as u64;
        self.line_feeds = line_feeds.len();
    }

    /// Takes what no reader puts into a field of its own: NULs. There a power cut has torn a
    /// message of ours, which is not whole though nothing else of it is missing.
    fn feed_torn(&mut self, octets: &[u8]) {
        for nul in memchr_iter(0, octets) {
            self.feed(octets.get(nul..=nul).unwrap_or_default());
        }
    }

    fn put_line_feeds(&mut self) {
        self.octets += self.line_feeds as u64;
        while self.line_feeds > 0 {
            let some = self.line_feeds.min(LINE_FEEDS.len());
            self.hash.update(LINE_FEEDS.get(..some).unwrap_or_default());
            self.line_feeds -= some;
        }
    }
}

const LINE_FEEDS: [u8; 1024] = [b'\n'; 1024];

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::Distiller;

    fn check(message: &str, kept: &str) {
        let expected: [u8; 32] = Sha256::digest(kept.as_bytes()).into();
        for size in 1..=message.len().max(1) {
            let mut distiller = Distiller::new();
            message
                .as_bytes()
                .chunks(size)
                .for_each(|chunk| distiller.feed(chunk));
            assert!(distiller.finish() == expected, "{message:?} by {size}");
        }
    }

    #[test]
    fn readers_fields_are_left_out() {
        check("A: 1\nStatus: RO\nB: 2\n\nbody\n", "A: 1\nB: 2\n\nbody");
        check(
            "X-UID: 7\nx-keywords: a\n  b\n\tc\nA: 1\n 2\n\n",
            "A: 1\n 2",
        );
        check(
            "Content-Length: 5\nLines: 1\nX-IMAPbase: 1 2\nX-IMAP: 1\nX-Status: A\n\nx",
            "\nx",
        );
        check("Status: RO\n", "");
        check("Status: RO", "");
        check(
            "X-UID:\nX-UID-Not: 1\nX-UIDs: 2\n",
            "X-UID-Not: 1\nX-UIDs: 2",
        );
    }

    #[test]
    fn what_was_torn_in_a_readers_field_counts() {
        check("A: 1\nStatus: R\0\0\n\n", "A: 1\n\0\0");
        check("Status:\0\n \0", "\0\0");
    }

    #[test]
    fn contents_end_before_the_closing_line() {
        for (message, content) in [
            ("A: 1\nStatus: RO\n\nx\n\n", "A: 1\n\nx\n"),
            ("A: 1\n\nx\n\n\n\n", "A: 1\n\nx\n\n\n"),
            ("A: 1\n\n", "A: 1\n"),
            ("no end", "no end"),
            ("", ""),
            ("\n", ""),
        ] {
            let mut distiller = Distiller::new();
            distiller.feed(message.as_bytes());
            let hash: [u8; 32] = Sha256::digest(content.as_bytes()).into();
            assert_eq!(
                distiller.finish_content(),
                (content.len() as u64, hash),
                "{message:?}"
            );
        }
    }

    #[test]
    fn all_else_counts() {
        check("", "");
        check("\n\nbody", "\n\nbody");
        check("\nStatus: in the body\n\n\n", "\nStatus: in the body");
        check(
            "a long line without any colon\nStatus\n\n",
            "a long line without any colon\nStatus",
        );
        check("A: 1\n\n\n\n", "A: 1");
        check(" first\nA: 1\n", " first\nA: 1");
        check(
            &format!("\nx{}y\n", "\n".repeat(3000)),
            &format!("\nx{}y", "\n".repeat(3000)),
        );
    }
}
