//! The eml destination: one file a message, byte for byte as the server sent it, under a name a
//! person can read.

mod commit;
mod name;
mod replay;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::durable::Disk;
use super::error::Error;
use super::files::{Batches, FileStage, Form, make_folder};
use super::open::{Clock, Halves, Site};

pub(super) use name::is_of_our_kind;

/// Where messages are staged. It begins with a dot so that nobody takes it for mail.
const STAGING_FOLDER: &str = ".popfetch-tmp";

/// Whether a folder's name is that of the staging folder.
pub(super) fn is_staging(name: &str) -> bool {
    name == STAGING_FOLDER
}

/// Whether an eml destination has folders inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmlFolders {
    /// All messages in one folder.
    #[default]
    None,
    /// A folder a year with a folder a month, by the date the message was received: `2024/01`.
    Months,
}

/// The two halves of the eml folder at `path`, which is there; its staging folder is made.
pub(super) fn halves(site: &Site, path: &Path) -> Result<Halves, Error> {
    let staging = path.join(STAGING_FOLDER);
    make_folder(&site.disk, &staging)?;
    Ok(Halves {
        stage: Box::new(FileStage::new(
            site,
            staging.clone(),
            Form::AsReceived,
            Batches::Synced,
        )),
        commit: Box::new(EmlCommit {
            disk: site.disk.clone(),
            clock: site.clock.clone(),
            folder: path.to_owned(),
            staging,
            folders: site.eml_folders,
            months: HashSet::new(),
            alike: HashMap::new(),
        }),
    })
}

#[derive(Debug)]
struct EmlCommit {
    disk: Disk,
    clock: Clock,
    folder: PathBuf,
    staging: PathBuf,
    folders: EmlFolders,
    /// Months whose folders are there for good.
    months: HashSet<String>,
    /// Names that were taken, and how many of their followers were.
    alike: HashMap<String, usize>,
}

#[cfg(test)]
mod tests;
