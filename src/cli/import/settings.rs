//! Settings that several programs share, in our words.

use super::{Imported, Value};
use crate::cli::secrets::SecretKind;

/// What is said where no place is known.
const PLACE_WANTED: &str = "; say where to store mail by to = \"...\"";

/// How the connection is encrypted, in the words most programs share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    Implicit,
    Stls,
    Off,
}

impl Imported {
    pub(super) fn set(&mut self, key: &'static str, text: impl Into<String>) {
        self.settings.push((key, Value::Text(text.into())));
    }

    pub(super) fn set_yes(&mut self, key: &'static str) {
        self.settings.push((key, Value::Yes));
    }

    pub(super) fn set_number(&mut self, key: &'static str, number: &str) {
        match number.parse() {
            Ok(number) => self.settings.push((key, Value::Number(number))),
            Err(_) => self.leave_out(format!("{key}: {number} is no number")),
        }
    }

    /// A bound on octets; other programs mean none by 0.
    pub(super) fn set_bound(&mut self, key: &'static str, size: impl Into<String>) {
        let size = size.into();
        let number = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        if number.parse() != Ok(0_u64) {
            self.set(key, size);
        }
    }

    pub(super) fn leave_out(&mut self, what: impl Into<String>) {
        self.left_out.push(what.into());
    }

    /// A password stands in the other configuration; ours never holds one, and what shows this
    /// one may show it to others.
    pub(super) fn leave_password(&mut self) {
        self.leave_out(
            "password: no secret stands in this file; write password-command = \"...\" or \
             password-file = \"...\", or put it into ~/.netrc",
        );
    }

    /// A command whose output is the password, or a token.
    pub(super) fn set_secret_command(&mut self, kind: SecretKind, command: impl Into<String>) {
        let key = match kind {
            SecretKind::Password => "password-command",
            SecretKind::Token => "token-command",
        };
        self.set(key, command);
    }

    /// Where the server is, and how the connection to it is encrypted.
    pub(super) fn set_server(&mut self, host: &str, port: Option<&str>, encryption: Encryption) {
        let scheme = match encryption {
            Encryption::Implicit => "pop3s",
            Encryption::Stls | Encryption::Off => "pop3",
        };
        let host = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let port = match port {
            None => String::new(),
            Some("pop3") => ":110".to_owned(),
            Some("pop3s") => ":995".to_owned(),
            Some(port) if port.parse::<u16>().is_ok() => format!(":{port}"),
            Some(port) => {
                self.leave_out(format!("port {port}: write its number"));
                String::new()
            }
        };
        self.set("server", format!("{scheme}://{host}{port}"));
        if encryption == Encryption::Off {
            self.set("tls", "off");
        }
    }

    pub(super) fn set_user(&mut self, user: Option<&str>) {
        match user {
            Some(user) => self.set("user", user),
            None => self.leave_out("no user is named: write user = \"...\""),
        }
    }

    /// A maildir or an mbox. A path that only a shell could complete is not guessed: what is
    /// fetched would end up elsewhere.
    pub(super) fn set_place(&mut self, kind: &str, path: &str) {
        let is_in_another_home = path.starts_with('~') && path != "~" && !path.starts_with("~/");
        if path.is_empty() || path.contains('$') || is_in_another_home {
            self.leave_place(&format!("{kind} {path}: the path is not whole"));
        } else {
            self.set("to", format!("{kind}:{path}"));
        }
    }

    /// A command that is given each message. The other program fills in the `blanks` itself.
    pub(super) fn set_pipe(&mut self, command: &str, blanks: &[&str]) {
        self.set("to", format!("pipe:{command}"));
        for blank in blanks.iter().filter(|blank| command.contains(**blank)) {
            self.leave_out(format!(
                "{blank} in the command: popfetch does not fill it in"
            ));
        }
    }

    /// Where mail went is no place that popfetch has.
    pub(super) fn leave_place(&mut self, what: &str) {
        self.leave_out(format!("{what}{PLACE_WANTED}"));
    }

    /// Mail goes here, whatever the other program did with it.
    pub(crate) fn store_in(&mut self, to: &str) {
        self.settings.retain(|(key, _)| *key != "to");
        self.left_out.retain(|what| !what.ends_with(PLACE_WANTED));
        self.set("to", to);
    }

    pub(super) fn set_timeout(&mut self, seconds: &str) {
        match seconds.parse::<u32>() {
            Ok(1..) => self.set("timeout", format!("{seconds}s")),
            Ok(0) | Err(_) => {
                self.leave_out(format!(
                    "timeout {seconds}: every wait of popfetch has an end"
                ));
            }
        }
    }

    /// A certificate's hash; only SHA-256 is taken.
    pub(super) fn set_pin(&mut self, key: &str, pin: &str) {
        let digits = pin.replace(':', "").to_lowercase();
        if digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit()) {
            self.set("tls-pin", format!("sha256:{digits}"));
        } else {
            self.leave_out(format!("{key}: only SHA-256 is taken, by tls-pin"));
        }
    }

    /// Without TLS popfetch gives a password to this machine only.
    pub(super) fn say_what_clear_text_needs(&mut self) {
        let server = self.text("server").unwrap_or_default();
        let is_here = ["localhost", "127.", "[::1]"]
            .iter()
            .any(|host| server.starts_with(&format!("pop3://{host}")));
        if self.text("tls") == Some("off") && self.text("auth").is_none() && !is_here {
            self.leave_out(
                "no TLS: popfetch sends no password in clear text to another machine unless \
                 auth = \"user\" stands here; better take tls = \"off\" out",
            );
        }
    }
}

/// `10k`, `10M` and `1G` are powers of two to other programs, as `10KiB` is to popfetch.
pub(super) fn binary_size(size: &str) -> String {
    let number = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = size.trim_start_matches(number).to_ascii_uppercase();
    match unit.as_str() {
        "" => size.to_owned(),
        unit => format!("{number}{unit}iB"),
    }
}
