//! What is stored already, for messages that only their content tells from it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use super::Session;
use crate::protocol::UniqueId;
use crate::store::{self, AccountId, Journal, Known, Receipt, ReceiptId};
use crate::transfer::contents::{ContentHash, Group};
use crate::transfer::error::Error;
use crate::transfer::fetch::NewUniqueIds;
use crate::transfer::list::unique_ids;
use crate::transfer::moved;
use crate::transfer::plan::Plan;

impl Session<'_, '_> {
    /// For each message that only its content tells from a stored one: what is stored.
    pub(super) fn add_compared(&mut self, plan: &Plan) -> Result<(), Error> {
        let journal = &self.store.journal;
        for step in plan
            .steps
            .iter()
            .filter(|step| step.reason.compares_content())
        {
            let unique_id = self.listing.row(step.row).and_then(|row| row.unique_id);
            let group = Group::of(unique_id);
            if self.contents.has_group(&group) {
                continue;
            }
            let contents = if let Some(unique_id) = unique_id {
                let known = self.known(unique_id);
                let held = known.iter().flat_map(Known::receipts);
                contents_of(journal, held.map(|held| held.id))?
            } else {
                self.contents_not_listed()?
            };
            self.contents.add_group(group, contents);
        }
        Ok(())
    }

    /// What a message without a unique-id may be: anything that has none, or had another than
    /// those listed. A server may have told one before.
    fn contents_not_listed(&self) -> Result<Vec<(ContentHash, ReceiptId)>, store::Error> {
        let listed: HashSet<&[u8]> = unique_ids(&self.listing).collect();
        let is_listed = |id: &UniqueId| listed.contains(id.as_bytes());
        contents_where(&self.store.journal, self.account, |_, receipt| {
            let unique_id = receipt.unique_id.as_ref();
            receipt.account == self.account && !unique_id.is_some_and(is_listed)
        })
    }

    /// Messages found in a folder whose journal was lost.
    pub(super) fn add_adopted(&mut self) -> Result<(), Error> {
        if self.store.journal.has_adopted() {
            let adopted = contents_where(&self.store.journal, self.account, |_, receipt| {
                receipt.account == AccountId::ADOPTED
            })?;
            self.contents.add_group(Group::Anyone, adopted);
        }
        Ok(())
    }

    /// Messages fetched while the server told no unique-ids, whichever it tells now.
    pub(super) fn add_nameless(&mut self) -> Result<(), Error> {
        let journal = &self.store.journal;
        if journal.has_nameless(self.account) {
            let nameless = contents_where(journal, self.account, |_, receipt| {
                receipt.account == self.account && receipt.unique_id.is_none()
            })?;
            self.contents.add_group(Group::Anyone, nameless);
        }
        Ok(())
    }

    /// Messages fetched before the server gave all of them new unique-ids.
    pub(super) fn add_moved(&mut self) -> Result<(), Error> {
        let journal = &self.store.journal;
        let Some(vanished) = moved::vanished(&self.listing, journal, self.account) else {
            return Ok(());
        };
        if self.run.fetch.new_unique_ids == NewUniqueIds::Refuse && vanished.stops_run() {
            return Err(vanished.into_error());
        }
        let vanished: BTreeSet<ReceiptId> = vanished.receipts.into_iter().collect();
        let contents = contents_where(journal, self.account, |id, _| vanished.contains(&id))?;
        self.contents.add_group(Group::Anyone, contents);
        Ok(())
    }
}

fn contents_of(
    journal: &Journal,
    receipts: impl IntoIterator<Item = ReceiptId>,
) -> Result<Vec<(ContentHash, ReceiptId)>, store::Error> {
    receipts
        .into_iter()
        .map(|id| Ok((journal.receipt(id)?.sha256, id)))
        .collect()
}

/// Of receipts that speak of the same delivery, those answer that have the name under which this
/// account knows it last: a message that was recognised has a receipt of its own from then on.
fn contents_where(
    journal: &Journal,
    account: AccountId,
    wanted: impl Fn(ReceiptId, &Receipt) -> bool,
) -> Result<Vec<(ContentHash, ReceiptId)>, store::Error> {
    let hasher = RandomState::new();
    let mut last_names = HashMap::new();
    let mut found = Vec::new();
    journal.each_receipt(&mut |id, receipt| {
        let delivery = (&receipt.place, receipt.sha256, receipt.time_seconds);
        let delivery = hasher.hash_one(delivery);
        let name = hasher.hash_one((receipt.account, &receipt.unique_id));
        if receipt.account == account {
            last_names.insert(delivery, name);
        }
        if wanted(id, &receipt) {
            found.push((delivery, name, (receipt.sha256, id)));
        }
        Ok(())
    })?;
    found.retain(|(delivery, name, _)| last_names.get(delivery).is_none_or(|last| last == name));
    Ok(found.into_iter().map(|(_, _, content)| content).collect())
}
