//! Second tries of a login, and servers that do not bear to be asked what they can do.

use super::*;
use crate::client::Transaction;

fn log_in_as_alice(server: &Server) -> Client<Transaction> {
    let connector = Connector::new(&Transport::default());
    let policy = LoginPolicy::default();
    let mut credentials = |_| Ok::<_, Error>(alice(Proof::Password(secret("x"))));
    log_in(&connector, server, &patience(), &policy, &mut credentials).unwrap()
}

/// Logs in at a server that plays one list of answers a connection; tells what was asked of the
/// credentials, what came of it, and what the server heard.
fn log_in_at(
    connections: &'static [&'static [&'static str]],
    proof: impl Fn(Attempt) -> Proof,
) -> (Vec<Attempt>, Result<(), Error>, Vec<Vec<String>>) {
    let mut left = connections.iter();
    let played = play(TlsMode::Off, connections.len(), move |socket| {
        converse(socket, left.next().unwrap())
    });
    let connector = Connector::new(&Transport::default());
    let mut attempts = Vec::new();
    let mut credentials = |attempt| {
        attempts.push(attempt);
        Ok::<_, Error>(alice(proof(attempt)))
    };
    let policy = LoginPolicy::default();
    let client = log_in(
        &connector,
        &played.server,
        &patience(),
        &policy,
        &mut credentials,
    );
    let result = client.map(drop);
    (attempts, result, played.thread.join().unwrap())
}

#[test]
fn a_mechanism_refused_before_the_secret_was_sent_gives_way_once() {
    let (attempts, result, said) = log_in_at(
        &[
            &["+OK <1@a>\r\n", "-ERR\r\n", "-ERR no\r\n"],
            &[
                "+OK <2@a>\r\n",
                "-ERR\r\n",
                "+OK\r\n",
                "+OK\r\n",
                "-ERR\r\n",
            ],
        ],
        |_| Proof::Password(secret("x")),
    );
    result.unwrap();
    assert_eq!(attempts, [Attempt::First, Attempt::OtherMechanism]);
    assert!(said[0][1].starts_with("APOP alice "), "{said:?}");
    assert_eq!(said[1], ["CAPA", "USER alice", "PASS x", "CAPA"]);
}

#[test]
fn a_refused_password_is_not_tried_again() {
    let (attempts, result, _) = log_in_at(
        &[&["+OK\r\n", "-ERR\r\n", "+OK\r\n", "-ERR [AUTH] no\r\n"]],
        |_| Proof::Password(secret("x")),
    );
    assert!(matches!(result, Err(Error::LoginRefused(_))), "{result:?}");
    assert_eq!(attempts, [Attempt::First]);
}

#[test]
fn a_maildrop_that_is_locked_is_not_tried_again_at_once() {
    let (attempts, result, _) = log_in_at(
        &[&["+OK\r\n", "-ERR\r\n", "-ERR [IN-USE] wait\r\n"]],
        |_| Proof::Password(secret("x")),
    );
    let Err(Error::LoginRefused(refusal)) = result else {
        panic!("{result:?}")
    };
    assert!(refusal.refusal.try_later());
    assert_eq!(attempts, [Attempt::First]);
}

const XOAUTH2: &str = "+OK\r\nSASL XOAUTH2\r\n.\r\n";

#[test]
fn a_refused_token_is_tried_once_more_if_it_can_be_renewed() {
    let refusing: &[&str] = &["+OK\r\n", XOAUTH2, "+\r\n", "-ERR [AUTH] expired\r\n"];
    let accepting: &[&str] = &["+OK\r\n", XOAUTH2, "+\r\n", "+OK\r\n", "-ERR\r\n"];
    let (attempts, result, said) =
        log_in_at(vec![refusing, accepting].leak(), |attempt| match attempt {
            Attempt::FreshToken => Proof::Token(secret("new")),
            Attempt::First | Attempt::OtherMechanism => Proof::Token(secret("old")),
        });
    result.unwrap();
    assert_eq!(attempts, [Attempt::First, Attempt::FreshToken]);
    assert_ne!(said[0][2], said[1][2]);

    let (attempts, result, _) = log_in_at(vec![refusing].leak(), |_| Proof::Token(secret("same")));
    assert!(matches!(result, Err(Error::LoginRefused(_))), "{result:?}");
    assert_eq!(attempts, [Attempt::First, Attempt::FreshToken]);
}

#[test]
fn the_last_refusal_is_the_cause_though_no_second_line_can_be_had() {
    let refusing: &[&str] = &["+OK <1@a>\r\n", "-ERR\r\n", "-ERR no digest\r\n"];
    for second in [
        &["-ERR go away\r\n"][..],
        &["+OK\r\n", "-ERR\r\n", "-ERR no\r\n"],
    ] {
        let (_, result, _) = log_in_at(vec![refusing, second].leak(), |_| {
            Proof::Password(secret("x"))
        });
        let expected = if second.len() == 1 { "no digest" } else { "no" };
        let Err(Error::LoginRefused(refusal)) = result else {
            panic!("{result:?}")
        };
        assert_eq!(refusal.refusal.text.to_string(), expected);
    }
}

#[test]
fn a_server_that_closes_on_capa_is_called_again_and_not_asked() {
    let mut answers = vec![
        vec![GREETING, "+OK\r\n", "+OK\r\n", "+OK bye\r\n"],
        vec![GREETING],
    ];
    let played = play(TlsMode::Off, 2, move |socket| {
        let answers = answers.pop().unwrap();
        if answers.len() > 1 {
            return converse(socket, &answers);
        }
        let mut socket = socket;
        socket.write_all(GREETING.as_bytes()).unwrap();
        let mut line = [0; 6];
        socket.read_exact(&mut line).unwrap();
        vec![String::from_utf8(line.to_vec()).unwrap()]
    });
    log_in_as_alice(&played.server).quit().unwrap();
    let said = played.thread.join().unwrap();
    assert_eq!(
        said,
        [vec!["CAPA\r\n"], vec!["USER alice", "PASS x", "QUIT"]]
    );
}

/// Greets, and answers these commands whatever they are; then closes.
fn answer_and_close(mut socket: TcpStream, answers: &[&str]) -> Vec<String> {
    let mut said = Vec::new();
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    for (nth, answer) in answers.iter().enumerate() {
        if nth > 0 {
            let mut line = Vec::new();
            reader.by_ref().take(9999).read_until_lf(&mut line).unwrap();
            said.push(String::from_utf8(line).unwrap().trim_end().to_owned());
        }
        socket.write_all(answer.as_bytes()).unwrap();
    }
    said
}

#[test]
fn a_server_that_closes_on_capa_after_the_login_is_called_again_and_not_asked_then() {
    let first: &[&str] = &["+OK\r\n", CAPA, "+OK\r\n", "+OK\r\n", ""];
    let mut left = [first, &["+OK\r\n", CAPA, "+OK\r\n", "+OK\r\n"][..]].into_iter();
    let played = play(TlsMode::Off, 2, move |socket| {
        answer_and_close(socket, left.next().unwrap())
    });
    let client = log_in_as_alice(&played.server);
    assert!(client.server().capabilities().has_user());
    let said = played.thread.join().unwrap();
    assert_eq!(said[0], ["CAPA", "USER alice", "PASS x", "CAPA"]);
    assert_eq!(said[1], ["CAPA", "USER alice", "PASS x"]);
}
