//! Plays every file of `tests/transcripts` against the real program.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::certificate::Certificates;
use crate::support::escape;
use crate::support::program::{Folder, Outcome};
use crate::support::reader;
use crate::support::scripted::Scripted;
use crate::support::transcript::{Run, Transcript};

/// Most transcripts wait for somebody: more of them at once than there are processors.
const AT_ONCE: usize = 8;

#[test]
fn every_transcript_is_played_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .filter(|path| chosen(path))
        .collect();
    files.sort();
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    let found = check(path);
                    let told = found.into_iter().map(|fault| format!("{name}: {fault}"));
                    faults.lock().unwrap().extend(told);
                }
            });
        }
    });
    let mut faults = faults.into_inner().unwrap();
    faults.sort();
    assert!(
        faults.is_empty(),
        "{} faults\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// `TRANSCRIPT=q20` plays just the files whose names hold that.
fn chosen(path: &Path) -> bool {
    let Ok(wanted) = std::env::var("TRANSCRIPT") else {
        return true;
    };
    path.to_string_lossy().contains(&wanted)
}

fn check(path: &Path) -> Vec<String> {
    let transcript = match Transcript::read(path) {
        Ok(transcript) => transcript,
        Err(why) => return vec![why],
    };
    let folder = Folder::new();
    Certificates::shared().write_authority(&folder.join("ca.pem"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for (name, content) in &transcript.files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, private).unwrap();
    }
    let mut faults = Vec::new();
    for (number, run) in (1..).zip(transcript.runs) {
        let found = check_run(run, &folder, &listener);
        faults.extend(
            found
                .into_iter()
                .map(|fault| format!("run {number}: {fault}")),
        );
    }
    faults
}

fn check_run(mut run: Run, folder: &Folder, listener: &TcpListener) -> Vec<String> {
    let server = match Scripted::start(std::mem::take(&mut run.connections), listener) {
        Ok(server) => server,
        Err(error) => return vec![format!("cannot listen: {error}")],
    };
    let port = server.port();
    let fill = |text: &str| filled(text, folder, port);
    let mut program = folder.popfetch().env("POPFETCH_PASSWORD", "tanstaaf");
    for (name, value) in &run.environment {
        program = program.env(name, fill(value));
    }
    let arguments: Vec<String> = run.words.split_whitespace().map(fill).collect();
    let outcome = program.args(&arguments).run();
    let mut faults = server.finish();
    faults.extend(compare(&run, &outcome, folder, fill));
    if !faults.is_empty() {
        faults.push(format!("stdout {}", escape::shown(&outcome.stdout)));
        faults.push(format!("stderr {}", outcome.stderr));
    }
    faults
}

/// Puts in what only this run knows.
fn filled(text: &str, folder: &Folder, port: u16) -> String {
    let pin = |name: &str| {
        Certificates::shared()
            .named(name)
            .map_or("", |certificate| certificate.pin.as_str())
    };
    let pins = ["good", "expired", "wrong-name", "self-signed", "odd-names"]
        .into_iter()
        .fold(text.to_owned(), |text, name| {
            text.replace(&format!("{{pin:{name}}}"), pin(name))
        });
    pins.replace("{clear}", "pop3://alice@127.0.0.1:{port}")
        .replace("{url}", "pop3s://alice@127.0.0.1:{port}")
        .replace("{port}", &port.to_string())
        .replace("{mail}", &folder.join("mail").to_string_lossy())
        .replace("{ca}", &folder.join("ca.pem").to_string_lossy())
        .replace("{dir}", &folder.path().to_string_lossy())
}

fn compare(
    run: &Run,
    outcome: &Outcome,
    folder: &Folder,
    fill: impl Fn(&str) -> String,
) -> Vec<String> {
    let mut faults = Vec::new();
    if outcome.code() != run.exit {
        faults.push(format!(
            "exit status {} instead of {}",
            outcome.code(),
            run.exit
        ));
    }
    for (stream, text, wanted) in [
        ("stdout", outcome.stdout(), &run.stdout),
        ("stderr", outcome.stderr.clone(), &run.stderr),
    ] {
        let lacking = wanted
            .iter()
            .map(|words| fill(words))
            .filter(|words| !text.contains(words));
        faults.extend(lacking.map(|words| format!("{stream} lacks: {words}")));
        let forbidden = run.never.iter().filter(|words| text.contains(*words));
        faults.extend(forbidden.map(|words| format!("{stream} shows: {words}")));
        faults.extend(raw_control(&text).map(|octet| format!("{stream} has raw {octet:?}")));
        if text.contains("panicked") {
            faults.push(format!("{stream} tells of a panic"));
        }
    }
    let mut wanted = run.stored.clone();
    wanted.sort();
    let stored = reader::maildir(&folder.join("mail"));
    if stored != wanted {
        let shown: Vec<String> = stored
            .iter()
            .map(|message| escape::shown(message))
            .collect();
        faults.push(format!(
            "{} stored, {} wanted: {shown:#?}",
            stored.len(),
            wanted.len()
        ));
    }
    let unfinished = reader::maildir_unfinished(&folder.join("mail"));
    if unfinished > 0 {
        faults.push(format!("{unfinished} files left in tmp"));
    }
    faults
}

/// Nothing a server says may reach the terminal as a control or a bidi override.
fn raw_control(text: &str) -> Option<char> {
    text.chars().find(|&character| {
        (character.is_control() && !matches!(character, '\n' | '\t'))
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}
