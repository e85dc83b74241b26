//! What a run takes has a bound, whatever the server holds.

use pop3d::{Hold, Mailbox, Server, Sizes, Step, When};

use crate::support::embedded::{PATIENCE, popfetch, serve};
use crate::support::program::{Folder, Running};

/// Peak resident memory so far, from proc(5).
fn peak_memory_mib(run: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", run.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}

fn open_files(run: &Running) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", run.pid()))
        .unwrap()
        .count()
}

/// Runs `fetch`, and looks at it while the server holds it.
fn look_at<T>(server: &Server, words: &str, hold: Step, look: impl Fn(&Running) -> T) -> T {
    let folder = Folder::new();
    server.hold(Hold::At(hold));
    let run = popfetch(&folder, "fetch", server).words(words).start();
    assert!(
        server.wait_until_held(PATIENCE).is_some(),
        "{:?}",
        run.wait()
    );
    let seen = look(&run);
    server.release();
    run.wait().expect(0);
    seen
}

#[test]
fn memory_does_not_grow_with_a_message() {
    let server = serve(Mailbox::generated(1, 1, Sizes::Fixed(100 << 20)));
    let before_quit = Step {
        when: When::Before,
        verb: "QUIT",
        number: 0,
    };
    for destination in ["--to maildir:mail", "--to mbox:inbox", "--to eml:folder"] {
        let mib = look_at(&server, destination, before_quit, peak_memory_mib);
        assert!(mib <= 16, "{mib} MiB with {destination}");
    }
}

#[test]
fn memory_grows_little_with_the_number_of_messages() {
    let server = serve(Mailbox::generated(100_000, 1, Sizes::Fixed(1000)));
    let before_quit = Step {
        when: When::Before,
        verb: "QUIT",
        number: 0,
    };
    let mib = look_at(&server, "--to mail --limit 1", before_quit, peak_memory_mib);
    assert!(mib <= 32, "{mib} MiB");
}

#[test]
fn open_files_are_bounded() {
    let server = serve(Mailbox::generated(1500, 1, Sizes::Fixed(1000)));
    let last = Step {
        when: When::Before,
        verb: "RETR",
        number: 1500,
    };
    let files = look_at(&server, "--to mail", last, open_files);
    assert!(files <= 300, "{files} open files");
}
