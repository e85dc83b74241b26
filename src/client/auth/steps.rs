//! What each SASL mechanism says: pure, no I/O.

use super::Surroundings;
use super::scram::Scram;
use crate::client::error::LoginImpossible;
use crate::client::settings::{Credentials, Proof};
use crate::protocol::sasl::cram_md5_response;
use crate::protocol::{Mechanism, SaslMechanism, ServerText};
use crate::secret::Secret;

/// A response, before base64.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) octets: Secret,
    /// Whether the server can judge the password or token by it.
    pub(super) is_secret: bool,
}

impl Step {
    pub(super) fn open(octets: impl Into<Vec<u8>>) -> Self {
        Self {
            octets: Secret::new(octets.into()),
            is_secret: false,
        }
    }

    fn secret(octets: Vec<u8>) -> Self {
        Self {
            octets: Secret::new(octets),
            is_secret: true,
        }
    }
}

/// The client's side of an exchange.
pub(super) trait Steps {
    /// What the client says first, if it speaks first.
    fn initial(&mut self) -> Result<Option<Step>, LoginImpossible>;

    /// The answer to a challenge, which is `None` if it was not in base64.
    fn respond(&mut self, challenge: Option<Vec<u8>>) -> Result<Step, LoginImpossible>;

    /// Whether the server may say yes at this point.
    fn finish(&mut self) -> Result<(), LoginImpossible> {
        Ok(())
    }

    /// What the server told of its refusal before it refused.
    fn complaint(&mut self) -> Option<ServerText> {
        None
    }
}

/// The steps of a mechanism.
pub(super) fn steps_of(
    mechanism: SaslMechanism,
    credentials: &Credentials,
    surroundings: Surroundings<'_>,
) -> Result<Box<dyn Steps>, LoginImpossible> {
    use SaslMechanism as M;
    let user = &credentials.user;
    let name = Mechanism::Sasl(mechanism);
    let password = || match &credentials.proof {
        Proof::Password(password) => Ok(password),
        Proof::Token(_) | Proof::Certificate => Err(LoginImpossible::WrongProof(name)),
    };
    let token = || match &credentials.proof {
        Proof::Token(token) => Ok(token),
        Proof::Password(_) | Proof::Certificate => Err(LoginImpossible::WrongProof(name)),
    };
    if user.chars().any(char::is_control) {
        return Err(LoginImpossible::Unsendable(name));
    }
    Ok(match mechanism {
        M::Plain => Box::new(Single(Step::secret(plain(user, password()?, name)?))),
        M::Login => Box::new(Login {
            user: Some(user.clone()),
            password: Some(password()?.clone()),
        }),
        M::CramMd5 => Box::new(CramMd5 {
            user: user.clone(),
            password: password()?.clone(),
        }),
        M::ScramSha1 | M::ScramSha256 => Box::new(Scram::new(mechanism, user, password()?, None)?),
        M::ScramSha1Plus | M::ScramSha256Plus => {
            let binding = surroundings
                .channel_binding
                .ok_or(LoginImpossible::NoChannelBinding(name))?;
            Box::new(Scram::new(mechanism, user, password()?, Some(binding))?)
        }
        M::External => Box::new(Single(Step::open(user.as_bytes()))),
        M::XOAuth2 => {
            let initial = xoauth2(user, checked_token(token()?, name)?);
            Box::new(Token {
                initial,
                farewell: b"",
                complaint: None,
            })
        }
        M::OAuthBearer => {
            let initial = oauthbearer(user, checked_token(token()?, name)?, surroundings);
            Box::new(Token {
                initial,
                farewell: b"\x01",
                complaint: None,
            })
        }
    })
}

/// One response and no more.
struct Single(Step);

impl Steps for Single {
    fn initial(&mut self) -> Result<Option<Step>, LoginImpossible> {
        Ok(Some(self.0.clone()))
    }

    /// A second challenge has no meaning; to say the same once more is harmless.
    fn respond(&mut self, _: Option<Vec<u8>>) -> Result<Step, LoginImpossible> {
        Ok(self.0.clone())
    }
}

/// RFC 4616 section 2, with no authorization identity.
fn plain(user: &str, password: &Secret, name: Mechanism) -> Result<Vec<u8>, LoginImpossible> {
    let password = password.expose();
    if password.contains(&0) {
        return Err(LoginImpossible::Unsendable(name));
    }
    let mut octets = Vec::with_capacity(user.len() + password.len() + 2);
    octets.push(0);
    octets.extend_from_slice(user.as_bytes());
    octets.push(0);
    octets.extend_from_slice(password);
    Ok(octets)
}

/// The user, then the password, whatever the words in which they are asked for.
struct Login {
    user: Option<String>,
    password: Option<Secret>,
}

impl Steps for Login {
    fn initial(&mut self) -> Result<Option<Step>, LoginImpossible> {
        Ok(None)
    }

    fn respond(&mut self, _: Option<Vec<u8>>) -> Result<Step, LoginImpossible> {
        if let Some(user) = self.user.take() {
            return Ok(Step::open(user));
        }
        let password = self.password.take();
        let octets = password.ok_or(LoginImpossible::BadChallenge(Mechanism::Sasl(
            SaslMechanism::Login,
        )))?;
        Ok(Step {
            octets,
            is_secret: true,
        })
    }
}

struct CramMd5 {
    user: String,
    password: Secret,
}

impl Steps for CramMd5 {
    fn initial(&mut self) -> Result<Option<Step>, LoginImpossible> {
        Ok(None)
    }

    fn respond(&mut self, challenge: Option<Vec<u8>>) -> Result<Step, LoginImpossible> {
        let challenge = challenge.filter(|challenge| !challenge.is_empty()).ok_or(
            LoginImpossible::BadChallenge(Mechanism::Sasl(SaslMechanism::CramMd5)),
        )?;
        let octets = cram_md5_response(&self.user, &self.password, &challenge);
        // No secret, although it proves one: servers that do not keep the password as it is
        // offer this and refuse everybody (nginx, Dovecot as a proxy).
        Ok(Step {
            octets,
            is_secret: false,
        })
    }
}

/// A token, and the empty answer to the server's complaint about it.
struct Token {
    initial: Vec<u8>,
    farewell: &'static [u8],
    complaint: Option<ServerText>,
}

impl Steps for Token {
    fn initial(&mut self) -> Result<Option<Step>, LoginImpossible> {
        Ok(Some(Step::secret(self.initial.clone())))
    }

    fn respond(&mut self, challenge: Option<Vec<u8>>) -> Result<Step, LoginImpossible> {
        self.complaint = challenge.map(|text| ServerText::whole(&text));
        Ok(Step::open(self.farewell))
    }

    fn complaint(&mut self) -> Option<ServerText> {
        self.complaint.take().filter(|text| !text.is_empty())
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.initial);
    }
}

fn checked_token(token: &Secret, name: Mechanism) -> Result<&Secret, LoginImpossible> {
    let octets = token.expose();
    if octets.is_empty() || octets.iter().any(|octet| !(0x21..0x7f).contains(octet)) {
        return Err(LoginImpossible::Unsendable(name));
    }
    Ok(token)
}

fn xoauth2(user: &str, token: &Secret) -> Vec<u8> {
    let start = format!("user={user}\x01auth=Bearer ");
    [start.as_bytes(), token.expose(), b"\x01\x01"].concat()
}

/// RFC 7628 section 3.1; the user is a saslname (RFC 5801 section 4).
fn oauthbearer(user: &str, token: &Secret, surroundings: Surroundings<'_>) -> Vec<u8> {
    let user = user.replace('=', "=3D").replace(',', "=2C");
    let Surroundings { host, port, .. } = surroundings;
    let start = format!("n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer ");
    [start.as_bytes(), token.expose(), b"\x01\x01"].concat()
}
