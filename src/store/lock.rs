//! One run at a time: the lock on a destination.
//!
//! The operating system's lock on a file that is never renamed or removed: it ends with the
//! process, however that ends, and nobody can hold it on a file that is not the file any more.

use std::fmt;
use std::fs::TryLockError;
use std::io;
use std::path::Path;
use std::str;

use super::durable::{Disk, Handle};
use super::error::Error;
use super::journal::read_at;

/// A lock file says a few words.
const TEXT_OCTETS_MAX: usize = 1024;

/// Who holds a lock, as its file tells: a word for people, never a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The host it runs on.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// Since when, in seconds since 1970.
    pub since_seconds: i64,
}

impl Holder {
    fn parse(text: &[u8]) -> Option<Self> {
        let mut words = str::from_utf8(text).ok()?.split_ascii_whitespace();
        Some(Self {
            host: words.next()?.to_owned(),
            pid: words.next()?.parse().ok()?,
            since_seconds: words.next()?.parse().ok()?,
        })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)?;
        match chrono::DateTime::from_timestamp(self.since_seconds, 0) {
            Some(since) => write!(f, " since {}", since.format("%Y-%m-%dT%H:%M:%SZ")),
            None => Ok(()),
        }
    }
}

/// The lock, for as long as this lives.
#[derive(Debug)]
pub(super) struct RunLock {
    handle: Handle,
}

impl RunLock {
    /// Takes the lock at once or not at all.
    pub(super) fn take(disk: &Disk, path: &Path, holder: &Holder) -> Result<Self, Error> {
        let handle = disk
            .open_or_create(path)
            .map_err(Error::io("opening", path))?;
        match handle.as_file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked {
                    path: path.to_owned(),
                    holder: read_holder(&handle).ok().flatten(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("locking", path)(error)),
        }
        sign(&handle, holder).map_err(Error::io("writing", path))?;
        Ok(Self { handle })
    }
}

impl Drop for RunLock {
    /// Closing the file alone would leave the lock to a child process that another thread is just
    /// starting, which has a copy of the descriptor until it executes its program.
    fn drop(&mut self) {
        if let Err(error) = self.handle.as_file().unlock() {
            log::info!("unlocking {}: {error}", self.handle.path().display());
        }
    }
}

fn read_holder(handle: &Handle) -> io::Result<Option<Holder>> {
    let mut text = vec![0; TEXT_OCTETS_MAX];
    let octets = read_at(handle.as_file(), &mut text, 0)?;
    text.truncate(octets);
    Ok(Holder::parse(&text))
}

fn sign(handle: &Handle, holder: &Holder) -> io::Result<()> {
    let host: String = holder.host.split_whitespace().collect();
    let text = format!("{host} {} {}\n", holder.pid, holder.since_seconds);
    handle.set_len(0)?;
    handle.write_all_at(text.as_bytes(), 0)
}

#[cfg(test)]
mod tests {
    use super::{Holder, RunLock};
    use crate::store::durable::Disk;
    use crate::store::error::Error;

    #[test]
    fn the_second_is_told_who_is_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".popfetch-lock");
        let holder = Holder {
            host: "laptop".to_owned(),
            pid: 4711,
            since_seconds: 1_764_000_000,
        };
        let lock = RunLock::take(&Disk::new(), &path, &holder).unwrap();
        let error = RunLock::take(&Disk::new(), &path, &holder).unwrap_err();
        let Error::Locked {
            holder: Some(found),
            ..
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!(found, &holder);
        let text = "process 4711 on laptop since 2025-11-24T16:00:00Z";
        assert!(error.to_string().ends_with(text), "{error}");
        // As a child process has it for the moment between fork and exec.
        let inherited = lock.handle.as_file().try_clone().unwrap();
        drop(lock);
        RunLock::take(&Disk::new(), &path, &holder).unwrap();
        drop(inherited);
    }

    #[test]
    fn any_words_in_a_lock_file_do() {
        let check = |text: &str, expected: bool| {
            assert_eq!(Holder::parse(text.as_bytes()).is_some(), expected, "{text}");
        };
        check("laptop 1 2\n", true);
        check("laptop 1 2 more", true);
        check("laptop one 2", false);
        check("", false);
    }
}
