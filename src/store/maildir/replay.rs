//! Ends what a run that died has left half done in a maildir.

use std::collections::HashSet;

use super::{MaildirCommit, without_flags};
use crate::store::delivery::Replayed;
use crate::store::error::Error;
use crate::store::files::{Settled, clean, is_intact, names_in, remove_if_there, settle};
use crate::store::journal::{Fulfilled, Journal, Place};

impl MaildirCommit {
    /// Rolls forward. That a file is missing proves nothing: a reader may have moved it, so a
    /// message is new again only if it is neither delivered nor whole in `tmp/`.
    pub(super) fn replay_intents(&self, journal: &mut Journal) -> Result<Replayed, Error> {
        let intents = journal.open_intents()?;
        let names: HashSet<String> = intents
            .iter()
            .filter_map(|(_, intent)| match &intent.place {
                Place::Name(name) => Some(name.clone()),
                Place::Range { .. } | Place::Nowhere => None,
            })
            .collect();
        clean(&self.disk, &self.folders.tmp, journal.id(), &names)?;
        if intents.is_empty() {
            return Ok(Replayed::default());
        }
        let delivered = self.delivered(&names)?;
        let mut settled = Settled::default();
        for (id, intent) in intents {
            let there = match &intent.place {
                Place::Name(name) if delivered.contains(name) => true,
                Place::Name(name) => {
                    self.deliver_staged(name, intent.stored_octets, &intent.sha256)?
                }
                Place::Range { .. } | Place::Nowhere => false,
            };
            if there {
                settled.delivered.push((Fulfilled::as_intended(id), intent));
            } else {
                settled.void.push(id);
            }
        }
        for folder in [&self.folders.new, &self.folders.cur] {
            self.sync_folder(folder)?;
        }
        let replayed = settle(journal, settled)?;
        // Second names of delivered messages, and what is left of those that are new again.
        for name in &names {
            remove_if_there(&self.disk, &self.folders.tmp.join(name))?;
        }
        Ok(replayed)
    }

    /// Which of the names are in `new/` or `cur/`.
    fn delivered(&self, names: &HashSet<String>) -> Result<HashSet<String>, Error> {
        let mut delivered = HashSet::new();
        // In this order: a reader moves messages from new/ to cur/ and not back.
        for folder in [&self.folders.new, &self.folders.cur] {
            for name in names_in(folder)? {
                delivered.extend(names.get(without_flags(&name)).cloned());
            }
        }
        Ok(delivered)
    }

    /// Delivers a message from `tmp/`, if it is whole there.
    fn deliver_staged(&self, name: &str, octets: u64, sha256: &[u8; 32]) -> Result<bool, Error> {
        let staged = self.folders.tmp.join(name);
        if !is_intact(&staged, octets, sha256)? {
            return Ok(false);
        }
        // It was synced before its intent was written, so there is nothing to make durable but the
        // name.
        self.disk
            .rename_no_replace(&staged, &self.folders.new.join(name))
            .map_err(Error::io("moving into new/", &staged))?;
        Ok(true)
    }
}
