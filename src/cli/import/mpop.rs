//! mpop's `~/.mpoprc`: one command a line, `defaults`, `account NAME [: BASE, ...]`.

use std::collections::BTreeMap;

use super::counterpart::{Fate, Fates};
use super::settings::{Encryption, binary_size};
use super::{Imported, Seen};
use crate::cli::secrets::SecretKind;
use crate::protocol::Mechanism;

type Commands = BTreeMap<String, String>;

const FATES: Fates = &[
    ("pipelining", Fate::Needless),
    (
        "source_ip",
        Fate::Named("the system chooses the address to call from"),
    ),
    ("socket", Fate::Named("popfetch calls no local socket")),
    ("ntlmdomain", Fate::Named("NTLM is not spoken")),
    (
        "tls_crl_file",
        Fate::Named("certificates are checked as the system's TLS checks them"),
    ),
    (
        "tls_priorities",
        Fate::Named("TLS 1.2 or newer, as the system's library has it"),
    ),
    (
        "tls_min_dh_prime_bits",
        Fate::Named("TLS 1.2 or newer, as the system's library has it"),
    ),
    (
        "killsize",
        Fate::Named("popfetch deletes nothing that it has not stored"),
    ),
    (
        "filter",
        Fate::NamedBare("no filter is run; let to = \"pipe:COMMAND\" sort"),
    ),
    (
        "eval",
        Fate::NamedBare(
            "popfetch runs nothing to read its configuration; write what the command prints, or \
             use password-command",
        ),
    ),
];

/// Reads the accounts.
pub(super) fn read(text: &str) -> Result<Vec<Imported>, String> {
    let mut defaults = Commands::new();
    let mut accounts: Vec<(String, Commands)> = Vec::new();
    let mut in_defaults = false;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (command, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let value = unquoted(value.trim());
        match (command, accounts.last_mut()) {
            ("defaults", _) => in_defaults = true,
            ("account", _) => {
                in_defaults = false;
                let (name, commands) = begin(value, &defaults, &accounts)
                    .ok_or_else(|| format!("line {number}: the account it copies is not known"))?;
                accounts.push((name, commands));
            }
            _ if in_defaults => drop(defaults.insert(command.to_owned(), value.to_owned())),
            (_, Some((_, commands))) => {
                drop(commands.insert(command.to_owned(), value.to_owned()));
            }
            (_, None) => {
                return Err(format!(
                    "line {number}: \"{command}\" stands before any account"
                ));
            }
        }
    }
    // `account default : NAME` only says which one is meant when none is named.
    let others: Vec<Commands> = accounts
        .iter()
        .filter(|(name, _)| name != "default")
        .map(|(_, commands)| commands.clone())
        .collect();
    accounts.retain(|(name, commands)| {
        name != "default" || commands.contains_key("host") && !others.contains(commands)
    });
    Ok(accounts
        .into_iter()
        .map(|(name, commands)| convert(name, commands))
        .collect())
}

/// An account begins with the defaults, or with the accounts it copies.
fn begin(
    value: &str,
    defaults: &Commands,
    known: &[(String, Commands)],
) -> Option<(String, Commands)> {
    let (name, bases) = value.split_once(':').unwrap_or((value, ""));
    let mut commands = defaults.clone();
    for base in bases
        .split(',')
        .map(str::trim)
        .filter(|base| !base.is_empty())
    {
        let (_, copied) = known.iter().find(|(name, _)| name == base)?;
        commands.extend(copied.clone());
    }
    Some((name.trim().to_owned(), commands))
}

fn unquoted(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value)
}

/// Takes a command's argument; one without an argument is as if it were not there.
fn take(commands: &mut Commands, command: &str) -> Option<String> {
    commands.remove(command).filter(|value| !value.is_empty())
}

/// Takes a command that is `on`, `off` or, meaning `on`, nothing.
fn take_switch(commands: &mut Commands, command: &str) -> Option<bool> {
    commands.remove(command).map(|value| value != "off")
}

fn convert(name: String, mut commands: Commands) -> Imported {
    let mut account = Imported::named(name);
    let tls = take_switch(&mut commands, "tls").unwrap_or(false);
    let starttls = take_switch(&mut commands, "tls_starttls").unwrap_or(true);
    let encryption = match (tls, starttls) {
        (true, true) => Encryption::Stls,
        (true, false) => Encryption::Implicit,
        (false, _) => Encryption::Off,
    };
    let host = take(&mut commands, "host").unwrap_or_else(|| "localhost".to_owned());
    let port = take(&mut commands, "port");
    account.set_server(&host, port.as_deref(), encryption);
    let user = take(&mut commands, "user");
    account.set_user(user.as_deref());
    let uidls_file = take(&mut commands, "uidls_file");
    secret(&mut account, &mut commands);
    tls_settings(&mut account, &mut commands);
    delivery(&mut account, &mut commands);
    network(&mut account, &mut commands);
    if take_switch(&mut commands, "received_header") == Some(true) {
        account.leave_out("received_header: popfetch adds nothing to a message");
    }
    if take_switch(&mut commands, "only_new") == Some(false) {
        account.leave_out("only_new off: what is stored is fetched again by --all only");
    }
    account.leave_out_rest(FATES, commands);
    account.seen = user.map(|user| {
        let file = uidls_file.unwrap_or_else(|| "~/.mpop_uidls/%U_at_%H".to_owned());
        Seen {
            files: vec![file.replace("%U", &user).replace("%H", &host)],
            host,
            user,
        }
    });
    account
}

fn secret(account: &mut Imported, commands: &mut Commands) {
    let auth = take(commands, "auth").filter(|auth| auth != "on");
    let kind = match auth.as_deref() {
        Some("xoauth2" | "oauthbearer") => SecretKind::Token,
        Some(_) | None => SecretKind::Password,
    };
    let password = take(commands, "password");
    if let Some(command) = take(commands, "passwordeval") {
        account.set_secret_command(kind, command);
    } else if password.is_some() {
        account.leave_password();
    }
    match auth {
        Some(auth) if auth.parse::<Mechanism>().is_ok() => {
            account.set("auth", auth);
        }
        Some(auth) => account.leave_out(format!("auth {auth}: popfetch does not know it")),
        None => {}
    }
}

fn tls_settings(account: &mut Imported, commands: &mut Commands) {
    if let Some(file) = take(commands, "tls_trust_file").filter(|file| file != "system") {
        account.set("tls-ca", file);
    }
    if let Some(pin) = take(commands, "tls_fingerprint") {
        account.set_pin("tls_fingerprint", &pin);
    }
    for (theirs, ours) in [
        ("tls_host_override", "tls-name"),
        ("tls_cert_file", "tls-client-cert"),
        ("tls_key_file", "tls-client-key"),
    ] {
        if let Some(value) = take(commands, theirs) {
            account.set(ours, value);
        }
    }
    if take_switch(commands, "tls_certcheck") == Some(false) {
        account.leave_out("tls_certcheck off: certificates are always checked; tls-pin trusts one");
    }
}

fn delivery(account: &mut Imported, commands: &mut Commands) {
    let delivery = take(commands, "delivery").unwrap_or_default();
    match delivery
        .split_once(char::is_whitespace)
        .map(|(kind, place)| (kind, unquoted(place.trim())))
    {
        Some(("maildir", path)) => account.set_place("maildir", path),
        Some(("mbox", path)) => account.set_place("mbox", path),
        Some(("mda", command)) => account.set_pipe(command, &["%F"]),
        Some((kind, _)) => account.leave_out(format!("delivery {kind}: popfetch has none of it")),
        None => account.leave_place("delivery: none is named"),
    }
    match commands.remove("keep").as_deref() {
        Some("on" | "") => account.set_yes("keep"),
        None | Some("off") => account.set_yes("delete"),
        Some(age) => account.set("delete-after", age),
    }
    if let Some(size) = take(commands, "skipsize").filter(|size| size != "off") {
        account.set_bound("max-message", binary_size(&size));
    }
}

fn network(account: &mut Imported, commands: &mut Commands) {
    if take(commands, "pipelining").as_deref() == Some("off") {
        account.set("pipeline", "off");
    }
    if let Some(seconds) = take(commands, "timeout") {
        account.set_timeout(&seconds);
    }
    let port = take(commands, "proxy_port").unwrap_or_else(|| "1080".to_owned());
    if let Some(host) = take(commands, "proxy_host") {
        account.set("proxy", format!("socks5://{host}:{port}"));
    }
}
