//! The end of a wait: by the clock, or because somebody asked to stop.

use std::io;
use std::time::{Duration, Instant};

use super::error::{Error, Wait};
use super::settings::Patience;

/// How long to wait before looking at the clock and the stop flag again.
const SLICE: Duration = Duration::from_millis(100);

/// The shortest wait: some systems take nothing less than a millisecond.
const SLICE_MIN: Duration = Duration::from_millis(1);

/// As good as for ever, and within the range of every clock.
const YEAR: Duration = Duration::from_hours(365 * 24);

/// The end of a wait, with its name.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    wait: Wait,
    ends: Wait,
    at: Instant,
    patience: Patience,
}

impl Limit {
    /// The wait may take the whole timeout.
    pub(super) fn new(wait: Wait, patience: &Patience) -> Self {
        Self::within(wait, patience, patience.timeout)
    }

    /// The wait may take so long, whatever the timeout.
    pub(super) fn within(wait: Wait, patience: &Patience, time: Duration) -> Self {
        let now = Instant::now();
        let at = now.checked_add(time.min(YEAR)).unwrap_or(now);
        let (ends, at) = match patience.until {
            Some(until) if until < at => (Wait::WholeRun, until),
            _ => (wait, at),
        };
        Self {
            wait,
            ends,
            at,
            patience: patience.clone(),
        }
    }

    /// What is waited for.
    pub(super) fn wait(&self) -> Wait {
        self.wait
    }

    /// How long to wait before looking again; the cause to give up when there is one.
    pub(super) fn slice(&self) -> Result<Duration, Cause> {
        if self.patience.is_stopped() {
            return Err(Cause::Stopped);
        }
        let left = self.at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Cause::Deadline(self.ends));
        }
        Ok(left.clamp(SLICE_MIN, SLICE))
    }
}

/// Why a wait was given up.
#[derive(Debug)]
pub(super) enum Cause {
    Deadline(Wait),
    Stopped,
    Io(io::Error),
}

impl Cause {
    pub(super) fn into_error(self, doing: Wait, peer: &str) -> Error {
        match self {
            Self::Deadline(wait) => Error::Deadline(wait),
            Self::Stopped => Error::Stopped,
            Self::Io(source) => Error::Io {
                doing,
                peer: peer.to_owned(),
                source,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn the_nearest_end_has_its_name() {
        let mut patience = Patience::new(Duration::ZERO);
        let over = Limit::new(Wait::Greeting, &patience).slice();
        assert!(
            matches!(over, Err(Cause::Deadline(Wait::Greeting))),
            "{over:?}"
        );
        patience.timeout = Duration::MAX;
        assert_eq!(
            Limit::new(Wait::Greeting, &patience).slice().unwrap(),
            SLICE
        );
        patience.until = Some(Instant::now());
        let over = Limit::new(Wait::Greeting, &patience).slice();
        assert!(
            matches!(over, Err(Cause::Deadline(Wait::WholeRun))),
            "{over:?}"
        );
        patience.stop.store(true, Ordering::Relaxed);
        let over = Limit::new(Wait::Greeting, &patience).slice();
        assert!(matches!(over, Err(Cause::Stopped)), "{over:?}");
    }
}
