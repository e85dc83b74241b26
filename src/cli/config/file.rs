//! The configuration file: TOML in, levels out, and for each mistake the line it is on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::keys::{self, Group};
use super::level::{Level, Place, Values};
use crate::cli::args::value::TlsName;
use crate::cli::failure::Failure;
use crate::protocol::text::escape;

/// What the configuration file says.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConfigFile {
    pub(crate) path: PathBuf,
    pub(crate) defaults: Option<Level>,
    /// The accounts in the order of the file.
    pub(crate) accounts: Vec<(String, Level)>,
}

impl ConfigFile {
    /// Reads the text of the file; `path` is only for messages.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let reader = Reader { path, text };
        let document = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let hint = if error.message().contains("duplicate") {
                "write each table and each key once"
            } else {
                "this is not TOML; popfetch-config(5) shows what a configuration looks like"
            };
            reader.mistake(at, error.message()).hint(hint)
        })?;
        let mut file = Self {
            path: path.to_owned(),
            ..Self::default()
        };
        for (key, value) in document.into_inner() {
            let at = key.span().start;
            match (key.get_ref().as_ref(), value.into_inner()) {
                ("defaults", DeValue::Table(table)) => {
                    file.defaults = Some(reader.defaults(table)?);
                }
                ("accounts", DeValue::Table(accounts)) => {
                    file.accounts = reader.accounts(accounts)?;
                }
                ("defaults" | "accounts", _) => {
                    return Err(
                        reader.mistake(at, "write [defaults] or [accounts.NAME] in brackets")
                    );
                }
                (name, _) => return Err(reader.unknown_at_top(at, name)),
            }
        }
        Ok(file)
    }

    /// The account of this name.
    pub(crate) fn account(&self, name: &str) -> Option<&Level> {
        self.accounts
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, level)| level)
    }

    /// The account whose name is most like this one.
    pub(crate) fn nearest_account(&self, name: &str) -> Option<&str> {
        keys::nearest_of(name, self.accounts.iter().map(|(known, _)| known.as_str()))
    }
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

type Table<'i> = DeTable<'i>;

impl Reader<'_> {
    fn line(&self, offset: usize) -> usize {
        self.text
            .bytes()
            .take(offset)
            .filter(|byte| *byte == b'\n')
            .count()
            + 1
    }

    fn mistake(&self, offset: usize, what: &str) -> Failure {
        let what = what.trim_end().replace('\n', ", ");
        let path = self.path.display().to_string();
        Failure::config(format!(
            "{}:{}: {}",
            escape(&path),
            self.line(offset),
            escape(&what)
        ))
    }

    fn unknown_at_top(&self, at: usize, name: &str) -> Failure {
        let mistake = self.mistake(at, &format!("unknown key \"{name}\""));
        if keys::group_of(name).is_some() {
            return mistake.hint("write it under [defaults] or under [accounts.NAME]");
        }
        let only = "a configuration has [defaults] and [accounts.NAME] only";
        match keys::nearest_of(name, ["defaults", "accounts"]) {
            Some(nearest) => mistake.hint(format!("the nearest name is \"{nearest}\"; {only}")),
            None => mistake.hint(only),
        }
    }

    fn defaults(&self, table: Table<'_>) -> Result<Level, Failure> {
        for (key, _) in &table {
            if keys::group_of(key.get_ref()) == Some(Group::Account) {
                let what = format!("\"{}\" speaks of one account", key.get_ref());
                return Err(self
                    .mistake(key.span().start, &what)
                    .hint("write it under [accounts.NAME]"));
            }
        }
        let level = self.level("defaults".to_owned(), table)?;
        if level.values.tls.tls == Some(TlsName::Off) {
            let line = level.lines.get("tls").copied().unwrap_or_default();
            let path = self.path.display().to_string();
            return Err(Failure::config(format!(
                "{}:{line}: tls = \"off\" cannot be a default",
                escape(&path)
            ))
            .hint("write it under the one account that has no TLS"));
        }
        Ok(level)
    }

    fn accounts(&self, accounts: Table<'_>) -> Result<Vec<(String, Level)>, Failure> {
        let mut found = Vec::new();
        for (name, value) in accounts {
            let at = name.span().start;
            let name = name.get_ref().as_ref().to_owned();
            if !is_account_name(&name) {
                return Err(self.mistake(at, &format!("\"{name}\" cannot be an account's name")).hint(
                    "write letters, digits, blanks and any of - _ . @ + only, such as [accounts.work]",
                ));
            }
            let DeValue::Table(table) = value.into_inner() else {
                return Err(self
                    .mistake(at, &format!("\"{name}\" is no table"))
                    .hint(format!(
                        "write [accounts.{name}] on a line of its own, and its keys below"
                    )));
            };
            if let Some((key, _)) = table
                .iter()
                .find(|(key, _)| keys::group_of(key.get_ref()) == Some(Group::General))
            {
                let what = format!("\"{}\" speaks of the whole run", key.get_ref());
                return Err(self
                    .mistake(key.span().start, &what)
                    .hint("write it under [defaults]"));
            }
            found.push((
                at,
                name.clone(),
                self.level(format!("accounts.{name}"), table)?,
            ));
        }
        found.sort_by_key(|(at, _, _)| *at);
        Ok(found
            .into_iter()
            .map(|(_, name, level)| (name, level))
            .collect())
    }

    /// Reads one table: each key goes to the group of flags that knows it.
    fn level(&self, name: String, table: Table<'_>) -> Result<Level, Failure> {
        let mut groups = Groups::default();
        let mut lines = BTreeMap::new();
        for (key, value) in table {
            let Some(group) = keys::group_of(key.get_ref()) else {
                return Err(self.unknown_key(&key));
            };
            lines.insert(
                key.get_ref().as_ref().to_owned(),
                self.line(key.span().start),
            );
            groups.add(group, key, value);
        }
        let values = Values {
            account: self.read(groups.take(Group::Account))?,
            login: self.read(groups.take(Group::Login))?,
            tls: self.read(groups.take(Group::Tls))?,
            network: self.read(groups.take(Group::Network))?,
            destination: self.read(groups.take(Group::Destination))?,
            policy: self.read(groups.take(Group::Policy))?,
            limits: self.read(groups.take(Group::Limits))?,
            general: self.read(groups.take(Group::General))?,
        };
        Ok(Level {
            place: Place::Table(name),
            values,
            lines,
        })
    }

    fn unknown_key(&self, key: &Spanned<std::borrow::Cow<'_, str>>) -> Failure {
        let name = key.get_ref();
        let mistake = self.mistake(key.span().start, &format!("unknown key \"{name}\""));
        let name = name.to_lowercase();
        if matches!(name.as_str(), "password" | "passwd" | "pass" | "token") {
            return mistake.hint(
                "no secret stands in this file: write password-command = \"CMD\" or \
                 password-file = \"FILE\"",
            );
        }
        if keys::is_flag_of_one_run(&name) {
            return mistake.hint(format!(
                "it is about one run: give --{name} on the command line"
            ));
        }
        match keys::nearest(&name) {
            Some(nearest) => mistake.hint(format!("the nearest key is \"{nearest}\"")),
            None => mistake.hint("popfetch-config(5) lists the keys"),
        }
    }

    /// Reads the keys of one group one by one, so that a mistake names its key.
    fn read<T: DeserializeOwned>(&self, table: Table<'_>) -> Result<T, Failure> {
        for (key, value) in &table {
            let alone = Table::from_iter([(key.clone(), value.clone())]);
            let source = Deserializer::from(Spanned::new(value.span(), alone));
            if let Err(error) = T::deserialize(source) {
                let what = format!("{}: {}", key.get_ref(), error.message());
                let mistake = self.mistake(key.span().start, &what);
                return Err(match hint_of_kind(error.message()) {
                    Some(hint) => mistake.hint(hint),
                    None => mistake.hint("popfetch-config(5) tells what each key takes"),
                });
            }
        }
        T::deserialize(Deserializer::from(Spanned::new(0..0, table)))
            .map_err(|error| self.mistake(0, error.message()))
    }
}

/// How to write a value of the kind that was expected.
fn hint_of_kind(message: &str) -> Option<&'static str> {
    let (_, expected) = message.rsplit_once("expected ")?;
    if expected.contains("boolean") {
        Some("write true or false, without quotes")
    } else if expected.contains("text in quotes") {
        Some("write one text in quotes")
    } else {
        None
    }
}

/// The keys of a table, by group.
#[derive(Default)]
struct Groups<'i>(Vec<(Group, Table<'i>)>);

impl<'i> Groups<'i> {
    fn add(
        &mut self,
        group: Group,
        key: Spanned<std::borrow::Cow<'i, str>>,
        value: Spanned<DeValue<'i>>,
    ) {
        if let Some((_, table)) = self.0.iter_mut().find(|(known, _)| *known == group) {
            table.insert(key, value);
        } else {
            self.0.push((group, Table::from_iter([(key, value)])));
        }
    }

    fn take(&mut self, group: Group) -> Table<'i> {
        let place = self.0.iter().position(|(known, _)| *known == group);
        place.map_or_else(Table::new, |place| self.0.swap_remove(place).1)
    }
}

/// An account's name becomes part of file names (`{account}`, the systemd credential).
fn is_account_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '@' | '+');
    name.chars().all(plain) && name.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::ConfigFile;
    use crate::cli::failure::Kind;

    fn parse(text: &str) -> Result<ConfigFile, crate::cli::failure::Failure> {
        ConfigFile::parse(Path::new("config.toml"), text)
    }

    #[test]
    fn a_whole_file() {
        let file = parse(
            r#"
                [defaults]
                timeout = "60s"
                jobs = 2

                [accounts.work]
                server = "pop3s://pop.example.org"
                user = "alice@example.org"
                password-command = "pass show mail/work"
                to = "maildir:~/Mail/work"
                delete-after = "14d"
                max-message = 1000000
                pipeline = 8
                ipv4 = true

                [accounts."at home"]
                server = "pop3://bob@home.example"
            "#,
        )
        .unwrap();
        let names: Vec<_> = file
            .accounts
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["work", "at home"]);
        let work = file.account("work").unwrap();
        assert_eq!(work.values.login.user.as_deref(), Some("alice@example.org"));
        assert_eq!(work.values.limits.max_message.unwrap().0.get(), 1_000_000);
        assert_eq!(work.lines["to"], 10);
        assert_eq!(
            file.defaults.unwrap().values.general.jobs.unwrap().0.get(),
            2
        );
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "most of it is the table")]
    fn mistakes_name_the_line_and_how_to_mend_it() {
        for (text, message, hint) in [
            (
                "[accounts.work]\npasword-command = \"x\"",
                "config.toml:2: unknown key \"pasword-command\"",
                Some("the nearest key is \"password-command\""),
            ),
            (
                "[accounts.work]\n\npassword = \"sesame\"",
                "config.toml:3: unknown key \"password\"",
                Some(
                    "no secret stands in this file: write password-command = \"CMD\" or \
                      password-file = \"FILE\"",
                ),
            ),
            (
                "[accounts.work]\nzzz = 1",
                "config.toml:2: unknown key \"zzz\"",
                Some("popfetch-config(5) lists the keys"),
            ),
            (
                "[accounts.work]\nyes = true",
                "config.toml:2: unknown key \"yes\"",
                Some("it is about one run: give --yes on the command line"),
            ),
            (
                "[defaults]\ntimeout = 60",
                "config.toml:2: timeout: no unit: write 60s, 60m, 60h or 60d",
                Some("popfetch-config(5) tells what each key takes"),
            ),
            (
                "[defaults]\ntimeout = true",
                "config.toml:2: timeout: invalid type: boolean `true`, expected a text in quotes",
                Some("write one text in quotes"),
            ),
            (
                "[accounts.work]\nkeep = \"yes\"",
                "config.toml:2: keep: invalid type: string \"yes\", expected a boolean",
                Some("write true or false, without quotes"),
            ),
            (
                "[accounts.work]\nretries = -1",
                "config.toml:2: retries: not a count: write a whole number such as 3, or 0 for \
                 never",
                Some("popfetch-config(5) tells what each key takes"),
            ),
            (
                "[defaults]\nverbose = \"yes\"",
                "config.toml:2: verbose: invalid type: string \"yes\", expected true, false or a \
                 number from 0 to 2",
                Some("popfetch-config(5) tells what each key takes"),
            ),
            (
                "[accounts.work]\nuser = \"a\"\nuser = \"b\"",
                "config.toml:3: duplicate key",
                Some("write each table and each key once"),
            ),
            (
                "[accounts.work",
                "config.toml:1: unclosed table, expected `]`",
                Some("this is not TOML; popfetch-config(5) shows what a configuration looks like"),
            ),
            (
                "[defaults]\ntls = \"off\"",
                "config.toml:2: tls = \"off\" cannot be a default",
                Some("write it under the one account that has no TLS"),
            ),
            (
                "[defaults]\nserver = \"pop3s://h\"",
                "config.toml:2: \"server\" speaks of one account",
                Some("write it under [accounts.NAME]"),
            ),
            (
                "[accounts.work]\njobs = 3",
                "config.toml:2: \"jobs\" speaks of the whole run",
                Some("write it under [defaults]"),
            ),
            (
                "timeout = \"60s\"",
                "config.toml:1: unknown key \"timeout\"",
                Some("write it under [defaults] or under [accounts.NAME]"),
            ),
            (
                "[account.work]",
                "config.toml:1: unknown key \"account\"",
                Some(
                    "the nearest name is \"accounts\"; a configuration has [defaults] and \
                     [accounts.NAME] only",
                ),
            ),
            (
                "accounts = 1",
                "config.toml:1: write [defaults] or [accounts.NAME] in brackets",
                None,
            ),
            (
                "[accounts.\"../x\"]",
                "config.toml:1: \"../x\" cannot be an account's name",
                Some(
                    "write letters, digits, blanks and any of - _ . @ + only, such as \
                      [accounts.work]",
                ),
            ),
            (
                "[accounts]\nwork = 1",
                "config.toml:2: \"work\" is no table",
                Some("write [accounts.work] on a line of its own, and its keys below"),
            ),
        ] {
            let failure = parse(text).unwrap_err();
            assert_eq!(failure.kind, Kind::Config);
            assert_eq!(failure.message, message);
            assert_eq!(failure.hint.as_deref(), hint, "{text}");
        }
    }

    #[test]
    fn broken_toml_names_its_line() {
        for text in [
            "[accounts.work\n",
            "[defaults]\ntimeout = ",
            "[defaults]\n[defaults]",
        ] {
            let failure = parse(text).unwrap_err();
            assert!(failure.message.starts_with("config.toml:"), "{failure}");
            assert!(!failure.message.contains('\n'), "{failure}");
        }
    }

    #[test]
    fn a_secret_in_the_file_is_not_shown() {
        for text in [
            "[accounts.w]\npassword = \"sesame\"",
            "[accounts.w]\nproxy = \"x:sesame@y\"",
        ] {
            let failure = parse(text).unwrap_err();
            assert!(!format!("{failure:?}").contains("sesame"), "{failure}");
        }
    }
}
