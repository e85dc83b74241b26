//! Messages whose end is missing, in doubt, or followed by what nobody asked for.

use super::{next, number, pipelining, retr};
use crate::client::error::{Error, Misbehaviour, Wait};
use crate::protocol::ServerText;

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
