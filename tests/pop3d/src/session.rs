//! One session: RFC 1939 with CAPA, SASL PLAIN and pipelining.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::sync::Arc;

use crate::base64;
use crate::gate::{Look, Moment, Step, Then, When};
use crate::message::Message;
use crate::output::Output;
use crate::server::Shared;
use crate::stuffing::write_stuffed;

/// RFC 2449 section 4 allows 255 octets; some more so that a test can send too many.
const COMMAND_OCTETS_MAX: u64 = 4096;

pub(crate) struct Session {
    /// Counted from 0.
    session: u32,
    input: BufReader<TcpStream>,
    output: Output,
    shared: Arc<Shared>,
    user: Option<String>,
    drop: Option<Maildrop>,
}

/// The maildrop as it was at the login: message-number n is `messages[n - 1]`.
struct Maildrop {
    messages: Vec<u32>,
    deleted: Vec<bool>,
}

/// A command's verb in capitals and its arguments.
struct Command {
    verb: &'static str,
    arguments: String,
}

const VERBS: [&str; 15] = [
    "CAPA", "USER", "PASS", "AUTH", "STAT", "LIST", "UIDL", "TOP", "RETR", "DELE", "RSET", "NOOP",
    "QUIT", "STLS", "UTF8",
];

enum Next {
    GoOn,
    End,
}

impl Session {
    pub(crate) fn new(
        session: u32,
        stream: TcpStream,
        shared: Arc<Shared>,
        cut_after: Option<u64>,
    ) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let input = BufReader::with_capacity(64 * 1024, stream.try_clone()?);
        Ok(Self {
            session,
            input,
            output: Output::new(stream, cut_after),
            shared,
            user: None,
            drop: None,
        })
    }

    pub(crate) fn run(mut self) -> io::Result<()> {
        self.pass(When::Before, "greeting", 0)?;
        self.say("+OK pop3d ready")?;
        self.pass(When::After, "greeting", 0)?;
        while let Some(command) = self.read_command()? {
            if let Next::End = self.answer(&command)? {
                break;
            }
        }
        self.output.flush()
    }

    fn answer(&mut self, command: &Command) -> io::Result<Next> {
        let number = command
            .arguments
            .split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        self.pass(When::Before, command.verb, number)?;
        match (command.verb, self.drop.is_some()) {
            ("QUIT", _) => {
                self.update();
                self.pass(When::Inside, "QUIT", 0)?;
                self.say("+OK bye")?;
            }
            ("CAPA", _) if !self.shared.settings.capabilities.is_empty() => self.capa()?,
            ("USER", false) => {
                self.user = Some(command.arguments.clone());
                self.say("+OK")?;
            }
            ("PASS", false) => {
                let settings = &self.shared.settings;
                let known = self.user.as_deref() == Some(settings.user.as_str())
                    && command.arguments == settings.password;
                self.log_in(known)?;
            }
            ("AUTH", false) => self.auth(&command.arguments)?,
            ("NOOP" | "RSET", true) => {
                if let (Some(maildrop), "RSET") = (&mut self.drop, command.verb) {
                    maildrop.deleted.fill(false);
                }
                self.say("+OK")?;
            }
            ("STAT", true) => self.stat()?,
            ("LIST", true) => self.rows("LIST", number)?,
            ("UIDL", true) if self.can("UIDL") => self.rows("UIDL", number)?,
            ("RETR", true) => self.retr(number)?,
            ("TOP", true) if self.can("TOP") => self.top(number, &command.arguments)?,
            ("DELE", true) => self.dele(number)?,
            _ => self.say("-ERR not now, or not known")?,
        }
        self.pass(When::After, command.verb, number)?;
        Ok(if command.verb == "QUIT" {
            Next::End
        } else {
            Next::GoOn
        })
    }

    /// The next command; what was answered goes out first if the client waits for it.
    fn read_command(&mut self) -> io::Result<Option<Command>> {
        let Some(line) = self.read_line()? else {
            return Ok(None);
        };
        self.shared.lock().record(&line);
        let (verb, arguments) = line.split_once(' ').unwrap_or((&line, ""));
        let verb = VERBS
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(verb))
            .unwrap_or("?");
        Ok(Some(Command {
            verb,
            arguments: arguments.to_owned(),
        }))
    }

    #[expect(clippy::disallowed_methods, reason = "`take` bounds the line")]
    fn read_line(&mut self) -> io::Result<Option<String>> {
        if !self.input.buffer().contains(&b'\n') {
            self.output.flush()?;
        }
        let mut line = Vec::new();
        (&mut self.input)
            .take(COMMAND_OCTETS_MAX)
            .read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn auth(&mut self, arguments: &str) -> io::Result<()> {
        let settings = &self.shared.settings;
        let right =
            base64::encode(format!("\0{}\0{}", settings.user, settings.password).as_bytes());
        let mut words = arguments.split(' ');
        if !words
            .next()
            .is_some_and(|mechanism| mechanism.eq_ignore_ascii_case("PLAIN"))
        {
            return self.say("-ERR no such mechanism");
        }
        let response = if let Some(initial) = words.next() {
            initial.to_owned()
        } else {
            self.say("+ ")?;
            self.read_line()?.unwrap_or_default()
        };
        self.log_in(response == right)
    }

    fn log_in(&mut self, known: bool) -> io::Result<()> {
        if !known {
            return self.say("-ERR [AUTH] wrong user or password");
        }
        let messages = {
            let mut state = self.shared.lock();
            state.logins += 1;
            state.mailbox.present()
        };
        let deleted = vec![false; messages.len()];
        self.drop = Some(Maildrop { messages, deleted });
        self.say("+OK logged in")
    }

    fn capa(&mut self) -> io::Result<()> {
        self.say("+OK")?;
        for row in self.shared.settings.capabilities.clone() {
            self.say(row)?;
        }
        self.say(".")
    }

    fn can(&self, capability: &str) -> bool {
        self.shared.settings.capabilities.contains(&capability)
    }

    fn stat(&mut self) -> io::Result<()> {
        let (mut count, mut octets) = (0, 0);
        for number in self.undeleted() {
            count += 1;
            octets += self
                .place(number)
                .map_or(0, |place| self.shared.lock().mailbox.octets(place));
        }
        self.say(&format!("+OK {count} {octets}"))
    }

    /// LIST and UIDL, of one message or of all.
    fn rows(&mut self, verb: &str, number: u32) -> io::Result<()> {
        if number > 0 {
            return match self.row(verb, number) {
                Some(row) => self.say(&format!("+OK {row}")),
                None => self.say("-ERR no such message"),
            };
        }
        self.say("+OK")?;
        for number in self.undeleted() {
            if let Some(row) = self.row(verb, number) {
                self.say(&row)?;
            }
        }
        self.say(".")
    }

    fn row(&self, verb: &str, number: u32) -> Option<String> {
        let place = self.place(number)?;
        let state = self.shared.lock();
        Some(match verb {
            "UIDL" => format!("{number} {}", state.mailbox.unique_id(place)),
            _ => format!("{number} {}", state.mailbox.octets(place)),
        })
    }

    fn retr(&mut self, number: u32) -> io::Result<()> {
        let Some(message) = self.message(number) else {
            return self.say("-ERR no such message");
        };
        self.say(&format!("+OK {} octets", message.octets()))?;
        let (first, second) = message.prologue.split_at(message.prologue.len() / 2);
        // Cut where no dot can stand at the start of a line by accident.
        let cut = first
            .iter()
            .rposition(|&octet| octet == b'\n')
            .map_or(0, |end| end + 1);
        let (first, middle) = first.split_at(cut);
        write_stuffed(first, |span| self.output.push(span))?;
        let rest = [middle, second].concat();
        let half = rest.len().min(3);
        self.pass_inside(number, &rest, half)?;
        message.write_filler(|span| self.output.push(span))?;
        self.say(".")
    }

    /// Sends `rest`, held for a moment after some octets of its first line.
    fn pass_inside(&mut self, number: u32, rest: &[u8], half: usize) -> io::Result<()> {
        let mut stuffed = Vec::with_capacity(rest.len() + 8);
        write_stuffed(rest, |span| {
            stuffed.extend_from_slice(span);
            Ok::<(), io::Error>(())
        })?;
        self.output.push(&stuffed[..half])?;
        self.pass(When::Inside, "RETR", number)?;
        self.output.push(&stuffed[half..])
    }

    fn top(&mut self, number: u32, arguments: &str) -> io::Result<()> {
        let lines = arguments
            .split(' ')
            .nth(1)
            .and_then(|lines| lines.parse().ok());
        let (Some(message), Some(lines)) = (self.message(number), lines) else {
            return self.say("-ERR no such message");
        };
        let octets = message.to_vec();
        let header = octets
            .windows(4)
            .position(|end| end == b"\r\n\r\n")
            .map_or(octets.len(), |at| at + 4);
        let body = octets[header..]
            .split_inclusive(|&octet| octet == b'\n')
            .take(lines);
        let wanted = header + body.map(<[u8]>::len).sum::<usize>();
        self.say("+OK")?;
        write_stuffed(&octets[..wanted], |span| self.output.push(span))?;
        self.say(".")
    }

    fn dele(&mut self, number: u32) -> io::Result<()> {
        if self.place(number).is_none() {
            return self.say("-ERR no such message");
        }
        if let Some(maildrop) = &mut self.drop {
            maildrop.deleted[number as usize - 1] = true;
        }
        self.say("+OK marked")
    }

    /// RFC 1939 section 6: only QUIT out of the TRANSACTION state deletes.
    fn update(&mut self) {
        let Some(maildrop) = self.drop.take() else {
            return;
        };
        let mut state = self.shared.lock();
        for (place, deleted) in maildrop.messages.iter().zip(&maildrop.deleted) {
            if *deleted {
                state.mailbox.remove(*place);
            }
        }
    }

    fn undeleted(&self) -> Vec<u32> {
        let Some(maildrop) = &self.drop else {
            return Vec::new();
        };
        (1..)
            .zip(&maildrop.deleted)
            .filter(|(_, deleted)| !**deleted)
            .map(|(n, _)| n)
            .collect()
    }

    /// Where the message of this number stands in the mailbox, unless it is marked as deleted.
    fn place(&self, number: u32) -> Option<u32> {
        let maildrop = self.drop.as_ref()?;
        let index = (number as usize).checked_sub(1)?;
        if *maildrop.deleted.get(index)? {
            None
        } else {
            maildrop.messages.get(index).copied()
        }
    }

    fn message(&self, number: u32) -> Option<Message> {
        let place = self.place(number)?;
        Some(self.shared.lock().mailbox.message(place))
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        self.output.push(line.as_bytes())?;
        self.output.push(b"\r\n")
    }

    fn pass(&mut self, when: When, verb: &'static str, number: u32) -> io::Result<()> {
        let Self { shared, output, .. } = self;
        let step = Step { when, verb, number };
        // A line that is gone shows at the next write.
        shared.gate.pass(step, || drop(output.flush()));
        let Some(Look(look)) = self.shared.look.get() else {
            return Ok(());
        };
        let moment = Moment {
            session: self.session,
            step,
            place: self.place(number),
        };
        match look(moment) {
            Then::GoOn => Ok(()),
            Then::HangUp => Err(self.output.cut()),
        }
    }
}
