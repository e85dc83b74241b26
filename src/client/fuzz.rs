//! A door for the fuzz targets: a login at a server that answers whatever it likes.

use std::fmt;
use std::io;
use std::time::Duration;

use super::auth::{Surroundings, try_login};
use super::error::{Error, Wait};
use super::session::{Session, Wire};
use super::settings::Credentials;
use crate::protocol::{Mechanism, ServerText};

/// Tries to log in with the mechanism. `server` is given each write of the client's and gives
/// the octets that come back, of which a read brings at most `piece_octets`; when there are none
/// the connection is closed.
pub fn log_in(
    mechanism: Mechanism,
    credentials: &Credentials,
    greeting: &[u8],
    piece_octets: usize,
    server: impl FnMut(&[u8]) -> Vec<u8> + Send,
) -> Result<(), Error> {
    let mut session = Session::new(Peer {
        server,
        unread: Vec::new(),
        piece_octets,
        wait: Wait::Greeting,
    });
    let surroundings = Surroundings {
        greeting: &ServerText::new(greeting),
        host: "pop.example.org",
        port: 995,
        channel_binding: Some(b"binding"),
        is_mechanism_known: true,
    };
    try_login(&mut session, mechanism, credentials, surroundings)
}

struct Peer<S> {
    server: S,
    unread: Vec<u8>,
    piece_octets: usize,
    wait: Wait,
}

impl<S> fmt::Debug for Peer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Peer")
    }
}

impl<S: FnMut(&[u8]) -> Vec<u8> + Send> Wire for Peer<S> {
    fn begin(&mut self, wait: Wait) {
        self.wait = wait;
    }

    fn begin_within(&mut self, wait: Wait, _time: Duration) {
        self.begin(wait);
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let octets = self.piece_octets.min(self.unread.len()).min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(self.unread.drain(..octets)) {
            *to = from;
        }
        Ok(octets)
    }

    fn write_all(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.unread.extend((self.server)(octets));
        Ok(())
    }

    fn closed(&mut self) -> Error {
        Error::Io {
            doing: self.wait,
            peer: "server:110".to_owned(),
            source: io::ErrorKind::UnexpectedEof.into(),
        }
    }
}
