//! What a run tells of itself while it goes on. Nothing below `cli` prints.

use std::path::Path;
use std::time::Duration;

use crate::client::{ServerFacts, Suspicion};
use crate::message::Header;
use crate::protocol::{MessageNumber, Refusal, Row, UniqueIdRef};
use crate::store;

use super::error::Error;
use super::plan::Reason;

/// Listens to a run. Called from the retrieving and from the committing thread.
pub trait Observer: Sync {
    /// Something happened.
    fn notice(&self, event: Event<'_>);
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Login is done.
    LoggedIn(&'a ServerFacts),
    /// The maildrop is listed and the plan is made.
    Planned(Outlook),
    /// So many more octets of message data came in.
    Received {
        /// Octets since the last such event.
        octets: u64,
    },
    /// Something is settled about one message.
    Message(MessageReport<'a>),
    /// The line dropped; the run goes on after a pause.
    Reconnecting {
        /// Why the session ended.
        cause: &'a Error,
        /// How long the run waits before it connects again.
        pause: Duration,
    },
    /// Something the user should know, though the run goes on.
    Warning(Warning),
}

/// What a run has before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Messages in the maildrop.
    pub listed: u64,
    /// Messages to retrieve.
    pub messages: u64,
    /// Their octets, as listed.
    pub octets: u64,
}

/// What is settled about one message.
#[derive(Debug)]
pub struct MessageReport<'a> {
    /// The message-number in this session; none for a delivery that replay completed.
    pub number: Option<MessageNumber>,
    /// Its unique-id, if the server gave one.
    pub unique_id: Option<&'a [u8]>,
    /// Its octets as listed; as stored where the server did not tell.
    pub octets: Option<u64>,
    /// What became of it.
    pub status: Status<'a>,
}

impl<'a> MessageReport<'a> {
    /// Of a message of this session, told as it is listed.
    pub(super) fn of(number: MessageNumber, row: Option<Row<'a>>, status: Status<'a>) -> Self {
        Self {
            number: Some(number),
            unique_id: row.and_then(|row| row.unique_id).map(UniqueIdRef::as_bytes),
            octets: row.and_then(|row| row.octets),
            status,
        }
    }
}

/// What became of a message.
#[derive(Debug)]
pub enum Status<'a> {
    /// Listed, no more.
    Listed {
        /// Whether the journal has a receipt for it; none without a destination.
        stored: Option<bool>,
        /// What its header says, if it was asked.
        header: Option<&'a Header>,
    },
    /// A dry run would do this.
    Planned {
        /// Why; the reason tells the action.
        reason: Reason,
        /// What would become of the message on the server.
        then: Fate,
    },
    /// It is durably stored.
    Stored(Stored<'a>),
    /// It was left where it is.
    Skipped(Reason),
    /// It could not be retrieved or stored.
    Failed(Failure<'a>),
    /// It is no longer there, the server says.
    Gone(&'a Refusal),
    /// It is stored, but may be incomplete: it will not be deleted by us. Why is not known of what
    /// replay completed.
    Suspect(Stored<'a>, Option<Suspicion>),
    /// The server confirmed its deletion.
    Deleted,
}

/// What becomes of a message on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Kept,
    /// It is deleted.
    Deleted,
}

/// Where a message is stored, and what.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// The file; none for a pipe and for stdout.
    pub path: Option<&'a Path>,
    /// Where in the file it begins, for an mbox.
    pub offset: Option<u64>,
    /// The stored octets: line ends and quoting are the destination's.
    pub octets: u64,
    /// SHA-256 of the stored octets.
    pub sha256: [u8; 32],
    /// Whether an earlier run had begun this delivery and it was completed now.
    pub replayed: bool,
}

/// Why a message failed.
#[derive(Debug)]
pub enum Failure<'a> {
    /// The server refused it.
    Refused(&'a Refusal),
    /// The server refused to delete it.
    DeletionRefused(&'a Refusal),
    /// The line dropped at it, twice.
    LineDropped,
    /// It is longer than the bound on a message.
    TooLong {
        /// The bound.
        octets_max: u64,
    },
    /// Its stored file is missing, or is not as it was stored, so that it is not deleted.
    Unproved,
    /// After a lost line it was not listed as it was when it was chosen for deletion, so that it is
    /// kept.
    Changed,
    /// The program it was piped into would not take it.
    Store(&'a store::Error),
}

/// What the user should know, though the run goes on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Warning {
    /// The server lists no unique-ids: every message is retrieved and compared by content.
    NoUniqueIds,
    /// The server says it deletes what was retrieved.
    ExpiresAtOnce,
    /// The server counts so many messages and lists none.
    NoneListed {
        /// How many STAT claimed.
        claimed: u64,
    },
    /// These new messages are left on the server since they are longer than a message, or all
    /// messages of a run, may be.
    TooLong {
        /// How many.
        messages: u64,
    },
    /// The server refuses TOP, so that conditions on headers cannot be told.
    NoTop,
    /// The same unique-id stands for several messages; none of them is deleted.
    RepeatedUniqueIds {
        /// How many messages share theirs with another.
        messages: u64,
    },
    /// Deletion was asked for, but these messages must stay: they have no unique-id.
    CannotDelete {
        /// How many.
        messages: u64,
    },
    /// A message was chosen by this unique-id, and none has it.
    NoSuchUniqueId(Vec<u8>),
    /// Something the store has to say.
    Store(String),
}

impl Warning {
    /// Whether it tells of a danger to mail, of a repair, or of a wish that cannot be met: worth a
    /// word also where nobody is looking. The others tell what a server is like, each time anew.
    pub fn is_grave(&self) -> bool {
        match self {
            Self::ExpiresAtOnce
            | Self::NoTop
            | Self::NoneListed { .. }
            | Self::TooLong { .. }
            | Self::CannotDelete { .. }
            | Self::NoSuchUniqueId(_)
            | Self::Store(_) => true,
            Self::NoUniqueIds | Self::RepeatedUniqueIds { .. } => false,
        }
    }
}
