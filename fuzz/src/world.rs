//! A disk that stops before one of its operations, as a process that is killed.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use popfetch::store::{Disk, HandleId, Operation, Watch};

/// Where the world stops.
#[derive(Clone, Debug)]
pub struct End {
    /// So many operations still happen.
    pub operations: usize,
    /// The next, where it is a write, brings so many of its octets to the file ...
    pub octets: usize,
    /// ... and, if it is this file, NULs in the place of the others where that ended before: its
    /// length may be on the disk before its octets are.
    pub path: PathBuf,
    pub filled_up: bool,
}

/// A world that ends.
pub struct World {
    end: End,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    operations: usize,
    paths: HashMap<HandleId, PathBuf>,
    tore: bool,
}

impl World {
    /// Ends so.
    pub fn until(end: End) -> Arc<Self> {
        Arc::new(Self {
            end,
            state: Mutex::default(),
        })
    }

    /// Its disk.
    pub fn disk(self: &Arc<Self>) -> Disk {
        Disk::watched(Arc::<Self>::clone(self))
    }

    /// Whether it ended at a write to the file.
    pub fn tore(&self) -> bool {
        self.state.lock().expect("nobody panicked").tore
    }
}

impl Watch for World {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let mut state = self.state.lock().expect("nobody panicked");
        if let Operation::Create { path, handle }
        | Operation::OpenOrCreate { path, handle }
        | Operation::Open { path, handle } = operation
        {
            state.paths.insert(*handle, path.to_path_buf());
        }
        state.operations += 1;
        if state.operations <= self.end.operations {
            return Ok(());
        }
        if state.operations == self.end.operations + 1
            && let Operation::Write {
                handle,
                offset,
                octets,
            } = operation
            && let Some(path) = state.paths.get(handle)
        {
            self.write_part(path, *offset, octets)?;
            state.tore = *path == self.end.path;
        }
        Err(io::Error::other("the world has ended"))
    }
}

impl World {
    fn write_part(&self, path: &Path, offset: u64, octets: &[u8]) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        let part = octets.get(..self.end.octets).unwrap_or(octets);
        file.write_all_at(part, offset)?;
        let whole = offset + octets.len() as u64;
        if self.end.filled_up && *path == self.end.path && file.metadata()?.len() < whole {
            file.set_len(whole)?;
        }
        Ok(())
    }
}
