//! Each kind of failure has its exit status, and words that a person understands.

use std::net::{Ipv4Addr, TcpListener};

use pop3d::{Mailbox, Sizes};

use crate::support::embedded::{popfetch, serve};
use crate::support::program::Folder;

/// Runs the words in a fresh folder; `{dir}` is that folder.
#[track_caller]
fn check(words: &str, code: i32, fragments: &[&str]) {
    let folder = Folder::new();
    let words = words.replace("{dir}", &folder.path().to_string_lossy());
    let outcome = folder
        .popfetch()
        .env("POPFETCH_PASSWORD", "secret")
        .words(&words)
        .run();
    let outcome = outcome.expect(code);
    for fragment in fragments {
        assert!(
            outcome.stderr.contains(fragment),
            "{words}: no {fragment:?} in {}",
            outcome.stderr
        );
    }
}

#[test]
fn usage() {
    check("fetch --no-such-flag", 64, &["--no-such-flag"]);
    check("fetch pop3s://alice@localhost", 64, &["--to"]);
    check("delete pop3s://alice@localhost --to {dir}/mail", 64, &[]);
    check(
        "fetch pop3s://alice@localhost --to {dir}/mail --new --stored",
        64,
        &["--stored"],
    );
    check(
        "fetch pop3s://alice@localhost --to - --delete",
        64,
        &["--delete"],
    );
}

#[test]
fn a_password_in_the_url_is_refused_and_not_shown() {
    let folder = Folder::new();
    let outcome = folder
        .popfetch()
        .words("stat pop3s://alice:hunter2@localhost")
        .run()
        .expect(64);
    assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
}

#[test]
fn an_unknown_host() {
    check(
        "stat pop3s://alice@nowhere.invalid",
        68,
        &["nowhere.invalid"],
    );
}

#[test]
fn a_refused_connection() {
    // A port that was free a moment ago: nobody listens there.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    check(
        &format!("stat pop3s://alice@127.0.0.1:{port}"),
        69,
        &["127.0.0.1"],
    );
}

#[test]
fn a_refused_login_shows_the_servers_words() {
    let folder = Folder::new();
    let server = serve(Mailbox::empty());
    let stat = popfetch(&folder, "stat", &server).env("POPFETCH_PASSWORD", "wrong");
    let outcome = stat.run().expect(77);
    assert!(
        outcome.stderr.contains("wrong user or password"),
        "{}",
        outcome.stderr
    );
    assert_eq!(server.logins(), 0);
}

#[test]
fn a_login_without_any_password() {
    let folder = Folder::new();
    folder
        .popfetch()
        .words("stat pop3s://alice@localhost")
        .run()
        .expect(78);
}

#[test]
fn a_destination_that_cannot_be_made() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(2, 1, Sizes::Mixed));
    let missing = folder.join("missing/mail");
    let fetch = popfetch(&folder, "fetch", &server)
        .arg("--to")
        .arg(&missing);
    let outcome = fetch.run().expect(73);
    assert!(outcome.stderr.contains("missing"), "{}", outcome.stderr);
    std::fs::write(folder.join("file"), "x").unwrap();
    for words in [
        "--to missing/mail --dry-run",
        "--to file",
        "--to file --dry-run",
    ] {
        let fetch = popfetch(&folder, "fetch", &server).words(words);
        fetch.run().expect(73);
    }
    assert!(
        !folder.join("missing").exists(),
        "a parent was made in secret"
    );
}

#[test]
fn a_configuration_with_an_unknown_key() {
    let folder = Folder::new();
    let config = "[accounts.work]\nserver = \"pop3s://localhost\"\nuesr = \"alice\"\n";
    std::fs::write(folder.join("config.toml"), config).unwrap();
    let outcome = folder
        .popfetch()
        .words("stat --config config.toml")
        .run()
        .expect(78);
    for fragment in ["uesr", "user", "3"] {
        assert!(
            outcome.stderr.contains(fragment),
            "no {fragment} in {}",
            outcome.stderr
        );
    }
}

#[test]
fn results_that_cannot_be_written() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(40, 1, Sizes::Mixed));
    let full = || {
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    let list = popfetch(&folder, "list", &server).stdout(full());
    let outcome = list.run().expect(74);
    assert!(outcome.stderr.contains("stdout"), "{}", outcome.stderr);
    // What is to be stored is stored all the same.
    let fetch = popfetch(&folder, "fetch", &server).stdout(full());
    fetch.words("--json --to mail").run().expect(74);
    let stored = std::fs::read_dir(folder.join("mail/new")).unwrap().count();
    assert_eq!(stored, 40);
}

#[test]
fn a_reader_that_leaves_ends_a_list_and_printed_mail_and_no_fetch() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(40, 1, Sizes::Mixed));
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    let list = popfetch(&folder, "list", &server).stdout(closed());
    let outcome = list.run().expect(0);
    assert_eq!(outcome.stderr, "");
    let print = popfetch(&folder, "fetch", &server).stdout(closed());
    let outcome = print.words("--to -").run().expect(0);
    assert_eq!(outcome.stderr, "");
    let fetch = popfetch(&folder, "fetch", &server).stdout(closed());
    let outcome = fetch.words("--json --to mail").run().expect(0);
    assert_eq!(outcome.stderr, "");
    let stored = std::fs::read_dir(folder.join("mail/new")).unwrap().count();
    assert_eq!(stored, 40);
}

#[test]
fn mistakes_say_how_to_mend_them() {
    for (words, fragment) in [
        ("", "fetch, list, stat, delete, verify or config"),
        ("config", "config check"),
        ("fetch --limit 0", "from 1 to"),
        ("fetch --limit -1", "from 1 to"),
        ("fetch --larger -5", "500k"),
        ("fetch --insecure", "--tls-pin"),
        ("fetch --password x", "--password-command"),
        ("stat pop3s://alice@localhost --to mial:box", "maildir:PATH"),
        ("stat pop3s://localhost", "--user"),
        ("stat work", "pop3s://USER@HOST"),
    ] {
        check(words, 64, &[fragment, "hint:"]);
    }
}
