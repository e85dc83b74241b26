//! Fragments of ours that a reader has moved.
//!
//! A kill within a write leaves half a line. procmail and maildrop begin their mail right behind
//! it, within that line, and a reader takes both for one message: it may put fields of its own into
//! it and move it to another place before we come again.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::slice;

use memchr::{memchr, memchr_iter, memmem, memrchr};

use super::essence::{
    HeaderLine, NAME_OCTETS_MAX, Whose, header_line, readers_name_begin, through_line_end,
};
use super::from_line::{FROM_LINE_OCTETS_MAX, is_from_line};
use super::shown::{foreign_from_line, read_up_to};
use super::words::Words;

/// How much a reader puts behind a message that it takes for ended.
const ENDING_OCTETS_MAX: u64 = 4 * 1024;

const WINDOW_OCTETS: u64 = 256 * 1024;

/// So many octets of words nearly all messages differ in.
const BEGIN_OCTETS_MAX: usize = 1024;

const FROM: &[u8] = b"From ";

/// The begin of a message of ours in an mbox, with what a reader has put into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fragment {
    /// Where in the mbox it begins.
    pub(super) offset: u64,
    /// Where other mail begins, or the mbox ends.
    pub(super) end: u64,
}

/// What may be a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) fragment: Fragment,
    pub(super) from_line: FromLine,
}

/// What a candidate has of its From_ line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FromLine {
    Whole,
    /// Enough to tell it from a line of a text.
    Cut,
    /// Less than the date. It may be a line of somebody's text, and a reader takes it for that.
    Doubtful,
}

/// The message whose begin is looked for.
#[derive(Debug)]
pub(super) struct Sought<'a> {
    /// The file that holds it.
    file: &'a File,
    /// Where in that it begins.
    offset: u64,
    octets: u64,
    from_line: Vec<u8>,
    /// The first words behind that, by which most others are told from it.
    begin: Vec<u8>,
}

impl<'a> Sought<'a> {
    /// A message of so many octets at this place of a file, with its From_ line.
    pub(super) fn new(file: &'a File, offset: u64, octets: u64) -> io::Result<Self> {
        let mut begin = Vec::new();
        read_up_to(
            file,
            offset,
            octets.min(FROM_LINE_OCTETS_MAX as u64),
            &mut begin,
        )?;
        let (from_line, _) = through_line_end(&begin);
        let from_line_octets = from_line.len() as u64;
        let rest = octets.saturating_sub(from_line_octets);
        Ok(Self {
            file,
            offset,
            octets,
            from_line: from_line.to_vec(),
            begin: begin_words(Words::new(file, offset + from_line_octets, rest))?,
        })
    }

    /// The fragment at this place, which shows the From_ line and the words.
    pub(super) fn fragment_at(&self, mbox: &File, offset: u64) -> io::Result<Option<Fragment>> {
        let mut line = Vec::new();
        read_up_to(mbox, offset, FROM_LINE_OCTETS_MAX as u64, &mut line)?;
        let candidate = self.candidate(mbox, offset, &line)?;
        let whole = candidate.filter(|candidate| candidate.from_line == FromLine::Whole);
        Ok(whole.map(|candidate| candidate.fragment))
    }

    fn same_octets(&self, line: &[u8]) -> usize {
        let both = self.from_line.iter().zip(line);
        both.take_while(|(our, their)| our == their).count()
    }

    /// How many of the first words' octets are the same, NULs that a power cut has left aside.
    fn same_begin(&self, theirs: &[u8]) -> usize {
        let both = self.begin.iter().zip(theirs);
        both.take_while(|&(our, their)| our == their || *their == 0)
            .count()
    }

    /// What begins with this line of the mbox.
    fn candidate(
        &self,
        mbox: &File,
        mbox_offset: u64,
        line: &[u8],
    ) -> io::Result<Option<Candidate>> {
        let same = self.same_octets(line);
        let not_ours = mbox_offset + same as u64;
        let behind = line.get(same..).unwrap_or_default();
        let end = if same == self.from_line.len() {
            self.end_in_message(mbox, mbox_offset)?
        } else if let Some(end) = end_behind_from_line(mbox, not_ours, behind)? {
            Some(end)
        } else if same >= FROM.len() {
            foreign_from_line(mbox, mbox_offset + 1, not_ours)?
        } else {
            None
        };
        let Some(end) = end.filter(|&end| end > mbox_offset) else {
            return Ok(None);
        };
        let fragment = Fragment {
            offset: mbox_offset,
            end,
        };
        let is_followed_by_mail = end == not_ours && is_from_line(behind);
        let from_line = if same == self.from_line.len() {
            FromLine::Whole
        } else if is_followed_by_mail || end < not_ours || same > sender_end(&self.from_line) {
            FromLine::Cut
        } else {
            FromLine::Doubtful
        };
        Ok(Some(Candidate {
            fragment,
            from_line,
        }))
    }

    /// Where the fragment ends, given that its From_ line is whole.
    fn end_in_message(&self, mbox: &File, mbox_offset: u64) -> io::Result<Option<u64>> {
        let same = self.compare(mbox, mbox_offset)?;
        if same.our.is_none() && same.exact && self.is_ended(mbox, &same)? {
            return Ok(None);
        }
        let Some(their) = same.their else {
            return Ok(Some(mbox.metadata()?.len()));
        };
        if let Some(end) = end_right_behind(mbox, their)? {
            return Ok(Some(end));
        }
        if let Some(end) = end_behind_readers_field(mbox, their)? {
            return Ok(Some(end));
        }
        // What seems to be of ours may be the begin of mail of others.
        let end = foreign_from_line(mbox, mbox_offset + 1, their)?;
        match end {
            Some(end) if self.has_line(mbox, end, &same)? => Ok(None),
            _ => Ok(end),
        }
    }

    /// Whether a line of the mbox that looks like a From_ line is one of our text, quoted or with more
    /// before it: the same stands there in the message.
    fn has_line(&self, mbox: &File, mbox_offset: u64, same: &Same) -> io::Result<bool> {
        let [ours_end, theirs_end] = same.ends;
        let Some(behind) = theirs_end.checked_sub(mbox_offset) else {
            return Ok(false);
        };
        let ours = line_at(self.file, ours_end.saturating_sub(behind))?;
        let theirs = line_at(mbox, mbox_offset)?;
        let is_all_the_same = theirs.trim_ascii_end().len() as u64 <= behind;
        Ok(is_all_the_same && ours == theirs)
    }

    /// Compares what is behind the From_ line.
    fn compare(&self, mbox: &File, mbox_offset: u64) -> io::Result<Same> {
        let from_line_octets = self.from_line.len() as u64;
        let begins = [self.offset, mbox_offset].map(|offset| offset + from_line_octets);
        let octets = self.octets.saturating_sub(from_line_octets);
        let ours = Words::new(self.file, begins[0], octets);
        same_words(ours, Words::new(mbox, begins[1], u64::MAX), begins)
    }

    /// Whether a message that is there ends in no less white space than it should.
    fn is_ended(&self, mbox: &File, same: &Same) -> io::Result<bool> {
        let [ours_end, theirs_end] = same.ends;
        let ours = white_space(self.file, ours_end..self.offset + self.octets)?;
        let theirs = white_space(mbox, theirs_end..same.their.unwrap_or(u64::MAX))?;
        Ok(ours <= theirs)
    }
}

/// All that may be fragments of one of the messages in the mbox. A message that is whole is none,
/// whatever follows it.
pub(super) fn candidates(sought: &[Sought<'_>], mbox: &File) -> io::Result<Vec<Candidate>> {
    let mut found = Vec::new();
    let mut window = Vec::new();
    let mut offset = 0;
    loop {
        let octets = WINDOW_OCTETS + FROM_LINE_OCTETS_MAX as u64;
        read_up_to(mbox, offset, octets, &mut window)?;
        if offset == 0 && window.starts_with(b"F") {
            found.extend(likeliest(sought, mbox, 0, &window)?);
        }
        for line_feed in memmem::find_iter(&window, b"\nF") {
            let (_, line) = window.split_at(line_feed + 1);
            let begin = offset + line_feed as u64 + 1;
            if begin <= offset + WINDOW_OCTETS {
                found.extend(likeliest(sought, mbox, begin, line)?);
            }
        }
        if window.len() as u64 <= WINDOW_OCTETS {
            return Ok(found);
        }
        offset += WINDOW_OCTETS;
    }
}

/// What begins with this line of the mbox: of the message that has most of the line and, behind a whole
/// From_ line, most of the first words.
fn likeliest(
    sought: &[Sought<'_>],
    mbox: &File,
    mbox_offset: u64,
    line: &[u8],
) -> io::Result<Option<Candidate>> {
    // Of less than `From ` all of them have the same.
    let sought = match sought {
        [first, ..] if !line.starts_with(FROM) => slice::from_ref(first),
        all => all,
    };
    let alike = most_alike(sought.iter().collect(), |sought| sought.same_octets(line));
    let Some(&first) = alike.first() else {
        return Ok(None);
    };
    if !line.starts_with(&first.from_line) {
        // They all differ from the same octet on.
        return first.candidate(mbox, mbox_offset, line);
    }
    let words_offset = mbox_offset + first.from_line.len() as u64;
    let begin = begin_words(Words::new(mbox, words_offset, u64::MAX))?;
    for sought in most_alike(alike, |sought| sought.same_begin(&begin)) {
        let found = sought.candidate(mbox, mbox_offset, line)?;
        // Then they all differ from the same octet on, too.
        let differs = sought.same_begin(&begin) < sought.begin.len();
        if found.is_some() || differs {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Those that have most.
fn most_alike<'a, 'b>(
    sought: Vec<&'a Sought<'b>>,
    octets: impl Fn(&Sought<'_>) -> usize,
) -> Vec<&'a Sought<'b>> {
    let most = sought.iter().map(|sought| octets(sought)).max();
    let alike = sought.into_iter();
    alike
        .filter(|sought| Some(octets(sought)) == most)
        .collect()
}

/// The first words of a message.
fn begin_words(mut words: Words<'_>) -> io::Result<Vec<u8>> {
    let mut begin = Vec::new();
    while begin.len() < BEGIN_OCTETS_MAX
        && let Some(octet) = words.next_octet()?
    {
        begin.push(octet.octet);
    }
    Ok(begin)
}

/// The line that begins at this place of a file, as far as one is looked at.
pub(super) fn line_at(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    read_up_to(file, offset, FROM_LINE_OCTETS_MAX as u64, &mut text)?;
    let (line, _) = through_line_end(&text);
    text.truncate(line.len());
    Ok(text)
}

/// How far the words of two messages are the same.
struct Same {
    /// Behind the last octet that is, in ours and in theirs.
    ends: [u64; 2],
    /// Where the first octet is that differs; none at the end.
    our: Option<u64>,
    their: Option<u64>,
    /// No NUL stands for another octet.
    exact: bool,
}

/// Compares as far as the words are the same. What a power cut has left of ours is NULs.
fn same_words(mut ours: Words<'_>, mut theirs: Words<'_>, begins: [u64; 2]) -> io::Result<Same> {
    let mut ends = begins;
    let mut exact = true;
    loop {
        match (ours.next_octet()?, theirs.next_octet()?) {
            (Some(our), Some(their)) if our.octet == their.octet || their.octet == 0 => {
                exact &= our.octet == their.octet;
                ends = [our, their].map(|octet| octet.offset + 1);
            }
            (None, Some(their)) if their.octet == 0 => exact = false,
            (our, their) => {
                let [our, their] = [our, their].map(|octet| Some(octet?.offset));
                return Ok(Same {
                    ends,
                    our,
                    their,
                    exact,
                });
            }
        }
    }
}

/// How much white space there is at the end of a message, as far as one is looked at. That in
/// readers' fields does not count, and CR LF counts as one, since Python's `mailbox` makes a line feed
/// of it.
fn white_space(file: &File, end: Range<u64>) -> io::Result<usize> {
    let mut text = Vec::new();
    let octets = end.end.saturating_sub(end.start);
    read_up_to(file, end.start, octets.min(ENDING_OCTETS_MAX), &mut text)?;
    let mut white = 0;
    let mut rest = &*text;
    while !rest.is_empty() {
        let (line, after) = through_line_end(rest);
        let octets = line.iter().filter(|&&octet| octet != 0 && octet <= b' ');
        white += octets.count() - usize::from(line.ends_with(b"\r\n"));
        rest = after.get(readers_fields(after)..).unwrap_or_default();
    }
    Ok(white)
}

/// Where other mail begins or the mbox ends behind the field of a reader's that an octet is in, or
/// its begin: one that our message had before may have been cut. It may begin like the next line of
/// ours.
fn end_behind_readers_field(mbox: &File, offset: u64) -> io::Result<Option<u64>> {
    let begin = offset.saturating_sub(NAME_OCTETS_MAX as u64);
    let mut text = Vec::new();
    read_up_to(mbox, begin, 2 * NAME_OCTETS_MAX as u64, &mut text)?;
    let before = usize::try_from(offset - begin).unwrap_or(text.len());
    let line_begin = memrchr(b'\n', text.get(..before).unwrap_or(&text)).map_or(0, |at| at + 1);
    let name = readers_name_begin(text.get(line_begin..).unwrap_or_default());
    let line_begin = begin + line_begin as u64;
    if let Some(end) = end_right_behind(mbox, line_begin)? {
        return Ok(Some(end));
    }
    end_right_behind(mbox, line_begin + name as u64)
}

/// Where the sender ends in a From_ line, and the blank behind it.
fn sender_end(from_line: &[u8]) -> usize {
    let mut blanks = memchr_iter(b' ', from_line);
    blanks.nth(1).map_or(from_line.len(), |at| at + 1)
}

/// How much of a header's text is fields of readers, up to other mail that begins within one.
fn readers_fields(text: &[u8]) -> usize {
    let mut passed = 0;
    let mut before = Whose::Messages;
    loop {
        let (line, _) = through_line_end(text.get(passed..).unwrap_or_default());
        if header_line(line, before) != Some(HeaderLine::Of(Whose::Readers)) {
            return passed;
        }
        before = Whose::Readers;
        let mut froms = memmem::find_iter(line, FROM);
        if let Some(mail) = froms.find(|&at| line.get(at..).is_some_and(is_from_line)) {
            return passed + mail;
        }
        passed += line.len();
    }
}

/// Where other mail begins or the mbox ends, given the first octet that is not ours, if no more
/// stands in between than a reader puts at the end of a message.
fn end_right_behind(mbox: &File, not_ours: u64) -> io::Result<Option<u64>> {
    let mut text = Vec::new();
    read_up_to(mbox, not_ours, ENDING_OCTETS_MAX, &mut text)?;
    let passed = ending(&text);
    let rest = text.get(passed..).unwrap_or_default();
    let mbox_ends = rest.is_empty() && (text.len() as u64) < ENDING_OCTETS_MAX;
    Ok((mbox_ends || is_from_line(rest)).then_some(not_ours + passed as u64))
}

/// The same behind a part of a From_ line, given the begin of what stands there: nearly all lines that
/// begin with an `F` are seen to be something else.
fn end_behind_from_line(mbox: &File, not_ours: u64, behind: &[u8]) -> io::Result<Option<u64>> {
    let rest = behind.get(ending(behind)..).unwrap_or_default();
    if memchr(b'\n', rest).is_some() && !is_from_line(rest) {
        return Ok(None);
    }
    end_right_behind(mbox, not_ours)
}

/// How much of a text is what a reader puts at the end of a message.
fn ending(text: &[u8]) -> usize {
    let mut passed = 0;
    loop {
        let rest = text.get(passed..).unwrap_or_default();
        let line_feeds = rest.iter().take_while(|&&octet| octet == b'\n').count();
        let fields = readers_fields(rest.get(line_feeds..).unwrap_or_default());
        if line_feeds + fields == 0 {
            return passed;
        }
        passed += line_feeds + fields;
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::{Candidate, Fragment, FromLine, Sought, candidates};

    fn file(content: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file
    }

    const OURS: &str = "From a@b Fri Jan  5 10:00:00 2024\n\
        Subject: ours\nLines: 2\n  and more\nTo: x\n\
        X-Status: F\nX-Sta: y\n\none\ntwo\n\n";
    const NEXT: &str = "From a@b Fri Jan  5 10:00:00 2024\n\n";
    const BEFORE: &str = "From x Fri Jan  5 10:00:00 2024\n\nFor example\n\n";
    const THEIRS: &str = "From c Fri Jan  5 10:00:00 2024\nStatus: O\n\nz\n\n";

    fn found(mbox: &str) -> Vec<Fragment> {
        found_of(OURS, mbox)
    }

    fn found_of(ours: &str, mbox: &str) -> Vec<Fragment> {
        let candidates = candidates_of(ours, mbox);
        let told = candidates
            .iter()
            .filter(|candidate| candidate.from_line != FromLine::Doubtful);
        told.map(|candidate| candidate.fragment).collect()
    }

    fn candidates_of(ours: &str, mbox: &str) -> Vec<Candidate> {
        // The stage holds more on both sides.
        let stage = file(&["..", ours, NEXT].concat());
        let sought = Sought::new(&stage, 2, ours.len() as u64).unwrap();
        candidates(&[sought], &file(mbox)).unwrap()
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
            // The next line of ours begins like that.
            "From a@b Fri Jan  5 10:00:00 2024\nSubject: ours\nLines: 2\n  and more\nTo: x\nX-Stat",
            "From a@b Fri Jan  5 10:00:00 2024\nSubject: ours\nLines: 9\nX-UID: 1\nTo: x\nX-Sta: y\n\non",
            // The reader's fields come to stand behind the field that was cut.
            "From a@b Fri Jan  5 10:00:00 2024\nSubject: ours\nLines: ",
            // The header is ended where it breaks off.
            "From a@b Fri Jan  5 10:00:00 2024\nSubject: ours\nStatus: O\n\nT",
            "From a@b Fri Jan  5 10:00:00 2024\nSubject: ours\nTo: x\nX-Sta: y\n\none\n\0\0\0",
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
    fn a_line_like_the_begin_of_a_from_line_is_doubtful() {
        let offset = BEFORE.len() as u64;
        for (line, octets) in [
            ("F", Some(1)),
            ("Fro\n\n", Some(5)),
            ("Fr\n|", Some(3)),
            ("From\n\n|", Some(6)),
            ("From a@b \n\n", Some(11)),
            ("From a@\nStatus: O\n\n|", Some(19)),
            ("F|", None),
            ("Fro one\n\n", None),
            ("For\n", None),
            ("F\nmore\n\n", None),
            ("From b\n\n", None),
        ] {
            let expected = octets.map(|octets: u64| Fragment {
                offset,
                end: offset + octets,
            });
            let mbox = [BEFORE, &line.replace('|', THEIRS)].concat();
            let found = candidates_of(OURS, &mbox);
            let mut doubtful = found
                .iter()
                .filter(|candidate| candidate.from_line == FromLine::Doubtful);
            let doubtful = doubtful.next().map(|candidate| candidate.fragment);
            assert_eq!(doubtful, expected, "{line:?}");
        }
    }

    #[test]
    fn a_message_without_all_its_last_white_space_is_one() {
        let ours = format!("{}\r\r  \n\n", OURS.trim_end());
        let [cut, whole] = ["\r\n\n", "\n\n  \n\n"].map(|end| {
            let mbox = [BEFORE, OURS.trim_end(), end, THEIRS].concat();
            found_of(&ours, &mbox).len()
        });
        assert_eq!([cut, whole], [1, 0]);
    }

    #[test]
    fn all_else_is_none() {
        for rest in [
            "",
            OURS,
            &OURS.replace("To: x", "Status: O\nTo: x"),
            &OURS.replace("two", "three"),
            &[OURS, "Fro one\n\n"].concat(),
            &[OURS, "more\n\n"].concat(),
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
        assert_eq!(candidates_of(OURS, &["\n\n", THEIRS].concat()), []);
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
