//! Reads an mbox from its begin to its end, message by message, in bounded memory.

use std::io::{self, Read};

use memchr::{memchr, memmem};

use super::essence::{Distiller, Essence};

const CHUNK_OCTETS: u64 = 256 * 1024;
const FROM: &[u8] = b"From ";

/// A message found in an mbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where its From_ line begins.
    pub(crate) offset: u64,
    /// What of it no reader changes.
    pub(crate) essence: Essence,
}

/// Calls `visit` for each message: whatever follows a line that begins with `From `. Octets before
/// the first such line belong to none.
pub(crate) fn scan(mut mbox: impl Read, visit: &mut dyn FnMut(Found)) -> io::Result<()> {
    let mut scanner = Scanner {
        place: Place::Outside,
        line_begins: true,
        offset: 0,
        visit,
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
            scanner.end_message();
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
    visit: &'a mut dyn FnMut(Found),
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
        if let Some(at) = from_line_begin(window, self.line_begins) {
            self.feed(window.get(..at).unwrap_or_default());
            self.end_message();
            self.place = Place::FromLine {
                offset: self.offset + at as u64,
            };
            return self.pass(at + FROM.len(), false);
        }
        // The last octets may be the begin of the next From_ line.
        let told = match ends {
            Ends::Here => window.len(),
            Ends::Later => window.len().saturating_sub(FROM.len()),
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
        if let Place::Message { distiller, .. } = &mut self.place {
            distiller.feed(text);
        }
    }

    fn end_message(&mut self) {
        if let Place::Message { offset, distiller } =
            std::mem::replace(&mut self.place, Place::Outside)
        {
            (self.visit)(Found {
                offset,
                essence: distiller.finish(),
            });
        }
    }
}

/// Where in the window a line begins with `From `.
fn from_line_begin(window: &[u8], line_begins: bool) -> Option<usize> {
    if line_begins && window.starts_with(FROM) {
        return Some(0);
    }
    memmem::find(window, b"\nFrom ").map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use super::super::essence::Distiller;
    use super::{Found, scan};

    /// Gives a few octets a read.
    struct Slowly<'a>(&'a [u8], usize);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let size = buffer.len().min(self.1);
            self.0.read(&mut buffer[..size])
        }
    }

    fn check(mbox: &str, expected: &[(u64, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|&(offset, text)| {
                let mut distiller = Distiller::new();
                distiller.feed(text.as_bytes());
                Found {
                    offset,
                    essence: distiller.finish(),
                }
            })
            .collect();
        for size in 1..=mbox.len().max(1) {
            let mut found = Vec::new();
            scan(Slowly(mbox.as_bytes(), size), &mut |message| {
                found.push(message);
            })
            .unwrap();
            assert_eq!(found, expected, "{mbox:?} by {size}");
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
        check("From a\n\0\0From b\n", &[(0, "\0\0From b")]);
    }
}
