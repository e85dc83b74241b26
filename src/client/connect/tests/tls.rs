//! Certificates that are trusted and that are not, and handshakes that fail.

use super::*;

#[test]
fn implicit_tls_with_a_certificate_that_is_trusted() {
    let certified = certificate("127.0.0.1", |_| {});
    let played = tls_server(&certified, 1);
    let client = open(&played.server, &trusting(&certified)).unwrap();
    assert_eq!(client.server().leaf.as_ref(), Some(&certified.leaf));
    assert_eq!(client.server().greeting.to_string(), "ready");
    assert!(client.server().tls_version.is_some());
    client.quit();
    assert_eq!(played.thread.join().unwrap(), [["CAPA", "QUIT"]]);
}

#[test]
fn a_certificate_that_is_not_trusted_is_shown_and_sent_nothing() {
    let past = |parameters: &mut rcgen::CertificateParams| {
        parameters.not_after = rcgen::date_time_ymd(2001, 1, 1);
    };
    let check = |certified: &Certified, transport: Transport, why: &str| {
        let played = tls_server(certified, 2);
        let failure = tls_failure(open(&played.server, &transport));
        assert_eq!(failure.presented.as_ref(), Some(&certified.leaf));
        let TlsFault::Untrusted(reason) = &failure.fault else {
            panic!("{failure}");
        };
        assert!(reason.contains(why), "{reason}");
        assert_eq!(played.thread.join().unwrap().concat(), [""; 0]);
    };
    let good = certificate("127.0.0.1", |_| {});
    check(&good, Transport::default(), "self-signed");
    let expired = certificate("127.0.0.1", past);
    check(&expired, trusting(&expired), "expired");
    let other = certificate("pop.example.org", |_| {});
    check(&other, trusting(&other), "mismatch");
    let asked = Transport {
        tls_name: Some("pop.example.com".to_owned()),
        ..trusting(&other)
    };
    check(&other, asked, "mismatch");
}

#[test]
fn another_name_may_be_asked_for() {
    let certified = certificate("pop.example.org", |_| {});
    let played = tls_server(&certified, 1);
    let transport = Transport {
        tls_name: Some("pop.example.org".to_owned()),
        ..trusting(&certified)
    };
    open(&played.server, &transport).unwrap().quit();
    played.thread.join().unwrap();
}

#[test]
fn a_pin_trusts_its_own_certificate_and_no_other() {
    let certified = certificate("other.example.org", |parameters| {
        parameters.not_after = rcgen::date_time_ymd(2001, 1, 1);
    });
    let pinned = |pin| Transport {
        pin: Some(pin),
        ..Transport::default()
    };
    let played = tls_server(&certified, 1);
    open(&played.server, &pinned(certified.leaf.sha256))
        .unwrap()
        .quit();
    assert_eq!(played.thread.join().unwrap(), [["CAPA", "QUIT"]]);

    let played = tls_server(&certified, 1);
    let failure = tls_failure(open(&played.server, &pinned(CertificatePin([7; 32]))));
    assert!(
        matches!(failure.fault, TlsFault::PinMismatch(_)),
        "{failure}"
    );
    assert_eq!(failure.presented, Some(certified.leaf));
    assert_eq!(played.thread.join().unwrap().concat(), [""; 0]);
}

#[test]
fn a_server_without_tls_is_told_from_one_whose_tls_is_bad() {
    let played = play(TlsMode::Implicit, 1, |mut socket| {
        socket.write_all(b"+OK \x1b[31mready\r\n").unwrap();
        let mut hello = [0; 1];
        socket.read_exact(&mut hello).unwrap();
    });
    let failure = tls_failure(open(&played.server, &Transport::default()));
    let told = failure.to_string();
    assert!(matches!(failure.fault, TlsFault::NotTls(_)), "{told}");
    assert!(told.contains("\\x1b[31mready"), "{told}");
    played.thread.join().unwrap();
}

#[test]
fn a_handshake_that_hangs_is_a_deadline_and_no_failure_of_tls() {
    // A record's header that promises more than comes.
    for octets in [&b""[..], b"\x16\x03\x03\x40\x00\x02"] {
        let played = play(TlsMode::Implicit, 1, move |mut socket| {
            socket.write_all(octets).unwrap();
            let _all_of_it = socket.read_to_end(&mut Vec::new());
        });
        let connector = Connector::new(&Transport::default());
        let patience = Patience::new(Duration::from_millis(300));
        let policy = LoginPolicy::default();
        let error = connector
            .open(&played.server, &patience, &policy)
            .unwrap_err();
        assert!(
            matches!(error, Error::Deadline(Wait::Handshake)),
            "{error:?}"
        );
        played.thread.join().unwrap();
    }
}

#[test]
fn a_handshake_that_is_cut_is_a_failure_of_the_line() {
    let played = play(TlsMode::Implicit, 1, |mut socket| {
        let mut hello = [0; 1];
        socket.read_exact(&mut hello).unwrap();
    });
    let error = open(&played.server, &Transport::default()).unwrap_err();
    let is_io = matches!(
        error,
        Error::Io {
            doing: Wait::Handshake,
            ..
        }
    );
    assert!(is_io, "{error:?}");
    played.thread.join().unwrap();
}

#[test]
fn a_certificate_names_a_host_without_brackets_and_the_dot_of_the_root() {
    for (host, name) in [
        ("pop.example.org", "pop.example.org"),
        ("pop.example.org.", "pop.example.org"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
    ] {
        assert_eq!(bare(&Host::parse(host).unwrap()), name);
    }
}
