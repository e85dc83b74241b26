//! `popfetch fetch`: brings destinations up to date.

use super::every_account::{every_account, sift};
use super::remote::{self, Way};
use super::selection::selection;
use super::{Bench, Unheard, ending};
use crate::cli::args::{FetchArgs, FetchFlags, GeneralFlags};
use crate::cli::config::{Account, BrokenAccount, Values};
use crate::cli::environment::{Environment, now_seconds};
use crate::cli::failure::{Failure, Kind};
use crate::cli::output::{Announcer, Rows, Shape, messages, size};
use crate::cli::report::Ending;
use crate::store::{Destination, OpenOptions, Orphans};
use crate::transfer::{
    self, Bounds, DeletionState, Fetch, Look, Mark, NewUniqueIds, Outcome, Remote, Selection,
    Summary, Task,
};

/// Fetches every account that is named, or all.
pub(super) fn run(
    args: FetchArgs,
    general: &GeneralFlags,
    environment: &Environment,
) -> Result<u8, Failure> {
    let flags = Values {
        policy: args.policy,
        limits: args.limits,
        ..Values::of_flags(&args.connection, &args.destination, general)
    };
    let (configuration, bench) = Bench::set_up(flags, environment, Unheard::GoesOn)?;
    let accounts = configuration.accounts(&args.accounts)?;
    let selection = selection(&args.selection);
    let accounts = sift(accounts, |account| {
        refuse_what_cannot_be(&bench, &args.fetch, account)
    })?;
    let tell_broken = |BrokenAccount { name, failure }: &BrokenAccount| {
        let ending = bench.failed_before_run(name, failure);
        (ending, describe(name, &Summary::default(), ending.failure))
    };
    let outcomes = every_account(&bench, accounts, tell_broken, |account, rows| {
        let job = Job {
            bench: &bench,
            account,
            flags: &args.fetch,
            selection: &selection,
            rows,
        };
        job.run()
    });
    let (endings, lines): (Vec<_>, Vec<_>) = outcomes.into_iter().unzip();
    for line in lines {
        bench.output.outcome(&line);
    }
    Ok(bench.end(&endings))
}

/// What makes no sense together, told before anything is done.
fn refuse_what_cannot_be(
    bench: &Bench<'_>,
    flags: &FetchFlags,
    account: &Account,
) -> Result<(), Failure> {
    let Some(destination) = remote::destination(bench, account)? else {
        return Err(
            Failure::usage(format!("no destination for {}", account.name)).hint(
                "say where to store mail by --to, such as --to ~/Mail, or by to = \"...\" in the \
             configuration",
            ),
        );
    };
    if destination == Destination::Stdout {
        if account.after_storing.deletes() {
            return Err(Failure::usage(
                "--delete and --delete-after cannot be used with stdout as the destination",
            )
            .hint("nobody can tell whether what was printed is safe; store it by --to PATH"));
        }
        if bench.output.is_json() {
            return Err(
                Failure::usage("--json cannot be used with stdout as the destination")
                    .hint("stdout is either mail or JSON; store mail elsewhere by --to PATH"),
            );
        }
        // Mail is printed as it came, and may hold what commands a terminal.
        let prints_mail = !(flags.dry_run || flags.mark_stored);
        if prints_mail && bench.output.prints_on_terminal() {
            return Err(Failure::usage("mail is not written to a terminal")
                .hint("send it to a file or a program, or store it by --to PATH"));
        }
    }
    Ok(())
}

/// The fetch of one account.
struct Job<'a> {
    bench: &'a Bench<'a>,
    account: &'a Account,
    flags: &'a FetchFlags,
    selection: &'a Selection,
    rows: Rows,
}

impl Job<'_> {
    /// How it ended, and that as a line for people.
    fn run(&self) -> (Ending, String) {
        let Self { bench, account, .. } = *self;
        let name = &account.name;
        let shape = if self.flags.dry_run {
            Shape::Planned
        } else {
            Shape::Short
        };
        let announcer = Announcer::new(&bench.output, &account.name, shape, self.rows);
        let ended = self.fetch(&announcer);
        let rows = announcer.finish();
        let (ending, summary) = match ended {
            Ok(outcome) => (ending(bench, account, &outcome), outcome.summary),
            Err(failure) => (bench.failed_before_run(name, &failure), Summary::default()),
        };
        let went_well = ending == Ending::default();
        let line = if went_well && self.flags.mark_stored {
            let marked = messages(summary.skipped);
            format!("{name}: {marked} recorded as stored")
        } else if went_well && self.flags.dry_run {
            let nothing = if rows == 0 { "no messages; " } else { "" };
            format!("{name}: {nothing}this was a dry run, nothing was done")
        } else {
            describe(name, &summary, ending.failure)
        };
        (ending, line)
    }

    fn fetch(&self, announcer: &Announcer<'_>) -> Result<Outcome, Failure> {
        let Self { bench, account, .. } = *self;
        let Some(destination) = remote::destination(bench, account)? else {
            return Err(Failure::usage("there is no destination"));
        };
        let orphans = if self.flags.adopt {
            Orphans::Adopt
        } else {
            Orphans::Refuse
        };
        let store = remote::open_options(bench, account, destination, orphans)?;
        let mut way = Way::new(bench, account)?;
        Ok(way.walk(account, |remote| self.carry_out(remote, &store, announcer)))
    }

    /// Fetches, or does what is asked for in its place.
    fn carry_out(
        &self,
        remote: &mut Remote<'_>,
        store: &OpenOptions,
        announcer: &Announcer<'_>,
    ) -> Outcome {
        let flags = self.flags;
        let identity = &remote::identity(self.account);
        let task = &self.task();
        if flags.dry_run {
            let look = Look {
                store: Some(store),
                identity,
            };
            return transfer::preview(remote, &look, task, announcer);
        }
        if flags.mark_stored {
            let mark = Mark {
                store,
                identity,
                selection: &task.selection,
                now_seconds: task.now_seconds,
            };
            return transfer::mark_stored(remote, &mark, announcer);
        }
        let batch = self.account.batch;
        let fetch = Fetch {
            store,
            identity,
            task,
            batch: batch.map(|batch| usize::try_from(batch).unwrap_or(usize::MAX)),
            new_unique_ids: if flags.accept_new_uids {
                NewUniqueIds::Accept
            } else {
                NewUniqueIds::Refuse
            },
        };
        transfer::fetch(remote, &fetch, announcer)
    }

    fn task(&self) -> Task {
        let account = self.account;
        Task {
            selection: self.selection.clone(),
            after: account.after_storing,
            bounds: Bounds {
                message_octets_max: account.message_octets_max,
                run_octets_max: account.run_octets_max,
            },
            now_seconds: now_seconds(),
        }
    }
}

/// What a fetch came to, as one line.
fn describe(account: &str, summary: &Summary, failure: Option<Kind>) -> String {
    let mut parts = Vec::new();
    match failure {
        Some(Kind::Interrupted | Kind::Terminated) => parts.push("stopped".to_owned()),
        Some(_) => parts.push("failed".to_owned()),
        None if summary.stored + summary.failed + summary.held_back == 0 => {
            parts.push("nothing new".to_owned());
        }
        None => {}
    }
    let mut add = |count: u64, what: &str| {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    };
    add(
        summary.stored,
        &format!("stored ({})", size(summary.octets)),
    );
    add(summary.failed, "failed");
    add(summary.suspect, "perhaps not whole");
    add(summary.gone, "gone");
    add(summary.deleted, "deleted");
    add(summary.held_back, "new left for another run");
    let left = summary.skipped.saturating_sub(summary.held_back);
    add(left, "left as they are");
    if summary.deletion == DeletionState::Unknown {
        parts.push("deletion unconfirmed".to_owned());
    }
    let seconds = summary.elapsed.as_secs_f64();
    format!("{account}: {} in {seconds:.1} s", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::describe;
    use crate::cli::failure::Kind;
    use crate::transfer::{DeletionState, Summary};

    #[test]
    fn lines() {
        let elapsed = Duration::from_millis(1_250);
        let empty = Summary {
            elapsed,
            ..Summary::default()
        };
        for (summary, failure, expected) in [
            (empty, None, "work: nothing new in 1.2 s"),
            (empty, Some(Kind::AuthRefused), "work: failed in 1.2 s"),
            (
                Summary {
                    stored: 10,
                    octets: 2048,
                    failed: 1,
                    skipped: 7,
                    ..empty
                },
                None,
                "work: 10 stored (2.00 KiB), 1 failed, 7 left as they are in 1.2 s",
            ),
            (
                Summary {
                    stored: 1,
                    octets: 2048,
                    ..empty
                },
                Some(Kind::Interrupted),
                "work: stopped, 1 stored (2.00 KiB) in 1.2 s",
            ),
            (
                Summary {
                    skipped: 7,
                    held_back: 4,
                    ..empty
                },
                None,
                "work: 4 new left for another run, 3 left as they are in 1.2 s",
            ),
            (
                Summary {
                    deleted: 3,
                    deletion: DeletionState::Unknown,
                    ..empty
                },
                None,
                "work: nothing new, 3 deleted, deletion unconfirmed in 1.2 s",
            ),
        ] {
            assert_eq!(describe("work", &summary, failure), expected);
        }
    }
}
