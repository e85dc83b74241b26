//! SIGINT and SIGTERM: the first sets the stop flag, so that what is complete is committed; the
//! second ends the program at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::failure::Kind;

/// What has been asked of the program from outside.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signals {
    stop: Arc<AtomicBool>,
    which: Arc<AtomicUsize>,
}

impl Signals {
    /// Listens to the signals.
    pub(crate) fn install(&self) -> io::Result<()> {
        for (signal, kind) in [(SIGINT, Kind::Interrupted), (SIGTERM, Kind::Terminated)] {
            let status = i32::from(kind.exit_status());
            // In this order: with the flag already set, the second signal ends the program.
            flag::register_conditional_shutdown(signal, status, Arc::clone(&self.stop))?;
            flag::register(signal, Arc::clone(&self.stop))?;
            let number = usize::try_from(signal).unwrap_or_default();
            flag::register_usize(signal, Arc::clone(&self.which), number)?;
        }
        Ok(())
    }

    /// The flag that ends every wait.
    pub(crate) fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// The kind of end a signal asked for.
    pub(crate) fn received(&self) -> Option<Kind> {
        match i32::try_from(self.which.load(Ordering::Relaxed)) {
            Ok(SIGINT) => Some(Kind::Interrupted),
            Ok(SIGTERM) => Some(Kind::Terminated),
            Ok(_) | Err(_) => None,
        }
    }
}
