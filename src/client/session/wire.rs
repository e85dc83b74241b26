//! What a session speaks over.

use std::fmt;
use std::time::Duration;

use crate::client::error::{Error, Wait};

/// Octets in and out: a connection, or what stands for one in a test.
///
/// A wait, with a deadline of its own, lasts from one `begin` to the next.
pub(in crate::client) trait Wire: fmt::Debug + Send {
    /// Begins a wait that may take the whole timeout.
    fn begin(&mut self, wait: Wait);
    /// Begins a wait that may take less. To run out of it harms nothing.
    fn begin_within(&mut self, wait: Wait, time: Duration);
    /// Reads what is there, at least one octet; zero says that the other side is gone.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error>;
    /// Writes all of it.
    fn write_all(&mut self, octets: &[u8]) -> Result<(), Error>;
    /// The error that says the other side is gone.
    fn closed(&mut self) -> Error;
}

impl<W: Wire + ?Sized> Wire for Box<W> {
    fn begin(&mut self, wait: Wait) {
        (**self).begin(wait);
    }

    fn begin_within(&mut self, wait: Wait, time: Duration) {
        (**self).begin_within(wait, time);
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        (**self).read(buffer)
    }

    fn write_all(&mut self, octets: &[u8]) -> Result<(), Error> {
        (**self).write_all(octets)
    }

    fn closed(&mut self) -> Error {
        (**self).closed()
    }
}
