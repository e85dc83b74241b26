//! The blocking POP3 client.
//!
//! A session goes through the states of RFC 1939, and so do the types. A [`Connector`] opens a
//! [`Client`] in the state [`Authorization`], a login makes of it one in the state
//! [`Transaction`], which lists, brings and deletes messages, and [`quit`](Client::quit) ends it
//! with the UPDATE state that makes deletions true.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use popfetch::client::{
//!     Client, Connector, Credentials, Host, LoginPolicy, Patience, Proof, Reply, Request,
//!     Server, TlsMode, Transport,
//! };
//! use popfetch::secret::Secret;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server {
//!     host: Host::parse("pop.example.org")?,
//!     port: 995,
//!     tls: TlsMode::Implicit,
//! };
//! let credentials = Credentials {
//!     user: "alice@example.org".to_owned(),
//!     proof: Proof::Password(Secret::from("open sesame".to_owned())),
//! };
//! let patience = Patience::new(Duration::from_secs(60));
//! let policy = LoginPolicy::default();
//!
//! let connector = Connector::new(&Transport::default());
//! let mut client = connector
//!     .open(&server, &patience, &policy)?
//!     .login(&credentials)?;
//!
//! for row in client.listing()?.rows() {
//!     client.ask(Request::Retr {
//!         number: row.number,
//!         listed_octets: row.octets,
//!     });
//! }
//! while let Some(answer) = client.answer()? {
//!     match answer.reply {
//!         Reply::Body(mut body) => {
//!             let mut message = Vec::new();
//!             while let Some(octets) = body.chunk()? {
//!                 message.extend_from_slice(octets);
//!             }
//!             println!("message {}: {} octets", body.number(), message.len());
//!         }
//!         Reply::Refused(refusal) => println!("the server says: {}", refusal.text),
//!     }
//! }
//! client.quit()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! * **It ends.** Every wait has a deadline and a name ([`Wait`]), see [`Patience`]; what a
//!   server may send has the bounds of [`limits`](crate::protocol::limits), but for messages:
//!   these are streamed, and how long a message may be is the caller's to say.
//! * **It stays in step.** What cannot be understood is skipped to its true end, or the session
//!   is given up ([`Error::OutOfStep`]): octets of one answer are never read as another.
//! * **It says when a message may not be whole.** See [`Suspicion`]. A connection that ends
//!   inside a message is an error.
//! * **A secret goes only where it was meant to go.** Certificates are always checked, and what
//!   the log gets to see of the talk (target `popfetch::trace`) holds no secret.

mod auth;
mod authorization;
mod body;
mod connect;
mod error;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod input;
mod limit;
mod listing;
mod login;
mod manners;
mod pipeline;
mod pipelining;
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
pub use login::{Attempt, log_in};
pub use pipeline::Request;
pub use settings::{
    CertificatePin, ClientIdentity, Credentials, Family, InvalidSetting, LoginPolicy, Patience,
    PipelinePolicy, Proof, Proxy, ProxyLogin, Server, TlsMode, Transport,
};
pub use tls::{Leaf, TlsVersion};
pub use transaction::{Answer, Farewell, Reply, Transaction};

/// The host of a [`Server`].
#[doc(no_inline)]
pub use url::Host;

use crate::protocol::{Capabilities, Language, ServerText};
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
    /// What it said it can do after the login. Known once the first command was answered: the
    /// question may be on its way together with that.
    pub capabilities_after_login: Option<Capabilities>,
    /// The languages it speaks. Known once [`Client::languages`] has asked.
    pub languages: Vec<Language>,
    /// How the user logged in.
    pub mechanism: Option<Mechanism>,
    /// Whether UTF8 mode was begun (RFC 6856), so that messages come as they are.
    pub utf8: bool,
    /// The version of TLS; `None` without TLS, or where it could not be told.
    pub tls_version: Option<TlsVersion>,
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
