//! The server: one thread that accepts, one a session, and what all of them share.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::gate::{Gate, Hold, Look, Moment, Step, Then};
use crate::mailbox::Mailbox;
use crate::session::Session;

/// Commands kept word for word; a benchmark sends millions.
const LOG_LINES_MAX: usize = 20_000;

/// Whom the server knows and what it can do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; 0 takes a free port.
    pub port: u16,
    /// The one user.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// The rows of the answer to CAPA; empty: CAPA is not known. UIDL and TOP are served when
    /// named here.
    pub capabilities: Vec<&'static str>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            port: 0,
            user: "demo".to_owned(),
            password: "secret".to_owned(),
            capabilities: vec![
                "TOP",
                "UIDL",
                "PIPELINING",
                "USER",
                "SASL PLAIN",
                "RESP-CODES",
            ],
        }
    }
}

/// Cut this session (counted from 0) once it has sent this many octets.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Which session.
    pub session: u32,
    /// After how many octets.
    pub octets: u64,
}

/// A running server; dropping it ends all its sessions.
#[derive(Debug)]
pub struct Server {
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) gate: Gate,
    pub(crate) look: OnceLock<Look>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) mailbox: Mailbox,
    pub(crate) logins: u32,
    sessions: u32,
    log: Vec<String>,
    counts: BTreeMap<String, u64>,
    cut: Option<Cut>,
    stopping: bool,
    streams: Vec<TcpStream>,
}

impl Server {
    /// Listens on the loopback address and serves `mailbox`.
    pub fn start(mailbox: Mailbox, settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port))?;
        let port = listener.local_addr()?.port();
        let state = State {
            mailbox,
            logins: 0,
            sessions: 0,
            log: Vec::new(),
            counts: BTreeMap::new(),
            cut: None,
            stopping: false,
            streams: Vec::new(),
        };
        let shared = Arc::new(Shared {
            settings,
            gate: Gate::default(),
            look: OnceLock::new(),
            state: Mutex::new(state),
        });
        let for_thread = Arc::clone(&shared);
        let accepting = Some(thread::spawn(move || accept(&listener, &for_thread)));
        Ok(Self {
            port,
            shared,
            accepting,
        })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The commands that came in, in their order (the first ten thousands of them).
    pub fn commands(&self) -> Vec<String> {
        self.shared.lock().log.clone()
    }

    /// How often a verb came in.
    pub fn count(&self, verb: &str) -> u64 {
        self.shared.lock().counts.get(verb).copied().unwrap_or(0)
    }

    /// How many logins succeeded.
    pub fn logins(&self) -> u32 {
        self.shared.lock().logins
    }

    /// A copy of the mailbox as it is now.
    pub fn mailbox(&self) -> Mailbox {
        self.shared.lock().mailbox.clone()
    }

    /// Lets new mail arrive, or anything else happen to the mailbox.
    pub fn change<T>(&self, change: impl FnOnce(&mut Mailbox) -> T) -> T {
        change(&mut self.shared.lock().mailbox)
    }

    /// Cuts a session that is still to come.
    pub fn cut(&self, cut: Cut) {
        self.shared.lock().cut = Some(cut);
    }

    /// How many steps all sessions together have come to.
    pub fn steps(&self) -> u64 {
        self.shared.gate.passed()
    }

    /// Holds the session that comes to this step, once.
    pub fn hold(&self, hold: Hold) {
        self.shared.gate.set(hold);
    }

    /// From now on `look` sees every step that any session comes to, and says whether the session
    /// goes on from there; only the first such call counts.
    pub fn look_on(&self, look: impl Fn(Moment) -> Then + Send + Sync + 'static) {
        self.shared.look.get_or_init(|| Look(Box::new(look)));
    }

    /// Waits until a session is held, and tells where; `None` when `patience` ran out first.
    pub fn wait_until_held(&self, patience: Duration) -> Option<Step> {
        self.shared.gate.wait_until_held(patience)
    }

    /// Lets the held session go on.
    pub fn release(&self) {
        self.shared.gate.release();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let streams = {
            let mut state = self.shared.lock();
            state.stopping = true;
            std::mem::take(&mut state.streams)
        };
        self.shared.gate.open_for_good();
        for stream in streams {
            // The peer may have closed it already; then there is nothing left to end.
            drop(stream.shutdown(Shutdown::Both));
        }
        // One more connection wakes the accepting thread.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(crate) fn record(&mut self, line: &str) {
        let verb = line
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        match self.counts.get_mut(&verb) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(verb, 1)),
        }
        if self.log.len() < LOG_LINES_MAX {
            self.log.push(line.to_owned());
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let (session, cut_after) = {
            let mut state = shared.lock();
            if state.stopping {
                return;
            }
            if let Ok(copy) = stream.try_clone() {
                state.streams.push(copy);
            }
            let session = state.sessions;
            state.sessions += 1;
            let cut = state.cut.filter(|cut| cut.session == session);
            (session, cut.map(|cut| cut.octets))
        };
        let shared = Arc::clone(shared);
        drop(thread::spawn(move || {
            let socket = stream.try_clone();
            if let Ok(session) = Session::new(session, stream, shared, cut_after) {
                // How a session ended is for the client to say; a test looks at that.
                drop(session.run());
            }
            // The copy kept for ending the server would hold the line open.
            if let Ok(socket) = socket {
                drop(socket.shutdown(Shutdown::Both));
            }
        }));
    }
}
