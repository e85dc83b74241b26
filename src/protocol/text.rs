//! Text of a server's making, kept as bytes and shown without harm.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use super::limits::SERVER_TEXT_OCTETS_MAX;

/// What a server said, in any charset or none (RFC 6856 allows UTF-8, servers send more).
///
/// `Display` is safe for a terminal: see [`escape_bytes`].
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ServerText(Box<[u8]>);

impl ServerText {
    /// Keeps the octets, up to [`SERVER_TEXT_OCTETS_MAX`].
    pub fn new(octets: &[u8]) -> Self {
        Self::whole(octets.get(..SERVER_TEXT_OCTETS_MAX).unwrap_or(octets))
    }

    /// Keeps all octets: a text that is cut may hold half a secret, which cannot be found in it
    /// any more. For lines that have a limit of their own.
    pub(crate) fn whole(octets: &[u8]) -> Self {
        Self(octets.into())
    }

    /// The server's octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the server said nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for ServerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&escape_bytes(&self.0))
    }
}

impl fmt::Debug for ServerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", escape_bytes(&self.0))
    }
}

/// The text with everything escaped that a terminal would obey or hide instead of showing:
/// control characters, marks that turn the direction of writing, characters of no width.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts_on_terminal) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    push_escaped(&mut shown, text);
    Cow::Owned(shown)
}

/// As [`escape`]; octets that are not UTF-8 are shown as `\xHH`.
pub fn escape_bytes(octets: &[u8]) -> String {
    let mut shown = String::with_capacity(octets.len());
    for chunk in octets.utf8_chunks() {
        push_escaped(&mut shown, chunk.valid());
        for octet in chunk.invalid() {
            push_octet(&mut shown, u32::from(*octet));
        }
    }
    shown
}

fn push_escaped(shown: &mut String, text: &str) {
    for character in text.chars() {
        if !acts_on_terminal(character) {
            shown.push(character);
        } else if character.is_ascii() {
            push_octet(shown, u32::from(character));
        } else {
            shown.extend(character.escape_unicode());
        }
    }
}

fn push_octet(shown: &mut String, octet: u32) {
    write!(shown, "\\x{octet:02x}").expect("writing to a String cannot fail");
}

/// Whether a character acts on a terminal or on the reading of the text around it.
pub fn acts_on_terminal(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'                      // soft hyphen
            | '\u{61c}'                   // Arabic letter mark
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
            | '\u{180b}'..='\u{180f}'     // Mongolian selectors and separator
            | '\u{200b}'..='\u{200f}'     // zero width, direction marks
            | '\u{2028}'..='\u{202e}'     // line and paragraph ends, bidi embeddings
            | '\u{2060}'..='\u{206f}'     // word joiner, bidi isolates, invisible operators
            | '\u{feff}'                  // byte order mark
            | '\u{fff9}'..='\u{fffb}'     // interlinear annotation
            | '\u{e0000}'..='\u{e0fff}'   // tags, more variation selectors
        )
}

#[cfg(test)]
mod tests {
    use super::{ServerText, escape, escape_bytes};

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        let check = |octets: &[u8], expected: &str| {
            assert_eq!(escape_bytes(octets), expected);
            if let Ok(text) = std::str::from_utf8(octets) {
                assert_eq!(escape(text), expected);
            }
        };
        check(
            b"plain text \\ and \"quotes\"",
            "plain text \\ and \"quotes\"",
        );
        check(
            "Gr\u{fc}\u{df}e \u{4f60}".as_bytes(),
            "Gr\u{fc}\u{df}e \u{4f60}",
        );
        check(b"\x1b[31mred\x07", "\\x1b[31mred\\x07");
        check(b"a\tb\r\nc\0\x7f", "a\\x09b\\x0d\\x0ac\\x00\\x7f");
        check("\u{9b}31m".as_bytes(), "\\u{9b}31m");
        check(
            "\u{202e}gpj.exe\u{2066}".as_bytes(),
            "\\u{202e}gpj.exe\\u{2066}",
        );
        check("a\u{200b}b\u{feff}".as_bytes(), "a\\u{200b}b\\u{feff}");
        check("tag\u{e0041}".as_bytes(), "tag\\u{e0041}");
        check(b"\xc4\xe3\xba\xc3", "\\xc4\\xe3\\xba\\xc3");
        check(b"cut \xe4\xbd", "cut \\xe4\\xbd");
        check(b"", "");
    }

    #[test]
    fn only_so_much_is_kept() {
        for (given, kept) in [(1023, 1023), (1024, 1024), (1025, 1024)] {
            let text = ServerText::new(&vec![b'x'; given]);
            assert_eq!(text.as_bytes().len(), kept);
        }
    }
}
