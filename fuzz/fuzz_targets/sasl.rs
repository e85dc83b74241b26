//! A login at a server that answers anything: it ends, in whatever pieces the answers come; what
//! is sent are whole lines of bounded length; the secret goes out only by mechanisms that send it;
//! nothing but `+OK` is taken for a yes, and by SCRAM not even that from who proves nothing.
//!
//! The input: a mechanism, a kind of proof, the length of pieces, then, with 0xFF between them,
//! greeting, user, secret, and what the server answers to each write. An answer that begins with
//! `=` is a challenge for which base64 is made here; if it begins with `r=%`, that `%` is the client's
//! own nonce.

#![no_main]

use data_encoding::BASE64;
use libfuzzer_sys::fuzz_target;
use popfetch::client::fuzz::log_in;
use popfetch::client::{Credentials, Error, LoginImpossible, Proof};
use popfetch::protocol::{Mechanism, SaslMechanism};
use popfetch::secret::Secret;
use popfetch_fuzz::Pieces;

/// AUTH, a response to each of eight challenges, one more AUTH, and the cancelling `*`.
const WRITES_MAX: usize = 12;

/// What stands where a server repeats what it was sent.
const STARS: &str = "****";

struct Case<'a> {
    mechanism: Mechanism,
    credentials: Credentials,
    greeting: &'a [u8],
    answers: &'a [&'a [u8]],
}

fuzz_target!(|input: &[u8]| {
    let mut pieces = Pieces(input);
    let mechanism = Mechanism::ALL[pieces.below(Mechanism::ALL.len())];
    let kind = pieces.octet();
    let piece_octets = usize::from(pieces.octet()).max(1);
    let greeting = pieces.octets();
    let user = String::from_utf8_lossy(pieces.octets()).into_owned();
    let secret = pieces.octets();
    let mut answers = Vec::new();
    while !pieces.is_empty() && answers.len() <= WRITES_MAX {
        answers.push(pieces.octets());
    }
    let other = other_secret(secret);
    let play = |secret: &[u8], piece_octets| {
        let case = Case {
            mechanism,
            credentials: Credentials {
                user: user.clone(),
                proof: proof(kind, secret),
            },
            greeting,
            answers: &answers,
        };
        case.play(piece_octets)
    };
    let (whole, sent) = play(secret, usize::MAX);
    // What comes too early is seen as such only when it comes along with what was awaited.
    if !whole.contains("without being asked") {
        assert_eq!(whole, play(secret, piece_octets).0);
    }
    // Nothing of a secret is in what is said of the end, nor, by most mechanisms, in what is sent.
    // What is there with another secret too is there by chance.
    let (by_other, sent_by_other) = play(&other, usize::MAX);
    if [&whole, &by_other]
        .iter()
        .all(|words| !words.contains(STARS))
    {
        assert_eq!(whole, by_other);
    }
    if secret.len() >= 8 {
        let is_in = |words: &str| contains(words.as_bytes(), secret);
        assert!(!is_in(&whole) || is_in(&by_other));
        if !sends_secret(mechanism) {
            // The nonce is another each time, and looks like anything.
            let is_shown = || shows(&play(secret, usize::MAX).1, secret);
            let by_chance = shows(&sent_by_other, secret);
            assert!(!shows(&sent, secret) || by_chance || !(0..16).all(|_| is_shown()));
        }
    }
});

fn sends_secret(mechanism: Mechanism) -> bool {
    use SaslMechanism as M;
    matches!(
        mechanism,
        Mechanism::User | Mechanism::Sasl(M::Plain | M::Login | M::OAuthBearer | M::XOAuth2)
    )
}

/// Whether the secret is in what was sent, with or without base64.
fn shows(sent: &[Vec<u8>], secret: &[u8]) -> bool {
    let mut words = sent
        .iter()
        .flat_map(|line| line.trim_ascii().split(|octet| *octet == b' '));
    sent.iter().any(|line| contains(line, secret))
        || words.any(|word| contains(&BASE64.decode(word).unwrap_or_default(), secret))
}

fn proof(kind: u8, secret: &[u8]) -> Proof {
    let secret = Secret::new(secret.to_vec());
    match kind % 3 {
        0 => Proof::Password(secret),
        1 => Proof::Token(secret),
        _ => Proof::Certificate,
    }
}

/// Another secret that can be sent in the same ways.
fn other_secret(secret: &[u8]) -> Vec<u8> {
    let next = |octet: &u8| match octet {
        0x21..=0x7d => octet + 1,
        0x7e => 0x21,
        _ => *octet,
    };
    secret.iter().map(next).collect()
}

impl Case<'_> {
    /// How it ended, in words for people, and what was sent.
    fn play(&self, piece_octets: usize) -> (String, Vec<Vec<u8>>) {
        let mut sent: Vec<Vec<u8>> = Vec::new();
        let mut said = Vec::new();
        let outcome = log_in(
            self.mechanism,
            &self.credentials,
            self.greeting,
            piece_octets,
            |octets| {
                let answer = self.answers.get(sent.len()).copied().unwrap_or_default();
                sent.push(octets.to_vec());
                let answer = answered(answer, &sent);
                said.extend_from_slice(&answer);
                answer
            },
        );
        assert!(sent.len() <= WRITES_MAX);
        for line in &sent {
            check_line(line);
        }
        self.check_outcome(&outcome, &sent, &said);
        let words = format!("{:?}", outcome.as_ref().map_err(ToString::to_string));
        // What the server is told to have sent may hold our nonce, which is another each time.
        let lasting = words.split(", the server sent").next().unwrap_or_default();
        (lasting.to_owned(), sent)
    }

    fn check_outcome(&self, outcome: &Result<(), Error>, sent: &[Vec<u8>], said: &[u8]) {
        use SaslMechanism as M;
        match outcome {
            Ok(()) => {
                let said = said.to_ascii_uppercase();
                assert!(contains(&said, b"+OK"));
                let is_scram = matches!(
                    self.mechanism,
                    Mechanism::Sasl(
                        M::ScramSha1 | M::ScramSha1Plus | M::ScramSha256 | M::ScramSha256Plus
                    )
                );
                assert!(!is_scram, "the server has proven nothing");
            }
            Err(Error::LoginRefused(refused)) => {
                let is_said = contains(&said.to_ascii_uppercase(), b"-ERR");
                assert!(is_said || refused.token_status.is_some());
                assert!(!sent.is_empty());
                assert_eq!(refused.mechanism, self.mechanism);
                let shown = format!("{} {:?}", refused.refusal.text, refused.token_status);
                assert!(!shown.chars().any(char::is_control), "{shown:?}");
            }
            Err(Error::LoginImpossible(why)) => {
                // What cannot be sent is known before anything is.
                if matches!(why, LoginImpossible::WrongProof(_)) {
                    assert!(sent.len() <= 1, "{why:?}");
                }
                let is_unsent = matches!(
                    why,
                    LoginImpossible::NoTimestamp | LoginImpossible::Unsendable(_)
                );
                assert!(sent.is_empty() || !is_unsent, "{why:?}");
            }
            Err(error) => {
                let shown = error.to_string();
                assert!(!shown.chars().any(char::is_control), "{shown:?}");
            }
        }
    }
}

fn check_line(line: &[u8]) {
    let text = line.strip_suffix(b"\r\n").expect("a line ends in CRLF");
    assert!(!text.contains(&b'\r') && !text.contains(&b'\n') && !text.contains(&0));
    if text.starts_with(b"AUTH ") {
        assert!(line.len() <= 255, "RFC 2449 section 4");
    }
}

fn answered(answer: &[u8], sent: &[Vec<u8>]) -> Vec<u8> {
    let Some(template) = answer.strip_prefix(b"=") else {
        return answer.to_vec();
    };
    // Nowhere else: whether it is in order elsewhere would be left to chance.
    let challenge = match template.strip_prefix(b"r=%") {
        Some(rest) => [b"r=", &*nonce(sent), rest].concat(),
        None => template.to_vec(),
    };
    format!("+ {}\r\n", BASE64.encode(&challenge)).into_bytes()
}

/// What stands behind `r=` in the last line that the client sent.
fn nonce(sent: &[Vec<u8>]) -> Vec<u8> {
    let line = sent
        .last()
        .map(|line| line.trim_ascii())
        .unwrap_or_default();
    let word = line
        .rsplit(|octet| *octet == b' ')
        .next()
        .unwrap_or_default();
    let said = BASE64.decode(word).unwrap_or_default();
    // By other mechanisms it would be a part of the user or the secret.
    let is_scram = [&b"n,,"[..], b"p=", b"c="]
        .iter()
        .any(|begin| said.starts_with(begin));
    let said = if is_scram { said } else { Vec::new() };
    let fields = said.split(|octet| *octet == b',');
    let mut nonces = fields.filter_map(|field| field.strip_prefix(b"r="));
    nonces.next().unwrap_or_default().to_vec()
}

fn contains(octets: &[u8], part: &[u8]) -> bool {
    part.is_empty() || octets.windows(part.len()).any(|window| window == part)
}
