//! Flags that say where mail goes and what becomes of it on the server.

use clap::Args;
use serde::Deserialize;

use super::value::{Age, Count, FolderName, Line, SizeBound};

/// Where mail goes; the same names are keys of the configuration file.
#[derive(Args, Deserialize, Debug, Clone, Default)]
#[command(next_help_heading = "Destination")]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct DestinationFlags {
    /// Store mail in DEST: a maildir PATH, mbox:PATH, eml:DIR, pipe:COMMAND, or - for stdout
    #[arg(long, value_name = "DEST", value_hint = clap::ValueHint::AnyPath)]
    pub(crate) to: Option<Line>,

    /// Keep the record of what is stored in FILE [default: beside DEST]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) journal: Option<Line>,

    /// Sort the files of eml:DIR into folders: none, or a year and month each [default: none]
    #[arg(long, value_name = "FOLDERS", value_enum)]
    pub(crate) eml_folders: Option<FolderName>,
}

/// What becomes of a stored message on the server: one setting, so that the nearest level that
/// names any of these wins whole.
#[derive(Args, Deserialize, Debug, Clone, Default)]
#[command(next_help_heading = "On the server")]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct PolicyFlags {
    /// Keep stored messages on the server [default]
    #[arg(long, num_args = 0, default_missing_value = "true", group = "policy")]
    pub(crate) keep: Option<bool>,

    /// Delete messages from the server once they are stored and synced
    #[arg(long, num_args = 0, default_missing_value = "true", group = "policy")]
    pub(crate) delete: Option<bool>,

    /// Delete messages from the server once they have been stored for AGE, such as 14d
    #[arg(
        long,
        value_name = "AGE",
        group = "policy",
        allow_negative_numbers = true
    )]
    pub(crate) delete_after: Option<Age>,
}

/// How much to fetch; the same names are keys of the configuration file.
#[derive(Args, Deserialize, Debug, Clone, Default)]
#[command(next_help_heading = "Limits")]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct LimitFlags {
    /// Fetch at most SIZE in this run, for providers that count
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true)]
    pub(crate) max_bytes: Option<SizeBound>,

    /// Leave messages larger than SIZE on the server [default: 4 GiB]
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true)]
    pub(crate) max_message: Option<SizeBound>,

    /// Log out and in again after every N messages, so that deletions are final
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) batch: Option<Count>,
}
