//! The scripted server: plays a transcript's connections and writes down whatever went
//! otherwise than the transcript says.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::certificate::Certificates;
use super::escape;
use super::transcript::{Connection, Line, Play};

/// How long the server waits for the client's next line, or for its going away.
const PATIENCE: Duration = Duration::from_mins(1);
/// No client of ours sends longer lines.
const LINE_OCTETS_MAX: usize = 64 * 1024;

/// A server playing one run's connections, in their order.
#[derive(Debug)]
pub(crate) struct Scripted {
    port: u16,
    stopping: Arc<AtomicBool>,
    faults: Arc<Mutex<Vec<String>>>,
    playing: JoinHandle<VecDeque<Connection>>,
}

impl Scripted {
    /// Plays to whoever connects to the listener, which outlives the server: a port that was
    /// let go between two runs of one transcript may be somebody else's by the second.
    pub(crate) fn start(connections: Vec<Connection>, listener: &TcpListener) -> io::Result<Self> {
        let listener = listener.try_clone()?;
        let port = listener.local_addr()?.port();
        let stopping = Arc::new(AtomicBool::new(false));
        let faults = Arc::new(Mutex::new(Vec::new()));
        let (stop, report) = (Arc::clone(&stopping), Arc::clone(&faults));
        let playing = thread::spawn(move || {
            let mut left = VecDeque::from(connections);
            while let Ok((stream, _)) = listener.accept() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let fault = match left.pop_front() {
                    None => Some("one connection more than the transcript has".to_owned()),
                    Some(connection) => play(stream, &connection).err(),
                };
                report.lock().unwrap().extend(fault);
            }
            left
        });
        Ok(Self {
            port,
            stopping,
            faults,
            playing,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// To be called when the program ended: what went wrong, and what was never used.
    pub(crate) fn finish(self) -> Vec<String> {
        self.stopping.store(true, Ordering::SeqCst);
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        let left = self.playing.join().expect("the scripted server's thread");
        let mut faults = std::mem::take(&mut *self.faults.lock().unwrap());
        for connection in left {
            let first = connection.lines.first().map_or(0, |line| line.number);
            faults.push(format!("the connection at line {first} was never made"));
        }
        faults
    }
}

trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

struct Player {
    /// The socket itself, for closing and waiting.
    socket: TcpStream,
    wire: Box<dyn Wire>,
    heard: Vec<u8>,
    pause: Option<Duration>,
    over: bool,
}

fn play(socket: TcpStream, connection: &Connection) -> Result<(), String> {
    let words = |error: io::Error| error.to_string();
    socket.set_nodelay(true).map_err(words)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(words)?;
    socket.set_write_timeout(Some(PATIENCE)).map_err(words)?;
    let wire = Box::new(socket.try_clone().map_err(words)?);
    let mut player = Player {
        socket,
        wire,
        heard: Vec::new(),
        pause: None,
        over: false,
    };
    if let Some(name) = &connection.tls {
        // A client that does not trust us goes away in the handshake: the run's own
        // expectations tell whether that was right, the lines below whether it did.
        match player.hand_shake(name) {
            Ok(()) => {}
            Err(_) if connection.lines.is_empty() => return Ok(()),
            Err(why) => return Err(why),
        }
    }
    for line in &connection.lines {
        player
            .play(line)
            .map_err(|why| format!("line {}: {why}", line.number))?;
    }
    player
        .expect_end()
        .map_err(|why| format!("after the connection's last line: {why}"))
}

impl Player {
    fn play(&mut self, line: &Line) -> Result<(), String> {
        if self.over {
            return Err("the client had gone away".to_owned());
        }
        match &line.play {
            Play::Send(octets) => self.send(octets),
            Play::Repeat(times, octets) => (0..*times).try_for_each(|_| self.send(octets)),
            Play::Count(numbers, text) => {
                let lines = numbers.clone().map(|n| text.replace("{n}", &n.to_string()));
                self.send(lines.collect::<String>().as_bytes())
            }
            Play::Endless(octets) => self.send_endlessly(octets),
            Play::Expect(wanted) => self.expect(wanted, |heard| heard == wanted),
            Play::ExpectAlone(wanted) => {
                self.expect(wanted, |heard| heard == wanted)?;
                match self.heard.as_slice() {
                    b"" => Ok(()),
                    behind => Err(format!("in the same write: {}", escape::shown(behind))),
                }
            }
            Play::ExpectPrefix(prefix) => self.expect(prefix, |heard| heard.starts_with(prefix)),
            Play::ExpectOrEnd(wanted) => match self.hear()? {
                None => Ok(()),
                Some(heard) if heard == *wanted => Ok(()),
                Some(heard) => Err(format!("heard {}", escape::shown(&heard))),
            },
            Play::Drip(milliseconds) => {
                self.pause = Some(Duration::from_millis(*milliseconds));
                Ok(())
            }
            Play::Stall => self.expect_end(),
            Play::Deaf => {
                self.over = true;
                self.drain()
            }
            Play::There => self
                .wait(Duration::from_millis(1))
                .map_err(|error| format!("the client has closed its side: {error}")),
            Play::Close => {
                self.over = true;
                drop(self.wire.flush());
                self.socket
                    .shutdown(Shutdown::Write)
                    .map_err(|error| error.to_string())?;
                // Closing with something unread would be a reset.
                self.drain()
            }
            Play::Reset => {
                self.over = true;
                let socket = socket2::SockRef::from(&self.socket);
                socket
                    .set_linger(Some(Duration::ZERO))
                    .map_err(|error| error.to_string())?;
                // The reset goes out when the last copy of the socket is dropped, with this player.
                Ok(())
            }
            Play::Tls(name) => self.hand_shake(name),
        }
    }

    fn hand_shake(&mut self, name: &str) -> Result<(), String> {
        if !self.heard.is_empty() {
            return Err(format!(
                "before the handshake: {}",
                escape::shown(&self.heard)
            ));
        }
        let certificate = Certificates::shared()
            .named(name)
            .ok_or("no such certificate")?;
        let socket = self.socket.try_clone().map_err(|error| error.to_string())?;
        let stream = certificate
            .acceptor()
            .accept(socket)
            .map_err(|error| error.to_string())?;
        self.wire = Box::new(stream);
        Ok(())
    }

    fn send(&mut self, octets: &[u8]) -> Result<(), String> {
        let sent = match self.pause {
            None => self.wire.write_all(octets),
            Some(pause) => octets.iter().try_for_each(|&octet| {
                self.wire.write_all(&[octet])?;
                self.wait(pause)
            }),
        };
        sent.and_then(|()| self.wire.flush()).map_err(|error| {
            self.over = true;
            format!("cannot send {}: {error}", escape::shown(octets))
        })
    }

    /// A pause that ends early with an error when the client goes away.
    fn wait(&self, pause: Duration) -> io::Result<()> {
        if pause.is_zero() {
            return Ok(());
        }
        self.socket.set_read_timeout(Some(pause))?;
        let peeked = self.socket.peek(&mut [0]);
        self.socket.set_read_timeout(Some(PATIENCE))?;
        match peeked {
            Ok(0) => Err(io::ErrorKind::BrokenPipe.into()),
            Ok(_) => Ok(()),
            Err(error) if is_timeout(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn send_endlessly(&mut self, octets: &[u8]) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        while self.send(octets).is_ok() {
            if Instant::now() > until {
                return Err("the client took it all and never went away".to_owned());
            }
        }
        Ok(())
    }

    fn expect(&mut self, wanted: &[u8], fits: impl Fn(&[u8]) -> bool) -> Result<(), String> {
        let wanted = escape::shown(wanted);
        match self.hear()? {
            Some(heard) if fits(&heard) => Ok(()),
            Some(heard) => Err(format!("wanted {wanted}, heard {}", escape::shown(&heard))),
            None => Err(format!("wanted {wanted}, the client went away")),
        }
    }

    fn expect_end(&mut self) -> Result<(), String> {
        if self.over {
            return Ok(());
        }
        match self.hear()? {
            None => Ok(()),
            Some(heard) => Err(format!("unexpected {}", escape::shown(&heard))),
        }
    }

    /// The client's next line with its end, or `None` when it went away.
    fn hear(&mut self) -> Result<Option<Vec<u8>>, String> {
        loop {
            if let Some(end) = self.heard.iter().position(|&octet| octet == b'\n') {
                let rest = self.heard.split_off(end + 1);
                return Ok(Some(std::mem::replace(&mut self.heard, rest)));
            }
            let mut octets = [0; 4096];
            match self.wire.read(&mut octets) {
                Ok(0) => break,
                Ok(read) => self.heard.extend_from_slice(&octets[..read]),
                Err(error) if is_timeout(&error) => {
                    return Err(format!("nothing came for {PATIENCE:?}"));
                }
                Err(_) => break,
            }
            if self.heard.len() > LINE_OCTETS_MAX {
                return Err("the client's line has no end".to_owned());
            }
        }
        self.over = true;
        let rest = std::mem::take(&mut self.heard);
        Ok(if rest.is_empty() { None } else { Some(rest) })
    }

    fn drain(&mut self) -> Result<(), String> {
        let mut void = [0; 4096];
        loop {
            match self.socket.read(&mut void) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if is_timeout(&error) => {
                    return Err("the client stayed".to_owned());
                }
                Err(_) => return Ok(()),
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
