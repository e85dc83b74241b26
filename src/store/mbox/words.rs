//! The words of a message in an mbox, and where they are: what no reader changes of it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::ops::Range;

use sha2::{Digest as _, Sha256};

use super::content::Part;
use super::essence::{ReadersFields, Unclosed, Whose};

/// Most messages that are compared differ in their first octets.
const FIRST_CHUNK_OCTETS: u64 = 1024;
const CHUNK_OCTETS: u64 = 16 * 1024;

/// Reads a message octet by octet, the fields of readers and white space left out.
#[derive(Debug)]
pub(super) struct Words<'a> {
    text: Part<'a>,
    chunk_octets: u64,
    fields: ReadersFields,
    chunk: Vec<u8>,
    /// What is read and not handed out yet.
    ahead: VecDeque<Octet>,
    /// Where in the file that ends.
    ahead_end: u64,
}

/// An octet of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Octet {
    /// Where.
    pub(super) offset: u64,
    pub(super) octet: u8,
}

impl<'a> Words<'a> {
    /// Reads so many octets of a file from `offset`, where the header of a message begins.
    pub(super) fn new(file: &'a File, offset: u64, octets: u64) -> Self {
        Self {
            text: Part::new(file, offset, octets),
            chunk_octets: FIRST_CHUNK_OCTETS,
            fields: ReadersFields::new(),
            chunk: Vec::new(),
            ahead: VecDeque::new(),
            ahead_end: offset,
        }
    }

    /// The next octet; none at the end.
    pub(super) fn next_octet(&mut self) -> io::Result<Option<Octet>> {
        let mut is_read = false;
        while self.ahead.is_empty() && !is_read {
            self.chunk.clear();
            let octets = std::mem::replace(&mut self.chunk_octets, CHUNK_OCTETS);
            let mut chunk = self.text.by_ref().take(octets);
            is_read = chunk.read_to_end(&mut self.chunk)? == 0;
            let (ahead, end) = (&mut self.ahead, &mut self.ahead_end);
            let mut each = |whose: Whose, piece: &[u8]| {
                let octets = (*end..)
                    .zip(piece)
                    .map(|(offset, &octet)| Octet { offset, octet });
                ahead.extend(octets.filter(|octet| whose.is_in_word(octet.octet)));
                *end += piece.len() as u64;
            };
            if is_read {
                self.fields.end(&mut each);
            } else {
                self.fields.feed(&self.chunk, &mut each);
            }
        }
        Ok(self.ahead.pop_front())
    }
}

/// The hash of a message's words, lines that end multipart bodies left out, given the message with
/// its From_ line.
pub(super) fn words_hash(file: &File, message: Range<u64>) -> io::Result<[u8; 32]> {
    let octets = message.end - message.start;
    let mut text = BufReader::new(Part::new(file, message.start, octets));
    text.skip_until(b'\n')?;
    let mut fields = ReadersFields::new();
    let mut unclosed = Unclosed::default();
    let mut hash = Sha256::new();
    let mut hash_words = |octets: &[u8]| {
        for word in octets.split(|&octet| !Whose::Messages.is_in_word(octet)) {
            hash.update(word);
        }
    };
    let mut each = |whose: Whose, octets: &[u8]| unclosed.feed(whose, octets, &mut hash_words);
    loop {
        let chunk = text.fill_buf()?;
        let taken = chunk.len();
        if taken == 0 {
            break;
        }
        fields.feed(chunk, &mut each);
        text.consume(taken);
    }
    fields.end(&mut each);
    unclosed.end(&mut hash_words);
    Ok(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::Words;

    fn check(text: &str, expected: &str) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"..").unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let mut words = Words::new(&file, 2, text.len() as u64);
        let mut read = String::new();
        while let Some(octet) = words.next_octet().unwrap() {
            let at = usize::try_from(octet.offset).unwrap() - 2;
            assert_eq!(text.as_bytes()[at], octet.octet, "{text:?}");
            read.push(char::from(octet.octet));
        }
        assert_eq!(read, expected, "{text:?}");
        assert_eq!(words.next_octet().unwrap(), None, "{text:?}");
    }

    #[test]
    fn words_are_read_with_their_places() {
        check("", "");
        check(" \n", "");
        check("A: 1\nStatus: RO\nB\n\nStatus: x\n", "A:1BStatus:x");
        check("Status: \0\0\n on\nStat", "\0\0Stat");
        let long = format!("A: {0}\nLines: {0}\n\n {0}\n", "x".repeat(40_000));
        check(&long, &format!("A:{}", "x".repeat(80_000)));
    }
}
