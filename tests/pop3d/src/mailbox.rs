//! What the server serves.

use std::collections::{BTreeMap, BTreeSet};

use crate::message::{Message, PROLOGUE_OCTETS_MAX, mix};

/// How long generated messages are.
#[derive(Clone, Copy, Debug)]
pub enum Sizes {
    /// All of them this many octets (a header needs about 350).
    Fixed(u64),
    /// As in a person's mailbox: most of some kilobytes, a few of some hundred, rarely one of a
    /// megabyte.
    Mixed,
}

/// Messages counted from 1, in the order they arrived, and which of them were deleted.
#[derive(Clone, Debug)]
pub struct Mailbox {
    seed: u64,
    sizes: Sizes,
    arrived: u32,
    given: BTreeMap<u32, (String, Message)>,
    gone: BTreeSet<u32>,
}

impl Mailbox {
    /// A mailbox into which `messages` generated messages have arrived.
    pub fn generated(messages: u32, seed: u64, sizes: Sizes) -> Self {
        Self {
            seed,
            sizes,
            arrived: messages,
            given: BTreeMap::new(),
            gone: BTreeSet::new(),
        }
    }

    /// A mailbox with nothing in it.
    pub fn empty() -> Self {
        Self::generated(0, 0, Sizes::Mixed)
    }

    /// More generated messages arrive.
    pub fn grow(&mut self, messages: u32) {
        self.arrived += messages;
    }

    /// A message with just these octets arrives.
    pub fn add(&mut self, unique_id: &str, octets: &[u8]) {
        self.arrived += 1;
        self.given
            .insert(self.arrived, (unique_id.to_owned(), Message::given(octets)));
    }

    /// The message that arrived at this place, deleted or not.
    pub fn message(&self, number: u32) -> Message {
        match self.given.get(&number) {
            Some((_, message)) => message.clone(),
            None => Message::generated(self.seed, number, self.octets_wanted(number)),
        }
    }

    /// Its octets, without making the message where that can be helped.
    pub fn octets(&self, number: u32) -> u64 {
        let wanted = self.octets_wanted(number);
        if wanted >= PROLOGUE_OCTETS_MAX && !self.given.contains_key(&number) {
            return wanted;
        }
        self.message(number).octets()
    }

    /// Its unique-id.
    pub fn unique_id(&self, number: u32) -> String {
        match self.given.get(&number) {
            Some((unique_id, _)) => unique_id.clone(),
            None => format!("{:08x}{number:08x}", self.seed & 0xffff_ffff),
        }
    }

    /// The places of the messages that are still there.
    pub fn present(&self) -> Vec<u32> {
        (1..=self.arrived)
            .filter(|number| !self.gone.contains(number))
            .collect()
    }

    pub(crate) fn remove(&mut self, number: u32) {
        self.gone.insert(number);
    }

    fn octets_wanted(&self, number: u32) -> u64 {
        let Sizes::Mixed = self.sizes else {
            let Sizes::Fixed(octets) = self.sizes else {
                unreachable!()
            };
            return octets;
        };
        let random = mix(self.seed.rotate_left(32) ^ u64::from(number));
        let within = random >> 16;
        match random % 1000 {
            0..700 => 500 + within % 3_500,
            700..950 => 4_000 + within % 16_000,
            950..999 => 20_000 + within % 80_000,
            _ => 1_000_000 + within % 1_000_000,
        }
    }
}
