//! The command line: every command and every flag once. Parsing looks at nothing but the words
//! themselves; what they mean together with the environment and the configuration file is
//! settled in [`config`](super::config).

#![expect(
    clippy::doc_markdown,
    reason = "these comments are the help texts, shown as they are"
)]

mod delivery;
mod general;
mod login;
mod network;
mod selection;
mod tls;
pub(crate) mod value;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use delivery::{DestinationFlags, LimitFlags, PolicyFlags};
pub(crate) use general::GeneralFlags;
pub(crate) use login::LoginFlags;
pub(crate) use network::NetworkFlags;
pub(crate) use selection::SelectionFlags;
pub(crate) use tls::TlsFlags;

/// Fetch mail by POP3 into a maildir or mbox, exactly once
#[derive(Parser, Debug)]
#[command(name = "popfetch", version, max_term_width = 100, after_help = AFTER_HELP)]
#[command(
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = false
)]
#[command(disable_help_subcommand = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) general: GeneralFlags,
}

impl CommandLine {
    /// The definition without any command.
    pub(crate) fn without_commands() -> clap::Command {
        let whole = <Self as clap::CommandFactory>::command();
        let bare = clap::Command::new("popfetch")
            .version(env!("CARGO_PKG_VERSION"))
            .after_help(AFTER_HELP)
            .propagate_version(true)
            .disable_help_subcommand(true);
        // After the flags: their description would take the place of the program's.
        GeneralFlags::augment_args(bare).about(whole.get_about().cloned().unwrap_or_default())
    }
}

const AFTER_HELP: &str = "\
ACCOUNT is a name from the configuration file or a URL: pop3s://USER@HOST[:PORT] for TLS,
pop3://USER@HOST[:PORT] for STLS. An @ in USER is written %40, or the user is given by --user.

Example:
  popfetch fetch pop3s://alice@pop.example.org --to ~/Mail";

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Fetch(Box<FetchArgs>),
    List(Box<ListArgs>),
    Stat(Box<StatArgs>),
    Delete(Box<DeleteArgs>),
    Verify(VerifyArgs),
    #[command(subcommand)]
    Config(ConfigCommand),
    #[command(hide = true)]
    Docs(DocsArgs),
    #[command(hide = true)]
    JsonSchema,
}

/// Fetch mail that is not stored yet
///
/// Takes what the journal at DEST has no receipt for, in the server's order, and keeps it on the
/// server unless told otherwise. Without ACCOUNT every account of the configuration file is
/// fetched.
#[derive(Args, Debug)]
pub(crate) struct FetchArgs {
    /// Name from the configuration file, or pop3s://USER@HOST
    #[arg(value_name = "ACCOUNT")]
    pub(crate) accounts: Vec<String>,

    #[command(flatten)]
    pub(crate) destination: DestinationFlags,
    #[command(flatten)]
    pub(crate) fetch: FetchFlags,
    #[command(flatten)]
    pub(crate) policy: PolicyFlags,
    #[command(flatten)]
    pub(crate) selection: SelectionFlags,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
    #[command(flatten)]
    pub(crate) connection: ConnectionFlags,
}

/// Flags of `fetch` alone, about one run.
#[derive(Args, Debug, Default, Clone)]
#[command(next_help_heading = "This run")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that is given or not"
)]
pub(crate) struct FetchFlags {
    /// Say what would be done for each message and why, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Take over a DEST whose journal is lost: what is in it already is not stored again
    #[arg(long)]
    pub(crate) adopt: bool,

    /// Record everything present as stored, without fetching it
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) mark_stored: bool,

    /// Go on though the server gave all messages new unique-ids; nothing is stored twice
    #[arg(long)]
    pub(crate) accept_new_uids: bool,
}

/// List messages on the server
///
/// Shows number, size, and whether the message is stored; with --long also date, sender and
/// subject. Without ACCOUNT every account of the configuration file is listed.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Name from the configuration file, or pop3s://USER@HOST
    #[arg(value_name = "ACCOUNT")]
    pub(crate) accounts: Vec<String>,

    /// Show date, sender and subject too
    #[arg(short, long)]
    pub(crate) long: bool,

    #[command(flatten)]
    pub(crate) destination: DestinationFlags,
    #[command(flatten)]
    pub(crate) selection: SelectionFlags,
    #[command(flatten)]
    pub(crate) connection: ConnectionFlags,
}

/// Show how many messages there are and how many are new
///
/// Without ACCOUNT every account of the configuration file is asked.
#[derive(Args, Debug)]
pub(crate) struct StatArgs {
    /// Name from the configuration file, or pop3s://USER@HOST
    #[arg(value_name = "ACCOUNT")]
    pub(crate) accounts: Vec<String>,

    /// Show what the server tells about itself: capabilities, TLS, certificate, login
    #[arg(long)]
    pub(crate) server: bool,

    #[command(flatten)]
    pub(crate) destination: DestinationFlags,
    #[command(flatten)]
    pub(crate) connection: ConnectionFlags,
}

/// Delete messages from the server
///
/// Needs at least one condition. Asks before it deletes. --yes is needed where there is no
/// terminal to ask on, and on a terminal too for --all and when a chosen message has no receipt.
#[derive(Args, Debug)]
pub(crate) struct DeleteArgs {
    /// Name from the configuration file, or pop3s://USER@HOST
    #[arg(value_name = "ACCOUNT")]
    pub(crate) account: String,

    /// Delete only what is stored in DEST with the recorded content
    #[arg(long)]
    pub(crate) verify: bool,

    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Delete without asking
    #[arg(short, long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) destination: DestinationFlags,
    #[command(flatten)]
    pub(crate) selection: SelectionFlags,
    #[command(flatten)]
    pub(crate) connection: ConnectionFlags,
}

/// Compare what is stored with the journal
///
/// Reads every stored message and reports what is missing, changed or not in the journal.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// A maildir PATH, mbox:PATH or eml:DIR
    #[arg(value_name = "DEST", value_hint = clap::ValueHint::AnyPath)]
    pub(crate) destination: value::Line,

    /// Read the journal from FILE [default: beside DEST]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) journal: Option<value::Line>,
}

/// Look at the configuration, or import another program's
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    Check(Box<ConfigCheckArgs>),
    Import(ConfigImportArgs),
}

/// Check the configuration and show what each value means and where it comes from
#[derive(Args, Debug)]
pub(crate) struct ConfigCheckArgs {
    /// Name from the configuration file, or pop3s://USER@HOST [default: every account]
    #[arg(value_name = "ACCOUNT")]
    pub(crate) accounts: Vec<String>,

    /// Log in to each server as well
    #[arg(long)]
    pub(crate) connect: bool,

    #[command(flatten)]
    pub(crate) destination: DestinationFlags,
    #[command(flatten)]
    pub(crate) connection: ConnectionFlags,
}

/// Print another program's accounts as a popfetch configuration
///
/// What has no counterpart is named in a comment. A password that stands in FILE is not printed;
/// nor is anything else that could be one. The other program's list of fetched messages is taken
/// over into the journal at each account's destination, so that nothing is fetched twice; what
/// it fetched stays on the server.
#[derive(Args, Debug)]
pub(crate) struct ConfigImportArgs {
    /// The program whose configuration FILE is
    #[arg(value_name = "PROGRAM", value_enum)]
    pub(crate) program: Program,

    /// Its configuration file
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    /// Store the mail of its accounts in DEST from now on [default: as FILE says]
    #[arg(long, value_name = "DEST", value_hint = clap::ValueHint::AnyPath)]
    pub(crate) to: Option<value::Line>,
}

/// Programs whose configuration can be imported.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Mpop,
    Getmail,
    Fetchmail,
    Fdm,
}

/// Write the man pages to DIR/man and the completions to DIR/completions
#[derive(Args, Debug)]
pub(crate) struct DocsArgs {
    /// Folder to write to
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
}

/// All flags about the connection.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct ConnectionFlags {
    #[command(flatten)]
    pub(crate) login: LoginFlags,
    #[command(flatten)]
    pub(crate) tls: TlsFlags,
    #[command(flatten)]
    pub(crate) network: NetworkFlags,
}

#[cfg(test)]
mod tests;
