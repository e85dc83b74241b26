use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

use super::{FoundLine, LineEnding, Unstuffer, find_line};

/// What comes out of the unstuffer: the response, and what is left behind its terminator.
#[derive(Debug, PartialEq, Eq)]
struct Unstuffed {
    octets: Vec<u8>,
    behind: Option<Vec<u8>>,
}

/// Feeds the pieces one after the other, as a session does: what is not consumed stays in front.
fn unstuff(ending: LineEnding, pieces: &[&[u8]]) -> Unstuffed {
    let mut unstuffer = Unstuffer::new(ending);
    let mut octets = Vec::new();
    let mut input = Vec::new();
    let mut ended = false;
    for piece in pieces {
        input.extend_from_slice(piece);
        while !ended {
            let step = unstuffer.step(&input);
            assert!(step.span.end <= step.consumed);
            octets.extend_from_slice(&input[step.span]);
            input.drain(..step.consumed);
            ended = step.ended;
            if step.consumed == 0 {
                break;
            }
        }
    }
    Unstuffed {
        octets,
        behind: ended.then_some(input),
    }
}

fn check(ending: LineEnding, input: &[u8], octets: &[u8], behind: Option<&[u8]>) {
    let expected = Unstuffed {
        octets: octets.to_vec(),
        behind: behind.map(<[u8]>::to_vec),
    };
    assert_eq!(unstuff(ending, &[input]), expected, "whole");
    let single: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(unstuff(ending, &single), expected, "octet by octet");
    for first in 0..=input.len() {
        let (head, rest) = input.split_at(first);
        assert_eq!(unstuff(ending, &[head, rest]), expected, "cut at {first}");
        for second in 0..=rest.len() {
            let (middle, tail) = rest.split_at(second);
            let cut = unstuff(ending, &[head, middle, tail]);
            assert_eq!(cut, expected, "cut at {first} and {second} behind");
        }
    }
}

#[test]
fn a_response_ends_at_a_dot_between_line_ends() {
    let check = |input: &[u8], octets: &[u8], behind: Option<&[u8]>| {
        check(LineEnding::CrLf, input, octets, behind);
    };
    check(b".\r\n", b"", Some(b""));
    check(b".\r\n+OK next\r\n", b"", Some(b"+OK next\r\n"));
    check(b"one\r\ntwo\r\n.\r\n", b"one\r\ntwo\r\n", Some(b""));
    check(b"\r\n\r\n.\r\n.\r\n", b"\r\n\r\n", Some(b".\r\n"));
    check(b"..\r\n.\r\n", b".\r\n", Some(b""));
    check(b"a\r\n..b\r\n...\r\n.\r\n", b"a\r\n.b\r\n..\r\n", Some(b""));
    check(
        b"not stuffed\r\n.x\r\n.\r\n",
        b"not stuffed\r\nx\r\n",
        Some(b""),
    );
    check(b"a.\r\n.\r\n", b"a.\r\n", Some(b""));
}

#[test]
fn without_its_end_a_response_is_not_over() {
    let check = |input: &[u8], octets: &[u8]| check(LineEnding::CrLf, input, octets, None);
    check(b"", b"");
    check(b".", b"");
    check(b".\r", b"");
    check(b"a\r\n", b"a\r\n");
    check(b"a\r\n.", b"a\r\n");
    check(b"a\r\n.\r", b"a\r\n");
    check(b"a.\r\n", b"a.\r\n");
}

#[test]
fn a_lone_cr_or_lf_is_text() {
    let check = |input: &[u8], octets: &[u8]| check(LineEnding::CrLf, input, octets, Some(b""));
    check(b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n");
    check(b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n");
    check(b"a\r.\r\nb\r\n.\r\n", b"a\r.\r\nb\r\n");
    check(b"a\r\r\n.\r\n", b"a\r\r\n");
    check(b"\n.\r\r\n.\r\n", b"\n.\r\r\n");
    check(b"a\r\n..\rb\n\r\n.\r\n", b"a\r\n.\rb\n\r\n");
    check(b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb\r\n");
    check(b"a\0\xff\r\n.\r\n", b"a\0\xff\r\n");
}

#[test]
fn after_a_greeting_in_bare_lf_lines_end_so() {
    let check = |input: &[u8], octets: &[u8]| check(LineEnding::Lf, input, octets, Some(b"+OK\n"));
    check(b".\n+OK\n", b"");
    check(b"a\n..b\n.\n+OK\n", b"a\n.b\n");
    check(b"a\r\n.\r\n+OK\n", b"a\r\n");
    check(b"a\n..\rb\n.\n+OK\n", b"a\n.\rb\n");
}

#[test]
fn spans_are_as_long_as_can_be() {
    let input = b"first\r\nsecond\r\n..third\r\n\n.\r\n.\r\n";
    let mut unstuffer = Unstuffer::new(LineEnding::CrLf);
    let first = unstuffer.step(input);
    assert_eq!(&input[first.span], b"first\r\nsecond\r\n");
    let rest = &input[first.consumed..];
    let second = unstuffer.step(rest);
    assert_eq!(&rest[second.span.clone()], b".third\r\n\n.\r\n");
    assert!(second.ended);
    assert_eq!(second.consumed, rest.len());
}

#[test]
fn an_unstuffer_starts_again() {
    let mut unstuffer = Unstuffer::new(LineEnding::CrLf);
    assert!(unstuffer.step(b"a\r\n.\r\n").ended);
    assert!(unstuffer.step(b"+OK").ended);
    unstuffer.restart();
    let step = unstuffer.step(b".\r\n");
    assert!(step.ended && step.span.is_empty());
}

#[test]
fn lines_are_cut_off_within_their_limit() {
    let whole = |line: &'static [u8], consumed| FoundLine::Whole { line, consumed };
    let check = |input: &'static [u8], expected: FoundLine<'_>| {
        assert_eq!(find_line(input, LineEnding::CrLf, 8), expected, "{input:?}");
    };
    check(b"+OK\r\nmore", whole(b"+OK", 5));
    check(b"\r\n", whole(b"", 2));
    check(b"a\nb\r\n", whole(b"a\nb", 5));
    check(b"12345\r\n", whole(b"12345", 7));
    check(b"123456\r\n", whole(b"123456", 8));
    check(b"1234567\r\n", FoundLine::TooLong);
    check(b"1234567", FoundLine::Partial);
    check(b"12345678", FoundLine::TooLong);
    check(b"+OK\r", FoundLine::Partial);
    check(b"", FoundLine::Partial);
    assert_eq!(find_line(b"a\r\n", LineEnding::Lf, 8), whole(b"a\r", 3));
}

/// Stuffs as a server must (RFC 1939 section 3). The octets end in a CRLF or are none.
fn stuff(octets: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::new();
    for (nth, octet) in octets.iter().enumerate() {
        if *octet == b'.' && (nth == 0 || octets[..nth].ends_with(b"\r\n")) {
            stuffed.push(b'.');
        }
        stuffed.push(*octet);
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

/// Octets in which what matters to framing is common.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![
        4 => prop_oneof![Just(b'.'), Just(b'\r'), Just(b'\n')],
        1 => any::<u8>(),
    ];
    prop::collection::vec(octet, 0..200)
}

proptest! {
    #[test]
    fn unstuffing_is_the_inverse_of_stuffing(
        mut octets in octets(),
        cuts in prop::collection::vec(0usize..260, 0..6),
    ) {
        if !octets.is_empty() {
            octets.extend_from_slice(b"\r\n");
        }
        let mut input = stuff(&octets);
        input.extend_from_slice(b"+OK");
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(input.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&input[from..cut]);
            from = cut;
        }
        pieces.push(&input[from..]);
        let unstuffed = unstuff(LineEnding::CrLf, &pieces);
        assert_eq!(unstuffed.octets, octets);
        assert_eq!(unstuffed.behind.as_deref(), Some(&b"+OK"[..]));
    }

    #[test]
    fn any_input_gives_the_same_however_it_is_cut(input in octets(), cut in 0usize..200) {
        let (head, tail) = input.split_at(cut.min(input.len()));
        for ending in [LineEnding::CrLf, LineEnding::Lf] {
            assert_eq!(unstuff(ending, &[&input]), unstuff(ending, &[head, tail]));
        }
    }
}
