//! mpop's `~/.mpoprc`: one command a line, `defaults`, `account NAME [: BASE, ...]`.

use std::collections::BTreeMap;

use super::{Encryption, Imported, Seen, set_server};

type Commands = BTreeMap<String, String>;

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
    accounts.retain(|(name, commands)| name != "default" || commands.contains_key("host"));
    let named_elsewhere = accounts.len() > 1;
    accounts.retain(|(name, _)| name != "default" || !named_elsewhere);
    Ok(accounts
        .into_iter()
        .map(|(name, commands)| convert(name, &commands))
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

fn convert(name: String, commands: &Commands) -> Imported {
    let mut account = Imported {
        name,
        ..Imported::default()
    };
    let value = |key: &str| {
        commands
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    };
    let is_on = |key: &str, unsaid| commands.get(key).map_or(unsaid, |value| value != "off");
    let encryption = match (is_on("tls", false), is_on("tls_starttls", true)) {
        (true, true) => Encryption::Stls,
        (true, false) => Encryption::Implicit,
        (false, _) => Encryption::Off,
    };
    set_server(
        &mut account,
        value("host").unwrap_or("localhost"),
        value("port"),
        encryption,
    );
    if let Some(user) = value("user") {
        account.set("user", user);
    }
    let mut left: Commands = commands.clone();
    for known in [
        "host",
        "port",
        "tls",
        "tls_starttls",
        "user",
        "pipelining",
        "uidls_file",
        "only_new",
    ] {
        left.remove(known);
    }
    secret(&mut account, &mut left);
    tls(&mut account, &mut left);
    delivery(&mut account, &mut left);
    if value("pipelining") == Some("off") {
        account.set("pipeline", "off");
    }
    if let Some(seconds) = left.remove("timeout").filter(|value| value != "off") {
        account.set("timeout", format!("{seconds}s"));
    }
    if let Some(host) = left.remove("proxy_host").filter(|host| !host.is_empty()) {
        let port = left
            .remove("proxy_port")
            .unwrap_or_else(|| "1080".to_owned());
        account.set("proxy", format!("socks5://{host}:{port}"));
    }
    for (command, value) in left {
        account.leave_out(format!("{command} {value}").trim().to_owned());
    }
    account.seen = value("host").zip(value("user")).map(|(host, user)| Seen {
        file: value("uidls_file")
            .unwrap_or("~/.mpop_uidls/%U_at_%H")
            .replace("%U", user)
            .replace("%H", host)
            .into(),
        host: host.to_owned(),
        user: user.to_owned(),
    });
    account
}

fn secret(account: &mut Imported, left: &mut Commands) {
    let auth = left
        .remove("auth")
        .filter(|auth| !matches!(auth.as_str(), "" | "on"));
    let is_token = auth
        .as_deref()
        .is_some_and(|auth| matches!(auth, "xoauth2" | "oauthbearer"));
    if let Some(command) = left
        .remove("passwordeval")
        .filter(|command| !command.is_empty())
    {
        account.set(
            if is_token {
                "token-command"
            } else {
                "password-command"
            },
            command,
        );
        left.remove("password");
    } else if left.remove("password").is_some() {
        account.leave_password();
    }
    match auth {
        Some(auth) if auth.parse::<crate::protocol::Mechanism>().is_ok() => {
            account.set("auth", auth);
        }
        Some(auth) => account.leave_out(format!("auth {auth}: popfetch does not know it")),
        None => {}
    }
}

fn tls(account: &mut Imported, left: &mut Commands) {
    if let Some(file) = left
        .remove("tls_trust_file")
        .filter(|file| file != "system")
    {
        account.set("tls-ca", file);
    }
    if let Some(pin) = left.remove("tls_fingerprint").filter(|pin| !pin.is_empty()) {
        let digits = pin.replace(':', "").to_lowercase();
        if digits.len() == 64 {
            account.set("tls-pin", format!("sha256:{digits}"));
        } else {
            account.leave_out("tls_fingerprint: only SHA-256 is taken, by tls-pin");
        }
    }
    for (theirs, ours) in [
        ("tls_host_override", "tls-name"),
        ("tls_cert_file", "tls-client-cert"),
        ("tls_key_file", "tls-client-key"),
    ] {
        if let Some(value) = left.remove(theirs).filter(|value| !value.is_empty()) {
            account.set(ours, value);
        }
    }
    if left.remove("tls_certcheck").as_deref() == Some("off") {
        account.leave_out("tls_certcheck off: certificates are always checked; tls-pin trusts one");
    }
}

fn delivery(account: &mut Imported, left: &mut Commands) {
    let delivery = left.remove("delivery").unwrap_or_default();
    match delivery
        .split_once(char::is_whitespace)
        .map(|(kind, place)| (kind, unquoted(place.trim())))
    {
        Some(("maildir", path)) => account.set("to", format!("maildir:{path}")),
        Some(("mbox", path)) => account.set("to", format!("mbox:{path}")),
        Some(("mda", command)) => {
            account.set("to", format!("pipe:{command}"));
            if command.contains("%F") {
                account.leave_out("%F in the command: popfetch does not fill in the sender");
            }
        }
        Some(_) | None => account.leave_out(format!("delivery {delivery}")),
    }
    match left.remove("keep").as_deref() {
        Some("on" | "") => account.set_yes("keep"),
        None | Some("off") => account.set_yes("delete"),
        Some(age) => account.set("delete-after", age),
    }
    if let Some(kib) = left.remove("skipsize").filter(|kib| kib != "off") {
        account.set("max-message", format!("{kib}KiB"));
    }
}
