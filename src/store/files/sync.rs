//! Makes a batch of files durable.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::stage::StagedFile;
use crate::store::error::Error;

/// How many threads wait for the disk at once. Write-back has begun when they start, and a
/// journalling file system puts what they ask for into few transactions of its own: with four all
/// of a batch is in flight, more gain nothing.
const THREADS: usize = 4;

/// Syncs the files. After an error all of them count as lost.
///
/// Each file on its own rather than the whole file system (`syncfs`), which would wait for what
/// every other program has written and, on older kernels, keeps errors to itself.
pub(crate) fn sync_all(files: &[StagedFile]) -> Result<(), Error> {
    let next = AtomicUsize::new(0);
    let sync_some = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            file.sync()?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..THREADS.min(files.len()))
            .map(|_| scope.spawn(sync_some))
            .collect();
        let mut outcome = sync_some();
        for other in others {
            let others_outcome = match other.join() {
                Ok(others_outcome) => others_outcome,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            outcome = outcome.and(others_outcome);
        }
        outcome
    })
}
