//! Every wait has an end.

use super::*;

/// A short wait that brings nothing must leave TLS as it was.
#[test]
fn a_short_silence_harms_no_connection() {
    let certified = certificate("127.0.0.1", |_| {});
    for tls in [TlsMode::Implicit, TlsMode::Off] {
        let acceptor = Arc::clone(&certified.acceptor);
        let played = play(tls, 1, move |socket| match tls {
            TlsMode::Off => converse(socket, &[GREETING, CAPA, "+OK\r\n", BYE]),
            TlsMode::Implicit | TlsMode::Stls => converse(
                acceptor.accept(socket).unwrap(),
                &[GREETING, CAPA, "+OK\r\n", BYE],
            ),
        });
        let mut client = open(&played.server, &trusting(&certified)).unwrap();
        for _ in 0..3 {
            let silent = client
                .session
                .is_silent_for(Duration::from_millis(5), Verb::Noop);
            assert!(silent.unwrap());
        }
        assert!(client.session.ask(&Command::Noop).unwrap().is_ok());
        client.quit();
        assert_eq!(played.thread.join().unwrap(), [["CAPA", "NOOP", "QUIT"]]);
    }
}

/// A server that reads nothing fills the line; the wait to write ends all the same.
#[test]
fn a_write_that_nobody_reads_has_a_deadline() {
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let played = play(TlsMode::Off, 1, move |_unread| {
        assert!(receive.recv().is_err());
    });
    let connector = Connector::new(&Transport::default());
    let patience = Patience::new(Duration::from_millis(50));
    let mut stream = connector.reach(&played.server, &patience).unwrap();
    let mut write = || loop {
        stream.begin(Wait::Response(Verb::Noop));
        if let Err(error) = stream.write_all(&[b'x'; 8192]) {
            return error;
        }
    };
    let error = write();
    let is_late = matches!(error, Error::Deadline(Wait::Response(Verb::Noop)));
    assert!(is_late, "{error:?}");
    drop(send);
    played.thread.join().unwrap();
}

#[test]
fn the_end_of_the_whole_run_ends_a_wait() {
    let played = play(TlsMode::Off, 1, |mut socket| {
        let _all_of_it = socket.read_to_end(&mut Vec::new());
    });
    let connector = Connector::new(&Transport::default());
    let mut patience = patience();
    patience.until = Some(Instant::now() + Duration::from_millis(300));
    let policy = LoginPolicy::default();
    let error = connector
        .open(&played.server, &patience, &policy)
        .unwrap_err();
    assert!(
        matches!(error, Error::Deadline(Wait::WholeRun)),
        "{error:?}"
    );
    played.thread.join().unwrap();
}

#[test]
fn a_wait_sees_the_stop_flag() {
    let patience = Patience::new(Duration::from_mins(10));
    let stop = Arc::clone(&patience.stop);
    let played = play(TlsMode::Off, 1, move |mut socket| {
        stop.store(true, Ordering::Relaxed);
        let _all_of_it = socket.read_to_end(&mut Vec::new());
    });
    let connector = Connector::new(&Transport::default());
    let error = connector
        .open(&played.server, &patience, &LoginPolicy::default())
        .unwrap_err();
    assert!(matches!(error, Error::Stopped), "{error:?}");
    played.thread.join().unwrap();
}
