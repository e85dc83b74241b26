//! Messages as they should come: asked for in a window, answered in order.

use super::{client, lock_step, next, number, pipelining, retr};
use crate::client::error::Error;
use crate::client::pipeline::Request;
use crate::client::script::Script;
use crate::client::settings::PipelinePolicy;
use crate::protocol::ServerText;

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
