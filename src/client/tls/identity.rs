//! The client's own certificate and key, out of PEM files.

use std::fs;
use std::path::Path;

use crate::client::error::BadSetting;
use crate::client::settings::ClientIdentity;
use crate::secret::Secret;

/// A certificate with its chain, and its key in PKCS #8, each in PEM.
#[derive(Debug)]
pub(super) struct IdentityPem {
    pub(super) certificates: Vec<u8>,
    pub(super) key: Secret,
}

/// Loads certificate and key. Both may stand in one file, in any order and among other blocks.
pub(super) fn load(files: &ClientIdentity) -> Result<IdentityPem, BadSetting> {
    let certificates = read(&files.certificate)?;
    if !blocks(&certificates).any(|block| block.label == b"CERTIFICATE") {
        return Err(BadSetting::NoCertificate(files.certificate.clone()));
    }
    let pem = Secret::new(read(&files.key)?);
    let key = find_key(pem.expose(), &files.key)?;
    Ok(IdentityPem {
        certificates,
        key: Secret::new(key.to_vec()),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, BadSetting> {
    fs::read(path).map_err(|source| BadSetting::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// The block of the private key, if it is of the one kind that every TLS library reads.
fn find_key<'a>(pem: &'a [u8], path: &Path) -> Result<&'a [u8], BadSetting> {
    let mut other = None;
    for block in blocks(pem) {
        if block.label == b"PRIVATE KEY" {
            return Ok(block.whole);
        }
        if block.label.ends_with(b"PRIVATE KEY") {
            other.get_or_insert(block.label);
        }
    }
    let Some(label) = other else {
        return Err(BadSetting::NoKey(path.to_owned()));
    };
    let shown = path.display();
    Err(BadSetting::UnsupportedKey {
        path: path.to_owned(),
        label: crate::protocol::text::escape_bytes(label),
        conversion: format!("openssl pkcs8 -topk8 -nocrypt -in '{shown}' -out '{shown}.pkcs8'"),
    })
}

struct Block<'a> {
    label: &'a [u8],
    whole: &'a [u8],
}

/// The blocks of a PEM file (RFC 7468 section 2).
fn blocks(pem: &[u8]) -> impl Iterator<Item = Block<'_>> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const DASHES: &[u8] = b"-----";
    let mut rest = pem;
    std::iter::from_fn(move || {
        loop {
            let start = memchr::memmem::find(rest, BEGIN)?;
            let whole = rest.get(start..)?;
            let after = whole.get(BEGIN.len()..)?;
            let label = after.get(..memchr::memmem::find(after, DASHES)?)?;
            rest = after;
            let end = [b"-----END ", label, DASHES].concat();
            if let Some(at) = memchr::memmem::find(whole, &end) {
                let (whole, after) = whole.split_at_checked(at + end.len())?;
                rest = after;
                return Some(Block { label, whole });
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";

    #[test]
    fn the_key_is_found_among_other_blocks() {
        let pem = format!(
            "subject=x\n-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n\
             -----BEGIN EC PARAMETERS-----\nCCCC\n-----END EC PARAMETERS-----\n{KEY}\n"
        );
        let found = find_key(pem.as_bytes(), Path::new("k")).unwrap();
        assert_eq!(found, KEY.as_bytes());
    }

    #[test]
    fn other_kinds_of_keys_are_named_with_their_conversion() {
        for label in ["RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
            let pem = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
            let error = find_key(pem.as_bytes(), Path::new("my.key")).unwrap_err();
            assert!(error.to_string().contains(label), "{error}");
            let BadSetting::UnsupportedKey { conversion, .. } = error else {
                panic!("{error}")
            };
            assert!(
                conversion.contains("openssl pkcs8 -topk8 -nocrypt -in 'my.key'"),
                "{conversion}"
            );
        }
    }

    #[test]
    fn a_file_with_no_whole_key_has_none() {
        for pem in ["", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "AAAA"] {
            let error = find_key(pem.as_bytes(), Path::new("k"));
            assert!(matches!(error, Err(BadSetting::NoKey(_))), "{pem}");
        }
    }
}
