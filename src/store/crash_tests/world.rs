//! A maildrop and a destination on a disk that fails, and runs that bring one to the other.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::disk::{Fault, ModelDisk, Names, Survives};
use super::kind::{self, Kind};
use crate::protocol::UniqueId;
use crate::store::delivery::{Arriving, Delivery, Stage};
use crate::store::testkit::NOW_SECONDS;
use crate::store::{AccountId, Error, Identity, OpenOptions, Orphans, Store, open};

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

/// A mail that others have put into an mbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theirs {
    Synced,
    /// It may be lost still.
    Unsynced,
}

pub(super) struct World {
    _folder: TempDir,
    root: PathBuf,
    task: Task,
    disk: Arc<ModelDisk>,
    /// What the server holds still, by unique-id.
    maildrop: BTreeMap<String, Message>,
    /// Each by its number.
    theirs: Vec<Theirs>,
    /// Messages of ours that somebody has taken out: those that have no receipt yet come back.
    taken: Vec<Vec<u8>>,
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
            theirs: Vec::new(),
            taken: Vec::new(),
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
        // As the two threads of a fetch do, one batch is staged ahead.
        let mut ahead: Option<Vec<Delivery>> = None;
        for batch in missing.chunks(self.task.batch_messages) {
            let staged = stage(store.stage.as_mut(), account, batch)?;
            if let Some(before) = ahead.replace(staged) {
                store.commit.deliver(&mut store.journal, before)?;
            }
        }
        if let Some(last) = ahead {
            store.commit.deliver(&mut store.journal, last)?;
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

    /// How many operations the last run came to.
    pub(super) fn operations(&self) -> usize {
        self.disk.operations()
    }

    pub(super) fn cut_power(&self, names: Names, survives: Survives) {
        self.disk.cut_power(names, survives);
    }

    /// Another program delivers into the mbox.
    pub(super) fn others_deliver(&mut self) {
        if self.task.kind == Kind::Mbox {
            let mail = in_mbox(self.theirs.len());
            self.disk.append(&self.path(), &mail);
            self.theirs.push(Theirs::Synced);
        }
    }

    /// Another program rewrites the mbox, with mail of its own in front, and does not sync it.
    pub(super) fn others_rewrite(&mut self) {
        if self.task.kind == Kind::Mbox {
            let mail = in_mbox(self.theirs.len());
            self.disk.prepend(&self.path(), &mail);
            self.theirs.push(Theirs::Unsynced);
        }
    }

    /// And syncs it.
    pub(super) fn others_sync(&mut self) {
        if self.task.kind == Kind::Mbox {
            self.disk.sync(&self.path());
            self.theirs.fill(Theirs::Synced);
        }
    }

    /// A reader rewrites the mbox, with a field of its own in each message.
    pub(super) fn others_read(&mut self) {
        if self.task.kind == Kind::Mbox {
            self.disk.rewrite(&self.path(), kind::read);
        }
    }

    /// One rewrites it from its last message on.
    pub(super) fn others_read_last(&mut self) {
        if self.task.kind == Kind::Mbox {
            self.disk.rewrite(&self.path(), kind::read_last);
        }
    }

    /// Somebody takes the first message of ours out of the mbox.
    pub(super) fn others_take_out(&mut self) {
        if self.task.kind == Kind::Mbox {
            let ours = self.stored_forms();
            self.disk.rewrite(&self.path(), |mbox| {
                let taken = kind::take_out(mbox, &ours);
                let Some((rest, message)) = taken else {
                    return mbox.to_owned();
                };
                self.taken.push(message);
                rest
            });
        }
    }

    /// Somebody tidies up in the mbox's folder.
    pub(super) fn others_remove_stages(&self) {
        for kind in ["stage", "stage-2"] {
            self.disk
                .remove(&self.root.join(format!(".box.popfetch-{kind}")));
        }
    }

    /// Fails unless each message is there once, octet for octet, and nothing else.
    pub(super) fn check(&self, told: &dyn std::fmt::Debug) {
        let kind = self.task.kind;
        let mut wanted = self.stored_forms();
        let mut found = kind.messages_in(&self.path());
        for (number, theirs) in self.theirs.iter().enumerate() {
            let all = found.len();
            // Ours ends the first in an empty line, if others do not.
            let text = their_text(number);
            found.retain(|message| message.trim_ascii_end() != text.trim_ascii_end());
            let times = all - found.len();
            let may_be_lost = *theirs == Theirs::Unsynced;
            assert!(
                times == 1 || times == 0 && may_be_lost,
                "{told:?}: {times} times number {number} of theirs"
            );
        }
        for taken in &self.taken {
            let times =
                |messages: &[Vec<u8>]| messages.iter().filter(|&text| text == taken).count();
            if times(&found) < times(&wanted) {
                let at = wanted.iter().position(|text| text == taken);
                wanted.remove(at.unwrap());
            }
        }
        wanted.sort();
        found.sort();
        let shown = |messages: &[Vec<u8>]| -> Vec<String> {
            let shown = messages
                .iter()
                .map(|message| message.escape_ascii().to_string());
            shown.collect()
        };
        assert_eq!(shown(&found), shown(&wanted), "{told:?}");
        let left_over = kind.left_over(&self.path());
        assert_eq!(left_over, Vec::<PathBuf>::new(), "{told:?}");
    }

    fn stored_forms(&self) -> Vec<Vec<u8>> {
        let messages = self.task.messages.iter();
        messages
            .map(|message| self.task.kind.stored_form(message))
            .collect()
    }

    fn path(&self) -> PathBuf {
        self.root.join("box")
    }

    fn options(&self) -> OpenOptions {
        let Task { kind, .. } = self.task;
        kind.open_options(self.path(), &self.disk, self.runs)
    }
}

fn stage(
    stage: &mut dyn Stage,
    account: AccountId,
    batch: &[(&String, Message)],
) -> Result<Vec<Delivery>, Error> {
    let mut deliveries = Vec::new();
    for (uid, message) in batch {
        stage.begin(&Arriving::default())?;
        for chunk in message.as_bytes().chunks(7) {
            stage.write(chunk)?;
        }
        deliveries.push(Delivery {
            staged: stage.finish()?,
            account,
            unique_id: Some(unique_id(uid)),
            listed_octets: Some(message.len() as u64),
            suspect: false,
        });
    }
    stage.end_batch()?;
    Ok(deliveries)
}

fn their_text(number: usize) -> Vec<u8> {
    format!("Subject: theirs\nX-Number: {number}\n\nbody\n").into_bytes()
}

/// The first one without the empty line behind it.
fn in_mbox(number: usize) -> Vec<u8> {
    let from_line = &b"From x Fri Jan  5 10:30:00 2024\n"[..];
    let empty_line: &[u8] = if number == 0 { b"" } else { b"\n" };
    [from_line, &their_text(number), empty_line].concat()
}

fn unique_id(uid: &str) -> UniqueId {
    UniqueId::parse(uid.as_bytes()).unwrap()
}

fn now_seconds() -> i64 {
    i64::try_from(NOW_SECONDS).unwrap()
}
