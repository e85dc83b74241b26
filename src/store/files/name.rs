//! Names of staged files, and of the messages in a maildir: `SECONDS.UNIQUE.HOST`, as the maildir
//! specification wants them.
//!
//! The middle part carries the journal's id, so that a file left in `tmp/` by a killed run is known
//! as ours and nobody else's is ever touched.

/// Longer host names are cut: the name as a whole stays far below the 255 octets of most file
/// systems, flags included.
const HOST_OCTETS_MAX: usize = 100;

/// Makes names no other delivery on any host uses.
#[derive(Debug)]
pub(crate) struct Names {
    /// `J` and the journal's id, `M` and the microsecond in which this run began: two runs on one
    /// journal never begin in the same one, since the run lock keeps them apart.
    run: String,
    host: String,
    count: u64,
}

impl Names {
    /// Names for one run; `run_micros` is the time of its begin, in microseconds of the second.
    pub(crate) fn new(journal_id: &str, run_micros: u32, host: &str) -> Self {
        Self {
            run: format!("J{journal_id}M{run_micros}"),
            host: encoded_host(host),
            count: 0,
        }
    }

    /// The next name, for a delivery that begins at `seconds` since 1970.
    pub(crate) fn next(&mut self, seconds: i64) -> String {
        self.count += 1;
        format!("{seconds}.{}Q{}.{}", self.run, self.count, self.host)
    }
}

/// Whether a name was made by [`Names`] for this journal.
pub(crate) fn is_ours(name: &str, journal_id: &str) -> bool {
    made_for(name) == Some(journal_id)
}

/// The journal for which a name was made by [`Names`].
pub(crate) fn made_for(name: &str) -> Option<&str> {
    let (seconds, rest) = name.split_once('.')?;
    seconds.parse::<i64>().ok()?;
    let (run, count) = rest.strip_prefix('J')?.split_once('Q')?;
    let (journal_id, micros) = run.split_once('M')?;
    micros.parse::<u32>().ok()?;
    count.split_once('.')?.0.parse::<u64>().ok()?;
    Some(journal_id)
}

/// The host's name as it can stand in a file name: `/` and `:` as the specification writes them,
/// anything that is not plain left out.
fn encoded_host(host: &str) -> String {
    let mut encoded = String::new();
    for letter in host.chars() {
        match letter {
            '/' => encoded.push_str("\\057"),
            ':' => encoded.push_str("\\072"),
            _ if letter.is_ascii_graphic() => encoded.push(letter),
            _ => {}
        }
        if encoded.len() >= HOST_OCTETS_MAX {
            break;
        }
    }
    if encoded.is_empty() {
        "localhost".to_owned()
    } else {
        encoded
    }
}

#[cfg(test)]
mod tests {
    use super::{HOST_OCTETS_MAX, Names, is_ours};

    fn check_host(host: &str, expected: &str) {
        let name = Names::new("ab12", 7, host).next(1_704_448_800);
        assert_eq!(name, format!("1704448800.Jab12M7Q1.{expected}"));
        assert!(is_ours(&name, "ab12"), "{name}");
    }

    #[test]
    fn hosts_are_encoded() {
        check_host("mail.example.org", "mail.example.org");
        check_host("a/b:c", "a\\057b\\072c");
        check_host("a b\n\u{e9}", "ab");
        check_host("", "localhost");
        check_host(&"h".repeat(300), &"h".repeat(HOST_OCTETS_MAX));
    }

    #[test]
    fn names_differ() {
        let mut names = Names::new("ab12", 7, "h");
        assert_ne!(names.next(5), names.next(5));
    }

    #[test]
    fn only_names_with_this_journals_id_are_ours() {
        for (name, ours) in [
            ("1704448800.Jab12M7Q1.host", true),
            ("1704448800.Jab12M7Q1.host:2,S", true),
            ("1704448800.Jab13M7Q1.host", false),
            ("1704448800.Jab12ffM7Q1.host", false),
            ("1704448800.M7P8Q1.host", false),
            ("1704448800.Jab12.host", false),
            ("1704448800.Jab12M7Q1", false),
            ("x.Jab12M7Q1.host", false),
            (".Jab12M7Q1.host", false),
            ("", false),
        ] {
            assert_eq!(is_ours(name, "ab12"), ours, "{name}");
        }
    }
}
