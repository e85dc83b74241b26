//! What is in the maildrop: STAT, UIDL and LIST.

use std::time::Duration;

use super::error::{Error, Misbehaviour};
use super::session::{NextLine, Session};
use crate::protocol::limits::LISTING_OCTETS_MAX;
use crate::protocol::{
    Command, Listing, ListingBuilder, ListingTooLarge, MaildropSize, Refusal, ServerText, Verb,
};

/// How long the terminator of an empty list may be missing. Exchange, for one, sends none; from
/// all others it comes along with the status line.
const EMPTY_LIST_SILENCE: Duration = Duration::from_secs(2);

/// Which lists are asked for together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lists {
    /// UIDL and LIST.
    Both,
    /// UIDL, and LIST only in its stead.
    UniqueIds,
}

impl Lists {
    /// Asks for them in one write.
    pub(super) fn ask_in_one_flight(self, session: &mut Session) -> Result<(), Error> {
        session.send(match self {
            Self::Both => &[Command::Stat, Command::Uidl, Command::List],
            Self::UniqueIds => &[Command::Stat, Command::Uidl],
        })
    }

    /// Reads the answers to [`Self::ask_in_one_flight`] as they come.
    pub(super) fn read_flight(self, session: &mut Session) -> Result<Listing, Error> {
        let claimed = claimed(session.answer(Verb::Stat)?);
        let mut asked = self;
        if asked == Self::UniqueIds && claimed.messages == Some(0) {
            // That UIDL is over without its end shows in the answer to what follows it.
            session.send(&[Command::List])?;
            asked = Self::Both;
        }
        let mut builder = ListingBuilder::new(claimed);
        let uidl = session.answer(Verb::Uidl)?;
        read_uidl(session, uidl, claimed, &mut builder)?;
        let list = match asked {
            Self::Both => session.answer(Verb::List)?,
            Self::UniqueIds if builder.has_unique_ids() => return Ok(finish(builder)),
            Self::UniqueIds => session.ask(&Command::List)?,
        };
        read_list(session, list, claimed, &mut builder)?;
        Ok(finish(builder))
    }

    /// Asks one thing after the other, and for no list of an empty maildrop: some servers answer
    /// that in a way that cannot be told from half an answer.
    pub(super) fn read_in_lock_step(self, session: &mut Session) -> Result<Listing, Error> {
        let claimed = claimed(session.ask(&Command::Stat)?);
        let mut builder = ListingBuilder::new(claimed);
        if claimed.messages == Some(0) {
            return Ok(finish(builder));
        }
        let uidl = session.ask(&Command::Uidl)?;
        read_uidl(session, uidl, claimed, &mut builder)?;
        if self == Self::UniqueIds && builder.has_unique_ids() {
            return Ok(finish(builder));
        }
        let list = session.ask(&Command::List)?;
        read_list(session, list, claimed, &mut builder)?;
        Ok(finish(builder))
    }
}

/// Asks for the octets of messages that are listed without.
pub(super) fn add_octets(session: &mut Session, listing: Listing) -> Result<Listing, Error> {
    let claimed = listing.claimed();
    let malformed = listing.malformed();
    let mut builder = ListingBuilder::resume(listing);
    let list = session.ask(&Command::List)?;
    read_list(session, list, claimed, &mut builder)?;
    let listing = builder.finish();
    tell_malformed(listing.malformed().saturating_sub(malformed));
    Ok(listing)
}

/// A refused STAT claims nothing: the lists tell more, and whether they are refused too.
fn claimed(answer: Result<ServerText, Refusal>) -> MaildropSize {
    answer.map_or_else(
        |_| MaildropSize::default(),
        |text| MaildropSize::parse(text.as_bytes()),
    )
}

fn read_uidl(
    session: &mut Session,
    answer: Result<ServerText, Refusal>,
    claimed: MaildropSize,
    builder: &mut ListingBuilder,
) -> Result<(), Error> {
    match answer {
        Ok(_) => {
            read_rows(session, Verb::Uidl, claimed, |row| builder.push_uidl(row))?;
            builder.uidl_ended();
        }
        // What is listed now would be taken for mail without names, and all of it be fetched. Words
        // alone are not enough: one that always says so would never be fetched from.
        Err(refusal) if refusal.is_temporary() && claimed.messages != Some(0) => {
            session.give_up();
            let verb = Verb::Uidl;
            return Err(Error::Refused { verb, refusal });
        }
        Err(refusal) => builder.uidl_refused(refusal),
    }
    Ok(())
}

fn read_list(
    session: &mut Session,
    answer: Result<ServerText, Refusal>,
    claimed: MaildropSize,
    builder: &mut ListingBuilder,
) -> Result<(), Error> {
    let verb = Verb::List;
    builder.octets_asked();
    match answer {
        Ok(_) => read_rows(session, verb, claimed, |row| builder.push_list(row)),
        // Some servers refuse to list nothing.
        Err(_) if claimed.messages == Some(0) => Ok(()),
        // The octets are not known then; the unique-ids still are.
        Err(_) if builder.has_unique_ids() => Ok(()),
        Err(refusal) => Err(Error::Refused { verb, refusal }),
    }
}

fn read_rows(
    session: &mut Session,
    verb: Verb,
    claimed: MaildropSize,
    mut each: impl FnMut(&[u8]) -> Result<(), ListingTooLarge>,
) -> Result<(), Error> {
    if claimed.messages == Some(0) && lacks_terminator(session, verb)? {
        return Ok(());
    }
    session.rows(verb, LISTING_OCTETS_MAX, |row| {
        each(row).map_err(|_| Error::Misbehaved(Misbehaviour::ListTooLong(verb)))
    })
}

/// Whether the list of an empty maildrop is over with its status line: the next answer follows,
/// or nothing does.
fn lacks_terminator(session: &mut Session, verb: Verb) -> Result<bool, Error> {
    if verb == Verb::List && session.is_silent_for(EMPTY_LIST_SILENCE, verb)? {
        return Ok(true);
    }
    Ok(session.next_line(verb)? == NextLine::Status)
}

fn finish(builder: ListingBuilder) -> Listing {
    let listing = builder.finish();
    tell_malformed(listing.malformed());
    listing
}

fn tell_malformed(rows: usize) {
    if rows > 0 {
        log::warn!("{rows} rows of the server's lists make no sense");
    }
}
