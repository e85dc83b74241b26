//! However a multi-line response is cut, unstuffing it gives the same.
//!
//! The first octet says how lines end, the second how long the pieces are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use popfetch::protocol::LineEnding;
use popfetch::protocol::framer::{FoundLine, Unstuffer, find_line};

fuzz_target!(|input: &[u8]| {
    let [ending, piece_octets, input @ ..] = input else {
        return;
    };
    let ending = if ending % 2 == 0 {
        LineEnding::CrLf
    } else {
        LineEnding::Lf
    };
    let whole = unstuff(ending, input, input.len().max(1));
    let cut = unstuff(ending, input, usize::from(*piece_octets).max(1));
    assert_eq!(whole, cut);
    if let FoundLine::Whole { line, consumed } = find_line(input, ending, 64) {
        assert!(consumed <= 64 && line.len() < consumed);
        assert!(input.starts_with(line));
    }
});

/// The response, and what is left behind its terminator if that came.
fn unstuff(ending: LineEnding, input: &[u8], piece_octets: usize) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut unstuffer = Unstuffer::new(ending);
    let mut octets = Vec::new();
    let mut unread = Vec::new();
    let mut ended = false;
    for piece in input.chunks(piece_octets) {
        unread.extend_from_slice(piece);
        while !ended {
            let step = unstuffer.step(&unread);
            assert!(step.span.start <= step.span.end && step.span.end <= step.consumed);
            octets.extend_from_slice(&unread[step.span]);
            unread.drain(..step.consumed);
            ended = step.ended;
            if step.consumed == 0 {
                break;
            }
        }
    }
    (octets, ended.then_some(unread))
}
