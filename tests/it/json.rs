//! With `--json` standard output carries JSON lines and nothing else, also when things fail.

use std::io::{BufRead as _, BufReader};

use pop3d::{Hold, Mailbox, Sizes, Step, When};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::embedded::{popfetch, serve};
use crate::support::program::{Folder, Outcome};

#[track_caller]
fn lines(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout().lines().map(parse).collect()
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))
}

fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

#[test]
fn fetch_tells_each_message_once_it_is_durable_and_sums_up() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(5, 1, Sizes::Mixed));
    let fetch = || popfetch(&folder, "fetch", &server).args(["--json", "--to", "mail"]);
    let told = lines(&fetch().run().expect(0));
    let messages = of_type(&told, "message");
    assert_eq!(messages.len(), 5);
    for (number, message) in (1..).zip(messages) {
        assert_eq!(message["status"], "stored");
        assert_eq!(message["number"], number);
        assert_eq!(message["uid"], server.mailbox().unique_id(number));
        assert_eq!(message["octets"], server.mailbox().octets(number));
        assert!(message["account"].is_string());
        assert!(message["deleted"].is_null());
        let path = message["path"].as_str().unwrap();
        assert!(path.starts_with('/'), "{path}");
        let stored = std::fs::read(path).unwrap();
        let hash = <sha2::Sha256 as sha2::Digest>::digest(&stored);
        assert_eq!(message["sha256"], data_encoding::HEXLOWER.encode(&hash));
    }
    let [summary] = of_type(&told, "summary")[..] else {
        panic!("{told:?}")
    };
    assert_eq!(summary["stored"], 5);
    assert_eq!(summary["failed"], 0);
    assert_eq!(summary["delete_state"], "none");
    assert_eq!(summary["exit_code"], 0);
    let told = lines(&fetch().arg("--delete").run().expect(0));
    let [summary] = of_type(&told, "summary")[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        (&summary["stored"], &summary["deleted"]),
        (&Value::from(0), &Value::from(5))
    );
    assert_eq!(summary["delete_state"], "confirmed");
    let deleted = of_type(&told, "message");
    let sizes: Vec<_> = deleted
        .iter()
        .filter(|line| line["status"] == "deleted")
        .map(|line| line["octets"].as_u64().unwrap())
        .collect();
    let listed: Vec<_> = (1..=5)
        .map(|number| server.mailbox().octets(number))
        .collect();
    assert_eq!(sizes, listed);
}

#[test]
fn list_and_stat_tell_what_is_there() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(4, 1, Sizes::Fixed(700)));
    let told = lines(
        &popfetch(&folder, "list", &server)
            .args(["--json", "-l"])
            .run()
            .expect(0),
    );
    let messages = of_type(&told, "message");
    assert_eq!(messages.len(), 4);
    for (number, message) in (1..).zip(messages) {
        assert_eq!(message["status"], "listed");
        assert_eq!(message["subject"], format!("Message {number}"));
        assert!(message["from"].as_str().unwrap().contains("@example.org"));
        assert!(message["stored"].is_null());
    }
    let told = lines(
        &popfetch(&folder, "stat", &server)
            .arg("--json")
            .run()
            .expect(0),
    );
    let [stat] = of_type(&told, "stat")[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        (&stat["messages"], &stat["octets"]),
        (&Value::from(4), &Value::from(2800))
    );
    assert!(stat["new"].is_null());
}

#[test]
fn a_failure_is_a_line_too() {
    let folder = Folder::new();
    let server = serve(Mailbox::empty());
    let outcome = popfetch(&folder, "stat", &server)
        .env("POPFETCH_PASSWORD", "wrong")
        .arg("--json")
        .run()
        .expect(77);
    let told = lines(&outcome);
    let [error] = of_type(&told, "error")[..] else {
        panic!("{told:?}")
    };
    assert_eq!(error["kind"], "auth-refused");
    assert_eq!(error["exit_code"], 77);
    assert!(
        error["server_text"]
            .as_str()
            .unwrap()
            .contains("wrong user or password")
    );
    assert!(error["message"].is_string());
    // Not even a usage error puts other words there.
    let outcome = folder
        .popfetch()
        .words("fetch --json --no-such-flag")
        .run()
        .expect(64);
    lines(&outcome);
}

#[test]
fn a_killed_run_leaves_a_true_log() {
    let folder = Folder::new();
    let server = serve(Mailbox::generated(600, 1, Sizes::Fixed(600)));
    server.hold(Hold::At(Step {
        when: When::Before,
        verb: "RETR",
        number: 590,
    }));
    let fetch = || popfetch(&folder, "fetch", &server).words("--json --to mail");
    let (reader, writer) = std::io::pipe().unwrap();
    let running = fetch().stdout(writer).start();
    let mut told = BufReader::new(reader)
        .lines()
        .map(|line| parse(&line.unwrap()));
    let is_message = |line: &Value| line["type"] == "message";
    let mut first = vec![told.find(is_message).expect("a batch is done")];
    running.signal(Signal::KILL);
    first.extend(told.filter(is_message));
    running.wait().expect(128 + 9);
    server.release();
    for message in &first {
        let stored = std::fs::read(message["path"].as_str().unwrap()).unwrap();
        let hash = <sha2::Sha256 as sha2::Digest>::digest(&stored);
        assert_eq!(message["sha256"], data_encoding::HEXLOWER.encode(&hash));
    }
    let told = lines(&fetch().run().expect(0));
    let uid = |message: &Value| message["uid"].as_str().unwrap().to_owned();
    let mut all: Vec<_> = first.iter().map(uid).collect();
    all.extend(of_type(&told, "message").into_iter().map(uid));
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "a message was told of twice");
}
