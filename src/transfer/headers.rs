//! Asks for headers by TOP, in a pipeline, and only for what the journal does not know already.

use std::collections::VecDeque;

use crate::client::{self, Client, Misbehaviour, Reply, Request, Transaction};
use crate::message::{Header, HeaderPrefix};
use crate::protocol::{Listing, Row, UniqueIdRef, Verb};
use crate::store::{self, AccountId, Journal};

use super::error::Error;
use super::observer::{Event, Observer, Warning};
use super::plan::Selected;
use super::selection::Selection;

/// Where headers are remembered from one run to the next.
pub(super) trait HeaderMemory {
    /// What TOP told before.
    fn recall(&self, unique_id: UniqueIdRef<'_>) -> Option<Header>;

    /// Remembers what TOP told now.
    fn remember(&mut self, unique_id: UniqueIdRef<'_>, header: &Header)
    -> Result<(), store::Error>;
}

/// Without a destination there is no memory.
impl<M: HeaderMemory> HeaderMemory for Option<M> {
    fn recall(&self, unique_id: UniqueIdRef<'_>) -> Option<Header> {
        self.as_ref()?.recall(unique_id)
    }

    fn remember(
        &mut self,
        unique_id: UniqueIdRef<'_>,
        header: &Header,
    ) -> Result<(), store::Error> {
        match self {
            Some(memory) => memory.remember(unique_id, header),
            None => Ok(()),
        }
    }
}

/// The journal as memory; one that is only read from forgets what is new.
pub(super) struct JournalMemory<'a> {
    pub(super) journal: &'a mut Journal,
    pub(super) account: AccountId,
    pub(super) writing: Writing,
}

/// Whether a journal may be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    Allowed,
    Forbidden,
}

impl HeaderMemory for JournalMemory<'_> {
    fn recall(&self, unique_id: UniqueIdRef<'_>) -> Option<Header> {
        // A header that cannot be read back is asked for again.
        let header = self.journal.header(self.account, unique_id.as_bytes());
        header.ok().flatten()
    }

    fn remember(
        &mut self,
        unique_id: UniqueIdRef<'_>,
        header: &Header,
    ) -> Result<(), store::Error> {
        if self.writing == Writing::Forbidden {
            return Ok(());
        }
        let unique_id = unique_id.to_unique_id();
        self.journal.note_header(self.account, &unique_id, header)
    }
}

/// Takes the rows out whose header does not meet the selection, if that asks for any; one that
/// cannot be had does not.
pub(super) fn narrow(
    client: &mut Client<Transaction>,
    listing: &Listing,
    selected: &mut Selected,
    selection: &Selection,
    memory: &mut dyn HeaderMemory,
    observer: &dyn Observer,
) -> Result<(), Error> {
    if !selection.needs_header() {
        return Ok(());
    }
    let rows: Vec<usize> = selected.rows().collect();
    let top = each_header(client, listing, &rows, memory, &mut |row, header| {
        if !selection.matches_header(header) {
            selected.remove(row);
        }
    })?;
    if top == TopAnswers::Refused {
        observer.notice(Event::Warning(Warning::NoTop));
    }
    Ok(())
}

/// How the server took to TOP, which is optional (RFC 1939 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TopAnswers {
    /// It answered, or was not asked.
    Given,
    /// It refused every time.
    Refused,
}

/// Hands on the header of each of these rows, in this order; an empty one if it cannot be had.
pub(super) fn each_header(
    client: &mut Client<Transaction>,
    listing: &Listing,
    rows: &[usize],
    memory: &mut dyn HeaderMemory,
    each: &mut dyn FnMut(usize, &Header),
) -> Result<TopAnswers, Error> {
    let mut headers = Headers {
        client,
        listing,
        asked: VecDeque::new(),
        given: 0,
        refused: 0,
    };
    let mut not_asked = rows.iter();
    for &row in rows {
        let Some(listed) = listing.row(row) else {
            continue;
        };
        if headers.asked.front() != Some(&row) {
            if let Some(header) = recalled(memory, &listed) {
                each(row, &header);
                continue;
            }
            headers.ask_ahead(&mut not_asked, memory);
        }
        let header = match headers.answer(row, &listed)? {
            TopAnswer::Missing => Header::default(),
            TopAnswer::Header { header, end } => {
                if let Some(unique_id) = own_unique_id(&listed) {
                    memory.remember(unique_id, &header)?;
                }
                // The next session asks for this one no more.
                end?;
                header
            }
        };
        each(row, &header);
    }
    let only_refused = headers.refused > 0 && headers.given == 0;
    Ok(if only_refused {
        TopAnswers::Refused
    } else {
        TopAnswers::Given
    })
}

/// The unique-id that tells this message from all others: one that is listed twice does not, and
/// no header may be remembered by it.
fn own_unique_id<'l>(listed: &Row<'l>) -> Option<UniqueIdRef<'l>> {
    listed.unique_id.filter(|_| !listed.repeated)
}

fn recalled(memory: &dyn HeaderMemory, listed: &Row<'_>) -> Option<Header> {
    own_unique_id(listed).and_then(|unique_id| memory.recall(unique_id))
}

/// A server that refuses so many TOPs and grants none does not know the command. It must not be
/// asked on: Dovecot hangs up after about 20 errors in a row.
const REFUSALS_MAX: usize = 3;

/// The answer to TOP is read so far: some servers send the whole message, and mail is rarely larger
/// than this. Behind it nothing of use can come, and perhaps no end either.
const TOP_OCTETS_MAX: usize = 32 << 20;

/// What came of a TOP.
enum TopAnswer {
    /// What its beginning tells, and whether it had an end within [`TOP_OCTETS_MAX`].
    Header {
        header: Header,
        end: Result<(), Error>,
    },
    /// It was refused, or is not asked for.
    Missing,
}

struct Headers<'a> {
    client: &'a mut Client<Transaction>,
    listing: &'a Listing,
    /// The rows asked for and not answered yet: for these, and no others, an answer comes.
    asked: VecDeque<usize>,
    given: usize,
    refused: usize,
}

impl Headers<'_> {
    /// Fills the window; until the first TOP is granted, only one is asked at a time.
    fn ask_ahead(&mut self, rows: &mut std::slice::Iter<'_, usize>, memory: &dyn HeaderMemory) {
        while self.may_ask() {
            let Some(&row) = rows.next() else { return };
            let Some(listed) = self.listing.row(row) else {
                continue;
            };
            if recalled(memory, &listed).is_none() {
                self.client.ask(Request::Top {
                    number: listed.number,
                    lines: 0,
                });
                self.asked.push_back(row);
            }
        }
    }

    fn may_ask(&self) -> bool {
        if self.given == 0 {
            self.asked.is_empty() && self.refused < REFUSALS_MAX
        } else {
            self.client.window_is_open()
        }
    }

    /// The header of this row.
    fn answer(&mut self, row: usize, listed: &Row<'_>) -> Result<TopAnswer, Error> {
        if self.asked.pop_front_if(|asked| *asked == row).is_none() {
            return Ok(TopAnswer::Missing);
        }
        let Some(answer) = self.client.answer()? else {
            return Ok(TopAnswer::Missing);
        };
        if !matches!(answer.request, Request::Top { number, .. } if number == listed.number) {
            return Err(client::Error::OutOfStep.into());
        }
        let mut body = match answer.reply {
            Reply::Body(body) => body,
            Reply::Refused(_) => {
                self.refused += 1;
                return Ok(TopAnswer::Missing);
            }
        };
        let mut prefix = HeaderPrefix::default();
        let mut octets_total = 0;
        while let Some(octets) = body.chunk()? {
            prefix.feed(octets);
            octets_total += octets.len();
            if octets_total > TOP_OCTETS_MAX {
                let endless = client::Error::Misbehaved(Misbehaviour::ListTooLong(Verb::Top));
                return Ok(TopAnswer::Header {
                    header: prefix.to_header(),
                    end: Err(Error::Retrieving(endless)),
                });
            }
        }
        body.end()?;
        self.given += 1;
        Ok(TopAnswer::Header {
            header: prefix.to_header(),
            end: Ok(()),
        })
    }
}
