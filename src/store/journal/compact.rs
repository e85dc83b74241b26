//! Writes a journal whole: a new one, or an old one anew without what is dead in it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::file::{JournalFile, write_new};
use super::format::{Record, Seal, encode_first};
use super::index::{Index, Kept, first_second};
use super::record::{DeleteState, Receipt, ReceiptId};
use crate::store::durable::{Disk, Handle};
use crate::store::error::Error;

/// A smaller journal is not worth the work.
const OCTETS_MIN: u64 = 64 * 1024;
const BUFFER_OCTETS: usize = 64 * 1024;

/// Over half of it is dead.
pub(super) fn is_due(file: &JournalFile, index: &Index) -> bool {
    let octets = file.octets();
    if octets < OCTETS_MIN {
        return false;
    }
    let messages = index
        .kept()
        .count()
        .saturating_add(index.open_intents().count());
    let kept = messages.saturating_add(index.kept_headers().len()) as u64;
    let all = index.lines().max(1);
    let live = u128::from(file.long_octets()).saturating_mul(u128::from(kept)) / u128::from(all);
    live.saturating_mul(2) < u128::from(octets)
}

/// Makes a journal that begins with these receipts; it appears whole or not at all.
pub(super) fn create(
    disk: &Disk,
    path: &Path,
    seal: Seal,
    receipts: Receipts<'_>,
) -> Result<(), Error> {
    write_new(disk, path, |handle| {
        let mut writer = Writer::begin(seal, handle);
        receipts(&mut |receipt| {
            writer.put(&Record::Receipt {
                intent: None,
                receipt,
            })
        })?;
        writer.end()
    })
}

/// Hands out receipts, one after another.
pub(in crate::store) type Receipts<'a> =
    &'a mut dyn FnMut(&mut dyn FnMut(Receipt) -> Result<(), Error>) -> Result<(), Error>;

/// Puts a journal in the place of the old one that says the same, shorter.
pub(super) fn compact(disk: &Disk, file: &JournalFile, index: &Index) -> Result<(), Error> {
    let seal = file.seal().next();
    write_new(disk, file.path(), |handle| {
        let mut writer = Writer::begin(seal, handle);
        for (account, identity) in index.identities() {
            writer.put(&Record::Account {
                account: *account,
                identity: identity.clone(),
            })?;
        }
        let mut days: Vec<_> = index.listed_days().collect();
        days.sort_unstable();
        for (account, day) in days {
            writer.put(&Record::Listed {
                account,
                time_seconds: first_second(day),
            })?;
        }
        if let Some(repair) = index.open_repair() {
            writer.put(&Record::Repair(repair.clone()))?;
        }
        put_messages(&mut writer, file, index)?;
        writer.end()
    })
}

fn put_messages(writer: &mut Writer<'_>, file: &JournalFile, index: &Index) -> Result<(), Error> {
    let kept: BTreeMap<ReceiptId, Kept> = index.kept().map(|kept| (kept.id, kept)).collect();
    let headers = index.kept_headers();
    let open: Vec<ReceiptId> = index.open_intents().collect();
    file.each_record(&mut |offset, record| match record {
        Record::Intent(receipt) if open.binary_search(&ReceiptId(offset)).is_ok() => {
            writer.put(&Record::Intent(receipt))
        }
        Record::Intent(receipt) | Record::Receipt { receipt, .. } => {
            match kept.get(&ReceiptId(offset)) {
                Some(kept) => put_receipt(writer, receipt, kept),
                None => Ok(()),
            }
        }
        header @ Record::Header { .. } if headers.binary_search(&offset).is_ok() => {
            writer.put(&header)
        }
        Record::Header { .. }
        | Record::Account { .. }
        | Record::Done(_)
        | Record::Void(_)
        | Record::DeleteAsked { .. }
        | Record::DeleteConfirmed { .. }
        | Record::Seen { .. }
        | Record::Listed { .. }
        | Record::Repair(_)
        | Record::Repaired
        | Record::Synced(_) => Ok(()),
    })
}

/// A receipt and, right behind it, what became of the message: a delete speaks of all receipts
/// of its unique-id in front of it, so what was true of the older is so again.
fn put_receipt(writer: &mut Writer<'_>, receipt: Receipt, kept: &Kept) -> Result<(), Error> {
    let account = receipt.account;
    let unique_id = receipt.unique_id.clone();
    writer.put(&Record::Receipt {
        intent: None,
        receipt,
    })?;
    match (kept.delete, unique_id) {
        (DeleteState::None, _) | (_, None) => Ok(()),
        (DeleteState::Asked, Some(unique_id)) => {
            writer.put(&Record::DeleteAsked { account, unique_id })
        }
        (DeleteState::Confirmed, Some(unique_id)) => writer.put(&Record::DeleteConfirmed {
            account,
            unique_id,
            time_seconds: first_second(kept.seen_day),
        }),
    }
}

/// Writes lines a large piece at a time.
struct Writer<'a> {
    seal: Seal,
    handle: &'a mut Handle,
    buffer: Vec<u8>,
    /// Octets in front of `buffer`.
    written: u64,
}

impl<'a> Writer<'a> {
    fn begin(seal: Seal, handle: &'a mut Handle) -> Self {
        let mut buffer = Vec::with_capacity(BUFFER_OCTETS);
        encode_first(seal, &mut buffer);
        Self {
            seal,
            handle,
            buffer,
            written: 0,
        }
    }

    fn offset(&self) -> u64 {
        self.written.saturating_add(self.buffer.len() as u64)
    }

    fn put(&mut self, record: &Record) -> Result<(), Error> {
        let offset = self.offset();
        record.encode(self.seal, offset, &mut self.buffer);
        if self.buffer.len() < BUFFER_OCTETS {
            return Ok(());
        }
        self.flush()
    }

    /// The whole file is synced before it gets its name, so it may say so itself.
    fn end(mut self) -> Result<(), Error> {
        let octets = self.offset();
        Record::Synced(octets).encode(self.seal, octets, &mut self.buffer);
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Error> {
        let written: io::Result<()> = self.handle.write_all(&self.buffer);
        written.map_err(Error::io("writing", self.handle.path()))?;
        self.written = self.offset();
        self.buffer.clear();
        Ok(())
    }
}
