//! Content that is stored already, for messages that only their content tells apart.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::protocol::UniqueIdRef;

/// SHA-256 of stored octets.
pub(super) type ContentHash = [u8; 32];

/// Messages that share an identity as far as the server tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Group {
    /// Those listed with this unique-id.
    UniqueId(Box<[u8]>),
    /// Those listed without one.
    NoUniqueId,
    /// Those that are stored under a name the server does not use (any more): found in a folder
    /// whose journal was lost, or fetched before the server was moved.
    Anyone,
}

impl Group {
    /// The group of a message as it is listed.
    pub(super) fn of(unique_id: Option<UniqueIdRef<'_>>) -> Self {
        unique_id.map_or(Self::NoUniqueId, |unique_id| {
            Self::UniqueId(unique_id.as_bytes().into())
        })
    }
}

/// For each group the contents that have receipts, each as often as it has one. Two messages with
/// the same content are two messages, so each receipt answers for one only, in whichever groups
/// it is.
#[derive(Debug, Default)]
pub(super) struct Contents<T> {
    groups: HashMap<Group, HashMap<ContentHash, Vec<T>>>,
    taken: HashSet<T>,
}

impl<T: Copy + Eq + Hash> Contents<T> {
    /// Nothing yet, and what is `taken` for good.
    pub(super) fn new(taken: HashSet<T>) -> Self {
        Self {
            groups: HashMap::new(),
            taken,
        }
    }

    /// Whether the group's receipts were added before.
    pub(super) fn has_group(&self, group: &Group) -> bool {
        self.groups.contains_key(group)
    }

    /// Adds a group with the contents that have receipts.
    pub(super) fn add_group(&mut self, group: Group, held: Vec<(ContentHash, T)>) {
        let contents = self.groups.entry(group).or_default();
        for (hash, receipt) in held {
            contents.entry(hash).or_default().push(receipt);
        }
    }

    /// The receipt that answers for this content, which answers for no other message after.
    pub(super) fn take(&mut self, group: &Group, hash: &ContentHash) -> Option<T> {
        let held = self.groups.get_mut(group)?.get_mut(hash)?;
        while let Some(receipt) = held.pop() {
            if self.taken.insert(receipt) {
                return Some(receipt);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Contents, Group};

    #[test]
    fn each_receipt_answers_for_one_message() {
        let group = Group::UniqueId(b"u".as_slice().into());
        let mut contents = Contents::new(HashSet::from(['e']));
        contents.add_group(
            group.clone(),
            vec![
                ([1; 32], 'a'),
                ([1; 32], 'b'),
                ([1; 32], 'e'),
                ([2; 32], 'c'),
            ],
        );
        let table = [
            (&group, [1; 32], Some('b')),
            (&group, [1; 32], Some('a')),
            (&group, [1; 32], None),
            (&group, [3; 32], None),
            (&Group::NoUniqueId, [2; 32], None),
            (&group, [2; 32], Some('c')),
        ];
        for (group, hash, expected) in table {
            assert_eq!(contents.take(group, &hash), expected);
        }
        contents.add_group(Group::Anyone, vec![([1; 32], 'a'), ([1; 32], 'd')]);
        assert_eq!(contents.take(&Group::Anyone, &[1; 32]), Some('d'));
        assert_eq!(contents.take(&Group::Anyone, &[1; 32]), None);
    }
}
