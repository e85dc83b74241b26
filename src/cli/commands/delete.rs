//! `popfetch delete`: deletes chosen messages from the server.

use std::io::IsTerminal as _;

use super::every_account::every_account;
use super::list::refuse_receipts_of_nowhere;
use super::remote::{self, Way};
use super::selection::selection;
use super::{Bench, Unheard, ending};
use crate::cli::args::{DeleteArgs, GeneralFlags};
use crate::cli::config::{Account, BrokenAccount, Values};
use crate::cli::environment::{Environment, now_seconds};
use crate::cli::failure::Failure;
use crate::cli::output::{Announcer, Rows, Shape, confirm, messages};
use crate::cli::report::Ending;
use crate::protocol::text::escape;
use crate::store::Destination;
use crate::transfer::{
    self, Choice, Consent, Delete, DeletionState, Doing, Outcome, Scope, Selection, StoredProof,
};

/// Deletes from the one account that is named.
pub(super) fn run(
    args: &DeleteArgs,
    general: &GeneralFlags,
    environment: &Environment,
) -> Result<u8, Failure> {
    let flags = Values::of_flags(&args.connection, &args.destination, general);
    let (configuration, bench) = Bench::set_up(flags, environment, Unheard::GoesOn)?;
    let selection = selection(&args.selection);
    let asking = Asking::of(args, &selection)?;
    let accounts = configuration.accounts(std::slice::from_ref(&args.account))?;
    for account in accounts.iter().flatten() {
        refuse_receipts_of_nowhere(account, &selection)?;
        if args.verify {
            refuse_unverifiable(&bench, account)?;
        }
    }
    let tell_broken =
        |broken: &BrokenAccount| bench.failed_before_run(&broken.name, &broken.failure);
    let endings = every_account(&bench, accounts, tell_broken, |account, rows| {
        let job = Job {
            bench: &bench,
            account,
            args,
            selection: &selection,
            asking,
        };
        job.run(rows)
    });
    Ok(bench.end(&endings))
}

/// How consent is had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    /// It is given already.
    Given,
    /// Somebody at the terminal is asked.
    Terminal,
    /// Nothing is deleted.
    DryRun,
}

impl Asking {
    fn of(args: &DeleteArgs, selection: &Selection) -> Result<Self, Failure> {
        if !selection.has_condition() {
            return Err(Failure::usage("delete needs a condition that chooses messages").hint(
                "such as --uid UID, --stored or --before 2024-01-31; --all --yes deletes everything",
            ));
        }
        if args.dry_run {
            return Ok(Self::DryRun);
        }
        if args.yes {
            return Ok(Self::Given);
        }
        if selection.scope == Scope::All {
            return Err(Failure::usage("--all deletes every message on the server")
                .hint("add --yes if you mean it; --dry-run shows what would be deleted"));
        }
        if !std::io::stdin().is_terminal() {
            return Err(
                Failure::usage("there is no terminal to ask whether to delete")
                    .hint("add --yes if you mean it; --dry-run shows what would be deleted"),
            );
        }
        Ok(Self::Terminal)
    }
}

/// `--verify` wants stored files with the recorded hash.
fn refuse_unverifiable(bench: &Bench<'_>, account: &Account) -> Result<(), Failure> {
    let failure = match remote::destination(bench, account)? {
        Some(Destination::Maildir(_) | Destination::Eml(_)) => return Ok(()),
        Some(Destination::Mbox(_)) => Failure::usage(
            "--verify cannot be used with an mbox, which readers change as they please",
        ),
        Some(Destination::Pipe(_) | Destination::Stdout) => {
            Failure::usage("--verify cannot be used where nothing is kept")
        }
        None => Failure::usage("--verify asks what is stored, and there is no destination"),
    };
    Err(failure.hint("name a maildir or eml folder by --to, or leave --verify out"))
}

/// The deletion from one account.
struct Job<'a> {
    bench: &'a Bench<'a>,
    account: &'a Account,
    args: &'a DeleteArgs,
    selection: &'a Selection,
    asking: Asking,
}

impl Job<'_> {
    fn run(&self, rows: Rows) -> Ending {
        let Self { bench, account, .. } = *self;
        let announcer = Announcer::new(&bench.output, &account.name, Shape::Planned, rows);
        let mut refused = None;
        let ended = self.delete(&announcer, &mut refused);
        announcer.finish();
        match ended.and_then(|outcome| refused.map_or(Ok(outcome), Err)) {
            Ok(outcome) => {
                let ending = ending(bench, account, &outcome);
                if outcome.error.is_none() && self.asking != Asking::DryRun {
                    bench.output.outcome(&describe(&account.name, &outcome));
                }
                ending
            }
            Err(failure) => bench.failed_before_run(&account.name, &failure),
        }
    }

    fn delete(
        &self,
        announcer: &Announcer<'_>,
        refused: &mut Option<Failure>,
    ) -> Result<Outcome, Failure> {
        let Self {
            bench,
            account,
            args,
            selection,
            asking,
        } = *self;
        let store = remote::store(bench, account)?;
        let identity = remote::identity(account);
        let delete = Delete {
            store: store.as_ref(),
            identity: &identity,
            selection,
            proof: if args.verify {
                StoredProof::File
            } else {
                StoredProof::Receipt
            },
            doing: if asking == Asking::DryRun {
                Doing::DryRun
            } else {
                Doing::Real
            },
            now_seconds: now_seconds(),
        };
        let place = store.as_ref().map(|options| &options.destination);
        let mut consent = |choice: Choice| match consent(asking, &account.name, place, choice) {
            Ok(consent) => consent,
            Err(failure) => {
                *refused = Some(failure);
                Consent::Withheld
            }
        };
        let mut way = Way::new(bench, account)?;
        Ok(way.walk(account, |remote| {
            transfer::delete(remote, &delete, &mut consent, announcer)
        }))
    }
}

/// Whether the chosen messages are to be deleted.
fn consent(
    asking: Asking,
    account: &str,
    place: Option<&Destination>,
    choice: Choice,
) -> Result<Consent, Failure> {
    match asking {
        Asking::Given => return Ok(Consent::Given),
        Asking::DryRun => return Ok(Consent::Withheld),
        Asking::Terminal => {}
    }
    if choice.without_receipt > 0 {
        return Err(would_be_lost(choice, place));
    }
    let chosen = messages(choice.messages);
    let question = format!("Delete {chosen} from {account} for good?");
    Ok(if confirm(&question).unwrap_or(false) {
        Consent::Given
    } else {
        Consent::Withheld
    })
}

/// Some chosen messages are nowhere but on the server, as far as we can tell.
fn would_be_lost(choice: Choice, place: Option<&Destination>) -> Failure {
    let Choice {
        messages: chosen,
        without_receipt,
    } = choice;
    let which = match (chosen, without_receipt) {
        (1, _) => "the chosen message has".to_owned(),
        (_, 1) => format!("1 of the {chosen} chosen messages has"),
        (_, lost) if lost == chosen => format!("the {chosen} chosen messages have"),
        (_, lost) => format!("{lost} of the {chosen} chosen messages have"),
    };
    let (lack, hint) = match place {
        Some(place) => (
            format!("no receipt at {place}"),
            "fetch first, or add --yes if you mean it",
        ),
        None => (
            "no receipt, as no destination is named".to_owned(),
            "say by --to where mail is stored, or add --yes if you mean it",
        ),
    };
    let lack = escape(&lack);
    Failure::usage(format!("{which} {lack}: nothing was deleted")).hint(hint)
}

/// What a deletion came to, as one line.
fn describe(account: &str, outcome: &Outcome) -> String {
    let summary = &outcome.summary;
    let unconfirmed = match summary.deletion {
        DeletionState::Unknown => "; the server did not confirm all",
        DeletionState::None | DeletionState::Confirmed => "",
    };
    format!(
        "{account}: {} deleted, {} left{unconfirmed}",
        summary.deleted, summary.skipped
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Choice, Destination, would_be_lost};

    #[test]
    fn what_would_be_lost_reads_well() {
        let mail = Destination::Maildir(PathBuf::from("mail"));
        for (messages, without_receipt, place, expected) in [
            (1, 1, Some(&mail), "the chosen message has no receipt at "),
            (
                5,
                1,
                Some(&mail),
                "1 of the 5 chosen messages has no receipt at ",
            ),
            (
                5,
                2,
                Some(&mail),
                "2 of the 5 chosen messages have no receipt at ",
            ),
            (
                5,
                5,
                Some(&mail),
                "the 5 chosen messages have no receipt at ",
            ),
            (
                1,
                1,
                None,
                "the chosen message has no receipt, as no destination is named: ",
            ),
            (
                2,
                2,
                None,
                "the 2 chosen messages have no receipt, as no destination is named: ",
            ),
        ] {
            let choice = Choice {
                messages,
                without_receipt,
            };
            let failure = would_be_lost(choice, place);
            assert!(failure.message.starts_with(expected), "{}", failure.message);
            assert!(failure.message.ends_with(": nothing was deleted"));
            let names_to = failure.hint.is_some_and(|hint| hint.contains("--to"));
            assert_eq!(names_to, place.is_none());
        }
    }
}
