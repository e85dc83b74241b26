//! Stages a batch as exactly the octets to append to the mbox.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};

use sha2::{Digest as _, Sha256};

use super::SEPARATOR;
use super::from_line::from_line;
use super::text::MboxText;
use crate::message::HeaderPrefix;
use crate::store::delivery::{Arriving, Stage, Staged};
use crate::store::durable::Handle;
use crate::store::error::Error;
use crate::store::open::Clock;

/// A batch costs the mbox four syncs and a round of locks, so it may be long; a run that is
/// killed fetches it again. Each message in it costs a kilobyte of memory until its receipt is
/// written.
const BATCH_OCTETS_MAX: u64 = 32 * 1024 * 1024;
const BATCH_MESSAGES_MAX: usize = 1024;

/// How much is gathered before it is written.
const BUFFER_OCTETS: usize = 256 * 1024;

/// How much is written before the disk is set to work on it.
const WRITEBACK_OCTETS: u64 = 8 * 1024 * 1024;

/// A stage file in use. There are two: while one is appended to the mbox the other is filled.
/// When the last part of a batch is dropped it goes back to be filled again.
#[derive(Debug)]
pub(crate) struct StageFile {
    handle: Option<Handle>,
    kept: AtomicBool,
    back: Sender<Handle>,
}

impl StageFile {
    /// The file itself.
    pub(crate) fn handle(&self) -> &Handle {
        self.handle.as_ref().expect("only `drop` takes it")
    }

    /// From now on what is in the file must stay: if this run does not get further, the next one
    /// needs it to go on.
    pub(crate) fn keep(&self) {
        self.kept.store(true, Ordering::Release);
    }

    /// What is in the file is not needed any more.
    pub(crate) fn empty(&self) -> Result<(), Error> {
        self.handle()
            .set_len(0)
            .map_err(Error::io("emptying", self.handle().path()))?;
        self.kept.store(false, Ordering::Release);
        Ok(())
    }
}

impl Drop for StageFile {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take()
            && !self.kept.load(Ordering::Acquire)
        {
            // Fails when the stage is gone; then nobody wants it back.
            let _outcome = self.back.send(handle);
        }
    }
}

/// A whole message in a stage file.
#[derive(Debug)]
pub(crate) struct StagedRange {
    /// The file.
    pub(crate) file: Arc<StageFile>,
    /// Where its From_ line begins there.
    pub(crate) offset: u64,
    /// Its length with From_ line and closing empty line.
    pub(crate) octets: u64,
}

impl StagedRange {
    /// What the stage put into [`Staged::keeping`].
    pub(crate) fn from_keeping(keeping: Box<dyn Any + Send>) -> Self {
        *keeping
            .downcast()
            .expect("a destination's halves are made for each other")
    }
}

/// The retrieving half of an mbox.
#[derive(Debug)]
pub(crate) struct MboxStage {
    clock: Clock,
    free: Receiver<Handle>,
    back: Sender<Handle>,
    filling: Option<Filling>,
    arriving: Option<ArrivingMessage>,
}

/// The stage file of the batch that is coming together.
#[derive(Debug)]
struct Filling {
    file: Arc<StageFile>,
    /// Written so far.
    written: u64,
    in_writeback: u64,
    /// What comes behind.
    buffer: Vec<u8>,
    messages: usize,
}

/// A message that is not whole yet.
#[derive(Debug)]
struct ArrivingMessage {
    /// Where in the stage file it begins.
    offset: u64,
    header: HeaderPrefix,
    /// What comes behind the From_ line, while the header that names the sender is not complete.
    awaits_from_line: Option<Vec<u8>>,
    text: MboxText,
    text_octets: u64,
    hash: Sha256,
}

impl MboxStage {
    /// Stages into the files that `free` gives, and that come back by `back`.
    pub(crate) fn new(clock: Clock, free: Receiver<Handle>, back: Sender<Handle>) -> Self {
        Self {
            clock,
            free,
            back,
            filling: None,
            arriving: None,
        }
    }

    /// Empties the next stage file, once it is free.
    fn begin_batch(&self) -> Result<Filling, Error> {
        let handle = self.free.recv().map_err(|_| Error::Stopped)?;
        let file = StageFile {
            handle: Some(handle),
            kept: AtomicBool::new(false),
            back: self.back.clone(),
        };
        file.empty()?;
        Ok(Filling {
            file: Arc::new(file),
            written: 0,
            in_writeback: 0,
            buffer: SEPARATOR.to_vec(),
            messages: 0,
        })
    }
}

impl Filling {
    fn end(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn flush(&mut self) -> Result<(), Error> {
        let handle = self.file.handle();
        handle
            .write_all_at(&self.buffer, self.written)
            .map_err(Error::io("writing", handle.path()))?;
        self.written = self.end();
        self.buffer.clear();
        if self.written - self.in_writeback >= WRITEBACK_OCTETS {
            self.in_writeback = self.written;
            handle.start_writeback();
        }
        Ok(())
    }

    /// Forgets everything from an offset on.
    fn cut(&mut self, offset: u64) -> Result<(), Error> {
        if let Some(kept) = offset.checked_sub(self.written) {
            self.buffer
                .truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        } else {
            self.buffer.clear();
            let handle = self.file.handle();
            handle
                .set_len(offset)
                .map_err(Error::io("cutting", handle.path()))?;
            self.written = offset;
        }
        Ok(())
    }
}

impl ArrivingMessage {
    /// Puts into `buffer` what the next octets become.
    fn take(&mut self, octets: &[u8], buffer: &mut Vec<u8>) {
        self.header.feed(octets);
        let out = self.awaits_from_line.as_mut().unwrap_or(buffer);
        let text = self.text.feed(octets, out);
        self.hash.update(text);
        self.text_octets += text.len() as u64;
    }

    fn finish(&mut self, buffer: &mut Vec<u8>) {
        let text = self.text.finish(buffer);
        self.hash.update(text);
        self.text_octets += text.len() as u64;
    }

    fn write_from_line(&mut self, buffer: &mut Vec<u8>, clock: &Clock) {
        if let Some(held) = self.awaits_from_line.take() {
            let seconds = self
                .header
                .received_seconds()
                .unwrap_or_else(|| clock.seconds());
            let sender = self.header.envelope_sender();
            buffer.extend_from_slice(from_line(sender.as_deref(), seconds).as_bytes());
            buffer.extend_from_slice(&held);
        }
    }
}

impl Stage for MboxStage {
    fn begin(&mut self, _arriving: &Arriving) -> Result<(), Error> {
        self.abandon()?;
        if self.filling.is_none() {
            self.filling = Some(self.begin_batch()?);
        }
        let offset = self.filling.as_ref().map_or(0, Filling::end);
        self.arriving = Some(ArrivingMessage {
            offset,
            header: HeaderPrefix::default(),
            awaits_from_line: Some(Vec::new()),
            text: MboxText::new(),
            text_octets: 0,
            hash: Sha256::new(),
        });
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        let (Some(filling), Some(arriving)) = (&mut self.filling, &mut self.arriving) else {
            return Ok(());
        };
        arriving.take(octets, &mut filling.buffer);
        if arriving.header.is_complete() {
            arriving.write_from_line(&mut filling.buffer, &self.clock);
        }
        if filling.buffer.len() >= BUFFER_OCTETS {
            filling.flush()
        } else {
            Ok(())
        }
    }

    fn finish(&mut self) -> Result<Staged, Error> {
        let (Some(filling), Some(mut arriving)) = (&mut self.filling, self.arriving.take()) else {
            return Err(Error::Stopped);
        };
        arriving.write_from_line(&mut filling.buffer, &self.clock);
        arriving.finish(&mut filling.buffer);
        filling.messages += 1;
        let range = StagedRange {
            file: Arc::clone(&filling.file),
            offset: arriving.offset,
            octets: filling.end() - arriving.offset,
        };
        Ok(Staged {
            stored_octets: arriving.text_octets,
            sha256: arriving.hash.finalize().into(),
            keeping: Box::new(range),
        })
    }

    fn abandon(&mut self) -> Result<(), Error> {
        match (self.arriving.take(), &mut self.filling) {
            (Some(arriving), Some(filling)) => filling.cut(arriving.offset),
            _ => Ok(()),
        }
    }

    fn discard(&mut self, staged: Staged) -> Result<(), Error> {
        let range = StagedRange::from_keeping(staged.keeping);
        match &mut self.filling {
            // What is not last stays behind as a gap, which delivery closes.
            Some(filling)
                if Arc::ptr_eq(&filling.file, &range.file)
                    && filling.end() == range.offset + range.octets =>
            {
                filling.messages = filling.messages.saturating_sub(1);
                filling.cut(range.offset)
            }
            _ => Ok(()),
        }
    }

    fn is_full(&self) -> bool {
        self.filling.as_ref().is_some_and(|filling| {
            filling.messages >= BATCH_MESSAGES_MAX || filling.end() >= BATCH_OCTETS_MAX
        })
    }

    fn end_batch(&mut self) -> Result<(), Error> {
        let Some(mut filling) = self.filling.take() else {
            return Ok(());
        };
        if filling.messages == 0 {
            self.filling = Some(filling);
            return Ok(());
        }
        filling.flush()?;
        filling.file.handle().start_writeback();
        Ok(())
    }
}
