//! Mail of others behind a fragment of ours.

use super::*;

#[test]
fn a_repair_stopped_at_any_operation_loses_nobodys_mail() {
    let mut contents = own_essences();
    contents.extend([essence(b"Subject: theirs\n\nlines\n"), essence(b"\nmore\n")]);
    for (first, second) in [
        (Meanwhile::Append, Meanwhile::Nothing),
        (Meanwhile::Append, Meanwhile::Append),
        (Meanwhile::Append, Meanwhile::Rewrite),
        (Meanwhile::AppendAndRewrite, Meanwhile::Nothing),
        (Meanwhile::AppendAndRewrite, Meanwhile::Append),
        (Meanwhile::AppendAndRewrite, Meanwhile::Rewrite),
    ] {
        for cut in [half as fn(usize) -> usize, |_| 40, |_| 210, |_| 306] {
            let append = (0..1000)
                .find(|&operations| deliver_until(&mbox(), operations, cut) == Ended::InAppend)
                .unwrap();
            at_every_stop(|operations, part| {
                let kit = mbox();
                deliver_until(&kit, append, cut);
                first.happen(&kit, FOREIGN);
                let ended = deliver_until(&kit, operations, part);
                second.happen(&kit, MORE);
                assert!(deliver_missing(&mut kit.open().unwrap()));
                let more = usize::from(second == Meanwhile::Append);
                let told = format!(
                    "{first:?}, {}, {second:?}, {} of 500, {operations}",
                    cut(500),
                    part(500)
                );
                let counted = count(&kit, &contents);
                assert_eq!(counted, (vec![1, 1, 1, 1, more], 0), "{told}");
                let mut names = names_in(kit.folder()).into_iter();
                assert!(!names.any(|name| name.contains("tail")), "{told}");
                ended
            });
        }
    }
}

/// The same with Python's `mailbox`, before and after.
#[test]
fn a_repair_stopped_at_any_operation_survives_python() {
    let mut contents = own_essences();
    contents.push(essence(b"Subject: theirs\n\nlines\n"));
    for cut in [half as fn(usize) -> usize, |_| 40] {
        let append = (0..1000)
            .find(|&operations| deliver_until(&mbox(), operations, cut) == Ended::InAppend)
            .unwrap();
        let begun = || {
            let kit = mbox();
            deliver_until(&kit, append, cut);
            Meanwhile::Append.happen(&kit, FOREIGN);
            kit
        };
        let rewritten = begun();
        if !rewrite_by_python([&rewritten]) {
            return;
        }
        let rewritten = read(&rewritten);
        for is_rewritten in [false, true] {
            let mut kits = Vec::new();
            at_every_stop(|operations, part| {
                let kit = begun();
                if is_rewritten {
                    write(&kit, &rewritten);
                }
                let ended = deliver_until(&kit, operations, part);
                kits.push((operations, part(500), kit));
                ended
            });
            rewrite_by_python(kits.iter().map(|(.., kit)| kit));
            for (operations, part, kit) in kits {
                assert!(deliver_missing(&mut kit.open().unwrap()));
                let told = format!("{}, {is_rewritten}, {part} of 500, {operations}", cut(500));
                assert_eq!(count_words(&kit, &contents), [1; 4], "{told}");
            }
        }
    }
}

/// The message before has a reader's field of its own, so that its content is not known once a
/// reader has rewritten it, and ends in a line that could be the begin of the next one.
#[test]
fn a_repair_of_less_than_from_stopped_at_any_operation_loses_nobodys_mail() {
    let ours: [&[u8]; 2] = [
        b"Status: RO\r\nSubject: one\r\n\r\nends in\r\nFr\r\n",
        b"Subject: two\r\n\r\nx\r\n",
    ];
    let contents = [
        essence(b"Subject: one\n\nends in\nFr\n"),
        essence(b"Subject: two\n\nx\n"),
        essence(b"Subject: theirs\n\nlines\n"),
    ];
    let dead = dead_in_append(mbox, |_| 84, |mut opened| opened.deliver(&ours).is_ok());
    for first in [Meanwhile::Append, Meanwhile::AppendAndRewrite] {
        for second in [Meanwhile::Nothing, Meanwhile::Rewrite] {
            at_every_stop(|operations, part| {
                let kit = dead();
                assert!(read(&kit).ends_with(b"\nFr\n\nFro"));
                first.happen(&kit, FOREIGN);
                let ended = until(&kit, operations, part, |_| true);
                if first.rewrites() && second.rewrites() && read(&kit).ends_with(b"\n\nF") {
                    // A reader takes that for a part of the mail before, whose content is not
                    // known.
                    return ended;
                }
                second.happen(&kit, MORE);
                kit.open().unwrap();
                let told = format!("{first:?}, {second:?}, {} of 500, {operations}", part(500));
                assert_eq!(count(&kit, &contents), (vec![1; 3], 0), "{told}");
                ended
            });
        }
    }
}

/// A fragment that lacks nothing but white space shows the words of the message, and mail of others
/// stands behind it.
#[test]
fn a_fragment_without_its_last_white_space_is_repaired() {
    let ours: [&[u8]; 2] = [b"Subject: one\r\n\r\nx\r\n", b"Subject: two\r\n\x1d\r\n"];
    let contents = [
        essence(b"Subject: one\n\nx\n"),
        essence(b"Subject: two\n\x1d\n"),
        essence(b"Subject: theirs\n\nlines\n"),
    ];
    let dead = dead_in_append(
        mbox,
        |octets| octets - 3,
        |mut opened| opened.deliver(&ours).is_ok(),
    );
    for (first, second) in [
        (Meanwhile::Append, Meanwhile::Rewrite),
        (Meanwhile::AppendAndRewrite, Meanwhile::Nothing),
        (Meanwhile::AppendAndRewrite, Meanwhile::Rewrite),
    ] {
        at_every_stop(|operations, part| {
            let kit = dead();
            assert!(read(&kit).ends_with(b"Subject: two\n"));
            first.happen(&kit, FOREIGN);
            let ended = until(&kit, operations, part, |_| true);
            second.happen(&kit, FOREIGN);
            kit.open().unwrap();
            let told = format!("{first:?}, {second:?}, {} of 500, {operations}", part(500));
            assert_eq!(count(&kit, &contents), (vec![1; 3], 0), "{told}");
            ended
        });
    }
}

/// The mail behind our fragment was put aside, then a reader removed it, and other mail came.
#[test]
fn a_repair_of_what_was_removed_overwrites_nobodys_mail() {
    let long = [MORE, &b"and more\n".repeat(100)].concat();
    let long = [&long[..], b"\n"].concat();
    for (fragment, mail) in [
        (half as fn(usize) -> usize, MORE),
        (half, &long),
        (|_| 40, MORE),
        (|_| 40, &long),
    ] {
        let mut contents = own_essences();
        contents.push(essence(&mail[memchr::memchr(b'\n', mail).unwrap() + 1..]));
        let append = (0..1000)
            .find(|&operations| deliver_until(&mbox(), operations, fragment) == Ended::InAppend)
            .unwrap();
        let mut removed = 0;
        at_every_stop(|operations, part| {
            let kit = mbox();
            deliver_until(&kit, append, fragment);
            let fragment = read(&kit);
            let with_foreign = [&fragment, FOREIGN].concat();
            write(&kit, &with_foreign);
            let ended = deliver_until(&kit, operations, part);
            if read(&kit) == with_foreign {
                removed += 1;
                write(&kit, &[&fragment, mail].concat());
                assert!(deliver_missing(&mut kit.open().unwrap()));
                let (counts, _) = count(&kit, &contents);
                let told = format!("{} of 500, {operations}", part(500));
                assert_eq!(counts, [1, 1, 1, 1], "{} and {told}", fragment.len());
            }
            ended
        });
        assert!(removed > 0);
    }
}

/// Mail that came before and after a repair began stands behind ours as it stood before.
#[test]
fn a_repair_puts_nothing_between_the_mail_of_others() {
    let no_end = FOREIGN.strip_suffix(b"\n").unwrap();
    for separator in [&b""[..], b"\n"] {
        let append = (0..1000)
            .find(|&operations| deliver_until(&mbox(), operations, half) == Ended::InAppend)
            .unwrap();
        at_every_stop(|operations, part| {
            let kit = mbox();
            deliver_until(&kit, append, half);
            Meanwhile::Append.happen(&kit, no_end);
            let before = read(&kit);
            let ended = deliver_until(&kit, operations, part);
            if read(&kit) == before {
                let others = [separator, MORE].concat();
                write(&kit, &[&before, &others[..]].concat());
                assert!(deliver_missing(&mut kit.open().unwrap()));
                let expected = [STORED, no_end, &others].concat();
                assert_eq!(
                    read(&kit).escape_ascii().to_string(),
                    expected.escape_ascii().to_string(),
                    "{} of 500, {operations}",
                    part(500)
                );
            }
            ended
        });
    }
}

/// An mbox whose repair stopped as it wrote over the mail of others that it had put aside.
pub(super) fn mbox_in_repair(octets: fn(usize) -> usize) -> Kit {
    mboxes_in_repair(octets)()
}

/// Makes such ones.
pub(super) fn mboxes_in_repair(octets: fn(usize) -> usize) -> impl Fn() -> Kit {
    let deliver = |mut opened: Opened| deliver_missing(&mut opened);
    let dead = dead_in_append(mbox, |_| 40, deliver);
    let before = move || {
        let kit = dead();
        Meanwhile::Append.happen(&kit, FOREIGN);
        kit
    };
    dead_in_append(before, octets, deliver)
}

#[test]
fn mail_put_aside_is_written_back_only_as_it_was() {
    let mut contents = own_essences();
    contents.push(essence(b"Subject: theirs\n\nlines\n"));
    let kit = mbox_in_repair(|_| 0);
    let before = read(&kit);
    let aside = kit.folder().join(".box.popfetch-tail");
    let mail = fs::read(&aside).unwrap();
    assert!(mail.ends_with(FOREIGN));
    overwrite(&aside, &mail.to_ascii_uppercase());
    assert!(kit.open().is_err());
    assert_eq!(read(&kit), before);
    overwrite(&aside, &mail);
    assert!(deliver_missing(&mut kit.open().unwrap()));
    assert_eq!(count(&kit, &contents), (vec![1; 4], 0));
}

/// It was cut off when the run died, and then somebody removed the stages.
#[test]
fn a_repair_without_its_stage_gives_back_the_mail_of_others() {
    let theirs = [essence(b"Subject: theirs\n\nlines\n")];
    let kit = mbox_in_repair(|_| 40);
    assert_eq!(count(&kit, &theirs).0, [0]);
    for name in names_in(kit.folder()) {
        if name.contains("stage") {
            fs::remove_file(kit.folder().join(name)).unwrap();
        }
    }
    assert!(deliver_missing(&mut kit.open().unwrap()));
    assert_eq!(count(&kit, &theirs).0, [1]);
    assert_eq!(count(&kit, &own_essences()).0, [1; 3]);
}

/// The fragment is as long as the messages that are whole in it, so that what the repair has written
/// stands where mail of others stood.
#[test]
fn a_repair_of_whole_messages_writes_each_once() {
    let mut contents = own_essences();
    contents.push(essence(b"Subject: theirs\n\nlines\n"));
    let append = (0..1000)
        .find(|&operations| deliver_until(&mbox(), operations, half) == Ended::InAppend)
        .unwrap();
    let [first, ..] = *own_texts() else {
        panic!("there are some");
    };
    at_every_stop(|operations, part| {
        let kit = mbox();
        deliver_until(&kit, append, half);
        write(&kit, &[first, FOREIGN].concat());
        let ended = deliver_until(&kit, operations, part);
        assert!(deliver_missing(&mut kit.open().unwrap()));
        let told = format!("{} of 500, {operations}", part(500));
        assert_eq!(count(&kit, &contents), (vec![1; 4], 0), "{told}");
        ended
    });
}

/// Makes mboxes that held this when an append to them died half done.
pub(super) fn half_appended(before: &[u8]) -> impl Fn() -> Kit {
    let before = || {
        let kit = mbox();
        write(&kit, before);
        kit
    };
    dead_in_append(before, half, |mut opened| deliver_missing(&mut opened))
}

/// So many NULs before our place are moved there by a reader that they pass for the begin of ours.
#[test]
fn a_repair_ends_where_a_reader_has_moved_nuls() {
    let before = [
        &b"From x Fri Jan  5 10:30:00 2024\n\nthere before"[..],
        &[0; 90],
    ]
    .concat();
    let mut contents = own_essences();
    contents.push(essence(b"Subject: theirs\n\nlines\n"));
    let half_appended = half_appended(&before);
    at_every_stop(|operations, part| {
        let kit = half_appended();
        // A reader would take it for a part of half a line.
        Meanwhile::Append.happen(&kit, &[b"\n", FOREIGN].concat());
        let ended = deliver_until(&kit, operations, part);
        for _ in 0..8 {
            Meanwhile::Rewrite.happen(&kit, FOREIGN);
        }
        assert!(deliver_missing(&mut kit.open().unwrap()));
        let told = format!("{} of 500, {operations}", part(500));
        let (counts, _) = count(&kit, &contents);
        assert_eq!(counts, [1, 1, 1, 1], "{told}");
        ended
    });
}

/// A reader has taken out the mail before, so that the fragment stands elsewhere.
#[test]
fn a_repair_elsewhere_stopped_at_any_operation_goes_on_there() {
    let mut contents = own_essences();
    contents.push(essence(b"Subject: theirs\n\nlines\n"));
    let before = b"From x Fri Jan  5 10:30:00 2024\n\nthere before\n\n";
    let half_appended = half_appended(before);
    at_every_stop(|operations, part| {
        let kit = half_appended();
        let fragment = read(&kit).split_off(before.len());
        write(&kit, &[&fragment, FOREIGN].concat());
        let ended = deliver_until(&kit, operations, part);
        assert!(deliver_missing(&mut kit.open().unwrap()));
        let told = format!("{} of 500, {operations}", part(500));
        assert_eq!(count(&kit, &contents), (vec![1; 4], 0), "{told}");
        ended
    });
}

/// A reader has put in so much before it that the end of another message stands at its place.
#[test]
fn a_repair_begins_behind_an_empty_line() {
    let [first, ..] = *own_texts() else {
        panic!("there are some");
    };
    let half_appended = half_appended(b"");
    for octets in 0..4 {
        let in_front = mail_of(first.len() + octets);
        at_every_stop(|operations, part| {
            let kit = half_appended();
            write(&kit, &[MORE, FOREIGN, first].concat());
            let ended = deliver_until(&kit, operations, part);
            write(&kit, &[&in_front, &read(&kit)[..]].concat());
            assert!(deliver_missing(&mut kit.open().unwrap()));
            let end = read(&kit);
            let told = format!("{octets}: {} of 500, {operations}", part(500));
            let mut all = own_texts();
            all.extend([&in_front, MORE, FOREIGN]);
            for text in &all {
                let times = memchr::memmem::find_iter(&end, text).count();
                assert_eq!(times, 1, "{told}: {}", end.escape_ascii());
            }
            assert_eq!(end.len(), all.concat().len(), "{told}");
            ended
        });
    }
}

/// Whatever was lost of the line feeds that end the mail before, which a run that died had put in.
#[test]
fn what_goes_to_the_end_stands_behind_an_empty_line() {
    let much = FOREIGN.repeat(9);
    let half_appended = half_appended(&much);
    for lacking in 0..3 {
        at_every_stop(|operations, part| {
            let kit = half_appended();
            // A reader has taken most of it out.
            let before = &FOREIGN[..FOREIGN.len() - lacking];
            write(&kit, before);
            let ended = deliver_until(&kit, operations, part);
            let mut content = read(&kit);
            if ended == Ended::InAppend {
                let behind = content.iter_mut().skip(before.len());
                behind.take(2).for_each(|octet| *octet = 0);
                write(&kit, &content);
            }
            assert!(deliver_missing(&mut kit.open().unwrap()));
            let told = format!("{lacking}, {} of 500, {operations}", part(500));
            assert_eq!(read(&kit), [FOREIGN, STORED].concat(), "{told}");
            ended
        });
    }
}

#[test]
fn a_last_line_of_others_that_begins_like_a_from_line_is_put_back() {
    let mail = [FOREIGN.strip_suffix(b"\n").unwrap(), b"From me"].concat();
    let half_appended = half_appended(b"");
    at_every_stop(|operations, part| {
        let kit = half_appended();
        Meanwhile::Append.happen(&kit, &mail);
        let ended = deliver_until(&kit, operations, part);
        assert!(deliver_missing(&mut kit.open().unwrap()));
        let told = format!("{} of 500, {operations}", part(500));
        let end = read(&kit);
        assert!(end.ends_with(&mail), "{told}: {}", end.escape_ascii());
        ended
    });
}

/// As two runs of one program may send them.
#[test]
fn mail_of_others_is_not_taken_for_another_that_shows_the_same() {
    let theirs = [essence(b"Subject: theirs\n\nlines\n")];
    let half_appended = half_appended(FOREIGN);
    for second in [Meanwhile::Nothing, Meanwhile::Append] {
        at_every_stop(|operations, part| {
            let kit = half_appended();
            Meanwhile::Append.happen(&kit, FOREIGN);
            let ended = deliver_until(&kit, operations, part);
            second.happen(&kit, MORE);
            assert!(deliver_missing(&mut kit.open().unwrap()));
            let told = format!("{second:?}, {} of 500, {operations}", part(500));
            assert_eq!(count(&kit, &theirs).0, [2], "{told}");
            ended
        });
    }
}

/// A reader takes out as much as there is of ours: where ours should begin, other mail does, or the
/// mbox ends.
#[test]
fn what_a_repair_has_written_is_looked_for_where_its_place_shows_other_mail() {
    let mut contents = own_essences();
    contents.push(essence(b"Subject: theirs\n\nlines\n"));
    for octets in [STORED.len(), STORED.len() + FOREIGN.len()] {
        let before = mail_of(octets);
        let half_appended = half_appended(&before);
        at_every_stop(|operations, part| {
            let kit = half_appended();
            Meanwhile::Append.happen(&kit, FOREIGN);
            let ended = deliver_until(&kit, operations, part);
            let ours = read(&kit).split_off(before.len());
            write(&kit, &ours);
            assert!(deliver_missing(&mut kit.open().unwrap()));
            let told = format!("{octets}: {} of 500, {operations}", part(500));
            assert_eq!(count(&kit, &contents), (vec![1; 4], 0), "{told}");
            ended
        });
    }
}

/// Somebody leaves one of them, so that the mbox ends where a repair should begin; and the run that
/// finds it dies before the next repair is begun.
#[test]
fn what_was_found_in_a_repair_is_not_written_again() {
    let contents = own_essences();
    let [_, second, _] = *own_texts() else {
        panic!("there are three");
    };
    let before = mail_of(second.len());
    let half_appended = half_appended(&before);
    at_every_stop(|first, first_part| {
        let begun = || {
            let kit = half_appended();
            Meanwhile::Append.happen(&kit, FOREIGN);
            let ended = until(&kit, first, first_part, |_| true);
            write(&kit, second);
            (kit, ended)
        };
        let (kit, ended) = begun();
        let journal = fs::read(kit.folder().join("journal")).unwrap();
        if memchr::memmem::find(&journal, b"repaired").is_some() {
            // From then on it is taken out for good.
            return ended;
        }
        at_every_stop(|operations, part| {
            let (kit, _) = begun();
            let ended = until(&kit, operations, part, |_| true);
            drop(kit.open().unwrap());
            let told = format!(
                "{} of 500, {first}, {} of 500, {operations}",
                first_part(500),
                part(500)
            );
            assert_eq!(count(&kit, &contents).0, [1; 3], "{told}");
            ended
        });
        ended
    });
}

/// One of them is found and has a receipt, and the run dies before the next repair is begun.
#[test]
fn equal_messages_of_ours_come_once_each_after_three_kills() {
    let ours: [&[u8]; 2] = [NO_END, NO_END];
    let contents = [
        essence(b"Subject: three\n\nno end"),
        essence(b"Subject: theirs\n\nlines\n"),
    ];
    let deliver = |mut opened: Opened| {
        opened.journal.has(opened.account, b"uid1") || opened.deliver(&ours).is_ok()
    };
    let dead = dead_in_append(mbox, |_| 40, deliver);
    at_every_stop(|first, first_part| {
        let begun = || {
            let kit = dead();
            Meanwhile::Append.happen(&kit, FOREIGN);
            let ended = until(&kit, first, first_part, deliver);
            Meanwhile::Rewrite.happen(&kit, FOREIGN);
            (kit, ended)
        };
        at_every_stop(|operations, part| {
            let (kit, _) = begun();
            let ended = until(&kit, operations, part, deliver);
            assert!(deliver(kit.open().unwrap()));
            let told = format!(
                "{} of 500, {first}, {} of 500, {operations}",
                first_part(500),
                part(500)
            );
            assert_eq!(count(&kit, &contents).0, [2, 1], "{told}");
            ended
        });
        begun().1
    });
}
