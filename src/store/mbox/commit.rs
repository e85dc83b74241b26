//! Appends a batch to an mbox.

use std::cmp::Ordering;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::content::Part;
use super::lock::{Access, LockedMbox};
use super::shown::{Range, Shown, shown};
use super::stage::StagedRange;
use super::{MboxCommit, SEPARATOR};
use crate::store::delivery::{Commit, Delivered, Delivery, Replayed};
use crate::store::durable::Handle;
use crate::store::error::Error;
use crate::store::files::delivered;
use crate::store::journal::{Fulfilled, Journal, Place, Receipt, ReceiptId};

/// A message and its length in an mbox.
pub(super) struct Message {
    pub(super) receipt: Receipt,
    pub(super) octets: u64,
}

impl Commit for MboxCommit {
    fn deliver(
        &mut self,
        journal: &mut Journal,
        batch: Vec<Delivery>,
    ) -> Result<Vec<Delivered>, Error> {
        let now = self.clock.seconds();
        let mut parts: Vec<(Receipt, StagedRange)> = batch
            .into_iter()
            .map(|delivery| {
                let (receipt, keeping) = delivery.into_receipt(now);
                (receipt, StagedRange::from_keeping(keeping))
            })
            .collect();
        parts.sort_by_key(|(_, range)| range.offset);
        let Some(file) = parts.first().map(|(_, range)| Arc::clone(&range.file)) else {
            return Ok(Vec::new());
        };
        close_gaps(file.handle(), parts.iter().map(|(_, range)| range))
            .map_err(Error::io("writing", file.handle().path()))?;
        let messages = parts
            .into_iter()
            .map(|(receipt, range)| Message {
                receipt,
                octets: range.octets,
            })
            .collect();
        file.handle()
            .sync_data()
            .map_err(Error::io("syncing", file.handle().path()))?;
        file.keep();
        let delivered = self.append(journal, file.handle().as_file(), messages)?;
        journal.sync()?;
        file.empty()?;
        Ok(delivered)
    }

    fn replay(&mut self, journal: &mut Journal) -> Result<Replayed, Error> {
        self.replay_intents(journal)
    }

    fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }
}

impl MboxCommit {
    /// Appends all of a synced stage, which is the messages in their order behind the separator,
    /// and writes their intents and receipts. The receipts are not synced yet.
    pub(super) fn append(
        &mut self,
        journal: &mut Journal,
        stage: &File,
        messages: Vec<Message>,
    ) -> Result<Vec<Delivered>, Error> {
        let mut mbox = self.locker.lock(Access::Append)?;
        self.warn_of(&mbox);
        let begin = Begin::of(&mbox)?;
        let mut end = begin.offset;
        let mut receipts: Vec<Receipt> = messages
            .into_iter()
            .map(
                |Message {
                     mut receipt,
                     octets,
                 }| {
                    receipt.place = Place::Range {
                        offset: end,
                        octets,
                    };
                    end += octets;
                    receipt
                },
            )
            .collect();
        let intents = journal.intend(&receipts)?;
        journal.sync()?;
        let range = Range {
            stage,
            stage_offset: SEPARATOR.len() as u64 - begin.separator,
            mbox_offset: begin.offset - begin.separator,
            octets: end - begin.offset + begin.separator,
        };
        append_range(&mut mbox.handle, range).map_err(Error::io("appending to", mbox.path()))?;
        mbox.sync()?;
        let moved = moved_by(&mbox, range)?;
        drop(mbox);
        let fulfilled = fulfilled(&intents, &mut receipts, moved);
        let ids = journal.fulfil(&fulfilled)?;
        Ok(delivered(ids, receipts))
    }

    /// Keeps in mind what locking lacks.
    pub(super) fn warn_of(&mut self, mbox: &LockedMbox) {
        if let Some(warning) = mbox.warning()
            && !std::mem::replace(&mut self.warned, true)
        {
            self.warnings.push(warning);
        }
    }
}

/// The receipts' places, once they stand further on than intended.
fn fulfilled(intents: &[ReceiptId], receipts: &mut [Receipt], moved: u64) -> Vec<Fulfilled> {
    intents
        .iter()
        .zip(receipts)
        .map(|(&intent, receipt)| {
            if let Place::Range { offset, .. } = &mut receipt.place {
                *offset += moved;
            }
            let place = (moved > 0).then(|| receipt.place.clone());
            Fulfilled { intent, place }
        })
        .collect()
}

/// Where an append begins.
struct Begin {
    /// Where the first From_ line will stand.
    offset: u64,
    /// How many line feeds go before it, so that the mbox so far ends in an empty line.
    separator: u64,
}

impl Begin {
    fn of(mbox: &LockedMbox) -> Result<Self, Error> {
        let read = || {
            let end = mbox.handle.as_file().metadata()?.len();
            let separator = separator(mbox.handle.as_file(), end)?.len() as u64;
            Ok(Self {
                offset: end + separator,
                separator,
            })
        };
        read().map_err(Error::io("reading", mbox.path()))
    }
}

/// The line feeds that a text of so many octets lacks to end in an empty line; none if it has no
/// octets at all.
pub(super) fn separator(text: &File, octets: u64) -> io::Result<&'static [u8]> {
    let mut last = [0; SEPARATOR.len()];
    let there = last
        .len()
        .min(usize::try_from(octets).unwrap_or(usize::MAX));
    let (_, end) = last.split_at_mut(SEPARATOR.len() - there);
    text.read_exact_at(end, octets - there as u64)?;
    Ok(match last {
        _ if octets == 0 => b"",
        [b'\n', b'\n'] => b"",
        [_, b'\n'] => b"\n",
        _ => SEPARATOR,
    })
}

/// How much further on than it should the range stands: nothing, unless another program appended
/// without a lock while we did.
fn moved_by(mbox: &LockedMbox, range: Range<'_>) -> Result<u64, Error> {
    let file = mbox.handle.as_file();
    let find = || {
        let length = file.metadata()?.len();
        let moved = length.saturating_sub(range.mbox_offset + range.octets);
        if moved == 0 || shown(file, range)? == Shown::Whole {
            return Ok(0);
        }
        let mbox_offset = range.mbox_offset + moved;
        if shown(
            file,
            Range {
                mbox_offset,
                ..range
            },
        )? == Shown::Whole
        {
            return Ok(moved);
        }
        Err(io::Error::other(
            "another program changed it in spite of the locks",
        ))
    };
    find().map_err(Error::io("appending to", mbox.path()))
}

fn append_range(mbox: &mut Handle, range: Range<'_>) -> io::Result<()> {
    Part::new(range.stage, range.stage_offset, range.octets)
        .each_chunk(|chunk| mbox.append_all(chunk))
}

/// Writes a range into the mbox where it belongs.
pub(super) fn write_range(mbox: &Handle, range: Range<'_>) -> io::Result<()> {
    copy(
        range.stage,
        range.stage_offset,
        range.octets,
        mbox,
        range.mbox_offset,
    )
}

/// Copies octets between files; within one file only towards its begin.
pub(super) fn copy(
    from: &File,
    from_offset: u64,
    octets: u64,
    to: &Handle,
    to_offset: u64,
) -> io::Result<()> {
    let mut to_offset = to_offset;
    Part::new(from, from_offset, octets).each_chunk(|chunk| {
        to.write_all_at(chunk, to_offset)?;
        to_offset += chunk.len() as u64;
        Ok(())
    })
}

/// Moves the messages of a batch together where one between them was discarded.
fn close_gaps<'a>(stage: &Handle, ranges: impl Iterator<Item = &'a StagedRange>) -> io::Result<()> {
    let mut end = SEPARATOR.len() as u64;
    for range in ranges {
        if range.offset != end {
            copy(stage.as_file(), range.offset, range.octets, stage, end)?;
        }
        end += range.octets;
    }
    match stage.as_file().metadata()?.len().cmp(&end) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => stage.set_len(end),
        // The disk would fill it up with NULs.
        Ordering::Less => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "not all of the batch is in it",
        )),
    }
}
