//! The eml destination: one file a message, byte for byte as the server sent it.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the stage that uses it follows")
)]
mod name;
