//! Destinations that keep nothing themselves, and the eml folder: `pipe:`, `-`, `eml:`.

use std::time::{Duration, SystemTime};

use pop3d::{Mailbox, Server, Sizes};
use serde_json::Value;

use crate::support::embedded::{popfetch, serve};
use crate::support::program::{Folder, Outcome};
use crate::support::reader::{mboxrd, stored_form};

fn server(messages: u32) -> Server {
    serve(Mailbox::generated(messages, 1, Sizes::Fixed(900)))
}

fn fetch(folder: &Folder, server: &Server, to: &str, words: &str) -> Outcome {
    let fetch = popfetch(folder, "fetch", server).args(["--to", to]);
    fetch.words(words).run()
}

#[test]
fn a_single_message_is_printed_as_it_is_and_several_as_an_mbox() {
    let folder = Folder::new();
    let server = server(4);
    let message = |place| server.mailbox().message(place).to_vec();
    let outcome = fetch(&folder, &server, "-", "--number 2").expect(0);
    assert_eq!(outcome.stdout, message(2));
    let outcome = fetch(&folder, &server, "-", "").expect(0);
    let wanted: Vec<_> = [1, 3, 4].map(|place| stored_form(&message(place))).into();
    assert_eq!(mboxrd(&outcome.stdout), wanted);
    let outcome = fetch(&folder, &server, "-", "").expect(0);
    assert!(outcome.stdout.is_empty());
    for words in ["--delete", "--delete-after 1d", "--json"] {
        fetch(&folder, &server, "-", words).expect(64);
    }
    assert_eq!(server.count("DELE"), 0);
}

#[test]
fn what_a_program_says_of_a_message_decides_its_fate() {
    for (command, code, kind) in [
        ("pipe:exit 75", 75, "try-later"),
        ("pipe:exit 1", 1, "partial"),
        ("pipe:kill -9 $$", 1, "partial"),
        // One that failed for good counts for more than one to try later.
        ("pipe:grep -q 'Message 2' && exit 75; exit 1", 1, "partial"),
    ] {
        let folder = Folder::new();
        let server = server(2);
        let outcome = fetch(&folder, &server, command, "--json").expect(code);
        let told: Vec<Value> = outcome
            .stdout()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let failed = &told[0];
        assert_eq!(failed["status"], "failed", "{command}");
        assert_eq!(failed["kind"], kind, "{command}");
        assert_eq!(failed["octets"], 900, "{command}");
        assert!(failed["hint"].is_string(), "{command}");
        assert_eq!(told.last().unwrap()["failed"], 2, "{command}");
        let outcome = fetch(&folder, &server, command, "--dry-run --json").expect(0);
        assert_eq!(outcome.stdout().matches("\"reason\":\"new\"").count(), 2);
    }
}

#[test]
fn a_second_try_is_announced_and_success_is_remembered() {
    let folder = Folder::new();
    let server = server(1);
    let command = "pipe:cat > got; test \"$POPFETCH_RETRY\" = 1 || exit 75";
    fetch(&folder, &server, command, "--delete").expect(75);
    assert_eq!(server.mailbox().present(), [1]);
    fetch(&folder, &server, command, "--delete").expect(0);
    assert_eq!(server.mailbox().present(), [0u32; 0]);
    let wanted = stored_form(&server.mailbox().message(1).to_vec());
    assert_eq!(std::fs::read(folder.join("got")).unwrap(), wanted);
}

#[test]
fn an_eml_folder_has_names_and_dates_for_people() {
    let folder = Folder::new();
    let mut mailbox = Mailbox::empty();
    let message = "Received: from a by b; Fri, 05 Jan 2024 10:00:00 +0100\r\n\
                   Date: Thu, 04 Jan 2024 08:00:00 +0000\r\n\
                   From: J\u{f6}rg / Ops <ops@example.org>\r\n\
                   Subject: ../..: what? \u{1b}[31m\u{202e}\r\n\r\nBody\r\n";
    mailbox.add("a", message.as_bytes());
    let server = serve(mailbox);
    fetch(&folder, &server, "eml:mail", "--eml-folders months").expect(0);
    let entries = std::fs::read_dir(folder.join("mail/2024/01")).unwrap();
    let paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    let [path] = paths.as_slice() else {
        panic!("{paths:?}")
    };
    let name = path.file_name().unwrap().to_str().unwrap();
    let (words, hash) = name.strip_suffix(".eml").unwrap().rsplit_once('.').unwrap();
    assert_eq!(
        words, "2024-01-05T09-00-00Z J\u{f6}rg Ops what_31m",
        "{name}"
    );
    assert_eq!(hash.len(), 8);
    assert_eq!(std::fs::read(path).unwrap(), message.as_bytes());
    let received = SystemTime::UNIX_EPOCH + Duration::from_hours(473_457);
    let modified = |path: &std::path::Path| std::fs::metadata(path).unwrap().modified().unwrap();
    assert_eq!(modified(path), received);
    fetch(&folder, &server, "maildir:md", "").expect(0);
    let stored = std::fs::read_dir(folder.join("md/new")).unwrap().next();
    assert_eq!(modified(&stored.unwrap().unwrap().path()), received);
}

/// Python's `pty` gives the program a terminal.
#[test]
fn mail_is_not_written_to_a_terminal() {
    const SCRIPT: &str = "
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
try:
    while True:
        more = os.read(terminal, 1000)
        if not more:
            break
        sys.stdout.buffer.write(more)
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";
    let folder = Folder::new();
    let server = server(1);
    let url = format!("pop3://demo@127.0.0.1:{}", server.port());
    let Ok(output) = std::process::Command::new("python3")
        .args(["-c", SCRIPT, env!("CARGO_BIN_EXE_popfetch")])
        .args(["fetch", &url, "--tls", "off", "--to", "-"])
        .env("HOME", folder.join("home"))
        .env("POPFETCH_PASSWORD", "secret")
        .output()
    else {
        return;
    };
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(64), "{shown}");
    assert!(shown.contains("send it to a file or a program"), "{shown}");
    assert_eq!(server.logins(), 0);
}
