//! The fields of a line: octets, numbers, names, with one blank between them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::str;

use data_encoding::HEXLOWER;

use super::record::{AccountId, Identity, Place, Receipt};
use crate::message::Header;
use crate::protocol::UniqueId;
use crate::protocol::number::parse_decimal;

/// A line being written.
pub(super) struct Fields<'a> {
    line: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn begin(line: &'a mut Vec<u8>) -> Self {
        let start = line.len();
        Self { line, start }
    }

    /// The line so far.
    pub(super) fn text(&self) -> &[u8] {
        self.line.get(self.start..).unwrap_or_default()
    }

    pub(super) fn end(&mut self) {
        self.line.push(b'\n');
    }

    fn blank(&mut self) {
        if self.line.len() > self.start {
            self.line.push(b' ');
        }
    }

    pub(super) fn word(&mut self, word: &str) -> &mut Self {
        self.blank();
        self.line.extend_from_slice(word.as_bytes());
        self
    }

    pub(super) fn octets(&mut self, octets: &[u8]) -> &mut Self {
        self.blank();
        escape(octets, self.line);
        self
    }

    fn text_or_none(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.octets(text.as_bytes()),
            None => self.word("-"),
        }
    }

    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.blank();
        self.line.extend_from_slice(number.to_string().as_bytes());
        self
    }

    pub(super) fn number_or_none(&mut self, number: Option<u64>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.word("-"),
        }
    }

    pub(super) fn time(&mut self, seconds: i64) -> &mut Self {
        self.blank();
        self.line.extend_from_slice(seconds.to_string().as_bytes());
        self
    }

    pub(super) fn hex(&mut self, octets: &[u8]) -> &mut Self {
        self.blank();
        let start = self.line.len();
        self.line
            .resize(start.saturating_add(HEXLOWER.encode_len(octets.len())), 0);
        if let Some(digits) = self.line.get_mut(start..) {
            HEXLOWER.encode_mut(octets, digits);
        }
        self
    }

    pub(super) fn account(&mut self, account: AccountId) -> &mut Self {
        self.number(u64::from(account.0))
    }

    pub(super) fn of(&mut self, account: AccountId, unique_id: &UniqueId) -> &mut Self {
        self.account(account).octets(unique_id.as_bytes())
    }

    pub(super) fn identity(&mut self, identity: &Identity) -> &mut Self {
        match identity {
            Identity::Login { user, host, port } => self
                .word("login")
                .octets(user.as_bytes())
                .octets(host.as_bytes())
                .number(u64::from(*port)),
            Identity::Named(name) => self.word("named").octets(name.as_bytes()),
        }
    }

    pub(super) fn receipt(&mut self, receipt: &Receipt) -> &mut Self {
        self.account(receipt.account);
        match &receipt.unique_id {
            Some(unique_id) => self.octets(unique_id.as_bytes()),
            None => self.word("-"),
        };
        self.number_or_none(receipt.listed_octets)
            .number(receipt.stored_octets)
            .hex(&receipt.sha256);
        match &receipt.place {
            Place::Name(name) => {
                self.word("name:");
                escape(name.as_bytes(), self.line);
            }
            Place::Range { offset, octets } => {
                let mut place = String::from("at:");
                write!(place, "{offset}+{octets}").expect("a String takes everything");
                self.word(&place);
            }
            Place::Nowhere => {
                self.word("-");
            }
        }
        self.time(receipt.time_seconds)
            .word(if receipt.suspect { "suspect" } else { "-" })
    }

    pub(super) fn header(&mut self, header: &Header) -> &mut Self {
        match header.date_seconds {
            Some(date) => self.time(date),
            None => self.word("-"),
        };
        self.text_or_none(header.from.as_deref())
            .text_or_none(header.subject.as_deref())
    }
}

/// A line being read: what is left of it, nothing once the last field is taken.
pub(super) struct Rest<'a>(Option<&'a [u8]>);

impl<'a> Rest<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self(Some(text))
    }

    /// The last field is taken.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn field(&mut self) -> Option<&'a [u8]> {
        let text = self.0?;
        match memchr::memchr(b' ', text).and_then(|blank| text.split_at_checked(blank)) {
            Some((field, rest)) => {
                self.0 = rest.get(1..);
                Some(field)
            }
            None => self.0.take(),
        }
    }

    pub(super) fn text(&mut self) -> Option<String> {
        text(self.field()?)
    }

    fn text_or_none(&mut self) -> Result<Option<String>, NoField> {
        self.or_none(text)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        parse_decimal(self.field()?)
    }

    pub(super) fn number_or_none(&mut self) -> Result<Option<u64>, NoField> {
        self.or_none(parse_decimal)
    }

    fn or_none<T>(&mut self, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<Option<T>, NoField> {
        match self.field() {
            Some(b"-") => Ok(None),
            Some(field) => parse(field).map(Some).ok_or(NoField),
            None => Err(NoField),
        }
    }

    pub(super) fn time(&mut self) -> Option<i64> {
        parse_time(self.field()?)
    }

    pub(super) fn hash(&mut self) -> Option<[u8; 32]> {
        let mut hash = [0; 32];
        let field = self.field()?;
        if HEXLOWER.decode_len(field.len()) != Ok(hash.len()) {
            return None;
        }
        HEXLOWER.decode_mut(field, &mut hash).ok()?;
        Some(hash)
    }

    pub(super) fn account(&mut self) -> Option<AccountId> {
        u16::try_from(self.number()?).ok().map(AccountId)
    }

    pub(super) fn unique_id(&mut self) -> Option<UniqueId> {
        unique_id(self.field()?)
    }

    pub(super) fn identity(&mut self) -> Option<Identity> {
        match self.field()? {
            b"login" => Some(Identity::Login {
                user: self.text()?,
                host: self.text()?,
                port: u16::try_from(self.number()?).ok()?,
            }),
            b"named" => self.text().map(Identity::Named),
            _ => None,
        }
    }

    pub(super) fn receipt(&mut self) -> Option<Receipt> {
        Some(Receipt {
            account: self.account()?,
            unique_id: self.or_none(unique_id).ok()?,
            listed_octets: self.number_or_none().ok()?,
            stored_octets: self.number()?,
            sha256: self.hash()?,
            place: self.place()?,
            time_seconds: self.time()?,
            suspect: match self.field()? {
                b"-" => false,
                b"suspect" => true,
                _ => return None,
            },
        })
    }

    fn place(&mut self) -> Option<Place> {
        let field = self.field()?;
        if field == b"-" {
            return Some(Place::Nowhere);
        }
        if let Some(name) = field.strip_prefix(b"name:") {
            let name = text(name)?;
            return is_inside(&name).then_some(Place::Name(name));
        }
        let (offset, octets) = str::from_utf8(field.strip_prefix(b"at:")?)
            .ok()?
            .split_once('+')?;
        Some(Place::Range {
            offset: offset.parse().ok()?,
            octets: octets.parse().ok()?,
        })
    }

    pub(super) fn header(&mut self) -> Option<Header> {
        Some(Header {
            date_seconds: self.or_none(parse_time).ok()?,
            from: self.text_or_none().ok()?,
            subject: self.text_or_none().ok()?,
        })
    }
}

/// There is no such field here.
#[derive(Debug)]
pub(super) struct NoField;

/// Whether a file of this name is in its folder or below, as all of ours are: nothing else is ever
/// looked for, moved or removed.
fn is_inside(name: &str) -> bool {
    !name.contains('\0') && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn parse_time(field: &[u8]) -> Option<i64> {
    match field.strip_prefix(b"-") {
        Some(digits) => 0_i64.checked_sub_unsigned(parse_decimal(digits)?),
        None => i64::try_from(parse_decimal(field)?).ok(),
    }
}

fn is_plain(octet: u8) -> bool {
    octet.is_ascii_graphic() && octet != b'%'
}

fn escape(octets: &[u8], line: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    match octets {
        b"" => line.push(b'%'),
        b"-" => line.extend_from_slice(b"%2D"),
        _ if octets.iter().copied().all(is_plain) => line.extend_from_slice(octets),
        _ => {
            for &octet in octets {
                if is_plain(octet) {
                    line.push(octet);
                } else {
                    line.extend_from_slice(&[b'%', digit(octet >> 4), digit(octet & 0xf)]);
                }
            }
        }
    }
}

fn text(field: &[u8]) -> Option<String> {
    String::from_utf8(unescape(field)?.into_owned()).ok()
}

fn unique_id(field: &[u8]) -> Option<UniqueId> {
    UniqueId::parse(&unescape(field)?).ok()
}

fn unescape(field: &[u8]) -> Option<Cow<'_, [u8]>> {
    if field == b"%" {
        return Some(Cow::Borrowed(b""));
    }
    if memchr::memchr(b'%', field).is_none() {
        return Some(Cow::Borrowed(field));
    }
    let mut octets = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            octets.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            octets.push(*first);
            rest = after;
        }
    }
    Some(Cow::Owned(octets))
}
