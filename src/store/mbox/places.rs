//! Where in an mbox messages are that may have been moved by a reader.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io;
use std::ops::Range;

use super::content::Part;
use super::essence::{Distiller, Essence, WordSum};
use super::fragment::{Candidate, Fragment, FromLine, Sought, candidates, line_at};
use super::known::KnownMessages;
use super::lock::LockedMbox;
use super::replay::{Unsettled, is_at_place};
use super::scan::{self, Begins, scan, scan_contents};
use super::wanted::Wanted;
use super::words::words_hash;
use crate::store::error::Error;
use crate::store::journal::{Journal, Place};

/// What an mbox has of unsettled messages, wherever.
pub(super) struct Found {
    /// Where each message is, readers' changes aside.
    pub(super) messages: Vec<Option<Range<u64>>>,
    /// The begin of a message that is not there.
    pub(super) fragment: Option<Fragment>,
}

impl Found {
    /// Whether one of ours is there that has a receipt.
    pub(super) fn has_settled(&self, unsettled: &Unsettled) -> bool {
        let mut messages = self.messages.iter().zip(&unsettled.messages);
        messages.any(|(place, message)| place.is_some() && message.is_settled())
    }

    /// Whether something of ours goes further than this part, or is elsewhere: a line of our own text
    /// may look like the From_ line of others, or like the begin of one of ours.
    pub(super) fn has_ours_outside(&self, unsettled: &Unsettled, part: &Range<u64>) -> bool {
        let messages = self.messages.iter().zip(&unsettled.messages);
        let intended = messages.filter(|(_, message)| message.is_intended());
        let mut places = intended
            .filter_map(|(place, _)| place.clone())
            .chain(self.fragment.map(|fragment| fragment.offset..fragment.end));
        places.any(|place| place.start < part.start || place.end > part.end)
    }
}

/// Looks for the messages all over the mbox.
pub(super) fn find(
    journal: &Journal,
    mbox: &LockedMbox,
    unsettled: &Unsettled,
) -> Result<Found, Error> {
    let reading = || Error::io("reading", mbox.path());
    let file = mbox.handle.as_file();
    let essences = essences(unsettled).map_err(Error::io("reading", &unsettled.path))?;
    let known = known_copies(journal, unsettled)?;
    let pass = |begins| pass(file, 0..u64::MAX, begins, &essences).map_err(reading());
    let mut messages = take_texts(
        file,
        unsettled,
        &essences,
        pass(Begins::FromLines)?,
        &mut known.clone(),
    )
    .map_err(reading())?;
    if messages.contains(&None) {
        let mut known = known;
        let pass = pass(Begins::CutShort)?;
        let alike = unknown(journal, mbox, &pass.alike)?;
        let texts = take_texts(file, unsettled, &essences, pass, &mut known).map_err(reading())?;
        add(&mut messages, texts);
        take_alike(&mut messages, file, unsettled, alike, &mut known)
            .map_err(Error::io("reading", &unsettled.path))?;
    }
    let fragment = find_fragment(journal, mbox, unsettled, &mut messages)?;
    if let Some(fragment) = fragment {
        // Mail of others may have begun within a line of it.
        for part in [0..fragment.offset, fragment.end..u64::MAX] {
            let theirs = theirs_in(mbox, unsettled, part)?;
            add(&mut messages, theirs);
        }
    }
    Ok(Found { messages, fragment })
}

/// Where in a part of the mbox the messages are that are mail of others.
pub(super) fn theirs_in(
    mbox: &LockedMbox,
    unsettled: &Unsettled,
    part: Range<u64>,
) -> Result<Vec<Option<Range<u64>>>, Error> {
    if unsettled.messages.iter().all(Wanted::is_ours) {
        return Ok(vec![None; unsettled.messages.len()]);
    }
    let essences = essences(unsettled).map_err(Error::io("reading", &unsettled.path))?;
    let pass = pass(mbox.handle.as_file(), part, Begins::FromLines, &essences)
        .map_err(Error::io("reading", mbox.path()))?;
    let places = take_texts(
        mbox.handle.as_file(),
        unsettled,
        &essences,
        pass,
        &mut Known::new(),
    )
    .map_err(Error::io("reading", mbox.path()))?;
    let messages = places.into_iter().zip(&unsettled.messages);
    let theirs = messages.map(|(place, message)| place.filter(|_| !message.is_ours()));
    Ok(theirs.collect())
}

/// Takes places for those that have none yet.
fn add(messages: &mut [Option<Range<u64>>], more: impl IntoIterator<Item = Option<Range<u64>>>) {
    for (place, more) in messages.iter_mut().zip(more) {
        *place = place.take().or(more);
    }
}

/// The essence of each message.
fn essences(unsettled: &Unsettled) -> io::Result<Vec<Essence>> {
    let mut essences = Vec::new();
    for message in &unsettled.messages {
        // A From_ line without its end has nothing behind it.
        let mut essence = Distiller::new().finish();
        let text = Part::new(&unsettled.file, message.offset, message.octets);
        scan(text, Begins::FromLines, &mut |found| {
            essence = found.essence;
        })?;
        essences.push(essence);
    }
    Ok(essences)
}

/// How many receipts there are already for each content of ours.
///
/// A message may have come before, under another unique-id, and be there with a receipt: as many
/// of the places that show it as there are such receipts are not taken for this one.
type Known = HashMap<[u8; 32], usize>;

fn known_copies(journal: &Journal, unsettled: &Unsettled) -> Result<Known, Error> {
    let intended = unsettled
        .messages
        .iter()
        .filter(|message| message.is_intended());
    let mut known: Known = intended.map(|message| (message.sha256, 0)).collect();
    journal.each_receipt(&mut |_, receipt| {
        if let Some(count) = known.get_mut(&receipt.sha256) {
            *count += 1;
        }
        Ok(())
    })?;
    // These are looked for themselves.
    for message in &unsettled.messages {
        if message.is_settled()
            && let Some(count) = known.get_mut(&message.sha256)
        {
            *count = count.saturating_sub(1);
        }
    }
    Ok(known)
}

/// Places by what they show.
type Places = HashMap<[u8; 32], VecDeque<Range<u64>>>;

/// What an mbox has that looks like messages that are wanted.
struct Pass {
    /// Places by the text of one.
    texts: Places,
    /// Messages of another text that may show the words of one.
    alike: Vec<scan::Found>,
}

/// Reads a part of the mbox.
fn pass(mbox: &File, part: Range<u64>, begins: Begins, wanted: &[Essence]) -> io::Result<Pass> {
    let texts = wanted.iter().map(|essence| (essence.text, VecDeque::new()));
    let words: HashSet<WordSum> = wanted.iter().map(|essence| essence.words).collect();
    let mut pass = Pass {
        texts: texts.collect(),
        alike: Vec::new(),
    };
    let text = Part::new(mbox, part.start, part.end - part.start);
    scan(text, begins, &mut |mut message| {
        message.offset += part.start;
        if let Some(places) = pass.texts.get_mut(&message.essence.text) {
            places.push_back(message.range());
        } else if words.contains(&message.essence.words) {
            pass.alike.push(message);
        }
    })?;
    Ok(pass)
}

/// The first place that shows each message.
fn take_texts(
    mbox: &File,
    unsettled: &Unsettled,
    essences: &[Essence],
    mut pass: Pass,
    known: &mut Known,
) -> io::Result<Vec<Option<Range<u64>>>> {
    let messages = unsettled.messages.iter().zip(essences);
    messages
        .map(|(message, essence)| {
            let Some(places) = pass.texts.get_mut(&essence.text) else {
                return Ok(None);
            };
            take(places, message, known, &mut |place| {
                is_the_one(mbox, place, unsettled, message)
            })
        })
        .collect()
}

/// The first place that shows the words of each message that has none yet.
fn take_alike(
    messages: &mut [Option<Range<u64>>],
    mbox: &File,
    unsettled: &Unsettled,
    mut alike: Places,
    known: &mut Known,
) -> io::Result<()> {
    if alike.is_empty() {
        return Ok(());
    }
    for (place, message) in messages.iter_mut().zip(&unsettled.messages) {
        if place.is_none() {
            let range = message.offset..message.offset + message.octets;
            let words = words_hash(&unsettled.file, range)?;
            if let Some(places) = alike.get_mut(&words) {
                *place = take(places, message, known, &mut |place| {
                    is_the_one(mbox, place, unsettled, message)
                })?;
            }
        }
    }
    Ok(())
}

/// Takes the first place that is the one, those aside that are of known copies.
fn take(
    places: &mut VecDeque<Range<u64>>,
    message: &Wanted,
    known: &mut Known,
    is_the_one: &mut dyn FnMut(&Range<u64>) -> io::Result<bool>,
) -> io::Result<Option<Range<u64>>> {
    if message.is_ours()
        && let Some(copies) = known.get_mut(&message.sha256)
    {
        let passed = (*copies).min(places.len());
        places.drain(..passed);
        *copies -= passed;
    }
    for number in 0..places.len() {
        if let Some(place) = places.get(number)
            && is_the_one(place)?
        {
            return Ok(places.remove(number));
        }
    }
    Ok(None)
}

/// Whether what shows the message is that message: mail of others may have the same text, as when
/// a program sends it again. mutt and Python keep the From_ line as it is.
pub(super) fn is_the_one(
    mbox: &File,
    place: &Range<u64>,
    unsettled: &Unsettled,
    message: &Wanted,
) -> io::Result<bool> {
    if message.is_ours() {
        return Ok(true);
    }
    let wanted = line_at(&unsettled.file, message.offset)?;
    let shown = line_at(mbox, place.start)?;
    // A reader may have ended it, and half another one may stand before it.
    Ok(shown.trim_ascii_end().ends_with(wanted.trim_ascii_end()))
}

/// The places of those messages that have no receipts, by their words.
fn unknown(journal: &Journal, mbox: &LockedMbox, alike: &[scan::Found]) -> Result<Places, Error> {
    let reading = || Error::io("reading", mbox.path());
    let mbox = mbox.handle.as_file();
    let mut by_content: HashMap<[u8; 32], Vec<u64>> = HashMap::new();
    for message in alike {
        let part = Part::new(mbox, message.offset, message.octets);
        scan_contents(part, Begins::FromLines, &mut |found| {
            for sha256 in found.content.hashes() {
                by_content.entry(sha256).or_default().push(message.offset);
            }
        })
        .map_err(reading())?;
    }
    let offsets: HashSet<u64> = alike.iter().map(|message| message.offset).collect();
    let mut known = HashSet::new();
    journal.each_receipt(&mut |_, receipt| {
        known.extend(by_content.get(&receipt.sha256).into_iter().flatten());
        // The content above is without readers' fields, which the message may have had before.
        if let Place::Range { offset, .. } = receipt.place
            && offsets.contains(&offset)
            && is_at_place(mbox, &receipt).map_err(reading())?
        {
            known.insert(offset);
        }
        Ok(())
    })?;
    let mut places = Places::new();
    for message in alike {
        if !known.contains(&message.offset) {
            let words = words_hash(mbox, message.range()).map_err(reading())?;
            places.entry(words).or_default().push_back(message.range());
        }
    }
    Ok(places)
}

/// The fragment that an append leaves which was cut short. One that lacks only white space has been
/// taken for its message: then the place of that is taken away again.
fn find_fragment(
    journal: &Journal,
    mbox: &LockedMbox,
    unsettled: &Unsettled,
    messages: &mut [Option<Range<u64>>],
) -> Result<Option<Fragment>, Error> {
    let file = mbox.handle.as_file();
    let mut all = messages.iter().zip(&unsettled.messages);
    let last = all.rposition(|(place, message)| place.is_some() && message.is_ours());
    // What was to stand before one of ours that is there was written before, and taken out since. Mail
    // of others may have stood behind a fragment.
    let (before, from) = messages.split_at_mut(last.unwrap_or(0));
    let wanted = unsettled.messages.iter().skip(before.len());
    let mut missing = Vec::new();
    // Where mail of others was written: right behind what goes before it.
    let mut their_begin = None;
    let mut end = None;
    for (message, place) in wanted.zip(from) {
        let sought = Sought::new(&unsettled.file, message.offset, message.octets)
            .map_err(Error::io("reading", &unsettled.path))?;
        let Some(begin) = place.as_ref().map(|place| place.start) else {
            // Of mail of others the first, and only if none of ours is missing: that is written
            // behind all of ours, and mail that stands elsewhere may look like its begin.
            if missing.is_empty() && !message.is_ours() {
                their_begin = end;
            }
            if missing.is_empty() || message.is_ours() {
                missing.push(sought);
            }
            continue;
        };
        end = place.as_ref().map(|place| place.end);
        if missing.is_empty() {
            let fragment = sought.fragment_at(file, begin);
            let fragment = fragment.map_err(Error::io("reading", mbox.path()))?;
            if fragment.is_some() {
                *place = None;
                return Ok(fragment);
            }
        }
    }
    if missing.is_empty() {
        return Ok(None);
    }
    let candidates = candidates(&missing, file);
    let mut candidates = candidates.map_err(Error::io("reading", mbox.path()))?;
    if let Some(begin) = their_begin {
        candidates.retain(|candidate| candidate.fragment.offset == begin);
    }
    first_unknown(journal, mbox, unsettled, messages, &candidates)
}

/// The first that is no part of a message that is known: one may be the begin of another, or hold
/// a line that looks like a cut From_ line. A doubtful one also has to stand right behind one that
/// is known, or to begin an mbox that was empty, and only counts where there is no other.
fn first_unknown(
    journal: &Journal,
    mbox: &LockedMbox,
    unsettled: &Unsettled,
    there: &[Option<Range<u64>>],
    candidates: &[Candidate],
) -> Result<Option<Fragment>, Error> {
    if candidates.is_empty() {
        return Ok(None);
    }
    let offsets: Vec<u64> = candidates
        .iter()
        .map(|candidate| candidate.fragment.offset)
        .collect();
    let known = KnownMessages::at(&offsets, journal, mbox, unsettled, there)?;
    let unknown = candidates.iter().filter(|candidate| {
        let offset = candidate.fragment.offset;
        let is_open = match candidate.from_line {
            FromLine::Whole => !known.begin_at(offset),
            // No message that is known begins with half a From_ line.
            FromLine::Cut => true,
            FromLine::Doubtful => known.end_at(offset) || offset == 0 && unsettled.mbox_offset == 0,
        };
        is_open && !known.hold(offset)
    });
    let found = unknown.min_by_key(|candidate| candidate.from_line == FromLine::Doubtful);
    Ok(found.map(|candidate| candidate.fragment))
}
