//! Dot-locks that were left behind.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::dot_lock::{DotLocker, DotTry};
use super::{Identity, named_identity, try_fcntl_lock};
use crate::store::error::Error;
use crate::store::layout::is_forbidden;

/// A dot-lock of a program that does not say who it is counts as left behind after this long, as
/// in liblockfile(1).
const STALE_AFTER: Duration = Duration::from_mins(5);

/// What our dot-locks end with.
pub(super) const OUR_MARK: &str = " popfetch\n";

const LOCK_TEXT_OCTETS_MAX: u64 = 512;

/// A dot-lock that is there.
struct Found {
    /// None if it cannot be read: mutt gives its own no permissions at all.
    file: Option<File>,
    text: String,
    modified: SystemTime,
    identity: Identity,
}

impl DotLocker {
    /// Somebody's dot-lock is there: removes it if its owner is dead.
    pub(super) fn examine(&self) -> Result<DotTry, Error> {
        let found = match Found::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(DotTry::Again),
            found => found.map_err(Error::io("reading", &self.path))?,
        };
        if !self.is_stale(&found) {
            return Ok(DotTry::Held(found.holder()));
        }
        if named_identity(&self.path) == Some(found.identity) {
            match self.disk.remove(&self.path) {
                Err(error) if is_forbidden(&error) => return Ok(DotTry::Held(None)),
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("removing a stale lock", &self.path)(error));
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
        let is_refused = |mbox| matches!(try_fcntl_lock(&mbox), Ok(false));
        self.disk.open_write(&self.mbox).is_ok_and(is_refused)
    }
}

impl Found {
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

/// Whether a process has this number; none has no number.
fn is_alive(pid: Option<i32>) -> bool {
    let Some(pid) = pid.filter(|&pid| pid > 0).and_then(Pid::from_raw) else {
        return false;
    };
    // Any answer but "no such process" means there is one, perhaps somebody else's.
    test_kill_process(pid) != Err(Errno::SRCH)
}
