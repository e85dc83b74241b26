//! Byte-stuffing (RFC 1939 section 3): a line that begins with a dot gets one more.

/// Hands `octets` to `write` in spans, stuffed; `octets` begin at the start of a line.
pub(crate) fn write_stuffed<E>(
    octets: &[u8],
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = octets;
    if rest.first() == Some(&b'.') {
        write(b".")?;
    }
    while let Some(dot) = rest.windows(3).position(|window| window == b"\r\n.") {
        let (span, after) = rest.split_at(dot + 2);
        write(span)?;
        write(b".")?;
        rest = after;
    }
    write(rest)
}

#[cfg(test)]
mod tests {
    #[test]
    fn dots_at_the_start_of_a_line_are_doubled_and_no_others() {
        for (plain, stuffed) in [
            ("", ""),
            (".", ".."),
            ("a.b\r\n.\r\n..c\r\n", "a.b\r\n..\r\n...c\r\n"),
            ("a\n.b\r.c\r\n", "a\n.b\r.c\r\n"),
        ] {
            let mut out = Vec::new();
            super::write_stuffed(plain.as_bytes(), |span| {
                out.extend_from_slice(span);
                Ok::<(), ()>(())
            })
            .unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), stuffed);
        }
    }
}
