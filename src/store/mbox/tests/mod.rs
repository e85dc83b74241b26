//! An mbox as it is delivered to, stopped at, and repaired.

mod delivery;
mod equals;
mod moved;
mod order;
mod repair;
mod stops;

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

use super::essence::{Distiller, Essence};
use super::is_at_place;
use super::scan::{Begins, scan};
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

fn write(kit: &Kit, content: &[u8]) {
    overwrite(&kit.path(), content);
}

fn overwrite(path: &Path, content: &[u8]) {
    let file = fs::OpenOptions::new().write(true).truncate(true).open(path);
    file.unwrap().write_all(content).unwrap();
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
    fn appends(self) -> bool {
        matches!(self, Self::Append | Self::AppendAndRewrite)
    }

    fn rewrites(self) -> bool {
        matches!(self, Self::Rewrite | Self::AppendAndRewrite)
    }

    fn happen(self, kit: &Kit, mail: &[u8]) {
        if self.appends() {
            let content = read(kit);
            // procmail and maildrop write right behind what is there.
            write(kit, &[&content, mail].concat());
        }
        if self.rewrites() {
            let rewritten = rewritten(&read(kit));
            let new = kit.folder().join("box.new");
            fs::copy(kit.path(), &new).unwrap();
            write(kit, &rewritten);
        }
    }
}

/// Python's `mailbox` writes each message of the mboxes anew; false where there is no Python. It
/// fails where an mbox ends within a From_ line, and takes less than `From ` for the mail before.
fn rewrite_by_python<'a>(kits: impl IntoIterator<Item = &'a Kit>) -> bool {
    const PROGRAM: &str = "
import mailbox, sys
for path in sys.argv[1:]:
    box = mailbox.mbox(path, create=False)
    for key in box.keys():
        message = box[key]
        message.set_flags('RO')
        box[key] = message
    box.flush()
    box.close()
";
    let can_be_read = |kit: &&Kit| {
        let content = read(kit);
        let last = content.rsplit(|&octet| octet == b'\n').next();
        last.is_none_or(|line| line.is_empty() || !line.starts_with(b"F"))
    };
    let kits = kits.into_iter().filter(can_be_read);
    let python = Command::new("python3")
        .args(["-c", PROGRAM])
        .args(kits.map(Kit::path))
        .output();
    let Ok(python) = python else {
        eprintln!("skipped: there is no python3");
        return false;
    };
    let told = String::from_utf8_lossy(&python.stderr);
    assert!(python.status.success(), "{told}");
    true
}

/// How often the mbox shows the words of each message: Python makes line ends of lone CRs.
fn count_words(kit: &Kit, contents: &[Essence]) -> Vec<usize> {
    let mut counts = vec![0; contents.len()];
    scan(&*read(kit), Begins::FromLines, &mut |found| {
        for (content, count) in contents.iter().zip(&mut counts) {
            *count += usize::from(content.words == found.essence.words);
        }
    })
    .unwrap();
    counts
}

/// What a reader makes of an mbox: each message gets a field at the begin of its header and one at
/// the end, and what breaks off is ended.
fn rewritten(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut in_header = false;
    for line in content.split_inclusive(|&octet| octet == b'\n') {
        let from_line = line.starts_with(b"From ");
        if in_header && (from_line || line == b"\n") {
            out.extend_from_slice(b"X-Status: A\n");
            in_header = false;
        }
        out.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            out.push(b'\n');
        }
        if from_line {
            out.extend_from_slice(b"Status: O\n");
            in_header = true;
        }
    }
    if in_header {
        out.extend_from_slice(b"X-Status: A\n");
    }
    if !out.is_empty() && !out.ends_with(b"\n\n") {
        out.push(b'\n');
    }
    out
}

/// The same without those fields.
fn without_fields(rewritten: &[u8]) -> Vec<u8> {
    let lines = rewritten.split_inclusive(|&octet| octet == b'\n');
    lines
        .filter(|line| ![&b"Status: O\n"[..], b"X-Status: A\n"].contains(line))
        .collect::<Vec<_>>()
        .concat()
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
    scan(&*read(kit), Begins::FromLines, &mut |found| match contents
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
    scan(STORED, Begins::FromLines, &mut |found| {
        own.push(found.essence);
    })
    .unwrap();
    own
}

/// Our messages as they stand in an mbox.
fn own_texts() -> Vec<&'static [u8]> {
    let mut begins = Vec::new();
    scan(STORED, Begins::FromLines, &mut |found| {
        begins.push(usize::try_from(found.offset).unwrap());
    })
    .unwrap();
    begins.push(STORED.len());
    begins
        .windows(2)
        .map(|ends| &STORED[ends[0]..ends[1]])
        .collect()
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

/// Makes mboxes in which a run like this died at its first write, after so many octets, given what
/// each is to be before.
fn dead_in_append<'a>(
    before: impl Fn() -> Kit + 'a,
    octets: fn(usize) -> usize,
    run: impl Fn(Opened) -> bool + Copy + 'a,
) -> impl Fn() -> Kit + 'a {
    let stopped_after = move |operations| {
        let kit = before();
        let ended = until(&kit, operations, octets, run);
        (ended == Ended::InAppend).then_some(kit)
    };
    let append = (0..1000).find(|&operations| stopped_after(operations).is_some());
    move || append.and_then(&stopped_after).unwrap()
}

/// What a run does: delivers what the journal does not know.
fn deliver_missing(opened: &mut Opened) -> bool {
    deliver_rest(opened, &OURS)
}

/// The same with other messages.
fn deliver_rest(opened: &mut Opened, ours: &[&[u8]]) -> bool {
    let numbers = 1..=u32::try_from(ours.len()).unwrap();
    let known = numbers
        .clone()
        .filter(|number| {
            let unique_id = format!("uid{number}");
            opened.journal.has(opened.account, unique_id.as_bytes())
        })
        .collect::<Vec<_>>();
    assert!(
        numbers.zip(&known).all(|(number, &known)| number == known),
        "the first ones: {known:?}"
    );
    opened.count = u32::try_from(known.len()).unwrap();
    let missing = &ours[known.len()..];
    missing.is_empty() || opened.deliver(missing).is_ok() && opened.journal.sync().is_ok()
}

/// A mail of others that is so many octets long, with its empty line.
fn mail_of(octets: usize) -> Vec<u8> {
    let from_line = b"From x Fri Jan  5 10:30:00 2024\n\n";
    let body = vec![b'x'; octets - from_line.len() - 2];
    [&from_line[..], &body, b"\n\n"].concat()
}

fn half(octets: usize) -> usize {
    octets / 2
}

const PARTS: [fn(usize) -> usize; 7] = [
    |_| 0,
    |_| 1,
    |_| 40,
    half,
    |octets| octets * 7 / 8,
    |octets| octets - 1,
    // In the second From_ line.
    |_| 180,
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
