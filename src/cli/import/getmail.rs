//! getmail's rc file: an INI file with `[retriever]`, `[destination]` and `[options]`.

use std::collections::BTreeMap;

use super::counterpart::{Fate, Fates};
use super::settings::Encryption;
use super::{Imported, Seen};
use crate::cli::secrets::SecretKind;

type Section = BTreeMap<String, String>;
type Sections = BTreeMap<String, Section>;

const OF_RETRIEVER: Fates = &[
    (
        "delete_dup_msgids",
        Fate::Named("of messages with one unique-id none is deleted"),
    ),
    (
        "ssl_ciphers",
        Fate::Named("TLS 1.2 or newer, as the system's library has it"),
    ),
    (
        "ssl_version",
        Fate::Named("TLS 1.2 or newer, as the system's library has it"),
    ),
    (
        "envelope_recipient",
        Fate::Named("mail for several people is not sorted"),
    ),
];

const OF_DESTINATION: Fates = &[
    (
        "user",
        Fate::Named("popfetch stores as the user who runs it"),
    ),
    (
        "group",
        Fate::Named("popfetch stores as the user who runs it"),
    ),
    ("filemode", Fate::Named("files are for their owner alone")),
    ("locktype", Fate::Needless),
    ("allow_root_commands", Fate::Needless),
    ("ignore_stderr", Fate::Needless),
    ("pipe_stdout", Fate::Needless),
];

const OF_OPTIONS: Fates = &[
    ("verbose", Fate::Needless),
    ("use_netrc", Fate::Needless),
    ("to_oldmail_on_each_mail", Fate::Needless),
    ("skip_imap_fetch_size", Fate::Needless),
    ("fingerprint", Fate::Needless),
    ("logfile", Fate::Needless),
    ("message_log_syslog", Fate::Needless),
    ("message_log_verbose", Fate::Needless),
    ("netrc_file", Fate::Named("only ~/.netrc is read")),
    (
        "message_log",
        Fate::Named("send standard error there, or the lines of --json"),
    ),
    (
        "delete_bigger_than",
        Fate::Named("popfetch delete --larger does it"),
    ),
    (
        "max_messages_per_session",
        Fate::Named("--limit N holds for one run"),
    ),
];

/// Reads the account; there is one a file.
pub(super) fn read(text: &str, file_name: &str) -> Result<Imported, String> {
    let mut sections = sections(text)?;
    let mut retriever = sections
        .remove("retriever")
        .ok_or("there is no [retriever] in it")?;
    let kind = retriever.remove("type").unwrap_or_default();
    if !kind.contains("POP3") {
        return Err(format!(
            "the retriever is {kind}; popfetch speaks POP3 only"
        ));
    }
    let implicit = kind.contains("SSL");
    let encryption = if implicit {
        Encryption::Implicit
    } else {
        Encryption::Off
    };
    let host = retriever.remove("server").unwrap_or_default();
    let port = retriever.remove("port");
    let user = retriever.remove("username");
    let mut account = Imported::named(match &user {
        Some(user) if file_name == "getmailrc" => user.clone(),
        Some(_) | None => file_name.to_owned(),
    });
    account.set_server(&host, port.as_deref(), encryption);
    account.set_user(user.as_deref());
    retrieval(&mut account, retriever);
    destination(
        &mut account,
        sections.remove("destination").unwrap_or_default(),
    );
    options(&mut account, sections.remove("options").unwrap_or_default());
    for section in sections.into_keys() {
        account.leave_out(format!("[{section}]: let to = \"pipe:COMMAND\" do it"));
    }
    let port = port.unwrap_or_else(|| if implicit { "995" } else { "110" }.to_owned());
    account.seen = user.map(|user| Seen {
        files: oldmail_files(&format!("oldmail-{host}-{port}-{user}")),
        host,
        user,
    });
    Ok(account)
}

/// Where the list may be: beside the rc file, or in one of the folders where that mostly is.
fn oldmail_files(name: &str) -> Vec<String> {
    let mut plain = String::new();
    for c in name.chars() {
        match c {
            // One dash for any number of these.
            '/' | '\\' | ':' | ';' | '<' | '>' | '|' => {
                if !plain.ends_with('\0') {
                    plain.push('\0');
                }
            }
            c => plain.push(c),
        }
    }
    let plain = plain.replace('\0', "-");
    ["", "~/.config/getmail/", "~/.getmail/"]
        .map(|folder| format!("{folder}{plain}"))
        .into()
}

fn sections(text: &str) -> Result<Sections, String> {
    let mut sections = Sections::new();
    let mut section = String::new();
    let mut key = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words = line.trim();
        if words.is_empty() || words.starts_with(['#', ';']) {
            continue;
        }
        let is_indented = line.starts_with([' ', '\t']);
        if let Some(name) = words
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .filter(|_| !is_indented)
        {
            name.clone_into(&mut section);
            key.clear();
            sections.entry(section.clone()).or_default();
            continue;
        }
        let values = sections
            .get_mut(&section)
            .ok_or_else(|| format!("line {number} stands before any [section]"))?;
        if is_indented && !key.is_empty() {
            // A value that goes on in the next line.
            let value = values.entry(key.clone()).or_default();
            *value = format!("{value} {words}");
            continue;
        }
        let (name, value) = words
            .split_once(['=', ':'])
            .ok_or_else(|| format!("line {number} is no setting"))?;
        name.trim().to_lowercase().clone_into(&mut key);
        values.insert(key.clone(), value.trim().to_owned());
    }
    Ok(sections)
}

fn retrieval(account: &mut Imported, mut retriever: Section) {
    let kind = match take_switch(&mut retriever, "use_xoauth2") {
        Some(true) => SecretKind::Token,
        Some(false) | None => SecretKind::Password,
    };
    let password = retriever.remove("password");
    // getmail looks at the password first.
    match (password, retriever.remove("password_command")) {
        (Some(_), _) => account.leave_password(),
        (None, Some(command)) => account.set_secret_command(kind, shell_command(&command)),
        (None, None) => {}
    }
    if kind == SecretKind::Token {
        account.set("auth", "xoauth2");
    }
    if take_switch(&mut retriever, "use_apop") == Some(true) {
        account.set("auth", "apop");
    }
    if let Some(seconds) = retriever.remove("timeout") {
        account.set_timeout(&seconds);
    }
    // The system's authorities are trusted anyway, and a folder is not taken.
    let of_system = ["/etc/ssl/", "/etc/pki/"];
    let authorities = retriever
        .remove("ca_certs")
        .filter(|path| !of_system.iter().any(|folder| path.starts_with(folder)));
    if let Some(path) = authorities {
        account.set("tls-ca", path);
    }
    for (theirs, ours) in [
        ("certfile", "tls-client-cert"),
        ("keyfile", "tls-client-key"),
        ("ssl_cert_hostname", "tls-name"),
    ] {
        if let Some(value) = retriever.remove(theirs) {
            account.set(ours, value);
        }
    }
    if let Some(pins) = retriever.remove("ssl_fingerprints") {
        match strings(&pins).as_slice() {
            [pin] => account.set_pin("ssl_fingerprints", pin),
            _ => account.leave_out("ssl_fingerprints: tls-pin takes one"),
        }
    }
    account.leave_out_rest(OF_RETRIEVER, retriever);
}

fn destination(account: &mut Imported, mut destination: Section) {
    let kind = destination.remove("type").unwrap_or_default();
    let path = destination.remove("path").unwrap_or_default();
    match kind.as_str() {
        "Maildir" => account.set_place("maildir", path.trim_end_matches('/')),
        "Mboxrd" => account.set_place("mbox", &path),
        "MDA_external" => {
            let arguments = destination.remove("arguments").unwrap_or_default();
            let command = format!("{path} {}", shell_command(&arguments));
            let blanks = [
                "%(sender)",
                "%(recipient)",
                "%(local)",
                "%(domain)",
                "%(mailbox)",
            ];
            account.set_pipe(command.trim(), &blanks);
            if take_switch(&mut destination, "unixfrom") == Some(true) {
                account.leave_out("unixfrom: popfetch adds nothing to a message");
            }
        }
        _ => {
            account.leave_place(&format!(
                "[destination] type = {kind}: popfetch has one place"
            ));
            return;
        }
    }
    destination.remove("unixfrom");
    account.leave_out_rest(OF_DESTINATION, destination);
}

fn options(account: &mut Imported, mut options: Section) {
    let deletes = take_switch(&mut options, "delete") == Some(true);
    let days = options.remove("delete_after").filter(|days| days != "0");
    match days {
        // getmail gives `delete` the last word.
        Some(days) if !deletes => account.set("delete-after", format!("{days}d")),
        Some(_) | None => account.set_yes(if deletes { "delete" } else { "keep" }),
    }
    if take_switch(&mut options, "read_all").unwrap_or(true) {
        account.leave_out("read_all: what is stored is fetched again by --all only");
    }
    for (theirs, ours) in [
        ("max_message_size", "max-message"),
        ("max_bytes_per_session", "max-bytes"),
    ] {
        if let Some(octets) = options.remove(theirs) {
            account.set_bound(ours, octets);
        }
    }
    for key in ["received", "delivered_to"] {
        if take_switch(&mut options, key) == Some(true) {
            account.leave_out(format!("{key}: popfetch adds nothing to a message"));
        }
    }
    account.leave_out_rest(OF_OPTIONS, options);
}

fn take_switch(section: &mut Section, key: &str) -> Option<bool> {
    let value = section.remove(key)?.to_lowercase();
    Some(matches!(value.as_str(), "true" | "yes" | "on" | "1"))
}

/// The strings of a tuple of Python, `("pass", 'show', r"x")`.
fn strings(tuple: &str) -> Vec<String> {
    let mut strings = Vec::new();
    let mut rest = tuple.chars();
    let mut is_raw = false;
    while let Some(c) = rest.next() {
        if !matches!(c, '"' | '\'') {
            is_raw = matches!(c, 'r' | 'R');
            continue;
        }
        let mut string = String::new();
        while let Some(inner) = rest.next().filter(|inner| *inner != c) {
            let escaped = (inner == '\\' && !is_raw).then(|| rest.next()).flatten();
            string.push(escaped.unwrap_or(inner));
        }
        strings.push(string);
    }
    strings
}

/// A tuple of strings as a shell command.
fn shell_command(tuple: &str) -> String {
    let quoted = strings(tuple).into_iter().map(|word| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=@%+:".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
