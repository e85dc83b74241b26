//! What an mbox shows of an append that was cut short.

use std::fs::File;
use std::io;

use memchr::memmem;

use super::from_line::{FROM_LINE_OCTETS_MAX, is_from_line};
use crate::store::journal::read_at;

const CHUNK_OCTETS: usize = 256 * 1024;

/// How far before the first octet that is not ours another program's From_ line is looked for.
const FROM_LINE_WITHIN_OCTETS: u64 = 64 * 1024;

/// Other programs begin with this many line feeds at most, to end what stands before.
const LINE_FEEDS_MAX: usize = 2;

/// The octets that were to be appended, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range<'a> {
    /// The file that holds them, synced.
    pub(crate) stage: &'a File,
    /// Where in the stage they begin.
    pub(crate) stage_offset: u64,
    /// Where in the mbox they were to go.
    pub(crate) mbox_offset: u64,
    /// How many they are.
    pub(crate) octets: u64,
}

/// What stands in the mbox where the range should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The range, octet for octet.
    Whole,
    /// The range's begin, or NULs where its octets should be, and nothing of anybody else: it can
    /// be written again in place.
    Unfinished,
    /// The range's begin and then another program's mail, whose From_ line begins here.
    Fragment {
        /// Where in the mbox.
        foreign_offset: u64,
    },
    /// Nothing of the range: the place belongs to others.
    Nothing,
}

/// Looks at the place of the range in the mbox.
///
/// Octets that never reached the disk before the power went read as NUL, so a NUL passes for
/// any octet of ours.
pub(crate) fn shown(mbox: &File, range: Range<'_>) -> io::Result<Shown> {
    let length = mbox.metadata()?.len();
    if length <= range.mbox_offset {
        return Ok(Shown::Nothing);
    }
    let matching = matching(mbox, range)?;
    let until = range.mbox_offset + matching.octets;
    if matching.is_whole(range) {
        return Ok(Shown::Whole);
    }
    if matching.octets == range.octets && until < length {
        // Were the NULs filled, a line that a reader put behind them would end our message.
        let mut after = Vec::new();
        read_up_to(mbox, until, FROM_LINE_OCTETS_MAX as u64, &mut after)?;
        return Ok(match line_feeds_before_mail(&after) {
            Some(_) => Shown::Unfinished,
            None => Shown::Nothing,
        });
    }
    if until == length {
        return Ok(Shown::Unfinished);
    }
    Ok(match foreign_from_line(mbox, range.mbox_offset, until)? {
        Some(foreign_offset) => Shown::Fragment { foreign_offset },
        None => Shown::Nothing,
    })
}

/// How much of a range, from its begin, the mbox shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Matching {
    /// That many octets, NULs in place of others included.
    pub(crate) octets: u64,
    /// No NUL stands for another octet in it.
    exact: bool,
}

impl Matching {
    /// Whether the mbox shows all of the range, octet for octet.
    pub(super) fn is_whole(self, range: Range<'_>) -> bool {
        self.exact && self.octets == range.octets
    }
}

pub(crate) fn matching(mbox: &File, range: Range<'_>) -> io::Result<Matching> {
    let mut matching = Matching {
        octets: 0,
        exact: true,
    };
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    while matching.octets < range.octets {
        let octets = (range.octets - matching.octets).min(CHUNK_OCTETS as u64);
        read_up_to(
            range.stage,
            range.stage_offset + matching.octets,
            octets,
            &mut ours,
        )?;
        read_up_to(
            mbox,
            range.mbox_offset + matching.octets,
            octets,
            &mut theirs,
        )?;
        if ours.is_empty() || theirs.is_empty() {
            break;
        }
        if ours == theirs {
            matching.octets += ours.len() as u64;
            continue;
        }
        let same = ours
            .iter()
            .zip(&theirs)
            .take_while(|&(our, their)| {
                matching.exact &= our == their || *their != 0;
                our == their || *their == 0
            })
            .count();
        matching.octets += same as u64;
        if same < ours.len() {
            break;
        }
    }
    Ok(matching)
}

/// Where the From_ line of another program's mail begins, given the first octet that is not ours.
///
/// It may stand right there, behind the line feeds with which the other program began; or, since
/// every mail begins with `From ` and more may be alike, some octets before.
pub(crate) fn foreign_from_line(mbox: &File, begin: u64, not_ours: u64) -> io::Result<Option<u64>> {
    let window_offset = not_ours.saturating_sub(FROM_LINE_WITHIN_OCTETS).max(begin);
    let mut window = Vec::new();
    let octets = not_ours - window_offset + FROM_LINE_OCTETS_MAX as u64;
    read_up_to(mbox, window_offset, octets, &mut window)?;
    let middle = usize::try_from(not_ours - window_offset).unwrap_or(window.len());
    let (before, after) = window.split_at_checked(middle).unwrap_or((&window, &[]));
    if let Some(line_feeds) = line_feeds_before_mail(after) {
        return Ok(Some(not_ours + line_feeds as u64));
    }
    // The last octets before may be `From` without its blank.
    let searched = window
        .get(..before.len() + b"From ".len())
        .unwrap_or(&window);
    Ok(memmem::rfind_iter(searched, b"From ")
        .filter(|&at| at < before.len())
        .find(|&at| window.get(at..).is_some_and(is_from_line))
        .map(|at| window_offset + at as u64))
}

/// How many line feeds another program began with, if what follows them is its mail.
fn line_feeds_before_mail(text: &[u8]) -> Option<usize> {
    let line_feeds = text
        .iter()
        .take(LINE_FEEDS_MAX)
        .take_while(|&&octet| octet == b'\n')
        .count();
    let is_mail = text.get(line_feeds..).is_some_and(is_from_line);
    is_mail.then_some(line_feeds)
}

/// Reads up to so many octets from `offset`, fewer only at the end of the file.
pub(super) fn read_up_to(
    file: &File,
    offset: u64,
    octets: u64,
    into: &mut Vec<u8>,
) -> io::Result<()> {
    into.clear();
    into.resize(usize::try_from(octets).unwrap_or(usize::MAX), 0);
    let filled = read_at(file, into, offset)?;
    into.truncate(filled);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::{Range, Shown, shown};

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }

    /// The range is `ours`, to be appended to an mbox that held `before`.
    fn check(before: &[u8], ours: &[u8], then: &[u8], expected: Shown) {
        // The stage holds more than the range on both sides.
        let stage = file(&[b"..", ours, b"From more"].concat());
        let range = Range {
            stage: &stage,
            stage_offset: 2,
            mbox_offset: before.len() as u64,
            octets: ours.len() as u64,
        };
        let mbox = file(&[before, then].concat());
        assert_eq!(
            shown(&mbox, range).unwrap(),
            expected,
            "{}",
            then.escape_ascii()
        );
    }

    const BEFORE: &[u8] = b"From a Fri Jan  5 10:00:00 2024\nA: 1\n\nx\n\n";
    const OURS: &[u8] = b"From b Fri Jan  5 10:00:00 2024\nB: 1\n\nFrom here Fri Jan on\n\n";
    const THEIRS: &[u8] = b"From c Fri Jan  5 10:00:00 2024\nC: 1\n\nz\n\n";

    #[test]
    fn whole_with_and_without_followers() {
        check(BEFORE, OURS, OURS, Shown::Whole);
        check(BEFORE, OURS, &[OURS, THEIRS].concat(), Shown::Whole);
        check(b"", OURS, OURS, Shown::Whole);
    }

    #[test]
    fn nothing_of_ours() {
        check(BEFORE, OURS, b"", Shown::Nothing);
        check(BEFORE, OURS, b"no mail at all", Shown::Nothing);
        let range = Range {
            stage: &file(OURS),
            stage_offset: 0,
            mbox_offset: 99,
            octets: 9,
        };
        assert_eq!(shown(&file(BEFORE), range).unwrap(), Shown::Nothing);
    }

    #[test]
    fn cut_at_any_octet() {
        for cut in 1..OURS.len() {
            let (written, rest) = OURS.split_at(cut);
            let nuls = vec![0; rest.len()];
            check(BEFORE, OURS, written, Shown::Unfinished);
            check(
                BEFORE,
                OURS,
                &[written, &nuls[..rest.len() / 2]].concat(),
                Shown::Unfinished,
            );
            check(BEFORE, OURS, &[written, &nuls].concat(), Shown::Unfinished);
            check(
                BEFORE,
                OURS,
                &[&vec![0; cut], rest].concat(),
                Shown::Unfinished,
            );
            check(
                BEFORE,
                OURS,
                &[written, &nuls, THEIRS].concat(),
                Shown::Unfinished,
            );
        }
    }

    #[test]
    fn nuls_that_a_reader_has_put_a_line_behind() {
        let nuls = [&OURS[..40], &vec![0; OURS.len() - 40]].concat();
        for (behind, expected) in [
            (&b""[..], Shown::Unfinished),
            (b"\n", Shown::Nothing),
            (b"Status: O\n", Shown::Nothing),
            (b"\nStatus: O\n\n", Shown::Nothing),
            (THEIRS, Shown::Unfinished),
        ] {
            check(BEFORE, OURS, &[&nuls, behind].concat(), expected);
            if !behind.is_empty() && expected == Shown::Nothing {
                let then = [&nuls, behind, THEIRS].concat();
                let is_mail = behind == b"\n";
                let expected = if is_mail { Shown::Unfinished } else { expected };
                check(BEFORE, OURS, &then, expected);
            }
        }
    }

    #[test]
    fn cut_at_any_octet_and_then_anothers_mail() {
        for cut in 1..OURS.len() {
            for separator in [&b""[..], b"\n", b"\n\n"] {
                let then = [&OURS[..cut], separator, THEIRS].concat();
                // Where our own next octets are line feeds, theirs complete us.
                if then.starts_with(OURS) {
                    check(BEFORE, OURS, &then, Shown::Whole);
                    continue;
                }
                let foreign_offset = (BEFORE.len() + cut + separator.len()) as u64;
                check(BEFORE, OURS, &then, Shown::Fragment { foreign_offset });
            }
        }
    }

    #[test]
    fn anothers_mail_that_begins_like_ours() {
        // Cut between two messages of ours, and theirs has the second one's first octets.
        let both = [OURS, b"From c Fri Jan  5 10:00:00 2024\nC: 1 differs\n\n"].concat();
        let foreign_offset = (BEFORE.len() + OURS.len()) as u64;
        check(
            BEFORE,
            &both,
            &[OURS, THEIRS].concat(),
            Shown::Fragment { foreign_offset },
        );
        // Cut in the middle of a line.
        let foreign_offset = (BEFORE.len() + 10) as u64;
        check(
            BEFORE,
            OURS,
            &[&OURS[..10], THEIRS].concat(),
            Shown::Fragment { foreign_offset },
        );
    }
}
