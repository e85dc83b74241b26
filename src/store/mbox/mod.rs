//! The mbox destination: mboxrd, appended under both locks, never rewritten.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the stage that uses it follows")
)]
mod quoting;
