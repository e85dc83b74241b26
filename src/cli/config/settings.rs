//! The settings of the run as a whole.

use super::account::Explained;
use super::level::{Levels, Source};
use crate::cli::args::GeneralFlags;
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

/// What each setting is, and where it came from.
pub(super) fn explain(levels: Levels<'_>) -> Vec<Explained> {
    let said = |key, value: fn(&GeneralFlags) -> Option<String>, default: &str| {
        let said = levels.pick(key, |values| value(&values.general));
        let (value, source) = said.unwrap_or_else(|| (default.to_owned(), Source::Default));
        Explained { key, value, source }
    };
    let verbose = |flags: &GeneralFlags| (flags.verbose > 0).then(|| flags.verbose.to_string());
    vec![
        said("json", |flags| flags.json.map(|on| on.to_string()), "false"),
        said(
            "quiet",
            |flags| flags.quiet.map(|on| on.to_string()),
            "false",
        ),
        said("verbose", verbose, "0"),
        said(
            "color",
            |flags| flags.color.map(|when| when.to_string()),
            "auto",
        ),
        said(
            "progress",
            |flags| flags.progress.map(|when| when.to_string()),
            "auto",
        ),
        said(
            "jobs",
            |flags| flags.jobs.map(|jobs| jobs.to_string()),
            &JOBS.to_string(),
        ),
    ]
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
