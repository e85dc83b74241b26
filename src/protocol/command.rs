//! What a client sends.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};

use super::number::MessageNumber;
use super::sasl::SaslMechanism;
use super::text::escape_bytes;
use crate::secret::Secret;

/// A command, or a line of a SASL exchange, whole and ready to send.
///
/// `Display` is for traces: it shows no secret.
#[derive(Clone, Debug)]
pub enum Command {
    /// What can you do? (RFC 2449)
    Capa,
    /// Begin TLS (RFC 2595).
    Stls,
    /// Messages and texts may come in UTF-8 (RFC 6856).
    Utf8,
    /// Which languages do you speak? Or: speak this one; `*` is the server's own (RFC 6856).
    Lang(Option<Argument>),
    /// The name of the maildrop (RFC 1939).
    User(Argument),
    /// The password for it (RFC 1939).
    Pass(SecretArgument),
    /// Both at once (RFC 1939).
    Apop {
        /// The name of the maildrop.
        user: Argument,
        /// See [`apop_digest`](super::sasl::apop_digest).
        digest: [u8; 16],
    },
    /// Begin a SASL exchange (RFC 5034).
    Auth {
        /// Which.
        mechanism: SaslMechanism,
        /// The initial response, before base64.
        initial: Option<Secret>,
    },
    /// The answer to a SASL challenge, before base64.
    AuthResponse(Secret),
    /// The end of a SASL exchange, by the client's will (RFC 5034 section 4).
    AuthCancel,
    /// How much is there?
    Stat,
    /// The octets of each message.
    List,
    /// The unique-id of each message.
    Uidl,
    /// A message.
    Retr(MessageNumber),
    /// The header of a message and so many lines of its body.
    Top(MessageNumber, u32),
    /// Mark a message to be deleted.
    Dele(MessageNumber),
    /// Take all these marks away.
    Rset,
    /// Nothing.
    Noop,
    /// Delete what is marked, and end.
    Quit,
}

impl Command {
    /// Appends the command, line end included.
    pub fn encode(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(self.verb().keyword().as_bytes());
        match self {
            Self::User(word) | Self::Lang(Some(word)) => push_word(line, word.as_bytes()),
            Self::Pass(password) => push_word(line, password.0.expose()),
            Self::Apop { user, digest } => {
                push_word(line, user.as_bytes());
                push_word(line, HEXLOWER.encode(digest).as_bytes());
            }
            Self::Auth { mechanism, initial } => {
                push_word(line, mechanism.name().as_bytes());
                if let Some(initial) = initial {
                    line.push(b' ');
                    push_initial(line, initial);
                }
            }
            Self::AuthResponse(response) => push_base64(line, response.expose()),
            Self::AuthCancel => line.push(b'*'),
            Self::Retr(number) | Self::Dele(number) => push_number(line, number.value()),
            Self::Top(number, body_lines) => {
                push_number(line, number.value());
                push_number(line, *body_lines);
            }
            Self::Capa
            | Self::Stls
            | Self::Utf8
            | Self::Lang(None)
            | Self::Stat
            | Self::List
            | Self::Uidl
            | Self::Rset
            | Self::Noop
            | Self::Quit => {}
        }
        line.extend_from_slice(b"\r\n");
    }

    /// Which command it is, without its arguments.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Capa => Verb::Capa,
            Self::Stls => Verb::Stls,
            Self::Utf8 => Verb::Utf8,
            Self::Lang(_) => Verb::Lang,
            Self::User(_) => Verb::User,
            Self::Pass(_) => Verb::Pass,
            Self::Apop { .. } => Verb::Apop,
            Self::Auth { .. } => Verb::Auth,
            Self::AuthResponse(_) | Self::AuthCancel => Verb::AuthResponse,
            Self::Stat => Verb::Stat,
            Self::List => Verb::List,
            Self::Uidl => Verb::Uidl,
            Self::Retr(_) => Verb::Retr,
            Self::Top(..) => Verb::Top,
            Self::Dele(_) => Verb::Dele,
            Self::Rset => Verb::Rset,
            Self::Noop => Verb::Noop,
            Self::Quit => Verb::Quit,
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb().keyword())?;
        match self {
            Self::User(word) | Self::Lang(Some(word)) => write!(f, " {word}"),
            Self::Pass(_) => f.write_str(" ****"),
            Self::Apop { user, .. } => write!(f, " {user} ****"),
            Self::Auth { mechanism, initial } => {
                let initial = if initial.is_some() { " ****" } else { "" };
                write!(f, " {mechanism}{initial}")
            }
            Self::AuthResponse(_) => f.write_str("****"),
            Self::AuthCancel => f.write_str("*"),
            Self::Retr(number) | Self::Dele(number) => write!(f, " {number}"),
            Self::Top(number, body_lines) => write!(f, " {number} {body_lines}"),
            Self::Capa
            | Self::Stls
            | Self::Utf8
            | Self::Lang(None)
            | Self::Stat
            | Self::List
            | Self::Uidl
            | Self::Rset
            | Self::Noop
            | Self::Quit => Ok(()),
        }
    }
}

/// Which command, for errors and deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// `CAPA`
    Capa,
    /// `STLS`
    Stls,
    /// `UTF8`
    Utf8,
    /// `LANG`
    Lang,
    /// `USER`
    User,
    /// `PASS`
    Pass,
    /// `APOP`
    Apop,
    /// `AUTH`
    Auth,
    /// A line of the exchange that AUTH begins; it has no keyword.
    AuthResponse,
    /// `STAT`
    Stat,
    /// `LIST`
    List,
    /// `UIDL`
    Uidl,
    /// `RETR`
    Retr,
    /// `TOP`
    Top,
    /// `DELE`
    Dele,
    /// `RSET`
    Rset,
    /// `NOOP`
    Noop,
    /// `QUIT`
    Quit,
}

impl Verb {
    /// Whether it is a step of logging in.
    pub fn is_of_login(self) -> bool {
        matches!(
            self,
            Self::User | Self::Pass | Self::Apop | Self::Auth | Self::AuthResponse
        )
    }

    /// What the line begins with.
    fn keyword(self) -> &'static str {
        match self {
            Self::Capa => "CAPA",
            Self::Stls => "STLS",
            Self::Utf8 => "UTF8",
            Self::Lang => "LANG",
            Self::User => "USER",
            Self::Pass => "PASS",
            Self::Apop => "APOP",
            Self::Auth => "AUTH",
            Self::AuthResponse => "",
            Self::Stat => "STAT",
            Self::List => "LIST",
            Self::Uidl => "UIDL",
            Self::Retr => "RETR",
            Self::Top => "TOP",
            Self::Dele => "DELE",
            Self::Rset => "RSET",
            Self::Noop => "NOOP",
            Self::Quit => "QUIT",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = if *self == Self::AuthResponse {
            Self::Auth
        } else {
            *self
        };
        f.pad(named.keyword())
    }
}

/// An argument that everybody may see: octets with no control among them, so that it stays
/// within its line.
#[derive(Clone, PartialEq, Eq)]
pub struct Argument(Box<[u8]>);

impl Argument {
    /// Takes the octets as they are.
    pub fn parse(octets: &[u8]) -> Result<Self, InvalidArgument> {
        if octets.is_empty() {
            return Err(InvalidArgument::Empty);
        }
        if octets.iter().any(u8::is_ascii_control) {
            return Err(InvalidArgument::ControlOctet);
        }
        Ok(Self(octets.into()))
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape_bytes(&self.0))
    }
}

impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// An argument that nobody may see. May hold blanks (RFC 1939 section 7, PASS), but no line end
/// and no NUL, which end a line for some servers.
#[derive(Clone, Debug)]
pub struct SecretArgument(Secret);

impl SecretArgument {
    /// Takes the octets as they are.
    pub fn parse(secret: Secret) -> Result<Self, InvalidArgument> {
        let octets = secret.expose();
        if octets.is_empty() {
            return Err(InvalidArgument::Empty);
        }
        if memchr::memchr3(b'\r', b'\n', b'\0', octets).is_some() {
            return Err(InvalidArgument::ControlOctet);
        }
        Ok(Self(secret))
    }
}

/// Why octets cannot be an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidArgument {
    /// There are none.
    Empty,
    /// A line end or another control among them.
    ControlOctet,
}

impl fmt::Display for InvalidArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::ControlOctet => "it holds a line end or another control character",
        })
    }
}

impl std::error::Error for InvalidArgument {}

fn push_word(line: &mut Vec<u8>, word: &[u8]) {
    line.push(b' ');
    line.extend_from_slice(word);
}

fn push_number(line: &mut Vec<u8>, number: u32) {
    push_word(line, number.to_string().as_bytes());
}

/// An initial response; one of no octets is written `=`, to tell it from none (RFC 5034
/// section 4).
fn push_initial(line: &mut Vec<u8>, initial: &Secret) {
    if initial.expose().is_empty() {
        line.push(b'=');
    } else {
        push_base64(line, initial.expose());
    }
}

/// Encodes in place, so that no copy of a secret is left behind in freed memory.
fn push_base64(line: &mut Vec<u8>, octets: &[u8]) {
    let start = line.len();
    line.resize(start + BASE64.encode_len(octets.len()), 0);
    if let Some(place) = line.get_mut(start..) {
        BASE64.encode_mut(octets, place);
    }
}

#[cfg(test)]
mod tests {
    use super::{Argument, Command, InvalidArgument, SecretArgument};
    use crate::protocol::{MessageNumber, SaslMechanism};
    use crate::secret::Secret;

    fn secret(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    fn number(number: u32) -> MessageNumber {
        MessageNumber::new(number).unwrap()
    }

    #[test]
    fn what_is_sent_and_what_is_shown_of_it() {
        let check = |command: Command, sent: &str, shown: &str| {
            let mut line = Vec::new();
            command.encode(&mut line);
            assert_eq!(String::from_utf8_lossy(&line), format!("{sent}\r\n"));
            assert_eq!(command.to_string(), shown);
        };
        let user = Argument::parse(b"alice").unwrap();
        let pass = SecretArgument::parse(secret(" two words ")).unwrap();
        let digest = [0x0a; 16];
        let hex = "0a".repeat(16);
        let plain = |initial: Option<&str>| Command::Auth {
            mechanism: SaslMechanism::Plain,
            initial: initial.map(secret),
        };
        check(Command::List, "LIST", "LIST");
        check(Command::Lang(None), "LANG", "LANG");
        let german = Argument::parse(b"de").unwrap();
        check(Command::Lang(Some(german)), "LANG de", "LANG de");
        check(Command::User(user.clone()), "USER alice", "USER alice");
        check(Command::Pass(pass), "PASS  two words ", "PASS ****");
        check(
            Command::Apop { user, digest },
            &format!("APOP alice {hex}"),
            "APOP alice ****",
        );
        check(plain(None), "AUTH PLAIN", "AUTH PLAIN");
        check(plain(Some("")), "AUTH PLAIN =", "AUTH PLAIN ****");
        check(
            plain(Some("\0a\0b")),
            "AUTH PLAIN AGEAYg==",
            "AUTH PLAIN ****",
        );
        check(Command::AuthResponse(secret("ab")), "YWI=", "****");
        check(Command::AuthResponse(secret("")), "", "****");
        check(Command::AuthCancel, "*", "*");
        check(Command::Retr(number(7)), "RETR 7", "RETR 7");
        check(Command::Top(number(7), 0), "TOP 7 0", "TOP 7 0");
        check(Command::Dele(number(10)), "DELE 10", "DELE 10");
        check(Command::Quit, "QUIT", "QUIT");
    }

    #[test]
    fn no_debug_shows_a_secret() {
        let pass = Command::Pass(SecretArgument::parse(secret("hunter2")).unwrap());
        assert!(!format!("{pass:?}").contains("hunter2"));
        let response = Command::AuthResponse(secret("hunter2"));
        assert!(!format!("{response:?}").contains("hunter2"));
    }

    #[test]
    fn no_argument_leaves_its_line() {
        let check = |octets: &str, expected: Result<(), InvalidArgument>| {
            let argument = Argument::parse(octets.as_bytes()).map(|_| ());
            assert_eq!(argument, expected, "{octets:?}");
            let secret = SecretArgument::parse(secret(octets)).map(|_| ());
            assert_eq!(secret, expected, "{octets:?}");
        };
        check("alice@example.org", Ok(()));
        check("J\u{fc}rgen B", Ok(()));
        check("", Err(InvalidArgument::Empty));
        check("a\r\nDELE 1", Err(InvalidArgument::ControlOctet));
        check("a\nb", Err(InvalidArgument::ControlOctet));
        check("a\rb", Err(InvalidArgument::ControlOctet));
        check("a\0b", Err(InvalidArgument::ControlOctet));
    }
}
