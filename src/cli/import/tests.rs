use super::{Program, read};

/// What is printed for this configuration.
fn printed(program: Program, file_name: &str, text: &str) -> String {
    let import = read(program, text, file_name).unwrap();
    let notes = import
        .left_out
        .iter()
        .map(|what| format!("{}\n", super::comment(what)));
    let tables = import.accounts.iter().map(super::Imported::to_toml);
    let printed: String = notes.chain(tables).collect();
    // What is printed can be read again.
    let path = std::path::Path::new("config.toml");
    let file = crate::cli::config::ConfigFile::parse(path, &printed).unwrap();
    assert_eq!(file.accounts.len(), import.accounts.len());
    printed
}

#[track_caller]
fn check(program: Program, file_name: &str, text: &str, expected: &str) {
    let printed = printed(program, file_name, text);
    let expected = expected.replace(
        "# PASSWORD",
        "# left out: password: no secret stands in this file; write password-command = \"...\" or \
         password-file = \"...\", or put it into ~/.netrc",
    );
    assert_eq!(printed.trim(), expected.trim(), "{program:?}");
}

const MPOPRC: &str = r#"
# a comment
defaults
tls
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
skipsize 512k
received_header off
auth on

account home : work
host home.example
port 1110
tls off
keep off
password sesame
passwordeval
skipsize 1000
only_new off
delivery mda "/usr/bin/procmail -f '%F' -d $USER"
filter if [ "`grep "^X-Spam-Status: Yes"`" ]; then exit 1; else exit 0; fi

account aged: home, work
keep 14d
timeout off
killsize 10m
pasword sesame
eval echo password sesame
delivery exchange c:\pickup
proxy_host 127.0.0.1

account default : work
"#;

#[test]
fn of_mpop() {
    let expected = r#"
[accounts.work]
server = "pop3s://pop.example.org"
user = "alice@example.org"
password-command = "pass show mail/work"
to = "maildir:~/Mail/work"
keep = true
max-message = "512KiB"
timeout = "30s"
# left out: tls_fingerprint: only SHA-256 is taken, by tls-pin
[accounts.home]
server = "pop3://home.example:1110"
tls = "off"
user = "alice@example.org"
to = "pipe:/usr/bin/procmail -f '%F' -d $USER"
delete = true
max-message = "1000"
timeout = "30s"
# PASSWORD
# left out: tls_fingerprint: only SHA-256 is taken, by tls-pin
# left out: %F in the command: popfetch does not fill it in
# left out: only_new off: what is stored is fetched again by --all only
# left out: filter: no filter is run; let to = "pipe:COMMAND" sort
# left out: no TLS: popfetch sends no password in clear text to another machine unless auth = "user" stands here; better take tls = "off" out
[accounts.aged]
server = "pop3s://pop.example.org:1110"
user = "alice@example.org"
password-command = "pass show mail/work"
delete-after = "14d"
max-message = "512KiB"
proxy = "socks5://127.0.0.1:1080"
# left out: tls_fingerprint: only SHA-256 is taken, by tls-pin
# left out: delivery exchange: popfetch has none of it
# left out: timeout off: every wait of popfetch has an end
# left out: only_new off: what is stored is fetched again by --all only
# left out: eval: popfetch runs nothing to read its configuration; write what the command prints, or use password-command
# left out: filter: no filter is run; let to = "pipe:COMMAND" sort
# left out: killsize 10m: popfetch deletes nothing that it has not stored
# left out: pasword: not known as a setting
"#;
    check(Program::Mpop, "mpoprc", MPOPRC, expected);
}

#[test]
fn the_only_account_of_mpop_may_be_called_default() {
    check(
        Program::Mpop,
        "mpoprc",
        "account default\nhost pop.example.org\nuser alice\ntls on\ndelivery maildir ~/Mail\n",
        r#"
[accounts.default]
server = "pop3://pop.example.org"
user = "alice"
to = "maildir:~/Mail"
delete = true
"#,
    );
}

/// `account default : NAME` is no account of its own; `account default` with settings is.
#[test]
fn an_account_of_mpop_is_not_left_out_for_its_name() {
    let names = |text: &str| {
        let import = read(Program::Mpop, text, "mpoprc").unwrap();
        let names = import.accounts.into_iter().map(|account| account.name);
        names.collect::<Vec<_>>()
    };
    for (text, expected) in [
        ("account a\nhost h\naccount default : a\n", vec!["a"]),
        ("account a\nhost h\naccount default\n", vec!["a"]),
        (
            "account default\nhost h\naccount b\nhost i\n",
            vec!["default", "b"],
        ),
        (
            "account a\nhost h\naccount default : a\nuser u\n",
            vec!["a", "default"],
        ),
        ("account a\nhost h\naccount b\nhost h\n", vec!["a", "b"]),
    ] {
        assert_eq!(names(text), expected, "{text:?}");
    }
}

#[test]
fn of_getmail() {
    let text = r#"
[retriever]
type = SimplePOP3SSLRetriever
server = pop.example.org
username = recent:alice
password_command = ("pass", 'show',
    "mail of alice's", )
timeout = 60
ca_certs = /etc/ssl/certs/ca-certificates.crt
ssl_fingerprints = ("00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF", )
passwd = sesame

[destination]
type = Maildir
path = ~/Mail/getmail/
filemode = 0640

[options]
delete_after = 14
read_all = false
max_message_size = 1000000
delivered_to = false
received = true
verbose = 1
message_log = ~/.getmail/log

[filter]
type = Filter_external
"#;
    let expected = r#"
[accounts.work]
server = "pop3s://pop.example.org"
user = "recent:alice"
password-command = '''pass show 'mail of alice'\''s''''
timeout = "60s"
tls-pin = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
to = "maildir:~/Mail/getmail"
delete-after = "14d"
max-message = "1000000"
# left out: passwd: not known as a setting
# left out: filemode 0640: files are for their owner alone
# left out: received: popfetch adds nothing to a message
# left out: message_log ~/.getmail/log: send standard error there, or the lines of --json
# left out: [filter]: let to = "pipe:COMMAND" do it
"#;
    check(Program::Getmail, "work", text, expected);
    let seen = read(Program::Getmail, text, "work")
        .unwrap()
        .accounts
        .remove(0)
        .seen;
    assert_eq!(
        seen.unwrap().files,
        [
            "oldmail-pop.example.org-995-recent-alice",
            "~/.config/getmail/oldmail-pop.example.org-995-recent-alice",
            "~/.getmail/oldmail-pop.example.org-995-recent-alice",
        ]
    );
}

#[test]
fn of_getmail_without_much() {
    let text = r#"
[retriever]
type: SimplePOP3Retriever
server: 127.0.0.1
username: alice
password: sesame
[destination]
type: MDA_external
path: /usr/bin/maildrop
arguments: ("-f", "%(sender)")
user: mail
[options]
delete: yes
delete_after: 3
"#;
    let expected = r#"
[accounts.alice]
server = "pop3://127.0.0.1"
tls = "off"
user = "alice"
to = "pipe:/usr/bin/maildrop -f '%(sender)'"
delete = true
# PASSWORD
# left out: %(sender) in the command: popfetch does not fill it in
# left out: user mail: popfetch stores as the user who runs it
# left out: read_all: what is stored is fetched again by --all only
"#;
    check(Program::Getmail, "getmailrc", text, expected);
}

#[test]
fn of_fetchmail() {
    let text = r#"
set daemon 300
set no bouncemail
defaults proto POP3, timeout 45, no dns
poll pop.example.org with port 995 and options: uidl
  user 'alice' there with password 'ses;am=e' is 'al' here, ssl, nokeep mda "/usr/bin/maildrop -d %T"
  user bob here is "rob@example.org" there, pass keep no keep fetchall
poll two.example.org via 127.0.0.1 service 1110 envelope 1 X-Envelope-To
  username "c\x40d" password "a\"b" to x y=z * here options keep limit 5000 expunge 10 sslproto ''
  preconnect "ssh -f gate sleep 5" sesame
skip three.example.org proto APOP user z password sesame sslcert /z.pem
poll four.example.org pass sesame
skip imap.example.org proto IMAP user carol
"#;
    let expected = r#"
# left out: set daemon 300: run popfetch from cron or a systemd timer
# left out: carol of imap.example.org: it is not polled by POP3
[accounts."pop.example.org"]
server = "pop3s://pop.example.org:995"
user = "alice"
to = "pipe:/usr/bin/maildrop -d %T"
delete = true
timeout = "45s"
# PASSWORD
# left out: %T in the command: popfetch does not fill it in
[accounts."pop.example.org-2"]
server = "pop3://pop.example.org:995"
user = "rob@example.org"
delete = true
timeout = "45s"
# PASSWORD
# left out: delivery by SMTP to this machine: popfetch stores mail itself; say where to store mail by to = "..."
# left out: fetchall: what is stored is fetched again by --all only
[accounts."two.example.org"]
server = "pop3://127.0.0.1:1110"
tls = "off"
user = "c@d"
keep = true
max-message = "5000"
batch = 10
timeout = "45s"
# PASSWORD
# left out: several local users: mail for several people is not sorted
# left out: delivery by SMTP to this machine: popfetch stores mail itself; say where to store mail by to = "..."
# left out: 1 words that are no options
# left out: envelope 1: mail for several people is not sorted
# left out: preconnect: popfetch runs nothing before it connects
[accounts."three.example.org"]
server = "pop3://three.example.org"
user = "z"
auth = "apop"
tls-client-cert = "/z.pem"
tls-client-key = "/z.pem"
delete = true
timeout = "45s"
# PASSWORD
# left out: delivery by SMTP to this machine: popfetch stores mail itself; say where to store mail by to = "..."
# left out: skip: popfetch fetches every account when none is named
[accounts."four.example.org"]
server = "pop3://four.example.org"
delete = true
timeout = "45s"
# left out: no user is named: write user = "..."
# PASSWORD
# left out: delivery by SMTP to this machine: popfetch stores mail itself; say where to store mail by to = "..."
"#;
    check(Program::Fetchmail, "fetchmailrc", text, expected);
}

#[test]
fn of_fdm() {
    let text = r#"
$base = "example.org"
$pw = 'ses"ame'
set lock-file "/tmp/x"
set timeout 2 minutes
set maximum-size 10M
set purge-after 50
set proxy "socks://me:sesame@127.0.0.1:9"
action "in" { maildir "%h/Mail/%[account]" }
action "spam" drop
account "work" disabled pop3s server "pop.${base}" port 995
    user "al\"ice" pass $(pass show work) new-only cache "%h/.fdm.cache" keep no-verify
account "home" users { "a" "b" } pop3 server $base port "pop3" user "x" pass $pw starttls
account "sorted" pop3s server "s.$base" user "y" pass "sesame"
$late = "sesame"
account "tunnel" pop3 pipe "ssh mail /usr/sbin/ipop3d" user "y" pass "sesame"
account "other" imaps server "x" user "y" pass "sesame"
match account "work" action "in"
match accounts { "home" } action mbox "%h/inbox"
match "^Subject:.*viagra" in headers action "spam"
match all action "in"
"#;
    let expected = r#"
# left out: set proxy: it has a password; write proxy = "socks5://USER@HOST:PORT"
# left out: account tunnel: popfetch does not speak through a command
# left out: account other: imaps is not POP3
[accounts.work]
server = "pop3s://pop.example.org:995"
user = 'al"ice'
password-command = "pass show work"
keep = true
to = "maildir:~/Mail/{account}"
timeout = "2minutes"
max-message = "10MiB"
batch = 50
# left out: no-verify: certificates are always checked; tls-pin trusts one
# left out: disabled: popfetch fetches every account when none is named
[accounts.home]
server = "pop3://example.org:110"
user = "x"
delete = true
to = "mbox:~/inbox"
timeout = "2minutes"
max-message = "10MiB"
batch = 50
# PASSWORD
[accounts.sorted]
server = "pop3s://s.$base"
user = "y"
delete = true
timeout = "2minutes"
max-message = "10MiB"
batch = 50
# PASSWORD
# left out: 4 match rules: popfetch does not sort, but pipe:COMMAND can; say where to store mail by to = "..."
"#;
    check(Program::Fdm, "fdm.conf", text, expected);
}

const MPOP: &str = "account a\nhost h\nuser u\ntls\ndelivery maildir /m\n";
const GETMAIL: &str = "[destination]\ntype=Maildir\npath=/m\n[retriever]\n\
                       type=SimplePOP3SSLRetriever\nserver=h\nusername=u\n[options]\nread_all=no\n";
const GETMAIL_RETRIEVER: &str = "[destination]\ntype=Maildir\npath=/m\n[options]\nread_all=no\n\
                                 [retriever]\ntype=SimplePOP3SSLRetriever\nserver=h\nusername=u\n";
const FETCHMAIL: &str = "poll h proto pop3 user u there mda x ";

#[test]
fn what_single_settings_become() {
    for (program, before, setting, line) in [
        (Program::Mpop, MPOP, "keep", "keep = true"),
        (
            Program::Mpop,
            MPOP,
            "timeout 3\u{1b}[0m\t0",
            "# left out: timeout 3 [0m 0: every wait of popfetch has an end",
        ),
        (
            Program::Getmail,
            GETMAIL_RETRIEVER,
            "password=sesame\npassword_command=(\"pass\",)",
            "# left out: password: no secret stands in this file; write password-command = \"...\" \
             or password-file = \"...\", or put it into ~/.netrc",
        ),
        (
            Program::Getmail,
            GETMAIL_RETRIEVER,
            r#"password_command=("a\\b\"c", r"a\b")"#,
            r#"password-command = ''''a\b"c' 'a\b''''"#,
        ),
        (
            Program::Fetchmail,
            FETCHMAIL,
            "sslcert /c sslkey /k",
            "tls-client-key = \"/k\"",
        ),
        (
            Program::Fetchmail,
            FETCHMAIL,
            "sslkey /k",
            "tls-client-cert = \"/k\"",
        ),
        (
            Program::Fetchmail,
            FETCHMAIL,
            "no sslcertck",
            "# left out: no sslcertck: certificates are always checked; tls-pin trusts one",
        ),
        (
            Program::Fetchmail,
            "poll h proto pop3 ",
            "user u here",
            "# left out: no user is named: write user = \"...\"",
        ),
    ] {
        let printed = printed(program, "x", &format!("{before}{setting}\n"));
        assert!(printed.lines().any(|told| told == line), "{printed}");
    }
}

#[test]
fn settings_that_say_nothing() {
    for (program, before, setting) in [
        (Program::Mpop, MPOP, "keep off"),
        (Program::Mpop, MPOP, "skipsize off"),
        (Program::Mpop, MPOP, "skipsize 0"),
        (Program::Mpop, MPOP, "tls_trust_file system"),
        (Program::Mpop, MPOP, "auth on"),
        (Program::Getmail, GETMAIL, "max_message_size=0"),
        (Program::Getmail, GETMAIL, "max_bytes_per_session=0"),
        (Program::Getmail, GETMAIL, "delete_after=0"),
        (Program::Fetchmail, FETCHMAIL, "limit 0"),
        (Program::Fetchmail, FETCHMAIL, "expunge 0"),
        (Program::Fetchmail, FETCHMAIL, "no keep"),
    ] {
        let with = printed(program, "x", &format!("{before}{setting}\n"));
        assert_eq!(with, printed(program, "x", before), "{setting}");
    }
}

#[test]
fn where_getmail_keeps_its_list() {
    let text = "[retriever]\ntype=SimplePOP3Retriever\nserver=h\nusername=a://b\\\\c\n";
    let account = read(Program::Getmail, text, "x")
        .unwrap()
        .accounts
        .remove(0);
    let files = account.seen.unwrap().files;
    assert_eq!(files.first().unwrap(), "oldmail-h-110-a-b-c");
}

/// Whatever stands in a configuration, its passwords are not printed: not the right ones, not
/// those behind a misspelt word, not those in the middle of nowhere.
#[test]
fn no_secret_is_printed() {
    for (program, text) in [
        (
            Program::Mpop,
            "account a\nhost h\nuser u\npassword sesame\npasword sesame\neval echo password sesame\n\
             filter curl -u sesame\ndelivery mbox /x",
        ),
        (
            Program::Getmail,
            "[retriever]\ntype=SimplePOP3Retriever\nserver=h\nusername=u\npassword=sesame\n\
             pass=sesame\n[destination]\ntype=MDA_lmtp\nhost=sesame\n[secrets]\nx=sesame\n[options]\n\
             netrc_password=sesame\n",
        ),
        (
            Program::Fetchmail,
            "poll h proto pop3 user u pass sesame esmtppassword sesame password sesame psswd sesame \
             plugin 'x sesame' \"sesame\" preconnect sesame",
        ),
        (
            Program::Fdm,
            "$a = \"sesame\"\naccount \"a\" pop3 server \"h\" user \"u\" pass $a paswd \"sesame\"\n\
             $b = \"sesame\"\nset proxy \"http://u:sesame@h\"\n\"sesame\" sesame { \"sesame\" }",
        ),
    ] {
        let printed = printed(program, "x", text);
        assert!(!printed.contains("sesame"), "{program:?}: {printed}");
    }
}

#[test]
fn a_place_that_is_not_whole_is_not_guessed() {
    for delivery in ["maildir $HOME/Mail", "mbox ~bob/inbox", "maildir"] {
        let printed = printed(
            Program::Mpop,
            "x",
            &format!("account a\nhost h\nuser u\ndelivery {delivery}\n"),
        );
        assert!(!printed.contains("\nto ="), "{printed}");
        assert!(printed.contains("# left out: "), "{printed}");
    }
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
