//! A receipt as it is kept in memory, as small as can be.

use super::table::{Key, Place};
use crate::store::journal::record::{AccountId, DeleteState, Gist, Held, ReceiptId};

/// A receipt, or the intent of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// Where the long line stands, and in the low octet the flags.
    offset_and_flags: u64,
    /// [`NO_OCTETS`] for none.
    listed_octets: u64,
    time_seconds: u32,
    /// The first octets of the content's hash.
    content: u32,
    /// See [`Table`](super::table::Table).
    pub(super) next: Option<Place>,
    pub(super) account: AccountId,
    /// The day a deleted message was last listed, counted from 1970.
    pub(super) seen_day: u16,
}

const NO_OCTETS: u64 = u64::MAX;
const DELETE_BITS: u64 = 0b11;
const SUSPECT: u64 = 0b100;
const NAMELESS: u64 = 0b1000;

impl Entry {
    pub(super) fn new(key: Key, id: ReceiptId, gist: &Gist<'_>) -> Self {
        let mut flags = 0;
        if gist.suspect {
            flags |= SUSPECT;
        }
        if gist.unique_id.is_none() {
            flags |= NAMELESS;
        }
        let [a, b, c, d, ..] = gist.sha256;
        Self {
            key,
            offset_and_flags: (id.0 << 8) | flags,
            listed_octets: gist.listed_octets.unwrap_or(NO_OCTETS),
            time_seconds: u32::try_from(gist.time_seconds.max(0)).unwrap_or(u32::MAX),
            content: u32::from_be_bytes([a, b, c, d]),
            next: None,
            account: gist.account,
            seen_day: 0,
        }
    }

    pub(super) fn id(&self) -> ReceiptId {
        ReceiptId(self.offset_and_flags >> 8)
    }

    /// Whether the message was listed without a unique-id.
    pub(super) fn is_nameless(&self) -> bool {
        self.is(NAMELESS)
    }

    pub(super) fn delete(&self) -> DeleteState {
        match self.offset_and_flags & DELETE_BITS {
            0 => DeleteState::None,
            1 => DeleteState::Asked,
            _ => DeleteState::Confirmed,
        }
    }

    pub(super) fn mark_delete(&mut self, state: DeleteState) {
        let bits = match state {
            DeleteState::None => 0,
            DeleteState::Asked => 1,
            DeleteState::Confirmed => 2,
        };
        self.offset_and_flags = (self.offset_and_flags & !DELETE_BITS) | bits;
    }

    pub(super) fn held(&self) -> Held {
        Held {
            id: self.id(),
            listed_octets: Some(self.listed_octets).filter(|octets| *octets != NO_OCTETS),
            time_seconds: i64::from(self.time_seconds),
            suspect: self.is(SUSPECT),
            delete: self.delete(),
            content: self.content,
        }
    }

    fn is(&self, flag: u64) -> bool {
        self.offset_and_flags & flag != 0
    }
}
