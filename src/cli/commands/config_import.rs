//! `popfetch config import`: another program's accounts in our format, and what it has fetched as
//! receipts.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::Bench;
use crate::cli::account_url::AccountUrl;
use crate::cli::args::{ConfigImportArgs, GeneralFlags, Program};
use crate::cli::config::Values;
use crate::cli::environment::{self, Environment, system_time};
use crate::cli::failure::{Failure, Kind};
use crate::cli::import::{self, Imported, Seen};
use crate::cli::output::json::{Line, SettingLine};
use crate::cli::report::{Ending, of_store};
use crate::protocol::UniqueId;
use crate::protocol::text::escape;
use crate::store::{
    self, Clock, Destination, Disk, EmlFolders, Error, Identity, OpenOptions, Orphans, Receipt,
};

/// A configuration file, or a list of a million unique-ids, is smaller.
const FILE_OCTETS_MAX: u64 = 256 << 20;

/// Prints the accounts, and takes over what was fetched.
pub(super) fn run(
    args: &ConfigImportArgs,
    general: &GeneralFlags,
    environment: &Environment,
) -> Result<u8, Failure> {
    let flags = Values {
        general: general.clone(),
        ..Values::default()
    };
    let (_, bench) = Bench::set_up(flags, environment)?;
    let file = args.file.display().to_string();
    let text = read(&args.file).map_err(|error| {
        Failure::config(escape(&format!("{error:#}"))).hint("see that the path is right")
    })?;
    let stem = args
        .file
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let name = stem.unwrap_or_default();
    let accounts =
        import::read(args.program, &String::from_utf8_lossy(&text), &name).map_err(|why| {
            Failure::config(format!("{}: {}", escape(&file), escape(&why)))
                .hint("see that PROGRAM is the one whose file it is")
        })?;
    let mut endings = Vec::new();
    for account in &accounts {
        print(&bench, account);
        endings.push(match take_over(&bench, args.program, account) {
            Ok(()) => Ending::default(),
            Err(failure) => {
                bench.tell(Some(&account.name), &failure);
                Ending::failed(failure.kind)
            }
        });
    }
    Ok(bench.end(&endings))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut octets = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_OCTETS_MAX).read_to_end(&mut octets))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(octets)
}

fn print(bench: &Bench<'_>, account: &Imported) {
    if !bench.output.is_json() {
        bench.output.line(&account.to_toml());
        return;
    }
    for (key, value) in account.settings() {
        let source = "imported".to_owned();
        let name = account.name.as_str();
        bench.output.json(&Line::Setting(SettingLine {
            account: name,
            key,
            value: &value,
            source,
        }));
    }
}

/// Records what the other program has fetched, so that it is not fetched again.
fn take_over(bench: &Bench<'_>, program: Program, account: &Imported) -> Result<(), Failure> {
    let Some(seen) = &account.seen else {
        return Ok(());
    };
    let file = bench.environment.expand_home(&seen.file.to_string_lossy());
    let Ok(list) = read(&file) else {
        bench.output.outcome(&format!(
            "{}: no list of fetched messages in {}",
            account.name,
            escape(&file.display().to_string())
        ));
        return Ok(());
    };
    let unique_ids = import::unique_ids(program, &list, seen);
    if unique_ids.is_empty() {
        return Ok(());
    }
    let Some(to) = account.text("to") else {
        return Err(Failure::new(
            Kind::Config,
            format!(
                "{} messages were fetched, and no destination says where to",
                unique_ids.len()
            ),
        )
        .hint("without one they cannot be recorded; add to = \"...\", then fetch --mark-stored"));
    };
    let recorded = record(bench, to, &identity(account, seen)?, &unique_ids)?;
    bench.output.outcome(&format!(
        "{}: {recorded} messages recorded as fetched",
        account.name
    ));
    Ok(())
}

/// The identity that a fetch of the printed account will have.
fn identity(account: &Imported, seen: &Seen) -> Result<Identity, Failure> {
    let url = account.text("server").unwrap_or_default();
    let url = AccountUrl::parse(url).map_err(|error| Failure::config(error.to_string()))?;
    let port = match url.scheme {
        crate::cli::account_url::Scheme::Pop3s => 995,
        crate::cli::account_url::Scheme::Pop3 => 110,
    };
    Ok(Identity::Login {
        user: seen.user.clone(),
        host: url.host.to_string(),
        port: url.port.unwrap_or(port),
    })
}

/// Writes receipts for what is not known yet; how many.
fn record(
    bench: &Bench<'_>,
    to: &str,
    identity: &Identity,
    unique_ids: &[UniqueId],
) -> Result<usize, Failure> {
    let failed = |error: Error| of_store(&error);
    let destination = Destination::parse(to, bench.environment.home.as_deref())
        .map_err(|error| failed(Error::BadDestination(error)))?;
    let mut store = store::open(&OpenOptions {
        destination,
        journal: None,
        state_folder: bench.environment.state_folder.clone().unwrap_or_default(),
        orphans: Orphans::Refuse,
        eml_folders: EmlFolders::None,
        host_name: environment::host_name(),
        pid: std::process::id(),
        clock: Clock::new(system_time),
        patience: Duration::from_mins(1),
        disk: Disk::new(),
    })
    .map_err(failed)?;
    let journal = &mut store.journal;
    let mut listed = unique_ids.iter().map(UniqueId::as_bytes);
    let account = journal.account(identity, &mut listed).map_err(failed)?;
    let time_seconds = environment::now_seconds();
    let receipts: Vec<_> = unique_ids
        .iter()
        .filter(|unique_id| journal.known(account, unique_id.as_bytes()).is_none())
        .map(|unique_id| Receipt::marked(account, unique_id.clone(), None, time_seconds))
        .collect();
    journal.record(&receipts).map_err(failed)?;
    journal.sync().map_err(failed)?;
    Ok(receipts.len())
}
