//! Records to lines and back: pure.
//!
//! A line is a word, its fields and a checksum, with one blank between them and LF at the end:
//!
//! ```text
//! popfetch-journal 1 0b5d2c9e4f8a7d61 0 5c1f0a77
//! account 1 login alice pop.example.org 995 93bd0a52
//! intent 1 0000a4c3 2048 2001 (64 hex digits) name:1764000000.example 1764000000 - 7e1fd310
//! synced 312 5a1b77c0
//! done 98 1f77ab03
//! ```
//!
//! A field is any octets: what is not printable ASCII, and `%` and blanks, is written `%XX`. None
//! is `-`, empty is `%`. The checksum is CRC-32 over the journal's id, its generation, the
//! line's offset and the text in front of the checksum: a block that belongs elsewhere, or to
//! the file before it was compacted, never looks like a line of this place.

use crate::message::Header;
use crate::protocol::UniqueId;
use crate::store::journal::fields::{Fields, OfReceipt, Rest};
use crate::store::journal::record::{AccountId, Identity, JournalId, Receipt, ReceiptId, Repair};

/// The first word of every journal.
pub(in crate::store::journal) const MAGIC: &[u8] = b"popfetch-journal";
const VERSION: u64 = 1;

/// What a `synced` line begins with, for finding one behind damage.
pub(in crate::store::journal) const SYNCED: &[u8] = b"synced ";

/// Octets of the checksum with the blank in front of it.
const CHECKSUM_OCTETS: usize = 9;

/// A longer line is none of ours: the longest field is a header of 64 KiB, three octets for each.
pub(in crate::store::journal) const LINE_OCTETS_MAX: usize = 1 << 20;

/// What goes into every checksum of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::journal) struct Seal {
    id: JournalId,
    generation: u64,
    /// The checksum of these.
    crc: u32,
}

impl Seal {
    /// `generation` counts compactions.
    pub(in crate::store::journal) fn new(id: JournalId, generation: u64) -> Self {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&id.0.to_be_bytes());
        crc.update(&generation.to_be_bytes());
        Self {
            id,
            generation,
            crc: crc.finalize(),
        }
    }

    pub(in crate::store::journal) fn id(self) -> JournalId {
        self.id
    }

    /// That of the journal written anew.
    pub(in crate::store::journal) fn next(self) -> Self {
        Self::new(self.id, self.generation.saturating_add(1))
    }
}

/// One line of a journal; what it tells of a receipt may be less than the whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::journal) enum Record<R = Receipt> {
    /// This account is known by this identity; one account may have several.
    Account {
        account: AccountId,
        identity: Identity,
    },
    /// A message is about to be at this place.
    Intent(R),
    /// The intent came true.
    Done(ReceiptId),
    /// Nothing came of the intent.
    Void(ReceiptId),
    /// A message is stored, perhaps at another place than its intent told.
    Receipt {
        intent: Option<ReceiptId>,
        receipt: R,
    },
    /// DELE is about to be sent.
    DeleteAsked {
        account: AccountId,
        unique_id: UniqueId,
    },
    /// The session that sent DELE ended with +OK.
    DeleteConfirmed {
        account: AccountId,
        unique_id: UniqueId,
        time_seconds: i64,
    },
    /// Listed in spite of a confirmed delete.
    Seen {
        account: AccountId,
        unique_id: UniqueId,
        time_seconds: i64,
    },
    /// The account's listing was read whole.
    Listed {
        account: AccountId,
        time_seconds: i64,
    },
    /// What TOP told, kept so that it is asked once.
    Header {
        account: AccountId,
        unique_id: UniqueId,
        header: Header,
    },
    /// The tail of the mbox is put aside.
    Repair(Repair),
    /// The mbox is whole again.
    Repaired,
    /// So many octets of this file are on disk.
    Synced(u64),
}

impl Record {
    /// The account it speaks of.
    pub(in crate::store::journal) fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account { account, .. }
            | Self::Intent(Receipt { account, .. })
            | Self::Receipt {
                receipt: Receipt { account, .. },
                ..
            }
            | Self::DeleteAsked { account, .. }
            | Self::DeleteConfirmed { account, .. }
            | Self::Seen { account, .. }
            | Self::Listed { account, .. }
            | Self::Header { account, .. } => Some(*account),
            Self::Done(_) | Self::Void(_) | Self::Repair(_) | Self::Repaired | Self::Synced(_) => {
                None
            }
        }
    }

    /// The receipt it is, or will be.
    pub(in crate::store::journal) fn into_receipt(self) -> Option<Receipt> {
        match self {
            Self::Intent(receipt) | Self::Receipt { receipt, .. } => Some(receipt),
            Self::Account { .. }
            | Self::Done(_)
            | Self::Void(_)
            | Self::DeleteAsked { .. }
            | Self::DeleteConfirmed { .. }
            | Self::Seen { .. }
            | Self::Listed { .. }
            | Self::Header { .. }
            | Self::Repair(_)
            | Self::Repaired
            | Self::Synced(_) => None,
        }
    }

    /// Appends the line that stands at `offset`.
    pub(in crate::store::journal) fn encode(&self, seal: Seal, offset: u64, line: &mut Vec<u8>) {
        let mut fields = Fields::begin(line);
        self.encode_fields(&mut fields);
        let crc = checksum(seal, offset, fields.text());
        fields.hex(&crc.to_be_bytes()).end();
    }

    fn encode_fields(&self, line: &mut Fields<'_>) {
        match self {
            Self::Account { account, identity } => {
                line.word("account").account(*account).identity(identity);
            }
            Self::Intent(receipt) => {
                line.word("intent").receipt(receipt);
            }
            Self::Done(intent) => {
                line.word("done").number(intent.0);
            }
            Self::Void(intent) => {
                line.word("void").number(intent.0);
            }
            Self::Receipt { intent, receipt } => {
                line.word("receipt")
                    .number_or_none(intent.map(|id| id.0))
                    .receipt(receipt);
            }
            Self::DeleteAsked { account, unique_id } => {
                line.word("delete-asked").of(*account, unique_id);
            }
            Self::DeleteConfirmed {
                account,
                unique_id,
                time_seconds,
            } => {
                line.word("delete-confirmed")
                    .of(*account, unique_id)
                    .time(*time_seconds);
            }
            Self::Seen {
                account,
                unique_id,
                time_seconds,
            } => {
                line.word("seen")
                    .of(*account, unique_id)
                    .time(*time_seconds);
            }
            Self::Listed {
                account,
                time_seconds,
            } => {
                line.word("listed").account(*account).time(*time_seconds);
            }
            Self::Header {
                account,
                unique_id,
                header,
            } => {
                line.word("header").of(*account, unique_id).header(header);
            }
            Self::Repair(repair) => {
                line.word("repair")
                    .number(repair.offset)
                    .number(repair.fragment_octets)
                    .number(repair.ours_octets)
                    .number(repair.tail_octets)
                    .hex(&repair.tail_sha256)
                    .octets(repair.side_file.as_bytes());
            }
            Self::Repaired => {
                line.word("repaired");
            }
            Self::Synced(octets) => {
                line.word("synced").number(*octets);
            }
        }
    }
}

impl<R> Record<R> {
    /// It makes up most of a journal, and compaction may keep it.
    pub(in crate::store::journal) fn is_long(&self) -> bool {
        matches!(
            self,
            Self::Intent(_) | Self::Receipt { .. } | Self::Header { .. }
        )
    }

    /// Reads a line, without its LF, that stands at `offset`.
    pub(in crate::store::journal) fn decode<'a>(
        seal: Seal,
        offset: u64,
        line: &'a [u8],
    ) -> Option<Self>
    where
        R: OfReceipt<'a>,
    {
        Self::read_whole(checked(seal, offset, line)?)
    }

    fn read_whole<'a>(mut fields: Rest<'a>) -> Option<Self>
    where
        R: OfReceipt<'a>,
    {
        Self::read(&mut fields).filter(|_| fields.is_empty())
    }

    /// Reads the fields of a line; there may be more of them.
    pub(in crate::store::journal) fn read<'a>(rest: &mut Rest<'a>) -> Option<Self>
    where
        R: OfReceipt<'a>,
    {
        Some(match rest.field()? {
            b"account" => Self::Account {
                account: rest.account()?,
                identity: rest.identity()?,
            },
            b"intent" => Self::Intent(R::read(rest)?),
            b"done" => Self::Done(ReceiptId(rest.number()?)),
            b"void" => Self::Void(ReceiptId(rest.number()?)),
            b"receipt" => Self::Receipt {
                intent: rest.number_or_none().ok()?.map(ReceiptId),
                receipt: R::read(rest)?,
            },
            b"delete-asked" => Self::DeleteAsked {
                account: rest.account()?,
                unique_id: rest.unique_id()?,
            },
            b"delete-confirmed" => Self::DeleteConfirmed {
                account: rest.account()?,
                unique_id: rest.unique_id()?,
                time_seconds: rest.time()?,
            },
            b"seen" => Self::Seen {
                account: rest.account()?,
                unique_id: rest.unique_id()?,
                time_seconds: rest.time()?,
            },
            b"listed" => Self::Listed {
                account: rest.account()?,
                time_seconds: rest.time()?,
            },
            b"header" => Self::Header {
                account: rest.account()?,
                unique_id: rest.unique_id()?,
                header: rest.header()?,
            },
            b"repair" => Self::Repair(Repair {
                offset: rest.number()?,
                fragment_octets: rest.number()?,
                ours_octets: rest.number()?,
                tail_octets: rest.number()?,
                tail_sha256: rest.hex()?,
                side_file: rest.text()?,
            }),
            b"repaired" => Self::Repaired,
            b"synced" => Self::Synced(rest.number()?),
            _ => return None,
        })
    }
}

/// The first line of a journal.
pub(in crate::store::journal) fn encode_first(seal: Seal, line: &mut Vec<u8>) {
    let mut fields = Fields::begin(line);
    fields
        .octets(MAGIC)
        .number(VERSION)
        .hex(&seal.id.0.to_be_bytes())
        .number(seal.generation);
    let crc = checksum(seal, 0, fields.text());
    fields.hex(&crc.to_be_bytes()).end();
}

/// Reads the first line of a journal, without its LF.
pub(in crate::store::journal) fn decode_first(line: &[u8]) -> Result<Seal, FirstLine> {
    let mut rest = Rest::of(line);
    if rest.field() != Some(MAGIC) {
        return Err(FirstLine::NotAJournal);
    }
    if rest.number().is_some_and(|version| version > VERSION) {
        return Err(FirstLine::Version);
    }
    let mut seal = || {
        let id = JournalId(u64::from_be_bytes(rest.hex()?));
        Some(Seal::new(id, rest.number()?))
    };
    let seal = seal().ok_or(FirstLine::Damaged)?;
    checked(seal, 0, line)
        .map(|_fields| seal)
        .ok_or(FirstLine::Damaged)
}

/// What is wrong with a first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::journal) enum FirstLine {
    NotAJournal,
    Version,
    Damaged,
}

/// The fields of a line that is the one written at `offset`: its checksum is right.
pub(in crate::store::journal) fn checked(seal: Seal, offset: u64, line: &[u8]) -> Option<Rest<'_>> {
    let (text, [b' ', digits @ ..]) = line.split_last_chunk::<CHECKSUM_OCTETS>()? else {
        return None;
    };
    (*digits == hex_digits(checksum(seal, offset, text))).then(|| Rest::of(text))
}

/// All eight are worked out at once, each in an octet of its own: each line loaded has a checksum.
fn hex_digits(number: u32) -> [u8; 8] {
    const EACH: u64 = u64::MAX / 0xff;
    let mut nibbles = u64::from(number);
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = ((nibbles + 6 * EACH) >> 4) & EACH;
    let from_nine_to_a = u64::from(b'a' - b'9' - 1);
    (nibbles + u64::from(b'0') * EACH + letters * from_nine_to_a).to_be_bytes()
}

fn checksum(seal: Seal, offset: u64, text: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new_with_initial(seal.crc);
    crc.update(&offset.to_be_bytes());
    crc.update(text);
    crc.finalize()
}

#[cfg(test)]
mod tests;
