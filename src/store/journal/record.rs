//! What a journal can say.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use crate::protocol::UniqueId;

/// Names one journal for good: in its first line, in its checksums, in the names of what a store
/// puts aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JournalId(pub(in crate::store) u64);

impl fmt::Display for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// An account's number within one journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub(super) u16);

impl AccountId {
    /// Nobody's: the account of messages found in a folder whose journal was lost.
    pub const ADOPTED: Self = Self(0);
}

/// Who a maildrop belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// As the server knows it.
    Login {
        /// The user, as the server spells it.
        user: String,
        /// The host, in lower case.
        host: String,
        /// The port.
        port: u16,
    },
    /// A name of the user's own choice, whatever the server is called today (`account-id`).
    Named(String),
}

/// Where a receipt or an intent stands in its journal. It holds until the journal is opened
/// again, since compaction moves lines, but only then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptId(pub(super) u64);

/// The proof that a message is stored; before that, the intent to store it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Whose message it is.
    pub account: AccountId,
    /// What the server calls it; none where it has no unique-ids.
    pub unique_id: Option<UniqueId>,
    /// Its size as LIST told it, if it made sense.
    pub listed_octets: Option<u64>,
    /// Octets of the message as it is stored.
    pub stored_octets: u64,
    /// SHA-256 of the message as it is stored; of a message in an mbox, without the `From_` line
    /// and the quoting, so that it does not change with place and time.
    pub sha256: [u8; 32],
    /// Where it is.
    pub place: Place,
    /// When it was stored, in seconds since 1970.
    pub time_seconds: i64,
    /// The server's answer was odd enough that the message may not be whole.
    pub suspect: bool,
}

/// What is kept in memory of a receipt, or goes into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gist<'a> {
    pub(super) account: AccountId,
    pub(super) unique_id: Option<Cow<'a, [u8]>>,
    pub(super) listed_octets: Option<u64>,
    pub(super) sha256: [u8; 32],
    pub(super) time_seconds: i64,
    pub(super) suspect: bool,
}

/// The end of an intent.
#[derive(Clone, Debug)]
pub struct Fulfilled {
    /// Which intent.
    pub intent: ReceiptId,
    /// Where the message went, when it is not where the intent said.
    pub place: Option<Place>,
}

impl Fulfilled {
    /// The message is where the intent said.
    pub fn as_intended(intent: ReceiptId) -> Self {
        Self {
            intent,
            place: None,
        }
    }
}

/// Where in a destination a message is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The file of this name: in a maildir, what stands in front of the `:` of its name in `new/`
    /// or `cur/`; in an eml folder, all of it.
    Name(String),
    /// From this offset of an mbox on, its `From_` line and closing empty line included.
    Range {
        /// Where it begins.
        offset: u64,
        /// How long it is there.
        octets: u64,
    },
    /// Nowhere we could look: piped, written to standard output, or never fetched at all.
    Nowhere,
}

/// Whether the server was told to delete a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeleteState {
    /// Not by us.
    #[default]
    None,
    /// A DELE was, or was about to be, sent; whether it took effect is unknown.
    Asked,
    /// The QUIT of the DELE's own session was answered with +OK.
    Confirmed,
}

/// What the end of an mbox is to be, put aside while it is cut and written again: messages of ours,
/// the first of which is there as a fragment, and the mail of others behind that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// Where our fragment begins.
    pub offset: u64,
    /// How much of the fragment was there.
    pub fragment_octets: u64,
    /// How much of the end is to be messages of ours.
    pub ours_octets: u64,
    /// How long the side file is that holds the end.
    pub tail_octets: u64,
    /// Its SHA-256.
    pub tail_sha256: [u8; 32],
    /// The name of that file.
    pub side_file: String,
}

/// What the plan needs to know of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which one.
    pub id: ReceiptId,
    /// The size LIST told.
    pub listed_octets: Option<u64>,
    /// When it was stored, in seconds since 1970.
    pub time_seconds: i64,
    /// See [`Receipt::suspect`].
    pub suspect: bool,
    /// Whether the server was told to delete it.
    pub delete: DeleteState,
    /// Tells contents apart; two receipts of one message have the same.
    pub(super) content: u32,
}

impl Held {
    /// Whether it only says that the message is not to be fetched. The few receipts of real
    /// messages that look the same (one in 2^32) are merely kept on the server.
    pub fn is_marked(&self) -> bool {
        self.content == 0
    }
}

impl Receipt {
    /// The receipt of a message that counts as stored though it never was: it is not fetched, and
    /// not deleted either.
    pub fn marked(
        account: AccountId,
        unique_id: UniqueId,
        listed_octets: Option<u64>,
        time_seconds: i64,
    ) -> Self {
        Self {
            account,
            unique_id: Some(unique_id),
            listed_octets,
            stored_octets: 0,
            sha256: [0; 32],
            place: Place::Nowhere,
            time_seconds,
            suspect: false,
        }
    }
}

/// What the journal holds of one unique-id of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    oldest: Held,
    /// The oldest of them first; next to always none.
    later: Vec<Held>,
}

impl Known {
    /// Of receipts in any order; `None` if there are none.
    pub(crate) fn of(receipts: impl IntoIterator<Item = Held>) -> Option<Self> {
        let mut receipts = receipts.into_iter();
        let mut oldest = receipts.next()?;
        let mut later: Vec<Held> = receipts.collect();
        for held in &mut later {
            if held.id < oldest.id {
                std::mem::swap(held, &mut oldest);
            }
        }
        later.sort_unstable_by_key(|held| held.id);
        Some(Self { oldest, later })
    }

    /// The receipts, the oldest first.
    pub fn receipts(&self) -> impl Iterator<Item = &Held> {
        std::iter::once(&self.oldest).chain(&self.later)
    }

    /// How many different messages this unique-id is known to stand for: as many as there are
    /// contents. Where they were never fetched, each has a receipt that says so; any of those may
    /// be of a message that was fetched after all.
    pub fn messages(&self) -> usize {
        let (marked, stored): (Vec<&Held>, Vec<&Held>) =
            self.receipts().partition(|held| held.is_marked());
        let contents: HashSet<u32> = stored.iter().map(|held| held.content).collect();
        contents.len().max(marked.len())
    }

    /// The newest receipt.
    pub fn newest(&self) -> &Held {
        self.later.last().unwrap_or(&self.oldest)
    }

    /// Whether the server was told to delete what was stored last.
    pub fn delete(&self) -> DeleteState {
        self.newest().delete
    }

    /// None of the receipts is of a message that was stored.
    pub fn is_only_marked(&self) -> bool {
        self.receipts().all(Held::is_marked)
    }

    /// One of the receipts is of a message that may not be whole.
    pub fn suspect(&self) -> bool {
        self.receipts().any(|held| held.suspect)
    }
}

#[cfg(test)]
impl Held {
    /// A receipt as the tests of other rooms need it; contents of different numbers differ.
    pub(crate) fn sample(listed_octets: Option<u64>, time_seconds: i64, content: u32) -> Self {
        Self {
            id: ReceiptId(u64::from(content)),
            listed_octets,
            time_seconds,
            suspect: false,
            delete: DeleteState::None,
            content,
        }
    }
}
