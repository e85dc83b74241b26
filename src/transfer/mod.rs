//! Joins client and store: what is to be done with each message, and the doing of it.

mod commit;
mod contents;
#[cfg(test)]
mod crash_tests;
mod delete;
mod deletion;
mod error;
mod fetch;
mod headers;
mod list;
mod mark;
mod moved;
mod observer;
mod plan;
mod policy;
mod remote;
mod retries;
mod retrieve;
mod selection;
mod session;
mod summary;
mod suspect;

pub use delete::{Choice, Confirm, Consent, Delete, Doing, StoredProof, delete};
pub use error::Error;
pub use fetch::{Fetch, NewUniqueIds, fetch};
pub use list::{Extent, Headers, Look, Stat, list, preview, stat};
pub use mark::{Mark, mark_stored};
pub use observer::{
    Event, Failure, Fate, MessageReport, Observer, Outlook, Status, Stored, Warning,
};
pub use plan::{Action, Reason, Task};
pub use policy::{AfterStoring, Bounds, MESSAGE_OCTETS_MAX};
pub use remote::{CredentialSource, Remote};
pub use selection::{NumberRange, Order, Scope, Selection};
pub use summary::{DeletionState, Outcome, Remedy, Summary};
