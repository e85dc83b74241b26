//! What clap says, in our form: mistakes of the command line are failures like all others.

use std::ffi::OsString;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::args::CommandLine;
use super::failure::Failure;
use crate::protocol::text::escape;

/// Whether JSON lines are wanted, told by the bare words when they cannot be parsed.
pub(crate) fn wants_json(words: &[OsString]) -> bool {
    words
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--json")
}

/// Whether clap's "error" is what was asked for: help or the version.
pub(crate) fn is_answer(error: &clap::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    )
}

/// A mistake of the command line, which had these words.
pub(crate) fn failure(words: &[OsString], error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    if matches!(
        error.kind(),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        let hint = if text.contains("Usage: popfetch config") {
            "write popfetch config check or popfetch config import; --help tells more"
        } else {
            "write popfetch fetch, list, stat, delete, verify or config; --help tells more"
        };
        return Failure::usage("no command is given").hint(hint);
    }
    let (mut message, mut hints) = message_and_tips(&text);
    if holds_secret(error)
        && let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue)
    {
        message = message.replace(value.as_str(), "...");
    }
    if let Some(hint) = hint_of_absence(error) {
        hints = vec![hint.to_owned()];
    }
    // Our own words about a value end with how to write it.
    if error.kind() == ErrorKind::ValueValidation
        && let Some((wrong, mend)) = message.rsplit_once(": ")
        && ["write ", "leave "]
            .iter()
            .any(|verb| mend.starts_with(verb))
    {
        hints = vec![mend.to_owned()];
        message.truncate(wrong.len());
    }
    if hints.is_empty() {
        hints.push(format!(
            "{} --help shows what can be written",
            command_of(words)
        ));
    }
    Failure::usage(escape(&message)).hint(escape(&hints.join("; ")))
}

/// What clap prints of a mistake, as one line, and its tips.
fn message_and_tips(text: &str) -> (String, Vec<String>) {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let mut words = Vec::new();
    let mut tips = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        if let Some(tip) = line.strip_prefix("tip: ") {
            // No argument of ours begins with a hyphen.
            if !tip.starts_with("to pass '") {
                tips.push(tip.to_owned());
            }
        } else if !line.is_empty() {
            words.push(line);
        }
    }
    (words.join(" "), tips)
}

/// The command that was called: `popfetch fetch`. A word that names none is a flag or its value.
fn command_of(words: &[OsString]) -> String {
    let whole = CommandLine::command();
    let mut command = &whole;
    let mut path = "popfetch".to_owned();
    for word in words.iter().skip(1) {
        if let Some(found) = command.find_subcommand(word) {
            command = found;
            path = [&path, " ", command.get_name()].concat();
        }
    }
    path
}

/// What to do in place of a flag that other programs have and this one must not.
fn hint_of_absence(error: &clap::Error) -> Option<&'static str> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let argument = error.get(ContextKind::InvalidArg)?.to_string();
    match argument.as_str() {
        "--password" | "--pass" | "--passwd" | "-p" | "--token" => Some(
            "no flag takes a secret, which other users could read: popfetch asks for it, or takes \
             it from --password-command, --password-file, --token-command, POPFETCH_PASSWORD or \
             ~/.netrc",
        ),
        "--insecure" | "-k" | "--no-check-certificate" | "--no-verify" | "--no-certificate" => {
            Some(
                "certificates are always checked: --tls-pin trusts just one certificate, --tls-ca \
                 an authority of your own",
            )
        }
        "--ssl" | "--starttls" | "--stls" | "--no-tls" | "--no-ssl" => Some(
            "pop3s:// means TLS, pop3:// means STLS; --tls names one of implicit, stls and off",
        ),
        _ => None,
    }
}

/// A proxy's URL may hold a password.
fn holds_secret(error: &clap::Error) -> bool {
    let argument = error.get(ContextKind::InvalidArg);
    argument.is_some_and(|argument| argument.to_string().contains("--proxy"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{CommandLine, Failure, OsString, failure};

    fn told(words: &str) -> Failure {
        let words = ["popfetch"].into_iter().chain(words.split_whitespace());
        let words: Vec<OsString> = words.map(OsString::from).collect();
        failure(&words, &CommandLine::try_parse_from(&words).unwrap_err())
    }

    #[test]
    fn wrong_values_are_told_with_how_to_write_them() {
        let of_size = "write a number and a unit, such as 500k, 20M or 1.5GiB";
        for (words, message, hint) in [
            (
                "fetch --timeout 60",
                "invalid value '60' for '--timeout <DURATION>': no unit",
                "write 60s, 60m, 60h or 60d",
            ),
            (
                "fetch --larger huge",
                "invalid value 'huge' for '--larger <SIZE>': not a size",
                of_size,
            ),
            (
                "list --larger -5",
                "invalid value '-5' for '--larger <SIZE>': not a size",
                of_size,
            ),
            (
                "fetch --limit 0",
                "invalid value '0' for '--limit <N>': not a count",
                "write a whole number from 1 to 4294967295",
            ),
            (
                "fetch --retries -1",
                "invalid value '-1' for '--retries <N>': not a count",
                "write a whole number such as 3, or 0 for never",
            ),
            (
                "fetch --max-message 0",
                "invalid value '0' for '--max-message <SIZE>': nothing would be fetched",
                "leave it out for no bound",
            ),
            (
                "list --uid=",
                "invalid value '' for '--uid <UID>': no unique-id is empty",
                "write one that popfetch list shows",
            ),
            (
                "fetch --proxy http://me:sesame@h:1",
                "invalid value '...' for '--proxy <URL>': expected socks5://[USER@]HOST[:PORT]",
                "popfetch fetch --help shows what can be written",
            ),
        ] {
            let told = told(words);
            assert_eq!(told.message, message);
            assert_eq!(told.hint.as_deref(), Some(hint), "{words}");
        }
    }

    #[test]
    fn wrong_words_are_told_in_one_line() {
        let of_fetch = "popfetch fetch --help shows what can be written";
        for (words, message, hint) in [
            (
                "fetch --time-out 60s",
                "unexpected argument '--time-out' found",
                "a similar argument exists: '--timeout'",
            ),
            (
                "fetch --nope",
                "unexpected argument '--nope' found",
                of_fetch,
            ),
            (
                "--jobs 2 list --tls starttls",
                "invalid value 'starttls' for '--tls <MODE>' [possible values: implicit, stls, off]",
                "popfetch list --help shows what can be written",
            ),
            (
                "config import other",
                "invalid value 'other' for '<PROGRAM>' [possible values: mpop, getmail, fetchmail, \
                 fdm]",
                "popfetch config import --help shows what can be written",
            ),
            (
                "fetch --insecure",
                "unexpected argument '--insecure' found",
                "certificates are always checked: --tls-pin trusts just one certificate, --tls-ca \
                 an authority of your own",
            ),
            (
                "fetch --new --stored",
                "the argument '--new' cannot be used with '--stored'",
                of_fetch,
            ),
            (
                "delete",
                "the following required arguments were not provided: <ACCOUNT>",
                "popfetch delete --help shows what can be written",
            ),
            (
                "delete one two --all",
                "unexpected argument 'two' found",
                "popfetch delete --help shows what can be written",
            ),
            (
                "fecth",
                "unrecognized subcommand 'fecth'",
                "a similar subcommand exists: 'fetch'",
            ),
            (
                "",
                "no command is given",
                "write popfetch fetch, list, stat, delete, verify or config; --help tells more",
            ),
            (
                "config",
                "no command is given",
                "write popfetch config check or popfetch config import; --help tells more",
            ),
        ] {
            let told = told(words);
            assert_eq!(told.message, message);
            assert_eq!(told.hint.as_deref(), Some(hint));
        }
    }
}
