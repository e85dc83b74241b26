//! Brings a destination up to date with a maildrop, over as many sessions as it takes.

use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::Duration;

use crate::client::Patience;
use crate::protocol::{Listing, MessageNumber, Row};
use crate::store::{self, Claimed, Identity, OpenOptions, Place, ReceiptId, Store};

use super::commit::{BATCH_AGE_MIN, notice_stored, notice_warnings};
use super::deletion::Unconfirmed;
use super::error::Error;
use super::observer::Observer;
use super::plan::{Spent, Task};
use super::remote::Remote;
use super::retries::{FIRST_PAUSE, Retries};
use super::retrieve::Refused;
use super::session::{AskOctets, Listed, Progress, Session};
use super::summary::{Outcome, Summary};

/// What to do when nearly all unique-ids are new although the messages look the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewUniqueIds {
    /// Stop, and say so.
    #[default]
    Refuse,
    /// Retrieve, and store only what is not stored by content.
    Accept,
}

/// What is to be fetched, and where to.
#[derive(Clone, Debug)]
pub struct Fetch<'a> {
    /// The destination.
    pub store: &'a OpenOptions,
    /// Whose mail it is.
    pub identity: &'a Identity,
    /// Which messages, and what becomes of them.
    pub task: &'a Task,
    /// Messages after which the session is ended so that deletions are final and servers that
    /// show only a part give the next part.
    pub batch: Option<usize>,
    /// What to do when a server seems to have been moved.
    pub new_unique_ids: NewUniqueIds,
}

/// Fetches.
pub fn fetch(remote: &mut Remote<'_>, fetch: &Fetch<'_>, observer: &dyn Observer) -> Outcome {
    Outcome::of(|summary| {
        let mut run = Run::new(fetch, remote.patience, observer);
        let ended = run.run(remote);
        *summary = run.summary;
        ended
    })
}

/// A run over several sessions.
pub(super) struct Run<'a> {
    pub(super) fetch: &'a Fetch<'a>,
    pub(super) observer: &'a dyn Observer,
    pub(super) patience: &'a Patience,
    pub(super) summary: Summary,
    pub(super) troubles: Troubles,
    /// Which receipts answer for which messages, where content decided.
    pub(super) answered: HashMap<ReceiptId, MessageKey>,
    pub(super) spent: Spent,
    pub(super) unconfirmed: Unconfirmed,
    /// Sessions that came so far as to have a plan.
    pub(super) plans: u32,
    pub(super) pace: Pace,
}

/// What a run waits for of itself. Only tests are in a greater hurry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Before the first of some reconnections.
    pub(super) first_pause: Duration,
    /// How old a batch that is not full must be before it goes out.
    pub(super) batch_age_min: Duration,
}

/// What went wrong with single messages in this run, by what names a message across sessions.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    by_message: HashMap<MessageKey, Trouble>,
}

/// Names a message from one session of a run to the next: its unique-id, else its number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum MessageKey {
    UniqueId(Box<[u8]>),
    Number(MessageNumber),
}

impl MessageKey {
    pub(super) fn of(row: &Row<'_>) -> Self {
        match row.unique_id {
            Some(unique_id) if !row.repeated => Self::UniqueId(unique_id.as_bytes().into()),
            _ => Self::Number(row.number),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// The line dropped at it so often.
    Dropped(u32),
    /// It is not asked for again.
    GivenUp,
}

/// LIST of so many messages takes longer than the round trip that is lost by asking for it later.
const RECEIPTS_MANY: usize = 10_000;

/// So many drops at one message, and it goes to the end, alone.
const DROPS_BEFORE_ALONE: u32 = 2;

impl Troubles {
    /// Whether nothing went wrong so far.
    pub(super) fn is_empty(&self) -> bool {
        self.by_message.is_empty()
    }

    /// The line dropped at this message; whether it is given up now.
    pub(super) fn dropped(&mut self, key: MessageKey) -> bool {
        let trouble = self.by_message.entry(key).or_insert(Trouble::Dropped(0));
        *trouble = match *trouble {
            Trouble::Dropped(drops) if drops < DROPS_BEFORE_ALONE => Trouble::Dropped(drops + 1),
            Trouble::Dropped(_) | Trouble::GivenUp => Trouble::GivenUp,
        };
        *trouble == Trouble::GivenUp
    }

    /// The message is settled and not asked for again in this run.
    pub(super) fn give_up(&mut self, key: MessageKey) {
        self.by_message.insert(key, Trouble::GivenUp);
    }

    pub(super) fn is_given_up(&self, row: &Row<'_>) -> bool {
        self.of(row) == Some(Trouble::GivenUp)
    }

    pub(super) fn goes_alone(&self, row: &Row<'_>) -> bool {
        self.of(row) == Some(Trouble::Dropped(DROPS_BEFORE_ALONE))
    }

    /// Whether the line dropped at it before.
    pub(super) fn has_dropped(&self, row: &Row<'_>) -> bool {
        matches!(self.of(row), Some(Trouble::Dropped(_)))
    }

    fn of(&self, row: &Row<'_>) -> Option<Trouble> {
        if self.is_empty() {
            return None;
        }
        self.by_message.get(&MessageKey::of(row)).copied()
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(
        fetch: &'a Fetch<'a>,
        patience: &'a Patience,
        observer: &'a dyn Observer,
    ) -> Self {
        Self {
            fetch,
            observer,
            patience,
            summary: Summary::default(),
            troubles: Troubles::default(),
            answered: HashMap::new(),
            spent: Spent::default(),
            unconfirmed: Unconfirmed::default(),
            plans: 0,
            pace: Pace {
                first_pause: FIRST_PAUSE,
                batch_age_min: BATCH_AGE_MIN,
            },
        }
    }

    pub(super) fn run(&mut self, remote: &mut Remote<'_>) -> Result<(), Error> {
        let mut retries = Retries::new(remote.retries, self.pace.first_pause);
        let (mut store, listed) = self.open_and_list(remote, &mut retries)?;
        self.announce_replayed(&mut store);
        let mut listed = Some(listed);
        loop {
            let listed = listed.take().unwrap_or_else(|| {
                let client = remote.log_in(&mut retries)?;
                Listed::new(client, AskOctets::AtOnce, self.observer)
            });
            let settled_before = self.settled();
            let ended = listed.and_then(|listed| self.session(listed, &mut store));
            if self.settled() > settled_before {
                retries.reset();
            }
            match ended {
                Ok(Progress::Done) => return Ok(()),
                // A message that is too long is given up with the line, by ourselves, and not
                // asked for again: that is no failure of the line.
                Ok(Progress::MoreToCome) | Err(Error::MessageTooLong { .. }) => {
                    remote.wait_for_login()?;
                }
                Err(error) => remote.recover(&mut retries, error, self.observer)?,
            }
        }
    }

    /// Opens the store while the connection is made and the maildrop listed. The lock comes before:
    /// where another run has it, nobody is asked for a password and the server hears nothing. A store
    /// that cannot be opened ends the run whatever the line does: no session would be of use.
    fn open_and_list(
        &self,
        remote: &mut Remote<'_>,
        retries: &mut Retries,
    ) -> Result<(Store, Result<Listed, Error>), Error> {
        let claimed = store::claim(self.fetch.store)?;
        let ask_octets = self.ask_octets(&claimed);
        let list = |client| Listed::new(client, ask_octets, self.observer);
        thread::scope(|scope| {
            let opening = scope.spawn(|| claimed.open());
            let client = remote.log_in(retries);
            if client.is_err() || opening.is_finished() {
                let store = join(opening)?;
                return Ok((store, client.and_then(list)));
            }
            let listed = client.and_then(list);
            Ok((join(opening)?, listed))
        })
    }

    /// A message that is known and stays needs no octets: where all of many messages are, LIST is
    /// saved.
    fn ask_octets(&self, claimed: &Claimed<'_>) -> AskOctets {
        let task = self.fetch.task;
        let is_needed = task.after.deletes() || !task.selection.is_just_new();
        if is_needed || claimed.receipts_expected() < RECEIPTS_MANY {
            AskOctets::AtOnce
        } else {
            AskOctets::WhenNeeded
        }
    }

    /// The receipts that answer for messages of this listing that are not asked for again. If the
    /// server names a message in another way than before, it is, and must be told from its own.
    pub(super) fn answered(&self, listing: &Listing) -> HashSet<ReceiptId> {
        if self.answered.is_empty() {
            return HashSet::new();
        }
        let settled = listing.rows().filter(|row| self.troubles.is_given_up(row));
        let settled: HashSet<MessageKey> = settled.map(|row| MessageKey::of(&row)).collect();
        let answered = self.answered.iter();
        let answered = answered.filter(|(_, key)| settled.contains(key));
        answered.map(|(receipt, _)| *receipt).collect()
    }

    /// Whether a session whose last message was refused ended so that it is asked for once more. If
    /// not, it is settled.
    pub(super) fn is_asked_again(
        &mut self,
        refused: &Refused,
        ended: Option<&Error>,
        listing: &Listing,
    ) -> bool {
        if let Some(Error::Client(lost)) = ended
            && refused.meant_session(lost, listing, &self.troubles)
            && let Some(row) = listing.row(refused.step.row)
        {
            self.troubles.dropped(MessageKey::of(&row));
            return true;
        }
        self.settle_refused(refused, listing);
        false
    }

    /// The server meant the message: it is counted, and not asked for again.
    pub(super) fn settle_refused(&mut self, refused: &Refused, listing: &Listing) {
        refused.count(listing, self.observer, &mut self.summary);
        self.spent.messages += 1;
        if let Some(row) = listing.row(refused.step.row) {
            self.troubles.give_up(MessageKey::of(&row));
        }
    }

    /// How far the run is: messages that were retrieved, whatever came of them, or given up.
    fn settled(&self) -> u64 {
        self.spent.messages as u64 + self.summary.failed
    }

    fn session(&mut self, listed: Listed, store: &mut Store) -> Result<Progress, Error> {
        Session::new(self, listed, store)?.run()
    }

    fn announce_replayed(&mut self, store: &mut Store) {
        let destination = &store.destination;
        let path_of = |place: &Place| destination.path_of(place);
        for delivered in &store.replayed.delivered {
            self.summary.add_stored(&delivered.receipt);
            notice_stored(self.observer, &path_of, None, delivered);
        }
        notice_warnings(self.observer, store.commit.as_mut());
    }
}

/// The thread's result; its panic goes on in this one.
pub(super) fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
