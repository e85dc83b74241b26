//! Where mail is kept: destinations, and the journal that says what is in them.

#[cfg(test)]
pub(crate) mod crash_tests;
mod delivery;
mod destination;
mod durable;
mod eml;
mod error;
mod files;
mod halves;
mod journal;
mod layout;
mod line_ends;
mod lock;
mod maildir;
mod mbox;
mod open;
mod pipe;
mod present;
#[cfg(test)]
mod readers_tests;
mod stdout;
#[cfg(test)]
pub(crate) mod testkit;
mod verify;

pub use delivery::{Arriving, Commit, Delivered, Delivery, Replayed, Stage, Staged};
pub use destination::Destination;
pub use durable::{Disk, Handle, HandleId, Operation, Watch};
pub use eml::EmlFolders;
pub use error::{BadDestination, CannotCreate, ChildOutcome, Damage, Error};
pub use halves::halves;
pub use journal::{
    AccountId, DeleteState, Fulfilled, Held, Identity, Journal, JournalId, Known, Place, Receipt,
    ReceiptId, Repair,
};
pub use lock::Holder;
pub use open::{
    Claimed, Clock, Halves, OpenOptions, Orphans, Site, Store, claim, foresee, open, read_journal,
};
pub use verify::{Extra, Finding, StoredFiles, Verifier};
