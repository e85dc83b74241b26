//! The retrieving thread: asks for messages, stages them, hands them over in batches.

use crate::client::{self, Answer, Body, Client, Patience, Reply, Request, Suspicion, Transaction};
use crate::protocol::{Listing, Refusal, UniqueIdRef};
use crate::store::{self, AccountId, Arriving, Delivery, ReceiptId, Stage, Staged};

use super::commit::{Answered, CommitEnded, Outbox, Parcel, Recognised, Retrieved, Work};
use super::contents::{Contents, Group};
use super::error::is_hang_up;
use super::fetch::Troubles;
use super::observer::{Event, Failure, MessageReport, Observer, Status};
use super::plan::{Reason, Step};
use super::policy::Bounds;
use super::summary::{Remedy, Summary};

/// Why retrieval ended before the plan did.
#[derive(Debug)]
pub(super) enum Interruption {
    /// The server or the line, while this message was being waited for.
    Client { error: client::Error, at: Step },
    /// The stage.
    Store(store::Error),
    /// The committing thread has ended and knows why.
    CommitEnded,
    /// The message is longer than a message may be, so the rest of it is not read.
    TooLong { at: Step },
}

impl From<store::Error> for Interruption {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<CommitEnded> for Interruption {
    fn from(_: CommitEnded) -> Self {
        Self::CommitEnded
    }
}

/// How many messages are asked for before the first of them is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// As many as the window takes.
    Ahead,
    /// One: a message at which the line dropped twice must not take others with it.
    Alone,
}

/// A message that the server refused.
pub(super) struct Refused {
    pub(super) step: Step,
    refusal: Refusal,
}

impl Refused {
    /// Whether the line that was lost behind it says that the server meant the session, as one says
    /// that was left alone for too long: then the message is asked for once more.
    pub(super) fn meant_session(
        &self,
        lost: &client::Error,
        listing: &Listing,
        troubles: &Troubles,
    ) -> bool {
        let row = listing.row(self.step.row);
        is_hang_up(lost) && !row.is_some_and(|row| troubles.has_dropped(&row))
    }

    /// Counts it, and tells of it.
    pub(super) fn count(&self, listing: &Listing, observer: &dyn Observer, summary: &mut Summary) {
        let Self { step, refusal } = self;
        let status = if refusal.message_is_gone() {
            summary.gone += 1;
            Status::Gone(refusal)
        } else {
            summary.add_failed(if refusal.try_later() {
                Remedy::TryLater
            } else {
                Remedy::None
            });
            Status::Failed(Failure::Refused(refusal))
        };
        let report = MessageReport::of(step.number, listing.row(step.row), status);
        observer.notice(Event::Message(report));
    }
}

/// The retrieving thread's state.
pub(super) struct Retriever<'a> {
    pub(super) stage: &'a mut dyn Stage,
    pub(super) listing: &'a Listing,
    pub(super) account: AccountId,
    pub(super) contents: &'a mut Contents<ReceiptId>,
    pub(super) bounds: Bounds,
    pub(super) patience: &'a Patience,
    pub(super) outbox: Outbox<'a>,
    /// See [`Arriving::alone`].
    pub(super) alone: bool,
    /// The last whole message, until it is known what comes behind it.
    pub(super) held: Option<Parcel>,
    /// The last refusal, until it is known whether the server meant the message or hung up. Once
    /// all is retrieved, only the end of the session tells.
    pub(super) refused: Option<Refused>,
    pub(super) troubles: &'a Troubles,
    pub(super) observer: &'a dyn Observer,
    pub(super) summary: Summary,
    /// Octets of message data, of unfinished messages too: what a provider counts.
    pub(super) octets_received: u64,
    /// How many of the steps, in their order, are settled one way or another.
    pub(super) settled: usize,
    /// Of messages that turned out to be stored.
    pub(super) answered: Vec<Answered>,
}

impl Retriever<'_> {
    /// Retrieves the messages of these steps in order. What is whole when it is interrupted is
    /// handed over all the same.
    pub(super) fn retrieve(
        &mut self,
        client: &mut Client<Transaction>,
        steps: &[Step],
        asking: Asking,
    ) -> Result<(), Interruption> {
        let retrieved = self.retrieve_all(client, steps, asking);
        let retrieved = self.release_refused(retrieved);
        if let Err(Interruption::Store(_)) = retrieved {
            // Nobody knows what of the batch is in the stage: all of it counts as lost.
            return retrieved;
        }
        self.release_held(retrieved.as_ref().err());
        let handed_over = if self.outbox.is_empty() {
            Ok(())
        } else {
            self.hand_over()
        };
        retrieved.and(handed_over)
    }

    fn retrieve_all(
        &mut self,
        client: &mut Client<Transaction>,
        steps: &[Step],
        asking: Asking,
    ) -> Result<(), Interruption> {
        let mut not_asked = steps.iter();
        for (answered, &step) in steps.iter().enumerate() {
            // A line that never makes us wait never lets the client look at the flag.
            if self.patience.is_stopped() {
                return Err(Interruption::Client {
                    error: client::Error::Stopped,
                    at: step,
                });
            }
            let may_ask = |not_asked: &std::slice::Iter<'_, Step>| match asking {
                Asking::Ahead => true,
                Asking::Alone => steps.len() - not_asked.len() <= answered,
            };
            while may_ask(&not_asked) && client.window_is_open() {
                let Some(next) = not_asked.next() else { break };
                let listed_octets = self.listing.row(next.row).and_then(|row| row.octets);
                client.ask(Request::Retr {
                    number: next.number,
                    listed_octets,
                });
            }
            self.retrieve_one(client, step)?;
        }
        Ok(())
    }

    /// Lets the last refusal go where something went wrong behind it.
    fn release_refused(&mut self, retrieved: Result<(), Interruption>) -> Result<(), Interruption> {
        if retrieved.is_ok() {
            return retrieved;
        }
        let Some(refused) = self.refused.take() else {
            return retrieved;
        };
        match retrieved {
            Err(Interruption::Client { error, .. })
                if refused.meant_session(&error, self.listing, self.troubles) =>
            {
                let at = refused.step;
                Err(Interruption::Client { error, at })
            }
            retrieved => {
                self.count_refused(&refused);
                retrieved
            }
        }
    }

    fn count_refused(&mut self, refused: &Refused) {
        refused.count(self.listing, self.observer, &mut self.summary);
        self.settled += 1;
    }

    /// Lets the last whole message go. If what came behind it looks like more of it, it may not
    /// be whole.
    fn release_held(&mut self, interruption: Option<&Interruption>) {
        let Some(mut parcel) = self.held.take() else {
            return;
        };
        if let Some(Interruption::Client { error, .. }) = interruption
            && error.message_with_more_behind() == Some(parcel.retrieved.number)
        {
            parcel.retrieved.suspicion = Some(Suspicion::MoreBehindEnd);
            parcel.delivery.suspect = true;
        }
        self.outbox.add(parcel);
    }

    fn hand_over(&mut self) -> Result<(), Interruption> {
        self.stage.end_batch()?;
        Ok(self.outbox.send_batch()?)
    }

    fn retrieve_one(
        &mut self,
        client: &mut Client<Transaction>,
        step: Step,
    ) -> Result<(), Interruption> {
        let reply =
            answer(client, step).map_err(|error| Interruption::Client { error, at: step })?;
        // Nothing odd came behind the answer before this one.
        if let Some(before) = self.refused.take() {
            self.count_refused(&before);
        }
        if let Some(parcel) = self.held.take() {
            self.outbox.add(parcel);
        }
        if self.stage.is_full() || self.outbox.is_due() {
            self.hand_over()?;
        }
        match reply {
            Reply::Body(body) => {
                self.receive(body, step)?;
                self.settled += 1;
            }
            Reply::Refused(refusal) => self.refused = Some(Refused { step, refusal }),
        }
        Ok(())
    }

    /// Stages a message as it comes.
    fn receive(&mut self, mut body: Body<'_>, step: Step) -> Result<(), Interruption> {
        let at = |error| Interruption::Client { error, at: step };
        self.stage.begin(&Arriving { alone: self.alone })?;
        let mut octets_total: u64 = 0;
        loop {
            match body.chunk() {
                Ok(Some(octets)) => {
                    let octets_more = octets.len() as u64;
                    octets_total += octets_more;
                    self.octets_received += octets_more;
                    self.stage.write(octets)?;
                    self.observer.notice(Event::Received {
                        octets: octets_more,
                    });
                }
                Ok(None) => break,
                Err(error) => {
                    self.stage.abandon()?;
                    return Err(at(error));
                }
            }
            if octets_total > self.bounds.message_octets_max {
                self.stage.abandon()?;
                return Err(Interruption::TooLong { at: step });
            }
        }
        let suspicion = body.end().map_err(at)?.suspect;
        let staged = self.stage.finish()?;
        self.settle(step, staged, suspicion)
    }

    /// A whole message: into the batch, unless its content has a receipt already.
    fn settle(
        &mut self,
        step: Step,
        staged: Staged,
        suspicion: Option<Suspicion>,
    ) -> Result<(), Interruption> {
        let row = self.listing.row(step.row);
        let unique_id = row.and_then(|row| row.unique_id);
        let listed_octets = row.and_then(|row| row.octets);
        if let Some(answer) = self.find_content(step.reason, unique_id, &staged) {
            self.stage.discard(staged)?;
            self.answered.push((step.number, answer.receipt));
            self.summary.skipped += 1;
            let is_noted = answer.is_own && step.reason == Reason::RepeatedUniqueId;
            if let Some(unique_id) = unique_id
                && !is_noted
            {
                self.outbox.send(Work::Recognise(Recognised {
                    receipt: answer.receipt,
                    account: self.account,
                    unique_id: unique_id.to_unique_id(),
                    listed_octets,
                }))?;
            }
            return Ok(());
        }
        let delivery = Delivery {
            staged,
            account: self.account,
            unique_id: unique_id.map(UniqueIdRef::to_unique_id),
            listed_octets,
            suspect: suspicion.is_some(),
        };
        self.held = Some(Parcel {
            retrieved: Retrieved {
                number: step.number,
                suspicion,
            },
            reason: step.reason,
            delivery,
        });
        Ok(())
    }

    /// The receipt that answers for this content: among those of its own group where content
    /// decides, else among those whose unique-id may have changed. What is to be stored again is
    /// compared with none.
    fn find_content(
        &mut self,
        reason: Reason,
        unique_id: Option<UniqueIdRef<'_>>,
        staged: &Staged,
    ) -> Option<ContentAnswer> {
        if reason == Reason::Again {
            return None;
        }
        let mut answer = |group: &Group, is_own| {
            let receipt = self.contents.take(group, &staged.sha256)?;
            Some(ContentAnswer { receipt, is_own })
        };
        if reason.compares_content()
            && let Some(own) = answer(&Group::of(unique_id), true)
        {
            return Some(own);
        }
        answer(&Group::Anyone, false)
    }
}

/// The receipt that answers for a content.
struct ContentAnswer {
    receipt: ReceiptId,
    /// Whether it is of a message with the same unique-id.
    is_own: bool,
}

/// The reply to the request for this message: that to anything else must never be stored as it.
fn answer(client: &mut Client<Transaction>, step: Step) -> Result<Reply<'_>, client::Error> {
    match client.answer()? {
        Some(Answer {
            request: Request::Retr { number, .. },
            reply,
        }) if number == step.number => Ok(reply),
        Some(_) | None => Err(client::Error::OutOfStep),
    }
}
