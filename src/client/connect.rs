//! From settings to a connection that may be trusted: resolve, connect, proxy, TLS.

use url::Host;

use super::dial::dial;
use super::error::Error;
use super::proxy::tunnel;
use super::resolve::resolve;
use super::settings::{Patience, Server, TlsMode, Transport};
use super::stream::{Peer, Stream, is_loopback};
use super::tls;

/// Opens connections that share one setting. What TLS needs is loaded once, here.
#[derive(Debug)]
pub struct Connector {
    transport: Transport,
    tls: tls::Connector,
}

impl Connector {
    /// Loads the certificates and keys that the setting names.
    pub fn new(transport: &Transport) -> Result<Self, Error> {
        Ok(Self {
            transport: transport.clone(),
            tls: tls::Connector::new(transport)?,
        })
    }

    /// Connects, by TLS where it is implicit.
    pub fn connect(&self, server: &Server, patience: &Patience) -> Result<Stream, Error> {
        let stream = self.reach(server, patience)?;
        match server.tls {
            TlsMode::Implicit => self.secure(stream, server, &self.tls),
            TlsMode::Stls | TlsMode::Off => Ok(stream),
        }
    }

    /// Begins TLS on a stream.
    fn secure(
        &self,
        stream: Stream,
        server: &Server,
        tls: &tls::Connector,
    ) -> Result<Stream, Error> {
        let name = self
            .transport
            .tls_name
            .clone()
            .unwrap_or_else(|| bare(&server.host));
        stream.secure(tls, &name)
    }

    /// The server, or the proxy with the way to the server open.
    fn reach(&self, server: &Server, patience: &Patience) -> Result<Stream, Error> {
        let family = self.transport.family;
        let peer = |is_loopback| Peer {
            name: server.to_string(),
            host: server.host.to_string(),
            is_loopback,
        };
        if let Some(proxy) = &self.transport.proxy {
            let addresses = resolve(&proxy.host, proxy.port, family, patience)?;
            let tcp = dial(&proxy.to_string(), &addresses, patience)?;
            let mut stream = Stream::new(tcp, peer(false), patience.clone())?;
            tunnel(&mut stream, proxy, server)?;
            return Ok(stream);
        }
        let addresses = resolve(&server.host, server.port, family, patience)?;
        let tcp = dial(&server.to_string(), &addresses, patience)?;
        let is_loopback = tcp
            .peer_addr()
            .is_ok_and(|address| is_loopback(address.ip()));
        Stream::new(tcp, peer(is_loopback), patience.clone())
    }
}

/// The host as a certificate names it: an IPv6 address without its brackets.
fn bare(host: &Host<String>) -> String {
    match host {
        Host::Domain(name) => name.clone(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}
