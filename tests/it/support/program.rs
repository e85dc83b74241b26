//! Runs the real program in a fresh folder, with an empty home and a clean environment.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};

/// No run in these tests has work for so long; one that takes it hangs.
const PATIENCE: Duration = Duration::from_mins(2);

const NOBODY: u32 = 65534;

/// A run to come.
#[derive(Debug)]
pub(crate) struct Program {
    command: Command,
    patience: Duration,
}

/// A run under way.
#[derive(Debug)]
pub(crate) struct Running {
    pid: Pid,
    words: String,
    patience: Duration,
    ended: mpsc::Receiver<Outcome>,
}

/// A run that ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// A folder of one test, with the program's home in it; gone when dropped.
#[derive(Debug)]
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("popfetch-it-")
            .tempdir()
            .unwrap();
        std::fs::create_dir_all(folder.path().join("home")).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, with its home in this folder and this folder as its working directory.
    pub(crate) fn popfetch(&self) -> Program {
        self.program(Command::new(env!("CARGO_BIN_EXE_popfetch")))
    }

    /// The same on a disk that holds no file longer than this: for the program it looks like a
    /// full one.
    pub(crate) fn popfetch_on_a_small_disk(&self, kib_max: u32) -> Program {
        // POSIX counts in blocks of 512 octets; the signal would end the program.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kib_max * 2);
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_popfetch")]);
        self.program(command)
    }

    /// The same without root's rights; for a test that root runs, with those of nobody, to whom
    /// everything in this folder is given.
    pub(crate) fn popfetch_as_nobody(&self) -> Program {
        if !geteuid().is_root() {
            return self.popfetch();
        }
        // What root has built may be out of reach.
        let program = self.join("popfetch");
        if !program.exists() {
            std::fs::copy(env!("CARGO_BIN_EXE_popfetch"), &program).unwrap();
        }
        give_to_nobody(self.path());
        let mut command = Command::new(program);
        command.uid(NOBODY).gid(NOBODY);
        self.program(command)
    }

    fn program(&self, mut command: Command) -> Program {
        command
            .env_clear()
            .env("HOME", self.join("home"))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Program {
            command,
            patience: PATIENCE,
        }
    }
}

fn give_to_nobody(path: &Path) {
    std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give_to_nobody(&entry.unwrap().path());
        }
    }
}

impl Program {
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// The words of a command line, split at blanks.
    pub(crate) fn words(self, words: &str) -> Self {
        self.args(words.split_whitespace())
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// With results going there, and not to the outcome.
    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout);
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let words = format!("{:?}", self.command.get_args().collect::<Vec<_>>());
        let child = self.command.spawn().expect("start the program");
        let pid = Pid::from_child(&child);
        let (end, ended) = mpsc::channel();
        drop(thread::spawn(move || {
            let output = child.wait_with_output().expect("wait for the program");
            // Nobody listens any more when the test failed already.
            drop(end.send(Outcome {
                status: output.status,
                stdout: output.stdout,
                stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            }));
        }));
        Running {
            pid,
            words,
            patience: self.patience,
            ended,
        }
    }

    pub(crate) fn run(self) -> Outcome {
        self.start().wait()
    }
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // A program that ended in the meantime cannot be told anything.
        let _ = kill_process(self.pid, signal);
    }

    pub(crate) fn wait(self) -> Outcome {
        if let Ok(outcome) = self.ended.recv_timeout(self.patience) {
            return outcome;
        }
        self.signal(Signal::KILL);
        let last = self.ended.recv_timeout(self.patience);
        panic!(
            "still running after {:?}: {}\n{last:?}",
            self.patience, self.words
        );
    }
}

impl Outcome {
    /// The exit status; for a run ended by a signal 128 and its number, as a shell tells it.
    pub(crate) fn code(&self) -> i32 {
        use std::os::unix::process::ExitStatusExt as _;
        self.status
            .code()
            .or_else(|| self.status.signal().map(|signal| 128 + signal))
            .unwrap_or(-1)
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Fails, with all that was said, unless the run ended with this status.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code(),
            code,
            "exit status\nstdout: {}\nstderr: {}",
            self.stdout(),
            self.stderr
        );
        self
    }
}
