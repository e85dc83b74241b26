//! What ended a run early, and what became of single messages, in words.

use super::About;
use super::of_client;
use super::of_store;
use crate::cli::failure::{Failure, Kind};
use crate::cli::output::size;
use crate::client::Suspicion;
use crate::protocol::text::escape;
use crate::transfer::{self, Error};
use crate::{client, store};

/// What ended a run early.
pub(crate) fn of_transfer(error: &Error, about: About<'_>) -> Failure {
    let failure = |kind| Failure::new(kind, escape(&error.to_string()));
    match error {
        Error::Client(error) | Error::Retrieving(error) => of_client(error, about),
        Error::Store(store::Error::Stopped) => of_client(&client::Error::Stopped, about),
        Error::Store(error) => of_store(error),
        Error::Credentials(error) => match error.downcast_ref::<Failure>() {
            Some(known) => known.clone(),
            None => failure(Kind::NoSecret),
        },
        Error::NewUniqueIds { .. } => failure(Kind::BadData).hint(
            "if the mailbox was moved, go on by --accept-new-uids: everything is fetched and \
             compared, and nothing is stored twice",
        ),
        Error::MessageTooLong { .. } => failure(Kind::Partial).hint("--max-message sets the bound"),
        Error::PauseTooLong { cause, .. } => {
            let cause = cause.as_ref().map(|cause| of_transfer(cause, about));
            let failure = failure(Kind::Timeout)
                .hint("--max-time is how long a run may take; the next one goes on from there");
            Failure {
                server_text: cause.and_then(|cause| cause.server_text),
                ..failure
            }
        }
        Error::WayLost(_) => failure(Kind::LineDropped)
            .hint("what is stored stays stored; the next run goes on from there"),
        Error::CommitEnded => failure(Kind::Bug),
        Error::DeletionUnconfirmed(error) => {
            let server_text = of_client(error, about).server_text;
            let failure = failure(Kind::DeletionUnconfirmed)
                .hint("what is stored stays stored; the next run that deletes asks again");
            Failure {
                server_text,
                ..failure
            }
        }
    }
}

/// Why a single message failed.
pub(crate) fn of_message(failure: &transfer::Failure<'_>) -> Failure {
    match failure {
        transfer::Failure::Refused(refusal) => {
            let text = refusal.text.to_string();
            let said = if text.is_empty() {
                "it gave no reason".to_owned()
            } else {
                format!("it said \"{text}\"")
            };
            Failure::new(Kind::Partial, format!("the server refused it; {said}"))
                .server_text(text)
                .hint("the next run asks for it again")
        }
        transfer::Failure::DeletionRefused(refusal) => {
            let text = refusal.text.to_string();
            Failure::new(
                Kind::Partial,
                format!("the server refused to delete it; it said \"{text}\""),
            )
            .server_text(text)
            .hint("it stays there; the next run that deletes asks again")
        }
        transfer::Failure::LineDropped => {
            Failure::new(Kind::LineDropped, "the line dropped at it again and again")
                .hint("the next run asks for it again")
        }
        transfer::Failure::TooLong { octets_max } => Failure::new(
            Kind::Partial,
            format!("it is longer than {}", size(*octets_max)),
        )
        .hint("--max-message sets the bound"),
        transfer::Failure::Unproved => Failure::new(
            Kind::Partial,
            "its stored file is missing or not as it was stored; it is kept on the server",
        )
        .hint("popfetch verify tells which files differ; fetch --all stores it again"),
        transfer::Failure::Changed => Failure::new(
            Kind::Partial,
            "it is not listed any more as it was when it was chosen; it is kept on the server",
        )
        .hint("look at what is there now by popfetch list, and choose again"),
        transfer::Failure::Store(error) => of_store(error),
    }
}

/// Why a stored message may not be whole, where that is known.
pub(crate) fn of_suspect(why: Option<Suspicion>) -> Failure {
    let why = why.map(|why| format!(", as {why}")).unwrap_or_default();
    Failure::new(
        Kind::Partial,
        format!("it may not be whole{why}; it is stored, and stays on the server"),
    )
    .hint("compare the two before you delete it there; it is not fetched again by itself")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::Wait;
    use crate::protocol::{Refusal, Verb};

    #[test]
    fn kinds() {
        let missing = Failure::new(Kind::NoSecret, "no password");
        for (error, kind) in [
            (
                Error::Client(client::Error::Deadline(Wait::Data)),
                Kind::Timeout,
            ),
            (Error::Retrieving(client::Error::Stopped), Kind::Interrupted),
            (Error::Credentials(Box::new(missing)), Kind::NoSecret),
            (Error::Credentials("something".into()), Kind::NoSecret),
            (
                Error::NewUniqueIds {
                    vanished: 1,
                    unknown: 1,
                },
                Kind::BadData,
            ),
            (
                Error::DeletionUnconfirmed(client::Error::Deadline(Wait::Response(Verb::Quit))),
                Kind::DeletionUnconfirmed,
            ),
            (
                Error::PauseTooLong {
                    pause: Duration::MAX,
                    cause: Some(Box::new(Error::Client(client::Error::OutOfStep))),
                },
                Kind::Timeout,
            ),
            (Error::CommitEnded, Kind::Bug),
        ] {
            assert_eq!(of_transfer(&error, About::default()).kind, kind, "{error}");
        }
    }

    #[test]
    fn messages() {
        let refusal = Refusal::parse(b"[SYS/TEMP] \x07broken");
        let told = of_message(&transfer::Failure::Refused(&refusal));
        assert!(told.message.contains("\\x07broken"), "{told}");
        let bare = Refusal::parse(b"");
        let told = of_message(&transfer::Failure::Refused(&bare));
        assert_eq!(told.message, "the server refused it; it gave no reason");
        let told = of_message(&transfer::Failure::TooLong {
            octets_max: 1 << 20,
        });
        assert_eq!(told.message, "it is longer than 1.00 MiB");
    }
}
