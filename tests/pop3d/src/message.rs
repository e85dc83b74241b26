//! One message of a mailbox: a prologue held in memory and any amount of filler made while it
//! is sent.

use std::sync::{Arc, OnceLock};

/// Length of a line of filler with its CRLF.
const LINE_OCTETS: usize = 78;
/// Lines in the block that all filler is cut from.
const BLOCK_LINES: usize = 4096;
/// No prologue with its shortest filler is longer: above it a message has the octets wanted.
pub(crate) const PROLOGUE_OCTETS_MAX: u64 = 600;

/// What RETR sends, before byte-stuffing.
#[derive(Clone, Debug)]
pub struct Message {
    pub(crate) prologue: Arc<[u8]>,
    filler: Filler,
}

#[derive(Clone, Copy, Debug)]
struct Filler {
    first_line: usize,
    octets: u64,
}

impl Message {
    /// A message with just these octets; a missing last CRLF is added, as POP3 cannot do without.
    pub(crate) fn given(octets: &[u8]) -> Self {
        let mut prologue = octets.to_vec();
        if !prologue.ends_with(b"\r\n") {
            prologue.extend_from_slice(b"\r\n");
        }
        Self {
            prologue: prologue.into(),
            filler: Filler {
                first_line: 0,
                octets: 0,
            },
        }
    }

    /// The message of this number (from 1), with `octets_wanted` octets if its header and its
    /// odd lines fit into that.
    pub(crate) fn generated(seed: u64, number: u32, octets_wanted: u64) -> Self {
        let prologue = prologue(seed, number);
        let filler = octets_wanted.saturating_sub(prologue.len() as u64);
        // A line of filler needs its CRLF and at least one octet.
        let octets = if filler < 3 { 0 } else { filler };
        let first_line = (mix(seed ^ u64::from(number)) % BLOCK_LINES as u64) as usize;
        Self {
            prologue: prologue.into(),
            filler: Filler { first_line, octets },
        }
    }

    /// Its length in octets, as LIST gives it.
    pub fn octets(&self) -> u64 {
        self.prologue.len() as u64 + self.filler.octets
    }

    /// All its octets at once, for tests that compare.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut octets = self.prologue.to_vec();
        let Ok(()) = self.write_filler(|span| {
            octets.extend_from_slice(span);
            Ok::<(), std::convert::Infallible>(())
        });
        octets
    }

    /// Hands the filler to `write` in large spans. No line of it begins with a dot.
    pub(crate) fn write_filler<E>(
        &self,
        mut write: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let block = block();
        let mut left = self.filler.octets;
        let mut line = self.filler.first_line;
        // The last line is made apart, for it can be shorter, or longer by one or two octets.
        while left >= 2 * LINE_OCTETS as u64 {
            let start = line * LINE_OCTETS;
            let whole_lines = (left / LINE_OCTETS as u64 - 1) as usize;
            let span_octets = (block.len() - start).min(whole_lines * LINE_OCTETS);
            write(&block[start..start + span_octets])?;
            left -= span_octets as u64;
            line = (line + span_octets / LINE_OCTETS) % BLOCK_LINES;
        }
        if left > LINE_OCTETS as u64 + 2 {
            write(&block[..LINE_OCTETS])?;
            left -= LINE_OCTETS as u64;
        }
        if left > 0 {
            let mut last = vec![b'z'; left as usize];
            let text_octets = last.len() - 2;
            last[text_octets..].copy_from_slice(b"\r\n");
            write(&last)?;
        }
        Ok(())
    }
}

/// Steele, Lea, Flood: the splitmix64 generator's output function, a good hash of a counter.
pub(crate) fn mix(counter: u64) -> u64 {
    let mut state = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ state >> 31
}

/// Random letters in lines, made once.
fn block() -> &'static [u8] {
    static BLOCK: OnceLock<Vec<u8>> = OnceLock::new();
    BLOCK.get_or_init(|| {
        let mut block = Vec::with_capacity(BLOCK_LINES * LINE_OCTETS);
        for line in 0..BLOCK_LINES as u64 {
            for column in 0..(LINE_OCTETS - 2) as u64 {
                block.push(b'a' + (mix(line << 8 | column) % 26) as u8);
            }
            block.extend_from_slice(b"\r\n");
        }
        block
    })
}

/// The header and a few lines that break careless programs.
fn prologue(seed: u64, number: u32) -> Vec<u8> {
    let (year, month, day) = date(u64::from(number) / 24);
    let mut text = format!(
        "Return-Path: <sender{sender}@example.org>\r\n\
         From: Sender {sender} <sender{sender}@example.org>\r\n\
         To: Demo <demo@example.net>\r\n\
         Subject: Message {number}\r\n\
         Date: {day} {month} {year} {hour:02}:00:00 +0000\r\n\
         Message-ID: <{number}.{seed}@example.org>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         \r\n\
         This is message {number}.\r\n",
        sender = mix(seed ^ u64::from(number)) % 100,
        hour = number % 24,
    )
    .into_bytes();
    text.extend_from_slice(match number % 16 {
        1 => b".\r\n",
        2 => b"..\r\n.dot\r\n",
        3 => b"From here on, a line like the one between two messages.\r\n>From there too.\r\n",
        4 => b"\r\n\r\n",
        5 => "\u{dc}bergr\u{f6}\u{df}e \u{2713}\r\n".as_bytes(),
        6 => b"an octet no charset has: \xff\xfe\r\n",
        7 => b"\r\nFrom  \r\n\r\nFrom after an empty line\r\n",
        8 => b"+OK looks like a reply\r\n-ERR this too\r\n",
        _ => b"",
    });
    text
}

/// Year, month and day of this many days after the first of January 2020.
fn date(days: u64) -> (u64, &'static str, u64) {
    const MONTHS: [(&str, u64); 12] = [
        ("Jan", 31),
        ("Feb", 28),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
    ];
    // Leap days are left out: the dates need only be right, not complete.
    let mut day = days % 365;
    for (month, days_in_month) in MONTHS {
        if day < days_in_month {
            return (2020 + days / 365, month, day + 1);
        }
        day -= days_in_month;
    }
    (2020 + days / 365, "Dec", 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_octets_it_says_and_ends_in_crlf() {
        for number in (1..=16).chain([999_999, u32::MAX]) {
            for wanted in (0..1200).chain([4096, 400_000, 700_001]) {
                let message = Message::generated(u64::MAX, number, wanted);
                let octets = message.to_vec();
                assert_eq!(octets.len() as u64, message.octets(), "{number} {wanted}");
                assert!(octets.ends_with(b"\r\n"));
                assert_eq!(
                    octets,
                    Message::generated(u64::MAX, number, wanted).to_vec()
                );
                let shortest = message.prologue.len() as u64;
                assert!(message.octets() == wanted || message.octets() == shortest);
                assert!(message.octets() == wanted || wanted < PROLOGUE_OCTETS_MAX);
            }
        }
    }
}
