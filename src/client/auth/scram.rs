//! SCRAM (RFC 5802, RFC 7677). The only user of `rsasl`.

use std::sync::Arc;

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::{SCRAM_SHA1, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA256_PLUS};
use rsasl::prelude::{
    Mechanism as Known, Mechname, Registry, SASLClient, SASLConfig, Session, SessionError, State,
};
use rsasl::property::{AuthId, ChannelBindings, OverrideCBType, Password};
use rsasl::validate::NoValidation;

use super::steps::{Step, Steps};
use crate::client::error::LoginImpossible;
use crate::protocol::{Mechanism, SaslMechanism};
use crate::secret::Secret;

/// The binding that the TLS library can tell (RFC 5929 section 4).
const BINDING_TYPE: &str = "tls-server-end-point";

/// Each iteration costs us time and the server nothing, so that there must be an end; 2^20 is a
/// hundred times what servers use, and less than a second.
const ITERATIONS_MAX: u32 = 1 << 20;

/// The client's side of SCRAM.
pub(super) struct Scram {
    session: Session<NoValidation>,
    name: Mechanism,
    progress: Progress,
}

/// How far the exchange has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nothing is proven yet.
    Begun,
    /// The server has our proof of the password, and owes its own.
    Answered,
    /// The server has proven to know the password.
    Proven,
    /// The server has said no: -ERR comes next.
    Refused,
}

/// What rsasl asks for.
struct Answers {
    user: String,
    password: Secret,
    binding: Option<Vec<u8>>,
}

impl SessionCallback for Answers {
    fn callback(
        &self,
        _: &SessionData,
        _: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        request
            .satisfy::<AuthId>(&self.user)?
            .satisfy::<Password>(self.password.expose())?;
        if let Some(binding) = &self.binding {
            request
                .satisfy::<OverrideCBType>(BINDING_TYPE)?
                .satisfy::<ChannelBindings>(binding)?;
        }
        Ok(())
    }

    fn enable_channel_binding(&self) -> bool {
        self.binding.is_some()
    }
}

impl Scram {
    pub(super) fn new(
        mechanism: SaslMechanism,
        user: &str,
        password: &Secret,
        binding: Option<&[u8]>,
    ) -> Result<Self, LoginImpossible> {
        let name = Mechanism::Sasl(mechanism);
        let unusable = LoginImpossible::Unsendable(name);
        let known = known(mechanism).ok_or(unusable.clone())?;
        let answers = Answers {
            user: user.to_owned(),
            password: password.clone(),
            binding: binding.map(<[u8]>::to_vec),
        };
        let config: Arc<SASLConfig> = SASLConfig::builder()
            .with_registry(Registry::with_mechanisms(known))
            .with_callback(answers)
            .map_err(|_| unusable.clone())?;
        let sasl = SASLClient::new(config);
        let offered = Mechname::parse(mechanism.name().as_bytes()).map_err(|_| unusable.clone())?;
        let session = sasl.start_suggested(&[offered]).map_err(|_| unusable)?;
        Ok(Self {
            session,
            name,
            progress: Progress::Begun,
        })
    }

    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, LoginImpossible> {
        let mut output = Vec::new();
        match self.session.step(input, &mut output) {
            Ok(State::Finished(_)) => self.progress = Progress::Proven,
            Ok(State::Running) => {}
            Err(_) => return Err(self.fault()),
        }
        Ok(Step::open(output))
    }

    /// What is wrong with a challenge that cannot be answered.
    fn fault(&self) -> LoginImpossible {
        match self.progress {
            Progress::Answered | Progress::Refused => LoginImpossible::ServerUnproven(self.name),
            Progress::Begun | Progress::Proven => LoginImpossible::BadChallenge(self.name),
        }
    }
}

/// All that the library is told of. Of several mechanisms it takes another than was offered:
/// SCRAM where it was to be SCRAM-PLUS.
fn known(mechanism: SaslMechanism) -> Option<&'static [Known]> {
    use SaslMechanism as M;
    static SHA1: [Known; 1] = [SCRAM_SHA1];
    static SHA1_PLUS: [Known; 1] = [SCRAM_SHA1_PLUS];
    static SHA256: [Known; 1] = [SCRAM_SHA256];
    static SHA256_PLUS: [Known; 1] = [SCRAM_SHA256_PLUS];
    Some(match mechanism {
        M::ScramSha1 => &SHA1,
        M::ScramSha1Plus => &SHA1_PLUS,
        M::ScramSha256 => &SHA256,
        M::ScramSha256Plus => &SHA256_PLUS,
        M::Plain | M::Login | M::CramMd5 | M::External | M::OAuthBearer | M::XOAuth2 => {
            return None;
        }
    })
}

impl Steps for Scram {
    fn initial(&mut self) -> Result<Option<Step>, LoginImpossible> {
        self.step(None).map(Some)
    }

    fn respond(&mut self, challenge: Option<Vec<u8>>) -> Result<Step, LoginImpossible> {
        let challenge = challenge.ok_or_else(|| self.fault())?;
        let is_over = matches!(self.progress, Progress::Proven | Progress::Refused);
        // The server's refusal, in the words of SCRAM (RFC 5802 section 7).
        if !is_over && challenge.starts_with(b"e=") {
            self.progress = Progress::Refused;
            return Ok(Step::open(""));
        }
        let asks_too_much = iterations(&challenge).is_some_and(|count| count > ITERATIONS_MAX);
        if is_over || asks_too_much || !is_attributes(&challenge) {
            return Err(self.fault());
        }
        // Only who knows the password can go on from here, so that a refusal judges it.
        let step = self.step(Some(&challenge))?;
        if self.progress == Progress::Begun {
            self.progress = Progress::Answered;
        }
        Ok(Step {
            is_secret: true,
            ..step
        })
    }

    /// A server that says yes before it has proven to know the password is not the one that
    /// the user has an account with (RFC 5802 section 5).
    fn finish(&mut self) -> Result<(), LoginImpossible> {
        if self.progress == Progress::Proven {
            Ok(())
        } else {
            Err(LoginImpossible::ServerUnproven(self.name))
        }
    }
}

/// Whether a message is a list of attributes, each a letter, `=` and a value (RFC 5802 section 5.1).
/// The library takes that for granted, and panics.
fn is_attributes(message: &[u8]) -> bool {
    message
        .split(|&octet| octet == b',')
        .all(|attribute| matches!(attribute, [letter, b'=', ..] if letter.is_ascii_alphabetic()))
}

/// The iteration count of the server's first message; what is no number counts as too many.
fn iterations(challenge: &[u8]) -> Option<u32> {
    let count = challenge
        .split(|&octet| octet == b',')
        .find_map(|it| it.strip_prefix(b"i="))?;
    Some(
        str::from_utf8(count)
            .ok()
            .and_then(|it| it.parse().ok())
            .unwrap_or(u32::MAX),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterations_are_read_and_bounded() {
        let check = |challenge: &[u8], expected| assert_eq!(iterations(challenge), expected);
        check(b"r=abc,s=QQ==,i=4096", Some(4096));
        check(b"r=abc,s=QQ==,i=99999999999", Some(u32::MAX));
        check(b"r=abc,s=QQ==,i=x", Some(u32::MAX));
        check(b"v=abc", None);
    }

    #[test]
    fn a_server_that_asks_for_too_much_is_not_obeyed() {
        let password = Secret::new(b"pencil".to_vec());
        let mut scram = Scram::new(SaslMechanism::ScramSha1, "user", &password, None).unwrap();
        let first = scram.initial().unwrap().unwrap();
        let first = String::from_utf8(first.octets.expose().to_vec()).unwrap();
        let nonce = first.strip_prefix("n,,n=user,r=").unwrap();
        let challenge = format!("r={nonce}x,s=QSXCR+Q6sek8bf92,i=4294967295");
        assert!(scram.respond(Some(challenge.into_bytes())).is_err());
    }

    #[test]
    fn what_is_no_list_of_attributes_is_refused() {
        for challenge in [
            "",
            ",",
            "r",
            "r=",
            "r=%",
            "r=%,",
            "r=%,s",
            "r=%,s=QQ==,",
            "r=%,s=QQ==,i",
            "r=%,,s=QQ==,i=16",
            "r=%,s=QQ==,i=16,",
            "r=%,s=QQ==,i=16,x",
            "m=x,r=%,s=QQ==,i=16",
            "r=%,s=QQ==,i=0",
            "=,=,=",
            "\u{e9}",
        ] {
            let password = Secret::new(b"pencil".to_vec());
            let mut scram = Scram::new(SaslMechanism::ScramSha1, "user", &password, None).unwrap();
            let first = scram.initial().unwrap().unwrap();
            let first = String::from_utf8(first.octets.expose().to_vec()).unwrap();
            let nonce = first.strip_prefix("n,,n=user,r=").unwrap();
            let challenge = challenge.replace('%', &format!("{nonce}x"));
            let answer = scram.respond(Some(challenge.clone().into_bytes()));
            assert!(answer.is_err(), "{challenge:?} was answered");
        }
    }

    #[test]
    fn plus_binds_the_exchange_to_the_channel() {
        let password = Secret::new(b"pencil".to_vec());
        let mechanism = SaslMechanism::ScramSha256Plus;
        let mut scram = Scram::new(mechanism, "user", &password, Some(b"hash")).unwrap();
        let first = scram.initial().unwrap().unwrap();
        let first = String::from_utf8(first.octets.expose().to_vec()).unwrap();
        let nonce = first
            .strip_prefix("p=tls-server-end-point,,n=user,r=")
            .unwrap();
        let challenge = format!("r={nonce}x,s=QSXCR+Q6sek8bf92,i=4096");
        let last = scram.respond(Some(challenge.into_bytes())).unwrap();
        assert!(last.is_secret, "only who knows the password can say this");
        let last = String::from_utf8(last.octets.expose().to_vec()).unwrap();
        let bound = data_encoding::BASE64.encode(b"p=tls-server-end-point,,hash");
        assert!(
            last.starts_with(&format!("c={bound},r={nonce}x,p=")),
            "{last}"
        );
        let unproven = LoginImpossible::ServerUnproven(Mechanism::Sasl(mechanism));
        assert_eq!(scram.finish(), Err(unproven.clone()));
        let refusal = scram.respond(Some(b"e=invalid-proof".to_vec())).unwrap();
        assert!(refusal.octets.expose().is_empty());
        assert_eq!(scram.finish(), Err(unproven.clone()), "in spite of that");
        for more in ["v=QUJD", "e=invalid-proof"] {
            let wrong = scram.respond(Some(more.into()));
            assert_eq!(wrong.err(), Some(unproven.clone()), "{more}");
        }
    }
}
