//! The locks of an mbox: fcntl and dot-lock, as Debian's policy and most mail programs want them.
//!
//! Both are tried without waiting and given back together, so that a program that takes them in
//! the other order cannot wait for us while we wait for it. The dot-lock is tried first: Python's
//! mailbox holds nothing else from the moment it has put a rewritten file in the place of the mbox
//! until it has locked that, and if it finds that locked it fails and leaves its dot-lock behind.
//!
//! fcntl locks (POSIX record locks) belong to a process and go when it closes any descriptor of the
//! file: while locked, the mbox is open here once and only once.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::store::durable::{Disk, Handle};
use crate::store::error::Error;
use crate::store::files::remove_if_there;
use crate::store::layout::is_forbidden;
use crate::store::open::{Clock, Site};

/// A dot-lock of a program that does not say who it is counts as left behind after this long, as
/// in liblockfile(1).
const STALE_AFTER: Duration = Duration::from_mins(5);

/// What our dot-locks end with.
const OUR_MARK: &str = " popfetch\n";

const LOCK_TEXT_OCTETS_MAX: u64 = 512;
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
    clock: Clock,
    patience: Duration,
    stop: Arc<AtomicBool>,
    mbox: PathBuf,
    dot_lock: PathBuf,
    /// Holds who we are, synced and with an OS lock on it for as long as we live; it becomes the
    /// dot-lock by a second name. So a dot-lock of ours is whole from its first moment, and that
    /// its owner is dead is known for sure, whatever process has its number now.
    own_file: OwnFile,
}

#[derive(Debug)]
struct OwnFile {
    path: PathBuf,
    text: String,
    handle: Option<Handle>,
}

/// The mbox, locked and open; the locks go when this is dropped.
#[derive(Debug)]
pub(super) struct LockedMbox {
    /// None where no dot-lock can be made. It goes first, the fcntl lock with the descriptor after
    /// it: some are woken up by that, and would have to go to sleep again if they found a dot-lock.
    dot_lock: Option<DotLock>,
    pub(super) handle: Handle,
}

/// A dot-lock that is ours; it goes when this is dropped.
#[derive(Debug)]
struct DotLock {
    disk: Disk,
    path: PathBuf,
    /// Which file it is: if another program took it for stale, what has its name is not ours.
    identity: Identity,
    /// Carries the OS lock that shows we live, where [`OwnFile`] does not.
    _alive: Option<Handle>,
}

/// A dot-lock that is there.
struct Found {
    /// None if it cannot be read: mutt gives its own no permissions at all.
    file: Option<File>,
    text: String,
    modified: SystemTime,
    identity: Identity,
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

/// What came of one try at the dot-lock.
enum DotTry {
    Made(DotLock),
    /// Nobody may make files here, as in a system's spool folder.
    Forbidden,
    Held(Option<String>),
    Again,
}

impl Locker {
    /// Locks the mbox at `mbox`, which may be missing.
    pub(super) fn new(site: &Site, mbox: &Path) -> Self {
        let mut dot_lock = mbox.as_os_str().to_owned();
        dot_lock.push(".lock");
        Self {
            disk: site.disk.clone(),
            clock: site.clock.clone(),
            patience: site.patience,
            stop: Arc::clone(&site.stop),
            mbox: mbox.to_owned(),
            dot_lock: dot_lock.into(),
            own_file: OwnFile {
                path: site.sides.file("dotlock"),
                text: format!("{} {}{OUR_MARK}", site.pid, site.host_name),
                handle: None,
            },
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

    /// Removes locks that a run which died has left, though nobody wants the lock now: other
    /// programs may, and cannot tell that its owner is dead.
    pub(super) fn clear_left_over(&self) -> Result<(), Error> {
        if named_identity(&self.dot_lock).is_some() {
            self.examine_dot_lock()?;
        }
        remove_if_there(&self.disk, &self.own_file.path)
    }

    fn try_lock(&mut self, access: Access) -> Result<Try, Error> {
        let dot_lock = match self.try_dot_lock()? {
            DotTry::Made(dot_lock) => Some(dot_lock),
            DotTry::Forbidden => None,
            DotTry::Held(holder) => return Ok(Try::Held(holder)),
            DotTry::Again => return Ok(Try::Again),
        };
        let handle = self.open(access)?;
        if !self.try_fcntl_lock(&handle)? {
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

    /// Whether the fcntl lock is ours now.
    fn try_fcntl_lock(&self, mbox: &Handle) -> Result<bool, Error> {
        match rustix::fs::fcntl_lock(mbox.as_file(), FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::ACCESS | Errno::AGAIN) => Ok(false),
            Err(error) => Err(Error::io("locking", &self.mbox)(error.into())),
        }
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

    fn try_dot_lock(&mut self) -> Result<DotTry, Error> {
        let made = self.link_dot_lock().or_else(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                Err(error)
            } else {
                self.make_dot_lock()
            }
        });
        match made {
            Ok(dot_lock) => Ok(DotTry::Made(dot_lock)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.examine_dot_lock(),
            Err(error) if is_forbidden(&error) => Ok(DotTry::Forbidden),
            Err(error) => Err(Error::io("making the lock", &self.dot_lock)(error)),
        }
    }

    /// Makes the dot-lock as a second name of our own file.
    fn link_dot_lock(&mut self) -> io::Result<DotLock> {
        let handle = self.own_file.prepare(&self.disk)?;
        let identity = identity(handle.as_file())?;
        // Others tell a stale lock by its age.
        handle.set_modified(self.clock.now());
        self.disk.link(&self.own_file.path, &self.dot_lock)?;
        Ok(DotLock {
            disk: self.disk.clone(),
            path: self.dot_lock.clone(),
            identity,
            _alive: None,
        })
    }

    /// Makes the dot-lock as a file of its own, where a second name cannot be given.
    fn make_dot_lock(&self) -> io::Result<DotLock> {
        let mut handle = self.disk.create_new(&self.dot_lock)?;
        let _outcome = handle.as_file().try_lock();
        if let Err(error) = handle.write_all(self.own_file.text.as_bytes()) {
            // Without its text the next run would take it for another program's.
            let _outcome = self.disk.remove(&self.dot_lock);
            return Err(error);
        }
        let identity = identity(handle.as_file())?;
        Ok(DotLock {
            disk: self.disk.clone(),
            path: self.dot_lock.clone(),
            identity,
            _alive: Some(handle),
        })
    }

    /// Somebody's dot-lock is there: removes it if its owner is dead.
    fn examine_dot_lock(&self) -> Result<DotTry, Error> {
        let look = Found::look(&self.dot_lock);
        let Some(found) = look.map_err(Error::io("reading", &self.dot_lock))? else {
            return Ok(DotTry::Again);
        };
        if !self.is_stale(&found) {
            return Ok(DotTry::Held(found.holder()));
        }
        if named_identity(&self.dot_lock) == Some(found.identity) {
            match self.disk.remove(&self.dot_lock) {
                Err(error) if is_forbidden(&error) => return Ok(DotTry::Held(None)),
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("removing a stale lock", &self.dot_lock)(error));
                }
                _ => {}
            }
        }
        Ok(DotTry::Again)
    }

    fn is_stale(&self, found: &Found) -> bool {
        let mut words = found.text.split_ascii_whitespace();
        let pid = words.next().and_then(|word| word.parse().ok());
        if let Some(file) = &found.file
            && found.text.ends_with(OUR_MARK)
        {
            // We ask, so we do not hold it: our last removal of it failed.
            if self.own_file.identity() == Some(found.identity) {
                return true;
            }
            return match file.try_lock() {
                // Its owner held an OS lock on it while it lived.
                Ok(()) => true,
                Err(fs::TryLockError::WouldBlock) => false,
                Err(fs::TryLockError::Error(_)) => {
                    let same_host = words.next() == self.own_file.host();
                    same_host && !is_alive(pid)
                }
            };
        }
        let age = self.clock.now().duration_since(found.modified);
        let is_old = age.is_ok_and(|age| age >= STALE_AFTER);
        is_old && !is_alive(pid) && !self.is_fcntl_locked()
    }

    /// Whether another process holds the fcntl lock: it lives, however old its dot-lock is.
    fn is_fcntl_locked(&self) -> bool {
        let is_refused = |mbox| matches!(self.try_fcntl_lock(&mbox), Ok(false));
        self.disk.open_write(&self.mbox).is_ok_and(is_refused)
    }
}

impl OwnFile {
    /// Makes the file, once in a run.
    fn prepare(&mut self, disk: &Disk) -> io::Result<&Handle> {
        let made = if let Some(handle) = self.handle.take() {
            handle
        } else {
            // The run lock is ours, so one that is there was left by a run that died.
            match disk.remove(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut handle = disk.create_new(&self.path)?;
            handle.write_all(self.text.as_bytes())?;
            handle.sync_data()?;
            // Where the file system has no such locks the process's number must do.
            let _outcome = handle.as_file().try_lock();
            handle
        };
        Ok(self.handle.insert(made))
    }

    /// Which file it is, under any name.
    fn identity(&self) -> Option<Identity> {
        identity(self.handle.as_ref()?.as_file()).ok()
    }

    /// The host's name in its text.
    fn host(&self) -> Option<&str> {
        self.text.split_ascii_whitespace().nth(1)
    }
}

impl Found {
    /// None if it is gone by now.
    fn look(path: &Path) -> io::Result<Option<Self>> {
        Self::read(path).map(Some).or_else(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                Ok(None)
            } else {
                Err(error)
            }
        })
    }

    fn read(path: &Path) -> io::Result<Self> {
        let file = match File::open(path) {
            Err(error) if is_forbidden(&error) => None,
            opened => Some(opened?),
        };
        let mut text = Vec::new();
        let metadata = match &file {
            Some(file) => {
                file.take(LOCK_TEXT_OCTETS_MAX).read_to_end(&mut text)?;
                file.metadata()?
            }
            None => fs::metadata(path)?,
        };
        Ok(Self {
            file,
            text: String::from_utf8_lossy(&text).into_owned(),
            modified: metadata.modified()?,
            identity: (metadata.dev(), metadata.ino()),
        })
    }

    /// Whose it says it is.
    fn holder(&self) -> Option<String> {
        let text = self.text.trim();
        (!text.is_empty()).then(|| text.to_owned())
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

impl Drop for DotLock {
    fn drop(&mut self) {
        if named_identity(&self.path) == Some(self.identity) {
            // One that stays behind is known as stale by the next that wants it.
            let _outcome = self.disk.remove(&self.path);
        }
    }
}

impl Drop for Locker {
    fn drop(&mut self) {
        if self.own_file.handle.take().is_some() {
            let _outcome = self.disk.remove(&self.own_file.path);
        }
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

/// Whether a process has this number; none has no number.
fn is_alive(pid: Option<i32>) -> bool {
    let Some(pid) = pid.filter(|&pid| pid > 0).and_then(Pid::from_raw) else {
        return false;
    };
    // Any answer but "no such process" means there is one, perhaps somebody else's.
    test_kill_process(pid) != Err(Errno::SRCH)
}

#[cfg(test)]
mod tests;
