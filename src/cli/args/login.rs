//! Flags that say who logs in and how.

use clap::Args;
use serde::Deserialize;

use super::value::{Line, MechanismName};

/// Who logs in and how; the same names are keys of the configuration file.
#[derive(Args, Deserialize, Debug, Clone, Default)]
#[command(next_help_heading = "Login (one account only)")]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct LoginFlags {
    /// Log in as NAME
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<Line>,

    /// Take the password from the first line that the shell command CMD prints
    #[arg(long, value_name = "CMD", group = "secret", value_hint = clap::ValueHint::CommandString)]
    pub(crate) password_command: Option<Line>,

    /// Take the password from the first line of FILE, which nobody else may be able to read
    #[arg(long, value_name = "FILE", group = "secret", value_hint = clap::ValueHint::FilePath)]
    pub(crate) password_file: Option<Line>,

    /// Log in by OAuth 2 with the token that the shell command CMD prints
    ///
    /// The command is run again for every connection, since tokens live for about an hour.
    #[arg(long, value_name = "CMD", group = "secret", value_hint = clap::ValueHint::CommandString)]
    pub(crate) token_command: Option<Line>,

    /// Log in by OAuth 2 with the token in the first line of FILE, read anew for every connection
    #[arg(long, value_name = "FILE", group = "secret", value_hint = clap::ValueHint::FilePath)]
    pub(crate) token_file: Option<Line>,

    /// Log in by MECH alone [default: the best that both sides know]
    #[arg(long, value_name = "MECH", value_enum, ignore_case = true)]
    pub(crate) auth: Option<MechanismName>,
}
