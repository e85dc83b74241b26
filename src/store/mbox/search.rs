//! Settles messages by what all of an mbox has of them, wherever a reader has moved it.

use std::io;

use super::MboxCommit;
use super::fragment::Fragment;
use super::lock::LockedMbox;
use super::places::Found;
use super::replay::{Unsettled, end_open_repair, write_again, write_separator_again};
use super::wanted::Wanted;
use crate::store::delivery::Replayed;
use crate::store::error::Error;
use crate::store::files::{Settled, settle};
use crate::store::journal::Journal;

impl MboxCommit {
    /// What is there stays where it is. What is missing goes where a fragment of it is, or else to
    /// the end.
    pub(super) fn settle_found(
        &self,
        journal: &mut Journal,
        mbox: &LockedMbox,
        unsettled: &Unsettled,
        found: &Found,
    ) -> Result<Replayed, Error> {
        let places = found.messages.iter().flatten();
        for place in places.cloned() {
            write_again(mbox, place).map_err(Error::io("writing", mbox.path()))?;
        }
        write_separator_again(mbox, unsettled.mbox_offset)
            .map_err(Error::io("writing", mbox.path()))?;
        mbox.sync()?;
        let mut settled = Settled::default();
        let mut missing: Vec<Wanted> = Vec::new();
        for (message, place) in unsettled.messages.iter().zip(&found.messages) {
            match place {
                Some(place) => settled.delivered.extend(message.at(place.start)),
                None => missing.push(message.clone()),
            }
        }
        if missing.is_empty() {
            end_open_repair(journal)?;
            return settle(journal, settled);
        }
        // Before the repair: what that puts aside has to hold all messages whose intents are open.
        let mut replayed = settle(journal, settled)?;
        let fragment = match found.fragment {
            Some(fragment) => fragment,
            None => end_of(mbox).map_err(Error::io("looking at", mbox.path()))?,
        };
        let completed = self.repair(journal, mbox, unsettled, &missing, fragment)?;
        replayed
            .delivered
            .extend(settle(journal, completed)?.delivered);
        Ok(replayed)
    }
}

/// The end of the mbox: a fragment of which nothing is there.
fn end_of(mbox: &LockedMbox) -> io::Result<Fragment> {
    let end = mbox.handle.as_file().metadata()?.len();
    Ok(Fragment { offset: end, end })
}
