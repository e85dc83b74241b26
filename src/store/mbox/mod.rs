//! The mbox destination: mboxrd, appended under both locks. Of what others wrote only that is ever
//! moved which stands behind half a message of ours.
//!
//! A batch is staged in a file beside the mbox as exactly the octets to append, so that an append
//! that was cut short can be told from what other programs wrote, and ended.

mod commit;
mod content;
mod essence;
mod fragment;
mod from_line;
mod known;
mod lock;
mod places;
mod quoting;
mod repair;
mod replay;
mod scan;
mod search;
mod shown;
mod stage;
mod text;
mod wanted;
mod words;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use super::durable::Disk;
use super::error::Error;
use super::open::{Clock, Halves, Site};
pub(super) use essence::Content;
pub(super) use from_line::from_line;
use lock::Locker;
pub(super) use replay::is_at_place;
use scan::{Begins, FoundContent, scan_contents};
use stage::MboxStage;
pub(super) use text::MboxText;

/// What a stage file begins with: an mbox that does not end in an empty line gets from here what
/// it lacks.
const SEPARATOR: &[u8] = b"\n\n";

/// The two files that batches are staged in by turns.
pub(super) const STAGE_FILES: [&str; 2] = ["stage", "stage-2"];

/// The two halves of the mbox at `path`.
pub(super) fn halves(site: &Site, path: &Path) -> Result<Halves, Error> {
    let stages: Vec<PathBuf> = STAGE_FILES
        .iter()
        .map(|kind| site.sides.file(kind))
        .collect();
    let (back, free) = mpsc::channel();
    for stage in &stages {
        let handle = site
            .disk
            .open_or_create(stage)
            .map_err(Error::io("opening", stage))?;
        // The receiver is alive below.
        let _outcome = back.send(handle);
    }
    Ok(Halves {
        stage: Box::new(MboxStage::new(site.clock.clone(), free, back)),
        commit: Box::new(MboxCommit {
            disk: site.disk.clone(),
            clock: site.clock.clone(),
            locker: Locker::new(site, path),
            stages,
            tails: TAIL_FILES.map(|kind| site.sides.file(kind)),
            side_folder: site.sides.folder.clone(),
            warned: false,
            warnings: Vec::new(),
        }),
    })
}

/// Every message of an mbox.
pub(super) fn contents(path: &Path) -> Result<Vec<FoundContent>, Error> {
    let mut found = Vec::new();
    File::open(path)
        .and_then(|mbox| scan_contents(mbox, Begins::FromLines, &mut |content| found.push(content)))
        .map_err(Error::io("reading", path))?;
    Ok(found)
}

/// Where the end of the mbox is put aside during a repair; two, since a repair may have to begin
/// again with more.
const TAIL_FILES: [&str; 2] = ["tail", "tail-2"];

#[derive(Debug)]
struct MboxCommit {
    disk: Disk,
    clock: Clock,
    locker: Locker,
    stages: Vec<PathBuf>,
    tails: [PathBuf; 2],
    side_folder: PathBuf,
    /// The user was told that locking lacks something, or will be.
    warned: bool,
    warnings: Vec<String>,
}

#[cfg(test)]
mod tests;
