//! Standard output as destination: a single message as it is, several as an mbox, at least once.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use super::delivery::{Commit, Delivered, Delivery, Replayed};
use super::durable::Disk;
use super::error::Error;
use super::files::{Batches, FileStage, Form, StagedFile, clean, remove_if_there};
use super::journal::{Fulfilled, Journal};
use super::mbox::{MboxText, from_line};
use super::open::{Clock, Halves, Site};

const CHUNK_OCTETS: u64 = 128 * 1024;

/// The two halves of standard output.
pub(super) fn halves(site: &Site) -> Halves {
    let folder = site.sides.folder.clone();
    Halves {
        stage: Box::new(FileStage::new(
            site,
            folder.clone(),
            Form::AsReceived,
            Batches::Single,
        )),
        commit: Box::new(StdoutCommit {
            disk: site.disk.clone(),
            clock: site.clock.clone(),
            folder,
        }),
    }
}

#[derive(Debug)]
struct StdoutCommit {
    disk: Disk,
    clock: Clock,
    folder: PathBuf,
}

impl Commit for StdoutCommit {
    fn deliver(
        &mut self,
        journal: &mut Journal,
        batch: Vec<Delivery>,
    ) -> Result<Vec<Delivered>, Error> {
        let mut delivered = Vec::new();
        for delivery in batch {
            let (receipt, keeping) = delivery.into_receipt(self.clock.seconds());
            let file = StagedFile::from_keeping(keeping);
            let intents = journal.intend(std::slice::from_ref(&receipt))?;
            let id = *intents.first().expect("one intent for one receipt");
            let mut message = File::open(file.path()).map_err(Error::io("opening", file.path()))?;
            let mut stdout = io::stdout().lock();
            let written = if file.alone {
                io::copy(&mut message, &mut stdout).map(drop)
            } else {
                write_mbox(&mut message, &file, &mut stdout)
            };
            written
                .and_then(|()| stdout.flush())
                .map_err(Error::io("writing to", STDOUT.as_ref()))?;
            journal.fulfil(&[Fulfilled::as_intended(id)])?;
            remove_if_there(&self.disk, file.path())?;
            delivered.push(Delivered { id, receipt });
        }
        Ok(delivered)
    }

    fn replay(&mut self, journal: &mut Journal) -> Result<Replayed, Error> {
        // Whether anybody saw them cannot be known: they are written again.
        let open: Vec<_> = journal
            .open_intents()?
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        if !open.is_empty() {
            journal.void(&open)?;
            journal.sync()?;
        }
        clean(&self.disk, &self.folder, journal.id(), &HashSet::new())?;
        Ok(Replayed {
            voided: open.len(),
            ..Replayed::default()
        })
    }
}

const STDOUT: &str = "standard output";

/// Writes a message as a part of an mbox.
fn write_mbox(message: &mut impl Read, file: &StagedFile, out: &mut impl Write) -> io::Result<()> {
    let mut text = MboxText::new();
    let mut octets = Vec::new();
    let mut written = from_line(file.sender.as_deref(), file.received_seconds).into_bytes();
    while message
        .by_ref()
        .take(CHUNK_OCTETS)
        .read_to_end(&mut octets)?
        > 0
    {
        text.feed(&octets, &mut written);
        out.write_all(&written)?;
        octets.clear();
        written.clear();
    }
    text.finish(&mut written);
    out.write_all(&written)
}
