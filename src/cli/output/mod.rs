//! The only writer to stdout and stderr. Results go to stdout, all else to stderr; a line is
//! written whole, and what others wrote is made safe before it gets here.

mod announcer;
pub(crate) mod json;
mod progress;
mod style;
mod table;
mod text;
mod words;

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::Serialize;

use super::args::value::When;
use super::config::{Format, Settings, Verbosity};
use super::environment::Environment;
use super::failure::Failure;
use crate::protocol::text::escape;

pub(crate) use announcer::{Announcer, Rows};
pub(crate) use progress::Progress;
pub(crate) use style::{Palette, Style};
pub(crate) use table::Shape;
pub(crate) use text::{fit, local_time, messages, size};

/// Where everything that is said goes.
#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    verbosity: Verbosity,
    stdout: Mutex<BufWriter<io::Stdout>>,
    /// Styles of stdout, and of stderr.
    palettes: (Palette, Palette),
    progress: Progress,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    width: Option<usize>,
    /// Set once stdout takes nothing more; what to set then, if that ends the run.
    stdout_end: OnceLock<StdoutEnd>,
    stop: Option<Arc<AtomicBool>>,
}

/// Why stdout takes nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StdoutEnd {
    /// Whoever read it is gone.
    ReaderLeft,
    /// It could not be written, and that has been said.
    Failed,
}

impl Output {
    /// Output as the settings want it. `stop` is set when stdout takes nothing more.
    pub(crate) fn new(
        settings: &Settings,
        environment: &Environment,
        stop: Option<Arc<AtomicBool>>,
    ) -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let (stdout_is_terminal, stderr_is_terminal) = (stdout.is_terminal(), stderr.is_terminal());
        let colored = |terminal: bool| match settings.color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !environment.dumb_terminal,
        };
        let quiet = settings.verbosity == Verbosity::Quiet;
        let traced = settings.verbosity == Verbosity::Trace;
        let progress = match settings.progress {
            When::Auto if quiet || traced || environment.dumb_terminal => Progress::none(),
            When::Auto | When::Always if stderr_is_terminal => Progress::bars(),
            When::Always => Progress::lines(),
            When::Auto | When::Never => Progress::none(),
        };
        Self {
            format: settings.format,
            verbosity: settings.verbosity,
            palettes: (
                Palette::new(colored(stdout_is_terminal)),
                Palette::new(colored(stderr_is_terminal)),
            ),
            width: text::terminal_width(&stdout),
            stdout: Mutex::new(BufWriter::new(stdout)),
            progress,
            stdout_is_terminal,
            stderr_is_terminal,
            stdout_end: OnceLock::new(),
            stop,
        }
    }

    /// Whether results are JSON lines.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether a terminal would take what is printed for its own commands.
    pub(crate) fn prints_on_terminal(&self) -> bool {
        self.stdout_is_terminal
    }

    /// Whether somebody wants to know what is being done.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbosity >= Verbosity::Verbose
    }

    /// Whether only failures are worth a word.
    pub(crate) fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// Whether somebody is looking, so that success is worth a word.
    pub(crate) fn is_watched(&self) -> bool {
        match self.verbosity {
            Verbosity::Quiet => false,
            Verbosity::Normal => self.stderr_is_terminal,
            Verbosity::Verbose | Verbosity::Trace => true,
        }
    }

    /// The styles of stdout.
    pub(crate) fn palette(&self) -> Palette {
        self.palettes.0
    }

    /// The columns of stdout's terminal; none when it is no terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    /// The progress of all accounts.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Why stdout takes nothing more, if it does not.
    pub(crate) fn stdout_end(&self) -> Option<StdoutEnd> {
        self.stdout_end.get().copied()
    }

    /// A line of a result, for people.
    pub(crate) fn line(&self, line: &str) {
        self.write(line.as_bytes());
    }

    /// A line of a result, for programs.
    pub(crate) fn json(&self, line: &impl Serialize) {
        match json::encode(line) {
            Ok(text) => self.write(text.as_bytes()),
            Err(error) => self.warn(&format!("a JSON line could not be made: {error}")),
        }
    }

    /// Hands over what is written so far.
    pub(crate) fn flush(&self) {
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        self.settle(stdout.flush());
    }

    fn write(&self, line: &[u8]) {
        if self.stdout_end().is_some() {
            return;
        }
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        let written = stdout
            .write_all(line)
            .and_then(|()| stdout.write_all(b"\n"));
        self.settle(written);
    }

    fn settle(&self, written: io::Result<()>) {
        let Err(error) = written else { return };
        let end = if error.kind() == io::ErrorKind::BrokenPipe {
            StdoutEnd::ReaderLeft
        } else {
            StdoutEnd::Failed
        };
        if self.stdout_end.set(end).is_err() {
            return;
        }
        if let Some(stop) = &self.stop {
            stop.store(true, Ordering::Relaxed);
        }
        if end == StdoutEnd::Failed {
            let label = self.palettes.1.paint(Style::Error, "error:");
            self.say(&format!(
                "popfetch: {label} cannot write to stdout: {error}"
            ));
        }
    }

    /// A word on what is being done, for those who asked for it.
    pub(crate) fn detail(&self, words: &str) {
        if self.is_verbose() {
            self.say(words);
        }
    }

    /// What came of something, for whoever is looking.
    pub(crate) fn outcome(&self, words: &str) {
        if self.is_watched() {
            self.flush();
            self.say(words);
        }
    }

    /// Something the user should know, though the run goes on.
    pub(crate) fn warn(&self, words: &str) {
        self.flush();
        let label = self.palettes.1.paint(Style::Warning, "warning:");
        self.say(&format!("popfetch: {label} {words}"));
    }

    /// One message or account failed.
    pub(crate) fn failure(&self, account: Option<&str>, failure: &Failure) {
        // Results that came before it shall be seen before it.
        self.flush();
        let paint = |style, text| self.palettes.1.paint(style, text);
        let about = account
            .map(|account| format!("{}: ", escape(account)))
            .unwrap_or_default();
        let label = paint(Style::Error, "error:");
        let mut words = format!("popfetch: {label} {about}{}", failure.message);
        if let Some(hint) = &failure.hint {
            // One piece, so that nothing of another thread's comes in between.
            words = format!("{words}\n  {} {hint}", paint(Style::Hint, "hint:"));
        }
        self.say(&words);
    }

    /// A line on stderr, above the progress bars.
    pub(crate) fn say(&self, words: &str) {
        self.progress.above(|| {
            // With stderr closed there is nobody left to tell.
            drop(writeln!(io::stderr().lock(), "{words}"));
        });
    }
}

/// Asks a question on stderr and reads the answer from the terminal: whether it is yes.
pub(crate) fn confirm(question: &str) -> io::Result<bool> {
    use std::io::Read as _;

    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = Vec::new();
    for octet in io::stdin().lock().take(256).bytes() {
        match octet? {
            b'\n' => break,
            octet => answer.push(octet),
        }
    }
    Ok(matches!(
        answer.trim_ascii().to_ascii_lowercase().as_slice(),
        b"y" | b"yes"
    ))
}

/// Words of the command line's own, before there are settings: help to stdout, mistakes to
/// stderr.
pub(crate) fn print(stream: Stream, words: &str) {
    // With the stream closed there is nobody left to tell.
    drop(match stream {
        Stream::Stdout => io::stdout().lock().write_all(words.as_bytes()),
        Stream::Stderr => io::stderr().lock().write_all(words.as_bytes()),
    });
}

/// Which stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}
