//! Flags that choose messages.

use std::ffi::OsString;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser as _};

use super::value::{Count, Date, InvalidValue, Line, NumberRange, Size};

/// Which messages. Values of one repeated flag are alternatives; different flags must all hold.
#[derive(Args, Debug, Clone, Default)]
#[command(
    next_help_heading = "Selection (of one repeated flag any value may hold; different flags must all)"
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that is given or not"
)]
pub(crate) struct SelectionFlags {
    /// Choose messages that DEST has no receipt for
    #[arg(long, conflicts_with = "stored")]
    pub(crate) new: bool,

    /// Choose messages that DEST has a receipt for
    #[arg(long)]
    pub(crate) stored: bool,

    /// Choose every message, stored or not
    #[arg(long, conflicts_with_all = ["new", "stored"])]
    pub(crate) all: bool,

    /// Choose the message with this unique-id
    #[arg(long, value_name = "UID", value_parser = OsStringValueParser::new().try_map(unique_id))]
    pub(crate) uid: Vec<OsString>,

    /// Choose messages by number, which holds for one session only
    #[arg(long, value_name = "N[-M]", allow_negative_numbers = true)]
    pub(crate) number: Vec<NumberRange>,

    /// Choose messages larger than SIZE, as far as the server tells sizes rightly
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true)]
    pub(crate) larger: Vec<Size>,

    /// Choose messages smaller than SIZE, as far as the server tells sizes rightly
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true)]
    pub(crate) smaller: Vec<Size>,

    /// Choose messages dated DATE or later: 2024-01-31, 2024-01-31T10:00, or 14d ago
    #[arg(long, value_name = "DATE", allow_negative_numbers = true)]
    pub(crate) since: Vec<Date>,

    /// Choose messages dated before DATE
    #[arg(long, value_name = "DATE", allow_negative_numbers = true)]
    pub(crate) before: Vec<Date>,

    /// Choose messages with TEXT in their From field
    #[arg(long, value_name = "TEXT")]
    pub(crate) from: Vec<Line>,

    /// Choose messages with TEXT in their Subject field
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject: Vec<Line>,

    /// Stop choosing after N messages
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) limit: Option<Count>,

    /// Begin with the message of the highest number
    #[arg(long)]
    pub(crate) newest_first: bool,
}

/// RFC 1939 section 7: a unique-id has at least one character.
fn unique_id(text: OsString) -> Result<OsString, InvalidValue> {
    if text.is_empty() {
        return Err(InvalidValue::new(
            "no unique-id is empty: write one that popfetch list shows",
        ));
    }
    Ok(text)
}
