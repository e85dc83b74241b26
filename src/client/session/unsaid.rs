//! What the server has been told in secret and may repeat: some echo a command they refuse.

use zeroize::Zeroizing;

use crate::protocol::{Capabilities, Command, ServerText};
use crate::secret::Secret;

/// What a secret is shown as.
const STARS: &[u8] = b"****";

/// A shorter secret shows by the gap it leaves: a text that holds it is not shown at all. Within
/// a longer word it is there by chance, and it stays: texts are looked into for their words, too.
const SECRET_OCTETS_MIN: usize = 4;

/// What servers say of a login or a message by themselves. Such a password is no secret, and the
/// server's answer would be without the word that explains it: it is cleared only where it is
/// echoed.
const SERVERS_WORDS: [&[u8]; 22] = [
    b"account",
    b"authentication",
    b"bad",
    b"busy",
    b"deleted",
    b"denied",
    b"error",
    b"expunged",
    b"failed",
    b"gone",
    b"incorrect",
    b"invalid",
    b"later",
    b"lock",
    b"locked",
    b"login",
    b"mailbox",
    b"pass",
    b"password",
    b"user",
    b"wait",
    b"wrong",
];

/// The forms of a secret that the server's texts are cleared of.
#[derive(Debug, Default)]
pub(super) struct Unsaid {
    forms: Vec<Secret>,
    /// What the server said of itself before it was told a secret: these are its own words.
    told_before: Capabilities,
}

impl Unsaid {
    /// Clears texts of this secret alone.
    pub(super) fn begin_with(&mut self, secret: &Secret) {
        self.forms.clear();
        self.add(secret);
    }

    /// The server has told what it can do.
    pub(super) fn told(&mut self, capabilities: &Capabilities) {
        if self.forms.is_empty() {
            self.told_before = capabilities.clone();
        }
    }

    /// A row of what the server can do, cleared.
    pub(super) fn capability(&self, row: &[u8]) -> ServerText {
        let is_own = |told: &ServerText| told.as_bytes() == row.trim_ascii();
        if self.told_before.rows().iter().any(is_own) {
            return ServerText::new(row);
        }
        self.text(row)
    }

    /// Clears texts of this secret, too.
    pub(super) fn add(&mut self, secret: &Secret) {
        let octets = secret.expose();
        let is_word = |word: &&[u8]| word.eq_ignore_ascii_case(octets);
        if SERVERS_WORDS.iter().any(is_word) {
            self.forms.push(Secret::new([b"PASS ", octets].concat()));
        } else if !octets.is_empty() {
            self.forms.push(secret.clone());
        }
    }

    /// The login is over. What is told now has other words and numbers in it, that a short secret
    /// is among by chance.
    pub(super) fn forget_short(&mut self) {
        self.forms
            .retain(|form| form.expose().len() >= SECRET_OCTETS_MIN);
    }

    /// Clears texts of what this command has in it, as it is sent.
    pub(super) fn add_sent(&mut self, command: &Command) {
        if let Command::Auth {
            initial: Some(response),
            ..
        }
        | Command::AuthResponse(response) = command
        {
            let mut line = Zeroizing::new(Vec::with_capacity(2 * response.expose().len() + 4));
            Command::AuthResponse(response.clone()).encode(&mut line);
            self.add(&Secret::new(line.trim_ascii_end().to_vec()));
        }
    }

    /// The server's octets, cleared.
    pub(super) fn text(&self, octets: &[u8]) -> ServerText {
        let mut cleared = Zeroizing::new(octets.to_vec());
        for form in &self.forms {
            let form = form.expose();
            let Some(first) = find(&cleared, form) else {
                continue;
            };
            if form.len() >= SECRET_OCTETS_MIN {
                cleared = replaced(&cleared, form, first);
            } else if holds_as_word(&cleared, form) {
                return ServerText::new(STARS);
            }
        }
        ServerText::new(&cleared)
    }
}

/// The octets with stars in place of the form, which is first at this place.
fn replaced(octets: &[u8], form: &[u8], first: usize) -> Zeroizing<Vec<u8>> {
    let mut cleared = Zeroizing::new(Vec::with_capacity(octets.len() * STARS.len()));
    let mut rest = octets;
    let mut place = Some(first);
    while let Some((before, behind)) = place.and_then(|place| rest.split_at_checked(place)) {
        cleared.extend_from_slice(before);
        cleared.extend_from_slice(STARS);
        rest = behind.get(form.len()..).unwrap_or_default();
        place = find(rest, form);
    }
    cleared.extend_from_slice(rest);
    cleared
}

/// Where the form is, in whichever case of letters: some servers repeat a command in capitals.
fn find(octets: &[u8], form: &[u8]) -> Option<usize> {
    octets
        .windows(form.len())
        .position(|window| window.eq_ignore_ascii_case(form))
}

/// Whether the form is there with no letter or digit at either side.
fn holds_as_word(octets: &[u8], form: &[u8]) -> bool {
    let is_edge = |octet: Option<&u8>| octet.is_none_or(|octet| !octet.is_ascii_alphanumeric());
    octets.windows(form.len()).enumerate().any(|(at, window)| {
        let before = at.checked_sub(1).and_then(|before| octets.get(before));
        window.eq_ignore_ascii_case(form) && is_edge(before) && is_edge(octets.get(at + form.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::Unsaid;
    use crate::protocol::{Capabilities, Command};
    use crate::secret::Secret;

    fn check(secret: &str, text: &str, expected: &str) {
        let secret = Secret::from(secret.to_owned());
        let mut unsaid = Unsaid::default();
        unsaid.add(&secret);
        unsaid.add_sent(&Command::AuthResponse(secret));
        assert_eq!(unsaid.text(text.as_bytes()).to_string(), expected, "{text}");
    }

    #[test]
    fn what_was_told_before_is_no_secret() {
        let mut unsaid = Unsaid::default();
        unsaid.told(&Capabilities::parse([&b"IMPLEMENTATION hunter2"[..]]));
        unsaid.begin_with(&Secret::from("hunter2".to_owned()));
        let check = |row: &str, expected: &str| {
            assert_eq!(unsaid.capability(row.as_bytes()).to_string(), expected);
        };
        check("IMPLEMENTATION hunter2", "IMPLEMENTATION hunter2");
        check("X-LAST hunter2", "X-LAST ****");
    }

    #[test]
    fn no_text_holds_the_secret() {
        check("hunter2", "no such command", "no such command");
        check("hunter2", "PASS hunter2", "PASS ****");
        check("hunter2", "hunter2hunter2 HUNTER2 x", "******** **** x");
        check("hunter2", "aHVudGVyMg== is wrong", "**** is wrong");
        check("abc", "bad word abc", "****");
        check("abc", "\0alice\0ABC", "****");
        check("abc", "bad word", "bad word");
        check("ill", "illegal", "illegal");
        check("wrong", "wrong password", "wrong password");
        check("wrong", "wrong command: pass Wrong", "wrong command: ****");
        check("", "bad word", "bad word");
    }
}
