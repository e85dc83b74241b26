//! One source of a secret, and how the secret is taken from it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::Whose;
use crate::cli::failure::{Failure, Kind};
use crate::protocol::text::escape;
use crate::secret::Secret;

/// No password and no token is longer.
const SECRET_OCTETS_MAX: u64 = 64 << 10;

/// How long a command may take: a person may have to be asked.
const COMMAND_TIME: Duration = Duration::from_mins(5);

/// How often a wait looks at the stop flag.
const SLICE: Duration = Duration::from_millis(10);

/// What the secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretKind {
    Password,
    Token,
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => "password",
            Self::Token => "token",
        })
    }
}

/// Where a secret comes from.
#[derive(Debug, Clone)]
pub(crate) struct SecretSource {
    pub(crate) kind: SecretKind,
    pub(crate) origin: Origin,
    /// What set it, for people.
    pub(crate) key: String,
}

/// How it is had.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// It is at hand.
    Known(Secret),
    /// A shell command prints it.
    Command {
        command: String,
        variables: [(&'static str, String); 3],
    },
    /// It is in a file that only its owner can read.
    File(PathBuf),
    /// It is in a file that systemd keeps from others.
    Credential(PathBuf),
    /// The user types it.
    Prompt(String),
}

impl Origin {
    pub(super) fn command(command: &str, whose: Whose<'_>) -> Self {
        let account = whose.account.unwrap_or_default().to_owned();
        Self::Command {
            command: command.to_owned(),
            variables: [
                ("POPFETCH_ACCOUNT", account),
                ("POPFETCH_USER", whose.user.to_owned()),
                ("POPFETCH_HOST", whose.host.to_owned()),
            ],
        }
    }
}

impl SecretSource {
    pub(super) fn from_environment(secret: Secret) -> Self {
        Self {
            kind: SecretKind::Password,
            origin: Origin::Known(secret),
            key: "POPFETCH_PASSWORD".to_owned(),
        }
    }

    pub(super) fn prompt(whose: Whose<'_>) -> Self {
        let prompt = format!("Password for {} at {}: ", escape(whose.user), whose.host);
        Self {
            kind: SecretKind::Password,
            origin: Origin::Prompt(prompt),
            key: "prompt".to_owned(),
        }
    }

    /// Whether somebody at the terminal is asked.
    pub(crate) fn asks(&self) -> bool {
        matches!(self.origin, Origin::Prompt(_))
    }

    /// Takes the secret: runs, reads or asks. A command has its end with that of the run.
    pub(crate) fn take(
        &self,
        stop: &AtomicBool,
        until: Option<Instant>,
    ) -> Result<Secret, Failure> {
        match &self.origin {
            Origin::Known(secret) => Ok(secret.clone()),
            Origin::Command { command, variables } => self
                .run(command, variables, Bounds::of(stop, until))
                .map_err(|unfinished| self.no_secret(unfinished)),
            Origin::File(path) => self.read(path, |file| super::refuse_open_file(file, path)),
            Origin::Credential(path) => self.read(path, |_| Ok(())),
            Origin::Prompt(prompt) => {
                let word = rpassword::prompt_password(prompt)
                    .map_err(|error| self.missing(&format!("cannot ask for it: {error}")))?;
                self.non_empty(word.into_bytes())
            }
        }
    }

    fn missing(&self, why: &str) -> Failure {
        self.told(Kind::NoSecret, why)
            .hint("see that it gives the secret on its first line when you try it by hand")
    }

    fn told(&self, kind: Kind, why: &str) -> Failure {
        let Self {
            kind: secret, key, ..
        } = self;
        Failure::new(kind, format!("no {secret} from {key}: {why}"))
    }

    fn no_secret(&self, why: NoSecret) -> Failure {
        match why {
            NoSecret::Told(why) => self.missing(&why),
            NoSecret::TooLate => self
                .told(Kind::Timeout, "the command did not end in time")
                .hint("see what it waits for when you try it by hand; --max-time bounds it too"),
        }
    }

    fn non_empty(&self, line: Vec<u8>) -> Result<Secret, Failure> {
        if line.is_empty() {
            return Err(self.missing("it is empty"));
        }
        Ok(Secret::new(line))
    }

    fn read(
        &self,
        path: &Path,
        allowed: impl FnOnce(&File) -> Result<(), Failure>,
    ) -> Result<Secret, Failure> {
        let unreadable =
            |error: io::Error| self.missing(&format!("cannot read {}: {error}", path.display()));
        let file = File::open(path).map_err(unreadable)?;
        allowed(&file)?;
        let line = first_line(file).map_err(unreadable)?;
        self.non_empty(line)
    }

    fn run(
        &self,
        command: &str,
        variables: &[(&str, String)],
        bounds: Bounds<'_>,
    ) -> Result<Secret, NoSecret> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", command])
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .env_remove("POPFETCH_PASSWORD")
            .env_remove("POPFETCH_PROXY")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run /bin/sh: {error}"))?;
        let outcome = watch(&mut child, bounds);
        if outcome.is_err() {
            // It may be gone already; there is nothing else to do about it.
            drop(child.kill());
            drop(child.wait());
        }
        let (line, status) = outcome?;
        if !status.success() {
            return Err(format!("the command failed ({status})").into());
        }
        self.non_empty(line)
            .map_err(|_| "the command printed nothing".to_owned().into())
    }
}

/// What ends a command before it ends itself.
#[derive(Clone, Copy)]
struct Bounds<'a> {
    stop: &'a AtomicBool,
    until: Instant,
}

impl<'a> Bounds<'a> {
    fn of(stop: &'a AtomicBool, until: Option<Instant>) -> Self {
        let longest = Instant::now() + COMMAND_TIME;
        let until = until.map_or(longest, |until| until.min(longest));
        Self { stop, until }
    }
}

/// Why a command gave no secret.
enum NoSecret {
    Told(String),
    TooLate,
}

impl From<String> for NoSecret {
    fn from(why: String) -> Self {
        Self::Told(why)
    }
}

/// Waits for the command's first line and its end.
fn watch(child: &mut Child, bounds: Bounds<'_>) -> Result<(Vec<u8>, ExitStatus), NoSecret> {
    let no_output = || "the command has no output".to_owned();
    let output = child.stdout.take().ok_or_else(no_output)?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut output = output;
        // Nobody may be waiting any more.
        drop(sender.send(first_line(&mut output)));
        // A command that prints on must not die of a closed pipe.
        drop(io::copy(&mut output, &mut io::sink()));
    });
    let mut line = None;
    loop {
        if bounds.stop.load(Ordering::Relaxed) {
            return Err("stopped".to_owned().into());
        }
        if Instant::now() >= bounds.until {
            return Err(NoSecret::TooLate);
        }
        if line.is_none() {
            match receiver.recv_timeout(SLICE) {
                Ok(read) => line = Some(read.map_err(|error| error.to_string())?),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => line = Some(Vec::new()),
            }
        } else if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok((line.unwrap_or_default(), status));
        } else {
            std::thread::park_timeout(SLICE);
        }
    }
}

/// The first line without its end, one octet at a time: what follows is not ours to take.
fn first_line(source: impl Read) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    for octet in io::BufReader::new(source.take(SECRET_OCTETS_MAX)).bytes() {
        match octet? {
            b'\n' => break,
            octet => line.push(octet),
        }
    }
    if line.ends_with(b"\r") {
        line.pop();
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::Instant;

    use super::{Origin, SecretKind, SecretSource};
    use crate::cli::failure::Kind;
    use crate::cli::secrets::Whose;

    fn take(command: &str) -> Result<String, String> {
        let whose = Whose {
            account: Some("work"),
            path_name: "work",
            user: "alice",
            host: "pop.example.org",
        };
        let source = SecretSource {
            kind: SecretKind::Password,
            origin: Origin::command(command, whose),
            key: "--password-command".to_owned(),
        };
        let secret = source.take(&AtomicBool::new(false), None);
        secret
            .map(|secret| String::from_utf8(secret.expose().to_vec()).unwrap())
            .map_err(|failure| failure.message)
    }

    #[test]
    fn commands() {
        for (command, expected) in [
            ("echo sesame", Ok("sesame")),
            ("printf 'sesame\\r\\nuser: alice\\n'", Ok("sesame")),
            ("printf ' a b '", Ok(" a b ")),
            ("seq 1 100000", Ok("1")),
            (
                "echo $POPFETCH_ACCOUNT $POPFETCH_USER $POPFETCH_HOST",
                Ok("work alice pop.example.org"),
            ),
            (
                "true",
                Err("no password from --password-command: the command printed nothing"),
            ),
            (
                "echo sesame; exit 3",
                Err("no password from --password-command: the command failed (exit status: 3)"),
            ),
        ] {
            let taken = take(command);
            assert_eq!(
                taken.as_deref().map_err(String::as_str),
                expected,
                "{command}"
            );
        }
    }

    #[test]
    fn a_command_without_end_is_ended_by_the_stop_flag_or_with_the_run() {
        let whose = Whose {
            account: None,
            path_name: "work",
            user: "alice",
            host: "h",
        };
        let source = SecretSource {
            kind: SecretKind::Token,
            origin: Origin::command("exec tail -f /dev/null", whose),
            key: "--token-command".to_owned(),
        };
        let failure = source.take(&AtomicBool::new(true), None).unwrap_err();
        assert_eq!(failure.message, "no token from --token-command: stopped");
        let over = Some(Instant::now());
        let failure = source.take(&AtomicBool::new(false), over).unwrap_err();
        let expected = "no token from --token-command: the command did not end in time";
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (Kind::Timeout, expected)
        );
    }
}
