//! Ends what a run that died has left half done in an mbox.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::commit::{copy, write_range};
use super::content::{Part, content_hash};
use super::fragment::Fragment;
use super::lock::{Access, LockedMbox};
use super::places::{Found, find, theirs_in};
use super::shown::{self, Shown, matching, shown};
use super::wanted::{Wanted, intended, messages_of, range_of};
use super::{MboxCommit, SEPARATOR};
use crate::store::delivery::Replayed;
use crate::store::error::Error;
use crate::store::files::{Settled, settle};
use crate::store::journal::{Fulfilled, Journal, Place, Receipt, ReceiptId};

/// Messages that the mbox has to have once each, one behind the other; at least one.
pub(super) struct Unsettled {
    pub(super) messages: Vec<Wanted>,
    /// The file that holds them, synced.
    pub(super) file: File,
    pub(super) path: PathBuf,
    /// Where in the mbox the first of them should begin.
    pub(super) mbox_offset: u64,
    /// How many octets of the separator before it belong to them.
    pub(super) separator: u64,
}

impl Unsettled {
    /// The messages as they belong into the mbox, with the separator before them.
    fn range(&self) -> shown::Range<'_> {
        shown::Range {
            stage: &self.file,
            stage_offset: self.offset() - self.separator,
            mbox_offset: self.mbox_offset - self.separator,
            octets: self.octets() + self.separator,
        }
    }

    fn offset(&self) -> u64 {
        self.messages.first().map_or(0, |first| first.offset)
    }

    fn octets(&self) -> u64 {
        self.messages.iter().map(|message| message.octets).sum()
    }

    /// What stands in the mbox where they should. Where it ends before that, a reader may have taken
    /// out as much as we have appended.
    fn shown(&self, mbox: &File) -> io::Result<Shown> {
        let range = self.range();
        let end = mbox.metadata()?.len();
        if end <= self.mbox_offset {
            let ends_in_separator = range.mbox_offset + matching(mbox, range)?.octets == end;
            return Ok(if ends_in_separator {
                Shown::Fragment {
                    foreign_offset: self.mbox_offset,
                }
            } else {
                Shown::Nothing
            });
        }
        let shown = shown(mbox, range)?;
        // Less than the separator is no begin of ours.
        let is_none_of_ours = matches!(shown, Shown::Fragment { foreign_offset }
            if foreign_offset < self.mbox_offset);
        Ok(if is_none_of_ours {
            Shown::Nothing
        } else {
            shown
        })
    }
}

impl MboxCommit {
    /// Rolls forward, under both locks.
    pub(super) fn replay_intents(&mut self, journal: &mut Journal) -> Result<Replayed, Error> {
        let intents = journal.open_intents()?;
        let repair = journal.open_repair().cloned();
        if intents.is_empty() && repair.is_none() {
            self.locker.clear_left_over()?;
            self.empty_side_files()?;
            return Ok(Replayed::default());
        }
        let mbox = self.locker.lock(Access::InPlace)?;
        self.warn_of(&mbox);
        let unsettled = match &repair {
            Some(repair) => Some(self.unsettled_of(repair, &mbox, &intents)?),
            None => self.staged(&intents)?,
        };
        let replayed = match unsettled {
            Some(unsettled) => self.replay_unsettled(journal, &mbox, &unsettled)?,
            None => replay_without_stage(journal, &mbox, intents)?,
        };
        self.empty_side_files()?;
        Ok(replayed)
    }

    fn replay_unsettled(
        &self,
        journal: &mut Journal,
        mbox: &LockedMbox,
        unsettled: &Unsettled,
    ) -> Result<Replayed, Error> {
        let range = unsettled.range();
        let file = mbox.handle.as_file();
        let reading = || Error::io("reading", mbox.path());
        let end = file.metadata().map_err(reading())?.len();
        match unsettled.shown(file).map_err(reading())? {
            // Also what is whole is written: the run before may have died of a failed sync, after
            // which the kernel holds octets for clean that are not on disk, and another sync
            // would not write them.
            Shown::Whole | Shown::Unfinished => {
                write_range(&mbox.handle, range).map_err(Error::io("writing", mbox.path()))?;
                mbox.sync()?;
                // Before the receipts: without its intents an open repair has ours for mail of
                // others.
                end_open_repair(journal)?;
                settle(
                    journal,
                    in_a_row(&unsettled.messages, unsettled.mbox_offset),
                )
            }
            Shown::Fragment { foreign_offset } => {
                let found = find(journal, mbox, unsettled)?;
                let others = foreign_offset..end;
                if is_in_place(journal, file, unsettled, &found, others).map_err(reading())? {
                    let completed =
                        self.repair_in_place(journal, mbox, unsettled, foreign_offset)?;
                    return settle(journal, completed);
                }
                // NULs pass for octets of ours that the disk never got, but other programs leave
                // some too, and a reader that rewrites the file may move them here.
                self.settle_found(journal, mbox, unsettled, &found)
            }
            Shown::Nothing => {
                let found = find(journal, mbox, unsettled)?;
                self.settle_found(journal, mbox, unsettled, &found)
            }
        }
    }

    /// A fragment is where it was written, up to mail of others.
    fn repair_in_place(
        &self,
        journal: &mut Journal,
        mbox: &LockedMbox,
        unsettled: &Unsettled,
        foreign_offset: u64,
    ) -> Result<Settled, Error> {
        let separator = shown::Range {
            octets: unsettled.separator,
            ..unsettled.range()
        };
        write_range(&mbox.handle, separator).map_err(Error::io("writing", mbox.path()))?;
        let fragment = Fragment {
            offset: unsettled.mbox_offset,
            end: foreign_offset,
        };
        // Before it nothing was moved, and mail that shows the same is another.
        let theirs = theirs_in(mbox, unsettled, fragment.end..u64::MAX)?;
        let messages = unsettled.messages.iter().zip(theirs);
        let missing = messages.filter(|(_, place)| place.is_none());
        let missing: Vec<Wanted> = missing.map(|(message, _)| message.clone()).collect();
        self.repair(journal, mbox, unsettled, &missing, fragment)
    }

    /// Finds the stage that holds the intended messages.
    fn staged(&self, intents: &[(ReceiptId, Receipt)]) -> Result<Option<Unsettled>, Error> {
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
            if let Some((file, messages)) = staged_at(path, intents).map_err(reading)? {
                return Ok(Some(Unsettled {
                    messages,
                    file,
                    path: path.clone(),
                    mbox_offset,
                    separator: separator_before(mbox_offset),
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

/// Whether a fragment up to mail of others, which goes to the end, is where it was written.
fn is_in_place(
    journal: &Journal,
    mbox: &File,
    unsettled: &Unsettled,
    found: &Found,
    others: Range<u64>,
) -> io::Result<bool> {
    // Others may have more line feeds before their mail.
    let octets = matching(mbox, unsettled.range())?.octets;
    let is_begun = octets > unsettled.separator && others.start > unsettled.mbox_offset;
    let is_repair = journal.open_repair().is_some();
    // A repair that has only cut leaves nothing of ours anywhere, nor does an append that has not
    // begun.
    let is_to_begin = is_repair || others.is_empty();
    // A run found it before, and not in place.
    let is_known_elsewhere = found.has_settled(unsettled);
    let begun = if is_begun {
        unsettled.mbox_offset..others.start
    } else {
        0..0
    };
    let is_here = is_begun || is_to_begin;
    Ok(is_here && !is_known_elsewhere && !found.has_ours_outside(unsettled, &begun))
}

/// Without a stage nothing can be appended: a message is where its intent says, or new again.
fn replay_without_stage(
    journal: &mut Journal,
    mbox: &LockedMbox,
    intents: Vec<(ReceiptId, Receipt)>,
) -> Result<Replayed, Error> {
    let mut settled = Settled::default();
    if let Some(first) = intents.first().and_then(|(_, receipt)| range_of(receipt)) {
        write_separator_again(mbox, first.start).map_err(Error::io("writing", mbox.path()))?;
    }
    for (intent, receipt) in intents {
        let there = is_at_place(mbox.handle.as_file(), &receipt)
            .map_err(Error::io("reading", mbox.path()))?;
        if there && let Some(range) = range_of(&receipt) {
            write_again(mbox, range).map_err(Error::io("writing", mbox.path()))?;
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

/// All is in the mbox, and synced.
pub(super) fn end_open_repair(journal: &mut Journal) -> Result<(), Error> {
    match journal.open_repair() {
        Some(_) => journal.end_repair(),
        None => Ok(()),
    }
}

/// The receipts of those of the messages that are ours, which stand one behind the other.
pub(super) fn in_a_row(messages: &[Wanted], mbox_offset: u64) -> Settled {
    let mut end = mbox_offset;
    let mut settled = Settled::default();
    for message in messages {
        settled.delivered.extend(message.at(end));
        end += message.octets;
    }
    settled
}

/// A stage file and those of its messages that are intended, if it holds them all.
fn staged_at(
    path: &Path,
    intents: &[(ReceiptId, Receipt)],
) -> io::Result<Option<(File, Vec<Wanted>)>> {
    let stage = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let messages = intended(&stage, &messages_of(&stage)?, intents)?;
    Ok(messages.map(|messages| (stage, messages)))
}

/// Whether a part of a file holds just what a receipt speaks of, in an mbox's form.
pub(super) fn holds(file: &File, offset: u64, octets: u64, receipt: &Receipt) -> io::Result<bool> {
    let part = Part::new(file, offset, octets);
    Ok(content_hash(part, receipt.stored_octets)? == Some(receipt.sha256))
}

/// Whether the message is where its receipt says, octet for octet.
pub(crate) fn is_at_place(mbox: &File, receipt: &Receipt) -> io::Result<bool> {
    match range_of(receipt) {
        Some(range) => holds(mbox, range.start, range.end - range.start, receipt),
        None => Ok(false),
    }
}

/// Writes a message where it is, with the separator before it: the run before may have died of a
/// failed sync, as where there is a stage.
pub(super) fn write_again(mbox: &LockedMbox, message: Range<u64>) -> io::Result<()> {
    let begin = message.start - separator_before(message.start);
    let octets = message.end - begin;
    copy(mbox.handle.as_file(), begin, octets, &mbox.handle, begin)
}

/// The same with the separator alone: somebody may have taken out what it was put before, and other
/// mail may stand behind it now.
pub(super) fn write_separator_again(mbox: &LockedMbox, message_offset: u64) -> io::Result<()> {
    write_again(mbox, message_offset..message_offset)
}

/// How many octets of a separator there are before a message at this place.
pub(super) fn separator_before(offset: u64) -> u64 {
    offset.min(SEPARATOR.len() as u64)
}
