//! From addresses to a connected socket.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Protocol, Socket, Type};

use crate::client::error::{Error, Wait};
use crate::client::limit::Limit;
use crate::client::settings::Patience;

/// How long one address has the floor to itself before the next one is tried beside it
/// (RFC 8305 section 5 advises 250 ms).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first address that answers. The addresses share one timeout: a dead one
/// costs a head start, not the time of those behind it.
pub(super) fn dial(
    peer: &str,
    addresses: &[SocketAddr],
    patience: &Patience,
) -> Result<TcpStream, Error> {
    let limit = Limit::new(Wait::Connect, patience);
    let mut race = Race {
        waiting: addresses.iter(),
        running: Vec::new(),
        last_error: None,
    };
    let mut next_start = Instant::now();
    loop {
        if race.running.is_empty() || Instant::now() >= next_start {
            race.start_next();
            next_start = Instant::now() + HEAD_START;
        }
        if let Some(socket) = race.winner() {
            return Ok(socket);
        }
        if race.is_lost() {
            let source = race
                .last_error
                .unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into());
            return Err(Error::Io {
                doing: Wait::Connect,
                peer: peer.to_owned(),
                source,
            });
        }
        let slice = limit
            .slice()
            .map_err(|cause| cause.into_error(Wait::Connect, peer))?;
        let slice = slice.min(next_start.saturating_duration_since(Instant::now()));
        race.wait(slice).map_err(|source| Error::Io {
            doing: Wait::Connect,
            peer: peer.to_owned(),
            source,
        })?;
    }
}

/// Attempts at several addresses at once.
struct Race<'a> {
    waiting: std::slice::Iter<'a, SocketAddr>,
    running: Vec<Socket>,
    last_error: Option<io::Error>,
}

impl Race<'_> {
    /// Starts with the next address that lets itself be tried at all.
    fn start_next(&mut self) {
        for address in self.waiting.by_ref() {
            match start(*address) {
                Ok(socket) => return self.running.push(socket),
                Err(error) => self.last_error = Some(error),
            }
        }
    }

    /// The first attempt that has succeeded; those that have failed leave the race.
    fn winner(&mut self) -> Option<TcpStream> {
        let mut won = None;
        for socket in std::mem::take(&mut self.running) {
            match state(&socket) {
                Ok(State::Connected) if won.is_none() => won = Some(socket),
                Ok(State::Connected) => {}
                Ok(State::Pending) => self.running.push(socket),
                Err(error) => self.last_error = Some(error),
            }
        }
        won.map(TcpStream::from)
    }

    fn is_lost(&self) -> bool {
        self.running.is_empty() && self.waiting.len() == 0
    }

    /// Waits until something happens to an attempt, or for so long.
    fn wait(&self, time: Duration) -> io::Result<()> {
        if self.running.is_empty() {
            return Ok(());
        }
        let mut sockets: Vec<_> = self
            .running
            .iter()
            .map(|socket| PollFd::new(socket, PollFlags::OUT))
            .collect();
        let time = Timespec::try_from(time).map_err(io::Error::other)?;
        match poll(&mut sockets, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn start(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Ok(()) => Ok(socket),
        Err(error) if is_in_progress(&error) => Ok(socket),
        Err(error) => Err(error),
    }
}

fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
        || error.kind() == io::ErrorKind::Interrupted
}

enum State {
    Pending,
    Connected,
}

fn state(socket: &Socket) -> io::Result<State> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(State::Connected),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(State::Pending),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    fn local_listener() -> TcpListener {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
    }

    /// A loopback port nobody listens at.
    fn refusing() -> SocketAddr {
        local_listener().local_addr().unwrap()
    }

    #[test]
    fn an_address_that_refuses_gives_way_to_the_next() {
        let listener = local_listener();
        let address = listener.local_addr().unwrap();
        let patience = Patience::new(Duration::from_secs(30));
        let socket = dial("test", &[refusing(), refusing(), address], &patience).unwrap();
        assert_eq!(socket.peer_addr().unwrap(), address);
    }

    #[test]
    fn all_refusing_is_the_last_ones_error() {
        let patience = Patience::new(Duration::from_secs(30));
        let error = dial("test", &[refusing(), refusing()], &patience).unwrap_err();
        let Error::Io {
            doing: Wait::Connect,
            peer,
            source,
        } = error
        else {
            panic!("{error}")
        };
        assert_eq!(
            (peer.as_str(), source.kind()),
            ("test", io::ErrorKind::ConnectionRefused)
        );
    }

    #[test]
    fn a_silent_address_gives_way_and_time_runs_out() {
        // Linux drops what does not fit into the queue of a listener that accepts nothing.
        let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        full.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .unwrap();
        full.listen(0).unwrap();
        let silent = full.local_addr().unwrap().as_socket().unwrap();
        let patience = Patience::new(Duration::from_millis(10));
        let mut held = Vec::new();
        let error = loop {
            match dial("test", &[silent], &patience) {
                Ok(socket) => held.push(socket),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Deadline(Wait::Connect)), "{error}");

        let listener = local_listener();
        let address = listener.local_addr().unwrap();
        let patience = Patience::new(Duration::from_secs(30));
        let socket = dial("test", &[silent, address], &patience).unwrap();
        assert_eq!(socket.peer_addr().unwrap(), address);
    }
}
