//! Delivers a batch into an eml folder.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io;
use std::path::PathBuf;

use super::name::{Name, numbered};
use super::{EmlCommit, EmlFolders};
use crate::store::delivery::{Commit, Delivered, Delivery, Replayed};
use crate::store::error::Error;
use crate::store::files::{StagedFile, delivered, make_folder, sync_all};
use crate::store::journal::{Fulfilled, Journal, Place, Receipt};

impl Commit for EmlCommit {
    fn deliver(
        &mut self,
        journal: &mut Journal,
        batch: Vec<Delivery>,
    ) -> Result<Vec<Delivered>, Error> {
        let now = self.clock.seconds();
        let mut taken = HashSet::new();
        let mut receipts: Vec<Receipt> = Vec::new();
        let mut files = Vec::new();
        for delivery in batch {
            let (mut receipt, keeping) = delivery.into_receipt(now);
            let file = StagedFile::from_keeping(keeping);
            let name = self.free_name(&file, &receipt.sha256, &taken)?;
            taken.insert(name.clone());
            receipt.place = Place::Name(name);
            receipts.push(receipt);
            files.push(file);
        }
        sync_all(&files)?;
        let intents = journal.intend(&receipts)?;
        journal.sync()?;
        let mut fulfilled = Vec::new();
        for ((&intent, receipt), file) in intents.iter().zip(&mut receipts).zip(&files) {
            let place = self.move_in(&file.name, &receipt.place)?;
            if let Some(place) = &place {
                receipt.place = place.clone();
            }
            fulfilled.push(Fulfilled { intent, place });
        }
        self.sync_folders_of(&receipts)?;
        let ids = journal.fulfil(&fulfilled)?;
        Ok(delivered(ids, receipts))
    }

    fn replay(&mut self, journal: &mut Journal) -> Result<Replayed, Error> {
        self.replay_intents(journal)
    }
}

impl EmlCommit {
    /// A name that no file has, its folder made.
    fn free_name(
        &mut self,
        file: &StagedFile,
        sha256: &[u8; 32],
        taken: &HashSet<String>,
    ) -> Result<String, Error> {
        let Name { month, file: name } = Name::new(file.received_seconds, &file.header, sha256);
        let name = match self.folders {
            EmlFolders::None => name,
            EmlFolders::Months => {
                self.make_month(&month)?;
                format!("{month}/{name}")
            }
        };
        // Alike messages by the thousand must not each try the names of all before them.
        let skipped = self.alike.get(&name).copied().unwrap_or(0);
        let free = candidates(&name)
            .enumerate()
            .skip(skipped)
            .find(|(_, name)| {
                !taken.contains(name) && fs::symlink_metadata(self.folder.join(name)).is_err()
            });
        let Some((number, free)) = free else {
            return Ok(name);
        };
        if number > 0 {
            self.alike.insert(name, number);
        }
        Ok(free)
    }

    /// Makes a month's folder and its year's, and their names durable, once in a run: those that
    /// are there may be from a run that was killed before it came to that.
    fn make_month(&mut self, month: &str) -> Result<(), Error> {
        if self.months.contains(month) {
            return Ok(());
        }
        let mut folder = self.folder.clone();
        for part in month.split('/') {
            let above = folder.clone();
            folder.push(part);
            make_folder(&self.disk, &folder)?;
            self.disk
                .sync_dir(&above)
                .map_err(Error::io("syncing the folder", &above))?;
        }
        self.months.insert(month.to_owned());
        Ok(())
    }

    /// Moves a staged file to its place; gives the place it went to when the first one was taken
    /// meanwhile.
    pub(super) fn move_in(&self, staged: &str, place: &Place) -> Result<Option<Place>, Error> {
        let from = self.staging.join(staged);
        let Place::Name(first) = place else {
            return Ok(None);
        };
        for name in candidates(first) {
            match self.disk.rename_no_replace(&from, &self.folder.join(&name)) {
                Ok(()) => return Ok((name != *first).then_some(Place::Name(name))),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("moving", &from)(error)),
            }
        }
        Ok(None)
    }

    /// Makes the names of messages durable.
    pub(super) fn sync_folders_of<'a>(
        &self,
        receipts: impl IntoIterator<Item = &'a Receipt>,
    ) -> Result<(), Error> {
        let folders: BTreeSet<PathBuf> = receipts
            .into_iter()
            .filter_map(|receipt| match &receipt.place {
                Place::Name(name) => Some(self.folder.join(name).parent()?.to_owned()),
                Place::Range { .. } | Place::Nowhere => None,
            })
            .collect();
        folders.iter().try_for_each(|folder| {
            self.disk
                .sync_dir(folder)
                .map_err(Error::io("syncing the folder", folder))
        })
    }
}

/// A name and its numbered followers: `x.eml`, `x-2.eml`, `x-3.eml`, ...
pub(super) fn candidates(name: &str) -> impl Iterator<Item = String> {
    std::iter::once(name.to_owned()).chain((2..=u32::MAX).map(|number| numbered(name, number)))
}
