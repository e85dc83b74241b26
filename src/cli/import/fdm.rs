//! fdm's `~/.fdm.conf`: `account NAME pop3 ...`, `action NAME maildir ...`, `match ...`.

use std::collections::VecDeque;

use super::words::words;
use super::{Encryption, Imported, Seen, set_server};

/// Reads the accounts.
pub(super) fn read(text: &str) -> Vec<Imported> {
    let mut words: VecDeque<String> = words(&text.replace(['{', '}'], " ")).into();
    let mut actions = Vec::new();
    let mut accounts = Vec::new();
    let mut matches = 0_usize;
    let mut others = Vec::new();
    while let Some(word) = words.pop_front() {
        match word.as_str() {
            "action" => actions.extend(action(&mut words)),
            "match" => matches += 1,
            "account" => {
                let name = words.pop_front().unwrap_or_default();
                match words.pop_front().as_deref() {
                    Some("pop3") => accounts.push(account(name, Encryption::Off, &mut words)),
                    Some("pop3s") => accounts.push(account(name, Encryption::Implicit, &mut words)),
                    Some(other) => others.push(format!("account {name}: {other} is not POP3")),
                    None => {}
                }
            }
            _ => {}
        }
    }
    for account in &mut accounts {
        match actions.as_slice() {
            [place] if matches <= 1 => account.set("to", place),
            [] | [_, ..] => account.leave_out(format!(
                "{matches} match rules: popfetch stores in one place; name it by to = \"...\", or \
                 pipe into a program that sorts"
            )),
        }
        for other in &others {
            account.leave_out(other);
        }
    }
    accounts
}

/// An action that stores, as DEST.
fn action(words: &mut VecDeque<String>) -> Option<String> {
    words.pop_front();
    let kind = words.pop_front()?;
    let place = words.front().map(|place| in_home(place));
    match kind.as_str() {
        "maildir" => Some(format!("maildir:{}", place?)),
        "mbox" => Some(format!("mbox:{}", place?)),
        "pipe" | "exec" => Some(format!("pipe:{}", place?)),
        _ => None,
    }
}

/// `%h` is the home folder.
fn in_home(path: &str) -> String {
    path.replace("%[home]", "~").replace("%h", "~")
}

fn account(name: String, encryption: Encryption, words: &mut VecDeque<String>) -> Imported {
    let mut account = Imported {
        name,
        ..Imported::default()
    };
    let (mut host, mut port, mut user, mut cache) = (String::new(), None, String::new(), None);
    let mut encryption = encryption;
    let mut keeps = false;
    let mut has_password = false;
    while let Some(word) = words.front().cloned() {
        if matches!(word.as_str(), "account" | "action" | "match" | "set") {
            break;
        }
        words.pop_front();
        let mut next = || words.pop_front().unwrap_or_default();
        match word.as_str() {
            "server" => host = next(),
            "port" => port = Some(next()),
            "user" => user = next(),
            "pass" => {
                next();
                has_password = true;
            }
            "cache" => cache = Some(in_home(&next())),
            "keep" => keeps = true,
            "starttls" => encryption = Encryption::Stls,
            "no-verify" => {
                account.leave_out("no-verify: certificates are always checked; tls-pin trusts one");
            }
            "apop" | "no-apop" | "new-only" | "disabled" | "insecure" => {}
            other => account.leave_out(other),
        }
    }
    let left_out = std::mem::take(&mut account.left_out);
    set_server(&mut account, &host, port.as_deref(), encryption);
    account.set("user", &user);
    if has_password {
        account.leave_password();
    }
    account.set_yes(if keeps { "keep" } else { "delete" });
    account.left_out.extend(left_out);
    account.seen = cache.map(|file| Seen {
        file: file.into(),
        host,
        user,
    });
    account
}
