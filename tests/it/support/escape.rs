//! Octets written as text in transcripts: `\r`, `\n`, `\t`, `\0`, `\\` and `\xHH`.

/// Octets of an escaped text; an unknown escape is an error in words.
pub(crate) fn octets(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(backslash) = rest.find('\\') {
        octets.extend_from_slice(&rest.as_bytes()[..backslash]);
        let escape = &rest[backslash + 1..];
        let (octet, length) = match escape.as_bytes() {
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b't', ..] => (b'\t', 1),
            [b'0', ..] => (0, 1),
            [b'\\', ..] => (b'\\', 1),
            [b'x', _, _, ..] => {
                let digits = escape.get(1..3).unwrap_or_default();
                (
                    u8::from_str_radix(digits, 16).map_err(|_| format!("bad escape in {text}"))?,
                    3,
                )
            }
            _ => return Err(format!("bad escape in {text}")),
        };
        octets.push(octet);
        rest = &escape[length..];
    }
    octets.extend_from_slice(rest.as_bytes());
    Ok(octets)
}

/// The reverse, for what a failed test shows; bounded.
pub(crate) fn shown(octets: &[u8]) -> String {
    let mut text = octets
        .iter()
        .take(300)
        .fold(String::new(), |mut text, &octet| {
            match octet {
                b' '..=b'~' => text.push(char::from(octet)),
                _ => text.push_str(&octet.escape_ascii().to_string()),
            }
            text
        });
    if octets.len() > 300 {
        text.push_str("...");
    }
    text
}

#[test]
fn escapes_are_octets() {
    assert_eq!(octets(r"a\r\n\0\x1b[\\").unwrap(), b"a\r\n\0\x1b[\\");
    for bad in [r"\", r"\q", r"\x1", r"\xzz"] {
        assert!(octets(bad).is_err(), "{bad}");
    }
}
