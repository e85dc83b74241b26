//! A door for the fuzz targets: the readers of what the user wrote.

use std::path::Path;

use super::account_url::AccountUrl;
use super::config::{Account, Configuration, Explained, Values};
use super::environment::Environment;
use super::failure::Failure;
use super::netrc::password_for;

/// An account's URL as it is written back, and its user; or what is said of one that is refused.
pub fn account_url(text: &str) -> Result<(String, Option<String>), String> {
    let url = AccountUrl::parse(text).map_err(|error| format!("{error}\n{}", error.hint()))?;
    Ok((url.to_string(), url.user))
}

/// The password that a netrc file has for this login.
pub fn netrc_password(netrc: &[u8], host: &str, login: &str) -> Option<Vec<u8>> {
    password_for(netrc, host, login).map(|secret| secret.expose().to_vec())
}

/// The accounts of `config.toml` in a folder, each with its settings as `KEY = VALUE`, or what is
/// said of what is wrong.
pub fn config(folder: &Path) -> Result<Vec<Result<Vec<String>, String>>, String> {
    let environment = Environment {
        home: Some("/h".into()),
        config_folder: Some(folder.to_owned()),
        ..Environment::default()
    };
    let configuration = Configuration::load(Values::default(), &environment).map_err(words)?;
    let accounts = configuration.accounts(&[]).map_err(words)?;
    Ok(accounts
        .into_iter()
        .map(|account| match account {
            Ok(account) => Ok(settings(account)),
            Err(broken) => Err(words(broken.failure)),
        })
        .collect())
}

fn settings(account: Account) -> Vec<String> {
    let line = |Explained { key, value, .. }: Explained| format!("{key} = {value}");
    account.explained.into_iter().map(line).collect()
}

fn words(failure: Failure) -> String {
    let hint = failure.hint.unwrap_or_default();
    format!("{}\n{hint}", failure.message)
}
