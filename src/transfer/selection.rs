//! Which messages of a listing are meant. Values of one condition are alternatives; different
//! conditions must all hold.

use std::collections::HashSet;

use crate::message::Header;
use crate::protocol::{Listing, MessageNumber, Row, UniqueIdRef};

use super::list::unique_ids;
use super::observer::{Event, Observer, Warning};

/// Which messages by what the journal says of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// No word about receipts: fetch takes what is new, list and delete take every message.
    #[default]
    Unsaid,
    /// Only messages without a receipt.
    New,
    /// Only messages with a receipt.
    Stored,
    /// Every message; fetch stores again what it has.
    All,
}

/// The order in which messages are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As the server lists them.
    #[default]
    Listed,
    /// Highest message-number first: servers number by arrival.
    NewestFirst,
}

/// An inclusive range of message-numbers; they mean something in one session only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberRange {
    /// The first message-number of the range.
    pub first: MessageNumber,
    /// The last one, not lower than the first.
    pub last: MessageNumber,
}

/// Conditions on messages, and how many to take in which order.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// By receipt.
    pub scope: Scope,
    /// By unique-id, exact octets.
    pub unique_ids: Vec<Vec<u8>>,
    /// By message-number.
    pub numbers: Vec<NumberRange>,
    /// More octets than this, as listed.
    pub larger_octets: Vec<u64>,
    /// Fewer octets than this, as listed.
    pub smaller_octets: Vec<u64>,
    /// Date field at or after this time, in seconds since 1970.
    pub since_seconds: Vec<i64>,
    /// Date field before this time, in seconds since 1970.
    pub before_seconds: Vec<i64>,
    /// Text within the From field, whatever its case.
    pub from: Vec<String>,
    /// Text within the Subject field, whatever its case.
    pub subject: Vec<String>,
    /// At most so many messages; no condition.
    pub limit: Option<usize>,
    /// The order in which they are taken; no condition.
    pub order: Order,
}

impl Selection {
    /// Whether any condition was named. A limit or an order is none.
    pub fn has_condition(&self) -> bool {
        self.scope != Scope::Unsaid || self.has_listing_condition() || self.needs_header()
    }

    /// Whether all new messages are meant, and no others.
    pub(super) fn is_just_new(&self) -> bool {
        matches!(self.scope, Scope::Unsaid | Scope::New)
            && !self.has_listing_condition()
            && !self.needs_header()
    }

    /// Whether there is a condition that the listing alone decides.
    pub(super) fn has_listing_condition(&self) -> bool {
        !(self.unique_ids.is_empty()
            && self.numbers.is_empty()
            && self.larger_octets.is_empty()
            && self.smaller_octets.is_empty())
    }

    /// Whether a condition can be told only from the message's header.
    pub fn needs_header(&self) -> bool {
        !(self.since_seconds.is_empty()
            && self.before_seconds.is_empty()
            && self.from.is_empty()
            && self.subject.is_empty())
    }

    /// Tells of each chosen unique-id that no message has: it may be mistyped.
    pub(super) fn tell_missing(&self, listing: &Listing, observer: &dyn Observer) {
        if self.unique_ids.is_empty() {
            return;
        }
        let listed: HashSet<&[u8]> = unique_ids(listing).collect();
        for missing in &self.unique_ids {
            if !listed.contains(missing.as_slice()) {
                let warning = Warning::NoSuchUniqueId(missing.clone());
                observer.notice(Event::Warning(warning));
            }
        }
    }

    /// Whether the conditions that the listing alone decides hold. A size condition fails for a
    /// message of unknown size.
    pub fn matches_listing(&self, row: &Row<'_>) -> bool {
        let unique_id = row.unique_id.map(UniqueIdRef::as_bytes);
        let octets = row.octets;
        any_or_none(&self.unique_ids, |wanted| {
            unique_id == Some(wanted.as_slice())
        }) && any_or_none(&self.numbers, |range| {
            (range.first..=range.last).contains(&row.number)
        }) && any_or_none(&self.larger_octets, |&bound| {
            octets.is_some_and(|octets| octets > bound)
        }) && any_or_none(&self.smaller_octets, |&bound| {
            octets.is_some_and(|octets| octets < bound)
        })
    }

    /// Whether the conditions on the header hold. A field that is not there matches nothing.
    pub fn matches_header(&self, header: &Header) -> bool {
        any_or_none(&self.since_seconds, |&bound| {
            header.date_seconds.is_some_and(|date| date >= bound)
        }) && any_or_none(&self.before_seconds, |&bound| {
            header.date_seconds.is_some_and(|date| date < bound)
        }) && any_or_none(&self.from, |text| contains(header.from.as_deref(), text))
            && any_or_none(&self.subject, |text| {
                contains(header.subject.as_deref(), text)
            })
    }
}

fn any_or_none<T>(values: &[T], holds: impl FnMut(&T) -> bool) -> bool {
    values.is_empty() || values.iter().any(holds)
}

fn contains(field: Option<&str>, text: &str) -> bool {
    field.is_some_and(|field| field.to_lowercase().contains(&text.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: u32) -> MessageNumber {
        MessageNumber::new(value).expect("not zero")
    }

    fn check_listing(selection: &Selection, row: (u32, Option<u64>, Option<&str>), expected: bool) {
        let (n, octets, uid) = row;
        let row = Row {
            number: number(n),
            octets,
            unique_id: uid.and_then(|uid| UniqueIdRef::parse(uid.as_bytes()).ok()),
            repeated: false,
        };
        let found = selection.matches_listing(&row);
        assert_eq!(found, expected, "{selection:?} on {row:?}");
    }

    #[test]
    fn values_of_one_condition_are_alternatives_and_conditions_all_hold() {
        let by_uid = Selection {
            unique_ids: vec![b"a".to_vec(), b"b".to_vec()],
            ..Selection::default()
        };
        check_listing(&by_uid, (1, None, Some("a")), true);
        check_listing(&by_uid, (1, None, Some("b")), true);
        check_listing(&by_uid, (1, None, Some("c")), false);
        check_listing(&by_uid, (1, None, None), false);
        let both = Selection {
            numbers: vec![NumberRange {
                first: number(2),
                last: number(3),
            }],
            ..by_uid
        };
        check_listing(&both, (2, None, Some("a")), true);
        check_listing(&both, (3, None, Some("a")), true);
        check_listing(&both, (4, None, Some("a")), false);
        check_listing(&both, (2, None, Some("c")), false);
    }

    #[test]
    fn sizes_are_strict_bounds_and_an_unknown_size_meets_none() {
        let larger = Selection {
            larger_octets: vec![10],
            ..Selection::default()
        };
        check_listing(&larger, (1, Some(10), None), false);
        check_listing(&larger, (1, Some(11), None), true);
        check_listing(&larger, (1, None, None), false);
        let smaller = Selection {
            smaller_octets: vec![10],
            ..Selection::default()
        };
        check_listing(&smaller, (1, Some(9), None), true);
        check_listing(&smaller, (1, Some(10), None), false);
    }

    #[test]
    fn header_conditions_want_the_field_there() {
        let header = |date_seconds, from: Option<&str>, subject: Option<&str>| Header {
            date_seconds,
            from: from.map(str::to_owned),
            subject: subject.map(str::to_owned),
        };
        let selection = Selection {
            since_seconds: vec![100],
            from: vec!["ALICE".to_owned()],
            ..Selection::default()
        };
        let table = [
            (header(Some(100), Some("Alice <a@example.org>"), None), true),
            (header(Some(99), Some("Alice <a@example.org>"), None), false),
            (header(None, Some("Alice <a@example.org>"), None), false),
            (header(Some(100), Some("Bob"), None), false),
            (header(Some(100), None, None), false),
        ];
        for (header, expected) in table {
            assert_eq!(selection.matches_header(&header), expected, "{header:?}");
        }
        let subject = Selection {
            subject: vec!["grüße".to_owned()],
            ..Selection::default()
        };
        assert!(subject.matches_header(&header(None, None, Some("Viele GRÜSSE, GRÜßE"))));
    }

    #[test]
    fn limit_and_order_are_no_conditions() {
        let none = Selection {
            limit: Some(3),
            order: Order::NewestFirst,
            ..Selection::default()
        };
        assert!(!none.has_condition());
        assert!(
            Selection {
                scope: Scope::All,
                ..Selection::default()
            }
            .has_condition()
        );
        assert!(
            Selection {
                smaller_octets: vec![1],
                ..Selection::default()
            }
            .has_condition()
        );
        assert!(
            Selection {
                subject: vec!["x".to_owned()],
                ..Selection::default()
            }
            .has_condition()
        );
    }
}
