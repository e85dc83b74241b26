//! Makes a fragment of ours whole that another program's mail follows.
//!
//! That mail is copied to a side file first and written again behind ours. Should the power go in
//! between, the next run finds both, and whatever was appended since.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::iter;
use std::path::{Path, PathBuf};

use super::commit::{copy, line_feeds_lacking, write_range};
use super::content::Part;
use super::lock::LockedMbox;
use super::replay::Unsettled;
use super::scan::{Begins, scan};
use super::search::find;
use super::shown::{Range, foreign_from_line, matching};
use super::{MboxCommit, SEPARATOR};
use crate::store::error::Error;
use crate::store::files::{hash_of, remove_if_there};
use crate::store::journal::{Journal, Repair};

/// Octets of a file.
#[derive(Clone, Copy)]
struct Piece<'a> {
    file: &'a File,
    offset: u64,
    octets: u64,
}

impl MboxCommit {
    /// Another program's mail begins at `foreign_offset`, behind a fragment of ours.
    pub(super) fn repair(
        &self,
        journal: &mut Journal,
        mbox: &LockedMbox,
        range: Range<'_>,
        foreign_offset: u64,
    ) -> Result<(), Error> {
        let tail = Piece {
            file: mbox.handle.as_file(),
            offset: foreign_offset,
            octets: length(mbox)? - foreign_offset,
        };
        let fragment_octets = foreign_offset - range.mbox_offset;
        let [path, _] = &self.tails;
        let repair = self.put_aside(path, &[tail], range.mbox_offset, fragment_octets)?;
        self.carry_out(journal, mbox, range, &repair)
    }

    /// Writes the range where a fragment of it is that a reader may have changed, up to
    /// `fragment_end`, where other mail begins or the mbox ends.
    pub(super) fn complete(
        &self,
        journal: &mut Journal,
        mbox: &LockedMbox,
        range: Range<'_>,
        fragment_end: u64,
    ) -> Result<(), Error> {
        if fragment_end < length(mbox)? {
            return self.repair(journal, mbox, range, fragment_end);
        }
        write_range(&mbox.handle, range).map_err(Error::io("writing", mbox.path()))?;
        cut(mbox, range.mbox_offset + range.octets, fragment_end)
    }

    /// A repair was begun and perhaps not ended.
    pub(super) fn resume_repair(
        &self,
        journal: &mut Journal,
        mbox: &LockedMbox,
        unsettled: &Unsettled<'_>,
        repair: &Repair,
    ) -> Result<(), Error> {
        let tail = self.open_tail(repair)?;
        let file = mbox.handle.as_file();
        let reading = || Error::io("reading", mbox.path());
        let moved = unsettled.range_at(0, repair.offset);
        let as_left = |range| is_as_left(file, range, &tail, repair).map_err(reading());
        let range = if as_left(unsettled.range())? {
            unsettled.range()
        } else if as_left(moved)? {
            moved
        } else {
            let fragment = find(journal, mbox, unsettled)?.fragment;
            self.give_back_tail(mbox, repair, fragment.map(|fragment| fragment.end))?;
            journal.end_repair()?;
            // The next repair puts other mail into the side file that this one names.
            return journal.sync();
        };
        match appended_since(file, range, &tail, repair).map_err(reading())? {
            Some(foreign_offset) => {
                let repair = self.put_more_aside(mbox, range, &tail, repair, foreign_offset)?;
                self.carry_out(journal, mbox, range, &repair)
            }
            None => self.carry_out(journal, mbox, range, repair),
        }
    }

    /// More mail came behind what the repair had written so far: it begins again with all.
    fn put_more_aside(
        &self,
        mbox: &LockedMbox,
        range: Range<'_>,
        tail: &File,
        repair: &Repair,
        foreign_offset: u64,
    ) -> Result<Repair, Error> {
        let more = Piece {
            file: mbox.handle.as_file(),
            offset: foreign_offset,
            octets: length(mbox)? - foreign_offset,
        };
        let before = Piece {
            file: tail,
            offset: 0,
            octets: repair.tail_octets,
        };
        let tail_path = self.tail_path(repair);
        // The other program ended what stood before in an empty line, which is not part of its
        // mail; it may have stood behind more than the tail.
        let line_feeds = line_feeds_lacking(tail, repair.tail_octets)
            .map_err(Error::io("reading", &tail_path))?
            .min(foreign_offset - old_end(repair));
        let separator = Piece {
            file: range.stage,
            offset: 0,
            octets: line_feeds,
        };
        let fragment_octets = foreign_offset - repair.offset - repair.tail_octets - line_feeds;
        let [first, second] = &self.tails;
        let other = if *first == tail_path { second } else { first };
        self.put_aside(
            other,
            &[before, separator, more],
            repair.offset,
            fragment_octets,
        )
    }

    /// Copies mail to a side file, durably.
    fn put_aside(
        &self,
        path: &Path,
        pieces: &[Piece<'_>],
        offset: u64,
        fragment_octets: u64,
    ) -> Result<Repair, Error> {
        remove_if_there(&self.disk, path)?;
        let write = || -> io::Result<(u64, [u8; 32])> {
            let tail = self.disk.create_new(path)?;
            let mut tail_octets = 0;
            for piece in pieces {
                copy(piece.file, piece.offset, piece.octets, &tail, tail_octets)?;
                tail_octets += piece.octets;
            }
            tail.sync_data()?;
            self.disk.sync_dir(&self.side_folder)?;
            hash_of(&mut File::open(path)?)
        };
        let (tail_octets, tail_sha256) =
            write().map_err(Error::io("putting mail aside in", path))?;
        let name = path.file_name().unwrap_or_default();
        let side_file = name.to_string_lossy().into_owned();
        Ok(Repair {
            offset,
            fragment_octets,
            tail_octets,
            tail_sha256,
            side_file,
        })
    }

    /// Writes ours and then theirs.
    fn carry_out(
        &self,
        journal: &mut Journal,
        mbox: &LockedMbox,
        range: Range<'_>,
        repair: &Repair,
    ) -> Result<(), Error> {
        journal.begin_repair(repair)?;
        journal.sync()?;
        let tail = self.open_tail(repair)?;
        let behind = range.mbox_offset + range.octets;
        write_range(&mbox.handle, range)
            .and_then(|()| copy(&tail, 0, repair.tail_octets, &mbox.handle, behind))
            .map_err(Error::io("writing", mbox.path()))?;
        cut(mbox, behind + repair.tail_octets, old_end(repair))?;
        // Before the receipts: a repair that is open has all its intents open.
        journal.end_repair()
    }

    /// The mbox is not as a repair left it, so a reader has rewritten it, with what it took for
    /// mail then. Mail that was put aside and is not in there is appended. Some may begin at
    /// `fragment_end`, within a line of ours.
    pub(super) fn give_back_tail(
        &self,
        mbox: &LockedMbox,
        repair: &Repair,
        fragment_end: Option<u64>,
    ) -> Result<(), Error> {
        let tail = self.open_tail(repair)?;
        let file = mbox.handle.as_file();
        let give_back = || {
            let mut there = HashSet::new();
            let mut passes = vec![(0, Begins::FromLines), (0, Begins::CutShort)];
            passes.extend(fragment_end.map(|end| (end, Begins::FromLines)));
            for (begin, begins) in passes {
                scan(Part::new(file, begin, u64::MAX), begins, &mut |message| {
                    there.insert(message.essence);
                })?;
            }
            let mut messages = Vec::new();
            scan(Part::whole(&tail), Begins::FromLines, &mut |message| {
                messages.push(message);
            })?;
            let ends = messages.iter().skip(1).map(|next| next.offset);
            let ends: Vec<u64> = ends.chain([repair.tail_octets]).collect();
            for (message, end) in messages.iter().zip(ends) {
                if !there.contains(&message.essence) {
                    let length = file.metadata()?.len();
                    mbox.handle.write_all_at(SEPARATOR, length)?;
                    let behind = length + SEPARATOR.len() as u64;
                    copy(
                        &tail,
                        message.offset,
                        end - message.offset,
                        &mbox.handle,
                        behind,
                    )?;
                }
            }
            Ok(())
        };
        give_back().map_err(Error::io("writing", mbox.path()))?;
        mbox.sync()
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
                Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the file was changed",
                ))
            }
        };
        open().map_err(Error::io("reading the mail put aside in", &path))
    }
}

fn length(mbox: &LockedMbox) -> Result<u64, Error> {
    let metadata = mbox.handle.as_file().metadata();
    Ok(metadata
        .map_err(Error::io("looking at", mbox.path()))?
        .len())
}

/// Makes durable what was written up to `end`, and then takes off what the mbox had behind that, up
/// to `old_end`: a reader may have put more into a fragment than was missing of ours.
fn cut(mbox: &LockedMbox, end: u64, old_end: u64) -> Result<(), Error> {
    mbox.sync()?;
    // No longer what was read: somebody appends without a lock.
    if end >= old_end || length(mbox)? != old_end {
        return Ok(());
    }
    mbox.handle
        .set_len(end)
        .map_err(Error::io("cutting", mbox.path()))?;
    mbox.sync()
}

/// Where the mbox ended when the repair began.
fn old_end(repair: &Repair) -> u64 {
    repair
        .offset
        .saturating_add(repair.fragment_octets)
        .saturating_add(repair.tail_octets)
}

/// Whether the mbox is as a repair left it, as far as it went before.
///
/// A reader may have rewritten it since, and other mail may stand where there was the tail: this
/// would be written over.
fn is_as_left(mbox: &File, range: Range<'_>, tail: &File, repair: &Repair) -> io::Result<bool> {
    // All of the fragment: NULs pass for octets of ours, and a reader may have moved some here.
    // Behind it the other program may have put an empty line.
    let fragment_octets = repair
        .fragment_octets
        .saturating_sub(SEPARATOR.len() as u64);
    let fragment = Range {
        octets: fragment_octets.min(range.octets),
        ..range
    };
    Ok(mbox.metadata()?.len() >= old_end(repair)
        && repair.offset == range.mbox_offset
        && matching(mbox, fragment)?.octets == fragment.octets
        && shows_tail(mbox, range, tail, repair)?)
}

/// Whether the tail stands where it did, but for octets that the repair has written over it.
fn shows_tail(mbox: &File, range: Range<'_>, tail: &File, repair: &Repair) -> io::Result<bool> {
    let begin = repair.fragment_octets;
    let ours = Part::new(
        range.stage,
        range.stage_offset + begin,
        range.octets.saturating_sub(begin),
    );
    let moved = Part::new(tail, begin.saturating_sub(range.octets), repair.tail_octets);
    let written = BufReader::new(ours.chain(moved)).bytes().map(Some);
    // Where the mbox gets shorter nothing is written at its end. Once that is cut off, others may
    // append there.
    let written = written.chain(iter::repeat_with(|| None));
    let before = BufReader::new(Part::new(tail, 0, repair.tail_octets)).bytes();
    let there = Part::new(mbox, repair.offset + begin, repair.tail_octets);
    for ((there, before), written) in BufReader::new(there).bytes().zip(before).zip(written) {
        let there = there?;
        if there != 0 && there != before? && Some(there) != written.transpose()? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Where mail begins that was appended after the repair had been begun, if it stands in the way.
///
/// Behind the old end of the mbox the repair has written its own octets, or the disk has NULs in
/// their place, up to some point; what else is there is somebody else's.
fn appended_since(
    mbox: &File,
    range: Range<'_>,
    tail: &File,
    repair: &Repair,
) -> io::Result<Option<u64>> {
    let length = mbox.metadata()?.len();
    let old_end = old_end(repair);
    let ours_end = range.mbox_offset + range.octets;
    let new_end = ours_end + repair.tail_octets;
    let mut at = old_end;
    if at < ours_end {
        let skipped = at - range.mbox_offset;
        let rest = Range {
            stage_offset: range.stage_offset + skipped,
            mbox_offset: at,
            octets: range.octets - skipped,
            ..range
        };
        at += matching(mbox, rest)?.octets;
    }
    if (ours_end..new_end).contains(&at) {
        let stage_offset = at - ours_end;
        let octets = new_end - at;
        let rest = Range {
            stage: tail,
            stage_offset,
            mbox_offset: at,
            octets,
        };
        at += matching(mbox, rest)?.octets;
    }
    if at >= length || at == new_end {
        return Ok(None);
    }
    // The mbox gets shorter.
    if at > new_end {
        return Ok(Some(at));
    }
    Ok(foreign_from_line(mbox, old_end, at)?.or(Some(at)))
}
