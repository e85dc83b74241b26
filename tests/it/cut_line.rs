//! The line cut after every single octet of a small session: nothing half, nothing lost,
//! nothing twice, and nothing deleted that is not stored.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use pop3d::{Cut, Mailbox, Server};

use crate::support::embedded::{assert_stored, popfetch, serve, stored_messages};
use crate::support::program::Folder;

const MESSAGES: [&str; 3] = [
    "Subject: one\r\n\r\nfirst\r\n",
    "Subject: two\r\n\r\n.\r\n..\r\nFrom here\r\n",
    "Subject: three\r\n\r\n\r\n",
];

fn small_mailbox() -> Mailbox {
    let mut mailbox = Mailbox::empty();
    for (number, message) in (1..).zip(MESSAGES) {
        mailbox.add(&format!("id{number}"), message.as_bytes());
    }
    mailbox
}

/// One run with the first session cut, one to bring it to its end.
fn check(kind: &str, delete: &str, octets: u64) -> Server {
    let context = format!("{kind} {delete} cut after {octets}");
    let folder = Folder::new();
    let path = folder.join("mail");
    let server = serve(small_mailbox());
    let destination = format!("{kind}:{}", path.display());
    let fetch = || {
        popfetch(&folder, "fetch", &server)
            .args(["--to", &destination, "--retries", "0"])
            .words(delete)
    };
    server.cut(Cut { session: 0, octets });
    let outcome = fetch().run();
    assert!([0, 75].contains(&outcome.code()), "{context}: {outcome:?}");
    let wanted = stored_messages(&server.mailbox(), 1..=3);
    if server.mailbox().present().len() < 3 {
        assert_stored(kind, &path, &wanted, &format!("{context}, deleted"));
    }
    let outcome = fetch().run();
    assert_eq!(outcome.code(), 0, "{context}: {outcome:?}");
    assert_stored(kind, &path, &wanted, &context);
    let left = server.mailbox().present().len();
    assert_eq!(
        left,
        if delete.is_empty() { 3 } else { 0 },
        "{context}: left on the server"
    );
    server
}

/// How many octets the server sends in a session that nothing disturbs.
fn octets_of_a_whole_session(delete: &str) -> u64 {
    // Cut at the upper one it still ends well, at the lower one it does not.
    let (mut whole, mut cut) = (1 << 16, 0);
    while whole - cut > 1 {
        let middle = u64::midpoint(cut, whole);
        let folder = Folder::new();
        let server = serve(small_mailbox());
        server.cut(Cut {
            session: 0,
            octets: middle,
        });
        let fetch = popfetch(&folder, "fetch", &server).args(["--to", "mail", "--retries", "0"]);
        if fetch.words(delete).run().code() == 0 {
            whole = middle;
        } else {
            cut = middle;
        }
    }
    whole
}

fn cut_everywhere(kind: &str, delete: &str) {
    let last = octets_of_a_whole_session(delete) + 1;
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let octets = next.fetch_add(1, Ordering::SeqCst);
                    if octets > last {
                        break;
                    }
                    drop(check(kind, delete, octets));
                }
            });
        }
    });
}

#[test]
fn a_maildir_survives_every_cut() {
    cut_everywhere("maildir", "");
}

#[test]
fn a_maildir_survives_every_cut_while_deleting() {
    cut_everywhere("maildir", "--delete");
}

#[test]
fn an_mbox_survives_every_cut() {
    cut_everywhere("mbox", "");
}

#[test]
fn an_mbox_survives_every_cut_while_deleting() {
    cut_everywhere("mbox", "--delete");
}

#[test]
fn an_eml_folder_survives_every_cut_while_deleting() {
    cut_everywhere("eml", "--delete");
}
