use super::super::error::{Error, Misbehaviour, Wait};
use super::super::script::Script;
use super::{NextLine, Session};
use crate::protocol::command::{Argument, SecretArgument};
use crate::protocol::limits::{CAPABILITY_OCTETS_MAX, ROW_OCTETS_MAX, STATUS_LINE_OCTETS_MAX};
use crate::protocol::{Command, LineEnding, ServerText, StatusLine, Verb};
use crate::secret::Secret;

fn session(script: &str) -> Session<Script> {
    Session::new(Script::new(script))
}

fn misbehaviour<T: std::fmt::Debug>(result: Result<T, Error>) -> Misbehaviour {
    match result {
        Err(Error::Misbehaved(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_greeting_tells_how_lines_end() {
    let check = |script: &str, greeting: &str, ending: LineEnding| {
        let mut session = session(script);
        let text = session.greeting().unwrap();
        assert_eq!(text, ServerText::new(greeting.as_bytes()));
        assert_eq!(session.talk.ending, ending);
        assert!(matches!(
            session.exchange(&Command::Noop),
            Ok(StatusLine::Ok(_))
        ));
    };
    check("S: +OK hello\nC: NOOP\nS: +OK", "hello", LineEnding::CrLf);
    check("S: +OK\nC: NOOP\nS: +OK", "", LineEnding::CrLf);
    check(
        "S~ +OK hello\\n\nC: NOOP\nS~ +OK\\n",
        "hello",
        LineEnding::Lf,
    );
}

#[test]
fn what_is_no_greeting() {
    let why = misbehaviour(session("S: * OK IMAP4rev1 ready").greeting());
    assert_eq!(
        why,
        Misbehaviour::NoGreeting(ServerText::new(b"* OK IMAP4rev1 ready"))
    );
    let why = misbehaviour(session("S~ \x15\x03\x03\0\x02\x02").greeting());
    assert_eq!(why, Misbehaviour::TlsInPlaceOfGreeting);
    let refused = session("S: -ERR [SYS/TEMP] go away").greeting();
    assert!(matches!(refused, Err(Error::Unwelcome(refusal)) if refusal.try_later()));
    let closed = session("S~ +OK\nclose").greeting();
    assert!(matches!(
        closed,
        Err(Error::Io {
            doing: Wait::Greeting,
            ..
        })
    ));
    let silent = session("S~ +OK\nsilence").greeting();
    assert!(matches!(silent, Err(Error::Deadline(Wait::Greeting))));
}

#[test]
fn a_status_line_has_a_limit() {
    for (octets, is_taken) in [(-1, true), (0, true), (1, false)] {
        let length = STATUS_LINE_OCTETS_MAX.checked_add_signed(octets).unwrap();
        let line = format!("+OK {}", "x".repeat(length - "+OK \r\n".len()));
        let mut session = session(&format!("C: NOOP\nS: {line}"));
        let result = session.exchange(&Command::Noop);
        assert_eq!(result.is_ok(), is_taken, "{octets}");
        if !is_taken {
            let why = misbehaviour(result);
            assert_eq!(why, Misbehaviour::LineTooLong(Wait::Response(Verb::Noop)));
            assert!(matches!(session.status(Verb::Noop), Err(Error::OutOfStep)));
        }
    }
}

#[test]
fn a_row_has_a_limit_and_a_response_too() {
    for (octets, rows) in [(-1, 2), (0, 2), (1, 1)] {
        let length = ROW_OCTETS_MAX.checked_add_signed(octets).unwrap();
        let row = "x".repeat(length - "\r\n".len());
        let mut session = session(&format!("S: {row}\nS: y\nS: ."));
        let mut seen = 0;
        let each = |_: &[u8]| {
            seen += 1;
            Ok(())
        };
        session.rows(Verb::List, usize::MAX, each).unwrap();
        assert_eq!(seen, rows, "{octets}");
    }
    for (octets_max, is_taken) in [(5, false), (6, true), (7, true)] {
        let mut session = session("S: x\nS: x\nunread\nS: .");
        let result = session.rows(Verb::List, octets_max, |_| Ok(()));
        assert_eq!(result.is_ok(), is_taken, "{octets_max}");
    }
}

#[test]
fn what_is_no_status_line_leaves_the_session_out_of_step() {
    let mut session = session("C: NOOP\nS: nonsense");
    let wait = Wait::Response(Verb::Noop);
    let line = ServerText::new(b"nonsense");
    let why = misbehaviour(session.exchange(&Command::Noop));
    assert_eq!(why, Misbehaviour::NoStatusLine { wait, line });
    assert!(matches!(
        session.exchange(&Command::Noop),
        Err(Error::OutOfStep)
    ));
}

#[test]
fn a_continuation_is_no_answer_to_yes_or_no() {
    let mut session = session("C: NOOP\nS: + go on");
    let why = misbehaviour(session.ask(&Command::Noop));
    assert_eq!(why, Misbehaviour::UnexpectedContinuation(Verb::Noop));
    assert!(!session.is_in_step());
}

#[test]
fn commands_go_out_together_and_leave_nothing_behind() {
    let script = Script::new("C: USER alice\nC: PASS secret");
    let writes = script.writes();
    let mut session = Session::new(script);
    let user = Argument::parse(b"alice").unwrap();
    let pass = SecretArgument::parse(Secret::from("secret".to_owned())).unwrap();
    let commands = [Command::User(user), Command::Pass(pass)];
    session.send(&commands).unwrap();
    session.send(&[]).unwrap();
    assert_eq!(*writes.lock().unwrap(), ["USER alice\r\nPASS secret\r\n"]);
    assert!(session.talk.output.is_empty());
}

#[test]
fn capabilities_are_optional_and_bounded() {
    let mut known = session("C: CAPA\nS: +OK\nS: TOP\nS: ..\nS: PIPELINING\nS: .");
    let capabilities = known.capabilities().unwrap().unwrap();
    assert!(capabilities.has_top() && capabilities.has_pipelining());
    assert_eq!(capabilities.rows().len(), 3);
    let unknown = session("C: CAPA\nS: -ERR what").capabilities();
    assert_eq!(unknown.unwrap(), None);
    let rows = "S: X\n".repeat(CAPABILITY_OCTETS_MAX / 3 + 1);
    let mut endless = session(&format!("C: CAPA\nS: +OK\n{rows}unread"));
    assert_eq!(
        misbehaviour(endless.capabilities()),
        Misbehaviour::ListTooLong(Verb::Capa)
    );
}

#[test]
fn nothing_in_clear_is_taken_along_into_tls() {
    let mut clear = session("C: STLS\nS: +OK begin");
    clear.exchange(&Command::Stls).unwrap();
    let mut secure = clear
        .upgrade(|wire| {
            drop(wire);
            Ok(Script::new("C: NOOP\nS: +OK"))
        })
        .unwrap();
    secure.ask(&Command::Noop).unwrap().unwrap();

    let mut injected = session(
        r"
        C: STLS
        S~ +OK begin\r\n+OK\r\n
    ",
    );
    injected.exchange(&Command::Stls).unwrap();
    let why = injected.upgrade(|_| -> Result<Script, Error> { panic!("no handshake is made") });
    assert_eq!(misbehaviour(why.map(|_| ())), Misbehaviour::StlsInjection);
}

#[test]
fn what_comes_next_is_known_before_it_is_read() {
    let mut session = session("S: 1 a\nS: .\nS: +OK\nsilence\nS: x");
    let verb = Verb::Uidl;
    assert_eq!(session.next_line(verb).unwrap(), NextLine::Row);
    session.rows(verb, 100, |_| Ok(())).unwrap();
    assert_eq!(session.next_line(verb).unwrap(), NextLine::Status);
    session.status(verb).unwrap();
    let time = std::time::Duration::from_secs(2);
    assert!(session.is_silent_for(time, verb).unwrap());
    assert!(session.is_in_step());
    assert!(!session.is_silent_for(time, verb).unwrap());
    assert!(!session.is_silent_for(time, verb).unwrap());
}

#[test]
fn data_that_trickles_shares_one_wait() {
    let check = |octets_at_once: usize, expected: usize| {
        let line = "x".repeat(98);
        let script = format!("S~ {}.\\r\\n", format!("{line}\\r\\n").repeat(41));
        let script = Script::new(&script).in_pieces(octets_at_once);
        let waits = script.waits();
        let mut session = Session::new(script);
        session.begin_data();
        while session.next_span().unwrap().is_some() {}
        assert!(!session.is_in_data());
        let waits = waits.lock().unwrap();
        assert!(waits.iter().all(|wait| *wait == Wait::Data));
        assert_eq!(waits.len(), expected, "{octets_at_once} at once");
    };
    // 4100 octets and the terminator's three.
    check(1, 5);
    check(100, 4);
    check(1023, 3);
    check(1024, 5);
    check(5000, 1);
}

#[test]
fn what_nobody_asked_for_is_no_answer_to_what_is_asked_next() {
    let mut session = session("C: NOOP\nS~ +OK\\r\\n-ERR locked\\r\\n");
    session.ask(&Command::Noop).unwrap().unwrap();
    let why = misbehaviour(session.ask(&Command::Noop));
    let line = ServerText::new(b"-ERR locked");
    assert_eq!(why, Misbehaviour::UnexpectedAnswer(line));
    assert!(!session.is_in_step());

    let mut session = self::session("C: NOOP\nS~ +OK\\r\\n.\\r\\n\\r\\n\nC: NOOP\nS: +OK");
    session.ask(&Command::Noop).unwrap().unwrap();
    session.ask(&Command::Noop).unwrap().unwrap();
}
