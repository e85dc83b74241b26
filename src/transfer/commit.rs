//! The committing thread: batches in, durable messages and receipts out.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crate::client::Suspicion;
use crate::protocol::{MessageNumber, UniqueId};
use crate::store::{
    self, AccountId, ChildOutcome, Commit, Delivered, Delivery, Journal, Place, ReceiptId,
};

use super::observer::{Event, Failure, MessageReport, Observer, Status, Stored, Warning};
use super::plan::Reason;
use super::summary::{Remedy, Summary};

/// What the committing thread is asked to do.
pub(super) enum Work {
    /// Deliver a batch.
    Deliver(Vec<Parcel>),
    /// Write that a message that was retrieved is one that is stored.
    Recognise(Recognised),
}

/// A message to deliver, and how it came.
pub(super) struct Parcel {
    pub(super) retrieved: Retrieved,
    pub(super) reason: Reason,
    pub(super) delivery: Delivery,
}

/// The receipt that answers for a message of this session whose content was compared.
pub(super) type Answered = (MessageNumber, ReceiptId);

/// How a message came in this session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retrieved {
    pub(super) number: MessageNumber,
    pub(super) suspicion: Option<Suspicion>,
}

/// A listed message whose content has a receipt under another name or size.
pub(super) struct Recognised {
    pub(super) receipt: ReceiptId,
    pub(super) account: AccountId,
    pub(super) unique_id: UniqueId,
    pub(super) listed_octets: Option<u64>,
}

/// A batch that is not full goes out once it is so old and the committing thread is idle: large
/// enough to be worth a sync on a fast line, soon enough to be durable on a slow one.
pub(super) const BATCH_AGE_MIN: Duration = Duration::from_millis(50);

/// The retrieving thread's end: collects a batch and hands it over.
pub(super) struct Outbox<'a> {
    work: SyncSender<Work>,
    unfinished: &'a AtomicUsize,
    batch: Vec<Parcel>,
    began: Option<Instant>,
    batch_age_min: Duration,
}

/// The committing thread has ended; why, it tells itself.
#[derive(Debug)]
pub(super) struct CommitEnded;

/// The two ends of the way to the committing thread. Nothing waits in between: with one batch
/// being delivered and one being filled, open files have a bound.
pub(super) fn channel(
    unfinished: &AtomicUsize,
    batch_age_min: Duration,
) -> (Outbox<'_>, Receiver<Work>) {
    let (work, inbox) = sync_channel(0);
    let outbox = Outbox {
        work,
        unfinished,
        batch: Vec::new(),
        began: None,
        batch_age_min,
    };
    (outbox, inbox)
}

impl Outbox<'_> {
    /// Puts a message into the batch.
    pub(super) fn add(&mut self, parcel: Parcel) {
        self.began.get_or_insert_with(Instant::now);
        self.batch.push(parcel);
    }

    /// Whether a batch that is not full should go now.
    pub(super) fn is_due(&self) -> bool {
        self.began
            .is_some_and(|began| began.elapsed() >= self.batch_age_min)
            && self.unfinished.load(Ordering::Acquire) == 0
    }

    /// Whether there is nothing in the batch.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Hands the batch over, waiting until the one before it is done.
    pub(super) fn send_batch(&mut self) -> Result<(), CommitEnded> {
        self.began = None;
        let batch = std::mem::take(&mut self.batch);
        self.send(Work::Deliver(batch))
    }

    /// Hands other work over.
    pub(super) fn send(&self, work: Work) -> Result<(), CommitEnded> {
        self.unfinished.fetch_add(1, Ordering::AcqRel);
        self.work.send(work).map_err(|_| CommitEnded)
    }
}

/// The committing thread's state: the journal's only writer.
pub(super) struct Committer<'a> {
    pub(super) commit: &'a mut dyn Commit,
    pub(super) journal: &'a mut Journal,
    pub(super) observer: &'a dyn Observer,
    pub(super) path_of: &'a (dyn Fn(&Place) -> Option<PathBuf> + Sync),
    pub(super) summary: Summary,
    pub(super) answered: Vec<Answered>,
}

impl Committer<'_> {
    /// Does all work until the other end hangs up, then makes the journal durable.
    ///
    /// The summary counts what was stored also when an error ended it.
    pub(super) fn run(
        mut self,
        inbox: &Receiver<Work>,
        unfinished: &AtomicUsize,
    ) -> (Summary, Vec<Answered>, Result<(), store::Error>) {
        let ended = self.work(inbox, unfinished);
        (self.summary, self.answered, ended)
    }

    fn work(
        &mut self,
        inbox: &Receiver<Work>,
        unfinished: &AtomicUsize,
    ) -> Result<(), store::Error> {
        for work in inbox {
            match work {
                Work::Deliver(batch) => self.deliver(batch)?,
                Work::Recognise(recognised) => self.recognise(recognised)?,
            }
            unfinished.fetch_sub(1, Ordering::AcqRel);
        }
        self.journal.sync()
    }

    fn deliver(&mut self, batch: Vec<Parcel>) -> Result<(), store::Error> {
        let retrieved: Vec<_> = batch.iter().map(|parcel| parcel.retrieved).collect();
        let reasons: Vec<_> = batch.iter().map(|parcel| parcel.reason).collect();
        let listed: Vec<_> = batch
            .iter()
            .map(|parcel| {
                let Delivery {
                    unique_id,
                    listed_octets,
                    ..
                } = &parcel.delivery;
                (unique_id.clone(), *listed_octets)
            })
            .collect();
        let deliveries = batch.into_iter().map(|parcel| parcel.delivery).collect();
        let ended = self.commit.deliver(self.journal, deliveries);
        notice_warnings(self.observer, self.commit);
        match ended {
            Ok(delivered) => {
                let retrieved = retrieved.into_iter().zip(reasons);
                for ((retrieved, reason), delivered) in retrieved.zip(&delivered) {
                    self.count(retrieved, delivered);
                    if reason.compares_content() {
                        self.answered.push((retrieved.number, delivered.id));
                    }
                }
                Ok(())
            }
            Err(error @ store::Error::Child { .. }) => {
                // One message that its program would not take; the others may fare better.
                let remedy = if is_try_later(&error) {
                    Remedy::TryLater
                } else {
                    Remedy::None
                };
                for (retrieved, (unique_id, octets)) in retrieved.into_iter().zip(&listed) {
                    self.summary.add_failed(remedy);
                    self.observer.notice(Event::Message(MessageReport {
                        number: Some(retrieved.number),
                        unique_id: unique_id.as_ref().map(UniqueId::as_bytes),
                        octets: *octets,
                        status: Status::Failed(Failure::Store(&error)),
                    }));
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn count(&mut self, retrieved: Retrieved, delivered: &Delivered) {
        self.summary.add_stored(&delivered.receipt);
        notice_stored(self.observer, self.path_of, Some(retrieved), delivered);
    }

    fn recognise(&mut self, recognised: Recognised) -> Result<(), store::Error> {
        let mut receipt = self.journal.receipt(recognised.receipt)?;
        receipt.account = recognised.account;
        receipt.unique_id = Some(recognised.unique_id);
        receipt.listed_octets = recognised.listed_octets;
        self.journal.record(&[receipt])?;
        Ok(())
    }
}

/// Tells the observer what the destination has to say.
pub(super) fn notice_warnings(observer: &dyn Observer, commit: &mut dyn Commit) {
    for warning in commit.take_warnings() {
        observer.notice(Event::Warning(Warning::Store(warning)));
    }
}

/// Tells the observer of a durable message. One that was not retrieved was completed by replay.
pub(super) fn notice_stored(
    observer: &dyn Observer,
    path_of: &(dyn Fn(&Place) -> Option<PathBuf> + Sync),
    retrieved: Option<Retrieved>,
    delivered: &Delivered,
) {
    let receipt = &delivered.receipt;
    let path = path_of(&receipt.place);
    let stored = Stored {
        path: path.as_deref(),
        offset: match receipt.place {
            Place::Range { offset, .. } => Some(offset),
            Place::Name(_) | Place::Nowhere => None,
        },
        octets: receipt.stored_octets,
        sha256: receipt.sha256,
        replayed: retrieved.is_none(),
    };
    observer.notice(Event::Message(MessageReport {
        number: retrieved.map(|it| it.number),
        unique_id: receipt.unique_id.as_ref().map(UniqueId::as_bytes),
        octets: Some(receipt.listed_octets.unwrap_or(receipt.stored_octets)),
        status: if receipt.suspect {
            Status::Suspect(stored, retrieved.and_then(|it| it.suspicion))
        } else {
            Status::Stored(stored)
        },
    }));
}

fn is_try_later(error: &store::Error) -> bool {
    let store::Error::Child { outcome, .. } = error else {
        return false;
    };
    matches!(
        outcome,
        ChildOutcome::Status(ChildOutcome::TRY_LATER) | ChildOutcome::Deadline
    )
}
