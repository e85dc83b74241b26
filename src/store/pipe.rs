//! The pipe destination: each message on the standard input of a shell command, at least once.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::delivery::{Commit, Delivered, Delivery, Replayed};
use super::durable::Disk;
use super::error::{ChildOutcome, Error};
use super::files::{Batches, FileStage, Form, StagedFile, clean, remove_if_there};
use super::journal::{Fulfilled, Journal, Receipt, ReceiptId};
use super::open::{Clock, Halves, Site};

/// Set to `1` for a message the command was given before, in this run or an earlier one, without
/// a receipt coming of it.
const RETRY_VARIABLE: &str = "POPFETCH_RETRY";

/// What may hold a secret or tell where one is: the command is not the one it is for.
const SECRET_VARIABLES: [&str; 3] = [
    "POPFETCH_PASSWORD",
    "POPFETCH_PROXY",
    "CREDENTIALS_DIRECTORY",
];

const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// The two halves of a pipe into `command`.
pub(super) fn halves(site: &Site, command: &str) -> Halves {
    let folder = site.sides.folder.clone();
    Halves {
        stage: Box::new(FileStage::new(
            site,
            folder.clone(),
            Form::LineFeeds,
            Batches::Single,
        )),
        commit: Box::new(PipeCommit {
            disk: site.disk.clone(),
            clock: site.clock.clone(),
            patience: site.patience,
            folder,
            command: command.to_owned(),
            tried: HashMap::new(),
        }),
    }
}

#[derive(Debug)]
struct PipeCommit {
    disk: Disk,
    clock: Clock,
    patience: Duration,
    folder: PathBuf,
    command: String,
    /// Contents the command was given before without a receipt, and the intents that say so: they
    /// stay open until one comes.
    tried: HashMap<[u8; 32], Vec<ReceiptId>>,
}

impl Commit for PipeCommit {
    fn deliver(
        &mut self,
        journal: &mut Journal,
        batch: Vec<Delivery>,
    ) -> Result<Vec<Delivered>, Error> {
        let mut delivered = Vec::new();
        for delivery in batch {
            let (receipt, keeping) = delivery.into_receipt(self.clock.seconds());
            let file = StagedFile::from_keeping(keeping);
            let outcome = self.deliver_one(journal, receipt, &file);
            remove_if_there(&self.disk, file.path())?;
            delivered.push(outcome?);
        }
        Ok(delivered)
    }

    fn replay(&mut self, journal: &mut Journal) -> Result<Replayed, Error> {
        for (intent, receipt) in journal.open_intents()? {
            self.tried.entry(receipt.sha256).or_default().push(intent);
        }
        clean(&self.disk, &self.folder, journal.id(), &HashSet::new())?;
        Ok(Replayed::default())
    }
}

impl PipeCommit {
    fn deliver_one(
        &mut self,
        journal: &mut Journal,
        receipt: Receipt,
        file: &StagedFile,
    ) -> Result<Delivered, Error> {
        let intents = journal.intend(std::slice::from_ref(&receipt))?;
        journal.sync()?;
        let tried_before = self.tried.entry(receipt.sha256).or_default();
        let attempt = if tried_before.is_empty() {
            Attempt::First
        } else {
            Attempt::Again
        };
        tried_before.extend(&intents);
        self.run(file, attempt)?;
        let mut outdated = self.tried.remove(&receipt.sha256).unwrap_or_default();
        outdated.retain(|intent| !intents.contains(intent));
        let id = *intents.first().expect("one intent for one receipt");
        journal.fulfil(&[Fulfilled::as_intended(id)])?;
        journal.void(&outdated)?;
        Ok(Delivered { id, receipt })
    }

    fn run(&self, file: &StagedFile, attempt: Attempt) -> Result<(), Error> {
        let message = File::open(file.path()).map_err(Error::io("opening", file.path()))?;
        let outcome = self
            .start(message, attempt)
            .and_then(|child| wait(child, self.patience));
        let failure = match outcome {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => ChildOutcome::Status(code),
                (None, signal) => ChildOutcome::Signal(signal.unwrap_or_default()),
            },
            Ok(None) => ChildOutcome::Deadline,
            Err(error) => ChildOutcome::NotStarted(error.to_string()),
        };
        Err(Error::Child {
            command: self.command.clone(),
            outcome: failure,
        })
    }

    /// Starts the command in a process group of its own: a signal from the terminal is for us, and
    /// lets it end in peace.
    fn start(&self, message: File, attempt: Attempt) -> io::Result<Child> {
        let mut command = Command::new("sh");
        command.args(["-c", &self.command]).process_group(0);
        // What it says is no result of ours.
        command.stdin(message).stdout(Stdio::from(io::stderr()));
        for name in SECRET_VARIABLES {
            command.env_remove(name);
        }
        match attempt {
            Attempt::First => command.env_remove(RETRY_VARIABLE),
            Attempt::Again => command.env(RETRY_VARIABLE, "1"),
        };
        command.spawn()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    First,
    Again,
}

/// Waits for the child to end; kills it and all it has started when patience ends.
fn wait(mut child: Child, patience: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + patience;
    let mut pause = PAUSE_MIN;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _outcome = kill_process_group(group, Signal::KILL);
            }
            child.wait()?;
            return Ok(None);
        }
        thread::park_timeout(pause);
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testkit::Kit;
    use super::{ChildOutcome, Error};
    use crate::store::Destination;

    const MESSAGE: &[u8] = b"Subject: x\r\n\r\nFrom y\r\nno end";

    fn pipe(command: &str) -> Kit {
        Kit::new(|_| Destination::Pipe(command.to_owned()))
    }

    #[test]
    fn the_command_gets_the_whole_message() {
        let out = tempfile::NamedTempFile::new().unwrap();
        let kit = pipe(&format!("cat >> {}; echo talk", out.path().display()));
        let mut opened = kit.open().unwrap();
        let delivered = opened.deliver(&[MESSAGE]).unwrap();
        opened.deliver(&[MESSAGE]).unwrap();
        assert_eq!(
            fs::read(out.path()).unwrap(),
            b"Subject: x\n\nFrom y\nno endSubject: x\n\nFrom y\nno end"
        );
        assert_eq!(delivered.len(), 1);
        assert!(opened.journal.has(opened.account, b"uid1"));
        assert_eq!(staged(&kit), 0);
    }

    /// How many messages are staged still.
    fn staged(kit: &Kit) -> usize {
        let names = fs::read_dir(kit.folder()).unwrap();
        names
            .filter(|name| name.as_ref().unwrap().file_name() != "journal")
            .count()
    }

    fn check_failure(command: &str, expected: &ChildOutcome) {
        let kit = pipe(command);
        let mut opened = kit.open().unwrap();
        match opened.deliver(&[MESSAGE]) {
            Err(Error::Child { outcome, .. }) => assert_eq!(outcome, *expected, "{command}"),
            other => panic!("{command}: {other:?}"),
        }
        assert!(!opened.journal.has(opened.account, b"uid1"));
        assert_eq!(staged(&kit), 0);
    }

    #[test]
    fn failures_are_told_apart() {
        check_failure("exit 75", &ChildOutcome::Status(75));
        check_failure("cat > /dev/null; exit 1", &ChildOutcome::Status(1));
        check_failure("kill -9 $$", &ChildOutcome::Signal(9));
        check_failure("sleep 60 & sleep 60", &ChildOutcome::Deadline);
    }

    #[test]
    fn a_second_try_is_announced() {
        let kit = pipe("test \"$POPFETCH_RETRY\" = 1");
        let mut opened = kit.open().unwrap();
        opened.deliver(&[MESSAGE]).unwrap_err();
        opened.deliver(&[b"another"]).unwrap_err();
        opened.deliver(&[MESSAGE]).unwrap();
        // And in the next run, as long as there was no receipt.
        drop(opened);
        let mut opened = kit.open().unwrap();
        opened.deliver(&[b"another"]).unwrap();
        opened.deliver(&[MESSAGE]).unwrap_err();
    }
}
