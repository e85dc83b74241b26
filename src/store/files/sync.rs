//! Makes a batch of files durable.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::stage::StagedFile;
use super::together;
use crate::store::durable::sync_together;
use crate::store::error::Error;

/// How many threads wait for the disk at once. Write-back has begun when they start, and a
/// journalling file system puts what they ask for into few transactions of its own: with four all
/// of a batch is in flight, more gain nothing.
const THREADS: usize = 4;

/// Syncs the files, which are all in one folder, the first made first. After an error all of them
/// count as lost.
///
/// One sync of the whole file system costs less than half of what one for each file does: each of
/// those is a write of its own to the disk and empties its cache. But it waits for what every
/// other program has written, and not every file system means it; then each file is synced.
pub(crate) fn sync_all(files: &[StagedFile]) -> Result<(), Error> {
    let Some(first) = files.first() else {
        return Ok(());
    };
    if together::is_worth_it(first.handle().as_file(), files.len()) {
        let handles = files.iter().map(StagedFile::handle);
        return sync_together(handles).map_err(Error::io("syncing", first.path()));
    }
    for file in files {
        file.handle().start_writeback();
    }
    sync_each(files)
}

fn sync_each(files: &[StagedFile]) -> Result<(), Error> {
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
