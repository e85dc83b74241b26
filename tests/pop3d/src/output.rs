//! What a session sends: gathered into large writes, and cut where a test wants it.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// Written out at this size, so that a benchmark measures the client and not the server.
const BUFFER_OCTETS: usize = 256 * 1024;

#[derive(Debug)]
pub(crate) struct Output {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Octets that may still be sent before the line is cut.
    left: Option<u64>,
}

impl Output {
    pub(crate) fn new(stream: TcpStream, cut_after: Option<u64>) -> Self {
        Self {
            stream,
            buffer: Vec::with_capacity(BUFFER_OCTETS),
            left: cut_after,
        }
    }

    pub(crate) fn push(&mut self, octets: &[u8]) -> io::Result<()> {
        let allowed = match &mut self.left {
            None => octets,
            Some(left) => {
                let fitting = octets
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= fitting as u64;
                &octets[..fitting]
            }
        };
        if self.buffer.len() + allowed.len() > BUFFER_OCTETS {
            self.flush()?;
        }
        if allowed.len() > BUFFER_OCTETS {
            self.stream.write_all(allowed)?;
        } else {
            self.buffer.extend_from_slice(allowed);
        }
        if self.left == Some(0) {
            Err(self.cut())
        } else {
            Ok(())
        }
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Ends the line as a vanished server would: what was sent arrives, then the end of stream.
    pub(crate) fn cut(&mut self) -> io::Error {
        let told = self
            .flush()
            .and_then(|()| self.stream.shutdown(Shutdown::Write));
        // A close with commands unread would reset the line and take back what was sent.
        let drained = told
            .and_then(|()| self.stream.set_read_timeout(Some(Duration::from_secs(20))))
            .and_then(|()| {
                let mut void = [0; 4096];
                while self.stream.read(&mut void)? > 0 {}
                Ok(())
            });
        drained
            .err()
            .unwrap_or_else(|| io::ErrorKind::ConnectionAborted.into())
    }
}
