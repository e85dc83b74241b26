//! Where a destination really is, and which files stand beside it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::destination::Destination;
use super::durable::Disk;
use super::error::{CannotCreate, Error};

/// What a destination's side files are called, in its own folder or that of our state.
const STEM: &str = ".popfetch";

/// A destination by its real path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) destination: Destination,
    /// Where its side files belong; none where they cannot stand beside the mail.
    pub(super) beside: Option<Sides>,
}

/// A folder of side files and what their names begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sides {
    pub(super) folder: PathBuf,
    pub(super) stem: String,
}

impl Sides {
    /// The side file of this kind.
    pub(super) fn file(&self, kind: &str) -> PathBuf {
        self.folder.join(format!("{}-{kind}", self.stem))
    }

    /// Beside a file.
    pub(super) fn beside(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default();
        Self {
            folder: parent_of(path).to_owned(),
            stem: format!(".{}{STEM}", name.to_string_lossy()),
        }
    }

    /// The family a journal belongs to: that of a destination where it has such a name, else its
    /// own.
    pub(super) fn of_journal(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match name.strip_suffix("-journal") {
            Some(stem) if stem.ends_with(STEM) => Self {
                folder: parent_of(path).to_owned(),
                stem: stem.to_owned(),
            },
            Some(_) | None => Self::beside(path),
        }
    }

    /// For a destination beside which nothing can stand: a folder of the state folder, named by
    /// the hash of DEST.
    pub(super) fn in_state(state_folder: &Path, destination: &Destination) -> Self {
        let hash = Sha256::digest(destination.to_string().as_bytes());
        let mut name = HEXLOWER.encode(&hash);
        name.truncate(32);
        Self {
            folder: state_folder.join(name),
            stem: STEM.to_owned(),
        }
    }
}

/// Finds the real path of a destination, which need not be there as long as its parent is.
pub(super) fn locate(destination: &Destination) -> Result<Located, Error> {
    let (real, beside) = match destination {
        Destination::Maildir(path) => {
            let path = real_path(path)?;
            (Destination::Maildir(path.clone()), Some(inside(path)))
        }
        Destination::Eml(path) => {
            let path = real_path(path)?;
            (Destination::Eml(path.clone()), Some(inside(path)))
        }
        Destination::Mbox(path) => {
            let path = real_path(path)?;
            let beside = Sides::beside(&path);
            (Destination::Mbox(path), Some(beside))
        }
        Destination::Pipe(_) | Destination::Stdout => (destination.clone(), None),
    };
    Ok(Located {
        destination: real,
        beside,
    })
}

/// The real path of a journal that was named, which need not be there as long as its folder is.
pub(super) fn locate_journal(path: &Path) -> Result<PathBuf, Error> {
    let path = real_path(path)?;
    if path.is_dir() {
        let why = CannotCreate::Io(io::ErrorKind::IsADirectory.into());
        return Err(cannot_create(&path, why));
    }
    Ok(path)
}

fn inside(folder: PathBuf) -> Sides {
    Sides {
        folder,
        stem: STEM.to_owned(),
    }
}

fn real_path(path: &Path) -> Result<PathBuf, Error> {
    let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    match fs::canonicalize(path) {
        Err(error) if missing(&error) => {}
        other => return other.map_err(|source| cannot_create(path, CannotCreate::Io(source))),
    }
    let name = path
        .file_name()
        .ok_or_else(|| cannot_create(path, CannotCreate::NoParent))?;
    match fs::canonicalize(parent_of(path)) {
        Ok(parent) => Ok(parent.join(name)),
        Err(error) if missing(&error) => Err(cannot_create(path, CannotCreate::NoParent)),
        Err(error) => Err(cannot_create(path, CannotCreate::Io(error))),
    }
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

fn cannot_create(path: &Path, why: CannotCreate) -> Error {
    Error::CannotCreate {
        path: path.to_owned(),
        why,
    }
}

/// Makes a destination that is not there, and nothing above it; [`sync_names`] makes it durable.
pub(super) fn make(disk: &Disk, destination: &Destination) -> Result<(), Error> {
    let (path, made) = match destination {
        Destination::Maildir(path) | Destination::Eml(path) => {
            if path.is_dir() {
                return Ok(());
            }
            (path, disk.make_dir(path))
        }
        Destination::Mbox(path) => {
            if path.is_file() {
                return Ok(());
            }
            (path, disk.create_new(path).map(drop))
        }
        Destination::Pipe(_) | Destination::Stdout => return Ok(()),
    };
    match made {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => expect(destination),
        Err(error) => Err(cannot_create(path, CannotCreate::Io(error))),
    }
}

/// Refuses what is there already and is of another kind.
pub(super) fn expect(destination: &Destination) -> Result<(), Error> {
    let (path, fits, expected): (_, fn(&Path) -> bool, _) = match destination {
        Destination::Maildir(path) | Destination::Eml(path) => (path, Path::is_dir, "a folder"),
        Destination::Mbox(path) => (path, Path::is_file, "a file"),
        Destination::Pipe(_) | Destination::Stdout => return Ok(()),
    };
    if fits(path) || fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    Err(cannot_create(path, CannotCreate::OtherKind { expected }))
}

/// Makes the journal's name durable; the run that made the journal may have been killed before.
pub(super) fn sync_journal_name(disk: &Disk, journal: &Path) -> Result<(), Error> {
    sync_dir(disk, parent_of(journal))
}

/// Makes durable the names of the destination, of what was made in it, and of what stands beside
/// it. They may be there without being on disk: the run that made them may have been killed.
pub(super) fn sync_names(
    disk: &Disk,
    destination: &Destination,
    side_folder: &Path,
) -> Result<(), Error> {
    let mut folders = BTreeSet::from([side_folder]);
    if let Destination::Maildir(path) | Destination::Eml(path) = destination {
        folders.insert(path);
    }
    for folder in folders {
        sync_dir(disk, folder)?;
    }
    // The destination stands in one of these, or our state in both. Where we may not look, we have
    // made nothing.
    for folder in side_folder.ancestors().skip(1).take(2) {
        match sync_dir(disk, folder) {
            Err(Error::Io { source, .. }) if is_forbidden(&source) => {}
            other => other?,
        }
    }
    Ok(())
}

fn sync_dir(disk: &Disk, folder: &Path) -> Result<(), Error> {
    disk.sync_dir(folder)
        .map_err(Error::io("syncing the folder", folder))
}

/// Whether we have no right to do it.
pub(super) fn is_forbidden(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// Makes a folder of our own state with all that is missing above it.
pub(super) fn make_state_folder(disk: &Disk, folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = parent_of(folder);
    make_state_folder(disk, parent)?;
    match disk.make_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(cannot_create(folder, CannotCreate::Io(error)))
        }
        Ok(()) | Err(_) => sync_dir(disk, parent),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Sides, locate, make};
    use crate::store::destination::Destination;
    use crate::store::durable::Disk;
    use crate::store::error::{CannotCreate, Error};

    #[test]
    fn side_files_stand_in_a_folder_and_beside_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        let check = |destination: Destination, expected: &Path| {
            let located = locate(&destination).unwrap();
            assert_eq!(located.beside.unwrap().file("journal"), expected);
        };
        let mail = folder.path().join("mail");
        check(
            Destination::Maildir(mail.clone()),
            &real.join("mail/.popfetch-journal"),
        );
        check(
            Destination::Mbox(mail.clone()),
            &real.join(".mail.popfetch-journal"),
        );
        std::os::unix::fs::symlink(&mail, folder.path().join("link")).unwrap();
        std::fs::create_dir_all(&mail).unwrap();
        check(
            Destination::Eml(folder.path().join("link/")),
            &real.join("mail/.popfetch-journal"),
        );
    }

    #[test]
    fn a_journal_is_locked_as_its_destination_is() {
        let check = |journal: &str, expected: &str| {
            let lock = Sides::of_journal(Path::new(journal)).file("lock");
            assert_eq!(lock, Path::new(expected), "{journal}");
        };
        check("mail/.popfetch-journal", "mail/.popfetch-lock");
        check("mail/.inbox.popfetch-journal", "mail/.inbox.popfetch-lock");
        check("state/my-journal", "state/.my-journal.popfetch-lock");
        check("state/journal", "state/.journal.popfetch-lock");
    }

    #[test]
    fn only_the_destination_itself_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("disk/mail");
        let error = locate(&Destination::Maildir(missing)).unwrap_err();
        let no_parent = matches!(
            error,
            Error::CannotCreate {
                why: CannotCreate::NoParent,
                ..
            }
        );
        assert!(no_parent, "{error}");
        let mail = folder.path().join("mail");
        make(&Disk::new(), &Destination::Maildir(mail.clone())).unwrap();
        make(&Disk::new(), &Destination::Maildir(mail.clone())).unwrap();
        let error = make(&Disk::new(), &Destination::Mbox(mail)).unwrap_err();
        assert!(error.to_string().contains("not a file"), "{error}");
    }

    #[test]
    fn state_is_named_by_what_it_is_of() {
        let of = |command: &str| {
            Sides::in_state(Path::new("state"), &Destination::Pipe(command.to_owned()))
        };
        assert_eq!(of("cat"), of("cat"));
        assert_ne!(of("cat"), of("tac"));
        assert_eq!(
            of("cat").folder.parent(),
            Some(PathBuf::from("state").as_path())
        );
    }
}
