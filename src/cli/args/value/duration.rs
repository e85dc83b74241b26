//! How long to wait (`60s`) and how old is old enough (`14d`).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::InvalidValue;

/// A hundred years: longer is a slip of the pen, and sums with it would overflow.
const LONGEST: Duration = Duration::from_hours(100 * 366 * 24);

/// A wait, longer than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeout(pub(crate) Duration);

/// An age; nothing is an age too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) Duration);

impl FromStr for Timeout {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let duration = parse(text)?;
        if duration.is_zero() {
            return Err(InvalidValue::new(
                "no time at all: every wait needs some, such as 60s; there is no endless one",
            ));
        }
        Ok(Self(duration))
    }
}

impl FromStr for Age {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        parse(text).map(Self)
    }
}

pub(super) fn parse(text: &str) -> Result<Duration, InvalidValue> {
    use humantime::DurationError;

    let mend = "write a number and a unit, such as 60s, 5m, 24h or 14d";
    let duration = humantime::parse_duration(text).map_err(|error| match error {
        DurationError::UnknownUnit { unit, value, .. } if unit.is_empty() => InvalidValue::new(
            format!("no unit: write {value}s, {value}m, {value}h or {value}d"),
        ),
        DurationError::UnknownUnit { .. }
        | DurationError::InvalidCharacter(_)
        | DurationError::NumberExpected(_)
        | DurationError::NumberOverflow
        | DurationError::Empty => InvalidValue::new(format!("not a duration: {mend}")),
    })?;
    if duration > LONGEST {
        return Err(InvalidValue::new(
            "more than a hundred years: write a shorter duration",
        ));
    }
    Ok(duration)
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::{Age, Timeout};

    #[test]
    fn durations() {
        let no_unit = "no unit: write 60s, 60m, 60h or 60d";
        let no_duration = "not a duration: write a number and a unit, such as 60s, 5m, 24h or 14d";
        for (text, expected) in [
            ("60s", Ok(60)),
            ("5m", Ok(300)),
            ("24h", Ok(86_400)),
            ("14d", Ok(14 * 86_400)),
            ("1h 30m", Ok(5_400)),
            ("0", Ok(0)),
            ("0s", Ok(0)),
            ("60", Err(no_unit)),
            ("", Err(no_duration)),
            ("soon", Err(no_duration)),
            ("-5s", Err(no_duration)),
            ("5 parsecs", Err(no_duration)),
            ("99999999999999999999s", Err(no_duration)),
            (
                "101y",
                Err("more than a hundred years: write a shorter duration"),
            ),
        ] {
            let age = text.parse::<Age>();
            let seconds = age
                .as_ref()
                .map(|age| age.0.as_secs())
                .map_err(|error| error.0.as_str());
            assert_eq!(seconds, expected, "{text:?}");
        }
    }

    #[test]
    fn a_wait_is_never_nothing() {
        assert!("0s".parse::<Timeout>().is_err());
        assert!("1ms".parse::<Timeout>().is_ok());
    }
}
