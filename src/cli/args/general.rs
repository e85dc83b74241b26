//! Flags about the run as a whole.

use std::num::NonZeroU16;

use clap::{ArgAction, Args};
use serde::Deserialize;

use super::value::{Line, When};

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
    pub(crate) verbose: u8,

    /// Use colour WHEN [default: auto]
    #[arg(long, global = true, value_name = "WHEN", value_enum)]
    pub(crate) color: Option<When>,

    /// Show progress WHEN [default: auto]
    #[arg(long, global = true, value_name = "WHEN", value_enum)]
    pub(crate) progress: Option<When>,

    /// Work on up to N accounts at once [default: 4]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) jobs: Option<NonZeroU16>,
}
