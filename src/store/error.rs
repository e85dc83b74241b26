//! What can go wrong on the local side.

use std::error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::lock::Holder;

/// Why a store cannot be opened, or why something was not stored.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused; nothing that was not synced before counts as stored.
    Io {
        /// What was being done, as in `syncing`.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another run has the destination.
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who has it, as far as the lock file tells.
        holder: Option<Holder>,
    },
    /// Another mail program has the mbox, and kept it until our patience ended.
    MboxLocked {
        /// The mbox.
        path: PathBuf,
        /// Who has it, as far as one can tell.
        holder: Option<String>,
    },
    /// DEST is no destination.
    BadDestination(BadDestination),
    /// DEST is not there and cannot be made, or is something else.
    CannotCreate {
        /// The destination.
        path: PathBuf,
        /// Why not.
        why: CannotCreate,
    },
    /// The folder holds messages we stored, but no journal that speaks of them.
    JournalMissing {
        /// The destination.
        path: PathBuf,
        /// Where the journal should be.
        journal: PathBuf,
    },
    /// The journal is not what was written.
    Damaged {
        /// The journal.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        why: Damage,
    },
    /// An append or sync failed before, so the journal takes nothing more in this run.
    JournalClosed {
        /// The journal.
        path: PathBuf,
    },
    /// The other half of the destination has ended, for a reason of its own.
    Stopped,
    /// The program that mail is piped into did not take a message.
    Child {
        /// The command line.
        command: String,
        /// How it ended.
        outcome: ChildOutcome,
    },
}

/// Why DEST is no destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadDestination {
    /// Nothing stands behind the kind.
    Empty,
    /// What stands in front of the first colon is no kind.
    UnknownKind,
    /// `~/` with no home folder known.
    NoHome,
}

/// Why a destination cannot be made.
#[derive(Debug)]
pub enum CannotCreate {
    /// The folder that should hold it is missing: perhaps a disk that is not mounted.
    NoParent,
    /// There is something of another kind.
    OtherKind {
        /// What should be there.
        expected: &'static str,
    },
    /// The system's own reason.
    Io(io::Error),
}

/// What is wrong with a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// A line that was known to be on disk does not match its checksum.
    Checksum,
    /// The first line is not that of a journal.
    NotAJournal,
    /// A newer popfetch wrote it.
    Version,
    /// A line is whole but speaks of something that is not there.
    Dangling,
}

/// How a child process ended other than well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildOutcome {
    /// It could not be started.
    NotStarted(String),
    /// It ended with this status.
    Status(i32),
    /// A signal ended it.
    Signal(i32),
    /// It did not end in time and was killed.
    Deadline,
}

impl ChildOutcome {
    /// `EX_TEMPFAIL` of sysexits.h: the status by which a program says that it may work later.
    pub const TRY_LATER: i32 = 75;
}

impl Error {
    /// Turns what the system said into an error that names the file; for `map_err`.
    pub fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, .. } => write!(f, "{doing} {}", path.display()),
            Self::Locked { path, holder } => {
                write!(f, "another run holds {}", path.display())?;
                match holder {
                    Some(holder) => write!(f, ": {holder}"),
                    None => Ok(()),
                }
            }
            Self::MboxLocked { path, holder } => {
                write!(f, "another program holds {}", path.display())?;
                match holder {
                    Some(holder) => write!(f, ": {holder}"),
                    None => Ok(()),
                }
            }
            Self::BadDestination(why) => why.fmt(f),
            Self::CannotCreate { path, why } => {
                write!(f, "cannot create {}: {why}", path.display())
            }
            Self::JournalMissing { path, journal } => write!(
                f,
                "{} holds messages popfetch stored, but the journal {} is missing",
                path.display(),
                journal.display()
            ),
            Self::Damaged { path, line, why } => {
                write!(f, "{}, line {line}: {why}", path.display())
            }
            Self::JournalClosed { path } => write!(
                f,
                "{} takes nothing more in this run, since writing it failed",
                path.display()
            ),
            Self::Stopped => f.write_str("delivery has stopped"),
            Self::Child { command, outcome } => write!(f, "`{command}` {outcome}"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Locked { .. }
            | Self::MboxLocked { .. }
            | Self::BadDestination(_)
            | Self::CannotCreate { .. }
            | Self::JournalMissing { .. }
            | Self::Damaged { .. }
            | Self::JournalClosed { .. }
            | Self::Stopped
            | Self::Child { .. } => None,
        }
    }
}

impl fmt::Display for BadDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the destination is empty",
            Self::UnknownKind => "the destination is of no known kind",
            Self::NoHome => "the destination begins with `~/`, but no home folder is known",
        })
    }
}

impl fmt::Display for CannotCreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoParent => f.write_str("the folder that should hold it is missing"),
            Self::OtherKind { expected } => write!(f, "it is there, but is not {expected}"),
            Self::Io(source) => source.fmt(f),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checksum => "the line was written whole once and is damaged now",
            Self::NotAJournal => "this is not a popfetch journal",
            Self::Version => "a newer popfetch wrote this journal",
            Self::Dangling => "the line speaks of a line that is not there",
        })
    }
}

impl fmt::Display for ChildOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(why) => write!(f, "could not be started: {why}"),
            Self::Status(status) => write!(f, "ended with status {status}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::Deadline => f.write_str("did not end in time and was killed"),
        }
    }
}
