//! Whatever the configuration file holds, each account is understood or told of: on one line, with
//! the line of the file where one is to blame, harmless to a terminal.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use popfetch::cli::fuzz::config;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(popfetch_fuzz::folder);

fuzz_target!(|octets: &[u8]| {
    let path = FOLDER.path().join("config.toml");
    std::fs::write(&path, octets).expect("writing");
    let lines = octets.iter().filter(|octet| **octet == b'\n').count() + 1;
    match config(FOLDER.path()) {
        Ok(accounts) => {
            assert!(!accounts.is_empty());
            for account in &accounts {
                match account {
                    Ok(settings) => {
                        assert!(
                            settings
                                .iter()
                                .any(|setting| setting.starts_with("server = "))
                        );
                        assert!(
                            settings
                                .iter()
                                .any(|setting| setting.starts_with("user = "))
                        );
                        for setting in settings {
                            check_shown(setting);
                        }
                    }
                    Err(words) => check_words(words),
                }
            }
            // The order and number of accounts does not hang on anything but the file.
            assert_eq!(config(FOLDER.path()).as_ref(), Ok(&accounts));
        }
        Err(words) => {
            check_words(&words);
            let (_, place) = words.split_once("config.toml").unwrap_or_default();
            let number = place
                .strip_prefix(':')
                .and_then(|rest| rest.split(':').next());
            if let Some(line) = number {
                let line: usize = line.parse().expect("a number of a line");
                assert!((1..=lines).contains(&line), "{words}");
            }
        }
    }
});

fn check_words(words: &str) {
    let (message, hint) = words.split_once('\n').expect("both were joined");
    check_shown(message);
    check_shown(hint);
    assert!(!message.is_empty());
}

fn check_shown(shown: &str) {
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}
