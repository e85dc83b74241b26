//! A server that was moved, or whose way to make unique-ids was changed (Dovecot's
//! `pop3_uidl_format`): the same messages, all with new unique-ids.

use std::collections::HashMap;

use crate::protocol::{Listing, UniqueIdRef};
use crate::store::{AccountId, Held, Journal, ReceiptId};

use super::error::Error;
use super::list::unique_ids;

/// So many receipts must vanish at once before a move is thought of: people do clean up.
const VANISHED_MIN: usize = 50;

/// So many of a hundred unknown messages must look like vanished ones.
const ALIKE_PERCENT_MIN: usize = 90;

/// What a moved server left behind.
#[derive(Debug)]
pub(super) struct Vanished {
    /// The receipts whose unique-id is no longer listed.
    pub(super) receipts: Vec<ReceiptId>,
    unknown: usize,
}

impl Vanished {
    /// Whether so much is unknown that a run must be told of it first. After a move at least half
    /// of what vanished is there anew. A handful of new messages may have old sizes by chance
    /// once old mail was cleaned up: these stop no run, and are only compared by content.
    pub(super) fn stops_run(&self) -> bool {
        self.unknown * 2 >= self.receipts.len()
    }

    /// As the error that ends a run which was not told about the move.
    pub(super) fn into_error(self) -> Error {
        Error::NewUniqueIds {
            vanished: self.receipts.len() as u64,
            unknown: self.unknown as u64,
        }
    }
}

/// The receipts that vanished, if it looks as if the server was moved.
pub(super) fn vanished(
    listing: &Listing,
    journal: &Journal,
    account: AccountId,
) -> Option<Vanished> {
    let is_unknown = |unique_id: UniqueIdRef<'_>| !journal.has(account, unique_id.as_bytes());
    let unknown_octets: Vec<Option<u64>> = listing
        .rows()
        .filter(|row| row.unique_id.is_some_and(is_unknown))
        .map(|row| row.octets)
        .collect();
    if unknown_octets.is_empty() {
        return None;
    }
    let vanished = journal.vanished(account, &mut unique_ids(listing));
    looks_moved(&unknown_octets, &vanished).then(|| Vanished {
        receipts: vanished.iter().map(|held| held.id).collect(),
        unknown: unknown_octets.len(),
    })
}

fn looks_moved(unknown_octets: &[Option<u64>], vanished: &[Held]) -> bool {
    if vanished.len() < VANISHED_MIN {
        return false;
    }
    // Each vanished message answers for one: cron mail is all of one size.
    let mut octets_vanished: HashMap<u64, usize> = HashMap::new();
    for octets in vanished.iter().filter_map(|held| held.listed_octets) {
        *octets_vanished.entry(octets).or_default() += 1;
    }
    let take = |octets: &u64| {
        let left = octets_vanished.get_mut(octets)?;
        *left = left.checked_sub(1)?;
        Some(())
    };
    let alike = unknown_octets.iter().flatten().filter_map(take).count();
    alike * 100 >= unknown_octets.len() * ALIKE_PERCENT_MIN
}

#[cfg(test)]
mod tests {
    use super::{Vanished, looks_moved};
    use crate::store::Held;

    fn vanished(octets: impl Iterator<Item = u64>) -> Vec<Held> {
        octets
            .zip(1..)
            .map(|(octets, content)| Held::sample(Some(octets), 0, content))
            .collect()
    }

    #[test]
    fn each_vanished_size_answers_once() {
        let unknown = |octets: std::ops::Range<u64>| octets.map(Some).collect::<Vec<_>>();
        let table = [
            ("all alike", unknown(0..60), true),
            ("nine of ten", unknown(6..66), true),
            ("fewer", unknown(7..67), false),
            ("one size many times", vec![Some(7); 60], false),
            ("no sizes", vec![None; 60], false),
        ];
        for (what, unknown, expected) in table {
            assert_eq!(looks_moved(&unknown, &vanished(0..60)), expected, "{what}");
        }
        for (messages, expected) in [(49, false), (50, true)] {
            let moved = looks_moved(&unknown(0..messages), &vanished(0..messages));
            assert_eq!(moved, expected, "{messages}");
        }
    }

    #[test]
    fn a_handful_of_unknown_messages_stops_no_run() {
        for (unknown, expected) in [(1, false), (29, false), (30, true), (60, true)] {
            let receipts = vanished(0..60).iter().map(|held| held.id).collect();
            assert_eq!(Vanished { receipts, unknown }.stops_run(), expected);
        }
    }
}
