//! The maildir destination.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the stage that uses it follows")
)]
mod name;
