//! Where a line ends, and where a multi-line response ends (RFC 1939 section 3).
//!
//! Nothing here knows what the octets mean, and nothing is copied: both framers look at the
//! input as far as it has come and answer with places in it. However the input is cut into
//! pieces, what comes out is the same.

use std::ops::Range;

use memchr::memmem::Finder;

/// What ends a line.
///
/// A server that ends its greeting in a bare LF does so everywhere. From all others a bare CR
/// or LF is part of the line: mail with such octets exists, and a lone dot between two of them
/// must not end it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnding {
    /// CRLF, as RFC 1939 section 3 has it.
    #[default]
    CrLf,
    /// A bare LF.
    Lf,
}

impl LineEnding {
    fn octets(self) -> &'static [u8] {
        match self {
            Self::CrLf => b"\r\n",
            Self::Lf => b"\n",
        }
    }

    /// A line end with the dot that makes what follows worth a look.
    fn before_dot(self) -> &'static [u8] {
        match self {
            Self::CrLf => b"\r\n.",
            Self::Lf => b"\n.",
        }
    }
}

/// What [`find_line`] found at the start of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundLine<'a> {
    /// A line.
    Whole {
        /// Without its line end.
        line: &'a [u8],
        /// Octets it takes up, its line end included.
        consumed: usize,
    },
    /// Not yet: more input is needed.
    Partial,
    /// A line longer than allowed, whether its end has come or not.
    TooLong,
}

/// Cuts the first line off the input. `octets_max` counts the line end too.
pub fn find_line(input: &[u8], ending: LineEnding, octets_max: usize) -> FoundLine<'_> {
    let within = input.get(..octets_max).unwrap_or(input);
    match line_length(within, ending) {
        Some(length) => FoundLine::Whole {
            line: input.get(..length).unwrap_or_default(),
            consumed: length + ending.octets().len(),
        },
        None if within.len() == octets_max => FoundLine::TooLong,
        None => FoundLine::Partial,
    }
}

/// Octets in front of the first line end. Lines of a listing are short: to search for one octet
/// costs less than to make ready for two.
fn line_length(input: &[u8], ending: LineEnding) -> Option<usize> {
    match ending {
        LineEnding::CrLf => memchr::memchr_iter(b'\n', input)
            .filter_map(|line_feed| line_feed.checked_sub(1))
            .find(|before| input.get(*before) == Some(&b'\r')),
        LineEnding::Lf => memchr::memchr(b'\n', input),
    }
}

/// Undoes byte-stuffing (RFC 1939 section 3) and finds the end of a multi-line response.
///
/// It is fed the input from the first octet it has not consumed yet, again and again, and hands
/// out spans of it, each as long as can be: a stuffed dot is the only thing between two spans.
#[derive(Debug)]
pub struct Unstuffer {
    ending: LineEnding,
    before_dot: Finder<'static>,
    at: At,
}

/// Where in the response the next octet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    LineStart,
    /// In a line, or at the start of one that is known not to begin with a dot.
    Within,
    /// Behind a CR, which a LF may make a line end.
    AfterCr,
    /// Behind the terminator.
    End,
}

/// What one look at the input gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Octets of the response: a place in the input. Empty if there are none yet.
    pub span: Range<usize>,
    /// How many octets of the input are done with. Behind the span, that may take in a
    /// stuffed dot or the terminator.
    pub consumed: usize,
    /// Whether the terminator was consumed: what follows is the next response.
    pub ended: bool,
}

impl Unstuffer {
    /// Ready for a response's first octet behind the status line.
    pub fn new(ending: LineEnding) -> Self {
        Self {
            ending,
            before_dot: Finder::new(ending.before_dot()),
            at: At::LineStart,
        }
    }

    /// Ready for the next response.
    pub fn restart(&mut self) {
        self.at = At::LineStart;
    }

    /// Looks at the input once. A step that consumed nothing and did not end wants more input.
    pub fn step(&mut self, input: &[u8]) -> Step {
        let start = match self.at {
            At::End => return self.terminated(0..0, 0),
            At::AfterCr if input.first() == Some(&b'\n') => return self.line_ended(input),
            At::AfterCr | At::Within => 0,
            At::LineStart => match self.line_start(input) {
                LineStart::Unknown => return Step::default(),
                LineStart::Terminator(octets) => return self.terminated(0..0, octets),
                LineStart::Stuffed => 1,
                LineStart::Text => 0,
            },
        };
        if !input.is_empty() {
            self.at = At::Within;
        }
        self.rest_of_span(input, start)
    }

    /// Hands out from `start`, where a line goes on, to the last octet that must be text.
    fn rest_of_span(&mut self, input: &[u8], start: usize) -> Step {
        let rest = input.get(start..).unwrap_or_default();
        if let Some(found) = self.before_dot.find(rest) {
            let end = start + found + self.ending.octets().len();
            return self.at_line_start(input, start..end);
        }
        if rest.ends_with(self.ending.octets()) {
            self.at = At::LineStart;
        } else if self.ending == LineEnding::CrLf && rest.ends_with(b"\r") {
            self.at = At::AfterCr;
        }
        Step {
            span: start..input.len(),
            consumed: input.len(),
            ended: false,
        }
    }

    /// The LF at the front ends a line whose CR was handed out before.
    fn line_ended(&mut self, input: &[u8]) -> Step {
        if input.get(1) == Some(&b'.') {
            return self.at_line_start(input, 0..1);
        }
        if input.len() == 1 {
            self.at = At::LineStart;
            return Step {
                span: 0..1,
                consumed: 1,
                ended: false,
            };
        }
        self.at = At::Within;
        self.rest_of_span(input, 0)
    }

    /// The span is followed by a dot at the start of a line: takes that along if it is known
    /// what it means.
    fn at_line_start(&mut self, input: &[u8], span: Range<usize>) -> Step {
        self.at = At::LineStart;
        let next = input.get(span.end..).unwrap_or_default();
        match self.line_start(next) {
            LineStart::Terminator(octets) => self.terminated(span, octets),
            LineStart::Stuffed => {
                self.at = At::Within;
                Step {
                    consumed: span.end + 1,
                    span,
                    ended: false,
                }
            }
            LineStart::Unknown | LineStart::Text => Step {
                consumed: span.end,
                span,
                ended: false,
            },
        }
    }

    fn terminated(&mut self, span: Range<usize>, terminator_octets: usize) -> Step {
        self.at = At::End;
        Step {
            consumed: span.end + terminator_octets,
            span,
            ended: true,
        }
    }

    /// What the first octets of a line make of it.
    fn line_start(&self, line: &[u8]) -> LineStart {
        match (self.ending, line) {
            (_, [] | [b'.'] | [b'.', b'\r']) => LineStart::Unknown,
            (_, [b'.', b'\r', b'\n', ..]) => LineStart::Terminator(3),
            (LineEnding::Lf, [b'.', b'\n', ..]) => LineStart::Terminator(2),
            (_, [b'.', ..]) => LineStart::Stuffed,
            _ => LineStart::Text,
        }
    }
}

enum LineStart {
    Unknown,
    Terminator(usize),
    Stuffed,
    Text,
}

#[cfg(test)]
mod tests;
