//! Names a person can read: `2024-01-05T10-00-00Z sender subject.hash.eml`.
//!
//! They are safe on every file system in use: no separator, no character Windows refuses, no
//! control or direction mark, no trailing blank or dot, and of bounded length.

use chrono::{DateTime, NaiveDateTime};

use crate::message::Header;

/// Room for sender and subject, in octets of UTF-8. With date, hash and `.eml` a name stays below
/// the 143 octets an encrypted home directory (eCryptfs) allows.
const SENDER_OCTETS_MAX: usize = 32;
const SUBJECT_OCTETS_MAX: usize = 64;

/// How much of the SHA-256 stands in the name, in hexadecimal digits.
const HASH_DIGITS: usize = 8;

/// The name of a message's file, and the folders of its year and month.
pub(crate) struct Name {
    /// `2024/01`
    pub(crate) month: String,
    /// The file's name without a folder.
    pub(crate) file: String,
}

impl Name {
    /// Names a message that was received at `seconds` since 1970.
    pub(crate) fn new(seconds: i64, header: &Header, sha256: &[u8; 32]) -> Self {
        let received = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        let hash = data_encoding::HEXLOWER.encode(sha256);
        let hash = hash.get(..HASH_DIGITS).unwrap_or_default();
        let mut file = received.format("%Y-%m-%dT%H-%M-%SZ").to_string();
        let sender = header.from.as_deref().map(shown_sender);
        for (text, octets_max) in [
            (sender, SENDER_OCTETS_MAX),
            (header.subject.as_deref(), SUBJECT_OCTETS_MAX),
        ] {
            let word = plain(text.unwrap_or_default(), octets_max);
            if !word.is_empty() {
                file.push(' ');
                file.push_str(&word);
            }
        }
        let month = received.format("%Y/%m").to_string();
        Self {
            month,
            file: format!("{file}.{hash}.eml"),
        }
    }
}

/// The same name with a number, for when it is taken: `... .hash-2.eml`.
pub(crate) fn numbered(file: &str, number: u32) -> String {
    let stem = file.strip_suffix(".eml").unwrap_or(file);
    format!("{stem}-{number}.eml")
}

/// Whether a name looks like one of [`Name`]'s, numbered or not.
pub(crate) fn is_of_our_kind(file: &str) -> bool {
    let Some(stem) = file.strip_suffix(".eml") else {
        return false;
    };
    let Some((stem, hash)) = stem.rsplit_once('.') else {
        return false;
    };
    let hash = hash.split_once('-').map_or(hash, |(hash, _number)| hash);
    let is_hash = hash.len() == HASH_DIGITS && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    let date = stem.split_once(' ').map_or(stem, |(date, _words)| date);
    is_hash && NaiveDateTime::parse_from_str(date, "%Y-%m-%dT%H-%M-%SZ").is_ok()
}

/// The part of a `From` field a person knows somebody by: the name, else the address.
fn shown_sender(from: &str) -> &str {
    let (name, address) = from.split_once('<').unwrap_or((from, ""));
    let name = name.trim().trim_matches('"').trim();
    if name.is_empty() {
        address.split('>').next().unwrap_or_default()
    } else {
        name
    }
}

/// Letters and digits of any script and a few harmless signs; each run of anything else is one
/// `_`, or one blank where it began with one.
fn plain(text: &str, octets_max: usize) -> String {
    let mut word = String::new();
    for letter in text.chars() {
        let kept = if letter.is_alphanumeric() || "-+@.,=()".contains(letter) {
            letter
        } else if letter.is_whitespace() {
            ' '
        } else {
            '_'
        };
        let repeated = " _".contains(kept) && word.ends_with([' ', '_']);
        if word.len() + kept.len_utf8() > octets_max {
            break;
        }
        if !repeated {
            word.push(kept);
        }
    }
    word.trim_matches([' ', '_', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Name, numbered};
    use crate::message::Header;

    fn check(from: &str, subject: &str, expected: &str) {
        let header = Header {
            date_seconds: None,
            from: Some(from.to_owned()),
            subject: Some(subject.to_owned()),
        };
        let name = Name::new(1_704_448_800, &header, &[0xab; 32]);
        assert_eq!(
            name.file,
            format!("2024-01-05T10-00-00Z{expected}.abababab.eml")
        );
        assert_eq!(name.month, "2024/01");
        assert!(name.file.len() < 143, "{}", name.file);
    }

    #[test]
    fn names_are_readable_and_safe() {
        check("Ann <ann@example.org>", "Lunch", " Ann Lunch");
        check("ann@example.org", "Re: Lunch?", " ann@example.org Re_Lunch");
        check("<ann@example.org>", "", " ann@example.org");
        check("\"Doe, Ann\" <a@b.c>", "..", " Doe, Ann");
        check("", "", "");
        check(
            "J\u{f6}rg",
            "\u{65e5}\u{672c}",
            " J\u{f6}rg \u{65e5}\u{672c}",
        );
        check("../../etc", "a/b\\c:d*e\"f|g\0h\n", " etc a_b_c_d_e_f_g_h");
        check("\u{202e}evil", "a\u{200b}b\x1b[2Jc", " evil a_b_2Jc");
        check(
            &"a".repeat(99),
            &"\u{65e5}".repeat(99),
            &format!(" {} {}", "a".repeat(32), "\u{65e5}".repeat(21)),
        );
    }

    #[test]
    fn a_message_without_header_has_a_name() {
        let name = Name::new(i64::MAX, &Header::default(), &[0; 32]);
        assert_eq!(name.file, "1970-01-01T00-00-00Z.00000000.eml");
    }

    #[test]
    fn a_taken_name_gets_a_number() {
        assert_eq!(numbered("x y.abababab.eml", 2), "x y.abababab-2.eml");
    }
}
