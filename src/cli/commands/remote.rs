//! From an account to what a run needs: the way to its server, its destination, its identity.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant};

use url::Host;

use super::Bench;
use crate::cli::config::Account;
use crate::cli::environment::{self, Environment, system_time};
use crate::cli::failure::Failure;
use crate::cli::report::{About, of_store};
use crate::cli::secrets::{SecretKind, SecretSource};
use crate::client::{Attempt, Connector, Credentials, Patience, Proof, TlsMode};
use crate::secret::Secret;
use crate::store::{
    BadDestination, Clock, Destination, Disk, EmlFolders, Error, Identity, OpenOptions, Orphans,
};
use crate::transfer::Remote;

/// Everything for the way to one account's server.
pub(super) struct Way {
    connector: Connector,
    patience: Patience,
    source: Option<SecretSource>,
    /// A password is asked for once; a token lives about an hour and is asked for anew.
    password: Option<Secret>,
}

impl Way {
    /// Lays out the way; nothing is connected yet.
    pub(super) fn new(bench: &Bench<'_>, account: &Account) -> Result<Self, Failure> {
        let source = account.secret.clone()?;
        let connector = Connector::new(&account.transport);
        if account.server.tls != TlsMode::Off {
            connector.prepare();
        }
        let patience = Patience {
            timeout: account.timeout,
            until: Instant::now().checked_add(account.max_time),
            stop: bench.signals.stop_flag(),
        };
        Ok(Self {
            connector,
            patience,
            source,
            password: None,
        })
    }

    /// Does something with the server.
    pub(super) fn walk<T>(
        &mut self,
        account: &Account,
        work: impl FnOnce(&mut Remote<'_>) -> T,
    ) -> T {
        let Self {
            connector,
            patience,
            source,
            password,
        } = self;
        let mut credentials = |_: Attempt| -> Result<Credentials, Box<dyn StdError + Send + Sync>> {
            let proof = proof(source.as_ref(), password, patience)?;
            Ok(Credentials {
                user: account.user.clone(),
                proof,
            })
        };
        work(&mut Remote {
            connector,
            server: &account.server,
            patience,
            policy: &account.login,
            credentials: &mut credentials,
            retries: account.retries,
        })
    }
}

fn proof(
    source: Option<&SecretSource>,
    password: &mut Option<Secret>,
    patience: &Patience,
) -> Result<Proof, Failure> {
    let Some(source) = source else {
        return Ok(Proof::Certificate);
    };
    let take = || source.take(&patience.stop, patience.until);
    match (source.kind, &password) {
        (SecretKind::Token, _) => Ok(Proof::Token(take()?)),
        (SecretKind::Password, Some(known)) => Ok(Proof::Password(known.clone())),
        (SecretKind::Password, None) => {
            let taken = take()?;
            *password = Some(taken.clone());
            Ok(Proof::Password(taken))
        }
    }
}

/// What helps to word a failure of this account.
pub(super) fn about<'a>(bench: &Bench<'_>, account: &'a Account) -> About<'a> {
    let source = account.secret.as_ref().ok().and_then(Option::as_ref);
    About {
        host: match &account.server.host {
            Host::Domain(name) => name,
            Host::Ipv4(_) | Host::Ipv6(_) => "",
        },
        secret_key: source.map(|source| source.key.as_str()),
        is_token: source.is_some_and(|source| source.kind == SecretKind::Token),
        signal: bench.signals.received(),
    }
}

/// The account's destination, if it has one.
pub(super) fn destination(
    bench: &Bench<'_>,
    account: &Account,
) -> Result<Option<Destination>, Failure> {
    let Some(text) = &account.destination else {
        return Ok(None);
    };
    let parsed: Result<_, BadDestination> =
        Destination::parse(text, bench.environment.home.as_deref());
    parsed
        .map(Some)
        .map_err(|error| of_store(&Error::BadDestination(error)))
}

/// How to open the account's destination, if it has one, to look at what is stored there.
pub(super) fn store(bench: &Bench<'_>, account: &Account) -> Result<Option<OpenOptions>, Failure> {
    destination(bench, account)?
        .map(|place| open_options(bench, account, place, Orphans::Refuse))
        .transpose()
}

/// How to open the account's destination.
pub(super) fn open_options(
    bench: &Bench<'_>,
    account: &Account,
    destination: Destination,
    orphans: Orphans,
) -> Result<OpenOptions, Failure> {
    let keeps_state_elsewhere = matches!(destination, Destination::Pipe(_) | Destination::Stdout)
        && account.journal.is_none();
    if bench.environment.state_folder.is_none() && keeps_state_elsewhere {
        return Err(
            Failure::config("there is no folder for the record of what is stored")
                .hint("set HOME or XDG_STATE_HOME, or name a file by --journal"),
        );
    }
    Ok(OpenOptions {
        journal: account.journal.clone(),
        orphans,
        eml_folders: account.eml_folders,
        patience: account.timeout,
        stop: bench.signals.stop_flag(),
        ..options_without_account(bench.environment, destination)
    })
}

/// How to open a destination that is named without an account.
pub(super) fn options_without_account(
    environment: &Environment,
    destination: Destination,
) -> OpenOptions {
    OpenOptions {
        destination,
        journal: None,
        state_folder: environment.state_folder.clone().unwrap_or_default(),
        orphans: Orphans::Refuse,
        eml_folders: EmlFolders::None,
        host_name: environment::host_name(),
        pid: std::process::id(),
        clock: Clock::new(system_time),
        patience: Duration::from_mins(1),
        stop: Arc::default(),
        disk: Disk::new(),
    }
}

/// Whose mail it is, for the journal.
pub(super) fn identity(account: &Account) -> Identity {
    match &account.id_override {
        Some(name) => Identity::Named(name.clone()),
        None => Identity::Login {
            user: account.user.clone(),
            host: account.server.host.to_string(),
            port: account.server.port,
        },
    }
}
