//! `popfetch verify`: compares what is stored with the journal.

use super::{Bench, Unheard, remote};
use crate::cli::args::{GeneralFlags, VerifyArgs};
use crate::cli::config::Values;
use crate::cli::environment::Environment;
use crate::cli::failure::{Failure, Kind};
use crate::cli::output::Style;
use crate::cli::output::json::{self, FindingLine, Line, UniqueIdFields, VerifiedLine};
use crate::cli::report::{Ending, of_store};
use crate::protocol::UniqueId;
use crate::protocol::text::escape;
use crate::store::{self, Destination, Error, Extra, Finding, OpenOptions, Receipt, Verifier};

/// Compares and reports.
pub(super) fn run(
    args: &VerifyArgs,
    general: &GeneralFlags,
    environment: &Environment,
) -> Result<u8, Failure> {
    let flags = Values {
        general: general.clone(),
        ..Values::default()
    };
    let (_, bench) = Bench::set_up(flags, environment, Unheard::Stops)?;
    let destination = resolve(&args.destination, environment)?;
    let options = OpenOptions {
        journal: args
            .journal
            .as_ref()
            .map(|path| environment.expand_home(path)),
        ..remote::options_without_account(environment, destination.clone())
    };
    let Some(journal) = store::read_journal(&options).map_err(|error| of_store(&error))? else {
        return Err(Failure::new(
            Kind::LocalIo,
            format!("{destination} has no journal: nothing tells what should be there"),
        )
        .hint(
            "see that this is where popfetch stored mail; --journal names the file elsewhere; a \
             lost one is begun anew by fetch --adopt",
        ));
    };
    let mut count = VerifiedLine {
        destination: destination.to_string(),
        ..VerifiedLine::default()
    };
    let mut verifier = Verifier::new(&destination).map_err(|error| of_store(&error))?;
    let mut missing = Vec::new();
    journal
        .each_receipt(&mut |_, receipt| {
            let finding = verifier.look_for(&receipt)?;
            if finding == Finding::Missing {
                missing.push(receipt);
            } else {
                tell_finding(&bench, &mut count, &receipt, &finding);
            }
            Ok(())
        })
        .map_err(|error| of_store(&error))?;
    for receipt in missing {
        let finding = verifier.look_again_for(&receipt);
        tell_finding(&bench, &mut count, &receipt, &finding);
    }
    for extra in verifier.extra() {
        tell_extra(&bench, &mut count, &extra);
    }
    Ok(sum_up(&bench, count))
}

/// The destination with its real path, for that is what is verified.
fn resolve(text: &str, environment: &Environment) -> Result<Destination, Failure> {
    let destination = Destination::parse(text, environment.home.as_deref())
        .map_err(|error| of_store(&Error::BadDestination(error)))?;
    let real = |path: &std::path::Path| {
        path.canonicalize().map_err(|error| {
            let path = path.display().to_string();
            Failure::new(
                Kind::LocalIo,
                format!("cannot look at {}: {error}", escape(&path)),
            )
            .hint("see that the path is right, and its disk mounted")
        })
    };
    match &destination {
        Destination::Maildir(path) => real(path).map(Destination::Maildir),
        Destination::Mbox(path) => real(path).map(Destination::Mbox),
        Destination::Eml(path) => real(path).map(Destination::Eml),
        Destination::Pipe(_) | Destination::Stdout => Err(Failure::usage(format!(
            "{destination} keeps nothing that could be verified"
        ))
        .hint("name a maildir PATH, mbox:PATH or eml:DIR")),
    }
}

fn tell_finding(bench: &Bench<'_>, count: &mut VerifiedLine, receipt: &Receipt, finding: &Finding) {
    let (status, path) = match finding {
        Finding::Intact { .. } => {
            count.intact += 1;
            return;
        }
        Finding::Again => return,
        Finding::Nowhere => {
            count.nowhere += 1;
            return;
        }
        Finding::Changed { path } => {
            count.changed += 1;
            ("changed", Some(json::path(path)))
        }
        Finding::Missing => {
            count.missing += 1;
            ("missing", None)
        }
    };
    let (name, offset) = place(receipt);
    let path = path.or(name);
    tell(bench, status, receipt.unique_id.as_ref(), path, offset);
}

/// Where a receipt says that its message is.
fn place(receipt: &Receipt) -> (Option<String>, Option<u64>) {
    match &receipt.place {
        store::Place::Name(name) => (Some(name.clone()), None),
        store::Place::Range { offset, .. } => (None, Some(*offset)),
        store::Place::Nowhere => (None, None),
    }
}

fn tell_extra(bench: &Bench<'_>, count: &mut VerifiedLine, extra: &Extra) {
    count.extra += 1;
    tell(
        bench,
        "extra",
        None,
        Some(json::path(&extra.path)),
        extra.offset,
    );
}

fn tell(
    bench: &Bench<'_>,
    status: &'static str,
    unique_id: Option<&UniqueId>,
    path: Option<String>,
    offset: Option<u64>,
) {
    if bench.output.is_json() {
        let unique_id = UniqueIdFields::of(unique_id.map(UniqueId::as_bytes));
        let line = FindingLine {
            account: None,
            unique_id,
            path,
            offset,
            status,
        };
        bench.output.json(&Line::Finding(line));
        return;
    }
    let style = if status == "extra" {
        Style::Faint
    } else {
        Style::Error
    };
    let status = bench.output.palette().paint(style, format!("{status:8}"));
    let path = path
        .map(|path| format!("  {}", escape(&path)))
        .unwrap_or_default();
    let offset = offset
        .map(|offset| format!("  at octet {offset}"))
        .unwrap_or_default();
    let unique_id = unique_id
        .map(|id| format!("  unique-id {id}"))
        .unwrap_or_default();
    bench
        .output
        .line(&format!("{status}{path}{offset}{unique_id}"));
}

/// The last line, and the exit status: what is extra was never ours to keep.
fn sum_up(bench: &Bench<'_>, mut count: VerifiedLine) -> u8 {
    let ending = Ending {
        lost_messages: count.changed + count.missing,
        ..Ending::default()
    };
    let words = format!(
        "{}: {} intact, {} changed, {} missing, {} extra",
        escape(&count.destination),
        count.intact,
        count.changed,
        count.missing,
        count.extra
    );
    if bench.output.is_json() {
        count.exit_code = crate::cli::report::exit_status(bench.signals.received(), &[ending]);
        bench.output.json(&Line::Verified(count));
    } else {
        bench.output.line(&words);
    }
    bench.end(&[ending])
}
