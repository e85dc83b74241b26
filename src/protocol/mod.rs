//! Bytes to and from commands, responses and multi-line data: no I/O, no clock.
//!
//! Framing stands apart from parsing. [`framer`] finds where a line or a multi-line response
//! ends and knows nothing of what it says; [`response`], [`capability`] and [`listing`] read
//! lines that are already cut out and can therefore never run past their end. What cannot be
//! read is skipped as a whole and never becomes the start of the next response.
//!
//! The other way, a [`Command`] is made of parsed values only, so that no argument can smuggle
//! a line end, and with it a second command, into the stream.
//!
//! Everything a server sends is bytes. What is to be shown goes through [`ServerText`], whose
//! `Display` lets nothing reach a terminal that would do more than appear there.

pub mod capability;
pub mod command;
pub mod framer;
pub mod language;
pub mod limits;
pub mod listing;
pub mod number;
pub mod response;
pub mod sasl;
pub mod text;
pub mod unique_id;

pub use capability::Capabilities;
pub use command::{Command, Verb};
pub use framer::LineEnding;
pub use language::Language;
pub use listing::{Listing, ListingBuilder, ListingTooLarge, Row, UidSupport};
pub use number::MessageNumber;
pub use response::{MaildropSize, Refusal, ResponseCode, StatusLine};
pub use sasl::{Mechanism, SaslMechanism};
pub use text::ServerText;
pub use unique_id::{UniqueId, UniqueIdRef};
