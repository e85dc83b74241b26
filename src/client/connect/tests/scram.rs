//! SCRAM bound to the TLS channel (RFC 5802, RFC 5929 section 4), with a server that reckons for
//! itself what both ends must prove.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::client::Transaction;
use crate::protocol::{Mechanism, SaslMechanism};

const PASSWORD: &str = "pencil";
const SALT: &[u8] = b"salt";
const ITERATIONS: u32 = 4096;

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn xor(one: [u8; 32], other: [u8; 32]) -> [u8; 32] {
    std::array::from_fn(|at| one[at] ^ other[at])
}

/// `Hi()` of RFC 5802 section 2.2.
fn salted_password() -> [u8; 32] {
    let mut round = hmac(PASSWORD.as_bytes(), &[SALT, &[0, 0, 0, 1]].concat());
    let mut salted = round;
    for _ in 1..ITERATIONS {
        round = hmac(PASSWORD.as_bytes(), &round);
        salted = xor(salted, round);
    }
    salted
}

/// One login, by a client of which the server believes that it sees this certificate.
fn serve(socket: impl io::Read + io::Write, believed_leaf_sha256: [u8; 32]) -> io::Result<()> {
    let mut socket = BufReader::new(socket);
    let mut hear = |answer: String| {
        socket.get_mut().write_all(answer.as_bytes())?;
        let mut line = Vec::new();
        socket.by_ref().take(9999).read_until_lf(&mut line)?;
        Ok::<_, io::Error>(String::from_utf8(line).unwrap().trim_end().to_owned())
    };
    let challenge = |text: &str| format!("+ {}\r\n", BASE64.encode(text.as_bytes()));
    let decoded = |line: &str| String::from_utf8(BASE64.decode(line.as_bytes()).unwrap()).unwrap();

    assert_eq!(hear(GREETING.to_owned())?, "CAPA");
    let asked = hear("+OK\r\nSASL SCRAM-SHA-256-PLUS\r\n.\r\n".to_owned())?;
    let first = decoded(asked.strip_prefix("AUTH SCRAM-SHA-256-PLUS ").unwrap());
    let bare = first.strip_prefix("p=tls-server-end-point,,").unwrap();
    let nonce = bare.strip_prefix("n=alice,r=").unwrap();
    let own = format!("r={nonce}more,s={},i={ITERATIONS}", BASE64.encode(SALT));
    let last = decoded(&hear(challenge(&own))?);
    let (unproven, proof) = last.rsplit_once(",p=").unwrap();

    let binding = [
        b"p=tls-server-end-point,,".as_slice(),
        &believed_leaf_sha256,
    ]
    .concat();
    let salted = salted_password();
    let proven = format!("{bare},{own},{unproven}");
    let client_key = hmac(&salted, b"Client Key");
    let signature = hmac(&Sha256::digest(client_key), proven.as_bytes());
    let expected = BASE64.encode(&xor(client_key, signature));
    let bound = format!("c={},r={nonce}more", BASE64.encode(&binding));
    if unproven != bound || proof != expected {
        let refused = hear(challenge("e=channel-bindings-dont-match"))?;
        assert_eq!(refused, "");
        hear("-ERR [AUTH] no\r\n".to_owned())?;
        return Ok(());
    }
    let own_proof = hmac(&hmac(&salted, b"Server Key"), proven.as_bytes());
    assert_eq!(
        hear(challenge(&format!("v={}", BASE64.encode(&own_proof))))?,
        ""
    );
    assert_eq!(hear("+OK\r\n".to_owned())?, "CAPA");
    assert_eq!(hear(CAPA.to_owned())?, "QUIT");
    hear(BYE.to_owned())?;
    Ok(())
}

#[test]
fn scram_plus_proves_that_both_ends_see_one_certificate() {
    let certified = certificate("127.0.0.1", |_| {});
    let CertificatePin(leaf_sha256) = certified.leaf.sha256;
    let log_in_where_server_believes = |believed: [u8; 32]| {
        let acceptor = Arc::clone(&certified.acceptor);
        let played = play(TlsMode::Implicit, 1, move |socket| {
            serve(acceptor.accept(socket).unwrap(), believed)
        });
        let mechanism = Mechanism::Sasl(SaslMechanism::ScramSha256Plus);
        let policy = LoginPolicy {
            mechanism: Some(mechanism),
            ..LoginPolicy::default()
        };
        let mut credentials = |_| Ok::<_, Error>(alice(Proof::Password(secret(PASSWORD))));
        let connector = Connector::new(&trusting(&certified));
        let client = log_in(
            &connector,
            &played.server,
            &patience(),
            &policy,
            &mut credentials,
        );
        let ended = client.and_then(Client::<Transaction>::quit);
        played.thread.join().unwrap().remove(0).unwrap();
        ended
    };
    log_in_where_server_believes(leaf_sha256).unwrap();
    let other = log_in_where_server_believes([7; 32]);
    assert!(matches!(other, Err(Error::LoginRefused(_))), "{other:?}");
}
