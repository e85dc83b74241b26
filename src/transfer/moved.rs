//! A server that was moved: the same messages, all with new unique-ids (quirks such as a changed
//! `pop3_uidl_format` or a migration).

use std::collections::HashSet;

use crate::protocol::{Listing, UniqueIdRef};
use crate::store::{AccountId, Held, Journal, ReceiptId};

use super::error::Error;

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
    let is_unknown =
        |unique_id: UniqueIdRef<'_>| journal.known(account, unique_id.as_bytes()).is_none();
    let unknown_octets: Vec<Option<u64>> = listing
        .rows()
        .filter(|row| row.unique_id.is_some_and(is_unknown))
        .map(|row| row.octets)
        .collect();
    if unknown_octets.is_empty() {
        return None;
    }
    let mut listed = listing
        .rows()
        .filter_map(|row| row.unique_id)
        .map(UniqueIdRef::as_bytes);
    let vanished = journal.vanished(account, &mut listed);
    looks_moved(&unknown_octets, &vanished).then(|| Vanished {
        receipts: vanished.iter().map(|held| held.id).collect(),
        unknown: unknown_octets.len(),
    })
}

fn looks_moved(unknown_octets: &[Option<u64>], vanished: &[Held]) -> bool {
    if vanished.len() < VANISHED_MIN {
        return false;
    }
    let octets_vanished: HashSet<u64> = vanished
        .iter()
        .filter_map(|held| held.listed_octets)
        .collect();
    let alike = unknown_octets
        .iter()
        .filter(|octets| octets.is_some_and(|octets| octets_vanished.contains(&octets)))
        .count();
    alike * 100 >= unknown_octets.len() * ALIKE_PERCENT_MIN
}
