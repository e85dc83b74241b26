//! The ways to log in: their names, and those responses that are computed from their input
//! alone.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};

use crate::secret::Secret;

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// USER and PASS (RFC 1939 section 7): the password itself.
    User,
    /// APOP (RFC 1939 section 7): a digest over the greeting's timestamp and the password.
    Apop,
    /// AUTH with a SASL mechanism (RFC 5034).
    Sasl(SaslMechanism),
}

impl Mechanism {
    /// All there are.
    pub const ALL: [Self; 12] = [
        Self::Sasl(SaslMechanism::Plain),
        Self::User,
        Self::Sasl(SaslMechanism::Login),
        Self::Sasl(SaslMechanism::ScramSha256),
        Self::Sasl(SaslMechanism::ScramSha1),
        Self::Sasl(SaslMechanism::ScramSha256Plus),
        Self::Sasl(SaslMechanism::ScramSha1Plus),
        Self::Sasl(SaslMechanism::CramMd5),
        Self::Apop,
        Self::Sasl(SaslMechanism::OAuthBearer),
        Self::Sasl(SaslMechanism::XOAuth2),
        Self::Sasl(SaslMechanism::External),
    ];

    /// Its name in capitals.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::Apop => "APOP",
            Self::Sasl(mechanism) => mechanism.name(),
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mechanism {
    type Err = UnknownMechanism;

    /// Reads a name in any case of letters.
    fn from_str(name: &str) -> Result<Self, UnknownMechanism> {
        Self::ALL
            .into_iter()
            .find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
            .ok_or(UnknownMechanism)
    }
}

/// No mechanism has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownMechanism;

impl fmt::Display for UnknownMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown mechanism, known are")?;
        for (nth, mechanism) in Mechanism::ALL.iter().enumerate() {
            let between = if nth == 0 { " " } else { ", " };
            write!(f, "{between}{}", mechanism.name().to_ascii_lowercase())?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownMechanism {}

/// A SASL mechanism, as CAPA lists and AUTH names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SaslMechanism {
    /// The password itself (RFC 4616).
    Plain,
    /// User and password, each asked for; never standardised.
    Login,
    /// A keyed digest over a challenge (RFC 2195).
    CramMd5,
    /// RFC 5802.
    ScramSha1,
    /// RFC 5802, bound to the TLS channel.
    ScramSha1Plus,
    /// RFC 7677.
    ScramSha256,
    /// RFC 7677, bound to the TLS channel.
    ScramSha256Plus,
    /// The client certificate of the TLS channel (RFC 4422 appendix A).
    External,
    /// A token (RFC 7628).
    OAuthBearer,
    /// A token, as Google and Microsoft took it before RFC 7628.
    XOAuth2,
}

impl SaslMechanism {
    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::External => "EXTERNAL",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
        }
    }
}

impl fmt::Display for SaslMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The timestamp of a greeting that offers APOP: `<...@...>`, angle brackets included.
///
/// RFC 1939 section 7 makes it a msg-id. A server whose brackets hold anything else does not mean
/// one, or is an attacker who chooses octets that make MD5 give the password away
/// (CVE-2007-1558).
pub fn apop_timestamp(greeting: &[u8]) -> Option<&[u8]> {
    memchr::memchr_iter(b'<', greeting).find_map(|start| {
        let timestamp = greeting.get(start..)?;
        let timestamp = timestamp.get(..=memchr::memchr(b'>', timestamp)?)?;
        is_msg_id(timestamp).then_some(timestamp)
    })
}

/// Whether this is `<left@right>` (RFC 5322 section 3.6.4): graphic ASCII, and something on
/// either side of one `@`.
fn is_msg_id(octets: &[u8]) -> bool {
    let [b'<', inner @ .., b'>'] = octets else {
        return false;
    };
    let may_be = |octet: &u8| octet.is_ascii_graphic() && *octet != b'<';
    let sides = inner.split(|octet| *octet == b'@');
    inner.iter().all(may_be)
        && sides.clone().count() == 2
        && sides.into_iter().all(|it| !it.is_empty())
}

/// The digest that APOP sends: MD5 over the timestamp and the password (RFC 1939 section 7).
pub fn apop_digest(timestamp: &[u8], password: &Secret) -> [u8; 16] {
    let mut digest = Md5::new();
    digest.update(timestamp);
    digest.update(password.expose());
    digest.finalize().into()
}

/// The response to a CRAM-MD5 challenge, before base64: the user, a blank, the keyed digest in
/// hexadecimal (RFC 2195 section 2).
#[expect(
    clippy::missing_panics_doc,
    reason = "HMAC takes a key of any length (RFC 2104 section 2)"
)]
pub fn cram_md5_response(user: &str, password: &Secret, challenge: &[u8]) -> Secret {
    let mut keyed =
        Hmac::<Md5>::new_from_slice(password.expose()).expect("HMAC takes a key of any length");
    keyed.update(challenge);
    let digest = data_encoding::HEXLOWER.encode(&keyed.finalize().into_bytes());
    Secret::from(format!("{user} {digest}"))
}

#[cfg(test)]
mod tests {
    use super::{Mechanism, apop_digest, apop_timestamp, cram_md5_response};
    use crate::secret::Secret;

    #[test]
    fn each_name_is_read_in_any_case() {
        for mechanism in Mechanism::ALL {
            assert_eq!(mechanism.name().parse(), Ok(mechanism));
            assert_eq!(mechanism.name().to_lowercase().parse(), Ok(mechanism));
        }
        let unknown = "NTLM".parse::<Mechanism>().unwrap_err().to_string();
        assert!(unknown.ends_with("external"), "{unknown}");
    }

    #[test]
    fn a_timestamp_holds_an_at() {
        let check = |greeting: &str, expected: Option<&str>| {
            let timestamp = apop_timestamp(greeting.as_bytes());
            assert_eq!(timestamp, expected.map(str::as_bytes), "{greeting}");
        };
        check("ready <1896.6@dbc.example>", Some("<1896.6@dbc.example>"));
        check("<a@b> ready <c@d>", Some("<a@b>"));
        check("ready <not a timestamp@all>", None);
        check("ready <1896.6>", None);
        check("ready <a@b", None);
        check("<ready> <b> <a@b> <c@d>", Some("<a@b>"));
        check("<<a@b>", Some("<a@b>"));
        check("ready <@b>", None);
        check("ready <a@>", None);
        check("ready <a@b@c>", None);
        check("ready <a\x01@b>", None);
        check("ready <\u{fc}@b>", None);
        check("ready", None);
    }

    #[test]
    fn apop_as_in_rfc_1939() {
        let password = Secret::from("tanstaaf".to_owned());
        let digest = apop_digest(b"<1896.697170952@dbc.mtview.ca.us>", &password);
        let digest = data_encoding::HEXLOWER.encode(&digest);
        assert_eq!(digest, "c4c9334bac560ecc979e58001b3e22fb");
    }

    #[test]
    fn cram_md5_as_in_rfc_2195() {
        let password = Secret::from("tanstaaftanstaaf".to_owned());
        let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
        let response = cram_md5_response("tim", &password, challenge);
        assert_eq!(response.expose(), b"tim b913a602c7eda7a495b4e6e7334d3890");
    }
}
