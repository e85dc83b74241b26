//! The locks of an mbox: fcntl and dot-lock, as Debian's policy and most mail programs want them.
//!
//! Both are tried without waiting and given back together, so that a program that takes them in
//! the other order cannot wait for us while we wait for it. The dot-lock is tried first: Python's
//! mailbox holds nothing else from the moment it has put a rewritten file in the place of the mbox
//! until it has locked that, and if it finds that locked it fails and leaves its dot-lock behind.
//!
//! fcntl locks (POSIX record locks) belong to a process and go when it closes any descriptor of the
//! file: while locked, the mbox is open here once and only once.

mod dot_lock;
mod stale;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use self::dot_lock::{DotLock, DotLocker, DotTry};
use crate::store::durable::{Disk, Handle};
use crate::store::error::Error;
use crate::store::open::Site;

/// How many stale locks and replaced files are got out of the way without waiting.
const OBSTACLES_MAX: u32 = 16;

const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// How an mbox is to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Every write goes to the end, wherever that is by then.
    Append,
    /// Writes go where they are told.
    InPlace,
}

/// Takes the locks of one mbox.
#[derive(Debug)]
pub(super) struct Locker {
    disk: Disk,
    patience: Duration,
    stop: Arc<AtomicBool>,
    mbox: PathBuf,
    dot: DotLocker,
}

/// The mbox, locked and open; the locks go when this is dropped.
#[derive(Debug)]
pub(super) struct LockedMbox {
    /// None where no dot-lock can be made. It goes first, the fcntl lock with the descriptor after
    /// it: some are woken up by that, and would have to go to sleep again if they found a dot-lock.
    dot_lock: Option<DotLock>,
    pub(super) handle: Handle,
}

/// A file, whatever its name.
type Identity = (u64, u64);

/// What came of one try.
enum Try {
    Locked(LockedMbox),
    /// Somebody has it.
    Held(Option<String>),
    /// What stood in the way is gone now.
    Again,
}

impl Locker {
    /// Locks the mbox at `mbox`, which may be missing.
    pub(super) fn new(site: &Site, mbox: &Path) -> Self {
        Self {
            disk: site.disk.clone(),
            patience: site.patience,
            stop: Arc::clone(&site.stop),
            mbox: mbox.to_owned(),
            dot: DotLocker::new(site, mbox),
        }
    }

    /// Waits for the locks until our patience ends.
    pub(super) fn lock(&mut self, access: Access) -> Result<LockedMbox, Error> {
        let deadline = Instant::now() + self.patience;
        let mut pause = PAUSE_MIN;
        let mut obstacles = 0;
        loop {
            let holder = match self.try_lock(access)? {
                Try::Locked(locked) => return Ok(locked),
                Try::Held(holder) => holder,
                // Nobody was waited for, so it costs no patience; but it may not go on for ever.
                Try::Again if obstacles < OBSTACLES_MAX => {
                    obstacles += 1;
                    continue;
                }
                Try::Again => None,
            };
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::Stopped);
            }
            if Instant::now() + pause > deadline {
                return Err(Error::MboxLocked {
                    path: self.mbox.clone(),
                    holder,
                });
            }
            thread::park_timeout(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// See [`DotLocker::clear_left_over`].
    pub(super) fn clear_left_over(&self) -> Result<(), Error> {
        self.dot.clear_left_over()
    }

    fn try_lock(&mut self, access: Access) -> Result<Try, Error> {
        let dot_lock = match self.dot.try_lock()? {
            DotTry::Made(dot_lock) => Some(dot_lock),
            DotTry::Forbidden => None,
            DotTry::Held(holder) => return Ok(Try::Held(holder)),
            DotTry::Again => return Ok(Try::Again),
        };
        let handle = self.open(access)?;
        if !try_fcntl_lock(&handle).map_err(Error::io("locking", &self.mbox))? {
            return Ok(Try::Held(None));
        }
        // A program that uses no dot-lock may have put another file in the place of the mbox since
        // we opened it; with the locks held none does any more.
        let opened = identity(handle.as_file()).map_err(Error::io("looking at", &self.mbox))?;
        let current = named_identity(&self.mbox) == Some(opened);
        Ok(if current {
            Try::Locked(LockedMbox { dot_lock, handle })
        } else {
            Try::Again
        })
    }

    /// Opens the mbox; makes it again if a reader has removed it, as mutt does with an empty one.
    fn open(&self, access: Access) -> Result<Handle, Error> {
        let opened = match access {
            Access::Append => self.disk.open_append(&self.mbox),
            Access::InPlace => self.disk.open_write(&self.mbox),
        };
        match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                drop(
                    self.disk
                        .create_new(&self.mbox)
                        .map_err(Error::io("creating", &self.mbox))?,
                );
                let folder = self.mbox.parent().unwrap_or(Path::new("."));
                self.disk
                    .sync_dir(folder)
                    .map_err(Error::io("syncing the folder", folder))?;
                self.open(access)
            }
            other => other.map_err(Error::io("opening", &self.mbox)),
        }
    }
}

impl LockedMbox {
    pub(super) fn path(&self) -> &Path {
        self.handle.path()
    }

    /// Makes what was written durable.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.handle
            .sync_data()
            .map_err(Error::io("syncing", self.path()))
    }

    /// What the user should hear of.
    pub(super) fn warning(&self) -> Option<String> {
        self.dot_lock.is_none().then(|| {
            format!(
                "no file can be made beside {}: it is locked by fcntl alone",
                self.path().display()
            )
        })
    }
}

/// Whether the fcntl lock is ours now.
fn try_fcntl_lock(mbox: &Handle) -> io::Result<bool> {
    match rustix::fs::fcntl_lock(mbox.as_file(), FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::ACCESS | Errno::AGAIN) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn identity(file: &File) -> io::Result<Identity> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// The file that has this name now.
fn named_identity(path: &Path) -> Option<Identity> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests;
