use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use super::CommandLine;

#[test]
fn the_definitions_hold_together() {
    CommandLine::command().debug_assert();
}

#[test]
fn every_flag_has_a_help_text_in_the_house_style() {
    fn check(command: &clap::Command) {
        for argument in command.get_arguments() {
            let help = argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let name = format!("{} {}", command.get_name(), argument.get_id());
            assert!(!help.is_empty(), "{name} has no help");
            assert!(!help.ends_with('.'), "{name} ends with a full stop");
            assert!(
                help.starts_with(char::is_uppercase),
                "{name} does not begin in upper case"
            );
        }
        command.get_subcommands().for_each(check);
    }
    check(&CommandLine::command());
}

fn refusal(words: &str) -> Option<ErrorKind> {
    CommandLine::try_parse_from(words.split_whitespace())
        .err()
        .map(|error| error.kind())
}

#[test]
fn command_lines() {
    use ErrorKind::ValueValidation;
    use ErrorKind::{ArgumentConflict, InvalidValue, MissingRequiredArgument, UnknownArgument};
    for (words, expected) in [
        ("popfetch fetch", None),
        (
            "popfetch fetch work home --to ~/Mail --delete-after 14d",
            None,
        ),
        (
            "popfetch fetch pop3s://a@h --to - --limit 1 --newest-first -4",
            None,
        ),
        ("popfetch fetch -vv --json --keep", None),
        (
            "popfetch list work -l --uid 1 --uid 2 --number 3-9 --from bob --subject hi",
            None,
        ),
        ("popfetch stat --server --json", None),
        (
            "popfetch delete work --uid 1 --yes --verify --dry-run",
            None,
        ),
        ("popfetch verify mbox:inbox", None),
        ("popfetch config check work --connect", None),
        ("popfetch config import mpop /etc/mpoprc", None),
        ("popfetch --json list work", None),
        ("popfetch fetch --auth SCRAM-SHA-256 --tls stls", None),
        ("popfetch delete", Some(MissingRequiredArgument)),
        ("popfetch fetch --new --stored", Some(ArgumentConflict)),
        ("popfetch fetch --all --new", Some(ArgumentConflict)),
        ("popfetch fetch --keep --delete", Some(ArgumentConflict)),
        (
            "popfetch fetch --delete --delete-after 1d",
            Some(ArgumentConflict),
        ),
        (
            "popfetch fetch --password-file a --token-file b",
            Some(ArgumentConflict),
        ),
        ("popfetch fetch -q -v", Some(ArgumentConflict)),
        (
            "popfetch fetch --tls-client-cert c",
            Some(MissingRequiredArgument),
        ),
        ("popfetch fetch --password secret", Some(UnknownArgument)),
        ("popfetch fetch --tls starttls", Some(InvalidValue)),
        ("popfetch fetch --timeout 60", Some(ValueValidation)),
        ("popfetch fetch --larger big", Some(ValueValidation)),
        ("popfetch fetch --since 31.12.2024", Some(ValueValidation)),
        ("popfetch fetch --number 0", Some(ValueValidation)),
        ("popfetch fetch --limit 0", Some(ValueValidation)),
        ("popfetch fetch --jobs 0", Some(ValueValidation)),
        ("popfetch fetch --retries -1", Some(ValueValidation)),
        ("popfetch stat --delete", Some(UnknownArgument)),
        ("popfetch", Some(ErrorKind::MissingSubcommand)),
        ("popfetch --help", Some(ErrorKind::DisplayHelp)),
        ("popfetch --version", Some(ErrorKind::DisplayVersion)),
    ] {
        assert_eq!(refusal(words), expected, "{words}");
    }
}

#[test]
fn a_refused_flag_does_not_show_its_value() {
    for words in [
        "popfetch fetch --password=sesame",
        "popfetch fetch --password sesame",
    ] {
        let error = CommandLine::try_parse_from(words.split_whitespace()).unwrap_err();
        assert!(!error.to_string().contains("sesame"), "{error}");
    }
}
