//! The mbox destination: mboxrd, appended under both locks, never rewritten.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the replay that uses it follows")
)]
mod essence;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the stage that uses it follows")
)]
mod from_line;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the stage that uses it follows")
)]
mod quoting;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the replay that uses it follows")
)]
mod scan;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the replay that uses it follows")
)]
mod shown;
