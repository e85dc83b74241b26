//! Text of one line: a name, a command, a path.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use super::InvalidValue;

/// Text that is not empty and has no control characters, so that it can stand in a command, a
/// message and a file name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line(String);

impl FromStr for Line {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if text.trim().is_empty() {
            return Err(InvalidValue::new(
                "nothing is given here: write a value or leave it out",
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidValue::new(
                "a control character is in it: write one line of plain text",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Deref for Line {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn lines() {
        for (text, good) in [
            ("alice", true),
            ("pass show mail/work | head -1", true),
            ("jos\u{e9}", true),
            ("", false),
            ("  ", false),
            ("alice\r\nDELE 1", false),
            ("a\0b", false),
            ("tab\there", false),
        ] {
            assert_eq!(text.parse::<Line>().is_ok(), good, "{text:?}");
        }
    }
}
