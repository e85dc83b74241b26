//! The making of a listing, row by row as they come.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;

use super::{Entry, Listing, UNKNOWN, UidSupport};
use crate::protocol::limits::{LISTING_ROWS_MAX, LISTING_UNIQUE_ID_OCTETS_MAX};
use crate::protocol::number::MessageNumber;
use crate::protocol::response::{ListRow, MaildropSize, Refusal, UidlRow};
use crate::protocol::unique_id::UniqueIdRef;

/// Makes a [`Listing`] out of the rows of UIDL, then those of LIST.
///
/// UIDL says which messages there are, since it is what identifies them; a row of LIST tells the
/// octets of one of them, and if there is no such message it came in between and is left for the
/// next session. Only where UIDL was refused does LIST make the rows.
#[derive(Debug)]
pub struct ListingBuilder {
    listing: Listing,
    /// Whether the numbers of the entries rise, as they do everywhere but at odd servers.
    rising: bool,
    /// Where the next row of LIST is looked for first.
    cursor: usize,
    /// Positions of the entries by number, made only where the numbers do not rise.
    by_number: Vec<usize>,
}

impl ListingBuilder {
    /// Nothing listed yet.
    pub fn new(claimed: MaildropSize) -> Self {
        Self {
            listing: Listing {
                claimed,
                unique_ids: UidSupport::Listed,
                entries: Vec::new(),
                arena: Vec::new(),
                repeated: Vec::new(),
                malformed: 0,
                octets_asked: false,
            },
            rising: true,
            cursor: 0,
            by_number: Vec::new(),
        }
    }

    /// Goes on with a listing whose rows of LIST are still to come.
    pub fn resume(listing: Listing) -> Self {
        let numbers = listing.entries.iter().map(|entry| entry.number);
        let mut builder = Self {
            rising: numbers.is_sorted_by(|one, next| one < next),
            listing,
            cursor: 0,
            by_number: Vec::new(),
        };
        builder.index();
        builder
    }

    /// A row of UIDL, without its line end.
    pub fn push_uidl(&mut self, row: &[u8]) -> Result<(), ListingTooLarge> {
        match UidlRow::parse(row) {
            Some(row) => self.push(row.number, UNKNOWN, row.unique_id),
            None => self.skip(),
        }
    }

    /// All rows of UIDL are there. What is to be found out about them is found out now, while the
    /// server sends LIST.
    pub fn uidl_ended(&mut self) {
        self.index();
        self.listing.repeated = self.repeated();
    }

    /// There are none: the rows of LIST stand for themselves.
    pub fn uidl_refused(&mut self, refusal: Refusal) {
        self.listing.unique_ids = UidSupport::Refused(refusal);
    }

    /// Whether UIDL was not refused.
    pub fn has_unique_ids(&self) -> bool {
        self.listing.unique_ids == UidSupport::Listed
    }

    /// LIST was asked: its rows follow, or none.
    pub fn octets_asked(&mut self) {
        self.listing.octets_asked = true;
    }

    /// A row of LIST, without its line end.
    pub fn push_list(&mut self, row: &[u8]) -> Result<(), ListingTooLarge> {
        let Some(row) = ListRow::parse(row) else {
            return self.skip();
        };
        let octets = row.octets.unwrap_or(UNKNOWN);
        if !self.has_unique_ids() {
            return self.push(row.number, octets, None);
        }
        if let Some(position) = self.position(row.number) {
            self.cursor = position + 1;
            if let Some(entry) = self.listing.entries.get_mut(position) {
                entry.octets = octets;
            }
        }
        Ok(())
    }

    /// All rows are there.
    pub fn finish(mut self) -> Listing {
        if !self.has_unique_ids() {
            self.index();
        }
        self.listing
    }

    fn push(
        &mut self,
        number: MessageNumber,
        octets: u64,
        unique_id: Option<UniqueIdRef<'_>>,
    ) -> Result<(), ListingTooLarge> {
        let listing = &mut self.listing;
        let octets_of_id = unique_id.map_or(&b""[..], UniqueIdRef::as_bytes);
        let unique_id_end = listing.arena.len() + octets_of_id.len();
        if listing.entries.len() >= LISTING_ROWS_MAX {
            return Err(ListingTooLarge::Rows);
        }
        if unique_id_end > LISTING_UNIQUE_ID_OCTETS_MAX {
            return Err(ListingTooLarge::UniqueIdOctets);
        }
        listing.arena.extend_from_slice(octets_of_id);
        self.rising &= listing
            .entries
            .last()
            .is_none_or(|last| last.number < number);
        listing.entries.push(Entry {
            octets,
            number,
            unique_id_end: u32::try_from(unique_id_end)
                .map_err(|_| ListingTooLarge::UniqueIdOctets)?,
        });
        Ok(())
    }

    /// Counted all the same: rows that say nothing must not come without end either.
    fn skip(&mut self) -> Result<(), ListingTooLarge> {
        self.listing.malformed += 1;
        if self.listing.malformed > LISTING_ROWS_MAX {
            return Err(ListingTooLarge::Rows);
        }
        Ok(())
    }

    /// Where the message with this number stands.
    fn position(&self, number: MessageNumber) -> Option<usize> {
        let entries = &self.listing.entries;
        if entries.get(self.cursor).map(|entry| entry.number) == Some(number) {
            return Some(self.cursor);
        }
        if self.rising {
            return entries
                .binary_search_by_key(&number, |entry| entry.number)
                .ok();
        }
        let number_at = |position: &usize| entries.get(*position).map(|entry| entry.number);
        let found = self
            .by_number
            .binary_search_by_key(&Some(number), number_at);
        self.by_number.get(found.ok()?).copied()
    }

    /// Makes the index that numbers out of order need, and lets only the first row of each
    /// number stand.
    fn index(&mut self) {
        if self.rising {
            return;
        }
        let entries = &self.listing.entries;
        let number_at = |position: &usize| entries.get(*position).map(|entry| entry.number);
        let mut by_number: Vec<usize> = (0..entries.len()).collect();
        by_number.sort_by_key(number_at);
        let with_repeats = by_number.len();
        by_number.dedup_by_key(|position| number_at(position));
        if by_number.len() < with_repeats {
            by_number.sort_unstable();
            self.keep_only(&by_number);
            let entries = &self.listing.entries;
            by_number = (0..entries.len()).collect();
            by_number.sort_by_key(|position| entries.get(*position).map(|entry| entry.number));
        }
        self.by_number = by_number;
    }

    /// Lets the entries at these positions stand, given in rising order.
    fn keep_only(&mut self, positions: &[usize]) {
        let mut kept = Self::new(self.listing.claimed);
        for row in positions.iter().filter_map(|at| self.listing.row(*at)) {
            kept.push(row.number, row.octets.unwrap_or(UNKNOWN), row.unique_id)
                .expect("a part of a listing is no larger than the whole");
        }
        self.listing.malformed += self.listing.entries.len() - kept.listing.entries.len();
        self.listing.entries = kept.listing.entries;
        self.listing.arena = kept.listing.arena;
    }

    /// Positions of the entries whose unique-id is not theirs alone.
    ///
    /// Most servers count up, so that unique-ids rise and none can come twice. Else hashes are
    /// compared first, since next to no listing has any: 8 octets a row for a moment instead of
    /// a table of all unique-ids.
    fn repeated(&self) -> Vec<usize> {
        let state = RandomState::new();
        let octets_at = |position: usize| self.listing.unique_id_octets(position);
        let hash_at = |position: usize| state.hash_one(octets_at(position));
        let with_id = || (0..self.listing.len()).filter(|at| !octets_at(*at).is_empty());
        if with_id()
            .map(octets_at)
            .is_sorted_by(|one, next| one < next)
        {
            return Vec::new();
        }
        let mut hashes: Vec<u64> = with_id().map(hash_at).collect();
        hashes.sort_unstable();
        let mut twice: Vec<u64> = hashes
            .array_windows()
            .filter_map(|[one, next]| (one == next).then_some(*one))
            .collect();
        drop(hashes);
        twice.dedup();
        if twice.is_empty() {
            return Vec::new();
        }
        let mut suspects: Vec<usize> = with_id()
            .filter(|at| twice.binary_search(&hash_at(*at)).is_ok())
            .collect();
        suspects.sort_by_key(|at| octets_at(*at));
        let mut repeated: Vec<usize> = suspects
            .chunk_by(|one, next| octets_at(*one) == octets_at(*next))
            .filter(|alike| alike.len() > 1)
            .flatten()
            .copied()
            .collect();
        repeated.sort_unstable();
        repeated
    }
}

/// A listing beyond all reason, see [`limits`](crate::protocol::limits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingTooLarge {
    /// More than [`LISTING_ROWS_MAX`] rows.
    Rows,
    /// More than [`LISTING_UNIQUE_ID_OCTETS_MAX`] octets of unique-ids.
    UniqueIdOctets,
}

impl fmt::Display for ListingTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows => write!(f, "the listing has more than {LISTING_ROWS_MAX} rows"),
            Self::UniqueIdOctets => write!(
                f,
                "the listing has more than {LISTING_UNIQUE_ID_OCTETS_MAX} octets of unique-ids"
            ),
        }
    }
}

impl std::error::Error for ListingTooLarge {}
