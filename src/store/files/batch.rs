//! What is staged before it is synced, and how.

use std::path::Path;
use std::sync::Arc;

use super::together;
use crate::store::durable::{Closed, Disk, Handle, HandleId};

/// What a batch may leave to be written by its sync.
const BATCH_OCTETS_MAX: u64 = 64 * 1024 * 1024;

/// How many messages make a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Batches {
    /// One: it is never synced.
    Single,
    /// As many as their sync is good for.
    Synced,
}

/// How the files of a batch are to be synced.
///
/// One sync of the whole file system costs less than half of what one for each file does: each of
/// those is a write of its own to the disk and empties its cache. But it waits for what every
/// other program has written, and not every file system means it; then each file is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syncing {
    Together,
    Each,
}

impl Syncing {
    /// What is best now for files in this folder.
    fn in_folder(disk: &Disk, folder: &Path) -> Self {
        let is_together = disk.syncs_together();
        if is_together.unwrap_or_else(|| together::is_worth_it(folder)) {
            Self::Together
        } else {
            Self::Each
        }
    }

    /// How many files a batch may have.
    fn files_max(self) -> usize {
        match self {
            Self::Together => 256,
            // One batch is delivered while the next one is staged: with all their files, the
            // connection, the journal and the locks an account stays below 300 descriptors.
            Self::Each => 128,
        }
    }

    /// How many of them stay open. A batch of so few is synced file by file in any case, which
    /// costs no more.
    fn open_files_max(self) -> usize {
        match self {
            Self::Together => 7,
            Self::Each => self.files_max(),
        }
    }
}

/// What was staged since the last batch ended.
#[derive(Debug)]
pub(super) struct Batch {
    syncing: Syncing,
    files: usize,
    octets: u64,
    first: Arc<Handle>,
}

/// What was written and may not be on the disk yet.
#[derive(Debug)]
pub(super) enum Unsynced {
    /// Can be synced by itself: a file that stays open is told if writing it back fails.
    Open(Arc<Handle>),
    /// Can only be synced together with all of its batch, whose first file, open since before this
    /// one was written, is told of any failure in the file system.
    Closed { file: Closed, first: Arc<Handle> },
}

impl Unsynced {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Open(handle) => handle.path(),
            Self::Closed { file, .. } => file.path(),
        }
    }

    pub(super) fn id(&self) -> HandleId {
        match self {
            Self::Open(handle) => handle.id(),
            Self::Closed { file, .. } => file.id(),
        }
    }
}

impl Batch {
    /// Begins with its first file, of so many octets, in this folder.
    pub(super) fn begin(
        disk: &Disk,
        folder: &Path,
        first: Handle,
        octets: u64,
    ) -> (Self, Unsynced) {
        Self::synced(Syncing::in_folder(disk, folder), first, octets)
    }

    fn synced(syncing: Syncing, first: Handle, octets: u64) -> (Self, Unsynced) {
        let first = Arc::new(first);
        let batch = Self {
            syncing,
            files: 1,
            octets,
            first: Arc::clone(&first),
        };
        (batch, Unsynced::Open(first))
    }

    /// Takes one more file in.
    pub(super) fn add(&mut self, file: Handle, octets: u64) -> Unsynced {
        self.files += 1;
        self.octets += octets;
        if self.files <= self.syncing.open_files_max() {
            Unsynced::Open(Arc::new(file))
        } else {
            Unsynced::Closed {
                file: file.close(),
                first: Arc::clone(&self.first),
            }
        }
    }

    /// A file of so many octets goes.
    pub(super) fn discard(&mut self, octets: u64) {
        self.files = self.files.saturating_sub(1);
        self.octets = self.octets.saturating_sub(octets);
    }

    pub(super) fn is_full(&self, batches: Batches) -> bool {
        let files_max = match batches {
            Batches::Single => 1,
            Batches::Synced => self.syncing.files_max(),
        };
        self.files >= files_max || self.octets >= BATCH_OCTETS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::{BATCH_OCTETS_MAX, Batch, Batches, Syncing, Unsynced};
    use crate::store::durable::Disk;

    fn check(syncing: Syncing, files_max: usize, open_max: usize) {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new();
        let mut files = (0..).map(|number| {
            let path = folder.path().join(format!("{number}"));
            disk.create_new(&path).unwrap()
        });
        let (mut batch, first) = Batch::synced(syncing, files.next().unwrap(), 1);
        assert!(batch.is_full(Batches::Single));
        let mut staged = vec![first];
        while !batch.is_full(Batches::Synced) {
            staged.push(batch.add(files.next().unwrap(), 1));
        }
        let is_open = |file: &&Unsynced| matches!(file, Unsynced::Open(_));
        let open = staged.iter().take_while(is_open).count();
        assert_eq!((staged.len(), open), (files_max, open_max));
        assert_eq!(staged.iter().filter(is_open).count(), open);
        batch.discard(1);
        batch.discard(1);
        assert!(!batch.is_full(Batches::Synced));
        batch.add(files.next().unwrap(), BATCH_OCTETS_MAX);
        assert!(batch.is_full(Batches::Synced));
    }

    #[test]
    fn few_files_stay_open_where_all_are_synced_together() {
        check(Syncing::Together, 256, 7);
        check(Syncing::Each, 128, 128);
    }
}
