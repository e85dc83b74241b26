//! Every change to a file goes through here: the only place in the crate that creates, writes,
//! renames, links, removes or syncs.
//!
//! What is created is ours alone: files have mode 0600 and folders 0700. A [`Watch`] sees each
//! change just before it is made and may refuse it; this is how the crash tests cut the power
//! after every single operation and put together what a disk may then hold.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use rustix::fs::{Advice, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// What others than the owner may do.
const MODE_OF_OTHERS: u32 = 0o077;

const NO_FOLLOW: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// The disk; cheap to clone.
#[derive(Clone, Default)]
pub struct Disk {
    watch: Option<Arc<dyn Watch>>,
}

impl Disk {
    /// The real disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// The real disk with somebody looking on.
    pub fn watched(watch: Arc<dyn Watch>) -> Self {
        Self { watch: Some(watch) }
    }

    /// Makes a file that must not be there yet.
    pub fn create_new(&self, path: &Path) -> io::Result<Handle> {
        let id = HandleId::next();
        self.see(&Operation::Create { path, handle: id })?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(path)?;
        Ok(self.handle(file, path, id))
    }

    /// Opens a file for reading and writing, made when missing; nothing in it changes.
    ///
    /// Such files have names that others could guess and take first: a link that leads elsewhere is
    /// not followed, nothing but a file is taken, and what others could read is theirs no more.
    pub fn open_or_create(&self, path: &Path) -> io::Result<Handle> {
        let id = HandleId::next();
        self.see(&Operation::OpenOrCreate { path, handle: id })?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .custom_flags(NO_FOLLOW)
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            let odd = "it is there and no regular file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, odd));
        }
        if metadata.mode() & MODE_OF_OTHERS != 0 {
            rustix::fs::fchmod(&file, Mode::from_raw_mode(FILE_MODE))?;
        }
        Ok(self.handle(file, path, id))
    }

    /// Opens a file that is there for reading and writing.
    pub fn open_write(&self, path: &Path) -> io::Result<Handle> {
        let id = HandleId::next();
        self.see(&Operation::Open { path, handle: id })?;
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(self.handle(file, path, id))
    }

    /// Opens a file that is there for reading, and for writing at its end wherever that is by then:
    /// what others append meanwhile is never overwritten.
    pub fn open_append(&self, path: &Path) -> io::Result<Handle> {
        let id = HandleId::next();
        self.see(&Operation::Open { path, handle: id })?;
        let file = OpenOptions::new().read(true).append(true).open(path)?;
        Ok(self.handle(file, path, id))
    }

    /// Renames, replacing what has the new name.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.see(&Operation::Rename { from, to })?;
        #[expect(clippy::disallowed_methods, reason = "this is the place that may")]
        fs::rename(from, to)
    }

    /// Renames unless the new name is taken ([`io::ErrorKind::AlreadyExists`]).
    pub fn rename_no_replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.see(&Operation::RenameNoReplace { from, to })?;
        let cwd = rustix::fs::CWD;
        match rustix::fs::renameat_with(cwd, from, cwd, to, RenameFlags::NOREPLACE) {
            // Not every file system has the flag, and an old kernel lacks the call; a hard link
            // refuses a taken name too, and leaves at worst both names for replay to tidy.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                fs::hard_link(from, to)?;
                fs::remove_file(from)
            }
            other => Ok(other?),
        }
    }

    /// Gives a file a second name, which must not be taken.
    pub fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.see(&Operation::Link { from, to })?;
        fs::hard_link(from, to)
    }

    /// Removes a file's name.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.see(&Operation::Remove { path })?;
        fs::remove_file(path)
    }

    /// Makes one folder, never its parents.
    pub fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.see(&Operation::MakeDir { path })?;
        DirBuilder::new().mode(FOLDER_MODE).create(path)
    }

    /// Makes the names in a folder durable.
    pub fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.see(&Operation::SyncDir { path })?;
        File::open(path)?.sync_all()
    }

    /// Makes all durable that is on the file system of this file or folder, whoever wrote it.
    pub fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        self.see(&Operation::SyncFileSystem { path })?;
        Ok(rustix::fs::syncfs(File::open(path)?)?)
    }

    /// See [`Watch::syncs_together`].
    pub(super) fn syncs_together(&self) -> Option<bool> {
        self.watch.as_ref()?.syncs_together()
    }

    fn see(&self, operation: &Operation<'_>) -> io::Result<()> {
        match &self.watch {
            Some(watch) => watch.before(operation),
            None => Ok(()),
        }
    }

    fn handle(&self, file: File, path: &Path, id: HandleId) -> Handle {
        Handle {
            file,
            path: path.to_owned(),
            id,
            position: 0,
            disk: self.clone(),
        }
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("watched", &self.watch.is_some())
            .finish()
    }
}

/// An open file that may be changed.
#[derive(Debug)]
pub struct Handle {
    file: File,
    path: PathBuf,
    id: HandleId,
    position: u64,
    disk: Disk,
}

impl Handle {
    /// Writes where the last write ended, at first at the file's start.
    pub fn write_all(&mut self, octets: &[u8]) -> io::Result<()> {
        self.write_all_at(octets, self.position)?;
        self.position = self.position.saturating_add(octets.len() as u64);
        Ok(())
    }

    /// Writes at `offset`; where [`Handle::write_all`] goes on does not change.
    pub fn write_all_at(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.disk.see(&Operation::Write {
            handle: self.id,
            offset,
            octets,
        })?;
        self.file.write_all_at(octets, offset)
    }

    /// Writes at the end of a file opened by [`Disk::open_append`].
    pub fn append_all(&mut self, octets: &[u8]) -> io::Result<()> {
        let offset = self.file.metadata()?.len();
        self.disk.see(&Operation::Write {
            handle: self.id,
            offset,
            octets,
        })?;
        self.file.write_all(octets)
    }

    /// Cuts the file, or fills it up with NULs.
    pub fn set_len(&self, octets: u64) -> io::Result<()> {
        self.disk.see(&Operation::SetLen {
            handle: self.id,
            octets,
        })?;
        self.file.set_len(octets)
    }

    /// Makes the file's octets and length durable. After an error they count as lost: the
    /// kernel tells it once and then forgets, so asking again proves nothing.
    pub fn sync_data(&self) -> io::Result<()> {
        self.disk.see(&Operation::SyncData { handle: self.id })?;
        self.file.sync_data()
    }

    /// Asks the kernel to start writing, so that the sync that follows has less to wait for.
    /// It promises nothing, therefore nobody is told of a failure.
    pub fn start_writeback(&self) {
        // Linux starts the write-back of dirty pages at this advice and, not waiting for it,
        // cannot drop them.
        let _outcome = rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed);
    }

    /// Sets the file's modification time. It is a courtesy to people and readers, so nobody is
    /// told where the file system refuses it.
    pub fn set_modified(&self, time: SystemTime) {
        let _outcome = self.file.set_modified(time);
    }

    /// For reading and locking.
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// The name it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which opening this is.
    pub(super) fn id(&self) -> HandleId {
        self.id
    }

    /// Closes the file. What was written may not be durable, and only [`sync_together`] makes it so:
    /// nobody is told any more if this file by itself fails.
    pub fn close(self) -> Closed {
        Closed {
            path: self.path,
            id: self.id,
        }
    }
}

/// A file that was written and closed.
#[derive(Debug)]
pub struct Closed {
    path: PathBuf,
    id: HandleId,
}

impl Closed {
    /// The name it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which opening it was.
    pub(super) fn id(&self) -> HandleId {
        self.id
    }
}

/// Makes files of one file system durable together, open or closed, by making all of it durable.
/// After an error they count as lost, all of them.
///
/// `first` must have been opened before any of them was written: it is told of whatever failed
/// since, to whichever file.
pub(super) fn sync_together(
    first: &Handle,
    files: impl IntoIterator<Item = HandleId>,
) -> io::Result<()> {
    for handle in files {
        first.disk.see(&Operation::SyncData { handle })?;
    }
    rustix::fs::syncfs(&first.file)?;
    // ext4 without a journal writes its inodes after it has emptied the disk's cache. A file's own
    // sync empties that last of all.
    first.file.sync_data()
}

/// One opening of a file, told apart from all others of this process: names change while a file
/// is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandleId(u64);

impl HandleId {
    fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// A change about to be made.
#[expect(missing_docs, reason = "the fields are the calls' own arguments")]
#[derive(Clone, Copy, Debug)]
pub enum Operation<'a> {
    /// [`Disk::create_new`]
    Create { path: &'a Path, handle: HandleId },
    /// [`Disk::open_or_create`]
    OpenOrCreate { path: &'a Path, handle: HandleId },
    /// [`Disk::open_write`]
    Open { path: &'a Path, handle: HandleId },
    /// [`Handle::write_all`], [`Handle::write_all_at`] and [`Handle::append_all`]
    Write {
        handle: HandleId,
        offset: u64,
        octets: &'a [u8],
    },
    /// [`Handle::set_len`]
    SetLen { handle: HandleId, octets: u64 },
    /// [`Handle::sync_data`] and, for each of its files, `sync_together`
    SyncData { handle: HandleId },
    /// [`Disk::rename`]
    Rename { from: &'a Path, to: &'a Path },
    /// [`Disk::rename_no_replace`]
    RenameNoReplace { from: &'a Path, to: &'a Path },
    /// [`Disk::link`]
    Link { from: &'a Path, to: &'a Path },
    /// [`Disk::remove`]
    Remove { path: &'a Path },
    /// [`Disk::make_dir`]
    MakeDir { path: &'a Path },
    /// [`Disk::sync_dir`]
    SyncDir { path: &'a Path },
    /// [`Disk::sync_file_system`]
    SyncFileSystem { path: &'a Path },
}

/// Looks on at every change, in order, from whichever thread makes it.
pub trait Watch: Send + Sync {
    /// Called before the change is made; an error is given to the caller in its place.
    fn before(&self, operation: &Operation<'_>) -> io::Result<()>;

    /// Whether files of one batch are to be synced together; none: as is best for the file system
    /// that is found.
    fn syncs_together(&self) -> Option<bool> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::io;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::sync::{Arc, Mutex};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::{Disk, Handle, HandleId, Operation, Watch, sync_together};

    /// Sees what is synced, and refuses when it was so many files.
    #[derive(Default)]
    struct Syncs {
        seen: Mutex<Vec<HandleId>>,
        allowed: usize,
    }

    impl Watch for Syncs {
        fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
            if let Operation::SyncData { handle } = operation {
                let mut seen = self.seen.lock().unwrap();
                if seen.len() == self.allowed {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                seen.push(*handle);
            }
            Ok(())
        }
    }

    fn check(allowed: usize, succeeds: bool) {
        let folder = tempfile::tempdir().unwrap();
        let syncs = Arc::new(Syncs {
            allowed,
            ..Syncs::default()
        });
        let disk = Disk::watched(Arc::<Syncs>::clone(&syncs));
        let handles: Vec<Handle> = ["a", "b", "c"]
            .iter()
            .map(|name| {
                let mut handle = disk.create_new(&folder.path().join(name)).unwrap();
                handle.write_all(name.as_bytes()).unwrap();
                handle
            })
            .collect();
        let ids: Vec<HandleId> = handles.iter().map(Handle::id).collect();
        let mut handles = handles.into_iter();
        let first = handles.next().unwrap();
        handles.for_each(|handle| drop(handle.close()));
        assert_eq!(sync_together(&first, ids.clone()).is_ok(), succeeds);
        assert_eq!(*syncs.seen.lock().unwrap(), ids[..allowed]);
    }

    #[test]
    fn files_synced_together_are_all_seen_and_one_refusal_fails_them_all() {
        check(3, true);
        check(2, false);
        check(0, false);
    }

    #[test]
    fn a_side_file_is_ours_alone_and_no_way_to_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let disk = Disk::new();
        let mut open = disk.create_new(&path("open")).unwrap();
        open.write_all(b"kept").unwrap();
        fs::set_permissions(path("open"), Permissions::from_mode(0o644)).unwrap();
        let handle = disk.open_or_create(&path("open")).unwrap();
        let metadata = handle.as_file().metadata().unwrap();
        assert_eq!((metadata.mode() & 0o777, metadata.len()), (0o600, 4));
        symlink(path("open"), path("link")).unwrap();
        symlink(path("missing"), path("dangling")).unwrap();
        mknodat(CWD, path("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        for name in ["link", "dangling", "fifo"] {
            disk.open_or_create(&path(name)).expect_err(name);
        }
        assert!(!path("missing").exists());
    }
}
