//! Compares a destination with its journal.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use super::destination::Destination;
use super::error::Error;
use super::files::is_intact;
use super::journal::{Place, Receipt};
use super::mbox;
use super::present::files_of;

/// What became of a stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is there, octet for octet.
    Intact {
        /// The file.
        path: PathBuf,
    },
    /// It is there, but not as it was stored.
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It is not there.
    Missing,
    /// It was never a file: piped, written to standard output, or only marked as stored.
    Nowhere,
    /// It is the same stored message as that of a receipt looked at before: one that was adopted,
    /// or recognised under another unique-id.
    Again,
}

/// Something in a destination that no receipt speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extra {
    /// The file.
    pub path: PathBuf,
    /// Where in an mbox the message begins.
    pub offset: Option<u64>,
}

/// Looks at what is in a destination, receipt by receipt.
#[derive(Debug)]
pub struct Verifier {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// By name: a maildir without flags, eml with its folders.
    Files {
        files: HashMap<String, PathBuf>,
        seen: HashSet<String>,
    },
    Mbox(MboxVerifier),
    Nothing,
}

#[derive(Debug)]
struct MboxVerifier {
    path: PathBuf,
    mbox: File,
    /// Where each content is, readers' fields left out.
    contents: HashMap<[u8; 32], Vec<u64>>,
    /// Where messages begin that nobody has looked for yet.
    offsets: HashSet<u64>,
    /// The places of the receipts looked at.
    looked_for: HashSet<u64>,
}

impl Verifier {
    /// Takes stock of a destination, its path the real one.
    pub fn new(destination: &Destination) -> Result<Self, Error> {
        let kind = match destination {
            Destination::Maildir(_) | Destination::Eml(_) => Kind::Files {
                files: files_of(destination)?,
                seen: HashSet::new(),
            },
            Destination::Mbox(path) => Kind::Mbox(MboxVerifier::new(path)?),
            Destination::Pipe(_) | Destination::Stdout => Kind::Nothing,
        };
        Ok(Self { kind })
    }

    /// Looks for the message a receipt speaks of.
    pub fn look_for(&mut self, receipt: &Receipt) -> Result<Finding, Error> {
        match (&mut self.kind, &receipt.place) {
            (_, Place::Nowhere) | (Kind::Nothing, _) => Ok(Finding::Nowhere),
            (Kind::Files { files, seen }, Place::Name(name)) => {
                if !seen.insert(name.clone()) {
                    return Ok(Finding::Again);
                }
                let Some(path) = files.get(name) else {
                    return Ok(Finding::Missing);
                };
                let path = path.clone();
                Ok(
                    if is_intact(&path, receipt.stored_octets, &receipt.sha256)? {
                        Finding::Intact { path }
                    } else {
                        Finding::Changed { path }
                    },
                )
            }
            (Kind::Mbox(mbox), Place::Range { offset, .. }) => {
                if mbox.looked_for.insert(*offset) {
                    mbox.look_for(receipt)
                } else {
                    Ok(Finding::Again)
                }
            }
            (Kind::Files { .. }, Place::Range { .. }) | (Kind::Mbox(_), Place::Name(_)) => {
                Ok(Finding::Missing)
            }
        }
    }

    /// Looks once more for a message that is missing, when all others have been looked for: whatever
    /// begins at its place in an mbox now is what became of it.
    pub fn look_again_for(&mut self, receipt: &Receipt) -> Finding {
        if let (Kind::Mbox(mbox), Place::Range { offset, .. }) = (&mut self.kind, &receipt.place)
            && mbox.offsets.remove(offset)
        {
            let path = mbox.path.clone();
            return Finding::Changed { path };
        }
        Finding::Missing
    }

    /// What is there and was not looked for, in order.
    pub fn extra(self) -> Vec<Extra> {
        let mut extra: Vec<Extra> = match self.kind {
            Kind::Files { mut files, seen } => {
                files.retain(|name, _| !seen.contains(name));
                files
                    .into_values()
                    .map(|path| Extra { path, offset: None })
                    .collect()
            }
            Kind::Mbox(MboxVerifier { path, offsets, .. }) => offsets
                .into_iter()
                .map(|offset| Extra {
                    path: path.clone(),
                    offset: Some(offset),
                })
                .collect(),
            Kind::Nothing => Vec::new(),
        };
        extra.sort();
        extra
    }
}

impl MboxVerifier {
    fn new(path: &Path) -> Result<Self, Error> {
        let mbox = File::open(path).map_err(Error::io("opening", path))?;
        let mut contents: HashMap<[u8; 32], Vec<u64>> = HashMap::new();
        let mut offsets = HashSet::new();
        for found in mbox::contents(path)? {
            for sha256 in found.content.hashes() {
                contents.entry(sha256).or_default().push(found.offset);
            }
            offsets.insert(found.offset);
        }
        Ok(Self {
            path: path.to_owned(),
            mbox,
            contents,
            offsets,
            looked_for: HashSet::new(),
        })
    }

    /// At its place, or elsewhere with at most what readers change.
    fn look_for(&mut self, receipt: &Receipt) -> Result<Finding, Error> {
        let path = self.path.clone();
        if let Place::Range { offset, .. } = receipt.place
            && mbox::is_at_place(&self.mbox, receipt).map_err(Error::io("reading", &path))?
            && self.offsets.remove(&offset)
        {
            return Ok(Finding::Intact { path });
        }
        let offsets = self.contents.get(&receipt.sha256).into_iter().flatten();
        for offset in offsets {
            if self.offsets.remove(offset) {
                return Ok(Finding::Intact { path });
            }
        }
        Ok(Finding::Missing)
    }
}

/// Finds the files that receipts name, for a destination that has a file for each message.
#[derive(Debug)]
pub struct StoredFiles {
    destination: Destination,
    /// By name without flags, for a maildir; in an eml folder the name is the path.
    files: HashMap<String, PathBuf>,
}

impl StoredFiles {
    /// Takes stock of a destination.
    pub fn new(destination: &Destination) -> Result<Self, Error> {
        let files = match destination {
            Destination::Maildir(_) => files_of(destination)?,
            Destination::Eml(_)
            | Destination::Mbox(_)
            | Destination::Pipe(_)
            | Destination::Stdout => HashMap::new(),
        };
        Ok(Self {
            destination: destination.clone(),
            files,
        })
    }

    /// Whether the message of a receipt is in the file that the receipt names, octet for octet.
    pub fn holds(&mut self, receipt: &Receipt) -> Result<bool, Error> {
        let Place::Name(name) = &receipt.place else {
            return Ok(false);
        };
        let path = match &self.destination {
            Destination::Maildir(_) => self.in_maildir(name)?,
            Destination::Eml(path) => Some(path.join(name)),
            Destination::Mbox(_) | Destination::Pipe(_) | Destination::Stdout => None,
        };
        path.map_or(Ok(false), |path| {
            is_intact(&path, receipt.stored_octets, &receipt.sha256)
        })
    }

    fn in_maildir(&mut self, name: &str) -> Result<Option<PathBuf>, Error> {
        // A reader may have moved it to `cur/`, or changed its flags, since we looked.
        if self.files.get(name).is_some_and(|path| !path.exists()) {
            self.files = files_of(&self.destination)?;
        }
        Ok(self.files.get(name).cloned())
    }
}
