//! The keys of the configuration file, taken from the flags of the command line, so that each is
//! written down once.

use std::sync::LazyLock;

use clap::builder::ValueRange;
use clap::{Args, Command, CommandFactory as _};

use crate::cli::args::{
    CommandLine, DestinationFlags, GeneralFlags, LimitFlags, LoginFlags, NetworkFlags, PolicyFlags,
    TlsFlags,
};

/// The group of flags a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Group {
    Account,
    Login,
    Tls,
    Network,
    Destination,
    Policy,
    Limits,
    General,
}

/// The flag is repeated where the key has a number.
const VERBOSE: &str = "Say more: true or 1; 2 shows the protocol with secrets left out; false or \
                       0 is the usual";

/// Every key with its group.
static KEYS: LazyLock<Vec<(String, Group)>> = LazyLock::new(|| {
    let mut keys: Vec<_> = ["server", "account-id"]
        .map(|key| (key.to_owned(), Group::Account))
        .into();
    add::<LoginFlags>(&mut keys, Group::Login);
    add::<TlsFlags>(&mut keys, Group::Tls);
    add::<NetworkFlags>(&mut keys, Group::Network);
    add::<DestinationFlags>(&mut keys, Group::Destination);
    add::<PolicyFlags>(&mut keys, Group::Policy);
    add::<LimitFlags>(&mut keys, Group::Limits);
    add::<GeneralFlags>(&mut keys, Group::General);
    // A configuration file cannot say where it is itself.
    keys.retain(|(key, _)| key != "config");
    keys
});

fn add<T: Args>(keys: &mut Vec<(String, Group)>, group: Group) {
    let command = T::augment_args(Command::new("keys"));
    let names = command.get_arguments().filter_map(clap::Arg::get_long);
    keys.extend(names.map(|name| (name.to_owned(), group)));
}

/// Every key that is a flag, with what it takes and what it is for.
pub(crate) fn keys_with_help() -> Vec<(String, String, String)> {
    let mut command = Command::new("keys");
    command = LoginFlags::augment_args(command);
    command = TlsFlags::augment_args(command);
    command = NetworkFlags::augment_args(command);
    command = DestinationFlags::augment_args(command);
    command = PolicyFlags::augment_args(command);
    command = LimitFlags::augment_args(command);
    command = GeneralFlags::augment_args(command);
    let described = command.get_arguments().filter_map(|argument| {
        let key = argument.get_long().filter(|key| group_of(key).is_some())?;
        let takes_nothing = argument.get_num_args() == Some(ValueRange::EMPTY);
        let value = match argument.get_value_names() {
            _ if key == "verbose" => "N".to_owned(),
            Some([name, ..]) if name.as_str() == "N" => "N".to_owned(),
            Some([name, ..]) if !takes_nothing => format!("\"{name}\""),
            Some(_) | None => "true".to_owned(),
        };
        let help = if key == "verbose" {
            VERBOSE.to_owned()
        } else {
            argument.get_help()?.to_string()
        };
        Some((key.to_owned(), value, help))
    });
    described.collect()
}

/// The group of a key; none when there is no such key.
pub(super) fn group_of(key: &str) -> Option<Group> {
    KEYS.iter()
        .find(|(known, _)| known == key)
        .map(|(_, group)| *group)
}

/// Whether it is a flag of the command line that cannot stand in the file.
pub(super) fn is_flag_of_one_run(name: &str) -> bool {
    let command = CommandLine::command();
    let mut flags = command
        .get_subcommands()
        .flat_map(Command::get_arguments)
        .filter_map(clap::Arg::get_long);
    group_of(name).is_none() && flags.any(|flag| flag == name)
}

/// The known key that is most like this one.
pub(super) fn nearest(key: &str) -> Option<&'static str> {
    nearest_of(key, KEYS.iter().map(|(known, _)| known.as_str()))
}

/// The name most like this one, if any is like it at all.
pub(super) fn nearest_of<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| {
            (
                strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase()),
                known,
            )
        })
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::{Group, KEYS, group_of, nearest};

    #[test]
    fn keys_are_distinct_and_no_flag_of_one_run_is_among_them() {
        for (index, (key, _)) in KEYS.iter().enumerate() {
            assert!(
                KEYS.iter().skip(index + 1).all(|(other, _)| other != key),
                "{key} twice"
            );
        }
        assert_eq!(group_of("password-command"), Some(Group::Login));
        assert_eq!(group_of("server"), Some(Group::Account));
        for key in [
            "yes", "dry-run", "new", "uid", "config", "adopt", "password", "",
        ] {
            assert_eq!(group_of(key), None, "{key}");
        }
    }

    #[test]
    fn the_nearest_key_is_found() {
        for (wrong, right) in [
            ("pasword-command", Some("password-command")),
            ("password_command", Some("password-command")),
            ("Server", Some("server")),
            ("time-out", Some("timeout")),
            ("delete-afer", Some("delete-after")),
            ("zzz", None),
        ] {
            assert_eq!(nearest(wrong), right, "{wrong}");
        }
    }
}
