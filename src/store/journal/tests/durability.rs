//! In what order a journal reaches the disk.

use std::sync::Mutex;

use super::*;

/// Keeps in mind what is done to the disk.
#[derive(Default)]
struct Noting(Mutex<Vec<&'static str>>);

impl Watch for Noting {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let word = match operation {
            Operation::Create { .. } => "create",
            Operation::Write { .. } => "write",
            Operation::SetLen { .. } => "cut",
            Operation::SyncData { .. } => "sync",
            Operation::Rename { .. } => "rename",
            Operation::SyncDir { .. } => "sync the folder",
            Operation::OpenOrCreate { .. }
            | Operation::Open { .. }
            | Operation::RenameNoReplace { .. }
            | Operation::Link { .. }
            | Operation::Remove { .. }
            | Operation::MakeDir { .. }
            | Operation::SyncFileSystem { .. } => return Ok(()),
        };
        self.0.lock().unwrap().push(word);
        Ok(())
    }
}

/// What is done to the disk in the course of this.
fn noted(act: impl FnOnce(&Disk)) -> Vec<&'static str> {
    let noting = Arc::new(Noting::default());
    act(&Disk::watched(Arc::clone(&noting) as Arc<dyn Watch>));
    std::mem::take(&mut *noting.0.lock().unwrap())
}

#[test]
fn a_new_journal_is_on_disk_before_its_name_is() {
    let folder = tempfile::tempdir().unwrap();
    let noted = noted(|disk| {
        let path = folder.path().join("journal");
        Journal::create(disk, &path, ID, &mut |_each| Ok(())).unwrap();
    });
    assert_eq!(
        noted,
        ["create", "write", "sync", "rename", "sync the folder"]
    );
}

#[test]
fn what_the_disk_may_not_have_is_brought_there_before_anything_is_appended() {
    let bench = Bench::new();
    live(&mut bench.load(), &mut |_| {});
    let whole = bench.octets();
    // Appended are a receipt, and how much is on disk once it is synced.
    let append = ["write", "sync", "write"];
    for (torn, mending) in [
        (0, &["write"][..]),
        (20, &["cut", "write", "sync", "write"]),
    ] {
        put(&bench.path(), &whole[..whole.len() - torn]);
        let noted = noted(|disk| {
            let mut journal = Journal::load(disk, &bench.path()).unwrap().unwrap();
            journal.record(&[receipt(AccountId(1), "after")]).unwrap();
            journal.sync().unwrap();
        });
        assert_eq!(noted, [mending, &append].concat(), "{torn} octets torn");
    }
}

#[test]
fn a_journal_with_nothing_new_is_left_alone() {
    let bench = Bench::new();
    live(&mut bench.load(), &mut |_| {});
    bench.load().sync().unwrap();
    let noted = noted(|disk| {
        let mut journal = Journal::load(disk, &bench.path()).unwrap().unwrap();
        journal.sync().unwrap();
    });
    assert_eq!(noted, [""; 0]);
}
