//! The end-to-end tests: one binary, so that they are linked once.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that finds what it does not expect shall fail at that place"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the rules on files and environment are the program's, not its tests'"
)]

mod bounds;
mod config;
mod cut_line;
mod delete;
mod destinations;
mod dovecot;
mod exit_status;
mod fetch;
mod import;
mod journal;
mod json;
mod kill;
mod lost_line;
mod neighbours;
mod pages;
mod proxy;
mod recovery;
mod schema;
mod secrets;
mod servers;
mod support;
mod tidy;
mod transcripts;

/// A file in `tests/it` that is not named above would never be compiled.
#[test]
fn no_test_file_is_forgotten() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let list = include_str!("main.rs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(
            module == "main" || list.contains(&format!("\nmod {module};\n")),
            "tests/it/{name} is in no `mod` line of main.rs"
        );
    }
}
