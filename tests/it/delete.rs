//! `popfetch delete` and `popfetch verify`.

use pop3d::{Mailbox, Server, Sizes};

use crate::support::embedded::{popfetch, serve};
use crate::support::program::{Folder, Outcome};

fn run(folder: &Folder, command: &str, server: &Server, words: &str) -> Outcome {
    popfetch(folder, command, server).words(words).run()
}

fn server() -> Server {
    serve(Mailbox::generated(6, 1, Sizes::Fixed(800)))
}

#[test]
fn a_condition_is_needed() {
    let folder = Folder::new();
    let server = server();
    for words in ["", "--to mail", "--limit 2", "--newest-first --yes"] {
        run(&folder, "delete", &server, words).expect(64);
    }
    assert_eq!(server.count("DELE"), 0);
}

#[test]
fn what_is_not_stored_is_deleted_only_by_a_clear_yes() {
    let folder = Folder::new();
    let server = server();
    run(&folder, "delete", &server, "--number 2").expect(64);
    run(&folder, "delete", &server, "--number 2 --dry-run").expect(0);
    assert_eq!(server.mailbox().present().len(), 6);
    run(&folder, "delete", &server, "--number 2 --yes").expect(0);
    assert_eq!(server.mailbox().present(), [1, 3, 4, 5, 6]);
    run(&folder, "delete", &server, "--all").expect(64);
    run(&folder, "delete", &server, "--all --yes").expect(0);
    assert_eq!(server.mailbox().present(), [0u32; 0]);
    assert_eq!(server.count("RETR"), 0);
}

#[test]
fn what_is_stored_is_deleted_and_never_fetched_again() {
    let folder = Folder::new();
    let server = server();
    run(&folder, "fetch", &server, "--to mail --number 1-3").expect(0);
    run(&folder, "delete", &server, "--to mail --stored --yes").expect(0);
    assert_eq!(server.mailbox().present(), [4, 5, 6]);
    run(&folder, "fetch", &server, "--to mail").expect(0);
    assert_eq!(server.count("RETR"), 6);
}

#[test]
fn a_stored_file_that_changed_is_not_trusted() {
    let folder = Folder::new();
    let server = server();
    run(&folder, "fetch", &server, "--to mail").expect(0);
    run(&folder, "verify", &server, "").expect(64);
    let verify = || folder.popfetch().words("verify mail").run();
    verify().expect(0);
    let mut names: Vec<_> = std::fs::read_dir(folder.join("mail/new"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    std::fs::write(&names[0], "something else").unwrap();
    std::fs::remove_file(&names[1]).unwrap();
    let outcome = verify();
    assert_ne!(outcome.code(), 0, "{}", outcome.stdout());
    let outcome = run(
        &folder,
        "delete",
        &server,
        "--to mail --stored --verify --yes",
    );
    assert_eq!(server.mailbox().present().len(), 2, "{outcome:?}");
    assert_eq!(outcome.code(), 1, "{outcome:?}");
}

#[test]
fn a_file_that_a_mail_reader_moved_is_still_the_message() {
    let folder = Folder::new();
    let server = server();
    run(&folder, "fetch", &server, "--to mail").expect(0);
    for entry in std::fs::read_dir(folder.join("mail/new")).unwrap() {
        let entry = entry.unwrap();
        let seen = format!("{}:2,S", entry.file_name().to_string_lossy());
        std::fs::rename(entry.path(), folder.join("mail/cur").join(seen)).unwrap();
    }
    folder.popfetch().words("verify mail").run().expect(0);
    run(
        &folder,
        "delete",
        &server,
        "--to mail --stored --verify --yes",
    )
    .expect(0);
    assert_eq!(server.mailbox().present().len(), 0);
}

#[test]
fn old_mail_is_deleted_by_the_age_of_its_storing() {
    let folder = Folder::new();
    let server = server();
    run(&folder, "fetch", &server, "--to mail --delete-after 1d").expect(0);
    assert_eq!(server.mailbox().present().len(), 6);
    run(&folder, "fetch", &server, "--to mail --delete-after 0s").expect(0);
    assert_eq!(server.mailbox().present().len(), 0);
    assert_eq!(server.count("RETR"), 6);
}

#[test]
fn an_mbox_that_was_adopted_is_verified_once() {
    let folder = Folder::new();
    let server = server();
    let fetch = |words: &str| {
        let fetch = popfetch(&folder, "fetch", &server).args(["--to", "mbox:box"]);
        fetch.words(words).run().expect(0);
    };
    let verify = |code: i32| {
        let outcome = folder
            .popfetch()
            .words("verify mbox:box")
            .run()
            .expect(code);
        outcome.stdout()
    };
    fetch("");
    std::fs::remove_file(folder.join(".box.popfetch-journal")).unwrap();
    fetch("--adopt");
    assert!(
        verify(0).ends_with("6 intact, 0 changed, 0 missing, 0 extra\n"),
        "{}",
        verify(0)
    );
    let mut octets = std::fs::read(folder.join("box")).unwrap();
    let end = octets.len() - 10;
    octets[end] ^= 1;
    std::fs::write(folder.join("box"), octets).unwrap();
    assert!(
        verify(1).ends_with("5 intact, 1 changed, 0 missing, 0 extra\n"),
        "{}",
        verify(1)
    );
}

#[test]
fn a_lost_journal_is_told_by_all_who_look_for_it() {
    for destination in ["maildir:mail", "mbox:mail", "eml:mail"] {
        let folder = Folder::new();
        let server = server();
        let with = |words: &str| format!("{words} --to {destination}");
        run(&folder, "fetch", &server, &with("")).expect(0);
        for journal in ["mail/.popfetch-journal", ".mail.popfetch-journal"] {
            // One of them is there.
            drop(std::fs::remove_file(folder.join(journal)));
        }
        for (command, words) in [
            ("fetch", ""),
            ("fetch", "--dry-run"),
            ("fetch", "--mark-stored"),
            ("list", "--new"),
            ("stat", ""),
            ("delete", "--stored --yes"),
        ] {
            let outcome = run(&folder, command, &server, &with(words)).expect(73);
            assert!(outcome.stderr.contains("--adopt"), "{}", outcome.stderr);
        }
        let verify = folder.popfetch().words("verify").arg(destination);
        verify.run().expect(73);
        run(&folder, "fetch", &server, &with("--adopt")).expect(0);
        let outcome = run(&folder, "stat", &server, &with("--json")).expect(0);
        assert!(
            outcome.stdout().contains("\"new\":0"),
            "{}",
            outcome.stdout()
        );
    }
}

#[test]
fn a_unique_id_that_no_message_has_is_told() {
    let folder = Folder::new();
    let server = server();
    for (command, words) in [
        ("list", ""),
        ("fetch", "--to mail"),
        ("fetch", "--to mail --dry-run"),
        ("fetch", "--to mail --mark-stored"),
        ("delete", "--yes"),
    ] {
        let outcome = run(&folder, command, &server, &format!("--uid nope {words}")).expect(0);
        let told = outcome.stderr.contains("no message has unique-id nope");
        assert!(told, "{command} {words}: {}", outcome.stderr);
        run(&folder, command, &server, &format!("--uid= {words}")).expect(64);
    }
    assert_eq!(server.mailbox().present().len(), 6);
    assert_eq!(server.count("RETR"), 0);
}
