//! The main job, with nothing else at hand: a POP3 server in this process serves a few thousand
//! generated messages, and the real program fetches them into `./demo-mail`.
//!
//! `examples/run` builds both and starts this.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use pop3d::{Mailbox, Server, Settings, Sizes};

const MESSAGES: u32 = 3000;
const DESTINATION: &str = "demo-mail";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let program = program()?;
    let mailbox = Mailbox::generated(MESSAGES, 1, Sizes::Mixed);
    let octets: u64 = (1..=MESSAGES).map(|number| mailbox.octets(number)).sum();
    let server = Server::start(mailbox, Settings::default())?;
    println!(
        "A POP3 server on 127.0.0.1:{} holds {MESSAGES} messages, {} MB.\n",
        server.port(),
        octets / 1_000_000
    );
    for words in [
        "The first fetch brings them all:",
        "The second finds nothing new:",
    ] {
        println!("{words}");
        if !fetch(&program, &server)? {
            println!("popfetch did not end well.");
            return Ok(ExitCode::FAILURE);
        }
    }
    println!(
        "./{DESTINATION} is a maildir of {} messages, {} of them fetched just now.\n\
         Look at it with any mail reader:  mutt -f ./{DESTINATION}\n\
         Make it go away:                  rm -r ./{DESTINATION}",
        stored(Path::new(DESTINATION))?,
        server.count("RETR"),
    );
    Ok(ExitCode::SUCCESS)
}

/// The program lies beside the folder of the examples.
fn program() -> Result<PathBuf, Box<dyn Error>> {
    let example = std::env::current_exe()?;
    let folder = example
        .parent()
        .and_then(Path::parent)
        .ok_or("no folder above the example's")?;
    let program = folder.join("popfetch");
    if program.exists() {
        return Ok(program);
    }
    Err("popfetch is not built yet: run examples/run, or `cargo build` first".into())
}

fn fetch(program: &Path, server: &Server) -> Result<bool, Box<dyn Error>> {
    let url = format!("pop3://demo@127.0.0.1:{}", server.port());
    let arguments = ["fetch", &url, "--tls", "off", "--to", DESTINATION];
    println!("$ popfetch {}", arguments.join(" "));
    let start = Instant::now();
    // A person is asked for the password, or has it in a password store; this program has it.
    let status = Command::new(program)
        .args(arguments)
        .env("POPFETCH_PASSWORD", "secret")
        .status()?;
    println!("  ({:.2} s, {status})\n", start.elapsed().as_secs_f64());
    Ok(status.success())
}

fn stored(maildir: &Path) -> Result<usize, Box<dyn Error>> {
    let mut count = 0;
    for folder in ["new", "cur"] {
        count += std::fs::read_dir(maildir.join(folder))?.count();
    }
    Ok(count)
}
