//! Finds receipts by what each is known by.

use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;
use siphasher::sip128::SipHasher13;

use super::entry::Entry;
use crate::store::journal::record::{AccountId, Receipt, ReceiptId};

/// What a message of an account is known by.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::journal) enum Name<'a> {
    /// What the server calls it.
    UniqueId(&'a [u8]),
    /// SHA-256 of its content, where the server has no name for it.
    Content(&'a [u8; 32]),
}

/// 128 bits of a hash over account and name.
///
/// Servers choose the unique-ids, and two with one key would hide a message. So nobody can tell
/// what has which: the hash is keyed (`SipHash`), its key is of this process alone, and nothing of
/// either is written anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key([u64; 2]);

impl Key {
    fn bits(self) -> u64 {
        let [first, _second] = self.0;
        first
    }
}

/// Receipts in the order in which they were added.
#[derive(Debug)]
pub(super) struct Table {
    of_unique_id: SipHasher13,
    of_content: SipHasher13,
    entries: Vec<Entry>,
    /// Where in `entries` each is.
    places: HashTable<u32>,
}

impl Default for Table {
    fn default() -> Self {
        let random = RandomState::new();
        let hasher = |which: u8| {
            let key = |half: u8| random.hash_one([which, half]);
            SipHasher13::new_with_keys(key(0), key(1))
        };
        Self {
            of_unique_id: hasher(0),
            of_content: hasher(1),
            entries: Vec::new(),
            places: HashTable::new(),
        }
    }
}

impl Table {
    /// How the hashes of two names differ cannot be foreseen, so that the account's number put
    /// into one does not make it another's.
    pub(super) fn key(&self, account: AccountId, name: Name<'_>) -> Key {
        let hash = match name {
            Name::UniqueId(unique_id) => self.of_unique_id.hash(unique_id),
            Name::Content(sha256) => self.of_content.hash(sha256),
        };
        Key([hash.h1 ^ u64::from(account.0), hash.h2])
    }

    /// The entry of a receipt that is not in the table yet.
    pub(super) fn entry(&self, id: ReceiptId, receipt: &Receipt) -> Entry {
        let name = match &receipt.unique_id {
            Some(unique_id) => Name::UniqueId(unique_id.as_bytes()),
            None => Name::Content(&receipt.sha256),
        };
        Entry::new(self.key(receipt.account, name), id, receipt)
    }

    pub(super) fn add(&mut self, entry: Entry) {
        // So many entries fit in no memory.
        let Ok(place) = u32::try_from(self.entries.len()) else {
            return;
        };
        self.entries.push(entry);
        let hash_at = |place: &u32| {
            let entry = self.entries.get(*place as usize);
            entry.map_or(0, |entry| entry.key.bits())
        };
        self.places.insert_unique(entry.key.bits(), place, hash_at);
    }

    /// Every receipt, in the order in which they were added.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn find(&self, key: Key) -> impl Iterator<Item = &Entry> {
        self.places_of(key)
            .filter_map(|place| self.entries.get(place))
    }

    pub(super) fn change(&mut self, key: Key, mut change: impl FnMut(&mut Entry)) {
        let places: Vec<usize> = self.places_of(key).collect();
        for place in places {
            if let Some(entry) = self.entries.get_mut(place) {
                change(entry);
            }
        }
    }

    /// For each receipt, in the order of [`Self::iter`], whether one of the keys is its own.
    pub(super) fn marks(&self, keys: impl Iterator<Item = Key>) -> Vec<bool> {
        let mut marks = vec![false; self.entries.len()];
        for place in keys.flat_map(|key| self.places_of(key)) {
            if let Some(mark) = marks.get_mut(place) {
                *mark = true;
            }
        }
        marks
    }

    fn places_of(&self, key: Key) -> impl Iterator<Item = usize> {
        let has_key = move |place: &usize| {
            let entry = self.entries.get(*place);
            entry.is_some_and(|entry| entry.key == key)
        };
        self.places
            .iter_hash(key.bits())
            .map(|place| *place as usize)
            .filter(has_key)
    }
}
