//! A failure as the user is told it: its kind, what went wrong, and how to mend it.

use std::fmt;

/// Makes the kinds from one row each: its name in JSON, which is never changed, the exit status of
/// a run that ends with it, and what it means.
macro_rules! kinds {
    ($($kind:ident $name:literal $exit_status:literal $meaning:literal;)+) => {
        /// What kind of failure it is; the kind alone decides the exit status.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Kind {
            $(#[doc = $meaning] $kind,)+
        }

        impl Kind {
            /// Every kind, for the documentation and for tests.
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),+];

            /// Its name in JSON.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// What it means, for the documentation.
            pub(crate) fn meaning(self) -> &'static str {
                match self {
                    $(Self::$kind => $meaning,)+
                }
            }

            /// The exit status of a run that ends with it.
            pub(crate) fn exit_status(self) -> u8 {
                match self {
                    $(Self::$kind => $exit_status,)+
                }
            }
        }
    };
}

kinds! {
    Usage "usage" 64 "The command line makes no sense";
    BadData "bad-data" 65 "The server's data makes no sense";
    HostUnknown "host-unknown" 68 "The host's name has no address";
    Unreachable "unreachable" 69 "No connection can be made";
    Tls "tls" 69 "No connection by TLS can be made";
    Certificate "certificate" 69 "The server's certificate is not trusted";
    Bug "bug" 70 "popfetch itself is wrong";
    CannotCreate "cannot-create" 73 "The destination cannot be created or taken over";
    LocalIo "local-io" 74 "The local disk or system failed";
    Timeout "timeout" 75 "A wait took too long";
    Locked "locked" 75 "Another run, or another program, holds a lock here";
    InUse "in-use" 75 "The server says that another session holds the maildrop";
    LoginDelay "login-delay" 75 "The server wants more time between logins";
    ServerBusy "server-busy" 75 "The server cannot now";
    LineDropped "line-dropped" 75 "The line dropped and the retries are used up";
    DeletionUnconfirmed "deletion-unconfirmed" 75 "Deletions were asked for and the server confirmed none";
    TryLater "try-later" 75 "A program of the user's asked to try later";
    Protocol "protocol" 76 "The server broke the protocol";
    StlsInjection "stls-injection" 76 "Octets in clear followed the answer to STLS";
    AuthRefused "auth-refused" 77 "The server refused the login";
    LoginImpossible "login-impossible" 77 "The server offers no way to log in that may be used";
    Config "config" 78 "The configuration makes no sense";
    NoSecret "no-secret" 78 "No password or token can be had";
    Refused "refused" 76 "The server refused a command that it must not refuse";
    Partial "partial" 1 "Some messages failed";
    Interrupted "interrupted" 130 "SIGINT ended the run";
    Terminated "terminated" 143 "SIGTERM ended the run";
}

/// A failure as the user is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// What was being done and what went wrong; any text of the server's in it is made safe.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hint: Option<String>,
    /// The server's own words, made safe.
    pub(crate) server_text: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            server_text: None,
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config, message)
    }

    /// With what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what to do next, where there is something.
    pub(crate) fn optional_hint(mut self, hint: Option<&str>) -> Self {
        self.hint = hint.map(str::to_owned);
        self
    }

    /// With the server's own words.
    pub(crate) fn server_text(mut self, text: impl Into<String>) -> Self {
        self.server_text = Some(text.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Kind;

    #[test]
    fn names_are_distinct_and_statuses_are_those_of_the_table() {
        let names: HashSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        let statuses = [1, 64, 65, 68, 69, 70, 73, 74, 75, 76, 77, 78, 130, 143];
        for kind in Kind::ALL {
            assert!(statuses.contains(&kind.exit_status()), "{kind:?}");
        }
        for status in statuses {
            assert!(
                Kind::ALL.iter().any(|kind| kind.exit_status() == status),
                "{status}"
            );
        }
    }
}
