use std::collections::BTreeMap;
use std::path::Path;

use super::{Account, BrokenAccount, ConfigFile, Configuration, Level, Place, Values};
use crate::cli::args::{Command, CommandLine};
use crate::cli::environment::Environment;
use crate::cli::failure::{Failure, Kind};
use crate::secret::Secret;
use clap::Parser as _;

const FILE: &str = r#"
[defaults]
timeout = "30s"
to = "maildir:~/Mail/{account}"
delete = true

[accounts.work]
server = "pop3s://pop.example.org"
user = "alice@example.org"
password-command = "echo sesame"
delete-after = "14d"
timeout = "90s"

[accounts.home]
server = "pop3://bob@home.example:1110"
password-command = "echo sesame"

[accounts.clear]
server = "pop3://carol@127.0.0.1"
tls = "off"
password-command = "echo sesame"
keep = true
"#;

fn configuration<'a>(words: &str, file: &str, environment: &'a Environment) -> Configuration<'a> {
    let words = format!("popfetch fetch {words}");
    let line = CommandLine::try_parse_from(words.split_whitespace()).unwrap();
    let Command::Fetch(fetch) = line.command else {
        unreachable!("it is a fetch")
    };
    let mut flags = Values::of_flags(&fetch.connection, &fetch.destination, &line.general);
    flags.policy = fetch.policy;
    flags.limits = fetch.limits;
    let level = |place, values| Level {
        place,
        values,
        lines: BTreeMap::default(),
    };
    Configuration {
        flags: level(Place::Flags, flags),
        variables: level(Place::Environment, Values::default()),
        file: ConfigFile::parse(Path::new("config.toml"), file).unwrap(),
        environment,
    }
}

fn environment() -> Environment {
    Environment {
        home: Some("/h".into()),
        ..Environment::default()
    }
}

fn account(words: &str, named: &str) -> Result<Account, Failure> {
    let environment = environment();
    let configuration = configuration(words, FILE, &environment);
    let mut accounts = configuration.accounts(&[named.to_owned()])?;
    accounts.remove(0).map_err(|broken| broken.failure)
}

/// The account's name, server, user, timeout, destination and policy, as a line.
fn line(account: &Account) -> String {
    format!(
        "{} {} {} {} {}s {} {:?}",
        account.name,
        account.server,
        account.server.tls,
        account.user,
        account.timeout.as_secs(),
        account.destination.as_deref().unwrap_or("nowhere"),
        account.after_storing,
    )
}

#[test]
fn flags_go_over_the_account_over_defaults() {
    for (words, named, expected) in [
        (
            "",
            "work",
            "work pop.example.org:995 implicit alice@example.org 90s maildir:~/Mail/work \
             DeleteAfter { seconds: 1209600 }",
        ),
        (
            "--timeout 5s --keep --to mbox:/x --user bob",
            "work",
            "work pop.example.org:995 implicit bob 5s mbox:/x Keep",
        ),
        (
            "",
            "home",
            "home home.example:1110 stls bob 30s maildir:~/Mail/home Delete",
        ),
        (
            "--tls implicit",
            "home",
            "home home.example:1110 implicit bob 30s maildir:~/Mail/home Delete",
        ),
        (
            "",
            "clear",
            "clear 127.0.0.1:110 off carol 30s maildir:~/Mail/clear Keep",
        ),
        (
            "",
            "pop3s://dave@H.example",
            "pop3s://dave@h.example h.example:995 implicit dave 30s maildir:~/Mail/dave@h.example \
             Delete",
        ),
        (
            "--user dave@example.org --tls implicit",
            "pop3://h.example",
            "pop3://h.example h.example:995 implicit dave@example.org 30s \
             maildir:~/Mail/dave@example.org@h.example Delete",
        ),
    ] {
        assert_eq!(
            line(&account(words, named).unwrap()),
            expected,
            "{words} {named}"
        );
    }
}

#[test]
fn where_each_value_came_from() {
    let work = account("--retries 1", "work").unwrap();
    let shown = |key| {
        let it = work.explained.iter().find(|it| it.key == key).unwrap();
        format!("{} ({})", it.value, it.source)
    };
    for (key, expected) in [
        ("retries", "1 (--retries)"),
        ("timeout", "1m 30s ([accounts.work], line 12)"),
        ("to", "maildir:~/Mail/{account} ([defaults], line 4)"),
        ("max-time", "1day (default)"),
        ("tls", "implicit, as pop3s:// says (default)"),
        ("delete-after", "14days ([accounts.work], line 11)"),
    ] {
        assert_eq!(shown(key), expected);
    }
}

#[test]
fn mistakes_of_one_account() {
    for (words, named, kind, message) in [
        (
            "--tls off",
            "work",
            Kind::Usage,
            "pop3s:// means TLS, and tls is off (--tls)",
        ),
        (
            "--user bob",
            "pop3s://alice@h",
            Kind::Usage,
            "pop3s://alice@h: the URL names another user than the setting \"user\" (--user)",
        ),
        (
            "",
            "pop3s://h",
            Kind::Usage,
            "pop3s://h: there is no user (the URL)",
        ),
        (
            "",
            "wrok",
            Kind::Usage,
            "no account \"wrok\": config.toml has no such account",
        ),
        (
            "",
            "pop3s://a:b@h",
            Kind::Usage,
            "the account's URL holds a password, which other users could read",
        ),
        (
            "",
            "pop3s://a@h:0",
            Kind::Usage,
            "pop3s://a@h:0: no server listens at port 0 (the URL)",
        ),
    ] {
        let failure = account(words, named).unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (kind, message));
        assert!(failure.hint.is_some(), "{message}");
    }
}

#[test]
fn mistakes_in_the_file_are_the_accounts_own() {
    let environment = environment();
    for (table, message) in [
        ("user = \"a\"", "this account names no server"),
        (
            "server = \"pop3s://a@h\"\nkeep = false",
            "keep = false says nothing ([accounts.x], line 3)",
        ),
        (
            "server = \"pop3s://a@h\"\nkeep = true\ndelete = true",
            "keep and delete contradict each other ([accounts.x], line 4)",
        ),
        (
            "server = \"pop3s://h:1/x\"",
            "the account's URL goes on after the host (it is not shown here) ([accounts.x], line 2)",
        ),
        (
            "server = \"pop3s://a@h\"\ntls = \"off\"",
            "pop3s:// means TLS, and tls is off ([accounts.x], line 3)",
        ),
        (
            "server = \"pop3s://a@h\"\ntls-client-cert = \"c\"",
            "a client certificate needs its key, and a key its certificate",
        ),
    ] {
        let configuration = configuration("", &format!("[accounts.x]\n{table}"), &environment);
        let accounts = configuration.accounts(&[]).unwrap();
        let [Err(BrokenAccount { name, failure })] = accounts.as_slice() else {
            panic!("{table}")
        };
        assert_eq!((name.as_str(), failure.kind), ("x", Kind::Config));
        assert_eq!(failure.message, message);
    }
}

#[test]
fn flags_of_one_server_want_one_account() {
    let password = Environment {
        password: Some(Secret::from("sesame".to_owned())),
        ..environment()
    };
    for (words, environment, refused) in [
        ("--timeout 5s", &environment(), None),
        ("--user bob", &environment(), Some("--user")),
        ("--tls-ca x", &environment(), Some("--tls-ca")),
        ("", &password, Some("POPFETCH_PASSWORD")),
    ] {
        let configuration = configuration(words, FILE, environment);
        let failure = configuration.accounts(&[]).err();
        assert_eq!(failure.is_some(), refused.is_some(), "{words}");
        if let (Some(failure), Some(refused)) = (failure, refused) {
            assert_eq!(failure.kind, Kind::Usage);
            assert!(failure.message.starts_with(refused), "{failure}");
        }
        assert!(configuration.accounts(&["work".to_owned()]).is_ok());
    }
}

#[test]
fn no_account_at_all() {
    let environment = environment();
    let configuration = configuration("", "", &environment);
    let failure = configuration.accounts(&[]).unwrap_err();
    assert_eq!(failure.kind, Kind::Usage);
    let hint = failure.hint.unwrap();
    assert!(hint.ends_with(" in config.toml"), "{hint}");
}

#[test]
fn one_account_named_twice() {
    let environment = environment();
    let configuration = configuration("", FILE, &environment);
    let twice = ["work".to_owned(), "work".to_owned()];
    assert_eq!(
        configuration.accounts(&twice).unwrap_err().message,
        "work is named twice"
    );
}
