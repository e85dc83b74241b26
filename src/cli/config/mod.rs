//! What the flags, the environment and the configuration file say together.

mod account;
mod file;
mod keys;
mod level;
mod settings;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use super::environment::Environment;
use super::failure::Failure;
use crate::protocol::text::escape;

pub(crate) use account::{Account, BrokenAccount, Explained};
pub(crate) use file::ConfigFile;
pub(crate) use keys::keys_with_help;
pub(crate) use level::{Level, Levels, Place, Values};
pub(crate) use settings::{Format, Settings, Verbosity};

/// Other users of the machine can read the command line.
fn refuse_proxy_password(flags: &Values) -> Result<(), Failure> {
    let proxy = flags.network.proxy.as_ref();
    let login = proxy.and_then(|proxy| proxy.login.as_ref());
    if login.is_none_or(|login| login.password.expose().is_empty()) {
        return Ok(());
    }
    Err(
        Failure::usage("--proxy takes no password: other users can see it there").hint(
            "write socks5://USER:PASSWORD@HOST:PORT into POPFETCH_PROXY or the configuration",
        ),
    )
}

/// A configuration file larger than this is some other file.
const FILE_OCTETS_MAX: u64 = 4 << 20;

/// The levels of one run.
#[derive(Debug)]
pub(crate) struct Configuration<'a> {
    flags: Level,
    variables: Level,
    file: ConfigFile,
    environment: &'a Environment,
}

impl<'a> Configuration<'a> {
    /// Reads the configuration file and puts the flags over it.
    pub(crate) fn load(flags: Values, environment: &'a Environment) -> Result<Self, Failure> {
        refuse_proxy_password(&flags)?;
        let file = match &flags.general.config {
            Some(path) => Some(read(&environment.expand_home(path))?),
            None => match environment.config_path() {
                Some(path) if path.exists() => Some(read(&path)?),
                Some(_) | None => None,
            },
        };
        let mut variables = Values::default();
        if let Some(proxy) = &environment.proxy {
            let proxy = proxy.parse().map_err(|error| {
                Failure::config(format!("the environment's POPFETCH_PROXY: {error}"))
            })?;
            variables.network.proxy = Some(proxy);
        }
        Ok(Self {
            variables: level(Place::Environment, variables),
            file: file.unwrap_or_default(),
            ..Self::of_flags(flags, environment)
        })
    }

    /// The flags alone.
    pub(crate) fn of_flags(flags: Values, environment: &'a Environment) -> Self {
        Self {
            flags: level(Place::Flags, flags),
            variables: level(Place::Environment, Values::default()),
            file: ConfigFile::default(),
            environment,
        }
    }

    /// The settings of the run as a whole.
    pub(crate) fn settings(&self) -> Settings {
        Settings::of(Levels(&self.levels(None)), self.environment)
    }

    /// The file that was read, and why that one.
    pub(crate) fn file(&self) -> (String, &'static str) {
        let source = if self.flags.values.general.config.is_some() {
            "--config"
        } else {
            "default"
        };
        if self.file.path.as_os_str().is_empty() {
            return ("none".to_owned(), source);
        }
        (self.file.path.display().to_string(), source)
    }

    /// What the settings of the run are, and where they came from.
    pub(crate) fn explain_settings(&self) -> Vec<Explained> {
        settings::explain(Levels(&self.levels(None)))
    }

    /// The accounts that are named, or all of the file when none is. One account's mistake is
    /// its own: the others stay.
    pub(crate) fn accounts(
        &self,
        named: &[String],
    ) -> Result<Vec<Result<Account, BrokenAccount>>, Failure> {
        let all: Vec<_>;
        let named = if named.is_empty() {
            all = self
                .file
                .accounts
                .iter()
                .map(|(name, _)| name.clone())
                .collect();
            &all
        } else {
            named
        };
        if named.is_empty() {
            return Err(self.no_account());
        }
        if let Some(twice) = named.iter().enumerate().find_map(|(index, name)| {
            named
                .iter()
                .skip(index + 1)
                .any(|other| other == name)
                .then_some(name)
        }) {
            let shown = if super::account_url::looks_like_url(twice) {
                "a URL"
            } else {
                twice
            };
            return Err(Failure::usage(format!("{} is named twice", escape(shown)))
                .hint("name each account once"));
        }
        if named.len() != 1 {
            self.refuse_flags_of_one_account(named.len())?;
        }
        named.iter().map(|name| self.account(name)).collect()
    }

    fn no_account(&self) -> Failure {
        let usual = || self.environment.config_path();
        let read = Some(&self.file.path).filter(|path| !path.as_os_str().is_empty());
        let place = read.cloned().or_else(usual).map_or_else(
            || "the configuration".to_owned(),
            |path| path.display().to_string(),
        );
        Failure::usage("no account is named, and the configuration file has none").hint(format!(
            "write a URL such as pop3s://alice@pop.example.org, or an [accounts.NAME] in {}",
            escape(&place)
        ))
    }

    /// Flags that speak of one server, and `POPFETCH_PASSWORD`, cannot be meant for several.
    fn refuse_flags_of_one_account(&self, accounts: usize) -> Result<(), Failure> {
        let Values { login, tls, .. } = &self.flags.values;
        let given = [
            ("--user", login.user.is_some()),
            ("--password-command", login.password_command.is_some()),
            ("--password-file", login.password_file.is_some()),
            ("--token-command", login.token_command.is_some()),
            ("--token-file", login.token_file.is_some()),
            ("--auth", login.auth.is_some()),
            ("--tls", tls.tls.is_some()),
            ("--tls-ca", tls.tls_ca.is_some()),
            ("--tls-pin", tls.tls_pin.is_some()),
            ("--tls-name", tls.tls_name.is_some()),
            ("--tls-client-cert", tls.tls_client_cert.is_some()),
            ("POPFETCH_PASSWORD", self.environment.password.is_some()),
        ];
        given
            .iter()
            .find(|(_, given)| *given)
            .map_or(Ok(()), |(name, _)| {
                Err(Failure::usage(format!(
                "{name} speaks of one account, and there are {accounts} of them"
            ))
            .hint("name one account, or write the setting under each account of the configuration"))
            })
    }
}

fn level(place: Place, values: Values) -> Level {
    Level {
        place,
        values,
        lines: BTreeMap::default(),
    }
}

fn read(path: &Path) -> Result<ConfigFile, Failure> {
    let shown = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        let failure = Failure::config(format!(
            "cannot read the configuration {}: {error}",
            escape(&shown)
        ));
        if error.kind() == ErrorKind::NotFound {
            failure.hint("see that the path is right; --config names another file")
        } else if error.kind() == ErrorKind::IsADirectory {
            failure.hint("name the file in it, such as config.toml")
        } else {
            failure.hint("see that the file is yours to read")
        }
    };
    let mut octets = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_OCTETS_MAX + 1).read_to_end(&mut octets))
        .map_err(unreadable)?;
    if octets.len() as u64 > FILE_OCTETS_MAX {
        return Err(Failure::config(format!(
            "{} is larger than 4 MiB, which no configuration is",
            escape(&shown)
        )));
    }
    let text = String::from_utf8(octets).map_err(|error| {
        let before = error
            .as_bytes()
            .iter()
            .take(error.utf8_error().valid_up_to());
        let line = before.filter(|octet| **octet == b'\n').count() + 1;
        Failure::config(format!("{}:{line}: this is not UTF-8", escape(&shown)))
            .hint("save the file as UTF-8")
    })?;
    ConfigFile::parse(path, &text)
}

#[cfg(test)]
mod tests;
