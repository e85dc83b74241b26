use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::error::{Error, Misbehaviour, Wait};
use super::super::pipeline::{Request, Window};
use super::super::pipelining::Pipelining;
use super::super::script::{Script, Writes};
use super::super::session::{Session, Wire};
use super::super::settings::PipelinePolicy;
use super::super::{Client, ServerFacts};
use super::{Reply, Transaction};
use crate::protocol::limits::PIPELINE_OCTETS_MAX;
use crate::protocol::{Listing, MessageNumber, ServerText, Verb};
use proptest::prelude::{Strategy as _, any, prop, prop_oneof, proptest};

fn client(wire: impl Wire + 'static, policy: PipelinePolicy) -> Client<Transaction> {
    let session = Session::new(wire).boxed();
    let pipelining = Pipelining::new(policy, Arc::default());
    let window = Window::new(policy, true);
    Client::new(session, ServerFacts::default(), window, pipelining)
}

fn auto() -> Pipelining {
    Pipelining::new(PipelinePolicy::Auto, Arc::default())
}

fn pipelining(script: &str) -> Client<Transaction> {
    client(Script::new(script), PipelinePolicy::Auto)
}

fn lock_step(script: &str) -> Client<Transaction> {
    client(Script::new(script), PipelinePolicy::Off)
}

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

fn retr(message: u32, listed_octets: impl Into<Option<u64>>) -> Request {
    Request::Retr {
        number: number(message),
        listed_octets: listed_octets.into(),
    }
}

/// What came of the next request, in words.
fn next(client: &mut Client<Transaction>) -> Result<String, Error> {
    let Some(answer) = client.answer()? else {
        return Ok("nothing".to_owned());
    };
    let number = answer.request.number();
    let mut body = match answer.reply {
        Reply::Body(body) => body,
        Reply::Refused(refusal) => return Ok(format!("{number}: -ERR {}", refusal.text)),
    };
    let mut octets = Vec::new();
    while let Some(chunk) = body.chunk()? {
        octets.extend_from_slice(chunk);
    }
    let end = body.end()?;
    assert_eq!(end.octets, octets.len() as u64);
    let suspect = end.suspect.map_or(String::new(), |why| format!(" {why:?}"));
    let text = String::from_utf8_lossy(&octets).escape_debug().to_string();
    Ok(format!("{number}: {text}{suspect}"))
}

fn rows(listing: &Listing) -> Vec<String> {
    let show = |row: crate::protocol::Row<'_>| {
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
    let listing = lock_step(
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
    let listing = { listing }.listing().unwrap();
    assert_eq!(rows(&listing), ["1 10 ?"]);
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
fn bodies_come_in_order_from_one_write() {
    for octets_at_once in [1, 2, 5, 1000] {
        let script = Script::new(
            "
            C: RETR 1
            C: TOP 2 0
            C: RETR 3
            S: +OK 9 octets
            S: ..one
            S:
            S: .
            S: -ERR no such message
            S: +OK
            S: .
        "
            .replace("S:\n", "S: \n")
            .as_str(),
        )
        .in_pieces(octets_at_once);
        let writes = script.writes();
        let mut client = client(script, PipelinePolicy::Auto);
        client.ask(retr(1, 8));
        client.ask(Request::Top {
            number: number(2),
            lines: 0,
        });
        client.ask(retr(3, None));
        assert_eq!(next(&mut client).unwrap(), r"1: .one\r\n\r\n");
        assert_eq!(next(&mut client).unwrap(), "2: -ERR no such message");
        assert_eq!(next(&mut client).unwrap(), "3: ");
        assert_eq!(next(&mut client).unwrap(), "nothing");
        assert_eq!(writes.lock().unwrap().len(), 1);
    }
}

#[test]
fn in_lock_step_each_request_waits_for_the_answer_before() {
    let mut client = lock_step(
        "
        C: RETR 1
        S: +OK
        S: one
        S: .
        C: RETR 2
        S: +OK
        S: two
        S: .
    ",
    );
    client.ask(retr(1, 5));
    assert!(!client.window_is_open());
    client.ask(retr(2, 5));
    assert_eq!(next(&mut client).unwrap(), r"1: one\r\n");
    assert_eq!(next(&mut client).unwrap(), r"2: two\r\n");
}

#[test]
fn a_body_that_is_dropped_is_read_to_its_end() {
    let mut client = pipelining(
        "
        C: RETR 1
        S: +OK
        S: one
        S: two
        S: .
        C: NOOP
        S: +OK
        C: QUIT
        S: +OK bye
    ",
    );
    client.ask(retr(1, None));
    assert!(client.answer().unwrap().is_some());
    client.noop().unwrap();
    assert_eq!(client.quit().unwrap().text, ServerText::new(b"bye"));
}

#[test]
fn nothing_is_sent_behind_a_request_that_is_not_answered() {
    let mut client = pipelining(
        "
        C: RETR 1
        C: RETR 2
        S: +OK
        S: .
        S: +OK
        S: .
    ",
    );
    client.ask(retr(1, None));
    client.ask(retr(2, None));
    next(&mut client).unwrap();
    assert_eq!(client.requests_left(), 1);
    let none = &mut |_, _| panic!("nothing was sent");
    assert!(matches!(
        client.dele(&[number(1)], none),
        Err(Error::RequestsLeft)
    ));
    assert!(matches!(client.noop(), Err(Error::RequestsLeft)));
    assert!(matches!(client.listing(), Err(Error::RequestsLeft)));
    next(&mut client).unwrap();
    assert_eq!(client.requests_left(), 0);
}

#[test]
fn what_was_not_sent_can_be_taken_back() {
    let mut client = lock_step("C: RETR 1\nS: +OK\nS: .");
    client.ask(retr(1, None));
    client.ask(retr(2, None));
    next(&mut client).unwrap();
    client.forget_unsent();
    assert_eq!(next(&mut client).unwrap(), "nothing");
}

#[test]
fn the_end_of_the_stream_inside_a_message_is_an_error() {
    for cut in [
        r"S~ +OK\r\none\r\n",
        r"S~ +OK\r\none\r\n.",
        r"S~ +OK\r\none\r\n.\r",
        r"S~ +OK\r\n.",
    ] {
        let mut client = pipelining(&format!("C: RETR 1\n{cut}\nclose"));
        client.ask(retr(1, 5));
        let error = next(&mut client).unwrap_err();
        let Error::Io {
            doing: Wait::Data,
            source,
            ..
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(source.kind(), std::io::ErrorKind::UnexpectedEof);
        assert!(!client.is_in_step());
        assert!(matches!(client.answer(), Err(Error::OutOfStep)));
        assert!(matches!(client.noop(), Err(Error::OutOfStep)));
        assert!(matches!(client.quit(), Err(Error::OutOfStep)));
    }
}

#[test]
fn suspicious_ends_are_told() {
    let check = |sent: &str, listed: u64, expected: &str| {
        let mut client = pipelining(&format!("C: RETR 1\n{sent}"));
        client.ask(retr(1, listed));
        assert_eq!(next(&mut client).unwrap(), expected, "{sent}");
        client.is_in_step()
    };
    // A dot at the end of the last line, then silence.
    assert!(!check(
        "S: +OK\nS: end.\nsilence",
        6,
        r"1: end.\r\n HalfTerminator"
    ));
    // A terminator whose line end is cut short.
    assert!(!check(
        "S: +OK\nS: end\nS~ .\\r\nsilence",
        5,
        r"1: end\r\n HalfTerminator"
    ));
    // A single dot that was text.
    assert!(!check(
        r"S~ +OK\r\none\r\n.\r\nrest\r\n.\r\n",
        14,
        r"1: one\r\n MoreBehindEnd"
    ));
    assert!(!check(
        r"S~ +OK\r\none\r\n.\r\n+OK\r\n",
        5,
        r"1: one\r\n MoreBehindEnd"
    ));
    // Another dot, or an empty line, says nothing.
    assert!(check(r"S~ +OK\r\none\r\n.\r\n.\r\n\r\n", 5, r"1: one\r\n"));
    assert!(check(
        "S: +OK\nS: one\nS: .",
        2000,
        r"1: one\r\n MuchShorterThanListed"
    ));
    assert!(check("S: +OK\nS: one\nS: .", 1029, r"1: one\r\n"));
    assert!(check("S: +OK\nS: one\nS: .", 1, r"1: one\r\n"));
}

#[test]
fn silence_in_a_message_that_cannot_be_whole_is_an_error() {
    for (sent, listed) in [("S: end.", 100), ("S: end", 5), (r"S~ end\r\n.", 5)] {
        let mut client = pipelining(&format!("C: RETR 1\nS: +OK\n{sent}\nsilence"));
        client.ask(retr(1, listed));
        let error = next(&mut client).unwrap_err();
        assert!(
            matches!(error, Error::Deadline(Wait::Data)),
            "{sent}: {error:?}"
        );
    }
}

#[test]
fn what_comes_behind_a_message_later_is_blamed_on_it() {
    let mut client = pipelining(
        "
        C: RETR 1
        C: RETR 2
        S: +OK
        S: one
        S: .
        S: more of one
        unread
        S: .
    ",
    );
    client.ask(retr(1, 5));
    client.ask(retr(2, 5));
    assert_eq!(next(&mut client).unwrap(), r"1: one\r\n");
    let error = next(&mut client).unwrap_err();
    let Error::Misbehaved(Misbehaviour::MoreBehindEnd { after, line }) = error else {
        panic!("{error:?}");
    };
    assert_eq!((after, line), (number(1), ServerText::new(b"more of one")));
    assert!(matches!(client.noop(), Err(Error::OutOfStep)));
}

#[test]
fn an_answer_inside_a_message_is_found_and_ends_pipelining() {
    let mut client = pipelining(
        "
        C: RETR 1
        C: RETR 2
        S: +OK
        S: one
        S: +OK 2 octets
        S: two
        S: .
        S: +OK
        S: .
        C: RETR 3
        S: +OK
        S: +OK 2 octets
        S: .
        C: RETR 4
        S: +OK
        S: .
    ",
    );
    client.ask(retr(1, 10));
    client.ask(retr(2, None));
    assert_eq!(
        next(&mut client).unwrap(),
        r"1: one\r\n+OK 2 octets\r\ntwo\r\n AnswerInside"
    );
    next(&mut client).unwrap();
    client.ask(retr(3, 0));
    client.ask(retr(4, 0));
    // Alone in the pipeline, no answer can have got in.
    assert_eq!(next(&mut client).unwrap(), r"3: +OK 2 octets\r\n");
    next(&mut client).unwrap();
}

#[test]
fn stray_lines_in_front_of_an_answer_are_forgiven_and_end_pipelining() {
    let mut client = pipelining(
        "
        C: RETR 1
        C: RETR 2
        S: +OK
        S: one
        S: .
        S~ \\r\\n.\\r\\n\\r\\n
        S: +OK
        S: two
        S: .
        C: RETR 3
        S: +OK
        S: .
        C: RETR 4
        S~ \\r\\n\\r\\n.\\r\\n\\r\\n+OK\\r\\n
    ",
    );
    client.ask(retr(1, 5));
    client.ask(retr(2, 5));
    assert_eq!(next(&mut client).unwrap(), r"1: one\r\n");
    assert_eq!(next(&mut client).unwrap(), r"2: two\r\n");
    client.ask(retr(3, None));
    client.ask(retr(4, None));
    next(&mut client).unwrap();
    let error = next(&mut client).unwrap_err();
    assert!(
        matches!(error, Error::Misbehaved(Misbehaviour::MoreBehindEnd { .. })),
        "{error:?}"
    );
}

#[test]
fn deletions_are_told_one_by_one() {
    let mut client = pipelining(
        "
        C: DELE 1
        C: DELE 2
        C: DELE 3
        S: +OK
        S: -ERR already deleted
        S: +OK
    ",
    );
    let mut told = Vec::new();
    let numbers = [number(1), number(2), number(3)];
    let each = &mut |number: MessageNumber, answer: Result<(), _>| {
        told.push((number.value(), answer.is_ok()));
    };
    client.dele(&numbers, each).unwrap();
    assert_eq!(told, [(1, true), (2, false), (3, true)]);
}

#[test]
fn a_refused_command_leaves_the_session_in_step() {
    let mut client = pipelining(
        "
        C: RSET
        S: -ERR
        C: STAT
        S: +OK 1 10
        C: QUIT
        S: -ERR some deleted messages not removed
    ",
    );
    assert!(matches!(
        client.rset(),
        Err(Error::Refused {
            verb: Verb::Rset,
            ..
        })
    ));
    assert_eq!(client.stat().unwrap().octets, Some(10));
    let error = client.quit().unwrap_err();
    assert!(matches!(
        error,
        Error::Refused {
            verb: Verb::Quit,
            ..
        }
    ));
}

/// A server that answers each RETR with a small message, and measures what is outstanding.
#[derive(Debug, Default)]
struct Measuring {
    received: Vec<u8>,
    outstanding_max: Arc<Mutex<usize>>,
    writes: Writes,
}

impl Wire for Measuring {
    fn begin(&mut self, _wait: Wait) {}

    fn begin_within(&mut self, _wait: Wait, _time: Duration) {}

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let end = self.received.iter().position(|octet| *octet == b'\n');
        let end = end.expect("the client waits for an answer to nothing");
        self.received.drain(..=end);
        let answer = b"+OK\r\nSubject: test\r\n\r\ntext\r\n.\r\n";
        buffer[..answer.len()].copy_from_slice(answer);
        Ok(answer.len())
    }

    fn write_all(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.received.extend_from_slice(octets);
        let mut most = self.outstanding_max.lock().unwrap();
        *most = self.received.len().max(*most);
        let text = String::from_utf8_lossy(octets).into_owned();
        self.writes.lock().unwrap().push(text);
        Ok(())
    }

    fn closed(&mut self) -> Error {
        Error::Stopped
    }
}

/// Fetches many messages; tells the most octets outstanding and the number of writes.
fn fetch_many(policy: PipelinePolicy) -> (usize, usize) {
    let wire = Measuring::default();
    let outstanding_max = Arc::clone(&wire.outstanding_max);
    let writes = Arc::clone(&wire.writes);
    let mut client = client(wire, policy);
    let mut numbers = 1..=2000;
    loop {
        while client.window_is_open()
            && let Some(number) = numbers.next()
        {
            client.ask(retr(number, None));
        }
        if client.answer().unwrap().is_none() {
            break;
        }
    }
    let sent = writes.lock().unwrap().concat();
    let expected = (1..=2000).map(|number| format!("RETR {number}\r\n"));
    assert_eq!(sent, expected.collect::<String>());
    let most = *outstanding_max.lock().unwrap();
    (most, writes.lock().unwrap().len())
}

#[test]
fn the_window_slides_in_few_writes() {
    let (outstanding, writes) = fetch_many(PipelinePolicy::Auto);
    assert!(outstanding <= PIPELINE_OCTETS_MAX, "{outstanding}");
    assert!(outstanding > PIPELINE_OCTETS_MAX - 16, "{outstanding}");
    assert!(writes < 14, "{writes}");
    let window = PipelinePolicy::Window(NonZeroU16::new(4).unwrap());
    let (outstanding, writes) = fetch_many(window);
    assert!(outstanding <= 4 * "RETR 2000\r\n".len(), "{outstanding}");
    assert!(writes <= 1000, "{writes}");
    let (_, writes) = fetch_many(PipelinePolicy::Off);
    assert_eq!(writes, 2000);
}

/// A server that says one thing whatever it is asked, and then closes the connection.
#[derive(Debug)]
struct Babbling {
    octets: Vec<u8>,
    read_octets_max: usize,
}

impl Wire for Babbling {
    fn begin(&mut self, _wait: Wait) {}

    fn begin_within(&mut self, _wait: Wait, _time: Duration) {}

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let length = self
            .read_octets_max
            .min(self.octets.len())
            .min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(self.octets.drain(..length)) {
            *to = from;
        }
        Ok(length)
    }

    fn write_all(&mut self, _octets: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn closed(&mut self) -> Error {
        Error::Stopped
    }
}

proptest! {
    /// Whatever comes, there is an end, and behind an error nothing more.
    #[test]
    fn no_server_keeps_a_client_from_its_end(
        octets in prop::collection::vec(
            prop_oneof![
                6 => prop::sample::select(vec![
                    "+OK", "-ERR", "+ ", "\r\n", "\n", "\r", ".", " ", "1", "2", "a", "0 0",
                    "+OK\r\n", ".\r\n", "\r\n.\r\n", "1 a\r\n",
                ]).prop_map(|text| text.as_bytes().to_vec()),
                1 => any::<u8>().prop_map(|octet| vec![octet]),
            ],
            0..60,
        ),
        read_octets_max in 1usize..50,
        is_pipelining in any::<bool>(),
    ) {
        let wire = Babbling { octets: octets.concat(), read_octets_max };
        let policy = if is_pipelining { PipelinePolicy::Auto } else { PipelinePolicy::Off };
        let mut client = client(wire, policy);
        while client.listing().is_ok() && client.stat().is_ok() {
            client.ask(retr(1, 5));
            client.ask(retr(2, None));
            while next(&mut client).is_ok_and(|answer| answer != "nothing") {}
        }
        if !client.is_in_step() {
            assert!(matches!(client.listing(), Err(Error::OutOfStep)));
            assert!(matches!(client.answer(), Err(Error::OutOfStep)));
        }
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
