use super::{Listing, ListingBuilder, ListingTooLarge, Row, UidSupport};
use crate::protocol::limits::{LISTING_ROWS_MAX, LISTING_UNIQUE_ID_OCTETS_MAX};
use crate::protocol::{MaildropSize, Refusal};

fn listing(uidl: &[&str], list: &[&str]) -> Listing {
    let mut builder = ListingBuilder::new(MaildropSize::default());
    for row in uidl {
        builder.push_uidl(row.as_bytes()).unwrap();
    }
    builder.uidl_ended();
    for row in list {
        builder.push_list(row.as_bytes()).unwrap();
    }
    builder.finish()
}

fn show(row: Row<'_>) -> String {
    let Row {
        number,
        octets,
        unique_id,
        repeated,
    } = row;
    let octets = octets.map_or("?".to_owned(), |octets| octets.to_string());
    let unique_id = unique_id.map_or("?".to_owned(), |id| id.to_string());
    let repeated = if repeated { " repeated" } else { "" };
    format!("{number} {octets} {unique_id}{repeated}")
}

#[track_caller]
fn check(uidl: &[&str], list: &[&str], expected: &[&str], malformed: usize) {
    let listing = listing(uidl, list);
    assert_eq!(listing.rows().map(show).collect::<Vec<_>>(), expected);
    assert_eq!(listing.malformed(), malformed);
}

#[test]
fn uidl_is_joined_with_list_by_number() {
    check(&["1 a", "2 b"], &["1 10", "2 20"], &["1 10 a", "2 20 b"], 0);
    check(&["1 a", "2 b"], &["2 20", "1 10"], &["1 10 a", "2 20 b"], 0);
    check(&["9 a", "2 b"], &["9 90", "2 20"], &["9 90 a", "2 20 b"], 0);
    check(&["9 a", "2 b"], &["2 20", "9 90"], &["9 90 a", "2 20 b"], 0);
    check(&[], &[], &[], 0);
}

#[test]
fn gaps_and_rows_too_many_are_tolerated() {
    check(
        &["1 a", "3 c"],
        &["1 10", "2 20", "3 30"],
        &["1 10 a", "3 30 c"],
        0,
    );
    check(&["1 a", "3 c"], &["3 30"], &["1 ? a", "3 30 c"], 0);
    check(&["1 a"], &["1 10", "2 20"], &["1 10 a"], 0);
    check(&["1 a", "2"], &["1 -1", "2 5"], &["1 ? a", "2 5 ?"], 0);
    check(&["1 a", "nonsense"], &["1 10", ""], &["1 10 a"], 2);
}

#[test]
fn the_first_row_of_a_number_stands() {
    check(
        &["1 a", "1 b", "2 c"],
        &["1 10", "2 20"],
        &["1 10 a", "2 20 c"],
        1,
    );
    check(
        &["2 a", "1 bb", "2 ccc", "3 d"],
        &["3 30", "1 10"],
        &["2 ? a", "1 10 bb", "3 30 d"],
        1,
    );
}

#[test]
fn unique_ids_that_come_twice_are_marked() {
    check(
        &["1 a", "2 b", "3 a", "4 c", "5", "6"],
        &[],
        &[
            "1 ? a repeated",
            "2 ? b",
            "3 ? a repeated",
            "4 ? c",
            "5 ? ?",
            "6 ? ?",
        ],
        0,
    );
    check(
        &["1 a", "2", "3 a", "4 b"],
        &[],
        &["1 ? a repeated", "2 ? ?", "3 ? a repeated", "4 ? b"],
        0,
    );
    check(&["1 a", "1 a"], &[], &["1 ? a"], 1);
}

#[test]
fn without_uidl_the_rows_are_those_of_list() {
    let refusal = Refusal::parse(b"unknown command");
    let mut builder = ListingBuilder::new(MaildropSize::default());
    builder.uidl_refused(refusal.clone());
    for row in ["1 10", "2 x", "2 20", "3 30"] {
        builder.push_list(row.as_bytes()).unwrap();
    }
    let listing = builder.finish();
    assert_eq!(listing.unique_ids(), &UidSupport::Refused(refusal));
    assert_eq!(
        listing.rows().map(show).collect::<Vec<_>>(),
        ["1 10 ?", "2 ? ?", "3 30 ?"]
    );
    assert_eq!(listing.octets_total(), 40);
    assert_eq!(listing.len(), 3);
    assert_eq!(
        listing.rows().next_back().map(show).as_deref(),
        Some("3 30 ?")
    );
}

#[test]
fn rows_have_a_limit() {
    let mut builder = ListingBuilder::new(MaildropSize::default());
    for number in 1..=LISTING_ROWS_MAX {
        builder.push_uidl(format!("{number} ").as_bytes()).unwrap();
    }
    let one_more = format!("{} x", LISTING_ROWS_MAX + 1);
    let refused = builder.push_uidl(one_more.as_bytes());
    assert_eq!(refused, Err(ListingTooLarge::Rows));
    for _ in 0..LISTING_ROWS_MAX {
        builder.push_uidl(b"x").unwrap();
    }
    assert_eq!(builder.push_uidl(b"x"), Err(ListingTooLarge::Rows));
}

#[test]
fn unique_ids_have_a_limit() {
    let mut builder = ListingBuilder::new(MaildropSize::default());
    let id = "x".repeat(512);
    for number in 1..=LISTING_UNIQUE_ID_OCTETS_MAX / 512 {
        builder
            .push_uidl(format!("{number} {id}").as_bytes())
            .unwrap();
    }
    let refused = builder.push_uidl(b"1000000 x");
    assert_eq!(refused, Err(ListingTooLarge::UniqueIdOctets));
    builder.push_uidl(b"1000000").unwrap();
}

#[test]
fn a_row_stays_small() {
    assert_eq!(size_of::<super::Entry>(), 16);
}
