//! A disk that stops before one of its operations, as a process that is killed.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use popfetch::store::{Disk, HandleId, Operation, Watch};

/// Where the world stops.
#[derive(Clone, Debug)]
pub struct End {
    /// So many operations still happen.
    pub operations: usize,
    /// The next, where it is a write to this file, brings so many of its octets there ...
    pub path: PathBuf,
    pub octets: usize,
    /// ... and NULs in the place of the others, where the file ended before: its length may be on
    /// the disk before its octets are.
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
            && state.paths.get(handle) == Some(&self.end.path)
        {
            state.tore = true;
            self.write_part(*offset, octets)?;
        }
        Err(io::Error::other("the world has ended"))
    }
}

impl World {
    fn write_part(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(&self.end.path)?;
        let part = octets.get(..self.end.octets).unwrap_or(octets);
        file.write_all_at(part, offset)?;
        let whole = offset + octets.len() as u64;
        if self.end.filled_up && file.metadata()?.len() < whole {
            file.set_len(whole)?;
        }
        Ok(())
    }
}
