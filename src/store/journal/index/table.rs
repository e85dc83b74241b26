//! Finds receipts by what each is known by.

use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;

use hashbrown::{HashTable, hash_table};
use siphasher::sip128::SipHasher13;

use super::entry::Entry;
use crate::store::journal::record::{AccountId, Gist, ReceiptId};

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

/// Where a receipt is among the others, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(NonZeroU32);

/// Receipts in the order in which they were added.
///
/// Those with one key follow each other by [`Entry::next`], since a server may have as many of
/// them as it likes.
#[derive(Debug)]
pub(super) struct Table {
    of_unique_id: SipHasher13,
    of_content: SipHasher13,
    entries: Vec<Entry>,
    /// Where the first of each key is.
    firsts: HashTable<Place>,
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
            firsts: HashTable::new(),
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
    pub(super) fn entry(&self, id: ReceiptId, gist: &Gist<'_>) -> Entry {
        let name = match &gist.unique_id {
            Some(unique_id) => Name::UniqueId(unique_id),
            None => Name::Content(&gist.sha256),
        };
        Entry::new(self.key(gist.account, name), id, gist)
    }

    pub(super) fn add(&mut self, entry: Entry) {
        let key = entry.key;
        self.entries.push(entry);
        let count = u32::try_from(self.entries.len()).ok();
        // So many entries fit in no memory.
        let Some(place) = count.and_then(NonZeroU32::new).map(Place) else {
            return;
        };
        let key_at = |place: &Place| entry_at(&self.entries, *place).map(|entry| entry.key);
        let has_key = |place: &Place| key_at(place) == Some(key);
        let bits_at = |place: &Place| key_at(place).map_or(0, Key::bits);
        let first = match self.firsts.entry(key.bits(), has_key, bits_at) {
            hash_table::Entry::Vacant(vacant) => {
                vacant.insert(place);
                return;
            }
            hash_table::Entry::Occupied(first) => *first.get(),
        };
        let second =
            entry_at_mut(&mut self.entries, first).and_then(|first| first.next.replace(place));
        if let Some(added) = entry_at_mut(&mut self.entries, place) {
            added.next = second;
        }
    }

    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, entries: usize) {
        self.entries.reserve(entries);
        let bits_at =
            |place: &Place| entry_at(&self.entries, *place).map_or(0, |entry| entry.key.bits());
        self.firsts.reserve(entries, bits_at);
    }

    /// Every receipt, in the order in which they were added.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn find(&self, key: Key) -> impl Iterator<Item = &Entry> {
        self.places_of(key)
            .filter_map(|place| entry_at(&self.entries, place))
    }

    pub(super) fn change(&mut self, key: Key, mut change: impl FnMut(&mut Entry)) {
        let mut next = self.first_of(key);
        while let Some(entry) = next.and_then(|place| entry_at_mut(&mut self.entries, place)) {
            change(entry);
            next = entry.next;
        }
    }

    /// For each receipt, in the order of [`Self::iter`], whether one of the keys is its own.
    pub(super) fn marks(&self, keys: impl Iterator<Item = Key>) -> Vec<bool> {
        let mut marks = vec![false; self.entries.len()];
        for key in keys {
            for place in self.places_of(key) {
                match marks.get_mut(place.index()) {
                    // And so are the others: this key came before.
                    None | Some(true) => break,
                    Some(mark) => *mark = true,
                }
            }
        }
        marks
    }

    fn places_of(&self, key: Key) -> impl Iterator<Item = Place> {
        let next = |place: &Place| entry_at(&self.entries, *place)?.next;
        std::iter::successors(self.first_of(key), next)
    }

    fn first_of(&self, key: Key) -> Option<Place> {
        let has_key =
            |place: &Place| entry_at(&self.entries, *place).is_some_and(|entry| entry.key == key);
        self.firsts.find(key.bits(), has_key).copied()
    }
}

impl Place {
    fn index(self) -> usize {
        let Self(count) = self;
        count.get() as usize - 1
    }
}

fn entry_at(entries: &[Entry], place: Place) -> Option<&Entry> {
    entries.get(place.index())
}

fn entry_at_mut(entries: &mut [Entry], place: Place) -> Option<&mut Entry> {
    entries.get_mut(place.index())
}
