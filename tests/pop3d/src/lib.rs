//! The POP3 server that popfetch's tests, example and benchmarks run against.
//!
//! It lives in the process that starts it, listens on loopback, and serves a [`Mailbox`] of
//! generated messages: the same number, seed and sizes always give the same octets, so that
//! whoever fetched them can be checked without a copy. A message is made while it is sent;
//! a million of them cost no more memory than ten.
//!
//! What a test needs beyond a server: it can *hold* a session at any [`Step`] of the protocol
//! and wait until the session got there, *look on* at every step and hang up there, *cut* a
//! session at any octet of its output, and read back every command that came in.

mod base64;
mod gate;
mod mailbox;
mod message;
mod output;
mod server;
mod session;
mod stuffing;

pub use gate::{Hold, Moment, Step, Then, When};
pub use mailbox::{Mailbox, Sizes};
pub use message::Message;
pub use server::{Cut, Server, Settings};
