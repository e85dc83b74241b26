//! The commands, one file each, and what they share.

mod config_check;
mod docs;

use std::sync::Arc;

use super::args::{Command, CommandLine, ConfigCommand};
use super::config::{Configuration, Settings, Values};
use super::environment::Environment;
use super::failure::Failure;
use super::logger;
use super::output::Output;
use super::output::json::{ErrorLine, Line};
use super::report::{Ending, exit_status};
use super::signals::Signals;

/// Runs the command; the exit status.
pub(crate) fn run(line: CommandLine, environment: &Environment) -> Result<u8, Failure> {
    let CommandLine { command, general } = line;
    match command {
        Command::Config(ConfigCommand::Check(args)) => {
            config_check::run(&args, &general, environment)
        }
        Command::Docs(args) => docs::write(&args.folder),
        Command::Fetch(_)
        | Command::List(_)
        | Command::Stat(_)
        | Command::Delete(_)
        | Command::Verify(_)
        | Command::Config(ConfigCommand::Import(_))
        | Command::JsonSchema => Err(Failure::usage("this command comes with the next change")),
    }
}

/// What every command that looks at accounts has at hand.
pub(crate) struct Bench<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) settings: Settings,
    pub(crate) output: Arc<Output>,
    pub(crate) signals: Signals,
}

impl<'a> Bench<'a> {
    fn new(settings: Settings, environment: &'a Environment) -> Self {
        let signals = Signals::default();
        let output = Arc::new(Output::new(&settings, environment, signals.stop_flag()));
        logger::install(&output, settings.verbosity);
        Self {
            environment,
            settings,
            output,
            signals,
        }
    }

    /// Reads the configuration, and lays things out as it wants them.
    fn set_up(
        flags: Values,
        environment: &'a Environment,
    ) -> Result<(Configuration<'a>, Self), Failure> {
        let configuration = Configuration::load(flags, environment)?;
        let bench = Self::new(configuration.settings(), environment);
        Ok((configuration, bench))
    }

    /// Tells of a failure, in the form that is wanted.
    fn tell(&self, account: Option<&str>, failure: &Failure) {
        if self.output.is_json() {
            self.output
                .json(&Line::Error(ErrorLine::of(account, failure)));
            self.output.flush();
        }
        self.output.failure(account, failure);
    }

    /// The exit status, once all is written.
    fn end(&self, endings: &[Ending]) -> u8 {
        self.output.flush();
        let signal = self.signals.received();
        if signal.is_none() && self.output.stdout_is_closed() {
            // Whoever read the results has seen enough.
            return 0;
        }
        exit_status(signal, endings)
    }
}
