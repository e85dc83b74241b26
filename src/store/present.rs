//! What is really in a destination, whatever the journal says.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::destination::Destination;
use super::error::Error;
use super::files::{hash_of, made_for, names_in};
use super::journal::{AccountId, Place, Receipt};
use super::layout::Sides;
use super::mbox::Content;
use super::{eml, maildir, mbox};

/// Calls `each` with a receipt for every message that is there, as if it had been stored at
/// `time_seconds` for nobody: so a message that is retrieved later is known by its content.
pub(super) fn each_present(
    destination: &Destination,
    time_seconds: i64,
    each: &mut dyn FnMut(Receipt) -> Result<(), Error>,
) -> Result<(), Error> {
    let receipt = |place, stored_octets, sha256| Receipt {
        account: AccountId::ADOPTED,
        unique_id: None,
        listed_octets: None,
        stored_octets,
        sha256,
        place,
        time_seconds,
        suspect: false,
    };
    match destination {
        Destination::Maildir(_) | Destination::Eml(_) => {
            for (name, path) in files_of(destination)? {
                let hashed = File::open(&path).and_then(|mut file| hash_of(&mut file));
                let (octets, sha256) = hashed.map_err(Error::io("reading", &path))?;
                each(receipt(Place::Name(name), octets, sha256))?;
            }
        }
        Destination::Mbox(path) => {
            for found in mbox::contents(path)? {
                let place = Place::Range {
                    offset: found.offset,
                    octets: found.range_octets,
                };
                let Content { octets, sha256, .. } = found.content;
                each(receipt(place, octets, sha256))?;
            }
        }
        Destination::Pipe(_) | Destination::Stdout => {}
    }
    Ok(())
}

/// Whether there are messages that popfetch stored, by their names; in an mbox, by our stage beside
/// it.
pub(super) fn holds_ours(destination: &Destination, sides: &Sides) -> Result<bool, Error> {
    let is_ours: fn(&str) -> bool = match destination {
        Destination::Maildir(_) => |name| made_for(name).is_some(),
        Destination::Eml(_) => eml::is_of_our_kind,
        Destination::Mbox(path) => {
            let is_empty = fs::metadata(path).is_ok_and(|mbox| mbox.len() == 0);
            let mut stages = mbox::STAGE_FILES.iter().map(|stage| sides.file(stage));
            return Ok(path.exists() && !is_empty && stages.any(|stage| stage.exists()));
        }
        Destination::Pipe(_) | Destination::Stdout => return Ok(false),
    };
    let file_of = |name: &String| name.rsplit('/').next().is_some_and(is_ours);
    Ok(files_of(destination)?.keys().any(file_of))
}

/// The files of messages, by the name a receipt has for them.
pub(super) fn files_of(destination: &Destination) -> Result<HashMap<String, PathBuf>, Error> {
    let mut files = HashMap::new();
    match destination {
        Destination::Maildir(path) => {
            let folders = [path.join("new"), path.join("cur")];
            for folder in folders.into_iter().filter(|folder| folder.is_dir()) {
                for name in names_in(&folder)? {
                    let unique = maildir::without_flags(&name).to_owned();
                    files.insert(unique, folder.join(name));
                }
            }
        }
        Destination::Eml(path) if path.is_dir() => eml_files(path, "", EML_DEPTH, &mut files)?,
        Destination::Eml(_) | Destination::Mbox(_) | Destination::Pipe(_) | Destination::Stdout => {
        }
    }
    Ok(files)
}

/// Years, and months in them.
const EML_DEPTH: usize = 2;

fn eml_files(
    folder: &Path,
    prefix: &str,
    depth: usize,
    files: &mut HashMap<String, PathBuf>,
) -> Result<(), Error> {
    for name in names_in(folder)? {
        let path = folder.join(&name);
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        if is_folder && depth > 0 && !eml::is_staging(&name) {
            eml_files(&path, &format!("{prefix}{name}/"), depth - 1, files)?;
        } else if !is_folder && path.extension().is_some_and(|kind| kind == "eml") {
            files.insert(format!("{prefix}{name}"), path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eml_folder_has_messages_down_to_its_months() {
        let folder = tempfile::tempdir().unwrap();
        let months = folder.path().join("2024/01");
        fs::create_dir_all(months.join("deeper")).unwrap();
        fs::create_dir_all(folder.path().join(".popfetch-tmp")).unwrap();
        for name in [
            "one.eml",
            "2024/two.eml",
            "2024/01/three.eml",
            "2024/01/deeper/not.eml",
            "2024/01/not.txt",
            ".popfetch-tmp/not.eml",
        ] {
            File::create(folder.path().join(name)).unwrap();
        }
        let files = files_of(&Destination::Eml(folder.path().to_owned())).unwrap();
        let mut names: Vec<_> = files.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["2024/01/three.eml", "2024/two.eml", "one.eml"]);
        assert_eq!(files["2024/01/three.eml"], months.join("three.eml"));
    }
}
