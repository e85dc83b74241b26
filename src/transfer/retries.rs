//! Whether the way to a server is walked again after a session failed, and after which pause.

use std::time::Duration;

use super::error::{Error, is_out_of_reach};
use crate::client::{self, Wait};

/// RFC 2449 section 6.5 lets a server ask for more between two logins; the longer of both counts.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// How often a lost line is made anew, after pauses each twice as long as the one before.
#[derive(Debug)]
pub(super) struct Retries {
    allowed: u32,
    used: u32,
    first_pause: Duration,
    standing: Standing,
}

/// How we stand with the server, by what happened in this run. What is worth another try depends on
/// it: the first login is where settings are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// It was not reached yet. A line that was there and was lost is made anew. All else is told at
    /// once, to the person who waits for it or to the log of a job that the clock starts again:
    /// host or port may be wrong where there is no address, no connection, or nobody who says
    /// a word, and each of these waits may have taken a whole timeout; and a server that says
    /// "later" means later than in some seconds (RFC 3206 section 4).
    Unmet,
    /// A line to it was lost. Host and port are right, so that a server or network that is out of
    /// reach now is about to come back; and if the server says "later" by a response code, as that
    /// the maildrop is in use, it may be by the session that we lost. In words alone, as "locked",
    /// it may mean the account, after wrong passwords.
    Met,
    /// The same, and it had greeted: where TLS comes first, the port speaks it.
    Greeted,
    /// A line was lost while it judged the password. Some servers refuse so, without a word, and
    /// many lock an account after a few wrong passwords. So that was worth one more try, whatever
    /// the number of retries, and is worth no third.
    Suspected,
    /// It has let us in: the password is right.
    LoggedIn,
}

impl Retries {
    pub(super) fn new(allowed: u32, first_pause: Duration) -> Self {
        Self {
            allowed,
            used: 0,
            first_pause,
            standing: Standing::Unmet,
        }
    }

    /// A login succeeded.
    pub(super) fn logged_in(&mut self) {
        self.standing = Standing::LoggedIn;
    }

    /// A message completed: the line is worth being picked up again.
    pub(super) fn reset(&mut self) {
        self.used = 0;
    }

    /// The pause before the next connection; none if that would not help, or there were enough.
    pub(super) fn pause_after(&mut self, error: &Error) -> Option<Duration> {
        let was_judging = is_lost_in_judgement(error);
        let may_help = match self.standing {
            Standing::Unmet => is_lost_once_made(error),
            Standing::Suspected if was_judging => false,
            Standing::Met | Standing::Greeted | Standing::Suspected
                if may_refuse_password(error) =>
            {
                false
            }
            Standing::Met | Standing::Greeted | Standing::Suspected | Standing::LoggedIn => {
                error.another_session_may_help()
            }
        };
        if !may_help {
            return None;
        }
        let standing = if was_judging {
            Standing::Suspected
        } else if has_greeted(error) {
            Standing::Greeted
        } else {
            Standing::Met
        };
        self.standing = self.standing.max(standing);
        self.next_pause()
    }

    /// What a run ends with over this error. Where a line was lost that had been there, host and
    /// port are right: that there is no way to the server any more is a dropped line still.
    pub(super) fn ending(&self, error: Error) -> Error {
        let Error::Client(error) = error else {
            return error;
        };
        if self.is_way_lost(&error) {
            Error::WayLost(error)
        } else {
            Error::Client(error)
        }
    }

    fn is_way_lost(&self, error: &client::Error) -> bool {
        if let client::Error::Io { doing, .. } = error {
            return match doing {
                Wait::Resolve | Wait::Connect | Wait::Proxy => self.standing > Standing::Unmet,
                // It may have been all that was ever met.
                Wait::Handshake => self.standing > Standing::Met,
                Wait::Greeting | Wait::Response(_) | Wait::Data | Wait::WholeRun => false,
            };
        }
        is_out_of_reach(error) && self.standing > Standing::Unmet
    }

    fn next_pause(&mut self) -> Option<Duration> {
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

/// Whether a line was lost that had been there: it was closed, or fell silent once the server had
/// said something.
fn is_lost_once_made(error: &Error) -> bool {
    let Error::Client(error) = error else {
        return false;
    };
    if let client::Error::Io { doing, .. } = error {
        return !matches!(doing, Wait::Resolve | Wait::Connect | Wait::Proxy);
    }
    matches!(
        error,
        client::Error::Deadline(Wait::Response(_) | Wait::Data)
    )
}

/// Whether the server had greeted when this went wrong.
fn has_greeted(error: &Error) -> bool {
    use client::Error::{Deadline, Io, LoginRefused};
    matches!(
        error,
        Error::Client(
            Io {
                doing: Wait::Response(_) | Wait::Data,
                ..
            } | Deadline(Wait::Response(_) | Wait::Data)
                | LoginRefused(_)
        )
    )
}

fn is_lost_in_judgement(error: &Error) -> bool {
    matches!(error, Error::Client(error) if error.is_lost_in_judgement())
}

/// Whether no response code says that a refusal is not about the password (RFC 2449 section 8.1,
/// RFC 3206 section 4).
fn may_refuse_password(error: &Error) -> bool {
    let Error::Client(client::Error::LoginRefused(login)) = error else {
        return false;
    };
    login.may_be_of_secret() && !login.refusal.is_temporary()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::client::LoginRefusal;
    use crate::protocol::{Mechanism, Refusal, SaslMechanism, Verb};

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

    fn closed(doing: Wait) -> client::Error {
        client::Error::Io {
            doing,
            peer: "pop.example.org:995".to_owned(),
            source: io::ErrorKind::UnexpectedEof.into(),
        }
    }

    fn refused(text: &str) -> client::Error {
        client::Error::LoginRefused(Box::new(LoginRefusal {
            secret_sent: true,
            ..refusal(Mechanism::User, text)
        }))
    }

    fn refused_before_the_secret(mechanism: Mechanism, text: &str) -> client::Error {
        client::Error::LoginRefused(Box::new(refusal(mechanism, text)))
    }

    fn refusal(mechanism: Mechanism, text: &str) -> LoginRefusal {
        LoginRefusal {
            mechanism,
            refusal: Refusal::parse(text.as_bytes()),
            token_status: None,
            secret_sent: false,
        }
    }

    fn unknown_host() -> client::Error {
        client::Error::UnknownHost {
            host: "pop.example.org".to_owned(),
            why: "try again".to_owned(),
        }
    }

    fn unwelcome() -> client::Error {
        client::Error::Unwelcome(Refusal::parse(b"[SYS/TEMP] full"))
    }

    /// What is no way to the server: at first it may be a mistake, and after a lost line none; but
    /// the handshake of TLS may have been all that was ever met.
    #[test]
    fn no_way_to_a_server_that_was_met_is_a_dropped_line() {
        let before = [
            Wait::Connect,
            Wait::Handshake,
            Wait::Greeting,
            Wait::Response(Verb::User),
            Wait::Response(Verb::Pass),
        ];
        for (error, expected) in [
            (unknown_host(), [false, true, true, true, true]),
            (closed(Wait::Connect), [false, true, true, true, true]),
            (closed(Wait::Proxy), [false, true, true, true, true]),
            (closed(Wait::Handshake), [false, false, false, true, true]),
            (unwelcome(), [false; 5]),
        ] {
            let is_lost = |lost| {
                let mut retries = Retries::new(9, FIRST_PAUSE);
                retries.pause_after(&Error::Client(closed(lost)));
                retries.is_way_lost(&error)
            };
            assert_eq!(before.map(is_lost), expected, "{error}");
            let mut retries = Retries::new(9, FIRST_PAUSE);
            retries.logged_in();
            assert_eq!(
                Some(&retries.is_way_lost(&error)),
                expected.last(),
                "{error}"
            );
        }
    }

    /// Whether it is tried again: when nobody was met before, after a lost line, after one that was
    /// lost with the password, after a login.
    #[test]
    fn what_is_worth_another_try_depends_on_what_was_before() {
        use client::Error::{Deadline, Stopped};
        let pass = Wait::Response(Verb::Pass);
        let uidl = Wait::Response(Verb::Uidl);
        let response = Wait::Response(Verb::AuthResponse);
        let cram_md5 = Mechanism::Sasl(SaslMechanism::CramMd5);
        for (error, expected) in [
            (unknown_host(), [false, true, true, true]),
            (Deadline(Wait::Resolve), [false, true, true, true]),
            (closed(Wait::Connect), [false, true, true, true]),
            (Deadline(Wait::Connect), [false, true, true, true]),
            (closed(Wait::Proxy), [false, true, true, true]),
            (closed(Wait::Handshake), [true; 4]),
            (Deadline(Wait::Handshake), [false, true, true, true]),
            (closed(Wait::Greeting), [true; 4]),
            (Deadline(Wait::Greeting), [false, true, true, true]),
            (unwelcome(), [false, true, true, true]),
            (closed(Wait::Response(Verb::User)), [true; 4]),
            (closed(pass), [true, true, false, true]),
            (Deadline(response), [true, true, false, true]),
            (refused("[AUTH] wrong"), [false; 4]),
            (refused("[IN-USE] busy"), [false, true, true, true]),
            (refused("account locked"), [false, false, false, true]),
            (
                refused_before_the_secret(cram_md5, "account locked"),
                [false, false, false, true],
            ),
            (
                refused_before_the_secret(Mechanism::User, "maildrop locked"),
                [false, true, true, true],
            ),
            (closed(uidl), [true; 4]),
            (Deadline(Wait::WholeRun), [false; 4]),
            (Stopped, [false; 4]),
        ] {
            let told = error.to_string();
            let error = Error::Client(error);
            let is_tried = |before: &[Wait], logged_in: bool| {
                let mut retries = Retries::new(9, FIRST_PAUSE);
                for wait in before {
                    let lost = Error::Client(closed(*wait));
                    assert!(retries.pause_after(&lost).is_some(), "{told}");
                }
                if logged_in {
                    retries.logged_in();
                }
                retries.pause_after(&error).is_some()
            };
            let found = [
                is_tried(&[], false),
                is_tried(&[Wait::Greeting], false),
                is_tried(&[pass, uidl], false),
                is_tried(&[pass], true),
            ];
            assert_eq!(found, expected, "{told}");
        }
    }
}
