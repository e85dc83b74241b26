//! What a server's own certificate says. The only user of `x509-parser`.

use std::net::{Ipv4Addr, Ipv6Addr};

use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::client::settings::CertificatePin;
use crate::protocol::ServerText;

/// The most names that are kept of a certificate: enough for a person to see what it is for.
const NAMES_MAX: usize = 100;

/// What a server's own certificate says. The texts are the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The SHA-256 of its DER form.
    pub sha256: CertificatePin,
    /// Who issued it.
    pub issuer: ServerText,
    /// Whom it is for.
    pub subject: ServerText,
    /// The names and addresses it is for.
    pub names: Vec<ServerText>,
    /// The start of its validity, in seconds since 1970; `None` if it cannot be read.
    pub not_before_seconds: Option<i64>,
    /// The end of its validity, in seconds since 1970; `None` if it cannot be read.
    pub not_after_seconds: Option<i64>,
}

impl Leaf {
    /// Reads a certificate. The hash is there whatever else can be read.
    pub(in crate::client) fn parse(der: &[u8]) -> Self {
        let mut leaf = Self {
            sha256: CertificatePin(Sha256::digest(der).into()),
            issuer: ServerText::default(),
            subject: ServerText::default(),
            names: Vec::new(),
            not_before_seconds: None,
            not_after_seconds: None,
        };
        if let Ok((_, certificate)) = X509Certificate::from_der(der) {
            leaf.issuer = ServerText::new(certificate.issuer().to_string().as_bytes());
            leaf.subject = ServerText::new(certificate.subject().to_string().as_bytes());
            leaf.names = names(&certificate);
            leaf.not_before_seconds = Some(certificate.validity().not_before.timestamp());
            leaf.not_after_seconds = Some(certificate.validity().not_after.timestamp());
        }
        leaf
    }
}

/// The alternative names, or where there are none the common names, which old certificates use.
fn names(certificate: &X509Certificate<'_>) -> Vec<ServerText> {
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let mut names: Vec<_> = alternatives
        .into_iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(name)
        .take(NAMES_MAX)
        .collect();
    if names.is_empty() {
        let common = certificate.subject().iter_common_name();
        names.extend(
            common
                .take(NAMES_MAX)
                .map(|name| ServerText::new(name.as_slice())),
        );
    }
    names
}

fn name(general: &GeneralName<'_>) -> Option<ServerText> {
    if let GeneralName::DNSName(name) = general {
        return Some(ServerText::new(name.as_bytes()));
    }
    let GeneralName::IPAddress(octets) = general else {
        return None;
    };
    let v4 = || <[u8; 4]>::try_from(*octets).map(|it| Ipv4Addr::from(it).to_string());
    let v6 = || <[u8; 16]>::try_from(*octets).map(|it| Ipv6Addr::from(it).to_string());
    let address = v4().or_else(|_| v6()).ok()?;
    Some(ServerText::new(address.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(names: &[ServerText]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_certificate_is_read() {
        let names = ["pop.example.org", "127.0.0.1", "::1"].map(ToOwned::to_owned);
        let mut parameters = rcgen::CertificateParams::new(names.to_vec()).unwrap();
        parameters.not_after = rcgen::date_time_ymd(2030, 1, 2);
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, "a \u{202e} name");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let leaf = Leaf::parse(certificate.der());
        assert_eq!(leaf.sha256.0[..], Sha256::digest(certificate.der())[..]);
        assert_eq!(texts(&leaf.names), names);
        assert_eq!(leaf.not_after_seconds, Some(1_893_542_400));
        let issuer = leaf.issuer.to_string();
        assert!(issuer.contains("\\u{202e}"), "{issuer}");
    }

    #[test]
    fn without_alternative_names_the_common_name_counts() {
        let mut parameters = rcgen::CertificateParams::default();
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, "pop.example.org");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let names = texts(&Leaf::parse(certificate.der()).names);
        assert!(names.contains(&"pop.example.org".to_owned()), "{names:?}");
    }

    #[test]
    fn what_is_no_certificate_still_has_a_hash() {
        let leaf = Leaf::parse(b"nonsense");
        assert_eq!(leaf.sha256.0[..], Sha256::digest(b"nonsense")[..]);
        assert_eq!((leaf.names.len(), leaf.not_after_seconds), (0, None));
    }
}
