//! Messages are appended to an mbox while the world ends at any operation, again and again, and
//! other programs append mail of theirs, rewrite the file and take out messages of ours in between:
//! in the end each message that was left is there once, theirs as well as ours, and what was there
//! before is untouched.

#![no_main]

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use popfetch::store::{Destination, Disk, open};
use popfetch_fuzz::world::{End, World};
use popfetch_fuzz::{
    Pieces, deliver, folder, mbox_messages, options, unquoted, with_line_feeds, without_end,
};

/// More crashes than any power failure brings.
const ROUNDS_MAX: usize = 4;

fuzz_target!(|input: &[u8]| {
    let mut pieces = Pieces(input);
    let count = 1 + pieces.below(4);
    let before = pieces.octets();
    let messages: Vec<Vec<u8>> = (0..count)
        .map(|number| [format!("X-Ours: {number}\r\n").as_bytes(), pieces.octets()].concat())
        .collect();
    // What looks like one of the marks by which messages are counted would be counted.
    let is_marked = |octets: &[u8]| {
        octets
            .windows(3)
            .any(|window| window == b"X-O" || window == b"X-T")
    };
    if begins_like_ours(before)
        || is_marked(before)
        || messages.iter().any(|message| is_marked(&message[3..]))
    {
        return;
    }
    // A CR at the end may be cut off, or Python's `mailbox` may have taken it for a part of a line end.
    let ends_in_cr = |message: &[u8]| without_end(&with_line_feeds(message)).ends_with(b"\r");
    if messages
        .iter()
        .any(|message| ends_in_readers_field(message) || ends_in_cr(message))
    {
        return;
    }
    let folder = folder();
    let path = folder.path().join("inbox");
    fs::write(&path, before).expect("writing");
    let destination = Destination::Mbox(path.clone());
    let mut theirs = 0;
    let mut taken = HashSet::new();
    let mut is_rewritten = false;
    let mut has_power_gone = false;
    for _ in 0..ROUNDS_MAX {
        if pieces.is_empty() {
            break;
        }
        let end = End {
            operations: pieces.below(64),
            path: path.clone(),
            octets: pieces.below(512),
            filled_up: pieces.octet() & 1 == 1,
        };
        let is_filled_up = end.filled_up;
        let is_begun = end.octets > 0;
        let world = World::until(end);
        let _died = deliver(&options(destination.clone(), &world.disk()), &messages);
        has_power_gone |= world.tore() && is_filled_up;
        // Once a reader has moved it, mail is not told from NULs of a power cut within which it
        // begins.
        let is_cut_short = world.tore() && is_begun && !is_filled_up;
        let meanwhile = pieces.octet();
        if meanwhile & 1 == 1 {
            append(&path, theirs, is_cut_short);
            theirs += 1;
        }
        if meanwhile & 2 == 2 {
            rewrite(&path);
            is_rewritten = true;
        }
        if meanwhile & 4 == 4
            && let Some(number) = take_out(&path, &messages)
        {
            taken.insert(number);
            is_rewritten = true;
        }
    }
    let options = options(destination, &Disk::new());
    drop(deliver(&options, &messages).expect("nothing is in the way any more"));
    // NULs pass for what a power cut left of ours: those of a mail that a reader has moved to our
    // place cannot be told from them.
    let has_nuls = before.contains(&0) || messages.iter().any(|message| message.contains(&0));
    if is_rewritten && (has_nuls || has_power_gone) {
        return;
    }
    let end = fs::read(&path).expect("reading");
    if !is_rewritten {
        assert!(end.starts_with(before), "{}", end.escape_ascii());
    }
    let shown: Vec<Vec<u8>> = mbox_messages(&end)
        .iter()
        .map(|message| unquoted(&unmarked(message)))
        .collect();
    let times = |content: &[u8]| shown.iter().filter(|shown| shows(shown, content)).count();
    let mut ours = 0;
    for (number, message) in messages.iter().enumerate() {
        let content = with_line_feeds(message);
        let told = (content.escape_ascii(), end.escape_ascii());
        let found = times(&content);
        // It comes back if it had no receipt yet.
        let may_be_missing = taken.contains(&number) && found == 0;
        assert!(found == 1 || may_be_missing, "{} in {}", told.0, told.1);
        ours += found;
    }
    for number in 0..theirs {
        let found = times(&their_mail(number));
        assert_eq!(found, 1, "theirs {number} in {}", end.escape_ascii());
    }
    let marked = [&b"X-Ours: "[..], b"X-Theirs: "];
    let marks: usize = marked
        .iter()
        .map(|mark| {
            end.windows(mark.len())
                .filter(|window| window == mark)
                .count()
        })
        .sum();
    assert_eq!(marks, ours + theirs, "{}", end.escape_ascii());
    let again = open(&options).expect("it was opened before");
    assert_eq!(again.replayed.delivered.len(), 0);
    assert_eq!(fs::read(&path).expect("reading"), end);
});

/// Whether something in the text looks like the begin of a message of ours that is not whole.
fn begins_like_ours(text: &[u8]) -> bool {
    const BEGINS: [&[u8]; 6] = [
        b"From M",
        b"From From ",
        b"FFrom ",
        b"FrFrom ",
        b"FroFrom ",
        b"FromFrom ",
    ];
    let mut lines = text.split(|octet| *octet == b'\n');
    lines.any(|line| BEGINS.iter().any(|begin| line.starts_with(begin)))
}

/// Whether the message may end in a field that readers change: cut there it looks whole.
fn ends_in_readers_field(message: &[u8]) -> bool {
    // What continues a field goes along with it.
    const BEGINS: [&str; 9] = [
        "status:",
        "x-status:",
        "x-keywords:",
        "x-uid:",
        "x-imap",
        "content-length:",
        "lines:",
        " ",
        "\t",
    ];
    let stored = with_line_feeds(message).to_ascii_lowercase();
    let lines = without_end(&stored).split(|octet| *octet == b'\n');
    let header = lines.take_while(|line| !line.is_empty());
    let last = header.last().unwrap_or_default();
    let has_body = stored.windows(2).any(|window| window == b"\n\n");
    !has_body
        && BEGINS
            .iter()
            .any(|begin| last.starts_with(begin.as_bytes()))
}

/// A reader takes less than `From ` of a message for a part of the one before, and if that is not
/// known by its content it stays there.
fn shows(shown: &[u8], content: &[u8]) -> bool {
    let rest = shown.strip_prefix(without_end(content));
    rest.is_some_and(|rest| b"\n\nFrom".starts_with(rest) || b"\nFrom".starts_with(rest))
}

fn their_mail(number: usize) -> Vec<u8> {
    format!("X-Theirs: {number}\n\nlines\n").into_bytes()
}

/// As procmail and maildrop append: right behind what is there, which only a kill of ours leaves
/// without its end.
fn append(path: &Path, number: usize, is_cut_short: bool) {
    let mut mbox = fs::read(path).expect("reading");
    if !is_cut_short {
        let line_feeds = mbox
            .iter()
            .rev()
            .take_while(|octet| **octet == b'\n')
            .count();
        let lacking = 2_usize.saturating_sub(line_feeds).min(mbox.len() * 2);
        mbox.extend_from_slice(&b"\n\n"[..lacking]);
    }
    mbox.extend_from_slice(b"From carol@example.org Fri Jan  5 10:30:00 2024\n");
    mbox.extend_from_slice(&their_mail(number));
    mbox.push(b'\n');
    fs::write(path, mbox).expect("writing");
}

/// As a reader does that notes in each message what was seen.
fn rewrite(path: &Path) {
    let mut mbox = Vec::new();
    for line in fs::read(path)
        .expect("reading")
        .split_inclusive(|octet| *octet == b'\n')
    {
        mbox.extend_from_slice(line);
        if line.starts_with(b"From ") && line.ends_with(b"\n") {
            mbox.extend_from_slice(b"Status: O\n");
        }
    }
    fs::write(path, mbox).expect("writing");
}

/// Somebody takes out the first message of ours that is whole; gives its number. Not where a repair
/// that died has left half a mail of others: without ours before it, that is not told from a mail
/// which begins like it.
fn take_out(path: &Path, messages: &[Vec<u8>]) -> Option<usize> {
    let mbox = fs::read(path).expect("reading");
    let mut shown = mbox_messages(&mbox);
    let is_half_of_theirs = |text: &Vec<u8>| {
        let content = unquoted(&unmarked(text));
        let mut theirs = (0..ROUNDS_MAX).map(their_mail);
        text.starts_with(b"From c")
            && theirs.any(|mail| mail.len() > content.len() + 1 && mail.starts_with(&content))
            || b"From ".starts_with(text.as_slice().trim_ascii_end())
    };
    let is_within_theirs = |text: &Vec<u8>| {
        let mut carols = text.windows(6).filter(|window| window == b"From c");
        text.starts_with(b"From c") && carols.nth(1).is_some()
    };
    if shown.iter().any(is_within_theirs) || shown.iter().any(is_half_of_theirs) {
        return None;
    }
    let (before, _) = mbox.split_at(mbox.len() - shown.concat().len());
    let (at, number) = shown.iter().enumerate().find_map(|(at, text)| {
        let content = unquoted(&unmarked(text));
        let mut messages = messages.iter();
        let number = messages
            .position(|message| content == without_end(&with_line_feeds(message)))
            .filter(|_| text.ends_with(b"\n\n"))?;
        Some((at, number))
    })?;
    shown.remove(at);
    fs::write(path, [before, &shown.concat()].concat()).expect("writing");
    Some(number)
}

/// A message without what [`rewrite`] put in, however often.
fn unmarked(message: &[u8]) -> Vec<u8> {
    let from_line = message.iter().position(|octet| *octet == b'\n');
    let (from_line, mut rest) = message.split_at(from_line.map_or(message.len(), |at| at + 1));
    while let Some(more) = rest.strip_prefix(b"Status: O\n") {
        rest = more;
    }
    [from_line, rest].concat()
}
