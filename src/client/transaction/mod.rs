//! The TRANSACTION state (RFC 1939 section 5): what is there, bring it, delete it.

use super::body::{Body, Progress};
use super::error::{Error, Misbehaviour};
use super::listing::{self, Lists};
use super::manners::is_unbearable;
use super::pipeline::{Deletion, Pipeline, Request, Window};
use super::pipelining::Pipelining;
use super::session::Session;
use super::watch::AnswerWatch;
use super::{Client, ServerFacts};
use crate::protocol::command::Argument;
use crate::protocol::limits::CAPABILITY_OCTETS_MAX;
use crate::protocol::{
    Command, Language, Listing, MaildropSize, MessageNumber, Refusal, ServerText, Verb,
};

/// Logged in, with the maildrop locked for this session.
#[derive(Debug)]
pub struct Transaction {
    pipeline: Pipeline<Request>,
    watch: AnswerWatch,
    /// The message that was read to its end last, if nothing came behind it yet.
    last_body: Option<MessageNumber>,
    pipelining: Pipelining,
    /// CAPA was sent, and its answer is the first to come.
    capa_sent: bool,
}

/// The answer to a [`Request`].
#[derive(Debug)]
pub struct Answer<'a> {
    /// What was asked for.
    pub request: Request,
    /// What came.
    pub reply: Reply<'a>,
}

/// What came of a [`Request`].
#[derive(Debug)]
pub enum Reply<'a> {
    /// The message, or the part of it that was asked for.
    Body(Body<'a>),
    /// `-ERR`. Asking again in the same session makes some servers close it.
    Refused(Refusal),
}

/// The `+OK` to QUIT: what was marked is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// The server's last words.
    pub text: ServerText,
}

impl Client<Transaction> {
    /// The session of a user who has just logged in.
    pub(super) fn new(
        session: Session,
        facts: ServerFacts,
        window: Window,
        pipelining: Pipelining,
    ) -> Self {
        Self {
            session,
            facts,
            state: Transaction {
                pipeline: Pipeline::new(window),
                watch: AnswerWatch::new(),
                last_body: None,
                pipelining,
                capa_sent: false,
            },
        }
    }

    /// The same where CAPA was sent and not answered yet, to a server that pipelines: what comes
    /// next need not wait a round trip for the answer.
    pub(super) fn with_capa_sent(
        session: Session,
        facts: ServerFacts,
        pipelining: Pipelining,
    ) -> Self {
        let mut client = Self::new(session, facts, Window::LOCK_STEP, pipelining);
        client.state.capa_sent = true;
        client
    }

    /// Reads the answer to CAPA, if that is still to come.
    fn catch_up(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.state.capa_sent) {
            let answer = self.session.capabilities_answer();
            let learnt = self.state.pipelining.learn_from_capa(answer);
            // CAPA went ahead of other commands here, or was about to.
            let capabilities = learnt.map_err(|error| match error {
                error if is_unbearable(&error) => Error::CommandsLost(Box::new(error)),
                error => error,
            })?;
            let window = self.state.pipelining.window(capabilities.as_ref());
            self.state.pipeline.set_window(window);
            self.facts.capabilities_after_login = capabilities;
        }
        Ok(())
    }

    /// How much is there, by the server's own count.
    pub fn stat(&mut self) -> Result<MaildropSize, Error> {
        self.settle()?;
        let text = self.session.ask(&Command::Stat)?;
        let text = refused(Verb::Stat, text)?;
        Ok(MaildropSize::parse(text.as_bytes()))
    }

    /// Lists the messages: STAT, UIDL and LIST, in one flight where the server pipelines.
    ///
    /// To be called before the first DELE: some servers list what is deleted, or count anew.
    pub fn listing(&mut self) -> Result<Listing, Error> {
        self.list(Lists::Both)
    }

    /// Lists the messages without their octets, as [`Self::listing`] does but for LIST: a third
    /// less to wait for in a large maildrop. Without UIDL the octets are there all the same.
    pub fn listing_without_octets(&mut self) -> Result<Listing, Error> {
        self.list(Lists::UniqueIds)
    }

    /// Adds their octets (LIST) to messages that were listed without, unless LIST was asked in the
    /// stead of UIDL, or there are none.
    ///
    /// To be called before the first DELE, as [`Self::listing`].
    pub fn add_octets(&mut self, listing: Listing) -> Result<Listing, Error> {
        if listing.octets_asked() || listing.is_empty() {
            return Ok(listing);
        }
        self.settle()?;
        self.session.expect_nothing()?;
        listing::add_octets(&mut self.session, listing)
    }

    fn list(&mut self, lists: Lists) -> Result<Listing, Error> {
        if self.state.capa_sent {
            lists.ask_in_one_flight(&mut self.session)?;
            self.catch_up()?;
        } else {
            self.settle()?;
            self.session.expect_nothing()?;
            if !self.state.pipeline.window().is_pipelining() {
                return lists.read_in_lock_step(&mut self.session);
            }
            lists.ask_in_one_flight(&mut self.session)?;
        }
        let listing = lists.read_flight(&mut self.session);
        self.state.pipelining.learn_first(listing)
    }

    /// Whether asking for one more message now keeps the line busy. What is asked for beyond
    /// that only waits here.
    pub fn window_is_open(&self) -> bool {
        self.state.pipeline.is_open()
    }

    /// How many requests are not answered yet.
    pub fn requests_left(&self) -> usize {
        self.state.pipeline.len()
    }

    /// Asks for a message. It is sent by [`Self::answer`], many in one write.
    pub fn ask(&mut self, request: Request) {
        self.state.pipeline.queue(request);
    }

    /// Takes back what was asked for and not sent yet. What was sent will be answered.
    pub fn forget_unsent(&mut self) {
        self.state.pipeline.forget_queued();
    }

    /// The answer to the request that was made first of those not answered yet; `None` if all
    /// are.
    ///
    /// Keep the window filled before each call, and messages come without a pause:
    ///
    /// ```no_run
    /// # use popfetch::client::{Client, Error, Reply, Request, Transaction};
    /// # fn fetch(client: &mut Client<Transaction>) -> Result<(), Error> {
    /// let listing = client.listing()?;
    /// let mut rows = listing.rows();
    /// loop {
    ///     while client.window_is_open()
    ///         && let Some(row) = rows.next()
    ///     {
    ///         client.ask(Request::Retr {
    ///             number: row.number,
    ///             listed_octets: row.octets,
    ///         });
    ///     }
    ///     let Some(answer) = client.answer()? else {
    ///         return Ok(());
    ///     };
    ///     if let Reply::Body(mut body) = answer.reply {
    ///         while let Some(octets) = body.chunk()? {
    ///             println!("{} more octets", octets.len());
    ///         }
    ///         let end = body.end()?;
    ///         println!("{} octets in all", end.octets);
    ///     }
    /// }
    /// # }
    /// ```
    pub fn answer(&mut self) -> Result<Option<Answer<'_>>, Error> {
        self.catch_up()?;
        self.finish_body()?;
        let state = &mut self.state;
        if self.session.was_odd() {
            state.pipeline.fall_into_lock_step();
        }
        if state.pipeline.has_fallen() {
            state.pipelining.note_lost();
        }
        if !state.pipeline.is_outstanding() {
            let nothing = self.session.expect_nothing();
            nothing.map_err(|error| blame_last_body(error, state.last_body))?;
        }
        self.session.send(&state.pipeline.due())?;
        let Some(request) = state.pipeline.answered() else {
            return Ok(None);
        };
        let verb = match request {
            Request::Retr { .. } => Verb::Retr,
            Request::Top { .. } => Verb::Top,
        };
        let mut answer = self.session.answer(verb);
        if state.pipeline.window().is_pipelining() {
            answer = state.pipelining.learn(answer);
        }
        let last_body = state.last_body.take();
        let reply = match answer.map_err(|error| blame_last_body(error, last_body))? {
            Ok(_) => {
                self.session.begin_data();
                state.watch.restart();
                state.last_body = Some(request.number());
                Reply::Body(Body {
                    progress: Progress::new(request, state.pipeline.is_outstanding()),
                    session: &mut self.session,
                    pipeline: &mut state.pipeline,
                    watch: &mut state.watch,
                })
            }
            Err(refusal) => Reply::Refused(refusal),
        };
        Ok(Some(Answer { request, reply }))
    }

    /// Marks messages to be deleted when the session ends by [`Self::quit`], and tells of each
    /// whether the server took it. Not to be called while requests are left.
    pub fn dele(
        &mut self,
        numbers: &[MessageNumber],
        each: &mut dyn FnMut(MessageNumber, Result<(), Refusal>),
    ) -> Result<(), Error> {
        self.settle()?;
        let mut pipeline = Pipeline::new(self.state.pipeline.window());
        let mut numbers = numbers.iter();
        loop {
            while pipeline.is_open()
                && let Some(number) = numbers.next()
            {
                pipeline.queue(Deletion(*number));
            }
            self.session.send(&pipeline.due())?;
            let Some(Deletion(number)) = pipeline.answered() else {
                return Ok(());
            };
            let mut answer = self.session.answer(Verb::Dele);
            if pipeline.window().is_pipelining() {
                answer = self.state.pipelining.learn(answer);
            }
            let last_body = self.state.last_body.take();
            let answer = answer.map_err(|error| blame_last_body(error, last_body))?;
            each(number, answer.map(|_| ()));
        }
    }

    /// Asks which languages the server's texts can come in (RFC 6856 section 3). None, if it
    /// does not offer that or refuses to tell.
    pub fn languages(&mut self) -> Result<&[Language], Error> {
        self.settle()?;
        if self.facts.capabilities().has_lang() && self.session.ask(&Command::Lang(None))?.is_ok() {
            let mut languages = Vec::new();
            self.session
                .rows(Verb::Lang, CAPABILITY_OCTETS_MAX, |row| {
                    languages.extend(Language::parse(row));
                    Ok(())
                })?;
            self.facts.languages = languages;
        }
        Ok(&self.facts.languages)
    }

    /// Has the server's texts come in a language from here on; `*` is the server's own choice.
    pub fn lang(&mut self, tag: Argument) -> Result<ServerText, Error> {
        self.command(&Command::Lang(Some(tag)))
    }

    /// Takes all marks of deletion away.
    pub fn rset(&mut self) -> Result<(), Error> {
        self.command(&Command::Rset).map(|_| ())
    }

    /// Does nothing, which keeps the server from closing an idle session.
    pub fn noop(&mut self) -> Result<(), Error> {
        self.command(&Command::Noop).map(|_| ())
    }

    /// Ends the session, and has the server delete what is marked. Only an `Ok` says that it
    /// did. A client that is dropped instead deletes nothing.
    pub fn quit(mut self) -> Result<Farewell, Error> {
        let text = self.command(&Command::Quit)?;
        Ok(Farewell { text })
    }

    fn command(&mut self, command: &Command) -> Result<ServerText, Error> {
        self.settle()?;
        let last_body = self.state.last_body.take();
        let answer = self.session.ask(command);
        let answer = answer.map_err(|error| blame_last_body(error, last_body))?;
        refused(command.verb(), answer)
    }

    /// Makes sure that a command sent now stands behind nothing: servers are known to answer
    /// what stands behind a RETR in the middle of the message.
    fn settle(&mut self) -> Result<(), Error> {
        self.catch_up()?;
        self.finish_body()?;
        match self.state.pipeline.len() {
            0 => Ok(()),
            _ if self.is_in_step() => Err(Error::RequestsLeft),
            // They never get their answers.
            _ => Err(Error::OutOfStep),
        }
    }

    /// Reads a body to its end that the caller did not.
    fn finish_body(&mut self) -> Result<(), Error> {
        while self.session.is_in_data() {
            self.session.next_span()?;
        }
        Ok(())
    }
}

fn refused<T>(verb: Verb, answer: Result<T, Refusal>) -> Result<T, Error> {
    answer.map_err(|refusal| Error::Refused { verb, refusal })
}

/// What comes behind a message and is no answer may be the rest of the message.
fn blame_last_body(error: Error, last_body: Option<MessageNumber>) -> Error {
    match (error, last_body) {
        (
            Error::Misbehaved(
                Misbehaviour::NoStatusLine { line, .. } | Misbehaviour::UnexpectedAnswer(line),
            ),
            Some(after),
        ) => Error::Misbehaved(Misbehaviour::MoreBehindEnd { after, line }),
        (error, _) => error,
    }
}

#[cfg(test)]
mod tests;
