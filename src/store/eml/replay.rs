//! Ends what a run that died has left half done in an eml folder.

use std::collections::HashSet;

use super::EmlCommit;
use super::commit::candidates;
use crate::store::delivery::Replayed;
use crate::store::error::Error;
use crate::store::files::{Settled, clean, is_intact, names_in, settle, write_again};
use crate::store::journal::{Fulfilled, Journal, Place, Receipt};

/// How many numbers behind an intended name are looked at: a name is only ever numbered when two
/// messages agree in second, sender, subject and hash, or somebody made the file by hand.
const NUMBERS_MAX: usize = 9;

impl EmlCommit {
    /// Rolls forward. Names say nothing of what is in a file here, so each is told by its hash.
    pub(super) fn replay_intents(&self, journal: &mut Journal) -> Result<Replayed, Error> {
        let intents = journal.open_intents()?;
        let intended: HashSet<String> = intents
            .iter()
            .filter_map(|(_, intent)| match &intent.place {
                Place::Name(name) => Some(name.clone()),
                Place::Range { .. } | Place::Nowhere => None,
            })
            .collect();
        let mut settled = Settled::default();
        for (intent, mut receipt) in intents {
            let Some(place) = self.place_of(&receipt, &intended)? else {
                settled.void.push(intent);
                continue;
            };
            let place = (place != receipt.place).then_some(place);
            if let Some(place) = &place {
                receipt.place = place.clone();
            }
            settled
                .delivered
                .push((Fulfilled { intent, place }, receipt));
        }
        self.sync_folders_of(settled.delivered.iter().map(|(_, receipt)| receipt))?;
        let replayed = settle(journal, settled)?;
        // No intent is open any more: what is still staged is of no use.
        clean(&self.disk, &self.staging, journal.id(), &HashSet::new())?;
        Ok(replayed)
    }

    /// Where an intended message is, or is put now; none if it is nowhere. A name that was
    /// `intended` for another message is not taken for this one, though both may be alike.
    fn place_of(
        &self,
        intent: &Receipt,
        intended: &HashSet<String>,
    ) -> Result<Option<Place>, Error> {
        let Place::Name(name) = &intent.place else {
            return Ok(None);
        };
        let (octets, sha256) = (intent.stored_octets, &intent.sha256);
        let own = |candidate: &String| candidate == name || !intended.contains(candidate);
        for name in candidates(name).take(NUMBERS_MAX).filter(own) {
            if is_intact(&self.folder.join(&name), octets, sha256)? {
                return Ok(Some(Place::Name(name)));
            }
        }
        for staged in names_in(&self.staging)? {
            let path = self.staging.join(&staged);
            if is_intact(&path, octets, sha256)? {
                // It may be an alike message of the next batch, which nobody has synced.
                write_again(&self.disk, &path)?;
                let moved = self.move_in(&staged, &intent.place)?;
                return Ok(Some(moved.unwrap_or_else(|| intent.place.clone())));
            }
        }
        Ok(None)
    }
}
