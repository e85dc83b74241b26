//! An mbox shared with other programs, while popfetch is killed again and again: no mail of
//! theirs is lost, none of ours lost or doubled.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pop3d::{Hold, Mailbox, Sizes};
use rustix::process::Signal;

use crate::support::embedded::{popfetch, serve, stored_messages};
use crate::support::program::Folder;
use crate::support::reader;

const OURS: u32 = 12;
const THEIRS: usize = 40;

/// Python's `mailbox` takes both locks, appends, and rewrites the whole file to set a flag. It
/// says a word for each message of its own, and for each time it finds the mbox locked, and waits
/// for a line to go on.
const NEIGHBOUR: &str = "
import mailbox, sys
path, count = sys.argv[1], int(sys.argv[2])
for number in range(count):
    box = mailbox.mbox(path)
    while True:
        try:
            box.lock()
            break
        except mailbox.ExternalClashError:
            print('locked', flush=True)
            sys.stdin.readline()
    box.add(b'Subject: theirs %d\\n\\nbody\\n' % number)
    keys = box.keys()
    key = keys[number * 7 % len(keys)]
    message = box[key]
    message.set_flags('R')
    box[key] = message
    box.flush()
    box.unlock()
    box.close()
    print(number, flush=True)
    sys.stdin.readline()
";

fn neighbour(path: &Path) -> Option<Child> {
    Command::new("python3")
        .args(["-c", NEIGHBOUR])
        .arg(path)
        .arg(THEIRS.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()
}

/// A message without what other programs add to mark it.
fn unmarked(message: &[u8]) -> Vec<u8> {
    let is_mark = |line: &&[u8]| {
        [&b"Status:"[..], b"X-Status:"]
            .iter()
            .any(|mark| line.starts_with(mark))
    };
    let lines = message.split_inclusive(|&octet| octet == b'\n');
    lines
        .filter(|line| !is_mark(line))
        .collect::<Vec<_>>()
        .concat()
}

#[test]
fn an_mbox_is_shared_with_a_program_that_rewrites_it() {
    let folder = Folder::new();
    let path = folder.join("inbox");
    std::fs::write(&path, "").unwrap();
    let Some(mut other) = neighbour(&path) else {
        return;
    };
    let mut told = BufReader::new(other.stdout.take().unwrap()).lines();
    let mut tell = other.stdin.take().unwrap();
    let server = serve(Mailbox::generated(OURS, 6, Sizes::Fixed(1500)));
    let destination = format!("mbox:{}", path.display());
    let fetch = || popfetch(&folder, "fetch", &server).args(["--to", &destination]);
    for round in 0..THEIRS as u64 {
        // One step of theirs at the same time as a run of ours that is killed somewhere.
        server.hold(Hold::Nth(server.steps() + 3 + round * 5 % 30));
        let run = fetch().args(["--limit", "1"]).start();
        writeln!(tell).unwrap();
        // It may wait for their lock, and never come that far.
        server.wait_until_held(Duration::from_millis(300));
        run.signal(Signal::KILL);
        drop(run.wait());
        server.release();
        // It takes no stale lock away: the next run of ours must, or it would wait for ever.
        while told.next().unwrap().unwrap() == "locked" {
            fetch().args(["--limit", "1"]).run();
            writeln!(tell).unwrap();
        }
    }
    drop(tell);
    assert!(other.wait().unwrap().success());
    while fetch().run().code() == 75 {}
    let outcome = fetch().run().expect(0);
    assert!(server.wait_until_held(Duration::ZERO).is_none());
    let wanted = stored_messages(&server.mailbox(), 1..=OURS);
    let found = reader::mboxrd(&std::fs::read(&path).unwrap());
    let found: Vec<_> = found.iter().map(|message| unmarked(message)).collect();
    for message in &wanted {
        let times = found
            .iter()
            .filter(|found| *found == &unmarked(message))
            .count();
        assert_eq!(
            times,
            1,
            "{}\n{outcome:?}",
            String::from_utf8_lossy(&message[..200])
        );
    }
    for number in 0..THEIRS {
        let theirs = format!("Subject: theirs {number}\n\nbody\n");
        let times = found
            .iter()
            .filter(|found| *found == theirs.as_bytes())
            .count();
        assert_eq!(times, 1, "theirs {number}");
    }
    assert_eq!(found.len(), wanted.len() + THEIRS);
}

/// A mail program of Debian's that delivers one message to the mbox, and how it is told where.
struct Deliverer {
    name: &'static str,
    arguments: &'static [&'static str],
    rules: fn(&Path) -> String,
}

static DELIVERERS: [Deliverer; 2] = [
    Deliverer {
        name: "procmail",
        arguments: &["-m", "-f", "carol@example.org"],
        rules: |mbox| format!("LOCKSLEEP=1\n:0:\n{}\n", mbox.display()),
    },
    Deliverer {
        name: "maildrop",
        arguments: &[],
        rules: |mbox| format!("to \"{}\"\n", mbox.display()),
    },
];

impl Deliverer {
    fn is_installed(&self) -> bool {
        let found = Command::new(self.name).arg("-v").output().is_ok();
        if !found {
            // Not by a macro: what those print is shown only when a test fails.
            drop(writeln!(
                std::io::stderr(),
                "left out: an mbox shared with {0} (Debian has it in {0})",
                self.name
            ));
        }
        found
    }

    /// Begins to deliver the message of this number.
    fn deliver(&self, folder: &Folder, mbox: &Path, number: usize) -> Child {
        let rules = folder.join(self.name);
        let mut file = std::fs::OpenOptions::new();
        // Neither takes rules that others can read.
        let file = file.write(true).create(true).truncate(true).mode(0o600);
        let mut file = file.open(&rules).unwrap();
        file.write_all((self.rules)(mbox).as_bytes()).unwrap();
        let mut child = Command::new(self.name)
            .args(self.arguments)
            .arg(format!("./{}", self.name))
            .env("HOME", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let message = self.message(number);
        child.stdin.take().unwrap().write_all(&message).unwrap();
        child
    }

    fn message(&self, number: usize) -> Vec<u8> {
        format!("Subject: {} {number}\n\nbody\nFrom here on\n", self.name).into_bytes()
    }
}

#[test]
fn an_mbox_is_shared_with_programs_that_deliver_into_it() {
    let installed = DELIVERERS
        .iter()
        .filter(|deliverer| deliverer.is_installed());
    let deliverers: Vec<&Deliverer> = installed.collect();
    let folder = Folder::new();
    let path = folder.join("inbox");
    std::fs::write(&path, "").unwrap();
    let server = serve(Mailbox::generated(OURS, 7, Sizes::Fixed(1500)));
    let destination = format!("mbox:{}", path.display());
    let fetch = || popfetch(&folder, "fetch", &server).args(["--to", &destination]);
    for round in 0..OURS as usize {
        server.hold(Hold::Nth(server.steps() + 3 + round as u64 * 5 % 30));
        let run = fetch().args(["--limit", "2"]).start();
        let begin = |deliverer: &&Deliverer| deliverer.deliver(&folder, &path, round);
        let delivering: Vec<Child> = deliverers.iter().map(begin).collect();
        server.wait_until_held(Duration::from_millis(300));
        run.signal(Signal::KILL);
        drop(run.wait());
        server.release();
        for mut child in delivering {
            assert!(child.wait().unwrap().success());
        }
    }
    fetch().run().expect(0);
    let mut wanted = stored_messages(&server.mailbox(), 1..=OURS);
    for deliverer in &deliverers {
        wanted.extend((0..OURS as usize).map(|number| deliverer.message(number)));
    }
    wanted.sort();
    let mut found = reader::mboxrd(&std::fs::read(&path).unwrap());
    found.sort();
    let shown = |messages: &[Vec<u8>]| -> Vec<String> {
        let begin = |message: &Vec<u8>| message[..message.len().min(60)].escape_ascii().to_string();
        messages.iter().map(begin).collect()
    };
    assert_eq!(shown(&found), shown(&wanted));
    assert_eq!(found, wanted);
}
