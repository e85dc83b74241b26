//! The blocking POP3 client.

mod auth;
mod authorization;
mod body;
mod connect;
mod dial;
mod error;
mod identity;
mod input;
mod leaf;
mod limit;
mod listing;
mod login;
mod pipeline;
mod proxy;
mod resolve;
#[cfg(test)]
mod script;
mod session;
mod settings;
mod stream;
mod tls;
mod transaction;
mod watch;

pub use crate::protocol::{Mechanism, SaslMechanism};
pub use authorization::Authorization;
pub use body::{Body, BodyEnd, Suspicion};
pub use connect::Connector;
pub use error::{
    BadSetting, Error, LoginImpossible, LoginRefusal, Misbehaviour, TlsFailure, TlsFault, Wait,
};
pub use leaf::Leaf;
pub use login::{Attempt, log_in};
pub use pipeline::Request;
pub use settings::{
    CertificatePin, ClientIdentity, Credentials, Family, InvalidSetting, LoginPolicy, Patience,
    PipelinePolicy, Proof, Proxy, ProxyLogin, Server, TlsMode, Transport,
};
pub use transaction::{Answer, Farewell, Reply, Transaction};

use crate::protocol::{Capabilities, ServerText};
use session::Session;

/// A session with a server, in the state `S`, such as [`Transaction`].
///
/// After any error but [`Error::Refused`] and [`Error::RequestsLeft`] it is not known where in
/// the stream the server is, and every further call gives [`Error::OutOfStep`].
///
/// To drop it closes the connection without QUIT: nothing is deleted then (RFC 1939 section 6).
#[derive(Debug)]
pub struct Client<S> {
    session: Session,
    facts: ServerFacts,
    state: S,
}

/// What is known of a server.
#[derive(Clone, Debug, Default)]
pub struct ServerFacts {
    /// What followed the `+OK` of its greeting.
    pub greeting: ServerText,
    /// What it said it can do before the login, under TLS if that was begun; `None` if it does
    /// not know the question.
    pub capabilities_before_login: Option<Capabilities>,
    /// What it said it can do after the login.
    pub capabilities_after_login: Option<Capabilities>,
    /// How the user logged in.
    pub mechanism: Option<Mechanism>,
    /// Whether UTF8 mode was begun (RFC 6856), so that messages come as they are.
    pub utf8: bool,
    /// The certificate that the server presented; `None` without TLS.
    pub leaf: Option<Leaf>,
}

impl ServerFacts {
    /// What the server said last that it can do. Nothing, if it does not know the question.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities_after_login
            .as_ref()
            .or(self.capabilities_before_login.as_ref())
            .cloned()
            .unwrap_or_default()
    }
}

impl<S> Client<S> {
    /// What is known of the server.
    pub fn server(&self) -> &ServerFacts {
        &self.facts
    }

    /// Whether the session can go on; if not, every call gives [`Error::OutOfStep`].
    pub fn is_in_step(&self) -> bool {
        self.session.is_in_step()
    }
}
