//! What of an mbox belongs to messages whose content is known.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::content::Part;
use super::lock::LockedMbox;
use super::places::is_the_one;
use super::replay::{Unsettled, is_at_place};
use super::scan::{Begins, scan_contents};
use crate::store::error::Error;
use crate::store::journal::{Journal, Place};

/// The messages that have receipts, or are wanted, and hold or end at one of some places.
pub(super) struct KnownMessages {
    /// Where each begins, in their order, and how far those up to it go.
    reaches: Vec<(u64, u64)>,
    begins: HashSet<u64>,
    ends: HashSet<u64>,
}

impl KnownMessages {
    /// Looks for them at these places, which are in their order, given where wanted ones are.
    pub(super) fn at(
        offsets: &[u64],
        journal: &Journal,
        mbox: &LockedMbox,
        unsettled: &Unsettled,
        there: &[Option<Range<u64>>],
    ) -> Result<Self, Error> {
        let reading = || Error::io("reading", mbox.path());
        let file = mbox.handle.as_file();
        let mut contents: HashMap<[u8; 32], Vec<Range<u64>>> = HashMap::new();
        for begins in [Begins::FromLines, Begins::CutShort] {
            scan_contents(Part::whole(file), begins, &mut |found| {
                let message = found.offset..found.offset + found.range_octets;
                if has_any(offsets, message.start..message.end + 1) {
                    for sha256 in found.content.hashes() {
                        let messages = contents.entry(sha256).or_default();
                        messages.push(message.clone());
                    }
                }
            })
            .map_err(reading())?;
        }
        let mut known: Vec<Range<u64>> = Vec::new();
        for (message, place) in unsettled.messages.iter().zip(there) {
            known.extend(place.clone());
            for shown in contents.get(&message.sha256).into_iter().flatten() {
                if is_the_one(file, shown, unsettled, message).map_err(reading())? {
                    known.push(shown.clone());
                }
            }
        }
        journal.each_receipt(&mut |_, receipt| {
            known.extend(contents.remove(&receipt.sha256).into_iter().flatten());
            // The content above is without readers' fields, which the message may have had before.
            if let Place::Range { offset, octets } = receipt.place
                && let message = (offset..offset.saturating_add(octets))
                && has_any(offsets, message.start..message.end.saturating_add(1))
                && is_at_place(file, &receipt).map_err(reading())?
            {
                known.push(message);
            }
            Ok(())
        })?;
        Ok(Self::of(known))
    }

    fn of(mut messages: Vec<Range<u64>>) -> Self {
        messages.sort_unstable_by_key(|message| message.start);
        let begins = messages.iter().map(|message| message.start).collect();
        let ends = messages.iter().map(|message| message.end).collect();
        let mut reach = 0;
        let reaches = messages.iter().map(|message| {
            reach = reach.max(message.end);
            (message.start, reach)
        });
        Self {
            reaches: reaches.collect(),
            begins,
            ends,
        }
    }

    /// Whether one of them begins before this place and ends behind it.
    pub(super) fn hold(&self, offset: u64) -> bool {
        let behind = self.reaches.partition_point(|&(begin, _)| begin < offset);
        let last = behind
            .checked_sub(1)
            .and_then(|last| self.reaches.get(last));
        last.is_some_and(|&(_, reach)| offset < reach)
    }

    /// Whether one of them begins here.
    pub(super) fn begin_at(&self, offset: u64) -> bool {
        self.begins.contains(&offset)
    }

    /// Whether one of them ends here.
    pub(super) fn end_at(&self, offset: u64) -> bool {
        self.ends.contains(&offset)
    }
}

/// Whether one of the places is there. Lines of one mail may look like a million fragments.
fn has_any(offsets: &[u64], part: Range<u64>) -> bool {
    let next = offsets.partition_point(|&offset| offset < part.start);
    offsets.get(next).is_some_and(|&offset| offset < part.end)
}

#[cfg(test)]
mod tests {
    use super::{KnownMessages, has_any};

    #[test]
    fn places_are_in_messages_or_at_their_ends() {
        let known = KnownMessages::of(vec![20..25, 3..10, 5..7, 30..30]);
        let held = (0..35).filter(|&offset| known.hold(offset));
        assert!(held.eq((4..10).chain(21..25)));
        let begins = (0..35).filter(|&offset| known.begin_at(offset));
        assert!(begins.eq([3, 5, 20, 30]));
        let ends = (0..35).filter(|&offset| known.end_at(offset));
        assert!(ends.eq([7, 10, 25, 30]));
    }

    #[test]
    fn parts_have_places() {
        for (part, has) in [(0..3, false), (3..4, true), (4..9, true), (9..99, false)] {
            assert_eq!(has_any(&[3, 8], part.clone()), has, "{part:?}");
        }
    }
}
