//! A disk that can lose its power: real files in a folder, and beside them what of these is
//! durable and what is only on its way there.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use crate::store::durable::{HandleId, Operation, Watch};

/// What goes wrong, and before which operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// So many operations still happen, then none any more.
    Stop(usize),
    /// The same, and of the write behind them so many quarters happen.
    StopWithin(usize, usize),
    /// The operation behind so many fails, and what comes after it succeeds.
    ErrorOnce(usize),
    /// That one and all that come after it fail.
    ErrorsFrom(usize),
    /// From there on nothing can be written; names can still be made, changed and removed.
    FullFrom(usize),
}

/// In which order names reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// As a journalling file system does: in the order of the operations, renames whole.
    Ordered,
    /// As POSIX lets it: each name for itself, so that a rename may leave both names, or none.
    Harsh,
}

/// What survives of that which was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Survives {
    Nothing,
    /// Names and lengths, NULs in place of the octets.
    Lengths,
    /// Some of it, cut anywhere, chosen by this number.
    Some(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Clone, Debug, Default)]
struct Octets {
    durable: Vec<u8>,
    /// Not synced yet.
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

/// A name that now means something else, or nothing.
#[derive(Clone, Debug)]
struct NameChange {
    path: PathBuf,
    node: Option<Node>,
    is_synced: bool,
    /// The same for both names of one rename.
    operation: usize,
}

#[derive(Clone, Debug)]
struct State {
    fault: Fault,
    /// Of this process.
    operations: usize,
    /// Of all processes.
    operations_ever: usize,
    files: Vec<Octets>,
    /// What the disk held when the power last came on.
    at_boot: BTreeMap<PathBuf, Node>,
    names: Vec<NameChange>,
    now: BTreeMap<PathBuf, Node>,
    handles: HashMap<HandleId, usize>,
}

/// The disk below one folder.
#[derive(Debug)]
pub(crate) struct ModelDisk {
    root: PathBuf,
    state: Mutex<State>,
}

impl ModelDisk {
    /// The disk below an empty folder.
    pub(crate) fn new(root: &Path) -> Self {
        let at_boot = BTreeMap::from([(root.to_owned(), Node::Folder)]);
        let state = State {
            fault: Fault::None,
            operations: 0,
            operations_ever: 0,
            files: Vec::new(),
            now: at_boot.clone(),
            at_boot,
            names: Vec::new(),
            handles: HashMap::new(),
        };
        Self {
            root: root.to_owned(),
            state: Mutex::new(state),
        }
    }

    /// Another process begins, to which this happens.
    pub(crate) fn begin(&self, fault: Fault) {
        let mut state = self.lock();
        state.fault = fault;
        state.operations = 0;
        state.handles.clear();
    }

    /// How many operations this process came to.
    pub(crate) fn operations(&self) -> usize {
        self.lock().operations
    }

    /// How many all processes came to: while it is the same, so is the disk.
    pub(crate) fn operations_ever(&self) -> usize {
        self.lock().operations_ever
    }

    /// The power goes and comes again.
    pub(crate) fn cut_power(&self, names: Names, survives: Survives) {
        let mut state = self.lock();
        state.lose_power(names, survives, &self.root);
        fs::remove_dir_all(&self.root).unwrap();
        state.lay_out(&self.root, &self.root);
    }

    /// Lays out in another folder, which must not be there yet, what a power cut now would leave.
    pub(crate) fn foresee_cut(&self, names: Names, survives: Survives, folder: &Path) {
        let mut state = self.lock().clone();
        state.lose_power(names, survives, &self.root);
        state.lay_out(&self.root, folder);
    }

    /// Octets that somebody else puts behind a file, made when missing; durable at once, with all
    /// else that is in it.
    pub(crate) fn append(&self, path: &Path, octets: &[u8]) {
        let mut state = self.lock();
        let file = if let Some(Node::File(file)) = state.now.get(path).copied() {
            file
        } else {
            let file = state.files.len();
            state.files.push(Octets::default());
            state.now.insert(path.to_owned(), Node::File(file));
            state.at_boot.insert(path.to_owned(), Node::File(file));
            file
        };
        let mut real = fs::OpenOptions::new();
        let mut real = real.append(true).create(true).open(path).unwrap();
        let end = real.metadata().unwrap().len();
        real.write_all(octets).unwrap();
        let write = Change::Write(end, octets.to_owned());
        state.files[file].pending.push(write);
        state.files[file].sync();
    }

    /// Somebody else rewrites a file from the first octet on that is to be another, and syncs it.
    pub(crate) fn rewrite(&self, path: &Path, to: impl FnOnce(&[u8]) -> Vec<u8>) {
        let mut state = self.lock();
        let Some(Node::File(file)) = state.now.get(path).copied() else {
            return;
        };
        let before = fs::read(path).unwrap();
        let after = to(&before);
        let same = before.iter().zip(&after).take_while(|(a, b)| a == b);
        let same = same.count();
        let real = fs::OpenOptions::new().write(true).open(path).unwrap();
        real.set_len(after.len() as u64).unwrap();
        real.write_all_at(&after[same..], same as u64).unwrap();
        state.files[file].pending.extend([
            Change::SetLen(after.len() as u64),
            Change::Write(same as u64, after[same..].to_owned()),
        ]);
        state.files[file].sync();
    }

    /// Somebody else puts octets in front of what is in a file, and does not sync it.
    pub(crate) fn prepend(&self, path: &Path, octets: &[u8]) {
        let mut state = self.lock();
        let Some(Node::File(file)) = state.now.get(path).copied() else {
            return;
        };
        let octets = [octets, &fs::read(path).unwrap()].concat();
        let real = fs::OpenOptions::new().write(true).open(path);
        real.unwrap().write_all(&octets).unwrap();
        state.files[file].pending.push(Change::Write(0, octets));
    }

    /// Somebody else syncs a file.
    pub(crate) fn sync(&self, path: &Path) {
        let mut state = self.lock();
        if let Some(Node::File(file)) = state.now.get(path).copied() {
            state.files[file].sync();
        }
    }

    /// Somebody else removes a file; durable at once.
    pub(crate) fn remove(&self, path: &Path) {
        let mut state = self.lock();
        if state.now.contains_key(path) {
            state.rename(path, None);
            state.names.last_mut().unwrap().is_synced = true;
            fs::remove_file(path).unwrap();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// Without what lies in a folder that did not survive.
fn reachable(chosen: BTreeMap<PathBuf, Node>, root: &Path) -> BTreeMap<PathBuf, Node> {
    let mut reachable: BTreeMap<PathBuf, Node> = BTreeMap::new();
    // A folder comes before what is in it.
    for (path, node) in chosen {
        let parent = path.parent().and_then(|parent| reachable.get(parent));
        if path == root || parent == Some(&Node::Folder) {
            reachable.insert(path, node);
        }
    }
    reachable
}

impl State {
    fn lose_power(&mut self, names: Names, survives: Survives, root: &Path) {
        let mut dice = Dice::of(survives);
        let chosen = match names {
            Names::Ordered => self.ordered_names(&mut dice),
            Names::Harsh => self.harsh_names(&mut dice),
        };
        for file in &mut self.files {
            file.lose(&mut dice);
        }
        self.names.clear();
        self.handles.clear();
        self.now = reachable(chosen, root);
        self.at_boot = self.now.clone();
    }

    /// Makes real files of what survived, in the place of `root`.
    fn lay_out(&self, root: &Path, folder: &Path) {
        let mut laid_out: HashMap<usize, PathBuf> = HashMap::new();
        for (path, node) in &self.now {
            let below = path.strip_prefix(root).unwrap();
            let path = folder.components().chain(below.components()).collect();
            match node {
                Node::Folder => fs::DirBuilder::new().create(path).unwrap(),
                Node::File(file) => {
                    if let Some(other) = laid_out.get(file) {
                        fs::hard_link(other, path).unwrap();
                        continue;
                    }
                    let mut real = File::create_new(&path).unwrap();
                    real.write_all(&self.files[*file].durable).unwrap();
                    laid_out.insert(*file, path);
                }
            }
        }
    }

    /// All changes up to some place, not before the last that was synced.
    fn ordered_names(&self, dice: &mut Dice) -> BTreeMap<PathBuf, Node> {
        let synced = self.names.iter().rposition(|change| change.is_synced);
        let least = synced.map_or(0, |last| self.names[last].operation + 1);
        let all = self.names.last().map_or(0, |last| last.operation + 1);
        let end = least + dice.throw(all.saturating_sub(least));
        let mut names = self.at_boot.clone();
        for change in self.names.iter().filter(|change| change.operation < end) {
            put(&mut names, &change.path, change.node);
        }
        names
    }

    /// For each name any of its meanings since the last that was synced.
    fn harsh_names(&self, dice: &mut Dice) -> BTreeMap<PathBuf, Node> {
        let mut meanings: BTreeMap<&Path, Vec<Option<Node>>> = BTreeMap::new();
        for change in &self.names {
            let before = self.at_boot.get(&change.path).copied();
            let meanings = meanings.entry(&change.path).or_insert_with(|| vec![before]);
            if change.is_synced {
                meanings.clear();
            }
            meanings.push(change.node);
        }
        let mut names = self.at_boot.clone();
        for (path, meanings) in meanings {
            put(&mut names, path, meanings[dice.throw(meanings.len() - 1)]);
        }
        names
    }

    fn rename(&mut self, path: &Path, node: Option<Node>) {
        put(&mut self.now, path, node);
        self.names.push(NameChange {
            path: path.to_owned(),
            node,
            is_synced: false,
            operation: self.operations_ever,
        });
    }

    fn create(&mut self, path: &Path, handle: HandleId) {
        let has_folder = path
            .parent()
            .is_some_and(|parent| self.now.contains_key(parent));
        if !has_folder {
            return;
        }
        let file = self.files.len();
        self.files.push(Octets::default());
        self.rename(path, Some(Node::File(file)));
        self.handles.insert(handle, file);
    }

    fn open(&mut self, path: &Path, handle: HandleId) {
        if let Some(Node::File(file)) = self.now.get(path) {
            self.handles.insert(handle, *file);
        }
    }

    /// Carries out some quarters of a write, for itself and in the real file.
    fn write_part(&mut self, handle: HandleId, offset: u64, octets: &[u8], quarters: usize) {
        let part = &octets[..octets.len() * quarters / 4];
        let node = Node::File(self.handles[&handle]);
        let write = Change::Write(offset, part.to_owned());
        self.file(handle).pending.push(write);
        // A file without a name is never found again.
        if let Some((path, _)) = self.now.iter().find(|(_, named)| **named == node) {
            let real = fs::OpenOptions::new().write(true).open(path).unwrap();
            real.write_all_at(part, offset).unwrap();
        }
    }

    fn file(&mut self, handle: HandleId) -> &mut Octets {
        &mut self.files[self.handles[&handle]]
    }

    /// What the operation does, where it succeeds.
    fn carry_out(&mut self, operation: &Operation<'_>) {
        match *operation {
            Operation::Create { path, handle } if !self.now.contains_key(path) => {
                self.create(path, handle);
            }
            Operation::OpenOrCreate { path, handle } if !self.now.contains_key(path) => {
                self.create(path, handle);
            }
            Operation::OpenOrCreate { path, handle } | Operation::Open { path, handle } => {
                self.open(path, handle);
            }
            Operation::Write {
                handle,
                offset,
                octets,
            } => {
                let write = Change::Write(offset, octets.to_owned());
                self.file(handle).pending.push(write);
            }
            Operation::SetLen { handle, octets } => {
                self.file(handle).pending.push(Change::SetLen(octets));
            }
            Operation::SyncData { handle } => self.file(handle).sync(),
            Operation::Rename { from, to } => self.move_name(from, to),
            Operation::RenameNoReplace { from, to } if !self.now.contains_key(to) => {
                self.move_name(from, to);
            }
            Operation::Link { from, to } if !self.now.contains_key(to) => {
                let node = self.now.get(from).copied();
                if node.is_some() {
                    self.rename(to, node);
                }
            }
            Operation::Remove { path } if self.now.contains_key(path) => self.rename(path, None),
            Operation::MakeDir { path } if !self.now.contains_key(path) => {
                self.rename(path, Some(Node::Folder));
            }
            Operation::SyncDir { path } => {
                for change in &mut self.names {
                    change.is_synced |= change.path.parent() == Some(path);
                }
            }
            Operation::SyncFileSystem { .. } => {
                self.files.iter_mut().for_each(Octets::sync);
                for change in &mut self.names {
                    change.is_synced = true;
                }
            }
            Operation::Create { .. }
            | Operation::RenameNoReplace { .. }
            | Operation::Link { .. }
            | Operation::Remove { .. }
            | Operation::MakeDir { .. } => {}
        }
    }

    fn move_name(&mut self, from: &Path, to: &Path) {
        if let Some(node) = self.now.get(from).copied() {
            self.rename(to, Some(node));
            self.rename(from, None);
        }
    }
}

fn put(names: &mut BTreeMap<PathBuf, Node>, path: &Path, node: Option<Node>) {
    match node {
        Some(node) => names.insert(path.to_owned(), node),
        None => names.remove(path),
    };
}

impl Octets {
    fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            change.apply(&mut self.durable);
        }
    }

    /// The power goes.
    fn lose(&mut self, dice: &mut Dice) {
        for change in std::mem::take(&mut self.pending) {
            match (change, dice.survives) {
                (_, Survives::Nothing) => {}
                (change, Survives::Lengths) => change.apply_length(&mut self.durable),
                (Change::Write(offset, octets), Survives::Some(_)) => {
                    self.write_some(offset, &octets, dice);
                }
                (change @ Change::SetLen(_), Survives::Some(_)) => {
                    if dice.throw(1) == 1 {
                        change.apply(&mut self.durable);
                    }
                }
            }
        }
    }

    fn write_some(&mut self, offset: u64, octets: &[u8], dice: &mut Dice) {
        let from = dice.throw(octets.len());
        let to = from + dice.throw(octets.len() - from);
        match dice.throw(4) {
            0 => {}
            1 => Change::Write(offset, octets.to_owned()).apply(&mut self.durable),
            2 => Change::Write(offset, octets[..from].to_owned()).apply(&mut self.durable),
            // A piece in the middle, and what lies around it as NULs.
            3 => {
                let length = Change::Write(offset, octets.to_owned());
                length.apply_length(&mut self.durable);
                let piece = octets[from..to].to_owned();
                Change::Write(offset + from as u64, piece).apply(&mut self.durable);
            }
            _ => Change::Write(offset, octets.to_owned()).apply_length(&mut self.durable),
        }
    }
}

impl Change {
    fn apply(self, file: &mut Vec<u8>) {
        match self {
            Self::Write(offset, octets) => {
                let begin = usize::try_from(offset).unwrap();
                let end = begin + octets.len();
                if file.len() < end {
                    file.resize(end, 0);
                }
                file[begin..end].copy_from_slice(&octets);
            }
            Self::SetLen(octets) => file.resize(usize::try_from(octets).unwrap(), 0),
        }
    }

    fn apply_length(self, file: &mut Vec<u8>) {
        match self {
            Self::Write(offset, octets) => {
                let end = usize::try_from(offset).unwrap() + octets.len();
                file.resize(file.len().max(end), 0);
            }
            length @ Self::SetLen(_) => length.apply(file),
        }
    }
}

impl Watch for ModelDisk {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let mut state = self.lock();
        let done = state.operations;
        state.operations += 1;
        state.operations_ever += 1;
        let fails = match state.fault {
            Fault::None => false,
            Fault::ErrorOnce(at) => done == at,
            Fault::Stop(at) | Fault::StopWithin(at, _) | Fault::ErrorsFrom(at) => done >= at,
            Fault::FullFrom(at) => done >= at && matches!(operation, Operation::Write { .. }),
        };
        if !fails {
            state.carry_out(operation);
            return Ok(());
        }
        if let Operation::SyncData { handle } = operation
            && !matches!(state.fault, Fault::Stop(_) | Fault::StopWithin(..))
        {
            // The kernel tells it once, keeps the octets for clean, and never writes them.
            state.file(*handle).pending.clear();
        }
        if let Operation::Write {
            handle,
            offset,
            octets,
        } = *operation
            && let Fault::StopWithin(at, quarters) = state.fault
            && at == done
        {
            state.write_part(handle, offset, octets, quarters);
        }
        Err(io::Error::other("the model says no"))
    }

    fn syncs_together(&self) -> Option<bool> {
        Some(true)
    }
}

/// Chance that can be had again.
struct Dice {
    survives: Survives,
    state: u64,
}

impl Dice {
    fn of(survives: Survives) -> Self {
        let state = match survives {
            Survives::Some(seed) => seed,
            Survives::Nothing | Survives::Lengths => 0,
        };
        Self { survives, state }
    }

    /// A number from 0 to `most`: what survives, of so many.
    fn throw(&mut self, most: usize) -> usize {
        match self.survives {
            Survives::Nothing => 0,
            Survives::Lengths => most,
            // SplitMix64.
            Survives::Some(_) => {
                self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut mixed = self.state;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                mixed ^= mixed >> 31;
                usize::try_from(mixed % (most as u64 + 1)).unwrap()
            }
        }
    }
}
