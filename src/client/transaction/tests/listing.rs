//! STAT, UIDL and LIST, in one flight and one by one.

use std::sync::Arc;

use super::{client, lock_step, pipelining};
use crate::client::error::Error;
use crate::client::pipelining::Pipelining;
use crate::client::script::Script;
use crate::client::session::Session;
use crate::client::settings::PipelinePolicy;
use crate::client::{Client, ServerFacts};
use crate::protocol::{Listing, Row, Verb};

fn auto() -> Pipelining {
    Pipelining::new(PipelinePolicy::Auto, Arc::default())
}

fn rows(listing: &Listing) -> Vec<String> {
    let show = |row: Row<'_>| {
        let octets = row
            .octets
            .map_or("?".to_owned(), |octets| octets.to_string());
        let id = row.unique_id.map_or("?".to_owned(), |id| id.to_string());
        format!("{} {octets} {id}", row.number)
    };
    listing.rows().map(show).collect()
}

const ONE_FLIGHT: &str = "
    C: STAT
    C: UIDL
    C: LIST
    S: +OK 2 30
    S: +OK
    S: 1 a
    S: 2 b
    S: .
    S: +OK
    S: 1 10
    S: 2 20
    S: .
";

const ONE_BY_ONE: &str = "
    C: STAT
    S: +OK 2 30
    C: UIDL
    S: +OK
    S: 1 a
    S: 2 b
    S: .
    C: LIST
    S: +OK
    S: 1 10
    S: 2 20
    S: .
";

#[test]
fn a_listing_comes_in_one_flight_or_step_by_step() {
    for octets_at_once in [1, 2, 3, 7, 1000] {
        let flight = Script::new(ONE_FLIGHT).in_pieces(octets_at_once);
        let writes = flight.writes();
        let listing = client(flight, PipelinePolicy::Auto).listing().unwrap();
        assert_eq!(rows(&listing), ["1 10 a", "2 20 b"]);
        assert_eq!(listing.claimed().messages, Some(2));
        assert_eq!(*writes.lock().unwrap(), ["STAT\r\nUIDL\r\nLIST\r\n"]);

        let steps = Script::new(ONE_BY_ONE).in_pieces(octets_at_once);
        let listing = client(steps, PipelinePolicy::Off).listing().unwrap();
        assert_eq!(rows(&listing), ["1 10 a", "2 20 b"]);
    }
}

#[test]
fn the_lists_of_an_empty_maildrop_may_lack_their_end() {
    let check = |answers: &str, expected: &[&str], farewell: &str| {
        let script = format!("C: STAT\nC: UIDL\nC: LIST\nS: +OK 0 0\n{answers}");
        let mut client = pipelining(&format!("{script}\nC: QUIT\n{farewell}"));
        let listing = client.listing().unwrap();
        assert_eq!(rows(&listing), expected, "{answers}");
        client.quit().unwrap();
    };
    let bye = "S: +OK";
    check("S: +OK\nS: .\nS: +OK\nS: .", &[], bye);
    check("S: +OK 0 0\nS: +OK 0 0\nsilence", &[], bye);
    check("S: +OK\nS: .\nS: +OK\nsilence", &[], bye);
    check("S: +OK\nS: +OK\nS: .", &[], bye);
    check("S: -ERR\nS: +OK\nS: .", &[], bye);
    check(
        "S: +OK\nS: 1 a\nS: .\nS: +OK\nS: 1 10\nS: .",
        &["1 10 a"],
        bye,
    );
    // A terminator that comes late is forgiven in front of the next answer.
    check("S: +OK\nS: +OK\nsilence", &[], "S: .\nS: +OK");
}

#[test]
fn step_by_step_no_list_of_an_empty_maildrop_is_asked_for() {
    let listing = lock_step("C: STAT\nS: +OK 0 0").listing().unwrap();
    assert!(listing.is_empty());
}

#[test]
fn refused_lists_leave_what_the_others_tell() {
    let mut client = lock_step(
        "
        C: STAT
        S: -ERR
        C: UIDL
        S: -ERR unknown
        C: LIST
        S: +OK
        S: 1 10
        S: .
    ",
    );
    assert_eq!(rows(&client.listing().unwrap()), ["1 10 ?"]);
    let mut client = pipelining(
        "
        C: STAT
        C: UIDL
        C: LIST
        S: +OK nonsense
        S: +OK
        S: 1 a
        S: .
        S: -ERR
    ",
    );
    assert_eq!(rows(&client.listing().unwrap()), ["1 ? a"]);
    let mut client = lock_step("C: STAT\nS: +OK 1 1\nC: UIDL\nS: -ERR\nC: LIST\nS: -ERR no");
    let refused = client.listing().unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Refused {
                verb: Verb::List,
                ..
            }
        ),
        "{refused:?}"
    );
    assert!(client.is_in_step());
}

#[test]
fn rows_that_are_too_long_are_skipped_to_their_end() {
    let long = "x".repeat(20_000);
    for octets_at_once in [1, 1000, 8191, 8192, 8193, 100_000] {
        let script = format!(
            "C: STAT\nS: +OK 3 9\nC: UIDL\nS: +OK\nS: 1 {long}\nS: 2 b\nS: {long}\nS: .\n\
             C: LIST\nS: +OK\nS: 2 20\nS: .\n"
        );
        let script = Script::new(&script).in_pieces(octets_at_once);
        let listing = client(script, PipelinePolicy::Off).listing().unwrap();
        assert_eq!(rows(&listing), ["2 20 b"], "{octets_at_once}");
    }
}

#[test]
fn the_lists_do_not_wait_for_the_answer_to_capa() {
    let script = "
        C: STAT
        C: UIDL
        C: LIST
        S: +OK
        S: PIPELINING
        S: .
        S: +OK 1 10
        S: +OK
        S: 1 a
        S: .
        S: +OK
        S: 1 10
        S: .
        C: NOOP
        S: +OK";
    let session = Session::new(Script::new(script)).boxed();
    let facts = ServerFacts::default();
    let mut client = Client::with_capa_sent(session, facts, auto());
    assert_eq!(client.listing().unwrap().len(), 1);
    assert!(client.server().capabilities().has_pipelining());
    client.noop().unwrap();
}

#[test]
fn any_other_command_waits_for_the_answer_to_capa() {
    let script = "
        S: -ERR
        C: STAT
        S: +OK 1 10
        C: STAT
        S: +OK 0 0";
    let session = Session::new(Script::new(script)).boxed();
    let facts = ServerFacts::default();
    let mut client = Client::with_capa_sent(session, facts, auto());
    client.stat().unwrap();
    assert_eq!(client.server().capabilities_after_login, None);
    assert_eq!(client.listing().unwrap().len(), 0);
}

#[test]
fn the_octets_may_be_asked_for_later() {
    let check = |policy, script: &str, without: &[&str], with: &[&str]| {
        let mut client = client(Script::new(script), policy);
        let listing = client.listing_without_octets().unwrap();
        assert_eq!(rows(&listing), without, "{script}");
        let listing = client.add_octets(listing).unwrap();
        assert_eq!(rows(&listing), with, "{script}");
        assert!(client.is_in_step());
    };
    let uidl = "S: +OK\nS: 1 a\nS: 2 b\nS: 3\nS: .\n";
    let list = "C: LIST\nS: +OK\nS: 1 10\nS: 2 20\nS: 3 30\nS: 4 40\nS: .";
    let without = ["1 ? a", "2 ? b", "3 ? ?"];
    let with = ["1 10 a", "2 20 b", "3 30 ?"];
    let flight = format!("C: STAT\nC: UIDL\nS: +OK 4 100\n{uidl}{list}");
    check(PipelinePolicy::Auto, &flight, &without, &with);
    let steps = format!("C: STAT\nS: +OK 4 100\nC: UIDL\n{uidl}{list}");
    check(PipelinePolicy::Off, &steps, &without, &with);
    let out_of_order = "C: STAT\nC: UIDL\nS: +OK 3 60\nS: +OK\nS: 2 b\nS: 1 a\nS: 2 c\nS: .\n";
    check(
        PipelinePolicy::Auto,
        &format!("{out_of_order}{list}"),
        &["2 ? b", "1 ? a"],
        &["2 20 b", "1 10 a"],
    );
    let refused = "C: STAT\nC: UIDL\nS: +OK 2 30\nS: +OK\nS: 1 a\nS: .\nC: LIST\nS: -ERR";
    check(PipelinePolicy::Auto, refused, &["1 ? a"], &["1 ? a"]);
}

#[test]
fn without_uidl_the_octets_are_asked_for_at_once() {
    let check = |policy, script: &str, expected: &[&str]| {
        let mut client = client(Script::new(&format!("{script}\nC: NOOP\nS: +OK")), policy);
        let listing = client.listing_without_octets().unwrap();
        assert_eq!(rows(&listing), expected, "{script}");
        let listing = client.add_octets(listing).unwrap();
        assert_eq!(rows(&listing), expected, "{script}");
        assert_eq!(listing.malformed(), 0, "{script}");
        client.noop().unwrap();
    };
    let list = "C: LIST\nS: +OK\nS: 1 10\nS: .";
    let flight = format!("C: STAT\nC: UIDL\nS: +OK 1 10\nS: -ERR unknown\n{list}");
    check(PipelinePolicy::Auto, &flight, &["1 10 ?"]);
    let steps = format!("C: STAT\nS: +OK 1 10\nC: UIDL\nS: -ERR unknown\n{list}");
    check(PipelinePolicy::Off, &steps, &["1 10 ?"]);
    // The end of UIDL is missing, which only the answer to LIST shows.
    let empty = "C: STAT\nC: UIDL\nS: +OK 0 0\nC: LIST\nS: +OK\nS: +OK\nS: .";
    check(PipelinePolicy::Auto, empty, &[]);
    check(PipelinePolicy::Off, "C: STAT\nS: +OK 0 0", &[]);
}
