//! The fields of a line: octets, numbers, names, with one blank between them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::str;

use faster_hex::{CheckCase, hex_decode_array_with_case, hex_encode};

use super::record::{AccountId, Gist, Identity, Place, Receipt};
use crate::message::Header;
use crate::protocol::number::parse_decimal;
use crate::protocol::{UniqueId, UniqueIdRef};

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
        let digits = octets.len().saturating_mul(2);
        self.line.resize(start.saturating_add(digits), 0);
        let room = self.line.get_mut(start..).unwrap_or_default();
        hex_encode(octets, room).expect("room for two digits an octet");
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        match blank_in(text).and_then(|blank| text.split_at_checked(blank)) {
            Some((field, rest)) => {
                self.0 = rest.get(1..);
                Some(field)
            }
            None => self.0.take(),
        }
    }

    pub(super) fn text(&mut self) -> Option<String> {
        text(self.field()?).map(Cow::into_owned)
    }

    fn text_or_none(&mut self) -> Result<Option<String>, NoField> {
        self.or_none(|field| text(field).map(Cow::into_owned))
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        parse_decimal(self.field()?)
    }

    pub(super) fn number_or_none(&mut self) -> Result<Option<u64>, NoField> {
        self.or_none(parse_decimal)
    }

    fn or_none<T>(
        &mut self,
        parse: impl FnOnce(&'a [u8]) -> Option<T>,
    ) -> Result<Option<T>, NoField> {
        match self.field() {
            Some(b"-") => Ok(None),
            Some(field) => parse(field).map(Some).ok_or(NoField),
            None => Err(NoField),
        }
    }

    pub(super) fn time(&mut self) -> Option<i64> {
        parse_time(self.field()?)
    }

    pub(super) fn hex<const OCTETS: usize>(&mut self) -> Option<[u8; OCTETS]> {
        // So many digits: there is no blank to look for.
        let (digits, rest) = self.0?.split_at_checked(2 * OCTETS)?;
        self.0 = match rest {
            [b' ', rest @ ..] => Some(rest),
            [] => None,
            _ => return None,
        };
        hex_decode_array_with_case(digits, CheckCase::Lower).ok()
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

    fn suspect(&mut self) -> Option<bool> {
        match self.field()? {
            b"-" => Some(false),
            b"suspect" => Some(true),
            _ => None,
        }
    }

    pub(super) fn header(&mut self) -> Option<Header> {
        Some(Header {
            date_seconds: self.or_none(parse_time).ok()?,
            from: self.text_or_none().ok()?,
            subject: self.text_or_none().ok()?,
        })
    }
}

/// What a line tells of a receipt: all of it, or what is kept in memory.
pub(super) trait OfReceipt<'a>: Sized {
    fn read(line: &mut Rest<'a>) -> Option<Self>;
}

impl OfReceipt<'_> for Receipt {
    fn read(line: &mut Rest<'_>) -> Option<Self> {
        Some(Self {
            account: line.account()?,
            unique_id: line.or_none(unique_id).ok()?,
            listed_octets: line.number_or_none().ok()?,
            stored_octets: line.number()?,
            sha256: line.hex()?,
            place: place(line.field()?)?.into_owned(),
            time_seconds: line.time()?,
            suspect: line.suspect()?,
        })
    }
}

/// Loading reads as many of them as there are messages: they are left as they are, for their
/// [`Gist`] to be taken out.
impl<'a> OfReceipt<'a> for Rest<'a> {
    fn read(line: &mut Rest<'a>) -> Option<Self> {
        line.0.take().map(Self::of)
    }
}

/// What a [`Gist`] can be taken out of.
pub(super) trait HasGist {
    fn gist(&self) -> Option<Gist<'_>>;
}

impl HasGist for Receipt {
    fn gist(&self) -> Option<Gist<'_>> {
        let unique_id = self.unique_id.as_ref().map(UniqueId::as_bytes);
        Some(Gist {
            account: self.account,
            unique_id: unique_id.map(Cow::Borrowed),
            listed_octets: self.listed_octets,
            sha256: self.sha256,
            time_seconds: self.time_seconds,
            suspect: self.suspect,
        })
    }
}

/// All of the receipt is looked at, so that what is loaded can be read again.
impl HasGist for Rest<'_> {
    #[inline]
    fn gist(&self) -> Option<Gist<'_>> {
        let mut line = *self;
        let account = line.account()?;
        let unique_id = line.or_none(unique_id_octets).ok()?;
        let listed_octets = line.number_or_none().ok()?;
        let _stored_octets = line.number()?;
        let sha256 = line.hex()?;
        let place_field = line.field()?;
        if !is_usual_place(place_field) {
            place(place_field)?;
        }
        let time_seconds = line.time()?;
        let suspect = line.suspect()?;
        line.is_empty().then_some(Gist {
            account,
            unique_id,
            listed_octets,
            sha256,
            time_seconds,
            suspect,
        })
    }
}

/// A [`Place`] as its line tells it.
enum PlaceField<'a> {
    Name(Cow<'a, str>),
    Range { offset: u64, octets: u64 },
    Nowhere,
}

/// There is no such field here.
#[derive(Debug)]
pub(super) struct NoField;

/// Eight octets at a time: most fields end before a search with vectors would have begun.
fn blank_in(text: &[u8]) -> Option<usize> {
    const EACH: u64 = u64::MAX / 0xff;
    let (eights, rest) = text.as_chunks::<8>();
    let found = eights.iter().zip(0..).find_map(|(eight, before)| {
        let others = u64::from_le_bytes(*eight) ^ (EACH * u64::from(b' '));
        let blanks = others.wrapping_sub(EACH) & !others & (EACH << 7);
        (blanks != 0).then(|| 8 * before + blanks.trailing_zeros() as usize / 8)
    });
    found.or_else(|| Some(8 * eights.len() + rest.iter().position(|octet| *octet == b' ')?))
}

/// Whether a file of this name is in its folder or below, as all of ours are: nothing else is ever
/// looked for, moved or removed.
fn is_inside(name: &[u8]) -> bool {
    let is_own = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
    match memchr::memchr2(b'/', b'\0', name) {
        None => is_own(name),
        Some(_) => !name.contains(&b'\0') && name.split(|octet| *octet == b'/').all(is_own),
    }
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

fn text(field: &[u8]) -> Option<Cow<'_, str>> {
    match unescape(field)? {
        Cow::Borrowed(octets) => str::from_utf8(octets).ok().map(Cow::Borrowed),
        Cow::Owned(octets) => String::from_utf8(octets).ok().map(Cow::Owned),
    }
}

fn unique_id(field: &[u8]) -> Option<UniqueId> {
    UniqueId::parse(&unescape(field)?).ok()
}

/// Those of a valid one.
fn unique_id_octets(field: &[u8]) -> Option<Cow<'_, [u8]>> {
    let octets = unescape(field)?;
    UniqueIdRef::parse(&octets).is_ok().then_some(octets)
}

/// Whether this is a file name that stands in its line as it is and leads nowhere else, as those
/// in a maildir do. One look at its octets tells all that [`place`] would find out.
fn is_usual_place(field: &[u8]) -> bool {
    let Some(name @ [b'0'..=b'9', ..]) = field.strip_prefix(b"name:") else {
        return false;
    };
    let is_usual = |octet: u8| is_plain(octet) && octet != b'/';
    name.iter().fold(true, |all, octet| all & is_usual(*octet))
}

fn place(field: &[u8]) -> Option<PlaceField<'_>> {
    if field == b"-" {
        return Some(PlaceField::Nowhere);
    }
    if let Some(name) = field.strip_prefix(b"name:") {
        let name = text(name)?;
        return is_inside(name.as_bytes()).then_some(PlaceField::Name(name));
    }
    let (offset, octets) = str::from_utf8(field.strip_prefix(b"at:")?)
        .ok()?
        .split_once('+')?;
    Some(PlaceField::Range {
        offset: offset.parse().ok()?,
        octets: octets.parse().ok()?,
    })
}

impl PlaceField<'_> {
    fn into_owned(self) -> Place {
        match self {
            Self::Name(name) => Place::Name(name.into_owned()),
            Self::Range { offset, octets } => Place::Range { offset, octets },
            Self::Nowhere => Place::Nowhere,
        }
    }
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
