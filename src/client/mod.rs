//! The blocking POP3 client.

mod connect;
mod dial;
mod error;
mod identity;
mod leaf;
mod limit;
mod proxy;
mod resolve;
mod settings;
mod stream;
mod tls;

pub use crate::protocol::{Mechanism, SaslMechanism};
pub use connect::Connector;
pub use error::{
    BadSetting, Error, LoginImpossible, LoginRefusal, Misbehaviour, TlsFailure, TlsFault, Wait,
};
pub use leaf::Leaf;
pub use settings::{
    CertificatePin, ClientIdentity, Credentials, Family, InvalidSetting, LoginPolicy, Patience,
    PipelinePolicy, Proof, Proxy, ProxyLogin, Server, TlsMode, Transport,
};
pub use stream::{Peer, Stream};
