//! One session of a fetch: list, plan, retrieve, delete, quit.

use std::sync::atomic::AtomicUsize;
use std::thread;

use crate::client::{Client, Transaction};
use crate::protocol::capability::Expire;
use crate::protocol::{Listing, UidSupport, UniqueIdRef};
use crate::store::{self, AccountId, Journal, Known, Receipt, ReceiptId, Store};

use super::commit::{self, Committer};
use super::contents::{Contents, Group};
use super::deletion::{Doomed, Ending};
use super::error::{Error, is_line_drop};
use super::fetch::{MessageKey, NewUniqueIds, Run, join};
use super::headers::{JournalMemory, Writing, narrow};
use super::list::unique_ids;
use super::moved;
use super::observer::{Event, Failure, MessageReport, Observer, Outlook, Status, Warning};
use super::plan::{Action, Plan, Reason, Selected, Step, is_deletable, plan_fetch};
use super::retrieve::{Asking, Interruption, Retriever};
use super::selection::Scope;
use super::summary::{DeletionState, Remedy, Summary};
use super::suspect::suspect_stored;

/// How far a session came that ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing is left to do.
    Done,
    /// Another session may bring more.
    MoreToCome,
}

/// A session whose maildrop is listed.
pub(super) struct Listed {
    client: Client<Transaction>,
    listing: Listing,
}

impl Listed {
    /// Lists the maildrop.
    pub(super) fn new(
        mut client: Client<Transaction>,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        observer.notice(Event::LoggedIn(client.server()));
        let listing = client.listing()?;
        Ok(Self { client, listing })
    }
}

/// One session.
pub(super) struct Session<'r, 'a> {
    run: &'r mut Run<'a>,
    client: Client<Transaction>,
    store: &'r mut Store,
    listing: Listing,
    account: AccountId,
    contents: Contents<ReceiptId>,
    /// How many messages of this session a program would not take.
    unstored: u64,
}

impl<'r, 'a> Session<'r, 'a> {
    /// Tells the journal of the listing.
    pub(super) fn new(
        run: &'r mut Run<'a>,
        listed: Listed,
        store: &'r mut Store,
    ) -> Result<Self, Error> {
        let Listed { client, listing } = listed;
        run.login_delay = client
            .server()
            .capabilities()
            .login_delay()
            .unwrap_or_default();
        let now_seconds = run.fetch.task.now_seconds;
        let journal = &mut store.journal;
        let account = journal.account(run.fetch.identity, &mut unique_ids(&listing))?;
        journal.note_listing(account, &mut unique_ids(&listing), now_seconds)?;
        Ok(Self {
            run,
            client,
            store,
            listing,
            account,
            contents: Contents::new(),
            unstored: 0,
        })
    }

    /// Does all there is to do.
    pub(super) fn run(mut self) -> Result<Progress, Error> {
        let selected = self.select()?;
        let mut plan = self.plan(&selected);
        // Only what is retrieved can be stored twice.
        if plan.steps_of(Action::Retrieve).next().is_some() {
            self.add_moved()?;
            self.add_adopted()?;
        }
        self.announce(&plan);
        let progress = self.cut_to_batch(&mut plan);
        self.add_compared(&plan)?;
        self.retrieve(&plan)?;
        let due = self.due(&selected);
        // Some servers delete at QUIT what was retrieved; what could not be stored must stay.
        if due.is_empty() && self.unstored > 0 {
            return Ok(progress);
        }
        self.end(&plan, &due)?;
        Ok(progress)
    }

    /// The rows that meet the selection; headers are asked for where they are needed.
    fn select(&mut self) -> Result<Selected, Error> {
        let selection = &self.run.fetch.task.selection;
        let mut selected = Selected::by_listing(&self.listing, selection);
        let mut memory = JournalMemory {
            journal: &mut self.store.journal,
            account: self.account,
            writing: Writing::Allowed,
        };
        narrow(
            &mut self.client,
            &self.listing,
            &mut selected,
            selection,
            &mut memory,
            self.run.observer,
        )?;
        Ok(selected)
    }

    fn known(&self, unique_id: UniqueIdRef<'_>) -> Option<Known> {
        self.store.journal.known(self.account, unique_id.as_bytes())
    }

    fn plan(&self, selected: &Selected) -> Plan {
        let ledger = |unique_id: UniqueIdRef<'_>| self.known(unique_id);
        let mut plan = plan_fetch(
            &self.listing,
            &ledger,
            selected,
            self.run.fetch.task,
            self.run.spent,
        );
        let troubles = &self.run.troubles;
        plan.steps.retain(|step| {
            !self
                .listing
                .row(step.row)
                .is_some_and(|row| troubles.is_given_up(&row))
        });
        plan
    }

    /// Tells what is ahead, and in the first session of a run what is left aside.
    fn announce(&mut self, plan: &Plan) {
        let octets = |step: &Step| self.listing.row(step.row).and_then(|row| row.octets);
        let retrieved = || plan.steps_of(Action::Retrieve);
        self.run.observer.notice(Event::Planned(Outlook {
            listed: self.listing.len() as u64,
            messages: retrieved().count() as u64,
            octets: retrieved().filter_map(octets).sum(),
        }));
        if self.run.sessions > 1 {
            return;
        }
        for step in plan
            .steps_of(Action::Leave)
            .filter(|step| step.reason != Reason::NotSelected)
        {
            self.run.summary.skipped += 1;
            if step.reason.holds_back() {
                self.run.summary.held_back += 1;
            }
            // Beyond a limit there may be a hundred thousand.
            if step.reason.holds_back() && step.reason != Reason::LimitReached {
                self.notice(step, Status::Skipped(step.reason));
            }
        }
        self.warn(plan);
    }

    fn warn(&self, plan: &Plan) {
        let observer = self.run.observer;
        let warn = |warning| observer.notice(Event::Warning(warning));
        let expires_at_once = self.client.server().capabilities().expire() == Some(Expire::Days(0));
        if expires_at_once && plan.steps_of(Action::Retrieve).next().is_some() {
            warn(Warning::ExpiresAtOnce);
        }
        if let Some(claimed) = self.listing.claimed().messages
            && claimed > 0
            && self.listing.is_empty()
        {
            warn(Warning::NoneListed { claimed });
        }
        let selection = &self.run.fetch.task.selection;
        selection.tell_missing(&self.listing, observer);
        if matches!(self.listing.unique_ids(), UidSupport::Refused(_)) && !self.listing.is_empty() {
            warn(Warning::NoUniqueIds);
        }
        let is_too_long =
            |step: &&Step| matches!(step.reason, Reason::TooLong | Reason::LongerThanRun);
        let too_long = plan.steps.iter().filter(is_too_long).count() as u64;
        if too_long > 0 {
            warn(Warning::TooLong { messages: too_long });
        }
        if !self.run.fetch.task.after.deletes() {
            return;
        }
        let rows = || {
            plan.steps
                .iter()
                .filter_map(|step| self.listing.row(step.row))
        };
        let repeated = rows().filter(|row| row.repeated).count() as u64;
        if repeated > 0 {
            warn(Warning::RepeatedUniqueIds { messages: repeated });
        }
        let nameless = rows().filter(|row| row.unique_id.is_none()).count() as u64;
        if nameless > 0 {
            warn(Warning::CannotDelete { messages: nameless });
        }
    }

    fn notice(&self, step: &Step, status: Status<'_>) {
        let report = MessageReport::of(step.number, self.listing.row(step.row), status);
        self.run.observer.notice(Event::Message(report));
    }

    /// Takes out of the plan what goes beyond one batch.
    fn cut_to_batch(&self, plan: &mut Plan) -> Progress {
        let Some(batch) = self.run.fetch.batch else {
            return Progress::Done;
        };
        let mut left = batch;
        plan.steps.retain(|step| {
            let retrieved = step.reason.action() == Action::Retrieve;
            let kept = !retrieved || left > 0;
            left = left.saturating_sub(usize::from(retrieved));
            kept
        });
        // A server that shows only a part of the maildrop shows the next one to a new session, so
        // the end is reached when a session has nothing to retrieve.
        if plan.steps_of(Action::Retrieve).next().is_some() {
            Progress::MoreToCome
        } else {
            Progress::Done
        }
    }
}

/// Content that is stored already.
impl Session<'_, '_> {
    /// For each message that only its content tells from a stored one: what is stored.
    fn add_compared(&mut self, plan: &Plan) -> Result<(), Error> {
        let journal = &self.store.journal;
        for step in plan
            .steps
            .iter()
            .filter(|step| step.reason.compares_content())
        {
            let unique_id = self.listing.row(step.row).and_then(|row| row.unique_id);
            let group = Group::of(unique_id);
            if self.contents.has_group(&group) {
                continue;
            }
            let held = match unique_id {
                Some(unique_id) => journal.known(self.account, unique_id.as_bytes()),
                None => None,
            };
            let held = held.map_or_else(Vec::new, |known| known.receipts);
            let mut contents = Vec::with_capacity(held.len());
            for held in held {
                contents.push((journal.receipt(held.id)?.sha256, held.id));
            }
            if unique_id.is_none() {
                contents = contents_where(journal, |receipt| {
                    receipt.account == self.account && receipt.unique_id.is_none()
                })?;
            }
            self.contents.add_group(group, contents);
        }
        Ok(())
    }

    /// Messages found in a folder whose journal was lost.
    fn add_adopted(&mut self) -> Result<(), Error> {
        if self.store.journal.has_adopted() {
            let adopted = contents_where(&self.store.journal, |receipt| {
                receipt.account == AccountId::ADOPTED
            })?;
            self.contents.add_group(Group::Anyone, adopted);
        }
        Ok(())
    }

    /// Messages fetched before the server gave all of them new unique-ids.
    fn add_moved(&mut self) -> Result<(), Error> {
        let journal = &self.store.journal;
        let Some(vanished) = moved::vanished(&self.listing, journal, self.account) else {
            return Ok(());
        };
        if self.run.fetch.new_unique_ids == NewUniqueIds::Refuse && vanished.stops_run() {
            return Err(vanished.into_error());
        }
        let mut contents = Vec::with_capacity(vanished.receipts.len());
        for id in vanished.receipts {
            contents.push((journal.receipt(id)?.sha256, id));
        }
        self.contents.add_group(Group::Anyone, contents);
        Ok(())
    }
}

fn contents_where(
    journal: &Journal,
    wanted: impl Fn(&Receipt) -> bool,
) -> Result<Vec<([u8; 32], ReceiptId)>, store::Error> {
    let mut contents = Vec::new();
    journal.each_receipt(&mut |id, receipt| {
        if wanted(&receipt) {
            contents.push((receipt.sha256, id));
        }
        Ok(())
    })?;
    Ok(contents)
}

/// Retrieval, and what follows it.
impl Session<'_, '_> {
    fn retrieve(&mut self, plan: &Plan) -> Result<(), Error> {
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
        self.note_settled(ahead.iter().chain(&alone).take(ended.settled));
        ended.commit?;
        ended
            .retrieval
            .map_err(|interruption| self.interrupted(interruption))
    }

    /// Retrieves on this thread and commits on another, until both are done.
    fn retrieve_and_commit(&mut self, ahead: &[Step], alone: &[Step]) -> Ended {
        let unfinished = AtomicUsize::new(0);
        let (outbox, inbox) = commit::channel(&unfinished);
        let fetch = self.run.fetch;
        let destination = self.store.destination.clone();
        let path_of = move |place: &store::Place| destination.path_of(place);
        let committer = Committer {
            commit: self.store.commit.as_mut(),
            journal: &mut self.store.journal,
            observer: self.run.observer,
            path_of: &path_of,
            summary: Summary::default(),
        };
        let mut retriever = Retriever {
            client: &mut self.client,
            stage: self.store.stage.as_mut(),
            listing: &self.listing,
            account: self.account,
            contents: &mut self.contents,
            bounds: fetch.task.bounds,
            patience: self.run.patience,
            outbox,
            alone: self.run.summary.stored == 0 && ahead.len() + alone.len() == 1,
            held: None,
            observer: self.run.observer,
            summary: Summary::default(),
            octets_received: 0,
            settled: 0,
        };
        thread::scope(|scope| {
            let unfinished = &unfinished;
            let thread = scope.spawn(move || committer.run(&inbox, unfinished));
            let retrieval = retriever
                .retrieve(ahead, Asking::Ahead)
                .and_then(|()| retriever.retrieve(alone, Asking::Alone));
            let (received, settled) = (retriever.summary, retriever.settled);
            let received_octets = retriever.octets_received;
            // The outbox goes with the retriever: that ends the committing thread.
            drop(retriever);
            let (stored, commit) = join(thread);
            Ended {
                received,
                received_octets,
                settled,
                retrieval,
                stored,
                commit,
            }
        })
    }

    /// What is settled is not asked for again in this run, even where the journal would have it
    /// so: it was refused, or is retrieved each time to be compared, or was to be stored again.
    fn note_settled<'s>(&mut self, settled: impl Iterator<Item = &'s Step>) {
        for step in settled {
            let Some(row) = self.listing.row(step.row) else {
                continue;
            };
            self.run.spent.messages += 1;
            let is_known = |unique_id| self.known(unique_id).is_some();
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

    /// The messages that may be deleted now: due by policy, with a receipt for just this one.
    fn due(&self, selected: &Selected) -> Vec<Doomed> {
        let task = self.run.fetch.task;
        let mut due = Vec::new();
        if !task.after.deletes() {
            return due;
        }
        for index in selected.rows() {
            let Some(row) = self.listing.row(index) else {
                continue;
            };
            let known = row.unique_id.and_then(|unique_id| self.known(unique_id));
            if known.is_some_and(|known| is_deletable(&row, &known, task)) {
                due.push(Doomed::of(&row));
            }
        }
        due
    }

    /// Deletes what is due, and ends the session.
    fn end(self, plan: &Plan, due: &[Doomed]) -> Result<(), Error> {
        let Session {
            run,
            client,
            store,
            listing,
            account,
            ..
        } = self;
        let mut ending = Ending {
            receipts: Some((&mut store.journal, account)),
            now_seconds: run.fetch.task.now_seconds,
            observer: run.observer,
        };
        let ended = ending.delete_and_quit(client, due);
        run.summary.add(&ended.summary);
        if !due.is_empty() {
            let deletion = ended.summary.deletion;
            run.unconfirmed.note_session(deletion, due, &listing);
            run.summary.deletion = if !run.unconfirmed.is_empty() {
                DeletionState::Unknown
            } else if run.summary.deleted > 0 {
                DeletionState::Confirmed
            } else {
                DeletionState::None
            };
        }
        let Some(error) = ended.error else {
            return Ok(());
        };
        let after = error.message_with_more_behind();
        let retrieved = plan
            .steps_of(Action::Retrieve)
            .find(|step| Some(step.number) == after);
        let Some(step) = retrieved else {
            return Err(error);
        };
        if let Some(row) = listing.row(step.row) {
            suspect_stored(run, store, account, &row)?;
        }
        if due.is_empty() {
            return Ok(());
        }
        // What is wrong is the message, so that another session may delete the others.
        Err(if let Error::Client(error) = error {
            Error::Retrieving(error)
        } else {
            error
        })
    }
}

/// How the two threads ended, and what each came to.
struct Ended {
    received: Summary,
    received_octets: u64,
    /// See [`Retriever::settled`].
    settled: usize,
    retrieval: Result<(), Interruption>,
    stored: Summary,
    commit: Result<(), store::Error>,
}
