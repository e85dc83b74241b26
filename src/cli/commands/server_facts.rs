//! What a server tells about itself, for `stat --server`.

use crate::cli::config::Account;
use crate::cli::output::json::{ServerObject, TlsObject, time};
use crate::cli::output::local_time;
use crate::client::{Leaf, ServerFacts, TlsMode, TlsVersion};
use crate::protocol::capability::Expire;
use crate::protocol::{Capabilities, ServerText};

/// Columns for what is told.
const NAME_COLUMNS: usize = 20;

/// For programs.
pub(super) fn object(facts: &ServerFacts) -> ServerObject {
    let capabilities = facts.capabilities();
    ServerObject {
        greeting: facts.greeting.to_string(),
        implementation: capabilities.implementation().map(|text| text.to_string()),
        mechanism: facts.mechanism.map(|mechanism| mechanism.to_string()),
        utf8: facts.utf8,
        pipelining: capabilities.has_pipelining(),
        expire: capabilities.expire().map(|expire| match expire {
            Expire::Never => "never".to_owned(),
            Expire::Days(days) => days.to_string(),
        }),
        languages: languages(facts),
        login_delay_seconds: capabilities.login_delay().map(|delay| delay.as_secs()),
        capabilities_before_login: facts.capabilities_before_login.as_ref().map(rows),
        capabilities: facts.capabilities_after_login.as_ref().map(rows),
        tls: facts.leaf.as_ref().map(|leaf| tls(leaf, facts.tls_version)),
    }
}

fn languages(facts: &ServerFacts) -> Option<Vec<String>> {
    let tags = facts.languages.iter().map(|it| it.tag.to_string());
    (!facts.languages.is_empty()).then(|| tags.collect())
}

fn tls(leaf: &Leaf, version: Option<TlsVersion>) -> TlsObject {
    TlsObject {
        version: version.map(|version| version.to_string()),
        subject: Some(leaf.subject.to_string()),
        issuer: Some(leaf.issuer.to_string()),
        names: leaf.names.iter().map(ToString::to_string).collect(),
        not_before: leaf.not_before_seconds.and_then(time),
        not_after: leaf.not_after_seconds.and_then(time),
        sha256: Some(leaf.sha256.to_string()),
    }
}

fn rows(capabilities: &Capabilities) -> Vec<String> {
    capabilities
        .rows()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// For people.
pub(super) fn lines(account: &Account, facts: &ServerFacts) -> Vec<String> {
    let capabilities = facts.capabilities();
    let mut lines = Vec::new();
    let mut tell =
        |name: &str, value: String| lines.push(format!("  {name:NAME_COLUMNS$}  {value}"));
    let said = |text: &ServerText| {
        if text.is_empty() {
            "(nothing)".to_owned()
        } else {
            text.to_string()
        }
    };
    tell("greeting", said(&facts.greeting));
    if let Some(implementation) = capabilities.implementation() {
        tell("implementation", implementation.to_string());
    }
    let mechanism = facts
        .mechanism
        .map_or_else(|| "unknown".to_owned(), |it| it.to_string());
    tell("logged in by", mechanism);
    tell(
        "encryption",
        encryption(account.server.tls, facts.tls_version),
    );
    for (name, value) in facts.leaf.iter().flat_map(certificate) {
        tell(name, value);
    }
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    tell("pipelining", yes_or_no(capabilities.has_pipelining()));
    tell("UTF-8", yes_or_no(facts.utf8));
    if let Some(languages) = languages(facts) {
        tell("languages", languages.join(", "));
    }
    tell("keeps mail", expire(capabilities.expire()));
    if let Some(delay) = capabilities.login_delay() {
        let delay = humantime::format_duration(delay);
        tell("between logins", format!("at least {delay}"));
    }
    for (name, capabilities) in [
        ("before login", &facts.capabilities_before_login),
        ("after login", &facts.capabilities_after_login),
    ] {
        let told = capabilities.as_ref().map_or_else(
            || "the server does not tell what it can do".to_owned(),
            |capabilities| rows(capabilities).join(", "),
        );
        tell(name, told);
    }
    lines
}

fn encryption(tls: TlsMode, version: Option<TlsVersion>) -> String {
    let begun = match tls {
        TlsMode::Implicit => "TLS from the first octet",
        TlsMode::Stls => "TLS, begun by STLS",
        TlsMode::Off => "none",
    };
    match version {
        Some(version) => format!("{begun}, {version}"),
        None => begun.to_owned(),
    }
}

fn certificate(leaf: &Leaf) -> [(&'static str, String); 4] {
    let names: Vec<_> = leaf.names.iter().map(ToString::to_string).collect();
    let date = |seconds: Option<i64>| {
        seconds
            .and_then(local_time)
            .unwrap_or_else(|| "?".to_owned())
    };
    let (begin, end) = (date(leaf.not_before_seconds), date(leaf.not_after_seconds));
    [
        ("certificate for", names.join(", ")),
        ("issued by", leaf.issuer.to_string()),
        ("valid", format!("{begin} to {end}")),
        ("fingerprint", leaf.sha256.to_string()),
    ]
}

/// EXPIRE in words (RFC 2449 section 6.7).
fn expire(expire: Option<Expire>) -> String {
    match expire {
        None => "as long as it likes; it does not say".to_owned(),
        Some(Expire::Never) => "until somebody deletes it".to_owned(),
        Some(Expire::Days(0)) => "not once it was fetched".to_owned(),
        Some(Expire::Days(days)) => format!("for at least {days} days"),
    }
}
