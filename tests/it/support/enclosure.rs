//! Real servers that want fixed paths, users of their own and root get all that in a mount
//! namespace: a package's files laid over `/usr`, and folders of the test's own for `/etc`, `/var`
//! and `/run`. Outside nothing changes, and with the server's end all is gone. It takes root.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::servers::unpacked;

/// The user whose mail it is.
pub(crate) const ALICE: u32 = 1234;
/// The group `mail`.
pub(crate) const MAIL: u32 = 8;
/// Each server's own user.
pub(crate) const SERVER: u32 = 1235;

/// Enters: the unpacked packages, the folder, then the program and its arguments.
const ENTER: &str = r#"
tree=$1 folder=$2
shift 2
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$tree/usr:/usr" /usr
for name in etc var run; do mount --bind "$folder/$name" "/$name"; done
exec "$@"
"#;

/// The password `tanstaaf`, as /etc/shadow has it.
const SHADOW: &str = "$6$popfetch$NRgEPpfFvmOn3oTwV4Bkni0mhU1uZxUT3NZJOr70P7b0DeX6kpzCXb4GI39tfaTT3tjDrWwYc8utvnz2HWQ8h.";

/// A file system for one server.
#[derive(Debug)]
pub(crate) struct Enclosure {
    tree: PathBuf,
    folder: tempfile::TempDir,
}

impl Enclosure {
    /// One with the packages unpacked under this name, in which `program` can run, or a word on
    /// standard error that `test` is left out.
    pub(crate) fn new(test: &str, tree: &str, program: &str) -> Option<Self> {
        unpacked(test, &format!("{tree}{program}"))?;
        let enclosure = Self {
            tree: unpacked(test, tree)?,
            folder: tempfile::Builder::new()
                .prefix("popfetch-server-")
                .tempdir()
                .unwrap(),
        };
        enclosure.lay_out();
        let libraries = enclosure.command("/usr/bin/ldd").arg(program).output();
        let why = match libraries {
            Err(error) => error.to_string(),
            Ok(output) if !output.status.success() => {
                "it takes root, and leave to mount".to_owned()
            }
            Ok(output) => {
                let lines = String::from_utf8_lossy(&output.stdout).into_owned();
                match lines.lines().find(|line| line.contains("not found")) {
                    None => return Some(enclosure),
                    Some(line) => format!("missing here: {}", line.trim()),
                }
            }
        };
        drop(writeln!(std::io::stderr(), "left out: {test} ({why})"));
        None
    }

    /// A program in there. What it starts gets no signal that is meant for the tests.
    pub(crate) fn command(&self, program: &str) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new("unshare");
        command
            .args(["-m", "sh", "-ec", ENTER, "sh"])
            .arg(&self.tree)
            .arg(self.folder.path())
            .arg(program)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .process_group(0);
        command
    }

    /// Where a file of `/etc`, `/var` or `/run` is for those outside.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name.trim_start_matches('/'))
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Makes a folder whose owner and group are these.
    pub(crate) fn make(&self, name: &str, owner: u32, group: u32) -> PathBuf {
        let path = self.path(name);
        let ancestors: Vec<&Path> = path
            .ancestors()
            .take_while(|path| *path != self.folder.path())
            .collect();
        for path in ancestors.into_iter().rev() {
            if !path.exists() {
                std::fs::create_dir_all(path).unwrap();
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        chown(&path, Some(owner), Some(group)).unwrap();
        path
    }

    fn lay_out(&self) {
        for name in ["etc/pam.d", "run", "var/alice"] {
            std::fs::create_dir_all(self.path(name)).unwrap();
        }
        for name in ["etc", "etc/pam.d", "run", "var", "var/alice"] {
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(self.path(name), mode).unwrap();
        }
        let server = |name: &str| format!("{name}:x:{SERVER}:{MAIL}::/var:/bin/false");
        let passwd = [
            "root:x:0:0::/:/bin/sh",
            "daemon:x:1:1::/:/bin/false",
            &server("popa3d"),
            &server("spop3d"),
            &server("cyrus"),
            &format!("alice:x:{ALICE}:{ALICE}::/var/alice:/bin/sh\n"),
        ]
        .join("\n");
        let group = [
            "root:x:0:",
            "daemon:x:1:",
            "sasl:x:45:",
            "nogroup:x:65534:",
            &format!("mail:x:{MAIL}:"),
            &format!("popfetch:x:{SERVER}:"),
            &format!("alice:x:{ALICE}:\n"),
        ]
        .join("\n");
        self.write("etc/passwd", passwd);
        self.write("etc/group", group);
        self.write("etc/shadow", format!("alice:{SHADOW}:19000:0:99999:7:::\n"));
        self.write(
            "etc/nsswitch.conf",
            "passwd: files\ngroup: files\nshadow: files\n",
        );
        self.write("etc/hosts", "127.0.0.1 localhost\n");
        self.write(
            "etc/pam.d/other",
            "auth required pam_unix.so nodelay\naccount required pam_unix.so\n\
             session required pam_permit.so\n",
        );
    }
}
