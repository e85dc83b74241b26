//! `popfetch config`: several accounts in one file, `check`, and `import` from other programs.

use std::fmt::Write as _;

use pop3d::{Mailbox, Server, Sizes};

use crate::support::embedded::serve;
use crate::support::program::{Folder, Program};

/// A configuration with these accounts, one at each server.
fn configure(folder: &Folder, accounts: &[(&str, &Server, &str)]) {
    let mut config = String::from("[defaults]\nto = \"maildir:{account}\"\n");
    for (name, server, more) in accounts {
        let port = server.port();
        write!(
            config,
            "[accounts.{name}]\nserver = \"pop3://demo@127.0.0.1:{port}\"\ntls = \"off\"\nauth = \
             \"user\"\n{more}\n"
        )
        .unwrap();
    }
    std::fs::write(folder.join("config.toml"), config).unwrap();
}

fn program(folder: &Folder, words: &str) -> Program {
    folder.popfetch().words("--config config.toml").words(words)
}

const GOOD: &str = "password-command = \"echo secret\"";
const BAD: &str = "password-command = \"echo wrong\"";

#[test]
fn one_account_that_fails_does_not_touch_the_others() {
    let folder = Folder::new();
    let [one, two, three] =
        [3, 4, 5].map(|count| serve(Mailbox::generated(count, 1, Sizes::Mixed)));
    configure(
        &folder,
        &[
            ("one", &one, GOOD),
            ("two", &two, BAD),
            ("three", &three, GOOD),
        ],
    );
    let outcome = program(&folder, "fetch").run().expect(1);
    assert!(outcome.stderr.contains("two: "), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("one: "), "{}", outcome.stderr);
    let stored = |name: &str| {
        std::fs::read_dir(folder.join(name).join("new"))
            .unwrap()
            .count()
    };
    assert_eq!((stored("one"), stored("three")), (3, 5));
    let outcome = program(&folder, "fetch two").run().expect(77);
    assert!(outcome.stdout().is_empty());
}

#[test]
fn an_account_without_destination_does_not_touch_the_others() {
    let folder = Folder::new();
    let [one, two] = [3, 4].map(|count| serve(Mailbox::generated(count, 1, Sizes::Mixed)));
    let good = format!("{GOOD}\nto = \"one\"");
    configure(&folder, &[("one", &one, &good), ("two", &two, GOOD)]);
    let config = std::fs::read_to_string(folder.join("config.toml")).unwrap();
    let config = config.replace("to = \"maildir:{account}\"", "");
    std::fs::write(folder.join("config.toml"), config).unwrap();
    let outcome = program(&folder, "fetch").run().expect(1);
    assert!(outcome.stderr.contains("two"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("--to"), "{}", outcome.stderr);
    let stored = std::fs::read_dir(folder.join("one/new")).unwrap();
    assert_eq!(stored.count(), 3);
    program(&folder, "fetch two").run().expect(64);
    let outcome = program(&folder, "list --new").run().expect(1);
    assert!(outcome.stderr.contains("two"), "{}", outcome.stderr);
    // As soon as it is named for all, it is there for all.
    program(&folder, "list --new --to elsewhere")
        .run()
        .expect(0);
}

#[test]
fn there_is_a_line_an_account_at_the_end() {
    let folder = Folder::new();
    let [one, two] = [3, 4].map(|count| serve(Mailbox::generated(count, 1, Sizes::Fixed(1024))));
    configure(&folder, &[("one", &one, GOOD), ("two", &two, BAD)]);
    let config = std::fs::read_to_string(folder.join("config.toml")).unwrap();
    std::fs::write(
        folder.join("config.toml"),
        format!("{config}[accounts.three]\nuser = \"x\"\n"),
    )
    .unwrap();
    let outcome = program(&folder, "fetch -v").run().expect(1);
    let lines: Vec<_> = outcome.stderr.lines().collect();
    let [.., first, second, third] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert!(first.starts_with("one: 3 stored ("), "{first}");
    assert!(second.starts_with("two: failed in "), "{second}");
    assert!(third.starts_with("three: failed in "), "{third}");
    // Programs get the same, one summary an account.
    let outcome = program(&folder, "fetch --json").run().expect(1);
    let summaries = outcome.stdout().matches("\"type\":\"summary\"").count();
    assert_eq!(summaries, 3, "{}", outcome.stdout());
}

#[test]
fn accounts_with_one_destination_take_turns() {
    let folder = Folder::new();
    // Another seed: the same user at another port would be the same account.
    let [one, two] = [(30, 1), (40, 2)]
        .map(|(count, seed)| serve(Mailbox::generated(count, seed, Sizes::Mixed)));
    let to = format!("{GOOD}\nto = \"all\"");
    configure(&folder, &[("one", &one, &to), ("two", &two, &to)]);
    program(&folder, "fetch").run().expect(0);
    assert_eq!(
        std::fs::read_dir(folder.join("all/new")).unwrap().count(),
        70
    );
    let outcome = program(&folder, "stat").run().expect(0);
    let rows: Vec<_> = outcome.stdout().lines().map(str::to_owned).collect();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(
        rows[1].starts_with("one ") && rows[1].ends_with(" 0"),
        "{rows:?}"
    );
    assert!(
        rows[2].starts_with("two ") && rows[2].ends_with(" 0"),
        "{rows:?}"
    );
}

#[test]
fn accounts_with_one_journal_take_turns() {
    let folder = Folder::new();
    let servers = [(30, 1), (40, 2), (50, 3)]
        .map(|(count, seed)| serve(Mailbox::generated(count, seed, Sizes::Mixed)));
    let [one, two, three] = &servers;
    configure(
        &folder,
        &[
            ("one", one, GOOD),
            ("two", two, GOOD),
            ("three", three, GOOD),
        ],
    );
    let config = std::fs::read_to_string(folder.join("config.toml")).unwrap();
    let config = config.replace("[defaults]", "[defaults]\njournal = \"journal\"");
    std::fs::write(folder.join("config.toml"), config).unwrap();
    for _ in 0..2 {
        program(&folder, "fetch").run().expect(0);
        for (name, count) in [("one", 30), ("two", 40), ("three", 50)] {
            let stored = std::fs::read_dir(folder.join(name).join("new")).unwrap();
            assert_eq!(stored.count(), count, "{name}");
        }
    }
}

#[test]
fn check_explains_and_connects() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(2, 1, Sizes::Mixed));
    configure(&folder, &[("work", &server, GOOD)]);
    let outcome = program(&folder, "config check").run().expect(0);
    assert!(
        outcome.stdout().contains("[accounts.work], line 4"),
        "{}",
        outcome.stdout()
    );
    assert!(!outcome.stdout().contains("echo"), "{}", outcome.stdout());
    assert_eq!(server.logins(), 0);
    let outcome = program(&folder, "config check --connect").run().expect(0);
    assert!(
        outcome.stdout().contains("it works; 2 messages"),
        "{}",
        outcome.stdout()
    );
    // With several accounts each result stands below its own account.
    configure(&folder, &[("work", &server, GOOD), ("home", &server, GOOD)]);
    let outcome = program(&folder, "config check --connect").run().expect(0);
    let told = outcome.stdout();
    let (work, home) = told.split_once("home\n").unwrap();
    assert!(
        work.contains("it works") && home.contains("it works"),
        "{told}"
    );
    configure(&folder, &[("work", &server, "keep = false")]);
    program(&folder, "config check").run().expect(78);
}

#[test]
fn check_explains_what_holds_for_all_accounts() {
    let folder = Folder::new();
    let server = serve(Mailbox::empty());
    configure(&folder, &[("work", &server, GOOD)]);
    let config = std::fs::read_to_string(folder.join("config.toml")).unwrap();
    let config = config.replace("[defaults]", "[defaults]\njobs = 2\nverbose = true");
    std::fs::write(folder.join("config.toml"), config).unwrap();
    let outcome = program(&folder, "config check --color never")
        .run()
        .expect(0);
    let told = outcome.stdout();
    for row in [
        "configuration config.toml --config",
        "jobs 2 [defaults], line 2",
        "verbose 1 [defaults], line 3",
        "color never --color",
        "progress auto default",
    ] {
        let mut rows = told.lines().map(|row| {
            let words: Vec<_> = row.split_whitespace().collect();
            words.join(" ")
        });
        assert!(rows.any(|told| told == row), "{row}: {told}");
    }
}

#[test]
fn paths_are_expanded_for_a_url_too() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(2, 1, Sizes::Mixed));
    let path = folder.join("home/demo@127.0.0.1.pw");
    std::fs::write(&path, "secret\n").unwrap();
    let mine = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, mine).unwrap();
    let url = format!("fetch pop3://demo@127.0.0.1:{} --tls off", server.port());
    let fetch = folder.popfetch().words(&url);
    fetch
        .words("--to ~/{account} --journal ~/{account}.journal --password-file ~/{account}.pw")
        .run()
        .expect(0);
    let stored = std::fs::read_dir(folder.join("home/demo@127.0.0.1/new")).unwrap();
    assert_eq!(stored.count(), 2);
    assert!(folder.join("home/demo@127.0.0.1.journal").exists());
}

#[test]
fn what_another_program_fetched_is_not_fetched_again() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(3, 1, Sizes::Mixed));
    let (port, mailbox) = (server.port(), server.mailbox());
    let rc = format!(
        "account work\nhost localhost\nport {port}\nuser demo\ntls off\nauth user\nkeep on\n\
         delivery maildir ~/mail\nuidls_file ~/seen\npassword secret\n"
    );
    let seen = format!(
        " 2 localhost demo\n{}\n{}\n",
        mailbox.unique_id(1),
        mailbox.unique_id(2)
    );
    std::fs::write(folder.join("mpoprc"), rc).unwrap();
    std::fs::write(folder.join("home/seen"), seen).unwrap();
    let outcome = folder
        .popfetch()
        .words("config import mpop mpoprc")
        .run()
        .expect(0);
    assert!(
        !outcome.stdout().contains("secret\""),
        "{}",
        outcome.stdout()
    );
    std::fs::write(folder.join("config.toml"), outcome.stdout()).unwrap();
    program(&folder, "fetch")
        .env("POPFETCH_PASSWORD", "secret")
        .run()
        .expect(0);
    assert_eq!(server.count("RETR"), 1);
    assert_eq!(
        std::fs::read_dir(folder.join("home/mail/new"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn everything_present_is_recorded_as_stored_without_being_fetched() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(3, 1, Sizes::Mixed));
    configure(&folder, &[("work", &server, GOOD)]);
    let new = || {
        let outcome = program(&folder, "list --new --json").run().expect(0);
        outcome.stdout().matches("\"status\":\"listed\"").count()
    };
    program(&folder, "fetch --mark-stored --limit 1 --newest-first")
        .run()
        .expect(0);
    assert_eq!(new(), 2);
    program(&folder, "fetch --mark-stored").run().expect(0);
    assert_eq!((new(), server.count("RETR")), (0, 0));
    server.change(|mailbox| mailbox.grow(1));
    program(&folder, "fetch --delete").run().expect(0);
    assert_eq!(server.count("RETR"), 1);
    assert_eq!(
        server.mailbox().present(),
        [1, 2, 3],
        "what was only marked was deleted"
    );
}

#[test]
fn a_bound_of_nothing_is_refused() {
    let folder = Folder::new();
    let server = serve(Mailbox::empty());
    for key in ["max-message", "max-bytes"] {
        configure(&folder, &[("one", &server, &format!("{GOOD}\n{key} = 0"))]);
        let outcome = program(&folder, "fetch").run();
        let told = outcome.stderr.contains("leave it out for no bound");
        assert!(told, "{}", outcome.stderr);
        outcome.expect(78);
        configure(&folder, &[("one", &server, GOOD)]);
        let fetch = program(&folder, &format!("fetch --{key} 0"));
        fetch.run().expect(64);
    }
}

#[test]
fn a_file_that_is_no_configuration_is_refused() {
    let folder = Folder::new();
    for (content, message) in [
        (
            b"# no configuration\n".repeat(1 << 18),
            "config.toml is larger than 4 MiB",
        ),
        (
            b"# one\n# \xff\n".to_vec(),
            "config.toml:2: this is not UTF-8",
        ),
    ] {
        std::fs::write(folder.join("config.toml"), content).unwrap();
        let outcome = program(&folder, "config check").run();
        assert!(outcome.stderr.contains(message), "{}", outcome.stderr);
        outcome.expect(78);
    }
}

#[test]
fn a_broken_configuration_of_ours_does_not_hinder_an_import() {
    let folder = Folder::new();
    std::fs::write(folder.join("config.toml"), "no = [").unwrap();
    std::fs::write(
        folder.join("mpoprc"),
        "account a\nhost h.example\nuser me\ndelivery mbox box\nskipsize 0\n",
    )
    .unwrap();
    let outcome = program(&folder, "config import mpop mpoprc")
        .run()
        .expect(0);
    let printed = outcome.stdout();
    assert!(printed.contains("[accounts.a]"), "{printed}");
    assert!(!printed.contains("max-message"), "{printed}");
}
