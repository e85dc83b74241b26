//! The settings of the run as a whole.

use super::level::Levels;
use crate::cli::args::value::{Count, When};
use crate::cli::environment::Environment;

/// Accounts worked on at once, unless told otherwise.
const JOBS: usize = 4;

/// The settings of the run as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) format: Format,
    pub(crate) verbosity: Verbosity,
    pub(crate) color: When,
    pub(crate) progress: When,
    pub(crate) jobs: usize,
}

/// In what form results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Words and tables for people.
    Text,
    /// JSON lines for programs.
    Json,
}

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// What went wrong.
    Quiet,
    /// That, and what came of the run when somebody is looking.
    Normal,
    /// What is being done.
    Verbose,
    /// The protocol too.
    Trace,
}

impl Settings {
    pub(super) fn of(levels: Levels<'_>, environment: &Environment) -> Self {
        let json = levels.pick("json", |values| values.general.json);
        let color = levels.pick("color", |values| values.general.color);
        let progress = levels.pick("progress", |values| values.general.progress);
        let jobs = levels.pick("jobs", |values| values.general.jobs);
        let said = levels.pick("verbose", |values| {
            let quiet = values
                .general
                .quiet
                .filter(|quiet| *quiet)
                .map(|_| Verbosity::Quiet);
            quiet.or(match values.general.verbose {
                0 => None,
                1 => Some(Verbosity::Verbose),
                2.. => Some(Verbosity::Trace),
            })
        });
        let unasked_color = if environment.no_color {
            When::Never
        } else {
            When::Auto
        };
        Self {
            format: match json {
                Some((true, _)) => Format::Json,
                Some((false, _)) | None => Format::Text,
            },
            verbosity: said.map_or(Verbosity::Normal, |(verbosity, _)| verbosity),
            color: color.map_or(unasked_color, |(when, _)| when),
            progress: progress.map_or(When::Auto, |(when, _)| when),
            jobs: jobs.map_or(JOBS, |(Count(jobs), _)| {
                usize::try_from(jobs.get()).unwrap_or(usize::MAX)
            }),
        }
    }
}
