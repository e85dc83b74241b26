use std::fs;

use sha2::{Digest as _, Sha256};

use crate::store::testkit::{Kit, Part, Stop, names_in};
use crate::store::{Destination, Disk, EmlFolders, Place};

const DATED: &[u8] = b"Date: Fri, 5 Jan 2024 10:00:00 +0000\r\nFrom: Ann <a@b.c>\r\n\
    Subject: Hi\r\n\r\nline\r\nlone \r and \n and \0 and \xff\r\n";

fn eml() -> Kit {
    Kit::new(Destination::Eml)
}

fn names(kit: &Kit) -> Vec<String> {
    let mut names = names_in(&kit.path());
    names.retain(|name| name != ".popfetch-tmp");
    names
}

#[test]
fn messages_are_stored_as_received_and_alike_ones_side_by_side() {
    let kit = eml();
    let mut opened = kit.open().unwrap();
    opened.deliver(&[DATED, DATED]).unwrap();
    let delivered = opened.deliver(&[DATED]).unwrap();
    let hash: [u8; 32] = Sha256::digest(DATED).into();
    let short = data_encoding::HEXLOWER.encode(&hash[..4]);
    let stem = format!("2024-01-05T10-00-00Z Ann Hi.{short}");
    let expected = [
        format!("{stem}-2.eml"),
        format!("{stem}-3.eml"),
        format!("{stem}.eml"),
    ];
    assert_eq!(names(&kit), expected);
    for name in expected {
        assert_eq!(fs::read(kit.path().join(name)).unwrap(), DATED);
    }
    assert_eq!(delivered[0].receipt.sha256, hash);
    assert_eq!(
        delivered[0].receipt.place,
        Place::Name(format!("{stem}-3.eml"))
    );
}

#[test]
fn months_have_folders() {
    let kit = eml().with_folders(EmlFolders::Months);
    let delivered = kit.open().unwrap().deliver(&[DATED]).unwrap();
    let Place::Name(name) = &delivered[0].receipt.place else {
        panic!()
    };
    assert!(name.starts_with("2024/01/2024-01-05T"), "{name}");
    assert_eq!(fs::read(kit.path().join(name)).unwrap(), DATED);
}

#[test]
fn stopped_at_any_operation_each_message_comes_once() {
    // Two are alike.
    let messages: [&[u8]; 3] = [DATED, DATED, b"Subject: other\r\n\r\n"];
    for folders in [EmlFolders::None, EmlFolders::Months] {
        for operations in 0.. {
            let kit = eml().with_folders(folders);
            let part = Part {
                path: kit.path(),
                octets: |_| 0,
            };
            let disk = Disk::watched(Stop::after(operations, part));
            let ended = kit.open_on(&disk).is_ok_and(|mut opened| {
                opened.deliver(&messages).is_ok() && opened.journal.sync().is_ok()
            });
            let mut opened = kit.open().unwrap();
            if opened.journal.known(opened.account, b"uid1").is_none() {
                opened.deliver(&messages).unwrap();
            }
            let root = match folders {
                EmlFolders::None => kit.path(),
                EmlFolders::Months => kit.path().join("2024/01"),
            };
            let mut lengths: Vec<u64> = fs::read_dir(root)
                .unwrap()
                .map(|entry| entry.unwrap())
                .filter(|entry| entry.file_type().unwrap().is_file())
                .map(|entry| entry.metadata().unwrap().len())
                .collect();
            lengths.sort_unstable();
            let long = DATED.len() as u64;
            assert_eq!(lengths, [18, long, long], "{folders:?}, {operations}");
            let staging = fs::read_dir(kit.path().join(".popfetch-tmp")).unwrap();
            assert_eq!(staging.count(), 0, "{folders:?}, {operations}");
            assert_eq!(kit.open().unwrap().replayed.delivered.len(), 0);
            if ended {
                break;
            }
        }
    }
}
