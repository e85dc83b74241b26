//! Where mail goes, as the user calls it.

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
    /// which is a maildir; `~/` is the home folder. A bare path with a colon in its first part
    /// begins with `./`.
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
            // A slip of the pen would become the name of a maildir.
            Some((kind, _)) if is_a_word(kind) => Err(BadDestination::UnknownKind),
            Some(_) | None if text == "-" => Ok(Self::Stdout),
            Some(_) | None => expand(text).map(Self::Maildir),
        }
    }

    /// The file or folder; none where mail goes elsewhere.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Maildir(path) | Self::Mbox(path) | Self::Eml(path) => Some(path),
            Self::Pipe(_) | Self::Stdout => None,
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

fn is_a_word(text: &str) -> bool {
    let in_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '+';
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(in_word)
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

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::Destination;
    use crate::store::error::BadDestination;

    #[test]
    fn destinations() {
        let maildir = |path: &str| Ok(Destination::Maildir(PathBuf::from(path)));
        for (text, expected) in [
            ("maildir:a", maildir("a")),
            ("mbox:a", Ok(Destination::Mbox(PathBuf::from("a")))),
            ("eml:~/a", Ok(Destination::Eml(PathBuf::from("/u/me/a")))),
            (
                "pipe:cat >> a:b",
                Ok(Destination::Pipe("cat >> a:b".to_owned())),
            ),
            ("-", Ok(Destination::Stdout)),
            ("a", maildir("a")),
            ("~/a", maildir("/u/me/a")),
            ("~me/a", maildir("~me/a")),
            ("./mail:old", maildir("./mail:old")),
            ("/srv/mail:old", maildir("/srv/mail:old")),
            ("demo@[::1]", maildir("demo@[::1]")),
            ("mail:old", Err(BadDestination::UnknownKind)),
            ("Maildir:a", Err(BadDestination::UnknownKind)),
            ("maildir:", Err(BadDestination::Empty)),
            ("pipe:", Err(BadDestination::Empty)),
            ("", Err(BadDestination::Empty)),
        ] {
            let found = Destination::parse(text, Some(Path::new("/u/me")));
            assert_eq!(found, expected, "{text:?}");
        }
        assert_eq!(Destination::parse("~/a", None), Err(BadDestination::NoHome));
    }
}
