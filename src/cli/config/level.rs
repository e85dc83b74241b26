//! The levels a setting can come from, nearest first: flags, environment, the account's own keys,
//! `[defaults]`, and what popfetch does when nobody says anything.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::cli::args::value::Line;
use crate::cli::args::{
    ConnectionFlags, DestinationFlags, GeneralFlags, LimitFlags, LoginFlags, NetworkFlags,
    PolicyFlags, TlsFlags,
};

/// Keys of an account that are no flags.
#[derive(Deserialize, Debug, Clone, Default)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct AccountKeys {
    pub(crate) server: Option<Line>,
    pub(crate) account_id: Option<Line>,
}

/// What one level says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    pub(crate) account: AccountKeys,
    pub(crate) login: LoginFlags,
    pub(crate) tls: TlsFlags,
    pub(crate) network: NetworkFlags,
    pub(crate) destination: DestinationFlags,
    pub(crate) policy: PolicyFlags,
    pub(crate) limits: LimitFlags,
    pub(crate) general: GeneralFlags,
}

impl Values {
    /// What the flags of a command say.
    pub(crate) fn of_flags(
        connection: &ConnectionFlags,
        destination: &DestinationFlags,
        general: &GeneralFlags,
    ) -> Self {
        Self {
            login: connection.login.clone(),
            tls: connection.tls.clone(),
            network: connection.network.clone(),
            destination: destination.clone(),
            general: general.clone(),
            ..Self::default()
        }
    }
}

/// One level: what it says, and where.
#[derive(Debug, Clone)]
pub(crate) struct Level {
    pub(crate) place: Place,
    pub(crate) values: Values,
    /// The line of each key, for a level out of a file.
    pub(crate) lines: BTreeMap<String, usize>,
}

/// Where a level is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// The command line.
    Flags,
    /// The environment.
    Environment,
    /// A table of the configuration file.
    Table(String),
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The command line.
    Flag(&'static str),
    /// A variable of the environment.
    Environment(&'static str),
    /// A line of the configuration file.
    Line { table: String, line: usize },
    /// The account's URL.
    Url,
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Environment(name) => f.write_str(name),
            Self::Line { table, line } => write!(f, "[{table}], line {line}"),
            Self::Url => f.write_str("the URL"),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Level {
    /// Where this level says this key.
    pub(crate) fn source(&self, key: &'static str) -> Source {
        match &self.place {
            Place::Flags => Source::Flag(key),
            Place::Environment => Source::Environment(match key {
                "proxy" => "POPFETCH_PROXY",
                _ => "the environment",
            }),
            Place::Table(table) => {
                let line = self.lines.get(key).copied().unwrap_or_default();
                Source::Line {
                    table: table.clone(),
                    line,
                }
            }
        }
    }
}

/// The levels, nearest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Levels<'a>(pub(crate) &'a [&'a Level]);

impl<'a> Levels<'a> {
    /// The value of the nearest level that has one.
    pub(crate) fn pick<T>(
        self,
        key: &'static str,
        value: impl Fn(&'a Values) -> Option<T>,
    ) -> Option<(T, Source)> {
        self.0
            .iter()
            .find_map(|level| Some((value(&level.values)?, level.source(key))))
    }
}
