use std::collections::BTreeMap;
use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::{Whose, find};
use crate::cli::config::{Level, Levels, Place, Values};
use crate::cli::environment::Environment;
use crate::cli::failure::{Failure, Kind};
use crate::secret::Secret;

const WHOSE: Whose<'_> = Whose {
    account: Some("work"),
    path_name: "work",
    user: "alice",
    host: "pop.example.org",
};

fn file(path: &Path, text: &str, mode: u32) {
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .mode(mode)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn level(place: Place, key: &str, value: &str) -> Level {
    let mut values = Values::default();
    let value = Some(value.parse().unwrap());
    match key {
        "password-command" => values.login.password_command = value,
        "password-file" => values.login.password_file = value,
        "token-command" => values.login.token_command = value,
        "token-file" => values.login.token_file = value,
        _ => {}
    }
    Level {
        place,
        values,
        lines: BTreeMap::default(),
    }
}

fn empty(place: Place) -> Level {
    level(place, "", "-")
}

fn table() -> Place {
    Place::Table("accounts.work".to_owned())
}

fn taken(levels: &[&Level], environment: &Environment) -> Result<(String, String), Failure> {
    let source = find(Levels(levels), environment, WHOSE)?;
    let secret = source.take(&AtomicBool::new(false), None)?;
    let text = String::from_utf8(secret.expose().to_vec()).unwrap();
    Ok((format!("{} {text}", source.kind), source.key))
}

/// Every source is set; they are taken away one by one from the nearest on.
#[test]
#[expect(clippy::too_many_lines, reason = "most of it is the table")]
fn the_nearest_source_wins() {
    let folder = tempfile::tempdir().unwrap();
    file(
        &folder.path().join("popfetch.work"),
        "from systemd\n",
        0o440,
    );
    file(
        &folder.path().join(".netrc"),
        "machine pop.example.org login alice password from-netrc",
        0o600,
    );
    let flags = level(Place::Flags, "password-command", "echo from flag");
    let keys = level(table(), "token-command", "echo from keys");
    let defaults = level(
        Place::Table("defaults".to_owned()),
        "password-command",
        "echo defaults",
    );
    let (no_flags, variables, no_keys) = (
        empty(Place::Flags),
        empty(Place::Environment),
        empty(table()),
    );
    let whole = Environment {
        home: Some(folder.path().to_owned()),
        credentials_folder: Some(folder.path().to_owned()),
        password: Some(Secret::from("from env".to_owned())),
        ..Environment::default()
    };
    let without_password = Environment {
        password: None,
        ..whole.clone()
    };
    let without_systemd = Environment {
        credentials_folder: None,
        ..without_password.clone()
    };
    for (levels, environment, secret, key) in [
        (
            [&flags, &variables, &keys, &defaults],
            &whole,
            "password from flag",
            "--password-command",
        ),
        (
            [&no_flags, &variables, &keys, &defaults],
            &whole,
            "password from env",
            "POPFETCH_PASSWORD",
        ),
        (
            [&no_flags, &variables, &keys, &defaults],
            &without_password,
            "token from keys",
            "[accounts.work], line 0",
        ),
        (
            [&no_flags, &variables, &no_keys, &defaults],
            &without_password,
            "password defaults",
            "[defaults], line 0",
        ),
        (
            [&no_flags, &variables, &no_keys, &no_keys],
            &without_password,
            "password from systemd",
            "systemd credential popfetch.work",
        ),
        (
            [&no_flags, &variables, &no_keys, &no_keys],
            &without_systemd,
            "password from-netrc",
            "~/.netrc",
        ),
    ] {
        let (found, from) = taken(&levels, environment).unwrap();
        assert_eq!((found.as_str(), from.as_str()), (secret, key));
    }
}

#[test]
fn files_that_others_can_read_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
        file(&path, "sesame\nnot this\n", mode);
        let flags = level(Place::Flags, "password-file", path.to_str().unwrap());
        let found = taken(&[&flags], &Environment::default());
        match found {
            Ok((found, _)) => assert!(good && found == "password sesame", "{mode:o} {found}"),
            Err(failure) => assert!(
                !good && failure.kind == Kind::NoSecret,
                "{mode:o} {failure}"
            ),
        }
        drop(std::fs::remove_file(&path));
    }
}

#[test]
fn an_open_netrc_is_refused_only_when_it_has_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment {
        home: Some(folder.path().to_owned()),
        ..Environment::default()
    };
    let netrc = folder.path().join(".netrc");
    file(
        &netrc,
        "machine other.example login alice password x",
        0o644,
    );
    let failure = find(Levels(&[]), &environment, WHOSE);
    assert!(!failure.is_err_and(|failure| failure.message.contains("others can read")));
    file(
        &netrc,
        "machine pop.example.org login alice password x",
        0o644,
    );
    let failure = find(Levels(&[]), &environment, WHOSE).unwrap_err();
    assert!(
        failure
            .message
            .ends_with("holds a secret and others can read it"),
        "{failure}"
    );
}

#[test]
fn two_sources_at_one_level_are_refused() {
    let mut flags = level(Place::Flags, "token-file", "/x");
    flags.values.login.password_command = Some("echo".parse().unwrap());
    let failure = find(Levels(&[&flags]), &Environment::default(), WHOSE).unwrap_err();
    assert_eq!(failure.kind, Kind::Usage);
}
