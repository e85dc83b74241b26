//! Where mail is kept: destinations, and the journal that says what is in them.

mod eml;
#[cfg_attr(not(test), expect(dead_code, reason = "the stages that use it follow"))]
mod line_ends;
mod maildir;
mod mbox;
