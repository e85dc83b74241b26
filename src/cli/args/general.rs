//! Flags about the run as a whole.

use std::fmt;

use clap::{ArgAction, Args};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::value::{Count, Line, When};

/// The run as a whole; all but `config` are keys of `[defaults]` in the configuration file.
#[derive(Args, Deserialize, Debug, Clone, Default)]
#[command(next_help_heading = "General")]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct GeneralFlags {
    /// Read the configuration from FILE [default: ~/.config/popfetch/config.toml]
    #[arg(long, global = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    #[serde(skip)]
    pub(crate) config: Option<Line>,

    /// Print JSON lines on stdout, failures too
    #[arg(long, global = true, num_args = 0, default_missing_value = "true")]
    pub(crate) json: Option<bool>,

    /// Say nothing but what went wrong
    #[arg(
        short,
        long,
        global = true,
        num_args = 0,
        default_missing_value = "true",
        conflicts_with = "verbose"
    )]
    pub(crate) quiet: Option<bool>,

    /// Say more; given twice, show the protocol with secrets left out (can be repeated)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    #[serde(deserialize_with = "verbosity")]
    pub(crate) verbose: u8,

    /// Use colour WHEN [default: auto]
    #[arg(long, global = true, value_name = "WHEN", value_enum)]
    pub(crate) color: Option<When>,

    /// Show progress WHEN [default: auto]
    #[arg(long, global = true, value_name = "WHEN", value_enum)]
    pub(crate) progress: Option<When>,

    /// Work on up to N accounts at once [default: 4]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    pub(crate) jobs: Option<Count>,
}

/// In the configuration file: how often the flag would be given, or whether it would.
fn verbosity<'de, D: Deserializer<'de>>(source: D) -> Result<u8, D::Error> {
    struct Level;

    impl Visitor<'_> for Level {
        type Value = u8;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("true, false or a number from 0 to 2")
        }

        fn visit_bool<E: Error>(self, on: bool) -> Result<u8, E> {
            Ok(on.into())
        }

        fn visit_i64<E: Error>(self, level: i64) -> Result<u8, E> {
            u8::try_from(level)
                .ok()
                .filter(|level| *level <= 2)
                .ok_or_else(|| E::custom("write true, false or a number from 0 to 2"))
        }
    }

    source.deserialize_any(Level)
}
