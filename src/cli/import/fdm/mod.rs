//! fdm's `~/.fdm.conf`: `account NAME pop3 ...`, `action NAME maildir ...`, `match ...`.

mod rules;
mod words;

use std::collections::VecDeque;

use super::settings::{Encryption, binary_size};
use super::{Import, Imported, Seen};
use crate::cli::secrets::SecretKind;
use rules::{Deed, Rule, deeds, place, rule, skip_users};
use words::{Word, words};

/// The words that are still to be read.
struct Words(VecDeque<Word>);

impl Words {
    fn front(&self) -> Option<&Word> {
        self.0.front()
    }

    fn pop_front(&mut self) -> Option<Word> {
        self.0.pop_front()
    }

    /// Takes the next word if it is this one.
    fn next_is(&mut self, word: &Word) -> bool {
        let is_it = self.front() == Some(word);
        if is_it {
            self.0.pop_front();
        }
        is_it
    }

    fn next_is_bare(&mut self, word: &str) -> bool {
        self.next_is(&Word::Bare(word.to_owned()))
    }

    /// A string, or a number; what a command would print is not known.
    fn string(&mut self) -> Option<String> {
        let word = self.0.pop_front()?;
        word.text().map(str::to_owned)
    }

    /// `{ "A" "B" }`.
    fn strings(&mut self) -> Vec<String> {
        let mut strings = Vec::new();
        self.next_is(&Word::Open);
        while let Some(word) = self.0.pop_front().filter(|word| *word != Word::Close) {
            strings.extend(word.text().map(str::to_owned));
        }
        strings
    }
}

/// What is said for all accounts.
#[derive(Debug, Default)]
struct Common {
    timeout: Option<String>,
    size_max: Option<String>,
    batch: Option<String>,
    proxy: Option<String>,
}

#[derive(Debug, Default)]
struct Reader {
    common: Common,
    actions: Vec<(String, Vec<Deed>)>,
    rules: Vec<Rule>,
    accounts: Vec<Imported>,
    left_out: Vec<String>,
}

/// Reads the accounts.
pub(super) fn read(text: &str) -> Import {
    let mut words = Words(words(text).into());
    let mut reader = Reader::default();
    while let Some(word) = words.pop_front() {
        match word.bare() {
            "action" => {
                let name = words.string().unwrap_or_default();
                reader.actions.push((name, deeds(&mut words)));
            }
            "match" => reader.rules.push(rule(&mut words)),
            "account" => reader.account(&mut words),
            "set" => reader.option(&mut words),
            "include" => {
                let file = words.string().unwrap_or_default();
                reader
                    .left_out
                    .push(format!("include {file}: import that file, too"));
            }
            "ifdef" | "ifndef" => {
                words.pop_front();
                reader.left_out.push(format!(
                    "{}: what stands below it was taken, whether or not fdm would",
                    word.bare()
                ));
            }
            _ => {}
        }
    }
    reader.end()
}

impl Reader {
    fn account(&mut self, words: &mut Words) {
        let name = words.string().unwrap_or_default();
        skip_users(words);
        let is_disabled = words.next_is_bare("disabled");
        let kind = words.pop_front();
        let encryption = match kind.as_ref().map(Word::bare) {
            Some("pop3s") => Encryption::Implicit,
            Some("pop3") if words.next_is_bare("pipe") => {
                self.left_out.push(format!(
                    "account {name}: popfetch does not speak through a command"
                ));
                return;
            }
            Some("pop3") => Encryption::Off,
            Some(other) => {
                self.left_out
                    .push(format!("account {name}: {other} is not POP3"));
                return;
            }
            None => return,
        };
        let mut account = account(name, encryption, words);
        if is_disabled {
            account.leave_out("disabled: popfetch fetches every account when none is named");
        }
        self.accounts.push(account);
    }

    /// `set OPTION ...`.
    fn option(&mut self, words: &mut Words) {
        let option = words.string().unwrap_or_default();
        match option.as_str() {
            "timeout" => {
                let number = words.string().unwrap_or_default();
                let unit = match words.front().map(Word::bare) {
                    Some(unit) if is_unit(unit) => words.string().unwrap_or_default(),
                    Some(_) | None => "s".to_owned(),
                };
                self.common.timeout = Some(format!("{number}{unit}"));
            }
            "maximum-size" => {
                self.common.size_max = words.string().map(|size| binary_size(&size));
            }
            "purge-after" => self.common.batch = words.string(),
            "proxy" => self.proxy(&words.string().unwrap_or_default()),
            "file-umask" | "file-group" | "default-user" | "command-user" => {
                let value = words.string().unwrap_or_default();
                self.left_out.push(format!(
                    "set {option} {value}: popfetch stores as the user who runs it, for that user \
                     alone"
                ));
            }
            "delete-oversized" => self.left_out.push(
                "set delete-oversized: popfetch deletes nothing that it has not stored".to_owned(),
            ),
            _ => {}
        }
    }

    fn proxy(&mut self, url: &str) {
        match url.strip_prefix("socks://") {
            // What stands before the @ holds a password.
            Some(host) if !host.contains('@') => {
                self.common.proxy = Some(format!("socks5://{host}"));
            }
            Some(_) => self.left_out.push(
                "set proxy: it has a password; write proxy = \"socks5://USER@HOST:PORT\""
                    .to_owned(),
            ),
            None => self
                .left_out
                .push("set proxy: only SOCKS 5 is spoken, by proxy = \"socks5://...\"".to_owned()),
        }
    }

    fn end(mut self) -> Import {
        for account in &mut self.accounts {
            match place(&account.name, &self.rules, &self.actions) {
                Some(Deed::Maildir(path)) => set_place(account, "maildir", path),
                Some(Deed::Mbox(path)) => set_place(account, "mbox", path),
                Some(Deed::Pipe(command)) => account.set_pipe(command, &["%[", "%h", "%u"]),
                Some(Deed::Call(_) | Deed::Other) | None => account.leave_place(&format!(
                    "{} match rules: popfetch does not sort, but pipe:COMMAND can",
                    self.rules.len()
                )),
            }
            let common = &self.common;
            for (key, value) in [("timeout", &common.timeout), ("proxy", &common.proxy)] {
                if let Some(value) = value {
                    account.set(key, value);
                }
            }
            if let Some(size) = &common.size_max {
                account.set_bound("max-message", size);
            }
            if let Some(messages) = &common.batch {
                account.set_number("batch", messages);
            }
        }
        Import {
            accounts: self.accounts,
            left_out: self.left_out,
        }
    }
}

fn is_unit(word: &str) -> bool {
    ["second", "minute", "hour", "day", "month", "year"]
        .iter()
        .any(|unit| word.trim_end_matches('s') == *unit)
}

/// A path with the tags filled in that stand for something known here: the home folder, the
/// account. None when one depends on the message.
fn filled(path: &str) -> Option<String> {
    let path = path.replace("%[home]", "~").replace("%h", "~");
    let path = path
        .replace("%[account]", "{account}")
        .replace("%a", "{account}");
    (!path.contains('%')).then_some(path)
}

fn set_place(account: &mut Imported, kind: &str, path: &str) {
    match filled(path) {
        Some(path) => account.set_place(kind, &path),
        None => account.leave_place(&format!("{kind} {path}: it depends on the message")),
    }
}

fn account(name: String, mut encryption: Encryption, words: &mut Words) -> Imported {
    let mut account = Imported::named(name);
    let (mut host, mut port, mut user, mut cache) = (String::new(), None, None, None);
    let mut keeps = false;
    let mut pass = None;
    let mut left_out = Vec::new();
    while let Some(word) = words.front() {
        match word.bare() {
            "account" | "action" | "match" | "set" | "include" | "ifdef" | "ifndef" | "endif"
            | "" => break,
            _ => {}
        }
        let word = words.pop_front();
        match word.as_ref().map_or("", Word::bare) {
            "server" => host = words.string().unwrap_or_default(),
            "port" => port = words.string(),
            "user" => user = words.string(),
            "pass" => pass = words.pop_front(),
            "cache" => cache = words.string().and_then(|path| filled(&path)),
            "keep" => keeps = true,
            "starttls" => encryption = Encryption::Stls,
            "no-verify" => left_out
                .push("no-verify: certificates are always checked; tls-pin trusts one".to_owned()),
            "old-only" => left_out.push("old-only: popfetch fetches what is new".to_owned()),
            "insecure" => left_out.push("insecure: TLS 1.2 or newer".to_owned()),
            // The rest is popfetch's way anyway.
            _ => {}
        }
    }
    account.set_server(&host, port.as_deref(), encryption);
    account.set_user(user.as_deref());
    match pass {
        Some(Word::Command(command)) => account.set_secret_command(SecretKind::Password, command),
        Some(_) => account.leave_password(),
        None => {}
    }
    account.set_yes(if keeps { "keep" } else { "delete" });
    account.left_out.extend(left_out);
    account.seen = cache.zip(user).map(|(file, user)| Seen {
        files: vec![file],
        host,
        user,
    });
    account
}
