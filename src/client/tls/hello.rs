//! Which version of TLS was agreed on: read from the server's hello, as the TLS library does not
//! tell. Nothing depends on it; it is for people to see.

use std::fmt;

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

const HANDSHAKE_RECORD: u8 = 22;
const SERVER_HELLO: u8 = 2;
const SUPPORTED_VERSIONS: u16 = 43;

impl TlsVersion {
    /// Reads the beginning of what a server sent (RFC 8446 sections 4.1.3 and 5.1).
    pub(in crate::client) fn parse(octets: &[u8]) -> Option<Self> {
        let mut hello = Cursor(octets);
        let [content, _, _, _, _] = hello.take()?;
        let [message, _, _, _] = hello.take()?;
        if content != HANDSHAKE_RECORD || message != SERVER_HELLO {
            return None;
        }
        let legacy = u16::from_be_bytes(hello.take()?);
        let _random: [u8; 32] = hello.take()?;
        let [session_octets] = hello.take()?;
        hello.skip(usize::from(session_octets))?;
        let _cipher_suite_and_compression: [u8; 3] = hello.take()?;
        let extensions = hello.extensions();
        Self::of(extensions.unwrap_or(legacy))
    }

    fn of(number: u16) -> Option<Self> {
        match number {
            0x0303 => Some(Self::Tls12),
            0x0304 => Some(Self::Tls13),
            _ => None,
        }
    }
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn skip(&mut self, octets: usize) -> Option<()> {
        self.0 = self.0.get(octets..)?;
        Some(())
    }

    /// The version that an extension tells: since TLS 1.3 it does.
    fn extensions(&mut self) -> Option<u16> {
        let _octets: [u8; 2] = self.take()?;
        loop {
            let kind = u16::from_be_bytes(self.take()?);
            let octets = u16::from_be_bytes(self.take()?);
            if kind == SUPPORTED_VERSIONS {
                return self.take().map(u16::from_be_bytes);
            }
            self.skip(usize::from(octets))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TlsVersion;

    /// A server's hello with these extensions, cut behind them.
    fn hello(extensions: &[u8]) -> Vec<u8> {
        let mut octets = vec![22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3];
        octets.extend([7; 32]);
        octets.push(32);
        octets.extend([8; 32]);
        octets.extend([0x13, 1, 0]);
        octets.extend([0, u8::try_from(extensions.len()).unwrap()]);
        octets.extend(extensions);
        octets
    }

    #[test]
    fn the_extension_tells_and_without_it_the_old_field() {
        let check = |octets: &[u8], expected| assert_eq!(TlsVersion::parse(octets), expected);
        let tls13 = hello(&[0, 51, 0, 2, 9, 9, 0, 43, 0, 2, 3, 4]);
        check(&tls13, Some(TlsVersion::Tls13));
        check(&hello(&[0, 23, 0, 0]), Some(TlsVersion::Tls12));
        check(&hello(&[]), Some(TlsVersion::Tls12));
        check(b"\x15\x03\x03\0\x02\x02\x28", None);
        check(b"+OK ready", None);
        for cut in 0..70 {
            check(&tls13[..cut], None);
        }
    }
}
