//! A maildrop on a server, a destination on a disk that fails, and fetches between them.

use std::fmt::Debug;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pop3d::{Mailbox, Settings};
use tempfile::TempDir;

use super::judge::{Judge, PlaceThere, identity};
use crate::client::{
    Attempt, Connector, Credentials, Host, LoginPolicy, Patience, Proof, Server, TlsMode, Transport,
};
use crate::secret::Secret;
use crate::store::DeleteState;
use crate::store::crash_tests::disk::{Fault, ModelDisk, Names, Survives};
use crate::store::crash_tests::kind::Kind;
use crate::store::testkit::NOW_SECONDS;
use crate::transfer::fetch::{Fetch, NewUniqueIds, Pace, Run};
use crate::transfer::policy::AfterStoring;
use crate::transfer::remote::Remote;
use crate::transfer::{Error, Task};

pub(super) type Message = &'static str;

/// What the runs are to do.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) kind: Kind,
    pub(super) after: AfterStoring,
    pub(super) messages: Vec<Message>,
    pub(super) unique_ids: UniqueIds,
    /// See [`Fetch::batch`].
    pub(super) batch: Option<usize>,
    pub(super) haste: Haste,
    /// See [`Remote::retries`].
    pub(super) retries: u32,
}

impl Work {
    /// Whether each message has a name that no other has.
    fn tells_apart(&self) -> bool {
        match self.unique_ids {
            UniqueIds::Each => true,
            UniqueIds::Shared => self.messages.len() < 2,
            UniqueIds::None => false,
        }
    }

    /// Whether messages are deleted in the end.
    fn may_delete(&self) -> bool {
        self.after != AfterStoring::Keep && self.tells_apart()
    }
}

/// What the server calls its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UniqueIds {
    /// Each by a name of its own.
    Each,
    /// All by the same.
    Shared,
    /// It knows no UIDL.
    None,
}

impl UniqueIds {
    /// What it would call the message at this place.
    pub(super) fn of(self, place: PlaceThere) -> String {
        match self {
            Self::Each | Self::None => format!("uid{place}"),
            Self::Shared => "uid".to_owned(),
        }
    }
}

/// How soon messages go to the committing thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Haste {
    /// At the end of a session, all at once.
    None,
    /// As soon as that thread has nothing to do.
    Utmost,
}

/// What happens to a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trouble {
    /// To its disk.
    pub(super) fault: Fault,
    /// At which step the server drops the line.
    pub(super) hang_up: Option<u64>,
}

impl Trouble {
    pub(super) const NONE: Self = Self {
        fault: Fault::None,
        hang_up: None,
    };
}

pub(super) struct World {
    _folder: TempDir,
    root: PathBuf,
    work: Work,
    disk: Arc<ModelDisk>,
    server: pop3d::Server,
    judge: Arc<Judge>,
    runs: u64,
}

impl World {
    pub(super) fn new(work: &Work) -> Self {
        // In memory where there is such a place: it is laid out thousands of times.
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let above = folder.path().canonicalize().unwrap();
        let root = above.join("disk");
        fs::DirBuilder::new().create(&root).unwrap();
        let disk = Arc::new(ModelDisk::new(&root));
        let mut mailbox = Mailbox::empty();
        for (place, message) in (1..).zip(&work.messages) {
            mailbox.add(&work.unique_ids.of(place), message.as_bytes());
        }
        let mut settings = Settings::default();
        if work.unique_ids == UniqueIds::None {
            settings.capabilities.retain(|name| *name != "UIDL");
        }
        let server = pop3d::Server::start(mailbox, settings).unwrap();
        let judge = Arc::new(Judge::new(work, &disk, &above));
        let looking = Arc::clone(&judge);
        server.look_on(move |moment| looking.look(moment));
        Self {
            _folder: folder,
            root,
            work: work.clone(),
            disk,
            server,
            judge,
            runs: 0,
        }
    }

    /// One fetch, to which this happens.
    pub(super) fn run(&mut self, trouble: Trouble) -> Result<(), Error> {
        self.runs += 1;
        self.disk.begin(trouble.fault);
        self.judge.begin(trouble.hang_up);
        let store = self
            .work
            .kind
            .open_options(self.path(), &self.disk, self.runs);
        let task = Task {
            after: self.work.after,
            now_seconds: i64::try_from(NOW_SECONDS).unwrap(),
            ..Task::default()
        };
        let fetch = Fetch {
            store: &store,
            identity: &identity(),
            task: &task,
            batch: self.work.batch,
            new_unique_ids: NewUniqueIds::Refuse,
        };
        let patience = Patience::new(Duration::from_mins(1));
        let server = Server {
            host: Host::Ipv4(Ipv4Addr::LOCALHOST),
            port: self.server.port(),
            tls: TlsMode::Off,
        };
        let mut credentials = |_: Attempt| {
            Ok(Credentials {
                user: "demo".to_owned(),
                proof: Proof::Password(Secret::from("secret".to_owned())),
            })
        };
        let mut remote = Remote {
            connector: &Connector::new(&Transport::default()),
            server: &server,
            patience: &patience,
            policy: &LoginPolicy::default(),
            credentials: &mut credentials,
            retries: self.work.retries,
        };
        let mut run = Run::new(&fetch, &patience, self.judge.as_ref());
        run.pace = Pace {
            first_pause: Duration::ZERO,
            batch_age_min: match self.work.haste {
                Haste::None => Duration::MAX,
                Haste::Utmost => Duration::ZERO,
            },
        };
        run.run(&mut remote)
    }

    pub(super) fn cut_power(&self, names: Names, survives: Survives) {
        self.disk.cut_power(names, survives);
    }

    /// How many steps the last run had.
    pub(super) fn steps(&self) -> u64 {
        self.judge.steps()
    }

    /// Fails if anything went wrong at any moment so far.
    pub(super) fn check_moments(&self, told: &dyn Debug) {
        assert_eq!(self.judge.faults(), Vec::<String>::new(), "{told:?}");
    }

    /// Fails unless the last run left each message once, octet for octet, and nothing else; and
    /// the maildrop as it was to be left.
    pub(super) fn check_end(&self, told: &dyn Debug) {
        let kind = self.work.kind;
        let wanted = self.work.messages.iter();
        let mut wanted: Vec<Vec<u8>> = wanted.map(|message| kind.stored_form(message)).collect();
        let mut found = kind.messages_in(&self.path());
        wanted.sort();
        found.sort();
        assert_eq!(shown(&found), shown(&wanted), "{told:?}");
        let left_over = kind.left_over(&self.path());
        assert_eq!(left_over, Vec::<PathBuf>::new(), "{told:?}");
        let left = self.server.mailbox().present().len();
        let kept = if self.work.may_delete() {
            0
        } else {
            self.work.messages.len()
        };
        assert_eq!(left, kept, "{told:?}: left on the server");
    }

    /// Fails if the last run retrieved anything, but for what only its content tells from others.
    pub(super) fn check_idle(&self, told: &dyn Debug) {
        if !self.work.tells_apart() {
            return;
        }
        assert_eq!(self.judge.retrievals(), 0, "{told:?}: retrieved again");
    }

    /// Fails if the journal has forgotten a deletion that was confirmed to the last run, which
    /// ended well: a unique-id that is given out again is new mail then.
    pub(super) fn check_confirmed(&self, told: &dyn Debug) {
        let confirmed = self.judge.confirmed();
        if confirmed.is_empty() {
            return;
        }
        let options = self
            .work
            .kind
            .open_options(self.path(), &self.disk, self.runs);
        for (place, state) in self.judge.receipts(&options, confirmed) {
            let told = format!("{told:?}: message {place}");
            assert_eq!(state, DeleteState::Confirmed, "{told}");
        }
    }

    /// How many operations of the disk the last run came to.
    pub(super) fn operations(&self) -> usize {
        self.disk.operations()
    }

    fn path(&self) -> PathBuf {
        self.root.join("box")
    }
}

fn shown(messages: &[Vec<u8>]) -> Vec<String> {
    let shown = messages
        .iter()
        .map(|message| message.escape_ascii().to_string());
    shown.collect()
}
