//! Real servers that want root, each in an enclosure of its own: user `alice`, password
//! `tanstaaf`, in clear text.

use std::fs::Permissions;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::enclosure::{ALICE, Enclosure, MAIL, SERVER};
use super::reader;
use super::servers::{PATIENCE, free_port, wait_until_listening};

/// How a server keeps its mail.
#[derive(Clone, Copy, Debug)]
enum Keeping {
    /// The system's mbox.
    Spool,
    Maildir,
    /// Cyrus's own way; it takes mail by LMTP.
    Cyrus,
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Enclosed {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    keeping: Keeping,
    enclosure: Arc<Enclosure>,
    daemon: Option<Child>,
}

impl Enclosed {
    /// Courier with its own login, which asks a daemon.
    pub(crate) fn courier(test: &str) -> Option<Self> {
        const POP3D: &str = "/usr/lib/courier/courier/courierpop3d";
        let enclosure = Enclosure::new(test, "courier", POP3D)?;
        enclosure.make("etc/courier", 0, 0);
        enclosure.make("run/courier/authdaemon", 0, 0);
        enclosure.write(
            "etc/courier/authdaemonrc",
            "authmodulelist=\"authpam\"\ndaemons=2\nauthdaemonvar=/run/courier/authdaemon\n",
        );
        std::os::unix::fs::symlink("/run", enclosure.path("var/run")).unwrap();
        let daemon = enclosure
            .command("/usr/lib/courier/courier-authlib/authdaemond")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("Courier's login", || {
            enclosure.path("run/courier/authdaemon/socket").exists()
        });
        let serve = |enclosure: &Enclosure| {
            let mut command = enclosure.command("/usr/lib/courier/courier/courierpop3login");
            command.args([POP3D, "Maildir"]).envs([
                ("AUTHMODULES", "authdaemon"),
                ("POP3AUTH", "PLAIN LOGIN"),
                ("TCPREMOTEIP", "127.0.0.1"),
                ("TCPREMOTEPORT", "1"),
                // It falls over at AUTH without these.
                ("TCPLOCALIP", "127.0.0.1"),
                ("TCPLOCALPORT", "110"),
            ]);
            command
        };
        let mut courier = Self::answering("Courier", Keeping::Maildir, enclosure, serve);
        courier.daemon = Some(daemon);
        Some(courier)
    }

    /// Cyrus, whose master listens by itself.
    pub(crate) fn cyrus(test: &str) -> Option<Self> {
        let enclosure = Enclosure::new(test, "cyrus", "/usr/lib/cyrus/bin/pop3d")?;
        for name in [
            "var/lib/cyrus",
            "var/spool/cyrus",
            "run/cyrus",
            "run/cyrus/socket",
        ] {
            enclosure.make(name, SERVER, MAIL);
        }
        let port = free_port();
        enclosure.write(
            "etc/cyrus.conf",
            format!(
                "START {{\n recover cmd=\"ctl_cyrusdb -r\"\n}}\nSERVICES {{\n \
                 pop3 cmd=\"pop3d\" listen=\"127.0.0.1:{port}\" prefork=0\n \
                 lmtp cmd=\"lmtpd\" listen=\"/run/cyrus/socket/lmtp\" prefork=0\n}}\n\
                 EVENTS {{\n}}\n"
            ),
        );
        enclosure.write(
            "etc/imapd.conf",
            "configdirectory: /var/lib/cyrus\ndefaultpartition: default\n\
             partition-default: /var/spool/cyrus\nservername: localhost\n\
             sasl_pwcheck_method: auxprop\nsasl_auxprop_plugin: sasldb\n\
             sasl_sasldb_path: /var/lib/cyrus/sasldb2\nsasl_mech_list: PLAIN CRAM-MD5\n\
             allowplaintext: yes\nautocreate_quota: 0\nautocreate_post: yes\n\
             lmtpsocket: /run/cyrus/socket/lmtp\n",
        );
        let mut passwords = enclosure.command("/usr/sbin/saslpasswd2");
        passwords.args([
            "-p",
            "-c",
            "-f",
            "/var/lib/cyrus/sasldb2",
            "-u",
            "localhost",
            "alice",
        ]);
        feed(&mut passwords, b"tanstaaf");
        chown(
            enclosure.path("var/lib/cyrus/sasldb2"),
            Some(SERVER),
            Some(MAIL),
        )
        .unwrap();
        let daemon = enclosure
            .command("/usr/lib/cyrus/bin/master")
            .arg("-D")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until_listening(port);
        Some(Self {
            name: "Cyrus",
            port,
            keeping: Keeping::Cyrus,
            enclosure: Arc::new(enclosure),
            daemon: Some(daemon),
        })
    }

    pub(crate) fn mailutils(test: &str) -> Option<Self> {
        const POP3D: &str = "/usr/sbin/pop3d";
        let enclosure = Enclosure::new(test, "mailutils", POP3D)?;
        Some(Self::answering(
            "GNU Mailutils",
            Keeping::Spool,
            enclosure,
            |enclosure| {
                let mut command = enclosure.command(POP3D);
                command.args(["--no-config", "--inetd"]);
                command
            },
        ))
    }

    pub(crate) fn popa3d(test: &str) -> Option<Self> {
        const POP3D: &str = "/usr/sbin/popa3d";
        let enclosure = Enclosure::new(test, "popa3d", POP3D)?;
        enclosure.make("var/lib/popa3d", 0, 0);
        Some(Self::answering(
            "popa3d",
            Keeping::Spool,
            enclosure,
            |enclosure| enclosure.command(POP3D),
        ))
    }

    pub(crate) fn solid(test: &str) -> Option<Self> {
        const POP3D: &str = "/usr/sbin/solid-pop3d";
        let enclosure = Enclosure::new(test, "solid-pop3d", POP3D)?;
        // It looks for mail to everybody, and falls over where there is no such folder.
        enclosure.make("var/lib/solid-pop3d/bulletins", 0, 0);
        enclosure.write(
            "etc/spop3d.conf",
            "<Global>\n\tMailDropName \"Maildir\"\n\tMailDropType maildir\n</Global>\n",
        );
        Some(Self::answering(
            "Solid POP3",
            Keeping::Maildir,
            enclosure,
            |enclosure| enclosure.command(POP3D),
        ))
    }

    /// A server that is started for each connection, and has it as standard input and output.
    fn answering(
        name: &'static str,
        keeping: Keeping,
        enclosure: Enclosure,
        serve: impl Fn(&Enclosure) -> Command + Send + 'static,
    ) -> Self {
        let spool = enclosure.make("var/mail", 0, MAIL);
        // Some make their dot-locks as alice.
        std::fs::set_permissions(spool, Permissions::from_mode(0o1777)).unwrap();
        for name in ["", "/new", "/cur", "/tmp"] {
            enclosure.make(&format!("var/alice/Maildir{name}"), ALICE, ALICE);
        }
        enclosure.make("var/alice", ALICE, ALICE);
        let enclosure = Arc::new(enclosure);
        let served = Arc::clone(&enclosure);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let [input, output] = [(); 2].map(|()| OwnedFd::from(stream.try_clone().unwrap()));
                let child = serve(&served)
                    .stdin(input)
                    .stdout(output)
                    .stderr(Stdio::null())
                    .spawn();
                let mut child = child.unwrap();
                drop(thread::spawn(move || child.wait()));
            }
        }));
        Self {
            name,
            port,
            keeping,
            enclosure,
            daemon: None,
        }
    }

    /// Puts messages, which have LF line ends, into alice's maildrop.
    pub(crate) fn deliver(&self, messages: &[Vec<u8>]) {
        match self.keeping {
            Keeping::Spool => {
                let mut mbox = Vec::new();
                for (number, message) in messages.iter().enumerate() {
                    // popa3d makes unique-ids of this line and few others.
                    writeln!(mbox, "From a@b.c Thu Jan  1 00:{number:02}:00 2026").unwrap();
                    mbox.extend_from_slice(message);
                    mbox.push(b'\n');
                }
                let path = self.enclosure.write("var/mail/alice", mbox);
                chown(path, Some(ALICE), Some(MAIL)).unwrap();
            }
            Keeping::Maildir => {
                for (number, message) in (1..).zip(messages) {
                    let name = format!("{}.M{number}P1.test", 1_000_000_000 + number);
                    let name = format!("var/alice/Maildir/new/{name}");
                    let path = self.enclosure.write(&name, message);
                    chown(path, Some(ALICE), Some(ALICE)).unwrap();
                }
            }
            Keeping::Cyrus => {
                for message in messages {
                    let mut deliver = self.enclosure.command("/usr/bin/setpriv");
                    deliver
                        .arg(format!("--reuid={SERVER}"))
                        .arg(format!("--regid={MAIL}"))
                        .args(["--clear-groups", "/usr/lib/cyrus/bin/deliver", "alice"]);
                    feed(&mut deliver, message);
                }
            }
        }
    }

    /// What it was given, as it should be stored by us: sorted, with LF line ends.
    pub(crate) fn served(&self, messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut served = match self.keeping {
            Keeping::Spool | Keeping::Maildir => messages.to_vec(),
            // It puts fields of its own before each.
            Keeping::Cyrus => cyrus_messages(&self.enclosure.path("var/spool/cyrus")),
        };
        served.sort();
        served
    }
}

impl Drop for Enclosed {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            let _ = kill_process(Pid::from_child(daemon), Signal::TERM);
            drop(daemon.wait());
        }
    }
}

/// The messages in Cyrus's spool: files with a number and a dot for a name.
fn cyrus_messages(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(cyrus_messages(&path));
        } else if name
            .strip_suffix('.')
            .is_some_and(|name| name.parse::<u32>().is_ok())
        {
            found.push(reader::stored_form(&std::fs::read(path).unwrap()));
        }
    }
    found
}

/// Runs a program to its end with this as its standard input.
fn feed(command: &mut Command, input: &[u8]) {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let status = child.wait().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what} does not come up");
        thread::yield_now();
    }
}
