//! The form of `tests/transcripts/*.txt`: what the program is told, what the server says and
//! hears, and what must come of it. `tests/transcripts/README.md` tells it to whoever adds one.

use std::ops::RangeInclusive;
use std::path::Path;

use super::escape;

/// One file: runs of the program in one folder, one after another.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) runs: Vec<Run>,
}

/// One run and what must come of it.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) words: String,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) exit: i32,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
    pub(crate) never: Vec<String>,
    /// The messages in `{mail}` afterwards, in any order.
    pub(crate) stored: Vec<Vec<u8>>,
    pub(crate) connections: Vec<Connection>,
}

/// What the server does on one connection.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(crate) tls: Option<String>,
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug)]
pub(crate) struct Line {
    /// The line of the file, for messages.
    pub(crate) number: usize,
    pub(crate) play: Play,
}

#[derive(Clone, Debug)]
pub(crate) enum Play {
    /// Send these octets.
    Send(Vec<u8>),
    /// Send these octets so many times.
    Repeat(u64, Vec<u8>),
    /// Send this text once for each number of the range, with the number in place of `{n}`.
    Count(RangeInclusive<u64>, String),
    /// Send these octets until the client goes away.
    Endless(Vec<u8>),
    /// Hear just this line.
    Expect(Vec<u8>),
    /// Hear just this line, with nothing behind it in the same write.
    ExpectAlone(Vec<u8>),
    /// Hear a line that begins so.
    ExpectPrefix(Vec<u8>),
    /// Hear this line or nothing more.
    ExpectOrEnd(Vec<u8>),
    /// From here on send one octet at a time, with a pause of so many milliseconds between.
    Drip(u64),
    /// Say nothing until the client goes away.
    Stall,
    /// Say nothing, and hear whatever comes, until the client goes away.
    Deaf,
    /// Make sure that the client has not closed its side.
    There,
    /// Close in good order.
    Close,
    /// Close with a reset.
    Reset,
    /// Take the client's TLS handshake, with this certificate.
    Tls(String),
}

impl Transcript {
    /// Reads the file; parts named by `use:` come from the folder `use` beside it.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut transcript = Self::default();
        transcript.add(&text, folder)?;
        if transcript.runs.is_empty() {
            Err("no `run:` in it".to_owned())
        } else {
            Ok(transcript)
        }
    }

    fn add(&mut self, text: &str, folder: &Path) -> Result<(), String> {
        for (number, line) in (1..).zip(text.lines()) {
            let blank = line.trim().is_empty() || line.starts_with('#');
            if !blank {
                self.add_line(number, line, folder)
                    .map_err(|why| format!("line {number}: {why}"))?;
            }
        }
        Ok(())
    }

    fn add_line(&mut self, number: usize, line: &str, folder: &Path) -> Result<(), String> {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match key {
            "file" => {
                let (name, content) = value.split_once(" = ").ok_or("file: NAME = CONTENT")?;
                self.files.push((name.to_owned(), escape::octets(content)?));
                return Ok(());
            }
            "run" => {
                self.runs.push(Run {
                    words: value.to_owned(),
                    ..Run::default()
                });
                return Ok(());
            }
            "use" => {
                let path = folder.join("use").join(format!("{value}.txt"));
                let text =
                    std::fs::read_to_string(&path).map_err(|error| format!("{value}: {error}"))?;
                return self.add(&text, folder);
            }
            _ => {}
        }
        let run = self.runs.last_mut().ok_or("`run:` must come first")?;
        match key {
            "env" => {
                let (name, value) = value.split_once('=').ok_or("env: NAME=VALUE")?;
                run.environment.push((name.to_owned(), value.to_owned()));
            }
            "exit" => run.exit = value.trim().parse().map_err(|_| "exit: NUMBER")?,
            "stdout" => run.stdout.push(value.to_owned()),
            "stderr" => run.stderr.push(value.to_owned()),
            "never" => run
                .never
                .push(String::from_utf8_lossy(&escape::octets(value)?).into_owned()),
            "stored" => run.stored.push(escape::octets(value)?),
            "connect" => {
                let tls = value.strip_prefix("tls").map(certificate_name);
                run.connections.push(Connection {
                    tls,
                    lines: Vec::new(),
                });
            }
            _ => {
                let play = parse_play(key, value)?;
                let connection = run
                    .connections
                    .last_mut()
                    .ok_or("`connect:` must come first")?;
                connection.lines.push(Line { number, play });
            }
        }
        Ok(())
    }
}

fn certificate_name(name: &str) -> String {
    let name = name.trim();
    if name.is_empty() {
        "good".to_owned()
    } else {
        name.to_owned()
    }
}

fn parse_play(key: &str, value: &str) -> Result<Play, String> {
    let line = |text: &str| -> Result<Vec<u8>, String> {
        let mut octets = escape::octets(text)?;
        octets.extend_from_slice(b"\r\n");
        Ok(octets)
    };
    Ok(match key {
        "S" => Play::Send(line(value)?),
        "raw" => Play::Send(escape::octets(value)?),
        "C" => Play::Expect(line(value)?),
        "C=" => Play::ExpectAlone(line(value)?),
        "C~" => Play::ExpectPrefix(escape::octets(value)?),
        "C?" => Play::ExpectOrEnd(line(value)?),
        "repeat" => {
            let (times, text) = value.split_once(' ').ok_or("repeat: TIMES OCTETS")?;
            Play::Repeat(
                times.parse().map_err(|_| "repeat: TIMES OCTETS")?,
                escape::octets(text)?,
            )
        }
        "count" => {
            let form = "count: FROM-TO TEXT";
            let (range, text) = value.split_once(' ').ok_or(form)?;
            let (from, to) = range.split_once('-').ok_or(form)?;
            let [from, to] = [from, to].map(|it| it.parse().map_err(|_| form));
            Play::Count(from?..=to?, format!("{text}\r\n"))
        }
        "there" => Play::There,
        "endless" => Play::Endless(escape::octets(value)?),
        "drip" => Play::Drip(value.trim().parse().map_err(|_| "drip: MILLISECONDS")?),
        "stall" => Play::Stall,
        "deaf" => Play::Deaf,
        "close" => Play::Close,
        "reset" => Play::Reset,
        "tls" => Play::Tls(certificate_name(value)),
        _ => return Err(format!("unknown word `{key}`")),
    })
}
