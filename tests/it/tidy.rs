//! The rules of the house that no compiler checks: who may import whom, who alone may use what,
//! how files are named and how long they get. Every rule is a row of a table.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A room of `src` and the rooms it may import; each may import itself.
const IMPORTS: [(&str, &[&str]); 7] = [
    ("secret", &[]),
    ("message", &[]),
    ("protocol", &["secret"]),
    ("client", &["protocol", "secret"]),
    ("store", &["protocol", "message"]),
    (
        "transfer",
        &["client", "store", "protocol", "message", "secret"],
    ),
    (
        "cli",
        &[
            "transfer", "client", "store", "protocol", "message", "secret",
        ],
    ),
];

/// What only some files of `src` may say, the files or folders, and why.
const ALONE: [(&[&str], &[&str], &str); 8] = [
    (&["native_tls"], &["client/tls"], "TLS has one door"),
    (
        &["TcpStream", "socket2"],
        &["client/stream", "client/connect"],
        "every wait on the network has a deadline, kept in one place",
    ),
    (&["rsasl"], &["client/auth"], "SASL has one door"),
    (
        &["mailparse"],
        &["message"],
        "foreign mail is parsed in one place",
    ),
    (
        &["clap", "anyhow", "indicatif", "dirs::", "rpassword"],
        &["cli"],
        "the terminal and the person are the command line's business",
    ),
    (
        &[
            "fs::rename",
            "fs::write",
            "fs::remove_",
            "fs::create_dir",
            "fs::hard_link",
            "File::create",
            "OpenOptions::new().write",
            "OpenOptions::new().append",
            "OpenOptions::new().create",
        ],
        &["store/durable"],
        "what changes files must be seen by the crash tests",
    ),
    (
        &["std::env", "env::var"],
        &["cli/environment"],
        "the environment comes in as values",
    ),
    (
        &[
            "println!",
            "eprintln!",
            "print!",
            "eprint!",
            "io::stdout",
            "io::stderr",
        ],
        &["cli/output", "store/stdout", "store/pipe"],
        "one writer keeps lines whole and server text harmless",
    ),
];

/// Parts of file names that say nothing of what is in the file.
const EMPTY_NAMES: [&str; 6] = ["util", "helper", "manager", "common", "misc", "stuff"];

/// Words that promise to tidy up later, names of functions that say nothing, paths of one machine.
const FORBIDDEN_WORDS: [&str; 6] = [
    "TO\x44O",
    "FIX\x4dE",
    "XX\x58",
    "pub fn ge\x74_",
    "/ho\x6de/",
    "/roo\x74/",
];

/// Lines of a file without its tests, comments and empty lines; those named here have a reason to be longer.
const FILE_LINES_MAX: usize = 500;
const LONGER_FILES: [(&str, &str); 0] = [];

/// A file of `src`: its name there, and its text without comments and tests.
struct Source {
    name: String,
    code: String,
}

impl Source {
    fn room(&self) -> &str {
        let first = self.name.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| {
            let rest = self.name.strip_prefix(place);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
        })
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let folder = root().join("src");
    let read = |path: PathBuf| {
        let name = path
            .strip_prefix(&folder)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let code = without_comments_and_tests(&std::fs::read_to_string(&path).unwrap());
        Source { name, code }
    };
    let is_test = |source: &Source| {
        let name = &source.name;
        let is_folder = name.contains("_tests/") || name.contains("/tests/");
        is_folder || name.ends_with("tests.rs") || name.ends_with("/testkit.rs")
    };
    files(&folder, &["rs"])
        .into_iter()
        .map(read)
        .filter(|source| !is_test(source))
        .collect()
}

fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if !folder.exists() {
        return found;
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if extensions
            .iter()
            .any(|&wanted| path.extension().is_some_and(|is| is == wanted))
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn without_comments_and_tests(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        if line == "#[cfg(test)]" {
            break;
        }
        let trimmed = line.trim_start();
        let shown = if trimmed.starts_with("//") { "" } else { line };
        writeln!(code, "{}", shown.split(" // ").next().unwrap_or_default()).unwrap();
    }
    code
}

/// The modules named directly after each `crate::`, also in `crate::{a, b}`.
fn imported_rooms(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, start) in code.match_indices("crate::") {
        let rest = &code[at + start.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            rooms.push(identifier(rest));
            continue;
        };
        let mut depth = 0;
        let mut fresh = true;
        for (at, character) in list.char_indices() {
            match character {
                '}' if depth == 0 => break,
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => fresh = true,
                _ if fresh && !character.is_whitespace() => {
                    rooms.push(identifier(&list[at..]));
                    fresh = false;
                }
                _ => {}
            }
        }
    }
    rooms
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|&character| character.is_alphanumeric() || character == '_')
        .collect()
}

/// Whether the words stand in the code, and not just as the end of something longer.
fn says(code: &str, words: &str) -> bool {
    code.match_indices(words).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || "_}".contains(before))
            || words.starts_with('.')
    })
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{} faults\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn imports_run_downwards() {
    let mut faults = Vec::new();
    for source in sources() {
        let Some((room, allowed)) = IMPORTS.iter().find(|(room, _)| *room == source.room()) else {
            if !["lib", "main"].contains(&source.room()) {
                faults.push(format!("src/{} is in no room of IMPORTS", source.name));
            }
            continue;
        };
        for imported in imported_rooms(&source.code) {
            let known = IMPORTS.iter().any(|(room, _)| *room == imported);
            if known && imported != *room && !allowed.contains(&imported.as_str()) {
                faults.push(format!("src/{} imports {imported}", source.name));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn some_things_have_one_user() {
    let mut faults = Vec::new();
    for source in sources() {
        for (things, places, why) in ALONE {
            for thing in things {
                if says(&source.code, thing) && !source.is_in(places) {
                    faults.push(format!("src/{} says {thing}: {why}", source.name));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn names_say_what_is_inside() {
    let mut faults = Vec::new();
    for folder in ["src", "tests", "examples", "benches"] {
        for path in files(&root().join(folder), &["rs", "sh", "py", "txt"]) {
            let stem = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let mut words = stem.split(['_', '-']);
            if words.any(|word| EMPTY_NAMES.contains(&word.trim_end_matches('s'))) {
                faults.push(path.display().to_string());
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn files_stay_short() {
    let mut faults = Vec::new();
    for source in sources() {
        let lines = source
            .code
            .lines()
            .filter(|line| !line.trim().is_empty())
            .count();
        let excused = LONGER_FILES.iter().any(|(name, _)| *name == source.name);
        if lines > FILE_LINES_MAX && !excused {
            faults.push(format!(
                "src/{} has {lines} lines of code without its tests",
                source.name
            ));
        }
    }
    assert_none(&faults);
}

#[test]
fn no_text_promises_later_or_knows_one_machine() {
    let mut faults = Vec::new();
    for folder in [
        "src",
        "tests",
        "examples",
        "benches",
        "man",
        "completions",
        ".ci",
    ] {
        for path in files(
            &root().join(folder),
            &["rs", "md", "toml", "sh", "py", "txt"],
        ) {
            let text = std::fs::read_to_string(&path).unwrap();
            for (number, line) in (1..).zip(text.lines()) {
                let word = FORBIDDEN_WORDS.iter().find(|word| says(line, word));
                let blank = line.ends_with([' ', '\t']).then_some(&"blanks at its end");
                for fault in word.into_iter().chain(blank) {
                    faults.push(format!("{}:{number}: {fault}", path.display()));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_rules_see_what_they_forbid() {
    let code = "use crate::{client::{Client, Error}, store};\nlet x = crate::cli::main();\n";
    assert_eq!(imported_rooms(code), ["client", "store", "cli"]);
    assert!(says("eprintln!(\"x\")", "eprintln!") && !says("eprintln!(\"x\")", "println!"));
    let text = "let a = 1; // println!\n/// print!\n#[cfg(test)]\nmod tests { println!() }\n";
    assert!(!says(&without_comments_and_tests(text), "print"));
}

/// Each crate we build on has its reason told.
#[test]
fn every_dependency_has_a_reason() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let reasons = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let reasons: Vec<_> = reasons
        .split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)))
        .collect();
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]")
            && let Some((name, _)) = line.split_once(" = ")
        {
            assert!(reasons.contains(&name), "{name} is not in ARCHITECTURE.md");
        }
    }
}
