//! What clap says, in our form: mistakes of the command line are failures like all others.

use std::ffi::OsString;

use clap::error::{ContextKind, ErrorKind};

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

/// A mistake of the command line.
pub(crate) fn failure(error: &clap::Error) -> Failure {
    if error.kind() == ErrorKind::MissingSubcommand {
        return Failure::usage("no command is given")
            .hint("write popfetch fetch, list, stat, delete, verify or config; --help tells more");
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let mut message = String::new();
    let mut hints = Vec::new();
    for line in text.lines() {
        let words = line.trim();
        if words.starts_with("Usage:") || words.starts_with("For more information") {
            break;
        }
        if let Some(tip) = words.strip_prefix("tip: ") {
            hints.push(tip.to_owned());
        } else if !words.is_empty() {
            let gap = if message.is_empty() { "" } else { " " };
            message = [&message, gap, words].concat();
        }
    }
    if holds_secret(error)
        && let Some(clap::error::ContextValue::String(value)) = error.get(ContextKind::InvalidValue)
    {
        message = message.replace(value.as_str(), "...");
    }
    if hints.is_empty() {
        hints.push("popfetch COMMAND --help shows what can be written".to_owned());
    }
    Failure::usage(escape(&message)).hint(escape(&hints.join("; ")))
}

/// A proxy's URL may hold a password.
fn holds_secret(error: &clap::Error) -> bool {
    let argument = error.get(ContextKind::InvalidArg);
    argument.is_some_and(|argument| argument.to_string().contains("--proxy"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::failure;
    use crate::cli::args::CommandLine;

    #[test]
    fn mistakes_are_told_in_one_line() {
        for (words, message, hint) in [
            (
                "fetch --timeout 60",
                "invalid value '60' for '--timeout <DURATION>': no unit: write 60s, 60m, 60h or 60d",
                "popfetch COMMAND --help shows what can be written",
            ),
            (
                "fetch --larger huge",
                "invalid value 'huge' for '--larger <SIZE>': not a size: write a number and a unit, \
                 such as 500k, 20M or 1.5GiB",
                "popfetch COMMAND --help shows what can be written",
            ),
            (
                "fetch --time-out 60s",
                "unexpected argument '--time-out' found",
                "a similar argument exists: '--timeout'",
            ),
            (
                "fetch --new --stored",
                "the argument '--new' cannot be used with '--stored'",
                "popfetch COMMAND --help shows what can be written",
            ),
            (
                "fetch --tls starttls",
                "invalid value 'starttls' for '--tls <MODE>' [possible values: implicit, stls, off]",
                "popfetch COMMAND --help shows what can be written",
            ),
            (
                "delete",
                "the following required arguments were not provided: <ACCOUNT>",
                "popfetch COMMAND --help shows what can be written",
            ),
            (
                "fetch --proxy http://me:sesame@h:1",
                "invalid value '...' for '--proxy <URL>': expected socks5://[USER@]HOST[:PORT]",
                "popfetch COMMAND --help shows what can be written",
            ),
            (
                "fecth",
                "unrecognized subcommand 'fecth'",
                "a similar subcommand exists: 'fetch'",
            ),
        ] {
            let words = ["popfetch"].into_iter().chain(words.split_whitespace());
            let told = failure(&CommandLine::try_parse_from(words).unwrap_err());
            assert_eq!(told.message, message);
            assert_eq!(told.hint.as_deref(), Some(hint));
        }
    }
}
