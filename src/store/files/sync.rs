//! Makes a batch of files durable.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::batch::Unsynced;
use super::stage::StagedFile;
use crate::store::durable::{Handle, sync_together};
use crate::store::error::Error;

/// How many threads wait for the disk at once. Write-back has begun when they start, and a
/// journalling file system puts what they ask for into few transactions of its own: with four all
/// of a batch is in flight, more gain nothing.
const THREADS: usize = 4;

/// Syncs the files of one batch. After an error all of them count as lost.
pub(crate) fn sync_all(files: &[StagedFile]) -> Result<(), Error> {
    let mut open: Vec<&Handle> = Vec::new();
    for file in files {
        match file.unsynced() {
            Unsynced::Open(handle) => open.push(handle),
            Unsynced::Closed { first, .. } => {
                let ids = files.iter().map(|file| file.unsynced().id());
                return sync_together(first, ids).map_err(Error::io("syncing", first.path()));
            }
        }
    }
    sync_each(&open)
}

fn sync_each(files: &[&Handle]) -> Result<(), Error> {
    for file in files {
        file.start_writeback();
    }
    let next = AtomicUsize::new(0);
    let sync_some = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            file.sync_data()
                .map_err(Error::io("syncing", file.path()))?;
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
