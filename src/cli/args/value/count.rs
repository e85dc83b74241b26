//! Whole numbers: how many.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use super::InvalidValue;

/// How many; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) NonZeroU32);

/// How many more times; none at all is a choice too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times(pub(crate) u32);

impl FromStr for Count {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let count = number(text).and_then(NonZeroU32::new);
        count.map(Self).ok_or_else(|| {
            InvalidValue::new("not a count: write a whole number from 1 to 4294967295")
        })
    }
}

impl FromStr for Times {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        number(text).map(Self).ok_or_else(|| {
            InvalidValue::new("not a count: write a whole number such as 3, or 0 for never")
        })
    }
}

/// Digits alone: no sign, no blanks.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::{Count, Times};

    #[test]
    fn counts() {
        for (text, count, times) in [
            ("1", Some(1), Some(1)),
            ("0", None, Some(0)),
            ("4294967295", Some(u32::MAX), Some(u32::MAX)),
            ("4294967296", None, None),
            ("-1", None, None),
            ("+1", None, None),
            ("1.5", None, None),
            ("", None, None),
            ("many", None, None),
        ] {
            let parsed = text.parse::<Count>().ok().map(|count| count.0.get());
            assert_eq!(parsed, count, "{text:?}");
            assert_eq!(
                text.parse::<Times>().ok().map(|times| times.0),
                times,
                "{text:?}"
            );
        }
    }
}
