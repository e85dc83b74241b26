//! What is to be done with each message of a listing: pure, from the listing, the journal, the
//! selection and the policy.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::protocol::{Listing, MessageNumber, Row, UniqueIdRef};
use crate::store::{DeleteState, Held, Known};

use super::policy::{AfterStoring, Bounds};
use super::selection::{Order, Scope, Selection};

/// What a run is to achieve.
#[derive(Clone, Debug, Default)]
pub struct Task {
    /// Which messages.
    pub selection: Selection,
    /// What becomes of them on the server.
    pub after: AfterStoring,
    /// How much at most.
    pub bounds: Bounds,
    /// The time of the run, in seconds since 1970.
    pub now_seconds: i64,
}

/// What to do with one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Retrieve it, and store it unless comparison finds it stored.
    Retrieve,
    /// Delete it from the server.
    Delete,
    /// Leave it where it is.
    Leave,
}

/// Why a message is treated as it is. Each reason belongs to one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Retrieve: it has no receipt.
    New,
    /// Retrieve: it is to be stored again, by `--all` or `--stored`.
    Again,
    /// Retrieve: its unique-id is known but its octets are not, so content decides.
    OctetsDiffer,
    /// Retrieve: its unique-id is listed more often than there are receipts, so content decides.
    RepeatedUniqueId,
    /// Retrieve: it has no unique-id, so content decides.
    NoUniqueId,
    /// Delete: it is stored, and deletion is due.
    Due,
    /// Delete: it is chosen, and stored.
    Stored,
    /// Delete: it is chosen, though nothing says that it is stored.
    NotStored,
    /// Leave: it has a receipt.
    Known,
    /// Leave: it has a receipt that is not old enough for its deletion.
    NotDue,
    /// Leave: it was recorded as stored and never fetched; it is never deleted by us.
    KnownMarked,
    /// Leave: it has a receipt, and came in an incomplete form; it is never deleted by us.
    KnownSuspect,
    /// Leave: it does not meet the selection.
    NotSelected,
    /// Leave: it has more octets than a message may have.
    TooLong,
    /// Leave: it has more octets than a whole run may take.
    LongerThanRun,
    /// Leave: the run has enough messages.
    LimitReached,
    /// Leave: the run has enough octets.
    OctetsReached,
}

impl Reason {
    /// The action the reason is for.
    pub fn action(self) -> Action {
        match self {
            Self::New
            | Self::Again
            | Self::OctetsDiffer
            | Self::RepeatedUniqueId
            | Self::NoUniqueId => Action::Retrieve,
            Self::Due | Self::Stored | Self::NotStored => Action::Delete,
            Self::Known
            | Self::NotDue
            | Self::KnownMarked
            | Self::KnownSuspect
            | Self::NotSelected
            | Self::TooLong
            | Self::LongerThanRun
            | Self::LimitReached
            | Self::OctetsReached => Action::Leave,
        }
    }

    /// Whether it keeps a message from being stored that the run is for.
    pub(super) fn holds_back(self) -> bool {
        matches!(
            self,
            Self::TooLong | Self::LongerThanRun | Self::LimitReached | Self::OctetsReached
        )
    }

    /// Whether the content decides if the message is stored or already there.
    pub fn compares_content(self) -> bool {
        matches!(
            self,
            Self::OctetsDiffer | Self::RepeatedUniqueId | Self::NoUniqueId
        )
    }
}

/// One message of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Its row in the listing.
    pub(super) row: usize,
    /// Its message-number.
    pub(super) number: MessageNumber,
    /// What is to be done, by why.
    pub(super) reason: Reason,
}

/// What is to be done with each message, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Every message of the listing once.
    pub(super) steps: Vec<Step>,
}

impl Plan {
    /// Whether there is nothing to do, and no bound is why.
    pub(super) fn leaves_all_for_good(&self) -> bool {
        let is_left = |reason: Reason| reason.action() == Action::Leave && !reason.holds_back();
        self.steps.iter().all(|step| is_left(step.reason))
    }

    /// The steps of one action, in order.
    pub(super) fn steps_of(&self, action: Action) -> impl Iterator<Item = &Step> {
        self.steps
            .iter()
            .filter(move |step| step.reason.action() == action)
    }
}

/// What the journal knows of a unique-id.
pub(super) type Ledger<'a> = dyn Fn(UniqueIdRef<'_>) -> Option<Known> + 'a;

/// The rows of a listing that meet the conditions of a selection, its scope, limit and order left
/// out.
#[derive(Clone, Debug, Default)]
pub(super) struct Selected(Vec<bool>);

impl Selected {
    /// The rows that meet what the listing alone decides.
    pub(super) fn by_listing(listing: &Listing, selection: &Selection) -> Self {
        if !selection.has_listing_condition() {
            return Self(vec![true; listing.len()]);
        }
        let rows = listing.rows();
        Self(rows.map(|row| selection.matches_listing(&row)).collect())
    }

    /// Takes a row out, for its header.
    pub(super) fn remove(&mut self, row: usize) {
        if let Some(selected) = self.0.get_mut(row) {
            *selected = false;
        }
    }

    /// Whether the row is in.
    pub(super) fn contains(&self, row: usize) -> bool {
        self.0.get(row).copied().unwrap_or(false)
    }

    /// The rows that are in, as listed.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> {
        self.0
            .iter()
            .enumerate()
            .filter(|(_, selected)| **selected)
            .map(|(row, _)| row)
    }
}

/// What a run took in the sessions before this one: its bounds hold over all of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    /// Messages that were retrieved.
    pub(super) messages: usize,
    /// Their octets.
    pub(super) octets: u64,
}

/// Makes the plan of a fetch. `selected` says for each row of the listing whether the conditions
/// of the selection hold, scope and limit left out.
pub(super) fn plan_fetch(
    listing: &Listing,
    ledger: &Ledger<'_>,
    selected: &Selected,
    task: &Task,
    spent: Spent,
) -> Plan {
    let repeats = Repeats::of(listing, ledger);
    let mut budget = Budget::of(task, spent);
    let mut plan = Plan {
        steps: Vec::with_capacity(listing.len()),
    };
    for (index, row) in in_order(listing, task.selection.order) {
        let reason = if selected.contains(index) {
            budget.allow(row.octets, decide(&row, &repeats, ledger, task))
        } else {
            Reason::NotSelected
        };
        plan.steps.push(Step {
            row: index,
            number: row.number,
            reason,
        });
    }
    plan
}

/// What is to be done with one selected message, bounds left out.
fn decide(row: &Row<'_>, repeats: &Repeats<'_>, ledger: &Ledger<'_>, task: &Task) -> Reason {
    let scope = task.selection.scope;
    let Some(unique_id) = row.unique_id else {
        return match scope {
            Scope::All => Reason::Again,
            Scope::Stored => Reason::NotSelected,
            Scope::New | Scope::Unsaid => Reason::NoUniqueId,
        };
    };
    if row.repeated {
        return repeats.of_unique_id(unique_id).decide(scope);
    }
    match (scope, ledger(unique_id)) {
        (Scope::All | Scope::New | Scope::Unsaid, None) => Reason::New,
        (Scope::Stored, None) => Reason::NotSelected,
        (Scope::All | Scope::Stored, Some(_)) => Reason::Again,
        (Scope::New | Scope::Unsaid, Some(known)) => decide_known(row, &known, task),
    }
}

/// What is to be done with a message whose unique-id has a receipt and is listed once.
fn decide_known(row: &Row<'_>, known: &Known, task: &Task) -> Reason {
    if known.suspect() {
        return Reason::KnownSuspect;
    }
    if known.is_only_marked() {
        return Reason::KnownMarked;
    }
    let same_octets = has_same_octets(row, known);
    if known.delete() == DeleteState::Confirmed && !same_octets {
        // The message that had this unique-id is deleted; some servers give it out again.
        return Reason::OctetsDiffer;
    }
    if !task.after.deletes() {
        Reason::Known
    } else if !is_due(known, task) {
        Reason::NotDue
    } else if same_octets {
        Reason::Due
    } else {
        Reason::OctetsDiffer
    }
}

/// Whether a listed message may be deleted: its unique-id is listed once, and there is a receipt
/// for just these octets, due and whole.
pub(super) fn is_deletable(row: &Row<'_>, known: &Known, task: &Task) -> bool {
    !row.repeated && decide_known(row, known, task) == Reason::Due
}

/// Whether LIST tells of the message what it told when it was stored.
fn has_same_octets(row: &Row<'_>, known: &Known) -> bool {
    row.octets.is_some()
        && known
            .receipts()
            .any(|held| !held.is_marked() && held.listed_octets == row.octets)
}

fn is_due(known: &Known, task: &Task) -> bool {
    let asked_before = known.delete() == DeleteState::Asked;
    let is_due = |held: &Held| task.after.is_due(held.time_seconds, task.now_seconds);
    asked_before || known.receipts().all(is_due)
}

/// Whether a message that is retrieved now would be deleted in the same session.
pub(super) fn is_deleted_at_once(row: &Row<'_>, task: &Task) -> bool {
    let has_name = row.unique_id.is_some() && !row.repeated && row.octets.is_some();
    has_name && task.after.is_due(task.now_seconds, task.now_seconds)
}

/// The rows of a listing with their places in it, in the order in which they are taken.
pub(super) fn in_order(
    listing: &Listing,
    order: Order,
) -> Box<dyn Iterator<Item = (usize, Row<'_>)> + '_> {
    match order {
        Order::Listed => Box::new(listing.rows().enumerate()),
        Order::NewestFirst => {
            let mut rows: Vec<usize> = (0..listing.len()).collect();
            rows.sort_unstable_by_key(|&row| Reverse(listing.row(row).map(|row| row.number)));
            let with_row = |row| listing.row(row).map(|found| (row, found));
            Box::new(rows.into_iter().filter_map(with_row))
        }
    }
}

/// The unique-ids that are listed more than once. The ledger is asked once for each: a server may
/// list one as often as it likes, and what is stored under it is as much.
struct Repeats<'a>(HashMap<UniqueIdRef<'a>, Repeat>);

/// A unique-id that is listed more than once.
#[derive(Clone, Copy, Default)]
struct Repeat {
    /// How often.
    listed: usize,
    /// How many different messages are known under it.
    held: usize,
}

impl<'a> Repeats<'a> {
    fn of(listing: &'a Listing, ledger: &Ledger<'_>) -> Self {
        let mut repeats: HashMap<UniqueIdRef<'_>, Repeat> = HashMap::new();
        for unique_id in listing.repeated_rows().filter_map(|row| row.unique_id) {
            repeats.entry(unique_id).or_default().listed += 1;
        }
        for (unique_id, repeat) in &mut repeats {
            repeat.held = ledger(*unique_id).map_or(0, |known| known.messages());
        }
        Self(repeats)
    }

    fn of_unique_id(&self, unique_id: UniqueIdRef<'_>) -> Repeat {
        self.0.get(&unique_id).copied().unwrap_or_default()
    }
}

impl Repeat {
    fn decide(self, scope: Scope) -> Reason {
        match scope {
            Scope::All => Reason::Again,
            Scope::Stored if self.held > 0 => Reason::Again,
            Scope::Stored => Reason::NotSelected,
            Scope::New | Scope::Unsaid if self.held >= self.listed => Reason::Known,
            Scope::New | Scope::Unsaid => Reason::RepeatedUniqueId,
        }
    }
}

/// What a run may still take.
struct Budget {
    messages: usize,
    octets: u64,
    message_octets_max: u64,
    run_octets_max: u64,
}

impl Budget {
    fn of(task: &Task, spent: Spent) -> Self {
        let messages = task.selection.limit.unwrap_or(usize::MAX);
        let run_octets_max = task.bounds.run_octets_max.unwrap_or(u64::MAX);
        Self {
            messages: messages.saturating_sub(spent.messages),
            octets: run_octets_max.saturating_sub(spent.octets),
            message_octets_max: task.bounds.message_octets_max,
            run_octets_max,
        }
    }

    /// The reason as it stands, or the bound that keeps the message from being retrieved. A
    /// message of unknown size costs nothing here; what it really has is counted as it comes in.
    fn allow(&mut self, octets: Option<u64>, reason: Reason) -> Reason {
        let octets = octets.unwrap_or(0);
        if reason.action() != Action::Retrieve {
            return reason;
        }
        if octets > self.message_octets_max {
            return Reason::TooLong;
        }
        // No run could ever take it, and none may end here for good.
        if octets > self.run_octets_max {
            return Reason::LongerThanRun;
        }
        if self.messages == 0 {
            return Reason::LimitReached;
        }
        if octets > self.octets {
            // Smaller messages behind it wait too: the order is kept.
            self.octets = 0;
            return Reason::OctetsReached;
        }
        self.messages -= 1;
        self.octets -= octets;
        reason
    }
}

#[cfg(test)]
mod tests;
