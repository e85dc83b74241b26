//! Works on several accounts at once. Those with one destination or one journal take turns, since
//! only one run can have it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::{Bench, remote};
use crate::cli::config::{Account, BrokenAccount};
use crate::cli::failure::Failure;
use crate::cli::output::Rows;
use crate::cli::secrets::{Origin, SecretSource};
use crate::store::Destination;

/// Does the work for each account, and `tell_broken` for those that the configuration gets wrong;
/// what came of each, in their order.
pub(super) fn every_account<T: Send>(
    bench: &Bench<'_>,
    accounts: Vec<Result<Account, BrokenAccount>>,
    tell_broken: impl Fn(&BrokenAccount) -> T + Sync,
    work: impl Fn(&Account, Rows) -> T + Sync,
) -> Vec<T> {
    let rows = if accounts.len() > 1 {
        Rows::Together
    } else {
        Rows::AtOnce
    };
    let ready = ask_for_passwords(bench, accounts);
    if let Err(error) = bench.signals.install() {
        bench
            .output
            .warn(&format!("signals end the program at once: {error}"));
    }
    let queue = Mutex::new(turns(bench, &ready));
    let done = Mutex::new(Vec::new());
    let (queue, done, ready) = (&queue, &done, &ready);
    let work = || {
        while let Some(turn) = next(queue) {
            for index in turn {
                let outcome = match ready.get(index) {
                    Some(Ok(account)) => work(account, rows),
                    Some(Err(broken)) => tell_broken(broken),
                    None => continue,
                };
                done.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((index, outcome));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..bench.settings.jobs.min(ready.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut done = std::mem::take(&mut *done.lock().unwrap_or_else(PoisonError::into_inner));
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Looks at each account before anything is done. What is wrong with the only one ends the run;
/// among several it is that account's own.
pub(super) fn sift(
    accounts: Vec<Result<Account, BrokenAccount>>,
    check: impl Fn(&Account) -> Result<(), Failure>,
) -> Result<Vec<Result<Account, BrokenAccount>>, Failure> {
    let is_alone = accounts.len() == 1;
    let sifted = accounts.into_iter().map(|account| {
        let account = match account {
            Ok(account) => account,
            Err(broken) => return Ok(Err(broken)),
        };
        match check(&account) {
            Ok(()) => Ok(Ok(account)),
            Err(failure) if is_alone => Err(failure),
            Err(failure) => Ok(Err(BrokenAccount {
                name: account.name,
                failure,
            })),
        }
    });
    sifted.collect()
}

/// Nobody can answer two prompts at once, nor below progress bars: all are asked for now.
fn ask_for_passwords(
    bench: &Bench<'_>,
    accounts: Vec<Result<Account, BrokenAccount>>,
) -> Vec<Result<Account, BrokenAccount>> {
    let ask = |mut account: Account| {
        if let Ok(Some(source)) = &account.secret
            && source.asks()
        {
            let taken = source.take(&bench.signals.stop_flag(), None);
            account.secret = taken.map(|secret| {
                Some(SecretSource {
                    origin: Origin::Known(secret),
                    ..source.clone()
                })
            });
        }
        account
    };
    accounts
        .into_iter()
        .map(|account| account.map(ask))
        .collect()
}

fn next(queue: &Mutex<VecDeque<Vec<usize>>>) -> Option<Vec<usize>> {
    queue
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front()
}

/// The accounts by what they share: each turn is worked on from first to last.
fn turns(bench: &Bench<'_>, accounts: &[Result<Account, BrokenAccount>]) -> VecDeque<Vec<usize>> {
    let mut turns: Vec<(Vec<String>, Vec<usize>)> = Vec::new();
    for (index, account) in accounts.iter().enumerate() {
        let mut places = account
            .as_ref()
            .map_or_else(|_| Vec::new(), |account| places(bench, account));
        let mut turn = vec![index];
        let (shared, others): (Vec<_>, Vec<_>) = turns
            .into_iter()
            .partition(|(known, _)| known.iter().any(|place| places.contains(place)));
        turns = others;
        for (known, members) in shared {
            places.extend(known);
            turn.extend(members);
        }
        turn.sort_unstable();
        turns.push((places, turn));
    }
    let mut turns: Vec<_> = turns.into_iter().map(|(_, turn)| turn).collect();
    turns.sort_unstable();
    turns.into()
}

/// What only one run can have, the account's destination and a journal it names: the same text
/// for the same place.
fn places(bench: &Bench<'_>, account: &Account) -> Vec<String> {
    let destination = remote::destination(bench, account).ok().flatten();
    let destination = destination.map(|destination| match destination {
        Destination::Maildir(path) | Destination::Mbox(path) | Destination::Eml(path) => {
            real(&path)
        }
        Destination::Pipe(command) => format!("pipe:{command}"),
        Destination::Stdout => "-".to_owned(),
    });
    let journal = account.journal.as_deref().map(real);
    destination.into_iter().chain(journal).collect()
}

/// The real path; of what is not there yet, the real path of what it will be in.
fn real(path: &Path) -> String {
    let real = path.canonicalize().or_else(|_| {
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        folder
            .unwrap_or(Path::new("."))
            .canonicalize()
            .map(|folder| folder.join(name))
    });
    real.unwrap_or_else(|_| path.to_owned())
        .display()
        .to_string()
}
