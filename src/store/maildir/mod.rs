//! The maildir destination: messages are staged in `tmp/` and delivered by a rename into `new/`.

mod commit;
mod replay;

use std::path::{Path, PathBuf};

use super::durable::Disk;
use super::error::Error;
use super::files::{Batches, FileStage, Form, make_folder};
use super::open::{Clock, Halves, Site};

/// The two halves of the maildir at `path`, which is there; its three folders are made.
pub(super) fn halves(site: &Site, path: &Path) -> Result<Halves, Error> {
    let folders = Folders::of(path);
    for folder in [&folders.tmp, &folders.new, &folders.cur] {
        make_folder(&site.disk, folder)?;
    }
    Ok(Halves {
        stage: Box::new(FileStage::new(
            site,
            folders.tmp.clone(),
            Form::LineFeeds,
            Batches::Synced,
        )),
        commit: Box::new(MaildirCommit {
            disk: site.disk.clone(),
            clock: site.clock.clone(),
            folders,
        }),
    })
}

#[derive(Debug)]
struct MaildirCommit {
    disk: Disk,
    clock: Clock,
    folders: Folders,
}

impl MaildirCommit {
    fn sync_folder(&self, folder: &Path) -> Result<(), Error> {
        self.disk
            .sync_dir(folder)
            .map_err(Error::io("syncing the folder", folder))
    }
}

#[derive(Debug)]
struct Folders {
    tmp: PathBuf,
    new: PathBuf,
    cur: PathBuf,
}

impl Folders {
    fn of(path: &Path) -> Self {
        Self {
            tmp: path.join("tmp"),
            new: path.join("new"),
            cur: path.join("cur"),
        }
    }
}

/// The name without what a reader put behind it (`:2,S`): the part that never changes.
pub(super) fn without_flags(name: &str) -> &str {
    name.split_once(':').map_or(name, |(unique, _)| unique)
}

#[cfg(test)]
mod tests;
