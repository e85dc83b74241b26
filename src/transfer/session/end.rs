//! The end of a session: deletions, and QUIT.

use super::Session;
use crate::transfer::deletion::{Doomed, Ending};
use crate::transfer::error::Error;
use crate::transfer::plan::{Action, Plan, Selected, is_deletable};
use crate::transfer::summary::DeletionState;
use crate::transfer::suspect::suspect_stored;

impl Session<'_, '_> {
    /// The messages that may be deleted now: due by policy, with a receipt for just this one.
    pub(super) fn due(&self, selected: &Selected) -> Vec<Doomed> {
        let task = self.run.fetch.task;
        let mut due = Vec::new();
        if !task.after.deletes() {
            return due;
        }
        for index in selected.rows() {
            let Some(row) = self.listing.row(index).filter(|row| !row.repeated) else {
                continue;
            };
            let known = row.unique_id.and_then(|unique_id| self.known(unique_id));
            if known.is_some_and(|known| is_deletable(&row, &known, task)) {
                due.push(Doomed::of(&row));
            }
        }
        due
    }

    /// Deletes what is due, and ends the session. A server that closed the line on the last message
    /// did not mean just that one: it is counted as refused only now.
    pub(super) fn end(self, plan: &Plan, due: &[Doomed]) -> Result<(), Error> {
        let Session {
            run,
            client,
            store,
            listing,
            account,
            refused,
            ..
        } = self;
        let mut ending = Ending {
            receipts: Some((&mut store.journal, account)),
            now_seconds: run.fetch.task.now_seconds,
            observer: run.observer,
        };
        let ended = ending.delete_and_quit(client, due);
        run.summary.add(&ended.summary);
        if !due.is_empty() {
            let deletion = ended.summary.deletion;
            run.unconfirmed.note_session(deletion, due, &listing);
            run.summary.deletion = if !run.unconfirmed.is_empty() {
                DeletionState::Unknown
            } else if run.summary.deleted > 0 {
                DeletionState::Confirmed
            } else {
                DeletionState::None
            };
        }
        let is_asked_again =
            refused.is_some_and(|it| run.is_asked_again(&it, ended.error.as_ref(), &listing));
        let Some(error) = ended.error else {
            return Ok(());
        };
        if due.is_empty() && !is_asked_again && matches!(error, Error::Client(_)) {
            return Ok(());
        }
        let after = error.message_with_more_behind();
        let retrieved = plan
            .steps_of(Action::Retrieve)
            .find(|step| Some(step.number) == after);
        let Some(step) = retrieved else {
            return Err(error);
        };
        if let Some(row) = listing.row(step.row) {
            suspect_stored(run, store, account, &row)?;
        }
        if due.is_empty() {
            return Ok(());
        }
        // What is wrong is the message, so that another session may delete the others.
        Err(if let Error::Client(error) = error {
            Error::Retrieving(error)
        } else {
            error
        })
    }
}
