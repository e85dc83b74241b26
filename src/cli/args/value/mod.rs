//! The values that flags and configuration keys take: one parser for both, so that a size, a
//! date or a duration means the same wherever it is written.

mod choice;
mod count;
mod date;
mod duration;
mod line;
mod number_range;
mod size;

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Error, Visitor};

pub(crate) use crate::client::{CertificatePin, PipelinePolicy, Proxy};
pub(crate) use choice::{FolderName, MechanismName, TlsName, When};
pub(crate) use count::{Count, Times};
pub(crate) use date::Date;
pub(crate) use duration::{Age, Timeout};
pub(crate) use line::Line;
pub(crate) use number_range::NumberRange;
pub(crate) use size::{Size, SizeBound};

/// Reads a value out of a string, or out of a bare number, with the parser of the command line.
struct Text<T>(PhantomData<T>);

impl<T> Visitor<'_> for Text<T>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in quotes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

/// Lets serde read these types by their `FromStr`.
macro_rules! deserialize_from_text {
    ($($name:ty),+ $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                source.deserialize_any(Text(PhantomData))
            }
        }
    )+};
}

deserialize_from_text!(
    Age,
    Count,
    FolderName,
    Line,
    MechanismName,
    CertificatePin,
    PipelinePolicy,
    Proxy,
    Size,
    SizeBound,
    Times,
    Timeout,
    TlsName,
    When,
);

/// What is wrong with a value and how to write it, as one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidValue(String);

impl InvalidValue {
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidValue {}
