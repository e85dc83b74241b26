//! The man pages and completions that are kept in the repository.

use std::io::Write as _;
use std::path::{Path, PathBuf};
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

/// The man pages, as paths.
fn man_pages() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// A formatter's warnings are a reader's puzzles.
#[test]
fn man_pages_are_well_formed() {
    let formatters = [
        ("groff", ["-man", "-ww", "-z", "-Tutf8"].as_slice()),
        ("mandoc", &["-T", "lint"]),
    ];
    for (formatter, arguments) in formatters {
        for page in man_pages() {
            let command = Command::new(formatter).args(arguments).arg(&page).output();
            let Ok(output) = command else {
                // Not by a macro: what those print is shown only when a test fails.
                drop(writeln!(
                    std::io::stderr(),
                    "left out: looking at the man pages by {formatter} (it is not installed)"
                ));
                break;
            };
            let said = [output.stdout, output.stderr].concat();
            let warnings = String::from_utf8_lossy(&said);
            assert!(warnings.is_empty(), "{}: {warnings}", page.display());
        }
    }
}

/// A reader finds in each page of a command what pages of commands have.
#[test]
fn man_pages_have_all_their_sections() {
    for page in man_pages() {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&page).unwrap();
        let sections = if name.ends_with(".1") {
            "NAME SYNOPSIS DESCRIPTION OPTIONS EXAMPLES ENVIRONMENT FILES EXIT_STATUS SEE_ALSO"
        } else {
            "NAME DESCRIPTION EXAMPLES SEE_ALSO"
        };
        for section in sections.split(' ') {
            let heading = format!(".SH {}\n", section.replace('_', " "));
            assert_eq!(text.matches(&heading).count(), 1, "{name}: {heading}");
        }
        assert!(!text.contains("@OPTIONS@"), "{name}");
        // Every page that one sends its reader to is there.
        for word in text.split("\\fB").skip(1) {
            let Some((other, section)) = word.split_once("\\fR(") else {
                continue;
            };
            let other = other.replace("\\-", "-");
            if other.starts_with("popfetch") && !other.contains(' ') {
                let other = format!("{other}.{}", &section[..1]);
                assert!(page.with_file_name(&other).exists(), "{name}: no {other}");
            }
        }
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

/// What a person types in bash, and what Tab must offer then.
const COMPLETIONS: [(&str, &str); 6] = [
    ("popfetch fe", "fetch"),
    ("popfetch fetch --tls i", "implicit"),
    ("popfetch fetch --delete-", "--delete-after"),
    ("popfetch delete --verif", "--verify"),
    ("popfetch config im", "import"),
    ("popfetch config import getm", "getmail"),
];

/// Asks the completions as bash does: by its variables, with the result in another.
#[test]
fn bash_completes() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions/popfetch.bash");
    for (typed, offered) in COMPLETIONS {
        let script = "source \"$1\"; read -ra COMP_WORDS <<< \"$2\"; \
                      COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); \
                      _popfetch popfetch \"${COMP_WORDS[-1]}\" \"${COMP_WORDS[-2]}\"; \
                      echo \"${COMPREPLY[*]}\"";
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", script, "bash"])
            .arg(&file)
            .arg(typed);
        let Ok(output) = bash.output() else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said.trim(), offered, "{typed}: {output:?}");
    }
}

/// The other shells at least understand theirs.
#[test]
fn other_shells_read_their_completions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    for (shell, argument, file) in [
        ("zsh", "-n", "_popfetch"),
        ("fish", "--no-execute", "popfetch.fish"),
    ] {
        let command = Command::new(shell)
            .arg(argument)
            .arg(folder.join(file))
            .output();
        let Ok(output) = command else {
            drop(writeln!(
                std::io::stderr(),
                "left out: reading the completions by {shell} (it is not installed)"
            ));
            continue;
        };
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
    }
}
