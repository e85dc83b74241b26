//! Other programs' configurations, read into accounts of ours. What has no counterpart is named,
//! never guessed.

mod fdm;
mod fetchmail;
mod getmail;
mod mpop;
mod seen;
mod words;

use std::fmt::Write as _;
use std::path::PathBuf;

use super::args::Program;

pub(crate) use seen::unique_ids;

/// An account of another program, in our words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    /// The name of the account here.
    pub(crate) name: String,
    /// Keys and values of the configuration file, in order.
    settings: Vec<(&'static str, Value)>,
    /// What has no counterpart, and why.
    left_out: Vec<String>,
    /// Where the other program keeps what it has fetched.
    pub(crate) seen: Option<Seen>,
}

/// A value of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Yes,
}

/// A list of unique-ids that another program has fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) file: PathBuf,
    pub(crate) host: String,
    pub(crate) user: String,
}

/// Reads a configuration of the program. `file_name` names an account where nothing else does.
pub(crate) fn read(program: Program, text: &str, file_name: &str) -> Result<Vec<Imported>, String> {
    let mut accounts = match program {
        Program::Mpop => mpop::read(text)?,
        Program::Getmail => vec![getmail::read(text, file_name)?],
        Program::Fetchmail => fetchmail::read(text)?,
        Program::Fdm => fdm::read(text),
    };
    if accounts.is_empty() {
        return Err("there is no POP3 account in it".to_owned());
    }
    name_apart(&mut accounts);
    Ok(accounts)
}

/// Names become table names: plain, and each only once.
fn name_apart(accounts: &mut [Imported]) {
    let mut taken: Vec<String> = Vec::new();
    for account in accounts {
        let plain: String = account
            .name
            .chars()
            .map(|c| {
                if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@') {
                    c
                } else {
                    '-'
                }
            })
            .collect();
        let plain = plain
            .trim_start_matches(|c: char| !c.is_alphanumeric())
            .to_owned();
        let plain = if plain.is_empty() {
            "account".to_owned()
        } else {
            plain
        };
        let mut name = plain.clone();
        let mut number = 2_u32;
        while taken.contains(&name) {
            name = format!("{plain}-{number}");
            number += 1;
        }
        taken.push(name.clone());
        account.name = name;
    }
}

impl Imported {
    fn set(&mut self, key: &'static str, text: impl Into<String>) {
        self.settings.push((key, Value::Text(text.into())));
    }

    fn set_yes(&mut self, key: &'static str) {
        self.settings.push((key, Value::Yes));
    }

    fn leave_out(&mut self, what: impl Into<String>) {
        self.left_out.push(what.into());
    }

    /// A password stands in the other configuration; ours never holds one.
    fn leave_password(&mut self) {
        self.leave_out(
            "password: no secret stands in this file; write password-command = \"...\" or \
             password-file = \"...\", or put it into ~/.netrc",
        );
    }

    /// The text of a setting.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.settings.iter().find_map(|(known, value)| match value {
            Value::Text(text) if *known == key => Some(text.as_str()),
            Value::Text(_) | Value::Yes => None,
        })
    }

    /// Every setting, as text.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.settings.iter().map(|(key, value)| {
            let value = match value {
                Value::Text(text) => text.clone(),
                Value::Yes => "true".to_owned(),
            };
            (*key, value)
        })
    }

    /// The account as a table of the configuration file.
    pub(crate) fn to_toml(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let bare = self
            .name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let name = if bare {
            self.name.clone()
        } else {
            quoted(&self.name)
        };
        let mut text = format!("[accounts.{name}]\n");
        for (key, value) in &self.settings {
            let value = match value {
                Value::Text(text) => quoted(text),
                Value::Yes => "true".to_owned(),
            };
            writeln!(text, "{key} = {value}").expect("writing to a String cannot fail");
        }
        for what in &self.left_out {
            let what = what.replace(|c: char| c.is_control(), " ");
            writeln!(text, "# left out: {what}").expect("writing to a String cannot fail");
        }
        text
    }
}

/// How the connection is encrypted, in the words most programs share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    Implicit,
    Stls,
    Off,
}

/// Sets server and encryption.
fn set_server(account: &mut Imported, host: &str, port: Option<&str>, encryption: Encryption) {
    let scheme = match encryption {
        Encryption::Implicit => "pop3s",
        Encryption::Stls | Encryption::Off => "pop3",
    };
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let port = match port.map(str::parse::<u16>) {
        None => String::new(),
        Some(Ok(port)) => format!(":{port}"),
        Some(Err(_)) => {
            account.leave_out(format!(
                "port {}: write its number",
                port.unwrap_or_default()
            ));
            String::new()
        }
    };
    account.set("server", format!("{scheme}://{host}{port}"));
    if encryption == Encryption::Off {
        account.set("tls", "off");
    }
}

#[cfg(test)]
mod tests;
