//! From settings to a connection that may be trusted: resolve, connect, proxy, TLS.

mod dial;
mod proxy;
mod resolve;

use std::sync::Arc;
use std::time::Duration;

use url::Host;

use super::Client;
use super::authorization::Authorization;
use super::error::{Error, TlsFailure, TlsFault};
use super::manners::{Manners, MannersOfAll, is_unbearable};
use super::session::Session;
use super::settings::{LoginPolicy, Patience, Server, TlsMode, Transport};
use super::stream::{Peer, Stream, is_loopback};
use super::tls::{self, Prepared};
use crate::protocol::{Capabilities, Command, ServerText};
use dial::dial;
use proxy::tunnel;
use resolve::resolve;

/// Opens connections that share one setting. What TLS needs is loaded once.
#[derive(Debug)]
pub struct Connector {
    transport: Transport,
    tls: Prepared,
    manners: MannersOfAll,
}

impl Connector {
    /// Takes the setting. Certificates and keys are loaded when TLS is first wanted, or by
    /// [`Self::prepare`]; what is wrong with them, [`Self::open`] tells.
    pub fn new(transport: &Transport) -> Self {
        Self {
            transport: transport.clone(),
            tls: Prepared::default(),
            manners: MannersOfAll::default(),
        }
    }

    /// Begins to load certificates and keys in a thread, so that they are there when a server
    /// is. Loading those of the system takes tens of milliseconds.
    pub fn prepare(&self) {
        self.tls.begin(&self.transport);
    }

    /// Connects, begins TLS, reads the greeting and asks what the server can do: all that comes
    /// before the login.
    pub fn open(
        &self,
        server: &Server,
        patience: &Patience,
        policy: &LoginPolicy,
    ) -> Result<Client<Authorization>, Error> {
        let manners = self.manners_of(server);
        let opening = self.greet(server, patience)?;
        let (opening, capabilities) = self.ask_capabilities(opening, server, patience, &manners)?;
        Client::greeted(opening, capabilities, server, *policy, manners)
    }

    /// How much time the server wants before another login (RFC 2449 section 6.5), if there was one
    /// by this connector.
    pub fn login_delay(&self, server: &Server) -> Duration {
        self.manners_of(server).login_delay()
    }

    /// What the server has shown that it does not bear.
    pub(in crate::client) fn manners_of(&self, server: &Server) -> Arc<Manners> {
        self.manners.of(server)
    }

    /// What the server can do, if it can tell. Some servers close the line on the question, or
    /// leave it or the rest of its answer open: they are called again and not asked any more.
    fn ask_capabilities(
        &self,
        mut opening: Opening,
        server: &Server,
        patience: &Patience,
        manners: &Manners,
    ) -> Result<(Opening, Option<Capabilities>), Error> {
        if !manners.bears_capa() {
            return Ok((opening, None));
        }
        match opening.session.capabilities() {
            Ok(capabilities) => Ok((opening, capabilities)),
            Err(error) if is_unbearable(&error) => {
                log::debug!("{server} does not bear to be asked for its capabilities");
                manners.note_capa();
                drop(opening);
                Ok((self.greet(server, patience)?, None))
            }
            Err(error) => Err(error),
        }
    }

    /// Connects and reads the greeting, with TLS on top where it is wanted.
    fn greet(&self, server: &Server, patience: &Patience) -> Result<Opening, Error> {
        if server.tls != TlsMode::Off {
            self.prepare();
        }
        let tls = || self.tls.finish(&self.transport);
        let Begun {
            mut session,
            greeting,
        } = match self.begin(server, patience, &tls) {
            Err(Error::Tls(failure)) => {
                return Err(Error::Tls(
                    self.look_at_certificate(failure, server, patience),
                ));
            }
            result => result?,
        };
        let greeting = match greeting {
            Some(greeting) => greeting,
            None => session.greeting()?,
        };
        Ok(Opening { session, greeting })
    }

    /// Connects, and begins TLS where it is wanted, which for STLS takes the greeting.
    fn begin(
        &self,
        server: &Server,
        patience: &Patience,
        tls: &dyn Fn() -> Result<tls::Connector, Error>,
    ) -> Result<Begun, Error> {
        let stream = self.reach(server, patience)?;
        match server.tls {
            TlsMode::Off => Ok(Begun {
                session: Session::new(stream),
                greeting: None,
            }),
            TlsMode::Implicit => {
                let stream = self.secure(stream, server, &tls()?)?;
                Ok(Begun {
                    session: Session::new(stream),
                    greeting: None,
                })
            }
            TlsMode::Stls => {
                let mut session = Session::new(stream);
                let greeting = session.greeting()?;
                ask_for_tls(&mut session, server)?;
                let session = session.upgrade(|stream| self.secure(stream, server, &tls()?))?;
                Ok(Begun {
                    session,
                    greeting: Some(greeting),
                })
            }
        }
    }

    /// Looks whether it was the certificate that TLS failed for, over one more connection that
    /// takes any and sends nothing else. With it a person can decide to trust just that one.
    fn look_at_certificate(
        &self,
        mut failure: Box<TlsFailure>,
        server: &Server,
        patience: &Patience,
    ) -> Box<TlsFailure> {
        let TlsFault::Failed(why) = &failure.fault else {
            return failure;
        };
        // An alert is the other side's: it is our certificate or our offer that it dislikes.
        if why.contains("alert") || self.transport.pin.is_some() {
            return failure;
        }
        let seen = self
            .begin(server, patience, &tls::Connector::unchecked)
            .map(|begun| begun.session.wire().leaf().cloned());
        if let Ok(Some(leaf)) = seen {
            failure.fault = TlsFault::Untrusted(tls::reason(why).to_owned());
            failure.presented = Some(leaf);
        }
        failure
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

/// A connection that is as safe as it was to be.
struct Begun {
    session: Session<Stream>,
    greeting: Option<ServerText>,
}

/// A connection whose server has greeted.
#[derive(Debug)]
pub(in crate::client) struct Opening {
    pub(in crate::client) session: Session<Stream>,
    pub(in crate::client) greeting: ServerText,
}

/// Asks with STLS for TLS, before anything else: some servers begin anew whatever was begun
/// before it.
fn ask_for_tls(session: &mut Session<Stream>, server: &Server) -> Result<(), Error> {
    let Err(refusal) = session.ask(&Command::Stls)? else {
        return Ok(());
    };
    let host = server.host.to_string();
    // The question serves the message alone, so that its own failures do not matter.
    let fault = match session.capabilities() {
        Ok(Some(capabilities)) if !capabilities.has_stls() => TlsFault::NotOffered,
        _ => TlsFault::Refused(refusal),
    };
    Err(Error::Tls(Box::new(TlsFailure {
        host,
        fault,
        presented: None,
    })))
}

/// The host as a certificate names it: an IPv6 address without its brackets, a name without the
/// dot of the root (RFC 6066 section 3).
fn bare(host: &Host<String>) -> String {
    match host {
        Host::Domain(name) => name.strip_suffix('.').unwrap_or(name).to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}

#[cfg(test)]
mod tests;
