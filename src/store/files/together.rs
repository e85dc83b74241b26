//! Whether a batch of files is better synced with the whole file system than file by file.

use std::fs;
use std::path::Path;

/// What may wait to be written on this whole machine. A sync of the file system waits for other
/// programs' files too: at the 100 MB a second of an old disk a little more than a second, which
/// is about what syncing file by file loses in a fetch of some thousands.
const UNWRITTEN_OCTETS_MAX: u64 = 128 * 1024 * 1024;

/// File systems of which it is known that `syncfs` waits until all is on disk, and tells of
/// errors: ext2 to ext4, XFS, btrfs. What another machine, a program or a second layer keeps is
/// not always covered.
const TRUSTED: [u64; 3] = [0xef53, 0x5846_5342, 0x9123_683e];

/// Since this version of Linux `syncfs` tells of failed writes, whichever file they were for.
const LINUX_MIN: (u32, u32) = (5, 8);

/// Whether to sync the files of a batch together that is about to be written into `folder`.
pub(super) fn is_worth_it(folder: &Path) -> bool {
    is_trusted(folder)
        && linux_version(&rustix::system::uname().release().to_string_lossy()) >= Some(LINUX_MIN)
        && fs::read_to_string("/proc/meminfo")
            .ok()
            .and_then(|text| unwritten_octets(&text))
            .is_some_and(|octets| octets <= UNWRITTEN_OCTETS_MAX)
}

fn is_trusted(folder: &Path) -> bool {
    rustix::fs::statfs(folder)
        .ok()
        .and_then(|found| u64::try_from(found.f_type).ok())
        .is_some_and(|kind| TRUSTED.contains(&kind))
}

/// `6.1.0-18-amd64` is 6.1.
fn linux_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// What is to be written and what is being written, of all programs.
fn unwritten_octets(meminfo: &str) -> Option<u64> {
    let kibibytes = |name: &str| {
        let mut lines = meminfo.lines();
        let rest = lines.find_map(|line| line.strip_prefix(name))?;
        rest.strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    let octets = kibibytes("Dirty:")?.checked_add(kibibytes("Writeback:")?)?;
    octets.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::{linux_version, unwritten_octets};

    #[test]
    fn versions_of_linux_compare() {
        for (release, version) in [
            ("6.1.0-18-amd64", Some((6, 1))),
            ("5.10", Some((5, 10))),
            ("5.8-rc1", Some((5, 8))),
            ("4", None),
            ("", None),
            ("Linux", None),
        ] {
            assert_eq!(linux_version(release), version, "{release}");
        }
    }

    #[test]
    fn what_is_unwritten_is_the_sum_of_two_lines() {
        let meminfo =
            "MemTotal:  24683520 kB\nDirty:   12 kB\nWriteback:    3 kB\nWritebackTmp: 7 kB\n";
        for (text, octets) in [
            (meminfo, Some(15 * 1024)),
            ("Dirty: 12 kB\n", None),
            ("Dirty: 12 MB\nWriteback: 0 kB\n", None),
            ("", None),
        ] {
            assert_eq!(unwritten_octets(text), octets, "{text}");
        }
    }
}
