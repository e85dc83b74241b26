//! The one place where an error becomes words, a hint and an exit status.

mod client;
mod exit_status;
mod store;
mod token;
mod transfer;

pub(crate) use client::of_client;
pub(crate) use exit_status::{Ending, exit_status};
pub(crate) use store::of_store;
pub(crate) use transfer::{of_message, of_suspect, of_transfer};

/// What is known about the account when something fails, for better hints.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct About<'a> {
    /// The server's host.
    pub(crate) host: &'a str,
    /// What set the password or token, for people.
    pub(crate) secret_key: Option<&'a str>,
    /// Whether it is a token.
    pub(crate) is_token: bool,
    /// The kind of end a signal asked for.
    pub(crate) signal: Option<super::failure::Kind>,
}
