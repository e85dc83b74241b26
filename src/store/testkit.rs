//! A destination in a temporary folder, for tests.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::delivery::{Arriving, Delivered, Delivery, Replayed, Staged};
use super::destination::Destination;
use super::durable::{Disk, HandleId, Operation, Watch};
use super::eml::EmlFolders;
use super::error::Error;
use super::halves::halves;
use super::journal::{AccountId, Identity, Journal, JournalId};
use super::layout::Sides;
use super::open::{Clock, Halves, Site};
use crate::protocol::UniqueId;

/// The time of day in all tests.
pub(crate) const NOW_SECONDS: u64 = 1_704_448_801;

/// The names in a folder, sorted.
pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A text quoted line by line, as the definition of mboxrd has it.
pub(super) fn quoted_by_lines(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in text.split_inclusive(|&octet| octet == b'\n') {
        let quotes = line.iter().take_while(|&&octet| octet == b'>').count();
        if line[quotes..].starts_with(b"From ") {
            out.push(b'>');
        }
        out.extend_from_slice(line);
    }
    out
}

/// A folder with a destination in it, and what is needed to open it again and again.
pub(super) struct Kit {
    folder: TempDir,
    pub(super) destination: Destination,
    pub(super) disk: Disk,
    eml_folders: EmlFolders,
}

/// An open destination.
pub(super) struct Opened {
    pub(super) journal: Journal,
    pub(super) halves: Halves,
    pub(super) replayed: Replayed,
    pub(super) account: AccountId,
    /// How many messages were delivered: the next one gets the next number for a unique-id.
    pub(super) count: u32,
}

impl Kit {
    /// An empty destination of the kind `make` makes of its path.
    pub(super) fn new(make: impl FnOnce(PathBuf) -> Destination) -> Self {
        // In memory where there is such a place: hundreds of destinations are synced a thousand
        // times.
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let destination = make(folder.path().join("box"));
        match &destination {
            Destination::Maildir(path) | Destination::Eml(path) => {
                fs::create_dir_all(path).unwrap();
            }
            Destination::Mbox(path) => drop(fs::File::create(path).unwrap()),
            Destination::Pipe(_) | Destination::Stdout => {}
        }
        Self {
            folder,
            destination,
            disk: Disk::new(),
            eml_folders: EmlFolders::None,
        }
    }

    pub(super) fn with_folders(mut self, eml_folders: EmlFolders) -> Self {
        self.eml_folders = eml_folders;
        self
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("box")
    }

    /// Opens it, ending what an earlier opening left half done.
    pub(super) fn open(&self) -> Result<Opened, Error> {
        self.open_on(&self.disk)
    }

    /// The same on another disk.
    pub(super) fn open_on(&self, disk: &Disk) -> Result<Opened, Error> {
        let path = self.folder.path().join("journal");
        if !path.exists() {
            Journal::create(disk, &path, JournalId(0x5eed), &mut |_| Ok(()))?;
        }
        let mut journal = Journal::load(disk, &path)?.expect("it is there");
        let site = Site {
            destination: self.destination.clone(),
            sides: Sides::beside(&self.path()),
            journal_id: journal.id(),
            eml_folders: self.eml_folders,
            host_name: "host".to_owned(),
            pid: std::process::id(),
            clock: Clock::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_SECONDS)),
            patience: Duration::from_millis(200),
            stop: Arc::default(),
            disk: disk.clone(),
        };
        let mut halves = halves(&site)?;
        let account = journal.account(&Identity::Named("test".to_owned()), &mut std::iter::empty());
        let replayed = halves.commit.replay(&mut journal)?;
        Ok(Opened {
            journal,
            halves,
            replayed,
            account,
            count: 0,
        })
    }
}

impl Opened {
    /// Stages one message, cut into chunks of `chunk_octets`.
    pub(super) fn stage(&mut self, message: &[u8], chunk_octets: usize) -> Result<Staged, Error> {
        self.halves.stage.begin(&Arriving::default())?;
        for chunk in message.chunks(chunk_octets) {
            self.halves.stage.write(chunk)?;
        }
        self.halves.stage.finish()
    }

    /// Delivers a batch of staged messages.
    pub(super) fn commit(&mut self, staged: Vec<Staged>) -> Result<Vec<Delivered>, Error> {
        self.halves.stage.end_batch()?;
        let batch = staged
            .into_iter()
            .map(|staged| {
                self.count += 1;
                let unique_id = UniqueId::parse(format!("uid{}", self.count).as_bytes()).unwrap();
                Delivery {
                    staged,
                    account: self.account,
                    unique_id: Some(unique_id),
                    listed_octets: None,
                    suspect: false,
                }
            })
            .collect();
        self.halves.commit.deliver(&mut self.journal, batch)
    }

    /// Stages and delivers messages as one batch.
    pub(super) fn deliver(&mut self, messages: &[&[u8]]) -> Result<Vec<Delivered>, Error> {
        let staged = messages
            .iter()
            .map(|message| self.stage(message, 7))
            .collect::<Result<Vec<_>, _>>()?;
        self.commit(staged)
    }
}

/// Stops the world before an operation, as SIGKILL would: that operation and all later ones fail.
/// The last write may still bring a part of its octets to the file.
pub(super) struct Stop {
    operations_left: AtomicUsize,
    part: Part,
    paths: Mutex<HashMap<HandleId, PathBuf>>,
    hit: AtomicBool,
}

/// How much of the write at which the world stops still happens, where it is to this file.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) octets: fn(usize) -> usize,
}

impl Stop {
    /// Lets so many operations pass.
    pub(super) fn after(operations: usize, part: Part) -> Arc<Self> {
        Arc::new(Self {
            operations_left: AtomicUsize::new(operations),
            part,
            paths: Mutex::new(HashMap::new()),
            hit: AtomicBool::new(false),
        })
    }

    /// Whether the world stopped at a write to the file of the part.
    pub(super) fn hit(&self) -> bool {
        self.hit.load(Ordering::SeqCst)
    }

    fn write_part(&self, handle: HandleId, offset: u64, octets: &[u8]) {
        if self.paths.lock().unwrap().get(&handle) == Some(&self.part.path) {
            self.hit.store(true, Ordering::SeqCst);
            let part = &octets[..(self.part.octets)(octets.len()).min(octets.len())];
            let file = fs::OpenOptions::new()
                .write(true)
                .open(&self.part.path)
                .unwrap();
            file.write_all_at(part, offset).unwrap();
        }
    }
}

impl Watch for Stop {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        if let Operation::Create { path, handle }
        | Operation::OpenOrCreate { path, handle }
        | Operation::Open { path, handle } = operation
        {
            self.paths
                .lock()
                .unwrap()
                .insert(*handle, path.to_path_buf());
        }
        let left = self.operations_left.load(Ordering::SeqCst);
        if left > 1 {
            self.operations_left.store(left - 1, Ordering::SeqCst);
            return Ok(());
        }
        if left == 1 {
            self.operations_left.store(0, Ordering::SeqCst);
            if let Operation::Write {
                handle,
                offset,
                octets,
            } = operation
            {
                self.write_part(*handle, *offset, octets);
            }
        }
        Err(io::Error::other("the world has stopped"))
    }
}
