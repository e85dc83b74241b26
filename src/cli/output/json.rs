//! The JSON lines, as popfetch-json(5) describes them. Fields may be added, never renamed; what
//! is absent is null.

use std::fmt::Write as _;
use std::path::Path;

use chrono::{DateTime, SecondsFormat};
use data_encoding::{BASE64, HEXLOWER};
use serde::Serialize;

use crate::cli::failure::{Failure, Kind};
use crate::protocol::text::acts_on_terminal;

/// A line as it is printed: what acts on a terminal is escaped, which means the same in JSON.
pub(crate) fn encode(line: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string(line)?;
    if !text.contains(acts_on_terminal) {
        return Ok(text);
    }
    // Outside of its strings JSON has nothing of the kind.
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if acts_on_terminal(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(safe, "\\u{unit:04x}").expect("writing to a String cannot fail");
            }
        } else {
            safe.push(character);
        }
    }
    Ok(safe)
}

/// One line.
#[derive(Serialize, Debug)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum Line<'a> {
    Stat(StatLine<'a>),
    Message(MessageLine<'a>),
    Error(ErrorLine<'a>),
    Summary(SummaryLine<'a>),
    Finding(FindingLine),
    Verified(VerifiedLine),
    Setting(SettingLine<'a>),
    LeftOut(LeftOutLine<'a>),
    Imported(ImportedLine<'a>),
}

/// What is in one maildrop.
#[derive(Serialize, Debug)]
pub(crate) struct StatLine<'a> {
    pub(crate) account: &'a str,
    pub(crate) messages: Option<u64>,
    pub(crate) octets: Option<u64>,
    pub(crate) new: Option<u64>,
    pub(crate) server: Option<Box<ServerObject>>,
}

/// What a server tells about itself.
#[derive(Serialize, Debug, Default)]
pub(crate) struct ServerObject {
    pub(crate) greeting: String,
    pub(crate) implementation: Option<String>,
    pub(crate) mechanism: Option<String>,
    pub(crate) utf8: bool,
    pub(crate) pipelining: bool,
    pub(crate) expire: Option<String>,
    pub(crate) languages: Option<Vec<String>>,
    pub(crate) login_delay_seconds: Option<u64>,
    pub(crate) capabilities_before_login: Option<Vec<String>>,
    pub(crate) capabilities: Option<Vec<String>>,
    pub(crate) tls: Option<TlsObject>,
}

/// TLS and the server's certificate.
#[derive(Serialize, Debug, Default)]
pub(crate) struct TlsObject {
    pub(crate) version: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) names: Vec<String>,
    pub(crate) not_before: Option<String>,
    pub(crate) not_after: Option<String>,
    pub(crate) sha256: Option<String>,
}

/// What became of one message.
#[derive(Serialize, Debug)]
pub(crate) struct MessageLine<'a> {
    pub(crate) account: &'a str,
    pub(crate) number: Option<u32>,
    #[serde(flatten)]
    pub(crate) unique_id: UniqueIdFields,
    pub(crate) octets: Option<u64>,
    pub(crate) status: &'static str,
    #[serde(flatten)]
    pub(crate) detail: Detail<'a>,
}

/// A unique-id: text, and the octets beside it when they are not UTF-8.
#[derive(Serialize, Debug, Default, PartialEq, Eq)]
pub(crate) struct UniqueIdFields {
    uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid_base64: Option<String>,
}

impl UniqueIdFields {
    pub(crate) fn of(unique_id: Option<&[u8]>) -> Self {
        let is_text = unique_id.is_none_or(|octets| std::str::from_utf8(octets).is_ok());
        Self {
            uid: unique_id.map(|octets| String::from_utf8_lossy(octets).into_owned()),
            uid_base64: unique_id
                .filter(|_| !is_text)
                .map(|octets| BASE64.encode(octets)),
        }
    }
}

/// What a message's line says besides, by its status.
#[derive(Serialize, Debug)]
#[serde(untagged)]
pub(crate) enum Detail<'a> {
    Listed {
        stored: Option<bool>,
        date: Option<String>,
        from: Option<&'a str>,
        subject: Option<&'a str>,
    },
    Planned {
        action: &'static str,
        reason: &'static str,
        on_server: &'static str,
    },
    Stored {
        path: Option<String>,
        offset: Option<u64>,
        stored_octets: u64,
        sha256: String,
        deleted: Option<bool>,
        replayed: bool,
    },
    Failed {
        kind: &'static str,
        message: String,
        server_text: Option<String>,
        hint: Option<String>,
    },
    Gone {
        message: String,
        server_text: Option<String>,
    },
    Nothing {},
}

/// Something failed.
#[derive(Serialize, Debug)]
pub(crate) struct ErrorLine<'a> {
    pub(crate) account: Option<&'a str>,
    pub(crate) kind: &'static str,
    pub(crate) message: &'a str,
    pub(crate) server_text: Option<&'a str>,
    pub(crate) hint: Option<&'a str>,
    pub(crate) exit_code: u8,
}

impl<'a> ErrorLine<'a> {
    pub(crate) fn of(account: Option<&'a str>, failure: &'a Failure) -> Self {
        Self {
            account,
            kind: failure.kind.name(),
            message: &failure.message,
            server_text: failure.server_text.as_deref(),
            hint: failure.hint.as_deref(),
            exit_code: Kind::exit_status(failure.kind),
        }
    }
}

/// What the run came to for one account: the last line about it.
#[derive(Serialize, Debug, Default)]
pub(crate) struct SummaryLine<'a> {
    pub(crate) account: &'a str,
    pub(crate) stored: u64,
    pub(crate) skipped: u64,
    pub(crate) held_back: u64,
    pub(crate) failed: u64,
    pub(crate) gone: u64,
    pub(crate) suspect: u64,
    pub(crate) deleted: u64,
    pub(crate) delete_state: &'static str,
    pub(crate) octets: u64,
    pub(crate) seconds: f64,
    pub(crate) exit_code: u8,
}

/// One finding of `verify`.
#[derive(Serialize, Debug)]
pub(crate) struct FindingLine {
    /// No account: a destination is verified.
    pub(crate) account: Option<&'static str>,
    #[serde(flatten)]
    pub(crate) unique_id: UniqueIdFields,
    pub(crate) path: Option<String>,
    pub(crate) offset: Option<u64>,
    pub(crate) status: &'static str,
}

/// What `verify` came to.
#[derive(Serialize, Debug, Default)]
pub(crate) struct VerifiedLine {
    /// No account: a destination is verified.
    pub(crate) account: Option<&'static str>,
    pub(crate) destination: String,
    pub(crate) intact: u64,
    pub(crate) changed: u64,
    pub(crate) missing: u64,
    pub(crate) nowhere: u64,
    pub(crate) extra: u64,
    pub(crate) exit_code: u8,
}

/// One setting, as `config check` explains it.
#[derive(Serialize, Debug)]
pub(crate) struct SettingLine<'a> {
    pub(crate) account: Option<&'a str>,
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
    pub(crate) source: String,
}

/// What `config import` has no counterpart for.
#[derive(Serialize, Debug)]
pub(crate) struct LeftOutLine<'a> {
    /// None when it belongs to no account.
    pub(crate) account: Option<&'a str>,
    pub(crate) what: &'a str,
}

/// How much another program had fetched, and where that was written down.
#[derive(Serialize, Debug)]
pub(crate) struct ImportedLine<'a> {
    pub(crate) account: &'a str,
    pub(crate) path: String,
    pub(crate) recorded: usize,
}

/// A time as JSON has it: RFC 3339, UTC.
pub(crate) fn time(seconds: i64) -> Option<String> {
    Some(DateTime::from_timestamp(seconds, 0)?.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// A path as JSON has it; octets that are not UTF-8 are replaced.
pub(crate) fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A hash as JSON has it.
pub(crate) fn hash(sha256: &[u8; 32]) -> String {
    HEXLOWER.encode(sha256)
}

#[cfg(test)]
mod tests {
    use serde_json::to_string;

    use super::*;

    fn message<'a>(status: &'static str, unique_id: &[u8], detail: Detail<'a>) -> Line<'a> {
        Line::Message(MessageLine {
            account: "work",
            number: Some(1),
            unique_id: UniqueIdFields::of(Some(unique_id)),
            octets: Some(2048),
            status,
            detail,
        })
    }

    #[test]
    fn lines() {
        let failure = Failure::new(Kind::AuthRefused, "the server refused the login")
            .server_text("[AUTH] no")
            .hint("try again");
        for (line, expected) in [
            (
                Line::Stat(StatLine {
                    account: "work",
                    messages: Some(12),
                    octets: Some(34567),
                    new: Some(3),
                    server: None,
                }),
                r#"{"type":"stat","account":"work","messages":12,"octets":34567,"new":3,"server":null}"#,
            ),
            (
                message(
                    "listed",
                    b"u1",
                    Detail::Listed {
                        stored: Some(false),
                        date: time(1_700_000_000),
                        from: Some("Bob <bob@example.org>"),
                        subject: None,
                    },
                ),
                r#"{"type":"message","account":"work","number":1,"uid":"u1","octets":2048,"status":"listed","stored":false,"date":"2023-11-14T22:13:20Z","from":"Bob <bob@example.org>","subject":null}"#,
            ),
            (
                message(
                    "stored",
                    b"u\xff",
                    Detail::Stored {
                        path: Some(path(Path::new("/m/new/1"))),
                        offset: None,
                        stored_octets: 2000,
                        sha256: hash(&[0xab; 32]),
                        deleted: None,
                        replayed: false,
                    },
                ),
                r#"{"type":"message","account":"work","number":1,"uid":"u�","uid_base64":"df8=","octets":2048,"status":"stored","path":"/m/new/1","offset":null,"stored_octets":2000,"sha256":"abababababababababababababababababababababababababababababababab","deleted":null,"replayed":false}"#,
            ),
            (
                message("deleted", b"u1", Detail::Nothing {}),
                r#"{"type":"message","account":"work","number":1,"uid":"u1","octets":2048,"status":"deleted"}"#,
            ),
            (
                Line::Error(ErrorLine::of(Some("work"), &failure)),
                r#"{"type":"error","account":"work","kind":"auth-refused","message":"the server refused the login","server_text":"[AUTH] no","hint":"try again","exit_code":77}"#,
            ),
            (
                Line::Summary(SummaryLine {
                    account: "work",
                    stored: 10,
                    delete_state: "none",
                    octets: 34567,
                    seconds: 1.2,
                    ..SummaryLine::default()
                }),
                r#"{"type":"summary","account":"work","stored":10,"skipped":0,"held_back":0,"failed":0,"gone":0,"suspect":0,"deleted":0,"delete_state":"none","octets":34567,"seconds":1.2,"exit_code":0}"#,
            ),
        ] {
            assert_eq!(to_string(&line).unwrap(), expected);
        }
    }

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        let text = "a\u{1b}b\u{9b}c\u{202e}d\u{7f}e\u{e0041}f\u{fc}";
        let line = encode(&text).unwrap();
        assert_eq!(
            line,
            r#""a\u001bb\u009bc\u202ed\u007fe\udb40\udc41f\u{fc}""#.replace(r"\u{fc}", "\u{fc}")
        );
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }

    #[test]
    fn times_before_1970_and_beyond_reason() {
        assert_eq!(time(-1).as_deref(), Some("1969-12-31T23:59:59Z"));
        assert_eq!(time(i64::MAX), None);
    }
}
