//! SIGKILL of the real program at every step of a session: the next run ends with every message
//! once, whole, and nothing deleted that is not stored.

use std::path::Path;
use std::thread;

use pop3d::{Hold, Mailbox, Server, Sizes, Step, When};
use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::Signal;

use crate::support::embedded::{PATIENCE, assert_stored, popfetch, serve, stored_messages};
use crate::support::program::{Folder, Program, Running};

const MESSAGES: u32 = 6;

struct Case {
    kind: &'static str,
    more: &'static str,
}

impl Case {
    fn fetch(&self, folder: &Folder, server: &Server) -> Program {
        let destination = format!("{}:{}", self.kind, folder.join("mail").display());
        popfetch(folder, "fetch", server)
            .args(["--to", &destination])
            .words(self.more)
    }

    fn assert_stored(&self, path: &Path, wanted: &[Vec<u8>], context: &str) {
        assert_stored(self.kind, path, wanted, context);
    }

    /// How many steps a session has that nothing disturbs.
    fn steps(&self) -> u64 {
        let folder = Folder::new();
        let server = serve(mailbox());
        self.fetch(&folder, &server).run().expect(0);
        server.steps()
    }

    fn kill_at(&self, step: u64, when: fn(&Running)) {
        let folder = Folder::new();
        let server = serve(mailbox());
        server.hold(Hold::Nth(step));
        let first = self.fetch(&folder, &server).start();
        let held = server.wait_until_held(PATIENCE);
        let context = format!("{} {} killed at {held:?}", self.kind, self.more);
        assert!(held.is_some(), "{context}: {:?}", first.wait());
        when(&first);
        first.signal(Signal::KILL);
        let outcome = first.wait();
        server.release();
        // With the answer to QUIT in hand the program may end before the signal comes.
        let may_have_ended =
            held.is_some_and(|step| step.when == When::After && step.verb == "QUIT");
        assert!(
            outcome.code() == 137 || may_have_ended && outcome.code() == 0,
            "{context}: {outcome:?}"
        );
        let wanted = stored_messages(&server.mailbox(), 1..=MESSAGES);
        if server.mailbox().present().len() < MESSAGES as usize {
            // Once the server forgets them only the store has them.
            let left = server.mailbox().present();
            assert!(left.is_empty(), "{context}: {left:?} left");
        }
        let outcome = self.fetch(&folder, &server).run();
        assert_eq!(outcome.code(), 0, "{context}: {outcome:?}");
        self.assert_stored(&folder.join("mail"), &wanted, &context);
        let left = server.mailbox().present().len();
        let kept = if self.more.contains("--delete") {
            0
        } else {
            MESSAGES as usize
        };
        assert_eq!(left, kept, "{context}: left on the server");
        let retrieved = server.count("RETR");
        let outcome = self.fetch(&folder, &server).run();
        assert_eq!(outcome.code(), 0, "{context}: {outcome:?}");
        assert_eq!(server.count("RETR"), retrieved, "{context}: fetched again");
        self.assert_stored(&folder.join("mail"), &wanted, &context);
    }

    fn kill_everywhere(&self, when: fn(&Running)) {
        let steps = self.steps();
        assert!(steps > 20, "a session of {steps} steps is none");
        thread::scope(|scope| {
            for worker in 0..4 {
                scope.spawn(move || {
                    for step in (worker..steps).step_by(4) {
                        self.kill_at(step, when);
                    }
                });
            }
        });
    }
}

fn mailbox() -> Mailbox {
    Mailbox::generated(MESSAGES, 5, Sizes::Fixed(2000))
}

/// Kill at once: the program may be anywhere in what the last octets set off.
fn at_once(_: &Running) {}

/// Kill when all its threads wait: everything that the last octets set off is done.
fn at_rest(running: &Running) {
    let folder = format!("/proc/{}/task", running.pid());
    let asleep = || {
        let tasks = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        tasks.into_iter().all(|task| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            // proc(5): the state follows the name, which is in parentheses.
            stat.rsplit(')')
                .next()
                .is_some_and(|rest| rest.trim_start().starts_with('S'))
        })
    };
    let mut times = 0;
    while times < 50 {
        times = if asleep() { times + 1 } else { 0 };
        thread::yield_now();
    }
}

#[test]
fn a_maildir_survives_kills() {
    for when in [at_once, at_rest] {
        Case {
            kind: "maildir",
            more: "",
        }
        .kill_everywhere(when);
    }
}

#[test]
fn a_maildir_survives_kills_while_deleting() {
    for when in [at_once, at_rest] {
        Case {
            kind: "maildir",
            more: "--delete",
        }
        .kill_everywhere(when);
    }
}

#[test]
fn an_mbox_survives_kills() {
    for when in [at_once, at_rest] {
        Case {
            kind: "mbox",
            more: "",
        }
        .kill_everywhere(when);
    }
}

#[test]
fn an_mbox_survives_kills_while_deleting() {
    for when in [at_once, at_rest] {
        Case {
            kind: "mbox",
            more: "--delete",
        }
        .kill_everywhere(when);
    }
}

#[test]
fn an_eml_folder_survives_kills_while_deleting() {
    for when in [at_once, at_rest] {
        Case {
            kind: "eml",
            more: "--delete",
        }
        .kill_everywhere(when);
    }
}

#[test]
fn an_interrupted_run_commits_what_is_complete_and_says_so_by_its_status() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let case = Case {
            kind: "maildir",
            more: "",
        };
        let folder = Folder::new();
        let server = serve(mailbox());
        // By then the first three have arrived whole.
        server.hold(Hold::At(Step {
            when: When::Before,
            verb: "RETR",
            number: 4,
        }));
        let first = case.fetch(&folder, &server).start();
        assert!(
            server.wait_until_held(PATIENCE).is_some(),
            "{:?}",
            first.wait()
        );
        at_rest(&first);
        first.signal(signal);
        first.wait().expect(code);
        server.release();
        let wanted = stored_messages(&server.mailbox(), 1..=3);
        case.assert_stored(&folder.join("mail"), &wanted, "interrupted");
        case.fetch(&folder, &server).run().expect(0);
        assert_eq!(server.count("DELE"), 0);
        let wanted = stored_messages(&server.mailbox(), 1..=MESSAGES);
        case.assert_stored(&folder.join("mail"), &wanted, "afterwards");
    }
}

/// The first waits for a command that never ends; the second does not.
#[test]
fn a_second_signal_ends_the_run_at_once() {
    let folder = Folder::new();
    let server = serve(mailbox());
    let fifo = folder.join("fifo");
    mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    let command = "pipe:exec > /dev/null 2>&1; cat >> got; test ! -e fifo || cat fifo";
    let fetch = || popfetch(&folder, "fetch", &server).args(["--to", command, "--delete"]);
    let run = fetch().start();
    // Opens once the command reads, and keeps it reading.
    let writer = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    // Two of one kind may come as one.
    run.signal(Signal::INT);
    run.signal(Signal::TERM);
    let outcome = run.wait();
    assert!([130, 143].contains(&outcome.code()), "{outcome:?}");
    assert_eq!(server.count("DELE"), 0);
    std::fs::remove_file(&fifo).unwrap();
    drop(writer);
    fetch().run().expect(0);
    let got = std::fs::read(folder.join("got")).unwrap();
    for message in stored_messages(&server.mailbox(), 1..=MESSAGES) {
        assert!(got.windows(message.len()).any(|octets| octets == message));
    }
    assert_eq!(server.mailbox().present(), Vec::<u32>::new());
}
