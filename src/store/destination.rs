//! Where mail goes: what the user calls it, and which files stand beside it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::BadDestination;
use super::journal::Place;

/// DEST.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// One file a message, in `new/`.
    Maildir(PathBuf),
    /// All messages in one file, quoted the mboxrd way.
    Mbox(PathBuf),
    /// One `.eml` file a message, octets as received.
    Eml(PathBuf),
    /// The standard input of a shell command, once a message.
    Pipe(String),
    /// Standard output.
    Stdout,
}

impl Destination {
    /// Reads DEST: `maildir:PATH`, `mbox:PATH`, `eml:DIR`, `pipe:COMMAND`, `-`, or a bare path,
    /// which is a maildir; `~/` is the home folder.
    pub fn parse(text: &str, home: Option<&Path>) -> Result<Self, BadDestination> {
        let expand = |path: &str| match (path.strip_prefix("~/"), home) {
            _ if path.is_empty() => Err(BadDestination::Empty),
            (None, _) => Ok(PathBuf::from(path)),
            (Some(_), None) => Err(BadDestination::NoHome),
            (Some(rest), Some(home)) => Ok(home.join(rest)),
        };
        match text.split_once(':') {
            Some(("maildir", path)) => expand(path).map(Self::Maildir),
            Some(("mbox", path)) => expand(path).map(Self::Mbox),
            Some(("eml", path)) => expand(path).map(Self::Eml),
            Some(("pipe", "")) => Err(BadDestination::Empty),
            Some(("pipe", command)) => Ok(Self::Pipe(command.to_owned())),
            Some(_) | None if text == "-" => Ok(Self::Stdout),
            Some(_) | None => expand(text).map(Self::Maildir),
        }
    }

    /// The file that holds a message just stored at this place; none where there is no file.
    pub fn path_of(&self, place: &Place) -> Option<PathBuf> {
        match (self, place) {
            (Self::Maildir(folder), Place::Name(name)) => Some(folder.join("new").join(name)),
            (Self::Eml(folder), Place::Name(name)) => Some(folder.join(name)),
            (Self::Mbox(file), Place::Range { .. }) => Some(file.clone()),
            _ => None,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Maildir(path) => write!(f, "maildir:{}", path.display()),
            Self::Mbox(path) => write!(f, "mbox:{}", path.display()),
            Self::Eml(path) => write!(f, "eml:{}", path.display()),
            Self::Pipe(command) => write!(f, "pipe:{command}"),
            Self::Stdout => f.write_str("-"),
        }
    }
}
