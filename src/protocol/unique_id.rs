//! What identifies a message from session to session.

use std::fmt;

use super::limits::UNIQUE_ID_OCTETS_MAX;
use super::text::escape_bytes;

/// A unique-id (RFC 1939 section 7, UIDL): the server's own octets, 1 to 512 of them, none a
/// control octet.
///
/// RFC 1939 grants 70 printable ASCII octets; servers send blanks, 8-bit octets and more of
/// them, and an identity that was mended would not be the server's any more.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(Box<[u8]>);

impl UniqueId {
    /// Takes the octets as they are.
    pub fn parse(octets: &[u8]) -> Result<Self, InvalidUniqueId> {
        UniqueIdRef::parse(octets).map(UniqueIdRef::to_unique_id)
    }

    /// The server's octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same, borrowed.
    pub fn as_ref(&self) -> UniqueIdRef<'_> {
        UniqueIdRef(&self.0)
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl fmt::Debug for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

/// A [`UniqueId`] that somebody else holds, such as a row of a listing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueIdRef<'a>(&'a [u8]);

impl<'a> UniqueIdRef<'a> {
    /// Takes the octets as they are.
    pub fn parse(octets: &'a [u8]) -> Result<Self, InvalidUniqueId> {
        if octets.is_empty() {
            Err(InvalidUniqueId::Empty)
        } else if octets.len() > UNIQUE_ID_OCTETS_MAX {
            Err(InvalidUniqueId::TooLong {
                octets: octets.len(),
            })
        } else if octets
            .iter()
            .fold(false, |any, octet| any | octet.is_ascii_control())
        {
            Err(InvalidUniqueId::ControlOctet)
        } else {
            Ok(Self(octets))
        }
    }

    /// Octets that were parsed before and are kept in an arena.
    pub(super) fn of_parsed(octets: &'a [u8]) -> Option<Self> {
        (!octets.is_empty()).then_some(Self(octets))
    }

    /// The server's octets.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// One of its own.
    pub fn to_unique_id(self) -> UniqueId {
        UniqueId(self.0.into())
    }
}

impl fmt::Display for UniqueIdRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&escape_bytes(self.0))
    }
}

impl fmt::Debug for UniqueIdRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", escape_bytes(self.0))
    }
}

/// Why octets are no unique-id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidUniqueId {
    /// There is none.
    Empty,
    /// More octets than [`UNIQUE_ID_OCTETS_MAX`].
    TooLong {
        /// How many there are.
        octets: usize,
    },
    /// An ASCII control octet among them.
    ControlOctet,
}

impl fmt::Display for InvalidUniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a unique-id cannot be empty"),
            Self::TooLong { octets } => write!(
                f,
                "a unique-id of {octets} octets is longer than the {UNIQUE_ID_OCTETS_MAX} allowed"
            ),
            Self::ControlOctet => f.write_str("a unique-id cannot hold control characters"),
        }
    }
}

impl std::error::Error for InvalidUniqueId {}

#[cfg(test)]
mod tests {
    use super::{InvalidUniqueId, UniqueId};

    #[test]
    fn any_octets_but_controls_are_an_id() {
        let check = |octets: &[u8], expected: Result<(), InvalidUniqueId>| {
            assert_eq!(UniqueId::parse(octets).map(|_| ()), expected);
        };
        check(b"whqtswO00WBw418f9t5JxYwZ", Ok(()));
        check(b"#1 /two\xff", Ok(()));
        check(&[b'x'; 511], Ok(()));
        check(&[b'x'; 512], Ok(()));
        check(&[b'x'; 513], Err(InvalidUniqueId::TooLong { octets: 513 }));
        check(b"", Err(InvalidUniqueId::Empty));
        check(b"a\tb", Err(InvalidUniqueId::ControlOctet));
        check(b"a\rb", Err(InvalidUniqueId::ControlOctet));
        check(b"a\0", Err(InvalidUniqueId::ControlOctet));
        check(b"a\x7f", Err(InvalidUniqueId::ControlOctet));
    }

    #[test]
    fn it_is_shown_escaped_and_kept_raw() {
        let id = UniqueId::parse(b"a\xffb").unwrap();
        assert_eq!(id.to_string(), "a\\xffb");
        assert_eq!(id.as_bytes(), b"a\xffb");
        assert_eq!(format!("{id:?}"), "\"a\\xffb\"");
    }
}
