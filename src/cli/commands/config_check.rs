//! `popfetch config check`: what each setting means and where it came from.

use unicode_width::UnicodeWidthStr as _;

use super::every_account::every_account;
use super::remote::{self, Way};
use super::{Bench, Unheard};
use crate::cli::args::{ConfigCheckArgs, GeneralFlags};
use crate::cli::config::{Account, BrokenAccount, Configuration, Explained, Values};
use crate::cli::environment::Environment;
use crate::cli::failure::Failure;
use crate::cli::output::json::{Line, SettingLine};
use crate::cli::output::{Announcer, Rows, Shape, Style, fit, messages};
use crate::cli::report::{Ending, of_store, of_transfer};
use crate::protocol::text::escape;
use crate::store::{BadDestination, Destination, Error};
use crate::transfer::{self, Extent, Look};

/// Columns for a setting's name, and for its value.
const KEY_COLUMNS: usize = 16;
const VALUE_COLUMNS: usize = 32;

/// Explains every account that is named, or all.
pub(super) fn run(
    args: &ConfigCheckArgs,
    general: &GeneralFlags,
    environment: &Environment,
) -> Result<u8, Failure> {
    let flags = Values::of_flags(&args.connection, &args.destination, general);
    let (configuration, bench) = Bench::set_up(flags, environment, Unheard::Stops)?;
    let accounts = configuration.accounts(&args.accounts)?;
    let mut endings = Vec::new();
    explain_run(&configuration, &bench);
    if args.connect {
        let checked = every_account(
            &bench,
            accounts,
            |broken| Err(broken.clone()),
            |account, _| Ok((account.clone(), Some(connect(&bench, account)))),
        );
        endings.extend(checked.into_iter().map(|checked| tell(&bench, checked)));
    } else {
        let checked = accounts.into_iter().map(|account| Ok((account?, None)));
        let told = checked.map(|checked| tell(&bench, checked));
        // Accounts without a mistake do not make a wrong configuration half right.
        endings.extend(told.filter(|ending| *ending != Ending::default()));
    }
    Ok(bench.end(&endings))
}

/// An account, and what came of logging in where that was asked for.
type Checked = Result<(Account, Option<Result<String, Failure>>), BrokenAccount>;

fn tell(bench: &Bench<'_>, checked: Checked) -> Ending {
    let (account, login) = match checked {
        Ok(checked) => checked,
        Err(broken) => return bench.tell_broken(&broken),
    };
    let ending = explain(bench, &account);
    match login {
        Some(Ok(words)) => {
            let source = account.server.to_string();
            print(bench, Some(&account), "login", &words, source);
            ending
        }
        Some(Err(failure)) => {
            bench.tell(Some(&account.name), &failure);
            Ending::failed(failure.kind)
        }
        None => ending,
    }
}

/// Logs in, and out again: that it works, in words.
fn connect(bench: &Bench<'_>, account: &Account) -> Result<String, Failure> {
    let announcer = Announcer::new(&bench.output, &account.name, Shape::Short, Rows::AtOnce);
    let identity = remote::identity(account);
    let look = Look {
        store: None,
        identity: &identity,
    };
    let mut way = Way::new(bench, account)?;
    let stat = way
        .walk(account, |remote| {
            transfer::stat(remote, &look, Extent::Counts, &announcer)
        })
        .map_err(|error| of_transfer(&error, remote::about(bench, account)))?;
    Ok(match stat.size.messages {
        Some(count) => format!("it works; {} there", messages(count)),
        None => "it works".to_owned(),
    })
}

/// Explains what holds for all accounts.
fn explain_run(configuration: &Configuration<'_>, bench: &Bench<'_>) {
    print_heading(bench, "every account");
    let (path, source) = configuration.file();
    print(bench, None, "configuration", &path, source.to_owned());
    for Explained { key, value, source } in configuration.explain_settings() {
        print(bench, None, key, &value, source.to_string());
    }
}

fn print_heading(bench: &Bench<'_>, heading: &str) {
    let output = &bench.output;
    if !output.is_json() {
        let heading = output.palette().paint(Style::Heading, escape(heading));
        output.line(&heading.to_string());
    }
}

fn explain(bench: &Bench<'_>, account: &Account) -> Ending {
    print_heading(bench, &account.name);
    let settings = account
        .explained
        .iter()
        .map(|Explained { key, value, source }| (*key, value.clone(), source.to_string()));
    for (key, value, source) in settings.chain([secret(account), destination(bench, account)]) {
        print(bench, Some(account), key, &value, source);
    }
    if let Some(Err(error)) = destination_of(bench, account) {
        let failure = of_store(&Error::BadDestination(error));
        bench.tell(Some(&account.name), &failure);
        return Ending::failed(failure.kind);
    }
    Ending::default()
}

/// Prints one setting.
fn print(bench: &Bench<'_>, account: Option<&Account>, key: &str, value: &str, source: String) {
    let output = &bench.output;
    if output.is_json() {
        let account = account.map(|account| account.name.as_str());
        output.json(&Line::Setting(SettingLine {
            account,
            key,
            value,
            source,
        }));
        return;
    }
    let source = output.palette().paint(Style::Faint, source);
    let long = value.width() > VALUE_COLUMNS;
    let value = if long {
        escape(value).into_owned()
    } else {
        fit(value, VALUE_COLUMNS)
    };
    output.line(&format!("  {key:KEY_COLUMNS$}  {value}  {source}"));
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
) -> Option<Result<Destination, BadDestination>> {
    let text = account.destination.as_deref()?;
    Some(Destination::parse(text, bench.environment.home.as_deref()))
}
