//! The words of a run control file: free format, `,;:=` are blanks, `#` begins a comment.

use std::iter::Peekable;
use std::str::Chars;

/// One word. A quoted one is never an option's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) is_quoted: bool,
}

impl Word {
    /// The word, if it can name an option.
    pub(super) fn bare(&self) -> &str {
        if self.is_quoted { "" } else { &self.text }
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | ':' | '=')
}

/// The words of a text.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(&first) = rest.peek() {
        match first {
            '#' => while rest.next_if(|c| *c != '\n').is_some() {},
            '"' | '\'' => {
                rest.next();
                words.push(Word {
                    text: quoted(&mut rest, first),
                    is_quoted: true,
                });
            }
            first if is_blank(first) => drop(rest.next()),
            _ => {
                let mut text = String::new();
                while let Some(c) = rest.next_if(|c| !is_blank(*c) && !matches!(c, '"' | '\'')) {
                    text.extend(unescaped(c, &mut rest));
                }
                words.push(Word {
                    text,
                    is_quoted: false,
                });
            }
        }
    }
    words
}

fn quoted(rest: &mut Peekable<Chars<'_>>, quote: char) -> String {
    let mut text = String::new();
    while let Some(c) = rest.next().filter(|c| *c != quote) {
        text.extend(unescaped(c, rest));
    }
    text
}

/// What a character stands for: `\n`, `\t`, `\b`, `\r`, `\233` (decimal), `\0351` (octal) and
/// `\xe9` are as in C or nearly so, and a line end behind a backslash is nothing.
fn unescaped(c: char, rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    if c != '\\' {
        return Some(c);
    }
    match rest.next()? {
        '\n' => None,
        'n' => Some('\n'),
        't' => Some('\t'),
        'b' => Some('\u{8}'),
        'r' => Some('\r'),
        'x' => number(rest, 16, 2, 0),
        '0' => number(rest, 8, 3, 0),
        digit if digit.is_ascii_digit() => number(rest, 10, 2, digit.to_digit(10)?),
        other => Some(other),
    }
}

fn number(rest: &mut Peekable<Chars<'_>>, radix: u32, digits: u32, first: u32) -> Option<char> {
    let mut value = first;
    for _ in 0..digits {
        let Some(digit) = rest.peek().and_then(|c| c.to_digit(radix)) else {
            break;
        };
        rest.next();
        value = value * radix + digit;
    }
    char::from_u32(value)
}

/// How many words an option is followed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    One,
    /// All up to the next option.
    Several,
}

const OF_NOTHING: &[&str] = &[
    "dns",
    "checkalias",
    "uidl",
    "tracepolls",
    "ssl",
    "sslcertck",
    "lmtp",
    "rewrite",
    "keep",
    "flush",
    "limitflush",
    "fetchall",
    "stripcr",
    "forcecr",
    "pass8bits",
    "dropstatus",
    "dropdelivered",
    "mimedecode",
    "idle",
];
const OF_ONE: &[&str] = &[
    "via",
    "proto",
    "port",
    "auth",
    "timeout",
    "envelope",
    "qvirtual",
    "interface",
    "monitor",
    "plugin",
    "plugout",
    "interval",
    "principal",
    "esmtpname",
    "esmtppassword",
    "bad-header",
    "pass",
    "sslcert",
    "sslcertfile",
    "sslcertpath",
    "sslfingerprint",
    "sslkey",
    "sslproto",
    "sslcommonname",
    "smtpaddress",
    "smtpname",
    "mda",
    "bsmtp",
    "preconnect",
    "postconnect",
    "limit",
    "warnings",
    "batchlimit",
    "fetchlimit",
    "fetchsizelimit",
    "properties",
    "fastuidl",
    "expunge",
];
const OF_SEVERAL: &[&str] = &[
    "is",
    "local",
    "aka",
    "folder",
    "fetchdomains",
    "smtphost",
    "antispam",
];
const OTHER_NAMES: &[(&str, &str)] = &[
    ("protocol", "proto"),
    ("service", "port"),
    ("authenticate", "auth"),
    ("password", "pass"),
    ("to", "is"),
    ("localdomains", "local"),
    ("mailbox", "folder"),
    ("smtp", "smtphost"),
    ("spamresponse", "antispam"),
    ("badheader", "bad-header"),
];
/// Words between options that mean nothing, or belong to what stands before them.
const OTHER_WORDS: &[&str] = &[
    "and", "with", "has", "wants", "options", "here", "there", "user", "username", "poll",
    "server", "skip", "defaults", "set",
];

/// The option of this name, under its first name.
pub(super) fn option(word: &str) -> Option<(&'static str, Takes)> {
    let name = OTHER_NAMES
        .iter()
        .find_map(|(other, name)| (*other == word).then_some(*name))
        .unwrap_or(word);
    [
        (OF_NOTHING, Takes::Nothing),
        (OF_ONE, Takes::One),
        (OF_SEVERAL, Takes::Several),
    ]
    .into_iter()
    .find_map(|(names, takes)| Some((*names.iter().find(|known| **known == name)?, takes)))
}

/// Whether a list of words ends before this one.
pub(super) fn ends_list(word: &Word) -> bool {
    let text = word.bare();
    text == "no"
        || OTHER_WORDS.contains(&text)
        || option(text).is_some()
        || text
            .strip_prefix("no")
            .is_some_and(|rest| option(rest).is_some())
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn quoted_bare_and_escaped() {
        for (text, expected) in [
            ("a, b;c=d:e", "a|b|c|d|e"),
            ("user 'al ice' # no\nnext", "user|'al ice'|next"),
            (r#"pass "a\"b" x"#, r#"pass|'a"b'|x"#),
            (r#""c\x40d" c\x40d \0101 \065"#, "'c@d'|c@d|A|5"),
            ("\"on two \\\nlines\"", "'on two lines'"),
            ("''", "''"),
            ("\"unclosed", "'unclosed'"),
        ] {
            let found: Vec<_> = words(text)
                .iter()
                .map(|word| {
                    if word.is_quoted {
                        format!("'{}'", word.text)
                    } else {
                        word.text.clone()
                    }
                })
                .collect();
            assert_eq!(found.join("|"), expected, "{text}");
        }
    }
}
