use super::super::error::{Error, LoginImpossible, LoginRefusal};
use super::super::script::Script;
use super::super::session::Session;
use super::super::settings::{Credentials, Proof};
use super::{Surroundings, try_login};
use crate::protocol::ServerText;
use crate::secret::Secret;

const GREETING: &str = "ready <1896.697170952@dbc.mtview.ca.us>";

fn log_in(mechanism: &str, proof: Proof, script: &str) -> Result<(), Error> {
    let credentials = Credentials {
        user: "alice".to_owned(),
        proof,
    };
    let surroundings = Surroundings {
        greeting: &ServerText::new(GREETING.as_bytes()),
        host: "pop.example.org",
        port: 995,
        channel_binding: None,
        is_mechanism_known: true,
    };
    let mut session = Session::new(Script::new(script));
    try_login(
        &mut session,
        mechanism.parse().unwrap(),
        &credentials,
        surroundings,
    )
}

fn password(text: &str) -> Proof {
    Proof::Password(Secret::new(text.as_bytes().to_vec()))
}

fn token(text: &str) -> Proof {
    Proof::Token(Secret::new(text.as_bytes().to_vec()))
}

fn refusal(result: Result<(), Error>) -> LoginRefusal {
    match result {
        Err(Error::LoginRefused(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

fn impossible(result: Result<(), Error>) -> LoginImpossible {
    match result {
        Err(Error::LoginImpossible(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// The base64 form, for scripts.
fn b64(text: &str) -> String {
    data_encoding::BASE64.encode(text.as_bytes())
}

#[test]
fn user_and_pass_go_one_after_the_other() {
    let script = "C: USER alice\nS: +OK\nC: PASS secret word\nS: +OK";
    log_in("user", password("secret word"), script).unwrap();
}

#[test]
fn a_refused_user_is_not_followed_by_the_password() {
    let script = "C: USER alice\nS: -ERR no";
    let refusal = refusal(log_in("user", password("x"), script));
    assert!(!refusal.secret_sent);
    assert_eq!(refusal.refusal.text.to_string(), "no");
}

#[test]
fn a_refused_password_is_the_cause_though_the_line_is_closed() {
    let script = "C: USER alice\nS: +OK\nC: PASS x\nS: -ERR [AUTH] wrong\nunread\nclose";
    let refusal = refusal(log_in("user", password("x"), script));
    assert!(refusal.secret_sent);
    assert_eq!(refusal.refusal.text.to_string(), "[AUTH] wrong");
}

#[test]
fn no_argument_carries_a_second_command() {
    for (mechanism, text) in [("user", "x\r\nQUIT"), ("user", ""), ("plain", "a\0b")] {
        let why = impossible(log_in(mechanism, password(text), ""));
        assert!(matches!(why, LoginImpossible::Unsendable(_)), "{why:?}");
    }
    for text in ["", "a b", "a\x01b", "a\r\n"] {
        let why = impossible(log_in("xoauth2", token(text), ""));
        assert!(matches!(why, LoginImpossible::Unsendable(_)), "{why:?}");
    }
}

#[test]
fn apop_sends_the_digest_of_rfc_1939() {
    let script = "C: APOP alice c4c9334bac560ecc979e58001b3e22fb\nS: +OK";
    log_in("apop", password("tanstaaf"), script).unwrap();
    let script = "C: APOP alice c4c9334bac560ecc979e58001b3e22fb\nS: -ERR";
    let refusal = refusal(log_in("apop", password("tanstaaf"), script));
    assert!(!refusal.secret_sent, "the mechanism may be for show");
}

#[test]
fn plain_goes_with_the_command() {
    let response = b64("\0alice\0secret word");
    let script = format!("C: AUTH PLAIN {response}\nS: +OK");
    log_in("plain", password("secret word"), &script).unwrap();
    let script = format!("C: AUTH PLAIN {response}\nS: -ERR");
    assert!(refusal(log_in("plain", password("secret word"), &script)).secret_sent);
}

#[test]
fn plain_is_said_again_where_the_server_passed_over_it() {
    let response = b64("\0alice\0x");
    let script = format!("C: AUTH PLAIN {response}\nS: +\nC: {response}\nS: +OK");
    log_in("plain", password("x"), &script).unwrap();
}

#[test]
fn plain_goes_in_two_steps_where_the_server_knows_no_initial_response() {
    let response = b64("\0alice\0x");
    let start = format!("C: AUTH PLAIN {response}\nS: -ERR Syntax error\nC: AUTH PLAIN");
    let script = format!("{start}\nS: + go ahead\nC: {response}\nS: +OK");
    log_in("plain", password("x"), &script).unwrap();
    let script = format!("{start}\nS: -ERR no such mechanism");
    assert!(!refusal(log_in("plain", password("x"), &script)).secret_sent);
}

#[test]
fn a_line_that_is_closed_on_the_second_way_to_begin_was_refused_before() {
    let response = b64("\0alice\0x");
    let script = format!("C: AUTH PLAIN {response}\nS: -ERR unknown command\nC: AUTH PLAIN\nclose");
    let refusal = refusal(log_in("plain", password("x"), &script));
    assert_eq!(refusal.refusal.text.to_string(), "unknown command");
    assert!(!refusal.secret_sent);
}

#[test]
fn a_long_password_goes_in_two_steps() {
    let long = "x".repeat(200);
    let response = b64(&format!("\0alice\0{long}"));
    let script = format!("C: AUTH PLAIN\nS: +\nC: {response}\nS: +OK");
    log_in("plain", password(&long), &script).unwrap();
    let script = "C: AUTH PLAIN\nS: -ERR";
    assert!(!refusal(log_in("plain", password(&long), script)).secret_sent);
}

#[test]
fn login_answers_two_questions_in_any_words() {
    let (user, word) = (b64("alice"), b64("x"));
    for (first, second) in [
        ("VXNlcm5hbWU6", "UGFzc3dvcmQ6"),
        ("who?", "prove it"),
        ("", ""),
    ] {
        let script =
            format!("C: AUTH LOGIN\nS: + {first}\nC: {user}\nS: + {second}\nC: {word}\nS: +OK");
        log_in("login", password("x"), &script).unwrap();
    }
    let script = format!("C: AUTH LOGIN\nS: +\nC: {user}\nS: -ERR");
    assert!(!refusal(log_in("login", password("x"), &script)).secret_sent);
    let endless =
        format!("C: AUTH LOGIN\nS: +\nC: {user}\nS: +\nC: {word}\nS: +\nC: *\nS: -ERR cancelled");
    let why = impossible(log_in("login", password("x"), &endless));
    assert!(matches!(why, LoginImpossible::BadChallenge(_)), "{why:?}");
}

#[test]
fn cram_md5_answers_a_challenge_or_cancels() {
    let challenge = b64("<1896.697170952@postoffice.reston.mci.net>");
    let response = b64("alice b913a602c7eda7a495b4e6e7334d3890");
    let script = format!("C: AUTH CRAM-MD5\nS: + {challenge}\nC: {response}\nS: +OK");
    let result = log_in("cram-md5", password("tanstaaftanstaaf"), &script);
    result.unwrap();
    for bad in ["not base64", ""] {
        let script = format!("C: AUTH CRAM-MD5\nS: + {bad}\nC: *\nS: -ERR cancelled");
        let why = impossible(log_in("cram-md5", password("x"), &script));
        assert!(matches!(why, LoginImpossible::BadChallenge(_)), "{why:?}");
    }
}

#[test]
fn scram_takes_no_yes_from_a_server_that_has_proven_nothing() {
    let credentials = Credentials {
        user: "alice".to_owned(),
        proof: password("pencil"),
    };
    let surroundings = Surroundings {
        greeting: &ServerText::default(),
        host: "pop",
        port: 110,
        channel_binding: None,
        is_mechanism_known: true,
    };
    let script = Script::new("S: +OK\nunread");
    let writes = script.writes();
    // The nonce is another each time, so that the script cannot expect it.
    let mut session = Session::new(script.taking_anything());
    let mechanism = "scram-sha-256".parse().unwrap();
    let result = try_login(&mut session, mechanism, &credentials, surroundings);
    let why = impossible(result);
    assert!(matches!(why, LoginImpossible::ServerUnproven(_)), "{why:?}");
    let sent = writes.lock().unwrap().concat();
    assert!(
        sent.starts_with("AUTH SCRAM-SHA-256 biwsbj1hbGljZSxy"),
        "{sent}"
    );
}

#[test]
fn external_names_the_user() {
    let script = "C: AUTH EXTERNAL YWxpY2U=\nS: +OK";
    log_in("external", Proof::Certificate, script).unwrap();
}

#[test]
fn tokens_go_in_two_steps() {
    let xoauth2 = b64("user=alice\x01auth=Bearer t\x01\x01");
    let script = format!("C: AUTH XOAUTH2\nS: + \nC: {xoauth2}\nS: +OK");
    log_in("xoauth2", token("t"), &script).unwrap();
    let bearer = b64("n,a=alice,\x01host=pop.example.org\x01port=995\x01auth=Bearer t\x01\x01");
    let script = format!("C: AUTH OAUTHBEARER\nS: +\nC: {bearer}\nS: +OK");
    log_in("oauthbearer", token("t"), &script).unwrap();
}

#[test]
fn short_tokens_go_with_the_command_where_the_bare_one_is_refused() {
    let xoauth2 = b64("user=alice\x01auth=Bearer t\x01\x01");
    let start = format!("C: AUTH XOAUTH2\nS: -ERR malformed\nC: AUTH XOAUTH2 {xoauth2}");
    log_in("xoauth2", token("t"), &format!("{start}\nS: +OK")).unwrap();
    let closed = refusal(log_in("xoauth2", token("t"), &format!("{start}\nclose")));
    assert_eq!(closed.refusal.text.to_string(), "malformed");
    let long = "t".repeat(300);
    let script = "C: AUTH XOAUTH2\nS: -ERR malformed";
    assert!(!refusal(log_in("xoauth2", token(&long), script)).secret_sent);
}

#[test]
fn what_a_server_tells_of_a_token_is_kept() {
    let xoauth2 = b64("user=alice\x01auth=Bearer t\x01\x01");
    let told_in_base64 = b64("{\"status\":\"401\"}");
    let script = format!(
        "C: AUTH XOAUTH2\nS: +\nC: {xoauth2}\nS: + {told_in_base64}\nC: \nS: -ERR AUTHENTICATE failed"
    );
    let refusal = refusal(log_in("xoauth2", token("t"), &script));
    let told = refusal.token_status.map(|text| text.to_string());
    assert_eq!(told.as_deref(), Some("{\"status\":\"401\"}"));
    let script = format!("C: AUTH XOAUTH2\nS: +\nC: {xoauth2}\nS: + {told_in_base64}\nC: \nclose");
    let refusal = self::refusal(log_in("xoauth2", token("t"), &script));
    assert!(refusal.token_status.is_some() && refusal.secret_sent);
    let bearer = b64("n,a=alice,\x01host=pop.example.org\x01port=995\x01auth=Bearer t\x01\x01");
    let script = format!("C: AUTH OAUTHBEARER\nS: +\nC: {bearer}\nS: + e30=\nC: AQ==\nS: -ERR no");
    let error = log_in("oauthbearer", token("t"), &script).unwrap_err();
    assert!(!error.to_string().contains("Bearer"), "{error}");
}
