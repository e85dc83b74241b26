//! The password that is found is the one that was written for just this login: entries that are
//! written down anew with their words quoted are read back; whatever octets the file has, only a
//! password that stands there comes out.

#![no_main]

use libfuzzer_sys::fuzz_target;
use popfetch::cli::fuzz::netrc_password;
use popfetch_fuzz::Pieces;

const HOST: &str = "pop.example.org";
const USER: &str = "alice";

fuzz_target!(|input: &[u8]| {
    let mut pieces = Pieces(input);
    match pieces.octet() {
        b'q' => check_quoted(pieces),
        _ => check_any(input),
    }
});

/// Entries as a list of words: host, login and password by turns.
fn check_quoted(mut pieces: Pieces<'_>) {
    let mut netrc = Vec::new();
    let mut expected = None;
    while !pieces.is_empty() {
        let style = pieces.octet();
        let host = name(pieces.octets(), HOST);
        let login = name(pieces.octets(), USER);
        let password = pieces.octets();
        let here = host.eq_ignore_ascii_case(HOST.as_bytes()) && login == USER.as_bytes();
        if here && expected.is_none() {
            expected = Some(password.to_vec());
        }
        let blank: &[u8] = if style & 1 == 0 { b" " } else { b"\n\t" };
        for (key, word) in [
            ("machine", &host[..]),
            ("login", &login),
            ("password", password),
        ] {
            netrc.extend_from_slice(key.as_bytes());
            netrc.extend_from_slice(blank);
            netrc.push(b'"');
            for octet in word {
                if matches!(octet, b'"' | b'\\') {
                    netrc.push(b'\\');
                }
                netrc.push(*octet);
            }
            netrc.push(b'"');
            netrc.extend_from_slice(blank);
        }
        if style & 2 != 0 {
            netrc.extend_from_slice(b"\n# machine pop.example.org login alice password x\n");
        }
        if style & 4 != 0 {
            netrc.extend_from_slice(b"\ndefault login alice password x\n");
        }
    }
    assert_eq!(netrc_password(&netrc, HOST, USER), expected);
}

/// Most entries shall be for the login that is looked for.
fn name(octets: &[u8], usual: &str) -> Vec<u8> {
    if octets.is_empty() {
        usual.as_bytes().to_vec()
    } else {
        octets.to_vec()
    }
}

fn check_any(netrc: &[u8]) {
    let Some(password) = netrc_password(netrc, HOST, USER) else {
        return;
    };
    let plain = |octets: &[u8]| -> Vec<u8> {
        let octets = octets.iter().copied();
        octets.filter(|octet| *octet != b'\\').collect()
    };
    let stands = |word: &[u8]| {
        let netrc = plain(netrc).to_ascii_lowercase();
        let word = plain(word).to_ascii_lowercase();
        word.is_empty() || netrc.windows(word.len()).any(|window| window == word)
    };
    for word in [
        HOST.as_bytes(),
        USER.as_bytes(),
        b"machine",
        b"login",
        &password,
    ] {
        assert!(stands(word) || word == b"login" && stands(b"user"));
    }
    // What is told for this login is not told for others, but by entries of their own.
    if !netrc.windows(3).any(|window| window == b"bob") {
        assert_eq!(netrc_password(netrc, HOST, "bob"), None);
    }
    if !netrc.contains(&b'2') {
        assert_eq!(netrc_password(netrc, "pop2.example.org", USER), None);
    }
}
