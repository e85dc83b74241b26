//! Messages that an mbox has to have, in the file that holds them.

use std::fs::File;
use std::io;
use std::ops::Range;

use super::SEPARATOR;
use super::content::Part;
use super::essence::Distiller;
use super::replay::holds;
use super::scan::{Begins, FoundContent, scan_contents};
use crate::store::journal::{Fulfilled, Place, Receipt, ReceiptId};

/// A message that the mbox has to have.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Where in the file of them all it begins.
    pub(super) offset: u64,
    pub(super) octets: u64,
    /// The hash of its content.
    pub(super) sha256: [u8; 32],
    pub(super) owner: Owner,
}

/// Whose a message is.
#[derive(Debug, Clone)]
pub(super) enum Owner {
    /// Ours, and its receipt is missing.
    Intended(ReceiptId, Receipt),
    /// Ours: it was found while others were missing, and has its receipt.
    Settled,
    /// Mail that another program put into the mbox.
    Others,
}

impl Wanted {
    /// Its receipt, if it is ours, given where it is in the mbox.
    pub(super) fn at(&self, offset: u64) -> Option<(Fulfilled, Receipt)> {
        let Owner::Intended(intent, mut receipt) = self.owner.clone() else {
            return None;
        };
        let octets = self.octets;
        let place = Place::Range { offset, octets };
        if receipt.place == place {
            return Some((Fulfilled::as_intended(intent), receipt));
        }
        receipt.place = place.clone();
        let place = Some(place);
        Some((Fulfilled { intent, place }, receipt))
    }

    pub(super) fn is_intended(&self) -> bool {
        matches!(self.owner, Owner::Intended(..))
    }

    pub(super) fn is_settled(&self) -> bool {
        matches!(self.owner, Owner::Settled)
    }

    pub(super) fn is_ours(&self) -> bool {
        !matches!(self.owner, Owner::Others)
    }

    /// Whether it is what a receipt speaks of.
    pub(super) fn is_of(&self, file: &File, receipt: &Receipt) -> io::Result<bool> {
        let is_as_long = |range: Range<u64>| range.end - range.start == self.octets;
        Ok(range_of(receipt).is_some_and(is_as_long)
            && holds(file, self.offset, self.octets, receipt)?)
    }

    /// It is the one that the journal intends.
    pub(super) fn intend(&mut self, (intent, receipt): &(ReceiptId, Receipt)) {
        // Its own was taken without readers' fields, which it may have had before.
        self.sha256 = receipt.sha256;
        self.owner = Owner::Intended(*intent, receipt.clone());
    }
}

/// The messages of a file, all as if they were mail of others.
pub(super) fn messages_of(file: &File) -> io::Result<Vec<Wanted>> {
    let mut contents = Vec::new();
    scan_contents(Part::whole(file), Begins::FromLines, &mut |found| {
        contents.push(found);
    })?;
    contents.extend(rest_of(file, contents.last())?);
    let wanted = contents.into_iter().map(|found| Wanted {
        offset: found.offset,
        octets: found.range_octets,
        sha256: found.content.sha256,
        owner: Owner::Others,
    });
    Ok(wanted.collect())
}

/// A From_ line without its end, behind all messages: it may as well be the last line of a text.
fn rest_of(file: &File, last: Option<&FoundContent>) -> io::Result<Option<FoundContent>> {
    let offset = last.map_or(SEPARATOR.len() as u64, |found| {
        found.offset + found.range_octets
    });
    let range_octets = file.metadata()?.len().saturating_sub(offset);
    Ok((range_octets > 0).then(|| FoundContent {
        offset,
        range_octets,
        content: Distiller::new().finish_content(),
    }))
}

/// From the messages of a stage those that are intended, and what is between them; none if it does
/// not hold them all.
///
/// Before them are some that have receipts, and behind them some whose intents never came to disk,
/// so that nothing of all was appended. Those between them are settled.
pub(super) fn intended(
    stage: &File,
    messages: &[Wanted],
    intents: &[(ReceiptId, Receipt)],
) -> io::Result<Option<Vec<Wanted>>> {
    let Some(last) = messages.len().checked_sub(intents.len()) else {
        return Ok(None);
    };
    // Of some that are the same, the first ones have their receipts first.
    for begin in (0..=last).rev() {
        let found = intended_from(stage, messages.get(begin..).unwrap_or_default(), intents)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The same, where the first message is the first that is intended: all are as far from each other
/// as they were to be in the mbox.
fn intended_from(
    stage: &File,
    messages: &[Wanted],
    intents: &[(ReceiptId, Receipt)],
) -> io::Result<Option<Vec<Wanted>>> {
    let (Some(first), Some((_, mbox_first))) = (messages.first(), intents.first()) else {
        return Ok(None);
    };
    let mbox_offset = |receipt: &Receipt| Some(range_of(receipt)?.start);
    let distance = |receipt: &Receipt| mbox_offset(receipt)?.checked_sub(mbox_offset(mbox_first)?);
    let mut found = Vec::new();
    let mut rest = intents;
    for message in messages {
        let Some((intent, more)) = rest.split_first() else {
            break;
        };
        let mut message = message.clone();
        if distance(&intent.1) == Some(message.offset - first.offset) {
            if !message.is_of(stage, &intent.1)? {
                return Ok(None);
            }
            message.intend(intent);
            rest = more;
        } else {
            message.owner = Owner::Settled;
        }
        found.push(message);
    }
    Ok(rest.is_empty().then_some(found))
}

/// Where in the mbox a receipt has its message.
pub(super) fn range_of(receipt: &Receipt) -> Option<Range<u64>> {
    match receipt.place {
        Place::Range { offset, octets } => Some(offset..offset.saturating_add(octets)),
        Place::Name(_) | Place::Nowhere => None,
    }
}
