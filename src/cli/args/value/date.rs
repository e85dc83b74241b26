//! A date for `--since` and `--before`: a day, an instant, or an age.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Utc};

use super::{InvalidValue, duration};

/// A date as it was written; only the command that uses it knows what time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Date {
    /// A day, which begins at midnight here.
    Day(NaiveDate),
    /// A time of day here.
    Here(NaiveDateTime),
    /// A time with its offset.
    Instant(DateTime<Utc>),
    /// So long ago.
    Ago(Duration),
}

impl Date {
    /// The instant that is meant, in seconds since 1970.
    pub(crate) fn seconds(self, now_seconds: i64) -> i64 {
        match self {
            Self::Day(day) => here(day.and_time(NaiveTime::MIN)),
            Self::Here(time) => here(time),
            Self::Instant(instant) => instant.timestamp(),
            Self::Ago(age) => {
                now_seconds.saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
            }
        }
    }
}

/// Clocks jump by quarters of an hour, and at most over a day.
const QUARTERS_OF_A_DAY: i32 = 24 * 4;

/// The first instant that this clock time names here; where clocks jump over it, the one they
/// jump to.
fn here(time: NaiveDateTime) -> i64 {
    let later = |quarters| time.checked_add_signed(TimeDelta::minutes(15) * quarters);
    let named = |time| Local.from_local_datetime(&time).earliest();
    (0..=QUARTERS_OF_A_DAY)
        .filter_map(later)
        .find_map(named)
        .map_or_else(|| time.and_utc().timestamp(), |instant| instant.timestamp())
}

impl FromStr for Date {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self::Day(day));
        }
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Instant(instant.to_utc()));
        }
        for form in [
            "%Y-%m-%dT%H:%M:%S",
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%d %H:%M",
        ] {
            if let Ok(time) = NaiveDateTime::parse_from_str(text, form) {
                return Ok(Self::Here(time));
            }
        }
        if text != "0"
            && let Ok(age) = duration::parse(text)
        {
            return Ok(Self::Ago(age));
        }
        Err(InvalidValue::new(
            "not a date: write a day such as 2024-01-31, a time such as 2024-01-31T10:00, or an \
             age such as 14d",
        ))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, TimeZone as _, Utc};

    use super::Date;

    #[test]
    fn dates() {
        let day = NaiveDate::from_ymd_opt(2024, 1, 31).unwrap();
        let ten = day.and_hms_opt(10, 0, 0).unwrap();
        for (text, expected) in [
            ("2024-01-31", Some(Date::Day(day))),
            ("2024-01-31T10:00", Some(Date::Here(ten))),
            ("2024-01-31 10:00:00", Some(Date::Here(ten))),
            (
                "2024-01-31T10:00:00Z",
                Some(Date::Instant(Utc.from_utc_datetime(&ten))),
            ),
            (
                "2024-01-31T12:00:00+02:00",
                Some(Date::Instant(Utc.from_utc_datetime(&ten))),
            ),
            (
                "14d",
                Some(Date::Ago(std::time::Duration::from_hours(14 * 24))),
            ),
            ("2024-02-30", None),
            ("31.01.2024", None),
            ("0", None),
            ("", None),
            ("yesterday", None),
        ] {
            assert_eq!(text.parse::<Date>().ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn an_age_counts_from_now() {
        let date: Date = "1h".parse().unwrap();
        assert_eq!(date.seconds(10_000), 6_400);
    }

    #[test]
    fn an_instant_is_the_same_everywhere() {
        let date: Date = "1970-01-01T00:01:00Z".parse().unwrap();
        assert_eq!(date.seconds(10_000), 60);
    }
}
