//! Where the password comes from, nearest first; and that it goes nowhere else.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pop3d::{Mailbox, Server, Sizes};

use crate::support::embedded::serve;
use crate::support::program::{Folder, Outcome, Program};
use crate::support::socks::{self, Access, NAME};

fn write_private(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// `popfetch stat work` with a configuration of one account; `more` are lines of it.
fn stat(folder: &Folder, server: &Server, more: &str) -> Program {
    let config = format!(
        "[accounts.work]\nserver = \"pop3://127.0.0.1:{}\"\nuser = \"demo\"\ntls = \"off\"\n{more}\n",
        server.port()
    );
    write_private(&folder.join("config.toml"), &config);
    folder
        .popfetch()
        .args(["stat", "work", "--config", "config.toml"])
}

fn server() -> Server {
    serve(Mailbox::generated(1, 1, Sizes::Mixed))
}

#[track_caller]
fn assert_not_shown(outcome: &Outcome) {
    assert!(!outcome.stderr.contains("secret"), "{}", outcome.stderr);
    assert!(!outcome.stdout().contains("secret"), "{}", outcome.stdout());
}

#[test]
fn each_source_gives_the_password() {
    let folder = Folder::new();
    let server = server();
    write_private(&folder.join("password"), "secret\nanother line\n");
    write_private(&folder.join("credentials/popfetch.work"), "secret\n");
    let credentials = folder.join("credentials");
    let runs = [
        stat(&folder, &server, "").args(["--password-command", "echo secret; echo more"]),
        stat(&folder, &server, "").args(["--password-file", "password"]),
        stat(&folder, &server, "").env("POPFETCH_PASSWORD", "secret"),
        stat(&folder, &server, "").env("CREDENTIALS_DIRECTORY", &credentials),
    ];
    for (number, run) in (1..).zip(runs) {
        assert_not_shown(&run.arg("-vv").run().expect(0));
        assert_eq!(server.logins(), number);
    }
    for key in [
        "password-command = \"echo secret\"",
        "password-file = \"password\"",
    ] {
        stat(&folder, &server, key).run().expect(0);
    }
    let netrc = "machine 127.0.0.1 login demo password secret\ndefault login x password y\n";
    write_private(&folder.join("home/.netrc"), netrc);
    stat(&folder, &server, "").run().expect(0);
    assert_eq!(server.logins(), 7);
}

#[test]
fn the_nearest_source_wins() {
    let folder = Folder::new();
    let server = server();
    write_private(
        &folder.join("home/.netrc"),
        "machine 127.0.0.1 login demo password wrong\n",
    );
    write_private(&folder.join("credentials/popfetch.work"), "wrong\n");
    let credentials = folder.join("credentials");
    let stat = |more: &str| stat(&folder, &server, more).env("CREDENTIALS_DIRECTORY", &credentials);
    stat("").run().expect(77);
    stat("password-command = \"echo secret\"").run().expect(0);
    stat("password-command = \"echo wrong\"")
        .env("POPFETCH_PASSWORD", "secret")
        .run()
        .expect(0);
    stat("")
        .env("POPFETCH_PASSWORD", "wrong")
        .args(["--password-command", "echo secret"])
        .run()
        .expect(0);
}

/// What a command finds in its environment is in its logs before long.
#[test]
fn an_empty_variable_is_none() {
    let folder = Folder::new();
    let server = server();
    stat(&folder, &server, "password-command = \"echo secret\"")
        .env("POPFETCH_PASSWORD", "")
        .env("POPFETCH_PROXY", "")
        .run()
        .expect(0);
    assert_eq!(server.logins(), 1);
}

#[test]
fn commands_inherit_no_secret() {
    let folder = Folder::new();
    let server = server();
    let access = Access::Everybody;
    let proxy = format!("socks5://127.0.0.1:{}", socks::start(server.port(), access));
    let url = format!("pop3://demo@{NAME}:{}", server.port());
    let fetch = folder.popfetch().args(["fetch", &url, "--tls", "off"]);
    fetch
        .args(["--auth", "user", "--to", "pipe:env > piped"])
        .args(["--password-command", "env > asked; echo secret"])
        .env("POPFETCH_PASSWORD", "from the environment")
        .env("POPFETCH_PROXY", &proxy)
        .env("CREDENTIALS_DIRECTORY", "credentials")
        .run()
        .expect(0);
    let inherited = |file: &str| {
        let found = std::fs::read_to_string(folder.join(file)).unwrap();
        [
            "POPFETCH_PASSWORD",
            "POPFETCH_PROXY",
            "CREDENTIALS_DIRECTORY",
        ]
        .map(|name| found.contains(&format!("{name}=")))
    };
    assert_eq!(inherited("piped"), [false, false, false]);
    // What gives a password may well have it from a credential.
    assert_eq!(inherited("asked"), [false, false, true]);
}

#[test]
fn a_source_that_is_no_good_is_told_before_anything_is_connected() {
    let folder = Folder::new();
    let server = server();
    let open = folder.join("open");
    std::fs::write(&open, "secret\n").unwrap();
    std::fs::set_permissions(&open, Permissions::from_mode(0o644)).unwrap();
    let outcome = stat(&folder, &server, "")
        .args(["--password-file", "open"])
        .run()
        .expect(78);
    assert!(outcome.stderr.contains("open"), "{}", outcome.stderr);
    stat(&folder, &server, "").run().expect(78);
    stat(&folder, &server, "")
        .args(["--password-command", "exit 3"])
        .run()
        .expect(78);
    let both = ["--password-file", "open", "--token-command", "echo token"];
    stat(&folder, &server, "").args(both).run().expect(64);
    assert_eq!(server.logins(), 0);
}

/// The prompt needs a terminal: Python's `pty` gives the program one.
#[test]
fn a_person_is_asked() {
    const SCRIPT: &str = "
import os, pty, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b''
while b'assword' not in seen:
    seen += os.read(terminal, 1000)
# What is typed between the question and the end of the echo would be seen.
while termios.tcgetattr(terminal)[3] & termios.ECHO:
    pass
os.write(terminal, b'secret\\n')
try:
    while True:
        more = os.read(terminal, 1000)
        if not more:
            break
        seen += more
except OSError:
    pass
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";
    let folder = Folder::new();
    let server = server();
    let url = format!("pop3://demo@127.0.0.1:{}", server.port());
    let Ok(output) = std::process::Command::new("python3")
        .args([
            "-c",
            SCRIPT,
            env!("CARGO_BIN_EXE_popfetch"),
            "stat",
            &url,
            "--tls",
            "off",
        ])
        .env("HOME", folder.join("home"))
        .env_remove("POPFETCH_PASSWORD")
        .output()
    else {
        return;
    };
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    assert!(
        !shown.contains("secret"),
        "the password was echoed: {shown}"
    );
    assert_eq!(server.logins(), 1);
}
