//! No line makes a parser fall over, and nothing that is shown acts on a terminal.

#![no_main]

use libfuzzer_sys::fuzz_target;
use popfetch::protocol::response::{ListRow, UidlRow};
use popfetch::protocol::{Capabilities, MaildropSize, Mechanism, StatusLine};

fuzz_target!(|line: &[u8]| {
    match StatusLine::parse(line) {
        Some(StatusLine::Ok(text)) => check_shown(&text.to_string()),
        Some(StatusLine::Err(refusal)) => {
            check_shown(&refusal.text.to_string());
            refusal.try_later();
            refusal.message_is_gone();
        }
        Some(StatusLine::Continue(_)) | None => {}
    }
    MaildropSize::parse(line);
    if let Some(row) = UidlRow::parse(line) {
        let list = ListRow::parse(line).expect("both begin with a message-number");
        assert_eq!(row.number, list.number);
        if let Some(unique_id) = row.unique_id {
            assert!(line.ends_with(unique_id.as_bytes()));
            check_shown(&unique_id.to_string());
        }
    }
    let capabilities = Capabilities::parse(line.split(|octet| *octet == b'\n'));
    capabilities.expire();
    capabilities.login_delay();
    capabilities.implementation();
    for mechanism in Mechanism::ALL {
        if let Mechanism::Sasl(mechanism) = mechanism {
            capabilities.offers_sasl(mechanism);
        }
    }
});

fn check_shown(shown: &str) {
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}
