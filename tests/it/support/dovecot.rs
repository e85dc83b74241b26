//! A real Dovecot of the test's own: an ordinary user's process on free loopback ports, with its
//! configuration, mail and sockets in a temporary folder.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::certificate::Certificates;

/// Who runs the server when the tests are run by root: Dovecot reads no mail as root.
const NOBODY: u32 = 65534;
/// Another program may take a port between our looking and Dovecot's listening.
const ATTEMPTS: usize = 5;

/// How the server keeps its mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Maildir,
    Mbox,
}

/// A running server that knows `alice` with the password `tanstaaf`.
#[derive(Debug)]
pub(crate) struct Dovecot {
    master: Child,
    folder: tempfile::TempDir,
    backend: Backend,
    pub(crate) clear_port: u16,
    pub(crate) tls_port: u16,
    log: Arc<Mutex<String>>,
}

impl Dovecot {
    /// Starts a server with these lines added to its configuration, or says on standard error
    /// that `test` is left out since there is no Dovecot.
    pub(crate) fn start(test: &str, backend: Backend, more: &str) -> Option<Self> {
        let Some(program) = installed() else {
            // Not by a macro: what those print is shown only when a test fails.
            drop(writeln!(
                std::io::stderr(),
                "left out: {test} (no Dovecot; Debian has it in dovecot-pop3d)"
            ));
            return None;
        };
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(&program, backend, more) {
                Ok(server) => return Some(server),
                Err(why) => log = why,
            }
        }
        panic!("Dovecot does not start: {log}");
    }

    fn attempt(program: &Path, backend: Backend, more: &str) -> Result<Self, String> {
        let folder = tempfile::Builder::new()
            .prefix("popfetch-dovecot-")
            .tempdir()
            .unwrap();
        let (clear_port, tls_port) = (free_port(), free_port());
        lay_out(folder.path(), backend, clear_port, tls_port, more);
        let mut command = Command::new(program);
        command
            .arg("-F")
            .arg("-c")
            .arg(folder.path().join("dovecot.conf"));
        command
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut master = command.spawn().map_err(|error| error.to_string())?;
        let mut lines = BufReader::new(master.stderr.take().unwrap()).lines();
        let mut seen = String::new();
        loop {
            let Some(Ok(line)) = lines.next() else {
                let status = master.wait();
                return Err(format!("{status:?}\n{seen}"));
            };
            seen.push_str(&line);
            seen.push('\n');
            // Written once the sockets listen.
            if line.contains("starting up for") {
                break;
            }
        }
        let log = Arc::new(Mutex::new(seen));
        let more_log = Arc::clone(&log);
        drop(thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut log = more_log.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        }));
        Ok(Self {
            master,
            folder,
            backend,
            clear_port,
            tls_port,
            log,
        })
    }

    /// What the server said so far, for a failed test.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Puts messages (with LF line ends) into alice's mailbox.
    pub(crate) fn deliver(&self, first: usize, messages: &[Vec<u8>]) {
        let home = self.folder.path().join("home/alice");
        match self.backend {
            Backend::Maildir => {
                for (number, message) in (first..).zip(messages) {
                    let name = format!("{}.M{number}P1.test", 1_000_000_000 + number);
                    let path = home.join("Maildir/new").join(name);
                    std::fs::write(&path, message).unwrap();
                    own(&path);
                }
            }
            Backend::Mbox => {
                let mut mbox = std::fs::OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(home.join("inbox"))
                    .unwrap();
                for message in messages {
                    mbox.write_all(b"From sender@example.org Thu Jan  1 00:00:00 2026\n")
                        .unwrap();
                    mbox.write_all(message).unwrap();
                    mbox.write_all(b"\n").unwrap();
                }
                own(&home.join("inbox"));
            }
        }
    }

    /// How many messages alice's maildir still holds on the server.
    pub(crate) fn left(&self) -> usize {
        super::reader::maildir(&self.folder.path().join("home/alice/Maildir")).len()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.master), Signal::TERM);
        drop(self.master.wait());
        if thread::panicking() {
            drop(writeln!(
                std::io::stderr(),
                "Dovecot's log:\n{}",
                self.log()
            ));
        }
    }
}

fn installed() -> Option<PathBuf> {
    let places = ["/usr/sbin/dovecot", "/usr/local/sbin/dovecot"];
    let program = places
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists())?;
    // The package with the protocol is another one.
    Path::new("/usr/lib/dovecot/pop3-login")
        .exists()
        .then_some(program)
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn own(path: &Path) {
    if geteuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

fn lay_out(folder: &Path, backend: Backend, clear_port: u16, tls_port: u16, more: &str) {
    own(folder);
    let maildir = [
        "home/alice/Maildir/new",
        "home/alice/Maildir/cur",
        "home/alice/Maildir/tmp",
    ];
    for name in ["run", "state", "home/alice"].into_iter().chain(maildir) {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    for name in ["run", "state", "home", "home/alice", "home/alice/Maildir"]
        .iter()
        .chain(&maildir)
    {
        own(&folder.join(name));
    }
    let certificate = Certificates::shared().named("good").unwrap();
    let configuration = configuration(folder, backend, clear_port, tls_port, more);
    for (name, content) in [
        ("dovecot.conf", configuration.as_str()),
        ("users", "alice:{PLAIN}tanstaaf\n"),
        ("certificate.pem", &certificate.chain),
        ("key.pem", &certificate.key),
        ("authority.pem", &Certificates::shared().authority),
    ] {
        std::fs::write(folder.join(name), content).unwrap();
        own(&folder.join(name));
    }
}

/// All users are the one who runs it, and nothing changes its root folder: so it needs no root.
fn configuration(
    folder: &Path,
    backend: Backend,
    clear_port: u16,
    tls_port: u16,
    more: &str,
) -> String {
    let uid = if geteuid().is_root() {
        NOBODY
    } else {
        geteuid().as_raw()
    };
    let user = name_of("passwd", uid);
    let gid = if geteuid().is_root() {
        NOBODY
    } else {
        rustix::process::getegid().as_raw()
    };
    let group = name_of("group", gid);
    let location = match backend {
        Backend::Maildir => "maildir:~/Maildir",
        Backend::Mbox => "mbox:~/mail:INBOX=~/inbox",
    };
    format!(
        "base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
ssl_ca = <{folder}/authority.pem
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 apop
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
mail_location = {location}
passdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home/%u
}}
service anvil {{
  chroot =
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {clear_port}
  }}
  inet_listener pop3s {{
    port = {tls_port}
    ssl = yes
  }}
}}
{more}
",
        folder = folder.display()
    )
}

/// The name behind a number in /etc/passwd or /etc/group.
fn name_of(database: &str, id: u32) -> String {
    let text = std::fs::read_to_string(Path::new("/etc").join(database)).unwrap();
    let id = id.to_string();
    let line = text
        .lines()
        .find(|line| line.split(':').nth(2) == Some(&id));
    line.and_then(|line| line.split(':').next())
        .expect("a name for this user")
        .to_owned()
}
