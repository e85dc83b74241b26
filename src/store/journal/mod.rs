//! What is stored, what is about to be, and what the server was told: the journal.
//!
//! An append-only file of text lines, each with a checksum. The words of a line are in `format`,
//! what is kept in memory in `index`, the file itself in `file`.

mod record;

use std::path::Path;

pub use record::{
    AccountId, DeleteState, Header, Held, Identity, JournalId, Known, Place, Receipt, ReceiptId,
    Repair,
};

use super::durable::Disk;
use super::error::Error;
use crate::protocol::UniqueId;

/// The journal of one destination.
#[derive(Debug)]
pub struct Journal {
    id: JournalId,
}

/// The end of an intent.
#[derive(Clone, Debug)]
pub struct Fulfilled {
    /// Which intent.
    pub intent: ReceiptId,
    /// Where the message went, when it is not where the intent said.
    pub place: Option<Place>,
}

fn missing<T>() -> Result<T, Error> {
    Err(Error::JournalClosed {
        path: "journal".into(),
    })
}

impl Journal {
    /// Loads the journal, or makes one where there is none yet; the caller holds the lock.
    pub fn load_or_create(_disk: &Disk, _path: &Path) -> Result<Self, Error> {
        missing()
    }

    /// Reads the journal as it is, without lock or repair, for looking only: everything that
    /// would write to it fails. None if there is no journal.
    pub fn read_only(_path: &Path) -> Result<Option<Self>, Error> {
        missing()
    }

    /// Its name for good.
    pub fn id(&self) -> JournalId {
        self.id
    }

    /// The number of an account. One that is not known takes over the number of the same user and
    /// host on another port if any unique-id it lists is among that one's receipts.
    ///
    /// Nothing is written before something is written for the account.
    pub fn account(
        &mut self,
        _identity: &Identity,
        _listed: &mut dyn Iterator<Item = &[u8]>,
    ) -> Result<AccountId, Error> {
        missing()
    }

    /// What is stored under a unique-id.
    pub fn known(&self, _account: AccountId, _unique_id: &[u8]) -> Option<Known> {
        None
    }

    /// What is stored, without a unique-id, with just this content.
    pub fn known_content(&self, _account: AccountId, _sha256: &[u8; 32]) -> Option<Known> {
        None
    }

    /// Any receipt for just this content, whosever it is: of the account itself, or adopted. The
    /// first call reads the whole journal.
    pub fn content(
        &mut self,
        _account: AccountId,
        _sha256: &[u8; 32],
    ) -> Result<Option<ReceiptId>, Error> {
        missing()
    }

    /// There are receipts of messages found in a folder without a journal; a message that is
    /// retrieved may be one of them.
    pub fn has_adopted(&self) -> bool {
        false
    }

    /// The receipts of an account with a unique-id that is not listed and no delete asked.
    pub fn vanished(
        &self,
        _account: AccountId,
        _listed: &mut dyn Iterator<Item = &[u8]>,
    ) -> Vec<Held> {
        Vec::new()
    }

    /// A receipt with all that was written of it.
    pub fn receipt(&self, _id: ReceiptId) -> Result<Receipt, Error> {
        missing()
    }

    /// Every receipt, in the order they were written.
    pub fn each_receipt(
        &self,
        _each: &mut dyn FnMut(ReceiptId, Receipt) -> Result<(), Error>,
    ) -> Result<(), Error> {
        missing()
    }

    /// What TOP told about a message before.
    pub fn header(&self, _account: AccountId, _unique_id: &[u8]) -> Result<Option<Header>, Error> {
        missing()
    }

    /// The intents with neither receipt nor void, in the order they were written.
    pub fn open_intents(&self) -> Result<Vec<(ReceiptId, Receipt)>, Error> {
        missing()
    }

    /// The repair that was begun and not ended.
    pub fn open_repair(&self) -> Option<&Repair> {
        None
    }

    /// Writes intents: what will be where. They count once [`Journal::sync`] has returned.
    pub fn intend(&mut self, _receipts: &[Receipt]) -> Result<Vec<ReceiptId>, Error> {
        missing()
    }

    /// Writes the receipts of intents; the messages and their names are durable by now.
    pub fn fulfil(&mut self, _fulfilled: &[Fulfilled]) -> Result<(), Error> {
        missing()
    }

    /// Writes that nothing came of these intents.
    pub fn void(&mut self, _intents: &[ReceiptId]) -> Result<(), Error> {
        missing()
    }

    /// Writes receipts that no intent went before.
    pub fn record(&mut self, _receipts: &[Receipt]) -> Result<Vec<ReceiptId>, Error> {
        missing()
    }

    /// Writes that DELE is about to be sent.
    pub fn ask_delete(&mut self, _account: AccountId, _ids: &[&UniqueId]) -> Result<(), Error> {
        missing()
    }

    /// Writes that the session that asked ended with +OK.
    pub fn confirm_delete(
        &mut self,
        _account: AccountId,
        _ids: &[&UniqueId],
        _now_seconds: i64,
    ) -> Result<(), Error> {
        missing()
    }

    /// Writes what TOP told.
    pub fn note_header(
        &mut self,
        _account: AccountId,
        _unique_id: &UniqueId,
        _header: &Header,
    ) -> Result<(), Error> {
        missing()
    }

    /// Takes note of a complete listing, at most once a day, so that compaction can tell which
    /// deleted messages the server has long forgotten.
    pub fn note_listing(
        &mut self,
        _account: AccountId,
        _listed: &mut dyn Iterator<Item = &[u8]>,
        _now_seconds: i64,
    ) -> Result<(), Error> {
        missing()
    }

    /// Writes that the tail of the mbox is put aside.
    pub fn begin_repair(&mut self, _repair: &Repair) -> Result<(), Error> {
        missing()
    }

    /// Writes that the mbox is whole again.
    pub fn end_repair(&mut self) -> Result<(), Error> {
        missing()
    }

    /// Makes durable what was appended. After an error nothing more is appended in this run.
    pub fn sync(&mut self) -> Result<(), Error> {
        missing()
    }
}
