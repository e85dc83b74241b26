use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::{Access, Locker};
use crate::store::durable::{Operation, Watch};
use crate::store::journal::JournalId;
use crate::store::layout::Sides;
use crate::store::open::{Clock, Site};
use crate::store::testkit::names_in;
use crate::store::{Destination, Disk, EmlFolders, Error};

/// The time of day in all tests.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_704_448_801)
}

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("inbox")).unwrap();
        Self { folder }
    }

    fn mbox(&self) -> PathBuf {
        self.folder.path().join("inbox")
    }

    fn dot_lock(&self) -> PathBuf {
        self.folder.path().join("inbox.lock")
    }

    fn locker(&self) -> Locker {
        self.locker_on(Disk::new())
    }

    fn locker_on(&self, disk: Disk) -> Locker {
        let site = Site {
            destination: Destination::Mbox(self.mbox()),
            sides: Sides::beside(&self.mbox()),
            journal_id: JournalId(1),
            eml_folders: EmlFolders::None,
            host_name: "here".to_owned(),
            pid: std::process::id(),
            clock: Clock::new(now),
            patience: Duration::from_millis(20),
            stop: Arc::default(),
            disk,
        };
        Locker::new(&site, &self.mbox())
    }

    fn names(&self) -> Vec<String> {
        names_in(self.folder.path())
    }
}

#[test]
fn both_locks_come_and_go_together() {
    let place = Place::new();
    let mut locker = place.locker();
    let held = locker.lock(Access::Append).unwrap();
    let text = fs::read_to_string(place.dot_lock()).unwrap();
    assert_eq!(text, format!("{} here popfetch\n", std::process::id()));
    assert_eq!(
        fs::metadata(place.dot_lock()).unwrap().modified().unwrap(),
        now()
    );
    assert_eq!(held.warning(), None);
    drop(held);
    assert!(!place.dot_lock().exists());
    drop(locker.lock(Access::InPlace).unwrap());
    drop(locker);
    assert_eq!(place.names(), ["inbox"]);
}

/// A disk that refuses to remove a dot-lock once.
#[derive(Default)]
struct StuckLock(AtomicBool);

impl Watch for StuckLock {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let is_dot_lock = |path: &Path| path.extension().is_some_and(|end| end == "lock");
        if let Operation::Remove { path } = operation
            && is_dot_lock(path)
            && !self.0.swap(true, Ordering::SeqCst)
        {
            return Err(io::Error::other("not now"));
        }
        Ok(())
    }
}

#[test]
fn a_lock_of_ours_that_stayed_behind_does_not_keep_us_out() {
    let place = Place::new();
    let mut locker = place.locker_on(Disk::watched(Arc::new(StuckLock::default())));
    drop(locker.lock(Access::Append).unwrap());
    assert!(place.dot_lock().exists());
    drop(locker.lock(Access::Append).unwrap());
    drop(locker);
    assert_eq!(place.names(), ["inbox"]);
}

/// Other programs would wait for it until the next run.
#[test]
fn a_lock_of_ours_that_stayed_behind_goes_at_the_end() {
    let place = Place::new();
    let mut locker = place.locker_on(Disk::watched(Arc::new(StuckLock::default())));
    drop(locker.lock(Access::Append).unwrap());
    assert!(place.dot_lock().exists());
    drop(locker);
    assert_eq!(place.names(), ["inbox"]);
}

#[test]
fn a_missing_mbox_is_made_again() {
    let place = Place::new();
    fs::remove_file(place.mbox()).unwrap();
    drop(place.locker().lock(Access::Append).unwrap());
    assert_eq!(place.names(), ["inbox"]);
}

/// A number no process has.
fn dead_pid() -> u32 {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    child.id()
}

/// A dot-lock with this text, so old, is there: whether we get the lock, and who has it else.
fn check_dot_lock(text: &str, age: Duration, expected: Result<(), &str>) {
    let place = Place::new();
    write_dot_lock(&place.dot_lock(), text, age);
    let outcome = place.locker().lock(Access::Append);
    match (outcome, expected) {
        (Ok(held), Ok(())) => {
            drop(held);
            assert!(!place.dot_lock().exists(), "{text:?}");
        }
        (Err(Error::MboxLocked { holder, .. }), Err(expected)) => {
            assert_eq!(holder.unwrap_or_default(), expected);
            assert_eq!(fs::read_to_string(place.dot_lock()).unwrap(), text);
            assert_eq!(place.names(), ["inbox", "inbox.lock"]);
        }
        (outcome, _) => panic!("{text:?}, {age:?} old: {outcome:?}"),
    }
}

fn write_dot_lock(path: &Path, text: &str, age: Duration) {
    let mut file = File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.set_modified(now() - age).unwrap();
}

#[test]
fn another_programs_dot_lock_is_waited_for_until_it_is_stale() {
    let minute = Duration::from_mins(1);
    let (alive, dead) = (std::process::id(), dead_pid());
    check_dot_lock(
        &format!("{alive}\n"),
        Duration::ZERO,
        Err(&alive.to_string()),
    );
    check_dot_lock(&format!("{alive}\n"), 60 * minute, Err(&alive.to_string()));
    check_dot_lock(&format!("{dead}\n"), 4 * minute, Err(&dead.to_string()));
    check_dot_lock(&format!("{dead}\n"), 5 * minute, Ok(()));
    // As procmail and others write it.
    check_dot_lock("0", 4 * minute, Err("0"));
    check_dot_lock("0", 5 * minute, Ok(()));
    check_dot_lock("", minute, Err(""));
    check_dot_lock("", 5 * minute, Ok(()));
    check_dot_lock("-1", 5 * minute, Ok(()));
}

#[test]
fn our_dot_lock_is_stale_once_nobody_holds_it() {
    // Whatever process has the number now.
    let text = format!("{} here popfetch\n", std::process::id());
    check_dot_lock(&text, Duration::ZERO, Ok(()));
    check_dot_lock(
        &format!("{} there popfetch\n", dead_pid()),
        Duration::ZERO,
        Ok(()),
    );
}

#[test]
fn our_dot_lock_is_waited_for_while_somebody_holds_it() {
    let place = Place::new();
    let text = format!("{} here popfetch\n", dead_pid());
    write_dot_lock(&place.dot_lock(), &text, Duration::from_hours(1));
    let holder = File::open(place.dot_lock()).unwrap();
    holder.try_lock().unwrap();
    let outcome = place.locker().lock(Access::Append);
    assert!(
        matches!(outcome, Err(Error::MboxLocked { .. })),
        "{outcome:?}"
    );
    drop(holder);
    drop(place.locker().lock(Access::Append).unwrap());
}

#[test]
fn what_a_killed_run_left_does_not_stop_the_next() {
    let place = Place::new();
    let mut locker = place.locker();
    let held = locker.lock(Access::Append).unwrap();
    // As if killed: the descriptors are closed and nothing is removed.
    let left = fs::read(place.dot_lock()).unwrap();
    drop(held);
    drop(locker);
    for name in ["inbox.lock", ".inbox.popfetch-dotlock"] {
        let mut file = File::create(place.folder.path().join(name)).unwrap();
        file.write_all(&left).unwrap();
    }
    drop(place.locker().lock(Access::Append).unwrap());
    assert_eq!(place.names(), ["inbox"]);
}

#[test]
fn a_lock_that_others_took_over_is_left_to_them() {
    let place = Place::new();
    let mut locker = place.locker();
    let held = locker.lock(Access::Append).unwrap();
    fs::remove_file(place.dot_lock()).unwrap();
    write_dot_lock(&place.dot_lock(), "7\n", Duration::ZERO);
    drop(held);
    assert_eq!(fs::read_to_string(place.dot_lock()).unwrap(), "7\n");
}

/// Another process that holds the fcntl lock.
struct Other(Child);

impl Other {
    /// Locks without waiting; none if it may not, or where there is no python3 to be it.
    fn lock(mbox: &Path) -> Option<Self> {
        let program = "import fcntl, sys\n\
                       f = open(sys.argv[1], 'r+')\n\
                       fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\n\
                       print('locked', flush=True)\n\
                       sys.stdin.read()";
        let mut child = Command::new("python3")
            .args(["-c", program])
            .arg(mbox)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut said = [0; 6];
        let outcome = child.stdout.as_mut().unwrap().read_exact(&mut said);
        let other = Self(child);
        outcome.is_ok().then_some(other)
    }

    /// One that holds the mbox of a place, which nobody else has locked.
    fn in_place(place: &Place) -> Option<Self> {
        let other = Self::lock(&place.mbox());
        if other.is_none() {
            eprintln!("skipped: there is no python3");
        }
        other
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _status = self.0.wait();
    }
}

#[test]
fn an_fcntl_lock_of_another_process_is_waited_for() {
    let place = Place::new();
    let Some(other) = Other::in_place(&place) else {
        return;
    };
    let mut locker = place.locker();
    let outcome = locker.lock(Access::Append);
    assert!(
        matches!(outcome, Err(Error::MboxLocked { .. })),
        "{outcome:?}"
    );
    // The dot-lock is given back, though the run goes on.
    assert_eq!(place.names(), [".inbox.popfetch-dotlock", "inbox"]);
    drop(other);
    drop(locker.lock(Access::Append).unwrap());
    drop(locker);
    assert_eq!(place.names(), ["inbox"]);
}

#[test]
fn an_old_dot_lock_is_not_stale_while_somebody_holds_the_other_lock() {
    let place = Place::new();
    let Some(other) = Other::in_place(&place) else {
        return;
    };
    write_dot_lock(&place.dot_lock(), "", Duration::from_hours(1));
    let mut locker = place.locker();
    let outcome = locker.lock(Access::Append);
    assert!(
        matches!(outcome, Err(Error::MboxLocked { .. })),
        "{outcome:?}"
    );
    locker.clear_left_over().unwrap();
    assert_eq!(place.names(), ["inbox", "inbox.lock"]);
    drop(other);
    locker.clear_left_over().unwrap();
    assert_eq!(place.names(), ["inbox"]);
}

/// Tells of each change of the dot-lock whether another process could have had the fcntl lock.
struct Sequence {
    mbox: PathBuf,
    seen: Mutex<Vec<(&'static str, bool)>>,
}

impl Watch for Sequence {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let (change, path) = if let Operation::Link { to, .. } = *operation {
            ("link", to)
        } else if let Operation::Remove { path } = *operation {
            ("remove", path)
        } else {
            return Ok(());
        };
        if path.extension().is_some_and(|end| end == "lock") {
            let is_free = Other::lock(&self.mbox).is_some();
            self.seen.lock().unwrap().push((change, is_free));
        }
        Ok(())
    }
}

/// What a run of locking and unlocking does with the dot-lock.
fn sequence_in(place: &Place) -> Option<Vec<(&'static str, bool)>> {
    drop(Other::in_place(place)?);
    let sequence = Arc::new(Sequence {
        mbox: place.mbox(),
        seen: Mutex::default(),
    });
    drop(
        place
            .locker_on(Disk::watched(Arc::clone(&sequence) as Arc<dyn Watch>))
            .lock(Access::Append),
    );
    let seen = std::mem::take(&mut *sequence.seen.lock().unwrap());
    Some(seen)
}

#[test]
fn the_dot_lock_comes_first_and_goes_first() {
    let Some(seen) = sequence_in(&Place::new()) else {
        return;
    };
    assert_eq!(seen, [("link", true), ("remove", false)]);
}

/// Python's mailbox holds its dot-lock while it has no fcntl lock, between the rename of a file
/// that it has rewritten and its lock on that; if it cannot have that at once it fails, and leaves
/// the dot-lock behind.
#[test]
fn who_has_only_the_dot_lock_yet_can_have_the_other_lock() {
    let place = Place::new();
    write_dot_lock(&place.dot_lock(), "", Duration::ZERO);
    let Some(seen) = sequence_in(&place) else {
        return;
    };
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|&one| one == ("link", true)), "{seen:?}");
}

#[test]
fn a_stop_ends_the_wait() {
    let place = Place::new();
    let mut holder = place.locker();
    let held = holder.lock(Access::Append).unwrap();
    let mut waiting = place.locker();
    waiting.stop.store(true, Ordering::Relaxed);
    let stopped = waiting.lock(Access::Append).unwrap_err();
    assert!(matches!(stopped, Error::Stopped), "{stopped:?}");
    drop(held);
}
