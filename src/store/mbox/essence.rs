//! What of a message in an mbox stays the same when a mail reader rewrites the file.
//!
//! Readers keep their own state in the header (`Status`, `X-Status`, ...) and are free with the empty
//! lines at the end; one that copies a message makes a new From_ line. Python's `mailbox` also makes line feeds of other
//! line ends, and blanks of what stands behind the names of fields. The essence is a hash of all
//! the rest, so that a message of ours is found again after mutt or Python has been at work.

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
pub(super) const NAME_OCTETS_MAX: usize = 16;

/// What tells a message without what readers change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Essence {
    /// Its hash without the fields of readers and the empty lines at the end.
    pub(crate) text: [u8; 32],
    /// Of what is left without white space, too.
    pub(crate) words: WordSum,
}

/// Words that are not the same rarely have the same sum, and it costs less than a hash.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WordSum {
    octets: u64,
    sum: u64,
}

impl WordSum {
    fn feed(&mut self, octets: &[u8]) {
        for &octet in octets {
            let is_in_word = u64::from(Whose::Messages.is_in_word(octet));
            self.octets += is_in_word;
            self.sum += is_in_word * u64::from(octet);
        }
    }
}

/// Longer lines end no multipart body: a boundary has 70 octets at most.
const CLOSING_OCTETS_MAX: usize = 80;

/// Leaves out the lines that end multipart bodies and the fields of readers, in any split.
#[derive(Debug, Default)]
pub(super) struct Unclosed {
    /// The begin of a line that may be one.
    held: Vec<u8>,
    is_within_line: bool,
}

impl Unclosed {
    /// Takes the next octets, and hands out all else.
    pub(super) fn feed(&mut self, whose: Whose, octets: &[u8], each: &mut dyn FnMut(&[u8])) {
        match whose {
            Whose::Messages => self.feed_message(octets, each),
            Whose::Readers => torn(octets).for_each(each),
        }
    }

    fn feed_message(&mut self, octets: &[u8], each: &mut dyn FnMut(&[u8])) {
        for line in octets.split_inclusive(|&octet| octet == b'\n') {
            let is_begin = !self.is_within_line && self.held.is_empty();
            if self.held.is_empty() && !(is_begin && line.starts_with(b"-")) {
                each(line);
                self.is_within_line = !line.ends_with(b"\n");
                continue;
            }
            self.held.extend_from_slice(line);
            let is_ended = line.ends_with(b"\n");
            if is_ended || self.held.len() > CLOSING_OCTETS_MAX {
                self.end(each);
                self.is_within_line = !is_ended;
            }
        }
    }

    /// The text is over.
    pub(super) fn end(&mut self, each: &mut dyn FnMut(&[u8])) {
        let line = self.held.trim_ascii_end();
        let boundary = line
            .strip_prefix(b"--")
            .and_then(|rest| rest.strip_suffix(b"--"));
        if boundary.is_none_or(<[u8]>::is_empty) || self.held.len() > CLOSING_OCTETS_MAX {
            each(&self.held);
        }
        self.held.clear();
    }
}

/// What a receipt would say of a message, if no field of the original was a reader's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) octets: u64,
    pub(crate) sha256: [u8; 32],
    /// The hash without the last line feed, which the original may not have had.
    unended_sha256: [u8; 32],
}

impl Content {
    /// The hashes that its receipt may have.
    pub(crate) fn hashes(&self) -> [[u8; 32]; 2] {
        [self.sha256, self.unended_sha256]
    }
}

/// Takes the essence of a message as it stands in an mbox, without its From_ line, in any split.
#[derive(Debug)]
pub(crate) struct Distiller {
    fields: ReadersFields,
    kept: Kept,
}

/// What of a message is not of readers' fields.
#[derive(Debug, Default)]
struct Kept {
    text: Trimmed,
    unclosed: Unclosed,
    words: WordSum,
}

impl Kept {
    fn feed(&mut self, whose: Whose, octets: &[u8]) {
        match whose {
            Whose::Messages => self.text.feed(octets),
            Whose::Readers => torn(octets).for_each(|nul| self.text.feed(nul)),
        }
        let words = &mut self.words;
        self.unclosed
            .feed(whose, octets, &mut |octets| words.feed(octets));
    }
}

impl Distiller {
    /// Begins a message.
    pub(crate) fn new() -> Self {
        Self {
            fields: ReadersFields::new(),
            kept: Kept::default(),
        }
    }

    /// Takes the next octets.
    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        let kept = &mut self.kept;
        self.fields
            .feed(chunk, &mut |whose, octets| kept.feed(whose, octets));
    }

    /// The message is over.
    pub(crate) fn finish(mut self) -> Essence {
        self.end();
        let Kept {
            text,
            mut unclosed,
            mut words,
        } = self.kept;
        unclosed.end(&mut |octets| words.feed(octets));
        Essence {
            text: text.hash.finalize().into(),
            words,
        }
    }

    /// The message, which was fed without quoting, is over, and the last line feed is the empty
    /// line that closes it.
    pub(crate) fn finish_content(mut self) -> Content {
        self.end();
        let mut text = self.kept.text;
        // Those of the empty line and of the last line.
        let line_feeds = text.line_feeds;
        text.line_feeds = line_feeds.saturating_sub(2);
        text.put_line_feeds();
        let unended_sha256 = text.hash.clone().finalize().into();
        text.line_feeds = usize::from(line_feeds > 1);
        text.put_line_feeds();
        Content {
            octets: text.octets,
            sha256: text.hash.finalize().into(),
            unended_sha256,
        }
    }

    fn end(&mut self) {
        let kept = &mut self.kept;
        self.fields
            .end(&mut |whose, octets| kept.feed(whose, octets));
    }
}

/// What no reader puts into a field of its own: NULs. There a power cut has torn a message of
/// ours, which is not whole though nothing else of it is missing.
fn torn(readers_field: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr_iter(0, readers_field).filter_map(|nul| readers_field.get(nul..=nul))
}

/// Whom a piece of a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// It is of the message itself.
    Messages,
    /// It is of a header field that readers add, change and remove.
    Readers,
}

impl Whose {
    /// Whether no reader changes this octet, nor puts it in.
    pub(super) fn is_in_word(self, octet: u8) -> bool {
        match self {
            // Python's `mailbox` takes more than one control character for the end of a line.
            Self::Messages => octet == 0 || octet > b' ',
            Self::Readers => octet == 0,
        }
    }
}

/// Tells the fields of readers in the header of a message from all else.
#[derive(Debug)]
pub(super) struct ReadersFields {
    part: Part,
}

#[derive(Debug)]
enum Part {
    /// At the begin of a header line, of which this much is seen. What continues the line before
    /// is of whom that is.
    LineBegin { seen: Vec<u8>, before: Whose },
    /// Further on in a header line.
    Line { whose: Whose },
    /// Behind the empty line.
    Body,
}

impl ReadersFields {
    pub(super) fn new() -> Self {
        let part = Part::LineBegin {
            seen: Vec::new(),
            before: Whose::Messages,
        };
        Self { part }
    }

    /// Takes the next octets and hands them out in their order, as soon as it can be told whose
    /// they are.
    pub(super) fn feed(&mut self, chunk: &[u8], each: &mut dyn FnMut(Whose, &[u8])) {
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = match self.part {
                Part::LineBegin { .. } => self.begin_line(rest, each),
                Part::Line { whose } => self.go_on_in_line(rest, whose, each),
                Part::Body => {
                    each(Whose::Messages, rest);
                    return;
                }
            };
        }
    }

    /// Takes what is needed to tell what line this is; gives the rest.
    fn begin_line<'a>(&mut self, text: &'a [u8], each: &mut dyn FnMut(Whose, &[u8])) -> &'a [u8] {
        let Part::LineBegin { seen, before } = &mut self.part else {
            return text;
        };
        let (line, _) = through_line_end(text);
        let (taken, after) = text.split_at(line.len().min(NAME_OCTETS_MAX - seen.len()));
        seen.extend_from_slice(taken);
        let Some(line) = header_line(seen, *before) else {
            return after;
        };
        let ended = seen.ends_with(b"\n");
        each(line.whose(), seen);
        self.part = match line {
            HeaderLine::Empty => Part::Body,
            HeaderLine::Of(before) if ended => Part::LineBegin {
                seen: Vec::new(),
                before,
            },
            HeaderLine::Of(whose) => Part::Line { whose },
        };
        after
    }

    fn go_on_in_line<'a>(
        &mut self,
        text: &'a [u8],
        whose: Whose,
        each: &mut dyn FnMut(Whose, &[u8]),
    ) -> &'a [u8] {
        let (line, after) = through_line_end(text);
        each(whose, line);
        if line.ends_with(b"\n") {
            self.part = Part::LineBegin {
                seen: Vec::new(),
                before: whose,
            };
        }
        after
    }

    /// The message is over: hands out what could not be told yet.
    pub(super) fn end(&mut self, each: &mut dyn FnMut(Whose, &[u8])) {
        if let Part::LineBegin { seen, .. } = &mut self.part {
            each(Whose::Messages, &std::mem::take(seen));
        }
    }
}

/// A line of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderLine {
    Of(Whose),
    /// The header ends with it.
    Empty,
}

impl HeaderLine {
    fn whose(self) -> Whose {
        match self {
            Self::Of(whose) => whose,
            Self::Empty => Whose::Messages,
        }
    }
}

/// The line of which `seen` is the begin, behind one that is of `before`; none while it cannot be
/// told.
pub(super) fn header_line(seen: &[u8], before: Whose) -> Option<HeaderLine> {
    match seen.first()? {
        b'\n' => return Some(HeaderLine::Empty),
        b' ' | b'\t' if before == Whose::Readers => return Some(HeaderLine::Of(before)),
        _ => {}
    }
    if let Some(name) = memchr(b':', seen).and_then(|colon| seen.get(..colon)) {
        let is_readers = READERS_FIELDS
            .iter()
            .any(|field| field.eq_ignore_ascii_case(name));
        let whose = if is_readers {
            Whose::Readers
        } else {
            Whose::Messages
        };
        return Some(HeaderLine::Of(whose));
    }
    let told = seen.ends_with(b"\n") || seen.len() == NAME_OCTETS_MAX;
    told.then_some(HeaderLine::Of(Whose::Messages))
}

/// How much of a line is the begin of the name of a reader's field.
pub(super) fn readers_name_begin(line: &[u8]) -> usize {
    let same = |name: &&[u8]| {
        let both = name.iter().zip(line);
        both.take_while(|(of_name, of_line)| of_name.eq_ignore_ascii_case(of_line))
            .count()
    };
    READERS_FIELDS.iter().map(same).max().unwrap_or(0)
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

    use super::{Content, Distiller, Essence, WordSum};

    /// In pieces of any size.
    fn essences(message: &str) -> impl Iterator<Item = Essence> {
        (1..=message.len().max(1)).map(|size| {
            let mut distiller = Distiller::new();
            message
                .as_bytes()
                .chunks(size)
                .for_each(|chunk| distiller.feed(chunk));
            distiller.finish()
        })
    }

    fn check(message: &str, kept: &str) {
        let expected: [u8; 32] = Sha256::digest(kept.as_bytes()).into();
        for essence in essences(message) {
            assert_eq!(essence.text, expected, "{message:?}");
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

    fn check_words(message: &str, words: &str) {
        let expected = WordSum {
            octets: words.len() as u64,
            sum: words.bytes().map(u64::from).sum(),
        };
        for essence in essences(message) {
            assert_eq!(essence.words, expected, "{message:?}");
        }
    }

    #[test]
    fn words_are_the_same_however_far_apart() {
        check_words("A: 1 2\n 3\nStatus: RO\n\nx  y\r\n\n", "A:123xy");
        check_words("A:1\t2\n\t3\n\nx\x0by\rz\n", "A:123xyz");
        check_words("A: 1\0\nStatus: R\0O\n\n\0\x7f\n", "A:1\0\0\0\x7f");
        check_words("", "");
    }

    #[test]
    fn lines_that_end_multipart_bodies_are_no_words() {
        check_words("A: 1\n\n--b\nx\n--b--\n\n", "A:1--bx");
        check_words("\n--b-- \r\n\n--c--", "");
        check_words(
            "\n--b--x\n--\n----\n-b--\nx --b--\n",
            "--b--x-------b--x--b--",
        );
        let long = format!("\n--{}--\n--b", "b".repeat(80));
        check_words(&long, long.replace('\n', "").as_str());
    }

    #[test]
    fn what_was_torn_in_a_readers_field_counts() {
        check("A: 1\nStatus: R\0\0\n\n", "A: 1\n\0\0");
        check("Status:\0\n \0", "\0\0");
    }

    #[test]
    fn contents_end_before_the_closing_line() {
        for (message, content, unended) in [
            ("A: 1\nStatus: RO\n\nx\n\n", "A: 1\n\nx\n", "A: 1\n\nx"),
            ("A: 1\n\nx\n\n\n\n", "A: 1\n\nx\n\n\n", "A: 1\n\nx\n\n"),
            ("A: 1\n\n", "A: 1\n", "A: 1"),
            ("no end", "no end", "no end"),
            ("", "", ""),
            ("\n", "", ""),
        ] {
            let mut distiller = Distiller::new();
            distiller.feed(message.as_bytes());
            let expected = Content {
                octets: content.len() as u64,
                sha256: Sha256::digest(content).into(),
                unended_sha256: Sha256::digest(unended).into(),
            };
            assert_eq!(distiller.finish_content(), expected, "{message:?}");
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
