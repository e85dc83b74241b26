//! What a plan's reasons and a run's warnings are called.

use super::text::messages;
use crate::transfer::{Action, Fate, Reason, Warning};

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
        Reason::Stored => "stored",
        Reason::NotStored => "not-stored",
        Reason::Known => "known",
        Reason::NotDue => "not-due",
        Reason::KnownMarked => "known-marked",
        Reason::KnownSuspect => "known-suspect",
        Reason::NotSelected => "not-selected",
        Reason::TooLong => "too-long",
        Reason::LongerThanRun => "longer-than-run",
        Reason::LimitReached => "limit-reached",
        Reason::OctetsReached => "octets-reached",
    }
}

/// What would be done and why, for people.
pub(crate) fn plan_words(reason: Reason, then: Fate) -> String {
    let action = match (reason.action(), then) {
        (Action::Retrieve, Fate::Kept) => "fetched",
        (Action::Retrieve, Fate::Deleted) => "fetched, then deleted",
        (Action::Delete, _) => "deleted",
        (Action::Leave, _) => "left",
    };
    format!("{action}: {}", why(reason))
}

fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::New => "it is new",
        Reason::Again => "once more, as asked",
        Reason::OctetsDiffer => "not the size stored",
        Reason::RepeatedUniqueId => "unique-id repeated",
        Reason::NoUniqueId => "no unique-id",
        Reason::Stored => "chosen, and stored",
        Reason::NotStored => "chosen, though not stored",
        Reason::Known | Reason::Due => "it is stored",
        Reason::NotDue => "stored, but not long enough",
        Reason::KnownMarked => "marked as stored, never fetched",
        Reason::KnownSuspect => "stored, perhaps not whole",
        Reason::NotSelected => "not chosen",
        Reason::TooLong => "larger than --max-message",
        Reason::LongerThanRun => "larger than all of --max-bytes",
        Reason::LimitReached => "--limit is reached",
        Reason::OctetsReached => "--max-bytes is reached",
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
        Warning::TooLong { messages: 1 } => "a new message stays on the server: it is larger than \
                                             --max-message or --max-bytes allows"
            .to_owned(),
        Warning::TooLong { messages } => format!(
            "{messages} new messages stay on the server: they are larger than --max-message or \
             --max-bytes allows"
        ),
        Warning::NoneListed { claimed } => format!(
            "the server counts {} and lists none, so that none can be fetched",
            messages(*claimed)
        ),
        Warning::NoTop => {
            "the server refuses TOP: date, sender and subject cannot be told, and what is chosen \
             by them is not chosen"
                .to_owned()
        }
        Warning::RepeatedUniqueIds { messages } => format!(
            "{messages} messages share their unique-id with another; none of them is deleted"
        ),
        Warning::CannotDelete { messages: 1 } => {
            "a message has no unique-id and cannot be deleted safely".to_owned()
        }
        Warning::CannotDelete { messages } => {
            format!("{messages} messages have no unique-id and cannot be deleted safely")
        }
        Warning::NoSuchUniqueId(unique_id) => {
            format!(
                "no message has unique-id {}",
                String::from_utf8_lossy(unique_id)
            )
        }
        Warning::Store(words) => words.clone(),
    }
}
