//! Message-numbers for `--number`: `7` or `3-9`.

use std::str::FromStr;

use super::InvalidValue;

/// One message-number or a range of them, both ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumberRange {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl FromStr for NumberRange {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(InvalidValue::new(format!(
                "the range runs backwards: write {last}-{first}"
            )));
        }
        Ok(Self { first, last })
    }
}

fn number(text: &str) -> Result<u32, InvalidValue> {
    if text == "0" {
        return Err(InvalidValue::new("message-numbers begin at 1"));
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number > 0);
    number.ok_or_else(|| {
        InvalidValue::new("not a message-number: write one such as 7, or a range such as 3-9")
    })
}

#[cfg(test)]
mod tests {
    use super::NumberRange;

    #[test]
    fn ranges() {
        for (text, expected) in [
            ("1", Some((1, 1))),
            ("3-9", Some((3, 9))),
            ("4294967295", Some((u32::MAX, u32::MAX))),
            ("4294967296", None),
            ("0", None),
            ("0-3", None),
            ("9-3", None),
            ("3-", None),
            ("-3", None),
            ("+3", None),
            ("1-2-3", None),
            ("", None),
            ("all", None),
        ] {
            let range = text
                .parse::<NumberRange>()
                .ok()
                .map(|range| (range.first, range.last));
            assert_eq!(range, expected, "{text:?}");
        }
    }
}
