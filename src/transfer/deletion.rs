//! DELE as a tracked intent: written down before it is sent, confirmed only by the +OK to the
//! QUIT of its own session (RFC 1939 section 6).

use std::collections::{HashMap, HashSet};

use crate::client::{self, Client, Transaction};
use crate::protocol::{Listing, MessageNumber, Refusal, Row, UniqueId, UniqueIdRef};
use crate::store::{AccountId, Journal};

use super::error::Error;
use super::observer::{Event, Failure, MessageReport, Observer, Status};
use super::summary::{DeletionState, Remedy, Summary};

/// A message to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doomed {
    pub(super) number: MessageNumber,
    pub(super) unique_id: Option<UniqueId>,
    /// As listed.
    pub(super) octets: Option<u64>,
}

impl Doomed {
    /// The message of this row.
    pub(super) fn of(row: &Row<'_>) -> Self {
        Self {
            number: row.number,
            unique_id: row.unique_id.map(UniqueIdRef::to_unique_id),
            octets: row.octets,
        }
    }

    /// What became of it.
    pub(super) fn report<'a>(&'a self, status: Status<'a>) -> MessageReport<'a> {
        MessageReport {
            number: Some(self.number),
            unique_id: self.unique_id.as_ref().map(UniqueId::as_bytes),
            octets: self.octets,
            status,
        }
    }
}

/// So many DELEs go first: a server that refuses them all is not asked for the rest, since some
/// hang up after about 20 errors in a row (Dovecot), and with that nothing would be deleted.
const FIRST_DELETIONS: usize = 16;

/// What this run asked to delete and does not know the end of.
#[derive(Debug, Default)]
pub(super) struct Unconfirmed(HashSet<UniqueId>);

impl Unconfirmed {
    /// A session asked for these deletions, having listed the maildrop. Of what an earlier one
    /// asked for in vain, what this one listed was either asked for again or is to stay.
    pub(super) fn note_session(
        &mut self,
        deletion: DeletionState,
        asked: &[Doomed],
        listing: &Listing,
    ) {
        if deletion == DeletionState::Unknown {
            let asked = asked.iter().filter_map(|doomed| doomed.unique_id.clone());
            self.0.extend(asked);
        } else if !self.0.is_empty() {
            for unique_id in listing.rows().filter_map(|row| row.unique_id) {
                self.0.remove(&unique_id.to_unique_id());
            }
        }
    }

    /// Whether the end of all of them is known.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How a session ended.
pub(super) struct Ended {
    pub(super) summary: Summary,
    pub(super) error: Option<Error>,
}

/// The last part of a session: deletions, and QUIT.
pub(super) struct Ending<'a> {
    /// Where the receipts are, if there are any.
    pub(super) receipts: Option<(&'a mut Journal, AccountId)>,
    pub(super) now_seconds: i64,
    pub(super) observer: &'a dyn Observer,
}

impl Ending<'_> {
    /// Deletes these messages and quits. The summary holds also when an error ended it. Where there
    /// are none, an [`Error::Client`] matters only for what it tells of the last message.
    pub(super) fn delete_and_quit(
        &mut self,
        client: Client<Transaction>,
        doomed: &[Doomed],
    ) -> Ended {
        let mut summary = Summary::default();
        let ended = self.run(client, doomed, &mut summary);
        Ended {
            summary,
            error: ended.err(),
        }
    }

    fn run(
        &mut self,
        mut client: Client<Transaction>,
        doomed: &[Doomed],
        summary: &mut Summary,
    ) -> Result<(), Error> {
        if doomed.is_empty() {
            return leave_messages(client);
        }
        if let Some((journal, account)) = &mut self.receipts {
            journal.ask_delete(*account, &unique_ids(doomed.iter()))?;
            journal.sync()?;
        }
        summary.deletion = DeletionState::Unknown;
        let refused = Self::send(&mut client, doomed)?;
        // Not before: after a lost line it is asked, and refused, again.
        self.tell_refused(doomed, &refused, summary);
        client.quit().map_err(Error::DeletionUnconfirmed)?;
        let deleted: Vec<_> = doomed
            .iter()
            .filter(|doomed| !refused.contains_key(&doomed.number))
            .collect();
        summary.deletion = if deleted.is_empty() {
            DeletionState::None
        } else {
            DeletionState::Confirmed
        };
        summary.deleted = deleted.len() as u64;
        self.notice_deleted(&deleted);
        if let Some((journal, account)) = &mut self.receipts {
            let deleted = unique_ids(deleted.into_iter());
            journal.confirm_delete(*account, &deleted, self.now_seconds)?;
            journal.sync()?;
        }
        Ok(())
    }

    /// Sends the DELEs; what the server refused, or was not asked for since it refuses them all.
    fn send(
        client: &mut Client<Transaction>,
        doomed: &[Doomed],
    ) -> Result<HashMap<MessageNumber, Option<Refusal>>, client::Error> {
        let numbers: Vec<MessageNumber> = doomed.iter().map(|doomed| doomed.number).collect();
        let (first, rest) = numbers.split_at(numbers.len().min(FIRST_DELETIONS));
        let mut refused = HashMap::new();
        let mut send = |numbers: &[MessageNumber], refused: &mut HashMap<_, _>| {
            client.dele(numbers, &mut |number, answer| {
                if let Err(refusal) = answer {
                    refused.insert(number, Some(refusal));
                }
            })
        };
        send(first, &mut refused)?;
        if refused.len() == first.len() {
            refused.extend(rest.iter().map(|number| (*number, None)));
        } else {
            send(rest, &mut refused)?;
        }
        Ok(refused)
    }

    fn tell_refused(
        &self,
        doomed: &[Doomed],
        refused: &HashMap<MessageNumber, Option<Refusal>>,
        summary: &mut Summary,
    ) {
        for doomed in doomed {
            let Some(refusal) = refused.get(&doomed.number) else {
                continue;
            };
            summary.add_failed(Remedy::None);
            if let Some(refusal) = refusal {
                self.notice(doomed, Status::Failed(Failure::DeletionRefused(refusal)));
            }
        }
    }

    fn notice_deleted(&self, deleted: &[&Doomed]) {
        for doomed in deleted {
            self.notice(doomed, Status::Deleted);
        }
    }

    fn notice(&self, doomed: &Doomed, status: Status<'_>) {
        self.observer.notice(Event::Message(doomed.report(status)));
    }
}

/// Ends a session on whose end nothing depends, but for what it tells of the last message.
fn leave_messages(client: Client<Transaction>) -> Result<(), Error> {
    let Err(error) = client.quit() else {
        return Ok(());
    };
    log::info!("the session did not end well: {error}");
    Err(if error.message_with_more_behind().is_some() {
        Error::Retrieving(error)
    } else {
        Error::Client(error)
    })
}

fn unique_ids<'a>(doomed: impl Iterator<Item = &'a Doomed>) -> Vec<&'a UniqueId> {
    doomed
        .filter_map(|doomed| doomed.unique_id.as_ref())
        .collect()
}
