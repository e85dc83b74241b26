//! What lies ahead of a session, told before its plan is carried out.

use crate::protocol::UidSupport;
use crate::protocol::capability::Expire;

use super::Session;
use crate::transfer::observer::{Event, Outlook, Status, Warning};
use crate::transfer::plan::{Action, Plan, Reason, Step};

impl Session<'_, '_> {
    /// Tells what is ahead, and by the first plan of a run what is left aside.
    pub(super) fn announce(&mut self, plan: &Plan) {
        let octets = |step: &Step| self.listing.row(step.row).and_then(|row| row.octets);
        let retrieved = || plan.steps_of(Action::Retrieve);
        self.run.observer.notice(Event::Planned(Outlook {
            listed: self.listing.len() as u64,
            messages: retrieved().count() as u64,
            octets: retrieved().filter_map(octets).sum(),
        }));
        self.run.plans += 1;
        if self.run.plans > 1 {
            return;
        }
        for step in plan
            .steps_of(Action::Leave)
            .filter(|step| step.reason != Reason::NotSelected)
        {
            self.run.summary.skipped += 1;
            if step.reason.holds_back() {
                self.run.summary.held_back += 1;
            }
            // Beyond a limit there may be a hundred thousand.
            if step.reason.holds_back() && step.reason != Reason::LimitReached {
                self.notice(step, Status::Skipped(step.reason));
            }
        }
        self.warn(plan);
    }

    fn warn(&self, plan: &Plan) {
        let observer = self.run.observer;
        let warn = |warning| observer.notice(Event::Warning(warning));
        let expires_at_once = self.client.server().capabilities().expire() == Some(Expire::Days(0));
        if expires_at_once && plan.steps_of(Action::Retrieve).next().is_some() {
            warn(Warning::ExpiresAtOnce);
        }
        if let Some(claimed) = self.listing.claimed().messages
            && claimed > 0
            && self.listing.is_empty()
        {
            warn(Warning::NoneListed { claimed });
        }
        let selection = &self.run.fetch.task.selection;
        selection.tell_missing(&self.listing, observer);
        if matches!(self.listing.unique_ids(), UidSupport::Refused(_)) && !self.listing.is_empty() {
            warn(Warning::NoUniqueIds);
        }
        let is_too_long =
            |step: &&Step| matches!(step.reason, Reason::TooLong | Reason::LongerThanRun);
        let too_long = plan.steps.iter().filter(is_too_long).count() as u64;
        if too_long > 0 {
            warn(Warning::TooLong { messages: too_long });
        }
        if !self.run.fetch.task.after.deletes() {
            return;
        }
        let rows = || {
            plan.steps
                .iter()
                .filter_map(|step| self.listing.row(step.row))
        };
        let repeated = rows().filter(|row| row.repeated).count() as u64;
        if repeated > 0 {
            warn(Warning::RepeatedUniqueIds { messages: repeated });
        }
        let nameless = rows().filter(|row| row.unique_id.is_none()).count() as u64;
        if nameless > 0 {
            warn(Warning::CannotDelete { messages: nameless });
        }
    }
}
