use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use super::without_flags;
use crate::store::testkit::{Kit, NOW_SECONDS, Part, Stop, names_in};
use crate::store::{Arriving, Destination, Disk, Place};

const DATED: &[u8] =
    b"Date: Fri, 5 Jan 2024 10:00:00 +0000\r\n\r\nline\r\nlone \r and \n and \0 and \xff\r\n";

fn maildir() -> Kit {
    Kit::new(Destination::Maildir)
}

fn names(kit: &Kit, folder: &str) -> Vec<String> {
    names_in(&kit.path().join(folder))
}

#[test]
fn flags_are_cut() {
    for (name, unique) in [
        ("1.a.h:2,S", "1.a.h"),
        ("1.a.h", "1.a.h"),
        ("1.a.h:2,:", "1.a.h"),
    ] {
        assert_eq!(without_flags(name), unique);
    }
}

#[test]
fn messages_are_stored_with_line_feeds_and_a_date() {
    let kit = maildir();
    let mut opened = kit.open().unwrap();
    let delivered = opened.deliver(&[DATED, b"no end"]).unwrap();
    let stored: [&[u8]; 2] = [
        b"Date: Fri, 5 Jan 2024 10:00:00 +0000\n\nline\nlone \r and \n and \0 and \xff\n",
        b"no end",
    ];
    assert_eq!(delivered.len(), 2);
    for (delivered, (text, seconds)) in delivered
        .iter()
        .zip(stored.iter().zip([1_704_448_800, NOW_SECONDS]))
    {
        let Place::Name(name) = &delivered.receipt.place else {
            panic!("{delivered:?}")
        };
        let path = kit.path().join("new").join(name);
        assert_eq!(fs::read(&path).unwrap(), *text);
        let hash: [u8; 32] = Sha256::digest(text).into();
        assert_eq!(delivered.receipt.sha256, hash);
        assert_eq!(delivered.receipt.stored_octets, text.len() as u64);
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(
            modified,
            SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
        );
        assert_eq!(
            &opened.journal.receipt(delivered.id).unwrap(),
            &delivered.receipt
        );
    }
    assert!(names(&kit, "tmp").is_empty());
}

#[test]
fn half_and_unwanted_messages_leave_no_trace() {
    let kit = maildir();
    let mut opened = kit.open().unwrap();
    let long = vec![b'x'; 300_000];
    opened.halves.stage.begin(&Arriving::default()).unwrap();
    opened.halves.stage.write(&long).unwrap();
    opened.halves.stage.abandon().unwrap();
    let staged = opened.stage(&long, 1000).unwrap();
    opened.halves.stage.discard(staged).unwrap();
    let delivered = opened.deliver(&[b"kept"]).unwrap();
    assert_eq!(delivered.len(), 1);
    assert!(names(&kit, "tmp").is_empty());
    assert_eq!(names(&kit, "new").len(), 1);
}

#[test]
fn only_our_own_leftovers_are_cleaned() {
    let kit = maildir();
    let mut opened = kit.open().unwrap();
    drop(opened.stage(b"left behind", 3).unwrap());
    File::create(kit.path().join("tmp/1704448801.M1P2.other")).unwrap();
    drop(opened);
    let opened = kit.open().unwrap();
    assert_eq!(opened.replayed.delivered.len(), 0);
    assert_eq!(names(&kit, "tmp"), ["1704448801.M1P2.other"]);
}

/// What a mail reader does while we are dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    /// Moves new messages to `cur/` and flags them.
    Read,
}

#[test]
fn stopped_at_any_operation_each_message_comes_once() {
    let messages: [&[u8]; 3] = [DATED, b"two\r\n", b"three\r\n"];
    for meanwhile in [Meanwhile::Nothing, Meanwhile::Read] {
        for operations in 0.. {
            let kit = maildir();
            let part = Part {
                path: kit.path(),
                octets: |_| 0,
            };
            let disk = Disk::watched(Stop::after(operations, part));
            let ended = kit.open_on(&disk).is_ok_and(|mut opened| {
                opened.deliver(&messages).is_ok() && opened.journal.sync().is_ok()
            });
            if meanwhile == Meanwhile::Read && kit.path().join("cur").exists() {
                for name in names(&kit, "new") {
                    let new = kit.path().join("new").join(&name);
                    kit.disk
                        .rename(&new, &kit.path().join(format!("cur/{name}:2,S")))
                        .unwrap();
                }
            }
            let mut opened = kit.open().unwrap();
            if opened.journal.known(opened.account, b"uid1").is_none() {
                opened.deliver(&messages).unwrap();
            }
            let told = format!("{meanwhile:?}, {operations}");
            let mut texts = Vec::new();
            for folder in ["new", "cur"] {
                for name in names(&kit, folder) {
                    texts.push(fs::read(kit.path().join(folder).join(name)).unwrap().len());
                }
            }
            texts.sort_unstable();
            assert_eq!(texts, [4, 6, DATED.len() - 4], "{told}");
            assert!(names(&kit, "tmp").is_empty(), "{told}");
            assert_eq!(kit.open().unwrap().replayed.delivered.len(), 0, "{told}");
            if ended {
                break;
            }
        }
    }
}
