//! A failure as the user is told it: its kind, what went wrong, and how to mend it.

use std::fmt;

/// What kind of failure it is; the kind alone decides the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The command line makes no sense.
    Usage,
    /// The server's data makes no sense.
    BadData,
    /// The host's name has no address.
    HostUnknown,
    /// No connection can be made.
    Unreachable,
    /// No connection by TLS can be made.
    Tls,
    /// The server's certificate is not trusted.
    Certificate,
    /// popfetch itself is wrong.
    Bug,
    /// The destination cannot be created or taken over.
    CannotCreate,
    /// The local disk or system failed.
    LocalIo,
    /// A wait took too long.
    Timeout,
    /// Another run, or another program, holds a lock here.
    Locked,
    /// The server says that another session holds the maildrop.
    InUse,
    /// The server wants more time between logins.
    LoginDelay,
    /// The server cannot now.
    ServerBusy,
    /// The line dropped and the retries are used up.
    LineDropped,
    /// Deletions were asked for and the server confirmed none.
    DeletionUnconfirmed,
    /// A program of the user's asked to try later.
    TryLater,
    /// The server broke the protocol.
    Protocol,
    /// Octets in clear followed the answer to STLS.
    StlsInjection,
    /// The server refused the login.
    AuthRefused,
    /// The server offers no way to log in that may be used.
    LoginImpossible,
    /// The configuration makes no sense.
    Config,
    /// No password or token can be had.
    NoSecret,
    /// The server refused a command that it must not refuse.
    Refused,
    /// Some messages failed.
    Partial,
    /// SIGINT ended the run.
    Interrupted,
    /// SIGTERM ended the run.
    Terminated,
}

impl Kind {
    /// Every kind, for the documentation and for tests.
    pub(crate) const ALL: [Self; 27] = [
        Self::Usage,
        Self::BadData,
        Self::HostUnknown,
        Self::Unreachable,
        Self::Tls,
        Self::Certificate,
        Self::Bug,
        Self::CannotCreate,
        Self::LocalIo,
        Self::Timeout,
        Self::Locked,
        Self::InUse,
        Self::LoginDelay,
        Self::ServerBusy,
        Self::LineDropped,
        Self::DeletionUnconfirmed,
        Self::TryLater,
        Self::Protocol,
        Self::StlsInjection,
        Self::AuthRefused,
        Self::LoginImpossible,
        Self::Config,
        Self::NoSecret,
        Self::Refused,
        Self::Partial,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// Its name in JSON; never renamed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::BadData => "bad-data",
            Self::HostUnknown => "host-unknown",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Certificate => "certificate",
            Self::Bug => "bug",
            Self::CannotCreate => "cannot-create",
            Self::LocalIo => "local-io",
            Self::Timeout => "timeout",
            Self::Locked => "locked",
            Self::InUse => "in-use",
            Self::LoginDelay => "login-delay",
            Self::ServerBusy => "server-busy",
            Self::LineDropped => "line-dropped",
            Self::DeletionUnconfirmed => "deletion-unconfirmed",
            Self::TryLater => "try-later",
            Self::Protocol => "protocol",
            Self::StlsInjection => "stls-injection",
            Self::AuthRefused => "auth-refused",
            Self::LoginImpossible => "login-impossible",
            Self::Config => "config",
            Self::NoSecret => "no-secret",
            Self::Refused => "refused",
            Self::Partial => "partial",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }

    /// What it means, for the documentation.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Usage => "The command line makes no sense",
            Self::BadData => "The server's data makes no sense",
            Self::HostUnknown => "The host's name has no address",
            Self::Unreachable => "No connection can be made",
            Self::Tls => "No connection by TLS can be made",
            Self::Certificate => "The server's certificate is not trusted",
            Self::Bug => "popfetch itself is wrong",
            Self::CannotCreate => "The destination cannot be created or taken over",
            Self::LocalIo => "The local disk or system failed",
            Self::Timeout => "A wait took too long",
            Self::Locked => "Another run, or another program, holds a lock here",
            Self::InUse => "The server says that another session holds the maildrop",
            Self::LoginDelay => "The server wants more time between logins",
            Self::ServerBusy => "The server cannot now",
            Self::LineDropped => "The line dropped and the retries are used up",
            Self::DeletionUnconfirmed => "Deletions were asked for and the server confirmed none",
            Self::TryLater => "A program of the user's asked to try later",
            Self::Protocol => "The server broke the protocol",
            Self::StlsInjection => "Octets in clear followed the answer to STLS",
            Self::AuthRefused => "The server refused the login",
            Self::LoginImpossible => "The server offers no way to log in that may be used",
            Self::Config => "The configuration makes no sense",
            Self::NoSecret => "No password or token can be had",
            Self::Refused => "The server refused a command that it must not refuse",
            Self::Partial => "Some messages failed",
            Self::Interrupted => "SIGINT ended the run",
            Self::Terminated => "SIGTERM ended the run",
        }
    }

    /// The exit status of a run that ends with it.
    pub(crate) fn exit_status(self) -> u8 {
        match self {
            Self::Partial => 1,
            Self::Usage => 64,
            Self::BadData => 65,
            Self::HostUnknown => 68,
            Self::Unreachable | Self::Tls | Self::Certificate => 69,
            Self::Bug => 70,
            Self::CannotCreate => 73,
            Self::LocalIo => 74,
            Self::Timeout
            | Self::Locked
            | Self::InUse
            | Self::LoginDelay
            | Self::ServerBusy
            | Self::LineDropped
            | Self::DeletionUnconfirmed
            | Self::TryLater => 75,
            Self::Refused | Self::Protocol | Self::StlsInjection => 76,
            Self::AuthRefused | Self::LoginImpossible => 77,
            Self::Config | Self::NoSecret => 78,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
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
