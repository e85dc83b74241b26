//! Judges at the moment a command reaches the server: what would be left, if the power went now?

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use pop3d::{Moment, Then, When};
use tempfile::TempDir;

use super::world::{UniqueIds, Work};
use crate::store::crash_tests::disk::{ModelDisk, Names, Survives};
use crate::store::{self, DeleteState, Disk, Identity, OpenOptions};
use crate::transfer::observer::{Event, MessageReport, Observer, Status};

/// Where a message stands in the mailbox, for good.
pub(super) type PlaceThere = u32;

/// What a disk may do to that which was not synced: take it all, or keep names and lengths of it
/// and no octets.
const CUTS: [Survives; 2] = [Survives::Nothing, Survives::Lengths];

/// Sees every step of the server and every word of the run.
#[derive(Debug)]
pub(super) struct Judge {
    work: Work,
    disk: Arc<ModelDisk>,
    /// Where to lay out what a power cut would leave.
    folder: PathBuf,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Steps of this run.
    steps: u64,
    /// The step of this run at which the line is dropped.
    hang_up: Option<u64>,
    /// Sent whole, by session.
    sent: BTreeMap<u32, BTreeSet<PlaceThere>>,
    /// How often this run asked for a message.
    retrievals: usize,
    /// A DELE came for it, ever.
    asked: BTreeSet<PlaceThere>,
    /// A DELE came for it in this session.
    doomed: BTreeMap<u32, BTreeSet<PlaceThere>>,
    /// The QUIT of such a session of this run was answered.
    confirmed: BTreeSet<PlaceThere>,
    /// The run said that it is stored.
    told: BTreeSet<PlaceThere>,
    /// What a power cut would leave at once, for each kind of cut.
    at_once: Foresight<[Remains; CUTS.len()]>,
    /// The messages that a replay would find then.
    replayed: Foresight<Vec<Vec<u8>>>,
    faults: Vec<String>,
}

/// What would be if the power went now. It stays true until something happens to the disk.
#[derive(Debug)]
struct Foresight<T>(Option<(usize, Arc<T>)>);

impl<T> Default for Foresight<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Foresight<T> {
    fn of(&mut self, disk: &ModelDisk, look: impl FnOnce() -> T) -> Arc<T> {
        let now = disk.operations_ever();
        let (_, seen) = match self.0.take() {
            Some((then, seen)) if then == now => self.0.insert((now, seen)),
            _ => self.0.insert((now, Arc::new(look()))),
        };
        Arc::clone(seen)
    }
}

/// What is left at once.
#[derive(Debug)]
struct Remains {
    stored: Vec<Vec<u8>>,
    receipts: BTreeMap<PlaceThere, DeleteState>,
}

impl Judge {
    pub(super) fn new(work: &Work, disk: &Arc<ModelDisk>, folder: &Path) -> Self {
        Self {
            work: work.clone(),
            disk: Arc::clone(disk),
            folder: folder.to_owned(),
            seen: Mutex::default(),
        }
    }

    /// A run begins, whose line is dropped at this step, the first being 0.
    pub(super) fn begin(&self, hang_up: Option<u64>) {
        let mut seen = self.lock();
        seen.steps = 0;
        seen.hang_up = hang_up;
        seen.retrievals = 0;
        seen.confirmed.clear();
    }

    /// How many steps this run has had.
    pub(super) fn steps(&self) -> u64 {
        self.lock().steps
    }

    /// How many messages this run has asked for.
    pub(super) fn retrievals(&self) -> usize {
        self.lock().retrievals
    }

    /// Whose deletions were confirmed to this run.
    pub(super) fn confirmed(&self) -> BTreeSet<PlaceThere> {
        self.lock().confirmed.clone()
    }

    /// What was wrong so far.
    pub(super) fn faults(&self) -> Vec<String> {
        self.lock().faults.clone()
    }

    /// What the server does at this step.
    pub(super) fn look(&self, moment: Moment) -> Then {
        let mut seen = self.lock();
        let hangs_up = seen.hang_up == Some(seen.steps);
        seen.steps += 1;
        let judged = catch_unwind(AssertUnwindSafe(|| self.judge(&mut seen, moment)));
        if judged.is_err() {
            seen.faults.push(format!("{}: a panic", moment.step));
        }
        if hangs_up { Then::HangUp } else { Then::GoOn }
    }

    fn judge(&self, seen: &mut Seen, moment: Moment) {
        let Moment {
            session,
            step,
            place,
        } = moment;
        match (step.when, step.verb, place) {
            (When::Before, "RETR", Some(place)) => {
                seen.retrievals += 1;
                if seen.asked.contains(&place) {
                    let fault = format!("{step}: its deletion was asked for before");
                    seen.faults.push(fault);
                }
            }
            (When::After, "RETR", Some(place)) => {
                seen.sent.entry(session).or_default().insert(place);
            }
            (When::Before, "DELE", Some(place)) => {
                seen.asked.insert(place);
                seen.doomed.entry(session).or_default().insert(place);
                self.demand_durable(seen, session, &step.to_string());
            }
            (When::After, "QUIT", _) => {
                let doomed = seen.doomed.remove(&session).unwrap_or_default();
                seen.confirmed.extend(doomed);
            }
            (When::Before, "QUIT", _) => self.demand_durable(seen, session, &step.to_string()),
            _ => {}
        }
    }

    /// Some servers delete at QUIT what was retrieved. So by then all that this session has sent
    /// must be there to stay, and have a receipt; no less before a DELE, and that was written
    /// down. Nothing of it may need a replay.
    fn demand_durable(&self, seen: &mut Seen, session: u32, step: &str) {
        let sent = seen.sent.get(&session).cloned().unwrap_or_default();
        let owed: BTreeSet<PlaceThere> = sent.union(&seen.asked).copied().collect();
        if owed.is_empty() {
            return;
        }
        let look = || CUTS.map(|survives| self.remains(survives));
        let at_once = seen.at_once.of(&self.disk, look);
        for (cut, remains) in CUTS.iter().zip(at_once.as_slice()) {
            let mut lacking = self.not_in(&remains.stored, &owed);
            for place in self.named(&owed) {
                match remains.receipts.get(place) {
                    None => lacking.push(format!("message {place} has no receipt")),
                    Some(DeleteState::None) if seen.asked.contains(place) => {
                        lacking.push(format!("the DELE of message {place} is not written down"));
                    }
                    Some(_) => {}
                }
            }
            let faults = lacking
                .iter()
                .map(|lack| format!("{step}, cut to {cut:?}: {lack}"));
            seen.faults.extend(faults);
        }
    }

    /// What was called stored is there after a replay.
    fn demand_kept(&self, seen: &mut Seen) {
        let replayed = seen.replayed.of(&self.disk, || self.replayed());
        let lacking = self.not_in(&replayed, &seen.told);
        let faults = lacking
            .iter()
            .map(|lack| format!("told of as stored: {lack}"));
        seen.faults.extend(faults);
    }

    fn remains(&self, survives: Survives) -> Remains {
        let laid_out = self.lay_out(survives);
        let path = laid_out.path().join("disk/box");
        let options = self.work.kind.open_options(path.clone(), &self.disk, 0);
        Remains {
            stored: self.work.kind.messages_in(&path),
            receipts: self.receipts(&options, self.places()),
        }
    }

    fn replayed(&self) -> Vec<Vec<u8>> {
        let laid_out = self.lay_out(Survives::Nothing);
        let path = laid_out.path().join("disk/box");
        let options = OpenOptions {
            disk: Disk::new(),
            ..self
                .work
                .kind
                .open_options(path.clone(), &self.disk, u64::MAX)
        };
        drop(store::open(&options).unwrap());
        self.work.kind.messages_in(&path)
    }

    /// The receipts that a journal holds of these messages, and what it says of their deletion.
    pub(super) fn receipts(
        &self,
        options: &OpenOptions,
        places: impl IntoIterator<Item = PlaceThere>,
    ) -> BTreeMap<PlaceThere, DeleteState> {
        let Some(mut journal) = store::read_journal(options).unwrap() else {
            return BTreeMap::new();
        };
        let account = journal.account(&identity(), &mut std::iter::empty());
        let state = |place: PlaceThere| {
            let unique_id = self.work.unique_ids.of(place);
            let known = journal.known(account, unique_id.as_bytes())?;
            Some((place, known.delete()))
        };
        places.into_iter().filter_map(state).collect()
    }

    fn lay_out(&self, survives: Survives) -> TempDir {
        let folder = tempfile::tempdir_in(&self.folder).unwrap();
        let disk = folder.path().join("disk");
        self.disk.foresee_cut(Names::Harsh, survives, &disk);
        folder
    }

    /// Which of these messages are not there as often as there are of them.
    fn not_in(&self, stored: &[Vec<u8>], places: &BTreeSet<PlaceThere>) -> Vec<String> {
        let mut stored: Vec<&Vec<u8>> = stored.iter().collect();
        let mut lacking = Vec::new();
        for place in places {
            let wanted = self
                .work
                .kind
                .stored_form(self.work.messages[*place as usize - 1]);
            match stored.iter().position(|message| **message == wanted) {
                Some(at) => drop(stored.swap_remove(at)),
                None => lacking.push(format!("message {place} is not there")),
            }
        }
        lacking
    }

    /// Those of them that the server gives a name.
    fn named<'a>(&self, places: &'a BTreeSet<PlaceThere>) -> impl Iterator<Item = &'a PlaceThere> {
        let has_names = self.work.unique_ids != UniqueIds::None;
        places.iter().filter(move |_| has_names)
    }

    /// Where all messages stand.
    pub(super) fn places(&self) -> RangeInclusive<PlaceThere> {
        1..=PlaceThere::try_from(self.work.messages.len()).unwrap()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }
}

pub(super) fn identity() -> Identity {
    Identity::Named("test".to_owned())
}

impl Observer for Judge {
    fn notice(&self, event: Event<'_>) {
        if let Event::Message(MessageReport {
            unique_id: Some(told),
            status: Status::Stored(_),
            ..
        }) = event
            && self.work.unique_ids == UniqueIds::Each
        {
            let place = self
                .places()
                .find(|place| self.work.unique_ids.of(*place).as_bytes() == told)
                .unwrap();
            let mut seen = self.lock();
            seen.told.insert(place);
            self.demand_kept(&mut seen);
        }
    }
}
