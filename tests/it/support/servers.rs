//! Real proxies, out of Debian packages that `tests/unpack-servers` unpacked beside the build: run
//! from there, as an ordinary user's processes, with nothing installed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::certificate::Certificates;

/// How long a server may take to listen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The program of this path inside the packages, or a word on standard error that `test` is left
/// out for want of it.
pub(crate) fn unpacked(test: &str, program: &str) -> Option<PathBuf> {
    // The tests' own program lies in target/PROFILE/deps.
    let deps = std::env::current_exe().unwrap();
    let target = deps.ancestors().nth(3).unwrap();
    let path = target.join("test-servers").join(program);
    if path.exists() {
        return Some(path);
    }
    drop(writeln!(
        std::io::stderr(),
        "left out: {test} (run tests/unpack-servers)"
    ));
    None
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A server's process, with its configuration in a temporary folder; ended when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Process {
    fn start(mut command: Command, folder: tempfile::TempDir, ports: &[u16]) -> Self {
        let child = command.env_clear().stdin(Stdio::null()).spawn().unwrap();
        let process = Self {
            child,
            _folder: folder,
        };
        for port in ports {
            wait_until_listening(*port);
        }
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        drop(self.child.wait());
    }
}

pub(crate) fn wait_until_listening(port: u16) {
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(Instant::now() < until, "nobody listens on port {port}");
        thread::yield_now();
    }
}

/// A temporary folder with the good certificate in `certificate.pem` and `key.pem`.
fn folder_with_certificate() -> tempfile::TempDir {
    let folder = tempfile::Builder::new()
        .prefix("popfetch-server-")
        .tempdir()
        .unwrap();
    let certificate = Certificates::shared().named("good").unwrap();
    std::fs::write(folder.path().join("certificate.pem"), &certificate.chain).unwrap();
    std::fs::write(folder.path().join("key.pem"), &certificate.key).unwrap();
    folder
}

/// nginx's mail proxy in front of a server: clear text with STLS on one port, TLS on the other.
#[derive(Debug)]
pub(crate) struct Nginx {
    pub(crate) clear_port: u16,
    pub(crate) tls_port: u16,
    _process: Process,
}

impl Nginx {
    pub(crate) fn start(test: &str, backend: u16, password: &str) -> Option<Self> {
        let program = unpacked(test, "nginx/usr/sbin/nginx")?;
        let module = unpacked(test, "nginx/usr/lib/nginx/modules/ngx_mail_module.so")?;
        let folder = folder_with_certificate();
        let (clear_port, tls_port) = (free_port(), free_port());
        let judge = answer_nginx(backend, password.to_owned());
        let configuration = format!(
            "load_module {module};
daemon off;
{user}
pid {folder}/pid;
error_log stderr;
worker_processes 1;
events {{}}
mail {{
    server_name localhost;
    auth_http 127.0.0.1:{judge}/;
    pop3_auth plain;
    ssl_certificate {folder}/certificate.pem;
    ssl_certificate_key {folder}/key.pem;
    server {{ listen 127.0.0.1:{clear_port}; protocol pop3; starttls on; }}
    server {{ listen 127.0.0.1:{tls_port} ssl; protocol pop3; }}
}}
",
            module = module.display(),
            folder = folder.path().display(),
            user = if geteuid().is_root() {
                "user nobody nogroup;"
            } else {
                ""
            },
        );
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, configuration).unwrap();
        let mut command = Command::new(program);
        command
            .arg("-c")
            .arg(&path)
            .arg("-p")
            .arg(folder.path())
            .args(["-e", "stderr"]);
        let process = Process::start(command, folder, &[clear_port, tls_port]);
        Some(Self {
            clear_port,
            tls_port,
            _process: process,
        })
    }
}

/// What nginx asks before it lets a login through, by its own HTTP protocol.
fn answer_nginx(backend: u16, password: String) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut right = false;
            for line in BufReader::new(&stream).lines().map_while(Result::ok) {
                right |= line == format!("Auth-Pass: {password}");
                if line.is_empty() {
                    break;
                }
            }
            let answer = if right {
                format!("Auth-Status: OK\r\nAuth-Server: 127.0.0.1\r\nAuth-Port: {backend}")
            } else {
                "Auth-Status: Invalid login or password".to_owned()
            };
            drop(write!(stream, "HTTP/1.0 200 OK\r\n{answer}\r\n\r\n"));
        }
    }));
    port
}

/// stunnel in front of a server: STLS by its own few words of POP3 on one port, TLS on the other.
#[derive(Debug)]
pub(crate) struct Stunnel {
    pub(crate) stls_port: u16,
    pub(crate) tls_port: u16,
    _process: Process,
}

impl Stunnel {
    pub(crate) fn start(test: &str, backend: u16) -> Option<Self> {
        let program = unpacked(test, "stunnel/usr/bin/stunnel4")?;
        let folder = folder_with_certificate();
        let (stls_port, tls_port) = (free_port(), free_port());
        let configuration = format!(
            "foreground = yes
pid =
syslog = no
debug = err
cert = {folder}/certificate.pem
key = {folder}/key.pem
[stls]
protocol = pop3
accept = 127.0.0.1:{stls_port}
connect = 127.0.0.1:{backend}
[tls]
accept = 127.0.0.1:{tls_port}
connect = 127.0.0.1:{backend}
",
            folder = folder.path().display(),
        );
        let path = folder.path().join("stunnel.conf");
        std::fs::write(&path, configuration).unwrap();
        let mut command = Command::new(program);
        command.arg(&path);
        let process = Process::start(command, folder, &[stls_port, tls_port]);
        Some(Self {
            stls_port,
            tls_port,
            _process: process,
        })
    }
}
