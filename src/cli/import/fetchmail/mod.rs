//! fetchmail's `~/.fetchmailrc`: words without lines, `poll SERVER ... user USER ...`.

mod convert;
mod words;

use std::collections::{BTreeMap, VecDeque};

use super::Import;
use words::{Takes, Word, ends_list, option, words};

/// Reads the accounts.
pub(super) fn read(text: &str) -> Result<Import, String> {
    let mut reader = Reader {
        words: words(text).into(),
        ..Reader::default()
    };
    while let Some(word) = reader.words.pop_front() {
        reader.word(&word);
    }
    reader.end_server();
    let idfile = reader.idfile.unwrap_or_else(|| "~/.fetchids".to_owned());
    let (pop3, others): (Vec<_>, Vec<_>) = reader.accounts.into_iter().partition(Said::is_of_pop3);
    let mut left_out = reader.left_out;
    left_out.extend(others.iter().map(|other| {
        format!(
            "{} of {}: it is not polled by POP3",
            other.user.as_deref().unwrap_or("the user"),
            other.server
        )
    }));
    if pop3.is_empty() && !others.is_empty() {
        return Err("no account of it is polled by POP3; popfetch speaks nothing else".to_owned());
    }
    Ok(Import {
        accounts: pop3
            .into_iter()
            .map(|said| convert::convert(said, &idfile))
            .collect(),
        left_out,
    })
}

/// Options by their first names; none where `no` stands in front.
type Options = BTreeMap<&'static str, Option<Vec<String>>>;

/// What is said about a server, or about one user there.
#[derive(Debug, Clone, Default)]
struct Said {
    server: String,
    is_skipped: bool,
    user: Option<String>,
    options: Options,
    stray_words: usize,
}

impl Said {
    /// The one word behind an option.
    fn take(&mut self, option: &str) -> Option<String> {
        self.options.remove(option)??.into_iter().next()
    }

    /// A flag; none when nothing is said.
    fn take_flag(&mut self, option: &str) -> Option<bool> {
        self.options.remove(option).map(|words| words.is_some())
    }

    fn is_of_pop3(&self) -> bool {
        let protocol = self.options.get("proto").and_then(Option::as_ref);
        let protocol = protocol
            .and_then(|words| words.first())
            .map(|word| word.to_lowercase());
        matches!(protocol.as_deref(), None | Some("pop3" | "auto" | "apop"))
    }
}

/// What a bare `user NAME` or `is NAME` may still turn out to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Last {
    User,
    Names,
    #[default]
    Other,
}

#[derive(Debug, Default)]
struct Reader {
    words: VecDeque<Word>,
    defaults: Said,
    /// What is said about the server, for every user there.
    server: Option<Said>,
    /// What is said about one user.
    user: Option<Said>,
    server_had_users: bool,
    last: Last,
    idfile: Option<String>,
    accounts: Vec<Said>,
    left_out: Vec<String>,
}

impl Reader {
    fn word(&mut self, word: &Word) {
        let before = std::mem::take(&mut self.last);
        match word.bare() {
            "and" | "with" | "has" | "wants" | "options" => self.last = before,
            "set" => self.global(),
            "defaults" => self.end_server(),
            "poll" | "server" | "skip" => {
                self.end_server();
                self.server = Some(Said {
                    server: self.next(),
                    is_skipped: word.bare() == "skip",
                    ..self.defaults.clone()
                });
            }
            "user" | "username" => {
                self.end_user();
                self.server_had_users = true;
                self.user = Some(Said {
                    user: Some(self.next()),
                    ..self.server.clone().unwrap_or_default()
                });
                self.last = Last::User;
            }
            "here" => self.names_are_here(before),
            "there" => self.names_are_there(before),
            "no" => {
                let next = self.next();
                self.option(&next, false);
            }
            bare => match bare
                .strip_prefix("no")
                .filter(|rest| option(rest).is_some())
            {
                Some(rest) => self.option(rest, false),
                None => self.option(bare, true),
            },
        }
    }

    fn next(&mut self) -> String {
        self.words
            .pop_front()
            .map(|word| word.text)
            .unwrap_or_default()
    }

    fn said(&mut self) -> &mut Said {
        self.user
            .as_mut()
            .or(self.server.as_mut())
            .unwrap_or(&mut self.defaults)
    }

    fn option(&mut self, name: &str, is_wanted: bool) {
        let Some((name, takes)) = option(name) else {
            self.said().stray_words += 1;
            return;
        };
        let words = is_wanted.then(|| self.words_behind(takes));
        if name == "is" {
            self.last = Last::Names;
        }
        if name == "envelope"
            && words
                .iter()
                .flatten()
                .any(|word| word.parse::<u32>().is_ok())
        {
            // How many such fields to skip; the name follows.
            drop(self.next());
        }
        self.said().options.insert(name, words);
    }

    fn words_behind(&mut self, takes: Takes) -> Vec<String> {
        let mut found = Vec::new();
        match takes {
            Takes::Nothing => {}
            Takes::One => found.push(self.next()),
            Takes::Several => {
                // The first is a name, whatever it is called.
                found.push(self.next());
                while self.words.front().is_some_and(|word| !ends_list(word)) {
                    found.push(self.next());
                }
            }
        }
        found
    }

    /// `user NAME here`: it was the local one; the server's comes by `is NAME there`.
    fn names_are_here(&mut self, before: Last) {
        if let (Last::User, Some(user)) = (before, &mut self.user) {
            let local = user.user.take();
            user.options.insert("is", Some(local.into_iter().collect()));
        }
    }

    /// `is NAME there`: it is the server's.
    fn names_are_there(&mut self, before: Last) {
        if let (Last::Names, Some(user)) = (before, &mut self.user) {
            user.user = user.take("is");
        }
    }

    /// `set OPTION ...`: for all accounts.
    fn global(&mut self) {
        let mut option = self.next();
        if option == "no" {
            option = self.next();
        }
        match option.as_str() {
            "daemon" => {
                let seconds = self.next();
                self.left_out.push(format!(
                    "set daemon {seconds}: run popfetch from cron or a systemd timer"
                ));
            }
            "idfile" => self.idfile = Some(self.next()),
            "logfile" => {
                let file = self.next();
                self.left_out
                    .push(format!("set logfile {file}: send standard error there"));
            }
            "postmaster" | "pidfile" | "properties" => drop(self.next()),
            _ => {}
        }
    }

    fn end_user(&mut self) {
        self.accounts.extend(self.user.take());
    }

    fn end_server(&mut self) {
        self.end_user();
        // Without a user fetchmail takes the name of whoever runs it.
        let server = self.server.take();
        self.accounts
            .extend(server.filter(|_| !self.server_had_users));
        self.server_had_users = false;
    }
}
