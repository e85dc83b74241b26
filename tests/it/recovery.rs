//! What happened to the store or the server between two runs: nothing is fetched twice for it,
//! and nothing is lost.

use std::path::Path;

use pop3d::{Hold, Mailbox, Server, Settings, Sizes, Step, When};

use crate::support::embedded::{
    PATIENCE, assert_maildir, assert_stored, popfetch, serve, stored_messages, told,
};
use crate::support::program::{Folder, Outcome};

const MESSAGES: u32 = 60;

fn mailbox() -> Mailbox {
    Mailbox::generated(MESSAGES, 8, Sizes::Fixed(900))
}

fn fetch(folder: &Folder, server: &Server, words: &str) -> Outcome {
    popfetch(folder, "fetch", server).words(words).run()
}

#[track_caller]
fn assert_all_stored(folder: &Folder, name: &str, context: &str) {
    let wanted = stored_messages(&mailbox(), 1..=MESSAGES);
    assert_maildir(&folder.join(name), &wanted, context);
}

#[test]
fn a_moved_folder_knows_what_it_holds() {
    let folder = Folder::new();
    let server = serve(mailbox());
    fetch(&folder, &server, "--to mail").expect(0);
    std::fs::rename(folder.join("mail"), folder.join("elsewhere")).unwrap();
    fetch(&folder, &server, "--to elsewhere").expect(0);
    assert_eq!(server.count("RETR"), u64::from(MESSAGES));
    assert_all_stored(&folder, "elsewhere", "moved");
}

#[test]
fn a_changed_port_is_the_same_account() {
    let folder = Folder::new();
    fetch(&folder, &serve(mailbox()), "--to mail").expect(0);
    let server = serve(mailbox());
    fetch(&folder, &server, "--to mail").expect(0);
    assert_eq!(server.count("RETR"), 0);
}

#[test]
fn two_accounts_share_a_store() {
    let folder = Folder::new();
    let server = serve(mailbox());
    fetch(&folder, &server, "--to mail").expect(0);
    let settings = Settings {
        user: "other".to_owned(),
        ..Settings::default()
    };
    let other = Server::start(Mailbox::generated(5, 9, Sizes::Mixed), settings).unwrap();
    let fetch_other = || {
        let url = format!("pop3://other@127.0.0.1:{}", other.port());
        let program = folder.popfetch().env("POPFETCH_PASSWORD", "secret");
        program
            .args(["fetch", &url, "--tls", "off", "--to", "mail"])
            .run()
            .expect(0)
    };
    fetch_other();
    fetch_other();
    assert_eq!(other.count("RETR"), 5);
    fetch(&folder, &server, "--to mail").expect(0);
    assert_eq!(server.count("RETR"), u64::from(MESSAGES));
    let mut wanted = stored_messages(&mailbox(), 1..=MESSAGES);
    wanted.extend(stored_messages(&other.mailbox(), 1..=5));
    wanted.sort();
    assert_maildir(&folder.join("mail"), &wanted, "both");
}

#[test]
fn a_lost_journal_stops_the_run_until_the_store_is_adopted() {
    let folder = Folder::new();
    let server = serve(mailbox());
    fetch(&folder, &server, "--to mail").expect(0);
    std::fs::remove_file(folder.join("mail/.popfetch-journal")).unwrap();
    let outcome = fetch(&folder, &server, "--to mail").expect(73);
    assert!(outcome.stderr.contains("--adopt"), "{}", outcome.stderr);
    fetch(&folder, &server, "--to mail --adopt").expect(0);
    assert_all_stored(&folder, "mail", "adopted");
    let retrieved = server.count("RETR");
    fetch(&folder, &server, "--to mail").expect(0);
    assert_eq!(server.count("RETR"), retrieved);
    assert_all_stored(&folder, "mail", "afterwards");
}

#[test]
fn a_migrated_server_stops_the_run_and_nothing_is_stored_twice() {
    // Each server of the test has a port of its own; the account is one.
    let folder = Folder::new();
    let config = folder.join("config.toml");
    let fetch = |server: &Server, words: &str| {
        let text = format!(
            "[accounts.moved]\nserver = \"pop3://127.0.0.1:{}\"\nuser = \"demo\"\n\
             tls = \"off\"\naccount-id = \"demo@old.example.org\"\nto = \"{}\"\n",
            server.port(),
            folder.join("mail").display()
        );
        std::fs::write(&config, text).unwrap();
        let program = folder.popfetch().env("POPFETCH_PASSWORD", "secret");
        let program = program.arg("fetch").arg("--config").arg(&config);
        program.words(words).run()
    };
    fetch(&serve(mailbox()), "").expect(0);
    let mut migrated = Mailbox::empty();
    for number in 1..=MESSAGES {
        migrated.add(&format!("new{number}"), &mailbox().message(number).to_vec());
    }
    let server = serve(migrated);
    let outcome = fetch(&server, "");
    assert_ne!(outcome.code(), 0, "{outcome:?}");
    assert!(
        outcome.stderr.contains("--accept-new-uids"),
        "{}",
        outcome.stderr
    );
    // Where nothing is to be retrieved, nothing can be stored twice.
    fetch(&server, "--larger 1G").expect(0);
    assert_eq!(server.count("RETR"), 0);
    fetch(&server, "--accept-new-uids").expect(0);
    assert_all_stored(&folder, "mail", "accepted");
    let retrieved = server.count("RETR");
    fetch(&server, "").expect(0);
    assert_eq!(server.count("RETR"), retrieved);
    assert_all_stored(&folder, "mail", "afterwards");
}

#[test]
fn what_is_left_in_tmp_by_others_stays() {
    let folder = Folder::new();
    let server = serve(mailbox());
    for name in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(folder.join("mail").join(name)).unwrap();
    }
    let foreign = folder.join("mail/tmp/1000000000.M1P1.elsewhere");
    std::fs::write(&foreign, "half").unwrap();
    fetch(&folder, &server, "--to mail").expect(0);
    assert_eq!(std::fs::read(&foreign).unwrap(), b"half");
}

#[test]
fn a_full_disk_deletes_nothing_and_the_next_run_recovers() {
    for kind in ["maildir", "mbox", "eml"] {
        let folder = Folder::new();
        let mut mailbox = Mailbox::generated(4, 3, Sizes::Fixed(2000));
        mailbox.add(
            "large",
            format!("Subject: large\r\n\r\n{}\r\n", "x".repeat(3 << 20)).as_bytes(),
        );
        mailbox.grow(2);
        let server = serve(mailbox);
        let destination = format!("{kind}:mail");
        let words = ["--to", destination.as_str(), "--delete"];
        let small = folder.popfetch_on_a_small_disk(1024);
        let outcome = told(small, "fetch", &server).args(words).run().expect(74);
        assert!(outcome.stderr.contains("mail"), "{}", outcome.stderr);
        assert_eq!(server.count("QUIT"), 0, "{kind}: QUIT after a failed write");
        assert_eq!(
            server.mailbox().present().len(),
            7,
            "{kind}: something was deleted"
        );
        popfetch(&folder, "fetch", &server)
            .args(words)
            .run()
            .expect(0);
        assert_eq!(server.mailbox().present().len(), 0);
        let wanted = stored_messages(&server.mailbox(), 1..=7);
        assert_stored(kind, &folder.join("mail"), &wanted, "a full disk");
    }
}

#[test]
fn a_folder_that_vanishes_is_an_error_and_deletes_nothing() {
    let folder = Folder::new();
    let server = serve(mailbox());
    server.hold(Hold::At(Step {
        when: When::Before,
        verb: "RETR",
        number: 3,
    }));
    let run = popfetch(&folder, "fetch", &server)
        .words("--to mail --delete")
        .start();
    assert!(server.wait_until_held(PATIENCE).is_some());
    std::fs::rename(folder.join("mail/new"), folder.join("gone")).unwrap();
    server.release();
    let outcome = run.wait().expect(74);
    assert!(outcome.stderr.contains("mail"), "{}", outcome.stderr);
    assert_eq!(server.count("DELE"), 0);
    assert_eq!(server.count("QUIT"), 0);
    std::fs::rename(folder.join("gone"), folder.join("mail/new")).unwrap();
    fetch(&folder, &server, "--to mail").expect(0);
    assert_all_stored(&folder, "mail", "afterwards");
}

#[test]
fn a_folder_without_the_right_to_write_deletes_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let server = serve(mailbox());
    fetch(&folder, &server, "--to mail --limit 2").expect(0);
    let new = folder.join("mail/new");
    let set_mode = |mode| {
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let fetch = || {
        let program = told(folder.popfetch_as_nobody(), "fetch", &server);
        program.words("--to mail --delete").run()
    };
    set_mode(0o500);
    let outcome = fetch().expect(74);
    assert!(
        outcome.stderr.contains("moving into new/"),
        "{}",
        outcome.stderr
    );
    assert_eq!(server.count("DELE"), 0);
    assert_eq!(server.count("QUIT"), 1, "that of the first run");
    set_mode(0o700);
    fetch().expect(0);
    assert_all_stored(&folder, "mail", "afterwards");
}

/// The store is of no use to others.
#[test]
fn what_is_made_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let server = serve(Mailbox::generated(3, 1, Sizes::Mixed));
    for destination in ["maildir:mail", "mbox:inbox", "eml:letters"] {
        fetch(&folder, &server, &format!("--to {destination}")).expect(0);
    }
    let mut seen = 0;
    let mut look = |path: &Path| {
        let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, wanted, "{}: {mode:o}", path.display());
        seen += 1;
    };
    for name in [
        "mail", "mail/new", "mail/cur", "mail/tmp", "letters", "inbox",
    ] {
        look(&folder.join(name));
    }
    for name in ["mail/new", "mail", "letters"] {
        for entry in std::fs::read_dir(folder.join(name)).unwrap() {
            look(&entry.unwrap().path());
        }
    }
    assert!(seen > 12);
}
