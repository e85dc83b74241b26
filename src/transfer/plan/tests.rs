use std::cell::Cell;
use std::collections::HashMap;

use super::*;
use crate::protocol::{ListingBuilder, MaildropSize};

const NOW: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// Rows as `UIDL-ROW OCTETS`, an octet count of `?` for a row that LIST leaves out.
fn listing(rows: &[&str]) -> Listing {
    let mut builder = ListingBuilder::new(MaildropSize::default());
    let split = |row: &str| {
        row.rsplit_once(' ')
            .map(|(uidl, octets)| (uidl.to_owned(), octets.to_owned()))
            .unwrap()
    };
    for row in rows {
        builder.push_uidl(split(row).0.as_bytes()).unwrap();
    }
    builder.uidl_ended();
    for row in rows {
        let (uidl, octets) = split(row);
        let number = uidl.split(' ').next().unwrap();
        if octets != "?" {
            builder
                .push_list(format!("{number} {octets}").as_bytes())
                .unwrap();
        }
    }
    builder.finish()
}

fn known(held: &[Held]) -> Known {
    Known::of(held.iter().copied()).expect("not empty")
}

fn held(octets: u64) -> Held {
    Held::sample(Some(octets), NOW - DAY, 1)
}

#[track_caller]
fn check(rows: &[&str], ledger: &[(&str, Known)], task: &Task, expected: &[Reason]) {
    check_later(rows, ledger, task, Spent::default(), expected);
}

/// In a session that is not the first of its run.
#[track_caller]
fn check_later(
    rows: &[&str],
    ledger: &[(&str, Known)],
    task: &Task,
    spent: Spent,
    expected: &[Reason],
) {
    let ledger: HashMap<&[u8], &Known> = ledger
        .iter()
        .map(|(unique_id, known)| (unique_id.as_bytes(), known))
        .collect();
    let listing = listing(rows);
    let look_up = |unique_id: UniqueIdRef<'_>| ledger.get(unique_id.as_bytes()).copied().cloned();
    let selected = Selected::by_listing(&listing, &task.selection);
    let plan = plan_fetch(&listing, &look_up, &selected, task, spent);
    let reasons: Vec<Reason> = plan.steps.iter().map(|step| step.reason).collect();
    assert_eq!(reasons, expected);
}

fn task(after: AfterStoring) -> Task {
    Task {
        after,
        now_seconds: NOW,
        ..Task::default()
    }
}

fn scoped(scope: Scope) -> Task {
    let mut task = task(AfterStoring::Keep);
    task.selection.scope = scope;
    task
}

#[test]
fn the_journal_is_asked_once_for_a_unique_id_however_often_it_is_listed() {
    let asked = Cell::new(0);
    let rows = ["1 a 10", "2 a 10", "3 b 20", "4 a 10"];
    let listing = listing(&rows);
    let look_up = |_: UniqueIdRef<'_>| {
        asked.set(asked.get() + 1);
        None
    };
    let task = task(AfterStoring::Keep);
    let selected = Selected::by_listing(&listing, &task.selection);
    plan_fetch(&listing, &look_up, &selected, &task, Spent::default());
    assert_eq!(asked.get(), 2);
}

#[test]
fn what_has_no_receipt_is_retrieved() {
    let rows = ["1 a 10", "2 b 20"];
    let ledger = [("a", known(&[held(10)]))];
    check(
        &rows,
        &ledger,
        &task(AfterStoring::Keep),
        &[Reason::Known, Reason::New],
    );
    check(
        &rows,
        &ledger,
        &scoped(Scope::New),
        &[Reason::Known, Reason::New],
    );
    check(
        &rows,
        &ledger,
        &scoped(Scope::Stored),
        &[Reason::Again, Reason::NotSelected],
    );
    check(
        &rows,
        &ledger,
        &scoped(Scope::All),
        &[Reason::Again, Reason::New],
    );
}

#[test]
fn a_known_unique_id_is_not_fetched_again_for_a_changed_size() {
    let ledger = [("a", known(&[held(10)]))];
    check(
        &["1 a 99"],
        &ledger,
        &task(AfterStoring::Keep),
        &[Reason::Known],
    );
    check(
        &["1 a ?"],
        &ledger,
        &task(AfterStoring::Keep),
        &[Reason::Known],
    );
}

#[test]
fn deletion_wants_the_octets_of_the_receipt() {
    let ledger = [("a", known(&[held(10)]))];
    let delete = task(AfterStoring::Delete);
    check(&["1 a 10"], &ledger, &delete, &[Reason::Due]);
    check(&["1 a 99"], &ledger, &delete, &[Reason::OctetsDiffer]);
    check(&["1 a ?"], &ledger, &delete, &[Reason::OctetsDiffer]);
    let unknown = [("a", known(&[Held::sample(None, NOW, 1)]))];
    check(&["1 a 10"], &unknown, &delete, &[Reason::OctetsDiffer]);
    check(&["1 a ?"], &unknown, &delete, &[Reason::OctetsDiffer]);
}

#[test]
fn deletion_after_an_age_counts_from_the_receipt() {
    let ledger = [("a", known(&[held(10)]))];
    let after = |seconds| task(AfterStoring::DeleteAfter { seconds });
    check(&["1 a 10"], &ledger, &after(86_400), &[Reason::Due]);
    check(&["1 a 10"], &ledger, &after(86_401), &[Reason::NotDue]);
}

#[test]
fn a_deletion_that_was_asked_for_is_asked_again_by_the_next_run_that_deletes() {
    let mut asked = held(10);
    asked.delete = DeleteState::Asked;
    let ledger = [("a", known(&[asked]))];
    check(
        &["1 a 10"],
        &ledger,
        &task(AfterStoring::Keep),
        &[Reason::Known],
    );
    let much_later = AfterStoring::DeleteAfter { seconds: 1 << 40 };
    check(&["1 a 10"], &ledger, &task(much_later), &[Reason::Due]);
}

#[test]
fn a_unique_id_given_out_again_after_its_deletion_is_looked_at() {
    let mut confirmed = held(10);
    confirmed.delete = DeleteState::Confirmed;
    let ledger = [("a", known(&[confirmed]))];
    check(
        &["1 a 10"],
        &ledger,
        &task(AfterStoring::Keep),
        &[Reason::Known],
    );
    check(
        &["1 a 11"],
        &ledger,
        &task(AfterStoring::Keep),
        &[Reason::OctetsDiffer],
    );
}

#[test]
fn a_suspect_message_is_neither_deleted_nor_fetched_again() {
    let mut suspect = held(10);
    suspect.suspect = true;
    let ledger = [("a", known(&[suspect]))];
    check(
        &["1 a 10"],
        &ledger,
        &task(AfterStoring::Delete),
        &[Reason::KnownSuspect],
    );
    check(
        &["1 a 11"],
        &ledger,
        &task(AfterStoring::Delete),
        &[Reason::KnownSuspect],
    );
}

#[test]
fn a_repeated_unique_id_is_fetched_until_there_are_as_many_contents() {
    let rows = ["1 a 10", "2 a 20", "3 b 30"];
    let delete = task(AfterStoring::Delete);
    let one = known(&[held(10)]);
    let same_twice = known(&[held(10), held(12)]);
    let two = known(&[held(10), Held::sample(Some(20), NOW, 2)]);
    let both = [
        Reason::RepeatedUniqueId,
        Reason::RepeatedUniqueId,
        Reason::New,
    ];
    check(&rows, &[], &delete, &both);
    check(&rows, &[("a", one)], &delete, &both);
    check(&rows, &[("a", same_twice)], &delete, &both);
    check(
        &rows,
        &[("a", two)],
        &delete,
        &[Reason::Known, Reason::Known, Reason::New],
    );
}

/// Each was recorded for a message of its own, which may have been fetched after all.
#[test]
fn a_repeated_unique_id_that_is_recorded_as_stored_is_known_as_often() {
    let rows = ["1 a 10", "2 a 20", "3 a 30"];
    let marked = || Held::sample(None, NOW, 0);
    let stored = |content| Held::sample(None, NOW, content);
    for (held, reason) in [
        (vec![marked(), marked()], Reason::RepeatedUniqueId),
        (vec![marked(), marked(), marked()], Reason::Known),
        (
            vec![marked(), stored(1), stored(2)],
            Reason::RepeatedUniqueId,
        ),
        (
            vec![marked(), stored(1), stored(2), stored(3)],
            Reason::Known,
        ),
    ] {
        let ledger = [("a", known(&held))];
        check(&rows, &ledger, &task(AfterStoring::Keep), &[reason; 3]);
    }
}

#[test]
fn a_message_without_a_unique_id_is_compared_by_content() {
    check(
        &["1 10"],
        &[],
        &task(AfterStoring::Delete),
        &[Reason::NoUniqueId],
    );
    check(&["1 10"], &[], &scoped(Scope::All), &[Reason::Again]);
    check(
        &["1 10"],
        &[],
        &scoped(Scope::Stored),
        &[Reason::NotSelected],
    );
}

#[test]
fn bounds_hold_back_what_would_be_retrieved() {
    let rows = ["1 a 10", "2 b 20", "3 c 30", "4 d 5"];
    let ledger = [("a", known(&[held(10)]))];
    let mut limited = task(AfterStoring::Keep);
    limited.selection.limit = Some(1);
    let expected = [
        Reason::Known,
        Reason::New,
        Reason::LimitReached,
        Reason::LimitReached,
    ];
    check(&rows, &ledger, &limited, &expected);
    let mut bounded = task(AfterStoring::Keep);
    bounded.bounds = Bounds {
        message_octets_max: 29,
        run_octets_max: None,
    };
    check(
        &rows,
        &ledger,
        &bounded,
        &[Reason::Known, Reason::New, Reason::TooLong, Reason::New],
    );
    bounded.bounds = Bounds {
        message_octets_max: 30,
        run_octets_max: Some(49),
    };
    let expected = [
        Reason::Known,
        Reason::New,
        Reason::OctetsReached,
        Reason::OctetsReached,
    ];
    check(&rows, &ledger, &bounded, &expected);
    bounded.bounds = Bounds {
        message_octets_max: 30,
        run_octets_max: Some(55),
    };
    check(
        &rows,
        &ledger,
        &bounded,
        &[Reason::Known, Reason::New, Reason::New, Reason::New],
    );
    // What no run could take does not keep all behind it waiting.
    bounded.bounds.run_octets_max = Some(25);
    let expected = [
        Reason::Known,
        Reason::New,
        Reason::LongerThanRun,
        Reason::New,
    ];
    check(&rows, &ledger, &bounded, &expected);
}

#[test]
fn bounds_hold_over_all_sessions_of_a_run() {
    let rows = ["1 a 10", "2 b 10", "3 c 10"];
    let ledger = [("a", known(&[held(10)]))];
    let spent = Spent {
        messages: 1,
        octets: 10,
    };
    let expected = [Reason::Known, Reason::New, Reason::LimitReached];
    let mut limited = task(AfterStoring::Keep);
    limited.selection.limit = Some(2);
    check_later(&rows, &ledger, &limited, spent, &expected);
    let expected = [Reason::Known, Reason::New, Reason::OctetsReached];
    let mut bounded = task(AfterStoring::Keep);
    bounded.bounds.run_octets_max = Some(25);
    check_later(&rows, &ledger, &bounded, spent, &expected);
}

#[test]
fn the_newest_come_first_when_asked_for() {
    let mut newest = task(AfterStoring::Keep);
    newest.selection.order = Order::NewestFirst;
    newest.selection.limit = Some(1);
    let rows = ["1 a 10", "2 b 20", "3 c 30"];
    let expected = [Reason::New, Reason::LimitReached, Reason::LimitReached];
    check(&rows, &[], &newest, &expected);
    let listing = listing(&rows);
    let rows: Vec<usize> = in_order(&listing, Order::NewestFirst)
        .map(|(row, _)| row)
        .collect();
    assert_eq!(rows, [2, 1, 0]);
}

#[test]
fn what_is_not_selected_is_left_alone() {
    let mut selected = task(AfterStoring::Delete);
    selected.selection.unique_ids = vec![b"b".to_vec()];
    let ledger = [("a", known(&[held(10)])), ("b", known(&[held(20)]))];
    check(
        &["1 a 10", "2 b 20"],
        &ledger,
        &selected,
        &[Reason::NotSelected, Reason::Due],
    );
}
