//! What the maildrop holds, message by message: UIDL joined with LIST.
//!
//! A maildrop of 100,000 messages is nothing unusual and 2 million are allowed, so a row takes
//! 16 octets beside its unique-id, and all unique-ids lie in one piece of memory.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;

use super::limits::{LISTING_ROWS_MAX, LISTING_UNIQUE_ID_OCTETS_MAX};
use super::number::MessageNumber;
use super::response::{ListRow, MaildropSize, Refusal, UidlRow};
use super::unique_id::UniqueIdRef;

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
            },
            rising: true,
            cursor: 0,
            by_number: Vec::new(),
        }
    }

    /// A row of UIDL, without its line end.
    pub fn push_uidl(&mut self, row: &[u8]) -> Result<(), ListingTooLarge> {
        match UidlRow::parse(row) {
            Some(row) => self.push(row.number, UNKNOWN, row.unique_id),
            None => self.skip(),
        }
    }

    /// All rows of UIDL are there.
    pub fn uidl_ended(&mut self) {
        self.index();
    }

    /// There are none: the rows of LIST stand for themselves.
    pub fn uidl_refused(&mut self, refusal: Refusal) {
        self.listing.unique_ids = UidSupport::Refused(refusal);
    }

    /// Whether UIDL was not refused.
    pub fn has_unique_ids(&self) -> bool {
        self.listing.unique_ids == UidSupport::Listed
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
        self.index();
        self.listing.repeated = self.repeated();
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
    /// Hashes are compared first, since next to no listing has any: 8 octets a row for a
    /// moment instead of a table of all unique-ids.
    fn repeated(&self) -> Vec<usize> {
        let state = RandomState::new();
        let octets_at = |position: usize| self.listing.unique_id_octets(position);
        let hash_at = |position: usize| state.hash_one(octets_at(position));
        let with_id = || (0..self.listing.len()).filter(|at| !octets_at(*at).is_empty());
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

/// A listing beyond all reason, see [`limits`](super::limits).
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

#[cfg(test)]
mod tests {
    use super::{Listing, ListingBuilder, ListingTooLarge, Row, UidSupport};
    use crate::protocol::limits::{LISTING_ROWS_MAX, LISTING_UNIQUE_ID_OCTETS_MAX};
    use crate::protocol::{MaildropSize, Refusal};

    fn listing(uidl: &[&str], list: &[&str]) -> Listing {
        let mut builder = ListingBuilder::new(MaildropSize::default());
        for row in uidl {
            builder.push_uidl(row.as_bytes()).unwrap();
        }
        builder.uidl_ended();
        for row in list {
            builder.push_list(row.as_bytes()).unwrap();
        }
        builder.finish()
    }

    fn show(row: Row<'_>) -> String {
        let Row {
            number,
            octets,
            unique_id,
            repeated,
        } = row;
        let octets = octets.map_or("?".to_owned(), |octets| octets.to_string());
        let unique_id = unique_id.map_or("?".to_owned(), |id| id.to_string());
        let repeated = if repeated { " repeated" } else { "" };
        format!("{number} {octets} {unique_id}{repeated}")
    }

    #[track_caller]
    fn check(uidl: &[&str], list: &[&str], expected: &[&str], malformed: usize) {
        let listing = listing(uidl, list);
        assert_eq!(listing.rows().map(show).collect::<Vec<_>>(), expected);
        assert_eq!(listing.malformed(), malformed);
    }

    #[test]
    fn uidl_is_joined_with_list_by_number() {
        check(&["1 a", "2 b"], &["1 10", "2 20"], &["1 10 a", "2 20 b"], 0);
        check(&["1 a", "2 b"], &["2 20", "1 10"], &["1 10 a", "2 20 b"], 0);
        check(&["9 a", "2 b"], &["9 90", "2 20"], &["9 90 a", "2 20 b"], 0);
        check(&["9 a", "2 b"], &["2 20", "9 90"], &["9 90 a", "2 20 b"], 0);
        check(&[], &[], &[], 0);
    }

    #[test]
    fn gaps_and_rows_too_many_are_tolerated() {
        check(
            &["1 a", "3 c"],
            &["1 10", "2 20", "3 30"],
            &["1 10 a", "3 30 c"],
            0,
        );
        check(&["1 a", "3 c"], &["3 30"], &["1 ? a", "3 30 c"], 0);
        check(&["1 a"], &["1 10", "2 20"], &["1 10 a"], 0);
        check(&["1 a", "2"], &["1 -1", "2 5"], &["1 ? a", "2 5 ?"], 0);
        check(&["1 a", "nonsense"], &["1 10", ""], &["1 10 a"], 2);
    }

    #[test]
    fn the_first_row_of_a_number_stands() {
        check(
            &["1 a", "1 b", "2 c"],
            &["1 10", "2 20"],
            &["1 10 a", "2 20 c"],
            1,
        );
        check(
            &["2 a", "1 bb", "2 ccc", "3 d"],
            &["3 30", "1 10"],
            &["2 ? a", "1 10 bb", "3 30 d"],
            1,
        );
    }

    #[test]
    fn unique_ids_that_come_twice_are_marked() {
        check(
            &["1 a", "2 b", "3 a", "4 c", "5", "6"],
            &[],
            &[
                "1 ? a repeated",
                "2 ? b",
                "3 ? a repeated",
                "4 ? c",
                "5 ? ?",
                "6 ? ?",
            ],
            0,
        );
        check(&["1 a", "1 a"], &[], &["1 ? a"], 1);
    }

    #[test]
    fn without_uidl_the_rows_are_those_of_list() {
        let refusal = Refusal::parse(b"unknown command");
        let mut builder = ListingBuilder::new(MaildropSize::default());
        builder.uidl_refused(refusal.clone());
        for row in ["1 10", "2 x", "2 20", "3 30"] {
            builder.push_list(row.as_bytes()).unwrap();
        }
        let listing = builder.finish();
        assert_eq!(listing.unique_ids(), &UidSupport::Refused(refusal));
        assert_eq!(
            listing.rows().map(show).collect::<Vec<_>>(),
            ["1 10 ?", "2 ? ?", "3 30 ?"]
        );
        assert_eq!(listing.octets_total(), 40);
        assert_eq!(listing.len(), 3);
        assert_eq!(
            listing.rows().next_back().map(show).as_deref(),
            Some("3 30 ?")
        );
    }

    #[test]
    fn rows_have_a_limit() {
        let mut builder = ListingBuilder::new(MaildropSize::default());
        for number in 1..=LISTING_ROWS_MAX {
            builder.push_uidl(format!("{number} ").as_bytes()).unwrap();
        }
        let one_more = format!("{} x", LISTING_ROWS_MAX + 1);
        let refused = builder.push_uidl(one_more.as_bytes());
        assert_eq!(refused, Err(ListingTooLarge::Rows));
        for _ in 0..LISTING_ROWS_MAX {
            builder.push_uidl(b"x").unwrap();
        }
        assert_eq!(builder.push_uidl(b"x"), Err(ListingTooLarge::Rows));
    }

    #[test]
    fn unique_ids_have_a_limit() {
        let mut builder = ListingBuilder::new(MaildropSize::default());
        let id = "x".repeat(512);
        for number in 1..=LISTING_UNIQUE_ID_OCTETS_MAX / 512 {
            builder
                .push_uidl(format!("{number} {id}").as_bytes())
                .unwrap();
        }
        let refused = builder.push_uidl(b"1000000 x");
        assert_eq!(refused, Err(ListingTooLarge::UniqueIdOctets));
        builder.push_uidl(b"1000000").unwrap();
    }

    #[test]
    fn a_row_stays_small() {
        assert_eq!(size_of::<super::Entry>(), 16);
    }
}
