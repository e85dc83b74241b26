//! Records what is in a maildrop as stored, without fetching it.

use crate::client::{Client, Transaction};
use crate::protocol::{Listing, UidSupport};
use crate::store::{self, AccountId, Identity, Journal, OpenOptions, Receipt};

use super::error::Error;
use super::headers::{JournalMemory, Writing, narrow};
use super::list::unique_ids;
use super::observer::{Event, Observer, Warning};
use super::plan::{Selected, in_order};
use super::remote::{Remote, leave};
use super::selection::Selection;
use super::summary::{Outcome, Summary};

/// What is to be recorded.
#[derive(Clone, Debug)]
pub struct Mark<'a> {
    /// The destination whose journal is told.
    pub store: &'a OpenOptions,
    /// Whose mail it is.
    pub identity: &'a Identity,
    /// Which messages; its scope means nothing here.
    pub selection: &'a Selection,
    /// The time of the run, in seconds since 1970.
    pub now_seconds: i64,
}

/// Records every selected message as stored. What is recorded so is never fetched and never
/// deleted by us; the summary counts it as skipped.
pub fn mark_stored(remote: &mut Remote<'_>, mark: &Mark<'_>, observer: &dyn Observer) -> Outcome {
    Outcome::of(|summary| run(remote, mark, observer, summary))
}

fn run(
    remote: &mut Remote<'_>,
    mark: &Mark<'_>,
    observer: &dyn Observer,
    summary: &mut Summary,
) -> Result<(), Error> {
    let mut store = store::open(mark.store)?;
    let journal = &mut store.journal;
    remote.ask(observer, |client, _| {
        summary.skipped = record(client, journal, mark, observer)?;
        Ok(())
    })
}

/// Records the selected messages in one session; how many.
fn record(
    mut client: Client<Transaction>,
    journal: &mut Journal,
    mark: &Mark<'_>,
    observer: &dyn Observer,
) -> Result<u64, Error> {
    let listing = client.listing()?;
    let account = journal.account(mark.identity, &mut unique_ids(&listing));
    let mut selected = Selected::by_listing(&listing, mark.selection);
    let mut memory = JournalMemory {
        journal,
        account,
        writing: Writing::Allowed,
    };
    narrow(
        &mut client,
        &listing,
        &mut selected,
        mark.selection,
        &mut memory,
        observer,
    )?;
    if matches!(listing.unique_ids(), UidSupport::Refused(_)) && !listing.is_empty() {
        observer.notice(Event::Warning(Warning::NoUniqueIds));
    }
    mark.selection.tell_missing(&listing, observer);
    let receipts = receipts(&listing, &selected, journal, account, mark);
    journal.record(&receipts)?;
    journal.sync()?;
    leave(client);
    Ok(receipts.len() as u64)
}

/// A receipt for each selected message that has none.
fn receipts(
    listing: &Listing,
    selected: &Selected,
    journal: &Journal,
    account: AccountId,
    mark: &Mark<'_>,
) -> Vec<Receipt> {
    let rows = in_order(listing, mark.selection.order)
        .filter(|(index, _)| selected.contains(*index))
        .map(|(_, row)| row);
    let new = rows.filter_map(|row| {
        let unique_id = row.unique_id?;
        let is_known = journal.has(account, unique_id.as_bytes());
        (!is_known).then_some((row, unique_id))
    });
    new.take(mark.selection.limit.unwrap_or(usize::MAX))
        .map(|(row, unique_id)| {
            Receipt::marked(
                account,
                unique_id.to_unique_id(),
                row.octets,
                mark.now_seconds,
            )
        })
        .collect()
}
