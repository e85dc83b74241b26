//! Looks for the answer that some servers put inside a message.
//!
//! `WildDuck`, for one, writes the answer to a command that it read too early as soon as it has
//! it, even while it is still sending a message.

use memchr::memmem::Finder;

/// Behind a line end: what an answer begins with.
const BEGINNING: &[u8; 4] = b"\n+OK";

/// How many lines are remembered. A message has few that look like answers, or is about POP3.
const LINES_MAX: usize = 16;

/// Sees a message pass by in spans, and remembers how long those lines are that may be answers.
#[derive(Debug)]
pub(super) struct AnswerWatch {
    beginning: Finder<'static>,
    at: At,
    line_octets: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// So many octets of the beginning were the last that passed.
    Beginning(usize),
    /// In a line that may be an answer, of so many octets so far.
    Answer(u64),
}

impl AnswerWatch {
    pub(super) fn new() -> Self {
        Self {
            beginning: Finder::new(BEGINNING),
            at: At::Beginning(0),
            line_octets: Vec::new(),
        }
    }

    /// A new message begins, at the start of a line.
    pub(super) fn restart(&mut self) {
        self.at = At::Beginning(1);
        self.line_octets.clear();
    }

    /// The next span of the message.
    pub(super) fn pass(&mut self, mut span: &[u8]) {
        while !span.is_empty() {
            span = match self.at {
                At::Answer(octets) => self.pass_answer(span, octets),
                At::Beginning(0) => self.pass_text(span),
                At::Beginning(matched) => self.pass_beginning(span, matched),
            };
        }
    }

    /// Whether a line of just so many octets, its line end included, may be an answer.
    pub(super) fn saw_line_of(&self, octets: u64) -> bool {
        self.line_octets.contains(&octets)
    }

    /// Goes on in a line that may be an answer, to its LF: that may begin the next.
    fn pass_answer<'a>(&mut self, span: &'a [u8], octets: u64) -> &'a [u8] {
        let length = memchr::memchr(b'\n', span).unwrap_or(span.len());
        let octets = octets + length as u64;
        let (_, rest) = span.split_at_checked(length).unwrap_or_default();
        self.at = At::Answer(octets);
        if !rest.is_empty() {
            self.at = At::Beginning(0);
            if self.line_octets.len() < LINES_MAX {
                self.line_octets.push(octets + 1);
            }
        }
        rest
    }

    /// Looks for the beginning of an answer, or at the end for a part of one.
    fn pass_text<'a>(&mut self, span: &'a [u8]) -> &'a [u8] {
        if let Some(found) = self.beginning.find(span) {
            self.at = At::Answer(BEGINNING.len() as u64 - 1);
            return span.get(found + BEGINNING.len()..).unwrap_or_default();
        }
        let matched = (1..BEGINNING.len())
            .rev()
            .find(|matched| span.ends_with(BEGINNING.get(..*matched).unwrap_or_default()));
        self.at = At::Beginning(matched.unwrap_or(0));
        &[]
    }

    /// Goes on in what the span before ended with. No part of the beginning but its first
    /// octet is its own start, so that there is no second place to try.
    fn pass_beginning<'a>(&mut self, span: &'a [u8], matched: usize) -> &'a [u8] {
        let Some((octet, rest)) = span.split_first() else {
            return &[];
        };
        if BEGINNING.get(matched) != Some(octet) {
            self.at = At::Beginning(0);
            return span;
        }
        self.at = if matched + 1 == BEGINNING.len() {
            At::Answer(matched as u64)
        } else {
            At::Beginning(matched + 1)
        };
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::AnswerWatch;

    #[track_caller]
    fn check(message: &[u8], expected: &[u64]) {
        let mut watch = AnswerWatch::new();
        let mut seen = |spans: &[&[u8]]| {
            watch.restart();
            for span in spans {
                watch.pass(span);
            }
            watch.line_octets.clone()
        };
        assert_eq!(seen(&[message]), expected, "whole");
        let single: Vec<&[u8]> = message.chunks(1).collect();
        assert_eq!(seen(&single), expected, "octet by octet");
        for cut in 0..=message.len() {
            let (head, tail) = message.split_at(cut);
            assert_eq!(seen(&[head, tail]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn lines_that_begin_like_an_answer_are_measured() {
        check(b"", &[]);
        check(b"a\r\nb\r\n", &[]);
        check(b"+OK\r\n", &[5]);
        check(b"a\r\n+OK 12\r\nb\r\n", &[8]);
        check(b"+OK\r\n+OK 1\r\n\r\n+OK\r\n", &[5, 7, 5]);
        check(b"a +OK\r\n +OK\r\n", &[]);
        check(b"\n\n+O\n+OK\n", &[4]);
        check(b"+OK with no end", &[]);
    }
}
