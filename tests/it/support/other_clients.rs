//! Other programs that fetch mail, the real ones, with homes of their own.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::geteuid;

/// Who runs them when the tests are run by root: some of them refuse root.
const NOBODY: u32 = 65534;

/// A program that fetches mail and what it needs to be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OtherClient {
    /// As `popfetch config import` calls it.
    pub(crate) name: &'static str,
    /// Its program and arguments.
    pub(crate) command: &'static [&'static str],
    /// Its configuration's place in the home folder.
    pub(crate) file: &'static str,
    /// Exit statuses that mean that it went well.
    pub(crate) good: &'static [i32],
}

pub(crate) const MPOP: OtherClient = OtherClient {
    name: "mpop",
    command: &["mpop"],
    file: ".mpoprc",
    good: &[0],
};

pub(crate) const GETMAIL: OtherClient = OtherClient {
    name: "getmail",
    command: &["getmail"],
    file: ".getmail/getmailrc",
    good: &[0],
};

/// Its status 1 says that there was no new mail.
pub(crate) const FETCHMAIL: OtherClient = OtherClient {
    name: "fetchmail",
    command: &["fetchmail", "--nodetach"],
    file: ".fetchmailrc",
    good: &[0, 1],
};

/// It knows the home folder by the list of users alone.
pub(crate) const FDM: OtherClient = OtherClient {
    name: "fdm",
    command: &["fdm", "-f", ".fdm.conf", "fetch"],
    file: ".fdm.conf",
    good: &[0],
};

impl OtherClient {
    /// Whether it is installed; says on standard error that `test` is left out when not.
    pub(crate) fn is_installed(self, test: &str) -> bool {
        let program = self.command[0];
        let places = ["/usr/bin", "/usr/local/bin"];
        let is_there = places
            .iter()
            .any(|folder| Path::new(folder).join(program).exists());
        if !is_there {
            drop(writeln!(
                std::io::stderr(),
                "left out: {test} from {} (it is not installed)",
                self.name
            ));
        }
        is_there
    }

    /// Writes its configuration; where.
    pub(crate) fn configure(self, home: &Path, configuration: &str) -> PathBuf {
        let path = home.join(self.file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, configuration).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Runs it once.
    #[track_caller]
    pub(crate) fn fetch(self, home: &Path) -> Output {
        own_all(home);
        let mut command = Command::new(self.command[0]);
        command
            .args(&self.command[1..])
            .env_clear()
            .env("HOME", home)
            .env("USER", "somebody")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .current_dir(home)
            .stdin(Stdio::null());
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = command.output().unwrap();
        let code = output.status.code().unwrap_or(-1);
        assert!(
            self.good.contains(&code),
            "{}: {code}\n{}{}",
            self.name,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }
}

/// Gives a folder and all in it to the one who runs these programs.
fn own_all(folder: &Path) {
    if !geteuid().is_root() {
        return;
    }
    chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            own_all(&path);
        } else {
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
}
