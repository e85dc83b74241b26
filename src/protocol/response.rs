//! What a server answers: status lines, and the rows of multi-line responses.
//!
//! All parsers here read one line that is already cut out, without its line end.

use super::number::{MessageNumber, parse_decimal};
use super::text::ServerText;
use super::unique_id::UniqueIdRef;

/// The first line of every response (RFC 1939 section 3), or a challenge (RFC 5034 section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusLine {
    /// `+OK`, and what follows it.
    Ok(ServerText),
    /// `-ERR`, and what follows it.
    Err(Refusal),
    /// `+`, and the octets of the challenge, still in base64 or whatever the server put there.
    Continue(Vec<u8>),
}

impl StatusLine {
    /// Reads a line without its line end; `None` if it is no status line at all.
    ///
    /// The indicators are read in any case of letters, and nothing need follow them: both are
    /// seen, and neither can be mistaken for anything else.
    pub fn parse(line: &[u8]) -> Option<Self> {
        if let Some(text) = after_indicator(line, b"+OK") {
            return Some(Self::Ok(ServerText::whole(text)));
        }
        if let Some(text) = after_indicator(line, b"-ERR") {
            return Some(Self::Err(Refusal::parse(text)));
        }
        match line {
            [b'+'] => Some(Self::Continue(Vec::new())),
            [b'+', b' ', challenge @ ..] => Some(Self::Continue(challenge.to_vec())),
            _ => None,
        }
    }
}

/// A `-ERR`: the command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The response code in front of the text, if there is one.
    pub code: Option<ResponseCode>,
    /// All that follows `-ERR`, the response code included.
    pub text: ServerText,
}

impl Refusal {
    /// Reads what follows `-ERR`.
    pub fn parse(text: &[u8]) -> Self {
        Self {
            code: ResponseCode::parse(text),
            text: ServerText::whole(text),
        }
    }

    /// Whether the same may well succeed later, with nothing changed on this side.
    ///
    /// A response code decides; without one, the words that servers use for a locked maildrop
    /// or a login that came too soon.
    pub fn try_later(&self) -> bool {
        match &self.code {
            Some(ResponseCode::SysPerm | ResponseCode::Auth | ResponseCode::Utf8) => false,
            Some(ResponseCode::Other(_)) | None => {
                self.has_word_starting(&["lock", "busy", "wait", "later", "temporar"])
            }
            Some(_) => self.is_temporary(),
        }
    }

    /// Whether a response code says that this will pass (RFC 2449 section 8.1, RFC 3206 section 4).
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.code,
            Some(ResponseCode::InUse | ResponseCode::LoginDelay | ResponseCode::SysTemp)
        )
    }

    /// Whether a refused RETR or TOP says that the message is no longer there, as when another
    /// session deleted it. No response code tells that. A command that is not known is another
    /// matter, although servers say so in the same words.
    pub fn message_is_gone(&self) -> bool {
        if self.has_word_starting(&["command"]) {
            return false;
        }
        self.has_word_starting(&["expunged", "deleted", "gone", "vanished"])
            || [
                "no such",
                "no message",
                "doesn't exist",
                "does not exist",
                "not found",
            ]
            .iter()
            .any(|phrase| self.lower_case().contains(phrase))
    }

    fn has_word_starting(&self, starts: &[&str]) -> bool {
        self.lower_case()
            .split(|character: char| !character.is_alphanumeric())
            .any(|word| starts.iter().any(|start| word.starts_with(start)))
    }

    fn lower_case(&self) -> String {
        String::from_utf8_lossy(self.text.as_bytes()).to_lowercase()
    }
}

/// A response code (RFC 2449 section 8): says to a program what the text says to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseCode {
    /// `[IN-USE]`: another session holds the maildrop (RFC 2449).
    InUse,
    /// `[LOGIN-DELAY]`: the last login is not long enough ago (RFC 2449).
    LoginDelay,
    /// `[SYS/TEMP]`: a fault of the server's that will pass (RFC 3206).
    SysTemp,
    /// `[SYS/PERM]`: a fault of the server's that somebody must mend (RFC 3206).
    SysPerm,
    /// `[AUTH]`: the credentials are wrong (RFC 3206).
    Auth,
    /// `[UTF8]`: the message cannot be had without UTF8 mode (RFC 6856).
    Utf8,
    /// Any other.
    Other(ServerText),
}

impl ResponseCode {
    /// Reads the code that a text may begin with.
    ///
    /// Codes form a hierarchy with `/` between the levels, and an unknown level below a known
    /// one counts as the known one (RFC 2449 section 8).
    fn parse(text: &[u8]) -> Option<Self> {
        let code = text.strip_prefix(b"[")?;
        let code = code.get(..memchr::memchr(b']', code)?)?;
        let known = [
            ("IN-USE", Self::InUse),
            ("LOGIN-DELAY", Self::LoginDelay),
            ("SYS/TEMP", Self::SysTemp),
            ("SYS/PERM", Self::SysPerm),
            ("AUTH", Self::Auth),
            ("UTF8", Self::Utf8),
        ];
        for (name, known) in known {
            let (head, rest) = code.split_at_checked(name.len()).unwrap_or((code, b""));
            if head.eq_ignore_ascii_case(name.as_bytes()) && matches!(rest, [] | [b'/' | b' ', ..])
            {
                return Some(known);
            }
        }
        Some(Self::Other(ServerText::whole(code)))
    }
}

/// What STAT says the maildrop holds: a claim, which a listing need not bear out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaildropSize {
    /// Messages; `None` if the server's number made no sense.
    pub messages: Option<u64>,
    /// Octets of all of them; `None` if the server's number made no sense.
    pub octets: Option<u64>,
}

impl MaildropSize {
    /// Reads what follows the `+OK` to STAT. Negative numbers, fractions and what is beyond
    /// 64 bits are seen and mean nothing.
    pub fn parse(text: &[u8]) -> Self {
        let mut words = words(text);
        Self {
            messages: words.next().and_then(parse_decimal),
            octets: words.next().and_then(parse_decimal),
        }
    }
}

/// A row of LIST: the scan listing of RFC 1939 section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// Which message.
    pub number: MessageNumber,
    /// How many octets it is said to have; `None` if the server's number made no sense.
    pub octets: Option<u64>,
}

impl ListRow {
    /// Reads a row without its line end; `None` if it does not begin with a message-number.
    pub fn parse(row: &[u8]) -> Option<Self> {
        let (number, rest) = numbered(row)?;
        Some(Self {
            number,
            octets: words(rest).next().and_then(parse_decimal),
        })
    }
}

/// A row of UIDL: the unique-id listing of RFC 1939 section 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UidlRow<'a> {
    /// Which message.
    pub number: MessageNumber,
    /// Its unique-id; `None` if there is none, or octets that cannot be one.
    pub unique_id: Option<UniqueIdRef<'a>>,
}

impl<'a> UidlRow<'a> {
    /// Reads a row without its line end; `None` if it does not begin with a message-number.
    /// The unique-id is all from behind the blanks to the end of the line.
    pub fn parse(row: &'a [u8]) -> Option<Self> {
        let (number, rest) = numbered(row)?;
        Some(Self {
            number,
            unique_id: UniqueIdRef::parse(rest).ok(),
        })
    }
}

/// Splits the message-number off a row, and the `+OK` that some servers put before each.
fn numbered(row: &[u8]) -> Option<(MessageNumber, &[u8])> {
    let row = after_indicator(row, b"+OK").unwrap_or(row);
    let row = after_blanks(row);
    let digits = row
        .iter()
        .position(|octet| is_blank(*octet))
        .unwrap_or(row.len());
    let (digits, rest) = row.split_at_checked(digits)?;
    Some((MessageNumber::parse(digits)?, after_blanks(rest)))
}

/// What follows the indicator and one blank, unless the indicator only begins a longer word.
fn after_indicator<'a>(line: &'a [u8], indicator: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = line.split_at_checked(indicator.len())?;
    if !head.eq_ignore_ascii_case(indicator) {
        return None;
    }
    match rest {
        [b' ' | b'\t', text @ ..] => Some(text),
        [next, ..] if next.is_ascii_alphanumeric() => None,
        text => Some(text),
    }
}

fn after_blanks(text: &[u8]) -> &[u8] {
    let blanks = text
        .iter()
        .position(|octet| !is_blank(*octet))
        .unwrap_or(text.len());
    text.get(blanks..).unwrap_or_default()
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|octet| is_blank(*octet))
        .filter(|word| !word.is_empty())
}

fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::{ListRow, MaildropSize, Refusal, ResponseCode, StatusLine, UidlRow};
    use crate::protocol::text::ServerText;
    use crate::protocol::unique_id::UniqueIdRef;

    fn ok(text: &str) -> StatusLine {
        StatusLine::Ok(ServerText::new(text.as_bytes()))
    }

    fn err(code: Option<ResponseCode>, text: &str) -> StatusLine {
        let text = ServerText::new(text.as_bytes());
        StatusLine::Err(Refusal { code, text })
    }

    fn challenge(octets: &str) -> StatusLine {
        StatusLine::Continue(octets.as_bytes().to_vec())
    }

    #[test]
    fn status_lines() {
        let check = |line: &str, expected: Option<StatusLine>| {
            assert_eq!(StatusLine::parse(line.as_bytes()), expected, "{line:?}");
        };
        check("+OK", Some(ok("")));
        check("+OK ", Some(ok("")));
        check("+ok ready", Some(ok("ready")));
        check("+OK\tready", Some(ok("ready")));
        check("+OK  two blanks", Some(ok(" two blanks")));
        check("+OK, fine", Some(ok(", fine")));
        check("+OKAY", None);
        check("-ERR", Some(err(None, "")));
        check("-err no", Some(err(None, "no")));
        check("-ERROR no", None);
        check("+", Some(challenge("")));
        check("+ ", Some(challenge("")));
        check("+ go ahead", Some(challenge("go ahead")));
        check("+dGVzdA==", None);
        check("-", None);
        check("", None);
        check(".", None);
        check("From: +OK", None);
        check("* OK IMAP4rev1", None);
    }

    #[test]
    fn response_codes() {
        let check = |text: &str, expected: Option<ResponseCode>| {
            let parsed = StatusLine::parse(format!("-ERR {text}").as_bytes());
            assert_eq!(parsed, Some(err(expected, text)));
        };
        check("[IN-USE] taken", Some(ResponseCode::InUse));
        check("[in-use]", Some(ResponseCode::InUse));
        check("[LOGIN-DELAY 60] wait", Some(ResponseCode::LoginDelay));
        check("[SYS/TEMP] oops", Some(ResponseCode::SysTemp));
        check("[SYS/TEMP/DISK] oops", Some(ResponseCode::SysTemp));
        check("[SYS/PERM] oops", Some(ResponseCode::SysPerm));
        check("[AUTH] no", Some(ResponseCode::Auth));
        check("[UTF8] no", Some(ResponseCode::Utf8));
        let other = |name: &str| Some(ResponseCode::Other(ServerText::new(name.as_bytes())));
        check("[AUTHOR] no", other("AUTHOR"));
        check("[SYS] no", other("SYS"));
        check("[] no", other(""));
        check("[IN-USE", None);
        check("IN-USE]", None);
        check(" [IN-USE]", None);
    }

    #[test]
    fn what_may_pass_is_tried_later() {
        let check = |text: &str, expected: bool| {
            assert_eq!(
                Refusal::parse(text.as_bytes()).try_later(),
                expected,
                "{text}"
            );
        };
        check("[IN-USE] x", true);
        check("[LOGIN-DELAY] x", true);
        check("[SYS/TEMP] x", true);
        check("[SYS/PERM] please wait", false);
        check("[AUTH] account locked", false);
        check("Maildrop already locked", true);
        check("LOCKED by another session", true);
        check("server busy", true);
        check("wait 60 seconds", true);
        check("[X] please wait", true);
        check("this client is blocked", false);
        check("invalid password", false);
        check("", false);
    }

    #[test]
    fn words_tell_a_message_that_is_gone() {
        let check = |text: &str, expected: bool| {
            let refusal = Refusal::parse(text.as_bytes());
            assert_eq!(refusal.message_is_gone(), expected, "{text}");
        };
        check("Message 3 expunged.", true);
        check("No such message", true);
        check("message 2 already deleted", true);
        check("There's no message 9.", true);
        check("cannot open the message", false);
        check("no such command", false);
        check("RETR: command not found", false);
        check("permission denied", false);
    }

    #[test]
    fn stat() {
        let check = |text: &str, messages: Option<u64>, octets: Option<u64>| {
            let expected = MaildropSize { messages, octets };
            assert_eq!(MaildropSize::parse(text.as_bytes()), expected, "{text:?}");
        };
        check("2 320", Some(2), Some(320));
        check("  2   320 and more", Some(2), Some(320));
        check("2 4294967296", Some(2), Some(4_294_967_296));
        check("2 -15", Some(2), None);
        check("2 1.5e3", Some(2), None);
        check("2", Some(2), None);
        check("", None, None);
        check("nonsense", None, None);
    }

    #[test]
    fn list_rows() {
        let check = |row: &str, expected: Option<(u32, Option<u64>)>| {
            let parsed = ListRow::parse(row.as_bytes());
            assert_eq!(parsed.map(|row| (row.number.value(), row.octets)), expected);
        };
        check("1 120", Some((1, Some(120))));
        check(" 1  120 extra", Some((1, Some(120))));
        check("1\t120", Some((1, Some(120))));
        check("1 -5", Some((1, None)));
        check("1 9223372036854775808", Some((1, Some(1 << 63))));
        check("1", Some((1, None)));
        check("0 5", None);
        check("x 5", None);
        check("", None);
    }

    #[test]
    fn uidl_rows() {
        let check = |row: &[u8], expected: Option<(u32, Option<&[u8]>)>| {
            let parsed = UidlRow::parse(row);
            let parsed =
                parsed.map(|row| (row.number.value(), row.unique_id.map(UniqueIdRef::as_bytes)));
            assert_eq!(parsed, expected);
        };
        check(b"1 abc", Some((1, Some(b"abc"))));
        check(b"1   abc", Some((1, Some(b"abc"))));
        check(b"1 #a /b \xff ", Some((1, Some(b"#a /b \xff "))));
        check(b"+OK 1 abc", Some((1, Some(b"abc"))));
        check(b"1", Some((1, None)));
        check(b"1 ", Some((1, None)));
        check(b"1 a\x01b", Some((1, None)));
        check(b"abc", None);
        check(b"+OK", None);
        check(b"-1 abc", None);
    }
}
