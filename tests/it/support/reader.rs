//! Independent readers: what a mail program would find in a store of ours.

use std::path::Path;
use std::process::Command;

/// The messages of a maildir (new and cur), sorted by their octets.
pub(crate) fn maildir(path: &Path) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    for folder in ["new", "cur"] {
        let Ok(entries) = std::fs::read_dir(path.join(folder)) else {
            continue;
        };
        for entry in entries {
            messages.push(std::fs::read(entry.unwrap().path()).unwrap());
        }
    }
    messages.sort();
    messages
}

/// The messages of an eml folder.
pub(crate) fn eml(path: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(path).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "eml"))
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// How many files lie in a maildir's tmp: what was begun and never ended.
pub(crate) fn maildir_unfinished(path: &Path) -> usize {
    std::fs::read_dir(path.join("tmp")).map_or(0, Iterator::count)
}

/// The messages of an mbox as Python's `mailbox` module sees them, in order, with mboxrd quoting
/// taken away; `None` when there is no python3.
pub(crate) fn mbox_by_python(path: &Path) -> Option<Vec<Vec<u8>>> {
    const SCRIPT: &str = "
import mailbox, re, sys
for message in mailbox.mbox(sys.argv[1], create=False):
    octets = re.sub(rb'(?m)^>(>*From )', rb'\\1', message.as_bytes(unixfrom=False))
    sys.stdout.buffer.write(b'%d\\n' % len(octets) + octets)
";
    let output = Command::new("python3")
        .arg("-c")
        .arg(SCRIPT)
        .arg(path)
        .output()
        .ok()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut rest = output.stdout.as_slice();
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|&octet| octet == b'\n').unwrap();
        let octets: usize = std::str::from_utf8(&rest[..end]).unwrap().parse().unwrap();
        let (message, after) = rest[end + 1..].split_at(octets);
        messages.push(message.to_vec());
        rest = after;
    }
    Some(messages)
}

/// The messages of an mbox as the `mail-parser` crate splits it.
pub(crate) fn mbox_by_mail_parser(path: &Path) -> Vec<Vec<u8>> {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    mail_parser::mailbox::mbox::MessageIterator::new(file)
        .map(|message| message.unwrap().unwrap_contents())
        .collect()
}

/// The messages of an mbox by the letter of mboxrd: an empty line before each `From ` line but the
/// first, one `>` in front of each `From ` of a message.
pub(crate) fn mboxrd(octets: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        if line.starts_with(b"From ") {
            end_mboxrd(messages.last_mut());
            messages.push(Vec::new());
            continue;
        }
        let unquoted = line
            .iter()
            .position(|&octet| octet != b'>')
            .unwrap_or(line.len());
        let quoted = unquoted > 0 && line[unquoted..].starts_with(b"From ");
        let message = messages
            .last_mut()
            .expect("an mbox begins with a From_ line");
        message.extend_from_slice(&line[usize::from(quoted)..]);
    }
    end_mboxrd(messages.last_mut());
    messages
}

/// Takes away the empty line that ends each message.
fn end_mboxrd(message: Option<&mut Vec<u8>>) {
    let Some(message) = message else { return };
    assert!(
        message.ends_with(b"\n\n") || message == b"\n",
        "no empty line after a message"
    );
    message.pop();
}

/// What maildir and mbox keep of a message's octets: each CRLF as LF.
pub(crate) fn stored_form(octets: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(octets.len());
    let mut octets = octets.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        if octet != b'\r' || octets.peek() != Some(&b'\n') {
            stored.push(octet);
        }
    }
    stored
}
