//! A maildrop and a destination on a disk that fails, and runs that bring one to the other.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::disk::{Fault, ModelDisk, Names, Survives};
use crate::protocol::UniqueId;
use crate::store::delivery::{Arriving, Delivery};
use crate::store::durable::{Disk, Watch};
use crate::store::testkit::NOW_SECONDS;
use crate::store::{
    AccountId, Clock, Destination, EmlFolders, Error, Identity, OpenOptions, Orphans, Store, open,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Maildir,
    Mbox,
    Eml,
    EmlByMonth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Keep,
    Delete,
}

/// A message that arrives.
pub(super) type Message = &'static str;

/// What the runs are to do.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) kind: Kind,
    pub(super) after: After,
    pub(super) messages: Vec<Message>,
    pub(super) batch_messages: usize,
}

/// Mail that others put into an mbox.
const THEIRS: &[u8] = b"From x Fri Jan  5 10:30:00 2024\nSubject: theirs\n\nbody\n\n";

pub(super) struct World {
    _folder: TempDir,
    root: PathBuf,
    task: Task,
    disk: Arc<ModelDisk>,
    /// What the server holds still, by unique-id.
    maildrop: BTreeMap<String, Message>,
    theirs: usize,
    runs: u64,
}

impl World {
    pub(super) fn new(task: Task) -> Self {
        // In memory where there is such a place: it is laid out thousands of times.
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let root = folder.path().canonicalize().unwrap().join("disk");
        fs::DirBuilder::new().create(&root).unwrap();
        let numbered = (1..).zip(&task.messages);
        let mut world = Self {
            disk: Arc::new(ModelDisk::new(&root)),
            maildrop: numbered
                .map(|(number, message)| (format!("uid{number}"), *message))
                .collect(),
            _folder: folder,
            root,
            task,
            theirs: 0,
            runs: 0,
        };
        // Where a journal that is not there, beside side files that are, counts as lost.
        world.others_deliver();
        world
    }

    /// One run, to which this happens.
    pub(super) fn run(&mut self, fault: Fault) -> Result<(), Error> {
        self.runs += 1;
        self.disk.begin(fault);
        let mut store = open(&self.options())?;
        let identity = Identity::Named("test".to_owned());
        let account = store.journal.account(&identity, &mut std::iter::empty());
        let missing: Vec<(&String, Message)> = self
            .maildrop
            .iter()
            .filter(|(uid, _)| store.journal.known(account, uid.as_bytes()).is_none())
            .map(|(uid, message)| (uid, *message))
            .collect();
        for batch in missing.chunks(self.task.batch_messages) {
            deliver(&mut store, account, batch)?;
        }
        store.journal.sync()?;
        match self.task.after {
            After::Keep => Ok(()),
            After::Delete => self.delete(&mut store, account),
        }
    }

    fn delete(&mut self, store: &mut Store, account: AccountId) -> Result<(), Error> {
        let all: Vec<UniqueId> = self.maildrop.keys().map(|uid| unique_id(uid)).collect();
        let all: Vec<&UniqueId> = all.iter().collect();
        store.journal.ask_delete(account, &all)?;
        store.journal.sync()?;
        // DELE, QUIT, +OK.
        self.maildrop.clear();
        store.journal.confirm_delete(account, &all, now_seconds())?;
        store.journal.sync()
    }

    /// Another program puts a message into the maildir and syncs nothing; it is adopted.
    pub(super) fn adopt_copied(&mut self, message: Message) -> PathBuf {
        self.disk.begin(Fault::None);
        let new = self.path().join("new");
        let copied = new.join("copied");
        let options = OpenOptions {
            orphans: Orphans::Adopt,
            ..self.options()
        };
        let copy = || {
            options.disk.make_dir(&self.path())?;
            options.disk.make_dir(&new)?;
            let mut file = options.disk.create_new(&copied)?;
            file.write_all(message.as_bytes())
        };
        copy().unwrap();
        open(&options).unwrap();
        copied
    }

    pub(super) fn cut_power(&self, names: Names, survives: Survives) {
        self.disk.cut_power(names, survives);
    }

    /// Another program delivers into the mbox.
    pub(super) fn others_deliver(&mut self) {
        if self.task.kind == Kind::Mbox {
            self.disk.append(&self.path(), THEIRS);
            self.theirs += 1;
        }
    }

    /// Fails unless each message is there once, octet for octet, and nothing else.
    pub(super) fn check(&self, told: &dyn std::fmt::Debug) {
        let mut wanted: Vec<Vec<u8>> = self
            .task
            .messages
            .iter()
            .map(|message| self.stored_form(message))
            .chain(std::iter::repeat_n(
                b"Subject: theirs\n\nbody\n".to_vec(),
                self.theirs,
            ))
            .collect();
        let mut found = match self.task.kind {
            Kind::Maildir => files(&[self.path().join("new"), self.path().join("cur")]),
            Kind::Eml => files(&[self.path()]),
            Kind::EmlByMonth => files(&months(&self.path())),
            Kind::Mbox => messages_of(&fs::read(self.path()).unwrap()),
        };
        wanted.sort();
        found.sort();
        let shown = |messages: &[Vec<u8>]| -> Vec<String> {
            let shown = messages
                .iter()
                .map(|message| message.escape_ascii().to_string());
            shown.collect()
        };
        assert_eq!(shown(&found), shown(&wanted), "{told:?}");
        assert_eq!(self.left_over(), Vec::<PathBuf>::new(), "{told:?}");
    }

    /// Files of ours that should be gone, or empty, once a run has ended well.
    fn left_over(&self) -> Vec<PathBuf> {
        let folder = match self.task.kind {
            Kind::Maildir => self.path().join("tmp"),
            Kind::Eml | Kind::EmlByMonth => self.path().join(".popfetch-tmp"),
            Kind::Mbox => self.root.clone(),
        };
        let is_mine = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let stays = name == "box" || name.ends_with("-journal") || name.ends_with("fetch-lock");
            !stays && (!name.contains("-stage") || fs::metadata(path).unwrap().len() > 0)
        };
        let names = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        names.filter(is_mine).collect()
    }

    fn stored_form(&self, message: Message) -> Vec<u8> {
        let mut text = message.replace("\r\n", "\n");
        match self.task.kind {
            Kind::Eml | Kind::EmlByMonth => message.as_bytes().to_owned(),
            Kind::Mbox if !text.is_empty() && !text.ends_with('\n') => {
                text.push('\n');
                text.into_bytes()
            }
            Kind::Maildir | Kind::Mbox => text.into_bytes(),
        }
    }

    fn path(&self) -> PathBuf {
        self.root.join("box")
    }

    fn options(&self) -> OpenOptions {
        let path = self.path();
        let eml_folders = match self.task.kind {
            Kind::EmlByMonth => EmlFolders::Months,
            Kind::Maildir | Kind::Mbox | Kind::Eml => EmlFolders::None,
        };
        let destination = match self.task.kind {
            Kind::Maildir => Destination::Maildir(path),
            Kind::Mbox => Destination::Mbox(path),
            Kind::Eml | Kind::EmlByMonth => Destination::Eml(path),
        };
        // No two runs begin in the same microsecond.
        let since = Duration::from_secs(NOW_SECONDS) + Duration::from_micros(self.runs);
        OpenOptions {
            destination,
            journal: None,
            state_folder: PathBuf::new(),
            orphans: Orphans::Refuse,
            eml_folders,
            host_name: "host".to_owned(),
            pid: std::process::id(),
            clock: Clock::new(move || SystemTime::UNIX_EPOCH + since),
            patience: Duration::from_millis(200),
            stop: Arc::default(),
            disk: Disk::watched(Arc::clone(&self.disk) as Arc<dyn Watch>),
        }
    }
}

fn deliver(
    store: &mut Store,
    account: AccountId,
    batch: &[(&String, Message)],
) -> Result<(), Error> {
    let mut deliveries = Vec::new();
    for (uid, message) in batch {
        store.stage.begin(&Arriving::default())?;
        for chunk in message.as_bytes().chunks(7) {
            store.stage.write(chunk)?;
        }
        deliveries.push(Delivery {
            staged: store.stage.finish()?,
            account,
            unique_id: Some(unique_id(uid)),
            listed_octets: Some(message.len() as u64),
            suspect: false,
        });
    }
    store.stage.end_batch()?;
    store.commit.deliver(&mut store.journal, deliveries)?;
    Ok(())
}

fn unique_id(uid: &str) -> UniqueId {
    UniqueId::parse(uid.as_bytes()).unwrap()
}

fn now_seconds() -> i64 {
    i64::try_from(NOW_SECONDS).unwrap()
}

/// The contents of all files in these folders but ours.
fn files(folders: &[PathBuf]) -> Vec<Vec<u8>> {
    let entries = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap());
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .filter(|path| {
            !path
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(".popfetch")
        })
        .map(|path| fs::read(path).unwrap())
        .collect()
}

/// The folders of all months.
fn months(path: &Path) -> Vec<PathBuf> {
    let folders_in = |path: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
        folders.retain(|path| !path.ends_with(".popfetch-tmp"));
        folders
    };
    folders_in(path)
        .iter()
        .flat_map(|year| folders_in(year))
        .collect()
}

/// The messages of an mbox, their quoting taken away.
fn messages_of(mbox: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for line in mbox.split_inclusive(|&octet| octet == b'\n') {
        if line.starts_with(b"From ") {
            end(messages.last_mut());
            messages.push(Vec::new());
        } else if let Some(message) = messages.last_mut() {
            let quotes = line.iter().take_while(|&&octet| octet == b'>').count();
            let is_quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
            message.extend_from_slice(&line[usize::from(is_quoted)..]);
        } else {
            panic!("mail before the first From_ line: {}", mbox.escape_ascii());
        }
    }
    end(messages.last_mut());
    messages
}

fn end(message: Option<&mut Vec<u8>>) {
    if let Some(message) = message {
        assert_eq!(message.pop(), Some(b'\n'), "{}", message.escape_ascii());
    }
}
