//! getmail's rc file: an INI file with `[retriever]`, `[destination]` and `[options]`.

use std::collections::BTreeMap;

use super::words::words;
use super::{Encryption, Imported, Seen, set_server};

type Sections = BTreeMap<String, BTreeMap<String, String>>;

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
    let user = retriever.remove("username").unwrap_or_default();
    let mut account = Imported {
        name: if file_name == "getmailrc" {
            user.clone()
        } else {
            file_name.to_owned()
        },
        ..Imported::default()
    };
    set_server(&mut account, &host, port.as_deref(), encryption);
    account.set("user", &user);
    if kind.contains("Multidrop") {
        account.leave_out("envelope_recipient: a mailbox for several people is not sorted");
        retriever.remove("envelope_recipient");
    }
    retrieval(&mut account, retriever);
    destination(
        &mut account,
        sections.remove("destination").unwrap_or_default(),
    );
    options(&mut account, sections.remove("options").unwrap_or_default());
    for (section, values) in sections {
        account.leave_out(format!("[{section}] with {} settings", values.len()));
    }
    let port = port.unwrap_or_else(|| if implicit { "995" } else { "110" }.to_owned());
    let file = format!("oldmail-{host}-{port}-{user}").replace('/', "-");
    account.seen = Some(Seen {
        file: format!("~/.getmail/{file}").into(),
        host,
        user,
    });
    Ok(account)
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
        if let Some(name) = words
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            name.clone_into(&mut section);
            sections.entry(section.clone()).or_default();
            continue;
        }
        let values = sections
            .get_mut(&section)
            .ok_or_else(|| format!("line {number} stands before any [section]"))?;
        if line.starts_with([' ', '\t']) && !key.is_empty() {
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

fn retrieval(account: &mut Imported, mut retriever: BTreeMap<String, String>) {
    let is_token = retriever
        .remove("use_xoauth2")
        .is_some_and(|value| is_true(&value));
    if let Some(command) = retriever.remove("password_command") {
        let key = if is_token {
            "token-command"
        } else {
            "password-command"
        };
        account.set(key, shell_command(&command));
        retriever.remove("password");
    } else if retriever.remove("password").is_some() {
        account.leave_password();
    }
    if is_token {
        account.set("auth", "xoauth2");
    }
    if retriever
        .remove("use_apop")
        .is_some_and(|value| is_true(&value))
    {
        account.set("auth", "apop");
    }
    if let Some(seconds) = retriever.remove("timeout") {
        account.set("timeout", format!("{seconds}s"));
    }
    for (theirs, ours) in [
        ("ca_certs", "tls-ca"),
        ("certfile", "tls-client-cert"),
        ("keyfile", "tls-client-key"),
        ("ssl_cert_hostname", "tls-name"),
    ] {
        if let Some(value) = retriever.remove(theirs) {
            account.set(ours, value);
        }
    }
    for (key, value) in retriever {
        account.leave_out(format!("{key} = {value}"));
    }
}

fn destination(account: &mut Imported, mut destination: BTreeMap<String, String>) {
    let kind = destination.remove("type").unwrap_or_default();
    let path = destination.remove("path").unwrap_or_default();
    match kind.as_str() {
        "Maildir" => account.set("to", format!("maildir:{}", path.trim_end_matches('/'))),
        "Mboxrd" => account.set("to", format!("mbox:{path}")),
        "MDA_external" => {
            let arguments = destination.remove("arguments").unwrap_or_default();
            let command = format!("{path} {}", shell_command(&arguments));
            account.set("to", format!("pipe:{}", command.trim()));
        }
        _ => account.leave_out(format!(
            "[destination] type = {kind}: name one place by to = \"...\""
        )),
    }
    for (key, value) in destination {
        account.leave_out(format!("[destination] {key} = {value}"));
    }
}

fn options(account: &mut Imported, mut options: BTreeMap<String, String>) {
    let deletes = options
        .remove("delete")
        .is_some_and(|value| is_true(&value));
    match options.remove("delete_after").filter(|days| days != "0") {
        Some(days) => account.set("delete-after", format!("{days}d")),
        None => account.set_yes(if deletes { "delete" } else { "keep" }),
    }
    if options
        .remove("read_all")
        .is_none_or(|value| is_true(&value))
    {
        account
            .leave_out("read_all = true: popfetch fetches only what is new, unless --all is given");
    }
    for (theirs, ours) in [
        ("max_message_size", "max-message"),
        ("max_bytes_per_session", "max-bytes"),
    ] {
        if let Some(octets) = options.remove(theirs).filter(|octets| octets != "0") {
            account.set(ours, octets);
        }
    }
    for (key, value) in options {
        let harmless = matches!(
            key.as_str(),
            "verbose" | "message_log_syslog" | "message_log_verbose"
        );
        if !harmless {
            account.leave_out(format!("{key} = {value}"));
        }
    }
}

fn is_true(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "true" | "yes" | "on" | "1")
}

/// A tuple of Python, `("pass", "show", "x")`, as a shell command.
fn shell_command(tuple: &str) -> String {
    let inner = tuple.trim().trim_start_matches('(').trim_end_matches(')');
    let words = words(&inner.replace(',', " , "));
    let quoted = words.iter().filter(|word| *word != ",").map(|word| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=@%+:".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
