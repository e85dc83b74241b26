//! Ends what a run that died has left half done in an mbox.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::commit::{copy, write_range};
use super::content::{Part, content_hash};
use super::lock::{Access, LockedMbox};
use super::search::find;
use super::shown::{Range, Shown, shown};
use super::{MboxCommit, SEPARATOR};
use crate::store::delivery::Replayed;
use crate::store::error::Error;
use crate::store::files::{Settled, settle};
use crate::store::journal::{Fulfilled, Journal, Place, Receipt, ReceiptId};

/// The messages whose receipts are missing, and the stage they were to be appended from.
pub(super) struct Unsettled<'a> {
    pub(super) intents: &'a [(ReceiptId, Receipt)],
    pub(super) stage_path: PathBuf,
    pub(super) stage: File,
    /// Where in the stage the first of them begins.
    pub(super) stage_offset: u64,
    /// Where in the mbox it should.
    mbox_offset: u64,
    /// From there to the end of the last.
    pub(super) octets: u64,
}

impl Unsettled<'_> {
    /// The octets that belong into the mbox, with the separator before them.
    pub(super) fn range(&self) -> Range<'_> {
        let separator = self.mbox_offset.min(SEPARATOR.len() as u64);
        Range {
            stage: &self.stage,
            stage_offset: self.stage_offset - separator,
            mbox_offset: self.mbox_offset - separator,
            octets: self.octets + separator,
        }
    }

    /// What stands in the mbox where they should. Where it ends before the first of them, a reader
    /// may have taken out as much as we have appended.
    fn shown(&self, mbox: &File) -> io::Result<Shown> {
        if mbox.metadata()?.len() <= self.mbox_offset {
            return Ok(Shown::Nothing);
        }
        shown(mbox, self.range())
    }

    /// The messages behind the first so many, somewhere else in the mbox.
    pub(super) fn range_at(&self, skipped: usize, mbox_offset: u64) -> Range<'_> {
        let skipped_octets = octets_of(self.intents.iter().take(skipped));
        Range {
            stage: &self.stage,
            stage_offset: self.stage_offset + skipped_octets,
            mbox_offset,
            octets: self.octets - skipped_octets,
        }
    }
}

impl MboxCommit {
    /// Rolls forward, under both locks.
    pub(super) fn replay_intents(&mut self, journal: &mut Journal) -> Result<Replayed, Error> {
        let intents = journal.open_intents()?;
        if intents.is_empty() && journal.open_repair().is_none() {
            self.locker.clear_left_over()?;
            self.empty_side_files()?;
            return Ok(Replayed::default());
        }
        let mbox = self.locker.lock(Access::InPlace)?;
        self.warn_of(&mbox);
        let replayed = match self.staged(&intents)? {
            Some(unsettled) => self.replay_staged(journal, mbox, &unsettled)?,
            None => self.replay_without_stage(journal, &mbox, intents)?,
        };
        self.empty_side_files()?;
        Ok(replayed)
    }

    fn replay_staged(
        &mut self,
        journal: &mut Journal,
        mbox: LockedMbox,
        unsettled: &Unsettled<'_>,
    ) -> Result<Replayed, Error> {
        if let Some(repair) = journal.open_repair().cloned() {
            self.resume_repair(journal, &mbox, unsettled, &repair)?;
        }
        let range = unsettled.range();
        let file = mbox.handle.as_file();
        let shown = unsettled.shown(file);
        match shown.map_err(Error::io("reading", mbox.path()))? {
            // Also what is whole is written: the run before may have died of a failed sync, after
            // which the kernel holds octets for clean that are not on disk, and another sync
            // would not write them.
            Shown::Whole | Shown::Unfinished => {
                write_range(&mbox.handle, range).map_err(Error::io("writing", mbox.path()))?;
            }
            Shown::Fragment { foreign_offset } if foreign_offset > unsettled.mbox_offset => {
                // NULs pass for octets of ours that the disk never got, but other programs leave
                // some too, and a reader that rewrites the file may move them here.
                let found = find(journal, &mbox, unsettled)?;
                if found
                    .messages
                    .iter()
                    .flatten()
                    .any(|&at| at >= foreign_offset)
                {
                    return self.search(journal, mbox, unsettled);
                }
                self.repair(journal, &mbox, range, foreign_offset)?;
            }
            Shown::Fragment { .. } | Shown::Nothing => {
                return self.search(journal, mbox, unsettled);
            }
        }
        mbox.sync()?;
        let delivered = unsettled
            .intents
            .iter()
            .cloned()
            .map(|(intent, receipt)| (Fulfilled::as_intended(intent), receipt))
            .collect();
        settle(
            journal,
            Settled {
                delivered,
                void: Vec::new(),
            },
        )
    }

    /// Without a stage nothing can be appended: a message is where its intent says, or new again.
    fn replay_without_stage(
        &self,
        journal: &mut Journal,
        mbox: &LockedMbox,
        intents: Vec<(ReceiptId, Receipt)>,
    ) -> Result<Replayed, Error> {
        if let Some(repair) = journal.open_repair().cloned() {
            self.give_back_tail(mbox, &repair, None)?;
            journal.end_repair()?;
        }
        let mut settled = Settled::default();
        for (intent, receipt) in intents {
            let there = is_at_place(mbox.handle.as_file(), &receipt)
                .map_err(Error::io("reading", mbox.path()))?;
            if there {
                write_again(mbox, &receipt).map_err(Error::io("writing", mbox.path()))?;
                settled
                    .delivered
                    .push((Fulfilled::as_intended(intent), receipt));
            } else {
                settled.void.push(intent);
            }
        }
        mbox.sync()?;
        settle(journal, settled)
    }

    /// Finds the stage that holds the intended messages. They are its last ones, since receipts
    /// are written in the order of the messages.
    fn staged<'a>(
        &self,
        intents: &'a [(ReceiptId, Receipt)],
    ) -> Result<Option<Unsettled<'a>>, Error> {
        let octets = octets_of(intents);
        let Some(&(
            _,
            Receipt {
                place:
                    Place::Range {
                        offset: mbox_offset,
                        ..
                    },
                ..
            },
        )) = intents.first()
        else {
            return Ok(None);
        };
        for path in &self.stages {
            let reading = Error::io("reading", path);
            let found = staged_at(path, intents, octets).map_err(reading)?;
            if let Some((stage, stage_offset)) = found {
                let stage_path = path.clone();
                return Ok(Some(Unsettled {
                    intents,
                    stage_path,
                    stage,
                    stage_offset,
                    mbox_offset,
                    octets,
                }));
            }
        }
        Ok(None)
    }

    /// No intent is open any more: what was put aside is of no use.
    fn empty_side_files(&self) -> Result<(), Error> {
        for path in &self.stages {
            if fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) {
                continue;
            }
            let stage = self
                .disk
                .open_write(path)
                .map_err(Error::io("opening", path))?;
            stage.set_len(0).map_err(Error::io("emptying", path))?;
        }
        self.remove_tails()
    }
}

/// The stage file and where in it the messages begin, if they are its last ones.
fn staged_at(
    path: &Path,
    intents: &[(ReceiptId, Receipt)],
    octets: u64,
) -> io::Result<Option<(File, u64)>> {
    let stage = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let length = stage.metadata()?.len();
    let Some(begin) = length
        .checked_sub(octets)
        .filter(|&at| at >= SEPARATOR.len() as u64)
    else {
        return Ok(None);
    };
    let mut offset = begin;
    for (_, receipt) in intents {
        let part = Part::new(&stage, offset, range_octets(receipt));
        if content_hash(part, receipt.stored_octets)? != Some(receipt.sha256) {
            return Ok(None);
        }
        offset += range_octets(receipt);
    }
    Ok(Some((stage, begin)))
}

/// Whether the message is where its receipt says, octet for octet.
pub(crate) fn is_at_place(mbox: &File, receipt: &Receipt) -> io::Result<bool> {
    let Place::Range { offset, octets } = receipt.place else {
        return Ok(false);
    };
    let part = Part::new(mbox, offset, octets);
    Ok(content_hash(part, receipt.stored_octets)? == Some(receipt.sha256))
}

/// Writes a message where it is, with the separator before it: the run before may have died of a
/// failed sync, as where there is a stage.
fn write_again(mbox: &LockedMbox, receipt: &Receipt) -> io::Result<()> {
    let Place::Range { offset, octets } = receipt.place else {
        return Ok(());
    };
    let begin = offset.saturating_sub(SEPARATOR.len() as u64);
    let octets = octets + (offset - begin);
    copy(mbox.handle.as_file(), begin, octets, &mbox.handle, begin)
}

/// From the first message to the end of the last.
fn octets_of<'a>(intents: impl IntoIterator<Item = &'a (ReceiptId, Receipt)>) -> u64 {
    intents
        .into_iter()
        .map(|(_, receipt)| range_octets(receipt))
        .sum()
}

pub(super) fn range_octets(receipt: &Receipt) -> u64 {
    match receipt.place {
        Place::Range { octets, .. } => octets,
        Place::Name(_) | Place::Nowhere => 0,
    }
}
