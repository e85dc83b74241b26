//! The commands, one file each, and what they share.

mod config_check;
mod config_import;
mod delete;
mod docs;
mod every_account;
mod fetch;
mod list;
mod remote;
mod selection;
mod server_facts;
mod stat;
mod verify;

use std::io;
use std::sync::Arc;

use super::args::{Command, CommandLine, ConfigCommand};
use super::config::{Account, BrokenAccount, Configuration, Settings, Values};
use super::environment::Environment;
use super::failure::{Failure, Kind};
use super::logger;
use super::output::json::{ErrorLine, Line, SummaryLine};
use super::output::{Output, StdoutEnd};
use super::report::{Ending, exit_status, of_transfer};
use super::signals::Signals;
use crate::store;
use crate::transfer::{self, DeletionState, Outcome, Summary};

/// Runs the command; the exit status.
pub(crate) fn run(line: CommandLine, environment: &Environment) -> Result<u8, Failure> {
    let CommandLine { command, general } = line;
    match command {
        Command::Config(ConfigCommand::Check(args)) => {
            config_check::run(&args, &general, environment)
        }
        Command::Docs(args) => docs::write(&args.folder),
        Command::JsonSchema => Ok(docs::print_schema()),
        Command::Fetch(args) => fetch::run(*args, &general, environment),
        Command::List(args) => list::run(&args, &general, environment),
        Command::Stat(args) => stat::run(&args, &general, environment),
        Command::Delete(args) => delete::run(&args, &general, environment),
        Command::Verify(args) => verify::run(&args, &general, environment),
        Command::Config(ConfigCommand::Import(args)) => {
            config_import::run(&args, &general, environment)
        }
    }
}

/// What a command does once nobody can read its results any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unheard {
    /// It stops: the results were all it was for.
    Stops,
    /// It goes on: there is mail to store or to delete.
    GoesOn,
}

/// What every command that looks at accounts has at hand.
pub(crate) struct Bench<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) settings: Settings,
    pub(crate) output: Arc<Output>,
    pub(crate) signals: Signals,
    unheard: Unheard,
}

impl<'a> Bench<'a> {
    fn new(settings: Settings, environment: &'a Environment, unheard: Unheard) -> Self {
        let signals = Signals::default();
        let stop = match unheard {
            Unheard::Stops => Some(signals.stop_flag()),
            Unheard::GoesOn => None,
        };
        let output = Arc::new(Output::new(&settings, environment, stop));
        logger::install(&output, settings.verbosity);
        Self {
            environment,
            settings,
            output,
            signals,
            unheard,
        }
    }

    /// Reads the configuration, and lays things out as it wants them.
    fn set_up(
        flags: Values,
        environment: &'a Environment,
        unheard: Unheard,
    ) -> Result<(Configuration<'a>, Self), Failure> {
        let configuration = Configuration::load(flags, environment)?;
        let bench = Self::new(configuration.settings(), environment, unheard);
        Ok((configuration, bench))
    }

    /// Tells of a failure, in the form that is wanted.
    fn tell(&self, account: Option<&str>, failure: &Failure) {
        if failure.kind == Kind::Interrupted && self.signals.received().is_none() {
            // Nobody reads the results any more, and that has been said where it was worth it.
            return;
        }
        if self.output.is_json() {
            self.output
                .json(&Line::Error(ErrorLine::of(account, failure)));
            self.output.flush();
        }
        self.output.failure(account, failure);
    }

    /// Tells of a failure that came before there was a run to sum up.
    fn failed_before_run(&self, account: &str, failure: &Failure) -> Ending {
        self.tell(Some(account), failure);
        let ending = Ending::failed(failure.kind);
        self.sum_up(account, &Summary::default(), ending);
        ending
    }

    /// Tells of an account that the configuration gets wrong.
    fn tell_broken(&self, broken: &BrokenAccount) -> Ending {
        self.tell(Some(&broken.name), &broken.failure);
        Ending::failed(broken.failure.kind)
    }

    /// The last line about an account, for programs.
    fn sum_up(&self, account: &str, summary: &Summary, ending: Ending) {
        if !self.output.is_json() {
            return;
        }
        self.output.json(&Line::Summary(SummaryLine {
            account,
            stored: summary.stored,
            skipped: summary.skipped,
            held_back: summary.held_back,
            failed: summary.failed,
            gone: summary.gone,
            suspect: summary.suspect,
            deleted: summary.deleted,
            delete_state: match summary.deletion {
                DeletionState::None => "none",
                DeletionState::Confirmed => "confirmed",
                DeletionState::Unknown => "unknown",
            },
            octets: summary.octets,
            seconds: summary.elapsed.as_secs_f64(),
            exit_code: exit_status(self.signals.received(), &[ending]),
        }));
        self.output.flush();
    }

    /// The exit status, once all is written.
    fn end(&self, endings: &[Ending]) -> u8 {
        self.output.flush();
        let signal = self.signals.received();
        match self.output.stdout_end() {
            Some(StdoutEnd::Failed) if signal.is_none() => Kind::LocalIo.exit_status(),
            // Whoever read the results has seen enough.
            Some(StdoutEnd::ReaderLeft) if signal.is_none() && self.unheard == Unheard::Stops => 0,
            Some(_) | None => exit_status(signal, endings),
        }
    }
}

/// How a run ended for an account; what ended it early is told, and all is summed up.
fn ending(bench: &Bench<'_>, account: &Account, outcome: &Outcome) -> Ending {
    let Outcome { summary, error } = outcome;
    if error
        .as_ref()
        .is_some_and(|error| is_closed_stdout(account, error))
    {
        return Ending::default();
    }
    let failure = error
        .as_ref()
        .map(|error| of_transfer(error, remote::about(bench, account)));
    if let Some(failure) = &failure {
        bench.tell(Some(&account.name), failure);
    }
    let ending = Ending {
        failure: failure.map(|failure| failure.kind),
        lost_messages: summary.failed.saturating_sub(summary.try_later) + summary.suspect,
        later_messages: summary.try_later,
    };
    bench.sum_up(&account.name, summary, ending);
    ending
}

/// Whether mail was printed, and whoever read it has seen enough.
fn is_closed_stdout(account: &Account, error: &transfer::Error) -> bool {
    let transfer::Error::Store(store::Error::Io { source, .. }) = error else {
        return false;
    };
    account.destination.as_deref() == Some("-") && source.kind() == io::ErrorKind::BrokenPipe
}
