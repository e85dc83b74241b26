//! The dot-lock: a file beside the mbox, which is locked as long as it is there.

use std::io;
use std::path::{Path, PathBuf};

use super::stale::OUR_MARK;
use super::{Identity, identity, named_identity};
use crate::store::durable::{Disk, Handle};
use crate::store::error::Error;
use crate::store::files::remove_if_there;
use crate::store::layout::is_forbidden;
use crate::store::open::{Clock, Site};

/// Makes the dot-lock of one mbox.
#[derive(Debug)]
pub(super) struct DotLocker {
    pub(super) disk: Disk,
    pub(super) clock: Clock,
    pub(super) mbox: PathBuf,
    pub(super) path: PathBuf,
    /// Holds who we are, synced and with an OS lock on it for as long as we live; it becomes the
    /// dot-lock by a second name. So a dot-lock of ours is whole from its first moment, and that
    /// its owner is dead is known for sure, whatever process has its number now.
    pub(super) own_file: OwnFile,
}

#[derive(Debug)]
pub(super) struct OwnFile {
    path: PathBuf,
    text: String,
    handle: Option<Handle>,
}

/// A dot-lock that is ours; it goes when this is dropped.
#[derive(Debug)]
pub(super) struct DotLock {
    disk: Disk,
    path: PathBuf,
    /// Which file it is: if another program took it for stale, what has its name is not ours.
    identity: Identity,
    /// Carries the OS lock that shows we live, where [`OwnFile`] does not.
    _alive: Option<Handle>,
}

/// What came of one try at the dot-lock.
pub(super) enum DotTry {
    Made(DotLock),
    /// Nobody may make files here, as in a system's spool folder.
    Forbidden,
    Held(Option<String>),
    Again,
}

impl DotLocker {
    /// Makes the dot-lock of the mbox at `mbox`.
    pub(super) fn new(site: &Site, mbox: &Path) -> Self {
        let mut path = mbox.as_os_str().to_owned();
        path.push(".lock");
        Self {
            disk: site.disk.clone(),
            clock: site.clock.clone(),
            mbox: mbox.to_owned(),
            path: path.into(),
            own_file: OwnFile {
                path: site.sides.file("dotlock"),
                text: format!("{} {}{OUR_MARK}", site.pid, site.host_name),
                handle: None,
            },
        }
    }

    /// Removes locks that a run which died has left, though nobody wants the lock now: other
    /// programs may, and cannot tell that its owner is dead.
    pub(super) fn clear_left_over(&self) -> Result<(), Error> {
        if named_identity(&self.path).is_some() {
            self.examine()?;
        }
        remove_if_there(&self.disk, &self.own_file.path)
    }

    /// Makes it, or says why not.
    pub(super) fn try_lock(&mut self) -> Result<DotTry, Error> {
        let made = self.link().or_else(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                Err(error)
            } else {
                self.make()
            }
        });
        match made {
            Ok(dot_lock) => Ok(DotTry::Made(dot_lock)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.examine(),
            Err(error) if is_forbidden(&error) => Ok(DotTry::Forbidden),
            Err(error) => Err(Error::io("making the lock", &self.path)(error)),
        }
    }

    /// Makes the dot-lock as a second name of our own file.
    fn link(&mut self) -> io::Result<DotLock> {
        let handle = self.own_file.prepare(&self.disk)?;
        let identity = identity(handle.as_file())?;
        // Others tell a stale lock by its age.
        handle.set_modified(self.clock.now());
        self.disk.link(&self.own_file.path, &self.path)?;
        Ok(DotLock {
            disk: self.disk.clone(),
            path: self.path.clone(),
            identity,
            _alive: None,
        })
    }

    /// Makes the dot-lock as a file of its own, where a second name cannot be given.
    fn make(&self) -> io::Result<DotLock> {
        let mut handle = self.disk.create_new(&self.path)?;
        let _outcome = handle.as_file().try_lock();
        if let Err(error) = handle.write_all(self.own_file.text.as_bytes()) {
            // Without its text the next run would take it for another program's.
            let _outcome = self.disk.remove(&self.path);
            return Err(error);
        }
        let identity = identity(handle.as_file())?;
        Ok(DotLock {
            disk: self.disk.clone(),
            path: self.path.clone(),
            identity,
            _alive: Some(handle),
        })
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
    pub(super) fn identity(&self) -> Option<Identity> {
        identity(self.handle.as_ref()?.as_file()).ok()
    }

    /// The host's name in its text.
    pub(super) fn host(&self) -> Option<&str> {
        self.text.split_ascii_whitespace().nth(1)
    }
}

impl Drop for DotLock {
    fn drop(&mut self) {
        if named_identity(&self.path) == Some(self.identity) {
            // One that stays behind is tried again at the end, and known as stale by the next run.
            let _outcome = self.disk.remove(&self.path);
        }
    }
}

impl Drop for DotLocker {
    fn drop(&mut self) {
        let identity = self.own_file.identity();
        if identity.is_some() && named_identity(&self.path) == identity {
            let _outcome = self.disk.remove(&self.path);
        }
        if self.own_file.handle.take().is_some() {
            let _outcome = self.disk.remove(&self.own_file.path);
        }
    }
}
