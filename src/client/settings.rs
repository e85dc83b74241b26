//! What a caller decides before a connection is opened: where to, how safely, how patiently.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use url::Host;

use crate::protocol::Mechanism;
use crate::secret::Secret;

/// The POP3 server to speak to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    /// Its name or address.
    pub host: Host<String>,
    /// Its port.
    pub port: u16,
    /// When TLS begins.
    pub tls: TlsMode,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// When TLS begins on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsMode {
    /// With the first octet (RFC 8314 section 3.2).
    Implicit,
    /// With STLS, which must succeed (RFC 2595 section 4).
    Stls,
    /// Never.
    Off,
}

impl TlsMode {
    /// The port the mode is usually served at.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Implicit => 995,
            Self::Stls | Self::Off => 110,
        }
    }
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Implicit => "implicit",
            Self::Stls => "stls",
            Self::Off => "off",
        })
    }
}

/// How long anything may take, and the flag that ends every wait.
#[derive(Debug, Clone)]
pub struct Patience {
    /// The longest that one wait may last.
    pub timeout: Duration,
    /// The moment at which all waits end.
    pub until: Option<Instant>,
    /// Set from outside to end every wait within a fraction of a second.
    pub stop: Arc<AtomicBool>,
}

impl Patience {
    /// One timeout, no end of the whole, nobody who stops it.
    pub fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            until: None,
            stop: Arc::default(),
        }
    }

    /// Whether somebody asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What concerns the way to any server: trust, identity, proxy, address family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transport {
    /// A PEM file whose certificates are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The one certificate to trust; chain, name and dates are then not looked at.
    pub pin: Option<CertificatePin>,
    /// The name the certificate must carry, where it is not the server's own.
    pub tls_name: Option<String>,
    /// The certificate to present to the server.
    pub identity: Option<ClientIdentity>,
    /// The proxy to go through.
    pub proxy: Option<Proxy>,
    /// The address family to use.
    pub family: Family,
}

/// The SHA-256 of a certificate's DER form.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CertificatePin(pub [u8; 32]);

impl fmt::Display for CertificatePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for CertificatePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificatePin({self})")
    }
}

impl FromStr for CertificatePin {
    type Err = InvalidSetting;

    /// Takes `sha256:` and 64 hexadecimal digits, in either case, with or without the colons
    /// between octets that `openssl x509 -fingerprint` prints.
    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        const EXPECTED: InvalidSetting = InvalidSetting(
            "expected sha256: and the 64 hexadecimal digits of the certificate's hash",
        );
        let digits = text
            .strip_prefix("sha256:")
            .ok_or(EXPECTED)?
            .replace(':', "");
        let octets = data_encoding::HEXLOWER_PERMISSIVE
            .decode(digits.as_bytes())
            .map_err(|_| EXPECTED)?;
        octets.try_into().map(Self).map_err(|_| EXPECTED)
    }
}

/// The PEM files of a client certificate and its key; they may be the same file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate, followed by its chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A SOCKS5 proxy (RFC 1928), which also resolves the server's name.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// The proxy's name or address.
    pub host: Host<String>,
    /// The proxy's port.
    pub port: u16,
    /// The user and password of RFC 1929, where the proxy wants them.
    pub login: Option<ProxyLogin>,
}

/// User and password for a proxy.
#[derive(Debug, Clone)]
pub struct ProxyLogin {
    /// The user.
    pub user: String,
    /// The password; empty when none was given.
    pub password: Secret,
}

impl PartialEq for Proxy {
    fn eq(&self, other: &Self) -> bool {
        let login = |proxy: &Self| {
            proxy
                .login
                .as_ref()
                .map(|it| (it.user.clone(), it.password.expose().to_vec()))
        };
        self.host == other.host && self.port == other.port && login(self) == login(other)
    }
}

impl Eq for Proxy {}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socks5://{}:{}", self.host, self.port)
    }
}

impl FromStr for Proxy {
    type Err = InvalidSetting;

    /// Takes `socks5://[USER[:PASSWORD]@]HOST[:PORT]`; user and password percent-encoded.
    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        const EXPECTED: InvalidSetting = InvalidSetting("expected socks5://[USER@]HOST[:PORT]");
        let (scheme, rest) = text.split_once("://").ok_or(EXPECTED)?;
        if !matches!(scheme, "socks5" | "socks5h") {
            return Err(EXPECTED);
        }
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        let (host, port) = split_port(place).ok_or(EXPECTED)?;
        let host = Host::parse(host).map_err(|_| EXPECTED)?;
        let login = login.map(parse_proxy_login).transpose()?;
        Ok(Self {
            host,
            port: port.unwrap_or(1080),
            login,
        })
    }
}

/// Cuts `HOST[:PORT]`, where an IPv6 host stands in brackets.
fn split_port(place: &str) -> Option<(&str, Option<u16>)> {
    match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => port
            .parse()
            .ok()
            .filter(|&port| port != 0)
            .map(|port| (host, Some(port))),
        _ => Some((place, None)),
    }
}

fn parse_proxy_login(text: &str) -> Result<ProxyLogin, InvalidSetting> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let user = percent_decode(user)
        .and_then(|octets| String::from_utf8(octets).ok())
        .ok_or(InvalidSetting(
            "the proxy's user is not valid percent-encoded UTF-8",
        ))?;
    let password = percent_decode(password)
        .map(Secret::new)
        .ok_or(InvalidSetting(
            "the proxy's password is not valid percent-encoding",
        ))?;
    // RFC 1929 section 2: both lengths are one octet.
    if user.is_empty() || user.len() > 255 || password.expose().len() > 255 {
        return Err(InvalidSetting(
            "the proxy's user and password have 1 to 255 octets each",
        ));
    }
    Ok(ProxyLogin { user, password })
}

fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            octets.extend(data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok()?);
            rest = after;
        } else {
            octets.push(first);
            rest = after;
        }
    }
    Some(octets)
}

/// Which addresses of a host are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Family {
    /// All, in the order of the resolver.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Family {
    /// Whether an address is of this family.
    pub fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// Who logs in, and how that is proven.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user as the server knows it.
    pub user: String,
    /// The proof.
    pub proof: Proof,
}

/// What proves that the user is who it says.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A password.
    Password(Secret),
    /// An OAuth 2.0 bearer token.
    Token(Secret),
    /// The client certificate of the TLS handshake (SASL EXTERNAL).
    Certificate,
}

/// How to log in and how to speak afterwards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoginPolicy {
    /// The one mechanism to use; the best on offer when none is named.
    pub mechanism: Option<Mechanism>,
    /// Whether commands are sent ahead of their answers.
    pub pipelining: PipelinePolicy,
}

/// Whether commands are sent ahead of their answers (RFC 2449 section 6.6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum PipelinePolicy {
    /// When the server offers it.
    #[default]
    Auto,
    /// Always, with at most so many commands outstanding.
    Window(std::num::NonZeroU16),
    /// Never.
    Off,
}

impl fmt::Display for PipelinePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Window(commands) => commands.fmt(f),
            Self::Off => f.write_str("off"),
        }
    }
}

impl FromStr for PipelinePolicy {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            _ => text.parse().map(Self::Window).map_err(|_| {
                InvalidSetting("expected a number of commands from 1 to 65535, or off")
            }),
        }
    }
}

/// Why a setting's text cannot be used. The text itself is never part of it, as it may hold a
/// password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidSetting(pub &'static str);

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidSetting {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_parsed_as_printed_by_us_and_by_openssl() {
        let pin = CertificatePin([0xa5; 32]);
        assert_eq!(pin.to_string().parse(), Ok(pin));
        let with_colons = format!("sha256:{}", ["A5"; 32].join(":"));
        assert_eq!(with_colons.parse(), Ok(pin));
        for bad in ["", "sha256:", "sha1:a5", "sha256:a5", &"a5".repeat(32)] {
            assert!(bad.parse::<CertificatePin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn proxies_are_parsed() {
        type Parts<'a> = (&'a str, u16, Option<(&'a str, &'a str)>);
        fn check(text: &str, expected: Option<Parts<'_>>) {
            let parsed = text.parse::<Proxy>().ok().map(|proxy| {
                let login = proxy
                    .login
                    .map(|it| (it.user, it.password.expose().to_vec()));
                (proxy.host.to_string(), proxy.port, login)
            });
            let expected = expected.map(|(host, port, login)| {
                let login = login.map(|(user, word)| (user.to_owned(), word.as_bytes().to_vec()));
                (host.to_owned(), port, login)
            });
            assert_eq!(parsed, expected, "{text}");
        }
        check("socks5://localhost:9050", Some(("localhost", 9050, None)));
        check("socks5://localhost", Some(("localhost", 1080, None)));
        check("socks5h://[::1]:1/", Some(("[::1]", 1, None)));
        check("socks5://[::1]", Some(("[::1]", 1080, None)));
        check("socks5://me@host:1", Some(("host", 1, Some(("me", "")))));
        check(
            "socks5://m%40e:p%3aw@host:1",
            Some(("host", 1, Some(("m@e", "p:w")))),
        );
        check(
            "socks5://me:p:w@host:1",
            Some(("host", 1, Some(("me", "p:w")))),
        );
        check("socks5://:x@host:1", None);
        check("socks5://host:0", None);
        check("socks5://host:99999", None);
        check("socks5://", None);
        check("http://host:1", None);
        check("host:1", None);
    }

    #[test]
    fn no_secret_in_debug() {
        let proxy: Proxy = "socks5://me:hidden@host:1".parse().unwrap();
        let credentials = Credentials {
            user: "alice".to_owned(),
            proof: Proof::Password(Secret::from("hidden".to_owned())),
        };
        assert!(!format!("{proxy:?} {proxy} {credentials:?}").contains("hidden"));
    }

    #[test]
    fn pipeline_policies_are_parsed() {
        for text in ["auto", "off", "1", "65535"] {
            assert_eq!(text.parse::<PipelinePolicy>().unwrap().to_string(), text);
        }
        for bad in ["0", "65536", "-1", "on", ""] {
            assert!(bad.parse::<PipelinePolicy>().is_err(), "{bad}");
        }
    }
}
