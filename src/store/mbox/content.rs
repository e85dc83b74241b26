//! The content of a message in an mbox: what its receipt speaks of.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::fs::FileExt as _;

use memchr::{memmem, memrchr};
use sha2::{Digest as _, Sha256};

use super::SEPARATOR;
use super::quoting::Unquoting;

/// Within a message such a line is quoted.
const MESSAGE_END: &[u8] = b"\n\nFrom ";

const CHUNK_OCTETS: usize = 256 * 1024;

/// A part of a file, read without moving anybody's position in it.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    file: &'a File,
    offset: u64,
    octets: u64,
}

impl<'a> Part<'a> {
    /// So many octets from `offset`, as far as they are there.
    pub(crate) fn new(file: &'a File, offset: u64, octets: u64) -> Self {
        Self {
            file,
            offset,
            octets,
        }
    }

    /// The file from its begin to its end.
    pub(crate) fn whole(file: &'a File) -> Self {
        Self::new(file, 0, u64::MAX)
    }

    /// Hands out all of it, a large piece at a time.
    ///
    /// A piece ends where a message does, or else a line: should the process be killed before the
    /// next one is written, what another program appends is no part of a line of ours.
    pub(crate) fn each_chunk(
        mut self,
        mut each: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut chunk = Vec::with_capacity(CHUNK_OCTETS);
        loop {
            chunk.clear();
            let octets = self
                .by_ref()
                .take(CHUNK_OCTETS as u64)
                .read_to_end(&mut chunk)?;
            if octets == 0 {
                return Ok(());
            }
            if octets == CHUNK_OCTETS {
                self.give_back(octets - whole_octets(&chunk));
                chunk.truncate(whole_octets(&chunk));
            }
            each(&chunk)?;
        }
    }

    /// The last octets that were read are read again.
    fn give_back(&mut self, octets: usize) {
        self.offset -= octets as u64;
        self.octets += octets as u64;
    }
}

/// How much of a piece is whole messages, or lines where no message ends; all of it where it is
/// of one line.
fn whole_octets(text: &[u8]) -> usize {
    let messages = memmem::rfind(text, MESSAGE_END).map(|at| at + SEPARATOR.len());
    let lines = || memrchr(b'\n', text).map(|at| at + 1);
    messages.or_else(lines).unwrap_or(text.len())
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.octets)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = self
            .file
            .read_at(buffer.get_mut(..room).unwrap_or_default(), self.offset)?;
        self.offset += read as u64;
        self.octets -= read as u64;
        Ok(read)
    }
}

/// The hash of the first `octets` of a message, its quoting taken away, given the message with its
/// From_ line; none if it has no From_ line or fewer octets, or if more follows than the line feeds
/// between two messages.
pub(crate) fn content_hash(message: impl Read, octets: u64) -> io::Result<Option<[u8; 32]>> {
    let mut message = BufReader::with_capacity(CHUNK_OCTETS, message);
    let mut from = [0; 5];
    match message.read_exact(&mut from) {
        Ok(()) if from == *b"From " => {}
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        _ => return Ok(None),
    }
    message.skip_until(b'\n')?;
    let mut unquoting = Unquoting::new();
    let mut text = Vec::new();
    let mut hash = Sha256::new();
    let mut missing = octets;
    loop {
        let chunk = message.fill_buf()?;
        let taken = chunk.len();
        if chunk.is_empty() {
            unquoting.finish(&mut text);
        } else {
            unquoting.feed(chunk, &mut text);
        }
        let wanted = usize::try_from(missing)
            .unwrap_or(usize::MAX)
            .min(text.len());
        let (content, rest) = text.split_at(wanted);
        hash.update(content);
        missing -= wanted as u64;
        if rest.iter().any(|&octet| octet != b'\n') {
            return Ok(None);
        }
        text.clear();
        if taken == 0 {
            return Ok((missing == 0).then(|| hash.finalize().into()));
        }
        message.consume(taken);
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::{content_hash, whole_octets};

    #[test]
    fn pieces_end_where_messages_or_lines_do() {
        for (text, octets) in [
            ("From a\n\nb\n\nFrom c\n\nd\n\nFrom e\n\n", 22),
            ("From a\n\nb\n\nFrom", 11),
            ("\n\nFrom a\nA: 1", 2),
            ("b\nFrom a", 2),
            ("no line ends", 12),
            ("", 0),
        ] {
            assert_eq!(whole_octets(text.as_bytes()), octets, "{text:?}");
        }
    }

    fn check(message: &str, octets: u64, expected: Option<&str>) {
        let expected: Option<[u8; 32]> = expected.map(|text| Sha256::digest(text).into());
        assert_eq!(
            content_hash(message.as_bytes(), octets).unwrap(),
            expected,
            "{message:?}"
        );
    }

    #[test]
    fn contents_are_unquoted() {
        check("From a\nA: 1\n\n>From b\n\n", 13, Some("A: 1\n\nFrom b\n"));
        check("From a\nno end\n\n", 6, Some("no end"));
        check("From a\n\n", 0, Some(""));
        check("From a\nA: 1\n\n", 4, Some("A: 1"));
    }

    #[test]
    fn what_is_no_such_message_has_none() {
        check("", 0, None);
        check("Fro", 0, None);
        check("A: 1\n", 5, None);
        check("From a\nA: 1\n\n", 9, None);
        check("From a\nA: 1\nmore\n", 5, None);
    }
}
