//! The way to one maildrop, walked again after each dropped line.

use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;
use super::observer::{Event, Observer};
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
    pub(super) fn log_in(&mut self) -> Result<Client<Transaction>, Error> {
        let mut credentials = |attempt| (self.credentials)(attempt).map_err(Error::Credentials);
        client::log_in(
            self.connector,
            self.server,
            self.patience,
            self.policy,
            &mut credentials,
        )
    }

    /// Connects, logs in and asks, for the listing or the like. A server that loses its way over
    /// commands in one write is called once more and asked step by step.
    pub(super) fn ask<T>(
        &mut self,
        observer: &dyn Observer,
        question: impl Fn(&mut Client<Transaction>) -> Result<T, client::Error>,
    ) -> Result<(Client<Transaction>, T), Error> {
        let mut ask_once = || {
            let mut client = self.log_in()?;
            observer.notice(Event::LoggedIn(client.server()));
            let answer = question(&mut client)?;
            Ok((client, answer))
        };
        match ask_once() {
            Err(Error::Client(client::Error::CommandsLost(_))) => ask_once(),
            answered => answered,
        }
    }

    /// Waits, but not past a stop. A server may ask for any pause between two logins: one that the
    /// run would not see the end of is not begun.
    pub(super) fn pause(&self, pause: Duration) -> Result<(), Error> {
        let end = match Instant::now().checked_add(pause) {
            Some(end) if self.patience.until.is_none_or(|until| end < until) => end,
            Some(_) | None => return Err(Error::PauseTooLong { pause }),
        };
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

/// Pauses between connections: each twice as long as the one before.
#[derive(Debug)]
pub(super) struct Retries {
    allowed: u32,
    used: u32,
    first_pause: Duration,
}

/// RFC 2449 section 6.5 lets a server ask for more between two logins; that comes on top.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_mins(1);

impl Retries {
    pub(super) fn new(allowed: u32, first_pause: Duration) -> Self {
        Self {
            allowed,
            used: 0,
            first_pause,
        }
    }

    /// A message completed: the line is worth being picked up again.
    pub(super) fn reset(&mut self) {
        self.used = 0;
    }

    /// The pause before the next connection, or none if there were enough.
    pub(super) fn next_pause(&mut self) -> Option<Duration> {
        if self.used == self.allowed {
            return None;
        }
        let pause = self
            .first_pause
            .saturating_mul(2_u32.saturating_pow(self.used));
        self.used += 1;
        Some(pause.min(PAUSE_MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{FIRST_PAUSE, Retries};

    #[test]
    fn pauses_grow_until_there_were_enough() {
        let mut retries = Retries::new(3, FIRST_PAUSE);
        let mut pauses = || [0; 4].map(|_| retries.next_pause().map(|pause| pause.as_millis()));
        assert_eq!(pauses(), [Some(500), Some(1_000), Some(2_000), None]);
        retries.reset();
        assert_eq!(retries.next_pause(), Some(Duration::from_millis(500)));
        let mut many = Retries::new(40, FIRST_PAUSE);
        assert_eq!(
            (0..40).filter_map(|_| many.next_pause()).last(),
            Some(Duration::from_mins(1))
        );
    }
}
