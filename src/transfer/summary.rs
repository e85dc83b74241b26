//! What a run came to.

use std::time::{Duration, Instant};

use crate::store::Receipt;

use super::error::Error;

/// What a run came to, and why it ended early if it did.
#[derive(Debug)]
pub struct Outcome {
    /// What it came to.
    pub summary: Summary,
    /// Why it ended early.
    pub error: Option<Error>,
}

impl Outcome {
    /// Runs, and takes the time. The summary counts also when an error ended it.
    pub(super) fn of(run: impl FnOnce(&mut Summary) -> Result<(), Error>) -> Self {
        let started = Instant::now();
        let mut summary = Summary::default();
        let ended = run(&mut summary);
        summary.elapsed = started.elapsed();
        Self {
            summary,
            error: ended.err(),
        }
    }
}

/// What would help a message that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The next run may well succeed.
    TryLater,
    /// Nothing that is known of.
    None,
}

/// What is known of the deletions a run asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeletionState {
    /// None was asked for.
    #[default]
    None,
    /// The server confirmed them all.
    Confirmed,
    /// Some were asked for and not confirmed: the next run that deletes asks again.
    Unknown,
}

/// What a run came to, also when it ended early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages stored and durable.
    pub stored: u64,
    /// Messages left as they are.
    pub skipped: u64,
    /// Those of the skipped that are new and wait for another run, by the bounds of this one.
    pub held_back: u64,
    /// Messages that could not be retrieved or stored.
    pub failed: u64,
    /// Those of the failed for which a later run may succeed.
    pub try_later: u64,
    /// Messages stored that may be incomplete; they count as stored, too.
    pub suspect: u64,
    /// Messages the server listed and then no longer had.
    pub gone: u64,
    /// Deletions the server confirmed.
    pub deleted: u64,
    /// What is known of the deletions.
    pub deletion: DeletionState,
    /// Octets of the stored messages.
    pub octets: u64,
    /// How long the run took.
    pub elapsed: Duration,
}

impl Summary {
    pub(super) fn add_stored(&mut self, receipt: &Receipt) {
        self.stored += 1;
        self.suspect += u64::from(receipt.suspect);
        self.octets += receipt.stored_octets;
    }

    pub(super) fn add_failed(&mut self, remedy: Remedy) {
        self.failed += 1;
        self.try_later += u64::from(remedy == Remedy::TryLater);
    }

    /// Adds what another part of the run came to; the state of deletions and the time are this
    /// one's.
    pub(super) fn add(&mut self, other: &Self) {
        self.stored += other.stored;
        self.skipped += other.skipped;
        self.held_back += other.held_back;
        self.failed += other.failed;
        self.try_later += other.try_later;
        self.suspect += other.suspect;
        self.gone += other.gone;
        self.deleted += other.deleted;
        self.octets += other.octets;
    }
}
