//! The way to one maildrop, walked again after each dropped line.

use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;
use super::observer::{Event, Observer};
use super::retries::{FIRST_PAUSE, Retries};
use crate::client::{
    self, Attempt, Client, Connector, Credentials, LoginPolicy, Patience, Server, Transaction,
};

/// Where passwords and tokens come from: asked anew for each login, since a token lives about an
/// hour.
pub type CredentialSource<'a> =
    dyn FnMut(Attempt) -> Result<Credentials, Box<dyn std::error::Error + Send + Sync>> + Send + 'a;

/// The way to one maildrop.
pub struct Remote<'a> {
    /// Makes connections.
    pub connector: &'a Connector,
    /// Where to.
    pub server: &'a Server,
    /// How long each wait may be.
    pub patience: &'a Patience,
    /// How to log in.
    pub policy: &'a LoginPolicy,
    /// With what.
    pub credentials: &'a mut CredentialSource<'a>,
    /// How often in a row a dropped line is picked up again while no message completes.
    pub retries: u32,
}

impl std::fmt::Debug for Remote<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote")
            .field("server", self.server)
            .finish_non_exhaustive()
    }
}

/// How long a pause is slept at a time before the stop flag is looked at.
const PAUSE_SLICE: Duration = Duration::from_millis(50);

impl Remote<'_> {
    /// Connects and logs in.
    pub(super) fn log_in(&mut self, retries: &mut Retries) -> Result<Client<Transaction>, Error> {
        let mut credentials = |attempt| (self.credentials)(attempt).map_err(Error::Credentials);
        let client = client::log_in(
            self.connector,
            self.server,
            self.patience,
            self.policy,
            &mut credentials,
        )?;
        retries.logged_in();
        Ok(client)
    }

    /// Connects, logs in and asks, once more for each line that was lost. What takes many answers
    /// tells the retries of each. A server that loses its way over commands in one write is called
    /// once more at once, and asked step by step.
    pub(super) fn ask<T>(
        &mut self,
        observer: &dyn Observer,
        mut question: impl FnMut(Client<Transaction>, &mut Retries) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut retries = Retries::new(self.retries, FIRST_PAUSE);
        loop {
            let mut ask_once = || {
                let client = self.log_in(&mut retries)?;
                observer.notice(Event::LoggedIn(client.server()));
                question(client, &mut retries)
            };
            let answered = match ask_once() {
                Err(Error::Client(client::Error::CommandsLost(_))) => ask_once(),
                answered => answered,
            };
            match answered {
                Err(error @ Error::Client(_)) => self.recover(&mut retries, error, observer)?,
                // What TOP tells without end, it tells so again.
                answered => return answered,
            }
        }
    }

    /// Waits until the way may be walked again after this error, or gives it back if that would not
    /// help.
    pub(super) fn recover(
        &self,
        retries: &mut Retries,
        error: Error,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        let Some(pause) = retries.pause_after(&error) else {
            return Err(retries.ending(error));
        };
        let pause = pause.max(self.login_delay());
        let Some(end) = self.end_of(pause) else {
            let cause = Some(Box::new(error));
            return Err(Error::PauseTooLong { pause, cause });
        };
        observer.notice(Event::Reconnecting {
            cause: &error,
            pause,
        });
        self.wait_until(end)
    }

    /// How much time the server wants between two logins.
    fn login_delay(&self) -> Duration {
        self.connector.login_delay(self.server)
    }

    /// Waits as long as the server wants between two logins.
    pub(super) fn wait_for_login(&self) -> Result<(), Error> {
        let pause = self.login_delay();
        let cause = None;
        let end = self
            .end_of(pause)
            .ok_or(Error::PauseTooLong { pause, cause })?;
        self.wait_until(end)
    }

    /// When a pause ends that begins now. A server may ask for any pause between two logins: one
    /// that the run would not see the end of has none, and is not begun.
    fn end_of(&self, pause: Duration) -> Option<Instant> {
        let end = Instant::now().checked_add(pause)?;
        let is_over = self.patience.until.is_some_and(|until| until <= end);
        (!is_over).then_some(end)
    }

    /// Waits, but not past a stop.
    fn wait_until(&self, end: Instant) -> Result<(), Error> {
        loop {
            if self.patience.is_stopped() {
                return Err(Error::Client(client::Error::Stopped));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::park_timeout(left.min(PAUSE_SLICE));
        }
    }
}

/// Ends a session on whose end nothing depends.
pub(super) fn leave(client: Client<Transaction>) {
    if let Err(error) = client.quit() {
        log::info!("the session did not end well: {error}");
    }
}
