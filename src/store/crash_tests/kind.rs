//! The kinds of destination that are crashed, and what is in one, read as anybody would read it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::disk::ModelDisk;
use crate::store::durable::{Disk, Watch};
use crate::store::testkit::NOW_SECONDS;
use crate::store::{Clock, Destination, EmlFolders, OpenOptions, Orphans};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Maildir,
    Mbox,
    Eml,
    EmlByMonth,
}

impl Kind {
    /// All that opening such a destination at `path` needs; no two runs begin in the same
    /// microsecond.
    pub(crate) fn open_options(
        self,
        path: PathBuf,
        disk: &Arc<ModelDisk>,
        run: u64,
    ) -> OpenOptions {
        let destination = match self {
            Self::Maildir => Destination::Maildir(path),
            Self::Mbox => Destination::Mbox(path),
            Self::Eml | Self::EmlByMonth => Destination::Eml(path),
        };
        let eml_folders = match self {
            Self::EmlByMonth => EmlFolders::Months,
            Self::Maildir | Self::Mbox | Self::Eml => EmlFolders::None,
        };
        let since = Duration::from_secs(NOW_SECONDS) + Duration::from_micros(run);
        OpenOptions {
            destination,
            journal: None,
            state_folder: PathBuf::new(),
            orphans: Orphans::Refuse,
            eml_folders,
            host_name: "host".to_owned(),
            pid: std::process::id(),
            clock: Clock::new(move || SystemTime::UNIX_EPOCH + since),
            patience: Duration::from_millis(200),
            stop: Arc::default(),
            disk: Disk::watched(Arc::clone(disk) as Arc<dyn Watch>),
        }
    }

    /// What becomes of a message in such a destination, its quoting taken away.
    pub(crate) fn stored_form(self, message: &str) -> Vec<u8> {
        let mut text = message.replace("\r\n", "\n");
        match self {
            Self::Eml | Self::EmlByMonth => message.as_bytes().to_owned(),
            Self::Mbox if !text.is_empty() && !text.ends_with('\n') => {
                text.push('\n');
                text.into_bytes()
            }
            Self::Maildir | Self::Mbox => text.into_bytes(),
        }
    }

    /// The messages that are there, in any order; none where the destination is not.
    pub(crate) fn messages_in(self, path: &Path) -> Vec<Vec<u8>> {
        match self {
            Self::Maildir => files(&[path.join("new"), path.join("cur")]),
            Self::Eml => files(&[path.to_owned()]),
            Self::EmlByMonth => files(&months(path)),
            Self::Mbox => messages_of(&fs::read(path).unwrap_or_default()),
        }
    }

    /// Files of ours that should be gone, or empty, once a run has ended well.
    pub(crate) fn left_over(self, path: &Path) -> Vec<PathBuf> {
        let folder = match self {
            Self::Maildir => path.join("tmp"),
            Self::Eml | Self::EmlByMonth => path.join(".popfetch-tmp"),
            Self::Mbox => path.parent().unwrap().to_owned(),
        };
        let is_mine = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let stays = name == "box" || name.ends_with("-journal") || name.ends_with("fetch-lock");
            !stays && (!name.contains("-stage") || fs::metadata(path).unwrap().len() > 0)
        };
        entries(&folder).into_iter().filter(is_mine).collect()
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The contents of all files in these folders but ours.
fn files(folders: &[PathBuf]) -> Vec<Vec<u8>> {
    let paths = folders.iter().flat_map(|folder| entries(folder));
    let is_mail = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.is_file() && !name.starts_with(".popfetch")
    };
    let mail = paths.filter(is_mail);
    mail.map(|path| fs::read(path).unwrap()).collect()
}

/// The folders of all months.
fn months(path: &Path) -> Vec<PathBuf> {
    let folders_in = |path: &Path| -> Vec<PathBuf> {
        let mut folders = entries(path);
        folders.retain(|path| path.is_dir() && !path.ends_with(".popfetch-tmp"));
        folders
    };
    let years = folders_in(path);
    years.iter().flat_map(|year| folders_in(year)).collect()
}

const READERS_FIELD: &[u8] = b"Status: O\n";

/// What a reader makes of an mbox: each message gets a field, and what breaks off is ended.
pub(crate) fn read(mbox: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in mbox.split_inclusive(|&octet| octet == b'\n') {
        out.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            out.push(b'\n');
        }
        if line.starts_with(b"From ") {
            out.extend_from_slice(READERS_FIELD);
        }
    }
    while !out.is_empty() && !out.ends_with(b"\n\n") {
        out.push(b'\n');
    }
    out
}

/// What a reader makes of it that reads only the last message.
pub(crate) fn read_last(mbox: &[u8]) -> Vec<u8> {
    let last = memchr::memmem::rfind(mbox, b"\nFrom ").map_or(0, |line_feed| line_feed + 1);
    let (before, last) = mbox.split_at(last);
    [before, &read(last)].concat()
}

/// Takes the first of these messages out of an mbox.
pub(crate) fn take_out(mbox: &[u8], messages: &[Vec<u8>]) -> Option<(Vec<u8>, Vec<u8>)> {
    let lines = memchr::memmem::find_iter(mbox, b"\nFrom ").map(|line_feed| line_feed + 1);
    let begins: Vec<usize> = std::iter::once(0)
        .chain(lines)
        .chain([mbox.len()])
        .collect();
    begins.windows(2).find_map(|ends| {
        let text = &mbox[ends[0]..ends[1]];
        let is_whole = text.starts_with(b"From ") && text.ends_with(b"\n\n");
        let message = is_whole.then(|| messages_of(text).remove(0))?;
        let rest = [&mbox[..ends[0]], &mbox[ends[1]..]].concat();
        messages.contains(&message).then_some((rest, message))
    })
}

/// The messages of an mbox, their quoting and the reader's fields taken away.
fn messages_of(mbox: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let lines = mbox.split_inclusive(|&octet| octet == b'\n');
    for line in lines.filter(|line| *line != READERS_FIELD) {
        if line.starts_with(b"From ") {
            end(messages.last_mut());
            messages.push(Vec::new());
        } else if let Some(message) = messages.last_mut() {
            let quotes = line.iter().take_while(|&&octet| octet == b'>').count();
            let is_quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
            message.extend_from_slice(&line[usize::from(is_quoted)..]);
        } else {
            panic!("mail before the first From_ line: {}", mbox.escape_ascii());
        }
    }
    end(messages.last_mut());
    messages
}

fn end(message: Option<&mut Vec<u8>>) {
    if let Some(message) = message {
        assert_eq!(message.pop(), Some(b'\n'), "{}", message.escape_ascii());
    }
}
