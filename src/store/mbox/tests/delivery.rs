//! What is delivered, and where.

use super::*;

/// A disk whose next write fails once it is told so.
#[derive(Default)]
struct FailingWrite(AtomicBool);

impl Watch for FailingWrite {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let fails =
            matches!(operation, Operation::Write { .. }) && self.0.swap(false, Ordering::SeqCst);
        if fails {
            return Err(io::Error::other("the disk is full"));
        }
        Ok(())
    }
}

#[test]
fn what_is_not_staged_whole_is_not_appended() {
    let kit = mbox();
    let disk = Arc::new(FailingWrite::default());
    let watch: Arc<dyn Watch> = Arc::<FailingWrite>::clone(&disk);
    let mut opened = kit.open_on(&Disk::watched(watch)).unwrap();
    let staged = vec![opened.stage(ANN, 7).unwrap()];
    disk.0.store(true, Ordering::SeqCst);
    opened.halves.stage.end_batch().unwrap_err();
    opened.commit(staged).unwrap_err();
    drop(opened);
    let mut opened = kit.open().unwrap();
    assert_eq!(read(&kit), b"");
    opened.deliver(&OURS).unwrap();
    assert_eq!(read(&kit), STORED);
}

#[test]
fn messages_are_appended_as_mboxrd() {
    for (before, between) in [
        (&b""[..], &b""[..]),
        (FOREIGN, b""),
        (b"From x Fri Jan  5 10:30:00 2024\n\nend\n", b"\n"),
        (b"From x Fri Jan  5 10:30:00 2024\n\nno end", b"\n\n"),
        (b"\n", b"\n"),
        (b"x", b"\n\n"),
    ] {
        let kit = mbox();
        fs::OpenOptions::new().write(true).open(kit.path()).unwrap();
        write(&kit, before);
        let mut opened = kit.open().unwrap();
        let delivered = opened.deliver(&OURS).unwrap();
        let content = read(&kit);
        assert_eq!(
            content.escape_ascii().to_string(),
            [before, between, STORED]
                .concat()
                .escape_ascii()
                .to_string()
        );
        for delivered in delivered {
            let Place::Range { offset, octets } = delivered.receipt.place else {
                panic!()
            };
            let range = usize::try_from(offset).unwrap()..usize::try_from(offset + octets).unwrap();
            assert!(content[range.clone()].starts_with(b"From "));
            assert!(content[range].ends_with(b"\n\n"));
            let mbox = File::open(kit.path()).unwrap();
            assert!(is_at_place(&mbox, &delivered.receipt).unwrap());
        }
        assert!(
            kit.folder()
                .join(".box.popfetch-stage")
                .metadata()
                .unwrap()
                .len()
                == 0
        );
    }
}

#[test]
fn batches_take_turns_and_discarded_messages_leave_no_gap() {
    let kit = mbox();
    let mut opened = kit.open().unwrap();
    for round in 0..3 {
        let first = opened.stage(ANN, 3).unwrap();
        let unwanted = opened.stage(NO_END, 5).unwrap();
        let second = opened.stage(BOB, 1000).unwrap();
        // The one in the middle, then one that is last, then half a one.
        opened.halves.stage.discard(unwanted).unwrap();
        let unwanted = opened.stage(&vec![b'x'; 600_000], 1000).unwrap();
        opened.halves.stage.discard(unwanted).unwrap();
        opened.halves.stage.begin(&Arriving::default()).unwrap();
        opened.halves.stage.write(&vec![b'y'; 600_000]).unwrap();
        opened.halves.stage.abandon().unwrap();
        let third = opened.stage(NO_END, 2).unwrap();
        opened.commit(vec![first, second, third]).unwrap();
        let content = read(&kit);
        assert_eq!(content, STORED.repeat(round + 1), "round {round}");
    }
}

/// Another program, which appends a mail without a lock just before this is done to the mbox.
struct Unlocked {
    mbox: PathBuf,
    when: When,
    /// The mbox as it was opened last, until the mail is appended.
    awaited: Mutex<Option<HandleId>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Write,
    Sync,
}

impl Watch for Unlocked {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        let mut awaited = self.awaited.lock().unwrap();
        if let Operation::Open { path, handle } = operation
            && *path == self.mbox
        {
            *awaited = Some(*handle);
        }
        let at = match (operation, self.when) {
            (Operation::Write { handle, .. }, When::Write)
            | (Operation::SyncData { handle }, When::Sync) => Some(*handle),
            _ => None,
        };
        if at.is_some() && *awaited == at {
            *awaited = None;
            let mbox = fs::OpenOptions::new().append(true).open(&self.mbox);
            mbox?.write_all(FOREIGN)?;
        }
        Ok(())
    }
}

#[test]
fn receipts_tell_where_messages_are_though_others_append_without_a_lock() {
    for (when, expected) in [
        (When::Write, [FOREIGN, FOREIGN, STORED].concat()),
        (When::Sync, [FOREIGN, STORED, FOREIGN].concat()),
    ] {
        let kit = mbox();
        write(&kit, FOREIGN);
        let watch = Arc::new(Unlocked {
            mbox: kit.path(),
            when,
            awaited: Mutex::default(),
        });
        let mut opened = kit.open_on(&Disk::watched(watch)).unwrap();
        let delivered = opened.deliver(&OURS).unwrap();
        assert_eq!(read(&kit), expected, "{when:?}");
        let mbox = File::open(kit.path()).unwrap();
        for delivered in delivered {
            let recorded = opened.journal.receipt(delivered.id).unwrap();
            assert_eq!(recorded, delivered.receipt);
            assert!(is_at_place(&mbox, &recorded).unwrap(), "{when:?}");
        }
    }
}
