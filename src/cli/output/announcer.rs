//! Tells what a run does with one account while it goes on: rows and JSON lines to stdout, all
//! else to stderr.

use std::sync::{Mutex, OnceLock, PoisonError};

use super::Output;
use super::json::{self, Detail, Line, MessageLine, UniqueIdFields};
use super::progress::AccountProgress;
use super::table::{MessageRow, MessageTable, Shape};
use super::text::{messages as counted, size};
use super::words::{action_name, plan_words, reason_name, warning_words};
use crate::cli::failure::Failure;
use crate::cli::report;
use crate::protocol::MessageNumber;
use crate::protocol::text::{escape, escape_bytes};
use crate::transfer::{self, Event, Fate, MessageReport, Observer, Outlook, Status, Stored};

/// When rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// As they come: there is one account.
    AtOnce,
    /// When the account is done, under its name: there are several.
    Together,
}

/// Tells what a run does with one account.
#[derive(Debug)]
pub(crate) struct Announcer<'a> {
    output: &'a Output,
    account: &'a str,
    table: MessageTable,
    rows: Rows,
    printed: Mutex<Printed>,
    progress: OnceLock<AccountProgress>,
}

/// What is printed so far.
#[derive(Debug, Default)]
struct Printed {
    rows: u64,
    /// Lines that wait for the end of the account.
    kept: Vec<String>,
}

impl<'a> Announcer<'a> {
    /// One for an account; messages are shown in this shape.
    pub(crate) fn new(output: &'a Output, account: &'a str, shape: Shape, rows: Rows) -> Self {
        Self {
            output,
            account,
            table: MessageTable::new(shape, output.width(), output.palette()),
            rows,
            printed: Mutex::default(),
            progress: OnceLock::new(),
        }
    }

    /// The account is done: its rows are printed and its bar goes away. How many rows there were.
    pub(crate) fn finish(&self) -> u64 {
        if let Some(progress) = self.progress.get() {
            progress.finish();
        }
        let mut printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        if !printed.kept.is_empty() {
            let name = self
                .output
                .palette()
                .paint(super::Style::Heading, escape(self.account));
            let block = format!("{name}\n{}\n", printed.kept.join("\n"));
            self.output.line(&block);
            printed.kept.clear();
        }
        printed.rows
    }

    fn row(&self, row: &MessageRow<'_>) {
        let mut printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        let heading = (printed.rows == 0).then(|| self.table.heading());
        printed.rows += 1;
        for line in heading.into_iter().chain([self.table.row(row)]) {
            match self.rows {
                Rows::AtOnce => self.output.line(&line),
                Rows::Together => printed.kept.push(line),
            }
        }
    }

    fn json(&self, message: &MessageReport<'_>, status: &'static str, detail: Detail<'_>) {
        self.output.json(&Line::Message(MessageLine {
            account: self.account,
            number: message.number.map(MessageNumber::value),
            unique_id: UniqueIdFields::of(message.unique_id),
            octets: message.octets,
            status,
            detail,
        }));
        // Rows of a list may wait in the buffer; what was done is told at once.
        if !matches!(status, "listed" | "planned" | "skipped") {
            self.output.flush();
        }
    }

    fn planned(&self, outlook: Outlook) {
        let Outlook {
            listed,
            messages,
            octets,
        } = outlook;
        self.output.detail(&format!(
            "{}: {}, {messages} of them to fetch ({})",
            self.account,
            counted(listed),
            size(octets)
        ));
        if messages > 0 {
            // A run over several sessions plans several times; one bar shows the first plan.
            self.progress.get_or_init(|| {
                self.output
                    .progress()
                    .account(self.account, messages, octets)
            });
        }
    }

    fn message(&self, message: &MessageReport<'_>) {
        match &message.status {
            Status::Listed { stored, header } => self.listed(message, *stored, *header),
            Status::Planned { reason, then } => self.decided(message, "planned", *reason, *then),
            Status::Skipped(reason) => self.decided(message, "skipped", *reason, Fate::Kept),
            Status::Stored(stored) => self.stored(message, "stored", stored),
            Status::Suspect(stored, why) => {
                self.stored(message, "suspect", stored);
                self.output.failure(
                    Some(self.account),
                    &about(message, report::of_suspect(*why)),
                );
            }
            Status::Failed(failure) => self.failed(message, failure),
            Status::Gone(refusal) => {
                self.settled();
                let text = refusal.text.to_string();
                let words = format!("{} is gone; the server said \"{text}\"", name(message));
                self.output.outcome(&format!("{}: {words}", self.account));
                if self.output.is_json() {
                    let detail = Detail::Gone {
                        message: words,
                        server_text: Some(text),
                    };
                    self.json(message, "gone", detail);
                }
            }
            Status::Deleted => {
                self.output
                    .detail(&format!("{}: deleted {}", self.account, name(message)));
                if self.output.is_json() {
                    self.json(message, "deleted", Detail::Nothing {});
                }
            }
        }
    }

    fn listed(
        &self,
        message: &MessageReport<'_>,
        stored: Option<bool>,
        header: Option<&crate::message::Header>,
    ) {
        let date_seconds = header.and_then(|header| header.date_seconds);
        let from = header.and_then(|header| header.from.as_deref());
        let subject = header.and_then(|header| header.subject.as_deref());
        if self.output.is_json() {
            let date = date_seconds.and_then(json::time);
            self.json(
                message,
                "listed",
                Detail::Listed {
                    stored,
                    date,
                    from,
                    subject,
                },
            );
            return;
        }
        let state = match stored {
            Some(true) => "stored",
            Some(false) => "new",
            None => "-",
        };
        self.row(&MessageRow {
            number: message.number.map(MessageNumber::value),
            octets: message.octets,
            state,
            is_new: stored == Some(false),
            unique_id: message.unique_id,
            date_seconds,
            from,
            subject,
        });
    }

    fn decided(
        &self,
        message: &MessageReport<'_>,
        status: &'static str,
        reason: transfer::Reason,
        then: Fate,
    ) {
        let words = plan_words(reason, then);
        if self.output.is_json() {
            let detail = Detail::Planned {
                action: action_name(reason.action()),
                reason: reason_name(reason),
                on_server: match then {
                    Fate::Kept => "kept",
                    Fate::Deleted => "deleted",
                },
            };
            self.json(message, status, detail);
        } else if self.table.shape() == Shape::Planned {
            self.row(&MessageRow {
                number: message.number.map(MessageNumber::value),
                octets: message.octets,
                state: &words,
                is_new: status == "planned",
                unique_id: message.unique_id,
                ..MessageRow::default()
            });
        } else {
            self.output
                .detail(&format!("{}: {} {words}", self.account, name(message)));
        }
    }

    fn stored(&self, message: &MessageReport<'_>, status: &'static str, stored: &Stored<'_>) {
        self.settled();
        let path = stored.path.map(json::path);
        if self.output.is_verbose() {
            let place = path.as_ref().map(|path| format!(" in {}", escape(path)));
            let how = if stored.replayed {
                "completed"
            } else {
                "stored"
            };
            let octets = size(stored.octets);
            let place = place.unwrap_or_default();
            self.output.say(&format!(
                "{}: {how} {} ({octets}){place}",
                self.account,
                name(message)
            ));
        }
        if self.output.is_json() {
            let detail = Detail::Stored {
                path,
                offset: stored.offset,
                stored_octets: stored.octets,
                sha256: json::hash(&stored.sha256),
                deleted: None,
                replayed: stored.replayed,
            };
            self.json(message, status, detail);
        }
    }

    fn failed(&self, message: &MessageReport<'_>, failure: &transfer::Failure<'_>) {
        self.settled();
        let told = about(message, report::of_message(failure));
        self.output.failure(Some(self.account), &told);
        if self.output.is_json() {
            let Failure {
                kind,
                message: words,
                hint,
                server_text,
            } = told;
            let detail = Detail::Failed {
                kind: kind.name(),
                message: words,
                server_text,
                hint,
            };
            self.json(message, "failed", detail);
        }
    }

    fn settled(&self) {
        if let Some(progress) = self.progress.get() {
            progress.settled();
        }
    }
}

/// A failure, said of the message.
fn about(message: &MessageReport<'_>, failure: Failure) -> Failure {
    let words = format!("{}: {}", name(message), failure.message);
    Failure {
        message: words,
        ..failure
    }
}

/// A message as people find it again.
fn name(message: &MessageReport<'_>) -> String {
    match (message.number, message.unique_id) {
        (Some(number), _) => format!("message {number}"),
        (None, Some(unique_id)) => {
            format!("the message with unique-id {}", escape_bytes(unique_id))
        }
        (None, None) => "a message".to_owned(),
    }
}

impl Observer for Announcer<'_> {
    fn notice(&self, event: Event<'_>) {
        match event {
            Event::LoggedIn(facts) => {
                let greeting = &facts.greeting;
                self.output
                    .detail(&format!("{}: logged in; \"{greeting}\"", self.account));
            }
            Event::Planned(outlook) => self.planned(outlook),
            Event::Received { octets } => {
                let line = self
                    .progress
                    .get()
                    .and_then(|progress| progress.received(octets));
                if let Some(line) = line {
                    self.output.say(&line);
                }
            }
            Event::Message(message) => self.message(&message),
            Event::Reconnecting { cause, pause } => {
                let cause = escape(&cause.to_string()).into_owned();
                let seconds = pause.as_secs_f32();
                self.output.outcome(&format!(
                    "{}: {cause}; connecting again in {seconds:.1} s",
                    self.account
                ));
            }
            Event::Warning(warning) => {
                let is_told =
                    self.output.is_watched() || warning.is_grave() && !self.output.is_quiet();
                if is_told {
                    let words = warning_words(&warning);
                    self.output
                        .warn(&format!("{}: {}", self.account, escape(&words)));
                }
            }
        }
    }
}
