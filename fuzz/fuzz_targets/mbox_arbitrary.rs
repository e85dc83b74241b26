//! An mbox, its stage and its journal hold anything: to open them ends, what is in the mbox and
//! not in the stage stays there, and to open them again changes nothing more.
//!
//! The journal's lines get their checksums here; a fuzzer would never find these.

#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use popfetch::store::{Destination, Disk, Finding, Verifier, open};
use popfetch_fuzz::{Pieces, folder, journal_of, mbox_messages, options, without_end};

fuzz_target!(|input: &[u8]| {
    let mut pieces = Pieces(input);
    let mbox = pieces.octets();
    let stage = pieces.octets();
    let tail = pieces.octets();
    let journal = journal_of(pieces.octets());
    let folder = folder();
    let path = folder.path().join("inbox");
    fs::write(&path, mbox).expect("writing");
    for (kind, octets) in [("stage", stage), ("tail", tail), ("journal", &journal)] {
        fs::write(
            folder.path().join(format!(".inbox.popfetch-{kind}")),
            octets,
        )
        .expect("writing");
    }
    let destination = Destination::Mbox(path.clone());
    let options = options(destination.clone(), &Disk::new());
    let opened = open(&options);
    let after = fs::read(&path).expect("reading");
    let holds = |octets: &[u8]| after.windows(octets.len()).any(|window| window == octets);
    for message in mbox_messages(mbox) {
        let message = without_end(&message);
        let is_ours = message.contains(&0) || contains_start(stage, message);
        assert!(
            is_ours || holds(message),
            "{} is gone from {}",
            message.escape_ascii(),
            after.escape_ascii()
        );
    }
    let Ok(store) = opened else {
        return;
    };
    let mut verifier = Verifier::new(&destination).expect("it is there");
    for delivered in &store.replayed.delivered {
        let finding = verifier
            .look_for(&delivered.receipt)
            .expect("it can be read");
        assert!(matches!(finding, Finding::Intact { .. }), "{finding:?}");
    }
    assert_eq!(store.journal.open_intents().expect("reading"), []);
    assert_eq!(store.journal.open_repair(), None);
    drop(store);
    let again = open(&options).expect("it was opened before");
    assert_eq!(again.replayed.delivered.len() + again.replayed.voided, 0);
    assert_eq!(fs::read(&path).expect("reading"), after);
});

/// Whether the message is one of ours or the begin of one.
fn contains_start(stage: &[u8], message: &[u8]) -> bool {
    stage.windows(message.len()).any(|window| window == message)
}
