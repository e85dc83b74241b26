//! What is on disk before what in a repair.

use super::repair::mbox_in_repair;
use super::*;

/// Keeps in mind what is written and synced, by the name of the file.
#[derive(Default)]
struct Noting(Mutex<(HashMap<HandleId, String>, Vec<String>)>);

impl Watch for Noting {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let (names, noted) = &mut *self.0.lock().unwrap();
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        match operation {
            Operation::Create { path, handle }
            | Operation::OpenOrCreate { path, handle }
            | Operation::Open { path, handle } => {
                names.insert(*handle, name(path));
            }
            Operation::Write { handle, .. } => noted.push(format!("write {}", names[handle])),
            Operation::SyncData { handle } => noted.push(format!("sync {}", names[handle])),
            Operation::SyncDir { .. } => noted.push("sync the folder".to_owned()),
            Operation::SetLen { handle, .. } => noted.push(format!("cut {}", names[handle])),
            Operation::Rename { .. }
            | Operation::RenameNoReplace { .. }
            | Operation::Link { .. }
            | Operation::Remove { .. }
            | Operation::MakeDir { .. }
            | Operation::SyncFileSystem { .. } => {}
        }
        noted.dedup();
        Ok(())
    }
}

/// What the next run writes and syncs.
fn noted_of_replay(kit: &Kit) -> Vec<String> {
    let noting = Arc::new(Noting::default());
    let disk = Disk::watched(Arc::clone(&noting) as Arc<dyn Watch>);
    kit.open_on(&disk).unwrap();
    let (_, noted) = &*noting.0.lock().unwrap();
    noted.clone()
}

/// Mail of others is on disk elsewhere, and the journal knows where, before it is written over;
/// and all is on disk before the journal says that it is.
#[test]
fn each_step_of_a_repair_is_on_disk_before_the_next() {
    let append = (0..1000)
        .find(|&operations| deliver_until(&mbox(), operations, half) == Ended::InAppend)
        .unwrap();
    let kit = mbox();
    deliver_until(&kit, append, half);
    Meanwhile::Append.happen(&kit, FOREIGN);
    let noted = noted_of_replay(&kit);
    let repair = noted.iter().skip_while(|what| !what.contains("tail"));
    let repair: Vec<&str> = repair.map(String::as_str).collect();
    let aside = [
        "write .box.popfetch-tail",
        "sync .box.popfetch-tail",
        "sync the folder",
    ];
    let begun = ["write journal", "sync journal", "write journal"];
    let cut = ["cut box", "sync box"];
    let ended = ["write box", "sync box", "write journal"];
    let receipts = ["sync journal", "write journal", "cut .box.popfetch-stage"];
    assert_eq!(
        repair,
        [&aside[..], &begun, &cut, &ended, &receipts].concat()
    );
}

/// Should the power go, the journal would name a side file that has other mail by now.
#[test]
fn what_one_repair_put_aside_stays_until_the_next_one_has_begun() {
    let kit = mbox_in_repair(|_| 40);
    let fragment = read(&kit);
    write(&kit, &[&fragment, MORE].concat());
    let noted = noted_of_replay(&kit);
    let tails = noted.iter().filter(|what| what.contains("tail"));
    let tails: Vec<&str> = tails.map(String::as_str).collect();
    assert_eq!(
        tails,
        ["write .box.popfetch-tail-2", "sync .box.popfetch-tail-2"]
    );
    assert_eq!(read(&kit), [STORED, FOREIGN, MORE].concat());
}
