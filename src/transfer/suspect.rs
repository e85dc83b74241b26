//! A stored message of which it is learnt too late that it may not be whole.

use crate::client::Suspicion;
use crate::protocol::Row;
use crate::store::{AccountId, Delivered, Place, Receipt, Store};

use super::commit::{Retrieved, notice_stored};
use super::error::Error;
use super::fetch::Run;

/// Writes of a message that was stored in this session that it may not be whole, so that no run
/// deletes it. Its first receipt stays: one that is suspect is enough.
pub(super) fn suspect_stored(
    run: &mut Run<'_>,
    store: &mut Store,
    account: AccountId,
    row: &Row<'_>,
) -> Result<(), Error> {
    let Some(unique_id) = row.unique_id.filter(|_| !row.repeated) else {
        // A message without a unique-id of its own is never deleted.
        run.summary.suspect += 1;
        return Ok(());
    };
    let journal = &mut store.journal;
    let Some(known) = journal.known(account, unique_id.as_bytes()) else {
        return Ok(());
    };
    let newest = known.newest();
    if newest.suspect {
        return Ok(());
    }
    let receipt = Receipt {
        suspect: true,
        ..journal.receipt(newest.id)?
    };
    run.summary.suspect += 1;
    let ids = journal.record(std::slice::from_ref(&receipt))?;
    journal.sync()?;
    let path_of = |place: &Place| store.destination.path_of(place);
    let retrieved = Retrieved {
        number: row.number,
        suspicion: Some(Suspicion::MoreBehindEnd),
    };
    for id in ids {
        let delivered = Delivered {
            id,
            receipt: receipt.clone(),
        };
        notice_stored(run.observer, &path_of, Some(retrieved), &delivered);
    }
    Ok(())
}
