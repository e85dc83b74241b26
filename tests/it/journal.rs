//! The journal as a person meets it: damaged, elsewhere, held by another run.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::time::{Duration, SystemTime};

use pop3d::{Hold, Mailbox, Server, Sizes, Step, When};

use crate::support::embedded::{
    PATIENCE, assert_maildir, assert_stored, popfetch, serve, stored_messages, told,
};
use crate::support::program::{Folder, Outcome};

const MESSAGES: u32 = 8;

fn server() -> Server {
    serve(Mailbox::generated(MESSAGES, 4, Sizes::Fixed(900)))
}

fn fetch(folder: &Folder, server: &Server, words: &str) -> Outcome {
    popfetch(folder, "fetch", server).words(words).run()
}

#[test]
fn a_damaged_journal_stops_the_run_and_the_way_out_of_it_stores_nothing_twice() {
    for kind in ["maildir", "mbox", "eml"] {
        let folder = Folder::new();
        let server = server();
        let to = format!("--to {kind}:mail --delete");
        fetch(&folder, &server, &format!("--to {kind}:mail")).expect(0);
        let journal = folder.join(match kind {
            "mbox" => ".mail.popfetch-journal",
            _ => "mail/.popfetch-journal",
        });
        let whole = std::fs::read(&journal).unwrap();
        let intent = whole.windows(7).position(|octets| octets == b"intent ");
        let place = intent.unwrap() + 20;
        let line = whole[..place].split(|&octet| octet == b'\n').count();
        let file = OpenOptions::new().write(true).open(&journal).unwrap();
        file.write_all_at(b"?", place as u64).unwrap();
        let outcome = fetch(&folder, &server, &to).expect(74);
        let name = journal.file_name().unwrap().to_str().unwrap();
        for said in [&format!("{name}, line {line}: "), "--adopt"] {
            assert!(outcome.stderr.contains(said), "{kind}: {}", outcome.stderr);
        }
        assert_eq!(server.count("RETR"), u64::from(MESSAGES), "{kind}");
        assert_eq!(server.count("DELE"), 0, "{kind}");
        std::fs::rename(&journal, folder.join("damaged")).unwrap();
        fetch(&folder, &server, &format!("{to} --adopt")).expect(0);
        let wanted = stored_messages(&server.mailbox(), 1..=MESSAGES);
        assert_stored(kind, &folder.join("mail"), &wanted, "adopted");
        assert_eq!(server.mailbox().present(), Vec::<u32>::new(), "{kind}");
    }
}

#[test]
fn a_tail_that_makes_no_sense_is_cut() {
    let folder = Folder::new();
    let server = server();
    fetch(&folder, &server, "--to mail").expect(0);
    let journal = folder.join("mail/.popfetch-journal");
    let mut file = OpenOptions::new().append(true).open(&journal).unwrap();
    file.write_all(b"intent 1 half a li\0\0\0").unwrap();
    server.change(|mailbox| mailbox.grow(1));
    fetch(&folder, &server, "--to mail").expect(0);
    assert!(!std::fs::read(&journal).unwrap().contains(&0));
    fetch(&folder, &server, "--to mail").expect(0);
    assert_eq!(server.count("RETR"), u64::from(MESSAGES) + 1);
    let wanted = stored_messages(&server.mailbox(), 1..=MESSAGES + 1);
    assert_maildir(&folder.join("mail"), &wanted, "cut");
}

/// What a killed run has left to be completed is stored whether or not there is a server.
#[test]
fn what_a_replay_completes_is_told_though_nobody_can_log_in() {
    let folder = Folder::new();
    let server = server();
    fetch(&folder, &server, "--to mail").expect(0);
    let journal = folder.join("mail/.popfetch-journal");
    let whole = std::fs::read(&journal).unwrap();
    let last = whole.windows(8).rposition(|octets| octets == b"\nintent ");
    let line = &whole[last.unwrap() + 1..];
    let rest = line.split_inclusive(|&octet| octet == b'\n').skip(1);
    let octets_after: usize = rest.map(<[u8]>::len).sum();
    let file = OpenOptions::new().write(true).open(&journal).unwrap();
    file.set_len((whole.len() - octets_after) as u64).unwrap();
    let wrong = popfetch(&folder, "fetch", &server).env("POPFETCH_PASSWORD", "wrong");
    let outcome = wrong.words("--to mail --json").run().expect(77);
    let told = outcome.stdout();
    let stored = told.matches("\"status\":\"stored\"").count();
    assert_eq!(stored, MESSAGES as usize, "{told}");
    assert!(told.contains(&format!("\"stored\":{MESSAGES},")), "{told}");
    fetch(&folder, &server, "--to mail").expect(0);
    assert_eq!(server.count("RETR"), u64::from(MESSAGES));
}

#[test]
fn a_run_with_nothing_new_leaves_the_journal_as_it_is() {
    let folder = Folder::new();
    let server = server();
    fetch(&folder, &server, "--to mail").expect(0);
    let journal = folder.join("mail/.popfetch-journal");
    let before = std::fs::read(&journal).unwrap();
    fetch(&folder, &server, "--to mail").expect(0);
    assert_eq!(std::fs::read(&journal).unwrap(), before);
}

#[test]
fn the_journal_may_be_elsewhere_but_not_the_lock_on_the_mail() {
    let folder = Folder::new();
    let server = server();
    let fetch = || fetch(&folder, &server, "--to mail --journal state/journal");
    let outcome = fetch().expect(73);
    let (journal, folder_above) = ("state/journal: the folder", "make the folder above it");
    assert!(outcome.stderr.contains(journal), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(folder_above), "{}", outcome.stderr);
    assert!(!folder.join("mail").exists());
    std::fs::create_dir_all(folder.join("state")).unwrap();
    fetch().expect(0);
    fetch().expect(0);
    assert_eq!(server.count("RETR"), u64::from(MESSAGES));
    assert!(folder.join("state/journal").exists());
    assert!(folder.join("mail/.popfetch-lock").exists());
    assert!(!folder.join("mail/.popfetch-journal").exists());
}

#[test]
fn what_cannot_be_a_journal_is_left_alone_and_the_hint_says_what_can() {
    let folder = Folder::new();
    let server = server();
    std::fs::create_dir_all(folder.join("state")).unwrap();
    std::fs::write(folder.join("letter"), "Dear Alice\n").unwrap();
    for (journal, code, hint) in [
        ("state", 73, "name a file in it"),
        ("letter", 74, "name another one by --journal"),
    ] {
        let outcome = fetch(&folder, &server, &format!("--to mail --journal {journal}"));
        let outcome = outcome.expect(code);
        assert!(outcome.stderr.contains(hint), "{}", outcome.stderr);
    }
    let letter = std::fs::read(folder.join("letter")).unwrap();
    assert_eq!(letter, b"Dear Alice\n");
    assert_eq!(server.count("RETR"), 0);
}

#[test]
fn one_journal_is_for_one_run_whatever_its_destination() {
    for (first, second) in [
        ("--to one --journal both", "--to two --journal ./both"),
        ("--to one", "--to two --journal one/.popfetch-journal"),
        (
            "--to mbox:one --journal both",
            "--to pipe:cat --journal both",
        ),
    ] {
        let folder = Folder::new();
        let server = server();
        server.hold(Hold::At(Step {
            when: When::Before,
            verb: "RETR",
            number: 3,
        }));
        let first = popfetch(&folder, "fetch", &server).words(first).start();
        assert!(server.wait_until_held(PATIENCE).is_some());
        let outcome = fetch(&folder, &server, second).expect(75);
        let holder = format!("process {} on ", first.pid());
        assert!(outcome.stderr.contains(&holder), "{}", outcome.stderr);
        server.release();
        first.wait().expect(0);
        assert_eq!(server.count("RETR"), u64::from(MESSAGES), "{second}");
    }
}

#[test]
fn a_destinations_own_journal_may_be_named() {
    let folder = Folder::new();
    let server = server();
    fetch(&folder, &server, "--to mail").expect(0);
    fetch(
        &folder,
        &server,
        "--to mail --journal mail/.popfetch-journal",
    )
    .expect(0);
    assert_eq!(server.count("RETR"), u64::from(MESSAGES));
}

#[test]
fn a_second_run_is_told_who_holds_the_lock_and_changes_nothing() {
    for destination in [
        "maildir:mail",
        "mbox:inbox",
        "eml:letters",
        "pipe:cat > /dev/null",
    ] {
        let folder = Folder::new();
        let server = server();
        let fetch = || popfetch(&folder, "fetch", &server).args(["--to", destination, "--delete"]);
        server.hold(Hold::At(Step {
            when: When::Before,
            verb: "RETR",
            number: 3,
        }));
        let first = fetch().start();
        assert!(server.wait_until_held(PATIENCE).is_some());
        let outcome = fetch().run().expect(75);
        let holder = format!("process {} on ", first.pid());
        for said in [&holder, " since 20"] {
            assert!(
                outcome.stderr.contains(said),
                "{destination}: {}",
                outcome.stderr
            );
        }
        server.release();
        first.wait().expect(0);
        assert_eq!(server.count("RETR"), u64::from(MESSAGES), "{destination}");
    }
}

/// As in a system's spool folder: the mbox is the user's, the folder is not.
#[test]
fn an_mbox_in_a_folder_that_takes_no_files_is_locked_by_fcntl_alone() {
    let folder = Folder::new();
    let server = server();
    let spool = folder.join("spool");
    std::fs::create_dir_all(&spool).unwrap();
    let inbox = spool.join("inbox");
    std::fs::write(&inbox, "").unwrap();
    let set_mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(&spool, 0o555);
    let fetch = || {
        let program = told(folder.popfetch_as_nobody(), "fetch", &server);
        program.args(["--to", "mbox:spool/inbox", "--delete"]).run()
    };
    let outcome = fetch().expect(0);
    assert!(outcome.stderr.contains("fcntl alone"), "{}", outcome.stderr);
    fetch().expect(0);
    set_mode(&spool, 0o755);
    let wanted = stored_messages(&server.mailbox(), 1..=MESSAGES);
    assert_stored("mbox", &inbox, &wanted, "spool");
    assert_eq!(std::fs::read_dir(&spool).unwrap().count(), 1);
    let state = folder.join("home/.local/state/popfetch");
    let of_inbox = std::fs::read_dir(state).unwrap().next().unwrap().unwrap();
    for kind in ["lock", "journal"] {
        let name = of_inbox.path().join(format!(".popfetch-{kind}"));
        assert!(name.exists(), "{}", name.display());
    }
}

/// mutt gives its dot-locks no permissions at all.
#[test]
fn a_dot_lock_that_cannot_be_read_is_known_as_left_behind_by_its_age() {
    let folder = Folder::new();
    let server = server();
    let dot_lock = folder.join("inbox.lock");
    let left = std::fs::File::create(&dot_lock).unwrap();
    left.set_modified(SystemTime::now() - Duration::from_mins(6))
        .unwrap();
    left.set_permissions(std::fs::Permissions::from_mode(0o000))
        .unwrap();
    let program = told(folder.popfetch_as_nobody(), "fetch", &server);
    program.args(["--to", "mbox:inbox"]).run().expect(0);
    let wanted = stored_messages(&server.mailbox(), 1..=MESSAGES);
    assert_stored("mbox", &folder.join("inbox"), &wanted, "left by mutt");
    assert!(!dot_lock.exists());
}
