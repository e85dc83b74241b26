use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

use super::essence::{Distiller, Essence};
use super::is_at_place;
use super::scan::scan;
use crate::store::durable::{Disk, HandleId, Operation, Watch};
use crate::store::testkit::{Kit, Opened, Part, Stop, names_in};
use crate::store::{Arriving, Destination, Place, Receipt};

const ANN: &[u8] = b"Return-Path: <ann@example.org>\r\n\
    Date: Fri, 5 Jan 2024 10:00:00 +0000\r\nSubject: one\r\n\r\nFrom here on\r\n>From there\r\n";
const BOB: &[u8] = b"Subject: two\r\n\r\nlone \r and \n and \0 and \xff\r\n\r\n\r\n";
const NO_END: &[u8] = b"Subject: three\r\n\r\nno end";
const OURS: [&[u8]; 3] = [ANN, BOB, NO_END];

const STORED: &[u8] = b"From ann@example.org Fri Jan  5 10:00:00 2024\n\
    Return-Path: <ann@example.org>\nDate: Fri, 5 Jan 2024 10:00:00 +0000\nSubject: one\n\n\
    >From here on\n>>From there\n\n\
    From MAILER-DAEMON Fri Jan  5 10:00:01 2024\n\
    Subject: two\n\nlone \r and \n and \0 and \xff\n\n\n\n\
    From MAILER-DAEMON Fri Jan  5 10:00:01 2024\nSubject: three\n\nno end\n\n";

const FOREIGN: &[u8] =
    b"From carol@example.org Fri Jan  5 10:30:00 2024\nSubject: theirs\n\nlines\n\n";

const MORE: &[u8] = b"From dave@example.org Fri Jan  5 10:31:00 2024\n\nmore\n\n";

fn mbox() -> Kit {
    Kit::new(Destination::Mbox)
}

fn read(kit: &Kit) -> Vec<u8> {
    fs::read(kit.path()).unwrap()
}

/// A disk whose next write fails once it is told so.
#[derive(Default)]
struct FailingWrite(AtomicBool);

impl Watch for FailingWrite {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let fails =
            matches!(operation, Operation::Write { .. }) && self.0.swap(false, Ordering::SeqCst);
        if fails {
            return Err(io::Error::other("the disk is full"));
        }
        Ok(())
    }
}

#[test]
fn what_is_not_staged_whole_is_not_appended() {
    let kit = mbox();
    let disk = Arc::new(FailingWrite::default());
    let watch: Arc<dyn Watch> = Arc::<FailingWrite>::clone(&disk);
    let mut opened = kit.open_on(&Disk::watched(watch)).unwrap();
    let staged = vec![opened.stage(ANN, 7).unwrap()];
    disk.0.store(true, Ordering::SeqCst);
    opened.halves.stage.end_batch().unwrap_err();
    opened.commit(staged).unwrap_err();
    drop(opened);
    let mut opened = kit.open().unwrap();
    assert_eq!(read(&kit), b"");
    opened.deliver(&OURS).unwrap();
    assert_eq!(read(&kit), STORED);
}

#[test]
fn messages_are_appended_as_mboxrd() {
    for (before, between) in [
        (&b""[..], &b""[..]),
        (FOREIGN, b""),
        (b"From x Fri Jan  5 10:30:00 2024\n\nend\n", b"\n"),
        (b"From x Fri Jan  5 10:30:00 2024\n\nno end", b"\n\n"),
        (b"\n", b"\n"),
        (b"x", b"\n\n"),
    ] {
        let kit = mbox();
        fs::OpenOptions::new().write(true).open(kit.path()).unwrap();
        write(&kit, before);
        let mut opened = kit.open().unwrap();
        let delivered = opened.deliver(&OURS).unwrap();
        let content = read(&kit);
        assert_eq!(
            content.escape_ascii().to_string(),
            [before, between, STORED]
                .concat()
                .escape_ascii()
                .to_string()
        );
        for delivered in delivered {
            let Place::Range { offset, octets } = delivered.receipt.place else {
                panic!()
            };
            let range = usize::try_from(offset).unwrap()..usize::try_from(offset + octets).unwrap();
            assert!(content[range.clone()].starts_with(b"From "));
            assert!(content[range].ends_with(b"\n\n"));
            let mbox = File::open(kit.path()).unwrap();
            assert!(is_at_place(&mbox, &delivered.receipt).unwrap());
        }
        assert!(
            kit.folder()
                .join(".box.popfetch-stage")
                .metadata()
                .unwrap()
                .len()
                == 0
        );
    }
}

fn write(kit: &Kit, content: &[u8]) {
    overwrite(&kit.path(), content);
}

fn overwrite(path: &Path, content: &[u8]) {
    let file = fs::OpenOptions::new().write(true).truncate(true).open(path);
    file.unwrap().write_all(content).unwrap();
}

#[test]
fn batches_take_turns_and_discarded_messages_leave_no_gap() {
    let kit = mbox();
    let mut opened = kit.open().unwrap();
    for round in 0..3 {
        let first = opened.stage(ANN, 3).unwrap();
        let unwanted = opened.stage(NO_END, 5).unwrap();
        let second = opened.stage(BOB, 1000).unwrap();
        // The one in the middle, then one that is last, then half a one.
        opened.halves.stage.discard(unwanted).unwrap();
        let unwanted = opened.stage(&vec![b'x'; 600_000], 1000).unwrap();
        opened.halves.stage.discard(unwanted).unwrap();
        opened.halves.stage.begin(&Arriving::default()).unwrap();
        opened.halves.stage.write(&vec![b'y'; 600_000]).unwrap();
        opened.halves.stage.abandon().unwrap();
        let third = opened.stage(NO_END, 2).unwrap();
        opened.commit(vec![first, second, third]).unwrap();
        let content = read(&kit);
        assert_eq!(content, STORED.repeat(round + 1), "round {round}");
    }
}

#[test]
fn stopped_after_a_gap_was_closed_each_message_comes_once() {
    let deliver = |mut opened: Opened| {
        let first = opened.stage(ANN, 3)?;
        let unwanted = opened.stage(NO_END, 5)?;
        let second = opened.stage(BOB, 1000)?;
        opened.halves.stage.discard(unwanted)?;
        let third = opened.stage(NO_END, 2)?;
        opened.commit(vec![first, second, third])?;
        opened.journal.sync()
    };
    let contents = own_essences();
    at_every_stop(|operations, part| {
        let kit = mbox();
        let ended = until(&kit, operations, part, |opened| deliver(opened).is_ok());
        assert!(deliver_missing(&mut kit.open().unwrap()));
        let told = format!("{} of 500, {operations}", part(500));
        assert_eq!(count(&kit, &contents), (vec![1; 3], 0), "{told}");
        ended
    });
}

/// Messages of one content, some of which came before.
#[test]
fn no_message_is_taken_for_another_of_the_same_content() {
    let stored = b"Subject: three\n\nno end";
    let sha256 = <[u8; 32]>::from(Sha256::digest(stored));
    let contents = &own_essences()[..1];
    let contents = [&[essence(stored)], contents].concat();
    at_every_stop(|operations, part| {
        let kit = mbox();
        kit.open().unwrap().deliver(&[NO_END]).unwrap();
        let ended = until(&kit, operations, part, |mut opened| {
            opened.deliver(&[NO_END, ANN, NO_END]).is_ok() && opened.journal.sync().is_ok()
        });
        Meanwhile::Rewrite.happen(&kit, FOREIGN);
        let opened = kit.open().unwrap();
        let mut receipts = 0;
        let mut each = |_, receipt: Receipt| {
            receipts += usize::from(receipt.sha256 == sha256);
            Ok(())
        };
        opened.journal.each_receipt(&mut each).unwrap();
        let (counts, others) = count(&kit, &contents);
        let told = format!(
            "{} of 500, {operations}: {receipts} {counts:?} {others}",
            part(500)
        );
        // A reader may have put the begin of ours behind what came before.
        assert!(
            (counts[0]..=counts[0] + others).contains(&receipts),
            "{told}"
        );
        ended
    });
}

/// Another program, which appends a mail without a lock just before this is done to the mbox.
struct Unlocked {
    mbox: PathBuf,
    when: When,
    /// The mbox as it was opened last, until the mail is appended.
    awaited: Mutex<Option<HandleId>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Write,
    Sync,
}

impl Watch for Unlocked {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let mut awaited = self.awaited.lock().unwrap();
        if let Operation::Open { path, handle } = operation
            && *path == self.mbox
        {
            *awaited = Some(*handle);
        }
        let at = match (operation, self.when) {
            (Operation::Write { handle, .. }, When::Write)
            | (Operation::SyncData { handle }, When::Sync) => Some(*handle),
            _ => None,
        };
        if at.is_some() && *awaited == at {
            *awaited = None;
            let mbox = fs::OpenOptions::new().append(true).open(&self.mbox);
            mbox?.write_all(FOREIGN)?;
        }
        Ok(())
    }
}

#[test]
fn receipts_tell_where_messages_are_though_others_append_without_a_lock() {
    for (when, expected) in [
        (When::Write, [FOREIGN, FOREIGN, STORED].concat()),
        (When::Sync, [FOREIGN, STORED, FOREIGN].concat()),
    ] {
        let kit = mbox();
        write(&kit, FOREIGN);
        let watch = Arc::new(Unlocked {
            mbox: kit.path(),
            when,
            awaited: Mutex::default(),
        });
        let mut opened = kit.open_on(&Disk::watched(watch)).unwrap();
        let delivered = opened.deliver(&OURS).unwrap();
        assert_eq!(read(&kit), expected, "{when:?}");
        let mbox = File::open(kit.path()).unwrap();
        for delivered in delivered {
            let recorded = opened.journal.receipt(delivered.id).unwrap();
            assert_eq!(recorded, delivered.receipt);
            assert!(is_at_place(&mbox, &recorded).unwrap(), "{when:?}");
        }
    }
}

/// What happens to an mbox while we are dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    /// Another program appends a mail.
    Append,
    /// A reader rewrites the file, with a field of its own in each message.
    Rewrite,
    /// First a mail comes, then a reader rewrites all.
    AppendAndRewrite,
}

impl Meanwhile {
    fn happen(self, kit: &Kit, mail: &[u8]) {
        if matches!(self, Self::Append | Self::AppendAndRewrite) {
            let content = read(kit);
            // procmail and maildrop write right behind what is there. A reader that comes then
            // takes mail behind half a line of ours for a part of that line, and so it stays; only
            // a kill within a write leaves half a line.
            let whole = content.is_empty() || content.ends_with(b"\n\n");
            let separator: &[u8] = if self == Self::AppendAndRewrite && !whole {
                b"\n"
            } else {
                b""
            };
            write(kit, &[&content, separator, mail].concat());
        }
        if matches!(self, Self::Rewrite | Self::AppendAndRewrite) {
            let content = read(kit);
            let mut rewritten = Vec::new();
            for line in content.split_inclusive(|&octet| octet == b'\n') {
                rewritten.extend_from_slice(line);
                if line.starts_with(b"From ") {
                    rewritten.extend_from_slice(b"Status: O\n");
                }
            }
            let new = kit.folder().join("box.new");
            fs::copy(kit.path(), &new).unwrap();
            write(kit, &rewritten);
        }
    }
}

fn essence(stored: &[u8]) -> Essence {
    let mut distiller = Distiller::new();
    distiller.feed(stored);
    distiller.finish()
}

/// How often the mbox shows each of our messages, and how often others of this content.
fn count(kit: &Kit, contents: &[Essence]) -> (Vec<usize>, usize) {
    let mut counts = vec![0; contents.len()];
    let mut others = 0;
    scan(&*read(kit), &mut |found| match contents
        .iter()
        .position(|content| *content == found.essence)
    {
        Some(at) => counts[at] += 1,
        None => others += 1,
    })
    .unwrap();
    (counts, others)
}

fn own_essences() -> Vec<Essence> {
    let mut own = Vec::new();
    scan(STORED, &mut |found| own.push(found.essence)).unwrap();
    own
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Well,
    /// At a write to the mbox.
    InAppend,
    Elsewhere,
}

/// Runs until the world stops after so many operations.
fn deliver_until(kit: &Kit, operations: usize, octets: fn(usize) -> usize) -> Ended {
    until(kit, operations, octets, |mut opened| {
        deliver_missing(&mut opened)
    })
}

/// The same with what a run does, which tells whether all went well.
fn until(
    kit: &Kit,
    operations: usize,
    octets: fn(usize) -> usize,
    run: impl FnOnce(Opened) -> bool,
) -> Ended {
    let part = Part {
        path: kit.path(),
        octets,
    };
    let stop = Stop::after(operations, part);
    let disk = Disk::watched(Arc::<Stop>::clone(&stop));
    let opened = kit.open_on(&disk);
    if opened.is_ok_and(run) {
        Ended::Well
    } else if stop.hit() {
        Ended::InAppend
    } else {
        Ended::Elsewhere
    }
}

/// What a run does: delivers what the journal does not know.
fn deliver_missing(opened: &mut Opened) -> bool {
    let missing: Vec<&[u8]> = OURS
        .into_iter()
        .enumerate()
        .filter(|(number, _)| {
            let unique_id = format!("uid{}", number + 1);
            opened
                .journal
                .known(opened.account, unique_id.as_bytes())
                .is_none()
        })
        .map(|(_, message)| message)
        .collect();
    assert!(
        missing.len() == OURS.len() || missing.is_empty(),
        "a batch is whole"
    );
    missing.is_empty() || opened.deliver(&missing).is_ok() && opened.journal.sync().is_ok()
}

fn half(octets: usize) -> usize {
    octets / 2
}

const PARTS: [fn(usize) -> usize; 6] = [
    |_| 0,
    |_| 1,
    |_| 40,
    half,
    |octets| octets - 1,
    // Between two messages.
    |_| 170,
];

/// Stops at every operation, and where that writes to the mbox, at several octets of it: runs
/// `check` with the number of operations and the part, until a run ends well.
fn at_every_stop(mut check: impl FnMut(usize, fn(usize) -> usize) -> Ended) {
    for operations in 0.. {
        for part in PARTS {
            match check(operations, part) {
                Ended::InAppend => {}
                Ended::Elsewhere => break,
                Ended::Well => return,
            }
        }
    }
}

#[test]
fn stopped_at_any_operation_each_message_comes_once() {
    for meanwhile in [
        Meanwhile::Nothing,
        Meanwhile::Append,
        Meanwhile::Rewrite,
        Meanwhile::AppendAndRewrite,
    ] {
        let appends = matches!(meanwhile, Meanwhile::Append | Meanwhile::AppendAndRewrite);
        let rewrites = matches!(meanwhile, Meanwhile::Rewrite | Meanwhile::AppendAndRewrite);
        let mut contents = own_essences();
        contents.extend([
            essence(b"Subject: theirs\n\nlines\n"),
            essence(b"\nthere before"),
        ]);
        at_every_stop(|operations, part| {
            let kit = mbox();
            write(&kit, b"From x Fri Jan  5 10:30:00 2024\n\nthere before\n");
            let ended = deliver_until(&kit, operations, part);
            meanwhile.happen(&kit, FOREIGN);
            assert!(deliver_missing(&mut kit.open().unwrap()));
            let (counts, others) = count(&kit, &contents);
            let told = format!("{meanwhile:?}, {} of 500, {operations}", part(500));
            assert_eq!(counts, [1, 1, 1, usize::from(appends), 1], "{told}");
            // What a reader took for a message of its own when it rewrote a fragment stays.
            assert!(others == 0 || rewrites && others == 1, "{told}");
            let again = kit.open().unwrap().replayed;
            assert_eq!(again.delivered.len(), 0, "{told}");
            ended
        });
    }
}

/// A reader that puts in as many octets as there are NULs before our place moves these there: they
/// look as if the power had gone, and what follows is ours all the same.
#[test]
fn nuls_moved_to_our_place_by_a_reader_are_no_fragment_of_ours() {
    let before = [
        &b"From x Fri Jan  5 10:30:00 2024\n\nthere before"[..],
        &[0; 40],
    ]
    .concat();
    let contents = own_essences();
    at_every_stop(|operations, part| {
        let kit = mbox();
        write(&kit, &before);
        let ended = deliver_until(&kit, operations, part);
        Meanwhile::Rewrite.happen(&kit, FOREIGN);
        assert!(deliver_missing(&mut kit.open().unwrap()));
        let told = format!("{} of 500, {operations}", part(500));
        let (counts, _) = count(&kit, &contents);
        assert_eq!(counts, [1, 1, 1], "{told}");
        ended
    });
}

/// What others append then stands for itself: procmail and maildrop put nothing before it.
#[test]
fn stopped_between_two_writes_no_message_is_half_there() {
    let message = [ANN, &b"a line\r\n".repeat(500)].concat();
    let messages = vec![message.as_slice(); 100];
    let mut counts = BTreeSet::new();
    for operations in 0.. {
        let kit = mbox();
        let part = Part {
            path: kit.path(),
            octets: |_| 0,
        };
        let disk = Disk::watched(Stop::after(operations, part));
        let ended = kit
            .open_on(&disk)
            .is_ok_and(|mut opened| opened.deliver(&messages).is_ok());
        let content = read(&kit);
        assert!(
            content.is_empty() || content.ends_with(b"a line\n\n"),
            "{operations}"
        );
        let mut count = 0;
        scan(&*content, &mut |_| count += 1).unwrap();
        counts.insert(count);
        if ended {
            break;
        }
    }
    // None, as many as go into one write, and all.
    assert_eq!(counts.len(), 3, "{counts:?}");
}

#[test]
fn a_repair_stopped_at_any_operation_loses_nobodys_mail() {
    let mut contents = own_essences();
    contents.extend([essence(b"Subject: theirs\n\nlines\n"), essence(b"\nmore\n")]);
    let append = (0..1000)
        .find(|&operations| deliver_until(&mbox(), operations, half) == Ended::InAppend)
        .unwrap();
    for second in [Meanwhile::Nothing, Meanwhile::Append] {
        at_every_stop(|operations, part| {
            let kit = mbox();
            deliver_until(&kit, append, half);
            Meanwhile::Append.happen(&kit, FOREIGN);
            let ended = deliver_until(&kit, operations, part);
            second.happen(&kit, MORE);
            assert!(deliver_missing(&mut kit.open().unwrap()));
            let more = usize::from(second == Meanwhile::Append);
            let told = format!("{second:?}, {} of 500, {operations}", part(500));
            let counted = count(&kit, &contents);
            assert_eq!(counted, (vec![1, 1, 1, 1, more], 0), "{told}");
            let mut names = names_in(kit.folder()).into_iter();
            assert!(!names.any(|name| name.contains("tail")), "{told}");
            ended
        });
    }
}

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
            Operation::SetLen { .. }
            | Operation::Rename { .. }
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
    let noting = Arc::new(Noting::default());
    let disk = Disk::watched(Arc::clone(&noting) as Arc<dyn Watch>);
    kit.open_on(&disk).unwrap();
    let noted = noting.0.lock().unwrap().1.clone();
    let repair = noted.iter().skip_while(|what| !what.contains("tail"));
    let repair: Vec<&str> = repair.map(String::as_str).collect();
    let aside = [
        "write .box.popfetch-tail",
        "sync .box.popfetch-tail",
        "sync the folder",
    ];
    let begun = ["write journal", "sync journal", "write journal"];
    let ended = ["write box", "sync box", "write journal"];
    let receipts = ["sync box", "write journal", "sync journal", "write journal"];
    assert_eq!(repair, [&aside[..], &begun, &ended, &receipts].concat());
}

/// The mail behind our fragment was put aside, then a reader removed it, and other mail came.
#[test]
fn a_repair_of_what_was_removed_overwrites_nobodys_mail() {
    let long = [MORE, &b"and more\n".repeat(100)].concat();
    let long = [&long[..], b"\n"].concat();
    for (fragment, mail) in [
        (half as fn(usize) -> usize, MORE),
        (half, &long),
        (|_| 40, MORE),
        (|_| 40, &long),
    ] {
        let mut contents = own_essences();
        contents.push(essence(&mail[memchr::memchr(b'\n', mail).unwrap() + 1..]));
        let append = (0..1000)
            .find(|&operations| deliver_until(&mbox(), operations, fragment) == Ended::InAppend)
            .unwrap();
        let mut removed = 0;
        at_every_stop(|operations, part| {
            let kit = mbox();
            deliver_until(&kit, append, fragment);
            let fragment = read(&kit);
            let with_foreign = [&fragment, FOREIGN].concat();
            write(&kit, &with_foreign);
            let ended = deliver_until(&kit, operations, part);
            if read(&kit) == with_foreign {
                removed += 1;
                write(&kit, &[&fragment, mail].concat());
                assert!(deliver_missing(&mut kit.open().unwrap()));
                let (counts, _) = count(&kit, &contents);
                let told = format!("{} of 500, {operations}", part(500));
                assert_eq!(counts, [1, 1, 1, 1], "{} and {told}", fragment.len());
            }
            ended
        });
        assert!(removed > 0);
    }
}

/// Mail that came before and after a repair began stands behind ours as it stood before.
#[test]
fn a_repair_puts_nothing_between_the_mail_of_others() {
    let no_end = FOREIGN.strip_suffix(b"\n").unwrap();
    for separator in [&b""[..], b"\n"] {
        let append = (0..1000)
            .find(|&operations| deliver_until(&mbox(), operations, half) == Ended::InAppend)
            .unwrap();
        at_every_stop(|operations, part| {
            let kit = mbox();
            deliver_until(&kit, append, half);
            Meanwhile::Append.happen(&kit, no_end);
            let before = read(&kit);
            let ended = deliver_until(&kit, operations, part);
            if read(&kit) == before {
                let others = [separator, MORE].concat();
                write(&kit, &[&before, &others[..]].concat());
                assert!(deliver_missing(&mut kit.open().unwrap()));
                let expected = [STORED, no_end, &others].concat();
                assert_eq!(
                    read(&kit).escape_ascii().to_string(),
                    expected.escape_ascii().to_string(),
                    "{} of 500, {operations}",
                    part(500)
                );
            }
            ended
        });
    }
}

#[test]
fn mail_put_aside_is_written_back_only_as_it_was() {
    let mut contents = own_essences();
    contents.push(essence(b"Subject: theirs\n\nlines\n"));
    let append = (0..1000)
        .find(|&operations| deliver_until(&mbox(), operations, |_| 40) == Ended::InAppend)
        .unwrap();
    let kit_in_repair = |operations| {
        let kit = mbox();
        deliver_until(&kit, append, |_| 40);
        Meanwhile::Append.happen(&kit, FOREIGN);
        let ended = deliver_until(&kit, operations, |_| 0);
        (ended == Ended::InAppend).then_some(kit)
    };
    let kit = (0..1000).find_map(kit_in_repair).unwrap();
    let before = read(&kit);
    let aside = names_in(kit.folder())
        .into_iter()
        .map(|name| kit.folder().join(name))
        .find(|path| fs::read(path).is_ok_and(|content| content == FOREIGN))
        .unwrap();
    overwrite(&aside, &FOREIGN.to_ascii_uppercase());
    assert!(kit.open().is_err());
    assert_eq!(read(&kit), before);
    overwrite(&aside, FOREIGN);
    assert!(deliver_missing(&mut kit.open().unwrap()));
    assert_eq!(count(&kit, &contents), (vec![1; 4], 0));
}

/// So many NULs before our place are moved there by a reader that they pass for the begin of ours.
#[test]
fn a_repair_ends_where_a_reader_has_moved_nuls() {
    let before = [
        &b"From x Fri Jan  5 10:30:00 2024\n\nthere before"[..],
        &[0; 90],
    ]
    .concat();
    let mut contents = own_essences();
    contents.push(essence(b"Subject: theirs\n\nlines\n"));
    let kit_with_fragment = |append| {
        let kit = mbox();
        write(&kit, &before);
        let ended = deliver_until(&kit, append, half);
        (kit, ended)
    };
    let append = (0..1000)
        .find(|&operations| kit_with_fragment(operations).1 == Ended::InAppend)
        .unwrap();
    at_every_stop(|operations, part| {
        let (kit, _) = kit_with_fragment(append);
        // A reader would take it for a part of half a line.
        Meanwhile::Append.happen(&kit, &[b"\n", FOREIGN].concat());
        let ended = deliver_until(&kit, operations, part);
        for _ in 0..8 {
            Meanwhile::Rewrite.happen(&kit, FOREIGN);
        }
        assert!(deliver_missing(&mut kit.open().unwrap()));
        let told = format!("{} of 500, {operations}", part(500));
        let (counts, _) = count(&kit, &contents);
        assert_eq!(counts, [1, 1, 1, 1], "{told}");
        ended
    });
}
