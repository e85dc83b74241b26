//! A size in octets: `500k`, `20M`, `1.5GiB`.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use super::InvalidValue;

/// A number of octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) u64);

impl FromStr for Size {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        // The parser skips blanks and underscores anywhere and knows exponents: more than anybody
        // means by a size, so only digits, one point and a unit get that far.
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
        let written_plainly = number.starts_with(|c: char| c.is_ascii_digit())
            && number
                .chars()
                .all(|c| c.is_ascii_digit() || c == '.' || c == '_');
        match parse_size::parse_size(text) {
            Ok(octets) if written_plainly => Ok(Self(octets)),
            Err(parse_size::Error::PosOverflow) => Err(InvalidValue::new(
                "this is more than 16 EiB: write a smaller size",
            )),
            Ok(_) | Err(_) => Err(InvalidValue::new(
                "not a size: write a number and a unit, such as 500k, 20M or 1.5GiB",
            )),
        }
    }
}

/// A bound on octets. With none at all nothing would ever be fetched, and other programs mean no
/// bound by it: so it is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SizeBound(pub(crate) NonZeroU64);

impl FromStr for SizeBound {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let Size(octets) = text.parse()?;
        NonZeroU64::new(octets)
            .map(Self)
            .ok_or_else(|| InvalidValue::new("nothing would be fetched: leave it out for no bound"))
    }
}

impl fmt::Display for SizeBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Size(self.0.get()).fmt(f)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        for (unit, octets) in UNITS {
            if self.0 >= octets && self.0.is_multiple_of(octets) {
                return write!(f, "{} {unit}", self.0 / octets);
            }
        }
        write!(f, "{} octets", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Size, SizeBound};

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1", Some(1)),
            ("500k", Some(500_000)),
            ("500kB", Some(500_000)),
            ("20M", Some(20_000_000)),
            ("20 MiB", Some(20 << 20)),
            ("1.5GiB", Some(3 << 29)),
            ("4gib", Some(4 << 30)),
            ("1_000", Some(1000)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("16EiB", None),
            ("", None),
            ("k", None),
            ("-1", None),
            ("-1k", None),
            ("1e3", None),
            ("1 0", None),
            ("10 parsecs", None),
            ("10Q", None),
            ("1,5M", None),
        ] {
            let size = text.parse::<Size>().ok().map(|size| size.0);
            assert_eq!(size, expected, "{text:?}");
        }
    }

    #[test]
    fn a_bound_of_nothing_is_none() {
        for (text, expected) in [
            ("0", None),
            ("0k", None),
            ("1", Some(1)),
            ("1k", Some(1000)),
        ] {
            let bound = text.parse::<SizeBound>().ok().map(|bound| bound.0.get());
            assert_eq!(bound, expected, "{text:?}");
        }
    }

    #[test]
    fn display_is_exact() {
        for (octets, expected) in [
            (0, "0 octets"),
            (1023, "1023 octets"),
            (1024, "1 KiB"),
            (1025, "1025 octets"),
            (4 << 30, "4 GiB"),
        ] {
            assert_eq!(Size(octets).to_string(), expected);
        }
    }
}
