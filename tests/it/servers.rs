//! The program against other real servers, and through proxies in front of one.

use pop3d::{Mailbox, Sizes};

use crate::support::certificate::Certificates;
use crate::support::dovecot::{Backend, Dovecot};
use crate::support::embedded::{assert_maildir, stored_messages};
use crate::support::program::{Folder, Program};
use crate::support::servers::{Courier, Nginx, Stunnel};

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
}

#[test]
fn from_courier() {
    let Some(courier) = Courier::start("fetching from Courier") else {
        return;
    };
    for (number, message) in (1..).zip(messages()) {
        let name = format!("{}.M{number}P1.test", 1_000_000_000 + number);
        std::fs::write(courier.maildir().join("new").join(name), message).unwrap();
    }
    check("Courier", "pop3", courier.port, "--tls off");
    let folder = Folder::new();
    fetch(&folder, "pop3", courier.port, "--tls off --delete")
        .run()
        .expect(0);
    assert_maildir(&folder.join("mail"), &messages(), "deleted");
    let left = crate::support::reader::maildir(&courier.maildir());
    assert_eq!(left.len(), 0);
}
