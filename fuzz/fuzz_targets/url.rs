//! A URL that is taken means the same when it is written back; one that is refused is not shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use popfetch::cli::fuzz::account_url;

fuzz_target!(|text: &str| {
    match account_url(text) {
        Ok((written, user)) => {
            assert!(text.is_ascii() || written.is_ascii(), "{written}");
            assert!(!written.chars().any(char::is_control), "{written:?}");
            assert_eq!(account_url(&written), Ok((written.clone(), user.clone())));
            let scheme = ["pop3://", "pop3s://"]
                .into_iter()
                .find_map(|scheme| written.strip_prefix(scheme))
                .expect("one of the two");
            let host = scheme.rsplit('@').next().unwrap_or_default();
            assert!(!host.is_empty() && host == host.to_lowercase(), "{host}");
            assert!(!host.contains(['/', '?', '#', '%', ' ']), "{host}");
            if let Some(user) = user {
                assert!(!user.is_empty() && !user.chars().any(char::is_control));
                // A password would stand behind a colon.
                let shown = scheme.split('@').next().unwrap_or_default();
                assert!(!shown.contains(':'), "{written}");
            }
        }
        Err(words) => {
            let told = text.split_once("://").map_or("", |(_, rest)| rest);
            // What is said of another URL too is said by chance.
            let by_chance = account_url("").expect_err("an empty URL is none");
            assert!(
                told.len() < 12 || !words.contains(told) || by_chance.contains(told),
                "{words}"
            );
        }
    }
});
