//! TLS that is begun by STLS.

use super::*;

/// What a server in clear says before TLS can begin, and what becomes of it.
fn stls(answers: &'static [&'static str]) -> (Result<(), Error>, Vec<String>) {
    let played = play(TlsMode::Stls, 1, |socket| converse(socket, answers));
    let result = open(&played.server, &Transport::default()).map(Client::<Authorization>::quit);
    (result, played.thread.join().unwrap().concat())
}

#[test]
fn stls_begins_tls_before_anything_is_asked() {
    let certified = certificate("127.0.0.1", |_| {});
    let acceptor = Arc::clone(&certified.acceptor);
    let played = play(TlsMode::Stls, 1, move |mut socket| {
        socket.write_all(b"+OK ready\r\n").unwrap();
        let mut line = [0; 6];
        socket.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"STLS\r\n");
        socket.write_all(b"+OK\r\n").unwrap();
        converse(acceptor.accept(socket).unwrap(), &["", CAPA, BYE])
    });
    let client = open(&played.server, &trusting(&certified)).unwrap();
    assert_eq!(client.server().leaf.as_ref(), Some(&certified.leaf));
    client.quit();
    assert_eq!(played.thread.join().unwrap(), [["CAPA", "QUIT"]]);
}

#[test]
fn stls_that_is_refused_or_stripped_or_stuffed_ends_it() {
    let (result, said) = stls(&[GREETING, "-ERR no TLS today\r\n", "-ERR\r\n"]);
    let failure = tls_failure(result);
    assert!(matches!(&failure.fault, TlsFault::Refused(_)), "{failure}");
    assert_eq!(said, ["STLS", "CAPA"]);

    let (result, said) = stls(&[GREETING, "-ERR what?\r\n", CAPA]);
    let failure = tls_failure(result);
    assert!(matches!(failure.fault, TlsFault::NotOffered), "{failure}");
    assert_eq!(said, ["STLS", "CAPA"]);

    let (result, said) = stls(&[GREETING, "+OK begin\r\n+OK injected\r\n"]);
    let injected = Error::Misbehaved(Misbehaviour::StlsInjection);
    assert_eq!(
        format!("{:?}", result.unwrap_err()),
        format!("{injected:?}")
    );
    assert_eq!(said, ["STLS"]);
}
