//! Lists in any order, with any numbers, make a listing in which each number stands once.
//!
//! The rows of UIDL and those of LIST are parted by an empty line.

#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use popfetch::protocol::{ListingBuilder, MaildropSize};

fuzz_target!(|input: &[u8]| {
    let mut builder = ListingBuilder::new(MaildropSize::default());
    let mut rows = input.split(|octet| *octet == b'\n');
    for row in rows.by_ref().take_while(|row| !row.is_empty()) {
        builder.push_uidl(row).expect("the input is small");
    }
    builder.uidl_ended();
    for row in rows {
        builder.push_list(row).expect("the input is small");
    }
    let listing = builder.finish();
    let mut numbers = HashMap::new();
    let mut unique_ids = HashMap::<_, usize>::new();
    for row in listing.rows() {
        assert_eq!(numbers.insert(row.number, row), None);
        if let Some(unique_id) = row.unique_id {
            *unique_ids.entry(unique_id).or_default() += 1;
        }
    }
    assert_eq!(numbers.len(), listing.len());
    for row in listing.rows() {
        let is_repeated = row.unique_id.is_some_and(|id| unique_ids[&id] > 1);
        assert_eq!(row.repeated, is_repeated);
    }
});
