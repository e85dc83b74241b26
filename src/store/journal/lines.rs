//! Reads a journal's lines from disk, a bounded piece at a time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use memchr::memmem;

use super::fields::Rest;
use super::format::{LINE_OCTETS_MAX, Record, SYNCED, Seal};

const PIECE_OCTETS: usize = 64 * 1024;

/// The lines of a file, one after another.
pub(super) struct Lines<'a> {
    file: &'a File,
    /// Where `buffer` begins in the file.
    offset: u64,
    buffer: Vec<u8>,
    /// What of `buffer` was handed out: `start <= filled <= buffer.len()`.
    start: usize,
    filled: usize,
    at_end: bool,
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Where it begins in the file.
    pub(super) offset: u64,
    /// Without its LF.
    pub(super) text: &'a [u8],
    /// It has an LF, within bounds.
    pub(super) is_whole: bool,
}

impl Line<'_> {
    /// Where the next line begins.
    pub(super) fn end(&self) -> u64 {
        let octets = self.text.len().saturating_add(usize::from(self.is_whole));
        self.offset.saturating_add(octets as u64)
    }
}

impl<'a> Lines<'a> {
    pub(super) fn of(file: &'a File) -> Self {
        Self {
            file,
            offset: 0,
            buffer: Vec::new(),
            start: 0,
            filled: 0,
            at_end: false,
        }
    }

    /// The next line; behind one that is not whole nothing follows.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut searched = 0;
        let length = loop {
            let rest = self.rest(searched);
            if let Some(length) = memchr::memchr(b'\n', rest) {
                break searched.saturating_add(length);
            }
            searched = searched.saturating_add(rest.len());
            if self.at_end || searched > LINE_OCTETS_MAX {
                return Ok(self.unended());
            }
            self.fill()?;
        };
        let start = self.start;
        let offset = self.offset.saturating_add(start as u64);
        self.start = start.saturating_add(length).saturating_add(1);
        let text = self.buffer.get(start..).and_then(|rest| rest.get(..length));
        Ok(text.map(|text| Line {
            offset,
            text,
            is_whole: true,
        }))
    }

    fn unended(&mut self) -> Option<Line<'_>> {
        let offset = self.offset.saturating_add(self.start as u64);
        let start = std::mem::replace(&mut self.start, self.filled);
        self.at_end = true;
        let text = self.buffer.get(start..self.filled)?;
        (!text.is_empty()).then_some(Line {
            offset,
            text,
            is_whole: false,
        })
    }

    fn rest(&self, searched: usize) -> &[u8] {
        self.buffer
            .get(self.start.saturating_add(searched)..self.filled)
            .unwrap_or_default()
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.filled, 0);
        self.offset = self.offset.saturating_add(self.start as u64);
        self.filled = self.filled.saturating_sub(self.start);
        self.start = 0;
        if self.buffer.len().saturating_sub(self.filled) < PIECE_OCTETS / 2 {
            let octets = self.buffer.len().saturating_add(PIECE_OCTETS);
            self.buffer.resize(octets, 0);
        }
        let at = self.offset.saturating_add(self.filled as u64);
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let octets = read_at(self.file, room, at)?;
        self.filled = self.filled.saturating_add(octets);
        self.at_end = octets == 0;
        Ok(())
    }
}

/// The line that begins at `offset`.
pub(super) fn line_at(file: &File, offset: u64) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    let mut octets = 1024;
    while text.len() <= LINE_OCTETS_MAX {
        let filled = text.len();
        text.resize(filled.saturating_add(octets), 0);
        let room = text.get_mut(filled..).unwrap_or_default();
        let read = read_at(file, room, offset.saturating_add(filled as u64))?;
        text.truncate(filled.saturating_add(read));
        if let Some(length) = memchr::memchr(b'\n', &text) {
            text.truncate(length);
            return Ok(Some(text));
        }
        if read == 0 {
            return Ok(None);
        }
        octets = octets.saturating_mul(4);
    }
    Ok(None)
}

/// The greatest length that a valid `synced` line at or behind `from` tells. It is looked for at
/// every octet, since the damage may be that of a line's end.
pub(super) fn synced_behind(file: &File, seal: Seal, from: u64) -> io::Result<Option<u64>> {
    // Longer than any such line: a word, 20 digits, a checksum.
    const OVERLAP: usize = 64;
    let finder = memmem::Finder::new(SYNCED);
    let mut buffer = vec![0; PIECE_OCTETS];
    let mut offset = from;
    let mut greatest = None;
    loop {
        let octets = read_at(file, &mut buffer, offset)?;
        let piece = buffer.get(..octets).unwrap_or_default();
        for place in finder.find_iter(piece) {
            let rest = piece.get(place..).unwrap_or_default();
            let line = memchr::memchr(b'\n', rest).and_then(|length| rest.get(..length));
            let at = offset.saturating_add(place as u64);
            if let Some(Record::Synced(length)) =
                line.and_then(|line| Record::<Rest<'_>>::decode(seal, at, line))
            {
                greatest = greatest.max(Some(length));
            }
        }
        if octets < buffer.len() {
            return Ok(greatest);
        }
        offset = offset.saturating_add(octets.saturating_sub(OVERLAP) as u64);
    }
}

/// Fills `buffer` unless the file ends.
pub(in crate::store) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read_at(room, offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(octets) => filled = filled.saturating_add(octets),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{LINE_OCTETS_MAX, Lines, line_at};

    fn check(content: &[u8], expected: &[(u64, usize, bool)]) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let mut lines = Lines::of(&file);
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            let start = usize::try_from(line.offset).unwrap();
            assert_eq!(line.text, &content[start..start + line.text.len()]);
            found.push((line.offset, line.text.len(), line.is_whole));
            if line.is_whole {
                let again = line_at(&file, line.offset).unwrap().unwrap();
                assert_eq!(again, line.text);
            }
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_of_any_length() {
        check(b"", &[]);
        check(b"\n", &[(0, 0, true)]);
        check(b"a", &[(0, 1, false)]);
        check(b"a\nbc\n", &[(0, 1, true), (2, 2, true)]);
        check(b"a\nbc", &[(0, 1, true), (2, 2, false)]);
        let mut long = vec![b'x'; 300_000];
        long.push(b'\n');
        long.extend_from_slice(b"y\n");
        check(&long, &[(0, 300_000, true), (300_001, 1, true)]);
    }

    #[test]
    fn an_endless_line_ends_the_reading() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"a\n").unwrap();
        file.set_len(8 * LINE_OCTETS_MAX as u64).unwrap();
        let mut lines = Lines::of(&file);
        assert!(lines.next().unwrap().unwrap().is_whole);
        let endless = lines.next().unwrap().unwrap();
        assert!(!endless.is_whole);
        assert!(endless.text.len() <= 3 * LINE_OCTETS_MAX);
        assert_eq!(lines.next().unwrap(), None);
    }
}
