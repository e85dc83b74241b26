//! `~/.netrc`: the password of one login on one machine.

use crate::secret::Secret;

/// The password that the file gives for just this machine and this login. `default` entries are
/// ignored: a password must not go to a server nobody named.
pub(crate) fn password_for(netrc: &[u8], host: &str, login: &str) -> Option<Secret> {
    let mut words = Words {
        rest: netrc,
        at_line_start: true,
    };
    let mut entry = Entry::default();
    while let Some(word) = words.next() {
        match word.as_slice() {
            b"machine" | b"default" => {
                if let Some(secret) = entry.password_if(host, login) {
                    return Some(secret);
                }
                entry = Entry::default();
                if word == b"machine" {
                    entry.machine = words.next();
                }
            }
            b"login" | b"user" => entry.login = words.next(),
            b"password" | b"passwd" => entry.password = words.next().map(Secret::new),
            b"account" => drop(words.next()),
            b"macdef" => words.skip_macro(),
            _ => {}
        }
    }
    entry.password_if(host, login)
}

#[derive(Default)]
struct Entry {
    machine: Option<Vec<u8>>,
    login: Option<Vec<u8>>,
    password: Option<Secret>,
}

impl Entry {
    fn password_if(&mut self, host: &str, login: &str) -> Option<Secret> {
        let here = self
            .machine
            .as_ref()
            .is_some_and(|it| it.eq_ignore_ascii_case(host.as_bytes()));
        let ours = self.login.as_ref().is_some_and(|it| it == login.as_bytes());
        if here && ours {
            self.password.take()
        } else {
            None
        }
    }
}

/// The words of the file: parted by blanks and line ends, quoted or not; a word that begins with
/// `#` at the start of a line comments the line out.
struct Words<'a> {
    rest: &'a [u8],
    at_line_start: bool,
}

impl Words<'_> {
    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let (&first, after) = self.rest.split_first()?;
            match first {
                b'\n' => self.at_line_start = true,
                // The same octets as end a word: were one missing here, no word would begin at it
                // and none be passed.
                _ if first.is_ascii_whitespace() => {}
                b'#' if self.at_line_start => {
                    self.skip_line();
                    continue;
                }
                _ => break,
            }
            self.rest = after;
        }
        self.at_line_start = false;
        if let Some(quoted) = self.rest.strip_prefix(b"\"") {
            self.rest = quoted;
            return Some(self.quoted());
        }
        Some(self.bare())
    }

    fn bare(&mut self) -> Vec<u8> {
        let end = self
            .rest
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_vec()
    }

    /// Up to the closing quote; a backslash takes the next octet as it is.
    fn quoted(&mut self) -> Vec<u8> {
        let mut word = Vec::new();
        while let Some((&first, after)) = self.rest.split_first() {
            self.rest = after;
            match first {
                b'"' => break,
                b'\\' => {
                    if let Some((&next, after)) = after.split_first() {
                        word.push(next);
                        self.rest = after;
                    }
                }
                _ => word.push(first),
            }
        }
        word
    }

    fn skip_line(&mut self) {
        let end = self
            .rest
            .iter()
            .position(|octet| *octet == b'\n')
            .unwrap_or(self.rest.len());
        self.rest = self.rest.get(end..).unwrap_or_default();
    }

    /// A macro ends with an empty line.
    fn skip_macro(&mut self) {
        let end = memchr::memmem::find(self.rest, b"\n\n").unwrap_or(self.rest.len());
        self.rest = self.rest.get(end..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::password_for;

    #[test]
    fn entries() {
        for (netrc, expected) in [
            (
                "machine pop.example.org login alice password sesame",
                Some("sesame"),
            ),
            (
                "machine POP.example.ORG\n\tlogin alice\n\tpassword sesame\n",
                Some("sesame"),
            ),
            (
                "machine pop.example.org password sesame login alice",
                Some("sesame"),
            ),
            (
                "machine pop.example.org login bob password x\n\
              machine pop.example.org login alice password y",
                Some("y"),
            ),
            (
                "machine pop.example.org login alice password \"open \\\"sesame\"",
                Some("open \"sesame"),
            ),
            ("# machine pop.example.org login alice password x\n", None),
            (
                "machine pop.example.org login alice password a#b",
                Some("a#b"),
            ),
            (
                "machine pop.example.org login alice password #ab",
                Some("#ab"),
            ),
            (
                "machine pop.example.org login alice account x password y",
                Some("y"),
            ),
            (
                "macdef init\nmachine pop.example.org login alice password x\n\n",
                None,
            ),
            (
                "macdef init\ncd /\n\nmachine pop.example.org login alice password y",
                Some("y"),
            ),
            ("machine imap.example.org login alice password x", None),
            ("machine pop.example.org login Alice password x", None),
            ("machine pop.example.org password x", None),
            ("machine pop.example.org login alice", None),
            ("default login alice password x", None),
            (
                "machine pop.example.org login alice default password x",
                None,
            ),
            ("machine", None),
            (
                "machine pop.example.org\x0clogin alice \x0c\r password y",
                Some("y"),
            ),
            (
                "machine pop.example.org login alice password \"unclosed",
                Some("unclosed"),
            ),
            ("", None),
        ] {
            let secret = password_for(netrc.as_bytes(), "pop.example.org", "alice");
            let found = secret.map(|it| String::from_utf8(it.expose().to_vec()).unwrap());
            assert_eq!(found.as_deref(), expected, "{netrc}");
        }
    }

    #[test]
    fn any_octets_come_to_an_end() {
        for length in 0..40 {
            let octets: Vec<u8> = b"macdef\n\"\\#machine\0 \xff"
                .iter()
                .copied()
                .cycle()
                .take(length)
                .collect();
            assert!(password_for(&octets, "h", "u").is_none());
        }
    }
}
