//! From nothing to a session that is logged in, with the second tries that are safe to make.

use super::Client;
use super::authorization::Authorization;
use super::connect::Connector;
use super::error::{Error, LoginRefusal};
use super::settings::{Credentials, LoginPolicy, Patience, Proof, Server};
use super::transaction::Transaction;
use crate::protocol::Mechanism;

/// For what the credentials are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The first try.
    First,
    /// Another mechanism: the server refused the one before, which never saw the secret.
    OtherMechanism,
    /// A token that is not the one refused just now.
    FreshToken,
}

/// Opens a session and logs in.
///
/// There are two reasons to try again, over a new connection, and each is taken once: the server
/// refused the mechanism before it had seen the secret, and there is another one; or it refused
/// a token, and a fresh one can be had. The credentials are asked for before each connection, as
/// a token does not live long.
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
        if let Some((before, error)) = last.take()
            && attempt == Attempt::FreshToken
            && is_same_token(&before.proof, &current.proof)
        {
            return Err(error.into());
        }
        let mut client = connector.open(server, patience, policy)?;
        client.avoid(&tries.refused);
        match client.try_login(&current) {
            Ok(()) => return Ok(client.into_transaction()?),
            Err(Error::LoginRefused(refusal)) => {
                let Some(next) = tries.next(&mut client, &refusal, &current.proof) else {
                    return Err(Error::LoginRefused(refusal).into());
                };
                log::info!("{refusal}; trying once more");
                attempt = next;
                last = Some((current, Error::LoginRefused(refusal)));
            }
            Err(error) => return Err(error.into()),
        }
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
        if !self.refused.is_empty() {
            return None;
        }
        self.refused.push(refusal.mechanism);
        client.avoid(&self.refused);
        let other = client.choose(proof).ok()?;
        (other != refusal.mechanism).then_some(Attempt::OtherMechanism)
    }
}

fn is_same_token(before: &Proof, now: &Proof) -> bool {
    match (before, now) {
        (Proof::Token(before), Proof::Token(now)) => before.expose() == now.expose(),
        _ => false,
    }
}
