//! DELE, and the commands that stand alone.

use super::{number, pipelining};
use crate::client::error::Error;
use crate::protocol::{MessageNumber, Verb};

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
