//! The places where a test can hold a session, look at it, and end it.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where in the answer to a command a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The command is read; nothing of its answer is sent, nothing is changed.
    Before,
    /// Half of a message's first part is sent; for QUIT: the deletions are carried out, the
    /// client has not been told.
    Inside,
    /// All of the answer is sent.
    After,
}

/// A point of a session; `verb` is the command's or `greeting`, `number` its message-number or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Before, inside or after the answer.
    pub when: When,
    /// The command in capitals.
    pub verb: &'static str,
    /// Its message-number, 0 where it has none.
    pub number: u32,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} {}", self.when, self.verb, self.number)
    }
}

/// A step that a session has come to.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Which session, counted from 0.
    pub session: u32,
    /// The step.
    pub step: Step,
    /// Where in the mailbox the message of this number stands, unless it is marked as deleted.
    pub place: Option<u32>,
}

/// What a session does after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It goes on.
    GoOn,
    /// It sends what it has said so far and ends the line.
    HangUp,
}

/// Looks on at every step of every session, from the session's thread.
pub(crate) struct Look(pub(crate) Box<dyn Fn(Moment) -> Then + Send + Sync>);

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Look")
    }
}

/// Which step to hold a session at.
#[derive(Clone, Copy, Debug)]
pub enum Hold {
    /// The nth that any session of this server comes to, from 0.
    Nth(u64),
    /// The next that equals this.
    At(Step),
}

/// Steps passed so far, and the one to hold at.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    passed: u64,
    hold: Option<Hold>,
    held: Option<Step>,
    open: bool,
}

impl Gate {
    /// Counts the step; if it is the one to hold at, calls `flush`, tells the test, and waits to
    /// be released.
    pub(crate) fn pass(&self, step: Step, flush: impl FnOnce()) {
        let mut state = self.lock();
        let nth = state.passed;
        state.passed += 1;
        let hit = !state.open
            && match state.hold {
                None => false,
                Some(Hold::Nth(wanted)) => wanted == nth,
                Some(Hold::At(wanted)) => wanted == step,
            };
        if !hit {
            return;
        }
        state.hold = None;
        flush();
        state.held = Some(step);
        self.changed.notify_all();
        while state.held.is_some() {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn passed(&self) -> u64 {
        self.lock().passed
    }

    pub(crate) fn set(&self, hold: Hold) {
        self.lock().hold = Some(hold);
    }

    /// Waits until a session is held; `None` when `patience` ran out.
    pub(crate) fn wait_until_held(&self, patience: Duration) -> Option<Step> {
        let until = Instant::now() + patience;
        let mut state = self.lock();
        while state.held.is_none() {
            let left = until.checked_duration_since(Instant::now())?;
            (state, _) = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.held
    }

    pub(crate) fn release(&self) {
        let mut state = self.lock();
        state.hold = None;
        state.held = None;
        self.changed.notify_all();
    }

    /// Releases who is held and never holds again.
    pub(crate) fn open_for_good(&self) {
        self.lock().open = true;
        self.release();
    }

    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
