//! How a message gets into a destination: staged by the thread that retrieves it, delivered in
//! batches by the thread that owns the journal.

use std::any::Any;
use std::fmt;

use super::error::Error;
use super::journal::{AccountId, Journal, Place, Receipt, ReceiptId};
use crate::protocol::UniqueId;

/// The retrieving thread's half of a destination: it takes messages in and never delivers.
pub trait Stage: Send {
    /// A message begins.
    fn begin(&mut self, arriving: &Arriving) -> Result<(), Error>;

    /// Octets of it as the server sent them, CRLF and all, cut anywhere.
    fn write(&mut self, octets: &[u8]) -> Result<(), Error>;

    /// It is whole.
    fn finish(&mut self) -> Result<Staged, Error>;

    /// It will never be whole, or is not wanted: it goes without a trace.
    fn abandon(&mut self) -> Result<(), Error>;

    /// A message that was finished is not wanted after all.
    fn discard(&mut self, staged: Staged) -> Result<(), Error>;

    /// Enough is staged: end the batch now.
    fn is_full(&self) -> bool;

    /// The batch ends here: what was finished since the last end goes to [`Commit::deliver`] at
    /// once and whole. A second batch may be staged meanwhile, a third waits.
    fn end_batch(&mut self) -> Result<(), Error>;
}

/// The committing thread's half of a destination, the journal's only writer.
pub trait Commit: Send {
    /// Delivers one batch: syncs it, writes the intents, moves it into place, writes the
    /// receipts. When it returns, messages and names are durable; the receipts are once the
    /// journal is synced.
    fn deliver(
        &mut self,
        journal: &mut Journal,
        batch: Vec<Delivery>,
    ) -> Result<Vec<Delivered>, Error>;

    /// Ends what an earlier run left half done, rolling forward, and removes what only a run that
    /// died can have left; called once, before anything is staged.
    fn replay(&mut self, journal: &mut Journal) -> Result<Replayed, Error>;

    /// What the user should hear of since this was last asked.
    fn take_warnings(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// What is known of a message when it begins to arrive.
#[derive(Clone, Debug, Default)]
pub struct Arriving {
    /// It is the only message this run will bring: standard output then shows it as it is, several
    /// as an mbox.
    pub alone: bool,
}

/// A whole message that is put aside.
pub struct Staged {
    /// Octets as they will be stored.
    pub stored_octets: u64,
    /// SHA-256 of the message as it will be stored; see [`Receipt::sha256`].
    pub sha256: [u8; 32],
    /// What the destination's other half needs to find it.
    pub keeping: Box<dyn Any + Send>,
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged")
            .field("stored_octets", &self.stored_octets)
            .finish_non_exhaustive()
    }
}

/// A staged message and whose it is.
#[derive(Debug)]
pub struct Delivery {
    /// The message.
    pub staged: Staged,
    /// The maildrop it comes from.
    pub account: AccountId,
    /// What the server calls it, if it has unique-ids.
    pub unique_id: Option<UniqueId>,
    /// Its size as LIST told it.
    pub listed_octets: Option<u64>,
    /// See [`Receipt::suspect`].
    pub suspect: bool,
}

impl Delivery {
    /// The receipt it will get, its place still open, and what the stage kept for delivering it.
    pub fn into_receipt(self, time_seconds: i64) -> (Receipt, Box<dyn Any + Send>) {
        let receipt = Receipt {
            account: self.account,
            unique_id: self.unique_id,
            listed_octets: self.listed_octets,
            stored_octets: self.staged.stored_octets,
            sha256: self.staged.sha256,
            place: Place::Nowhere,
            time_seconds,
            suspect: self.suspect,
        };
        (receipt, self.staged.keeping)
    }
}

/// A message that is durable.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// Its receipt's place in the journal.
    pub id: ReceiptId,
    /// Its receipt.
    pub receipt: Receipt,
}

/// What replay did.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// Messages whose delivery it completed.
    pub delivered: Vec<Delivered>,
    /// How many intents came to nothing: those messages are new again.
    pub voided: usize,
}
