//! What we store, read back by programs that are not ours.

use std::fs::{self, File};
use std::io::BufReader;
use std::process::Command;

use data_encoding::HEXLOWER;
use mail_parser::mailbox::{maildir, mbox};
use sha2::{Digest as _, Sha256};

use super::destination::Destination;
use super::testkit::{Kit, NOW_SECONDS, quoted_by_lines};

/// Odd messages, and each as it is with LF line ends.
fn messages() -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut messages: Vec<Vec<u8>> = [
        &b"Subject: plain\r\n\r\nbody\r\n"[..],
        b"Subject: from\r\n\r\nFrom here\r\n>From there\r\n>>From all over\r\n From no\r\n",
        b"Subject: header only\r\n",
        b"\r\nbody only\r\n",
        b"From the very first line\r\n\r\nbody\r\n",
        b"Subject: empty lines\r\n\r\n\r\n\r\n\r\n",
        b"Subject: lone ends\r\n\r\na\rb\r\nc\nd\r\r\ne\n\rf\r\n",
        b"Subject: octets\r\n\r\n\x00\x01\x7f\x80\xff\r\n",
        b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n",
        b"Subject: no end\r\n\r\nlast",
        b"Status: RO\r\nContent-Length: 3\r\n\r\nlonger than three\r\n",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    messages.push(
        [
            b"Subject: long\r\n\r\n",
            &*vec![b'>'; 700_000],
            b"From x\r\n",
        ]
        .concat(),
    );
    let lines = "From a to b\r\n>From b to c\r\nand on\r\n".repeat(20_000);
    messages.push([b"Subject: many\r\n\r\n", lines.as_bytes()].concat());
    let with_line_feeds = |message: &Vec<u8>| {
        let mut text = Vec::new();
        let mut octets = message.iter().peekable();
        while let Some(&octet) = octets.next() {
            if octet != b'\r' || octets.peek() != Some(&&b'\n') {
                text.push(octet);
            }
        }
        text
    };
    messages
        .into_iter()
        .map(|message| (message.clone(), with_line_feeds(&message)))
        .collect()
}

/// Stores all messages, in two batches.
fn stored(make: fn(std::path::PathBuf) -> Destination) -> Kit {
    let kit = Kit::new(make);
    let mut opened = kit.open().unwrap();
    let messages = messages();
    let (first, second) = messages.split_at(5);
    for batch in [first, second] {
        let staged = batch
            .iter()
            .map(|(message, _)| opened.stage(message, 1000).unwrap());
        let staged = staged.collect();
        opened.commit(staged).unwrap();
    }
    kit
}

/// Calls a reader written in Python with the path, and gives the hashes it prints in order; none
/// where there is no Python.
fn hashes_by_python(kit: &Kit, program: &str) -> Option<Vec<String>> {
    let output = Command::new("python3")
        .args(["-c", program])
        .arg(kit.path())
        .output();
    let Ok(output) = output else {
        eprintln!("skipped: there is no python3");
        return None;
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = String::from_utf8(output.stdout).unwrap();
    Some(output.lines().map(str::to_owned).collect())
}

fn hash(text: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(text))
}

/// A text as it stands in an mbox, where the last line has an end, too.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut quoted = quoted_by_lines(text);
    if !quoted.ends_with(b"\n") {
        quoted.push(b'\n');
    }
    quoted
}

#[test]
fn python_reads_our_mbox() {
    let kit = stored(Destination::Mbox);
    let program = "import hashlib, mailbox, sys\n\
                   box = mailbox.mbox(sys.argv[1], create=False)\n\
                   for key in box.iterkeys():\n\
                   \x20   print(hashlib.sha256(box.get_bytes(key)).hexdigest())";
    let Some(hashes) = hashes_by_python(&kit, program) else {
        return;
    };
    let expected: Vec<_> = messages()
        .iter()
        .map(|(_, text)| hash(&quoted(text)))
        .collect();
    assert_eq!(hashes, expected);
}

#[test]
fn python_reads_our_maildir() {
    let kit = stored(Destination::Maildir);
    let program = "import hashlib, mailbox, sys\n\
                   box = mailbox.Maildir(sys.argv[1], create=False)\n\
                   for key in box.iterkeys():\n\
                   \x20   print(hashlib.sha256(box.get_bytes(key)).hexdigest())";
    let Some(mut hashes) = hashes_by_python(&kit, program) else {
        return;
    };
    let mut expected: Vec<_> = messages().iter().map(|(_, text)| hash(text)).collect();
    hashes.sort();
    expected.sort();
    assert_eq!(hashes, expected);
}

#[test]
fn mail_parser_reads_our_mbox() {
    let kit = stored(Destination::Mbox);
    let file = BufReader::new(File::open(kit.path()).unwrap());
    let mut read = mbox::MessageIterator::new(file);
    for (_, text) in messages() {
        let message = read.next().unwrap().unwrap();
        // It takes the closing empty line for a part of the message.
        let mut expected = text;
        expected.extend_from_slice(if expected.ends_with(b"\n") {
            b"\n"
        } else {
            b"\n\n"
        });
        assert!(
            message.contents() == expected,
            "{}",
            message.contents()[..20].escape_ascii()
        );
        assert_eq!(message.internal_date(), NOW_SECONDS);
        assert_eq!(message.from(), "MAILER-DAEMON");
    }
    assert!(read.next().is_none());
}

#[test]
fn mail_parser_reads_our_maildir() {
    let kit = stored(Destination::Maildir);
    let read = maildir::MessageIterator::new(kit.path()).unwrap();
    let mut read: Vec<_> = read
        .map(|message| message.unwrap().unwrap_contents())
        .collect();
    let mut expected: Vec<_> = messages().into_iter().map(|(_, text)| text).collect();
    read.sort();
    expected.sort();
    assert!(read == expected);
}

#[test]
fn what_is_there_without_a_journal_is_told_by_its_content() {
    for make in [Destination::Maildir, Destination::Mbox, Destination::Eml] {
        let kit = stored(make);
        let mut expected = Vec::new();
        let opened = kit.open().unwrap();
        opened
            .journal
            .each_receipt(&mut |_, receipt| {
                expected.push((receipt.sha256, receipt.stored_octets));
                Ok(())
            })
            .unwrap();
        let mut present = Vec::new();
        super::present::each_present(&kit.destination, 1, &mut |receipt| {
            present.push((receipt.sha256, receipt.stored_octets));
            Ok(())
        })
        .unwrap();
        // What the original has of readers' fields, and a missing last line end, an mbox cannot
        // tell.
        let unknown = if matches!(kit.destination, Destination::Mbox(_)) {
            2
        } else {
            0
        };
        let known = present
            .iter()
            .filter(|found| expected.contains(found))
            .count();
        assert_eq!(
            (present.len(), known),
            (expected.len(), expected.len() - unknown)
        );
    }
}

#[test]
fn what_is_stored_is_verified() {
    use super::verify::{Extra, Finding, StoredFiles, Verifier};
    for make in [Destination::Maildir, Destination::Mbox, Destination::Eml] {
        let kit = stored(make);
        let opened = kit.open().unwrap();
        let mut receipts = Vec::new();
        opened
            .journal
            .each_receipt(&mut |_, receipt| {
                receipts.push(receipt);
                Ok(())
            })
            .unwrap();
        let is_mbox = matches!(kit.destination, Destination::Mbox(_));
        let mut verifier = Verifier::new(&kit.destination).unwrap();
        let mut stored_files = StoredFiles::new(&kit.destination).unwrap();
        for receipt in &receipts {
            let finding = verifier.look_for(receipt).unwrap();
            assert!(
                matches!(finding, Finding::Intact { .. }),
                "{finding:?} {receipt:?}"
            );
            assert_eq!(stored_files.holds(receipt).unwrap(), !is_mbox);
        }
        assert_eq!(verifier.extra(), []);
        // One gone, one changed, one of somebody else's.
        let place = |number: usize| kit.destination.path_of(&receipts[number].place).unwrap();
        if is_mbox {
            continue;
        }
        fs::remove_file(place(0)).unwrap();
        File::create(place(1)).unwrap();
        let extra = place(2).with_file_name("theirs.eml");
        File::create(&extra).unwrap();
        let mut verifier = Verifier::new(&kit.destination).unwrap();
        let findings: Vec<_> = receipts
            .iter()
            .map(|receipt| verifier.look_for(receipt).unwrap())
            .collect();
        assert_eq!(findings[0], Finding::Missing);
        assert_eq!(findings[1], Finding::Changed { path: place(1) });
        assert_eq!(findings[2], Finding::Intact { path: place(2) });
        assert_eq!(
            verifier.extra(),
            [Extra {
                path: extra,
                offset: None
            }]
        );
        for (receipt, expected) in receipts.iter().zip([false, false, true]) {
            assert_eq!(stored_files.holds(receipt).unwrap(), expected);
        }
    }
}

#[test]
fn a_stored_file_is_found_where_a_reader_moves_it_meanwhile() {
    use super::verify::StoredFiles;
    let kit = stored(Destination::Maildir);
    let opened = kit.open().unwrap();
    let Destination::Maildir(maildir) = &kit.destination else {
        unreachable!()
    };
    let mut stored_files = StoredFiles::new(&kit.destination).unwrap();
    for name in super::files::names_in(&maildir.join("new")).unwrap() {
        let seen = maildir.join(format!("cur/{name}:2,S"));
        let disk = super::durable::Disk::new();
        disk.rename(&maildir.join("new").join(name), &seen).unwrap();
    }
    let mut held = 0;
    opened
        .journal
        .each_receipt(&mut |_, receipt| {
            assert!(stored_files.holds(&receipt)?, "{receipt:?}");
            held += 1;
            Ok(())
        })
        .unwrap();
    assert!(held > 1);
}
