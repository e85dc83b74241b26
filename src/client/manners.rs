//! What a server has shown that it does not bear, kept from one connection to the next.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::error::{Error, Misbehaviour, Wait};
use super::settings::Server;
use crate::protocol::Capabilities;

/// What one server does not bear.
#[derive(Debug, Default)]
pub(super) struct Manners {
    capa: AtomicBool,
    capa_after_login: AtomicBool,
    pipelining: AtomicBool,
    login_delay_seconds: AtomicU64,
}

impl Manners {
    /// It does not bear another login so soon. To be noted when there was one, or may have been.
    pub(super) fn note_login_delay(&self, capabilities: &Capabilities) {
        let delay = capabilities.login_delay().unwrap_or_default();
        self.login_delay_seconds
            .store(delay.as_secs(), Ordering::Relaxed);
    }

    /// How much time it wants between two logins.
    pub(super) fn login_delay(&self) -> Duration {
        Duration::from_secs(self.login_delay_seconds.load(Ordering::Relaxed))
    }

    /// It does not bear to be asked what it can do.
    pub(super) fn note_capa(&self) {
        self.capa.store(true, Ordering::Relaxed);
    }

    /// It does not bear to be asked again after the login.
    pub(super) fn note_capa_after_login(&self) {
        self.capa_after_login.store(true, Ordering::Relaxed);
    }

    /// It loses its way when commands come before the earlier ones are answered, whatever it
    /// says it can do.
    pub(super) fn note_pipelining(&self) {
        if !self.pipelining.swap(true, Ordering::Relaxed) {
            log::info!("from here on one command at a time: the server lost its way with more");
        }
    }

    /// Whether it can be asked what it can do.
    pub(super) fn bears_capa(&self) -> bool {
        !self.capa.load(Ordering::Relaxed)
    }

    /// Whether it can be asked again after the login.
    pub(super) fn bears_capa_after_login(&self) -> bool {
        self.bears_capa() && !self.capa_after_login.load(Ordering::Relaxed)
    }

    /// Whether many commands can be sent at once, where it offers that.
    pub(super) fn bears_pipelining(&self) -> bool {
        !self.pipelining.load(Ordering::Relaxed)
    }
}

/// Whether a question ended so that the server may not bear it: the line was closed on it, it
/// or the rest of the answer was left open, or what came is no answer.
pub(super) fn is_unbearable(error: &Error) -> bool {
    use Misbehaviour::{NoStatusLine, UnexpectedContinuation};
    matches!(
        error,
        Error::Io { .. }
            | Error::Deadline(Wait::Response(_) | Wait::Data)
            | Error::Misbehaved(NoStatusLine { .. } | UnexpectedContinuation(_))
    )
}

/// The manners of each server.
#[derive(Debug, Default)]
pub(super) struct MannersOfAll(Mutex<HashMap<Server, Arc<Manners>>>);

impl MannersOfAll {
    pub(super) fn of(&self, server: &Server) -> Arc<Manners> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(server.clone()).or_default())
    }
}
