use super::{Program, read};

fn check(program: Program, file_name: &str, text: &str, expected: &[&str]) {
    let accounts = read(program, text, file_name).unwrap();
    let tables: Vec<_> = accounts.iter().map(super::Imported::to_toml).collect();
    assert_eq!(tables.join("\n"), expected.join("\n"), "{program:?}");
    // What is printed can be read again.
    let path = std::path::Path::new("config.toml");
    let file = crate::cli::config::ConfigFile::parse(path, &tables.join("\n")).unwrap();
    assert_eq!(file.accounts.len(), accounts.len());
}

#[test]
fn of_mpop() {
    let text = r#"
# a comment
defaults
tls on
tls_starttls off
timeout 30
keep on
uidls_file ~/.mpop_uidls

account work
host pop.example.org
user alice@example.org
passwordeval "pass show mail/work"
delivery maildir ~/Mail/work
tls_fingerprint AB:CD
skipsize 1024
received_header off

account home : work
host home.example
port 1110
tls off
keep off
password sesame
passwordeval
delivery mda "/usr/bin/maildrop -d %U"

account default : work
"#;
    let work = r#"[accounts.work]
server = "pop3s://pop.example.org"
user = "alice@example.org"
password-command = "pass show mail/work"
to = "maildir:~/Mail/work"
keep = true
max-message = "1024KiB"
timeout = "30s"
# left out: tls_fingerprint: only SHA-256 is taken, by tls-pin
# left out: received_header off
"#;
    let home = r#"[accounts.home]
server = "pop3://home.example:1110"
tls = "off"
user = "alice@example.org"
to = "pipe:/usr/bin/maildrop -d %U"
delete = true
max-message = "1024KiB"
timeout = "30s"
# left out: password: no secret stands in this file; write password-command = "..." or password-file = "...", or put it into ~/.netrc
# left out: tls_fingerprint: only SHA-256 is taken, by tls-pin
# left out: received_header off
"#;
    check(Program::Mpop, "mpoprc", text, &[work, home]);
}

#[test]
fn of_getmail() {
    let text = r#"
[retriever]
type = SimplePOP3SSLRetriever
server = pop.example.org
username = alice
password_command = ("pass", "show", "mail of alice")
timeout = 60

[destination]
type = Maildir
path = ~/Mail/getmail/

[options]
delete_after = 14
read_all = false
max_message_size = 1000000
delivered_to = false
verbose = 1

[filter]
type = Filter_external
"#;
    let expected = r#"[accounts.work]
server = "pop3s://pop.example.org"
user = "alice"
password-command = "pass show 'mail of alice'"
timeout = "60s"
to = "maildir:~/Mail/getmail"
delete-after = "14d"
max-message = "1000000"
# left out: delivered_to = false
# left out: [filter] with 1 settings
"#;
    check(Program::Getmail, "work", text, &[expected]);
}

#[test]
fn of_fetchmail() {
    let text = r#"
set daemon 300
defaults proto POP3 timeout 45
poll pop.example.org with port 995 uidl
  user 'alice' there with password 'sesame' is 'al' here ssl keep mda "/usr/bin/maildrop"
  user bob, with pass x, is bob here
skip imap.example.org proto IMAP user carol
"#;
    let text = text.replace(',', " ");
    let alice = r#"[accounts."pop.example.org"]
server = "pop3s://pop.example.org:995"
user = "alice"
timeout = "45s"
to = "pipe:/usr/bin/maildrop"
keep = true
# left out: password: no secret stands in this file; write password-command = "..." or password-file = "...", or put it into ~/.netrc
"#;
    let bob = r#"[accounts."pop.example.org-2"]
server = "pop3://pop.example.org:995"
user = "bob"
timeout = "45s"
delete = true
# left out: password: no secret stands in this file; write password-command = "..." or password-file = "...", or put it into ~/.netrc
# left out: delivery by SMTP to this machine: say where to store mail by to = "..."
"#;
    check(Program::Fetchmail, "fetchmailrc", &text, &[alice, bob]);
}

#[test]
fn of_fdm() {
    let text = r#"
set lock-file "/tmp/x"
action "in" maildir "%h/Mail/fdm"
account "work" pop3s server "pop.example.org" port 995 user "alice" pass "sesame" new-only cache "%h/.fdm.cache" keep no-verify
account "other" imaps server "x" user "y"
match all action "in"
"#;
    let expected = r#"[accounts.work]
server = "pop3s://pop.example.org:995"
user = "alice"
keep = true
to = "maildir:~/Mail/fdm"
# left out: password: no secret stands in this file; write password-command = "..." or password-file = "...", or put it into ~/.netrc
# left out: no-verify: certificates are always checked; tls-pin trusts one
# left out: account other: imaps is not POP3
"#;
    check(Program::Fdm, "fdm.conf", text, &[expected]);
}

#[test]
fn what_is_no_pop3_configuration_is_refused() {
    for (program, text) in [
        (Program::Mpop, ""),
        (Program::Mpop, "host x"),
        (Program::Mpop, "account a : b"),
        (Program::Getmail, ""),
        (Program::Getmail, "[retriever]\ntype = SimpleIMAPRetriever"),
        (Program::Getmail, "server = x"),
        (Program::Fetchmail, "set daemon 1"),
        (Program::Fetchmail, "poll x proto IMAP user y"),
        (Program::Fdm, "account \"a\" imap server \"x\""),
    ] {
        assert!(read(program, text, "x").is_err(), "{program:?} {text:?}");
    }
}
