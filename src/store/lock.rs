//! One run at a time: the lock on a destination.

use std::fmt;

/// Who holds a lock, as its file tells: a word for people, never a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The host it runs on.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// Since when, in seconds since 1970.
    pub since_seconds: i64,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)
    }
}
