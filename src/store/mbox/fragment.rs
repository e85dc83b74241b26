//! Fragments of ours that a reader has moved.
//!
//! A kill within a write leaves half a line. procmail and maildrop begin their mail right behind
//! it, within that line, and a reader takes both for one message: it may put fields of its own into
//! it and move it to another place before we come again.

use std::fs::File;
use std::io;

use memchr::{memchr_iter, memmem};

use super::essence::{LineKind, line_kind, through_line_end};
use super::from_line::{FROM_LINE_OCTETS_MAX, is_from_line};
use super::shown::{Range, foreign_from_line, matching, read_up_to};

/// A longer header is not looked through for what a reader has put into it.
const HEADER_OCTETS_MAX: u64 = 64 * 1024;

/// How much a reader puts behind a message that it takes for ended.
const ENDING_OCTETS_MAX: u64 = 4 * 1024;

const WINDOW_OCTETS: u64 = 256 * 1024;

const FROM: &[u8] = b"From ";

/// The begin of a message of ours in an mbox, with what a reader has put into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fragment {
    /// Where in the mbox it begins.
    pub(super) offset: u64,
    /// Where other mail begins, or the mbox ends.
    pub(super) end: u64,
}

/// The message whose begin is looked for.
#[derive(Debug)]
pub(super) struct Sought<'a> {
    /// It, and what was to be appended behind it.
    range: Range<'a>,
    octets: u64,
    /// Its From_ line and its header, or the begin of a long one.
    begin: Vec<u8>,
}

impl<'a> Sought<'a> {
    /// The first message of a range, wherever that is to go; it has so many octets.
    pub(super) fn first_of(range: Range<'a>, octets: u64) -> io::Result<Self> {
        let mut begin = Vec::new();
        let begin_octets = octets.min(HEADER_OCTETS_MAX);
        read_up_to(range.stage, range.stage_offset, begin_octets, &mut begin)?;
        Ok(Self {
            range,
            octets,
            begin,
        })
    }

    /// All fragments in the mbox. A message that is whole is none, whatever follows it.
    pub(super) fn fragments(&self, mbox: &File) -> io::Result<Vec<Fragment>> {
        let mut found = Vec::new();
        let mut window = Vec::new();
        let mut offset = 0;
        loop {
            let octets = WINDOW_OCTETS + FROM_LINE_OCTETS_MAX as u64;
            read_up_to(mbox, offset, octets, &mut window)?;
            if offset == 0 {
                found.extend(self.fragment_in(mbox, 0, &window)?);
            }
            for line_feed in memmem::find_iter(&window, b"\nF") {
                let (_, line) = window.split_at(line_feed + 1);
                let begin = offset + line_feed as u64 + 1;
                if begin <= offset + WINDOW_OCTETS {
                    found.extend(self.fragment_in(mbox, begin, line)?);
                }
            }
            if window.len() as u64 <= WINDOW_OCTETS {
                return Ok(found);
            }
            offset += WINDOW_OCTETS;
        }
    }

    /// The fragment at this place.
    pub(super) fn fragment_at(&self, mbox: &File, offset: u64) -> io::Result<Option<Fragment>> {
        let mut line = Vec::new();
        read_up_to(mbox, offset, FROM_LINE_OCTETS_MAX as u64, &mut line)?;
        self.fragment_in(mbox, offset, &line)
    }

    /// The fragment that begins with this line of the mbox.
    fn fragment_in(
        &self,
        mbox: &File,
        mbox_offset: u64,
        line: &[u8],
    ) -> io::Result<Option<Fragment>> {
        let (from_line, _) = through_line_end(&self.begin);
        let same = same_octets(from_line, line);
        // Less than `From ` is nothing by itself.
        if same < FROM.len() && !line.get(same..).is_some_and(is_from_line) {
            return Ok(None);
        }
        let range = Range {
            mbox_offset,
            ..self.range
        };
        let not_ours = mbox_offset + same as u64;
        let end = if same < from_line.len() {
            end_behind(mbox, mbox_offset, not_ours)?
        } else {
            self.end_in_message(mbox, range)?
        };
        // A whole line of somebody's text may begin like a From_ line, but not as far as the date.
        let is_told = |end| end > mbox_offset && (end <= not_ours || same > sender_end(from_line));
        Ok(end.filter(|&end| is_told(end)).map(|end| Fragment {
            offset: mbox_offset,
            end,
        }))
    }

    /// Where the fragment ends, given that its From_ line is whole.
    fn end_in_message(&self, mbox: &File, range: Range<'_>) -> io::Result<Option<u64>> {
        let mut theirs = Vec::new();
        read_up_to(mbox, range.mbox_offset, HEADER_OCTETS_MAX, &mut theirs)?;
        let passed = pass_header(&self.begin, &theirs);
        // Python's `mailbox` ends a header that breaks off within the name of a field.
        let rest = theirs.get(passed.theirs..).unwrap_or_default();
        let line_feeds = usize::from(rest.starts_with(b"\n"));
        // It may break off within the name of a reader's field that was there before.
        for ours in [passed.ours, passed.ours - passed.readers] {
            for theirs in [passed.theirs, passed.theirs + line_feeds] {
                let end = self.end_of_text(mbox, range, [ours as u64, theirs as u64])?;
                if end.is_some() {
                    return Ok(end);
                }
            }
        }
        Ok(None)
    }

    /// Where the fragment ends, given how much of ours and of theirs is the same.
    fn end_of_text(
        &self,
        mbox: &File,
        range: Range<'_>,
        [ours, theirs]: [u64; 2],
    ) -> io::Result<Option<u64>> {
        let rest = Range {
            stage: range.stage,
            stage_offset: range.stage_offset + ours,
            mbox_offset: range.mbox_offset + theirs,
            octets: range.octets.saturating_sub(ours),
        };
        let message = Range {
            octets: self.octets.saturating_sub(ours),
            ..rest
        };
        if matching(mbox, message)?.is_whole(message) {
            return Ok(None);
        }
        let same = matching(mbox, rest)?.octets;
        end_behind(mbox, rest.mbox_offset, rest.mbox_offset + same)
    }
}

/// Where the sender ends in a From_ line, and the blank behind it.
fn sender_end(from_line: &[u8]) -> usize {
    let mut blanks = memchr_iter(b' ', from_line);
    blanks.nth(1).map_or(from_line.len(), |at| at + 1)
}

fn same_octets(ours: &[u8], theirs: &[u8]) -> usize {
    let both = ours.iter().zip(theirs);
    both.take_while(|(our, their)| our == their).count()
}

/// How far two texts are the same.
struct Passed {
    ours: usize,
    /// How much of ours is fields of readers right before that.
    readers: usize,
    theirs: usize,
}

/// Goes through the begins of two messages as long as the header lines are the same, but for the
/// fields of readers.
fn pass_header(ours: &[u8], theirs: &[u8]) -> Passed {
    let mut passed = Passed {
        ours: 0,
        readers: 0,
        theirs: 0,
    };
    loop {
        passed.readers = readers_fields(ours.get(passed.ours..).unwrap_or_default());
        passed.ours += passed.readers;
        passed.theirs += readers_fields(theirs.get(passed.theirs..).unwrap_or_default());
        let (line, _) = through_line_end(ours.get(passed.ours..).unwrap_or_default());
        let theirs = theirs.get(passed.theirs..).unwrap_or_default();
        if !line.ends_with(b"\n") || !theirs.starts_with(line) {
            return passed;
        }
        passed.ours += line.len();
        passed.theirs += line.len();
        if line == b"\n" {
            passed.readers = 0;
            return passed;
        }
    }
}

/// How much of a header's text is fields of readers, up to other mail that begins within one.
fn readers_fields(text: &[u8]) -> usize {
    let mut passed = 0;
    loop {
        let (line, _) = through_line_end(text.get(passed..).unwrap_or_default());
        if line_kind(line, passed > 0) != Some(LineKind::Readers) {
            return passed;
        }
        let mut froms = memmem::find_iter(line, FROM);
        if let Some(mail) = froms.find(|&at| line.get(at..).is_some_and(is_from_line)) {
            return passed + mail;
        }
        passed += line.len();
    }
}

/// Where other mail begins or the mbox ends, given the first octet that is not ours: right there,
/// or behind what a reader puts at the end of a message.
fn end_behind(mbox: &File, begin: u64, not_ours: u64) -> io::Result<Option<u64>> {
    let mut text = Vec::new();
    read_up_to(mbox, not_ours, ENDING_OCTETS_MAX, &mut text)?;
    let mut passed = 0;
    let rest = loop {
        let rest = text.get(passed..).unwrap_or_default();
        let line_feeds = rest.iter().take_while(|&&octet| octet == b'\n').count();
        let fields = readers_fields(rest.get(line_feeds..).unwrap_or_default());
        if line_feeds + fields == 0 {
            break rest;
        }
        passed += line_feeds + fields;
    };
    let mbox_ends = rest.is_empty() && (text.len() as u64) < ENDING_OCTETS_MAX;
    if mbox_ends || is_from_line(rest) {
        return Ok(Some(not_ours + passed as u64));
    }
    foreign_from_line(mbox, begin, not_ours)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::super::shown::Range;
    use super::{Fragment, Sought};

    fn file(content: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file
    }

    const OURS: &str = "From a@b Fri Jan  5 10:00:00 2024\n\
        Subject: ours\nLines: 2\n  and more\nTo: x\n\none\ntwo\n\n";
    const NEXT: &str = "From a@b Fri Jan  5 10:00:00 2024\n\n";
    const BEFORE: &str = "From x Fri Jan  5 10:00:00 2024\n\nFor example\n\n";
    const THEIRS: &str = "From c Fri Jan  5 10:00:00 2024\nStatus: O\n\nz\n\n";

    fn found(mbox: &str) -> Vec<Fragment> {
        found_of(OURS, mbox)
    }

    fn found_of(ours: &str, mbox: &str) -> Vec<Fragment> {
        // The stage holds more than the range on both sides.
        let stage = file(&["..", ours, NEXT, "From more"].concat());
        let range = Range {
            stage: &stage,
            stage_offset: 2,
            mbox_offset: 0,
            octets: (ours.len() + NEXT.len()) as u64,
        };
        let sought = Sought::first_of(range, ours.len() as u64).unwrap();
        sought.fragments(&file(mbox)).unwrap()
    }

    /// What follows BEFORE up to `|` is a fragment of ours.
    fn check(rest: &str) {
        let (fragment, theirs) = rest.split_once('|').unwrap();
        let offset = BEFORE.len() as u64;
        let expected = Fragment {
            offset,
            end: offset + fragment.len() as u64,
        };
        let mbox = [BEFORE, fragment, theirs].concat();
        assert_eq!(found(&mbox), [expected], "{rest}");
    }

    #[test]
    fn fragments_end_where_other_mail_begins() {
        let from_line = "From a@b Fri Jan  5 10:00:00 2024\n";
        for fragment in [
            "F",
            "From",
            "From a@",
            "From a@b F",
            from_line,
            "From a@b Fri Jan  5 10:00:00 2024\nSubj",
            "From a@b Fri Jan  5 10:00:00 2024\nStatus: O\n  on\nSubject: ours\nLi",
            "From a@b Fri Jan  5 10:00:00 2024\nSubject: ours\nLines: 9\nX-UID: 1\nTo: x\n\non",
            // The reader's fields come to stand behind the field that was cut.
            "From a@b Fri Jan  5 10:00:00 2024\nSubject: ours\nLines: ",
            // The header is ended where it breaks off.
            "From a@b Fri Jan  5 10:00:00 2024\nSubject: ours\nStatus: O\n\nT",
            "From a@b Fri Jan  5 10:00:00 2024\nSubject: ours\nTo: x\n\none\n\0\0\0",
            OURS.trim_end().trim_end_matches('o'),
        ] {
            check(&format!("{fragment}|{THEIRS}"));
            check(&format!("{fragment}|{THEIRS}{THEIRS}"));
            if fragment.len() > "From a@b ".len() {
                for ending in ["", "\n", "\n\n", "\nStatus: O\nX-UID: 1\n\n"] {
                    check(&format!("{fragment}{ending}|"));
                    if !ending.is_empty() {
                        check(&format!("{fragment}{ending}|{THEIRS}"));
                    }
                }
            }
        }
    }

    #[test]
    fn all_else_is_none() {
        for rest in [
            "",
            OURS,
            &OURS.replace("To: x", "Status: O\nTo: x"),
            &OURS.replace("two", "three"),
            &OURS.replace("Subject", "Subjects"),
            "From a@c Fri Jan  5 10:00:00 2024\n\n",
            "From a@b Sat Jan  6 10:00:00 2024\nSubject: ours\n\n",
            "F\n\n",
            "For a@b",
            "From a@b \n\n",
        ] {
            for theirs in ["", THEIRS] {
                let mbox = [BEFORE, rest, theirs].concat();
                assert_eq!(found(&mbox), [], "{rest}");
            }
        }
        assert_eq!(found(""), []);
        let [begin, end] = ["From a@b Fri Jan  5 10:00:00 2024\n", "A: 1\n\n"];
        for theirs in ["", THEIRS] {
            let mbox = [BEFORE, begin, "Status: O\n", end, theirs].concat();
            assert_eq!(found_of(&[begin, end].concat(), &mbox), []);
        }
    }

    #[test]
    fn fragments_are_found_where_a_window_ends() {
        let fragment = "From a@b Fri Jan  5 10:00:00 2024\nSubj";
        for begin in (256 * 1024 - 50)..(256 * 1024 + 2) {
            let mut mbox = "x".repeat(begin - 1);
            mbox += "\n";
            mbox += fragment;
            let expected = Fragment {
                offset: begin as u64,
                end: mbox.len() as u64,
            };
            assert_eq!(found(&mbox), [expected], "{begin}");
        }
    }
}
