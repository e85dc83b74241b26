//! A line that is lost at any step of a session is made anew, `--retries` times, whatever the
//! command; what looks like a mistake or a wrong password is told at once.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use pop3d::{Mailbox, Moment, Server, Settings, Sizes, Step, Then, When};
use rustix::process::Signal;

use crate::support::embedded::{PATIENCE, assert_maildir, popfetch, serve, stored_messages};
use crate::support::program::{Folder, Outcome};

const MESSAGES: u32 = 2;
/// Most of the runs wait for the end of a pause.
const AT_ONCE: usize = 16;
/// What the program says when it goes on.
const GOES_ON: &str = "connecting again";

fn server() -> Server {
    serve(Mailbox::generated(MESSAGES, 7, Sizes::Fixed(600)))
}

/// Asks one thing after the other, so that each step is a wait of its own.
fn server_in_lock_step() -> Server {
    let settings = Settings {
        capabilities: vec!["TOP", "UIDL", "USER"],
        ..Settings::default()
    };
    Server::start(Mailbox::generated(MESSAGES, 7, Sizes::Fixed(600)), settings).unwrap()
}

/// From here on the server hangs up at the nth step that is seen.
fn hang_up_once(server: &Server, nth: u64) {
    let seen = AtomicU64::new(0);
    server.look_on(move |_| match seen.fetch_add(1, Ordering::SeqCst) {
        step if step == nth => Then::HangUp,
        _ => Then::GoOn,
    });
}

/// From here on the server hangs up where it is told to; how many sessions there were.
fn hang_up(server: &Server, at: impl Fn(Moment) -> bool + Send + Sync + 'static) -> Arc<AtomicU32> {
    let sessions = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&sessions);
    server.look_on(move |moment| {
        let Step { when, verb, .. } = moment.step;
        let is_first = when == When::Before && verb == "greeting";
        counted.fetch_add(u32::from(is_first), Ordering::SeqCst);
        if at(moment) { Then::HangUp } else { Then::GoOn }
    });
    sessions
}

/// Whether the program went on, and so often, as it said.
#[track_caller]
fn assert_went_on(outcome: &Outcome, times: usize, context: &str) {
    let said = outcome.stderr.matches(GOES_ON).count();
    assert_eq!(said, times, "{context}: {outcome:?}");
}

/// Runs this at once for each step of a session, with a server that hangs up there, once.
fn at_every_step(
    serve: fn() -> Server,
    command: &str,
    words: &str,
    check: impl Fn(&Folder, &Server, &Outcome, &str) + Sync,
) {
    let run = |folder: &Folder, server: &Server| {
        let program = popfetch(folder, command, server).words(words);
        program.words("--retries 1 -v").run()
    };
    let undisturbed = serve();
    run(&Folder::new(), &undisturbed).expect(0);
    let steps = undisturbed.steps();
    assert!(steps > 12, "a session of {steps} steps is none");
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::SeqCst);
                    if nth >= steps {
                        break;
                    }
                    let (folder, server) = (Folder::new(), serve());
                    hang_up_once(&server, nth);
                    let outcome = run(&folder, &server);
                    let context = format!("{command} {words}, line lost at step {nth}");
                    check(&folder, &server, &outcome, &context);
                }
            });
        }
    });
}

#[test]
fn a_fetch_goes_on_wherever_the_line_was_lost() {
    for serve in [server, server_in_lock_step] {
        at_every_step(
            serve,
            "fetch",
            "--to mail",
            |folder, server, outcome, context| {
                assert_eq!(outcome.code(), 0, "{context}: {outcome:?}");
                let wanted = stored_messages(&server.mailbox(), 1..=MESSAGES);
                assert_maildir(&folder.join("mail"), &wanted, context);
                assert_eq!(server.count("DELE"), 0, "{context}");
            },
        );
    }
}

/// What was told is not told again.
#[test]
fn a_look_goes_on_wherever_the_line_was_lost() {
    for (command, words) in [("list", "-l"), ("stat", "--to mail")] {
        for serve in [server, server_in_lock_step] {
            let (folder, server) = (Folder::new(), serve());
            let shown = popfetch(&folder, command, &server).words(words);
            let shown = shown.run().expect(0).stdout();
            at_every_step(serve, command, words, |_, _, outcome, context| {
                assert_eq!(outcome.code(), 0, "{context}: {outcome:?}");
                assert_eq!(
                    without_port(&outcome.stdout()),
                    without_port(&shown),
                    "{context}"
                );
            });
        }
    }
}

/// Each server has a port of its own.
fn without_port(text: &str) -> String {
    text.split_whitespace()
        .filter(|word| !word.contains("127.0.0.1"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn what_is_there_is_recorded_as_stored_wherever_the_line_was_lost() {
    let words = "--to mail --mark-stored --from example";
    at_every_step(
        server,
        "fetch",
        words,
        |folder, server, outcome, context| {
            assert_eq!(outcome.code(), 0, "{context}: {outcome:?}");
            let recorded = format!("{MESSAGES} messages recorded");
            assert!(outcome.stderr.contains(&recorded), "{context}: {outcome:?}");
            popfetch(folder, "fetch", server)
                .words("--to mail")
                .run()
                .expect(0);
            assert_eq!(server.count("RETR"), 0, "{context}");
        },
    );
}

#[test]
fn a_list_that_goes_on_keeps_its_limit_and_its_sum() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(4, 7, Sizes::Fixed(600)));
    let lost = Step {
        when: When::Before,
        verb: "TOP",
        number: 3,
    };
    hang_up(&server, move |moment| {
        moment.session == 0 && moment.step == lost
    });
    let program = popfetch(&folder, "list", &server).words("-l --json -v --limit 3");
    let outcome = program.run().expect(0);
    assert_went_on(&outcome, 1, "list");
    let told = outcome.stdout();
    for (number, times) in [(1, 1), (2, 1), (3, 1), (4, 0)] {
        let number = format!("\"number\":{number},");
        assert_eq!(told.matches(&number).count(), times, "{told}");
    }
    assert!(told.contains("\"skipped\":1,"), "{told}");
}

/// Whether the server has carried a deletion out when the line is lost at QUIT, only it knows.
#[test]
fn a_deletion_goes_on_wherever_the_line_was_lost_before_quit() {
    for serve in [server, server_in_lock_step] {
        at_every_step(
            serve,
            "delete",
            "--number 1 --yes",
            |_, server, outcome, context| {
                let left = server.mailbox().present();
                if outcome.code() == 75 {
                    assert_eq!(server.count("DELE"), 1, "{context}: {outcome:?}");
                    let is_told = outcome.stderr.contains("did not confirm");
                    assert!(is_told, "{context}: {outcome:?}");
                    assert_went_on(outcome, 0, context);
                    return;
                }
                assert_eq!(outcome.code(), 0, "{context}: {outcome:?}");
                assert_eq!(left, [2], "{context}: {outcome:?}");
            },
        );
    }
}

/// By another session the numbers have changed; it is the unique-ids that count.
#[test]
fn a_deletion_that_goes_on_takes_just_what_was_chosen() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(4, 7, Sizes::Fixed(600)));
    let lost = Step {
        when: When::Before,
        verb: "DELE",
        number: 3,
    };
    let sessions = hang_up(&server, move |moment| {
        moment.session == 0 && moment.step == lost
    });
    let delete = popfetch(&folder, "delete", &server).words("--number 2-3 --yes --json -v");
    let outcome = delete.run().expect(0);
    assert_went_on(&outcome, 1, "delete");
    assert_eq!(server.mailbox().present(), [1, 4]);
    assert_eq!(sessions.load(Ordering::SeqCst), 2);
    let told = outcome.stdout();
    assert_eq!(told.matches("\"status\":\"deleted\"").count(), 2, "{told}");
    assert!(told.contains("\"delete_state\":\"confirmed\""), "{told}");
}

#[test]
fn retries_are_used_up_and_then_it_is_a_dropped_line() {
    let at = |when, verb| Step {
        when,
        verb,
        number: 0,
    };
    // What may be a wrong password is tried once more, whatever the retries. A server that hangs up
    // on CAPA is called again without it, which is no retry.
    let cases = [
        (at(When::Before, "greeting"), 0, 0, 1),
        (at(When::Before, "greeting"), 2, 2, 3),
        (at(When::After, "greeting"), 1, 1, 3),
        (at(When::Before, "USER"), 1, 1, 2),
        (at(When::Before, "PASS"), 0, 0, 1),
        (at(When::Before, "PASS"), 3, 1, 2),
        (at(When::Before, "UIDL"), 2, 2, 3),
    ];
    thread::scope(|scope| {
        for (lost, retries, goes_on, sessions) in cases {
            for command in ["fetch", "list"] {
                scope.spawn(move || use_up(command, lost, retries, goes_on, sessions));
            }
        }
    });
}

/// The server hangs up at this step, each time.
fn use_up(command: &str, lost: Step, retries: u32, goes_on: usize, sessions: u32) {
    let (folder, server) = (Folder::new(), server_in_lock_step());
    let made = hang_up(&server, move |moment| moment.step == lost);
    let program = popfetch(&folder, command, &server)
        .words("--json -v --to mail --retries")
        .arg(retries.to_string());
    let outcome = program.run().expect(75);
    let context = format!("{command} --retries {retries}, {lost}");
    let made = made.load(Ordering::SeqCst);
    assert_eq!(made, sessions, "{context}: {outcome:?}");
    assert_went_on(&outcome, goes_on, &context);
    let told = outcome.stdout();
    let errors = told.matches("\"type\":\"error\"").count();
    assert_eq!(errors, 1, "{context}: {told}");
    assert!(told.contains("\"kind\":\"line-dropped\""), "{context}");
}

#[test]
fn who_cannot_be_reached_is_told_of_at_once() {
    let port = server().port();
    for (server, code) in [
        (format!("127.0.0.1:{port}"), 69),
        ("nowhere.invalid".to_owned(), 68),
    ] {
        for command in ["fetch", "list"] {
            let folder = Folder::new();
            let url = format!("pop3s://alice@{server}");
            let program = folder.popfetch().env("POPFETCH_PASSWORD", "secret");
            let outcome = program.args([command, &url]).words("--to mail -v").run();
            assert_went_on(&outcome, 0, &url);
            outcome.expect(code);
        }
    }
}

/// Host and port were right: what cannot be reached any more is no mistake, and another run may well
/// go on.
#[test]
fn a_server_that_is_gone_after_a_lost_line_is_a_dropped_line() {
    for command in ["fetch", "list"] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = Folder::new();
        let program = folder.popfetch().env("POPFETCH_PASSWORD", "secret");
        let url = format!("pop3://alice@127.0.0.1:{port}");
        let words = "--tls off --to mail --retries 1 --json -v";
        let gone = thread::spawn(move || hang_up_and_go(listener));
        let outcome = program.args([command, &url]).words(words).run().expect(75);
        gone.join().unwrap();
        assert_went_on(&outcome, 1, command);
        let told = outcome.stdout();
        assert!(told.contains("\"kind\":\"line-dropped\""), "{told}");
        assert!(told.contains("cannot connect"), "{told}");
    }
}

/// Answers CAPA, closes the line in place of an answer to USER, and takes no other.
fn hang_up_and_go(listener: TcpListener) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    stream.write_all(b"+OK ready\r\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "CAPA");
    stream.write_all(b"-ERR\r\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "USER alice");
    drop(listener);
}

/// The server may want any pause between two logins: a signal does not wait for its end.
#[test]
fn a_signal_ends_a_pause() {
    let folder = Folder::new();
    let settings = Settings {
        capabilities: vec!["TOP", "UIDL", "USER", "LOGIN-DELAY 600"],
        ..Settings::default()
    };
    let mailbox = Mailbox::generated(MESSAGES, 7, Sizes::Fixed(600));
    let server = Server::start(mailbox, settings).unwrap();
    let (hung_up, lost) = mpsc::channel();
    hang_up(&server, move |moment| {
        moment.step.verb == "UIDL" && hung_up.send(()).is_ok()
    });
    let run = popfetch(&folder, "list", &server).start();
    lost.recv_timeout(PATIENCE).unwrap();
    run.signal(Signal::INT);
    run.wait().expect(130);
}

/// Nobody is kept waiting for what will not do.
#[test]
fn a_store_that_cannot_be_opened_ends_the_run_at_once() {
    let (folder, server) = (Folder::new(), server());
    let fetch = || popfetch(&folder, "fetch", &server).words("--to mail -v");
    fetch().run().expect(0);
    std::fs::write(folder.join("mail/.popfetch-journal"), "no journal\n").unwrap();
    let sessions = hang_up(&server, |moment| moment.step.verb == "greeting");
    let outcome = fetch().run();
    assert!([65, 73, 74].contains(&outcome.code()), "{outcome:?}");
    assert_went_on(&outcome, 0, "store");
    assert_eq!(sessions.load(Ordering::SeqCst), 1);
}

#[test]
fn a_password_is_asked_for_once() {
    let (folder, server) = (Folder::new(), server_in_lock_step());
    hang_up(&server, |moment| {
        moment.session == 0 && moment.step.verb == "PASS"
    });
    let url = format!("pop3://demo@127.0.0.1:{}", server.port());
    let stat = folder.popfetch().args(["stat", &url, "--tls", "off", "-v"]);
    let command = "echo asked >> times; echo secret";
    let outcome = stat.args(["--password-command", command]).run().expect(0);
    assert_went_on(&outcome, 1, "stat");
    let asked = std::fs::read_to_string(folder.join("times")).unwrap();
    assert_eq!(asked, "asked\n");
}
