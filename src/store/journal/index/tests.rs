use super::{Entry, Index, Known, Name, day, first_second};
use crate::protocol::UniqueId;
use crate::store::journal::format::Record;
use crate::store::journal::record::{AccountId, DeleteState, Held, Place, Receipt};

fn receipt(account: u16, unique_id: &str, content: u8) -> Record {
    Record::Receipt {
        intent: None,
        receipt: Receipt {
            account: AccountId(account),
            unique_id: UniqueId::parse(unique_id.as_bytes()).ok(),
            listed_octets: None,
            stored_octets: 1,
            sha256: [content; 32],
            place: Place::Nowhere,
            time_seconds: 1_764_000_000,
            suspect: false,
        },
    }
}

#[test]
fn a_receipt_takes_a_few_dozen_octets() {
    assert!(size_of::<Entry>() <= 48, "{}", size_of::<Entry>());
}

#[test]
fn every_receipt_is_found_however_many_there_are() {
    let mut index = Index::default();
    let count = 5_000;
    for number in 0..count {
        let record = receipt(1, &format!("id{number}"), 0);
        index.take_in(number, &record).unwrap();
    }
    let known = |account: u16, unique_id: String| {
        index.known(AccountId(account), Name::UniqueId(unique_id.as_bytes()))
    };
    for number in 0..count {
        let known = known(1, format!("id{number}")).unwrap();
        assert_eq!(known.receipts().count(), 1);
        assert_eq!(known.newest().id.0, number);
    }
    assert_eq!(known(2, "id0".to_owned()), None);
    assert_eq!(known(1, format!("id{count}")), None);
}

#[test]
fn one_unique_id_may_have_several_contents() {
    let mut index = Index::default();
    for (offset, content) in [(10, 1), (20, 2), (30, 1)] {
        index.take_in(offset, &receipt(1, "same", content)).unwrap();
    }
    let known = index.known(AccountId(1), Name::UniqueId(b"same"));
    let known = known.unwrap();
    assert_eq!(known.messages(), 2);
    let offsets: Vec<u64> = known.receipts().map(|held| held.id.0).collect();
    assert_eq!(offsets, [10, 20, 30]);
    assert_eq!(known.newest().id.0, 30);
}

#[test]
fn a_receipt_without_a_unique_id_is_known_by_its_content() {
    let mut index = Index::default();
    index.take_in(10, &receipt(1, "", 7)).unwrap();
    assert!(index.has(AccountId(1), Name::Content(&[7; 32])));
    assert!(!index.has(AccountId(2), Name::Content(&[7; 32])));
    assert!(!index.has(AccountId(1), Name::UniqueId(&[7; 32])));
}

#[test]
fn only_an_account_that_has_it_is_nameless() {
    let mut index = Index::default();
    index.take_in(10, &receipt(1, "", 7)).unwrap();
    index.take_in(20, &receipt(2, "named", 7)).unwrap();
    assert!(index.has_nameless(AccountId(1)));
    assert!(!index.has_nameless(AccountId(2)));
}

#[test]
fn receipts_are_told_oldest_first() {
    let held = |offset: u32| Held::sample(None, 0, offset);
    for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1], [3, 1, 2]] {
        let known = Known::of(order.map(held)).unwrap();
        let told: Vec<u64> = known.receipts().map(|held| held.id.0).collect();
        assert_eq!(told, [1, 2, 3], "{order:?}");
    }
    assert_eq!(Known::of([]), None);
}

/// A server may give the unique-id of a deleted message to another.
#[test]
fn the_last_word_on_a_deletion_counts() {
    let mut index = Index::default();
    index.take_in(10, &receipt(1, "same", 1)).unwrap();
    let unique_id = UniqueId::parse(b"same").unwrap();
    let asked: Record = Record::DeleteAsked {
        account: AccountId(1),
        unique_id: unique_id.clone(),
    };
    let confirmed = Record::DeleteConfirmed {
        account: AccountId(1),
        unique_id,
        time_seconds: 0,
    };
    for (record, expected) in [
        (asked.clone(), DeleteState::Asked),
        (confirmed, DeleteState::Confirmed),
        (asked, DeleteState::Asked),
    ] {
        index.take_in(20, &record).unwrap();
        let known = index.known(AccountId(1), Name::UniqueId(b"same")).unwrap();
        assert_eq!(known.delete(), expected);
    }
}

#[test]
fn days_count_from_1970() {
    for (seconds, expected) in [
        (-1, 0),
        (0, 0),
        (86_399, 0),
        (86_400, 1),
        (i64::MAX, u16::MAX),
    ] {
        assert_eq!(day(seconds), expected, "{seconds}");
    }
    assert_eq!(day(first_second(20_000)), 20_000);
}

/// The server chooses how often it lists a unique-id. Were each of them looked at for each of
/// them, this test would not end in a day.
#[test]
fn a_unique_id_may_be_listed_as_often_as_the_server_likes() {
    let mut index = Index::default();
    let count = 300_000;
    for offset in 0..count {
        index.take_in(offset, &receipt(1, "same", 1)).unwrap();
    }
    index.take_in(count, &receipt(1, "other", 1)).unwrap();
    let known = index.known(AccountId(1), Name::UniqueId(b"same")).unwrap();
    assert_eq!(known.receipts().count() as u64, count);
    assert_eq!(known.newest().id.0, count - 1);
    let mut listed = std::iter::repeat_n(b"same".as_slice(), 300_000);
    let vanished = index.vanished(AccountId(1), &mut listed);
    assert_eq!(
        vanished.iter().map(|held| held.id.0).collect::<Vec<_>>(),
        [count]
    );
}
