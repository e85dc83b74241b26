//! One account with everything that is known about it, and where each value came from.

use std::path::PathBuf;
use std::time::Duration;

use url::Host;

use super::Configuration;
use super::level::{Level, Levels, Source, Values};
use crate::cli::account_url::{AccountUrl, Scheme, looks_like_url};
use crate::cli::args::value::{Count, FolderName, MechanismName, SizeBound, Times, TlsName};
use crate::cli::failure::{Failure, Kind};
use crate::cli::secrets::{self, SecretSource, Whose};
use crate::client::{
    ClientIdentity, Family, LoginPolicy, PipelinePolicy, Server, TlsMode, Transport,
};
use crate::protocol::text::escape;
use crate::store::EmlFolders;
use crate::transfer::{AfterStoring, MESSAGE_OCTETS_MAX};

/// How long the server may be silent.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How long a whole run may take.
const MAX_TIME: Duration = Duration::from_hours(24);

/// Reconnects in a row without a message in between.
const RETRIES: u32 = 3;

/// Everything about one account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// The name in the configuration file, or the URL without secrets.
    pub(crate) name: String,
    /// The identity the journal files it under, where the configuration overrides it.
    pub(crate) id_override: Option<String>,
    pub(crate) server: Server,
    pub(crate) user: String,
    /// None for a login by client certificate; why there is none otherwise.
    pub(crate) secret: Result<Option<SecretSource>, Failure>,
    pub(crate) transport: Transport,
    pub(crate) login: LoginPolicy,
    pub(crate) timeout: Duration,
    pub(crate) max_time: Duration,
    pub(crate) retries: u32,
    /// Where its mail goes, as written, `{account}` filled in.
    pub(crate) destination: Option<String>,
    pub(crate) journal: Option<PathBuf>,
    pub(crate) eml_folders: EmlFolders,
    pub(crate) after_storing: AfterStoring,
    pub(crate) run_octets_max: Option<u64>,
    pub(crate) message_octets_max: u64,
    pub(crate) batch: Option<u32>,
    /// What each setting is and where it came from.
    pub(crate) explained: Vec<Explained>,
}

/// An account that the configuration file gets wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BrokenAccount {
    pub(crate) name: String,
    pub(crate) failure: Failure,
}

/// A setting for people: what it is and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explained {
    pub(crate) key: &'static str,
    pub(crate) value: String,
    pub(crate) source: Source,
}

impl Configuration<'_> {
    /// The account that is meant by a name or a URL. Outer errors are the command line's, which
    /// end the run; inner ones are the account's own.
    pub(super) fn account(&self, named: &str) -> Result<Result<Account, BrokenAccount>, Failure> {
        if looks_like_url(named) {
            let url = AccountUrl::parse(named)
                .map_err(|error| Failure::usage(error.to_string()).hint(error.hint()))?;
            let levels = self.levels(None);
            let resolver = Resolver::new(self, Levels(&levels), None, url.to_string());
            let account = resolver.finish(&url, Source::Url);
            return account.map(Ok).map_err(|failure| Failure {
                message: format!("{url}: {}", failure.message),
                ..failure
            });
        }
        let Some(level) = self.file.account(named) else {
            return Err(self.unknown_account(named));
        };
        let levels = self.levels(Some(level));
        let resolver = Resolver::new(self, Levels(&levels), Some(named), named.to_owned());
        Ok(resolver
            .finish_named(level)
            .map_err(|failure| BrokenAccount {
                name: named.to_owned(),
                failure,
            }))
    }

    /// Nearest first; an account's own stands over the defaults.
    pub(super) fn levels<'a>(&'a self, account: Option<&'a Level>) -> Vec<&'a Level> {
        let defaults = self.file.defaults.as_ref();
        [&self.flags, &self.variables]
            .into_iter()
            .chain(account)
            .chain(defaults)
            .collect()
    }

    fn unknown_account(&self, name: &str) -> Failure {
        let place = if self.file.path.as_os_str().is_empty() {
            "there is no configuration file".to_owned()
        } else {
            format!("{} has no such account", self.file.path.display())
        };
        let failure = Failure::usage(format!(
            "no account \"{}\": {}",
            escape(name),
            escape(&place)
        ));
        match self.file.nearest_account(name) {
            Some(nearest) => failure.hint(format!("the nearest name is \"{nearest}\"")),
            None => failure.hint("an account without configuration is written pop3s://USER@HOST"),
        }
    }
}

/// Puts one account together, noting where each value came from.
struct Resolver<'a> {
    configuration: &'a Configuration<'a>,
    levels: Levels<'a>,
    configured: Option<&'a str>,
    name: String,
    explained: Vec<Explained>,
}

impl<'a> Resolver<'a> {
    fn new(
        configuration: &'a Configuration<'a>,
        levels: Levels<'a>,
        configured: Option<&'a str>,
        name: String,
    ) -> Self {
        Self {
            configuration,
            levels,
            configured,
            name,
            explained: Vec::new(),
        }
    }

    fn finish_named(self, level: &Level) -> Result<Account, Failure> {
        let Some(server) = &level.values.account.server else {
            return Err(Failure::config("this account names no server")
                .hint("write server = \"pop3s://pop.example.org\" under it"));
        };
        let source = level.source("server");
        let url = AccountUrl::parse(server)
            .map_err(|error| Failure::config(format!("{error} ({source})")).hint(error.hint()))?;
        self.finish(&url, source)
    }

    fn finish(mut self, url: &AccountUrl, origin: Source) -> Result<Account, Failure> {
        let server = self.server(url, origin.clone())?;
        let user = self.user(url, origin)?;
        let path_name = self.path_name(&server, &user);
        let login = self.login_policy();
        let secret = self.secret(&server, &user, &path_name)?;
        let transport = self.transport(&path_name)?;
        let timeout = self.pick("timeout", |values| values.network.timeout);
        let max_time = self.pick("max-time", |values| values.network.max_time);
        let retries = self.pick("retries", |values| values.network.retries);
        let timeout = timeout.map_or_else(|| self.default("timeout", TIMEOUT, "60s"), |it| it.0);
        let max_time =
            max_time.map_or_else(|| self.default("max-time", MAX_TIME, "1day"), |it| it.0);
        let retries = retries.map_or_else(
            || self.default("retries", RETRIES, "3"),
            |Times(times)| times,
        );
        let destination = self.pick("to", |values| values.destination.to.clone());
        let destination = destination.map(|it| it.replace("{account}", &path_name));
        let journal = self.pick("journal", |values| values.destination.journal.clone());
        let journal = journal.map(|it| self.named_path(&it, &path_name));
        let eml_folders = self.pick("eml-folders", |values| values.destination.eml_folders);
        let after_storing = self.policy()?;
        let message_max = self.pick("max-message", |values| values.limits.max_message);
        let message_octets_max = message_max.map_or_else(
            || self.default("max-message", MESSAGE_OCTETS_MAX, "4 GiB"),
            |SizeBound(octets)| octets.get(),
        );
        let run_octets_max = self.pick("max-bytes", |values| values.limits.max_bytes);
        let batch = self.pick("batch", |values| values.limits.batch);
        let account_id = self.pick("account-id", |values| values.account.account_id.clone());
        Ok(Account {
            name: self.name,
            id_override: account_id.map(|id| id.to_string()),
            server,
            user,
            secret,
            transport,
            login,
            timeout,
            max_time,
            retries,
            destination,
            journal,
            eml_folders: match eml_folders {
                Some(FolderName::Months) => EmlFolders::Months,
                Some(FolderName::None) | None => EmlFolders::None,
            },
            after_storing,
            run_octets_max: run_octets_max.map(|SizeBound(octets)| octets.get()),
            message_octets_max,
            batch: batch.map(|Count(count)| count.into()),
            explained: self.explained,
        })
    }

    /// The value of the nearest level, noted.
    fn pick<T: ToString>(
        &mut self,
        key: &'static str,
        value: impl Fn(&'a Values) -> Option<T>,
    ) -> Option<T> {
        let (value, source) = self.levels.pick(key, value)?;
        self.note(key, value.to_string(), source);
        Some(value)
    }

    fn default<T>(&mut self, key: &'static str, value: T, shown: &str) -> T {
        self.note(key, shown.to_owned(), Source::Default);
        value
    }

    fn note(&mut self, key: &'static str, value: String, source: Source) {
        self.explained.push(Explained { key, value, source });
    }

    fn server(&mut self, url: &AccountUrl, origin: Source) -> Result<Server, Failure> {
        let tls = match (self.levels.pick("tls", |values| values.tls.tls), url.scheme) {
            (Some((TlsName::Off, source)), Scheme::Pop3s) => {
                return Err(Self::contradiction(
                    &source,
                    "pop3s:// means TLS, and tls is off",
                    "write pop3:// where there shall be no TLS",
                ));
            }
            (Some((tls, source)), _) => {
                self.note("tls", tls.to_string(), source);
                tls
            }
            (None, Scheme::Pop3s) => {
                self.default("tls", TlsName::Implicit, "implicit, as pop3s:// says")
            }
            (None, Scheme::Pop3) => self.default("tls", TlsName::Stls, "stls, as pop3:// says"),
        };
        let tls = match tls {
            TlsName::Implicit => TlsMode::Implicit,
            TlsName::Stls => TlsMode::Stls,
            TlsName::Off => TlsMode::Off,
        };
        if url.port == Some(0) {
            return Err(Self::contradiction(
                &origin,
                "no server listens at port 0",
                "write a port from 1 to 65535, or none",
            ));
        }
        let port = url.port.unwrap_or(tls.default_port());
        self.note("server", format!("{}:{port}", url.host), origin);
        Ok(Server {
            host: url.host.clone(),
            port,
            tls,
        })
    }

    /// A mistake in what several values say together: the command line's when a flag takes part.
    fn contradiction(source: &Source, message: &str, hint: &str) -> Failure {
        let failure = match source {
            Source::Line { .. } => Failure::config,
            Source::Flag(_) | Source::Environment(_) | Source::Url | Source::Default => {
                Failure::usage
            }
        };
        let failure: Failure = failure(format!("{message} ({source})"));
        failure.hint(hint)
    }

    fn user(&mut self, url: &AccountUrl, origin: Source) -> Result<String, Failure> {
        let set = self.levels.pick("user", |values| values.login.user.clone());
        match (set, &url.user) {
            (Some((user, source)), Some(in_url)) if user.to_string() != *in_url => {
                Err(Self::contradiction(
                    &source,
                    "the URL names another user than the setting \"user\"",
                    "leave one of them out",
                ))
            }
            (Some((user, source)), _) => {
                self.note("user", escape(&user).into_owned(), source);
                Ok(user.to_string())
            }
            (None, Some(user)) => {
                self.note("user", escape(user).into_owned(), origin);
                Ok(user.clone())
            }
            (None, None) => Err(Self::contradiction(
                &origin,
                "there is no user",
                "write pop3s://USER@HOST, or give the user by --user or the key user",
            )),
        }
    }

    fn login_policy(&mut self) -> LoginPolicy {
        let mechanism = self.pick("auth", |values| values.login.auth);
        if mechanism.is_none() {
            self.note(
                "auth",
                "the best that both sides know".to_owned(),
                Source::Default,
            );
        }
        let pipelining = self.pick("pipeline", |values| values.network.pipeline);
        if pipelining.is_none() {
            self.note(
                "pipeline",
                "when the server offers it".to_owned(),
                Source::Default,
            );
        }
        LoginPolicy {
            mechanism: mechanism.map(MechanismName::mechanism),
            pipelining: pipelining.unwrap_or(PipelinePolicy::Auto),
        }
    }

    /// What `{account}` stands for: one part of a path.
    fn path_name(&self, server: &Server, user: &str) -> String {
        self.configured
            .map_or_else(|| format!("{user}@{}", server.host), str::to_owned)
            .replace('/', "_")
    }

    /// A missing secret is the account's to tell when it logs in; a contradiction is told now.
    fn secret(
        &mut self,
        server: &Server,
        user: &str,
        path_name: &str,
    ) -> Result<Result<Option<SecretSource>, Failure>, Failure> {
        let mechanism = self.levels.pick("auth", |values| values.login.auth);
        if matches!(mechanism, Some((MechanismName::External, _))) {
            return Ok(Ok(None));
        }
        let host = bare(&server.host);
        let whose = Whose {
            account: self.configured,
            path_name,
            user,
            host: &host,
        };
        match secrets::find(self.levels, self.configuration.environment, whose) {
            Ok(source) => Ok(Ok(Some(source))),
            Err(failure) if failure.kind == Kind::NoSecret => Ok(Err(failure)),
            Err(failure) => Err(failure),
        }
    }

    fn transport(&mut self, path_name: &str) -> Result<Transport, Failure> {
        let ca_file = self.pick("tls-ca", |values| values.tls.tls_ca.clone());
        let pin = self.pick("tls-pin", |values| values.tls.tls_pin);
        let tls_name = self.pick("tls-name", |values| values.tls.tls_name.clone());
        let certificate = self.pick("tls-client-cert", |values| {
            values.tls.tls_client_cert.clone()
        });
        let key = self.pick("tls-client-key", |values| values.tls.tls_client_key.clone());
        let proxy = self.pick("proxy", |values| values.network.proxy.clone());
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(ClientIdentity {
                certificate: self.named_path(&certificate, path_name),
                key: self.named_path(&key, path_name),
            }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(Failure::config(
                    "a client certificate needs its key, and a key its certificate",
                )
                .hint("write both tls-client-cert and tls-client-key"));
            }
        };
        Ok(Transport {
            ca_file: ca_file.map(|path| self.named_path(&path, path_name)),
            pin,
            tls_name: tls_name.map(|name| name.to_string()),
            identity,
            proxy,
            family: self.family()?,
        })
    }

    fn family(&mut self) -> Result<Family, Failure> {
        let said = self.levels.pick("ipv4", |values| {
            let network = &values.network;
            (network.ipv4.is_some() || network.ipv6.is_some())
                .then(|| (network.ipv4 == Some(true), network.ipv6 == Some(true)))
        });
        match said {
            Some(((true, true), source)) => Err(Self::contradiction(
                &source,
                "ipv4 and ipv6 are both the only one",
                "leave one of them out, or both",
            )),
            Some(((true, false), source)) => {
                self.note("ipv4", "true".to_owned(), source);
                Ok(Family::V4)
            }
            Some(((false, true), source)) => {
                self.note("ipv6", "true".to_owned(), source);
                Ok(Family::V6)
            }
            Some(((false, false), _)) | None => Ok(Family::Any),
        }
    }

    /// Keep, delete or delete-after are one setting: the nearest level that names one wins whole.
    fn policy(&mut self) -> Result<AfterStoring, Failure> {
        let said = self.levels.0.iter().find_map(|level| {
            let policy = &level.values.policy;
            let keys = [
                policy.keep.map(|on| ("keep", on, AfterStoring::Keep)),
                policy.delete.map(|on| ("delete", on, AfterStoring::Delete)),
                policy.delete_after.map(|age| {
                    let seconds = age.0.as_secs();
                    ("delete-after", true, AfterStoring::DeleteAfter { seconds })
                }),
            ];
            let said: Vec<_> = keys.into_iter().flatten().collect();
            (!said.is_empty()).then_some((*level, said))
        });
        let Some((level, said)) = said else {
            return Ok(self.default("keep", AfterStoring::Keep, "true"));
        };
        match said.as_slice() {
            [(key, true, after)] => {
                let age = level.values.policy.delete_after;
                let value = age.map_or_else(|| "true".to_owned(), |age| age.to_string());
                self.note(key, value, level.source(key));
                Ok(*after)
            }
            [(key, false, _), ..] => Err(Self::contradiction(
                &level.source(key),
                &format!("{key} = false says nothing"),
                "write one of keep = true, delete = true, delete-after = \"14d\"",
            )),
            [(one, ..), (other, ..), ..] => Err(Self::contradiction(
                &level.source(other),
                &format!("{one} and {other} contradict each other"),
                "write one of keep, delete and delete-after",
            )),
            [] => Ok(AfterStoring::Keep),
        }
    }

    /// A path of a setting, `~` and `{account}` filled in.
    fn named_path(&self, path: &str, path_name: &str) -> PathBuf {
        let path = path.replace("{account}", path_name);
        self.configuration.environment.expand_home(&path)
    }
}

/// A host as it stands outside of URLs: no brackets.
fn bare(host: &Host<String>) -> String {
    match host {
        Host::Domain(name) => name.clone(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}
