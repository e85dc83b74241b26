//! What a server says it can do (RFC 2449, CAPA).

use std::time::Duration;

use super::limits::CAPABILITY_ROWS_MAX;
use super::number::parse_decimal;
use super::sasl::SaslMechanism;
use super::text::ServerText;

/// The rows of a CAPA response. Words that nobody knows are kept to be shown, and mean nothing.
///
/// They may lie: servers leave out UIDL and TOP though they have them, and list mechanisms that
/// always fail. An empty one says nothing, neither yes nor no.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    rows: Vec<ServerText>,
}

impl Capabilities {
    /// Those of these rows, given without line ends. Only so many are kept.
    pub fn parse<'a>(rows: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut capabilities = Self::default();
        for row in rows {
            capabilities.push_row(row);
        }
        capabilities
    }

    /// One more row, without its line end.
    pub fn push_row(&mut self, row: &[u8]) {
        let row = row.trim_ascii();
        if !row.is_empty() && self.rows.len() < CAPABILITY_ROWS_MAX {
            self.rows.push(ServerText::new(row));
        }
    }

    /// All rows, as the server sent them.
    pub fn rows(&self) -> &[ServerText] {
        &self.rows
    }

    /// Commands may be sent before the earlier ones are answered.
    pub fn has_pipelining(&self) -> bool {
        self.has("PIPELINING")
    }

    /// TLS can be begun (RFC 2595).
    pub fn has_stls(&self) -> bool {
        self.has("STLS")
    }

    /// UTF8 mode can be begun (RFC 6856).
    pub fn has_utf8(&self) -> bool {
        self.has("UTF8")
    }

    /// The language of the server's texts can be chosen (RFC 6856).
    pub fn has_lang(&self) -> bool {
        self.has("LANG")
    }

    /// There is UIDL. Many a server has it and does not say so.
    pub fn has_uidl(&self) -> bool {
        self.has("UIDL")
    }

    /// There is TOP. Many a server has it and does not say so.
    pub fn has_top(&self) -> bool {
        self.has("TOP")
    }

    /// USER and PASS are taken.
    pub fn has_user(&self) -> bool {
        self.has("USER")
    }

    /// The SASL mechanisms that are listed, known here or not. The list may be empty.
    pub fn sasl(&self) -> impl Iterator<Item = &str> {
        self.named("SASL")
            .flatten()
            .filter_map(|name| std::str::from_utf8(name).ok())
    }

    /// Whether a mechanism is listed.
    pub fn offers_sasl(&self, mechanism: SaslMechanism) -> bool {
        self.sasl()
            .any(|name| name.eq_ignore_ascii_case(mechanism.name()))
    }

    /// How long the server keeps messages.
    pub fn expire(&self) -> Option<Expire> {
        let days = self.named("EXPIRE").next()?.next()?;
        if days.eq_ignore_ascii_case(b"NEVER") {
            return Some(Expire::Never);
        }
        Some(Expire::Days(parse_decimal(days)?))
    }

    /// How long to wait from one login to the next.
    pub fn login_delay(&self) -> Option<Duration> {
        let seconds = self.named("LOGIN-DELAY").next()?.next()?;
        Some(Duration::from_secs(parse_decimal(seconds)?))
    }

    /// The name of the server's software.
    pub fn implementation(&self) -> Option<ServerText> {
        self.rows.iter().find_map(|row| {
            let (keyword, text) = row.as_bytes().split_at_checked("IMPLEMENTATION ".len())?;
            keyword
                .eq_ignore_ascii_case(b"IMPLEMENTATION ")
                .then(|| ServerText::new(text.trim_ascii()))
        })
    }

    fn has(&self, keyword: &str) -> bool {
        self.named(keyword).next().is_some()
    }

    /// The arguments of each row with this keyword; letters of any case.
    fn named(&self, keyword: &str) -> impl Iterator<Item = impl Iterator<Item = &[u8]>> {
        self.rows.iter().filter_map(move |row| {
            let mut words = row
                .as_bytes()
                .split(u8::is_ascii_whitespace)
                .filter(|word| !word.is_empty());
            words
                .next()?
                .eq_ignore_ascii_case(keyword.as_bytes())
                .then_some(words)
        })
    }
}

/// How long a server keeps messages (RFC 2449 section 6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expire {
    /// As long as nobody deletes them.
    Never,
    /// So many days; 0 means that what was retrieved may be deleted when the session ends.
    Days(u64),
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Capabilities, Expire};
    use crate::protocol::SaslMechanism;
    use crate::protocol::limits::CAPABILITY_ROWS_MAX;

    fn capabilities(rows: &[&str]) -> Capabilities {
        Capabilities::parse(rows.iter().map(|row| row.as_bytes()))
    }

    #[test]
    fn what_dovecot_says() {
        let dovecot = capabilities(&[
            "CAPA",
            "TOP",
            "UIDL",
            "RESP-CODES",
            "PIPELINING",
            "STLS",
            "USER",
            "SASL PLAIN scram-sha-1",
            "SASL LOGIN",
            "IMPLEMENTATION  Dovecot (Debian) ",
            "EXPIRE 30 USER",
            "login-delay 900",
            "UTF8 USER",
        ]);
        assert!(dovecot.has_pipelining() && dovecot.has_stls() && dovecot.has_utf8());
        assert!(dovecot.has_uidl() && dovecot.has_top() && dovecot.has_user());
        assert_eq!(
            dovecot.sasl().collect::<Vec<_>>(),
            ["PLAIN", "scram-sha-1", "LOGIN"]
        );
        assert!(dovecot.offers_sasl(SaslMechanism::ScramSha1));
        assert!(!dovecot.offers_sasl(SaslMechanism::ScramSha1Plus));
        assert_eq!(dovecot.expire(), Some(Expire::Days(30)));
        assert_eq!(dovecot.login_delay(), Some(Duration::from_mins(15)));
        let implementation = dovecot.implementation().unwrap();
        assert_eq!(implementation.as_bytes(), b"Dovecot (Debian)");
    }

    #[test]
    fn unknown_words_and_empty_lists_mean_nothing() {
        let odd = capabilities(&[
            "PIPELINE",
            "SASL",
            "EXPIRENEVER",
            "",
            "LOGIN-DELAY soon",
            "\u{2603}",
        ]);
        assert!(!odd.has_pipelining());
        assert_eq!(odd.sasl().count(), 0);
        assert_eq!(odd.expire(), None);
        assert_eq!(odd.login_delay(), None);
        assert_eq!(odd.implementation(), None);
        assert_eq!(odd.rows().len(), 5);
        assert_eq!(
            capabilities(&["EXPIRE NEVER"]).expire(),
            Some(Expire::Never)
        );
        assert_eq!(capabilities(&["EXPIRE"]).expire(), None);
        let binary = Capabilities::parse([&b"SASL \xff PLAIN"[..]]);
        assert!(binary.offers_sasl(SaslMechanism::Plain));
    }

    #[test]
    fn only_so_many_rows_are_kept() {
        for (given, kept) in [(-1, -1), (0, 0), (1, 0)] {
            let max = CAPABILITY_ROWS_MAX.cast_signed();
            let rows = vec!["X-ROW"; (max + given).cast_unsigned()];
            assert_eq!(capabilities(&rows).rows().len().cast_signed(), max + kept);
        }
    }
}
