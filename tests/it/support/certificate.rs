//! Certificates made afresh for each run of the tests.

use std::path::Path;
use std::sync::OnceLock;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use sha2::{Digest as _, Sha256};

/// A certificate with its key, both as PEM, and what `--tls-pin` calls it.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) chain: String,
    pub(crate) key: String,
    pub(crate) pin: String,
}

/// An authority and what it signed for `127.0.0.1`, `localhost` and some odd cases.
#[derive(Debug)]
pub(crate) struct Certificates {
    /// The authority's certificate as PEM: what `--tls-ca` is given.
    pub(crate) authority: String,
    good: Certificate,
    expired: Certificate,
    wrong_name: Certificate,
    self_signed: Certificate,
    odd_names: Certificate,
    /// A client's, for the user alice.
    pub(crate) alice: Certificate,
}

impl Certificates {
    /// The same for all tests of one run: making keys costs time.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Certificates> = OnceLock::new();
        SHARED.get_or_init(Self::make)
    }

    fn make() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "popfetch tests");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let here = || named(&["127.0.0.1", "localhost"]);
        let mut past = here();
        past.not_before = date_time_ymd(2001, 1, 1);
        past.not_after = date_time_ymd(2002, 1, 1);
        let mut alice = CertificateParams::new(Vec::new()).unwrap();
        alice
            .distinguished_name
            .push(rcgen::DnType::CommonName, "alice");
        let own_key = KeyPair::generate().unwrap();
        let own = here().self_signed(&own_key).unwrap();
        let odd_key = KeyPair::generate().unwrap();
        let mut odd = here();
        let name = "\u{1b}]0;title\u{7} \u{202e}gro.elpmaxe";
        odd.distinguished_name.push(rcgen::DnType::CommonName, name);
        odd.distinguished_name
            .push(rcgen::DnType::OrganizationName, "\u{9b}31m\0");
        let odd = odd.self_signed(&odd_key).unwrap();
        Self {
            authority: issuer.pem(),
            good: signed(&here(), &issuer),
            expired: signed(&past, &issuer),
            wrong_name: signed(&named(&["pop.example.net"]), &issuer),
            self_signed: Certificate::new(&own, &own_key),
            alice: signed(&alice, &issuer),
            odd_names: Certificate::new(&odd, &odd_key),
        }
    }

    /// `good`, `expired`, `wrong-name`, `self-signed` or `odd-names`.
    pub(crate) fn named(&self, name: &str) -> Option<&Certificate> {
        Some(match name {
            "good" => &self.good,
            "expired" => &self.expired,
            "wrong-name" => &self.wrong_name,
            "self-signed" => &self.self_signed,
            "odd-names" => &self.odd_names,
            _ => return None,
        })
    }

    /// Writes the authority's certificate.
    pub(crate) fn write_authority(&self, path: &Path) {
        std::fs::write(path, &self.authority).unwrap();
    }
}

impl Certificate {
    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        let hash = Sha256::digest(certificate.der());
        let pin = format!("sha256:{}", data_encoding::HEXLOWER.encode(&hash));
        Self {
            chain: certificate.pem(),
            key: key.serialize_pem(),
            pin,
        }
    }

    /// For a server.
    pub(crate) fn acceptor(&self) -> native_tls::TlsAcceptor {
        let identity = native_tls::Identity::from_pkcs8(self.chain.as_bytes(), self.key.as_bytes());
        native_tls::TlsAcceptor::new(identity.unwrap()).unwrap()
    }
}

fn named(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "popfetch test server");
    params
}

fn signed(params: &CertificateParams, issuer: &CertifiedIssuer<'_, KeyPair>) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    Certificate::new(&certificate, &key)
}
