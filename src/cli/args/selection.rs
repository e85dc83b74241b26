//! Flags that choose messages.

use std::ffi::OsString;

use clap::Args;

use super::value::{Date, Line, NumberRange, Size};

/// Which messages. Values of one repeated flag are alternatives; different flags must all hold.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Selection")]
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

    /// Choose the message with this unique-id (can be repeated)
    #[arg(long, value_name = "UID")]
    pub(crate) uid: Vec<OsString>,

    /// Choose messages by number, which holds for one session only (can be repeated)
    #[arg(long, value_name = "N[-M]")]
    pub(crate) number: Vec<NumberRange>,

    /// Choose messages larger than SIZE, as far as the server tells sizes rightly
    #[arg(long, value_name = "SIZE")]
    pub(crate) larger: Option<Size>,

    /// Choose messages smaller than SIZE, as far as the server tells sizes rightly
    #[arg(long, value_name = "SIZE")]
    pub(crate) smaller: Option<Size>,

    /// Choose messages dated DATE or later: 2024-01-31, 2024-01-31T10:00, or 14d ago
    #[arg(long, value_name = "DATE")]
    pub(crate) since: Option<Date>,

    /// Choose messages dated before DATE
    #[arg(long, value_name = "DATE")]
    pub(crate) before: Option<Date>,

    /// Choose messages with TEXT in their From field (can be repeated)
    #[arg(long, value_name = "TEXT")]
    pub(crate) from: Vec<Line>,

    /// Choose messages with TEXT in their Subject field (can be repeated)
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject: Vec<Line>,

    /// Stop choosing after N messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,

    /// Begin with the message of the highest number
    #[arg(long)]
    pub(crate) newest_first: bool,
}
