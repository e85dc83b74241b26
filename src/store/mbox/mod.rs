//! The mbox destination: mboxrd, appended under both locks, never rewritten.

mod essence;
mod from_line;
mod quoting;
mod scan;
mod shown;
