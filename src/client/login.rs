//! From nothing to a session that is logged in, with the second tries that are safe to make.

use super::Client;
use super::auth::keeps_the_secret;
use super::authorization::Authorization;
use super::connect::Connector;
use super::error::{Error, LoginImpossible, LoginRefusal, Wait};
use super::manners::is_unbearable;
use super::settings::{Credentials, LoginPolicy, Patience, Proof, Server};
use super::transaction::Transaction;
use crate::protocol::Mechanism;

/// For what the credentials are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The first try.
    First,
    /// Another mechanism: the server refused the one before or hung up, and never saw the secret.
    OtherMechanism,
    /// A token that is not the one refused just now.
    FreshToken,
}

/// Opens a session and logs in.
///
/// There are three reasons to try again, over a new connection, and each is taken once: the
/// server refused the mechanism before it had seen the secret, or a digest came to nothing, and
/// there is another one; it refused a token, and a fresh one can be had; it let us in, and did not
/// bear to be asked what it can do now. The credentials are asked for before each connection, as a
/// token does not live long.
pub fn log_in<E: From<Error>>(
    connector: &Connector,
    server: &Server,
    patience: &Patience,
    policy: &LoginPolicy,
    credentials: &mut dyn FnMut(Attempt) -> Result<Credentials, E>,
) -> Result<Client<Transaction>, E> {
    let mut tries = Tries::default();
    let mut attempt = Attempt::First;
    let mut last: Option<(Credentials, Error)> = None;
    loop {
        let current = credentials(attempt)?;
        if let Some((_, refusal)) = last.take_if(|(before, _)| {
            attempt == Attempt::FreshToken && is_same_token(&before.proof, &current.proof)
        }) {
            return Err(refusal.into());
        }
        let mut client = match connector.open(server, patience, policy) {
            Ok(client) => client,
            Err(error) => return Err(cause(error, last).into()),
        };
        client.avoid(&tries.refused);
        match client.try_login(&current) {
            Ok(()) => {
                let asks = connector.manners_of(server).bears_capa_after_login();
                match client.into_transaction() {
                    Ok(client) => return Ok(client),
                    // That is known now, so that it is not asked again.
                    Err(error) if asks && is_unbearable(&error) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(Error::LoginRefused(refusal)) => {
                let Some(next) = tries.next(&mut client, &refusal, &current.proof) else {
                    return Err(Error::LoginRefused(refusal).into());
                };
                log::info!("{refusal}; trying once more");
                attempt = next;
                last = Some((current, Error::LoginRefused(refusal)));
            }
            Err(error) => {
                let Some(next) = tries.after_digest(&mut client, &error, &current.proof) else {
                    return Err(cause(error, last).into());
                };
                log::info!("{error}; trying once more");
                attempt = next;
                last = Some((current, error));
            }
        }
    }
}

/// Why there is no login: the last `-ERR` tells more than a line that was closed because of it.
fn cause(error: Error, last: Option<(Credentials, Error)>) -> Error {
    let is_of_the_line = matches!(error, Error::Io { .. } | Error::Unwelcome(_));
    match last {
        Some((_, refusal)) if is_of_the_line => refusal,
        _ => error,
    }
}

impl LoginRefusal {
    /// Whether the server may have judged the password or token, or a digest that proves it, so
    /// that the same once more may count against the account.
    pub fn may_be_of_secret(&self) -> bool {
        self.secret_sent || keeps_the_secret(self.mechanism)
    }
}

/// Which second tries were made.
#[derive(Debug, Default)]
struct Tries {
    refused: Vec<Mechanism>,
    token_renewed: bool,
}

impl Tries {
    /// What can be tried after a refusal, if anything can.
    fn next(
        &mut self,
        client: &mut Client<Authorization>,
        refusal: &LoginRefusal,
        proof: &Proof,
    ) -> Option<Attempt> {
        if refusal.refusal.try_later() {
            return None;
        }
        if refusal.secret_sent {
            let renew = matches!(proof, Proof::Token(_)) && !self.token_renewed;
            self.token_renewed = true;
            return renew.then_some(Attempt::FreshToken);
        }
        self.other(client, refusal.mechanism, proof)
    }

    /// What can be tried after a digest came to nothing without a word of refusal: there are
    /// servers that close the line on APOP, which they only seem to offer, and such whose
    /// challenge cannot be answered. What was sent for a digest is no secret.
    fn after_digest(
        &mut self,
        client: &mut Client<Authorization>,
        error: &Error,
        proof: &Proof,
    ) -> Option<Attempt> {
        let came_to_nothing = if let Error::Io { doing, .. } = error {
            matches!(doing, Wait::Response(verb) if verb.is_of_login())
        } else {
            matches!(
                error,
                Error::LoginImpossible(LoginImpossible::BadChallenge(_))
            )
        };
        let mechanism = client.choose(proof).ok()?;
        if !came_to_nothing || !keeps_the_secret(mechanism) {
            return None;
        }
        self.other(client, mechanism, proof)
    }

    /// Another mechanism than the one that was in vain, once.
    fn other(
        &mut self,
        client: &mut Client<Authorization>,
        in_vain: Mechanism,
        proof: &Proof,
    ) -> Option<Attempt> {
        if !self.refused.is_empty() {
            return None;
        }
        self.refused.push(in_vain);
        client.avoid(&self.refused);
        let other = client.choose(proof).ok()?;
        (other != in_vain).then_some(Attempt::OtherMechanism)
    }
}

fn is_same_token(before: &Proof, now: &Proof) -> bool {
    match (before, now) {
        (Proof::Token(before), Proof::Token(now)) => before.expose() == now.expose(),
        _ => false,
    }
}
