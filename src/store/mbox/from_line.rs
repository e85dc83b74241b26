//! The From_ line: what stands before each message of an mbox.

use chrono::DateTime;

/// More of a From_ line is not looked at.
pub(super) const FROM_LINE_OCTETS_MAX: usize = 1024;

/// The sender where the envelope names none, as for a bounce.
const NO_SENDER: &str = "MAILER-DAEMON";

const WEEKDAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// `From SENDER DATE`, the date as asctime(3) writes it, in UTC (RFC 4155 appendix A), with its
/// line end.
pub(crate) fn from_line(sender: Option<&str>, seconds: i64) -> String {
    let date = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let sender = sender.unwrap_or(NO_SENDER);
    format!("From {sender} {}\n", date.format("%a %b %e %H:%M:%S %Y"))
}

/// Whether a text begins with a From_ line some program wrote: `From `, a sender, and the day of
/// the week before or after the month's name somewhere in the rest of the line. Prose that happens
/// to begin with `From ` rarely has them side by side.
pub(crate) fn is_from_line(text: &[u8]) -> bool {
    let line = text
        .split(|&octet| octet == b'\n')
        .next()
        .unwrap_or_default();
    let Some(rest) = line.strip_prefix(b"From ") else {
        return false;
    };
    let words: Vec<&[u8]> = rest
        .split(|&octet| octet == b' ')
        .filter(|word| !word.is_empty())
        .collect();
    words.windows(2).any(
        |pair| matches!(pair, [day, month] if WEEKDAYS.contains(day) && MONTHS.contains(month)),
    )
}

#[cfg(test)]
mod tests {
    use super::{from_line, is_from_line};

    #[test]
    fn from_lines_have_sender_and_date() {
        for (sender, seconds, expected) in [
            (
                Some("a@b.c"),
                1_704_448_800,
                "From a@b.c Fri Jan  5 10:00:00 2024\n",
            ),
            (None, 0, "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n"),
        ] {
            assert_eq!(from_line(sender, seconds), expected);
            assert!(is_from_line(expected.as_bytes()));
        }
    }

    #[test]
    fn from_lines_of_other_programs_are_known() {
        for (line, known) in [
            ("From bob@x  Fri Jan  5 10:00:00 2024\nSubject: x\n", true),
            ("From - Fri Jan 05 10:00:00 +0100 2024", true),
            ("From bob Fri Jan  5 10:00:00 2024 remote from y", true),
            ("From Friday on we meet in Jan", false),
            ("From \nFri Jan", false),
            ("From: bob Fri Jan  5", false),
            (">From bob Fri Jan  5 10:00:00 2024", false),
            ("", false),
        ] {
            assert_eq!(is_from_line(line.as_bytes()), known, "{line}");
        }
    }
}
