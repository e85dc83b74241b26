//! The man pages and completions that are kept in the repository.

use std::path::Path;
use std::process::Command;

use crate::support::program::Folder;

/// What packagers take is what the program would write.
#[test]
fn the_kept_pages_are_those_the_program_writes() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Folder::new();
    for name in ["man", "completions"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    folder
        .popfetch()
        .arg("docs")
        .arg(folder.path())
        .run()
        .expect(0);
    for name in ["man", "completions"] {
        let list = |folder: &Path| {
            let mut names: Vec<_> = std::fs::read_dir(folder.join(name))
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            names.sort();
            names
        };
        assert_eq!(list(kept), list(folder.path()));
        for file in list(kept) {
            let [kept, written] = [kept, folder.path()]
                .map(|folder| std::fs::read_to_string(folder.join(name).join(&file)).unwrap());
            assert_eq!(kept, written, "{name}/{} is old", file.display());
        }
    }
}

/// A formatter's warnings are a reader's puzzles.
#[test]
fn man_pages_are_well_formed() {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("man")).unwrap() {
        let path = entry.unwrap().path();
        let mut formatter = Command::new("groff");
        formatter.args(["-man", "-ww", "-z", "-Tutf8"]).arg(&path);
        // Not everybody has a formatter; those who have must not see it complain.
        let Ok(output) = formatter.output() else {
            return;
        };
        let warnings = String::from_utf8_lossy(&output.stderr);
        assert!(warnings.is_empty(), "{}: {warnings}", path.display());
    }
}

/// Every command can tell how it is used, and where to read more.
#[test]
fn every_command_helps() {
    let folder = Folder::new();
    for command in ["fetch", "list", "stat", "delete", "verify", "config"] {
        let help = folder.popfetch().args([command, "--help"]).run().expect(0);
        assert!(
            help.stdout().contains("Usage: popfetch"),
            "{}",
            help.stdout()
        );
        assert!(help.stderr.is_empty(), "{}", help.stderr);
    }
    folder.popfetch().arg("--version").run().expect(0);
}
