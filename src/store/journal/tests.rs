use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::store::durable::{Operation, Watch};
use crate::store::error::Damage;

const ID: JournalId = JournalId(0x0b5d_2c9e_4f8a_7d61);
const NOW: i64 = 1_764_000_000;
const DAY: i64 = 24 * 60 * 60;

/// A journal in a folder of its own.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        Journal::create(&Disk::new(), &bench.path(), ID, &mut |_each| Ok(())).unwrap();
        bench
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    fn load(&self) -> Journal {
        self.try_load().unwrap()
    }

    fn try_load(&self) -> Result<Journal, Error> {
        Ok(Journal::load(&Disk::new(), &self.path())?.unwrap())
    }

    /// What a journal of these octets says.
    fn told_of(&self, octets: &[u8]) -> String {
        let path = self.folder.path().join("other");
        put(&path, octets);
        told(&Journal::read_only(&path).unwrap().unwrap())
    }

    fn octets(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }
}

fn uid(text: &str) -> UniqueId {
    UniqueId::parse(text.as_bytes()).unwrap()
}

fn login(port: u16) -> Identity {
    Identity::Login {
        user: "alice".to_owned(),
        host: "pop.example.org".to_owned(),
        port,
    }
}

fn receipt(account: AccountId, unique_id: &str) -> Receipt {
    let mut sha256 = [0; 32];
    for (octet, byte) in sha256.iter_mut().zip(unique_id.bytes()) {
        *octet = byte;
    }
    Receipt {
        account,
        unique_id: UniqueId::parse(unique_id.as_bytes()).ok(),
        listed_octets: Some(2048),
        stored_octets: 2000,
        sha256,
        place: Place::Name(format!("{unique_id}.example")),
        time_seconds: NOW,
        suspect: false,
    }
}

fn account(journal: &mut Journal, identity: &Identity, listed: &[&str]) -> AccountId {
    let mut listed = listed.iter().map(|id| id.as_bytes());
    journal.account(identity, &mut listed)
}

/// All that a journal says, in words.
fn told(journal: &Journal) -> String {
    let mut told = String::new();
    let open = journal.open_intents().unwrap();
    let mut tell = |line: String| {
        told.push_str(&line);
        told.push('\n');
    };
    for (account, identity) in journal.index.identities() {
        tell(format!("{account:?} {identity:?}"));
    }
    for (_id, receipt) in open {
        tell(format!("open {receipt:?}"));
    }
    journal
        .each_receipt(&mut |_id, receipt| {
            let unique_id = receipt.unique_id.as_ref();
            let name = unique_id.map_or(Name::Content(&receipt.sha256), |id| {
                Name::UniqueId(id.as_bytes())
            });
            let header = unique_id.map(|id| journal.header(receipt.account, id.as_bytes()));
            let known = journal.index.known(receipt.account, name).unwrap();
            tell(format!(
                "{receipt:?} {} {:?} {:?}",
                known.receipts().count(),
                known.delete(),
                header.transpose()?.flatten()
            ));
            Ok(())
        })
        .unwrap();
    tell(format!("{:?}", journal.open_repair()));
    told
}

/// Calls `each` after every append of a life with every kind of record in it.
fn live(journal: &mut Journal, each: &mut dyn FnMut(&Journal)) {
    let alice = account(journal, &login(995), &[]);
    let batch = [
        receipt(alice, "one"),
        receipt(alice, "two"),
        receipt(alice, ""),
    ];
    let intents = journal.intend(&batch).unwrap();
    each(journal);
    journal.sync().unwrap();
    let [one, two, three] = intents.as_slice() else {
        panic!("three intents");
    };
    let done = [
        Fulfilled {
            intent: *one,
            place: None,
        },
        Fulfilled {
            intent: *two,
            place: Some(Place::Nowhere),
        },
    ];
    journal.fulfil(&done).unwrap();
    each(journal);
    journal.void(&[*three]).unwrap();
    each(journal);
    journal.record(&[receipt(alice, "")]).unwrap();
    each(journal);
    journal.sync().unwrap();
    journal.ask_delete(alice, &[&uid("one")]).unwrap();
    each(journal);
    journal.sync().unwrap();
    journal.confirm_delete(alice, &[&uid("one")], NOW).unwrap();
    each(journal);
    let header = Header {
        date_seconds: Some(NOW),
        from: Some("Alice <alice@example.org>".to_owned()),
        subject: None,
    };
    journal.note_header(alice, &uid("two"), &header).unwrap();
    each(journal);
    let repair = Repair {
        offset: 1,
        fragment_octets: 2,
        tail_octets: 3,
        tail_sha256: [4; 32],
        side_file: "side".to_owned(),
    };
    journal.begin_repair(&repair).unwrap();
    each(journal);
    journal.sync().unwrap();
    journal.end_repair().unwrap();
    each(journal);
    journal.sync().unwrap();
    journal.intend(&[receipt(alice, "three")]).unwrap();
    each(journal);
}

#[test]
fn what_was_written_is_known_again() {
    let bench = Bench::new();
    live(&mut bench.load(), &mut |journal| {
        assert_eq!(told(&bench.load()), told(journal));
        let looking = Journal::read_only(&bench.path()).unwrap().unwrap();
        assert_eq!(told(&looking), told(journal));
    });
    let journal = bench.load();
    let alice = AccountId(1);
    assert_eq!(
        journal.known(alice, b"one").unwrap().delete(),
        DeleteState::Confirmed
    );
    assert_eq!(
        journal.known(alice, b"two").unwrap().delete(),
        DeleteState::None
    );
    assert_eq!(journal.known(alice, b"three"), None);
    assert_eq!(journal.open_intents().unwrap().len(), 1);
    assert_eq!(
        journal.header(alice, b"two").unwrap().unwrap().date_seconds,
        Some(NOW)
    );
    assert_eq!(journal.header(alice, b"one").unwrap(), None);
}

#[test]
fn a_journal_cut_at_any_octet_is_the_journal_of_an_earlier_moment() {
    let bench = Bench::new();
    live(&mut bench.load(), &mut |_| {});
    let whole = bench.octets();
    let first = memchr::memchr(b'\n', &whole).unwrap() + 1;
    let mut at_line_end = bench.told_of(&whole[..first]);
    for cut in first..whole.len() {
        if whole[cut - 1] == b'\n' {
            at_line_end = bench.told_of(&whole[..cut]);
        }
        assert_eq!(bench.told_of(&whole[..cut]), at_line_end, "cut at {cut}");
    }
}

#[test]
fn a_tail_that_never_reached_the_disk_is_cut_and_written_over() {
    let bench = Bench::new();
    live(&mut bench.load(), &mut |_| {});
    let whole = bench.octets();
    let torn = whole.len() - 20;
    let mut nulls = whole[..torn].to_vec();
    nulls.extend_from_slice(&[0; 5000]);
    let mut stale = whole[..torn].to_vec();
    stale.extend_from_slice(&whole[..torn]);
    let expected = bench.told_of(&whole[..torn]);
    for tail in [&whole[..torn], &nulls, &stale] {
        put(&bench.path(), tail);
        let mut journal = bench.load();
        assert_eq!(told(&journal), expected);
        let alice = AccountId(1);
        journal.record(&[receipt(alice, "after")]).unwrap();
        journal.sync().unwrap();
        let told_now = told(&journal);
        drop(journal);
        let journal = bench.load();
        assert_eq!(told(&journal), told_now);
        assert!(journal.known(alice, b"after").is_some());
        assert!(!bench.octets().contains(&0));
    }
}

#[test]
fn damage_to_anything_that_was_on_disk_is_found() {
    let bench = Bench::new();
    live(&mut bench.load(), &mut |_| {});
    let whole = bench.octets();
    let covered = usize::try_from(bench.load().file.synced_octets()).unwrap();
    assert!(covered > 1000);
    for place in 0..covered {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x40;
        put(&bench.path(), &damaged);
        let Err(Error::Damaged { line, why, .. }) = bench.try_load() else {
            panic!("damage at {place} is not found");
        };
        let expected = 1 + memchr::memchr_iter(b'\n', &whole[..place]).count();
        assert_eq!(line, expected as u64, "damage at {place}");
        assert!(
            matches!(why, Damage::Checksum | Damage::NotAJournal),
            "{why:?}"
        );
    }
    for place in covered..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x40;
        put(&bench.path(), &damaged);
        bench.load();
    }
}

/// Refuses to write from some moment on.
#[derive(Default)]
struct Refusing(AtomicBool);

impl Watch for Refusing {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let writes = matches!(
            operation,
            Operation::Write { .. } | Operation::SyncData { .. }
        );
        if writes && self.0.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

#[test]
fn after_a_failure_nothing_more_is_written() {
    let bench = Bench::new();
    let watch = Arc::new(Refusing::default());
    let disk = Disk::watched(Arc::clone(&watch) as Arc<dyn Watch>);
    let mut journal = Journal::load(&disk, &bench.path()).unwrap().unwrap();
    let alice = account(&mut journal, &login(995), &[]);
    journal.record(&[receipt(alice, "one")]).unwrap();
    watch.0.store(true, Ordering::Relaxed);
    let error = journal.sync().unwrap_err();
    assert!(
        matches!(
            error,
            Error::Io {
                doing: "syncing",
                ..
            }
        ),
        "{error}"
    );
    watch.0.store(false, Ordering::Relaxed);
    for error in [
        journal.sync().unwrap_err(),
        journal.record(&[receipt(alice, "two")]).unwrap_err(),
    ] {
        assert!(matches!(error, Error::JournalClosed { .. }), "{error}");
    }
    drop(journal);
    assert!(bench.load().known(alice, b"one").is_some());
}

#[test]
fn a_journal_for_looking_cannot_be_written() {
    let bench = Bench::new();
    let mut looking = Journal::read_only(&bench.path()).unwrap().unwrap();
    let before = bench.octets();
    let alice = account(&mut looking, &login(995), &[]);
    assert!(looking.record(&[receipt(alice, "one")]).is_err());
    assert_eq!(bench.octets(), before);
    assert!(
        Journal::read_only(&bench.folder.path().join("none"))
            .unwrap()
            .is_none()
    );
}

#[test]
fn an_account_is_found_again_on_another_port() {
    let bench = Bench::new();
    let mut journal = bench.load();
    let alice = account(&mut journal, &login(110), &["one"]);
    journal.record(&[receipt(alice, "one")]).unwrap();
    let other = Identity::Login {
        user: "bob".to_owned(),
        host: "pop.example.org".to_owned(),
        port: 110,
    };
    assert_ne!(account(&mut journal, &other, &["one"]), alice);
    let named = Identity::Named("alice".to_owned());
    assert_ne!(account(&mut journal, &named, &["one"]), alice);
    // An empty maildrop settles nothing: with its mail back it is known again.
    assert_ne!(account(&mut bench.load(), &login(995), &[]), alice);
    let mut journal = bench.load();
    assert_eq!(account(&mut journal, &login(995), &["new", "one"]), alice);
    journal.record(&[receipt(alice, "new")]).unwrap();
    let mut journal = bench.load();
    assert_eq!(account(&mut journal, &login(995), &[]), alice);
    assert_eq!(account(&mut journal, &login(110), &[]), alice);
}

#[test]
fn what_vanished_is_what_was_not_deleted() {
    let bench = Bench::new();
    let mut journal = bench.load();
    let alice = account(&mut journal, &login(995), &[]);
    let receipts = ["here", "gone", "deleted"].map(|id| receipt(alice, id));
    let ids = journal.record(&receipts).unwrap();
    journal.ask_delete(alice, &[&uid("deleted")]).unwrap();
    let mut listed = [&b"here"[..], b"new"].into_iter();
    let vanished = journal.vanished(alice, &mut listed);
    let vanished: Vec<ReceiptId> = vanished.iter().map(|held| held.id).collect();
    assert_eq!(vanished, [ids[1]]);
}

#[test]
fn a_journal_tells_that_messages_were_adopted() {
    let bench = Bench::new();
    assert!(!bench.load().has_adopted());
    let adopted = receipt(AccountId::ADOPTED, "");
    let path = bench.path();
    Journal::create(&Disk::new(), &path, ID, &mut |each| each(adopted.clone())).unwrap();
    assert!(bench.load().has_adopted());
}

#[test]
fn compaction_leaves_out_what_is_dead_and_nothing_else() {
    let bench = Bench::new();
    let mut journal = bench.load();
    live(&mut journal, &mut |_| {});
    let alice = AccountId(1);
    for number in 0..600 {
        let intents = journal.intend(&[receipt(alice, &format!("dead{number}"))]);
        journal.void(&intents.unwrap()).unwrap();
    }
    journal.sync().unwrap();
    drop(journal);
    let before = bench.octets().len();
    let told_before = told(&bench.load());
    let mut journal = bench.load().compact(&Disk::new()).unwrap();
    assert!(bench.octets().len() * 10 < before);
    assert_eq!(journal.id(), ID);
    let sorted = |told: &str| {
        let mut lines: Vec<String> = told.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&told(&journal)), sorted(&told_before));
    // Its lines are those of another file now, and it goes on.
    journal.record(&[receipt(alice, "after")]).unwrap();
    journal.sync().unwrap();
    assert_eq!(told(&bench.load()), told(&journal));
    let again = bench.load().compact(&Disk::new()).unwrap();
    assert_eq!(told(&again), told(&journal));
}

#[test]
fn a_journal_of_open_intents_is_not_compacted() {
    let bench = Bench::new();
    let mut journal = bench.load();
    let alice = account(&mut journal, &login(995), &[]);
    let intended: Vec<Receipt> = (0..600)
        .map(|number| receipt(alice, &format!("open{number}")))
        .collect();
    journal.intend(&intended).unwrap();
    journal.sync().unwrap();
    drop(journal);
    let before = bench.octets();
    assert!(before.len() > 64 * 1024);
    drop(bench.load().compact(&Disk::new()).unwrap());
    assert!(bench.octets() == before);
}

#[test]
fn a_deleted_message_is_forgotten_once_it_was_away_for_long() {
    let bench = Bench::new();
    let mut journal = bench.load();
    let alice = account(&mut journal, &login(995), &[]);
    let all: Vec<String> = (0..400).map(|number| format!("deleted{number}")).collect();
    let receipts: Vec<Receipt> = all.iter().map(|id| receipt(alice, id)).collect();
    journal.record(&receipts).unwrap();
    let ids: Vec<UniqueId> = all.iter().map(|id| uid(id)).collect();
    let ids: Vec<&UniqueId> = ids.iter().collect();
    journal.ask_delete(alice, &ids).unwrap();
    journal.confirm_delete(alice, &ids, NOW).unwrap();
    let mut listing = |listed: &[&str], days: i64| {
        let mut listed = listed.iter().map(|id| id.as_bytes());
        let now = NOW + days * DAY;
        journal.note_listing(alice, &mut listed, now).unwrap();
        drop(bench.load().compact(&Disk::new()).unwrap());
        journal = bench.load();
        let known = |id: &str| journal.known(alice, id.as_bytes()).is_some();
        [known("deleted0"), known("deleted1")]
    };
    assert_eq!(listing(&["deleted0"], 1), [true, true]);
    assert_eq!(listing(&["deleted0"], 60), [true, true]);
    assert_eq!(listing(&[], 89), [true, true]);
    assert_eq!(listing(&[], 90), [true, false]);
    assert_eq!(listing(&[], 149), [true, false]);
}

fn put(path: &Path, octets: &[u8]) {
    File::create(path).unwrap().write_all(octets).unwrap();
}
