//! Values out of a short list.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;

use super::InvalidValue;
use crate::protocol::{Mechanism, SaslMechanism};

/// When to use colour, or to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal
    Auto,
    /// Even without a terminal
    Always,
    /// Not at all
    Never,
}

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsName {
    /// TLS from the first octet (port 995)
    Implicit,
    /// The STLS command, before anything else (port 110)
    Stls,
    /// No encryption
    Off,
}

/// How an eml folder is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FolderName {
    /// All files in one folder
    None,
    /// A folder a year with a folder a month in it
    Months,
}

/// How to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MechanismName {
    User,
    Apop,
    Plain,
    Login,
    CramMd5,
    #[value(name = "scram-sha-1")]
    ScramSha1,
    #[value(name = "scram-sha-256")]
    ScramSha256,
    #[value(name = "scram-sha-1-plus")]
    ScramSha1Plus,
    #[value(name = "scram-sha-256-plus")]
    ScramSha256Plus,
    External,
    Xoauth2,
    Oauthbearer,
}

impl MechanismName {
    /// The mechanism of this name.
    pub(crate) fn mechanism(self) -> Mechanism {
        Mechanism::Sasl(match self {
            Self::User => return Mechanism::User,
            Self::Apop => return Mechanism::Apop,
            Self::Plain => SaslMechanism::Plain,
            Self::Login => SaslMechanism::Login,
            Self::CramMd5 => SaslMechanism::CramMd5,
            Self::ScramSha1 => SaslMechanism::ScramSha1,
            Self::ScramSha256 => SaslMechanism::ScramSha256,
            Self::ScramSha1Plus => SaslMechanism::ScramSha1Plus,
            Self::ScramSha256Plus => SaslMechanism::ScramSha256Plus,
            Self::External => SaslMechanism::External,
            Self::Xoauth2 => SaslMechanism::XOAuth2,
            Self::Oauthbearer => SaslMechanism::OAuthBearer,
        })
    }
}

fn parse_choice<T: ValueEnum>(text: &str) -> Result<T, InvalidValue> {
    T::from_str(text, true).map_err(|_| {
        let names: Vec<_> = T::value_variants().iter().filter_map(name).collect();
        InvalidValue::new(format!(
            "not a choice here: write one of {}",
            names.join(", ")
        ))
    })
}

fn name<T: ValueEnum>(value: &T) -> Option<String> {
    value
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
}

/// Lets these enumerations be read from and written as the names the command line knows.
macro_rules! text_of_choice {
    ($($name:ty),+) => {$(
        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                parse_choice(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&name(self).unwrap_or_default())
            }
        }
    )+};
}

text_of_choice!(When, TlsName, FolderName, MechanismName);

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::{MechanismName, TlsName};

    #[test]
    fn every_mechanism_is_read_as_it_is_written() {
        for mechanism in MechanismName::value_variants() {
            assert_eq!(mechanism.to_string().parse().as_ref(), Ok(mechanism));
            let name = mechanism.mechanism().name().to_lowercase();
            assert_eq!(mechanism.to_string(), name);
        }
        assert_eq!("SCRAM-SHA-256".parse(), Ok(MechanismName::ScramSha256));
    }

    #[test]
    fn a_wrong_choice_names_the_right_ones() {
        let error = "starttls".parse::<TlsName>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "not a choice here: write one of implicit, stls, off"
        );
    }
}
