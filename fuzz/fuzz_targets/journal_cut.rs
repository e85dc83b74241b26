//! Whatever is written to a journal is there when it is loaded again, also when what was not
//! synced is cut, filled with NULs or turned into anything else; nothing comes up that was not
//! written, and nothing twice.

#![no_main]

use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use popfetch::message::Header;
use popfetch::protocol::UniqueId;
use popfetch::store::{
    AccountId, DeleteState, Destination, Disk, Fulfilled, Identity, Journal, OpenOptions, Place,
    Receipt, ReceiptId, Store, open,
};
use popfetch_fuzz::{Pieces, folder, journal_path, options, receipts};

const STEPS_MAX: usize = 64;

/// What a journal says.
#[derive(Clone, Debug, Default, PartialEq)]
struct Content {
    receipts: Vec<Receipt>,
    /// By unique-id: how many messages, whether one is suspect, whether it is deleted, the header.
    known: Vec<(usize, bool, DeleteState, Option<Header>)>,
}

struct Bench {
    options: OpenOptions,
    store: Option<Store>,
    account: AccountId,
    /// What it said after each change since the last sync.
    history: Vec<Content>,
    /// What was written into it, in words, in no order.
    written: Vec<Vec<String>>,
    /// All that were ever used.
    unique_ids: Vec<UniqueId>,
    synced_octets: u64,
    intents: Vec<(ReceiptId, Receipt)>,
}

fuzz_target!(|input: &[u8]| {
    let folder = folder();
    let maildir = folder.path().join("mail");
    let path = journal_path(&maildir);
    let options = options(Destination::Maildir(maildir), &Disk::new());
    let mut bench = Bench::new(options, &path, &input[..input.len().min(4)]);
    let mut pieces = Pieces(input);
    for _ in 0..STEPS_MAX {
        if pieces.is_empty() {
            break;
        }
        bench.step(&mut pieces, &path);
    }
    bench.reopen();
});

impl Bench {
    fn new(options: OpenOptions, path: &Path, name: &[u8]) -> Self {
        let mut store = open(&options).expect("opening");
        let identity = Identity::Named(String::from_utf8_lossy(name).into_owned());
        let account = store.journal.account(&identity, &mut std::iter::empty());
        Self {
            options,
            store: Some(store),
            account,
            history: vec![Content::default()],
            written: vec![Vec::new()],
            unique_ids: Vec::new(),
            synced_octets: fs::metadata(path).expect("it is there").len(),
            intents: Vec::new(),
        }
    }

    fn journal(&mut self) -> &mut Journal {
        &mut self.store.as_mut().expect("it is open").journal
    }

    fn step(&mut self, pieces: &mut Pieces<'_>, path: &Path) {
        match pieces.octet() % 8 {
            0 | 1 => {
                let receipt = self.receipt(pieces);
                self.journal().record(&[receipt.clone()]).expect("writing");
                self.note(Some(receipt));
            }
            2 => {
                let receipt = self.receipt(pieces);
                let ids = self.journal().intend(&[receipt.clone()]).expect("writing");
                self.intents.push((ids[0], receipt));
                self.note(None);
            }
            3 => self.end_intent(pieces),
            4 => self.delete(pieces),
            5 => self.note_header(pieces),
            6 => self.sync(path),
            _ => {
                // What is behind the last sync is what a power cut leaves of it.
                self.store = None;
                self.take_synced(path);
                spoil(path, self.synced_octets, pieces);
                self.reopen();
            }
        }
    }

    fn end_intent(&mut self, pieces: &mut Pieces<'_>) {
        if self.intents.is_empty() {
            return;
        }
        let (intent, mut receipt) = self.intents.remove(pieces.below(self.intents.len()));
        let place = match pieces.octet() % 3 {
            0 => {
                self.journal().void(&[intent]).expect("writing");
                return self.note(None);
            }
            1 => None,
            _ => Some(name(pieces)),
        };
        let fulfilled = Fulfilled {
            intent,
            place: place.clone(),
        };
        self.journal().fulfil(&[fulfilled]).expect("writing");
        if let Some(place) = place {
            receipt.place = place;
        }
        self.note(Some(receipt));
    }

    fn delete(&mut self, pieces: &mut Pieces<'_>) {
        let account = self.account;
        let count = self.unique_ids.len();
        let Some(unique_id) = self.unique_ids.get(pieces.below(count)).cloned() else {
            return;
        };
        self.journal()
            .ask_delete(account, &[&unique_id])
            .expect("writing");
        self.note(None);
        if pieces.octet() % 2 == 1 {
            let confirmed = self
                .journal()
                .confirm_delete(account, &[&unique_id], 1_704_448_801);
            confirmed.expect("writing");
            self.note(None);
            let known = self.journal().known(account, unique_id.as_bytes());
            assert!(known.is_none_or(|known| known.delete() == DeleteState::Confirmed));
        }
    }

    fn note_header(&mut self, pieces: &mut Pieces<'_>) {
        let account = self.account;
        let unique_id = self.unique_id(pieces);
        let text = |pieces: &mut Pieces<'_>| {
            let text = String::from_utf8_lossy(pieces.octets()).into_owned();
            (!text.is_empty()).then_some(text)
        };
        let header = Header {
            date_seconds: Some(i64::from(pieces.octet()) - 128),
            from: text(pieces),
            subject: text(pieces),
        };
        self.journal()
            .note_header(account, &unique_id, &header)
            .expect("writing");
        let noted = self
            .journal()
            .header(account, unique_id.as_bytes())
            .expect("reading");
        assert_eq!(noted, Some(header));
        self.note(None);
    }

    fn sync(&mut self, path: &Path) {
        self.journal().sync().expect("syncing");
        if self.take_synced(path) {
            self.history.drain(..self.history.len() - 1);
            self.written.drain(..self.written.len() - 1);
        }
    }

    /// What is known to be on disk is what stands before a line that says so. Tells whether that
    /// is all: a run that writes nothing leaves the end of the one before as it is.
    fn take_synced(&mut self, path: &Path) -> bool {
        let text = fs::read(path).expect("reading");
        let mut offset = 0;
        let mut end = 0;
        for line in text.split_inclusive(|octet| *octet == b'\n') {
            if line.starts_with(format!("synced {offset} ").as_bytes()) {
                self.synced_octets = self.synced_octets.max(offset);
                end = offset + line.len() as u64;
            }
            offset += line.len() as u64;
        }
        end == offset
    }

    /// Takes down what the journal says now, and perhaps a receipt more than before.
    fn note(&mut self, receipt: Option<Receipt>) {
        let mut written = self.written.last().cloned().unwrap_or_default();
        written.extend(receipt.map(|receipt| format!("{receipt:?}")));
        written.sort();
        let content = self.content();
        assert_eq!(content.in_words(), written);
        self.written.push(written);
        self.history.push(content);
    }

    /// Loads the journal, which must say what it said at some time since the last sync.
    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(open(&self.options).expect("only its unsynced end was touched"));
        let found = self.content();
        let then = self
            .history
            .iter()
            .rposition(|content| content.is_same(&found));
        let then = then.unwrap_or_else(|| panic!("{found:?}\nis none of\n{:?}", self.history));
        self.written.truncate(then + 1);
        self.history.truncate(then);
        self.history.push(found);
        self.intents.clear();
    }

    fn content(&mut self) -> Content {
        let (account, unique_ids) = (self.account, self.unique_ids.clone());
        let journal = self.journal();
        let receipts = receipts(journal);
        let known = unique_ids.iter().map(|unique_id| {
            let unique_id = unique_id.as_bytes();
            let header = journal.header(account, unique_id).expect("reading");
            match journal.known(account, unique_id) {
                Some(known) => (known.messages(), known.suspect(), known.delete(), header),
                None => (0, false, DeleteState::None, header),
            }
        });
        Content {
            known: known.collect(),
            receipts,
        }
    }

    fn unique_id(&mut self, pieces: &mut Pieces<'_>) -> UniqueId {
        let usual = UniqueId::parse(b"uid").expect("it is plain");
        let unique_id = UniqueId::parse(pieces.octets()).unwrap_or(usual);
        if !self.unique_ids.contains(&unique_id) {
            self.unique_ids.push(unique_id.clone());
        }
        unique_id
    }

    fn receipt(&mut self, pieces: &mut Pieces<'_>) -> Receipt {
        let flags = pieces.octet();
        let number = pieces.below(usize::MAX) as u64;
        Receipt {
            account: self.account,
            unique_id: (flags & 1 == 0).then(|| self.unique_id(pieces)),
            listed_octets: (flags & 2 == 0).then_some(number),
            stored_octets: number << (flags & 31),
            sha256: [flags; 32],
            place: match flags >> 6 {
                0 => Place::Nowhere,
                1 => Place::Range {
                    offset: number,
                    octets: number << 7,
                },
                _ => name(pieces),
            },
            time_seconds: i64::from(flags) - 128,
            suspect: flags & 4 == 4,
        }
    }
}

impl Content {
    fn in_words(&self) -> Vec<String> {
        let receipts = self.receipts.iter();
        let mut words: Vec<String> = receipts.map(|receipt| format!("{receipt:?}")).collect();
        words.sort();
        words
    }

    /// Unique-ids that came later are unknown now.
    fn is_same(&self, later: &Self) -> bool {
        let (known, unknown) = later.known.split_at(self.known.len());
        self.receipts == later.receipts
            && self.known == known
            && unknown
                .iter()
                .all(|known| *known == (0, false, DeleteState::None, None))
    }
}

/// A text that can name a file.
fn name(pieces: &mut Pieces<'_>) -> Place {
    let text = String::from_utf8_lossy(pieces.octets()).replace(['\0', '/'], "_");
    let name: String = text.chars().take(60).collect();
    Place::Name(format!("n{name}"))
}

fn spoil(path: &Path, synced_octets: u64, pieces: &mut Pieces<'_>) {
    let mut text = fs::read(path).expect("reading");
    let synced = usize::try_from(synced_octets).expect("it is small");
    let at = synced + pieces.below(text.len() - synced + 1);
    match pieces.octet() % 3 {
        0 => text.truncate(at),
        1 => text[at..].fill(0),
        _ => {
            let octets = pieces.octets();
            let end = text.len().min(at + octets.len());
            text[at..end].copy_from_slice(&octets[..end - at]);
        }
    }
    fs::write(path, text).expect("writing");
}
