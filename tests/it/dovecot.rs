//! The program against a real Dovecot.

use pop3d::{Mailbox, Sizes};

use crate::support::certificate::Certificates;
use crate::support::dovecot::{Backend, Dovecot};
use crate::support::embedded::{assert_maildir, assert_mbox, stored_messages};
use crate::support::program::{Folder, Program};

const MESSAGES: u32 = 80;

/// How the program is told to reach the server.
const TRANSPORTS: [&str; 3] = ["clear", "stls", "tls"];

fn popfetch(folder: &Folder, command: &str, server: &Dovecot, transport: &str) -> Program {
    let authority = folder.join("ca.pem");
    Certificates::shared().write_authority(&authority);
    let (scheme, port) = match transport {
        "tls" => ("pop3s", server.tls_port),
        _ => ("pop3", server.clear_port),
    };
    let program = folder
        .popfetch()
        .env("POPFETCH_PASSWORD", "tanstaaf")
        .arg(command)
        .arg(format!("{scheme}://alice@127.0.0.1:{port}"));
    match transport {
        "clear" => program.args(["--tls", "off"]),
        _ => program.arg("--tls-ca").arg(authority),
    }
}

/// Messages as Dovecot keeps them: generated, and without what an mbox cannot hold as it is.
fn messages(backend: Backend) -> Vec<Vec<u8>> {
    let all = stored_messages(&Mailbox::generated(MESSAGES, 9, Sizes::Mixed), 1..=MESSAGES);
    let holds_from = |message: &Vec<u8>| message.windows(6).any(|window| window == b"\nFrom ");
    match backend {
        Backend::Maildir => all,
        Backend::Mbox => all
            .into_iter()
            .filter(|message| !holds_from(message))
            .collect(),
    }
}

#[test]
fn mail_arrives_byte_for_byte_over_every_transport() {
    for backend in [Backend::Maildir, Backend::Mbox] {
        let test = "fetching from Dovecot over clear text, STLS and TLS";
        let Some(server) = Dovecot::start(test, backend, "") else {
            return;
        };
        let wanted = messages(backend);
        server.deliver(1, &wanted);
        for transport in TRANSPORTS {
            for kind in ["maildir", "mbox"] {
                let context = format!("{backend:?} over {transport} into {kind}");
                let folder = Folder::new();
                let path = folder.join("mail");
                let destination = format!("{kind}:{}", path.display());
                for _ in 0..2 {
                    let fetch = popfetch(&folder, "fetch", &server, transport);
                    fetch.args(["--to", &destination]).run().expect(0);
                    match kind {
                        "maildir" => assert_maildir(&path, &wanted, &context),
                        _ => assert_mbox(&path, &wanted, &context),
                    }
                }
            }
        }
    }
}

#[test]
fn mail_is_deleted_once_it_is_stored() {
    let test = "deleting at Dovecot";
    let Some(server) = Dovecot::start(test, Backend::Maildir, "") else {
        return;
    };
    let wanted = messages(Backend::Maildir);
    server.deliver(1, &wanted);
    let folder = Folder::new();
    let path = folder.join("mail");
    let fetch = || {
        popfetch(&folder, "fetch", &server, "tls")
            .arg("--to")
            .arg(&path)
            .arg("--delete")
            .run()
    };
    fetch().expect(0);
    assert_eq!(server.left(), 0);
    fetch().expect(0);
    assert_maildir(&path, &wanted, "deleted");
}

#[test]
fn every_mechanism_that_dovecot_has_logs_in() {
    let Some(server) = Dovecot::start("logging in at Dovecot", Backend::Maildir, "") else {
        return;
    };
    server.deliver(1, &messages(Backend::Maildir)[..3]);
    for (transport, mechanisms) in [
        (
            "tls",
            &[
                "user",
                "plain",
                "login",
                "cram-md5",
                "scram-sha-1",
                "scram-sha-256",
            ][..],
        ),
        (
            "clear",
            &[
                "user",
                "plain",
                "login",
                "cram-md5",
                "scram-sha-256",
                "apop",
            ],
        ),
    ] {
        for mechanism in mechanisms {
            let folder = Folder::new();
            let stat = || popfetch(&folder, "stat", &server, transport).args(["--auth", mechanism]);
            let outcome = stat().arg("--json").run().expect(0);
            assert!(
                outcome.stdout().contains("\"messages\":3"),
                "{}",
                outcome.stdout()
            );
            let wrong = stat().env("POPFETCH_PASSWORD", "wrong").run();
            assert_eq!(
                wrong.code(),
                77,
                "{mechanism} over {transport}: {}",
                wrong.stderr
            );
            let traced = stat().arg("-vv").run().expect(0);
            assert!(!traced.stderr.contains("tanstaaf"), "{}", traced.stderr);
        }
    }
}

#[test]
fn a_certificate_nobody_vouches_for_is_refused_until_pinned() {
    let test = "certificate checks against Dovecot";
    let Some(server) = Dovecot::start(test, Backend::Maildir, "") else {
        return;
    };
    let pin = &Certificates::shared().named("good").unwrap().pin;
    for (url, more) in [
        (format!("pop3s://alice@127.0.0.1:{}", server.tls_port), ""),
        (format!("pop3://alice@127.0.0.1:{}", server.clear_port), ""),
        (format!("pop3s://alice@localhost:{}", server.tls_port), "-4"),
    ] {
        let folder = Folder::new();
        let stat = || {
            let program = folder.popfetch().env("POPFETCH_PASSWORD", "tanstaaf");
            program.arg("stat").arg(&url).words(more)
        };
        let outcome = stat().run().expect(69);
        let line = format!("--tls-pin {pin}");
        assert!(
            outcome.stderr.contains(&line),
            "no {line} in {}",
            outcome.stderr
        );
        stat().args(["--tls-pin", pin]).run().expect(0);
        let other = format!("sha256:{}", "0".repeat(64));
        stat().args(["--tls-pin", &other]).run().expect(69);
    }
}
