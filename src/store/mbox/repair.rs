//! Makes a fragment of ours whole that another program's mail follows.
//!
//! What the end of the mbox is to be, ours and then theirs, is put aside in a file first. Then the
//! mbox is cut where the fragment begins and all of that appended. So whenever we die, what is
//! there is the begin of it, as after any append of ours, and never half of a mail that was there
//! before behind half of one of ours.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::commit::{copy, separator, write_range};
use super::fragment::Fragment;
use super::lock::LockedMbox;
use super::replay::{Unsettled, in_a_row, separator_before};
use super::shown::{self, matching};
use super::wanted::{Owner, Wanted, messages_of};
use super::{MboxCommit, SEPARATOR};
use crate::store::error::Error;
use crate::store::files::{Settled, hash_of, remove_if_there};
use crate::store::journal::{Journal, Receipt, ReceiptId, Repair};

impl MboxCommit {
    /// Puts messages where a fragment is, or at the end, and behind them what is behind that. Gives
    /// the receipts of those that are ours.
    pub(super) fn repair(
        &self,
        journal: &mut Journal,
        mbox: &LockedMbox,
        unsettled: &Unsettled,
        messages: &[Wanted],
        fragment: Fragment,
    ) -> Result<Settled, Error> {
        let reading = || Error::io("reading", mbox.path());
        let length = length(mbox).map_err(reading())?;
        let lacking = separator(mbox.handle.as_file(), fragment.offset).map_err(reading())?;
        let offset = fragment.offset + lacking.len() as u64;
        let path = self.free_tail(journal);
        remove_if_there(&self.disk, path)?;
        let (tail_octets, tail_sha256) = self
            .put_aside(path, &unsettled.file, messages, mbox, fragment.end..length)
            .map_err(Error::io("putting mail aside in", path))?;
        let name = path.file_name().unwrap_or_default();
        let repair = Repair {
            offset,
            fragment_octets: fragment.end.saturating_sub(offset),
            ours_octets: octets_of_ours(messages),
            tail_octets,
            tail_sha256,
            side_file: name.to_string_lossy().into_owned(),
        };
        journal.begin_repair(&repair)?;
        journal.sync()?;
        let tail = self.open_tail(&repair)?;
        cut(mbox, length, fragment.offset)?;
        let separator = separator_before(offset);
        let whole = shown::Range {
            stage: &tail,
            stage_offset: SEPARATOR.len() as u64 - separator,
            mbox_offset: offset - separator,
            octets: tail_octets - SEPARATOR.len() as u64 + separator,
        };
        write_range(&mbox.handle, whole).map_err(Error::io("writing", mbox.path()))?;
        mbox.sync()?;
        // Before the receipts: without its intents an open repair has ours for mail of others.
        journal.end_repair()?;
        Ok(in_a_row(messages, offset))
    }

    /// Copies messages, and what is to stand behind them, to a side file behind a separator, as in a
    /// stage, durably; gives its octets and their hash.
    fn put_aside(
        &self,
        path: &Path,
        from: &File,
        messages: &[Wanted],
        mbox: &LockedMbox,
        behind: Range<u64>,
    ) -> io::Result<(u64, [u8; 32])> {
        let tail = self.disk.create_new(path)?;
        tail.write_all_at(SEPARATOR, 0)?;
        let mut end = SEPARATOR.len() as u64;
        for message in messages {
            copy(from, message.offset, message.octets, &tail, end)?;
            end += message.octets;
        }
        if !behind.is_empty() {
            // Mail of others may end without an empty line, but not before more.
            let last = messages.last();
            let last_end = last.map_or(SEPARATOR.len() as u64, |last| last.offset + last.octets);
            let separator = separator(from, last_end)?;
            if !separator.is_empty() {
                tail.write_all_at(separator, end)?;
                end += separator.len() as u64;
            }
            let octets = behind.end - behind.start;
            copy(mbox.handle.as_file(), behind.start, octets, &tail, end)?;
        }
        tail.sync_data()?;
        self.disk.sync_dir(&self.side_folder)?;
        hash_of(&mut File::open(path)?)
    }

    /// The side file that no open repair needs.
    fn free_tail(&self, journal: &Journal) -> &Path {
        let [first, second] = &self.tails;
        match journal.open_repair() {
            Some(repair) if self.tail_path(repair) == *first => second,
            _ => first,
        }
    }

    /// What a repair that was begun, and perhaps not ended, is to put into the mbox.
    pub(super) fn unsettled_of(
        &self,
        repair: &Repair,
        mbox: &LockedMbox,
        intents: &[(ReceiptId, Receipt)],
    ) -> Result<Unsettled, Error> {
        let file = self.open_tail(repair)?;
        let path = self.tail_path(repair);
        let messages = tail_messages(&file, repair.ours_octets, intents);
        let messages = messages.and_then(|all| all.ok_or_else(changed));
        let mut messages = messages.map_err(Error::io("reading", &path))?;
        let reading = Error::io("reading", mbox.path());
        if let Some(number) = first_uncut(mbox, repair, &file, &messages).map_err(reading)? {
            let offset = messages.get(number).map_or(0, |message| message.offset);
            // Should they stand there because the repair was carried out, its sync may have failed.
            copy(
                &file,
                offset,
                repair.tail_octets - offset,
                &mbox.handle,
                behind(repair),
            )
            .map_err(Error::io("writing", mbox.path()))?;
            messages.truncate(number);
        }
        Ok(Unsettled {
            messages,
            file,
            path,
            mbox_offset: repair.offset,
            separator: separator_before(repair.offset),
        })
    }

    /// No repair is open any more.
    pub(super) fn remove_tails(&self) -> Result<(), Error> {
        self.tails
            .iter()
            .try_for_each(|path| remove_if_there(&self.disk, path))
    }

    fn tail_path(&self, repair: &Repair) -> PathBuf {
        self.side_folder.join(&repair.side_file)
    }

    /// Opens what was put aside, whole as it was.
    fn open_tail(&self, repair: &Repair) -> Result<File, Error> {
        let path = self.tail_path(repair);
        let open = || {
            let mut tail = File::open(&path)?;
            let whole = (repair.tail_octets, repair.tail_sha256);
            if hash_of(&mut tail)? == whole {
                Ok(tail)
            } else {
                Err(changed())
            }
        };
        open().map_err(Error::io("reading the mail put aside in", &path))
    }
}

fn octets_of_ours(messages: &[Wanted]) -> u64 {
    let ours = messages.iter().filter(|message| message.is_ours());
    ours.map(|message| message.octets).sum()
}

/// The messages of a side file, of which so many octets are of ours, and then mail of others. Those
/// whose intents are open stand there in their order; none if not all of them do.
fn tail_messages(
    tail: &File,
    ours_octets: u64,
    mut intents: &[(ReceiptId, Receipt)],
) -> io::Result<Option<Vec<Wanted>>> {
    let mut messages = messages_of(tail)?;
    let theirs = SEPARATOR.len() as u64 + ours_octets;
    let ours = messages
        .iter_mut()
        .filter(|message| message.offset < theirs);
    // Of some that are the same, the first ones have their receipts first.
    for message in ours.rev() {
        match intents.split_last() {
            Some((intent, rest)) if message.is_of(tail, &intent.1)? => {
                message.intend(intent);
                intents = rest;
            }
            _ => message.owner = Owner::Settled,
        }
    }
    let is_whole = messages
        .first()
        .is_some_and(|first| first.offset == SEPARATOR.len() as u64);
    Ok((intents.is_empty() && is_whole).then_some(messages))
}

fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the file was changed")
}

/// Where in the mbox others had mail behind the fragment.
fn behind(repair: &Repair) -> u64 {
    repair.offset.saturating_add(repair.fragment_octets)
}

/// The first of the messages that still stand where they stood behind the fragment, if the repair
/// died before it cut. They are mail of others, and not the first message, which is missing.
fn first_uncut(
    mbox: &LockedMbox,
    repair: &Repair,
    tail: &File,
    messages: &[Wanted],
) -> io::Result<Option<usize>> {
    let mbox = mbox.handle.as_file();
    let behind = behind(repair);
    let octets = mbox.metadata()?.len().saturating_sub(behind);
    let ours = messages.iter().rposition(Wanted::is_ours);
    for (number, message) in messages.iter().enumerate().skip(ours.unwrap_or(0) + 1) {
        let range = shown::Range {
            stage: tail,
            stage_offset: message.offset,
            mbox_offset: behind,
            octets: repair.tail_octets - message.offset,
        };
        if range.octets <= octets && matching(mbox, range)?.is_whole(range) {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// Takes off everything from `offset` on, durably, if the mbox is still as long as it was read.
fn cut(mbox: &LockedMbox, old_length: u64, offset: u64) -> Result<(), Error> {
    let cut = || {
        if length(mbox)? != old_length {
            return Err(io::Error::other(
                "another program changed it in spite of the locks",
            ));
        }
        if offset < old_length {
            mbox.handle.set_len(offset)?;
        }
        mbox.handle.sync_data()
    };
    cut().map_err(Error::io("cutting", mbox.path()))
}

fn length(mbox: &LockedMbox) -> io::Result<u64> {
    Ok(mbox.handle.as_file().metadata()?.len())
}
