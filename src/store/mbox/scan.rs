//! Reads an mbox from its begin to its end, message by message, in bounded memory.

use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr, memmem};

use super::essence::{Content, Distiller, Essence};
use super::from_line::{FROM_LINE_OCTETS_MAX, is_from_line};
use super::quoting::Unquoting;

const CHUNK_OCTETS: u64 = 256 * 1024;
const FROM: &[u8] = b"From ";

/// A message found in an mbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where its From_ line begins.
    pub(crate) offset: u64,
    /// From there to where the next one begins.
    pub(crate) octets: u64,
    /// What of it no reader changes.
    pub(crate) essence: Essence,
}

impl Found {
    /// Where in the mbox it is.
    pub(crate) fn range(&self) -> Range<u64> {
        self.offset..self.offset + self.octets
    }
}

/// A message found in an mbox, and what its receipt would say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FoundContent {
    /// Where its From_ line begins.
    pub(crate) offset: u64,
    /// From there to where the next one begins.
    pub(crate) range_octets: u64,
    pub(crate) content: Content,
}

/// Where messages begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begins {
    /// Where a line begins with `From `.
    FromLines,
    /// Also where it begins with less and then with another program's From_ line, or ends: an append
    /// of ours was cut short there.
    CutShort,
}

/// Calls `visit` for each message. Octets before the first belong to none.
pub(crate) fn scan(
    mbox: impl Read,
    begins: Begins,
    visit: &mut dyn FnMut(Found),
) -> io::Result<()> {
    scan_with(
        mbox,
        begins,
        None,
        &mut |Message {
                  offset,
                  range_octets,
                  distiller,
              }| {
            visit(Found {
                offset,
                octets: range_octets,
                essence: distiller.finish(),
            });
        },
    )
}

/// The same, with the messages' contents.
pub(crate) fn scan_contents(
    mbox: impl Read,
    begins: Begins,
    visit: &mut dyn FnMut(FoundContent),
) -> io::Result<()> {
    scan_with(
        mbox,
        begins,
        Some(Unquoting::new()),
        &mut |Message {
                  offset,
                  range_octets,
                  distiller,
              }| {
            visit(FoundContent {
                offset,
                range_octets,
                content: distiller.finish_content(),
            });
        },
    )
}

/// A message at its end.
struct Message {
    offset: u64,
    range_octets: u64,
    distiller: Box<Distiller>,
}

fn scan_with(
    mut mbox: impl Read,
    begins: Begins,
    unquoting: Option<Unquoting>,
    visit: &mut dyn FnMut(Message),
) -> io::Result<()> {
    let mut scanner = Scanner {
        place: Place::Outside,
        line_begins: true,
        offset: 0,
        begins,
        visit,
        unquoting,
        text: Vec::new(),
    };
    let mut window = Vec::new();
    loop {
        let more = mbox.by_ref().take(CHUNK_OCTETS).read_to_end(&mut window)?;
        let ends = if more == 0 { Ends::Here } else { Ends::Later };
        let mut done = 0;
        while let Some(rest) = window.get(done..)
            && let taken @ 1.. = scanner.take(rest, ends)
        {
            done += taken;
        }
        window.drain(..done);
        if ends == Ends::Here {
            let end = scanner.offset;
            scanner.end_message(end);
            return Ok(());
        }
    }
}

/// Whether the mbox goes on behind the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Here,
    Later,
}

struct Scanner<'a> {
    place: Place,
    /// A line begins where the window does.
    line_begins: bool,
    /// Where in the mbox the window begins.
    offset: u64,
    begins: Begins,
    visit: &'a mut dyn FnMut(Message),
    /// Takes the quoting away, where the messages' contents are wanted.
    unquoting: Option<Unquoting>,
    text: Vec<u8>,
}

enum Place {
    /// Before the first message.
    Outside,
    /// In the From_ line of the message that begins at `offset`.
    FromLine { offset: u64 },
    /// In the message that begins at `offset`.
    Message {
        offset: u64,
        distiller: Box<Distiller>,
    },
}

impl Scanner<'_> {
    /// Takes octets off the begin of the window; none when it needs more to go on.
    fn take(&mut self, window: &[u8], ends: Ends) -> usize {
        if let Place::FromLine { offset } = self.place {
            let line = memchr(b'\n', window);
            if line.is_some() {
                self.place = Place::Message {
                    offset,
                    distiller: Box::new(Distiller::new()),
                };
            }
            return self.pass(line.map_or(window.len(), |at| at + 1), line.is_some());
        }
        if let Some(at) = self.message_begin(window) {
            self.feed(window.get(..at).unwrap_or_default());
            let offset = self.offset + at as u64;
            self.end_message(offset);
            self.place = Place::FromLine { offset };
            // Less than `From ` may be all there is.
            return self.pass(at + 1, false);
        }
        // The last octets may be the begin of the next From_ line.
        let told = match ends {
            Ends::Here => window.len(),
            Ends::Later => window.len().saturating_sub(FROM_LINE_OCTETS_MAX),
        };
        let Some(text @ [.., last]) = window.get(..told) else {
            return 0;
        };
        self.feed(text);
        self.pass(told, *last == b'\n')
    }

    fn pass(&mut self, octets: usize, line_begins: bool) -> usize {
        self.offset += octets as u64;
        self.line_begins = line_begins;
        octets
    }

    fn feed(&mut self, text: &[u8]) {
        let Place::Message { distiller, .. } = &mut self.place else {
            return;
        };
        match &mut self.unquoting {
            Some(unquoting) => {
                self.text.clear();
                unquoting.feed(text, &mut self.text);
                distiller.feed(&self.text);
            }
            None => distiller.feed(text),
        }
    }

    /// The message ends where the next one begins, or the mbox.
    fn end_message(&mut self, end: u64) {
        let place = std::mem::replace(&mut self.place, Place::Outside);
        let Place::Message {
            offset,
            mut distiller,
        } = place
        else {
            return;
        };
        if let Some(unquoting) = &mut self.unquoting {
            self.text.clear();
            unquoting.finish(&mut self.text);
            distiller.feed(&self.text);
            *unquoting = Unquoting::new();
        }
        (self.visit)(Message {
            offset,
            range_octets: end - offset,
            distiller,
        });
    }

    /// Where in the window a message begins.
    fn message_begin(&self, window: &[u8]) -> Option<usize> {
        let later = memmem::find_iter(window, b"\nF").map(|at| at + 1);
        let begin = self.line_begins.then_some(0);
        begin.into_iter().chain(later).find(|&at| {
            window.get(at..).is_some_and(|line| match self.begins {
                Begins::FromLines => line.starts_with(FROM),
                Begins::CutShort => line.starts_with(FROM) || is_cut_short(line),
            })
        })
    }
}

/// Whether a line begins with less than `From ` and then with a From_ line, or is no more than that
/// at the end of a message.
fn is_cut_short(line: &[u8]) -> bool {
    let same = FROM
        .iter()
        .zip(line)
        .take_while(|(from, octet)| from == octet);
    let same = same.count();
    let is_followed_by_mail = |at| line.get(at..).is_some_and(is_from_line);
    let rest = line.get(same..).unwrap_or_default();
    let line_feeds = rest.iter().take_while(|&&octet| octet == b'\n').count();
    // More of them than are ahead in any case: the mbox ends here.
    let is_last = line_feeds == rest.len() && line_feeds < FROM_LINE_OCTETS_MAX - FROM.len();
    (1..=same).any(is_followed_by_mail)
        || (1..FROM.len()).contains(&same) && (is_last || is_followed_by_mail(same + line_feeds))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use sha2::{Digest as _, Sha256};

    use super::super::essence::Distiller;
    use super::{Begins, CHUNK_OCTETS, Content, Found, scan, scan_contents};

    /// Gives a few octets a read.
    struct Slowly<'a>(&'a [u8], usize);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let size = buffer.len().min(self.1);
            self.0.read(&mut buffer[..size])
        }
    }

    fn check(mbox: &str, expected: &[(u64, &str)]) {
        check_begins(Begins::FromLines, mbox, expected);
    }

    fn check_begins(begins: Begins, mbox: &str, expected: &[(u64, &str)]) {
        let ends = expected.iter().skip(1).map(|&(next, _)| next);
        let ends = ends.chain([mbox.len() as u64]);
        let expected: Vec<_> = expected
            .iter()
            .zip(ends)
            .map(|(&(offset, text), end)| {
                let mut distiller = Distiller::new();
                distiller.feed(text.as_bytes());
                Found {
                    offset,
                    octets: end - offset,
                    essence: distiller.finish(),
                }
            })
            .collect();
        for size in 1..=mbox.len().max(1) {
            let mut found = Vec::new();
            scan(Slowly(mbox.as_bytes(), size), begins, &mut |message| {
                found.push(message);
            })
            .unwrap();
            assert_eq!(found, expected, "{mbox:?} by {size}");
        }
    }

    #[test]
    fn contents_are_what_receipts_say() {
        let mbox = "From a\nA: 1\nStatus: O\n\n>From x\n\nFrom b\ny\n\n";
        for size in 1..=mbox.len() {
            let mut found = Vec::new();
            scan_contents(
                Slowly(mbox.as_bytes(), size),
                Begins::FromLines,
                &mut |content| {
                    found.push(content);
                },
            )
            .unwrap();
            let expected = [(0, 32, "A: 1\n\nFrom x\n"), (32, 10, "y\n")];
            let expected = expected.map(|(offset, range_octets, text)| {
                let octets = text.len() as u64;
                let sha256 = Sha256::digest(text).into();
                (offset, range_octets, octets, sha256)
            });
            let found: Vec<(u64, u64, u64, [u8; 32])> = found
                .into_iter()
                .map(|found| {
                    let Content { octets, sha256, .. } = found.content;
                    (found.offset, found.range_octets, octets, sha256)
                })
                .collect();
            assert_eq!(found, expected, "by {size}");
        }
    }

    #[test]
    fn messages_are_found() {
        check("", &[]);
        check("no message\n\n", &[]);
        check("From a\nA: 1\n\nx\n\n", &[(0, "A: 1\n\nx")]);
        check(
            "From a\nA: 1\n\nx\n\nFrom b\nB: 1\n\ny",
            &[(0, "A: 1\n\nx"), (16, "B: 1\n\ny")],
        );
        check(
            "\n\nFrom a\n>From b\nFromage\nFrom",
            &[(2, ">From b\nFromage\nFrom")],
        );
        check("From a\nFrom b\n", &[(0, ""), (7, "")]);
        check("From a\nx From b\n", &[(0, "x From b")]);
        check("From unended", &[]);
        check_begins(
            Begins::CutShort,
            "From a\n\nx\n\nFroFrom b Fri Jan  5 10:00:00 2024\ny\n\nFFrom c\n",
            &[(0, "\nx"), (11, "y\n\nFFrom c")],
        );
        check_begins(
            Begins::CutShort,
            "From a\n\nF\nFr\n\nFrom b Fri Jan  5 10:00:00 2024\nF\nx\nFrom\n\n",
            &[(0, "\nF"), (10, ""), (14, "F\nx"), (50, "")],
        );
        check("From a\n\0\0From b\n", &[(0, "\0\0From b")]);
    }

    #[test]
    fn messages_are_found_where_a_piece_ends() {
        let chunk = usize::try_from(CHUNK_OCTETS).unwrap();
        for begin in chunk - 6..=chunk + 1 {
            let mut mbox = b"From a\n\n".to_vec();
            mbox.resize(begin - 1, b'x');
            mbox.extend_from_slice(b"\nFrom b\n\ny\n");
            let mut found = Vec::new();
            scan(&*mbox, Begins::FromLines, &mut |message| {
                found.push(message.offset);
            })
            .unwrap();
            assert_eq!(found, [0, begin as u64]);
        }
    }
}
