//! What a plan's reasons and a run's warnings are called.

use crate::transfer::{Action, Reason, Warning};

/// The name of an action in JSON.
pub(crate) fn action_name(action: Action) -> &'static str {
    match action {
        Action::Retrieve => "retrieve",
        Action::Delete => "delete",
        Action::Leave => "leave",
    }
}

/// The name of a reason in JSON.
pub(crate) fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::New => "new",
        Reason::Again => "again",
        Reason::OctetsDiffer => "octets-differ",
        Reason::RepeatedUniqueId => "repeated-unique-id",
        Reason::NoUniqueId => "no-unique-id",
        Reason::Due => "due",
        Reason::Known => "known",
        Reason::KnownSuspect => "known-suspect",
        Reason::NotSelected => "not-selected",
        Reason::TooLong => "too-long",
        Reason::LimitReached => "limit-reached",
        Reason::OctetsReached => "octets-reached",
    }
}

/// What would be done and why, for people.
pub(crate) fn reason_words(reason: Reason) -> &'static str {
    match reason {
        Reason::New => "fetched: it is new",
        Reason::Again => "fetched again, as asked",
        Reason::OctetsDiffer => "fetched: not the size that is stored",
        Reason::RepeatedUniqueId => "fetched: its unique-id is repeated",
        Reason::NoUniqueId => "fetched: it has no unique-id",
        Reason::Due => "deleted from the server",
        Reason::Known => "left: it is stored",
        Reason::KnownSuspect => "left: stored, perhaps not whole",
        Reason::NotSelected => "left: not chosen",
        Reason::TooLong => "left: larger than --max-message",
        Reason::LimitReached => "left: --limit is reached",
        Reason::OctetsReached => "left: --max-bytes is reached",
    }
}

/// A warning, for people.
pub(crate) fn warning_words(warning: &Warning) -> String {
    match warning {
        Warning::NoUniqueIds => "the server lists no unique-ids: every message is fetched and \
                                 compared by content with what is stored"
            .to_owned(),
        Warning::ExpiresAtOnce => {
            "the server says that it deletes what was fetched (EXPIRE 0)".to_owned()
        }
        Warning::NoTop => {
            "the server refuses TOP: date, sender and subject cannot be told".to_owned()
        }
        Warning::RepeatedUniqueIds { messages } => format!(
            "{messages} messages share their unique-id with another; none of them is deleted"
        ),
        Warning::CannotDelete { messages } => {
            format!("{messages} messages have no unique-id and cannot be deleted safely")
        }
        Warning::Store(words) => words.clone(),
    }
}
