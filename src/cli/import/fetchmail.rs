//! fetchmail's `~/.fetchmailrc`: words without lines, `poll SERVER ... user USER ...`.

use std::collections::VecDeque;

use super::words::words;
use super::{Encryption, Imported, Seen, set_server};

/// What is said about a server, or about one user there.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word that was said or not"
)]
struct Said {
    server: String,
    via: Option<String>,
    protocol: Option<String>,
    port: Option<String>,
    timeout: Option<String>,
    user: Option<String>,
    has_password: bool,
    ssl: bool,
    no_tls: bool,
    keep: bool,
    folder: Option<String>,
    mda: Option<String>,
    bytes_max: Option<String>,
    certificate: Option<(String, String)>,
    ca_file: Option<String>,
    left_out: Vec<String>,
}

/// Reads the accounts.
pub(super) fn read(text: &str) -> Result<Vec<Imported>, String> {
    let mut words: VecDeque<String> = words(text).into();
    let mut reader = Reader::default();
    while let Some(word) = words.pop_front() {
        reader.word(&word, &mut words);
    }
    reader.end_user();
    let idfile = reader.idfile.unwrap_or_else(|| "~/.fetchids".to_owned());
    let of_pop3 = |said: &Said| {
        let protocol = said.protocol.as_deref().unwrap_or("auto").to_lowercase();
        matches!(protocol.as_str(), "pop3" | "auto" | "apop")
    };
    let accounts: Vec<_> = reader
        .accounts
        .iter()
        .filter(|said| of_pop3(said))
        .collect();
    if accounts.is_empty() && !reader.accounts.is_empty() {
        return Err("no account of it is polled by POP3; popfetch speaks nothing else".to_owned());
    }
    Ok(accounts
        .into_iter()
        .map(|said| convert(said, &idfile))
        .collect())
}

#[derive(Debug, Default)]
struct Reader {
    defaults: Said,
    /// What is said about the server, for every user there.
    server: Said,
    /// What is said about one user.
    user: Option<Said>,
    in_defaults: bool,
    idfile: Option<String>,
    accounts: Vec<Said>,
}

impl Reader {
    fn word(&mut self, word: &str, rest: &mut VecDeque<String>) {
        let mut next = || rest.pop_front().unwrap_or_default();
        match word {
            "set" => {
                let option = next();
                if option == "idfile" {
                    self.idfile = Some(next());
                }
            }
            "defaults" => {
                self.end_user();
                self.in_defaults = true;
            }
            "poll" | "server" | "skip" => {
                self.end_user();
                self.in_defaults = false;
                self.server = Said {
                    server: next(),
                    ..self.defaults.clone()
                };
            }
            "user" | "username" => {
                self.end_user();
                self.user = Some(Said {
                    user: Some(next()),
                    ..self.server.clone()
                });
            }
            _ => {
                let said = match (&mut self.user, self.in_defaults) {
                    (_, true) => &mut self.defaults,
                    (Some(user), false) => user,
                    (None, false) => &mut self.server,
                };
                said.word(word, &mut next);
            }
        }
    }

    fn end_user(&mut self) {
        self.accounts.extend(self.user.take());
    }
}

impl Said {
    fn word(&mut self, word: &str, next: &mut dyn FnMut() -> String) {
        match word {
            "via" => self.via = Some(next()),
            "proto" | "protocol" => self.protocol = Some(next()),
            "port" | "service" => self.port = Some(next()),
            "timeout" => self.timeout = Some(next()),
            "pass" | "password" => {
                next();
                self.has_password = true;
            }
            "ssl" => self.ssl = true,
            "sslproto" => self.no_tls = next().is_empty(),
            "sslcertfile" => self.ca_file = Some(next()),
            "sslcert" => {
                let key = self
                    .certificate
                    .take()
                    .map(|(_, key)| key)
                    .unwrap_or_default();
                self.certificate = Some((next(), key));
            }
            "sslkey" => {
                let certificate = self
                    .certificate
                    .take()
                    .map(|(it, _)| it)
                    .unwrap_or_default();
                self.certificate = Some((certificate, next()));
            }
            "keep" => self.keep = true,
            "nokeep" => self.keep = false,
            "mda" => self.mda = Some(next()),
            "limit" => self.bytes_max = Some(next()),
            "folder" => self.folder = Some(next()),
            "is" | "to" => drop(next()),
            "smtphost" | "smtpname" | "preconnect" | "postconnect" | "sslfingerprint" | "auth"
            | "interval" | "plugin" | "fetchlimit" | "batchlimit" | "warnings" | "bsmtp"
            | "sslcommonname" => {
                let value = next();
                self.left_out.push(format!("{word} {value}"));
            }
            "fetchall" | "rewrite" | "dropdelivered" | "flush" => {
                self.left_out.push(word.to_owned());
            }
            // Noise words, and options whose meaning popfetch has by itself.
            _ => {}
        }
    }
}

fn convert(said: &Said, idfile: &str) -> Imported {
    let host = said.via.as_ref().unwrap_or(&said.server).clone();
    let user = said.user.clone().unwrap_or_default();
    let mut account = Imported {
        name: said.server.clone(),
        ..Imported::default()
    };
    let encryption = match (said.ssl, said.no_tls) {
        (true, _) => Encryption::Implicit,
        (false, true) => Encryption::Off,
        (false, false) => Encryption::Stls,
    };
    set_server(&mut account, &host, said.port.as_deref(), encryption);
    account.set("user", &user);
    if said.has_password {
        account.leave_password();
    }
    if said
        .protocol
        .as_deref()
        .is_some_and(|protocol| protocol.eq_ignore_ascii_case("apop"))
    {
        account.set("auth", "apop");
    }
    if let Some(seconds) = &said.timeout {
        account.set("timeout", format!("{seconds}s"));
    }
    if let Some(file) = &said.ca_file {
        account.set("tls-ca", file);
    }
    if let Some((certificate, key)) = &said.certificate {
        account.set("tls-client-cert", certificate);
        account.set(
            "tls-client-key",
            if key.is_empty() { certificate } else { key },
        );
    }
    match &said.mda {
        Some(command) => account.set("to", format!("pipe:{command}")),
        None => account
            .leave_out("delivery by SMTP to this machine: say where to store mail by to = \"...\""),
    }
    account.set_yes(if said.keep { "keep" } else { "delete" });
    if let Some(octets) = said.bytes_max.as_ref().filter(|octets| *octets != "0") {
        account.set("max-message", octets);
    }
    for what in &said.left_out {
        account.leave_out(what);
    }
    account.seen = Some(Seen {
        file: idfile.into(),
        host: said.server.clone(),
        user,
    });
    account
}
