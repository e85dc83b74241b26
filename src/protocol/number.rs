//! The number of a message within one session.

use std::fmt;
use std::num::NonZeroU32;

/// A message-number (RFC 1939 section 5): counts from 1 and means something only within the
/// session it was listed in. What stays from session to session is the unique-id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNumber(NonZeroU32);

impl MessageNumber {
    /// The number, unless it is 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Reads decimal digits and nothing else.
    pub fn parse(digits: &[u8]) -> Option<Self> {
        Self::new(u32::try_from(parse_decimal(digits)?).ok()?)
    }

    /// The number itself.
    pub fn value(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for MessageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads decimal digits and nothing else: no sign, no blank, nothing beyond 64 bits.
pub(crate) fn parse_decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    // So many fit whatever they are.
    let (first, rest) = digits.split_at(digits.len().min(19));
    let first = first
        .iter()
        .try_fold(0, |value: u64, octet| Some(10 * value + digit(*octet)?))?;
    rest.iter().try_fold(first, |value, octet| {
        value.checked_mul(10)?.checked_add(digit(*octet)?)
    })
}

fn digit(octet: u8) -> Option<u64> {
    octet.is_ascii_digit().then(|| u64::from(octet - b'0'))
}

#[cfg(test)]
mod tests {
    use super::{MessageNumber, parse_decimal};

    #[test]
    fn only_digits_above_zero_are_a_number() {
        let check = |digits: &str, expected: Option<u32>| {
            let number = MessageNumber::parse(digits.as_bytes()).map(MessageNumber::value);
            assert_eq!(number, expected, "{digits:?}");
        };
        check("1", Some(1));
        check("007", Some(7));
        check("4294967295", Some(u32::MAX));
        check("4294967296", None);
        check("0", None);
        check("", None);
        check("-1", None);
        check("+1", None);
        check("1 ", None);
        check("1x", None);
    }

    #[test]
    fn decimals_end_at_64_bits() {
        assert_eq!(parse_decimal(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_decimal(b"18446744073709551616"), None);
    }
}
