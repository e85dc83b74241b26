//! What is read out of a message: the header in short and the envelope sender.
//!
//! Only a bounded prefix of the header is ever looked at, and nothing in it can make this fail: a
//! field that makes no sense is absent. This is the only user of `mailparse`, which decodes
//! encoded words (RFC 2047) and reads dates; finding the fields is done here, so that one
//! malformed line costs that line and not the header.

use memchr::{memchr, memchr_iter};

/// How much of a header is looked at. Real headers are a few KiB; Exchange and mailing lists reach
/// 30 KiB.
pub const HEADER_OCTETS_MAX: usize = 64 * 1024;

/// RFC 5321 section 4.5.3.1.3: a path is 256 octets at most. Twice that is kept.
const SENDER_OCTETS_MAX: usize = 512;

/// Seconds since 1970 of the end of the year 9999: a later date is somebody's joke.
const DATE_SECONDS_MAX: i64 = 253_402_300_799;

/// The beginning of a message, collected while it streams by: its header, cut at
/// [`HEADER_OCTETS_MAX`].
#[derive(Debug, Default, Clone)]
pub struct HeaderPrefix {
    octets: Vec<u8>,
    complete: bool,
}

impl HeaderPrefix {
    /// Takes the next octets of the message, in any split.
    pub fn feed(&mut self, chunk: &[u8]) {
        if self.complete {
            return;
        }
        let room = HEADER_OCTETS_MAX - self.octets.len();
        let taken = chunk.split_at_checked(room).map_or(chunk, |(head, _)| head);
        // The empty line may begin up to three octets before this chunk.
        let seam = self.octets.len().saturating_sub(3);
        self.octets.extend_from_slice(taken);
        if let Some(end) = self.octets.get(seam..).and_then(header_end) {
            self.octets.truncate(seam + end);
            self.complete = true;
        } else if self.octets.len() == HEADER_OCTETS_MAX || starts_with_empty_line(&self.octets) {
            self.complete = true;
        }
    }

    /// Whether the header is known as far as it will ever be.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// What the header tells.
    pub fn to_header(&self) -> Header {
        Header::of(&self.octets)
    }

    /// When the message was received, for the stored file's modification time.
    pub fn received_seconds(&self) -> Option<i64> {
        received_seconds(&self.octets)
    }

    /// Who the envelope says it is from.
    pub fn envelope_sender(&self) -> Option<String> {
        envelope_sender(&self.octets)
    }
}

/// Where the header ends, its last line end included and the empty line left out.
fn header_end(octets: &[u8]) -> Option<usize> {
    memchr_iter(b'\n', octets)
        .find(|&at| octets.get(at + 1..).is_some_and(starts_with_empty_line))
        .map(|at| at + 1)
}

fn starts_with_empty_line(octets: &[u8]) -> bool {
    octets.starts_with(b"\n") || octets.starts_with(b"\r\n")
}

/// What a person wants to know of a message before reading it; text is as the sender wrote it,
/// decoded but not made safe for a terminal.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Header {
    /// The `Date` field, in seconds since 1970.
    pub date_seconds: Option<i64>,
    /// The `From` field.
    pub from: Option<String>,
    /// The `Subject` field.
    pub subject: Option<String>,
}

impl Header {
    /// Reads a header, or as much of it as is there (an answer to `TOP n 0`); what follows the
    /// empty line is not looked at.
    pub fn of(octets: &[u8]) -> Self {
        let mut header = Self::default();
        for field in fields(bounded(octets)) {
            // The first field of a name counts: RFC 5322 section 3.6 allows only one.
            if field.is("from") && header.from.is_none() {
                header.from = field.text();
            } else if field.is("subject") && header.subject.is_none() {
                header.subject = field.text();
            } else if field.is("date") && header.date_seconds.is_none() {
                header.date_seconds = field.text().and_then(|text| date_seconds(&text));
            }
        }
        header
    }
}

/// When the message reached the server: the date of the topmost `Received` field (the last hop
/// writes on top), else the `Date` field.
pub fn received_seconds(header: &[u8]) -> Option<i64> {
    let header = bounded(header);
    fields(header)
        .find(|field| field.is("received"))
        .and_then(|field| date_seconds(field.text()?.rsplit(';').next()?))
        .or_else(|| {
            let field = fields(header).find(|field| field.is("date"))?;
            date_seconds(&field.text()?)
        })
}

/// The address in `Return-Path`, where the last hop put it (RFC 5321 section 4.4); none for a
/// bounce (`<>`) or anything that would not fit between the blanks of a From_ line.
pub fn envelope_sender(header: &[u8]) -> Option<String> {
    let field = fields(bounded(header)).find(|field| field.is("return-path"))?;
    let value = std::str::from_utf8(field.value).ok()?.trim_ascii();
    let address = value
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap_or(value);
    let fits = (1..=SENDER_OCTETS_MAX).contains(&address.len());
    (fits && address.bytes().all(|octet| octet.is_ascii_graphic())).then(|| address.to_owned())
}

fn bounded(header: &[u8]) -> &[u8] {
    header.get(..HEADER_OCTETS_MAX).unwrap_or(header)
}

/// One header field: `whole` is all its lines, `value` what stands after the colon.
#[derive(Debug, Clone, Copy)]
struct Field<'a> {
    whole: &'a [u8],
    name: &'a [u8],
    value: &'a [u8],
}

impl Field<'_> {
    fn is(self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value unfolded, its encoded words decoded; none when nothing is left.
    fn text(self) -> Option<String> {
        let (field, _) = mailparse::parse_header(self.whole).ok()?;
        let text = field.get_value();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// The fields of a header, to its empty line. A line that is no field ends none and is left out.
fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = header;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() || starts_with_empty_line(rest) {
                return None;
            }
            let (whole, after) = rest.split_at_checked(field_end(rest))?;
            rest = after;
            let Some(colon) = memchr(b':', whole) else {
                continue;
            };
            let (name, value) = whole.split_at_checked(colon)?;
            let value = value.strip_prefix(b":").unwrap_or(value);
            return Some(Field {
                whole,
                name: name.trim_ascii_end(),
                value,
            });
        }
    })
}

/// The length of the first field with its continuation lines (RFC 5322 section 2.2.3).
fn field_end(octets: &[u8]) -> usize {
    memchr_iter(b'\n', octets)
        .map(|at| at + 1)
        .find(|&next| !matches!(octets.get(next), Some(b' ' | b'\t')))
        .unwrap_or(octets.len())
}

/// Reads a date as mails have it.
fn date_seconds(text: &str) -> Option<i64> {
    // The parser knows one kind of blank, and takes an empty date for the year 1970.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let seconds = mailparse::dateparse(&text).ok()?;
    (1..=DATE_SECONDS_MAX).contains(&seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::{HEADER_OCTETS_MAX, Header, HeaderPrefix, envelope_sender, received_seconds};

    fn check_header(header: &[u8], date: Option<i64>, from: Option<&str>, subject: Option<&str>) {
        let expected = Header {
            date_seconds: date,
            from: from.map(str::to_owned),
            subject: subject.map(str::to_owned),
        };
        assert_eq!(Header::of(header), expected, "{}", header.escape_ascii());
    }

    #[test]
    fn summaries() {
        check_header(b"", None, None, None);
        check_header(b"\r\nSubject: of the body\r\n", None, None, None);
        check_header(
            b"Date: Sun, 02 Oct 2016 07:06:22 -0700 (PDT)\r\nFrom: Ann <a@b.c>\r\nSUBJECT : hi\r\n\r\n",
            Some(1_475_417_182),
            Some("Ann <a@b.c>"),
            Some("hi"),
        );
        // Folded, encoded, with bare line feeds, and twice.
        check_header(
            b"Subject: =?utf-8?Q?gr=C3=BC=C3=9Fe?=\n =?utf-8?B?IQ==?=\nSubject: second\n",
            None,
            None,
            Some("gr\u{fc}\u{df}e!"),
        );
        // A line that is no field, one that begins with a blank, and raw 8-bit text.
        check_header(
            b" stray\r\nno colon here\r\nFrom: J\xf6rg\r\nDate: soon\r\n",
            None,
            Some("J\u{f6}rg"),
            None,
        );
        check_header(b"Subject:\r\nFrom:   \r\n", None, None, None);
    }

    fn check_received(header: &str, expected: Option<i64>) {
        assert_eq!(received_seconds(header.as_bytes()), expected, "{header}");
    }

    #[test]
    fn received_dates() {
        check_received("Subject: none\r\n", None);
        check_received(
            "Date: Fri, 5 Jan 2024 10:00:00 +0000\r\n",
            Some(1_704_448_800),
        );
        check_received(
            "Received: from a by b;\r\n\tFri, 5 Jan 2024 11:00:00 +0100\r\n\
             Received: from c by a; Fri, 5 Jan 2024 09:00:00 +0000\r\n\
             Date: Thu, 4 Jan 2024 10:00:00 +0000\r\n",
            Some(1_704_448_800),
        );
        check_received(
            "Received: by b (no date)\r\nDate: Fri, 5 Jan 2024 10:00:00 GMT\r\n",
            Some(1_704_448_800),
        );
        check_received("Date: \r\n", None);
        check_received("Date: 1 Jan 99999 00:00:00 +0000\r\n", None);
    }

    fn check_sender(header: &[u8], expected: Option<&str>) {
        assert_eq!(
            envelope_sender(header).as_deref(),
            expected,
            "{}",
            header.escape_ascii()
        );
    }

    #[test]
    fn envelope_senders() {
        check_sender(
            b"Return-Path: <ann@example.org>\r\nFrom: x\r\n",
            Some("ann@example.org"),
        );
        check_sender(b"return-path:ann@example.org\n", Some("ann@example.org"));
        check_sender(b"Return-Path: <>\r\n", None);
        check_sender(b"Return-Path: <ann b@example.org>\r\n", None);
        check_sender(b"Return-Path: <ann\x07@example.org>\r\n", None);
        check_sender(b"Return-Path: <j\xc3\xb6rg@example.org>\r\n", None);
        check_sender(
            b"From: ann@example.org\r\n\r\nReturn-Path: <b@example.org>\r\n",
            None,
        );
    }

    #[test]
    fn a_prefix_ends_with_the_header_in_any_split() {
        for (message, header) in [
            (
                &b"A: 1\r\nB: 2\r\n\r\nbody\r\n\r\n"[..],
                &b"A: 1\r\nB: 2\r\n"[..],
            ),
            (b"A: 1\n\nbody\n\n", b"A: 1\n"),
            (b"A: 1\r\n\nbody", b"A: 1\r\n"),
        ] {
            for size in 1..=message.len() {
                let mut prefix = HeaderPrefix::default();
                message.chunks(size).for_each(|chunk| prefix.feed(chunk));
                assert!(prefix.is_complete(), "{} by {size}", message.escape_ascii());
                assert_eq!(
                    prefix.octets,
                    header,
                    "{} by {size}",
                    message.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn a_prefix_is_bounded() {
        let mut prefix = HeaderPrefix::default();
        prefix.feed(b"Subject: long\r\nX-Long: ");
        prefix.feed(&vec![b'x'; HEADER_OCTETS_MAX]);
        prefix.feed(b"\r\nFrom: late\r\n");
        assert_eq!(prefix.octets.len(), HEADER_OCTETS_MAX);
        assert!(prefix.is_complete());
        assert_eq!(prefix.to_header().subject.as_deref(), Some("long"));
        assert_eq!(prefix.to_header().from, None);
    }

    #[test]
    fn a_message_without_a_header_is_complete_at_once() {
        for (message, complete) in [
            (&b"\r\nbody"[..], true),
            (b"\nbody", true),
            (b"\rbody", false),
        ] {
            let mut prefix = HeaderPrefix::default();
            prefix.feed(message);
            assert_eq!(prefix.is_complete(), complete, "{}", message.escape_ascii());
            assert_eq!(prefix.to_header(), Header::default());
        }
    }
}
