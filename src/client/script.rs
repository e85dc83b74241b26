//! A server for tests that plays a script and insists on it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::error::{Error, Wait};
use super::session::Wire;

/// What the client wrote: one entry a write.
pub(super) type Writes = Arc<Mutex<Vec<String>>>;

/// Plays `C: ` and `S: ` lines in turn.
///
/// `S~ ` sends without a line end, and `\r`, `\n` in it are what they are in Rust. `silence`
/// lets the wait that runs end, `close` closes the connection. Whatever the client sends before
/// the script has it do so is a failure, and so is what it leaves unplayed, but behind `unread`.
#[derive(Debug)]
pub(super) struct Script {
    steps: VecDeque<Step>,
    received: Vec<u8>,
    writes: Writes,
    /// The most octets that one read gives.
    read_octets_max: usize,
    wait: Option<Wait>,
    waits: Arc<Mutex<Vec<Wait>>>,
    may_end: bool,
    takes_anything: bool,
}

#[derive(Debug)]
enum Step {
    Expect(String),
    Send(VecDeque<u8>),
    Silence,
    Close,
    Unread,
}

impl Script {
    pub(super) fn new(text: &str) -> Self {
        let steps = text
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.is_empty());
        Self {
            steps: steps.map(Step::parse).collect(),
            received: Vec::new(),
            writes: Writes::default(),
            read_octets_max: usize::MAX,
            wait: None,
            waits: Arc::default(),
            may_end: false,
            takes_anything: false,
        }
    }

    /// Gives no more than so many octets at once.
    pub(super) fn in_pieces(mut self, read_octets_max: usize) -> Self {
        self.read_octets_max = read_octets_max;
        self
    }

    /// Insists on nothing: for what is different each time.
    pub(super) fn taking_anything(mut self) -> Self {
        self.takes_anything = true;
        self
    }

    pub(super) fn writes(&self) -> Writes {
        Arc::clone(&self.writes)
    }

    /// The waits that were begun.
    pub(super) fn waits(&self) -> Arc<Mutex<Vec<Wait>>> {
        Arc::clone(&self.waits)
    }

    fn expect_lines(&mut self) {
        while let Some(Step::Expect(line)) = self.steps.front() {
            let line = format!("{line}\r\n");
            let received = String::from_utf8_lossy(&self.received).into_owned();
            assert!(
                received.starts_with(&line),
                "the script has {line:?}, the client sent {received:?}"
            );
            self.received.drain(..line.len());
            self.steps.pop_front();
        }
    }
}

impl Step {
    fn parse(line: &str) -> Self {
        let send = |text: String| Self::Send(text.into_bytes().into());
        match line.split_at_checked(3) {
            Some(("C: ", text)) => Self::Expect(text.to_owned()),
            Some(("S: ", text)) => send(format!("{text}\r\n")),
            Some(("S~ ", text)) => send(text.replace("\\r", "\r").replace("\\n", "\n")),
            _ if line == "silence" => Self::Silence,
            _ if line == "close" => Self::Close,
            _ if line == "unread" => Self::Unread,
            _ => panic!("the script has {line:?}"),
        }
    }
}

impl Wire for Script {
    fn begin(&mut self, wait: Wait) {
        self.wait = Some(wait);
        self.waits.lock().unwrap().push(wait);
    }

    fn begin_within(&mut self, wait: Wait, _time: Duration) {
        self.begin(wait);
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.expect_lines();
        let early = String::from_utf8_lossy(&self.received).into_owned();
        assert_eq!(early, "", "the client sent this too early");
        match self.steps.front_mut() {
            Some(Step::Send(octets)) => {
                let length = self.read_octets_max.min(octets.len()).min(buffer.len());
                for (to, from) in buffer.iter_mut().zip(octets.drain(..length)) {
                    *to = from;
                }
                if octets.is_empty() {
                    self.steps.pop_front();
                }
                Ok(length)
            }
            Some(Step::Silence) => {
                self.steps.pop_front();
                Err(Error::Deadline(self.wait.expect("a wait was begun")))
            }
            Some(Step::Close) => {
                self.steps.pop_front();
                Ok(0)
            }
            Some(Step::Unread) => {
                self.steps.pop_front();
                self.may_end = true;
                self.read(buffer)
            }
            Some(Step::Expect(_)) | None => panic!("the client reads at the end of the script"),
        }
    }

    fn write_all(&mut self, octets: &[u8]) -> Result<(), Error> {
        let text = String::from_utf8_lossy(octets).into_owned();
        self.writes.lock().unwrap().push(text);
        if !self.takes_anything {
            self.received.extend_from_slice(octets);
        }
        Ok(())
    }

    fn closed(&mut self) -> Error {
        Error::Io {
            doing: self.wait.expect("a wait was begun"),
            peer: "script:110".to_owned(),
            source: io::ErrorKind::UnexpectedEof.into(),
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.expect_lines();
        let may_end = self.may_end || matches!(self.steps.front(), None | Some(Step::Unread));
        assert!(may_end, "not played: {:?}", self.steps);
        let unasked = String::from_utf8_lossy(&self.received);
        assert_eq!(unasked, "", "the script has nothing of this");
    }
}
