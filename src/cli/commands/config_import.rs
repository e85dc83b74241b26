//! `popfetch config import`: another program's accounts in our format, and what it has fetched as
//! receipts.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;

use super::{Bench, Unheard, remote};
use crate::cli::account_url::{AccountUrl, Scheme};
use crate::cli::args::{ConfigImportArgs, GeneralFlags, Program};
use crate::cli::config::{Configuration, Values};
use crate::cli::environment::{self, Environment};
use crate::cli::failure::{Failure, Kind};
use crate::cli::import::{self, Import, Imported, Seen};
use crate::cli::output::json::{self, ImportedLine, LeftOutLine, Line, SettingLine};
use crate::cli::report::{Ending, of_store};
use crate::client::TlsMode;
use crate::protocol::UniqueId;
use crate::protocol::text::escape;
use crate::store::{self, Destination, Error, Identity, Receipt};

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
    // Our own configuration may be what is being mended: broken, it is not in the way.
    let configuration = Configuration::load(flags.clone(), environment)
        .unwrap_or_else(|_| Configuration::of_flags(flags, environment));
    let bench = Bench::new(configuration.settings(), environment, Unheard::Stops);
    let file = args.file.display().to_string();
    let text = read(&args.file).map_err(|error| {
        Failure::config(escape(&format!("{error:#}"))).hint("see that the path is right")
    })?;
    let stem = args
        .file
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let name = stem.unwrap_or_default();
    let mut import =
        import::read(args.program, &String::from_utf8_lossy(&text), &name).map_err(|why| {
            Failure::config(format!("{}: {}", escape(&file), escape(&why)))
                .hint("see that PROGRAM is the one whose file it is")
        })?;
    print_notes(&bench, &import);
    let mut endings = Vec::new();
    for account in &mut import.accounts {
        if let Some(to) = &args.to {
            account.store_in(to);
        }
        print(&bench, account);
        endings.push(match take_over(&bench, args, account) {
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

/// What belongs to no account.
fn print_notes(bench: &Bench<'_>, import: &Import) {
    for what in &import.left_out {
        if bench.output.is_json() {
            bench.output.json(&Line::LeftOut(LeftOutLine {
                account: None,
                what,
            }));
        } else {
            bench.output.line(&import::comment(what));
        }
    }
    if !bench.output.is_json() && !import.left_out.is_empty() {
        bench.output.line("");
    }
}

fn print(bench: &Bench<'_>, account: &Imported) {
    if !bench.output.is_json() {
        bench.output.line(&account.to_toml());
        return;
    }
    let name = account.name.as_str();
    for (key, value) in account.settings() {
        let source = "imported".to_owned();
        bench.output.json(&Line::Setting(SettingLine {
            account: Some(name),
            key,
            value: &value,
            source,
        }));
    }
    for what in &account.left_out {
        bench.output.json(&Line::LeftOut(LeftOutLine {
            account: Some(name),
            what,
        }));
    }
}

/// Records what the other program has fetched, so that it is not fetched again.
fn take_over(
    bench: &Bench<'_>,
    args: &ConfigImportArgs,
    account: &Imported,
) -> Result<(), Failure> {
    let Some(seen) = &account.seen else {
        return Ok(());
    };
    let folder = args.file.parent().unwrap_or(Path::new(""));
    let places = seen
        .files
        .iter()
        .map(|file| folder.join(bench.environment.expand_home(file)));
    let places: Vec<_> = places.collect();
    let Some((file, list)) = places
        .iter()
        .find_map(|file| Some((file, read(file).ok()?)))
    else {
        let file = places.first().cloned().unwrap_or_default();
        bench.output.warn(&format!(
            "{}: no list of fetched messages in {}; unless popfetch fetch --mark-stored is run \
             first, all that is on the server is fetched",
            escape(&account.name),
            escape(&file.display().to_string())
        ));
        return Ok(());
    };
    let unique_ids = import::unique_ids(args.program, &list, seen);
    let recorded = if unique_ids.is_empty() {
        0
    } else {
        let to = account
            .text("to")
            .ok_or_else(|| no_place(unique_ids.len()))?;
        let to = to.replace("{account}", &account.name);
        record(
            bench,
            &to,
            &identity(account, seen)?,
            args.program,
            &unique_ids,
        )?
    };
    if bench.output.is_json() {
        bench.output.json(&Line::Imported(ImportedLine {
            account: &account.name,
            path: json::path(file),
            recorded,
        }));
    }
    bench.output.outcome(&format!(
        "{}: {recorded} messages recorded as fetched; none of them will be deleted from the server",
        account.name
    ));
    Ok(())
}

fn no_place(messages: usize) -> Failure {
    Failure::new(
        Kind::Config,
        format!("{messages} messages were fetched, and FILE names no place for mail"),
    )
    .hint("say by --to where mail goes from now on; the record of what was fetched belongs there")
}

/// The identity that a fetch of the printed account will have.
fn identity(account: &Imported, seen: &Seen) -> Result<Identity, Failure> {
    let url = account.text("server").unwrap_or_default();
    let url = AccountUrl::parse(url).map_err(|error| Failure::config(error.to_string()))?;
    let tls = match url.scheme {
        Scheme::Pop3s => TlsMode::Implicit,
        Scheme::Pop3 => TlsMode::Stls,
    };
    Ok(Identity::Login {
        user: seen.user.clone(),
        host: url.host.to_string(),
        port: url.port.unwrap_or(tls.default_port()),
    })
}

/// Writes receipts for what is not known yet; how many.
fn record(
    bench: &Bench<'_>,
    to: &str,
    identity: &Identity,
    program: Program,
    unique_ids: &[UniqueId],
) -> Result<usize, Failure> {
    let failed = |error: Error| of_store(&error);
    let destination = Destination::parse(to, bench.environment.home.as_deref())
        .map_err(|error| failed(Error::BadDestination(error)))?;
    let options = remote::options_without_account(bench.environment, destination);
    let mut store = store::open(&options).map_err(failed)?;
    let journal = &mut store.journal;
    let mut listed = unique_ids.iter().map(UniqueId::as_bytes);
    let account = journal.account(identity, &mut listed);
    let time_seconds = environment::now_seconds();
    let unknown: Vec<_> = unique_ids
        .iter()
        .filter(|unique_id| !journal.has(account, unique_id.as_bytes()))
        .collect();
    let receipts: Vec<_> = unknown
        .iter()
        .flat_map(|unique_id| import::aliases(program, unique_id))
        .map(|unique_id| Receipt::marked(account, unique_id, None, time_seconds))
        .collect();
    journal.record(&receipts).map_err(failed)?;
    journal.sync().map_err(failed)?;
    Ok(unknown.len())
}
