//! Opens a destination: resolve, make, lock, load, replay.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use rustix::rand::GetRandomFlags;

use super::delivery::{Commit, Replayed, Stage};
use super::destination::Destination;
use super::durable::Disk;
use super::eml::EmlFolders;
use super::error::{CannotCreate, Error};
use super::halves::halves;
use super::journal::{Journal, JournalId};
use super::layout::{self, Located, Sides, locate};
use super::lock::{Holder, RunLock};
use super::present;

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
    /// Set from outside to end the wait for an mbox's locks early.
    pub stop: Arc<AtomicBool>,
    /// The disk.
    pub disk: Disk,
}

/// What a destination's halves are made from.
#[derive(Clone, Debug)]
pub struct Site {
    /// The destination, its path real, its file or folder there.
    pub destination: Destination,
    /// The side files, such as a stage.
    pub(super) sides: Sides,
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
    /// Set from outside to end the wait for an mbox's locks early.
    pub stop: Arc<AtomicBool>,
    /// The disk.
    pub disk: Disk,
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
    /// The destination, its path real.
    pub destination: Destination,
    /// What is in it.
    pub journal: Journal,
    /// For the retrieving thread.
    pub stage: Box<dyn Stage>,
    /// For the committing thread.
    pub commit: Box<dyn Commit>,
    /// What was left over from an earlier run, and is done now.
    pub replayed: Replayed,
    _locks: Locks,
}

/// The lock on the destination, and that on a journal which others could name, too.
#[derive(Debug)]
struct Locks {
    _destination: RunLock,
    _journal: Option<RunLock>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// A destination with no other run at work on it, not opened yet.
#[derive(Debug)]
pub struct Claimed<'a> {
    options: &'a OpenOptions,
    located: Located,
    sides: Sides,
    journal: PathBuf,
    locks: Locks,
}

/// Opens a destination for storing, and ends what an earlier run left half done.
pub fn open(options: &OpenOptions) -> Result<Store, Error> {
    claim(options)?.open()
}

/// Makes a destination and takes the lock on it, at once or not at all.
pub fn claim(options: &OpenOptions) -> Result<Claimed<'_>, Error> {
    let located = locate(&options.destination)?;
    let named = options.journal.as_deref();
    let named = named.map(layout::locate_journal).transpose()?;
    layout::make(&options.disk, &located.destination)?;
    let (sides, locks) = lock(options, &located, named.as_deref())?;
    let journal = named.unwrap_or_else(|| journal_path(&located, &sides));
    Ok(Claimed {
        options,
        located,
        sides,
        journal,
        locks,
    })
}

impl Claimed<'_> {
    /// About how many receipts there are, known without loading them; at least so many if there
    /// are very many.
    pub fn receipts_expected(&self) -> usize {
        Journal::receipts_expected(&self.journal)
    }

    /// Opens the destination for storing, and ends what an earlier run left half done.
    pub fn open(self) -> Result<Store, Error> {
        let options = self.options;
        let disk = &options.disk;
        let path = self.journal;
        let loaded = match Journal::load(disk, &path)? {
            Some(journal) => Some(journal.compact(disk)?),
            None => None,
        };
        let journal_id = match &loaded {
            Some(journal) => journal.id(),
            None => random_id().map_err(Error::io("choosing an id for", &path))?,
        };
        let site = site(options, self.located.destination, self.sides, journal_id);
        // The journal comes before all else that is made here, on the disk, too: where there is more,
        // and no journal, one was lost.
        let mut journal = match loaded {
            Some(journal) => journal,
            None => begin(options, &site, &path)?,
        };
        layout::sync_journal_name(disk, &path)?;
        let Halves { stage, mut commit } = halves(&site)?;
        layout::sync_names(disk, &site.destination, &site.sides.folder)?;
        // Replay must not act on an intent that the next power cut can take back.
        journal.sync()?;
        let replayed = commit.replay(&mut journal)?;
        Ok(Store {
            destination: site.destination,
            journal,
            stage,
            commit,
            replayed,
            _locks: self.locks,
        })
    }
}

/// Reads a destination's journal for looking only, without lock or repair; none if there is no
/// journal.
pub fn read_journal(options: &OpenOptions) -> Result<Option<Journal>, Error> {
    if let Some(path) = &options.journal {
        return Journal::read_only(path);
    }
    let located = match locate(&options.destination) {
        Err(Error::CannotCreate {
            why: CannotCreate::NoParent,
            ..
        }) => return Ok(None),
        other => other?,
    };
    if let Some(beside) = &located.beside
        && let Some(journal) = Journal::read_only(&beside.file("journal"))?
    {
        return Ok(Some(journal));
    }
    let elsewhere = match in_state(options, &located) {
        Some(sides) => Journal::read_only(&sides.file("journal"))?,
        None => None,
    };
    if let (None, Orphans::Refuse, Some(beside)) = (&elsewhere, options.orphans, &located.beside) {
        refuse_orphans(&located.destination, beside, &beside.file("journal"))?;
    }
    Ok(elsewhere)
}

/// Whether the destination could be opened for storing, as far as can be told without changing
/// anything.
pub fn foresee(options: &OpenOptions) -> Result<(), Error> {
    layout::expect(&locate(&options.destination)?.destination)
}

/// Messages that we stored and no journal that speaks of them: one was lost.
fn refuse_orphans(destination: &Destination, sides: &Sides, journal: &Path) -> Result<(), Error> {
    if !present::holds_ours(destination, sides)? {
        return Ok(());
    }
    Err(Error::JournalMissing {
        path: PathBuf::from(destination.to_string()),
        journal: journal.to_owned(),
    })
}

/// Locks the destination and, since runs with other destinations may name it, a named journal.
fn lock(
    options: &OpenOptions,
    located: &Located,
    journal: Option<&Path>,
) -> Result<(Sides, Locks), Error> {
    let holder = Holder {
        host: options.host_name.clone(),
        pid: options.pid,
        since_seconds: options.clock.seconds(),
    };
    let (sides, destination) = lock_destination(options, located, journal, &holder)?;
    let held = sides.file("lock").canonicalize().ok();
    let wanted = journal.map(|path| Sides::of_journal(path).file("lock"));
    let journal = wanted
        .filter(|wanted| held.as_ref() != Some(wanted))
        .map(|wanted| RunLock::take(&options.disk, &wanted, &holder))
        .transpose()?;
    let locks = Locks {
        _destination: destination,
        _journal: journal,
    };
    Ok((sides, locks))
}

/// Takes the lock beside the mail or, where nothing can be written there, in the state folder.
fn lock_destination(
    options: &OpenOptions,
    located: &Located,
    journal: Option<&Path>,
    holder: &Holder,
) -> Result<(Sides, RunLock), Error> {
    let disk = &options.disk;
    let state = in_state(options, located);
    if let Some(beside) = &located.beside {
        match RunLock::take(disk, &beside.file("lock"), holder) {
            Err(Error::Io { source, .. }) if state.is_some() && layout::is_forbidden(&source) => {}
            other => return Ok((beside.clone(), other?)),
        }
    }
    let sides = match (state, journal) {
        (Some(sides), _) => {
            layout::make_state_folder(disk, &sides.folder)?;
            sides
        }
        (None, Some(journal)) => Sides::of_journal(journal),
        (None, None) => return Err(no_state_folder(options)),
    };
    let lock = RunLock::take(disk, &sides.file("lock"), holder)?;
    Ok((sides, lock))
}

fn no_state_folder(options: &OpenOptions) -> Error {
    Error::CannotCreate {
        path: PathBuf::from(options.destination.to_string()),
        why: CannotCreate::NoParent,
    }
}

fn in_state(options: &OpenOptions, located: &Located) -> Option<Sides> {
    let folder = &options.state_folder;
    (!folder.as_os_str().is_empty()).then(|| Sides::in_state(folder, &located.destination))
}

/// A journal that stands beside the mail is the journal, wherever the lock is.
fn journal_path(located: &Located, sides: &Sides) -> PathBuf {
    let beside = located.beside.as_ref().map(|beside| beside.file("journal"));
    match beside {
        Some(path) if path.exists() => path,
        Some(_) | None => sides.file("journal"),
    }
}

fn site(
    options: &OpenOptions,
    destination: Destination,
    sides: Sides,
    journal_id: JournalId,
) -> Site {
    Site {
        destination,
        sides,
        journal_id,
        eml_folders: options.eml_folders,
        host_name: options.host_name.clone(),
        pid: options.pid,
        clock: options.clock.clone(),
        patience: options.patience,
        stop: Arc::clone(&options.stop),
        disk: options.disk.clone(),
    }
}

/// Begins a journal. What is adopted is in it from the start: a journal that had only some of it
/// would let the rest come again.
fn begin(options: &OpenOptions, site: &Site, path: &Path) -> Result<Journal, Error> {
    let destination = &site.destination;
    let adopts = options.orphans == Orphans::Adopt;
    if !adopts {
        refuse_orphans(destination, &site.sides, path)?;
    }
    if let (true, Some(there)) = (adopts, destination.path()) {
        // Who knows when it came there, and by whose hand: what gets a receipt may be deleted from
        // the server.
        let syncing = Error::io("syncing the file system of", there);
        options.disk.sync_file_system(there).map_err(syncing)?;
    }
    Journal::create(&options.disk, path, site.journal_id, &mut |each| {
        if adopts {
            present::each_present(destination, options.clock.seconds(), each)
        } else {
            Ok(())
        }
    })?;
    Journal::load(&options.disk, path)?
        .ok_or_else(|| Error::io("opening", path)(io::ErrorKind::NotFound.into()))
}

fn random_id() -> io::Result<JournalId> {
    let mut id = [0; 8];
    let mut filled = 0;
    while let Some(rest) = id.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        filled += rustix::rand::getrandom(rest, GetRandomFlags::empty())?;
    }
    Ok(JournalId(u64::from_be_bytes(id)))
}

impl fmt::Debug for Halves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Halves").finish_non_exhaustive()
    }
}
