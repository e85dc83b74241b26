//! The one connection: octets in and out, each wait with its deadline, TLS or not.
//!
//! Deadlines live in [`Socket`], beneath TLS: a timeout on the socket alone would bound each of
//! the reads that one TLS record takes, not the record, and a signal does not end it. The socket
//! therefore waits in short slices, looks at the clock and the stop flag between them, and keeps
//! the first cause of a failure, so that TLS above it cannot turn a deadline into a failure of
//! its own.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::error::{Error, TlsFailure, TlsFault, Wait};
use super::limit::{Cause, Limit};
use super::session::Wire;
use super::settings::Patience;
use super::tls::{self, Leaf, TlsConnection, TlsVersion};

/// What is read ahead beneath TLS. A TLS library asks for five octets of a record's header, then
/// for its body; reading ahead saves most of these system calls.
const READ_AHEAD_OCTETS: usize = 64 * 1024;

/// How much of what the server said first is kept: of TLS, to tell the version; of anything else,
/// to tell what it is.
const FIRST_OCTETS_MAX: usize = 256;

/// A connection to a server, in clear or by TLS.
#[derive(Debug)]
pub(super) struct Stream {
    channel: Channel,
    record: Arc<Record>,
    patience: Patience,
    peer: Peer,
}

/// The other end.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    /// The server as `host:port`, for messages.
    pub(super) name: String,
    /// The host alone, for messages about its certificate.
    pub(super) host: String,
    /// Whether it is on this very machine and reached without a proxy.
    pub(super) is_loopback: bool,
}

#[derive(Debug)]
enum Channel {
    Clear(Socket),
    Tls(Box<TlsConnection>, Option<TlsVersion>),
}

impl Stream {
    /// Takes a connected socket over.
    pub(super) fn new(tcp: TcpStream, peer: Peer, patience: Patience) -> Result<Self, Error> {
        let failed = |source| Error::Io {
            doing: Wait::Connect,
            peer: peer.name.clone(),
            source,
        };
        tcp.set_nodelay(true).map_err(failed)?;
        tcp.set_nonblocking(false).map_err(failed)?;
        let record = Arc::new(Record::default());
        let socket = Socket::new(
            tcp,
            Limit::new(Wait::Connect, &patience),
            Arc::clone(&record),
        );
        Ok(Self {
            channel: Channel::Clear(socket),
            record,
            patience,
            peer,
        })
    }

    /// The other end.
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Whether TLS protects what is sent.
    pub(super) fn is_secure(&self) -> bool {
        matches!(self.channel, Channel::Tls(..))
    }

    /// The certificate that the server presented.
    pub(super) fn leaf(&self) -> Option<&Leaf> {
        match &self.channel {
            Channel::Clear(_) => None,
            Channel::Tls(connection, _) => connection.leaf(),
        }
    }

    /// The version of TLS, where it could be told.
    pub(super) fn tls_version(&self) -> Option<TlsVersion> {
        match &self.channel {
            Channel::Clear(_) => None,
            Channel::Tls(_, version) => *version,
        }
    }

    /// What binds a SASL exchange to the TLS channel.
    pub(super) fn channel_binding(&self) -> Option<Vec<u8>> {
        match &self.channel {
            Channel::Clear(_) => None,
            Channel::Tls(connection, _) => connection.channel_binding(),
        }
    }

    /// Makes the TLS handshake; reading ahead begins here. Nothing of the clear text may be
    /// buffered above.
    pub(super) fn secure(self, connector: &tls::Connector, name: &str) -> Result<Self, Error> {
        let Self {
            channel,
            record,
            patience,
            peer,
        } = self;
        let Channel::Clear(mut socket) = channel else {
            return Ok(Self {
                channel,
                record,
                patience,
                peer,
            });
        };
        socket.limit = Limit::new(Wait::Handshake, &patience);
        socket.read_ahead();
        match connector.handshake(name, socket) {
            Ok(connection) => {
                let version = TlsVersion::parse(&record.take_first());
                Ok(Self {
                    channel: Channel::Tls(Box::new(connection), version),
                    record,
                    patience,
                    peer,
                })
            }
            Err(refused) => Err(match record.take_cause(&peer, Wait::Handshake) {
                Some(cause) => cause,
                None if record.is_silent() => closed(Wait::Handshake, &peer),
                None => Error::Tls(Box::new(TlsFailure {
                    host: peer.host,
                    fault: record
                        .take_not_tls()
                        .map_or(refused.fault, TlsFault::NotTls),
                    presented: refused.presented,
                })),
            }),
        }
    }

    fn socket(&mut self) -> &mut Socket {
        match &mut self.channel {
            Channel::Clear(socket) => socket,
            Channel::Tls(connection, _) => connection.socket_mut(),
        }
    }

    /// The true cause of a failed read or write.
    fn blame(&mut self, error: &io::Error) -> Error {
        let wait = self.socket().limit.wait();
        if let Some(cause) = self.record.take_cause(&self.peer, wait) {
            return cause;
        }
        Error::Tls(Box::new(TlsFailure {
            host: self.peer.host.clone(),
            fault: TlsFault::Failed(error.to_string()),
            presented: None,
        }))
    }
}

impl Wire for Stream {
    fn begin(&mut self, wait: Wait) {
        let limit = Limit::new(wait, &self.patience);
        self.socket().limit = limit;
    }

    fn begin_within(&mut self, wait: Wait, time: Duration) {
        let limit = Limit::within(wait, &self.patience, time.min(self.patience.timeout));
        self.socket().limit = limit;
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let result = match &mut self.channel {
            Channel::Clear(socket) => socket.read(buffer),
            Channel::Tls(connection, _) => connection.read(buffer),
        };
        match result {
            Ok(octets) => Ok(octets),
            // Many servers close the line without TLS's own farewell. Nothing is lost by taking
            // that for an end: every answer of POP3 tells its end itself.
            Err(_) if self.record.ended() => Ok(0),
            Err(error) => Err(self.blame(&error)),
        }
    }

    fn write_all(&mut self, octets: &[u8]) -> Result<(), Error> {
        let result = match &mut self.channel {
            Channel::Clear(socket) => socket.write_all(octets),
            Channel::Tls(connection, _) => connection.write_all(octets),
        };
        result.map_err(|error| self.blame(&error))
    }

    fn closed(&mut self) -> Error {
        let doing = self.socket().limit.wait();
        closed(doing, &self.peer)
    }
}

fn closed(doing: Wait, peer: &Peer) -> Error {
    Error::Io {
        doing,
        peer: peer.name.clone(),
        source: io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server closed the connection",
        ),
    }
}

/// What the socket noticed, kept where it outlives the TLS library's use of it.
#[derive(Debug, Default)]
struct Record(Mutex<Noticed>);

#[derive(Debug, Default)]
struct Noticed {
    cause: Option<Cause>,
    ended: bool,
    first: Vec<u8>,
}

impl Record {
    fn with<T>(&self, look: impl FnOnce(&mut Noticed) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, cause: Cause) {
        self.with(|noticed| {
            noticed.cause.get_or_insert(cause);
        });
    }

    fn take_cause(&self, peer: &Peer, doing: Wait) -> Option<Error> {
        self.with(|noticed| noticed.cause.take())
            .map(|cause| cause.into_error(doing, &peer.name))
    }

    fn ended(&self) -> bool {
        self.with(|noticed| noticed.ended && noticed.cause.is_none())
    }

    /// Whether the line was closed before anything came.
    fn is_silent(&self) -> bool {
        self.with(|noticed| noticed.ended && noticed.first.is_empty())
    }

    fn take_first(&self) -> Vec<u8> {
        self.with(|noticed| std::mem::take(&mut noticed.first))
    }

    /// What came in place of the handshake, when it surely is no TLS record.
    fn take_not_tls(&self) -> Option<crate::protocol::ServerText> {
        let first = self.take_first();
        let line = first
            .split(|&octet| octet == b'\r' || octet == b'\n')
            .next()?;
        (!line.is_empty() && !tls::begins_a_record(&first))
            .then(|| crate::protocol::ServerText::new(line))
    }
}

/// The TCP socket, with the deadline of the wait that runs.
#[derive(Debug)]
pub(super) struct Socket {
    tcp: TcpStream,
    limit: Limit,
    read_slice: Duration,
    write_slice: Duration,
    ahead: Option<ReadAhead>,
    record: Arc<Record>,
}

#[derive(Debug)]
struct ReadAhead {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Socket {
    fn new(tcp: TcpStream, limit: Limit, record: Arc<Record>) -> Self {
        let unset = Duration::ZERO;
        Self {
            tcp,
            limit,
            read_slice: unset,
            write_slice: unset,
            ahead: None,
            record,
        }
    }

    fn read_ahead(&mut self) {
        let buffer = vec![0; READ_AHEAD_OCTETS].into_boxed_slice();
        self.ahead = Some(ReadAhead {
            buffer,
            start: 0,
            end: 0,
        });
    }

    fn next_slice(&self) -> Result<Duration, io::Error> {
        self.limit.slice().map_err(|cause| {
            self.record.keep(cause);
            // The kind says that the TLS library may be asked again.
            io::Error::from(io::ErrorKind::WouldBlock)
        })
    }

    fn fail(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        self.record.keep(Cause::Io(error));
        kind.into()
    }
}

/// Whether a socket's error only says that its short timeout ran out.
fn is_lapse(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    // A connection that timed out in the kernel has an error number of its own; the kind alone
    // would take it for a lapse of ours for ever.
    error.raw_os_error() != Some(rustix::io::Errno::TIMEDOUT.raw_os_error())
        && matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

fn read_in_slices(socket: &mut Socket, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        let slice = socket.next_slice()?;
        if slice != socket.read_slice {
            socket
                .tcp
                .set_read_timeout(Some(slice))
                .map_err(|error| socket.fail(error))?;
            socket.read_slice = slice;
        }
        match socket.tcp.read(buffer) {
            Ok(0) => {
                socket.record.with(|noticed| noticed.ended = true);
                return Ok(0);
            }
            Ok(octets) => return Ok(octets),
            Err(error) if is_lapse(&error) => {}
            Err(error) => return Err(socket.fail(error)),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(mut ahead) = self.ahead.take() else {
            return read_in_slices(self, buffer);
        };
        let result = ahead.fill(self).map(|()| ahead.hand_out(buffer));
        self.ahead = Some(ahead);
        result
    }
}

impl ReadAhead {
    fn fill(&mut self, socket: &mut Socket) -> io::Result<()> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            self.end = read_in_slices(socket, &mut self.buffer)?;
            let octets = self.buffer.get(..self.end).unwrap_or_default();
            socket.record.with(|noticed| {
                let room = FIRST_OCTETS_MAX.saturating_sub(noticed.first.len());
                noticed.first.extend(octets.iter().take(room));
            });
        }
        Ok(())
    }

    fn hand_out(&mut self, buffer: &mut [u8]) -> usize {
        let waiting = self.buffer.get(self.start..self.end).unwrap_or_default();
        let octets = waiting.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..octets), waiting.get(..octets)) {
            to.copy_from_slice(from);
        }
        self.start += octets;
        octets
    }
}

impl Write for Socket {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        loop {
            let slice = self.next_slice()?;
            if slice != self.write_slice {
                self.tcp
                    .set_write_timeout(Some(slice))
                    .map_err(|error| self.fail(error))?;
                self.write_slice = slice;
            }
            match self.tcp.write(octets) {
                Ok(octets) => return Ok(octets),
                Err(error) if is_lapse(&error) => {}
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether an address is on this very machine.
pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
