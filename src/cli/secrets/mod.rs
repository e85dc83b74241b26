//! Where the password or token comes from: the first of flags, `POPFETCH_PASSWORD`, the account's
//! own keys, the systemd credential, `~/.netrc`, a prompt.

mod source;

use std::fs::File;
use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use super::config::{Level, Levels, Place};
use super::environment::Environment;
use super::failure::{Failure, Kind};
use super::netrc;
use crate::cli::args::LoginFlags;

pub(crate) use source::{Origin, SecretKind, SecretSource};

/// Files with secrets are small; more than this is some other file.
const FILE_OCTETS_MAX: u64 = 1 << 20;

/// Whom a secret is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whose<'a> {
    /// The name in the configuration file, where the account has one.
    pub(crate) account: Option<&'a str>,
    /// What `{account}` stands for in paths.
    pub(crate) path_name: &'a str,
    pub(crate) user: &'a str,
    pub(crate) host: &'a str,
}

/// Finds the source of the secret: the first that is set.
pub(crate) fn find(
    levels: Levels<'_>,
    environment: &Environment,
    whose: Whose<'_>,
) -> Result<SecretSource, Failure> {
    for level in levels.0 {
        if let Some(source) = from_level(level, environment, whose)? {
            return Ok(source);
        }
    }
    if let Some(source) = from_credentials_folder(environment, whose) {
        return Ok(source);
    }
    if let Some(source) = from_netrc(environment, whose)? {
        return Ok(source);
    }
    if std::io::stdin().is_terminal() {
        return Ok(SecretSource::prompt(whose));
    }
    Err(Failure::new(
        Kind::NoSecret,
        format!("there is no password for {} at {}", whose.user, whose.host),
    )
    .hint(
        "give it by --password-command, --password-file, POPFETCH_PASSWORD, the account's \
         password-command, a systemd credential or ~/.netrc; without a terminal nobody can be asked",
    ))
}

fn from_level(
    level: &Level,
    environment: &Environment,
    whose: Whose<'_>,
) -> Result<Option<SecretSource>, Failure> {
    if level.place == Place::Environment {
        return Ok(environment
            .password
            .clone()
            .map(SecretSource::from_environment));
    }
    let LoginFlags {
        password_command,
        password_file,
        token_command,
        token_file,
        ..
    } = &level.values.login;
    let named = [
        ("password-command", password_command),
        ("password-file", password_file),
        ("token-command", token_command),
        ("token-file", token_file),
    ];
    let mut set = named
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_ref()?)));
    let Some((key, value)) = set.next() else {
        return Ok(None);
    };
    if let Some((other, _)) = set.next() {
        return Err(Failure::usage(format!(
            "{key} and {other} are both set ({}, {})",
            level.source(key),
            level.source(other)
        ))
        .hint("one secret has one source: leave one of them out"));
    }
    let kind = if key.starts_with("token") {
        SecretKind::Token
    } else {
        SecretKind::Password
    };
    let origin = if key.ends_with("command") {
        Origin::command(value, whose)
    } else {
        Origin::File(environment.expand_home(&value.replace("{account}", whose.path_name)))
    };
    Ok(Some(SecretSource {
        kind,
        origin,
        key: level.source(key).to_string(),
    }))
}

/// systemd's `LoadCredential=popfetch.ACCOUNT:...`.
fn from_credentials_folder(environment: &Environment, whose: Whose<'_>) -> Option<SecretSource> {
    let folder = environment.credentials_folder.as_ref()?;
    let path = folder.join(format!("popfetch.{}", whose.account?));
    path.is_file().then(|| SecretSource {
        kind: SecretKind::Password,
        key: format!(
            "systemd credential popfetch.{}",
            whose.account.unwrap_or_default()
        ),
        origin: Origin::Credential(path),
    })
}

fn from_netrc(
    environment: &Environment,
    whose: Whose<'_>,
) -> Result<Option<SecretSource>, Failure> {
    let Some(home) = &environment.home else {
        return Ok(None);
    };
    let path = home.join(".netrc");
    let Ok(mut file) = File::open(&path) else {
        return Ok(None);
    };
    let mut octets = Vec::new();
    if file
        .by_ref()
        .take(FILE_OCTETS_MAX)
        .read_to_end(&mut octets)
        .is_err()
    {
        return Ok(None);
    }
    let Some(secret) = netrc::password_for(&octets, whose.host, whose.user) else {
        return Ok(None);
    };
    refuse_open_file(&file, &path)?;
    Ok(Some(SecretSource {
        kind: SecretKind::Password,
        origin: Origin::Known(secret),
        key: "~/.netrc".to_owned(),
    }))
}

/// Refuses a file that anybody but its owner can read.
fn refuse_open_file(file: &File, path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;

    let readable = |error| {
        let path = path.display();
        Failure::new(Kind::NoSecret, format!("cannot look at {path}: {error}"))
    };
    let metadata = file.metadata().map_err(readable)?;
    if metadata.is_file() && metadata.mode() & 0o077 != 0 {
        let path = path.display();
        return Err(Failure::new(
            Kind::NoSecret,
            format!("{path} holds a secret and others can read it"),
        )
        .hint(format!("make it yours alone: chmod 600 {path}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
