//! What `-v` and `-vv` show: the log of the rooms below, on stderr. Secrets are left out where
//! the lines are made.

use std::sync::Arc;

use log::{LevelFilter, Log, Metadata, Record};

use super::config::Verbosity;
use super::output::Output;
use crate::protocol::text::escape;

/// Writes log lines to stderr.
struct Logger(Arc<Output>);

/// Shows as much of the log as is wanted. TLS and terminal libraries log too, and are left out.
pub(crate) fn install(output: &Arc<Output>, verbosity: Verbosity) {
    let level = match verbosity {
        Verbosity::Quiet | Verbosity::Normal => return,
        Verbosity::Verbose => LevelFilter::Info,
        Verbosity::Trace => LevelFilter::Trace,
    };
    // Only a second logger in the same process could be refused; there is none.
    if log::set_boxed_logger(Box::new(Logger(Arc::clone(output)))).is_ok() {
        log::set_max_level(level);
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("popfetch")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.say(&escape(&record.args().to_string()));
        }
    }

    fn flush(&self) {}
}
