//! A journal holds anything: it is loaded or refused, the same for looking and for writing, and
//! what is loaded is there again after a replay that ends every intent.
//!
//! Lines get their checksums here, which a fuzzer would never find, but those that begin with `!`;
//! a first octet of `=` leaves the whole file as it is.

#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use popfetch::store::{Destination, Disk, Error, Journal, open};
use popfetch_fuzz::{folder, journal_of, journal_path, options, receipts};

fuzz_target!(|input: &[u8]| {
    let octets = match input.strip_prefix(b"=") {
        Some(octets) => octets.to_vec(),
        None => journal_of(input),
    };
    let folder = folder();
    let maildir = folder.path().join("mail");
    fs::create_dir(&maildir).expect("making");
    let path = journal_path(&maildir);
    fs::write(&path, &octets).expect("writing");
    let options = options(Destination::Maildir(maildir), &Disk::new());
    let looked = Journal::read_only(&path);
    let opened = open(&options);
    match &looked {
        Err(why) => {
            // A line that is not understood is left alone, for a person to look at.
            assert!(matches!(why, Error::Damaged { .. }), "{why:?}");
            assert!(opened.is_err());
            assert_eq!(fs::read(&path).expect("reading"), octets);
            return;
        }
        Ok(journal) => assert!(journal.is_some()),
    }
    // A name may be longer than the file system has them.
    let store = match opened {
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::InvalidFilename => {
            return;
        }
        opened => opened.expect("it could be looked at"),
    };
    let looked = looked.ok().flatten().expect("it is there");
    let before = receipts(&looked);
    let intents = looked.open_intents().expect("reading").len();
    // Nothing is in the maildir, so that all intents come to nothing.
    assert_eq!(store.replayed.delivered.len(), 0);
    assert_eq!(store.replayed.voided, intents);
    assert_eq!(receipts(&store.journal), before);
    drop(store);
    let again = open(&options).expect("it was opened before");
    assert_eq!(again.replayed.voided, 0);
    assert_eq!(receipts(&again.journal), before);
    assert_eq!(again.journal.open_intents().expect("reading"), []);
    for receipt in &before {
        if let Some(unique_id) = &receipt.unique_id {
            let known = again.journal.known(receipt.account, unique_id.as_bytes());
            assert!(known.is_some());
        }
    }
});
