//! The program against other real servers, and through proxies in front of one.

use pop3d::{Mailbox, Sizes};

use crate::support::certificate::Certificates;
use crate::support::dovecot::{Backend, Dovecot};
use crate::support::embedded::{assert_maildir, assert_same, stored_messages};
use crate::support::enclosed::Enclosed;
use crate::support::program::{Folder, Program};
use crate::support::reader;
use crate::support::servers::{Nginx, Stunnel};

const MESSAGES: u32 = 40;

fn messages() -> Vec<Vec<u8>> {
    stored_messages(&Mailbox::generated(MESSAGES, 4, Sizes::Mixed), 1..=MESSAGES)
}

/// `popfetch fetch` into the folder's `mail`.
fn fetch(folder: &Folder, scheme: &str, port: u16, words: &str) -> Program {
    let authority = folder.join("ca.pem");
    Certificates::shared().write_authority(&authority);
    let program = folder
        .popfetch()
        .env("POPFETCH_PASSWORD", "tanstaaf")
        .arg("fetch")
        .arg(format!("{scheme}://alice@127.0.0.1:{port}"))
        .args(["--to", "mail"])
        .words(words);
    if words.contains("--tls off") {
        program
    } else {
        program.arg("--tls-ca").arg(authority)
    }
}

/// Fetches twice: all, then nothing.
fn check(server: &str, scheme: &str, port: u16, words: &str) {
    let folder = Folder::new();
    for _ in 0..2 {
        fetch(&folder, scheme, port, words).run().expect(0);
        assert_maildir(
            &folder.join("mail"),
            &messages(),
            &format!("{server} {scheme} {words}"),
        );
    }
    let wrong = fetch(&folder, scheme, port, words)
        .env("POPFETCH_PASSWORD", "wrong")
        .run();
    assert_eq!(
        wrong.code(),
        77,
        "{server} {scheme} {words}: {}",
        wrong.stderr
    );
}

/// Fetches all and leaves nothing.
fn check_deletion(dovecot: &Dovecot, scheme: &str, port: u16) {
    let folder = Folder::new();
    fetch(&folder, scheme, port, "--delete").run().expect(0);
    assert_maildir(&folder.join("mail"), &messages(), "with deletion");
    assert_eq!(dovecot.left(), 0);
}

#[test]
fn through_nginx() {
    let test = "fetching through nginx's mail proxy";
    let Some(dovecot) = Dovecot::start(test, Backend::Maildir, "") else {
        return;
    };
    let Some(nginx) = Nginx::start(test, dovecot.clear_port, "tanstaaf") else {
        return;
    };
    dovecot.deliver(1, &messages());
    check("nginx", "pop3", nginx.clear_port, "--tls off");
    check("nginx", "pop3", nginx.clear_port, "");
    check("nginx", "pop3s", nginx.tls_port, "");
    check_deletion(&dovecot, "pop3s", nginx.tls_port);
}

#[test]
fn through_stunnel() {
    let test = "fetching through stunnel";
    let Some(dovecot) = Dovecot::start(test, Backend::Maildir, "") else {
        return;
    };
    let Some(stunnel) = Stunnel::start(test, dovecot.clear_port) else {
        return;
    };
    dovecot.deliver(1, &messages());
    check("stunnel", "pop3", stunnel.stls_port, "");
    check("stunnel", "pop3s", stunnel.tls_port, "");
    check_deletion(&dovecot, "pop3", stunnel.stls_port);
}

/// What an mbox holds as it is, and no server takes for a field of its own.
fn plain_messages() -> Vec<Vec<u8>> {
    let holds_from = |message: &Vec<u8>| message.windows(5).any(|window| window == b"From ");
    let mut plain = messages();
    plain.retain(|message| !holds_from(message) && !message.contains(&0));
    plain
}

/// The messages of a maildir without the fields in which GNU Mailutils keeps its unique-ids, and
/// after a session what it knows of who read what.
fn stored(folder: &Folder) -> Vec<Vec<u8>> {
    let is_own = |line: &&[u8]| {
        let names = [&b"X-UIDL: "[..], b"Status: ", b"X-IMAPbase: ", b"X-UID: "];
        names.iter().any(|name| line.starts_with(name))
    };
    let without = |message: Vec<u8>| {
        let lines = message.split_inclusive(|&octet| octet == b'\n');
        lines
            .filter(|line| !is_own(line))
            .collect::<Vec<_>>()
            .concat()
    };
    let mut found: Vec<_> = reader::maildir(&folder.join("mail"))
        .into_iter()
        .map(without)
        .collect();
    found.sort();
    found
}

/// Fetches all, then nothing, then all with deletion; and not with a wrong password.
fn check_enclosed(server: Option<Enclosed>) {
    let Some(server) = server else {
        return;
    };
    let given = plain_messages();
    server.deliver(&given);
    let wanted = server.served(&given);
    assert_eq!(wanted.len(), given.len());
    let run = |folder: &Folder, words: &str| {
        fetch(folder, "pop3", server.port, &format!("--tls off {words}"))
    };
    for words in ["", "--delete"] {
        let folder = Folder::new();
        for round in ["all", "nothing"] {
            let context = format!("{} {words} {round}", server.name);
            let outcome = run(&folder, &format!("{words} --json")).run().expect(0);
            let count = if round == "all" { wanted.len() } else { 0 };
            let told = format!("\"stored\":{count},");
            assert!(outcome.stdout().contains(&told), "{context}: {outcome:?}");
            assert_same(&stored(&folder), &wanted, &context);
        }
        let wrong = run(&folder, words).env("POPFETCH_PASSWORD", "wrong").run();
        assert_eq!(wrong.code(), 77, "{}: {}", server.name, wrong.stderr);
    }
    let left = run(&Folder::new(), "--json").run().expect(0);
    assert!(
        left.stdout().contains("\"stored\":0,"),
        "{}: {left:?}",
        server.name
    );
}

#[test]
fn from_courier() {
    check_enclosed(Enclosed::courier("fetching from Courier"));
}

#[test]
fn from_cyrus() {
    check_enclosed(Enclosed::cyrus("fetching from Cyrus"));
}

#[test]
fn from_mailutils() {
    check_enclosed(Enclosed::mailutils("fetching from GNU Mailutils"));
}

#[test]
fn from_popa3d() {
    check_enclosed(Enclosed::popa3d("fetching from popa3d"));
}

#[test]
fn from_solid_pop3d() {
    check_enclosed(Enclosed::solid("fetching from Solid POP3"));
}
