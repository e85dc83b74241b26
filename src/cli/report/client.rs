//! What went wrong with a server, in words.

use super::{About, token};
use crate::cli::failure::{Failure, Kind};
use crate::cli::output::local_time;
use crate::client::{
    BadSetting, Error, Leaf, LoginImpossible, LoginRefusal, Misbehaviour, TlsFailure, TlsFault,
    Wait,
};
use crate::protocol::text::escape;
use crate::protocol::{Refusal, ResponseCode, Verb};

/// What to do about `[SYS/PERM]` (RFC 3206).
const NO_OTHER_TRY: &str = "the server says that another try will not help; ask those who run it";

/// What went wrong with a server.
pub(crate) fn of_client(error: &Error, about: About<'_>) -> Failure {
    let failure = |kind| Failure::new(kind, escape(&error.to_string()));
    match error {
        Error::Refused { refusal, .. } => failure(later_or(refusal, Kind::Refused))
            .server_text(refusal.text.to_string())
            .hint("-vv shows the talk with the server"),
        Error::Unwelcome(refusal) => failure(later_or(refusal, Kind::Unreachable))
            .server_text(refusal.text.to_string())
            .hint(if refusal.code == Some(ResponseCode::SysPerm) {
                NO_OTHER_TRY
            } else {
                "try again in a while; the server takes no connection from here now"
            }),
        Error::LoginRefused(login) => of_refused_login(login, failure, about),
        Error::LoginImpossible(why) => of_impossible_login(why, failure),
        Error::Misbehaved(why) => of_misbehaviour(why, failure),
        Error::Io { doing, .. } => {
            failure(of_broken_wait(*doing)).optional_hint(hint_of_broken_wait(*doing))
        }
        Error::Deadline(wait) => failure(Kind::Timeout).hint(hint_of_deadline(*wait)),
        Error::Stopped => Failure::new(
            about.signal.unwrap_or(Kind::Interrupted),
            "stopped; what was complete is kept",
        ),
        Error::UnknownHost { .. } => failure(Kind::HostUnknown)
            .hint("see that the host is spelt right and that this machine can resolve names"),
        Error::Proxy { .. } => failure(Kind::Unreachable).hint(
            "see that --proxy names a SOCKS 5 proxy that lets you reach this host; its password goes \
             into POPFETCH_PROXY or the configuration",
        ),
        Error::Tls(tls) => of_tls(tls, failure),
        Error::BadSetting(bad) => of_bad_setting(bad, failure),
        Error::CommandsLost(lost) => Failure {
            message: escape(&error.to_string()).into_owned(),
            ..of_client(lost, about).hint("--pipeline off sends one command at a time")
        },
        Error::OutOfStep => failure(Kind::LineDropped),
        Error::RequestsLeft => failure(Kind::Bug),
    }
}

/// What a refusal comes to: to try later if the server says so, else this.
fn later_or(refusal: &Refusal, kind: Kind) -> Kind {
    match refusal.code {
        Some(ResponseCode::InUse) => Kind::InUse,
        Some(ResponseCode::LoginDelay) => Kind::LoginDelay,
        Some(ResponseCode::SysTemp) => Kind::ServerBusy,
        Some(
            ResponseCode::SysPerm
            | ResponseCode::Auth
            | ResponseCode::Utf8
            | ResponseCode::Other(_),
        )
        | None
            if refusal.try_later() =>
        {
            Kind::ServerBusy
        }
        Some(_) | None => kind,
    }
}

fn of_refused_login(
    login: &LoginRefusal,
    failure: impl Fn(Kind) -> Failure,
    about: About<'_>,
) -> Failure {
    let kind = later_or(&login.refusal, Kind::AuthRefused);
    let text = login.refusal.text.to_string();
    let mut refused = failure(kind).server_text(text.clone());
    if let Some(status) = &login.token_status {
        refused.message.push_str("; of the token it said: ");
        refused.message.push_str(&token::in_words(status));
    }
    let hint = if kind == Kind::InUse {
        "another session holds the mailbox; after a dropped line the server may keep its lock for \
         ten minutes"
            .to_owned()
    } else if kind == Kind::LoginDelay {
        "the server wants more time between two logins".to_owned()
    } else if kind == Kind::ServerBusy {
        "the mailbox or the server is busy; try again in a while".to_owned()
    } else {
        hint_of_refused_login(&text, login, about)
    };
    refused.hint(hint)
}

fn hint_of_refused_login(text: &str, login: &LoginRefusal, about: About<'_>) -> String {
    let host = about.host;
    if login.refusal.code == Some(ResponseCode::SysPerm) {
        return NO_OTHER_TRY.to_owned();
    }
    let of_microsoft = ["outlook.com", "office365.com", "hotmail.com"];
    if of_microsoft.iter().any(|domain| host.ends_with(domain))
        || text.contains("unknown user name or bad password")
    {
        return "Microsoft's servers say this whatever is wrong: passwords are no longer taken \
                there (use --token-command), POP may be switched off for the mailbox, or the token \
                may be for another user or lack the scope POP.AccessAsUser.All"
            .to_owned();
    }
    if host.ends_with("gmail.com") || host.ends_with("googlemail.com") {
        return "Gmail wants an app password or a token, and POP switched on in its settings"
            .to_owned();
    }
    if about.is_token {
        return "the token may be expired, for another user, or without the scope for POP3"
            .to_owned();
    }
    if !login.secret_sent {
        return "the server refused the way of logging in, not the password; --auth names another"
            .to_owned();
    }
    match about.secret_key {
        Some(key) => format!("see that the user is right, and the password from {key}"),
        None => "see that the user and the client certificate are right".to_owned(),
    }
}

fn of_impossible_login(why: &LoginImpossible, failure: impl Fn(Kind) -> Failure) -> Failure {
    match why {
        LoginImpossible::ClearText => failure(Kind::LoginImpossible).hint(
            "use TLS; where the way to the server is safe otherwise, --auth plain, user or login \
             sends the password in clear",
        ),
        LoginImpossible::TokenInClearText => {
            failure(Kind::Config).hint("use TLS: pop3s://, or pop3:// without --tls off")
        }
        LoginImpossible::NeedsTls(_) => {
            failure(Kind::Config).hint("use TLS, or name another mechanism by --auth")
        }
        LoginImpossible::WrongProof(_) => failure(Kind::Config).hint(
            "a token goes with xoauth2 or oauthbearer, a client certificate with external, a \
             password with all others",
        ),
        LoginImpossible::Unsendable(_) => {
            failure(Kind::Config).hint("see that the secret is just its first line")
        }
        LoginImpossible::NothingOffered => failure(Kind::LoginImpossible)
            .hint("stat --server shows what is offered before login; --auth names one to try"),
        LoginImpossible::NoTimestamp | LoginImpossible::NoChannelBinding(_) => {
            failure(Kind::LoginImpossible).hint("name another mechanism by --auth, or none")
        }
        LoginImpossible::ServerUnproven(_) => failure(Kind::Protocol)
            .hint("it may be another server than it says; nothing was fetched"),
        LoginImpossible::BadChallenge(_) => {
            failure(Kind::Protocol).hint("name another mechanism by --auth")
        }
    }
}

fn of_misbehaviour(why: &Misbehaviour, failure: impl Fn(Kind) -> Failure) -> Failure {
    match why {
        Misbehaviour::StlsInjection => failure(Kind::StlsInjection)
            .hint("nothing secret was sent; pop3s:// has TLS from the first octet on"),
        Misbehaviour::TlsInPlaceOfGreeting => {
            failure(Kind::Protocol).hint("write pop3s:// in place of pop3://")
        }
        Misbehaviour::NoGreeting(text) => failure(Kind::Protocol)
            .server_text(text.to_string())
            .hint("see that host and port are those of a POP3 server"),
        Misbehaviour::NoStatusLine { line, .. }
        | Misbehaviour::UnexpectedAnswer(line)
        | Misbehaviour::MoreBehindEnd { line, .. } => failure(Kind::Protocol)
            .server_text(line.to_string())
            .hint("if it comes again, try --pipeline off"),
        Misbehaviour::LineTooLong(_)
        | Misbehaviour::ListTooLong(_)
        | Misbehaviour::UnexpectedContinuation(_) => {
            failure(Kind::Protocol).hint("see that it is a POP3 server; -vv shows what it sends")
        }
    }
}

/// What a line that broke during this wait comes to.
fn of_broken_wait(wait: Wait) -> Kind {
    match wait {
        Wait::Resolve | Wait::Connect | Wait::Proxy => Kind::Unreachable,
        Wait::Handshake => Kind::Tls,
        Wait::Greeting | Wait::Response(_) | Wait::Data | Wait::WholeRun => Kind::LineDropped,
    }
}

fn hint_of_broken_wait(wait: Wait) -> Option<&'static str> {
    match wait {
        Wait::Connect => Some("see that host and port are right and that the server is running"),
        Wait::Handshake => {
            Some("see that the port speaks TLS: pop3s:// is for 995, pop3:// for 110")
        }
        Wait::Response(Verb::Quit) => None,
        wait if wait.is_for_judgement() => Some(
            "some servers hang up on a wrong user or password without a word; if it comes again, \
             see that both are right",
        ),
        Wait::Resolve
        | Wait::Proxy
        | Wait::Greeting
        | Wait::Response(_)
        | Wait::Data
        | Wait::WholeRun => Some("what is stored stays stored; the next run goes on from there"),
    }
}

fn hint_of_deadline(wait: Wait) -> &'static str {
    match wait {
        Wait::WholeRun => "--max-time is how long a run may take; the next one goes on from there",
        Wait::Connect | Wait::Resolve | Wait::Proxy => {
            "see that host and port are right; --timeout is how long one wait may take"
        }
        Wait::Handshake | Wait::Greeting => {
            "see that the port is right: pop3s:// is for 995, pop3:// for 110; --timeout is how \
             long one wait may take"
        }
        Wait::Response(_) | Wait::Data => "--timeout is how long one wait may take",
    }
}

fn of_tls(tls: &TlsFailure, failure: impl Fn(Kind) -> Failure) -> Failure {
    match &tls.fault {
        TlsFault::NotTls(text) => failure(Kind::Tls).server_text(text.to_string()).hint(
            "pop3s:// is for a port that begins with TLS, pop3:// for one that begins in clear",
        ),
        TlsFault::Untrusted(_) | TlsFault::PinMismatch(_) => match &tls.presented {
            Some(leaf) => {
                let failure = failure(Kind::Certificate);
                let message = format!("{}\n{}", failure.message, describe(leaf));
                Failure { message, ..failure }.hint(format!(
                    "if this is the server you mean, trust just this certificate by --tls-pin {}",
                    leaf.sha256
                ))
            }
            None => failure(Kind::Certificate)
                .hint("a certificate of your own authority is trusted by --tls-ca FILE"),
        },
        TlsFault::NotOffered => failure(Kind::Tls)
            .hint("use pop3s:// for TLS from the start; --tls off does without, in clear"),
        TlsFault::Refused(refusal) => failure(Kind::Tls)
            .server_text(refusal.text.to_string())
            .hint("use pop3s:// for TLS from the start; --tls off does without, in clear"),
        // An alert is what the server dislikes; about a certificate, it is ours or its absence.
        TlsFault::Failed(why) if why.contains("alert") && why.contains("certificate") => failure(
            Kind::Tls,
        )
        .hint("the server wants a certificate: --tls-client-cert and --tls-client-key present one"),
        TlsFault::Failed(why) if why.contains("alert handshake failure") => failure(Kind::Tls)
            .hint(
                "it speaks no TLS 1.2 that is safe, or wants a certificate: --tls-client-cert and \
             --tls-client-key present one",
            ),
        TlsFault::Failed(_) => failure(Kind::Tls).hint("see that the port speaks TLS 1.2 or newer"),
    }
}

/// A certificate, for a person who must decide whether to trust it.
fn describe(leaf: &Leaf) -> String {
    let names: Vec<_> = leaf.names.iter().map(ToString::to_string).collect();
    let date = |seconds: Option<i64>| {
        seconds
            .and_then(local_time)
            .unwrap_or_else(|| "an unreadable date".to_owned())
    };
    format!(
        "  it is for {}, issued by {}, valid from {} to {}\n  its fingerprint is {}",
        if names.is_empty() {
            leaf.subject.to_string()
        } else {
            names.join(", ")
        },
        leaf.issuer,
        date(leaf.not_before_seconds),
        date(leaf.not_after_seconds),
        leaf.sha256
    )
}

fn of_bad_setting(bad: &BadSetting, failure: impl Fn(Kind) -> Failure) -> Failure {
    let failure = failure(Kind::Config);
    match bad {
        BadSetting::Unreadable { .. } => {
            failure.hint("see that the file is there and yours to read")
        }
        BadSetting::NoCertificate(_) => failure.hint("it must hold -----BEGIN CERTIFICATE-----"),
        BadSetting::NoKey(_) => failure.hint("it must hold -----BEGIN PRIVATE KEY-----"),
        BadSetting::UnsupportedKey { conversion, .. } => {
            failure.hint(format!("convert it: {conversion}"))
        }
        BadSetting::Identity { .. } => failure.hint("see that the key belongs to the certificate"),
        BadSetting::TlsLibrary(_) => failure,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::client::CertificatePin;
    use crate::protocol::{Mechanism, ServerText};

    fn refused(text: &str) -> Error {
        Error::LoginRefused(Box::new(LoginRefusal {
            mechanism: Mechanism::User,
            refusal: Refusal::parse(text.as_bytes()),
            token_status: None,
            secret_sent: true,
        }))
    }

    fn tls(fault: TlsFault) -> Error {
        Error::Tls(Box::new(TlsFailure {
            host: "h".to_owned(),
            fault,
            presented: None,
        }))
    }

    fn io(doing: Wait) -> Error {
        let source = io::Error::from(io::ErrorKind::ConnectionRefused);
        Error::Io {
            doing,
            peer: "h:995".to_owned(),
            source,
        }
    }

    #[test]
    fn kinds() {
        for (error, kind) in [
            (refused("[AUTH] wrong"), Kind::AuthRefused),
            (refused("[SYS/PERM] closed"), Kind::AuthRefused),
            (refused("wrong user or password"), Kind::AuthRefused),
            (refused("[IN-USE] busy"), Kind::InUse),
            (refused("[LOGIN-DELAY] wait"), Kind::LoginDelay),
            (refused("[SYS/TEMP] disk"), Kind::ServerBusy),
            (refused("maildrop already locked"), Kind::ServerBusy),
            (
                Error::Unwelcome(Refusal::parse(b"too many connections, try later")),
                Kind::ServerBusy,
            ),
            (Error::Unwelcome(Refusal::parse(b"no")), Kind::Unreachable),
            (
                Error::Refused {
                    verb: Verb::Stat,
                    refusal: Refusal::parse(b"no"),
                },
                Kind::Refused,
            ),
            (io(Wait::Connect), Kind::Unreachable),
            (io(Wait::Handshake), Kind::Tls),
            (io(Wait::Data), Kind::LineDropped),
            (io(Wait::Response(Verb::Retr)), Kind::LineDropped),
            (Error::Deadline(Wait::Greeting), Kind::Timeout),
            (Error::Stopped, Kind::Interrupted),
            (
                Error::UnknownHost {
                    host: "h".to_owned(),
                    why: "no".to_owned(),
                },
                Kind::HostUnknown,
            ),
            (tls(TlsFault::NotOffered), Kind::Tls),
            (
                tls(TlsFault::Untrusted("expired".to_owned())),
                Kind::Certificate,
            ),
            (
                tls(TlsFault::PinMismatch(CertificatePin([0; 32]))),
                Kind::Certificate,
            ),
            (
                Error::Misbehaved(Misbehaviour::StlsInjection),
                Kind::StlsInjection,
            ),
            (
                Error::Misbehaved(Misbehaviour::NoGreeting(ServerText::new(b"220 ftp"))),
                Kind::Protocol,
            ),
            (
                Error::LoginImpossible(LoginImpossible::NothingOffered),
                Kind::LoginImpossible,
            ),
            (
                Error::BadSetting(BadSetting::NoKey("k".into())),
                Kind::Config,
            ),
        ] {
            let failure = of_client(&error, About::default());
            assert_eq!(failure.kind, kind, "{error}");
        }
    }

    #[test]
    fn the_servers_words_are_told_and_made_safe() {
        let failure = of_client(&refused("[AUTH] \x1b[31mno"), About::default());
        assert!(failure.message.contains("\\x1b[31mno"), "{failure}");
        assert!(
            failure
                .server_text
                .as_deref()
                .is_some_and(|text| text.contains("\\x1b[31mno"))
        );
    }

    #[test]
    fn an_untrusted_certificate_comes_with_the_pin_that_would_trust_it() {
        let pin = CertificatePin([0xab; 32]);
        let presented = Leaf {
            sha256: pin,
            issuer: ServerText::new(b"CN=me"),
            subject: ServerText::new(b"CN=h"),
            names: vec![ServerText::new(b"h")],
            not_before_seconds: Some(0),
            not_after_seconds: None,
        };
        let fault = TlsFault::Untrusted("self-signed certificate".to_owned());
        let tls = TlsFailure {
            host: "h".to_owned(),
            fault,
            presented: Some(presented),
        };
        let failure = of_client(&Error::Tls(Box::new(tls)), About::default());
        let hint = failure.hint.unwrap();
        assert!(hint.ends_with(&format!("--tls-pin {pin}")), "{hint}");
        assert!(failure.message.contains("self-signed") && failure.message.contains("CN=me"));
    }

    #[test]
    fn hints_after_a_refused_login() {
        let about = |host, secret_key| About {
            host,
            secret_key,
            ..About::default()
        };
        for (text, about, words) in [
            ("no", about("outlook.office365.com", None), "Microsoft"),
            (
                "Logon failure: unknown user name or bad password.",
                about("h", None),
                "Microsoft",
            ),
            ("no", about("pop.gmail.com", None), "app password"),
            ("no", about("h", Some("~/.netrc")), "~/.netrc"),
            (
                "no",
                About {
                    is_token: true,
                    ..about("h", None)
                },
                "token may be expired",
            ),
        ] {
            let hint = of_client(&refused(text), about).hint.unwrap();
            assert!(hint.contains(words), "{hint}");
        }
    }
}
