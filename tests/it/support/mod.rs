//! What the tests stand on: the program, servers, certificates, independent readers.

pub(crate) mod certificate;
pub(crate) mod dovecot;
pub(crate) mod embedded;
pub(crate) mod enclosed;
pub(crate) mod enclosure;
pub(crate) mod escape;
pub(crate) mod other_clients;
pub(crate) mod program;
pub(crate) mod reader;
pub(crate) mod scripted;
pub(crate) mod servers;
pub(crate) mod socks;
pub(crate) mod transcript;
