//! SASL over POP3 (RFC 5034): AUTH, challenges and responses.

use data_encoding::{BASE64, BASE64_NOPAD};

use super::steps::{Step, Steps, steps_of};
use super::{Attempt, Surroundings};
use crate::client::error::{Error, LoginImpossible};
use crate::client::session::Wire;
use crate::client::settings::Credentials;
use crate::protocol::{Command, Refusal, SaslMechanism, StatusLine};

/// The longest command line, CRLF included (RFC 2449 section 4).
const COMMAND_OCTETS_MAX: usize = 255;

/// More challenges than any mechanism has.
const CHALLENGES_MAX: usize = 8;

impl<W: Wire> Attempt<'_, W> {
    pub(super) fn sasl(
        &mut self,
        mechanism: SaslMechanism,
        credentials: &Credentials,
        surroundings: Surroundings<'_>,
    ) -> Result<(), Error> {
        let mut steps =
            steps_of(mechanism, credentials, surroundings).map_err(Error::LoginImpossible)?;
        let initial = steps.initial().map_err(Error::LoginImpossible)?;
        let (status, unsent) = self.begin(mechanism, initial, surroundings)?;
        self.go_on(&mut *steps, status, unsent)
    }

    /// Sends AUTH, with the initial response where there is one that fits into the line. Gives
    /// back what is left to send of it.
    fn begin(
        &mut self,
        mechanism: SaslMechanism,
        initial: Option<Step>,
        surroundings: Surroundings<'_>,
    ) -> Result<(StatusLine, Option<Step>), Error> {
        let bare = Command::Auth {
            mechanism,
            initial: None,
        };
        let Some(initial) = initial else {
            return Ok((self.session.exchange(&bare)?, None));
        };
        let is_short = fits(mechanism, &initial);
        // Microsoft's servers take XOAUTH2 in two steps only; all servers take that.
        let is_token = matches!(
            mechanism,
            SaslMechanism::XOAuth2 | SaslMechanism::OAuthBearer
        );
        if is_short && !is_token {
            let begun = self.begin_in_one_line(mechanism, initial.clone())?;
            let StatusLine::Err(refusal) = &begun.0 else {
                return Ok(begun);
            };
            if !is_about_the_line(refusal) {
                return Ok(begun);
            }
            self.secret_sent = false;
            let second = self.session.exchange(&bare);
            return Ok((self.or_refused(second, refusal)?, Some(initial)));
        }
        let status = self.session.exchange(&bare)?;
        if let StatusLine::Err(refusal) = &status
            && is_short
            && surroundings.is_mechanism_known
        {
            let second = self.begin_in_one_line(mechanism, initial);
            return self.or_refused(second, refusal);
        }
        Ok((status, Some(initial)))
    }

    /// What came of a second way to begin: a server that closes the line on it has said why
    /// before.
    fn or_refused<T>(&self, second: Result<T, Error>, first: &Refusal) -> Result<T, Error> {
        if matches!(second, Err(Error::Io { .. })) {
            return Err(self.refused(first.clone(), None));
        }
        second
    }

    fn begin_in_one_line(
        &mut self,
        mechanism: SaslMechanism,
        initial: Step,
    ) -> Result<(StatusLine, Option<Step>), Error> {
        let secret_sent_before = self.secret_sent;
        let command = Command::Auth {
            mechanism,
            initial: Some(initial.octets.clone()),
        };
        self.secret_sent |= initial.is_secret;
        let status = self.session.exchange(&command)?;
        // The server passed over the initial response, as those do that do not know of it.
        let unsent = status == StatusLine::Continue(Vec::new());
        if unsent {
            self.secret_sent = secret_sent_before;
        }
        Ok((status, unsent.then_some(initial)))
    }

    /// Answers challenges until the server says yes or no.
    fn go_on(
        &mut self,
        steps: &mut dyn Steps,
        mut status: StatusLine,
        mut unsent: Option<Step>,
    ) -> Result<(), Error> {
        for _ in 0..CHALLENGES_MAX {
            let challenge = match status {
                StatusLine::Ok(_) => return steps.finish().map_err(Error::LoginImpossible),
                StatusLine::Err(refusal) => return Err(self.refused(refusal, steps.complaint())),
                StatusLine::Continue(challenge) => challenge,
            };
            // What asks for the initial response is not looked at: servers put all kinds of
            // words there.
            let step = match unsent.take() {
                Some(step) => Ok(step),
                None => steps.respond(decode(&challenge)),
            };
            match step {
                Ok(step) => {
                    self.secret_sent |= step.is_secret;
                    let answer = self.session.exchange(&Command::AuthResponse(step.octets));
                    status = self.or_complaint(answer, steps)?;
                }
                Err(why) => return Err(self.cancel(why)),
            }
        }
        Err(self.cancel(LoginImpossible::BadChallenge(self.mechanism)))
    }

    /// A server that has complained of a token may close the line without another word.
    fn or_complaint(
        &self,
        answer: Result<StatusLine, Error>,
        steps: &mut dyn Steps,
    ) -> Result<StatusLine, Error> {
        if matches!(answer, Err(Error::Io { .. }))
            && let Some(complaint) = steps.complaint()
        {
            return Err(self.refused(Refusal::parse(b""), Some(complaint)));
        }
        answer
    }

    /// Ends the exchange by our own will. What the server says to that does not matter.
    fn cancel(&mut self, why: LoginImpossible) -> Error {
        match self.session.exchange(&Command::AuthCancel) {
            Ok(_) | Err(Error::Io { .. } | Error::Misbehaved(_)) => Error::LoginImpossible(why),
            Err(error) => error,
        }
    }
}

/// Whether AUTH and its initial response fit into a line.
fn fits(mechanism: SaslMechanism, initial: &Step) -> bool {
    let encoded = BASE64
        .encode_len(initial.octets.expose().len())
        .max("=".len());
    "AUTH  \r\n".len() + mechanism.name().len() + encoded <= COMMAND_OCTETS_MAX
}

/// Whether a server did not understand AUTH with an initial response, which is younger than
/// AUTH. What it did not understand it did not judge.
fn is_about_the_line(refusal: &Refusal) -> bool {
    let text = String::from_utf8_lossy(refusal.text.as_bytes()).to_lowercase();
    let words = [
        "syntax",
        "argument",
        "parameter",
        "too long",
        "malformed",
        "unrecognized",
        "unknown command",
        "invalid command",
        "bad command",
        "not implemented",
        "not supported",
        "unsupported",
        "mechanism",
        // Exchange, of XOAUTH2; it closes the line then.
        "protocol error",
    ];
    refusal.code.is_none() && words.iter().any(|word| text.contains(word))
}

/// The challenge without its base64; `None` if it has none, which matters to some mechanisms
/// only.
fn decode(challenge: &[u8]) -> Option<Vec<u8>> {
    let challenge = challenge.trim_ascii();
    BASE64
        .decode(challenge)
        .or_else(|_| BASE64_NOPAD.decode(challenge))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_line_has_255_octets_at_most() {
        let check = |octets: usize, expected: bool| {
            let initial = Step {
                octets: Secret::new(vec![b'x'; octets]),
                is_secret: true,
            };
            assert_eq!(fits(SaslMechanism::Plain, &initial), expected, "{octets}");
        };
        // 5 + 5 + 1 + base64 + 2
        check(0, true);
        check(180, true);
        check(181, false);
    }

    #[test]
    fn challenges_are_decoded_with_and_without_padding() {
        assert_eq!(decode(b"YQ=="), Some(b"a".to_vec()));
        assert_eq!(decode(b"YQ "), Some(b"a".to_vec()));
        assert_eq!(decode(b""), Some(Vec::new()));
        assert_eq!(decode(b"go ahead"), None);
    }
}
