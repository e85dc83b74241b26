//! What the maildrop holds, message by message: UIDL joined with LIST.
//!
//! A maildrop of 100,000 messages is nothing unusual and 2 million are allowed, so a row takes
//! 16 octets beside its unique-id, and all unique-ids lie in one piece of memory.

mod builder;

use super::number::MessageNumber;
use super::response::{MaildropSize, Refusal};
use super::unique_id::UniqueIdRef;

pub use builder::{ListingBuilder, ListingTooLarge};

/// The messages of a maildrop, in the server's order.
#[derive(Clone, Debug)]
pub struct Listing {
    claimed: MaildropSize,
    unique_ids: UidSupport,
    entries: Vec<Entry>,
    /// The unique-ids of all entries, one behind the other.
    arena: Vec<u8>,
    /// Positions in `entries`, ascending, whose unique-id another entry has as well.
    repeated: Vec<usize>,
    malformed: usize,
    octets_asked: bool,
}

/// A message of a [`Listing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// What the session calls it.
    pub number: MessageNumber,
    /// How many octets LIST claims; `None` if it claimed nothing that made sense.
    pub octets: Option<u64>,
    /// What identifies it; `None` if the server gave nothing that can.
    pub unique_id: Option<UniqueIdRef<'a>>,
    /// Whether another row of this listing has the same unique-id.
    pub repeated: bool,
}

/// Whether the server has unique-ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UidSupport {
    /// UIDL was answered.
    Listed,
    /// UIDL was refused; the rows are those of LIST.
    Refused(Refusal),
}

/// A row at rest.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// [`UNKNOWN`] if LIST claimed nothing.
    octets: u64,
    number: MessageNumber,
    /// Where its unique-id ends in the arena; it begins where the one before ends, and is
    /// empty if there is none.
    unique_id_end: u32,
}

/// Stands for octets that are not known: no message has so many.
const UNKNOWN: u64 = u64::MAX;

impl Listing {
    /// How many messages are listed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The messages, in the server's order. No number comes twice.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + Clone {
        (0..self.entries.len()).filter_map(|index| self.row(index))
    }

    /// The message at this position, counted from 0: not a message-number.
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        let entry = self.entries.get(index)?;
        Some(Row {
            number: entry.number,
            octets: (entry.octets != UNKNOWN).then_some(entry.octets),
            unique_id: UniqueIdRef::of_parsed(self.unique_id_octets(index)),
            repeated: self.repeated.binary_search(&index).is_ok(),
        })
    }

    /// The messages that share their unique-id with another, in the server's order.
    pub fn repeated_rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.repeated.iter().filter_map(|index| self.row(*index))
    }

    /// The octets of all messages, as far as LIST claimed them.
    pub fn octets_total(&self) -> u64 {
        self.entries
            .iter()
            .filter(|entry| entry.octets != UNKNOWN)
            .fold(0, |total, entry| total.saturating_add(entry.octets))
    }

    /// What STAT claimed. The rows are the truth: mail comes and goes between the answers.
    pub fn claimed(&self) -> MaildropSize {
        self.claimed
    }

    /// Whether the server has unique-ids at all.
    pub fn unique_ids(&self) -> &UidSupport {
        &self.unique_ids
    }

    /// Whether LIST was asked, and be it that it was refused.
    pub fn octets_asked(&self) -> bool {
        self.octets_asked
    }

    /// How many rows were left out: no number in them, or the number of another row.
    pub fn malformed(&self) -> usize {
        self.malformed
    }

    fn unique_id_octets(&self, index: usize) -> &[u8] {
        let end_of = |index: usize| self.entries.get(index).map(|entry| entry.unique_id_end);
        let start = index.checked_sub(1).and_then(end_of).unwrap_or(0);
        let end = end_of(index).unwrap_or(start);
        self.arena
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
