//! What several targets stand on: inputs cut into pieces, folders in memory, destinations.

pub mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use popfetch::protocol::UniqueId;
use popfetch::store::{
    Arriving, Clock, Delivery, Destination, Disk, EmlFolders, Error, Identity, Journal,
    OpenOptions, Orphans, Receipt, Store, open,
};
use tempfile::TempDir;

/// Takes an input apart from its front. Where it ends, numbers are zero and octets none, so that
/// every input means something.
pub struct Pieces<'a>(pub &'a [u8]);

impl<'a> Pieces<'a> {
    pub fn octet(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        let number = usize::from(self.octet()) << 8 | usize::from(self.octet());
        number % end.max(1)
    }

    /// Octets up to a 0xFF, which no text in UTF-8 has, or to the end.
    pub fn octets(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|octet| *octet == 0xff);
        let (octets, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        octets
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A folder that is gone when dropped; in memory, where there is such a place.
pub fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a temporary folder")
}

/// How to open a destination in a folder of the test's own.
pub fn options(destination: Destination, disk: &Disk) -> OpenOptions {
    OpenOptions {
        destination,
        journal: None,
        state_folder: PathBuf::new(),
        orphans: Orphans::Refuse,
        eml_folders: EmlFolders::None,
        host_name: "host".to_owned(),
        pid: std::process::id(),
        clock: Clock::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_704_448_801)),
        patience: Duration::from_millis(200),
        stop: Arc::default(),
        disk: disk.clone(),
    }
}

/// Delivers those of the messages that the journal does not know, as one batch. They are known by
/// their place in the slice.
pub fn deliver(options: &OpenOptions, messages: &[Vec<u8>]) -> Result<Store, Error> {
    let mut store = open(options)?;
    let identity = Identity::Named("test".to_owned());
    let account = store.journal.account(&identity, &mut std::iter::empty());
    let mut batch = Vec::new();
    for (number, message) in messages.iter().enumerate() {
        let unique_id = UniqueId::parse(format!("uid{number}").as_bytes()).expect("it is plain");
        if store.journal.known(account, unique_id.as_bytes()).is_some() {
            continue;
        }
        store.stage.begin(&Arriving::default())?;
        for chunk in message.chunks(7) {
            store.stage.write(chunk)?;
        }
        batch.push(Delivery {
            staged: store.stage.finish()?,
            account,
            unique_id: Some(unique_id),
            listed_octets: None,
            suspect: false,
        });
    }
    store.stage.end_batch()?;
    store.commit.deliver(&mut store.journal, batch)?;
    store.journal.sync()?;
    Ok(store)
}

/// A journal of these lines, which get the checksums that are right where they stand. A line that
/// begins with `!` stays as it is behind that.
pub fn journal_of(lines: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    put_line(b"popfetch-journal 1 0000000000005eed 0", &mut text);
    for line in lines.split(|octet| *octet == b'\n') {
        match line.strip_prefix(b"!") {
            Some(line) => {
                text.extend_from_slice(line);
                text.push(b'\n');
            }
            None => put_line(line, &mut text),
        }
    }
    text
}

/// The journal's format, written down a second time.
fn put_line(line: &[u8], text: &mut Vec<u8>) {
    let mut crc = crc32fast::Hasher::new();
    for number in [0x5eed, 0, text.len() as u64] {
        crc.update(&number.to_be_bytes());
    }
    crc.update(line);
    text.extend_from_slice(line);
    text.push(b' ');
    text.extend_from_slice(
        data_encoding::HEXLOWER
            .encode(&crc.finalize().to_be_bytes())
            .as_bytes(),
    );
    text.push(b'\n');
}

/// All receipts of a journal, in the order they were written.
pub fn receipts(journal: &Journal) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    journal
        .each_receipt(&mut |_, receipt| {
            receipts.push(receipt);
            Ok(())
        })
        .expect("reading");
    receipts
}

/// The messages of an mbox as a reader sees them: each begins with its From_ line.
pub fn mbox_messages(mbox: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for line in mbox.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b"From ") {
            messages.push(Vec::new());
        }
        if let Some(message) = messages.last_mut() {
            message.extend_from_slice(line);
        }
    }
    messages
}

/// A message of an mbox without From_ line, quoting and the empty lines behind it.
pub fn unquoted(message: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    for line in message.split_inclusive(|octet| *octet == b'\n').skip(1) {
        let quotes = line.iter().take_while(|octet| **octet == b'>').count();
        let is_quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
        content.extend_from_slice(&line[usize::from(is_quoted)..]);
    }
    content.truncate(without_end(&content).len());
    content
}

/// Octets without the line ends behind them.
pub fn without_end(octets: &[u8]) -> &[u8] {
    let end = octets.iter().rposition(|octet| *octet != b'\n');
    &octets[..end.map_or(0, |end| end + 1)]
}

/// A message as it is stored with LF line ends.
pub fn with_line_feeds(message: &[u8]) -> Vec<u8> {
    let mut stored = Vec::new();
    for (at, octet) in message.iter().enumerate() {
        if *octet != b'\r' || message.get(at + 1) != Some(&b'\n') {
            stored.push(*octet);
        }
    }
    stored
}

/// The journal of a maildir.
pub fn journal_path(maildir: &Path) -> PathBuf {
    maildir.join(".popfetch-journal")
}
