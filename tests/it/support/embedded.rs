//! The program against the embedded server.

use std::path::Path;
use std::time::Duration;

use pop3d::{Mailbox, Server, Settings};

use super::program::{Folder, Program};
use super::reader;

/// How long a session may take to come to the step it is held at.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A server with this mailbox and all its abilities.
pub(crate) fn serve(mailbox: Mailbox) -> Server {
    Server::start(mailbox, Settings::default()).unwrap()
}

/// `popfetch COMMAND URL --tls off`, with the password in the environment.
pub(crate) fn popfetch(folder: &Folder, command: &str, server: &Server) -> Program {
    told(folder.popfetch(), command, server)
}

/// Tells a program that is not started yet the same.
pub(crate) fn told(program: Program, command: &str, server: &Server) -> Program {
    let url = format!("pop3://demo@127.0.0.1:{}", server.port());
    program
        .env("POPFETCH_PASSWORD", "secret")
        .arg(command)
        .arg(url)
        .args(["--tls", "off"])
}

/// What a store shall hold of the messages that arrived at these places, sorted.
pub(crate) fn stored_messages(
    mailbox: &Mailbox,
    places: impl IntoIterator<Item = u32>,
) -> Vec<Vec<u8>> {
    let mut messages: Vec<_> = places
        .into_iter()
        .map(|place| reader::stored_form(&mailbox.message(place).to_vec()))
        .collect();
    messages.sort();
    messages
}

/// Fails, naming how they differ, unless the maildir holds just these messages and nothing
/// unfinished.
#[track_caller]
pub(crate) fn assert_maildir(path: &Path, wanted: &[Vec<u8>], context: &str) {
    assert_same(&reader::maildir(path), wanted, context);
    assert_eq!(
        reader::maildir_unfinished(path),
        0,
        "{context}: files in tmp"
    );
}

/// As above for an mbox, read by two readers that are not ours.
#[track_caller]
pub(crate) fn assert_mbox(path: &Path, wanted: &[Vec<u8>], context: &str) {
    let by_rule = reader::mboxrd(&std::fs::read(path).unwrap_or_default());
    assert_same(&sorted(by_rule), wanted, context);
    if let Some(messages) = reader::mbox_by_python(path) {
        assert_same(
            &sorted(messages),
            wanted,
            &format!("{context}, read by Python's mailbox"),
        );
    }
    let parsed = reader::mbox_by_mail_parser(path);
    assert_eq!(parsed.len(), wanted.len(), "{context}, read by mail-parser");
}

/// As above for an eml folder, which keeps the messages as the server sent them.
#[track_caller]
pub(crate) fn assert_eml(path: &Path, wanted: &[Vec<u8>], context: &str) {
    let found = reader::eml(path);
    let stored = found.iter().map(|message| reader::stored_form(message));
    assert_same(&sorted(stored.collect()), wanted, context);
    for message in found {
        assert!(message.ends_with(b"\r\n"), "{context}: line ends");
    }
}

/// As above for a store of this kind.
#[track_caller]
pub(crate) fn assert_stored(kind: &str, path: &Path, wanted: &[Vec<u8>], context: &str) {
    match kind {
        "maildir" => assert_maildir(path, wanted, context),
        "mbox" => assert_mbox(path, wanted, context),
        "eml" => assert_eml(path, wanted, context),
        _ => panic!("{kind} cannot be read back"),
    }
}

fn sorted(mut messages: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    messages.sort();
    messages
}

#[track_caller]
pub(crate) fn assert_same(found: &[Vec<u8>], wanted: &[Vec<u8>], context: &str) {
    if found == wanted {
        return;
    }
    let subject = |message: &[u8]| {
        let text = String::from_utf8_lossy(message).into_owned();
        let line = text.lines().find(|line| line.starts_with("Subject:"));
        format!(
            "{} ({} octets)",
            line.unwrap_or("no subject"),
            message.len()
        )
    };
    let odd: Vec<_> = found
        .iter()
        .filter(|message| !wanted.contains(message))
        .collect();
    let lost: Vec<_> = wanted
        .iter()
        .filter(|message| !found.contains(message))
        .collect();
    panic!(
        "{context}: {} messages instead of {}; not wanted: {:?}; lost: {:?}",
        found.len(),
        wanted.len(),
        odd.iter()
            .take(5)
            .map(|message| subject(message))
            .collect::<Vec<_>>(),
        lost.iter()
            .take(5)
            .map(|message| subject(message))
            .collect::<Vec<_>>(),
    );
}
