//! `popfetch stat`: how much there is, and what the server tells about itself.

use super::every_account::every_account;
use super::remote::{self, Way, about};
use super::server_facts::{lines, object};
use super::{Bench, Unheard};
use crate::cli::args::{GeneralFlags, StatArgs};
use crate::cli::config::{Account, BrokenAccount, Values};
use crate::cli::environment::Environment;
use crate::cli::failure::Failure;
use crate::cli::output::json::{Line, StatLine};
use crate::cli::output::{Announcer, Rows, Shape, Style, fit, size};
use crate::cli::report::{Ending, of_transfer};
use crate::transfer::{self, Extent, Look, Stat};

/// Asks every account that is named, or all.
pub(super) fn run(
    args: &StatArgs,
    general: &GeneralFlags,
    environment: &Environment,
) -> Result<u8, Failure> {
    let flags = Values::of_flags(&args.connection, &args.destination, general);
    let (configuration, bench) = Bench::set_up(flags, environment, Unheard::Stops)?;
    let accounts = configuration.accounts(&args.accounts)?;
    let extent = if args.server {
        Extent::Server
    } else {
        Extent::Counts
    };
    let tell_broken = |broken: &BrokenAccount| (bench.tell_broken(broken), None);
    let outcomes = every_account(&bench, accounts, tell_broken, |account, rows| {
        match stat(&bench, account, extent, rows) {
            Ok(stat) => {
                if bench.output.is_json() {
                    print_json(&bench, account, &stat, extent);
                }
                (Ending::default(), Some((account.clone(), stat)))
            }
            Err(failure) => {
                bench.tell(Some(&account.name), &failure);
                (Ending::failed(failure.kind), None)
            }
        }
    });
    let (endings, stats): (Vec<_>, Vec<_>) = outcomes.into_iter().unzip();
    let stats: Vec<_> = stats.into_iter().flatten().collect();
    if !bench.output.is_json() {
        print_table(&bench, &stats, extent);
    }
    Ok(bench.end(&endings))
}

fn stat(bench: &Bench<'_>, account: &Account, extent: Extent, rows: Rows) -> Result<Stat, Failure> {
    let identity = remote::identity(account);
    let store = remote::store(bench, account)?;
    let look = Look {
        store: store.as_ref(),
        identity: &identity,
    };
    let announcer = Announcer::new(&bench.output, &account.name, Shape::Short, rows);
    let mut way = Way::new(bench, account)?;
    let asked = way.walk(account, |remote| {
        transfer::stat(remote, &look, extent, &announcer)
    });
    asked.map_err(|error| of_transfer(&error, about(bench, account)))
}

fn print_json(bench: &Bench<'_>, account: &Account, stat: &Stat, extent: Extent) {
    bench.output.json(&Line::Stat(StatLine {
        account: &account.name,
        messages: stat.size.messages,
        octets: stat.size.octets,
        new: stat.new,
        server: (extent == Extent::Server).then(|| Box::new(object(&stat.server))),
    }));
    bench.output.flush();
}

fn print_table(bench: &Bench<'_>, stats: &[(Account, Stat)], extent: Extent) {
    use unicode_width::UnicodeWidthStr as _;

    if stats.is_empty() {
        return;
    }
    let output = &bench.output;
    let columns = stats
        .iter()
        .map(|(account, _)| account.name.width())
        .max()
        .unwrap_or(0);
    let columns = columns.max("ACCOUNT".len());
    let heading = format!(
        "{:columns$}  {:>8}  {:>11}  {:>8}",
        "ACCOUNT", "MESSAGES", "SIZE", "NEW"
    );
    output.line(&output.palette().paint(Style::Heading, heading).to_string());
    for (account, stat) in stats {
        let name = fit(&account.name, columns);
        let number =
            |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let octets = stat.size.octets.map_or_else(|| "-".to_owned(), size);
        let (messages, new) = (number(stat.size.messages), number(stat.new));
        output.line(&format!("{name}  {messages:>8}  {octets:>11}  {new:>8}"));
        if extent == Extent::Server {
            for line in lines(account, &stat.server) {
                output.line(&line);
            }
        }
    }
}
