//! Delivers a batch into a maildir.

use super::MaildirCommit;
use crate::store::delivery::{Commit, Delivered, Delivery, Replayed};
use crate::store::error::Error;
use crate::store::files::{StagedFile, delivered, sync_all};
use crate::store::journal::{Fulfilled, Journal, Place, Receipt};

impl Commit for MaildirCommit {
    fn deliver(
        &mut self,
        journal: &mut Journal,
        batch: Vec<Delivery>,
    ) -> Result<Vec<Delivered>, Error> {
        let now = self.clock.seconds();
        let (receipts, files): (Vec<Receipt>, Vec<StagedFile>) = batch
            .into_iter()
            .map(|delivery| {
                let (mut receipt, keeping) = delivery.into_receipt(now);
                let file = StagedFile::from_keeping(keeping);
                receipt.place = Place::Name(file.name.clone());
                (receipt, file)
            })
            .unzip();
        sync_all(&files)?;
        // Once the intents are durable, replay finds every message by its name in tmp/ or new/.
        let intents = journal.intend(&receipts)?;
        journal.sync()?;
        for StagedFile { name, .. } in &files {
            let from = self.folders.tmp.join(name);
            self.disk
                .rename_no_replace(&from, &self.folders.new.join(name))
                .map_err(Error::io("moving into new/", &from))?;
        }
        self.sync_folder(&self.folders.new)?;
        // The sync of these receipts is the next batch's, or the one before the first DELE.
        let fulfilled: Vec<_> = intents
            .iter()
            .copied()
            .map(Fulfilled::as_intended)
            .collect();
        let ids = journal.fulfil(&fulfilled)?;
        Ok(delivered(ids, receipts))
    }

    fn replay(&mut self, journal: &mut Journal) -> Result<Replayed, Error> {
        self.replay_intents(journal)
    }
}
