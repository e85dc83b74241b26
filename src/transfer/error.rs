//! Why a run ended early.

use std::fmt;
use std::time::Duration;

use crate::client::Wait;
use crate::protocol::MessageNumber;
use crate::{client, store};

/// Why a run ended early: whose fault it was, kept as that room tells it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The server, the line, or what was asked of them.
    Client(client::Error),
    /// The server, or the line, while messages were being retrieved.
    Retrieving(client::Error),
    /// The local disk, or what was asked of it.
    Store(store::Error),
    /// The password or token could not be had; the text names no secret.
    Credentials(Box<dyn std::error::Error + Send + Sync>),
    /// Nearly all unique-ids are new to the journal while the messages look the same: the server
    /// was probably moved.
    NewUniqueIds {
        /// Receipts whose unique-id is no longer listed.
        vanished: u64,
        /// Listed messages without a receipt.
        unknown: u64,
    },
    /// A message grew beyond the bound while it came in, and the line was given up over it.
    MessageTooLong {
        /// The bound.
        octets_max: u64,
    },
    /// The pause before the next session is longer than the run may take.
    PauseTooLong {
        /// The pause.
        pause: Duration,
        /// What the next session was to make up for; none where that is told of a message already, or
        /// where one batch was to follow another.
        cause: Option<Box<Error>>,
    },
    /// A line was lost, and there was no way to the server any more.
    WayLost(client::Error),
    /// The committing thread ended without a word: a bug.
    CommitEnded,
    /// The server did not confirm deletions that were asked for.
    DeletionUnconfirmed(client::Error),
}

impl Error {
    /// Whether another session may go on where this one stopped, at a server that was reached
    /// before.
    pub(super) fn another_session_may_help(&self) -> bool {
        match self {
            Self::Client(error) => {
                is_line_drop(error) || is_out_of_reach(error) || is_try_later(error)
            }
            Self::Retrieving(error) => !matches!(
                error,
                client::Error::Stopped | client::Error::Deadline(Wait::WholeRun)
            ),
            Self::MessageTooLong { .. } => true,
            Self::Store(_)
            | Self::Credentials(_)
            | Self::NewUniqueIds { .. }
            | Self::PauseTooLong { .. }
            | Self::WayLost(_)
            | Self::CommitEnded
            | Self::DeletionUnconfirmed(_) => false,
        }
    }

    /// See [`client::Error::message_with_more_behind`].
    pub(super) fn message_with_more_behind(&self) -> Option<MessageNumber> {
        let (Self::Client(error) | Self::Retrieving(error) | Self::DeletionUnconfirmed(error)) =
            self
        else {
            return None;
        };
        error.message_with_more_behind()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) | Self::Retrieving(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Credentials(error) => error.fmt(f),
            Self::NewUniqueIds { vanished, unknown } => write!(
                f,
                "the server lists {unknown} unknown unique-ids, {vanished} known ones are gone, \
                 and the sizes are alike: the mailbox seems to have been moved"
            ),
            Self::MessageTooLong { octets_max } => {
                write!(f, "a message is longer than {octets_max} octets")
            }
            Self::PauseTooLong { pause, cause } => {
                if let Some(cause) = cause {
                    write!(f, "{cause}; ")?;
                }
                let is_more = pause.subsec_nanos() > 0;
                let seconds = pause.as_secs().saturating_add(u64::from(is_more));
                write!(
                    f,
                    "the next session may begin in {seconds} s only, and the run is over by then"
                )
            }
            Self::WayLost(error) => {
                write!(f, "the line was lost and could not be made anew: {error}")
            }
            Self::CommitEnded => f.write_str("the committing thread ended without a word"),
            Self::DeletionUnconfirmed(error) => {
                write!(f, "the server did not confirm the deletions: {error}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Client(error)
            | Self::Retrieving(error)
            | Self::WayLost(error)
            | Self::DeletionUnconfirmed(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Credentials(error) => Some(error.as_ref()),
            Self::PauseTooLong { cause, .. } => Some(cause.as_deref()?),
            Self::NewUniqueIds { .. } | Self::MessageTooLong { .. } | Self::CommitEnded => None,
        }
    }
}

impl From<client::Error> for Error {
    fn from(error: client::Error) -> Self {
        Self::Client(error)
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

/// Whether the session ended by no fault of what was asked.
pub(super) fn is_line_drop(error: &client::Error) -> bool {
    if let client::Error::Deadline(wait) = error {
        return *wait != Wait::WholeRun;
    }
    matches!(
        error,
        client::Error::Io { .. } | client::Error::CommandsLost(_) | client::Error::OutOfStep
    )
}

/// Whether the line was closed, and not only silent.
pub(super) fn is_hang_up(error: &client::Error) -> bool {
    if let client::Error::CommandsLost(cause) = error {
        return is_hang_up(cause);
    }
    matches!(error, client::Error::Io { .. })
}

/// Whether there is no way to the server. That it cannot be connected to is as a dropped line.
pub(super) fn is_out_of_reach(error: &client::Error) -> bool {
    matches!(
        error,
        client::Error::UnknownHost { .. } | client::Error::Proxy { .. }
    )
}

fn is_try_later(error: &client::Error) -> bool {
    if let client::Error::LoginRefused(login) = error {
        return login.refusal.try_later();
    }
    if let client::Error::Refused { refusal, .. } | client::Error::Unwelcome(refusal) = error {
        return refusal.try_later();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_that_is_too_long_is_told_with_what_it_was_for() {
        for (milliseconds, cause, expected) in [
            (
                3_000,
                None,
                "the next session may begin in 3 s only, and the run is over by then",
            ),
            (
                500,
                Some(Error::Client(client::Error::Deadline(Wait::Data))),
                "waiting for more of a multi-line answer took too long; the next session may begin \
                 in 1 s only, and the run is over by then",
            ),
        ] {
            let pause = Duration::from_millis(milliseconds);
            let cause = cause.map(Box::new);
            let told = Error::PauseTooLong { pause, cause }.to_string();
            assert_eq!(told, expected);
        }
    }
}
