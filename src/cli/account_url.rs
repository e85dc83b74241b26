//! The URL of an account: `pop3s://alice@pop.example.org[:995]` or `pop3://...`.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Host, Url};

/// What a URL of an account says. It holds no secret: one that does is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountUrl {
    pub(crate) scheme: Scheme,
    pub(crate) user: Option<String>,
    /// In lower case, without brackets.
    pub(crate) host: Host<String>,
    pub(crate) port: Option<u16>,
}

/// The two schemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `pop3s`: TLS from the first octet.
    Pop3s,
    /// `pop3`: STLS, which the server must grant.
    Pop3,
}

/// Why a URL is refused. None of these shows the URL: a password may stand anywhere in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidUrl {
    Scheme,
    Password,
    BeyondHost,
    NoHost,
    User,
    Malformed,
}

/// Whether the text means to be a URL rather than an account's name.
pub(crate) fn looks_like_url(text: &str) -> bool {
    text.contains("://")
}

impl AccountUrl {
    /// Reads a URL.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let scheme = match text.split_once("://") {
            Some((name, _)) if name.eq_ignore_ascii_case("pop3s") => Scheme::Pop3s,
            Some((name, _)) if name.eq_ignore_ascii_case("pop3") => Scheme::Pop3,
            Some(_) | None => return Err(InvalidUrl::Scheme),
        };
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidUrl::Malformed);
        }
        let url = Url::parse(text).map_err(|error| {
            if error == url::ParseError::EmptyHost {
                InvalidUrl::NoHost
            } else {
                InvalidUrl::Malformed
            }
        })?;
        if url.password().is_some() {
            return Err(InvalidUrl::Password);
        }
        if !url.path().is_empty() || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidUrl::BeyondHost);
        }
        // The URL crate lowers the case of hosts of well-known schemes only.
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or(InvalidUrl::NoHost)?;
        let host = percent_decode(host).and_then(|host| Host::parse(&host).ok());
        let user = match url.username() {
            "" => None,
            user => Some(percent_decode(user).ok_or(InvalidUrl::User)?),
        };
        if user
            .as_ref()
            .is_some_and(|user| user.chars().any(char::is_control))
        {
            return Err(InvalidUrl::User);
        }
        Ok(Self {
            scheme,
            user,
            host: host.ok_or(InvalidUrl::Malformed)?,
            port: url.port(),
        })
    }
}

/// Undoes percent-encoding; `None` when what comes out is not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

impl fmt::Display for AccountUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// What may stand as it is in front of the `@`.
        const USER: AsciiSet = NON_ALPHANUMERIC
            .remove(b'-')
            .remove(b'.')
            .remove(b'_')
            .remove(b'~');
        let scheme = match self.scheme {
            Scheme::Pop3s => "pop3s",
            Scheme::Pop3 => "pop3",
        };
        write!(f, "{scheme}://")?;
        if let Some(user) = &self.user {
            write!(f, "{}@", utf8_percent_encode(user, &USER))?;
        }
        write!(f, "{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the account's URL does not begin with pop3s:// or pop3://",
            Self::Password => "the account's URL holds a password, which other users could read",
            Self::BeyondHost => "the account's URL goes on after the host (it is not shown here)",
            Self::NoHost => "the account's URL names no host",
            Self::User => "the user in the account's URL is not plain UTF-8 text",
            Self::Malformed => "the account's URL is malformed (it is not shown here)",
        })
    }
}

impl InvalidUrl {
    /// How to mend it.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Password => {
                "leave it out: popfetch asks for it, or takes it from --password-command, \
                 --password-file, POPFETCH_PASSWORD or ~/.netrc"
            }
            Self::Scheme | Self::BeyondHost | Self::NoHost | Self::User | Self::Malformed => {
                "write pop3s://USER@HOST or pop3s://USER@HOST:PORT; an @ in USER is written %40, \
                 or give the user by --user"
            }
        }
    }
}

impl std::error::Error for InvalidUrl {}

#[cfg(test)]
mod tests {
    use super::{AccountUrl, InvalidUrl};

    #[test]
    fn urls() {
        use InvalidUrl::{BeyondHost, Malformed, NoHost, Password, Scheme, User};
        for (text, expected) in [
            (
                "pop3s://alice@pop.example.org",
                Ok("pop3s://alice@pop.example.org"),
            ),
            (
                "pop3s://alice@Pop.Example.ORG:995",
                Ok("pop3s://alice@pop.example.org:995"),
            ),
            (
                "POP3://alice@pop.example.org:110",
                Ok("pop3://alice@pop.example.org:110"),
            ),
            ("pop3s://pop.example.org", Ok("pop3s://pop.example.org")),
            (
                "pop3s://alice%40example.org@h",
                Ok("pop3s://alice%40example.org@h"),
            ),
            (
                "pop3s://alice@example.org@h",
                Ok("pop3s://alice%40example.org@h"),
            ),
            ("pop3s://jos\u{e9}@h", Ok("pop3s://jos%C3%A9@h")),
            ("pop3s://alice@[::1]:9950", Ok("pop3s://alice@[::1]:9950")),
            ("pop3s://alice@127.0.0.1", Ok("pop3s://alice@127.0.0.1")),
            (
                "pop3s://alice@b\u{fc}cher.example",
                Ok("pop3s://alice@xn--bcher-kva.example"),
            ),
            ("pop3s://alice:hidden@h", Err(Password)),
            ("pop3s://alice:@h", Ok("pop3s://alice@h")),
            ("pop3s://alice:hid/den@h", Err(Malformed)),
            ("pop3s://alice:12#34@h", Err(BeyondHost)),
            ("pop3s://alice@h/", Err(BeyondHost)),
            ("pop3s://alice@h/INBOX", Err(BeyondHost)),
            ("pop3s://alice@h?tls=off", Err(BeyondHost)),
            ("pop3s://alice@h#x", Err(BeyondHost)),
            ("pop3s://", Err(NoHost)),
            ("pop3s://alice@", Err(NoHost)),
            ("pop3s://alice@h:0x", Err(Malformed)),
            ("pop3s://alice@h:65536", Err(Malformed)),
            ("pop3s://al ice@h", Err(Malformed)),
            ("pop3s://alice%0d%0aDELE@h", Err(User)),
            ("pop3s://alice%ff@h", Err(User)),
            ("imaps://alice@h", Err(Scheme)),
            ("alice@h", Err(Scheme)),
            ("", Err(Scheme)),
        ] {
            let url = AccountUrl::parse(text).map(|url| url.to_string());
            assert_eq!(url.as_deref(), expected.as_ref().copied(), "{text:?}");
        }
    }

    #[test]
    fn a_refusal_shows_nothing_of_the_url() {
        for text in [
            "pop3s://alice:sesame@h",
            "pop3s://a:se/same@h",
            "pop3s://a@h?sesame",
        ] {
            let error = AccountUrl::parse(text).unwrap_err();
            assert!(
                !format!("{error} {error:?} {}", error.hint()).contains("same"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_user_is_decoded_and_the_host_bare() {
        let url = AccountUrl::parse("pop3s://alice%40example.org@[2001:DB8::1]").unwrap();
        assert_eq!(url.user.as_deref(), Some("alice@example.org"));
        assert_eq!(url.host.to_string(), "[2001:db8::1]");
        assert_eq!(url.port, None);
    }
}
