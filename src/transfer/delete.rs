//! Deletes chosen messages from a maildrop.

use std::collections::{HashMap, HashSet};

use crate::client::{Client, Transaction};
use crate::protocol::{Listing, Row};
use crate::store::{self, AccountId, Identity, Known, OpenOptions, ReceiptId, Store, StoredFiles};

use super::deletion::{Doomed, Ending, Unconfirmed};
use super::error::{Error, is_line_drop};
use super::headers::{JournalMemory, Writing, narrow};
use super::list::unique_ids;
use super::observer::{Event, Failure, Fate, Observer, Status};
use super::plan::{Reason, Selected, in_order};
use super::remote::{Remote, leave};
use super::selection::{Scope, Selection};
use super::summary::{DeletionState, Outcome, Remedy, Summary};

/// What is to be deleted.
#[derive(Debug)]
pub struct Delete<'a> {
    /// The destination whose journal is asked and told, if any.
    pub store: Option<&'a OpenOptions>,
    /// Whose mail it is.
    pub identity: &'a Identity,
    /// Which messages.
    pub selection: &'a Selection,
    /// What is asked of the stored copy.
    pub proof: StoredProof,
    /// Whether it is done at all.
    pub doing: Doing,
    /// The time of the run, in seconds since 1970.
    pub now_seconds: i64,
}

/// What is asked of the stored copy of a message before it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredProof {
    /// Nothing beyond what the one who confirms demands.
    Receipt,
    /// The file must be there with the recorded hash; messages without it stay.
    File,
}

/// Whether something is done, or only told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It is done.
    Real,
    /// It is told.
    DryRun,
}

/// What was chosen for deletion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// All of them.
    pub messages: u64,
    /// Those without a receipt for just these octets.
    pub without_receipt: u64,
}

/// Whether the deletion goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// It does.
    Given,
    /// It does not, and nothing is deleted.
    Withheld,
}

/// Asks whether the chosen messages are to be deleted.
pub type Confirm<'a> = dyn FnMut(Choice) -> Consent + 'a;

/// Deletes the selected messages once `confirm` says so.
pub fn delete(
    remote: &mut Remote<'_>,
    delete: &Delete<'_>,
    confirm: &mut Confirm<'_>,
    observer: &dyn Observer,
) -> Outcome {
    Outcome::of(|summary| {
        let mut store = delete.store.map(store::open).transpose()?;
        let mut agreed = None;
        remote.ask(observer, |client, _| {
            let deleting = Deleting::open(client, delete, store.as_mut(), observer)?;
            match &mut agreed {
                None => deleting.run(confirm, &mut agreed, summary),
                Some(agreed) => deleting.resume(agreed, summary),
            }
        })
    })
}

/// What is to be deleted, as it was confirmed. After a lost line another session goes on with just
/// that.
struct Agreed {
    doomed: Vec<Doomed>,
    unconfirmed: Unconfirmed,
}

/// What became of it by the time of another session.
#[derive(Default)]
struct Found {
    /// Listed as it was.
    same: Vec<Doomed>,
    /// Listed with other octets, or among others of the same unique-id.
    changed: Vec<Doomed>,
}

impl Agreed {
    /// Looks for it. The numbers are others now: only a unique-id tells that a message is the same.
    fn find_in(&self, listing: &Listing) -> Found {
        let octets_of: HashMap<_, _> = self
            .doomed
            .iter()
            .filter_map(|doomed| Some((doomed.unique_id.as_ref()?.as_bytes(), doomed.octets)))
            .collect();
        let mut found = Found::default();
        for row in listing.rows() {
            let agreed = row.unique_id.and_then(|it| octets_of.get(it.as_bytes()));
            match agreed {
                Some(octets) if *octets == row.octets && !row.repeated => {
                    found.same.push(Doomed::of(&row));
                }
                Some(_) => found.changed.push(Doomed::of(&row)),
                None => {}
            }
        }
        found
    }
}

/// A message that is chosen, and its receipt if it has one for just these octets.
struct Chosen {
    doomed: Doomed,
    receipt: Option<ReceiptId>,
}

struct Deleting<'a> {
    delete: &'a Delete<'a>,
    observer: &'a dyn Observer,
    client: Client<Transaction>,
    listing: Listing,
    store: Option<(&'a mut Store, AccountId)>,
    /// Where the stored copies are, if they are asked for.
    stored_files: Option<StoredFiles>,
}

impl<'a> Deleting<'a> {
    fn open(
        mut client: Client<Transaction>,
        delete: &'a Delete<'a>,
        store: Option<&'a mut Store>,
        observer: &'a dyn Observer,
    ) -> Result<Self, Error> {
        let listing = client.listing()?;
        let store = store.map(|store| {
            let journal = &mut store.journal;
            let account = journal.account(delete.identity, &mut unique_ids(&listing));
            (store, account)
        });
        let stored_files = match (&store, delete.proof) {
            (Some((store, _)), StoredProof::File) => Some(StoredFiles::new(&store.destination)?),
            (Some(_), StoredProof::Receipt) | (None, _) => None,
        };
        Ok(Self {
            delete,
            observer,
            client,
            listing,
            store,
            stored_files,
        })
    }

    fn run(
        mut self,
        confirm: &mut Confirm<'_>,
        agreed: &mut Option<Agreed>,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        let chosen = self.choose(summary)?;
        let choice = Choice {
            messages: chosen.len() as u64,
            without_receipt: chosen
                .iter()
                .filter(|chosen| chosen.receipt.is_none())
                .count() as u64,
        };
        summary.skipped = (self.listing.len() - chosen.len()) as u64;
        if self.delete.doing == Doing::DryRun {
            for chosen in &chosen {
                let reason = match chosen.receipt {
                    Some(_) => Reason::Stored,
                    None => Reason::NotStored,
                };
                let then = Fate::Deleted;
                self.notice(&chosen.doomed, Status::Planned { reason, then });
            }
            leave(self.client);
            return Ok(());
        }
        if chosen.is_empty() || confirm(choice) == Consent::Withheld {
            summary.skipped += choice.messages;
            leave(self.client);
            return Ok(());
        }
        let doomed: Vec<Doomed> = chosen.into_iter().map(|chosen| chosen.doomed).collect();
        let agreed = agreed.insert(Agreed {
            doomed: doomed.clone(),
            unconfirmed: Unconfirmed::default(),
        });
        self.carry_out(&doomed, &mut agreed.unconfirmed, summary)
    }

    /// Goes on with what was agreed on in an earlier session.
    fn resume(self, agreed: &mut Agreed, summary: &mut Summary) -> Result<(), Error> {
        let Found { same, changed } = agreed.find_in(&self.listing);
        let left = self
            .listing
            .len()
            .saturating_sub(same.len() + changed.len());
        summary.skipped = left as u64;
        // It is told once, however many sessions there are.
        let unique_ids: HashSet<_> = changed.iter().map(|it| &it.unique_id).collect();
        agreed
            .doomed
            .retain(|it| !unique_ids.contains(&it.unique_id));
        for doomed in &changed {
            summary.add_failed(Remedy::None);
            self.notice(doomed, Status::Failed(Failure::Changed));
        }
        self.carry_out(&same, &mut agreed.unconfirmed, summary)
    }

    fn carry_out(
        mut self,
        doomed: &[Doomed],
        unconfirmed: &mut Unconfirmed,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        let receipts = self
            .store
            .as_mut()
            .map(|(store, account)| (&mut store.journal, *account));
        let mut ending = Ending {
            receipts,
            now_seconds: self.delete.now_seconds,
            observer: self.observer,
        };
        let ended = ending.delete_and_quit(self.client, doomed);
        summary.add(&ended.summary);
        unconfirmed.note_session(ended.summary.deletion, doomed, &self.listing);
        summary.deletion = if unconfirmed.is_empty() {
            ended.summary.deletion
        } else {
            DeletionState::Unknown
        };
        match ended.error {
            None => Ok(()),
            Some(Error::Client(_)) if doomed.is_empty() => Ok(()),
            // Another session could not tell which these are.
            Some(Error::Client(error))
                if is_line_drop(&error) && is_any_nameless(doomed, &self.listing) =>
            {
                Err(Error::DeletionUnconfirmed(error))
            }
            Some(error) => Err(error),
        }
    }

    /// The messages that meet the selection, and what is stored of them.
    fn choose(&mut self, summary: &mut Summary) -> Result<Vec<Chosen>, Error> {
        let selection = self.delete.selection;
        let selected = self.select()?;
        let rows: Vec<usize> = in_order(&self.listing, selection.order)
            .map(|(row, _)| row)
            .filter(|&row| selected.contains(row))
            .collect();
        let mut chosen = Vec::new();
        for index in rows {
            let Some(row) = self.listing.row(index) else {
                continue;
            };
            let receipt = self.receipt(&row);
            let meets_scope = match selection.scope {
                Scope::New => receipt.is_none(),
                Scope::Stored => receipt.is_some(),
                Scope::Unsaid | Scope::All => true,
            };
            if !meets_scope {
                continue;
            }
            let candidate = Chosen {
                doomed: Doomed::of(&row),
                receipt,
            };
            if self.is_proved(receipt)? {
                chosen.push(candidate);
            } else {
                summary.add_failed(Remedy::None);
                self.notice(&candidate.doomed, Status::Failed(Failure::Unproved));
            }
        }
        chosen.truncate(selection.limit.unwrap_or(usize::MAX));
        Ok(chosen)
    }

    fn select(&mut self) -> Result<Selected, Error> {
        let selection = self.delete.selection;
        let mut selected = Selected::by_listing(&self.listing, selection);
        let mut memory = self.store.as_mut().map(|(store, account)| JournalMemory {
            journal: &mut store.journal,
            account: *account,
            writing: Writing::Allowed,
        });
        narrow(
            &mut self.client,
            &self.listing,
            &mut selected,
            selection,
            &mut memory,
            self.observer,
        )?;
        selection.tell_missing(&self.listing, self.observer);
        Ok(selected)
    }

    /// The receipt for just this message: its unique-id listed once, its octets those that LIST
    /// told when it was stored, and whole.
    fn receipt(&self, row: &Row<'_>) -> Option<ReceiptId> {
        let (store, account) = self.store.as_ref()?;
        let unique_id = row.unique_id.filter(|_| !row.repeated)?;
        let known = store.journal.known(*account, unique_id.as_bytes())?;
        receipt_for(row, &known)
    }

    fn is_proved(&mut self, receipt: Option<ReceiptId>) -> Result<bool, Error> {
        if self.delete.proof == StoredProof::Receipt {
            return Ok(true);
        }
        let (Some(receipt), Some((store, _)), Some(files)) =
            (receipt, &self.store, &mut self.stored_files)
        else {
            return Ok(false);
        };
        Ok(files.holds(&store.journal.receipt(receipt)?)?)
    }

    fn notice(&self, doomed: &Doomed, status: Status<'_>) {
        self.observer.notice(Event::Message(doomed.report(status)));
    }
}

/// Whether any of them has no unique-id of its own.
fn is_any_nameless(doomed: &[Doomed], listing: &Listing) -> bool {
    let rows = listing.rows();
    let nameless: HashSet<_> = rows
        .filter(|row| row.unique_id.is_none() || row.repeated)
        .map(|row| row.number)
        .collect();
    doomed.iter().any(|it| nameless.contains(&it.number))
}

fn receipt_for(row: &Row<'_>, known: &Known) -> Option<ReceiptId> {
    let proves = |held: &&store::Held| {
        !held.suspect
            && !held.is_marked()
            && row.octets.is_some()
            && held.listed_octets == row.octets
    };
    known.receipts().find(proves).map(|held| held.id)
}
