//! Other programs' configurations, read into accounts of ours. What has no counterpart is named,
//! never guessed.

mod counterpart;
mod fdm;
mod fetchmail;
mod getmail;
mod mpop;
mod seen;
mod settings;

use std::fmt::{self, Write as _};

use super::args::Program;

pub(crate) use seen::{aliases, unique_ids};

/// What a configuration of another program says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) accounts: Vec<Imported>,
    /// What has no counterpart and belongs to no account.
    pub(crate) left_out: Vec<String>,
}

/// An account of another program, in our words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    /// The name of the account here.
    pub(crate) name: String,
    /// Keys and values of the configuration file, in order.
    settings: Vec<(&'static str, Value)>,
    /// What has no counterpart, and why.
    pub(crate) left_out: Vec<String>,
    /// Where the other program keeps what it has fetched.
    pub(crate) seen: Option<Seen>,
}

/// A value of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Number(u64),
    Yes,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Yes => f.write_str("true"),
        }
    }
}

/// A list of unique-ids that another program has fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The places where the list may be, most likely first; relative to the configuration file.
    pub(crate) files: Vec<String>,
    pub(crate) host: String,
    pub(crate) user: String,
}

/// Reads a configuration of the program. `file_name` names an account where nothing else does.
pub(crate) fn read(program: Program, text: &str, file_name: &str) -> Result<Import, String> {
    let mut import = match program {
        Program::Mpop => Import::of(mpop::read(text)?),
        Program::Getmail => Import::of(vec![getmail::read(text, file_name)?]),
        Program::Fetchmail => fetchmail::read(text)?,
        Program::Fdm => fdm::read(text),
    };
    if import.accounts.is_empty() {
        return Err("there is no POP3 account in it; popfetch speaks nothing else".to_owned());
    }
    name_apart(&mut import.accounts);
    for account in &mut import.accounts {
        account.say_what_clear_text_needs();
    }
    Ok(import)
}

impl Import {
    fn of(accounts: Vec<Imported>) -> Self {
        Self {
            accounts,
            left_out: Vec::new(),
        }
    }
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
    /// Nothing known yet but what it is called.
    fn named(name: String) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// The text of a setting.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.settings.iter().find_map(|(known, value)| match value {
            Value::Text(text) if *known == key => Some(text.as_str()),
            Value::Text(_) | Value::Number(_) | Value::Yes => None,
        })
    }

    /// Every setting, as text.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.settings
            .iter()
            .map(|(key, value)| (*key, value.to_string()))
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
                Value::Number(_) | Value::Yes => value.to_string(),
            };
            writeln!(text, "{key} = {value}").expect("writing to a String cannot fail");
        }
        for what in &self.left_out {
            text.push_str(&comment(what));
            text.push('\n');
        }
        text
    }
}

/// What is left out, as a line of the configuration file.
pub(crate) fn comment(what: &str) -> String {
    format!(
        "# left out: {}",
        what.replace(|c: char| c.is_control(), " ")
    )
}

#[cfg(test)]
mod tests;
