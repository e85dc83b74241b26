//! Messages of ours are known again wherever others have moved them and whatever they have changed in
//! them, and nothing else is taken for one.

use super::repair::half_appended;
use super::stops::dead_after;
use super::*;
use crate::store::verify::{Finding, Verifier};

/// What Python's `mailbox` has written anew is ours all the same.
#[test]
fn messages_that_python_has_changed_are_known_again() {
    let ours: [&[u8]; 3] = [
        b"Subject:tight\r\nX-Tab:\tvalue\r\n\r\nlone \r and\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nno end\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nended\r\n--b--\r\n",
    ];
    let mut kits = Vec::new();
    at_every_stop(|operations, part| {
        let kit = mbox();
        let ended = until(&kit, operations, part, |mut opened| {
            opened.deliver(&ours).is_ok() && opened.journal.sync().is_ok()
        });
        let before = read(&kit);
        if before.ends_with(b"ended\n--b--\n\n") {
            kits.push((format!("{} of 500, {operations}", part(500)), before, kit));
        }
        ended
    });
    if !rewrite_by_python(kits.iter().map(|(.., kit)| kit)) {
        return;
    }
    for (told, before, kit) in kits {
        let rewritten = read(&kit);
        assert_ne!(rewritten, before, "{told}");
        let opened = kit.open().unwrap();
        assert_eq!(opened.replayed.voided, 0, "{told}");
        assert_eq!(read(&kit), rewritten, "{told}");
    }
}

/// Python's `mailbox` changes white space; so a message of ours is looked for without, but not taken
/// for another that is known.
#[test]
fn messages_that_differ_in_white_space_are_not_taken_for_each_other() {
    let first: &[u8] = b"Subject: one\r\n\r\na b\r\n";
    let others: [&[u8]; 2] = [
        b"Subject: one\r\n\r\na  b\r\n",
        b"Subject:one\r\n\r\na\r\nb\r\n",
    ];
    let contents = [
        essence(b"Subject: one\n\na b\n"),
        essence(b"Subject: one\n\na  b\n"),
        essence(b"Subject:one\n\na\nb\n"),
    ];
    for meanwhile in [Meanwhile::Nothing, Meanwhile::Rewrite] {
        at_every_stop(|operations, part| {
            let kit = mbox();
            kit.open().unwrap().deliver(&[first]).unwrap();
            let ended = until(&kit, operations, part, |mut opened| {
                opened.deliver(&others).is_ok() && opened.journal.sync().is_ok()
            });
            meanwhile.happen(&kit, FOREIGN);
            let opened = kit.open().unwrap();
            let mut receipts = 0;
            let mut each = |_, _| {
                receipts += 1;
                Ok(())
            };
            opened.journal.each_receipt(&mut each).unwrap();
            let (counts, others) = count(&kit, &contents);
            let told = format!("{meanwhile:?}, {} of 500, {operations}", part(500));
            assert_eq!(
                (counts.iter().sum::<usize>(), others),
                (receipts, 0),
                "{told}"
            );
            ended
        });
    }
}

/// A reader removes as much as we have appended: where ours should begin, the mbox ends.
#[test]
fn messages_before_whose_place_the_mbox_ends_are_looked_for() {
    let contents = own_essences();
    let before = mail_of(STORED.len());
    at_every_stop(|operations, part| {
        let kit = mbox();
        write(&kit, &before);
        let ended = deliver_until(&kit, operations, part);
        let ours = read(&kit).split_off(before.len());
        write(&kit, &ours);
        assert!(deliver_missing(&mut kit.open().unwrap()));
        let told = format!("{} of 500, {operations}", part(500));
        assert_eq!(count(&kit, &contents), (vec![1; 3], 0), "{told}");
        ended
    });
}

/// In a message of ours a line looks as if an append had been cut short there.
#[test]
fn our_own_text_is_no_place_where_an_append_was_cut_short() {
    let odd = b"Subject: odd\r\n\r\nFFrom x@y Fri Jan  5 10:00:00 2024\r\nmore\r\n";
    let [_, _, no_end] = <[Essence; 3]>::try_from(own_essences()).unwrap();
    let odd_essence = essence(b"Subject: odd\n\nFFrom x@y Fri Jan  5 10:00:00 2024\nmore\n");
    at_every_stop(|operations, part| {
        let kit = mbox();
        write(&kit, FOREIGN);
        let ended = until(&kit, operations, part, |mut opened| {
            opened.deliver(&[odd, NO_END]).is_ok() && opened.journal.sync().is_ok()
        });
        Meanwhile::Rewrite.happen(&kit, FOREIGN);
        let opened = kit.open().unwrap();
        let has = ["uid1", "uid2"].map(|unique_id| {
            let unique_id = unique_id.as_bytes();
            usize::from(opened.journal.has(opened.account, unique_id))
        });
        let told = format!("{} of 500, {operations}", part(500));
        assert_eq!(
            count(&kit, &[odd_essence, no_end]),
            (has.to_vec(), 1),
            "{told}"
        );
        ended
    });
}

/// A message that begins like another one, with the same From_ line.
#[test]
fn a_message_that_came_before_is_no_fragment_of_another() {
    for (header, before, body) in [
        ("", "", "and on\r\n"),
        // A field that readers have too.
        ("Lines: 2\r\n", "", "and on\r\n"),
        // Within a line of ours, the mail of others would begin like that.
        (
            "",
            "From bob Fri Jan  5 10:00:00 2024\r\none\r\n",
            "From bob Fri Jan  5 10:00:00 2024\r\ntwo\r\n",
        ),
    ] {
        let begin = [header.as_bytes(), ANN].concat();
        let first = [&begin, before.as_bytes()].concat();
        let other = [&begin, body.as_bytes()].concat();
        let kit_with_first = || {
            let kit = mbox();
            kit.open().unwrap().deliver(&[&first]).unwrap();
            kit
        };
        let mut stored = Vec::new();
        scan(&*read(&kit_with_first()), Begins::FromLines, &mut |found| {
            stored.push(found.essence);
        })
        .unwrap();
        for meanwhile in [Meanwhile::Append, Meanwhile::AppendAndRewrite] {
            if meanwhile.rewrites() && !header.is_empty() {
                // From then on it is not told from the reader's.
                continue;
            }
            at_every_stop(|operations, part| {
                let kit = kit_with_first();
                let ended = until(&kit, operations, part, |mut opened| {
                    opened.deliver(&[&other]).is_ok() && opened.journal.sync().is_ok()
                });
                meanwhile.happen(&kit, FOREIGN);
                kit.open().unwrap();
                let told = format!(
                    "{header}{body}{meanwhile:?} {} of 500, {operations}",
                    part(500)
                );
                assert_eq!(count(&kit, &stored).0, [1], "{told}");
                ended
            });
        }
    }
}

/// Ended by a reader, what is there of a From_ line looks like a message without any text.
#[test]
fn a_cut_from_line_is_no_empty_message_that_came_before() {
    let empty = essence(b"");
    for meanwhile in [Meanwhile::Rewrite, Meanwhile::AppendAndRewrite] {
        at_every_stop(|operations, part| {
            let kit = mbox();
            kit.open().unwrap().deliver(&[b""]).unwrap();
            let ended = until(&kit, operations, part, |mut opened| {
                opened.deliver(&[ANN]).is_ok() && opened.journal.sync().is_ok()
            });
            meanwhile.happen(&kit, FOREIGN);
            kit.open().unwrap();
            let told = format!("{meanwhile:?}, {} of 500, {operations}", part(500));
            assert_eq!(count(&kit, &[empty]).0, [1], "{told}");
            ended
        });
    }
}

/// A reader that puts in as many octets as there are NULs before our place moves these there: they
/// look as if the power had gone, and what follows is ours all the same.
#[test]
fn nuls_moved_to_our_place_by_a_reader_are_no_fragment_of_ours() {
    let before = [
        &b"From x Fri Jan  5 10:30:00 2024\n\nthere before"[..],
        &[0; 40],
    ]
    .concat();
    let contents = own_essences();
    at_every_stop(|operations, part| {
        let kit = mbox();
        write(&kit, &before);
        let ended = deliver_until(&kit, operations, part);
        Meanwhile::Rewrite.happen(&kit, FOREIGN);
        assert!(deliver_missing(&mut kit.open().unwrap()));
        let told = format!("{} of 500, {operations}", part(500));
        let (counts, _) = count(&kit, &contents);
        assert_eq!(counts, [1, 1, 1], "{told}");
        ended
    });
}

/// Messages of one content, some of which came before.
#[test]
fn no_message_is_taken_for_another_of_the_same_content() {
    let stored = b"Subject: three\n\nno end";
    let sha256 = <[u8; 32]>::from(Sha256::digest(stored));
    let contents = &own_essences()[..1];
    let contents = [&[essence(stored)], contents].concat();
    at_every_stop(|operations, part| {
        let kit = mbox();
        kit.open().unwrap().deliver(&[NO_END]).unwrap();
        let ended = until(&kit, operations, part, |mut opened| {
            opened.deliver(&[NO_END, ANN, NO_END]).is_ok() && opened.journal.sync().is_ok()
        });
        Meanwhile::Rewrite.happen(&kit, FOREIGN);
        let opened = kit.open().unwrap();
        let mut receipts = 0;
        let mut each = |_, receipt: Receipt| {
            receipts += usize::from(receipt.sha256 == sha256);
            Ok(())
        };
        opened.journal.each_receipt(&mut each).unwrap();
        let (counts, others) = count(&kit, &contents);
        let told = format!(
            "{} of 500, {operations}: {receipts} {counts:?} {others}",
            part(500)
        );
        // A reader may have put the begin of ours behind what came before.
        assert!(
            (counts[0]..=counts[0] + others).contains(&receipts),
            "{told}"
        );
        ended
    });
}

/// Where one that was appended behind it is there, half a message was cut by somebody else.
#[test]
fn half_a_message_before_one_of_ours_is_no_fragment() {
    let contents = own_essences();
    let (_, kit) = dead_after(STORED.len()..=STORED.len()).next().unwrap();
    let cut = memchr::memmem::find(STORED, b"lone").unwrap();
    let third = memchr::memmem::rfind(STORED, b"From ").unwrap();
    write(&kit, &[&STORED[..cut], b"\n\n", &STORED[third..]].concat());
    assert!(deliver_missing(&mut kit.open().unwrap()));
    assert_eq!(count(&kit, &contents), (vec![1; 3], 1));
}

/// Python's `mailbox` makes a line feed of a lone CR, so that ours differs behind a line of its own
/// that looks like the From_ line of others.
#[test]
fn a_quoted_from_line_of_ours_begins_no_mail_of_others() {
    let message: &[u8] =
        b"Subject: x\r\n\r\nFrom carol Fri Jan  5 10:30:00 2024\r\na\rb and more\r\n";
    at_every_stop(|operations, part| {
        let kit = mbox();
        let ended = until(&kit, operations, part, |mut opened| {
            opened.deliver(&[message]).is_ok() && opened.journal.sync().is_ok()
        });
        let mut content = read(&kit);
        for octet in content.iter_mut().filter(|octet| **octet == b'\r') {
            *octet = b'\n';
        }
        write(&kit, &content);
        let opened = kit.open().unwrap();
        let has = usize::from(opened.journal.has(opened.account, b"uid1"));
        let end = read(&kit);
        let quoted = memchr::memmem::find_iter(&end, b"From carol").count();
        let told = format!("{} of 500, {operations}", part(500));
        assert_eq!(quoted, has, "{told}: {}", end.escape_ascii());
        ended
    });
}

/// A reader took out the second of three, and the run that finds the others dies before that is
/// there again.
#[test]
fn what_is_missing_between_others_comes_from_the_stage() {
    let contents = own_essences();
    let [first, _, third] = *own_texts() else {
        panic!("there are three");
    };
    at_every_stop(|operations, part| {
        let (_, kit) = dead_after(STORED.len()..=STORED.len()).next().unwrap();
        write(&kit, &[first, third].concat());
        let ended = until(&kit, operations, part, |_| true);
        let opened = kit.open().unwrap();
        let told = format!("{} of 500, {operations}", part(500));
        assert_eq!(opened.replayed.voided, 0, "{told}");
        assert_eq!(count(&kit, &contents).0, [1; 3], "{told}");
        ended
    });
}

/// A reader took out the first and the third of three, and moved the second, so that the mbox ends
/// where the first should begin; and the run that finds the second dies before the others are there.
#[test]
fn what_was_found_before_others_that_are_missing_comes_once() {
    let contents = own_essences();
    let [_, second, _] = *own_texts() else {
        panic!("there are three");
    };
    let before = mail_of(second.len());
    let half_appended = half_appended(&before);
    for front in [&b""[..], FOREIGN] {
        at_every_stop(|operations, part| {
            let kit = half_appended();
            write(&kit, &[front, second].concat());
            let ended = until(&kit, operations, part, |_| true);
            let opened = kit.open().unwrap();
            let told = format!("{}: {} of 500, {operations}", front.len(), part(500));
            assert_eq!(opened.replayed.voided, 0, "{told}");
            assert_eq!(count(&kit, &contents).0, [1; 3], "{told}");
            ended
        });
    }
}

/// A reader has moved ours to the front, and mail that ends in one more empty line to its place.
#[test]
fn an_empty_line_of_others_is_no_fragment_of_ours() {
    let from_line = b"From x Fri Jan  5 10:30:00 2024\n\n";
    let mail = |octets: usize, end: &[u8]| {
        let body = vec![b'x'; octets - from_line.len() - end.len()];
        [&from_line[..], &body, end].concat()
    };
    let before = [mail(100, b"\n\n"), mail(STORED.len(), b"\n\n")].concat();
    let kit = half_appended(&before)();
    write(&kit, &[STORED, &mail(101, b"\n\n\n"), FOREIGN].concat());
    kit.open().unwrap();
    assert_eq!(count(&kit, &own_essences()).0, [1; 3]);
}

/// Somebody took out some of three, the last of which is cut; and the run that finds it dies.
#[test]
fn a_fragment_behind_messages_that_were_taken_out_is_repaired() {
    let mut contents = own_essences();
    contents.push(essence(b"Subject: theirs\n\nlines\n"));
    let [first, second, third] = *own_texts() else {
        panic!("there are three");
    };
    let half_appended = half_appended(FOREIGN);
    for left in [&b""[..], first, second] {
        for cut in [1, 10, 20, 30] {
            for behind in [&b""[..], MORE] {
                at_every_stop(|operations, part| {
                    let kit = half_appended();
                    let fragment = &third[..third.len() - cut];
                    write(&kit, &[FOREIGN, left, fragment, behind].concat());
                    let ended = until(&kit, operations, part, |_| true);
                    drop(kit.open().unwrap());
                    let (counts, others) = count(&kit, &contents);
                    let told = format!(
                        "{}, {cut}, {}, {} of 500, {operations}",
                        left.len(),
                        behind.len(),
                        part(500)
                    );
                    assert_eq!(counts, [1; 4], "{told}");
                    assert_eq!(others, usize::from(!behind.is_empty()), "{told}");
                    ended
                });
            }
        }
    }
}

/// Also one that had no line end.
#[test]
fn messages_that_a_reader_has_given_a_field_are_verified() {
    let kit = mbox();
    kit.open().unwrap().deliver(&OURS).unwrap();
    Meanwhile::Rewrite.happen(&kit, FOREIGN);
    let opened = kit.open().unwrap();
    let mut verifier = Verifier::new(&kit.destination).unwrap();
    let mut findings = Vec::new();
    let mut each = |_, receipt: Receipt| {
        findings.push(verifier.look_for(&receipt)?);
        Ok(())
    };
    opened.journal.each_receipt(&mut each).unwrap();
    let path = kit.path();
    assert_eq!(findings, vec![Finding::Intact { path }; OURS.len()]);
    assert_eq!(verifier.extra(), []);
}

/// What stands before has a receipt, and a field that readers have; half a From_ line, ended by a
/// reader, looks like a line of its text.
#[test]
fn half_a_from_line_is_found_behind_a_message_with_a_field_of_readers() {
    const FIRST: &[u8] =
        b"From MAILER-DAEMON Fri Jan  5 10:00:01 2024\nLines: 1\nSubject: one\n\nx\n\n";
    let ours: [&[u8]; 2] = [
        b"Lines: 1\r\nSubject: one\r\n\r\nx\r\n",
        b"Subject: two\r\n\r\ny\r\n",
    ];
    let contents = [
        essence(b"Subject: one\n\nx\n"),
        essence(b"Subject: two\n\ny\n"),
    ];
    let dead = dead_in_append(mbox, half, |mut opened| opened.deliver(&ours).is_ok());
    at_every_stop(|operations, part| {
        let kit = dead();
        write(&kit, &[FIRST, b"From MAILE\nStatus: O\n\n"].concat());
        let ended = until(&kit, operations, part, |_| true);
        drop(kit.open().unwrap());
        let told = format!("{} of 500, {operations}", part(500));
        assert_eq!(count(&kit, &contents), (vec![1, 1], 0), "{told}");
        ended
    });
}

#[test]
fn half_a_from_line_is_found_where_the_mbox_begins() {
    let mut contents = own_essences();
    contents.push(essence(b"Subject: theirs\n\nlines\n"));
    let kit = half_appended(b"")();
    write(&kit, &[b"From ann@\n", FOREIGN].concat());
    Meanwhile::Rewrite.happen(&kit, FOREIGN);
    drop(kit.open().unwrap());
    assert_eq!(count(&kit, &contents), (vec![1; 4], 0));
}

#[test]
fn text_without_a_from_line_stays_where_the_mbox_begins() {
    at_every_stop(|operations, part| {
        let kit = mbox();
        write(&kit, b"Fr\n");
        let ended = deliver_until(&kit, operations, part);
        assert!(deliver_missing(&mut kit.open().unwrap()));
        let told = format!("{} of 500, {operations}", part(500));
        assert_eq!(read(&kit), [b"Fr\n\n", STORED].concat(), "{told}");
        ended
    });
}

/// Somebody took out as much before it as there is of it up to its last line, which looks like the
/// begin of a From_ line.
#[test]
fn the_last_line_of_ours_is_no_fragment_of_it() {
    let first: &[u8] = b"Subject: x\r\n";
    let second: &[u8] = b"Subject: y\r\n\r\nF\r\n";
    let kit = mbox();
    kit.open().unwrap().deliver(&[first]).unwrap();
    let first_stored = read(&kit);
    at_every_stop(|operations, part| {
        let kit = mbox();
        write(&kit, FOREIGN);
        kit.open().unwrap().deliver(&[first]).unwrap();
        let ended = until(&kit, operations, part, |mut opened| {
            opened.count = 1;
            opened.deliver(&[second]).is_ok() && opened.journal.sync().is_ok()
        });
        let content = read(&kit);
        let rest = &content[FOREIGN.len() + first_stored.len()..];
        write(&kit, &[FOREIGN, rest, MORE].concat());
        let opened = kit.open().unwrap();
        let has = usize::from(opened.journal.has(opened.account, b"uid2"));
        let end = read(&kit);
        let times = memchr::memmem::find_iter(&end, b"Subject: y").count();
        let told = format!("{} of 500, {operations}: {}", part(500), end.escape_ascii());
        assert_eq!(times, has, "{told}");
        ended
    });
}
