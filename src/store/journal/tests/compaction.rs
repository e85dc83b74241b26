//! What a journal says once it was written anew.

use std::slice;

use super::*;
use crate::message::Header;

fn header(octets: usize) -> Header {
    Header {
        subject: Some("x".repeat(octets)),
        ..Header::default()
    }
}

#[test]
fn compaction_leaves_out_what_is_dead_and_nothing_else() {
    let bench = Bench::new();
    let mut journal = bench.load();
    live(&mut journal, &mut |_| {});
    let alice = AccountId(1);
    for number in 0..600 {
        let intents = journal.intend(&[receipt(alice, &format!("dead{number}"))]);
        journal.void(&intents.unwrap()).unwrap();
    }
    journal.sync().unwrap();
    drop(journal);
    let before = bench.octets().len();
    let told_before = told(&bench.load());
    let seal_before = bench.load().file.seal();
    let mut journal = bench.load().compact(&Disk::new()).unwrap();
    assert_ne!(journal.file.seal(), seal_before);
    assert!(bench.octets().len() * 10 < before);
    assert_eq!(journal.id(), ID);
    let sorted = |told: &str| {
        let mut lines: Vec<String> = told.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&told(&journal)), sorted(&told_before));
    // Its lines are those of another file now, and it goes on.
    journal.record(&[receipt(alice, "after")]).unwrap();
    journal.sync().unwrap();
    assert_eq!(told(&bench.load()), told(&journal));
    let again = bench.load().compact(&Disk::new()).unwrap();
    assert_eq!(told(&again), told(&journal));
}

#[test]
fn a_journal_is_compacted_if_it_is_large_and_mostly_dead() {
    type Fill = fn(&mut Journal, &Receipt);
    let live_ones: [Fill; 3] = [
        |journal, receipt| drop(journal.intend(slice::from_ref(receipt)).unwrap()),
        |journal, receipt| drop(journal.record(slice::from_ref(receipt)).unwrap()),
        |journal, receipt| {
            let unique_id = receipt.unique_id.as_ref().unwrap();
            let noted = journal.note_header(receipt.account, unique_id, &header(100));
            noted.unwrap();
        },
    ];
    let dead: Fill = |journal, receipt| {
        let intents = journal.intend(slice::from_ref(receipt)).unwrap();
        journal.void(&intents).unwrap();
    };
    let check = |fill: Fill, count: usize, expected: bool| {
        let bench = Bench::new();
        let mut journal = bench.load();
        let alice = account(&mut journal, &login(995), &[]);
        for number in 0..count {
            fill(&mut journal, &receipt(alice, &format!("{number}")));
        }
        journal.sync().unwrap();
        drop(journal);
        let before = bench.octets();
        drop(bench.load().compact(&Disk::new()).unwrap());
        assert_eq!(bench.octets() != before, expected, "{}", before.len());
    };
    for live in live_ones {
        check(live, 600, false);
    }
    check(dead, 600, true);
    check(dead, 100, false);
}

#[test]
fn headers_of_deleted_messages_are_left_out() {
    let bench = Bench::new();
    let mut journal = bench.load();
    let alice = account(&mut journal, &login(995), &[]);
    journal.record(&[receipt(alice, "gone")]).unwrap();
    journal.confirm_delete(alice, &[&uid("gone")], NOW).unwrap();
    for id in ["here", "gone", "gone"] {
        let header = header(60_000);
        journal.note_header(alice, &uid(id), &header).unwrap();
    }
    journal.sync().unwrap();
    drop(journal);
    let journal = bench.load().compact(&Disk::new()).unwrap();
    assert_eq!(journal.header(alice, b"gone").unwrap(), None);
    assert_eq!(
        journal.header(alice, b"here").unwrap(),
        Some(header(60_000))
    );
}

#[test]
fn a_listing_is_noted_once_a_day_and_for_who_deletes() {
    let bench = Bench::new();
    let mut journal = bench.load();
    let alice = account(&mut journal, &login(995), &[]);
    let bob = account(&mut journal, &Identity::Named("bob".to_owned()), &[]);
    let receipts = [receipt(alice, "one"), receipt(bob, "one")];
    journal.record(&receipts).unwrap();
    journal.confirm_delete(alice, &[&uid("one")], NOW).unwrap();
    for (account, days, expected) in [
        (bob, 1, false),
        (alice, 1, true),
        (alice, 1, false),
        (alice, 2, true),
        (bob, 2, false),
    ] {
        let before = bench.octets().len();
        let mut listed = [&b"one"[..]].into_iter();
        journal
            .note_listing(account, &mut listed, NOW + days * DAY)
            .unwrap();
        assert_eq!(
            bench.octets().len() > before,
            expected,
            "{account:?} {days}"
        );
    }
}

#[test]
fn a_deleted_message_is_forgotten_once_it_was_away_for_long() {
    let bench = Bench::new();
    let mut journal = bench.load();
    let alice = account(&mut journal, &login(995), &[]);
    let all: Vec<String> = (0..400).map(|number| format!("deleted{number}")).collect();
    let receipts: Vec<Receipt> = all.iter().map(|id| receipt(alice, id)).collect();
    journal.record(&receipts).unwrap();
    let ids: Vec<UniqueId> = all.iter().map(|id| uid(id)).collect();
    let ids: Vec<&UniqueId> = ids.iter().collect();
    journal.ask_delete(alice, &ids).unwrap();
    journal.confirm_delete(alice, &ids, NOW).unwrap();
    let mut listing = |listed: &[&str], days: i64| {
        let mut listed = listed.iter().map(|id| id.as_bytes());
        let now = NOW + days * DAY;
        journal.note_listing(alice, &mut listed, now).unwrap();
        drop(bench.load().compact(&Disk::new()).unwrap());
        journal = bench.load();
        let known = |id: &str| journal.known(alice, id.as_bytes()).is_some();
        [known("deleted0"), known("deleted1")]
    };
    assert_eq!(listing(&["deleted0"], 1), [true, true]);
    assert_eq!(listing(&["deleted0"], 60), [true, true]);
    assert_eq!(listing(&[], 89), [true, true]);
    assert_eq!(listing(&[], 90), [true, false]);
    assert_eq!(listing(&[], 149), [true, false]);
}
