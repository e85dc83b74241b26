//! Retrieves and commits what a plan says, on two threads, and sees what came of it.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::thread;

use super::Session;
use crate::protocol::{MessageNumber, UniqueIdRef};
use crate::store;
use crate::transfer::commit::{self, Answered, Committer};
use crate::transfer::error::{Error, is_line_drop};
use crate::transfer::fetch::{MessageKey, join};
use crate::transfer::observer::{Failure, Status};
use crate::transfer::plan::{Action, Plan, Reason, Step};
use crate::transfer::retrieve::{Asking, Interruption, Refused, Retriever};
use crate::transfer::selection::Scope;
use crate::transfer::summary::{Remedy, Summary};

impl Session<'_, '_> {
    pub(super) fn retrieve(&mut self, plan: &Plan) -> Result<(), Error> {
        let troubles = &self.run.troubles;
        let goes_alone = |step: &Step| {
            self.listing
                .row(step.row)
                .is_some_and(|row| troubles.goes_alone(&row))
        };
        let steps = plan.steps_of(Action::Retrieve).copied();
        let (alone, ahead): (Vec<Step>, Vec<Step>) = steps.partition(goes_alone);
        if alone.is_empty() && ahead.is_empty() {
            return Ok(());
        }
        let ended = self.retrieve_and_commit(&ahead, &alone);
        self.run.summary.add(&ended.received);
        self.run.spent.octets += ended.received_octets;
        self.run.summary.add(&ended.stored);
        self.unstored = ended.stored.failed;
        self.note_answered(&ended.answered);
        self.note_settled(ahead.iter().chain(&alone).take(ended.settled));
        self.refused = ended.refused;
        let committed = ended.commit.map_err(Error::Store);
        let retrieved = committed.and_then(|()| {
            let retrieval = ended.retrieval;
            retrieval.map_err(|interruption| self.interrupted(interruption))
        });
        if retrieved.is_err() {
            self.settle_refused();
        }
        retrieved
    }

    /// Counts the refusal of the last message where the end of the session will tell nothing of it.
    pub(super) fn settle_refused(&mut self) {
        if let Some(refused) = self.refused.take() {
            self.run.settle_refused(&refused, &self.listing);
        }
    }

    /// Retrieves on this thread and commits on another, until both are done.
    fn retrieve_and_commit(&mut self, ahead: &[Step], alone: &[Step]) -> Ended {
        let unfinished = AtomicUsize::new(0);
        let (outbox, inbox) = commit::channel(&unfinished, self.run.pace.batch_age_min);
        let fetch = self.run.fetch;
        let destination = self.store.destination.clone();
        let path_of = move |place: &store::Place| destination.path_of(place);
        let committer = Committer {
            commit: self.store.commit.as_mut(),
            journal: &mut self.store.journal,
            observer: self.run.observer,
            path_of: &path_of,
            summary: Summary::default(),
            answered: Vec::new(),
        };
        let mut retriever = Retriever {
            stage: self.store.stage.as_mut(),
            listing: &self.listing,
            account: self.account,
            contents: &mut self.contents,
            bounds: fetch.task.bounds,
            patience: self.run.patience,
            outbox,
            alone: self.run.summary.stored == 0 && ahead.len() + alone.len() == 1,
            held: None,
            refused: None,
            troubles: &self.run.troubles,
            observer: self.run.observer,
            summary: Summary::default(),
            octets_received: 0,
            settled: 0,
            answered: Vec::new(),
        };
        let client = &mut self.client;
        thread::scope(|scope| {
            let unfinished = &unfinished;
            let thread = scope.spawn(move || committer.run(&inbox, unfinished));
            let retrieval = retriever
                .retrieve(client, ahead, Asking::Ahead)
                .and_then(|()| retriever.retrieve(client, alone, Asking::Alone));
            let (received, settled) = (retriever.summary, retriever.settled);
            let received_octets = retriever.octets_received;
            let refused = retriever.refused.take();
            let mut answered = std::mem::take(&mut retriever.answered);
            // The outbox goes with the retriever: that ends the committing thread.
            drop(retriever);
            let (stored, answered_by_new, commit) = join(thread);
            answered.extend(answered_by_new);
            Ended {
                received,
                received_octets,
                settled,
                refused,
                answered,
                retrieval,
                stored,
                commit,
            }
        })
    }

    /// A receipt that answers for one message answers for no other, in all sessions of a run.
    fn note_answered(&mut self, answered: &[Answered]) {
        if answered.is_empty() {
            return;
        }
        let rows = self.listing.rows();
        let keys: HashMap<MessageNumber, MessageKey> =
            rows.map(|row| (row.number, MessageKey::of(&row))).collect();
        for (number, receipt) in answered {
            if let Some(key) = keys.get(number) {
                self.run.answered.insert(*receipt, key.clone());
            }
        }
    }

    /// What is settled is not asked for again in this run, even where the journal would have it
    /// so: it was refused, or is retrieved each time to be compared, or was to be stored again.
    fn note_settled<'s>(&mut self, settled: impl Iterator<Item = &'s Step>) {
        for step in settled {
            let Some(row) = self.listing.row(step.row) else {
                continue;
            };
            self.run.spent.messages += 1;
            let journal = &self.store.journal;
            let is_known =
                |unique_id: UniqueIdRef<'_>| journal.has(self.account, unique_id.as_bytes());
            let comes_again = self.run.fetch.task.selection.scope == Scope::All;
            if comes_again || step.reason != Reason::New || !row.unique_id.is_some_and(is_known) {
                self.run.troubles.give_up(MessageKey::of(&row));
            }
        }
    }

    /// What an interruption means for its message, and for the run.
    fn interrupted(&mut self, interruption: Interruption) -> Error {
        match interruption {
            Interruption::Store(error) => Error::Store(error),
            Interruption::CommitEnded => Error::CommitEnded,
            Interruption::TooLong { at } => {
                let octets_max = self.run.fetch.task.bounds.message_octets_max;
                self.give_up(&at, Failure::TooLong { octets_max }, Remedy::None);
                Error::MessageTooLong { octets_max }
            }
            Interruption::Client { error, at } => {
                let key = self.listing.row(at.row).map(|row| MessageKey::of(&row));
                if is_line_drop(&error) && key.is_some_and(|key| self.run.troubles.dropped(key)) {
                    self.give_up(&at, Failure::LineDropped, Remedy::TryLater);
                }
                Error::Retrieving(error)
            }
        }
    }

    fn give_up(&mut self, step: &Step, failure: Failure<'_>, remedy: Remedy) {
        if let Some(row) = self.listing.row(step.row) {
            self.run.troubles.give_up(MessageKey::of(&row));
        }
        self.run.summary.add_failed(remedy);
        self.notice(step, Status::Failed(failure));
    }
}

/// How the two threads ended, and what each came to.
struct Ended {
    received: Summary,
    received_octets: u64,
    /// See [`Retriever::settled`].
    settled: usize,
    /// See [`Retriever::refused`].
    refused: Option<Refused>,
    answered: Vec<Answered>,
    retrieval: Result<(), Interruption>,
    stored: Summary,
    commit: Result<(), store::Error>,
}
