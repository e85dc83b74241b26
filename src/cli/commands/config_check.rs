//! `popfetch config check`: what each setting means and where it came from.

use super::Bench;
use crate::cli::args::{ConfigCheckArgs, GeneralFlags};
use crate::cli::config::{Account, BrokenAccount, Explained, Values};
use crate::cli::environment::Environment;
use crate::cli::failure::Failure;
use crate::cli::output::json::{Line, SettingLine};
use crate::cli::output::{Style, fit};
use crate::cli::report::Ending;
use crate::store::Destination;

/// Columns for a setting's name, and for its value.
const KEY_COLUMNS: usize = 16;
const VALUE_COLUMNS: usize = 40;

/// Explains every account that is named, or all.
pub(super) fn run(
    args: &ConfigCheckArgs,
    general: &GeneralFlags,
    environment: &Environment,
) -> Result<u8, Failure> {
    let flags = Values::of_flags(&args.connection, &args.destination, general);
    let (configuration, bench) = Bench::set_up(flags, environment)?;
    let mut endings = Vec::new();
    for account in configuration.accounts(&args.accounts)? {
        endings.push(match account {
            Ok(account) => explain(&bench, &account),
            Err(BrokenAccount { name, failure }) => {
                bench.tell(Some(&name), &failure);
                Ending::failed(failure.kind)
            }
        });
    }
    Ok(bench.end(&endings))
}

fn explain(bench: &Bench<'_>, account: &Account) -> Ending {
    let output = &bench.output;
    if !output.is_json() {
        output.line(
            &output
                .palette()
                .paint(Style::Heading, &account.name)
                .to_string(),
        );
    }
    let settings = account
        .explained
        .iter()
        .map(|Explained { key, value, source }| (*key, value.clone(), source.to_string()));
    for (key, value, source) in settings.chain([secret(account), destination(bench, account)]) {
        if output.is_json() {
            let (value, account) = (value.as_str(), account.name.as_str());
            output.json(&Line::Setting(SettingLine {
                account,
                key,
                value,
                source,
            }));
        } else {
            let source = output.palette().paint(Style::Faint, source);
            let value = if value.len() > VALUE_COLUMNS {
                value
            } else {
                fit(&value, VALUE_COLUMNS)
            };
            output.line(&format!("  {key:KEY_COLUMNS$}  {value}  {source}"));
        }
    }
    if let Some(Err(error)) = destination_of(bench, account) {
        let failure = crate::cli::report::of_store(&crate::store::Error::BadDestination(error));
        bench.tell(Some(&account.name), &failure);
        return Ending::failed(failure.kind);
    }
    Ending::default()
}

/// The secret's source; the secret itself is not taken.
fn secret(account: &Account) -> (&'static str, String, String) {
    let (value, source) = match &account.secret {
        Ok(Some(source)) => (source.kind.to_string(), source.key.clone()),
        Ok(None) => ("client certificate".to_owned(), "auth".to_owned()),
        Err(failure) => ("none".to_owned(), failure.message.clone()),
    };
    ("secret", value, source)
}

fn destination(bench: &Bench<'_>, account: &Account) -> (&'static str, String, String) {
    let value = match destination_of(bench, account) {
        Some(Ok(destination)) => destination.to_string(),
        Some(Err(error)) => error.to_string(),
        None => "none: fetch wants --to".to_owned(),
    };
    ("stored in", value, "to, expanded".to_owned())
}

fn destination_of(
    bench: &Bench<'_>,
    account: &Account,
) -> Option<Result<Destination, crate::store::BadDestination>> {
    let text = account.destination.as_deref()?;
    Some(Destination::parse(text, bench.environment.home.as_deref()))
}
