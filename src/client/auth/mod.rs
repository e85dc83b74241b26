//! Logging in (RFC 1939 section 7, RFC 5034): one try with one mechanism.

mod choice;
mod sasl;
mod scram;
mod steps;

pub(super) use choice::{Line, Offer, keeps_the_secret};

use super::error::{Error, LoginImpossible, LoginRefusal};
use super::session::{Session, Wire};
use super::settings::{Credentials, Proof};
use crate::protocol::command::{Argument, SecretArgument};
use crate::protocol::sasl::{apop_digest, apop_timestamp};
use crate::protocol::{Command, Mechanism, Refusal, ServerText};
use crate::secret::Secret;

/// What the mechanisms want to know besides the credentials.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    /// What the server greeted with.
    pub(super) greeting: &'a ServerText,
    /// The server's host and port, which OAUTHBEARER tells (RFC 7628 section 3.1).
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// What binds the exchange to the TLS channel, if anything can.
    pub(super) channel_binding: Option<&'a [u8]>,
    /// Whether the mechanism is listed, or was asked for by name.
    pub(super) is_mechanism_known: bool,
}

/// Tries to log in with the mechanism.
pub(super) fn try_login<W: Wire>(
    session: &mut Session<W>,
    mechanism: Mechanism,
    credentials: &Credentials,
    surroundings: Surroundings<'_>,
) -> Result<(), Error> {
    match &credentials.proof {
        Proof::Password(secret) | Proof::Token(secret) => session.keep_unsaid(secret),
        Proof::Certificate => {}
    }
    let mut attempt = Attempt {
        session,
        mechanism,
        secret_sent: false,
    };
    match mechanism {
        Mechanism::User => attempt.user_and_pass(credentials),
        Mechanism::Apop => attempt.apop(credentials, surroundings.greeting),
        Mechanism::Sasl(sasl) => attempt.sasl(sasl, credentials, surroundings),
    }
}

/// One try, and whether the secret has gone out yet.
struct Attempt<'a, W> {
    session: &'a mut Session<W>,
    mechanism: Mechanism,
    secret_sent: bool,
}

impl<W: Wire> Attempt<'_, W> {
    fn user_and_pass(&mut self, credentials: &Credentials) -> Result<(), Error> {
        let user = self.user(credentials)?;
        let password = SecretArgument::parse(self.password(credentials)?.clone())
            .map_err(|_| self.unsendable())?;
        self.step(&Command::User(user))?;
        self.secret_sent = true;
        self.step(&Command::Pass(password))
    }

    fn apop(&mut self, credentials: &Credentials, greeting: &ServerText) -> Result<(), Error> {
        let timestamp = apop_timestamp(greeting.as_bytes())
            .ok_or(Error::LoginImpossible(LoginImpossible::NoTimestamp))?;
        let digest = apop_digest(timestamp, self.password(credentials)?);
        let user = self.user(credentials)?;
        // As with CRAM-MD5, a refusal says little: many a timestamp is only an ornament.
        self.step(&Command::Apop { user, digest })
    }

    /// A command that is answered by yes or no.
    fn step(&mut self, command: &Command) -> Result<(), Error> {
        match self.session.ask(command)? {
            Ok(_) => Ok(()),
            Err(refusal) => Err(self.refused(refusal, None)),
        }
    }

    fn user(&self, credentials: &Credentials) -> Result<Argument, Error> {
        Argument::parse(credentials.user.as_bytes()).map_err(|_| self.unsendable())
    }

    fn password<'c>(&self, credentials: &'c Credentials) -> Result<&'c Secret, Error> {
        match &credentials.proof {
            Proof::Password(password) => Ok(password),
            Proof::Token(_) | Proof::Certificate => Err(self.wrong_proof()),
        }
    }

    fn refused(&self, refusal: Refusal, token_status: Option<ServerText>) -> Error {
        Error::LoginRefused(Box::new(LoginRefusal {
            mechanism: self.mechanism,
            refusal,
            token_status: token_status.map(|status| self.session.text(status.as_bytes())),
            secret_sent: self.secret_sent,
        }))
    }

    fn wrong_proof(&self) -> Error {
        Error::LoginImpossible(LoginImpossible::WrongProof(self.mechanism))
    }

    fn unsendable(&self) -> Error {
        Error::LoginImpossible(LoginImpossible::Unsendable(self.mechanism))
    }
}

#[cfg(test)]
mod tests;
