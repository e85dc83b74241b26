//! What is said about a user, in our words.

use std::collections::BTreeMap;

use super::super::counterpart::{Fate, Fates};
use super::super::settings::Encryption;
use super::super::{Imported, Seen};
use super::Said;

const FATES: Fates = &[
    ("dns", Fate::Needless),
    ("checkalias", Fate::Needless),
    ("uidl", Fate::Needless),
    ("fastuidl", Fate::Needless),
    ("warnings", Fate::Needless),
    ("idle", Fate::Needless),
    ("stripcr", Fate::Needless),
    ("forcecr", Fate::Needless),
    ("pass8bits", Fate::Needless),
    ("properties", Fate::Needless),
    ("sslcertck", Fate::Needless),
    (
        "envelope",
        Fate::Named("mail for several people is not sorted"),
    ),
    (
        "qvirtual",
        Fate::Named("mail for several people is not sorted"),
    ),
    (
        "local",
        Fate::Named("mail for several people is not sorted"),
    ),
    ("aka", Fate::Named("mail for several people is not sorted")),
    ("interface", Fate::Named("popfetch looks at no interface")),
    ("monitor", Fate::Named("popfetch looks at no interface")),
    (
        "interval",
        Fate::Named("let cron or a systemd timer call this account less often"),
    ),
    (
        "plugin",
        Fate::NamedBare("popfetch connects by itself, or by proxy = \"socks5://...\""),
    ),
    (
        "plugout",
        Fate::NamedBare("popfetch hands no mail on by SMTP"),
    ),
    (
        "preconnect",
        Fate::NamedBare("popfetch runs nothing before it connects"),
    ),
    (
        "postconnect",
        Fate::NamedBare("popfetch runs nothing when it has ended"),
    ),
    ("principal", Fate::Named("Kerberos is not spoken")),
    (
        "sslcertpath",
        Fate::Named("name a file by tls-ca; the system's authorities are trusted"),
    ),
    (
        "sslfingerprint",
        Fate::Named("only SHA-256 is taken, by tls-pin"),
    ),
    ("smtphost", Fate::Named("popfetch hands no mail on by SMTP")),
    (
        "smtpaddress",
        Fate::Named("popfetch hands no mail on by SMTP"),
    ),
    ("smtpname", Fate::Named("popfetch hands no mail on by SMTP")),
    (
        "esmtpname",
        Fate::Named("popfetch hands no mail on by SMTP"),
    ),
    (
        "esmtppassword",
        Fate::NamedBare("popfetch hands no mail on by SMTP"),
    ),
    ("lmtp", Fate::Named("popfetch hands no mail on by LMTP")),
    (
        "fetchdomains",
        Fate::Named("popfetch hands no mail on by SMTP"),
    ),
    ("antispam", Fate::Named("popfetch hands no mail on by SMTP")),
    (
        "batchlimit",
        Fate::Named("popfetch hands no mail on by SMTP"),
    ),
    ("bsmtp", Fate::Named("popfetch writes no BSMTP")),
    (
        "bad-header",
        Fate::Named("a message is stored however bad its header is"),
    ),
    ("folder", Fate::Named("POP3 has one mailbox")),
    ("fetchlimit", Fate::Named("--limit N holds for one run")),
    ("fetchsizelimit", Fate::Needless),
];

/// Flags that are named when they are switched on.
const FLAGS: [(&str, &str); 8] = [
    ("fetchall", "what is stored is fetched again by --all only"),
    (
        "flush",
        "what the other program fetched is deleted by popfetch delete only",
    ),
    (
        "limitflush",
        "what is not stored is deleted by popfetch delete only",
    ),
    ("tracepolls", "popfetch adds nothing to a message"),
    ("rewrite", "popfetch changes nothing in a message"),
    ("mimedecode", "popfetch changes nothing in a message"),
    ("dropstatus", "popfetch changes nothing in a message"),
    ("dropdelivered", "popfetch changes nothing in a message"),
];

pub(super) fn convert(mut said: Said, idfile: &str) -> Imported {
    let mut account = Imported::named(said.server.clone());
    // By this name fetchmail keeps the list, too.
    let host = said.take("via").unwrap_or_else(|| said.server.clone());
    server(&mut account, &host, &mut said);
    let user = said.user.take();
    account.set_user(user.as_deref());
    secret(&mut account, &mut said);
    tls(&mut account, &mut said);
    delivery(&mut account, &mut said);
    if let Some(seconds) = said.take("timeout") {
        account.set_timeout(&seconds);
    }
    for (flag, why) in FLAGS {
        if said.take_flag(flag) == Some(true) {
            account.leave_out(format!("{flag}: {why}"));
        }
    }
    if said.is_skipped {
        account.leave_out("skip: popfetch fetches every account when none is named");
    }
    if said.stray_words > 0 {
        account.leave_out(format!("{} words that are no options", said.stray_words));
    }
    let wanted = said.options.into_iter().filter_map(|(option, words)| {
        // What `no` stands before is not missed.
        Some((option.to_owned(), words?.join(" ")))
    });
    account.leave_out_rest(FATES, wanted.collect::<BTreeMap<_, _>>());
    account.seen = user.map(|user| Seen {
        files: vec![idfile.to_owned()],
        host,
        user,
    });
    account
}

fn server(account: &mut Imported, host: &str, said: &mut Said) {
    let port = said.take("port");
    let has_ssl = said.take_flag("ssl").unwrap_or(false);
    let version = said.take("sslproto");
    let encryption = match (has_ssl, version.as_deref()) {
        (true, _) => Encryption::Implicit,
        (false, Some("")) => Encryption::Off,
        (false, _) => Encryption::Stls,
    };
    account.set_server(host, port.as_deref(), encryption);
    if let Some(version) = version.filter(|version| !version.is_empty()) {
        let has_minimum = ["auto", "tls1.2", "tls1.2+", "tls1.3", "tls1.3+"];
        if !has_minimum.contains(&version.to_lowercase().as_str()) {
            account.leave_out(format!("sslproto {version}: TLS 1.2 or newer"));
        }
    }
}

fn secret(account: &mut Imported, said: &mut Said) {
    if said.options.remove("pass").is_some() {
        account.leave_password();
    }
    let is_apop = said
        .take("proto")
        .is_some_and(|protocol| protocol.eq_ignore_ascii_case("apop"));
    match said.take("auth").as_deref() {
        _ if is_apop => account.set("auth", "apop"),
        None | Some("any" | "password") => {}
        Some(auth @ ("cram-md5" | "external")) => account.set("auth", auth),
        Some(auth) => account.leave_out(format!("auth {auth}: popfetch does not know it")),
    }
}

fn tls(account: &mut Imported, said: &mut Said) {
    if let Some(file) = said.take("sslcertfile") {
        account.set("tls-ca", file);
    }
    if let Some(name) = said.take("sslcommonname") {
        account.set("tls-name", name);
    }
    let (certificate, key) = (said.take("sslcert"), said.take("sslkey"));
    // Each may hold the other.
    if let Some(certificate) = certificate.as_ref().or(key.as_ref()) {
        account.set("tls-client-cert", certificate);
        account.set("tls-client-key", key.as_ref().unwrap_or(certificate));
    }
    if said.options.get("sslcertck") == Some(&None) {
        account.leave_out("no sslcertck: certificates are always checked; tls-pin trusts one");
    }
}

fn delivery(account: &mut Imported, said: &mut Said) {
    let names = said.options.remove("is").flatten().unwrap_or_default();
    if names.len() > 1 || names.iter().any(|name| name == "*") {
        account.leave_out("several local users: mail for several people is not sorted");
    }
    match said.take("mda") {
        Some(command) => account.set_pipe(&command, &["%F", "%T", "%s"]),
        None => {
            account.leave_place("delivery by SMTP to this machine: popfetch stores mail itself");
        }
    }
    let keeps = said.take_flag("keep").unwrap_or(false);
    account.set_yes(if keeps { "keep" } else { "delete" });
    if let Some(octets) = said.take("limit") {
        account.set_bound("max-message", octets);
    }
    if let Some(messages) = said.take("expunge").filter(|messages| messages != "0") {
        account.set_number("batch", &messages);
    }
}
