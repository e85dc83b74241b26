//! The journal in memory: for each receipt a hash of what it is known by, where its line stands,
//! and what the plan asks of every message at each run. All else is read again from the file.
//!
//! 48 octets a receipt and about 5 for finding it: 100,000 known messages take about 5 MB.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};

use crate::protocol::UniqueId;
use crate::store::journal::format::Record;
use crate::store::journal::record::{
    AccountId, DeleteState, Held, Identity, Known, Receipt, ReceiptId, Repair,
};

/// A complete listing must be this much younger than the last sight of a deleted message before
/// its receipt may go: servers restored from a backup show old mail again, unique-ids and all.
pub(in crate::store::journal) const ABSENT_DAYS: u16 = 90;

const DAY_SECONDS: i64 = 24 * 60 * 60;
const NO_ENTRY: u32 = u32::MAX;

/// What a receipt is known by: 128 bits of SHA-256 over account and unique-id, or over account
/// and content where there is no unique-id. Servers choose the unique-ids, so a hash that can be
/// made to collide would let one hide a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::store::journal) struct Key([u64; 2]);

impl Key {
    pub(in crate::store::journal) fn of_unique_id(account: AccountId, unique_id: &[u8]) -> Self {
        Self::of(account, b'u', unique_id)
    }

    pub(in crate::store::journal) fn of_content(account: AccountId, sha256: &[u8; 32]) -> Self {
        Self::of(account, b'c', sha256)
    }

    fn of_receipt(receipt: &Receipt) -> Self {
        match &receipt.unique_id {
            Some(unique_id) => Self::of_unique_id(receipt.account, unique_id.as_bytes()),
            None => Self::of_content(receipt.account, &receipt.sha256),
        }
    }

    fn of(account: AccountId, kind: u8, octets: &[u8]) -> Self {
        let [high, low] = account.0.to_be_bytes();
        let mut hash = Sha256::new();
        hash.update([high, low, kind]);
        hash.update(octets);
        let hash: [u8; 32] = hash.finalize().into();
        let word = |part: Option<&[u8; 8]>| u64::from_be_bytes(part.copied().unwrap_or_default());
        Self([word(hash.first_chunk()), word(hash.last_chunk())])
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "any bits of a hash are as good as any other"
    )]
    fn bucket(self, buckets: usize) -> usize {
        let [first, _second] = self.0;
        // The number of buckets is a power of two.
        (first as usize) & buckets.saturating_sub(1)
    }
}

/// A receipt, as small as can be.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: Key,
    /// Where the long line stands, and in the low octet the flags.
    offset_and_flags: u64,
    /// [`NO_OCTETS`] for none.
    listed_octets: u64,
    time_seconds: u32,
    /// The first octets of the content's hash.
    content: u32,
    /// The next entry in the same bucket.
    next: u32,
    account: AccountId,
    /// The day a deleted message was last listed, counted from 1970.
    seen_day: u16,
}

const NO_OCTETS: u64 = u64::MAX;
const DELETE_BITS: u64 = 0b11;
const SUSPECT: u64 = 0b100;
const NAMELESS: u64 = 0b1000;

impl Entry {
    fn new(id: ReceiptId, receipt: &Receipt) -> Self {
        let mut flags = 0;
        if receipt.suspect {
            flags |= SUSPECT;
        }
        if receipt.unique_id.is_none() {
            flags |= NAMELESS;
        }
        let [a, b, c, d, ..] = receipt.sha256;
        Self {
            key: Key::of_receipt(receipt),
            offset_and_flags: (id.0 << 8) | flags,
            listed_octets: receipt.listed_octets.unwrap_or(NO_OCTETS),
            time_seconds: u32::try_from(receipt.time_seconds.max(0)).unwrap_or(u32::MAX),
            content: u32::from_be_bytes([a, b, c, d]),
            next: NO_ENTRY,
            account: receipt.account,
            seen_day: 0,
        }
    }

    fn id(&self) -> ReceiptId {
        ReceiptId(self.offset_and_flags >> 8)
    }

    fn is(&self, flag: u64) -> bool {
        self.offset_and_flags & flag != 0
    }

    fn delete(&self) -> DeleteState {
        match self.offset_and_flags & DELETE_BITS {
            0 => DeleteState::None,
            1 => DeleteState::Asked,
            _ => DeleteState::Confirmed,
        }
    }

    fn mark_delete(&mut self, state: DeleteState) {
        let bits = match state {
            DeleteState::None => 0,
            DeleteState::Asked => 1,
            DeleteState::Confirmed => 2,
        };
        self.offset_and_flags = (self.offset_and_flags & !DELETE_BITS) | bits;
    }

    fn held(&self) -> Held {
        Held {
            id: self.id(),
            listed_octets: Some(self.listed_octets).filter(|octets| *octets != NO_OCTETS),
            time_seconds: i64::from(self.time_seconds),
            suspect: self.is(SUSPECT),
            delete: self.delete(),
            content: self.content,
        }
    }
}

/// What compaction writes of a receipt.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::journal) struct Kept {
    pub(in crate::store::journal) id: ReceiptId,
    pub(in crate::store::journal) delete: DeleteState,
    pub(in crate::store::journal) seen_day: u16,
}

/// A record that speaks of something that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::journal) struct Dangling;

/// See the module.
#[derive(Debug, Default)]
pub(in crate::store::journal) struct Index {
    entries: Vec<Entry>,
    /// The first entry of each bucket; as many as a power of two, never fewer than entries.
    buckets: Vec<u32>,
    open_intents: BTreeMap<ReceiptId, Entry>,
    headers: HashMap<Key, u64>,
    identities: Vec<(AccountId, Identity)>,
    listed_day: HashMap<AccountId, u16>,
    repair: Option<Repair>,
    adopted: usize,
    lines: u64,
}

impl Index {
    /// Takes in the record that stands at `offset`.
    pub(in crate::store::journal) fn take_in(
        &mut self,
        offset: u64,
        record: Record,
    ) -> Result<(), Dangling> {
        if record.is_long() {
            self.lines = self.lines.saturating_add(1);
        }
        match record {
            Record::Account { account, identity } => {
                self.identities.retain(|(_, known)| *known != identity);
                self.identities.push((account, identity));
            }
            Record::Intent(receipt) => {
                let id = ReceiptId(offset);
                self.open_intents.insert(id, Entry::new(id, &receipt));
            }
            Record::Done(id) => {
                let entry = self.open_intents.remove(&id).ok_or(Dangling)?;
                self.insert(entry);
            }
            Record::Void(id) => {
                self.open_intents.remove(&id).ok_or(Dangling)?;
            }
            Record::Receipt { intent, receipt } => {
                if let Some(id) = intent {
                    self.open_intents.remove(&id).ok_or(Dangling)?;
                }
                self.insert(Entry::new(ReceiptId(offset), &receipt));
            }
            Record::DeleteAsked { account, unique_id } => {
                let key = Key::of_unique_id(account, unique_id.as_bytes());
                self.each_mut(key, |entry| entry.mark_delete(DeleteState::Asked));
            }
            Record::DeleteConfirmed {
                account,
                unique_id,
                time_seconds,
            } => {
                let key = Key::of_unique_id(account, unique_id.as_bytes());
                self.each_mut(key, |entry| {
                    entry.mark_delete(DeleteState::Confirmed);
                    entry.seen_day = entry.seen_day.max(day(time_seconds));
                });
            }
            Record::Seen {
                account,
                unique_id,
                time_seconds,
            } => {
                let key = Key::of_unique_id(account, unique_id.as_bytes());
                self.each_mut(key, |entry| {
                    entry.seen_day = entry.seen_day.max(day(time_seconds));
                });
            }
            Record::Listed {
                account,
                time_seconds,
            } => {
                self.listed_day.insert(account, day(time_seconds));
            }
            Record::Header {
                account, unique_id, ..
            } => {
                let key = Key::of_unique_id(account, unique_id.as_bytes());
                self.headers.insert(key, offset);
            }
            Record::Repair(repair) => self.repair = Some(repair),
            Record::Repaired => self.repair = None,
            Record::Synced(_) => {}
        }
        Ok(())
    }

    /// Long lines, dead or alive.
    pub(in crate::store::journal) fn lines(&self) -> u64 {
        self.lines
    }

    pub(in crate::store::journal) fn has(&self, key: Key) -> bool {
        self.chain_places(key).next().is_some()
    }

    /// Where the lines of all receipts stand, sorted.
    pub(in crate::store::journal) fn receipts(&self) -> Vec<ReceiptId> {
        let mut ids: Vec<ReceiptId> = self.entries.iter().map(Entry::id).collect();
        ids.sort_unstable();
        ids
    }

    pub(in crate::store::journal) fn known(&self, key: Key) -> Option<Known> {
        let mut receipts: Vec<Held> = self.chain(key).map(Entry::held).collect();
        receipts.sort_unstable_by_key(|held| held.id);
        (!receipts.is_empty()).then_some(Known { receipts })
    }

    pub(in crate::store::journal) fn header(&self, key: Key) -> Option<u64> {
        self.headers.get(&key).copied()
    }

    pub(in crate::store::journal) fn identities(&self) -> &[(AccountId, Identity)] {
        &self.identities
    }

    pub(in crate::store::journal) fn open_intents(&self) -> impl Iterator<Item = ReceiptId> {
        self.open_intents.keys().copied()
    }

    pub(in crate::store::journal) fn open_repair(&self) -> Option<&Repair> {
        self.repair.as_ref()
    }

    pub(in crate::store::journal) fn has_adopted(&self) -> bool {
        self.adopted > 0
    }

    pub(in crate::store::journal) fn has_nameless(&self, account: AccountId) -> bool {
        let is_nameless = |entry: &Entry| entry.account == account && entry.is(NAMELESS);
        self.entries.iter().any(is_nameless)
    }

    /// The receipts with a unique-id of an account that is not listed, and no delete asked.
    pub(in crate::store::journal) fn vanished(
        &self,
        account: AccountId,
        listed: &mut dyn Iterator<Item = &[u8]>,
    ) -> Vec<Held> {
        let is_listed = self.marks(account, listed);
        self.entries
            .iter()
            .zip(is_listed)
            .filter(|(entry, listed)| {
                !listed
                    && entry.account == account
                    && !entry.is(NAMELESS)
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
                .entries
                .iter()
                .any(|entry| entry.account == account && deleted(entry))
        {
            return None;
        }
        let seen = listed.filter(|unique_id| {
            self.chain(Key::of_unique_id(account, unique_id))
                .any(|entry| deleted(entry) && entry.seen_day < today)
        });
        Some(seen.filter_map(|id| UniqueId::parse(id).ok()).collect())
    }

    /// The receipts that compaction keeps, in the order of their lines.
    pub(in crate::store::journal) fn kept(&self) -> Vec<Kept> {
        let mut kept: Vec<Kept> = self
            .entries
            .iter()
            .filter(|entry| !self.is_forgotten(entry))
            .map(|entry| Kept {
                id: entry.id(),
                delete: entry.delete(),
                seen_day: entry.seen_day,
            })
            .collect();
        kept.sort_unstable_by_key(|kept| kept.id);
        kept
    }

    /// The offsets of the headers that compaction keeps, sorted: those of messages that may be
    /// listed again.
    pub(in crate::store::journal) fn kept_headers(&self) -> Vec<u64> {
        let mut kept: Vec<u64> = self
            .headers
            .iter()
            .filter(|(key, _)| {
                self.chain(**key)
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
        let listed_day = self.listed_day.get(&entry.account).copied().unwrap_or(0);
        entry.delete() == DeleteState::Confirmed
            && listed_day.saturating_sub(entry.seen_day) >= ABSENT_DAYS
    }

    fn marks(&self, account: AccountId, listed: &mut dyn Iterator<Item = &[u8]>) -> Vec<bool> {
        let mut marks = vec![false; self.entries.len()];
        for unique_id in listed {
            let key = Key::of_unique_id(account, unique_id);
            for place in self.chain_places(key) {
                if let Some(mark) = marks.get_mut(place as usize) {
                    *mark = true;
                }
            }
        }
        marks
    }

    fn insert(&mut self, mut entry: Entry) {
        let Some(place) = u32::try_from(self.entries.len())
            .ok()
            .filter(|place| *place != NO_ENTRY)
        else {
            return;
        };
        if entry.account == AccountId::ADOPTED {
            self.adopted = self.adopted.saturating_add(1);
        }
        if self.entries.len() >= self.buckets.len() {
            self.grow();
        }
        let bucket = entry.key.bucket(self.buckets.len());
        if let Some(first) = self.buckets.get_mut(bucket) {
            entry.next = *first;
            *first = place;
        }
        self.entries.push(entry);
    }

    fn grow(&mut self) {
        let buckets = self.buckets.len().saturating_mul(2).max(1024);
        self.buckets.clear();
        self.buckets.resize(buckets, NO_ENTRY);
        for (place, entry) in (0_u32..).zip(&mut self.entries) {
            if let Some(first) = self.buckets.get_mut(entry.key.bucket(buckets)) {
                entry.next = *first;
                *first = place;
            }
        }
    }

    fn chain_places(&self, key: Key) -> impl Iterator<Item = u32> {
        let bucket = key.bucket(self.buckets.len());
        let mut next = self.buckets.get(bucket).copied().unwrap_or(NO_ENTRY);
        std::iter::from_fn(move || {
            loop {
                let place = next;
                let entry = self.entries.get(place as usize)?;
                next = entry.next;
                if entry.key == key {
                    return Some(place);
                }
            }
        })
    }

    fn chain(&self, key: Key) -> impl Iterator<Item = &Entry> {
        self.chain_places(key)
            .filter_map(|place| self.entries.get(place as usize))
    }

    fn each_mut(&mut self, key: Key, mut change: impl FnMut(&mut Entry)) {
        let places: Vec<u32> = self.chain_places(key).collect();
        for place in places {
            if let Some(entry) = self.entries.get_mut(place as usize) {
                change(entry);
            }
        }
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
