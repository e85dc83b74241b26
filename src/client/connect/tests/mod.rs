//! Connections to servers that play a part, in a thread of the test's own.

mod logins;
mod scram;
mod stls;
mod tls;
mod waits;

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

fn alice(proof: Proof) -> Credentials {
    Credentials {
        user: "alice".to_owned(),
        proof,
    }
}

fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
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
