//! `popfetch list`: what is on the server.

use super::every_account::{every_account, sift};
use super::remote::{self, Way};
use super::selection::selection;
use super::{Bench, Unheard, ending};
use crate::cli::args::{GeneralFlags, ListArgs};
use crate::cli::config::{Account, BrokenAccount, Values};
use crate::cli::environment::Environment;
use crate::cli::failure::Failure;
use crate::cli::output::{Announcer, Rows, Shape, messages};
use crate::cli::report::Ending;
use crate::transfer::{self, Headers, Look, Outcome, Scope, Selection};

/// Lists every account that is named, or all.
pub(super) fn run(
    args: &ListArgs,
    general: &GeneralFlags,
    environment: &Environment,
) -> Result<u8, Failure> {
    let flags = Values::of_flags(&args.connection, &args.destination, general);
    let (configuration, bench) = Bench::set_up(flags, environment, Unheard::Stops)?;
    let accounts = configuration.accounts(&args.accounts)?;
    let selection = selection(&args.selection);
    let accounts = sift(accounts, |account| {
        refuse_receipts_of_nowhere(account, &selection)
    })?;
    let headers = if args.long {
        Headers::Shown
    } else {
        Headers::Hidden
    };
    let tell_broken =
        |broken: &BrokenAccount| bench.failed_before_run(&broken.name, &broken.failure);
    let endings = every_account(&bench, accounts, tell_broken, |account, rows| {
        list_account(&bench, account, &selection, headers, rows)
    });
    Ok(bench.end(&endings))
}

/// Without a destination nothing is stored or new.
pub(super) fn refuse_receipts_of_nowhere(
    account: &Account,
    selection: &Selection,
) -> Result<(), Failure> {
    let asked = match selection.scope {
        Scope::New => "--new",
        Scope::Stored => "--stored",
        Scope::Unsaid | Scope::All => return Ok(()),
    };
    if account.destination.is_some() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{asked} asks what is stored, and account {} has no destination",
        account.name
    ))
    .hint("name it by --to, such as --to ~/Mail, or by to = \"...\" in the configuration"))
}

fn list_account(
    bench: &Bench<'_>,
    account: &Account,
    selection: &Selection,
    headers: Headers,
    rows: Rows,
) -> Ending {
    let shape = match headers {
        Headers::Shown => Shape::Long,
        Headers::Hidden => Shape::Short,
    };
    let announcer = Announcer::new(&bench.output, &account.name, shape, rows);
    let ended = list(bench, account, selection, headers, &announcer);
    let rows = announcer.finish();
    match ended {
        Ok(outcome) => {
            let ending = ending(bench, account, &outcome);
            if rows == 0 && outcome.error.is_none() && !bench.output.is_json() {
                let none = match outcome.summary.skipped {
                    0 => "no messages".to_owned(),
                    others => format!("none of the {} are meant", messages(others)),
                };
                bench.output.outcome(&format!("{}: {none}", account.name));
            }
            ending
        }
        Err(failure) => bench.failed_before_run(&account.name, &failure),
    }
}

fn list(
    bench: &Bench<'_>,
    account: &Account,
    selection: &Selection,
    headers: Headers,
    announcer: &Announcer<'_>,
) -> Result<Outcome, Failure> {
    let identity = remote::identity(account);
    let store = remote::store(bench, account)?;
    let look = Look {
        store: store.as_ref(),
        identity: &identity,
    };
    let mut way = Way::new(bench, account)?;
    Ok(way.walk(account, |remote| {
        transfer::list(remote, &look, selection, headers, announcer)
    }))
}
