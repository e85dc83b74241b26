//! popfetch fetches mail by POP3 into a local maildir or mbox, exactly once.
//!
//! The crate is one house with four rooms, and imports run downwards only:
//!
//! ```text
//! cli        arguments, configuration, commands, output
//!  |
//! transfer   plan and run: retrieve, stage, commit, delete, quit
//!  |     \
//! client  store    the POP3 client | maildir, mbox, eml, pipe, the journal
//!  |
//! protocol   bytes <-> commands, responses, multi-line data
//! ```
//!
//! [`client`] with [`protocol`] is a blocking POP3 client that a Rust program can use without
//! the rest.

pub mod client;
pub mod protocol;
pub mod secret;

// Public for the program and the fuzz targets, not for others.
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod message;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod transfer;
