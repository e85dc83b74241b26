//! What can go wrong between us and a server, one variant a fault.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::protocol::{Mechanism, MessageNumber, Refusal, ServerText, Verb};

use super::settings::CertificatePin;
use super::tls::{Leaf, reason};

/// What went wrong while speaking to a server.
#[derive(Debug)]
pub enum Error {
    /// The server answered `-ERR` to a command other than those that log in.
    Refused {
        /// The command.
        verb: Verb,
        /// The server's answer.
        refusal: Refusal,
    },
    /// The server greeted with `-ERR`.
    Unwelcome(Refusal),
    /// The server refused the login.
    LoginRefused(Box<LoginRefusal>),
    /// Nothing the server offers can be used to log in with what there is.
    LoginImpossible(LoginImpossible),
    /// The server broke the protocol.
    Misbehaved(Misbehaviour),
    /// The line or the system failed.
    Io {
        /// What was waited for.
        doing: Wait,
        /// The other end, as `host:port`.
        peer: String,
        /// What the system said.
        source: io::Error,
    },
    /// A wait took too long.
    Deadline(Wait),
    /// Somebody set the stop flag.
    Stopped,
    /// The host's name has no address.
    UnknownHost {
        /// The name.
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// The proxy did not let us through.
    Proxy {
        /// The proxy, as `host:port`.
        proxy: String,
        /// What it said, in words.
        why: &'static str,
    },
    /// No connection by TLS could be made that may be trusted.
    Tls(Box<TlsFailure>),
    /// A setting cannot be used.
    BadSetting(BadSetting),
    /// Commands were sent ahead of their answers, and the server lost its way over them. The same
    /// [`Connector`](super::Connector) sends none ahead to it any more, so that another session may
    /// fare better.
    CommandsLost(Box<Error>),
    /// An earlier error has left it open what the server would answer.
    OutOfStep,
    /// A command was to be sent while messages that were asked for are still to come.
    RequestsLeft,
}

impl Error {
    /// Whether the line was lost while the server may have been judging the password or token: it
    /// may have let us in, or have refused us without a word.
    pub fn is_lost_in_judgement(&self) -> bool {
        matches!(
            self,
            Self::Io { doing: wait, .. } | Self::Deadline(wait) if wait.is_for_judgement()
        )
    }

    /// The message behind whose end more came, which may be the rest of it.
    pub fn message_with_more_behind(&self) -> Option<MessageNumber> {
        if let Self::Misbehaved(Misbehaviour::MoreBehindEnd { after, .. }) = self {
            Some(*after)
        } else {
            None
        }
    }
}

/// A wait with a deadline: what is being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The addresses of a host.
    Resolve,
    /// The connection.
    Connect,
    /// The proxy's answers.
    Proxy,
    /// The TLS handshake.
    Handshake,
    /// The greeting.
    Greeting,
    /// The status line that answers a command.
    Response(Verb),
    /// The lines of a multi-line response.
    Data,
    /// The end of everything, which had a limit of its own.
    WholeRun,
}

impl Wait {
    /// Whether the server may be judging the password or token meanwhile. Some hang up on a wrong
    /// one without a word: seen at AOL's.
    pub fn is_for_judgement(self) -> bool {
        matches!(
            self,
            Self::Response(Verb::Pass | Verb::Apop | Verb::Auth | Verb::AuthResponse)
        )
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve => f.write_str("the server's address"),
            Self::Connect => f.write_str("the connection"),
            Self::Proxy => f.write_str("the proxy"),
            Self::Handshake => f.write_str("the TLS handshake"),
            Self::Greeting => f.write_str("the greeting"),
            Self::Response(verb) => write!(f, "the answer to {verb}"),
            Self::Data => f.write_str("more of a multi-line answer"),
            Self::WholeRun => f.write_str("the whole run to end"),
        }
    }
}

/// How a login was refused.
#[derive(Debug)]
pub struct LoginRefusal {
    /// How it was tried.
    pub mechanism: Mechanism,
    /// The server's last answer.
    pub refusal: Refusal,
    /// What the server told of a refused token before its last answer: mostly JSON (RFC 7628
    /// section 3.2.2).
    pub token_status: Option<ServerText>,
    /// Whether the server had seen what it can judge the password or token by. If not, it is
    /// the mechanism that it refused.
    pub secret_sent: bool,
}

/// Why no login was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginImpossible {
    /// The password would go over the line as it is.
    ClearText,
    /// The token would go over the line as it is.
    TokenInClearText,
    /// The mechanism asked for needs TLS.
    NeedsTls(Mechanism),
    /// The mechanism asked for needs another kind of proof than there is.
    WrongProof(Mechanism),
    /// The server offers no mechanism for this kind of proof.
    NothingOffered,
    /// APOP was asked for, and the greeting has no timestamp (RFC 1939 section 7).
    NoTimestamp,
    /// The server's certificate gives no channel binding (RFC 5929 section 4).
    NoChannelBinding(Mechanism),
    /// The user or the secret holds an octet the mechanism cannot carry.
    Unsendable(Mechanism),
    /// The server does not know the secret either: its proof at the end of SCRAM was wrong.
    ServerUnproven(Mechanism),
    /// The server's challenge cannot be answered.
    BadChallenge(Mechanism),
}

impl fmt::Display for LoginImpossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClearText => f.write_str(
                "the connection has no TLS and the server offers no way to log in that keeps the \
                 password secret",
            ),
            Self::TokenInClearText => f.write_str("a token is never sent without TLS"),
            Self::NeedsTls(mechanism) => write!(f, "{mechanism} needs TLS"),
            Self::WrongProof(mechanism) => {
                write!(
                    f,
                    "{mechanism} cannot be used with the kind of secret that is set"
                )
            }
            Self::NothingOffered => f.write_str(
                "the server offers no way to log in with the kind of secret that is set",
            ),
            Self::NoTimestamp => {
                f.write_str("the server's greeting has no timestamp, so it cannot do apop")
            }
            Self::NoChannelBinding(mechanism) => write!(
                f,
                "{mechanism} cannot be used: the server's certificate gives no channel binding"
            ),
            Self::Unsendable(mechanism) => {
                write!(
                    f,
                    "{mechanism} cannot carry the user or secret: it is empty or holds a control character"
                )
            }
            Self::ServerUnproven(mechanism) => write!(
                f,
                "the server did not prove that it knows the password, as {mechanism} demands"
            ),
            Self::BadChallenge(mechanism) => {
                write!(f, "the server's challenge for {mechanism} makes no sense")
            }
        }
    }
}

/// How the server broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misbehaviour {
    /// What came in place of a greeting is none.
    NoGreeting(ServerText),
    /// The port speaks TLS from the first octet.
    TlsInPlaceOfGreeting,
    /// Octets came in clear behind the `+OK` to STLS (RFC 2595 section 4).
    StlsInjection,
    /// A line is no status line.
    NoStatusLine {
        /// What was waited for.
        wait: Wait,
        /// The line.
        line: ServerText,
    },
    /// Something that is no status line came behind a message: the message has perhaps a line
    /// with a single dot in it, and goes on behind that.
    MoreBehindEnd {
        /// The message.
        after: MessageNumber,
        /// The line.
        line: ServerText,
    },
    /// A status line has no end within the limit.
    LineTooLong(Wait),
    /// A list has no end within the limit.
    ListTooLong(Verb),
    /// A `+ ` continuation where none was asked for.
    UnexpectedContinuation(Verb),
    /// An answer came that nothing had asked for.
    UnexpectedAnswer(ServerText),
}

impl fmt::Display for Misbehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGreeting(text) => {
                write!(f, "no POP3 server: in place of a greeting came \"{text}\"")
            }
            Self::TlsInPlaceOfGreeting => {
                f.write_str("the port speaks TLS from the first octet, not POP3 in clear")
            }
            Self::StlsInjection => f.write_str(
                "octets in clear followed the server's +OK to STLS; somebody may be \
                             on the line",
            ),
            Self::NoStatusLine { wait, line } => {
                write!(f, "waiting for {wait}, the server sent \"{line}\"")
            }
            Self::MoreBehindEnd { after, line } => {
                write!(f, "behind message {after}, the server sent \"{line}\"")
            }
            Self::LineTooLong(wait) => {
                write!(f, "waiting for {wait}, the server sent a line without end")
            }
            Self::ListTooLong(verb) => write!(f, "the server's answer to {verb} has no end"),
            Self::UnexpectedContinuation(verb) => {
                write!(f, "the server answered {verb} with a continuation")
            }
            Self::UnexpectedAnswer(line) => {
                write!(f, "the server sent \"{line}\" without being asked")
            }
        }
    }
}

/// How TLS failed.
#[derive(Debug)]
pub struct TlsFailure {
    /// The server's name or address.
    pub host: String,
    /// What was wrong.
    pub fault: TlsFault,
    /// The certificate the server presented, where it could be told.
    pub presented: Option<Leaf>,
}

/// What was wrong with TLS.
#[derive(Debug)]
pub enum TlsFault {
    /// The server does not speak TLS on this port; what it sent instead.
    NotTls(ServerText),
    /// The certificate may not be trusted; why, in the words of the TLS library.
    Untrusted(String),
    /// The certificate is another one than the pinned one.
    PinMismatch(CertificatePin),
    /// The server offers no STLS.
    NotOffered,
    /// The server refused STLS.
    Refused(Refusal),
    /// Anything else, in the words of the TLS library.
    Failed(String),
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        match &self.fault {
            TlsFault::NotTls(text) => {
                write!(
                    f,
                    "{host} does not speak TLS on this port; it sent \"{text}\""
                )
            }
            TlsFault::Untrusted(why) => {
                write!(f, "the certificate of {host} is not trusted: {why}")
            }
            TlsFault::PinMismatch(pin) => {
                write!(f, "the certificate of {host} is not the pinned {pin}")
            }
            TlsFault::NotOffered => write!(f, "{host} does not offer STLS"),
            TlsFault::Refused(refusal) => write!(f, "{host} refused STLS; {}", Said(refusal)),
            TlsFault::Failed(why) => write!(f, "TLS with {host} failed: {}", reason(why)),
        }
    }
}

/// Why a setting cannot be used.
#[derive(Debug)]
pub enum BadSetting {
    /// A file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that should hold certificates in PEM holds none.
    NoCertificate(PathBuf),
    /// A file that should hold a private key in PEM holds none.
    NoKey(PathBuf),
    /// The private key is of a kind that cannot be read.
    UnsupportedKey {
        /// The file.
        path: PathBuf,
        /// The first words of its PEM block.
        label: String,
        /// The command that converts it.
        conversion: String,
    },
    /// The TLS library does not take certificate and key.
    Identity {
        /// The certificate's file.
        certificate: PathBuf,
        /// What the library said.
        why: String,
    },
    /// The TLS library cannot be set up.
    TlsLibrary(String),
}

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => {
                write!(f, "cannot read {}: {source}", path.display())
            }
            Self::NoCertificate(path) => {
                write!(f, "{} holds no certificate in PEM form", path.display())
            }
            Self::NoKey(path) => write!(f, "{} holds no private key in PEM form", path.display()),
            Self::UnsupportedKey { path, label, .. } => write!(
                f,
                "the key in {} is of the kind \"{label}\", which cannot be read",
                path.display()
            ),
            Self::Identity { certificate, why } => write!(
                f,
                "the client certificate {} and its key cannot be used: {why}",
                certificate.display()
            ),
            Self::TlsLibrary(why) => write!(f, "the TLS library cannot be set up: {why}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { verb, refusal } => {
                write!(f, "the server refused {verb}; {}", Said(refusal))
            }
            Self::Unwelcome(refusal) => {
                write!(
                    f,
                    "the server does not want the connection; {}",
                    Said(refusal)
                )
            }
            Self::LoginRefused(login) => login.fmt(f),
            Self::LoginImpossible(why) => write!(f, "cannot log in: {why}"),
            Self::Misbehaved(why) => why.fmt(f),
            Self::Io {
                doing: Wait::Connect,
                peer,
                source,
            } => write!(f, "cannot connect to {peer}: {source}"),
            Self::Io {
                doing,
                peer,
                source,
            } => write!(f, "waiting for {doing} from {peer}: {source}"),
            Self::Deadline(Wait::WholeRun) => {
                f.write_str("it has not come to an end in the time it may take")
            }
            Self::Deadline(wait) => write!(f, "waiting for {wait} took too long"),
            Self::CommandsLost(error) => {
                write!(f, "{error}; it may lose commands that are sent together")
            }
            Self::Stopped => f.write_str("stopped"),
            Self::UnknownHost { host, why } => write!(f, "host {host} is not known: {why}"),
            Self::Proxy { proxy, why } => write!(f, "proxy {proxy}: {why}"),
            Self::Tls(failure) => failure.fmt(f),
            Self::BadSetting(bad) => bad.fmt(f),
            Self::OutOfStep => f.write_str("the connection is of no use after an earlier error"),
            Self::RequestsLeft => f.write_str("messages that were asked for are still to come"),
        }
    }
}

impl fmt::Display for LoginRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mechanism,
            refusal,
            token_status: _,
            secret_sent: _,
        } = self;
        let said = Said(refusal);
        write!(f, "the server refused the login by {mechanism}; {said}")
    }
}

/// The server's reason, which need not be there.
struct Said<'a>(&'a Refusal);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.0.text;
        if text.is_empty() {
            f.write_str("it gave no reason")
        } else {
            write!(f, "it said \"{text}\"")
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let (Self::Io { source, .. } | Self::BadSetting(BadSetting::Unreadable { source, .. })) =
            self
        else {
            return None;
        };
        Some(source)
    }
}
