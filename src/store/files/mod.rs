//! What maildir and eml have in common: one file a message, staged under a name of its own, synced
//! with its batch, then moved to where it belongs.

mod batch;
mod name;
mod stage;
mod sync;
mod together;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::delivery::{Delivered, Replayed};
use super::durable::Disk;
use super::error::Error;
use super::journal::{Fulfilled, Journal, JournalId, Receipt, ReceiptId, read_at};

pub(super) use batch::Batches;
pub(super) use name::made_for;
pub(super) use stage::{FileStage, Form, StagedFile};
pub(super) use sync::sync_all;

/// How much of a file is read at once.
const BUFFER_OCTETS: usize = 256 * 1024;

/// Removes from a staging folder what a run that died has left: only names with this journal's id,
/// and none in `live`.
pub(super) fn clean(
    disk: &Disk,
    folder: &Path,
    journal_id: JournalId,
    live: &HashSet<String>,
) -> Result<(), Error> {
    let journal_id = journal_id.to_string();
    for name in names_in(folder)? {
        if name::is_ours(&name, &journal_id) && !live.contains(&name) {
            remove_if_there(disk, &folder.join(name))?;
        }
    }
    Ok(())
}

/// What replay makes of the open intents.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Their messages are where the receipt says, name and all durable.
    pub(super) delivered: Vec<(Fulfilled, Receipt)>,
    /// Nothing came of them.
    pub(super) void: Vec<ReceiptId>,
}

/// Writes the receipts and voids, and makes them durable.
pub(super) fn settle(journal: &mut Journal, settled: Settled) -> Result<Replayed, Error> {
    let (fulfilled, receipts): (Vec<_>, Vec<_>) = settled.delivered.into_iter().unzip();
    let ids = journal.fulfil(&fulfilled)?;
    journal.void(&settled.void)?;
    journal.sync()?;
    let delivered = delivered(ids, receipts);
    Ok(Replayed {
        delivered,
        voided: settled.void.len(),
    })
}

/// Puts receipts and their ids together.
pub(super) fn delivered(ids: Vec<ReceiptId>, receipts: Vec<Receipt>) -> Vec<Delivered> {
    let both = ids.into_iter().zip(receipts);
    both.map(|(id, receipt)| Delivered { id, receipt })
        .collect()
}

/// Whether a file is there with just this length and hash.
pub(super) fn is_intact(path: &Path, octets: u64, sha256: &[u8; 32]) -> Result<bool, Error> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other.map_err(Error::io("opening", path))?,
    };
    if file
        .metadata()
        .map_err(Error::io("looking at", path))?
        .len()
        != octets
    {
        return Ok(false);
    }
    let (_, found) = hash_of(&mut file).map_err(Error::io("reading", path))?;
    Ok(found == *sha256)
}

/// Makes a file durable that may never have been synced, or in vain: after a sync that failed the
/// kernel holds octets for clean that are not on disk, so they are written once more.
pub(super) fn write_again(disk: &Disk, path: &Path) -> Result<(), Error> {
    let again = || {
        let handle = disk.open_write(path)?;
        let mut buffer = vec![0; BUFFER_OCTETS];
        let mut offset: u64 = 0;
        loop {
            let octets = read_at(handle.as_file(), &mut buffer, offset)?;
            let piece = buffer.get(..octets).unwrap_or_default();
            if piece.is_empty() {
                return handle.sync_data();
            }
            handle.write_all_at(piece, offset)?;
            offset = offset.saturating_add(octets as u64);
        }
    };
    again().map_err(Error::io("writing again", path))
}

/// The octets of a file and their hash.
pub(super) fn hash_of(file: &mut File) -> io::Result<(u64, [u8; 32])> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER_OCTETS];
    let mut octets = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((octets, hash.finalize().into())),
            Ok(more) => {
                octets += more as u64;
                hash.update(buffer.get(..more).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The names in a folder, without those that are not Unicode: none of ours is such.
pub(super) fn names_in(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::io("reading the folder", folder))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::io("reading the folder", folder))?;
        names.extend(entry.file_name().into_string());
    }
    Ok(names)
}

/// Removes a file that may be gone already.
pub(super) fn remove_if_there(disk: &Disk, path: &Path) -> Result<(), Error> {
    match disk.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(Error::io("removing", path)),
    }
}

/// Makes a folder unless it is there; its name is not durable yet.
pub(super) fn make_folder(disk: &Disk, path: &Path) -> Result<(), Error> {
    match disk.make_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::io("making the folder", path)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use sha2::{Digest as _, Sha256};

    use super::is_intact;

    #[test]
    fn intact_is_a_file_of_just_this_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let wanted = b"content";
        let sha256 = Sha256::digest(wanted).into();
        let check = |expected: bool, told: &str| {
            let intact = is_intact(&path, wanted.len() as u64, &sha256).unwrap();
            assert_eq!(intact, expected, "{told}");
        };
        check(false, "not there");
        for (content, expected) in [("content", true), ("CONTENT", false), ("content\n", false)] {
            let mut file = File::create(&path).unwrap();
            file.write_all(content.as_bytes()).unwrap();
            check(expected, content);
        }
    }
}
