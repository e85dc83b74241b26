//! Opens a destination: resolve, make, lock, load, replay.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::delivery::{Commit, Replayed, Stage};
use super::destination::Destination;
use super::durable::Disk;
use super::eml::EmlFolders;
use super::error::Error;
use super::journal::{Journal, JournalId};

/// The time of day, asked for as late as possible, given as a value.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// A clock that asks `now` each time.
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time of day.
    pub fn now(&self) -> SystemTime {
        (self.0)()
    }

    /// Seconds since 1970.
    pub fn seconds(&self) -> i64 {
        let since = self.now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// What to do with messages of ours that no journal speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orphans {
    /// Stop: the journal may only be away.
    #[default]
    Refuse,
    /// Begin a new journal, and recognise them by their content when the server lists them.
    Adopt,
}

/// All that opening a destination needs from outside.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// DEST.
    pub destination: Destination,
    /// A journal elsewhere.
    pub journal: Option<PathBuf>,
    /// Where state goes that cannot stand beside the mail; made when missing.
    pub state_folder: PathBuf,
    /// See [`Orphans`].
    pub orphans: Orphans,
    /// Whether an eml destination has folders inside.
    pub eml_folders: EmlFolders,
    /// This host's name.
    pub host_name: String,
    /// This process.
    pub pid: u32,
    /// The time of day.
    pub clock: Clock,
    /// How long a piped-into program may take for one message, and how long other programs'
    /// locks on an mbox are waited for.
    pub patience: Duration,
    /// The disk.
    pub disk: Disk,
}

/// What a destination's halves are made from.
#[derive(Clone, Debug)]
pub struct Site {
    /// The destination, its path real, its file or folder there.
    pub destination: Destination,
    /// The folder for side files such as a stage.
    pub side_folder: PathBuf,
    /// What the side files' names begin with: `.popfetch` or `.inbox.popfetch`.
    pub side_stem: String,
    /// The journal's id, for names.
    pub journal_id: JournalId,
    /// Whether an eml destination has folders inside.
    pub eml_folders: EmlFolders,
    /// This host's name.
    pub host_name: String,
    /// This process.
    pub pid: u32,
    /// The time of day.
    pub clock: Clock,
    /// See [`OpenOptions::patience`].
    pub patience: Duration,
    /// The disk.
    pub disk: Disk,
}

impl Site {
    /// The side file of this kind, such as `stage`.
    pub fn side_file(&self, kind: &str) -> PathBuf {
        self.side_folder.join(format!("{}-{kind}", self.side_stem))
    }
}

/// The two halves of a destination.
pub struct Halves {
    /// For the retrieving thread.
    pub stage: Box<dyn Stage>,
    /// For the committing thread.
    pub commit: Box<dyn Commit>,
}

/// An open destination.
pub struct Store {
    /// What is in it.
    pub journal: Journal,
    /// For the retrieving thread.
    pub stage: Box<dyn Stage>,
    /// For the committing thread.
    pub commit: Box<dyn Commit>,
    /// What was left over from an earlier run, and is done now.
    pub replayed: Replayed,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// Opens a destination for storing, and ends what an earlier run left half done.
pub fn open(options: &OpenOptions) -> Result<Store, Error> {
    Err(Error::JournalClosed {
        path: options.state_folder.clone(),
    })
}

/// Reads a destination's journal for looking only, without lock or repair; none if there is no
/// journal.
pub fn read_journal(options: &OpenOptions) -> Result<Option<Journal>, Error> {
    Err(Error::JournalClosed {
        path: options.state_folder.clone(),
    })
}

impl fmt::Debug for Halves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Halves").finish_non_exhaustive()
    }
}
