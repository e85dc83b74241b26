//! Looks all over an mbox for messages of ours that a reader has moved.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::commit::{Message, copy};
use super::content::Part;
use super::essence::Essence;
use super::fragment::{Fragment, Sought};
use super::lock::LockedMbox;
use super::replay::{Unsettled, is_at_place, range_octets};
use super::scan::{Begins, scan, scan_contents};
use super::{MboxCommit, SEPARATOR};
use crate::store::delivery::Replayed;
use crate::store::error::Error;
use crate::store::files::{Settled, settle};
use crate::store::journal::{Fulfilled, Journal, Place, Receipt, ReceiptId};

/// What an mbox has of unsettled messages, wherever.
pub(super) struct Found {
    /// Where each message is, readers' changes aside.
    pub(super) messages: Vec<Option<u64>>,
    /// The begin of the first message that is not there, if nothing behind it is there either.
    pub(super) fragment: Option<Fragment>,
}

impl MboxCommit {
    /// Settles the messages by what all of the mbox has of them.
    pub(super) fn search(
        &mut self,
        journal: &mut Journal,
        mbox: LockedMbox,
        unsettled: &Unsettled<'_>,
    ) -> Result<Replayed, Error> {
        let found = find(journal, &mbox, unsettled)?;
        mbox.sync()?;
        match found.fragment {
            Some(fragment) => {
                self.complete_moved(journal, &mbox, unsettled, &found.messages, fragment)
            }
            None => self.append_missing(journal, mbox, unsettled, found.messages),
        }
    }

    /// The last messages go where a fragment of the first of them was moved to.
    fn complete_moved(
        &self,
        journal: &mut Journal,
        mbox: &LockedMbox,
        unsettled: &Unsettled<'_>,
        found: &[Option<u64>],
        fragment: Fragment,
    ) -> Result<Replayed, Error> {
        let there: Vec<u64> = found.iter().copied().flatten().collect();
        let (whole, missing) = unsettled.intents.split_at(there.len());
        // A repair that is open has all its intents open.
        let mut replayed = settle(journal, moved(whole, there))?;
        let range = unsettled.range_at(whole.len(), fragment.offset);
        self.complete(journal, mbox, range, fragment.end)?;
        let places = missing.iter().scan(fragment.offset, |end, (_, receipt)| {
            let offset = *end;
            *end += range_octets(receipt);
            Some(offset)
        });
        let completed = settle(journal, moved(missing, places))?;
        replayed.delivered.extend(completed.delivered);
        Ok(replayed)
    }

    /// Appends what is not there.
    fn append_missing(
        &mut self,
        journal: &mut Journal,
        mbox: LockedMbox,
        unsettled: &Unsettled<'_>,
        found: Vec<Option<u64>>,
    ) -> Result<Replayed, Error> {
        drop(mbox);
        let mut settled = Settled::default();
        let mut missing = Vec::new();
        let mut stage_offset = unsettled.stage_offset;
        for ((intent, receipt), found) in unsettled.intents.iter().cloned().zip(found) {
            let octets = range_octets(&receipt);
            if let Some(offset) = found {
                settled.delivered.push(moved_to(offset, intent, receipt));
            } else {
                settled.void.push(intent);
                missing.push((stage_offset, Message { receipt, octets }));
            }
            stage_offset += octets;
        }
        // The missing ones get new intents, for the places they go to now. Should the power go
        // before these are synced, they are new again, and nothing of them is in the mbox.
        let mut replayed = settle(journal, settled)?;
        if !missing.is_empty() {
            let stage = self.stage_again(&unsettled.stage_path, &unsettled.stage, &missing)?;
            let messages = missing.into_iter().map(|(_, message)| message).collect();
            replayed
                .delivered
                .extend(self.append(journal, &stage, messages)?);
            journal.sync()?;
            replayed.voided = 0;
        }
        Ok(replayed)
    }

    /// Stages some messages of a stage in the other stage file.
    fn stage_again(
        &self,
        from_path: &Path,
        from: &File,
        messages: &[(u64, Message)],
    ) -> Result<File, Error> {
        let other = self.stages.iter().find(|path| *path != from_path);
        let path = other.map_or(from_path, PathBuf::as_path);
        let stage = self
            .disk
            .open_write(path)
            .map_err(Error::io("opening", path))?;
        let write = || {
            stage.set_len(0)?;
            stage.write_all_at(SEPARATOR, 0)?;
            let mut end = SEPARATOR.len() as u64;
            for (offset, message) in messages {
                copy(from, *offset, message.octets, &stage, end)?;
                end += message.octets;
            }
            stage.sync_data()
        };
        write().map_err(Error::io("staging again in", path))?;
        File::open(path).map_err(Error::io("opening", path))
    }
}

/// Receipts for messages that are elsewhere than intended.
fn moved(intents: &[(ReceiptId, Receipt)], offsets: impl IntoIterator<Item = u64>) -> Settled {
    let intents = intents.iter().cloned().zip(offsets);
    let delivered = intents.map(|((intent, receipt), offset)| moved_to(offset, intent, receipt));
    Settled {
        delivered: delivered.collect(),
        void: Vec::new(),
    }
}

fn moved_to(offset: u64, intent: ReceiptId, mut receipt: Receipt) -> (Fulfilled, Receipt) {
    let octets = range_octets(&receipt);
    receipt.place = Place::Range { offset, octets };
    let place = Some(receipt.place.clone());
    (Fulfilled { intent, place }, receipt)
}

/// Looks for the messages all over the mbox.
///
/// A message may have come before, under another unique-id, and be there with a receipt: as many
/// of the places that show it as there are such receipts are not taken for this one.
pub(super) fn find(
    journal: &Journal,
    mbox: &LockedMbox,
    unsettled: &Unsettled<'_>,
) -> Result<Found, Error> {
    let known = known_copies(journal, unsettled)?;
    let wanted = essences(unsettled).map_err(Error::io("reading", &unsettled.stage_path))?;
    let places = |begins| {
        let file = Part::whole(mbox.handle.as_file());
        places(file, begins, &wanted, known.clone()).map_err(Error::io("reading", mbox.path()))
    };
    let mut messages = places(Begins::FromLines)?;
    if messages.contains(&None) {
        let more = places(Begins::CutShort)?;
        for (place, more) in messages.iter_mut().zip(more) {
            *place = place.or(more);
        }
    }
    let fragment = find_fragment(journal, mbox, unsettled, &mut messages)?;
    Ok(Found { messages, fragment })
}

/// The fragment an append leaves that was cut short: the first message that is not there, or the
/// last one that is, without the empty line at its end, and then that is not there either.
fn find_fragment(
    journal: &Journal,
    mbox: &LockedMbox,
    unsettled: &Unsettled<'_>,
    messages: &mut [Option<u64>],
) -> Result<Option<Fragment>, Error> {
    let reading = || Error::io("reading", mbox.path());
    let whole = messages.iter().take_while(|place| place.is_some()).count();
    if messages.iter().skip(whole).any(Option::is_some) {
        return Ok(None);
    }
    let file = mbox.handle.as_file();
    let sought = |index: usize| {
        let (_, receipt) = unsettled.intents.get(index)?;
        let range = unsettled.range_at(index, 0);
        Some(Sought::first_of(range, range_octets(receipt)).map_err(reading()))
    };
    if let Some(last) = messages.iter_mut().take(whole).last()
        && let Some(place) = *last
        && let Some(sought) = sought(whole - 1)
        && let Some(fragment) = sought?.fragment_at(file, place).map_err(reading())?
    {
        *last = None;
        return Ok(Some(fragment));
    }
    let Some(sought) = sought(whole) else {
        return Ok(None);
    };
    let fragments = sought?.fragments(file).map_err(reading())?;
    first_unknown(journal, mbox, unsettled, &fragments)
}

/// The first that is no part of a message that is whole: one may be the begin of another, or hold
/// a line that looks like a cut From_ line.
fn first_unknown(
    journal: &Journal,
    mbox: &LockedMbox,
    unsettled: &Unsettled<'_>,
    fragments: &[Fragment],
) -> Result<Option<Fragment>, Error> {
    if fragments.is_empty() {
        return Ok(None);
    }
    let reading = || Error::io("reading", mbox.path());
    let file = mbox.handle.as_file();
    let within = |message: Range<u64>| {
        let offsets = fragments.iter().map(|fragment| fragment.offset);
        offsets.filter(move |offset| message.contains(offset))
    };
    let mut by_content: HashMap<[u8; 32], Vec<u64>> = HashMap::new();
    for begins in [Begins::FromLines, Begins::CutShort] {
        scan_contents(Part::whole(file), begins, &mut |content| {
            for offset in within(content.offset..content.offset + content.range_octets) {
                by_content.entry(content.sha256).or_default().push(offset);
            }
        })
        .map_err(reading())?;
    }
    let mut in_whole = HashSet::new();
    for (_, receipt) in unsettled.intents {
        in_whole.extend(by_content.get(&receipt.sha256).into_iter().flatten());
    }
    journal.each_receipt(&mut |_, receipt| {
        in_whole.extend(by_content.get(&receipt.sha256).into_iter().flatten());
        // The content above is without readers' fields, which the message may have had before.
        if let Place::Range { offset, octets } = receipt.place
            && let message = (offset..offset.saturating_add(octets))
            && within(message.clone()).next().is_some()
            && is_at_place(file, &receipt).map_err(reading())?
        {
            in_whole.extend(within(message));
        }
        Ok(())
    })?;
    let mut unknown = fragments.iter().filter(|at| !in_whole.contains(&at.offset));
    Ok(unknown.next().copied())
}

/// How many receipts there are already for each content.
fn known_copies(
    journal: &Journal,
    unsettled: &Unsettled<'_>,
) -> Result<HashMap<[u8; 32], usize>, Error> {
    let hashes = unsettled.intents.iter().map(|(_, receipt)| receipt.sha256);
    let mut known: HashMap<[u8; 32], usize> = hashes.map(|hash| (hash, 0)).collect();
    journal.each_receipt(&mut |_, receipt| {
        if let Some(count) = known.get_mut(&receipt.sha256) {
            *count += 1;
        }
        Ok(())
    })?;
    Ok(known)
}

/// The first place in the mbox of each message, those aside that have receipts.
fn places(
    mbox: Part<'_>,
    begins: Begins,
    wanted: &[([u8; 32], Essence)],
    mut known: HashMap<[u8; 32], usize>,
) -> io::Result<Vec<Option<u64>>> {
    let mut places: HashMap<Essence, VecDeque<u64>> = wanted
        .iter()
        .map(|&(_, essence)| (essence, VecDeque::new()))
        .collect();
    scan(mbox, begins, &mut |message| {
        if let Some(places) = places.get_mut(&message.essence) {
            places.push_back(message.offset);
        }
    })?;
    let place = |(hash, essence): &([u8; 32], Essence)| {
        let places = places.get_mut(essence)?;
        if let Some(count) = known.remove(hash) {
            places.drain(..count.min(places.len()));
        }
        places.pop_front()
    };
    Ok(wanted.iter().map(place).collect())
}

/// The hash of each message's content, and its essence.
fn essences(unsettled: &Unsettled<'_>) -> io::Result<Vec<([u8; 32], Essence)>> {
    let stage = Part::new(&unsettled.stage, unsettled.stage_offset, unsettled.octets);
    let mut hashes = unsettled.intents.iter().map(|(_, receipt)| receipt.sha256);
    let mut essences = Vec::new();
    scan(stage, Begins::FromLines, &mut |message| {
        essences.extend(hashes.next().map(|hash| (hash, message.essence)));
    })?;
    Ok(essences)
}
