//! `popfetch fetch` from beginning to end, against the embedded server.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use pop3d::{Cut, Hold, Mailbox, Sizes, Step, When};

use crate::support::embedded::{
    PATIENCE, assert_maildir, assert_mbox, popfetch, serve, stored_messages,
};
use crate::support::program::Folder;

#[test]
fn a_second_fetch_brings_nothing_and_a_third_just_what_is_new() {
    for kind in ["maildir", "mbox"] {
        let folder = Folder::new();
        let server = serve(Mailbox::generated(300, 1, Sizes::Mixed));
        let path = folder.join("mail");
        let fetch = || {
            let destination = format!("{kind}:{}", path.display());
            popfetch(&folder, "fetch", &server)
                .args(["--to", &destination])
                .run()
                .expect(0)
        };
        let assert_stored = |last, context: &str| {
            let wanted = stored_messages(&server.mailbox(), 1..=last);
            match kind {
                "maildir" => assert_maildir(&path, &wanted, context),
                _ => assert_mbox(&path, &wanted, context),
            }
        };
        fetch();
        assert_stored(300, "first");
        let retrieved = server.count("RETR");
        assert_eq!(retrieved, 300);
        fetch();
        assert_stored(300, "second");
        assert_eq!(
            server.count("RETR"),
            retrieved,
            "the second fetch retrieved something"
        );
        server.change(|mailbox| mailbox.grow(7));
        fetch();
        assert_stored(307, "third");
        assert_eq!(server.count("RETR"), retrieved + 7);
        assert_eq!(server.count("DELE"), 0, "kept mail was deleted");
        assert_eq!(server.mailbox().present().len(), 307);
    }
}

#[test]
fn the_octets_of_a_large_maildrop_are_asked_for_only_where_they_matter() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(20_000, 3, Sizes::Fixed(500)));
    let mail = folder.join("mail");
    let check = |arguments: &str, expected: &[&str]| {
        let before = server.commands().len();
        popfetch(&folder, "fetch", &server)
            .args(arguments.split_whitespace())
            .arg("--to")
            .arg(&mail)
            .run()
            .expect(0);
        let mut asked = server.commands().split_off(before);
        asked.retain(|command| matches!(command.as_str(), "STAT" | "UIDL" | "LIST"));
        assert_eq!(asked, expected, "{arguments}");
    };
    check("--mark-stored", &["STAT", "UIDL", "LIST"]);
    check("", &["STAT", "UIDL"]);
    check("--pipeline off", &["STAT", "UIDL"]);
    check("--smaller 10", &["STAT", "UIDL", "LIST"]);
    server.change(|mailbox| mailbox.grow(2));
    check("--max-message 10", &["STAT", "UIDL", "LIST"]);
    check("--limit 1", &["STAT", "UIDL", "LIST"]);
    check("--pipeline off", &["STAT", "UIDL", "LIST"]);
    let new = stored_messages(&server.mailbox(), 20_001..=20_002);
    assert_maildir(&mail, &new, "what is new");
    // These alone have receipts of real messages, with the octets that LIST told.
    check("--delete", &["STAT", "UIDL", "LIST"]);
    assert_eq!(server.mailbox().present().len(), 20_000);
    assert_eq!(server.count("RETR"), 2);
}

#[test]
fn delete_takes_from_the_server_what_is_stored() {
    for kind in ["maildir", "mbox", "eml"] {
        let folder = Folder::new();
        let server = serve(Mailbox::generated(40, 2, Sizes::Mixed));
        let destination = format!("{kind}:{}", folder.join("mail").display());
        let fetch = || popfetch(&folder, "fetch", &server).args(["--to", &destination]);
        // What an earlier run stored and kept is deleted too, and not fetched again for it.
        fetch().args(["--limit", "10"]).run().expect(0);
        assert_eq!(server.mailbox().present().len(), 40);
        fetch().arg("--delete").run().expect(0);
        assert_eq!(server.mailbox().present(), [0u32; 0], "{kind}");
        assert_eq!(server.count("RETR"), 40);
        assert_eq!(server.count("DELE"), 40);
        let wanted = stored_messages(&server.mailbox(), 1..=40);
        match kind {
            "maildir" => assert_maildir(&folder.join("mail"), &wanted, kind),
            "mbox" => assert_mbox(&folder.join("mail"), &wanted, kind),
            _ => {
                let entries = std::fs::read_dir(folder.join("mail")).unwrap();
                let names = entries.map(|entry| entry.unwrap().file_name());
                let eml = names.filter(|name| name.to_string_lossy().ends_with(".eml"));
                assert_eq!(eml.count(), 40);
            }
        }
    }
}

#[test]
fn a_second_run_at_the_same_store_stops_at_once_and_names_the_first() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(20, 3, Sizes::Mixed));
    let destination = format!("maildir:{}", folder.join("mail").display());
    let fetch = || popfetch(&folder, "fetch", &server).args(["--to", &destination]);
    server.hold(Hold::At(Step {
        when: When::Before,
        verb: "RETR",
        number: 5,
    }));
    let first = fetch().start();
    assert!(
        server.wait_until_held(PATIENCE).is_some(),
        "{:?}",
        first.wait()
    );
    // Nobody is asked for a password, and no server hears of it.
    let unheard = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    unheard.set_nonblocking(true).unwrap();
    let url = format!("pop3://demo@{}", unheard.local_addr().unwrap());
    let second = folder
        .popfetch()
        .args(["fetch", &url, "--tls", "off", "--to", &destination])
        .args(["--password-command", "touch asked; echo secret"])
        .args(["--timeout", "5s"])
        .run()
        .expect(75);
    let heard = unheard.accept().map_err(|error| error.kind());
    assert_eq!(heard.unwrap_err(), ErrorKind::WouldBlock);
    assert!(!folder.join("asked").exists());
    let holder = first.pid().to_string();
    assert!(
        second.stderr.contains(&holder),
        "no pid {holder} in: {}",
        second.stderr
    );
    server.release();
    first.wait().expect(0);
    let wanted = stored_messages(&server.mailbox(), 1..=20);
    assert_maildir(&folder.join("mail"), &wanted, "after both");
}

#[test]
fn selections_choose_among_what_is_new() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(30, 4, Sizes::Fixed(1000)));
    let destination = format!("maildir:{}", folder.join("mail").display());
    let fetch = |words: &str| {
        let fetch = popfetch(&folder, "fetch", &server).args(["--to", &destination]);
        fetch.words(words).run().expect(0);
    };
    let assert_stored = |places: &[u32]| {
        let wanted = stored_messages(&server.mailbox(), places.iter().copied());
        assert_maildir(&folder.join("mail"), &wanted, &format!("{places:?}"));
    };
    fetch("--number 2-3 --number 5 --dry-run");
    assert_stored(&[]);
    fetch("--number 2-3 --number 5");
    assert_stored(&[2, 3, 5]);
    fetch("--newest-first --limit 2");
    assert_stored(&[2, 3, 5, 29, 30]);
    fetch(&format!("--uid {}", server.mailbox().unique_id(9)));
    assert_stored(&[2, 3, 5, 9, 29, 30]);
    fetch("--larger 1001");
    assert_stored(&[2, 3, 5, 9, 29, 30]);
}

#[test]
fn bounds_of_a_run_hold_over_all_its_sessions() {
    let server = serve(Mailbox::generated(12, 5, Sizes::Fixed(1000)));
    for (words, stored) in [
        ("--batch 2 --limit 5", 5),
        ("--batch 2 --max-bytes 3500", 3),
        ("--batch 5 --all", 12),
        ("--batch 5", 12),
        // No run could ever take these: they are left, and nothing waits for them.
        ("--max-bytes 900", 0),
        ("--max-message 999", 0),
    ] {
        let folder = Folder::new();
        let fetch = popfetch(&folder, "fetch", &server).args(["--to", "mail"]);
        fetch.words(words).run().expect(0);
        let wanted = stored_messages(&server.mailbox(), 1..=stored);
        assert_maildir(&folder.join("mail"), &wanted, words);
    }
}

#[test]
fn all_stores_once_more_and_a_dropped_line_does_not_double_that() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(10, 6, Sizes::Fixed(1000)));
    server.cut(Cut {
        session: 0,
        octets: 6000,
    });
    let fetch = || popfetch(&folder, "fetch", &server).words("--to mail --all");
    fetch().run().expect(0);
    let once: Vec<u32> = (1..=10).collect();
    let wanted = stored_messages(&server.mailbox(), once.iter().copied());
    assert_maildir(&folder.join("mail"), &wanted, "once");
    fetch().run().expect(0);
    let wanted = stored_messages(&server.mailbox(), [once.clone(), once].concat());
    assert_maildir(&folder.join("mail"), &wanted, "twice");
}

#[test]
fn repeated_values_are_alternatives() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(10, 7, Sizes::Fixed(1000)));
    let list = |words: &str| {
        let list = popfetch(&folder, "list", &server).words(words);
        let outcome = list.run().expect(0);
        outcome.stdout().lines().skip(1).count()
    };
    for (words, rows) in [
        ("--number 2 --number 4-5 --number 4", 3),
        ("--larger 999 --larger 1000", 10),
        ("--smaller 1000 --smaller 1001", 10),
        ("--larger 999 --smaller 1000", 0),
        ("--since 2999-01-01 --since 2000-01-01", 10),
        ("--before 2000-01-01 --before 2999-01-01", 10),
        ("--subject no-such --subject message", 10),
        ("--subject no-such --from example.org", 0),
        ("--all --limit 3 --newest-first", 3),
    ] {
        assert_eq!(list(words), rows, "{words}");
    }
}

#[test]
fn a_dry_run_tells_what_would_be_done_and_why() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(4, 8, Sizes::Fixed(1000)));
    let run = |command: &str, words: &str| {
        let run = popfetch(&folder, command, &server).words("--json --to mail");
        let outcome = run.words(words).run().expect(0);
        let told: Vec<String> = outcome
            .stdout()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|line: &serde_json::Value| line["action"].is_string())
            .map(|line| {
                let word = |key: &str| line[key].as_str().unwrap().to_owned();
                [word("action"), word("reason"), word("on_server")].join(" ")
            })
            .collect();
        told
    };
    run("fetch", "--number 1");
    run("fetch", "--mark-stored --number 2");
    let new = "retrieve new kept";
    assert_eq!(
        run("fetch", "--dry-run --limit 1"),
        [
            "leave known kept",
            "leave known-marked kept",
            new,
            "leave limit-reached kept"
        ]
    );
    assert_eq!(
        run("fetch", "--dry-run --delete"),
        [
            "delete due deleted",
            "leave known-marked kept",
            "retrieve new deleted",
            "retrieve new deleted"
        ]
    );
    assert_eq!(
        run("fetch", "--dry-run --delete-after 1d"),
        ["leave not-due kept", "leave known-marked kept", new, new]
    );
    assert_eq!(
        run("delete", "--dry-run --number 1 --number 3"),
        ["delete stored deleted", "delete not-stored deleted"]
    );
    assert_eq!((server.count("RETR"), server.count("DELE")), (1, 0));
}

#[test]
fn a_day_begins_where_clocks_say_it_does() {
    let folder = Folder::new();
    let mut mailbox = Mailbox::empty();
    for (unique_id, date) in [
        ("evening", "Thu, 25 Apr 2024 23:30:00 +0200"),
        ("morning", "Fri, 26 Apr 2024 01:30:00 +0300"),
        ("undated", "some day"),
    ] {
        let message = format!("Date: {date}\r\nFrom: a@example.org\r\n\r\nx\r\n");
        mailbox.add(unique_id, message.as_bytes());
    }
    let server = serve(mailbox);
    let list = |zone: &str, words: &str| {
        let list = popfetch(&folder, "list", &server).env("TZ", zone);
        let outcome = list.words(words).run().expect(0);
        let rows = outcome.stdout();
        let ids = rows
            .lines()
            .skip(1)
            .filter_map(|row| row.split_whitespace().last());
        ids.map(str::to_owned).collect::<Vec<_>>()
    };
    // Here midnight of that Friday is left out: clocks go from 24:00 to 1:00.
    let leaping = "TST-2TDT,M4.5.5/0,M10.5.4/24";
    assert_eq!(list(leaping, "--since 2024-04-26"), ["morning"]);
    assert_eq!(list(leaping, "--since 2024-04-26T00:30"), ["morning"]);
    assert_eq!(list(leaping, "--before 2024-04-26"), ["evening"]);
    assert_eq!(list("UTC", "--since 2024-04-26"), [""; 0]);
    let both = list("UTC", "--since 2024-04-25T21:30 --before 2024-04-25T22:31");
    assert_eq!(both, ["evening", "morning"]);
}
