//! What is stored, what is about to be, and what the server was told: the journal.
//!
//! An append-only file of text lines, each with a checksum. Its words are in `format` and
//! `fields`, what is kept in memory in `index`, the file itself in `file` and `lines`.
//!
//! An intent is a long line, its receipt a short one that points back at it. What has no intent
//! (marked as stored, adopted, found at another place, compacted) is a long line of its own.

mod compact;
mod fields;
mod file;
mod format;
mod identity;
mod index;
mod lines;
mod record;

use std::path::Path;

use compact::Receipts;
use file::JournalFile;
use format::{Record, Seal};
use identity::Newcomers;
use index::{Index, Name};

pub(in crate::store) use lines::read_at;

pub use record::{
    AccountId, DeleteState, Fulfilled, Held, Identity, JournalId, Known, Place, Receipt, ReceiptId,
    Repair,
};

use super::durable::Disk;
use super::error::Error;
use crate::message::Header;
use crate::protocol::UniqueId;

/// The journal of one destination.
#[derive(Debug)]
pub struct Journal {
    file: JournalFile,
    index: Index,
    newcomers: Newcomers,
}

impl Journal {
    /// Makes a journal that begins with these receipts.
    pub(super) fn create(
        disk: &Disk,
        path: &Path,
        id: JournalId,
        receipts: Receipts<'_>,
    ) -> Result<(), Error> {
        let seal = Seal::new(id, 0);
        compact::create(disk, path, seal, receipts)
    }

    /// Loads the journal, if there is one; the caller holds the lock.
    pub(super) fn load(disk: &Disk, path: &Path) -> Result<Option<Self>, Error> {
        file::remove_unfinished(disk, path)?;
        Ok(JournalFile::load(disk, path)?.map(Self::of))
    }

    /// Writes the journal anew if over half of it is dead, which moves every line.
    pub(super) fn compact(self, disk: &Disk) -> Result<Self, Error> {
        if !compact::is_due(&self.file, &self.index) {
            return Ok(self);
        }
        compact::compact(disk, &self.file, &self.index)?;
        let compacted = Self::load(disk, self.file.path())?;
        Ok(compacted.unwrap_or(self))
    }

    /// Reads a journal as it is, without lock or repair, for looking only: everything that would
    /// write to it fails. None if there is no journal.
    pub fn read_only(path: &Path) -> Result<Option<Self>, Error> {
        Ok(JournalFile::load_for_reading(path)?.map(Self::of))
    }

    /// About how many receipts a journal holds, told from its size alone; none if it cannot be
    /// looked at.
    pub(super) fn receipts_expected(path: &Path) -> usize {
        std::fs::metadata(path).map_or(0, |metadata| file::receipts_expected(metadata.len()))
    }

    fn of((file, index): (JournalFile, Index)) -> Self {
        Self {
            file,
            index,
            newcomers: Newcomers::default(),
        }
    }

    /// Its name for good.
    pub fn id(&self) -> JournalId {
        self.file.id()
    }

    /// The number of an account. One that is not known takes over the number of the same user and
    /// host on another port if any unique-id it lists is among that one's receipts.
    ///
    /// Nothing is written of it before something else is written for the account, so that a
    /// maildrop that happens to be empty does not settle the question.
    pub fn account(
        &mut self,
        identity: &Identity,
        listed: &mut dyn Iterator<Item = &[u8]>,
    ) -> AccountId {
        self.newcomers.account(&self.index, identity, listed)
    }

    /// What is stored under a unique-id.
    pub fn known(&self, account: AccountId, unique_id: &[u8]) -> Option<Known> {
        self.index.known(account, Name::UniqueId(unique_id))
    }

    /// Whether anything is stored under a unique-id.
    pub fn has(&self, account: AccountId, unique_id: &[u8]) -> bool {
        self.index.has(account, Name::UniqueId(unique_id))
    }

    /// There are receipts of messages found in a folder without a journal; a message that is
    /// retrieved may be one of them.
    pub fn has_adopted(&self) -> bool {
        self.index.has_adopted()
    }

    /// There are receipts of an account's messages that were listed without a unique-id.
    pub fn has_nameless(&self, account: AccountId) -> bool {
        self.index.has_nameless(account)
    }

    /// The receipts of an account with a unique-id that is not listed, and no delete asked.
    pub fn vanished(
        &self,
        account: AccountId,
        listed: &mut dyn Iterator<Item = &[u8]>,
    ) -> Vec<Held> {
        self.index.vanished(account, listed)
    }

    /// A receipt with all that was written of it.
    pub fn receipt(&self, id: ReceiptId) -> Result<Receipt, Error> {
        let record = self.file.record_at(id.0)?;
        record.into_receipt().ok_or_else(|| self.file.changed())
    }

    /// Every receipt, in the order they were written.
    pub fn each_receipt(
        &self,
        each: &mut dyn FnMut(ReceiptId, Receipt) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let receipts = self.index.receipts();
        self.file.each_record(&mut |offset, record| {
            let id = ReceiptId(offset);
            match record.into_receipt() {
                Some(receipt) if receipts.binary_search(&id).is_ok() => each(id, receipt),
                Some(_) | None => Ok(()),
            }
        })
    }

    /// What TOP told about a message before.
    pub fn header(&self, account: AccountId, unique_id: &[u8]) -> Result<Option<Header>, Error> {
        let Some(offset) = self.index.header(account, unique_id) else {
            return Ok(None);
        };
        let Record::Header { header, .. } = self.file.record_at(offset)? else {
            return Err(self.file.changed());
        };
        Ok(Some(header))
    }

    /// The intents with neither receipt nor void, in the order they were written.
    pub fn open_intents(&self) -> Result<Vec<(ReceiptId, Receipt)>, Error> {
        self.index
            .open_intents()
            .map(|id| Ok((id, self.receipt(id)?)))
            .collect()
    }

    /// The repair that was begun and not ended.
    pub fn open_repair(&self) -> Option<&Repair> {
        self.index.open_repair()
    }

    /// Writes intents: what will be where. They count once [`Journal::sync`] has returned.
    pub fn intend(&mut self, receipts: &[Receipt]) -> Result<Vec<ReceiptId>, Error> {
        let offsets = self.append(receipts.iter().cloned().map(Record::Intent).collect())?;
        Ok(offsets.into_iter().map(ReceiptId).collect())
    }

    /// Writes the receipts of intents; the messages and their names are durable by now. Where a
    /// message is at another place than intended, its receipt has another id than its intent.
    pub fn fulfil(&mut self, fulfilled: &[Fulfilled]) -> Result<Vec<ReceiptId>, Error> {
        let mut records = Vec::with_capacity(fulfilled.len());
        for Fulfilled { intent, place } in fulfilled {
            records.push(match place {
                None => Record::Done(*intent),
                Some(place) => Record::Receipt {
                    intent: Some(*intent),
                    receipt: Receipt {
                        place: place.clone(),
                        ..self.receipt(*intent)?
                    },
                },
            });
        }
        let offsets = self.append(records)?;
        let ids = fulfilled.iter().zip(offsets);
        Ok(ids
            .map(|(fulfilled, offset)| match fulfilled.place {
                None => fulfilled.intent,
                Some(_) => ReceiptId(offset),
            })
            .collect())
    }

    /// Writes that nothing came of these intents.
    pub fn void(&mut self, intents: &[ReceiptId]) -> Result<(), Error> {
        self.append(intents.iter().copied().map(Record::Void).collect())?;
        Ok(())
    }

    /// Writes receipts that no intent went before.
    pub fn record(&mut self, receipts: &[Receipt]) -> Result<Vec<ReceiptId>, Error> {
        let receipts = receipts.iter().cloned().map(|receipt| Record::Receipt {
            intent: None,
            receipt,
        });
        let offsets = self.append(receipts.collect())?;
        Ok(offsets.into_iter().map(ReceiptId).collect())
    }

    /// Writes that DELE is about to be sent; it may be once [`Journal::sync`] has returned.
    pub fn ask_delete(&mut self, account: AccountId, ids: &[&UniqueId]) -> Result<(), Error> {
        let asked = ids.iter().map(|unique_id| Record::DeleteAsked {
            account,
            unique_id: (*unique_id).clone(),
        });
        self.append(asked.collect())?;
        Ok(())
    }

    /// Writes that the session that asked ended with +OK.
    pub fn confirm_delete(
        &mut self,
        account: AccountId,
        ids: &[&UniqueId],
        now_seconds: i64,
    ) -> Result<(), Error> {
        let confirmed = ids.iter().map(|unique_id| Record::DeleteConfirmed {
            account,
            unique_id: (*unique_id).clone(),
            time_seconds: now_seconds,
        });
        self.append(confirmed.collect())?;
        Ok(())
    }

    /// Writes what TOP told.
    pub fn note_header(
        &mut self,
        account: AccountId,
        unique_id: &UniqueId,
        header: &Header,
    ) -> Result<(), Error> {
        self.append(vec![Record::Header {
            account,
            unique_id: unique_id.clone(),
            header: header.clone(),
        }])?;
        Ok(())
    }

    /// Takes note of a complete listing, at most once a day, so that compaction can tell which
    /// deleted messages the server has long forgotten.
    pub fn note_listing(
        &mut self,
        account: AccountId,
        listed: &mut dyn Iterator<Item = &[u8]>,
        now_seconds: i64,
    ) -> Result<(), Error> {
        let Some(seen) = self.index.still_listed(account, listed, now_seconds) else {
            return Ok(());
        };
        let mut records: Vec<Record> = seen
            .into_iter()
            .map(|unique_id| Record::Seen {
                account,
                unique_id,
                time_seconds: now_seconds,
            })
            .collect();
        records.push(Record::Listed {
            account,
            time_seconds: now_seconds,
        });
        self.append(records)?;
        Ok(())
    }

    /// Writes that the end of the mbox is put aside.
    pub fn begin_repair(&mut self, repair: &Repair) -> Result<(), Error> {
        self.append(vec![Record::Repair(repair.clone())])?;
        Ok(())
    }

    /// Writes that the mbox is whole again.
    pub fn end_repair(&mut self) -> Result<(), Error> {
        self.append(vec![Record::Repaired])?;
        Ok(())
    }

    /// Makes durable what was appended. After an error nothing more is appended in this run.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.file.sync()
    }

    /// Writes records, in front of them who the accounts are that they speak of, and takes them
    /// in; tells where each stands.
    fn append(&mut self, records: Vec<Record>) -> Result<Vec<u64>, Error> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let count = records.len();
        let mut all = Vec::with_capacity(count);
        for account in records.iter().filter_map(Record::account) {
            for (account, identity) in self.newcomers.take(account) {
                all.push(Record::Account { account, identity });
            }
        }
        let introductions = all.len();
        all.extend(records);
        let mut offsets = self.file.append(&all)?;
        for (offset, record) in offsets.iter().zip(&all) {
            let taken = self.index.take_in(*offset, record);
            taken.map_err(|_why| self.file.changed())?;
        }
        Ok(offsets.split_off(introductions))
    }
}

#[cfg(test)]
mod tests;
