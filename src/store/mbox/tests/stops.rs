//! Runs that end anywhere, and the mbox after the next one.

use std::ops::RangeInclusive;

use super::*;

#[test]
fn stopped_at_any_operation_each_message_comes_once() {
    for meanwhile in [
        Meanwhile::Nothing,
        Meanwhile::Append,
        Meanwhile::Rewrite,
        Meanwhile::AppendAndRewrite,
    ] {
        let mut contents = own_essences();
        contents.extend([
            essence(b"Subject: theirs\n\nlines\n"),
            essence(b"\nthere before"),
        ]);
        at_every_stop(|operations, part| {
            let kit = mbox();
            write(&kit, b"From x Fri Jan  5 10:30:00 2024\n\nthere before\n");
            let ended = deliver_until(&kit, operations, part);
            meanwhile.happen(&kit, FOREIGN);
            assert!(deliver_missing(&mut kit.open().unwrap()));
            let (counts, others) = count(&kit, &contents);
            let told = format!("{meanwhile:?}, {} of 500, {operations}", part(500));
            assert_eq!(
                counts,
                [1, 1, 1, usize::from(meanwhile.appends()), 1],
                "{told}"
            );
            assert_eq!(others, 0, "{told}");
            let again = kit.open().unwrap().replayed;
            assert_eq!(again.delivered.len(), 0, "{told}");
            ended
        });
    }
}

/// Mboxes in which an append died, each after one octet of ours more.
pub(super) fn dead_after(octets: RangeInclusive<usize>) -> impl Iterator<Item = (usize, Kit)> {
    let before = b"From x Fri Jan  5 10:30:00 2024\n\nthere before\n\n";
    let dead_at = |operations| {
        let kit = mbox();
        write(&kit, before);
        let ended = deliver_until(&kit, operations, |_| 0);
        (ended == Ended::InAppend).then_some(kit)
    };
    let append = (0..1000).find(|&operations| dead_at(operations).is_some());
    octets.map(move |octets| {
        let kit = append.and_then(dead_at).unwrap();
        write(&kit, &[&before[..], &STORED[..octets]].concat());
        (octets, kit)
    })
}

/// A kill within a write leaves half a line, procmail begins its mail in it, and a reader takes
/// both for one message and puts fields of its own into it.
#[test]
fn mail_of_others_within_half_a_line_of_ours_comes_out_again() {
    let mut contents = own_essences();
    contents.extend([
        essence(b"Subject: theirs\n\nlines\n"),
        essence(b"\nthere before"),
    ]);
    for (octets, kit) in dead_after(1..=STORED.len()) {
        Meanwhile::AppendAndRewrite.happen(&kit, FOREIGN);
        assert!(deliver_missing(&mut kit.open().unwrap()));
        assert_eq!(count(&kit, &contents), (vec![1; 5], 0), "{octets} octets");
        // Without an empty line before it, not every reader knows a From_ line for one; and no more
        // of them than that one come behind ours.
        let content = without_fields(&read(&kit));
        for message in own_texts().into_iter().chain([FOREIGN]) {
            let at = memchr::memmem::find(&content, message).unwrap();
            let (before, rest) = content.split_at(at);
            assert!(
                before.ends_with(b"\n\n"),
                "{octets} octets: {}",
                content.escape_ascii()
            );
            let behind = &rest[message.len()..];
            assert!(
                behind.is_empty() || behind.starts_with(b"From "),
                "{octets} octets"
            );
        }
    }
}

/// The same with Python's `mailbox`, which writes each message anew.
#[test]
fn mail_of_others_within_half_a_line_of_ours_survives_python() {
    let mut contents = own_essences();
    contents.push(essence(b"Subject: theirs\n\nlines\n"));
    let kits: Vec<(usize, Kit)> = dead_after(1..=STORED.len()).collect();
    for (_, kit) in &kits {
        Meanwhile::Append.happen(kit, FOREIGN);
    }
    if !rewrite_by_python(kits.iter().map(|(_, kit)| kit)) {
        return;
    }
    for (octets, kit) in &kits {
        assert!(deliver_missing(&mut kit.open().unwrap()));
        let told = read(kit);
        let told = told.escape_ascii();
        assert_eq!(
            count_words(kit, &contents),
            [1; 4],
            "{octets} octets:\n{told}"
        );
    }
}

/// Of a batch's intents the first ones are on disk, and the others are not: nothing of it was
/// appended yet, and what has no intent is new again.
#[test]
fn a_batch_whose_intents_are_torn_comes_once() {
    check_torn_intents(&OURS, &own_essences(), &[1; 3]);
}

#[test]
fn equal_messages_whose_intents_are_torn_come_once_each() {
    let [first, _, no_end] = <[Essence; 3]>::try_from(own_essences()).unwrap();
    check_torn_intents(&[ANN, NO_END, NO_END], &[first, no_end], &[1, 2]);
    check_torn_intents(&[NO_END; 4], &[no_end], &[4]);
}

fn check_torn_intents(ours: &[&[u8]], contents: &[Essence], counts: &[usize]) {
    let mut torn = 0;
    for operations in 0.. {
        for octets in EIGHTHS {
            let kit = mbox();
            let part = Part {
                path: kit.folder().join("journal"),
                octets,
            };
            let stop = Stop::after(operations, part);
            let disk = Disk::watched(Arc::<Stop>::clone(&stop));
            let opened = kit.open_on(&disk);
            let is_over = opened.is_ok_and(|mut opened| deliver_rest(&mut opened, ours));
            torn += usize::from(stop.hit());
            let mut opened = kit.open().unwrap();
            let told = format!("{} of 500, {operations}", octets(500));
            assert!(deliver_rest(&mut opened, ours), "{told}");
            assert_eq!(count(&kit, contents), (counts.to_vec(), 0), "{told}");
            if is_over {
                assert!(torn > 0);
                return;
            }
        }
    }
}

const EIGHTHS: [fn(usize) -> usize; 8] = [
    |octets| octets / 8,
    |octets| octets * 2 / 8,
    |octets| octets * 3 / 8,
    half,
    |octets| octets * 5 / 8,
    |octets| octets * 6 / 8,
    |octets| octets * 7 / 8,
    |octets| octets - 1,
];

/// What others append then stands for itself: procmail and maildrop put nothing before it.
#[test]
fn stopped_between_two_writes_no_message_is_half_there() {
    let message = [ANN, &b"a line\r\n".repeat(500)].concat();
    let messages = vec![message.as_slice(); 100];
    let mut counts = BTreeSet::new();
    for operations in 0.. {
        let kit = mbox();
        let part = Part {
            path: kit.path(),
            octets: |_| 0,
        };
        let disk = Disk::watched(Stop::after(operations, part));
        let ended = kit
            .open_on(&disk)
            .is_ok_and(|mut opened| opened.deliver(&messages).is_ok());
        let content = read(&kit);
        assert!(
            content.is_empty() || content.ends_with(b"a line\n\n"),
            "{operations}"
        );
        let mut count = 0;
        scan(&*content, Begins::FromLines, &mut |_| count += 1).unwrap();
        counts.insert(count);
        if ended {
            break;
        }
    }
    // None, as many as go into one write, and all.
    assert_eq!(counts.len(), 3, "{counts:?}");
}

#[test]
fn stopped_after_a_gap_was_closed_each_message_comes_once() {
    let deliver = |mut opened: Opened| {
        let first = opened.stage(ANN, 3)?;
        let unwanted = opened.stage(NO_END, 5)?;
        let second = opened.stage(BOB, 1000)?;
        opened.halves.stage.discard(unwanted)?;
        let third = opened.stage(NO_END, 2)?;
        opened.commit(vec![first, second, third])?;
        opened.journal.sync()
    };
    let contents = own_essences();
    at_every_stop(|operations, part| {
        let kit = mbox();
        let ended = until(&kit, operations, part, |opened| deliver(opened).is_ok());
        assert!(deliver_missing(&mut kit.open().unwrap()));
        let told = format!("{} of 500, {operations}", part(500));
        assert_eq!(count(&kit, &contents), (vec![1; 3], 0), "{told}");
        ended
    });
}

/// One operation fails, and those after it succeed.
struct ErrorOnce(AtomicUsize);

impl Watch for ErrorOnce {
    fn before(&self, _: &Operation<'_>) -> io::Result<()> {
        match self.0.fetch_sub(1, Ordering::SeqCst) {
            0 => Err(io::Error::other("the disk says no")),
            _ => Ok(()),
        }
    }
}

/// The next run goes on with it, so that no other batch may be staged in its place.
#[test]
fn a_batch_that_failed_stays_staged() {
    let contents = own_essences();
    for operations in 0.. {
        let kit = mbox();
        let errors = Arc::new(ErrorOnce(AtomicUsize::new(operations)));
        let disk = Disk::watched(Arc::clone(&errors) as Arc<dyn Watch>);
        let Ok(mut opened) = kit.open_on(&disk) else {
            continue;
        };
        let ended = opened.deliver(&OURS);
        for _ in 0..3 {
            // What it is staged in comes back once it is not wanted any more.
            let unwanted = opened.stage(ANN, 100);
            let staged = opened.halves.stage.end_batch();
            drop((unwanted, staged));
        }
        drop(opened);
        let before = count(&kit, &contents).0;
        let replayed = kit.open().unwrap().replayed;
        let told = format!("{operations}: {before:?}");
        assert_eq!(replayed.voided, 0, "{told}");
        if ended.is_ok() {
            assert_eq!(before, [1, 1, 1], "{told}");
        }
        if errors.0.load(Ordering::SeqCst) <= operations {
            break;
        }
    }
}
