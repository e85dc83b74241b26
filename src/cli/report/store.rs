//! What went wrong on the local side, in words.

use std::io;

use crate::cli::failure::{Failure, Kind};
use crate::protocol::text::escape;
use crate::store::{BadDestination, CannotCreate, ChildOutcome, Damage, Error};

/// What to do where a folder is named for a file.
const IN_FOLDER: &str = "this is a folder; name a file in it";

/// What went wrong on the local side.
pub(crate) fn of_store(error: &Error) -> Failure {
    let failure = |kind| Failure::new(kind, escape(&error.to_string()));
    match error {
        Error::Io { source, .. } => {
            let failure = Failure::new(Kind::LocalIo, escape(&format!("{error}: {source}")));
            failure.optional_hint(hint_of_io(source))
        }
        Error::Locked { .. } => failure(Kind::Locked)
            .hint("wait until the other run is done; its lock goes with its process"),
        Error::MboxLocked { .. } => {
            failure(Kind::Locked).hint("wait until the other program is done with the mbox")
        }
        Error::BadDestination(BadDestination::UnknownKind) => failure(Kind::Usage).hint(
            "write maildir:PATH, mbox:PATH, eml:DIR, pipe:COMMAND or -; a maildir with a colon in \
             its name is written ./NAME",
        ),
        Error::BadDestination(_) => {
            failure(Kind::Usage).hint("write maildir:PATH, mbox:PATH, eml:DIR, pipe:COMMAND or -")
        }
        Error::CannotCreate { why, .. } => failure(Kind::CannotCreate).hint(match why {
            CannotCreate::NoParent => {
                "make the folder above it, or see that its disk is mounted; only the destination \
                 itself is ever made"
            }
            CannotCreate::OtherKind { .. } => {
                "name another place by --to, or another kind: maildir:PATH, mbox:PATH, eml:DIR"
            }
            CannotCreate::Io(source) if source.kind() == io::ErrorKind::IsADirectory => IN_FOLDER,
            CannotCreate::Io(_) => "see that the folder above it is yours to write to",
        }),
        Error::JournalMissing { .. } => failure(Kind::CannotCreate).hint(
            "bring the journal back, or name it by --journal where it is elsewhere; or begin a new \
             one by fetch --adopt, which stores nothing twice that is in there",
        ),
        Error::Damaged {
            why: Damage::NotAJournal,
            ..
        } => failure(Kind::LocalIo).hint(
            "popfetch did not write this file and leaves it alone: name another one by --journal; \
             or, where the journal stood here, bring it back from a backup",
        ),
        Error::Damaged { .. } => failure(Kind::LocalIo).hint(
            "bring the journal back from a backup; or move it away and begin a new one by fetch \
             --adopt, which stores nothing twice that is in there",
        ),
        Error::Child { outcome, .. } => of_child(outcome, failure),
        Error::Stopped => failure(Kind::Interrupted),
        Error::JournalClosed { .. } => failure(Kind::LocalIo),
    }
}

fn of_child(outcome: &ChildOutcome, failure: impl Fn(Kind) -> Failure) -> Failure {
    match outcome {
        ChildOutcome::Status(ChildOutcome::TRY_LATER) => {
            failure(Kind::TryLater).hint("the command asks to try again later")
        }
        ChildOutcome::Deadline => failure(Kind::TryLater).hint(
            "--timeout is how long the command may take for one message; it is tried again later",
        ),
        ChildOutcome::NotStarted(_) => {
            failure(Kind::LocalIo).hint("see that the command behind pipe: can be run")
        }
        ChildOutcome::Status(_) | ChildOutcome::Signal(_) => {
            failure(Kind::Partial).hint("the message stays new and is tried again by the next run")
        }
    }
}

fn hint_of_io(error: &io::Error) -> Option<&'static str> {
    let kind = error.kind();
    if matches!(
        kind,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    ) {
        Some("make room; the messages stay on the server and are fetched by the next run")
    } else if kind == io::ErrorKind::PermissionDenied {
        Some("see that the file and its folder are yours")
    } else if kind == io::ErrorKind::IsADirectory {
        Some(IN_FOLDER)
    } else if kind == io::ErrorKind::ReadOnlyFilesystem {
        Some("the file system is mounted read-only")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let child = |outcome| Error::Child {
            command: "c".to_owned(),
            outcome,
        };
        let create = |why| Error::CannotCreate {
            path: "p".into(),
            why,
        };
        for (error, status) in [
            (
                Error::Io {
                    doing: "syncing",
                    path: "p".into(),
                    source: io::Error::from(io::ErrorKind::StorageFull),
                },
                74,
            ),
            (
                Error::Locked {
                    path: "p".into(),
                    holder: None,
                },
                75,
            ),
            (
                Error::MboxLocked {
                    path: "p".into(),
                    holder: None,
                },
                75,
            ),
            (Error::BadDestination(BadDestination::Empty), 64),
            (create(CannotCreate::NoParent), 73),
            (
                create(CannotCreate::OtherKind {
                    expected: "a folder",
                }),
                73,
            ),
            (
                Error::JournalMissing {
                    path: "p".into(),
                    journal: "j".into(),
                },
                73,
            ),
            (
                Error::Damaged {
                    path: "p".into(),
                    line: 1,
                    why: Damage::Checksum,
                },
                74,
            ),
            (child(ChildOutcome::Status(75)), 75),
            (child(ChildOutcome::Status(1)), 1),
            (child(ChildOutcome::Deadline), 75),
        ] {
            assert_eq!(of_store(&error).kind.exit_status(), status, "{error}");
        }
    }

    #[test]
    fn names_that_act_on_a_terminal_are_made_safe() {
        let error = Error::Locked {
            path: "\x1b[31m".into(),
            holder: None,
        };
        assert!(of_store(&error).message.contains("\\x1b[31m"));
    }
}
