//! Takes messages in, a file each.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use super::batch::{Batch, Batches, Unsynced};
use super::name::Names;
use super::remove_if_there;
use crate::message::{Header, HeaderPrefix};
use crate::store::delivery::{Arriving, Stage, Staged};
use crate::store::durable::{Disk, Handle};
use crate::store::error::Error;
use crate::store::line_ends::LineEnds;
use crate::store::open::{Clock, Site};

/// How much of a message is gathered before it is hashed and written.
const BUFFER_OCTETS: usize = 128 * 1024;

/// How much of a large message is written before the disk is set to work on it. Small ones wait
/// for their batch: then one write to the disk takes many of them.
const WRITEBACK_OCTETS: u64 = 8 * 1024 * 1024;

/// How the octets of a message are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// CRLF as LF.
    LineFeeds,
    /// As the server sent them.
    AsReceived,
}

/// The retrieving half of every destination but mbox.
#[derive(Debug)]
pub(crate) struct FileStage {
    disk: Disk,
    clock: Clock,
    folder: PathBuf,
    form: Form,
    batches: Batches,
    names: Names,
    arriving: Option<ArrivingFile>,
    buffer: Vec<u8>,
    /// None until a message is whole.
    batch: Option<Batch>,
}

/// A message that is not whole yet.
#[derive(Debug)]
struct ArrivingFile {
    name: String,
    alone: bool,
    /// None until there is enough to write.
    handle: Option<Handle>,
    line_ends: LineEnds,
    header: HeaderPrefix,
    hash: Sha256,
    octets: u64,
    octets_in_writeback: u64,
}

/// A whole message in the staging folder.
#[derive(Debug)]
pub(crate) struct StagedFile {
    /// Its name there.
    pub(crate) name: String,
    /// When the server received it, in seconds since 1970.
    pub(crate) received_seconds: i64,
    /// What its header tells, where it is stored as received.
    pub(crate) header: Header,
    /// The envelope's sender, likewise.
    pub(crate) sender: Option<String>,
    /// It is the only message of its run.
    pub(crate) alone: bool,
    unsynced: Unsynced,
}

impl StagedFile {
    /// What a stage put into [`Staged::keeping`].
    pub(crate) fn from_keeping(keeping: Box<dyn Any + Send>) -> Self {
        *keeping
            .downcast()
            .expect("a destination's halves are made for each other")
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.unsynced.path()
    }

    /// Its octets.
    pub(super) fn unsynced(&self) -> &Unsynced {
        &self.unsynced
    }
}

impl FileStage {
    /// Stages into `folder`, which is there.
    pub(crate) fn new(site: &Site, folder: PathBuf, form: Form, batches: Batches) -> Self {
        let since = site
            .clock
            .now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let journal_id = site.journal_id.to_string();
        Self {
            disk: site.disk.clone(),
            clock: site.clock.clone(),
            folder,
            form,
            batches,
            names: Names::new(&journal_id, since.subsec_micros(), &site.host_name),
            arriving: None,
            buffer: Vec::new(),
            batch: None,
        }
    }

    /// Hashes and writes what was gathered.
    fn flush(&mut self) -> Result<(), Error> {
        let Some(arriving) = &mut self.arriving else {
            return Ok(());
        };
        arriving.hash.update(&self.buffer);
        let path = || self.folder.join(&arriving.name);
        let handle = match &mut arriving.handle {
            Some(handle) => handle,
            none => none.insert(
                self.disk
                    .create_new(&path())
                    .map_err(|error| Error::io("creating", &path())(error))?,
            ),
        };
        handle
            .write_all(&self.buffer)
            .map_err(Error::io("writing", handle.path()))?;
        arriving.octets += self.buffer.len() as u64;
        self.buffer.clear();
        if arriving.octets - arriving.octets_in_writeback >= WRITEBACK_OCTETS {
            arriving.octets_in_writeback = arriving.octets;
            handle.start_writeback();
        }
        Ok(())
    }
}

impl Stage for FileStage {
    fn begin(&mut self, arriving: &Arriving) -> Result<(), Error> {
        self.abandon()?;
        self.arriving = Some(ArrivingFile {
            name: self.names.next(self.clock.seconds()),
            alone: arriving.alone,
            handle: None,
            line_ends: LineEnds::default(),
            header: HeaderPrefix::default(),
            hash: Sha256::new(),
            octets: 0,
            octets_in_writeback: 0,
        });
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        let Some(arriving) = &mut self.arriving else {
            return Ok(());
        };
        arriving.header.feed(octets);
        match self.form {
            Form::LineFeeds => arriving.line_ends.feed(octets, &mut self.buffer),
            Form::AsReceived => self.buffer.extend_from_slice(octets),
        }
        if self.buffer.len() >= BUFFER_OCTETS {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn finish(&mut self) -> Result<Staged, Error> {
        if let Some(arriving) = &mut self.arriving {
            arriving.line_ends.finish(&mut self.buffer);
        }
        self.flush()?;
        let ArrivingFile {
            name,
            alone,
            handle,
            header,
            hash,
            octets,
            ..
        } = self
            .arriving
            .take()
            .expect("a message begins before it ends");
        let handle = handle.expect("a flush makes the file");
        let received_seconds = header
            .received_seconds()
            .unwrap_or_else(|| self.clock.seconds());
        if let Ok(seconds) = u64::try_from(received_seconds) {
            handle.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        }
        let unsynced = match &mut self.batch {
            Some(batch) => batch.add(handle, octets),
            none => {
                let (batch, unsynced) = Batch::begin(&self.disk, &self.folder, handle, octets);
                *none = Some(batch);
                unsynced
            }
        };
        let (header, sender) = match self.form {
            Form::AsReceived => (header.to_header(), header.envelope_sender()),
            Form::LineFeeds => (Header::default(), None),
        };
        Ok(Staged {
            stored_octets: octets,
            sha256: hash.finalize().into(),
            keeping: Box::new(StagedFile {
                name,
                received_seconds,
                header,
                sender,
                alone,
                unsynced,
            }),
        })
    }

    fn abandon(&mut self) -> Result<(), Error> {
        self.buffer.clear();
        match self.arriving.take() {
            Some(ArrivingFile {
                handle: Some(handle),
                ..
            }) => remove_if_there(&self.disk, handle.path()),
            _ => Ok(()),
        }
    }

    fn discard(&mut self, staged: Staged) -> Result<(), Error> {
        let file = StagedFile::from_keeping(staged.keeping);
        if let Some(batch) = &mut self.batch {
            batch.discard(staged.stored_octets);
        }
        remove_if_there(&self.disk, file.path())
    }

    fn is_full(&self) -> bool {
        let batch = self.batch.as_ref();
        batch.is_some_and(|batch| batch.is_full(self.batches))
    }

    fn end_batch(&mut self) -> Result<(), Error> {
        self.batch = None;
        Ok(())
    }
}
