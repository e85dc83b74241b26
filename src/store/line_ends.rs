//! CRLF becomes LF, and nothing else changes: what maildir and mbox store.

use memchr::memchr_iter;

/// Turns the CRLF of a message into LF, whatever the split it is fed in. A lone CR or LF, a NUL
/// and a line of any length stay as they are.
#[derive(Debug, Default)]
pub(crate) struct LineEnds {
    /// The last chunk ended in a CR, whose fate the next octet decides.
    held_cr: bool,
}

impl LineEnds {
    /// Appends to `out` what the next octets of a message become.
    pub(crate) fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let Some((&last, head)) = chunk.split_last() else {
            return;
        };
        if self.held_cr && !chunk.starts_with(b"\n") {
            out.push(b'\r');
        }
        self.held_cr = last == b'\r';
        let text = if self.held_cr { head } else { chunk };
        let mut written = 0;
        for at in memchr_iter(b'\r', text) {
            if text.get(at + 1) == Some(&b'\n')
                && let Some(line) = text.get(written..at)
            {
                out.extend_from_slice(line);
                written = at + 1;
            }
        }
        out.extend_from_slice(text.get(written..).unwrap_or_default());
    }

    /// The message is over: a CR at its very end was a lone one.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.held_cr) {
            out.push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::LineEnds;

    fn converted<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut line_ends = LineEnds::default();
        let mut out = Vec::new();
        chunks.for_each(|chunk| line_ends.feed(chunk, &mut out));
        line_ends.finish(&mut out);
        out
    }

    fn check(input: &[u8], expected: &[u8]) {
        for size in 1..=input.len().max(1) {
            let out = converted(input.chunks(size));
            assert_eq!(out, expected, "{} by {size}", input.escape_ascii());
        }
    }

    #[test]
    fn only_crlf_changes() {
        check(b"", b"");
        check(b"a\r\nb\r\n", b"a\nb\n");
        check(b"\r\n\r\n", b"\n\n");
        check(b"a\nb\rc\r\n", b"a\nb\rc\n");
        check(b"a\r\r\nb", b"a\r\nb");
        check(b"\r\r\r", b"\r\r\r");
        check(b"\n\r", b"\n\r");
        check(b"a\0b\xff\r\n\0", b"a\0b\xff\n\0");
        check(b"no end", b"no end");
    }

    proptest! {
        #[test]
        fn it_is_replacement_in_any_split(
            input in prop::collection::vec(prop::sample::select(&b"\r\na"[..]), 0..40),
            cut in any::<prop::sample::Index>(),
        ) {
            let expected = String::from_utf8(input.clone()).unwrap().replace("\r\n", "\n");
            let (head, tail) = input.split_at(cut.index(input.len() + 1));
            prop_assert_eq!(converted([head, tail].into_iter()), expected.into_bytes());
        }
    }
}
