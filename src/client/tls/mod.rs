//! TLS: whom to trust, what to present, and what the server presented. The only user of
//! `native-tls`.

mod hello;
mod identity;
mod leaf;

pub use hello::TlsVersion;
pub use leaf::Leaf;

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::mem;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use native_tls::{Certificate, HandshakeError, Identity, Protocol, TlsConnector, TlsStream};

use super::error::{BadSetting, Error, TlsFault};
use super::settings::{CertificatePin, ClientIdentity, Transport};
use super::stream::Socket;

/// Makes TLS of connections, built once for a setting: loading the system's certificates takes
/// tens of milliseconds.
#[derive(Clone)]
pub(in crate::client) struct Connector {
    checking: TlsConnector,
    pin: Option<CertificatePin>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("pin", &self.pin)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Loads what the setting names.
    pub(in crate::client) fn new(transport: &Transport) -> Result<Self, Error> {
        let mut builder = TlsConnector::builder();
        builder.min_protocol_version(Some(Protocol::Tlsv12));
        if let Some(path) = &transport.ca_file {
            for certificate in load_certificates(path).map_err(Error::BadSetting)? {
                builder.add_root_certificate(certificate);
            }
        }
        if let Some(files) = &transport.identity {
            builder.identity(load_identity(files).map_err(Error::BadSetting)?);
        }
        if transport.pin.is_some() {
            // The pin alone is trusted, and is looked at before anything is written.
            builder
                .danger_accept_invalid_certs(true)
                .danger_accept_invalid_hostnames(true);
        }
        let checking = builder
            .build()
            .map_err(|error| Error::BadSetting(BadSetting::TlsLibrary(error.to_string())))?;
        Ok(Self {
            checking,
            pin: transport.pin,
        })
    }

    /// One that takes any certificate, to look at it. Nothing may be sent through it.
    pub(in crate::client) fn unchecked() -> Result<Self, Error> {
        TlsConnector::builder()
            .min_protocol_version(Some(Protocol::Tlsv12))
            .danger_accept_invalid_certs(true)
            .danger_accept_invalid_hostnames(true)
            .build()
            .map(|checking| Self {
                checking,
                pin: None,
            })
            .map_err(|error| Error::BadSetting(BadSetting::TlsLibrary(error.to_string())))
    }

    /// Makes the handshake. The name is sent (SNI) unless it is an address, and the certificate
    /// must carry it.
    pub(in crate::client) fn handshake(
        &self,
        name: &str,
        socket: Socket,
    ) -> Result<TlsConnection, Box<Refused>> {
        let connection = match self.checking.connect(name, socket) {
            Ok(tls) => TlsConnection::new(tls),
            Err(HandshakeError::Failure(error)) => return Err(Refused::failed(&error)),
            Err(HandshakeError::WouldBlock(_)) => {
                return Err(Refused::fault(TlsFault::Failed(
                    "the handshake was broken off".to_owned(),
                )));
            }
        };
        match (self.pin, connection.leaf()) {
            (None, _) => Ok(connection),
            (Some(pin), Some(leaf)) if leaf.sha256 == pin => Ok(connection),
            (Some(pin), leaf) => Err(Box::new(Refused {
                fault: TlsFault::PinMismatch(pin),
                presented: leaf.cloned(),
            })),
        }
    }
}

/// A connector that is built once, in a thread if there is time for it.
#[derive(Debug, Default)]
pub(in crate::client) struct Prepared(Mutex<Progress>);

#[derive(Debug, Default)]
enum Progress {
    #[default]
    NotBegun,
    Begun(JoinHandle<Result<Connector, Error>>),
    Done(Connector),
}

impl Prepared {
    /// Begins to build it, unless that was done before.
    pub(in crate::client) fn begin(&self, transport: &Transport) {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*progress, Progress::NotBegun) {
            let transport = transport.clone();
            let thread = thread::Builder::new().name("tls".to_owned());
            // Where no thread can be had it is built when it is wanted.
            if let Ok(thread) = thread.spawn(move || Connector::new(&transport)) {
                *progress = Progress::Begun(thread);
            }
        }
    }

    /// The connector, as soon as it is built.
    pub(in crate::client) fn finish(&self, transport: &Transport) -> Result<Connector, Error> {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connector = match mem::take(&mut *progress) {
            Progress::Done(connector) => connector,
            Progress::Begun(thread) => match thread.join() {
                Ok(built) => built?,
                Err(_) => Connector::new(transport)?,
            },
            Progress::NotBegun => Connector::new(transport)?,
        };
        *progress = Progress::Done(connector.clone());
        Ok(connector)
    }
}

/// Why a handshake gave no connection.
#[derive(Debug)]
pub(in crate::client) struct Refused {
    pub(in crate::client) fault: TlsFault,
    pub(in crate::client) presented: Option<Leaf>,
}

impl Refused {
    fn fault(fault: TlsFault) -> Box<Self> {
        Box::new(Self {
            fault,
            presented: None,
        })
    }

    fn failed(error: &native_tls::Error) -> Box<Self> {
        Self::fault(TlsFault::Failed(error.to_string()))
    }
}

/// A connection by TLS.
#[derive(Debug)]
pub(in crate::client) struct TlsConnection {
    tls: TlsStream<Socket>,
    leaf: Option<Leaf>,
}

impl TlsConnection {
    fn new(tls: TlsStream<Socket>) -> Self {
        let der = tls
            .peer_certificate()
            .ok()
            .flatten()
            .and_then(|it| it.to_der().ok());
        Self {
            leaf: der.map(|der| Leaf::parse(&der)),
            tls,
        }
    }

    /// The certificate the server presented.
    pub(in crate::client) fn leaf(&self) -> Option<&Leaf> {
        self.leaf.as_ref()
    }

    /// The data that binds a SASL exchange to this channel, where the certificate's signature
    /// allows it (RFC 5929 section 4, `tls-server-end-point`).
    pub(in crate::client) fn channel_binding(&self) -> Option<Vec<u8>> {
        self.tls.tls_server_end_point().ok().flatten()
    }

    pub(in crate::client) fn socket_mut(&mut self) -> &mut Socket {
        self.tls.get_mut()
    }
}

impl Read for TlsConnection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tls.read(buffer)
    }
}

impl Write for TlsConnection {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.tls.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tls.flush()
    }
}

/// Every certificate of a PEM file.
fn load_certificates(path: &Path) -> Result<Vec<Certificate>, BadSetting> {
    let pem = fs::read(path).map_err(|source| BadSetting::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let certificates = Certificate::stack_from_pem(&pem).unwrap_or_default();
    if certificates.is_empty() {
        return Err(BadSetting::NoCertificate(path.to_owned()));
    }
    Ok(certificates)
}

fn load_identity(files: &ClientIdentity) -> Result<Identity, BadSetting> {
    let pem = identity::load(files)?;
    Identity::from_pkcs8(&pem.certificates, pem.key.expose()).map_err(|error| {
        BadSetting::Identity {
            certificate: files.certificate.clone(),
            why: error.to_string(),
        }
    })
}

/// Why TLS failed, in the part of the library's account that a person can use: the reason for a
/// certificate, which stands in parentheses at the end, or else OpenSSL's words, which stand
/// between its numbers and the place in its source.
pub(in crate::client) fn reason(text: &str) -> &str {
    let reason = text
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once(" ("));
    if let Some((_, reason)) = reason {
        return reason;
    }
    let words = text
        .strip_prefix("error:")
        .and_then(|text| text.split(':').nth(3));
    words.filter(|words| !words.is_empty()).unwrap_or(text)
}

/// Whether these octets can be the start of a TLS record: a known content type and a version
/// whose first octet is 3 (RFC 8446 section 5.1).
pub(in crate::client) fn begins_a_record(octets: &[u8]) -> bool {
    matches!(octets, [20..=24, 3, ..] | [20..=24] | [])
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn reasons_are_taken_out_of_their_wrapping() {
        let check = |text: &str, expected: &str| assert_eq!(reason(text), expected);
        check(
            "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify \
             failed:../ssl/statem/statem_clnt.c:1889: (self-signed certificate)",
            "self-signed certificate",
        );
        check(
            "error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:\
             ../ssl/record/rec_layer_s3.c:1584:SSL alert number 116",
            "tlsv13 alert certificate required",
        );
        check(
            "the certificate was not trusted.",
            "the certificate was not trusted.",
        );
        check("error:", "error:");
    }
}
