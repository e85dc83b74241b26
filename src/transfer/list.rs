//! Looks at a maildrop and at what is stored of it, and changes neither.

use std::collections::HashSet;

use crate::client::{Client, ServerFacts, Transaction};
use crate::message::Header;
use crate::protocol::{Listing, MaildropSize, Row, UniqueIdRef};
use crate::store::{AccountId, Identity, Journal, OpenOptions, foresee, read_journal};

use super::error::Error;
use super::fetch::MessageKey;
use super::headers::{JournalMemory, Writing, each_header, narrow};
use super::observer::{Event, Fate, MessageReport, Observer, Status};
use super::plan::{
    Action, Plan, Reason, Selected, Spent, Step, Task, in_order, is_deleted_at_once, plan_fetch,
};
use super::remote::{Remote, leave};
use super::selection::{Scope, Selection};
use super::summary::{Outcome, Summary};

/// What to look at.
#[derive(Clone, Debug)]
pub struct Look<'a> {
    /// The destination whose journal is asked, if any.
    pub store: Option<&'a OpenOptions>,
    /// Whose mail it is.
    pub identity: &'a Identity,
}

impl Look<'_> {
    fn journal(&self) -> Result<Option<Journal>, Error> {
        Ok(self.store.map(read_journal).transpose()?.flatten())
    }
}

/// Whether headers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headers {
    /// They are asked for by TOP.
    Shown,
    /// They are asked for only where the selection needs them.
    Hidden,
}

/// What `stat` tells.
#[derive(Clone, Debug)]
pub struct Stat {
    /// Messages and octets in the maildrop.
    pub size: MaildropSize,
    /// Messages without a receipt; none without a destination.
    pub new: Option<u64>,
    /// What is known of the server.
    pub server: ServerFacts,
}

/// Lists the selected messages to the observer.
pub fn list(
    remote: &mut Remote<'_>,
    look: &Look<'_>,
    selection: &Selection,
    headers: Headers,
    observer: &dyn Observer,
) -> Outcome {
    Outcome::of(|summary| {
        let mut journal = look.journal()?;
        let mut told = Told::default();
        remote.ask(observer, |client, retries| {
            let view = View::open(client, look, journal.as_mut())?;
            let told_before = told.messages.len();
            let ended = view.list(selection, headers, &mut told, observer, summary);
            if told.messages.len() > told_before {
                retries.reset();
            }
            ended
        })
    })
}

/// How much a look at a server is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// How much mail there is.
    Counts,
    /// What the server tells about itself too.
    Server,
}

/// Tells how much mail there is, and how much of it is new.
pub fn stat(
    remote: &mut Remote<'_>,
    look: &Look<'_>,
    extent: Extent,
    observer: &dyn Observer,
) -> Result<Stat, Error> {
    let mut journal = look.journal()?;
    remote.ask(observer, |mut client, _| {
        if look.store.is_some() {
            let mut view = View::open(client, look, journal.as_mut())?;
            ask_languages(&mut view.client, extent)?;
            let stat = view.stat();
            leave(view.client);
            return Ok(stat);
        }
        let size = client.stat()?;
        ask_languages(&mut client, extent)?;
        let server = client.server().clone();
        leave(client);
        Ok(Stat {
            size,
            new: None,
            server,
        })
    })
}

fn ask_languages(client: &mut Client<Transaction>, extent: Extent) -> Result<(), Error> {
    if extent == Extent::Server {
        client.languages()?;
    }
    Ok(())
}

/// Tells what a fetch would do with each message, and why.
pub fn preview(
    remote: &mut Remote<'_>,
    look: &Look<'_>,
    task: &Task,
    observer: &dyn Observer,
) -> Outcome {
    Outcome::of(|summary| {
        look.store.map_or(Ok(()), foresee)?;
        let mut journal = look.journal()?;
        remote.ask(observer, |client, _| {
            let view = View::open(client, look, journal.as_mut())?;
            view.preview(task, observer, summary)
        })
    })
}

/// What was told before the line was lost; none of it is told again.
#[derive(Debug, Default)]
struct Told {
    messages: HashSet<MessageKey>,
    /// Whether the unique-ids that no message has were.
    missing: bool,
}

impl Told {
    fn has(&self, row: &Row<'_>) -> bool {
        !self.messages.is_empty() && self.messages.contains(&MessageKey::of(row))
    }

    fn add(&mut self, listing: &Listing, rows: impl Iterator<Item = usize>) {
        let rows = rows.filter_map(|row| listing.row(row));
        self.messages.extend(rows.map(|row| MessageKey::of(&row)));
    }
}

/// A maildrop that is only looked at.
struct View<'a> {
    client: Client<Transaction>,
    listing: Listing,
    journal: Option<(&'a mut Journal, AccountId)>,
    /// Whether a destination was named, journal or not.
    stores: Stores,
}

/// Whether it makes sense to say that something is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stores {
    Somewhere,
    Nowhere,
}

impl<'a> View<'a> {
    fn open(
        mut client: Client<Transaction>,
        look: &Look<'_>,
        journal: Option<&'a mut Journal>,
    ) -> Result<Self, Error> {
        let listing = client.listing()?;
        let journal = journal.map(|journal| {
            let account = journal.account(look.identity, &mut unique_ids(&listing));
            (journal, account)
        });
        let stores = look.store.map_or(Stores::Nowhere, |_| Stores::Somewhere);
        Ok(Self {
            client,
            listing,
            journal,
            stores,
        })
    }

    fn is_stored(&self, unique_id: Option<UniqueIdRef<'_>>) -> bool {
        let known = self.journal.as_ref().zip(unique_id);
        known.is_some_and(|((journal, account), unique_id)| {
            journal.has(*account, unique_id.as_bytes())
        })
    }

    fn stat(&self) -> Stat {
        let new = self
            .listing
            .rows()
            .filter(|row| !self.is_stored(row.unique_id))
            .count() as u64;
        Stat {
            size: MaildropSize {
                messages: Some(self.listing.len() as u64),
                octets: Some(self.listing.octets_total()),
            },
            new: Some(new),
            server: self.client.server().clone(),
        }
    }

    fn select(
        &mut self,
        selection: &Selection,
        observer: &dyn Observer,
    ) -> Result<Selected, Error> {
        let mut selected = Selected::by_listing(&self.listing, selection);
        for row in selected.rows().collect::<Vec<_>>() {
            let stored = self.is_stored(self.listing.row(row).and_then(|row| row.unique_id));
            let wanted = match selection.scope {
                Scope::New => !stored,
                Scope::Stored => stored,
                Scope::Unsaid | Scope::All => true,
            };
            if !wanted {
                selected.remove(row);
            }
        }
        narrow(
            &mut self.client,
            &self.listing,
            &mut selected,
            selection,
            &mut memory(&mut self.journal),
            observer,
        )?;
        Ok(selected)
    }

    fn list(
        mut self,
        selection: &Selection,
        headers: Headers,
        told: &mut Told,
        observer: &dyn Observer,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        let selected = self.select(selection, observer)?;
        if !told.missing {
            selection.tell_missing(&self.listing, observer);
            told.missing = true;
        }
        let limit = selection.limit.unwrap_or(usize::MAX);
        let rows: Vec<usize> = in_order(&self.listing, selection.order)
            .filter(|(row, listed)| selected.contains(*row) && !told.has(listed))
            .map(|(row, _)| row)
            .take(limit.saturating_sub(told.messages.len()))
            .collect();
        let meant = rows.len() + told.messages.len();
        summary.skipped = self.listing.len().saturating_sub(meant) as u64;
        let stored: Vec<Option<bool>> = rows
            .iter()
            .map(|&row| {
                let unique_id = self.listing.row(row).and_then(|row| row.unique_id);
                (self.stores == Stores::Somewhere).then(|| self.is_stored(unique_id))
            })
            .collect();
        let mut stored = stored.into_iter();
        let listing = &self.listing;
        let mut noticed = 0;
        let mut notice = |row, header: Option<&Header>| {
            noticed += 1;
            let status = Status::Listed {
                stored: stored.next().flatten(),
                header,
            };
            notice(observer, listing, row, status);
        };
        match headers {
            Headers::Hidden => rows.iter().for_each(|&row| notice(row, None)),
            Headers::Shown => {
                let ended = each_header(
                    &mut self.client,
                    listing,
                    &rows,
                    &mut memory(&mut self.journal),
                    &mut |row, header| notice(row, Some(header)),
                );
                told.add(listing, rows.into_iter().take(noticed));
                ended?;
            }
        }
        leave(self.client);
        Ok(())
    }

    fn preview(
        mut self,
        task: &Task,
        observer: &dyn Observer,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        // The plan knows the scope of a fetch itself.
        let conditions = Selection {
            scope: Scope::Unsaid,
            ..task.selection.clone()
        };
        let selected = self.select(&conditions, observer)?;
        conditions.tell_missing(&self.listing, observer);
        let plan = self.plan(&selected, task);
        for step in plan
            .steps
            .iter()
            .filter(|step| step.reason != Reason::NotSelected)
        {
            let status = match step.reason.action() {
                Action::Leave => {
                    summary.skipped += 1;
                    summary.held_back += u64::from(step.reason.holds_back());
                    Status::Skipped(step.reason)
                }
                Action::Retrieve | Action::Delete => Status::Planned {
                    reason: step.reason,
                    then: self.fate_of(step, task),
                },
            };
            notice(observer, &self.listing, step.row, status);
        }
        leave(self.client);
        Ok(())
    }

    fn fate_of(&self, step: &Step, task: &Task) -> Fate {
        let goes = match step.reason.action() {
            Action::Retrieve => self
                .listing
                .row(step.row)
                .is_some_and(|row| is_deleted_at_once(&row, task)),
            Action::Delete => true,
            Action::Leave => false,
        };
        if goes { Fate::Deleted } else { Fate::Kept }
    }

    fn plan(&self, selected: &Selected, task: &Task) -> Plan {
        let ledger = |unique_id: UniqueIdRef<'_>| {
            let (journal, account) = self.journal.as_ref()?;
            journal.known(*account, unique_id.as_bytes())
        };
        plan_fetch(&self.listing, &ledger, selected, task, Spent::default())
    }
}

fn memory<'j>(journal: &'j mut Option<(&mut Journal, AccountId)>) -> Option<JournalMemory<'j>> {
    journal.as_mut().map(|(journal, account)| JournalMemory {
        journal,
        account: *account,
        writing: Writing::Forbidden,
    })
}

fn notice(observer: &dyn Observer, listing: &Listing, row: usize, status: Status<'_>) {
    if let Some(row) = listing.row(row) {
        let report = MessageReport::of(row.number, Some(row), status);
        observer.notice(Event::Message(report));
    }
}

/// The unique-ids of a listing.
pub(super) fn unique_ids(listing: &Listing) -> impl Iterator<Item = &[u8]> {
    listing
        .rows()
        .filter_map(|row| row.unique_id)
        .map(UniqueIdRef::as_bytes)
}
