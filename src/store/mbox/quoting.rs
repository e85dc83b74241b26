//! mboxrd quoting: a line that reads `From ` after any number of `>` gets one `>` more, so that no
//! reader takes it for a From_ line and taking one away again loses nothing.

use memchr::{memchr, memmem, memrchr};

const FROM: &[u8] = b"From ";

/// Quotes a text with LF line ends, whatever the split it is fed in.
///
/// The `>` is put right before `From `, not at the line's begin: the text that comes out is the
/// same, and a line of millions of `>` need not be held back to see how it goes on.
#[derive(Debug)]
pub(crate) struct Quoting {
    line: Line,
}

/// Where in a line the last chunk ended.
#[derive(Debug, Clone, Copy)]
enum Line {
    /// At its begin, after nothing but `>` and then `held` octets of `From `, which wait here.
    Begin { held: usize },
    /// Further on: this line needs no quoting any more.
    Within,
}

impl Quoting {
    /// Begins a text.
    pub(crate) fn new() -> Self {
        Self {
            line: Line::Begin { held: 0 },
        }
    }

    /// Appends to `out` what the next octets of the text become.
    pub(crate) fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let rest = self.go_on(chunk, out);
        if rest.is_empty() {
            return;
        }
        // Here the chunk's first line is one that needs no quoting.
        let held = held_at_end(rest);
        let quoted = rest.len() - held.unwrap_or(0);
        let mut written = 0;
        for at in memmem::find_iter(rest, FROM) {
            if begins_line(rest, at)
                && let Some(before) = rest.get(written..at)
            {
                out.extend_from_slice(before);
                out.push(b'>');
                written = at;
            }
        }
        out.extend_from_slice(rest.get(written..quoted).unwrap_or_default());
        self.line = held.map_or(Line::Within, |held| Line::Begin { held });
    }

    /// Decides the line that the last chunk left open; gives what is left of the chunk then.
    fn go_on<'a>(&mut self, chunk: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let Line::Begin { held } = self.line else {
            return chunk;
        };
        let quotes = match held {
            0 => chunk
                .iter()
                .position(|&octet| octet != b'>')
                .unwrap_or(chunk.len()),
            _ => 0,
        };
        let (quotes, rest) = chunk.split_at(quotes);
        out.extend_from_slice(quotes);
        let awaited = FROM.get(held..).unwrap_or_default();
        let matching = awaited.iter().zip(rest).take_while(|(a, b)| a == b).count();
        let (_, after) = rest.split_at(matching);
        let held = held + matching;
        if held < FROM.len() && after.is_empty() {
            self.line = Line::Begin { held };
            return after;
        }
        if held == FROM.len() {
            out.push(b'>');
        }
        out.extend_from_slice(FROM.get(..held).unwrap_or_default());
        self.line = Line::Within;
        after
    }

    /// The text is over: what was held back is no `From `.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if let Line::Begin { held } = std::mem::replace(&mut self.line, Line::Within) {
            out.extend_from_slice(FROM.get(..held).unwrap_or_default());
        }
    }
}

/// Whether nothing but `>` stands between a line end and `at`.
fn begins_line(chunk: &[u8], at: usize) -> bool {
    let before = chunk.get(..at).unwrap_or_default();
    before.iter().rfind(|&&octet| octet != b'>') == Some(&b'\n')
}

/// How many octets of `From ` stand, after nothing but `>`, at the begin of the chunk's last line;
/// none where that line needs no quoting, or began before the chunk.
fn held_at_end(chunk: &[u8]) -> Option<usize> {
    let line = chunk.get(memrchr(b'\n', chunk)? + 1..)?;
    let quotes = line
        .iter()
        .position(|&octet| octet != b'>')
        .unwrap_or(line.len());
    let rest = line.get(quotes..)?;
    (rest.len() < FROM.len() && FROM.starts_with(rest)).then_some(rest.len())
}

/// Takes the quoting away again: the inverse of [`Quoting`], in any split.
#[derive(Debug)]
pub(crate) struct Unquoting {
    /// The begin of a line that may turn out to be quoted: its last `>` and octets of `From `.
    /// None further on in a line.
    held: Option<Vec<u8>>,
}

impl Unquoting {
    /// Begins a text.
    pub(crate) fn new() -> Self {
        Self {
            held: Some(Vec::new()),
        }
    }

    /// Appends to `out` what the next octets of the text become.
    pub(crate) fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = if let Some(held) = self.held.take() {
                self.begin_line(held, rest, out)
            } else {
                let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
                let (line, after) = rest.split_at(end);
                out.extend_from_slice(line);
                self.held = line.ends_with(b"\n").then(Vec::new);
                after
            };
        }
    }

    fn begin_line<'a>(&mut self, mut held: Vec<u8>, text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let mut rest = text;
        while let Some((&octet, after)) = rest.split_first() {
            let awaited = FROM.get(held.len().saturating_sub(1));
            if octet == b'>' && held.len() <= 1 {
                out.append(&mut held);
            } else if held.is_empty() || awaited != Some(&octet) {
                break;
            }
            held.push(octet);
            rest = after;
            if held.len() > FROM.len() {
                // The quote itself is what goes.
                held.remove(0);
                break;
            }
        }
        if rest.is_empty() && held.len() <= FROM.len() && held != FROM {
            self.held = Some(held);
        } else {
            out.append(&mut held);
        }
        rest
    }

    /// The text is over: what was held back is no quoted `From `.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held.take().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::{Quoting, Unquoting};
    use crate::store::testkit::quoted_by_lines;

    fn unquoted<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut unquoting = Unquoting::new();
        let mut out = Vec::new();
        chunks.for_each(|chunk| unquoting.feed(chunk, &mut out));
        unquoting.finish(&mut out);
        out
    }

    fn quoted<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut quoting = Quoting::new();
        let mut out = Vec::new();
        chunks.for_each(|chunk| quoting.feed(chunk, &mut out));
        quoting.finish(&mut out);
        out
    }

    fn check(input: &[u8], expected: &[u8]) {
        for size in 1..=input.len().max(1) {
            let out = quoted(input.chunks(size));
            assert_eq!(out, expected, "{} by {size}", input.escape_ascii());
        }
    }

    #[test]
    fn from_lines_are_quoted() {
        check(b"", b"");
        check(b"From me\n", b">From me\n");
        check(b"a\nFrom me\nFrom you", b"a\n>From me\n>From you");
        check(b">From me\n>>>From you\n", b">>From me\n>>>>From you\n");
        check(b"From \n", b">From \n");
    }

    #[test]
    fn nothing_else_is() {
        check(b"From", b"From");
        check(b"From\n", b"From\n");
        check(b">>Fro", b">>Fro");
        check(b"From: me\n", b"From: me\n");
        check(b"from me\n", b"from me\n");
        check(b" From me\na From me\n", b" From me\na From me\n");
        check(b"a>From me\n> From me\n", b"a>From me\n> From me\n");
        check(b"F>From me\n>F>From me\n", b"F>From me\n>F>From me\n");
        check(b"FFrom me\nFroFrom me\n", b"FFrom me\nFroFrom me\n");
        // To an mbox reader a CR ends no line.
        check(b"a\rFrom me\n", b"a\rFrom me\n");
        check(b"\0From me\n", b"\0From me\n");
    }

    #[test]
    fn only_quoted_from_lines_are_unquoted() {
        for (text, expected) in [
            (">From a\n>>From b\nFrom c\n", "From a\n>From b\nFrom c\n"),
            (
                "x>From a\n> From b\n>from c\n>Fro",
                "x>From a\n> From b\n>from c\n>Fro",
            ),
            (">>>", ">>>"),
            (">F>From a\n>", ">F>From a\n>"),
        ] {
            for size in 1..=text.len() {
                let out = unquoted(text.as_bytes().chunks(size));
                assert_eq!(out, expected.as_bytes(), "{text:?} by {size}");
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_the_definition_in_any_split(
            pieces in prop::collection::vec(prop::sample::select(
                &["\n", ">", "From ", "From", "Fro", "F", " ", "x"][..]), 0..24),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 2),
        ) {
            let text = pieces.concat().into_bytes();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.sort_unstable();
            let chunks = [&text[..cuts[0]], &text[cuts[0]..cuts[1]], &text[cuts[1]..]];
            let quoted = quoted(chunks.into_iter());
            prop_assert_eq!(&quoted, &quoted_by_lines(&text));
            let (head, tail) = quoted.split_at(cuts[0]);
            prop_assert_eq!(unquoted([head, tail].into_iter()), text);
        }
    }
}
