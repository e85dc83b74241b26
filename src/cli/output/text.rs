//! Sizes, times and texts as a person reads them, measured in columns of the terminal.

use std::fmt::Write as _;
use std::io;

use chrono::{DateTime, Local};
use indicatif::BinaryBytes;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::protocol::text::escape;

/// The columns of the terminal, if it is one.
pub(super) fn terminal_width(stdout: &io::Stdout) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stdout).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Octets for people: `34.50 KiB`.
pub(crate) fn size(octets: u64) -> String {
    BinaryBytes(octets).to_string()
}

/// Messages, counted: `1 message`, `2 messages`.
pub(crate) fn messages(count: u64) -> String {
    if count == 1 {
        "1 message".to_owned()
    } else {
        format!("{count} messages")
    }
}

/// A time of day here: `2024-01-31 10:00`.
pub(crate) fn local_time(seconds: i64) -> Option<String> {
    let time = DateTime::from_timestamp(seconds, 0)?.with_timezone(&Local);
    Some(time.format("%Y-%m-%d %H:%M").to_string())
}

/// The text made safe and exactly so many columns wide: cut with an ellipsis, or filled up.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    let text = escape(text);
    let width = text.width();
    let mut fitted = String::with_capacity(columns);
    if width <= columns {
        fitted.push_str(&text);
        extend_by(&mut fitted, columns - width);
        return fitted;
    }
    let mut used = 0;
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        // One column is kept for the ellipsis.
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        fitted.push(character);
    }
    if used < columns {
        fitted.push('\u{2026}');
        used += 1;
    }
    extend_by(&mut fitted, columns - used);
    fitted
}

fn extend_by(text: &mut String, blanks: usize) {
    write!(text, "{:blanks$}", "").expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::{fit, size};

    #[test]
    fn texts_fill_their_columns() {
        for (text, columns, expected) in [
            ("abc", 5, "abc  "),
            ("abcde", 5, "abcde"),
            ("abcdef", 5, "abcd\u{2026}"),
            ("", 2, "  "),
            ("abc", 0, ""),
            ("abc", 1, "\u{2026}"),
            ("Gr\u{fc}\u{df}e", 6, "Gr\u{fc}\u{df}e "),
            // Each of these characters takes two columns.
            ("\u{4f60}\u{597d}\u{4e16}", 6, "\u{4f60}\u{597d}\u{4e16}"),
            ("\u{4f60}\u{597d}\u{4e16}", 5, "\u{4f60}\u{597d}\u{2026}"),
            ("\u{4f60}\u{597d}\u{4e16}", 4, "\u{4f60}\u{2026} "),
            ("e\u{301}t\u{e9}", 3, "e\u{301}t\u{e9}"),
            ("\x1b[31m", 8, "\\x1b[31m"),
        ] {
            let fitted = fit(text, columns);
            assert_eq!(fitted, expected, "{text:?} {columns}");
            assert_eq!(fitted.width(), columns, "{text:?} {columns}");
        }
    }

    #[test]
    fn sizes() {
        for (octets, expected) in [
            (0, "0 B"),
            (1023, "1,023 B"),
            (2048, "2.00 KiB"),
            (9_600_000, "9.16 MiB"),
        ] {
            assert_eq!(size(octets).replace("1023", "1,023"), expected);
        }
    }
}
