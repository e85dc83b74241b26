mod compaction;
mod durability;

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
    for listed in journal.index.listed_days() {
        tell(format!("listed {listed:?}"));
    }
    let mut seen = journal.index.kept().map(|kept| kept.seen_day);
    journal
        .each_receipt(&mut |_id, receipt| {
            let unique_id = receipt.unique_id.as_ref();
            let name = unique_id.map_or(Name::Content(&receipt.sha256), |id| {
                Name::UniqueId(id.as_bytes())
            });
            let header = unique_id.map(|id| journal.header(receipt.account, id.as_bytes()));
            let known = journal.index.known(receipt.account, name).unwrap();
            tell(format!(
                "{receipt:?} {} {:?} {:?} {:?}",
                known.receipts().count(),
                known.delete(),
                seen.next(),
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
    let found = [receipt(alice, ""), receipt(alice, "asked")];
    journal.record(&found).unwrap();
    each(journal);
    journal.sync().unwrap();
    journal
        .ask_delete(alice, &[&uid("one"), &uid("asked")])
        .unwrap();
    each(journal);
    journal.sync().unwrap();
    journal.confirm_delete(alice, &[&uid("one")], NOW).unwrap();
    each(journal);
    let mut listed = [&b"one"[..]].into_iter();
    journal.note_listing(alice, &mut listed, NOW + DAY).unwrap();
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
        ours_octets: 1,
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
    journal.begin_repair(&repair).unwrap();
    journal.intend(&[receipt(alice, "three")]).unwrap();
    each(journal);
}

#[test]
fn how_many_receipts_to_expect_is_told_by_the_size() {
    let bench = Bench::new();
    let mut journal = bench.load();
    let account = journal.account(&login(995), &mut std::iter::empty());
    let count = 2_000;
    let receipts: Vec<Receipt> = (0..count)
        .map(|number| receipt(account, &format!("{number:08x}5f3a0b1c")))
        .collect();
    let intents = journal.intend(&receipts).unwrap();
    let done: Vec<Fulfilled> = intents.into_iter().map(Fulfilled::as_intended).collect();
    journal.fulfil(&done).unwrap();
    let expected = Journal::receipts_expected(&bench.path());
    assert!((count / 2..count * 2).contains(&expected), "{expected}");
    // Nothing is behind this size, and no room is made for it either.
    let file = File::options().write(true).open(bench.path()).unwrap();
    file.set_len(1 << 40).unwrap();
    let most = Journal::receipts_expected(&bench.path());
    assert!((100_000..1_000_000).contains(&most), "{most}");
    assert_eq!(
        Journal::receipts_expected(&bench.folder.path().join("no")),
        0
    );
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
    assert_eq!(
        journal.known(alice, b"asked").unwrap().delete(),
        DeleteState::Asked
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
    let at = |user: &str, host: &str| Identity::Login {
        user: user.to_owned(),
        host: host.to_owned(),
        port: 995,
    };
    let others = [
        at("bob", "pop.example.org"),
        at("alice", "pop.example.com"),
        Identity::Named("alice".to_owned()),
    ];
    let found = others.map(|other| account(&mut journal, &other, &["one"]));
    assert_eq!(found, [2, 3, 4].map(AccountId));
    // Only who has something written of it is known by the next run.
    journal.record(&[receipt(AccountId(3), "one")]).unwrap();
    let known = journal.index.identities().iter().map(|(id, _)| *id);
    assert_eq!(known.collect::<Vec<_>>(), [alice, AccountId(3)]);
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
    let bob = account(&mut journal, &Identity::Named("bob".to_owned()), &[]);
    let receipts = ["here", "gone", "deleted", ""].map(|id| receipt(alice, id));
    let ids = journal.record(&receipts).unwrap();
    journal.record(&[receipt(bob, "too")]).unwrap();
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

fn put(path: &Path, octets: &[u8]) {
    File::create(path).unwrap().write_all(octets).unwrap();
}
