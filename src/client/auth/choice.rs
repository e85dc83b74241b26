//! Which mechanism: what the server offers, what there is to prove with, and what the line may
//! carry.

use crate::client::error::LoginImpossible;
use crate::client::settings::Proof;
use crate::protocol::{Capabilities, Mechanism, SaslMechanism};

use Mechanism::{Apop, Sasl, User};
use SaslMechanism::{
    CramMd5, External, Login, OAuthBearer, Plain, ScramSha1, ScramSha1Plus, ScramSha256,
    ScramSha256Plus, XOAuth2,
};

/// Who may hear what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Line {
    /// The server alone.
    Tls,
    /// This machine alone.
    Loopback,
    /// Everybody on the way.
    Clear,
}

/// What a mechanism lets the other side have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The password itself.
    Password,
    /// A proof of the password.
    Digest,
    /// The token itself.
    Token,
    /// Nothing: the TLS handshake gave the proof.
    Certificate,
}

pub(super) fn kind(mechanism: Mechanism) -> Kind {
    match mechanism {
        User | Sasl(Plain | Login) => Kind::Password,
        Apop | Sasl(CramMd5 | ScramSha1 | ScramSha1Plus | ScramSha256 | ScramSha256Plus) => {
            Kind::Digest
        }
        Sasl(OAuthBearer | XOAuth2) => Kind::Token,
        Sasl(External) => Kind::Certificate,
    }
}

/// Whether the other side is told nothing by which it could log in itself.
pub(in crate::client) fn keeps_the_secret(mechanism: Mechanism) -> bool {
    kind(mechanism) == Kind::Digest
}

/// What there is to choose from.
#[derive(Debug, Clone, Copy)]
pub(in crate::client) struct Offer<'a> {
    /// Who may hear.
    pub(in crate::client) line: Line,
    /// What the server said it can do, if it said anything.
    pub(in crate::client) capabilities: Option<&'a Capabilities>,
    /// Whether the greeting has a timestamp.
    pub(in crate::client) has_timestamp: bool,
    /// What was refused on an earlier connection.
    pub(in crate::client) refused: &'a [Mechanism],
}

impl Offer<'_> {
    /// The mechanism to log in with: the one that was asked for, or else the best.
    pub(in crate::client) fn choose(
        &self,
        proof: &Proof,
        asked: Option<Mechanism>,
    ) -> Result<Mechanism, LoginImpossible> {
        match asked {
            Some(mechanism) => self.admit(mechanism, proof),
            None => self.best(proof),
        }
    }

    /// Whether the mechanism may be used, since somebody asked for it by name.
    fn admit(&self, mechanism: Mechanism, proof: &Proof) -> Result<Mechanism, LoginImpossible> {
        let fits = match kind(mechanism) {
            Kind::Password | Kind::Digest => matches!(proof, Proof::Password(_)),
            Kind::Token => matches!(proof, Proof::Token(_)),
            Kind::Certificate => true,
        };
        let needs_tls = matches!(mechanism, Sasl(External | ScramSha1Plus | ScramSha256Plus));
        if !fits {
            Err(LoginImpossible::WrongProof(mechanism))
        } else if needs_tls && self.line != Line::Tls {
            Err(LoginImpossible::NeedsTls(mechanism))
        } else if kind(mechanism) == Kind::Token && self.line == Line::Clear {
            Err(LoginImpossible::TokenInClearText)
        } else if mechanism == Apop && !self.has_timestamp {
            Err(LoginImpossible::NoTimestamp)
        } else {
            Ok(mechanism)
        }
    }

    fn best(&self, proof: &Proof) -> Result<Mechanism, LoginImpossible> {
        let nothing_else = match proof {
            Proof::Token(_) if self.line == Line::Clear => LoginImpossible::TokenInClearText,
            Proof::Password(_) if self.line == Line::Clear => LoginImpossible::ClearText,
            Proof::Certificate if self.line != Line::Tls => {
                LoginImpossible::NeedsTls(Sasl(External))
            }
            Proof::Token(_) | Proof::Password(_) | Proof::Certificate => {
                LoginImpossible::NothingOffered
            }
        };
        let candidates = match proof {
            Proof::Token(_) => self.for_token(),
            Proof::Password(_) => self.for_password(),
            Proof::Certificate => vec![Sasl(External)],
        };
        candidates
            .into_iter()
            .find(|mechanism| !self.refused.contains(mechanism) && self.may_hear(*mechanism))
            .ok_or(nothing_else)
    }

    /// A server that lists no mechanism at all may still know those for tokens.
    fn for_token(&self) -> Vec<Mechanism> {
        let both = [OAuthBearer, XOAuth2];
        let lists_any = self
            .capabilities
            .is_some_and(|it| it.sasl().next().is_some());
        let offered = both.into_iter().filter(|it| !lists_any || self.lists(*it));
        offered.map(Sasl).collect()
    }

    fn for_password(&self) -> Vec<Mechanism> {
        let plain = self.listed(&[Plain]);
        let digests = self.listed(&[ScramSha256, ScramSha1, CramMd5]);
        let login = self.listed(&[Login]);
        // USER need not be listed (RFC 2449 section 6.3 is often forgotten). Where it is not, it
        // comes after all that is.
        let is_user_listed = self.capabilities.is_none_or(Capabilities::has_user);
        let (user, last) = if is_user_listed {
            (Some(User), None)
        } else {
            (None, Some(User))
        };
        let in_words = plain.chain(user).chain(login);
        if self.line == Line::Tls {
            return in_words.chain(digests).chain(last).collect();
        }
        let apop = self.has_timestamp.then_some(Apop);
        // Servers offer digests though they keep no secret to compute them with (nginx, Dovecot
        // as a proxy, solid-pop3d). Where one was refused the next will be, too.
        let was_refused = self.refused.iter().any(|it| kind(*it) == Kind::Digest);
        let digests = digests
            .chain(apop)
            .filter(|_| !was_refused || self.line == Line::Clear);
        digests.chain(in_words).chain(last).collect()
    }

    fn listed<'a>(&'a self, mechanisms: &'a [SaslMechanism]) -> impl Iterator<Item = Mechanism> {
        mechanisms
            .iter()
            .copied()
            .filter(|it| self.lists(*it))
            .map(Sasl)
    }

    fn lists(&self, mechanism: SaslMechanism) -> bool {
        self.capabilities
            .is_some_and(|it| it.offers_sasl(mechanism))
    }

    fn may_hear(&self, mechanism: Mechanism) -> bool {
        match kind(mechanism) {
            Kind::Digest => true,
            Kind::Password | Kind::Token => self.line != Line::Clear,
            Kind::Certificate => self.line == Line::Tls,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    struct Case {
        line: Line,
        rows: Option<&'static [&'static str]>,
        has_timestamp: bool,
        refused: &'static [Mechanism],
    }

    const TLS: Case = Case {
        line: Line::Tls,
        rows: None,
        has_timestamp: false,
        refused: &[],
    };
    const LOOPBACK: Case = Case {
        line: Line::Loopback,
        ..TLS
    };
    const CLEAR: Case = Case {
        line: Line::Clear,
        ..TLS
    };

    fn choose(
        case: &Case,
        proof: &Proof,
        asked: Option<&str>,
    ) -> Result<Mechanism, LoginImpossible> {
        let rows = case.rows;
        let capabilities =
            rows.map(|rows| Capabilities::parse(rows.iter().map(|row| row.as_bytes())));
        let offer = Offer {
            line: case.line,
            capabilities: capabilities.as_ref(),
            has_timestamp: case.has_timestamp,
            refused: case.refused,
        };
        offer.choose(proof, asked.map(|name| name.parse().unwrap()))
    }

    fn check_best(case: &Case, proof: &Proof, expected: &str) {
        let chosen = match choose(case, proof, None) {
            Ok(mechanism) => mechanism.name().to_owned(),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(chosen, expected, "{:?} {:?}", case.line, case.rows);
    }

    fn password() -> Proof {
        Proof::Password(Secret::new(b"x".to_vec()))
    }

    fn token() -> Proof {
        Proof::Token(Secret::new(b"x".to_vec()))
    }

    const ALL: &[&str] = &[
        "USER",
        "SASL LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 PLAIN",
    ];

    #[test]
    fn for_a_password_by_tls() {
        let check = |rows, expected: &str| {
            check_best(
                &Case {
                    rows,
                    has_timestamp: true,
                    ..TLS
                },
                &password(),
                expected,
            );
        };
        check(Some(ALL), "PLAIN");
        check(None, "USER");
        check(Some(&[]), "USER");
        check(Some(&["USER", "SASL LOGIN"]), "USER");
        check(Some(&["SASL LOGIN"]), "LOGIN");
        check(Some(&["SASL CRAM-MD5 SCRAM-SHA-1"]), "SCRAM-SHA-1");
        check(Some(&["SASL"]), "USER");
    }

    #[test]
    fn for_a_password_in_clear() {
        let check = |case: Case, loopback: &str, clear: &str| {
            let rows = case.rows;
            check_best(
                &Case {
                    line: Line::Loopback,
                    rows,
                    ..case
                },
                &password(),
                loopback,
            );
            check_best(
                &Case {
                    line: Line::Clear,
                    rows,
                    ..case
                },
                &password(),
                clear,
            );
        };
        check(
            Case {
                rows: Some(ALL),
                ..TLS
            },
            "SCRAM-SHA-256",
            "SCRAM-SHA-256",
        );
        check(
            Case {
                has_timestamp: true,
                ..TLS
            },
            "APOP",
            "APOP",
        );
        check(
            Case {
                rows: Some(&["SASL PLAIN"]),
                ..TLS
            },
            "PLAIN",
            "ClearText",
        );
        check(TLS, "USER", "ClearText");
        let refused = &[Apop];
        check(
            Case {
                has_timestamp: true,
                refused,
                ..TLS
            },
            "USER",
            "ClearText",
        );
        let refused = &[Sasl(ScramSha256)];
        check(
            Case {
                rows: Some(ALL),
                refused,
                ..TLS
            },
            "PLAIN",
            "SCRAM-SHA-1",
        );
    }

    #[test]
    fn for_a_token() {
        let check = |rows, expected: &str| {
            check_best(&Case { rows, ..TLS }, &token(), expected);
            check_best(&Case { rows, ..LOOPBACK }, &token(), expected);
            check_best(&Case { rows, ..CLEAR }, &token(), "TokenInClearText");
        };
        check(Some(&["SASL PLAIN XOAUTH2"]), "XOAUTH2");
        check(Some(&["SASL XOAUTH2 OAUTHBEARER"]), "OAUTHBEARER");
        check(Some(&["SASL PLAIN"]), "NothingOffered");
        check(Some(&["USER"]), "OAUTHBEARER");
        check(None, "OAUTHBEARER");
        let refused = &[Sasl(OAuthBearer)];
        check_best(&Case { refused, ..TLS }, &token(), "XOAUTH2");
    }

    #[test]
    fn for_a_certificate() {
        check_best(&TLS, &Proof::Certificate, "EXTERNAL");
        check_best(&LOOPBACK, &Proof::Certificate, "NeedsTls(Sasl(External))");
    }

    #[test]
    fn what_is_asked_for_by_name_is_done_or_refused_but_never_exchanged() {
        let check = |case: &Case, proof: &Proof, name: &str, expected| {
            let chosen = choose(case, proof, Some(name)).map(|_| ());
            assert_eq!(chosen, expected, "{:?} {name}", case.line);
        };
        for case in [&TLS, &LOOPBACK, &CLEAR] {
            for name in ["plain", "user", "login", "cram-md5", "scram-sha-256"] {
                check(case, &password(), name, Ok(()));
            }
            check(case, &password(), "apop", Err(LoginImpossible::NoTimestamp));
            let wrong = LoginImpossible::WrongProof(Sasl(XOAuth2));
            check(case, &password(), "xoauth2", Err(wrong));
            let wrong = LoginImpossible::WrongProof(Sasl(Plain));
            check(case, &token(), "plain", Err(wrong));
        }
        let needs_tls = LoginImpossible::NeedsTls(Sasl(ScramSha256Plus));
        check(&LOOPBACK, &password(), "scram-sha-256-plus", Err(needs_tls));
        check(&LOOPBACK, &token(), "xoauth2", Ok(()));
        check(
            &CLEAR,
            &token(),
            "xoauth2",
            Err(LoginImpossible::TokenInClearText),
        );
    }
}
