//! The only reader of the environment: variables, folders, host name, clock.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::secret::Secret;

/// What the environment says, read once.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    /// `~`.
    pub(crate) home: Option<PathBuf>,
    /// Where `config.toml` is.
    pub(crate) config_folder: Option<PathBuf>,
    /// Where journals go that have no destination to lie beside.
    pub(crate) state_folder: Option<PathBuf>,
    /// `POPFETCH_PASSWORD`.
    pub(crate) password: Option<Secret>,
    /// `POPFETCH_PROXY`.
    pub(crate) proxy: Option<String>,
    /// `CREDENTIALS_DIRECTORY`, where systemd puts a service's credentials.
    pub(crate) credentials_folder: Option<PathBuf>,
    /// `NO_COLOR` is set to something.
    pub(crate) no_color: bool,
    /// `TERM=dumb`: no cursor movement.
    pub(crate) dumb_terminal: bool,
}

impl Environment {
    /// Reads it.
    pub(crate) fn read() -> Self {
        let password = variable("POPFETCH_PASSWORD").filter(|word| !word.is_empty());
        Self {
            home: dirs::home_dir().filter(|path| path.is_absolute()),
            config_folder: dirs::config_dir().map(|folder| folder.join("popfetch")),
            state_folder: dirs::state_dir()
                .or_else(dirs::data_local_dir)
                .map(|folder| folder.join("popfetch")),
            password: password.map(|word| Secret::new(word.into_encoded_bytes())),
            proxy: variable("POPFETCH_PROXY")
                .filter(|proxy| !proxy.is_empty())
                .map(|proxy| proxy.to_string_lossy().into_owned()),
            credentials_folder: variable("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            no_color: variable("NO_COLOR").is_some_and(|value| !value.is_empty()),
            dumb_terminal: variable("TERM").is_some_and(|term| term == "dumb"),
        }
    }

    /// The place of the configuration file when no flag names another.
    pub(crate) fn config_path(&self) -> Option<PathBuf> {
        self.config_folder
            .as_ref()
            .map(|folder| folder.join("config.toml"))
    }

    /// The path with `~/` in front of it expanded.
    pub(crate) fn expand_home(&self, path: &str) -> PathBuf {
        let in_home = match path {
            "~" => Some(""),
            _ => path.strip_prefix("~/"),
        };
        match (in_home, &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            (Some(_), None) | (None, _) => Path::new(path).to_owned(),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the environment"
)]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The words of the command line, the program's name first.
pub(crate) fn arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// The time of day, in seconds since 1970.
pub(crate) fn now_seconds() -> i64 {
    let since = system_time().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The time of day.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the clock"
)]
pub(crate) fn system_time() -> SystemTime {
    SystemTime::now()
}

/// The name of this machine.
pub(crate) fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Environment;

    #[test]
    fn home_is_expanded_in_front_only() {
        let environment = Environment {
            home: Some(PathBuf::from("/h/a")),
            ..Environment::default()
        };
        for (text, expected) in [
            ("~/Mail", "/h/a/Mail"),
            ("~", "/h/a/"),
            ("/x/~/y", "/x/~/y"),
            ("~bob/Mail", "~bob/Mail"),
            ("Mail", "Mail"),
        ] {
            assert_eq!(
                environment.expand_home(text),
                PathBuf::from(expected),
                "{text}"
            );
        }
        assert_eq!(
            Environment::default().expand_home("~/Mail"),
            PathBuf::from("~/Mail")
        );
    }
}
