//! The AUTHORIZATION state (RFC 1939 section 4): who are you, and how can you prove it.

use std::sync::Arc;

use super::auth::{Line, Offer, Surroundings, try_login};
use super::connect::Opening;
use super::error::Error;
use super::manners::Manners;
use super::pipelining::Pipelining;
use super::settings::{Credentials, LoginPolicy, Proof, Server};
use super::transaction::Transaction;
use super::{Client, ServerFacts};
use crate::protocol::sasl::apop_timestamp;
use crate::protocol::{Capabilities, Command, Mechanism};

/// Connected and greeted, and not logged in.
#[derive(Debug)]
pub struct Authorization {
    line: Line,
    host: String,
    port: u16,
    channel_binding: Option<Vec<u8>>,
    policy: LoginPolicy,
    manners: Arc<Manners>,
    refused: Vec<Mechanism>,
}

impl Client<Authorization> {
    /// The session of a server that has greeted. UTF8 mode is begun where it is offered, as it
    /// is too late for it after the login (RFC 6856 section 2.1).
    pub(super) fn greeted(
        opening: Opening,
        capabilities: Option<Capabilities>,
        server: &Server,
        policy: LoginPolicy,
        manners: Arc<Manners>,
    ) -> Result<Self, Error> {
        let Opening {
            mut session,
            greeting,
        } = opening;
        let offers_utf8 = capabilities.as_ref().is_some_and(Capabilities::has_utf8);
        let utf8 = offers_utf8 && session.ask(&Command::Utf8)?.is_ok();
        let stream = session.wire();
        let line = match (stream.is_secure(), stream.peer().is_loopback) {
            (true, _) => Line::Tls,
            (false, true) => Line::Loopback,
            (false, false) => Line::Clear,
        };
        let facts = ServerFacts {
            greeting,
            capabilities_before_login: capabilities,
            utf8,
            tls_version: stream.tls_version(),
            leaf: stream.leaf().cloned(),
            ..ServerFacts::default()
        };
        let state = Authorization {
            line,
            host: server.host.to_string(),
            port: server.port,
            channel_binding: stream.channel_binding(),
            policy,
            manners,
            refused: Vec::new(),
        };
        Ok(Self {
            session: session.boxed(),
            facts,
            state,
        })
    }

    /// Logs in with the mechanism of the policy, or else the best there is: one try.
    ///
    /// No password or token is sent unless TLS or the loopback interface keeps it from others,
    /// or the policy names a mechanism that sends the password. A refused login uses the
    /// connection up; see [`log_in`](super::log_in) for what can be done then.
    pub fn login(mut self, credentials: &Credentials) -> Result<Client<Transaction>, Error> {
        self.try_login(credentials)?;
        self.into_transaction()
    }

    /// Ends the session without a login. What the server says to that does not matter.
    pub fn quit(mut self) {
        drop(self.session.ask(&Command::Quit));
    }

    /// Does without what was refused on an earlier connection.
    pub(super) fn avoid(&mut self, refused: &[Mechanism]) {
        self.state.refused = refused.to_vec();
    }

    /// The mechanism that would be tried.
    pub(super) fn choose(&self, proof: &Proof) -> Result<Mechanism, Error> {
        let offer = Offer {
            line: self.state.line,
            capabilities: self.facts.capabilities_before_login.as_ref(),
            has_timestamp: apop_timestamp(self.facts.greeting.as_bytes()).is_some(),
            refused: &self.state.refused,
        };
        offer
            .choose(proof, self.state.policy.mechanism)
            .map_err(Error::LoginImpossible)
    }

    pub(super) fn try_login(&mut self, credentials: &Credentials) -> Result<(), Error> {
        let mechanism = self.choose(&credentials.proof)?;
        let Authorization {
            host,
            port,
            channel_binding,
            policy,
            manners,
            ..
        } = &self.state;
        let capabilities = self.facts.capabilities_before_login.as_ref();
        let is_listed = match mechanism {
            Mechanism::Sasl(sasl) => capabilities.is_some_and(|it| it.offers_sasl(sasl)),
            Mechanism::User | Mechanism::Apop => true,
        };
        let surroundings = Surroundings {
            greeting: &self.facts.greeting,
            host,
            port: *port,
            channel_binding: channel_binding.as_deref(),
            is_mechanism_known: is_listed || policy.mechanism.is_some(),
        };
        let tried = try_login(&mut self.session, mechanism, credentials, surroundings);
        let may_be_in = tried.as_ref().err().is_none_or(Error::is_lost_in_judgement);
        if let Some(capabilities) = capabilities.filter(|_| may_be_in) {
            manners.note_login_delay(capabilities);
        }
        tried?;
        self.facts.mechanism = Some(mechanism);
        Ok(())
    }

    /// The maildrop is ours. What the server can do may have changed with that, so that it is
    /// asked again.
    pub(super) fn into_transaction(mut self) -> Result<Client<Transaction>, Error> {
        let Authorization {
            policy, manners, ..
        } = self.state;
        let pipelining = Pipelining::new(policy.pipelining, manners);
        let before_login = pipelining.window(self.facts.capabilities_before_login.as_ref());
        if !pipelining.may_ask_capabilities() {
            let window = before_login;
            return Ok(Client::new(self.session, self.facts, window, pipelining));
        }
        self.session.send(&[Command::Capa])?;
        if before_login.is_pipelining() {
            return Ok(Client::with_capa_sent(self.session, self.facts, pipelining));
        }
        let answer = self.session.capabilities_answer();
        self.facts.capabilities_after_login = pipelining.learn_from_capa(answer)?;
        let window = pipelining.window(self.facts.capabilities_after_login.as_ref());
        Ok(Client::new(self.session, self.facts, window, pipelining))
    }
}
