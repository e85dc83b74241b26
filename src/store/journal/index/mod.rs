//! The journal in memory: for each receipt a hash of what it is known by, where its line stands,
//! and what the plan asks of every message at each run. All else is read again from the file.
//!
//! 48 octets a receipt and 6 to 11 for finding it: 100,000 known messages take about 6 MB.

mod entry;
mod table;

use std::collections::{HashMap, HashSet, VecDeque};

use entry::Entry;
use table::{Key, Table};

use crate::protocol::UniqueId;
use crate::store::error::Damage;
use crate::store::journal::fields::HasGist;
use crate::store::journal::format::Record;
use crate::store::journal::record::{
    AccountId, DeleteState, Held, Identity, Known, ReceiptId, Repair,
};

pub(in crate::store::journal) use table::Name;

/// A complete listing must be this much younger than the last sight of a deleted message before
/// its receipt may go: servers restored from a backup show old mail again, unique-ids and all.
pub(in crate::store::journal) const ABSENT_DAYS: u16 = 90;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// What compaction writes of a receipt.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::journal) struct Kept {
    pub(in crate::store::journal) id: ReceiptId,
    pub(in crate::store::journal) delete: DeleteState,
    pub(in crate::store::journal) seen_day: u16,
}

/// See the module.
#[derive(Debug, Default)]
pub(in crate::store::journal) struct Index {
    receipts: Table,
    /// In the order in which they were written, in which they mostly end too.
    open_intents: VecDeque<Entry>,
    headers: HashMap<Key, u64>,
    identities: Vec<(AccountId, Identity)>,
    listed_day: HashMap<AccountId, u16>,
    repair: Option<Repair>,
    adopted: usize,
    lines: u64,
}

impl Index {
    /// An empty one with room for so many receipts.
    pub(in crate::store::journal) fn with_room(receipts: usize) -> Self {
        let mut index = Self::default();
        index.receipts.reserve(receipts);
        index
    }

    /// Takes in the record that stands at `offset`.
    pub(in crate::store::journal) fn take_in(
        &mut self,
        offset: u64,
        record: &Record<impl HasGist>,
    ) -> Result<(), Damage> {
        if record.is_long() {
            self.lines = self.lines.saturating_add(1);
        }
        match record {
            Record::Account { account, identity } => {
                self.identities.retain(|(_, known)| known != identity);
                self.identities.push((*account, identity.clone()));
            }
            Record::Intent(receipt) => {
                let entry = self.entry(offset, receipt)?;
                self.open_intents.push_back(entry);
            }
            Record::Done(id) => {
                let entry = self.close_intent(*id)?;
                self.add(entry);
            }
            Record::Void(id) => {
                self.close_intent(*id)?;
            }
            Record::Receipt { intent, receipt } => {
                if let Some(id) = intent {
                    self.close_intent(*id)?;
                }
                let entry = self.entry(offset, receipt)?;
                self.add(entry);
            }
            Record::DeleteAsked { account, unique_id } => {
                let key = self.key(*account, unique_id);
                self.receipts
                    .change(key, |entry| entry.mark_delete(DeleteState::Asked));
            }
            Record::DeleteConfirmed {
                account,
                unique_id,
                time_seconds,
            } => {
                let key = self.key(*account, unique_id);
                self.receipts.change(key, |entry| {
                    entry.mark_delete(DeleteState::Confirmed);
                    entry.seen_day = entry.seen_day.max(day(*time_seconds));
                });
            }
            Record::Seen {
                account,
                unique_id,
                time_seconds,
            } => {
                let key = self.key(*account, unique_id);
                self.receipts.change(key, |entry| {
                    entry.seen_day = entry.seen_day.max(day(*time_seconds));
                });
            }
            Record::Listed {
                account,
                time_seconds,
            } => {
                self.listed_day.insert(*account, day(*time_seconds));
            }
            Record::Header {
                account, unique_id, ..
            } => {
                let key = self.key(*account, unique_id);
                self.headers.insert(key, offset);
            }
            Record::Repair(repair) => self.repair = Some(repair.clone()),
            Record::Repaired => self.repair = None,
            Record::Synced(_) => {}
        }
        Ok(())
    }

    /// Long lines, dead or alive.
    pub(in crate::store::journal) fn lines(&self) -> u64 {
        self.lines
    }

    pub(in crate::store::journal) fn has(&self, account: AccountId, name: Name<'_>) -> bool {
        let key = self.receipts.key(account, name);
        self.receipts.find(key).next().is_some()
    }

    /// Where the lines of all receipts stand, sorted.
    pub(in crate::store::journal) fn receipts(&self) -> Vec<ReceiptId> {
        let mut ids: Vec<ReceiptId> = self.receipts.iter().map(Entry::id).collect();
        ids.sort_unstable();
        ids
    }

    pub(in crate::store::journal) fn known(
        &self,
        account: AccountId,
        name: Name<'_>,
    ) -> Option<Known> {
        let key = self.receipts.key(account, name);
        Known::of(self.receipts.find(key).map(Entry::held))
    }

    pub(in crate::store::journal) fn header(
        &self,
        account: AccountId,
        unique_id: &[u8],
    ) -> Option<u64> {
        let key = self.receipts.key(account, Name::UniqueId(unique_id));
        self.headers.get(&key).copied()
    }

    pub(in crate::store::journal) fn identities(&self) -> &[(AccountId, Identity)] {
        &self.identities
    }

    pub(in crate::store::journal) fn open_intents(&self) -> impl Iterator<Item = ReceiptId> {
        self.open_intents.iter().map(Entry::id)
    }

    pub(in crate::store::journal) fn open_repair(&self) -> Option<&Repair> {
        self.repair.as_ref()
    }

    pub(in crate::store::journal) fn has_adopted(&self) -> bool {
        self.adopted > 0
    }

    pub(in crate::store::journal) fn has_nameless(&self, account: AccountId) -> bool {
        let is_nameless = |entry: &Entry| entry.account == account && entry.is_nameless();
        self.receipts.iter().any(is_nameless)
    }

    /// The receipts with a unique-id of an account that is not listed, and no delete asked.
    pub(in crate::store::journal) fn vanished(
        &self,
        account: AccountId,
        listed: &mut dyn Iterator<Item = &[u8]>,
    ) -> Vec<Held> {
        let key = |unique_id| self.receipts.key(account, Name::UniqueId(unique_id));
        let is_listed = self.receipts.marks(listed.map(key));
        self.receipts
            .iter()
            .zip(is_listed)
            .filter(|(entry, listed)| {
                !listed
                    && entry.account == account
                    && !entry.is_nameless()
                    && entry.delete() == DeleteState::None
            })
            .map(|(entry, _)| entry.held())
            .collect()
    }

    /// What a complete listing teaches about deleted messages: which of them, told by the place
    /// in the listing, the server still lists. None if the account has been listed that day or
    /// has nothing deleted.
    pub(in crate::store::journal) fn still_listed(
        &self,
        account: AccountId,
        listed: &mut dyn Iterator<Item = &[u8]>,
        now_seconds: i64,
    ) -> Option<Vec<UniqueId>> {
        let today = day(now_seconds);
        let deleted = |entry: &Entry| entry.delete() == DeleteState::Confirmed;
        if self.listed_day.get(&account) == Some(&today)
            || !self
                .receipts
                .iter()
                .any(|entry| entry.account == account && deleted(entry))
        {
            return None;
        }
        let mut looked_at = HashSet::new();
        let seen = listed.filter(|unique_id| {
            let key = self.receipts.key(account, Name::UniqueId(unique_id));
            let mut receipts = self.receipts.find(key);
            looked_at.insert(key) && receipts.any(|entry| deleted(entry) && entry.seen_day < today)
        });
        Some(seen.filter_map(|id| UniqueId::parse(id).ok()).collect())
    }

    /// The receipts that compaction keeps.
    pub(in crate::store::journal) fn kept(&self) -> impl Iterator<Item = Kept> {
        let kept = self
            .receipts
            .iter()
            .filter(|entry| !self.is_forgotten(entry));
        kept.map(|entry| Kept {
            id: entry.id(),
            delete: entry.delete(),
            seen_day: entry.seen_day,
        })
    }

    /// The offsets of the headers that compaction keeps, sorted: those of messages that may be
    /// listed again.
    pub(in crate::store::journal) fn kept_headers(&self) -> Vec<u64> {
        let mut kept: Vec<u64> = self
            .headers
            .iter()
            .filter(|(key, _)| {
                self.receipts
                    .find(**key)
                    .all(|entry| entry.delete() != DeleteState::Confirmed)
            })
            .map(|(_, offset)| *offset)
            .collect();
        kept.sort_unstable();
        kept
    }

    pub(in crate::store::journal) fn listed_days(&self) -> impl Iterator<Item = (AccountId, u16)> {
        self.listed_day
            .iter()
            .map(|(account, day)| (*account, *day))
    }

    /// Deleted for sure, and not on the server any more for long enough.
    fn is_forgotten(&self, entry: &Entry) -> bool {
        let listed_day = || self.listed_day.get(&entry.account).copied().unwrap_or(0);
        entry.delete() == DeleteState::Confirmed
            && listed_day().saturating_sub(entry.seen_day) >= ABSENT_DAYS
    }

    fn close_intent(&mut self, id: ReceiptId) -> Result<Entry, Damage> {
        if self.open_intents.front().map(Entry::id) == Some(id) {
            return self.open_intents.pop_front().ok_or(Damage::Dangling);
        }
        let place = self.open_intents.binary_search_by_key(&id, Entry::id);
        let place = place.map_err(|_where_it_would_be| Damage::Dangling)?;
        self.open_intents.remove(place).ok_or(Damage::Dangling)
    }

    fn entry(&self, offset: u64, receipt: &impl HasGist) -> Result<Entry, Damage> {
        let gist = receipt.gist().ok_or(Damage::Version)?;
        Ok(self.receipts.entry(ReceiptId(offset), &gist))
    }

    fn add(&mut self, entry: Entry) {
        if entry.account == AccountId::ADOPTED {
            self.adopted = self.adopted.saturating_add(1);
        }
        self.receipts.add(entry);
    }

    fn key(&self, account: AccountId, unique_id: &UniqueId) -> Key {
        let name = Name::UniqueId(unique_id.as_bytes());
        self.receipts.key(account, name)
    }
}

/// The day of a time, counted from 1970.
pub(in crate::store::journal) fn day(seconds: i64) -> u16 {
    u16::try_from(seconds.div_euclid(DAY_SECONDS).max(0)).unwrap_or(u16::MAX)
}

/// The first second of a day.
pub(in crate::store::journal) fn first_second(day: u16) -> i64 {
    i64::from(day).saturating_mul(DAY_SECONDS)
}

#[cfg(test)]
mod tests;
