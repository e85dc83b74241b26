//! The command line: arguments, configuration, commands, output.

mod account_url;
mod args;
mod commands;
mod config;
mod docs;
mod environment;
mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod import;
mod logger;
mod netrc;
mod output;
mod report;
mod secrets;
mod signals;
mod usage;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Parser as _;

use args::CommandLine;
use environment::Environment;
use failure::{Failure, Kind};
use output::json::{ErrorLine, Line, encode};
use output::{Stream, print};

/// Runs the program: the command line in, the exit status out.
pub fn main() -> ExitCode {
    let words = environment::arguments();
    let json = usage::wants_json(&words);
    let line = match CommandLine::try_parse_from(&words) {
        Ok(line) => line,
        Err(answer) if usage::is_answer(&answer) => {
            print(Stream::Stdout, &answer.render().to_string());
            return ExitCode::SUCCESS;
        }
        Err(mistake) => return ExitCode::from(end(json, &usage::failure(&words, &mistake))),
    };
    let bug = note_panics();
    let environment = Environment::read();
    match catch_unwind(AssertUnwindSafe(|| commands::run(line, &environment))) {
        Ok(Ok(status)) => ExitCode::from(status),
        Ok(Err(failure)) => ExitCode::from(end(json, &failure)),
        Err(_) => {
            let place = bug.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let failure = Failure::new(Kind::Bug, format!("popfetch is wrong here: {place}"))
                .hint("please report it with what you did and the lines above");
            ExitCode::from(end(json, &failure))
        }
    }
}

/// Tells what ended the program before it had any settings; its exit status.
fn end(json: bool, failure: &Failure) -> u8 {
    if json && let Ok(line) = encode(&Line::Error(ErrorLine::of(None, failure))) {
        print(Stream::Stdout, &format!("{line}\n"));
    }
    let hint = failure
        .hint
        .as_ref()
        .map(|hint| format!("  hint: {hint}\n"));
    let words = format!(
        "popfetch: error: {}\n{}",
        failure.message,
        hint.unwrap_or_default()
    );
    print(Stream::Stderr, &words);
    failure.kind.exit_status()
}

/// Keeps the first panic's words for the report, in place of printing them as they come.
fn note_panics() -> &'static Mutex<String> {
    static PLACE: Mutex<String> = Mutex::new(String::new());
    std::panic::set_hook(Box::new(|panic| {
        let mut place = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_empty() {
            *place = panic.to_string().replace('\n', " ");
        }
    }));
    &PLACE
}
