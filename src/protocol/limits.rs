//! What a server may send before it is called broken, and why just so much.
//!
//! A body line has no limit: bodies are streamed, so that their length costs nothing.

/// Octets of a status line, its line end included. RFC 2449 section 4 grants 512; servers put
/// addresses and explanations there and go beyond, and a SASL challenge travels in one too.
pub const STATUS_LINE_OCTETS_MAX: usize = 8 * 1024;

/// Octets of a server's text that are kept to be shown. Twice what RFC 2449 section 4 grants a
/// whole line.
pub const SERVER_TEXT_OCTETS_MAX: usize = 1024;

/// Octets of a row of LIST, UIDL or CAPA, its line end included: a longer one is skipped.
pub const ROW_OCTETS_MAX: usize = 8 * 1024;

/// Octets of a unique-id. RFC 1939 section 7 grants 70; longer ones are seen.
pub const UNIQUE_ID_OCTETS_MAX: usize = 512;

/// Rows of a listing. The largest maildrops anybody reports hold some 250,000 messages.
pub const LISTING_ROWS_MAX: usize = 2_000_000;

/// Octets of all unique-ids of a listing: those of [`LISTING_ROWS_MAX`] rows at nearly the 70
/// octets that RFC 1939 section 7 grants each. Also what keeps the offsets within 32 bits.
pub const LISTING_UNIQUE_ID_OCTETS_MAX: usize = 128 * 1024 * 1024;

/// Octets of a whole LIST or UIDL response: room for the most rows and unique-ids allowed. What
/// stops a list of rows that say nothing.
pub const LISTING_OCTETS_MAX: usize = 2 * LISTING_UNIQUE_ID_OCTETS_MAX;

/// Octets of a whole CAPA response.
pub const CAPABILITY_OCTETS_MAX: usize = 64 * 1024;

/// Rows of a CAPA response that are kept. Servers send about ten.
pub const CAPABILITY_ROWS_MAX: usize = 256;

/// Empty lines or lone dots that are forgiven in front of one status line (seen at Office 365).
pub const STRAY_LINES_MAX: usize = 3;

/// Octets of commands that may stand unanswered. Servers are known to read this much while
/// they are busy sending, so that neither side waits for the other for ever.
pub const PIPELINE_OCTETS_MAX: usize = 4 * 1024;
