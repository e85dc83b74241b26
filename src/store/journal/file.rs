//! The journal's file: loaded, appended to, synced.
//!
//! What is known to be on disk is what the last `synced` line says, and no more: after a failed
//! sync the kernel shows octets that the disk may not have. So before the first append whatever
//! lies behind that length is cut, if it does not make sense, or else written again as it is, for
//! the next sync to bring to disk.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::fields::Rest;
use super::format::{FirstLine, Record, Seal, checked, decode_first};
use super::index::Index;
use super::lines::{Line, Lines, line_at, read_at, synced_behind};
use super::record::JournalId;
use crate::store::durable::{Disk, Handle};
use crate::store::error::{Damage, Error};
use crate::store::files::remove_if_there;

/// An open journal file.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    opened: Opened,
    state: State,
    seal: Seal,
    /// Octets that make sense.
    octets: u64,
    /// Octets known to be on disk, of those.
    synced_octets: u64,
    /// Something that counts lies behind those.
    is_dirty: bool,
    /// Octets of the long lines, dead or alive.
    long_octets: u64,
}

#[derive(Debug)]
enum Opened {
    ForReading(File),
    ForWriting(Handle),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// What lies behind the synced octets was not looked after yet.
    Untidy,
    Tidy,
    /// An append or a sync failed, or it was opened for looking only.
    Closed,
}

impl JournalFile {
    /// Loads a journal for writing; `None` if there is none.
    pub(super) fn load(disk: &Disk, path: &Path) -> Result<Option<(Self, Index)>, Error> {
        match disk.open_write(path) {
            Ok(handle) => Self::read(path, Opened::ForWriting(handle)).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("opening", path)(error)),
        }
    }

    /// Loads a journal for looking only; `None` if there is none.
    pub(super) fn load_for_reading(path: &Path) -> Result<Option<(Self, Index)>, Error> {
        match File::open(path) {
            Ok(file) => Self::read(path, Opened::ForReading(file)).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("opening", path)(error)),
        }
    }

    fn read(path: &Path, opened: Opened) -> Result<(Self, Index), Error> {
        let reading = |error| Error::io("reading", path)(error);
        let metadata = opened.file().metadata().map_err(reading)?;
        let mut index = Index::with_room(receipts_expected(metadata.len()));
        let mut lines = Lines::of(opened.file());
        let first = lines.next().map_err(reading)?;
        let (seal, mut octets) = first_line(path, first)?;
        let mut synced_octets = octets;
        let mut records_end = octets;
        let mut long_octets: u64 = 0;
        let mut number: u64 = 1;
        while let Some(line) = lines.next().map_err(reading)? {
            number = number.saturating_add(1);
            let damaged = |why| Error::Damaged {
                path: path.to_owned(),
                line: number,
                why,
            };
            let fields = checked(seal, line.offset, line.text).filter(|_| line.is_whole);
            let Some(mut fields) = fields else {
                let covered = synced_behind(opened.file(), seal, line.offset);
                if covered.map_err(reading)? > Some(line.offset) {
                    return Err(damaged(Damage::Checksum));
                }
                break;
            };
            let record = Record::<Rest<'_>>::read(&mut fields);
            let Some(record) = record.as_ref().filter(|_| fields.is_empty()) else {
                return Err(damaged(Damage::Version));
            };
            octets = line.end();
            if let Record::Synced(length) = record {
                synced_octets = synced_octets.max(*length);
            } else {
                records_end = octets;
            }
            if record.is_long() {
                long_octets = long_octets.saturating_add(octets.saturating_sub(line.offset));
            }
            index.take_in(line.offset, record).map_err(damaged)?;
        }
        let file = Self {
            path: path.to_owned(),
            state: match opened {
                Opened::ForReading(_) => State::Closed,
                Opened::ForWriting(_) => State::Untidy,
            },
            opened,
            seal,
            octets,
            synced_octets: synced_octets.min(octets),
            is_dirty: records_end > synced_octets,
            long_octets,
        };
        Ok((file, index))
    }

    pub(super) fn id(&self) -> JournalId {
        self.seal.id()
    }

    pub(super) fn seal(&self) -> Seal {
        self.seal
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Octets that make sense.
    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    /// Octets known to be on disk.
    #[cfg(test)]
    pub(super) fn synced_octets(&self) -> u64 {
        self.synced_octets
    }

    /// Octets of the long lines, dead or alive.
    pub(super) fn long_octets(&self) -> u64 {
        self.long_octets
    }

    /// Appends records and tells where each stands.
    pub(super) fn append(&mut self, records: &[Record]) -> Result<Vec<u64>, Error> {
        self.tidy()?;
        let mut text = Vec::new();
        let mut offsets = Vec::with_capacity(records.len());
        for record in records {
            let offset = self.octets.saturating_add(text.len() as u64);
            record.encode(self.seal, offset, &mut text);
            offsets.push(offset);
        }
        let offset = self.octets;
        self.attempt("writing", |handle| handle.write_all_at(&text, offset))?;
        self.octets = offset.saturating_add(text.len() as u64);
        self.is_dirty = true;
        Ok(offsets)
    }

    /// Makes what was appended durable, and says so in front of what is appended next.
    pub(super) fn sync(&mut self) -> Result<(), Error> {
        if self.state == State::Untidy && !self.is_dirty {
            return Ok(());
        }
        self.tidy()?;
        if !self.is_dirty {
            return Ok(());
        }
        self.attempt("syncing", Handle::sync_data)?;
        self.announce()
    }

    /// Reads one record.
    pub(super) fn record_at(&self, offset: u64) -> Result<Record, Error> {
        let line = line_at(self.opened.file(), offset).map_err(Error::io("reading", &self.path))?;
        line.and_then(|line| Record::decode(self.seal, offset, &line))
            .ok_or_else(|| self.changed())
    }

    /// Reads all records, in order.
    pub(super) fn each_record(
        &self,
        each: &mut dyn FnMut(u64, Record) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut lines = Lines::of(self.opened.file());
        let mut is_first = true;
        while let Some(line) = lines.next().map_err(Error::io("reading", &self.path))? {
            if line.offset >= self.octets {
                break;
            }
            if !std::mem::take(&mut is_first) {
                let record = Record::decode(self.seal, line.offset, line.text);
                each(line.offset, record.ok_or_else(|| self.changed())?)?;
            }
        }
        Ok(())
    }

    /// Looks after what an earlier run left behind.
    fn tidy(&mut self) -> Result<(), Error> {
        if self.state == State::Tidy {
            return Ok(());
        }
        let (synced, octets) = (self.synced_octets, self.octets);
        let mut is_cut = false;
        self.attempt("mending", |handle| {
            let unsure = usize::try_from(octets.saturating_sub(synced)).unwrap_or(usize::MAX);
            let mut text = vec![0; unsure];
            if read_at(handle.as_file(), &mut text, synced)? < unsure {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            is_cut = handle.as_file().metadata()?.len() != octets;
            if is_cut {
                handle.set_len(octets)?;
            }
            handle.write_all_at(&text, synced)?;
            // Were the cut not on disk before the next append, a power cut could show the end of
            // the old tail behind the beginning of the new one.
            if is_cut { handle.sync_data() } else { Ok(()) }
        })?;
        self.state = State::Tidy;
        if is_cut { self.announce() } else { Ok(()) }
    }

    /// Writes how much is on disk, all of it: each append so stands behind such a line, and
    /// damage in front of it is told from what the disk never had.
    fn announce(&mut self) -> Result<(), Error> {
        self.synced_octets = self.octets;
        self.is_dirty = false;
        let mut line = Vec::new();
        Record::Synced(self.octets).encode(self.seal, self.octets, &mut line);
        let offset = self.octets;
        self.attempt("writing", |handle| handle.write_all_at(&line, offset))?;
        self.octets = offset.saturating_add(line.len() as u64);
        Ok(())
    }

    /// Does something to the file, after whose failure nothing more is done to it.
    fn attempt(
        &mut self,
        doing: &'static str,
        act: impl FnOnce(&Handle) -> io::Result<()>,
    ) -> Result<(), Error> {
        match &self.opened {
            Opened::ForWriting(handle) if self.state != State::Closed => {
                let outcome = act(handle);
                if outcome.is_err() {
                    self.state = State::Closed;
                }
                outcome.map_err(Error::io(doing, &self.path))
            }
            Opened::ForWriting(_) | Opened::ForReading(_) => Err(Error::JournalClosed {
                path: self.path.clone(),
            }),
        }
    }

    /// A line that was read before is not there any more.
    pub(super) fn changed(&self) -> Error {
        Error::io("reading", &self.path)(io::Error::other("it was changed behind our back"))
    }
}

/// How many receipts a journal of so many octets is likely to hold; never so many that a file
/// which is larger than what it holds could exhaust the memory.
pub(super) fn receipts_expected(octets: u64) -> usize {
    const RECEIPT_OCTETS: u64 = 192;
    const RECEIPTS_MAX: usize = 1 << 17;
    usize::try_from(octets / RECEIPT_OCTETS).map_or(RECEIPTS_MAX, |count| count.min(RECEIPTS_MAX))
}

impl Opened {
    fn file(&self) -> &File {
        match self {
            Self::ForReading(file) => file,
            Self::ForWriting(handle) => handle.as_file(),
        }
    }
}

fn first_line(path: &Path, line: Option<Line<'_>>) -> Result<(Seal, u64), Error> {
    let damaged = |why| Error::Damaged {
        path: path.to_owned(),
        line: 1,
        why,
    };
    let line = line.ok_or_else(|| damaged(Damage::NotAJournal))?;
    match decode_first(line.text) {
        Ok(seal) if line.is_whole => Ok((seal, line.end())),
        Ok(_) | Err(FirstLine::Damaged) => Err(damaged(Damage::Checksum)),
        Err(FirstLine::NotAJournal) => Err(damaged(Damage::NotAJournal)),
        Err(FirstLine::Version) => Err(damaged(Damage::Version)),
    }
}

/// Writes a file beside `path`, makes it durable, and puts it in the place of what was there.
pub(super) fn write_new(
    disk: &Disk,
    path: &Path,
    write: impl FnOnce(&mut Handle) -> Result<(), Error>,
) -> Result<(), Error> {
    remove_unfinished(disk, path)?;
    let new = unfinished(path);
    let mut handle = disk.create_new(&new).map_err(Error::io("creating", &new))?;
    write(&mut handle)?;
    handle.sync_data().map_err(Error::io("syncing", &new))?;
    disk.rename(&new, path)
        .map_err(Error::io("renaming", &new))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    disk.sync_dir(folder).map_err(Error::io("syncing", folder))
}

/// Removes what a run that died while it wrote a journal has left: it counts for nothing.
pub(super) fn remove_unfinished(disk: &Disk, path: &Path) -> Result<(), Error> {
    remove_if_there(disk, &unfinished(path))
}

/// Where a journal is written before it takes its place.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push("-new");
    path.with_file_name(name)
}
