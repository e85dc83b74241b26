//! Whether commands are sent ahead of their answers: by the user's wish, by what the server
//! offers, and by what it has shown.

use std::sync::Arc;

use super::error::{Error, Misbehaviour, Wait};
use super::manners::{Manners, is_unbearable};
use super::pipeline::Window;
use super::settings::PipelinePolicy;
use crate::protocol::Capabilities;

/// The wish, and the server's manners.
#[derive(Debug)]
pub(super) struct Pipelining {
    policy: PipelinePolicy,
    manners: Arc<Manners>,
    /// Whether a command that was sent ahead in this session was answered as it should be.
    has_worked: bool,
}

impl Pipelining {
    pub(super) fn new(policy: PipelinePolicy, manners: Arc<Manners>) -> Self {
        Self {
            policy,
            manners,
            has_worked: false,
        }
    }

    /// How many commands may be outstanding at a server that can do this.
    pub(super) fn window(&self, capabilities: Option<&Capabilities>) -> Window {
        let is_offered = capabilities.is_some_and(Capabilities::has_pipelining);
        Window::new(self.policy, is_offered && self.manners.bears_pipelining())
    }

    /// Whether the server can be asked after the login what it can do.
    pub(super) fn may_ask_capabilities(&self) -> bool {
        self.manners.bears_capa_after_login()
    }

    /// Learns from what came of CAPA after the login.
    pub(super) fn learn_from_capa(
        &self,
        answer: Result<Option<Capabilities>, Error>,
    ) -> Result<Option<Capabilities>, Error> {
        match &answer {
            Ok(Some(capabilities)) => self.manners.note_login_delay(capabilities),
            Err(error) if is_unbearable(error) => self.manners.note_capa_after_login(),
            Ok(None) | Err(_) => {}
        }
        answer
    }

    /// Learns from what came of a command that others were sent ahead with.
    ///
    /// Silence, and what is no answer, are what a server gives that has lost commands. A line
    /// that is closed proves nothing once sending ahead has worked.
    pub(super) fn learn<T>(&mut self, answer: Result<T, Error>) -> Result<T, Error> {
        match &answer {
            Ok(_) => self.has_worked = true,
            Err(Error::Deadline(Wait::Response(_)) | Error::Misbehaved(_)) => self.note_lost(),
            Err(Error::Io { .. }) if !self.has_worked => self.note_lost(),
            Err(_) => {}
        }
        answer
    }

    /// As [`Self::learn`], of the first commands of a session. An error says so if another session
    /// may fare better for what was learnt.
    pub(super) fn learn_first<T>(&mut self, answer: Result<T, Error>) -> Result<T, Error> {
        let is_learnt = self.policy == PipelinePolicy::Auto;
        self.learn(answer).map_err(|error| {
            if is_learnt && is_of_lost_commands(&error) {
                Error::CommandsLost(Box::new(error))
            } else {
                error
            }
        })
    }

    /// The server lost its way.
    pub(super) fn note_lost(&self) {
        if self.policy == PipelinePolicy::Auto {
            self.manners.note_pipelining();
        }
    }
}

/// Whether an error is one of order, or of silence. A list without an end is no such thing.
fn is_of_lost_commands(error: &Error) -> bool {
    matches!(
        error,
        Error::Io { .. }
            | Error::Deadline(Wait::Response(_))
            | Error::Misbehaved(
                Misbehaviour::NoStatusLine { .. }
                    | Misbehaviour::UnexpectedAnswer(_)
                    | Misbehaviour::UnexpectedContinuation(_)
            )
    )
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::protocol::Verb;

    fn closed() -> Error {
        Error::Io {
            doing: Wait::Response(Verb::Retr),
            peer: "pop.example.org:995".to_owned(),
            source: io::ErrorKind::UnexpectedEof.into(),
        }
    }

    fn silent() -> Error {
        Error::Deadline(Wait::Response(Verb::Retr))
    }

    #[test]
    fn a_closed_line_proves_nothing_once_sending_ahead_has_worked() {
        let check = |policy, answers: Vec<Result<(), Error>>, bears: bool| {
            let manners = Arc::new(Manners::default());
            let mut pipelining = Pipelining::new(policy, Arc::clone(&manners));
            let told = format!("{policy:?} {answers:?}");
            for answer in answers {
                drop(pipelining.learn(answer));
            }
            assert_eq!(manners.bears_pipelining(), bears, "{told}");
        };
        let auto = PipelinePolicy::Auto;
        check(auto, vec![Ok(())], true);
        check(auto, vec![Err(closed())], false);
        check(auto, vec![Ok(()), Err(closed())], true);
        check(auto, vec![Err(silent())], false);
        check(auto, vec![Ok(()), Err(silent())], false);
        check(auto, vec![Err(Error::Stopped)], true);
        // What the user wants is not learnt otherwise.
        let wanted = PipelinePolicy::Window(std::num::NonZeroU16::MIN);
        check(wanted, vec![Err(closed()), Err(silent())], true);
    }
}
