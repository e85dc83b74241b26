//! From the flags that choose messages to the selection a run goes by.

use crate::cli::args::SelectionFlags;
use crate::cli::args::value::Count;
use crate::cli::environment::now_seconds;
use crate::protocol::MessageNumber;
use crate::transfer::{NumberRange, Order, Scope, Selection};

/// The selection the flags mean.
pub(super) fn selection(flags: &SelectionFlags) -> Selection {
    use std::os::unix::ffi::OsStrExt as _;

    let now_seconds = now_seconds();
    let numbers = flags.number.iter().filter_map(|range| {
        let (first, last) = (
            MessageNumber::new(range.first)?,
            MessageNumber::new(range.last)?,
        );
        Some(NumberRange { first, last })
    });
    Selection {
        scope: if flags.new {
            Scope::New
        } else if flags.stored {
            Scope::Stored
        } else if flags.all {
            Scope::All
        } else {
            Scope::Unsaid
        },
        unique_ids: flags
            .uid
            .iter()
            .map(|uid| uid.as_bytes().to_vec())
            .collect(),
        numbers: numbers.collect(),
        larger_octets: flags.larger.iter().map(|size| size.0).collect(),
        smaller_octets: flags.smaller.iter().map(|size| size.0).collect(),
        since_seconds: flags
            .since
            .iter()
            .map(|date| date.seconds(now_seconds))
            .collect(),
        before_seconds: flags
            .before
            .iter()
            .map(|date| date.seconds(now_seconds))
            .collect(),
        from: flags.from.iter().map(ToString::to_string).collect(),
        subject: flags.subject.iter().map(ToString::to_string).collect(),
        limit: flags
            .limit
            .map(|Count(limit)| usize::try_from(limit.get()).unwrap_or(usize::MAX)),
        order: if flags.newest_first {
            Order::NewestFirst
        } else {
            Order::Listed
        },
    }
}
