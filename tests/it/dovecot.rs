//! The program against a real Dovecot.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;

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

/// Settings of servers in use that change what a client sees.
#[test]
fn mail_arrives_whatever_the_settings() {
    for (more, then_left) in [
        ("pop3_uidl_format = %f", 0),
        ("pop3_uidl_format = %08Xv%08Xu", 0),
        ("pop3_uidl_format = %g", 0),
        ("pop3_uidl_format = UID%u-%v", 0),
        ("pop3_no_flag_updates = yes", 0),
        ("pop3_lock_session = yes", 0),
        ("pop3_fast_size_lookups = yes", 0),
        ("pop3_reuse_xuidl = yes", 0),
        ("mail_save_crlf = yes", 0),
        // What is deleted stays, hidden from POP3.
        (
            "pop3_delete_type = flag\npop3_deleted_flag = '$POP3Deleted'",
            MESSAGES as usize,
        ),
    ] {
        let test = "fetching from Dovecot in odd settings";
        let Some(server) = Dovecot::start(test, Backend::Maildir, more) else {
            return;
        };
        let wanted = messages(Backend::Maildir);
        server.deliver(1, &wanted);
        let folder = Folder::new();
        let path = folder.join("mail");
        for (words, stored) in [("", MESSAGES), ("", 0), ("--delete", 0), ("--all", 0)] {
            let fetch = popfetch(&folder, "fetch", &server, "tls")
                .arg("--to")
                .arg(&path);
            let outcome = fetch.words(words).arg("--json").run().expect(0);
            let told = format!("\"stored\":{stored},");
            assert!(
                outcome.stdout().contains(&told),
                "{more} {words}: {outcome:?}"
            );
            assert_maildir(&path, &wanted, &format!("{more} {words}"));
        }
        assert_eq!(server.left(), then_left, "{more}");
    }
}

/// Dovecot asks for a client's certificate and takes the user from it.
#[test]
fn a_certificate_logs_in() {
    let more = "auth_mechanisms = external
auth_ssl_require_client_cert = yes
auth_ssl_username_from_cert = yes
ssl_verify_client_cert = yes
ssl_require_crl = no
ssl_cert_username_field = commonName
passdb {
  driver = static
  args = nopassword
}";
    let test = "logging in at Dovecot by a certificate";
    let Some(server) = Dovecot::start(test, Backend::Maildir, more) else {
        return;
    };
    let wanted = messages(Backend::Maildir);
    server.deliver(1, &wanted);
    let folder = Folder::new();
    let alice = &Certificates::shared().alice;
    std::fs::write(folder.join("alice.pem"), &alice.chain).unwrap();
    std::fs::write(folder.join("alice.key"), &alice.key).unwrap();
    let path = folder.join("mail");
    for transport in ["tls", "stls"] {
        let fetch = || {
            popfetch(&folder, "fetch", &server, transport)
                .words("--auth external --to")
                .arg(&path)
        };
        let with = |fetch: Program| {
            fetch
                .arg("--tls-client-cert")
                .arg(folder.join("alice.pem"))
                .arg("--tls-client-key")
                .arg(folder.join("alice.key"))
        };
        with(fetch()).run().expect(0);
        assert_maildir(&path, &wanted, transport);
        let without = fetch().run();
        assert_ne!(without.code(), 0, "{transport}: {}", without.stderr);
    }
}

/// Dovecot asks an authorisation server whether a token is good.
#[test]
fn a_token_logs_in() {
    let folder = Folder::new();
    let settings = folder.join("oauth2.conf.ext");
    let content = format!(
        "introspection_url = http://127.0.0.1:{}/introspect?token=
introspection_mode = get
username_attribute = user
active_attribute = active
active_value = true
",
        answer_introspection("good-token")
    );
    std::fs::write(&settings, content).unwrap();
    permit(folder.path(), 0o755);
    permit(&settings, 0o644);
    let more = format!(
        "auth_mechanisms = xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {}
}}",
        settings.display()
    );
    let title = "logging in at Dovecot by a token";
    let Some(server) = Dovecot::start(title, Backend::Maildir, &more) else {
        return;
    };
    let wanted = messages(Backend::Maildir);
    server.deliver(1, &wanted);
    for mechanism in ["", "--auth xoauth2", "--auth oauthbearer"] {
        for transport in ["tls", "stls"] {
            let folder = Folder::new();
            let path = folder.join("mail");
            let token = folder.join("token");
            let fetch = |content: &str| {
                std::fs::write(&token, content).unwrap();
                permit(&token, 0o600);
                popfetch(&folder, "fetch", &server, transport)
                    .words(mechanism)
                    .arg("--token-file")
                    .arg(&token)
                    .arg("--to")
                    .arg(&path)
                    .run()
            };
            let wrong = fetch("bad-token\n");
            assert_eq!(
                wrong.code(),
                77,
                "{mechanism} {transport}: {}",
                wrong.stderr
            );
            assert!(!wrong.stderr.contains("bad-token"), "{}", wrong.stderr);
            fetch("good-token\n").expect(0);
            assert_maildir(&path, &wanted, &format!("{mechanism} over {transport}"));
        }
    }
}

fn permit(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// An authorisation server to which one token is good (RFC 7662).
fn answer_introspection(good: &'static str) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            drop(thread::spawn(move || {
                let mut answering = &stream;
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                while let Some(request) = lines.next() {
                    lines
                        .by_ref()
                        .take_while(|line| !line.is_empty())
                        .for_each(drop);
                    let is_good = request.contains(&format!("token={good}&"));
                    let body = format!("{{\"active\":{is_good},\"user\":\"alice\"}}");
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                         Content-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    if answering.write_all(answer.as_bytes()).is_err() {
                        break;
                    }
                }
            }));
        }
    }));
    port
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
