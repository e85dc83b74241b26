use std::io::Write as _;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::{CHECKSUM_OCTETS, FirstLine, Record, Seal, checked, decode_first, encode_first};
use crate::message::Header;
use crate::protocol::UniqueId;
use crate::store::error::{Damage, Error};
use crate::store::journal::fields::{HasGist, Rest};
use crate::store::journal::file::JournalFile;
use crate::store::journal::record::{
    AccountId, Identity, JournalId, Place, Receipt, ReceiptId, Repair,
};

const ID: JournalId = JournalId(0x0b5d_2c9e_4f8a_7d61);

static SEAL: LazyLock<Seal> = LazyLock::new(|| Seal::new(ID, 3));

fn line_of(record: &Record, offset: u64) -> Vec<u8> {
    let mut line = Vec::new();
    record.encode(*SEAL, offset, &mut line);
    assert_eq!(line.pop(), Some(b'\n'));
    line
}

fn uid(octets: &[u8]) -> UniqueId {
    UniqueId::parse(octets).unwrap()
}

fn receipt() -> Receipt {
    Receipt {
        account: AccountId(1),
        unique_id: Some(uid(b"a b%\xff")),
        listed_octets: Some(2048),
        stored_octets: 2001,
        sha256: [0xab; 32],
        place: Place::Name("1764000000.example".to_owned()),
        time_seconds: 1_764_000_000,
        suspect: false,
    }
}

#[test]
fn a_record_reads_in_a_pager() {
    let hash = "ab".repeat(32);
    let check = |record: Record, expected: &str| {
        let line = line_of(&record, 77);
        let text = String::from_utf8(line).unwrap();
        let (text, checksum) = text.rsplit_once(' ').unwrap();
        assert_eq!(text, expected);
        assert_eq!(checksum.len(), 8);
    };
    check(
        Record::Account {
            account: AccountId(1),
            identity: Identity::Login {
                user: "alice@example.org".to_owned(),
                host: "pop.example.org".to_owned(),
                port: 995,
            },
        },
        "account 1 login alice@example.org pop.example.org 995",
    );
    check(
        Record::Account {
            account: AccountId(2),
            identity: Identity::Named("old laptop".to_owned()),
        },
        "account 2 named old%20laptop",
    );
    check(
        Record::Intent(receipt()),
        &format!("intent 1 a%20b%25%FF 2048 2001 {hash} name:1764000000.example 1764000000 -"),
    );
    let bare = Receipt {
        unique_id: None,
        listed_octets: None,
        place: Place::Range {
            offset: 7,
            octets: 9,
        },
        suspect: true,
        ..receipt()
    };
    check(
        Record::Receipt {
            intent: Some(ReceiptId(46)),
            receipt: bare,
        },
        &format!("receipt 46 1 - - 2001 {hash} at:7+9 1764000000 suspect"),
    );
    check(Record::Done(ReceiptId(46)), "done 46");
    check(Record::Void(ReceiptId(46)), "void 46");
    check(Record::Synced(300), "synced 300");
    check(Record::Repaired, "repaired");
    check(
        Record::Header {
            account: AccountId(1),
            unique_id: uid(b"-"),
            header: Header {
                date_seconds: Some(-1),
                from: None,
                subject: Some(String::new()),
            },
        },
        "header 1 %2D -1 - %",
    );
}

#[test]
fn a_line_counts_only_where_it_was_written() {
    let line = line_of(&Record::Done(ReceiptId(46)), 100);
    let check = |seal: Seal, offset: u64, line: &[u8], expected: Option<Record>| {
        assert_eq!(Record::<Receipt>::decode(seal, offset, line), expected);
    };
    check(*SEAL, 100, &line, Some(Record::Done(ReceiptId(46))));
    check(*SEAL, 101, &line, None);
    let other = Seal::new(JournalId(1), 3);
    check(other, 100, &line, None);
    let older = Seal::new(ID, 2);
    check(older, 100, &line, None);
    check(*SEAL, 100, &line[1..], None);
    check(*SEAL, 100, &line[..line.len() - 1], None);
    check(*SEAL, 100, b"", None);
    check(*SEAL, 100, b"12345678", None);
}

#[test]
fn every_changed_octet_is_found() {
    let line = line_of(&Record::Intent(receipt()), 100);
    for place in 0..line.len() {
        for change in [1, 0x20, 0x80] {
            let mut damaged = line.clone();
            damaged[place] ^= change;
            assert_eq!(Record::<Receipt>::decode(*SEAL, 100, &damaged), None);
        }
    }
}

#[test]
fn what_was_written_once_is_read_for_ever() {
    let first = b"popfetch-journal 1 26d53b7a56f2f02f 0 4ea3af89";
    let seal = decode_first(first).unwrap();
    let line = b"synced 47 89534d73";
    assert_eq!(
        Record::<Receipt>::decode(seal, 47, line),
        Some(Record::Synced(47))
    );
}

#[test]
fn a_word_of_the_future_is_told_from_damage() {
    let text = "telepathy 1";
    let line = format!("{text} {:08x}", super::checksum(*SEAL, 5, text.as_bytes()));
    assert!(checked(*SEAL, 5, line.as_bytes()).is_some());
    assert_eq!(Record::<Receipt>::decode(*SEAL, 5, line.as_bytes()), None);
}

/// What is loaded can be read again: fields that are too many are refused in each record.
#[test]
fn a_line_of_the_future_is_not_loaded() {
    let intent = format!("intent 1 - - 1 {} - 1 - more", "ab".repeat(32));
    for text in ["telepathy 1", "synced 5 more", "repaired more", &intent] {
        let mut lines = Vec::new();
        encode_first(*SEAL, &mut lines);
        let checksum = super::checksum(*SEAL, lines.len() as u64, text.as_bytes());
        lines.extend_from_slice(format!("{text} {checksum:08x}\n").as_bytes());
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&lines).unwrap();
        let why = match JournalFile::load_for_reading(file.path()) {
            Err(Error::Damaged { line: 2, why, .. }) => Some(why),
            _ => None,
        };
        assert!(matches!(why, Some(Damage::Version)), "{text}: {why:?}");
    }
}

#[test]
fn a_name_that_leads_out_of_its_folder_is_none_of_ours() {
    for (name, is_ours) in [
        ("a", true),
        ("2024-01/a.eml", true),
        ("..a", true),
        ("", false),
        ("..", false),
        ("a/../../b", false),
        ("./a", false),
        ("a/", false),
        ("/a", false),
        ("a\0b", false),
    ] {
        let record = Record::Intent(Receipt {
            place: Place::Name(name.to_owned()),
            ..receipt()
        });
        let read = Record::<Receipt>::decode(*SEAL, 5, &line_of(&record, 5));
        let expected = is_ours.then_some(record);
        assert_eq!(read, expected, "{name:?}");
    }
}

#[test]
fn the_first_line_names_the_journal() {
    let mut line = Vec::new();
    encode_first(*SEAL, &mut line);
    assert_eq!(line.pop(), Some(b'\n'));
    assert!(line.starts_with(b"popfetch-journal 1 0b5d2c9e4f8a7d61 3 "));
    let check = |line: &[u8], expected: Result<Seal, FirstLine>| {
        assert_eq!(decode_first(line), expected);
    };
    check(&line, Ok(*SEAL));
    check(b"", Err(FirstLine::NotAJournal));
    check(b"From alice", Err(FirstLine::NotAJournal));
    check(b"popfetch-journal", Err(FirstLine::Damaged));
    check(b"popfetch-journal 2 whatever", Err(FirstLine::Version));
    for place in b"popfetch-journal 1 ".len()..line.len() {
        let mut damaged = line.clone();
        damaged[place] ^= 1;
        check(&damaged, Err(FirstLine::Damaged));
    }
}

fn any_unique_id() -> impl Strategy<Value = UniqueId> {
    proptest::collection::vec(any::<u8>(), 1..=512)
        .prop_filter_map("control octets", |octets| UniqueId::parse(&octets).ok())
}

fn any_place() -> impl Strategy<Value = Place> {
    prop_oneof![
        "[^/\0]{0,40}".prop_map(|name| Place::Name(format!("n{name}"))),
        any::<(u64, u64)>().prop_map(|(offset, octets)| Place::Range { offset, octets }),
        Just(Place::Nowhere),
    ]
}

prop_compose! {
    fn any_receipt()(
        account in any::<u16>(),
        unique_id in proptest::option::of(any_unique_id()),
        listed_octets in any::<Option<u64>>(),
        stored_octets in any::<u64>(),
        sha256 in any::<[u8; 32]>(),
        place in any_place(),
        time_seconds in any::<i64>(),
        suspect in any::<bool>(),
    ) -> Receipt {
        Receipt {
            account: AccountId(account),
            unique_id,
            listed_octets,
            stored_octets,
            sha256,
            place,
            time_seconds,
            suspect,
        }
    }
}

fn any_identity() -> impl Strategy<Value = Identity> {
    prop_oneof![
        any::<(String, String, u16)>().prop_map(|(user, host, port)| Identity::Login {
            user,
            host,
            port
        }),
        any::<String>().prop_map(Identity::Named),
    ]
}

fn any_record() -> impl Strategy<Value = Record> {
    let account = || any::<u16>().prop_map(AccountId);
    let of = || (account(), any_unique_id(), any::<i64>());
    prop_oneof![
        (account(), any_identity())
            .prop_map(|(account, identity)| Record::Account { account, identity }),
        any_receipt().prop_map(Record::Intent),
        (any::<Option<u64>>(), any_receipt()).prop_map(|(intent, receipt)| Record::Receipt {
            intent: intent.map(ReceiptId),
            receipt,
        }),
        any::<u64>().prop_map(|offset| Record::Done(ReceiptId(offset))),
        any::<u64>().prop_map(|offset| Record::Void(ReceiptId(offset))),
        any::<u64>().prop_map(Record::Synced),
        of().prop_map(|(account, unique_id, _)| Record::DeleteAsked { account, unique_id }),
        of().prop_map(
            |(account, unique_id, time_seconds)| Record::DeleteConfirmed {
                account,
                unique_id,
                time_seconds,
            }
        ),
        of().prop_map(|(account, unique_id, time_seconds)| Record::Seen {
            account,
            unique_id,
            time_seconds,
        }),
        of().prop_map(|(account, _, time_seconds)| Record::Listed {
            account,
            time_seconds,
        }),
        (of(), any::<(Option<i64>, Option<String>, Option<String>)>()).prop_map(
            |((account, unique_id, _), (date_seconds, from, subject))| Record::Header {
                account,
                unique_id,
                header: Header {
                    date_seconds,
                    from,
                    subject,
                },
            }
        ),
        any::<(u64, u64, u64, u64, [u8; 32], String)>().prop_map(
            |(offset, fragment_octets, ours_octets, tail_octets, tail_sha256, side_file)| {
                Record::Repair(Repair {
                    offset,
                    fragment_octets,
                    ours_octets,
                    tail_octets,
                    tail_sha256,
                    side_file,
                })
            }
        ),
        Just(Record::Repaired),
    ]
}

fn check_kept(text: &[u8]) -> Result<(), TestCaseError> {
    let whole = Record::<Receipt>::read_whole(Rest::of(text));
    let kept = Record::<Rest<'_>>::read_whole(Rest::of(text));
    let (is_kept, gist) = match &kept {
        Some(Record::Intent(receipt) | Record::Receipt { receipt, .. }) => {
            (receipt.gist().is_some(), receipt.gist())
        }
        Some(_) | None => (kept.is_some(), None),
    };
    prop_assert_eq!(whole.is_some(), is_kept);
    let whole = whole.and_then(Record::into_receipt);
    prop_assert_eq!(whole.as_ref().and_then(HasGist::gist), gist);
    Ok(())
}

proptest! {
    #[test]
    fn what_is_written_is_read(record in any_record(), offset in any::<u64>()) {
        let line = line_of(&record, offset);
        prop_assert!(!line.contains(&b'\n'));
        prop_assert!(line.iter().all(|octet| octet.is_ascii_graphic() || *octet == b' '));
        prop_assert_eq!(Record::<Receipt>::decode(*SEAL, offset, &line), Some(record));
    }

    #[test]
    fn any_octets_are_a_line_or_not(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Record::<Receipt>::decode(*SEAL, 0, &line).is_none());
        prop_assert!(decode_first(&line).is_err());
    }

    /// What is loaded can be read again.
    #[test]
    fn what_is_kept_is_read_from_just_the_lines_that_tell_all(
        record in any_record(),
        changed in any::<prop::sample::Index>(),
        octet in prop_oneof![any::<u8>(), prop::sample::select(&b" %-/.+0Aa"[..])],
    ) {
        let line = line_of(&record, 0);
        let mut text = line[..line.len() - CHECKSUM_OCTETS].to_vec();
        *changed.get_mut(&mut text) = octet;
        check_kept(&text)?;
    }

    #[test]
    fn a_name_is_kept_where_it_is_read(name in "[0-9./%a-z ]{0,6}|[0-9][ -~]{0,20}") {
        let hash = "ab".repeat(32);
        check_kept(format!("intent 1 - - 1 {hash} name:{name} 1 -").as_bytes())?;
    }

    #[test]
    fn fields_of_any_octets_never_panic(text in "[a-z -]{0,20}( [0-9a-z%:+-]{0,70}){0,9}") {
        let _record = Record::<Receipt>::read_whole(Rest::of(text.as_bytes()));
    }
}
