//! One session of a fetch: list, plan, retrieve, delete, quit.

mod end;
mod outlook;
mod retrieval;
mod stored;

use crate::client::{Client, Transaction};
use crate::protocol::{Listing, UidSupport, UniqueIdRef};
use crate::store::{AccountId, Known, ReceiptId, Store};

use super::contents::Contents;
use super::error::Error;
use super::fetch::Run;
use super::headers::{JournalMemory, Writing, narrow};
use super::list::unique_ids;
use super::observer::{Event, MessageReport, Observer, Status};
use super::plan::{Action, Plan, Selected, Step, plan_fetch};
use super::retrieve::Refused;

/// How far a session came that ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transfer) enum Progress {
    /// Nothing is left to do.
    Done,
    /// Another session may bring more.
    MoreToCome,
}

/// When the octets of the messages are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transfer) enum AskOctets {
    /// Along with their unique-ids.
    AtOnce,
    /// Once one of them is to be retrieved.
    WhenNeeded,
}

/// A session whose maildrop is listed.
pub(in crate::transfer) struct Listed {
    client: Client<Transaction>,
    listing: Listing,
}

impl Listed {
    /// Lists the maildrop.
    pub(in crate::transfer) fn new(
        mut client: Client<Transaction>,
        ask_octets: AskOctets,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        observer.notice(Event::LoggedIn(client.server()));
        let listing = match ask_octets {
            AskOctets::AtOnce => client.listing()?,
            AskOctets::WhenNeeded => client.listing_without_octets()?,
        };
        Ok(Self { client, listing })
    }
}

/// One session.
pub(in crate::transfer) struct Session<'r, 'a> {
    run: &'r mut Run<'a>,
    client: Client<Transaction>,
    store: &'r mut Store,
    listing: Listing,
    account: AccountId,
    contents: Contents<ReceiptId>,
    /// How many messages of this session a program would not take.
    unstored: u64,
    /// The last message, if the server refused it.
    refused: Option<Refused>,
}

impl<'r, 'a> Session<'r, 'a> {
    /// Tells the journal of the listing.
    pub(in crate::transfer) fn new(
        run: &'r mut Run<'a>,
        listed: Listed,
        store: &'r mut Store,
    ) -> Result<Self, Error> {
        let Listed { client, listing } = listed;
        let now_seconds = run.fetch.task.now_seconds;
        let journal = &mut store.journal;
        let account = journal.account(run.fetch.identity, &mut unique_ids(&listing));
        // Without unique-ids a listing tells of none that it is gone.
        if *listing.unique_ids() == UidSupport::Listed {
            journal.note_listing(account, &mut unique_ids(&listing), now_seconds)?;
        }
        let contents = Contents::new(run.answered(&listing));
        Ok(Self {
            run,
            client,
            store,
            listing,
            account,
            contents,
            unstored: 0,
            refused: None,
        })
    }

    /// Does all there is to do.
    pub(in crate::transfer) fn run(mut self) -> Result<Progress, Error> {
        let selected = self.select()?;
        let mut plan = self.plan(&selected);
        if !self.listing.octets_asked() && !plan.leaves_all_for_good() {
            self.listing = self.client.add_octets(self.listing)?;
            plan = self.plan(&selected);
        }
        // Only what is retrieved can be stored twice.
        if plan.steps_of(Action::Retrieve).next().is_some() {
            self.add_moved()?;
            self.add_adopted()?;
            self.add_nameless()?;
        }
        self.announce(&plan);
        let progress = self.cut_to_batch(&mut plan);
        self.add_compared(&plan)?;
        self.retrieve(&plan)?;
        let due = self.due(&selected);
        // Some servers delete at QUIT what was retrieved; what could not be stored must stay.
        if due.is_empty() && self.unstored > 0 {
            self.settle_refused();
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
        if !troubles.is_empty() {
            plan.steps.retain(|step| {
                let row = self.listing.row(step.row);
                !row.is_some_and(|row| troubles.is_given_up(&row))
            });
        }
        plan
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
