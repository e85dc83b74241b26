use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use native_tls::{Identity, TlsAcceptor};

use super::*;
use crate::client::Leaf;
use crate::client::error::{Misbehaviour, Wait};
use crate::client::session::Wire as _;
use crate::client::settings::{CertificatePin, Credentials, Proof};
use crate::client::{Attempt, log_in};
use crate::protocol::Verb;
use crate::secret::Secret;

/// A server for some connections, and what each of its connections ended with.
struct Played<T> {
    server: Server,
    thread: JoinHandle<Vec<T>>,
}

/// Serves so many connections, one after the other.
fn play<T: Send + 'static>(
    tls: TlsMode,
    connections: usize,
    mut serve: impl FnMut(TcpStream) -> T + Send + 'static,
) -> Played<T> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = thread::spawn(move || {
        let connections = listener.incoming().take(connections);
        connections.map(|socket| serve(socket.unwrap())).collect()
    });
    let host = Host::parse("127.0.0.1").unwrap();
    Played {
        server: Server { host, port, tls },
        thread,
    }
}

/// A certificate, the acceptor that presents it, and a file to trust it by.
struct Certified {
    acceptor: Arc<TlsAcceptor>,
    leaf: Leaf,
    pem: PathBuf,
    _folder: tempfile::TempDir,
}

fn certificate(name: &str, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Certified {
    let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut parameters);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let pem = certificate.pem();
    let identity = Identity::from_pkcs8(pem.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("certificate.pem");
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(file, "words around it\n{pem}").unwrap();
    Certified {
        acceptor: Arc::new(TlsAcceptor::new(identity).unwrap()),
        leaf: Leaf::parse(certificate.der()),
        pem: path,
        _folder: folder,
    }
}

/// Answers the lines of one client, in turn, until it goes; tells what it said.
fn converse<S: io::Read + io::Write>(socket: S, answers: &[&str]) -> Vec<String> {
    let mut socket = BufReader::new(socket);
    let mut said = Vec::new();
    for (nth, answer) in answers.iter().enumerate() {
        if nth > 0 {
            let mut line = Vec::new();
            if !matches!(socket.by_ref().take(9999).read_until_lf(&mut line), Ok(1..)) {
                return said;
            }
            said.push(String::from_utf8(line).unwrap().trim_end().to_owned());
        }
        if socket.get_mut().write_all(answer.as_bytes()).is_err() {
            return said;
        }
    }
    let mut rest = String::new();
    if matches!(socket.read_to_string(&mut rest), Ok(1..)) {
        said.push(rest.trim_end().to_owned());
    }
    said
}

trait ReadUntilLf {
    fn read_until_lf(&mut self, line: &mut Vec<u8>) -> io::Result<usize>;
}

impl<R: io::BufRead> ReadUntilLf for R {
    #[expect(clippy::disallowed_methods, reason = "the reader is bounded by `take`")]
    fn read_until_lf(&mut self, line: &mut Vec<u8>) -> io::Result<usize> {
        self.read_until(b'\n', line)
    }
}

fn patience() -> Patience {
    Patience::new(Duration::from_secs(30))
}

fn open(server: &Server, transport: &Transport) -> Result<Client<Authorization>, Error> {
    Connector::new(transport).open(server, &patience(), &LoginPolicy::default())
}

fn trusting(certified: &Certified) -> Transport {
    Transport {
        ca_file: Some(certified.pem.clone()),
        ..Transport::default()
    }
}

fn tls_failure<T: std::fmt::Debug>(result: Result<T, Error>) -> TlsFailure {
    match result {
        Err(Error::Tls(failure)) => *failure,
        other => panic!("{other:?}"),
    }
}

const GREETING: &str = "+OK ready\r\n";
const CAPA: &str = "+OK\r\nUSER\r\n.\r\n";
const BYE: &str = "+OK bye\r\n";

/// A TLS server that greets and answers CAPA, for so many connections.
fn tls_server(certified: &Certified, connections: usize) -> Played<Vec<String>> {
    let acceptor = Arc::clone(&certified.acceptor);
    play(
        TlsMode::Implicit,
        connections,
        move |socket| match acceptor.accept(socket) {
            Ok(tls) => converse(tls, &[GREETING, CAPA, BYE]),
            Err(_) => Vec::new(),
        },
    )
}

#[test]
fn implicit_tls_with_a_certificate_that_is_trusted() {
    let certified = certificate("127.0.0.1", |_| {});
    let played = tls_server(&certified, 1);
    let client = open(&played.server, &trusting(&certified)).unwrap();
    assert_eq!(client.server().leaf.as_ref(), Some(&certified.leaf));
    assert_eq!(client.server().greeting.to_string(), "ready");
    assert!(client.server().tls_version.is_some());
    client.quit();
    assert_eq!(played.thread.join().unwrap(), [["CAPA", "QUIT"]]);
}

#[test]
fn a_certificate_that_is_not_trusted_is_shown_and_sent_nothing() {
    let past = |parameters: &mut rcgen::CertificateParams| {
        parameters.not_after = rcgen::date_time_ymd(2001, 1, 1);
    };
    let check = |certified: &Certified, transport: Transport, why: &str| {
        let played = tls_server(certified, 2);
        let failure = tls_failure(open(&played.server, &transport));
        assert_eq!(failure.presented.as_ref(), Some(&certified.leaf));
        let TlsFault::Untrusted(reason) = &failure.fault else {
            panic!("{failure}");
        };
        assert!(reason.contains(why), "{reason}");
        assert_eq!(played.thread.join().unwrap().concat(), [""; 0]);
    };
    let good = certificate("127.0.0.1", |_| {});
    check(&good, Transport::default(), "self-signed");
    let expired = certificate("127.0.0.1", past);
    check(&expired, trusting(&expired), "expired");
    let other = certificate("pop.example.org", |_| {});
    check(&other, trusting(&other), "mismatch");
    let asked = Transport {
        tls_name: Some("pop.example.com".to_owned()),
        ..trusting(&other)
    };
    check(&other, asked, "mismatch");
}

/// A short wait that brings nothing must leave TLS as it was.
#[test]
fn a_short_silence_harms_no_connection() {
    let certified = certificate("127.0.0.1", |_| {});
    for tls in [TlsMode::Implicit, TlsMode::Off] {
        let acceptor = Arc::clone(&certified.acceptor);
        let played = play(tls, 1, move |socket| match tls {
            TlsMode::Off => converse(socket, &[GREETING, CAPA, "+OK\r\n", BYE]),
            TlsMode::Implicit | TlsMode::Stls => converse(
                acceptor.accept(socket).unwrap(),
                &[GREETING, CAPA, "+OK\r\n", BYE],
            ),
        });
        let mut client = open(&played.server, &trusting(&certified)).unwrap();
        for _ in 0..3 {
            let silent = client
                .session
                .is_silent_for(Duration::from_millis(5), Verb::Noop);
            assert!(silent.unwrap());
        }
        assert!(client.session.ask(&Command::Noop).unwrap().is_ok());
        client.quit();
        assert_eq!(played.thread.join().unwrap(), [["CAPA", "NOOP", "QUIT"]]);
    }
}

/// A server that reads nothing fills the line; the wait to write ends all the same.
#[test]
fn a_write_that_nobody_reads_has_a_deadline() {
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let played = play(TlsMode::Off, 1, move |_unread| {
        assert!(receive.recv().is_err());
    });
    let connector = Connector::new(&Transport::default());
    let patience = Patience::new(Duration::from_millis(50));
    let mut stream = connector.reach(&played.server, &patience).unwrap();
    let mut write = || loop {
        stream.begin(Wait::Response(Verb::Noop));
        if let Err(error) = stream.write_all(&[b'x'; 8192]) {
            return error;
        }
    };
    let error = write();
    let is_late = matches!(error, Error::Deadline(Wait::Response(Verb::Noop)));
    assert!(is_late, "{error:?}");
    drop(send);
    played.thread.join().unwrap();
}

#[test]
fn the_end_of_the_whole_run_ends_a_wait() {
    let played = play(TlsMode::Off, 1, |mut socket| {
        let _all_of_it = socket.read_to_end(&mut Vec::new());
    });
    let connector = Connector::new(&Transport::default());
    let mut patience = patience();
    patience.until = Some(Instant::now() + Duration::from_millis(300));
    let policy = LoginPolicy::default();
    let error = connector
        .open(&played.server, &patience, &policy)
        .unwrap_err();
    assert!(
        matches!(error, Error::Deadline(Wait::WholeRun)),
        "{error:?}"
    );
    played.thread.join().unwrap();
}

#[test]
fn another_name_may_be_asked_for() {
    let certified = certificate("pop.example.org", |_| {});
    let played = tls_server(&certified, 1);
    let transport = Transport {
        tls_name: Some("pop.example.org".to_owned()),
        ..trusting(&certified)
    };
    open(&played.server, &transport).unwrap().quit();
    played.thread.join().unwrap();
}

#[test]
fn a_pin_trusts_its_own_certificate_and_no_other() {
    let certified = certificate("other.example.org", |parameters| {
        parameters.not_after = rcgen::date_time_ymd(2001, 1, 1);
    });
    let pinned = |pin| Transport {
        pin: Some(pin),
        ..Transport::default()
    };
    let played = tls_server(&certified, 1);
    open(&played.server, &pinned(certified.leaf.sha256))
        .unwrap()
        .quit();
    assert_eq!(played.thread.join().unwrap(), [["CAPA", "QUIT"]]);

    let played = tls_server(&certified, 1);
    let failure = tls_failure(open(&played.server, &pinned(CertificatePin([7; 32]))));
    assert!(
        matches!(failure.fault, TlsFault::PinMismatch(_)),
        "{failure}"
    );
    assert_eq!(failure.presented, Some(certified.leaf));
    assert_eq!(played.thread.join().unwrap().concat(), [""; 0]);
}

#[test]
fn a_server_without_tls_is_told_from_one_whose_tls_is_bad() {
    let played = play(TlsMode::Implicit, 1, |mut socket| {
        socket.write_all(b"+OK \x1b[31mready\r\n").unwrap();
        let mut hello = [0; 1];
        socket.read_exact(&mut hello).unwrap();
    });
    let failure = tls_failure(open(&played.server, &Transport::default()));
    let told = failure.to_string();
    assert!(matches!(failure.fault, TlsFault::NotTls(_)), "{told}");
    assert!(told.contains("\\x1b[31mready"), "{told}");
    played.thread.join().unwrap();
}

#[test]
fn a_handshake_that_hangs_is_a_deadline_and_no_failure_of_tls() {
    // A record's header that promises more than comes.
    for octets in [&b""[..], b"\x16\x03\x03\x40\x00\x02"] {
        let played = play(TlsMode::Implicit, 1, move |mut socket| {
            socket.write_all(octets).unwrap();
            let _all_of_it = socket.read_to_end(&mut Vec::new());
        });
        let connector = Connector::new(&Transport::default());
        let patience = Patience::new(Duration::from_millis(300));
        let policy = LoginPolicy::default();
        let error = connector
            .open(&played.server, &patience, &policy)
            .unwrap_err();
        assert!(
            matches!(error, Error::Deadline(Wait::Handshake)),
            "{error:?}"
        );
        played.thread.join().unwrap();
    }
}

#[test]
fn a_handshake_that_is_cut_is_a_failure_of_the_line() {
    let played = play(TlsMode::Implicit, 1, |mut socket| {
        let mut hello = [0; 1];
        socket.read_exact(&mut hello).unwrap();
    });
    let error = open(&played.server, &Transport::default()).unwrap_err();
    let is_io = matches!(
        error,
        Error::Io {
            doing: Wait::Handshake,
            ..
        }
    );
    assert!(is_io, "{error:?}");
    played.thread.join().unwrap();
}

#[test]
fn a_wait_sees_the_stop_flag() {
    let patience = Patience::new(Duration::from_mins(10));
    let stop = Arc::clone(&patience.stop);
    let played = play(TlsMode::Off, 1, move |mut socket| {
        stop.store(true, Ordering::Relaxed);
        let _all_of_it = socket.read_to_end(&mut Vec::new());
    });
    let connector = Connector::new(&Transport::default());
    let error = connector
        .open(&played.server, &patience, &LoginPolicy::default())
        .unwrap_err();
    assert!(matches!(error, Error::Stopped), "{error:?}");
    played.thread.join().unwrap();
}

/// What a server in clear says before TLS can begin, and what becomes of it.
fn stls(answers: &'static [&'static str]) -> (Result<(), Error>, Vec<String>) {
    let played = play(TlsMode::Stls, 1, |socket| converse(socket, answers));
    let result = open(&played.server, &Transport::default()).map(Client::<Authorization>::quit);
    (result, played.thread.join().unwrap().concat())
}

#[test]
fn stls_begins_tls_before_anything_is_asked() {
    let certified = certificate("127.0.0.1", |_| {});
    let acceptor = Arc::clone(&certified.acceptor);
    let played = play(TlsMode::Stls, 1, move |mut socket| {
        socket.write_all(b"+OK ready\r\n").unwrap();
        let mut line = [0; 6];
        socket.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"STLS\r\n");
        socket.write_all(b"+OK\r\n").unwrap();
        converse(acceptor.accept(socket).unwrap(), &["", CAPA, BYE])
    });
    let client = open(&played.server, &trusting(&certified)).unwrap();
    assert_eq!(client.server().leaf.as_ref(), Some(&certified.leaf));
    client.quit();
    assert_eq!(played.thread.join().unwrap(), [["CAPA", "QUIT"]]);
}

#[test]
fn stls_that_is_refused_or_stripped_or_stuffed_ends_it() {
    let (result, said) = stls(&[GREETING, "-ERR no TLS today\r\n", "-ERR\r\n"]);
    let failure = tls_failure(result);
    assert!(matches!(&failure.fault, TlsFault::Refused(_)), "{failure}");
    assert_eq!(said, ["STLS", "CAPA"]);

    let (result, said) = stls(&[GREETING, "-ERR what?\r\n", CAPA]);
    let failure = tls_failure(result);
    assert!(matches!(failure.fault, TlsFault::NotOffered), "{failure}");
    assert_eq!(said, ["STLS", "CAPA"]);

    let (result, said) = stls(&[GREETING, "+OK begin\r\n+OK injected\r\n"]);
    let injected = Error::Misbehaved(Misbehaviour::StlsInjection);
    assert_eq!(
        format!("{:?}", result.unwrap_err()),
        format!("{injected:?}")
    );
    assert_eq!(said, ["STLS"]);
}

#[test]
fn a_server_that_closes_on_capa_is_called_again_and_not_asked() {
    let mut answers = vec![
        vec![GREETING, "+OK\r\n", "+OK\r\n", "+OK bye\r\n"],
        vec![GREETING],
    ];
    let played = play(TlsMode::Off, 2, move |socket| {
        let answers = answers.pop().unwrap();
        if answers.len() > 1 {
            return converse(socket, &answers);
        }
        let mut socket = socket;
        socket.write_all(GREETING.as_bytes()).unwrap();
        let mut line = [0; 6];
        socket.read_exact(&mut line).unwrap();
        vec![String::from_utf8(line.to_vec()).unwrap()]
    });
    let connector = Connector::new(&Transport::default());
    let policy = LoginPolicy::default();
    let mut credentials = |_| Ok::<_, Error>(alice(Proof::Password(secret("x"))));
    let client = log_in(
        &connector,
        &played.server,
        &patience(),
        &policy,
        &mut credentials,
    );
    client.unwrap().quit().unwrap();
    let said = played.thread.join().unwrap();
    assert_eq!(
        said,
        [vec!["CAPA\r\n"], vec!["USER alice", "PASS x", "QUIT"]]
    );
}

fn alice(proof: Proof) -> Credentials {
    Credentials {
        user: "alice".to_owned(),
        proof,
    }
}

fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

/// Logs in at a server that plays one list of answers a connection; tells what was asked of the
/// credentials, what came of it, and what the server heard.
fn log_in_at(
    connections: &'static [&'static [&'static str]],
    proof: impl Fn(Attempt) -> Proof,
) -> (Vec<Attempt>, Result<(), Error>, Vec<Vec<String>>) {
    let mut left = connections.iter();
    let played = play(TlsMode::Off, connections.len(), move |socket| {
        converse(socket, left.next().unwrap())
    });
    let connector = Connector::new(&Transport::default());
    let mut attempts = Vec::new();
    let mut credentials = |attempt| {
        attempts.push(attempt);
        Ok::<_, Error>(alice(proof(attempt)))
    };
    let policy = LoginPolicy::default();
    let client = log_in(
        &connector,
        &played.server,
        &patience(),
        &policy,
        &mut credentials,
    );
    let result = client.map(drop);
    (attempts, result, played.thread.join().unwrap())
}

#[test]
fn a_mechanism_refused_before_the_secret_was_sent_gives_way_once() {
    let (attempts, result, said) = log_in_at(
        &[
            &["+OK <1@a>\r\n", "-ERR\r\n", "-ERR no\r\n"],
            &[
                "+OK <2@a>\r\n",
                "-ERR\r\n",
                "+OK\r\n",
                "+OK\r\n",
                "-ERR\r\n",
            ],
        ],
        |_| Proof::Password(secret("x")),
    );
    result.unwrap();
    assert_eq!(attempts, [Attempt::First, Attempt::OtherMechanism]);
    assert!(said[0][1].starts_with("APOP alice "), "{said:?}");
    assert_eq!(said[1], ["CAPA", "USER alice", "PASS x", "CAPA"]);
}

#[test]
fn a_refused_password_is_not_tried_again() {
    let (attempts, result, _) = log_in_at(
        &[&["+OK\r\n", "-ERR\r\n", "+OK\r\n", "-ERR [AUTH] no\r\n"]],
        |_| Proof::Password(secret("x")),
    );
    assert!(matches!(result, Err(Error::LoginRefused(_))), "{result:?}");
    assert_eq!(attempts, [Attempt::First]);
}

#[test]
fn a_maildrop_that_is_locked_is_not_tried_again_at_once() {
    let (attempts, result, _) = log_in_at(
        &[&["+OK\r\n", "-ERR\r\n", "-ERR [IN-USE] wait\r\n"]],
        |_| Proof::Password(secret("x")),
    );
    let Err(Error::LoginRefused(refusal)) = result else {
        panic!("{result:?}")
    };
    assert!(refusal.refusal.try_later());
    assert_eq!(attempts, [Attempt::First]);
}

const XOAUTH2: &str = "+OK\r\nSASL XOAUTH2\r\n.\r\n";

#[test]
fn a_refused_token_is_tried_once_more_if_it_can_be_renewed() {
    let refusing: &[&str] = &["+OK\r\n", XOAUTH2, "+\r\n", "-ERR [AUTH] expired\r\n"];
    let accepting: &[&str] = &["+OK\r\n", XOAUTH2, "+\r\n", "+OK\r\n", "-ERR\r\n"];
    let (attempts, result, said) =
        log_in_at(vec![refusing, accepting].leak(), |attempt| match attempt {
            Attempt::FreshToken => Proof::Token(secret("new")),
            Attempt::First | Attempt::OtherMechanism => Proof::Token(secret("old")),
        });
    result.unwrap();
    assert_eq!(attempts, [Attempt::First, Attempt::FreshToken]);
    assert_ne!(said[0][2], said[1][2]);

    let (attempts, result, _) = log_in_at(vec![refusing].leak(), |_| Proof::Token(secret("same")));
    assert!(matches!(result, Err(Error::LoginRefused(_))), "{result:?}");
    assert_eq!(attempts, [Attempt::First, Attempt::FreshToken]);
}

#[test]
fn the_last_refusal_is_the_cause_though_no_second_line_can_be_had() {
    let refusing: &[&str] = &["+OK <1@a>\r\n", "-ERR\r\n", "-ERR no digest\r\n"];
    for second in [
        &["-ERR go away\r\n"][..],
        &["+OK\r\n", "-ERR\r\n", "-ERR no\r\n"],
    ] {
        let (_, result, _) = log_in_at(vec![refusing, second].leak(), |_| {
            Proof::Password(secret("x"))
        });
        let expected = if second.len() == 1 { "no digest" } else { "no" };
        let Err(Error::LoginRefused(refusal)) = result else {
            panic!("{result:?}")
        };
        assert_eq!(refusal.refusal.text.to_string(), expected);
    }
}

/// Greets, and answers these commands whatever they are; then closes.
fn answer_and_close(mut socket: TcpStream, answers: &[&str]) -> Vec<String> {
    let mut said = Vec::new();
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    for (nth, answer) in answers.iter().enumerate() {
        if nth > 0 {
            let mut line = Vec::new();
            reader.by_ref().take(9999).read_until_lf(&mut line).unwrap();
            said.push(String::from_utf8(line).unwrap().trim_end().to_owned());
        }
        socket.write_all(answer.as_bytes()).unwrap();
    }
    said
}

#[test]
fn a_server_that_closes_on_capa_after_the_login_is_called_again_and_not_asked_then() {
    let first: &[&str] = &["+OK\r\n", CAPA, "+OK\r\n", "+OK\r\n", ""];
    let mut left = [first, &["+OK\r\n", CAPA, "+OK\r\n", "+OK\r\n"][..]].into_iter();
    let played = play(TlsMode::Off, 2, move |socket| {
        answer_and_close(socket, left.next().unwrap())
    });
    let connector = Connector::new(&Transport::default());
    let policy = LoginPolicy::default();
    let mut credentials = |_| Ok::<_, Error>(alice(Proof::Password(secret("x"))));
    let (server, patience) = (&played.server, patience());
    let client = log_in(&connector, server, &patience, &policy, &mut credentials);
    assert!(client.unwrap().server().capabilities().has_user());
    let said = played.thread.join().unwrap();
    assert_eq!(said[0], ["CAPA", "USER alice", "PASS x", "CAPA"]);
    assert_eq!(said[1], ["CAPA", "USER alice", "PASS x"]);
}
