//! Mail of others that shows what ours shows, or what is put aside, and is another all the same.

use super::repair::{half_appended, mboxes_in_repair};
use super::*;

/// [`FOREIGN`] once more, by its From_ line later.
const AGAIN: &[u8] =
    b"From carol@example.org Fri Jan  5 10:45:00 2024\nSubject: theirs\n\nlines\n\n";

fn append(kit: &Kit, mail: &[u8]) {
    write(kit, &[&read(kit), mail].concat());
}

/// Ours are found where they are, so that what is put aside is mail of others alone; and behind half
/// of that stands its equal.
#[test]
fn what_stands_behind_an_equal_of_what_was_put_aside_is_not_lost() {
    const LAST: &[u8] = b"From eve@example.org Fri Jan  5 10:50:00 2024\n\nlast\n\n";
    let mut contents = own_essences();
    contents.extend([
        essence(b"Subject: theirs\n\nlines\n"),
        essence(b"\nmore\n"),
        essence(b"\nlast\n"),
    ]);
    let in_repair = mboxes_in_repair(|octets| octets - 20);
    at_every_stop(|first, first_part| {
        let begun = || {
            let kit = in_repair();
            write(&kit, &[MORE, &read(&kit)].concat());
            let ended = until(&kit, first, first_part, |_| true);
            append(&kit, &[AGAIN, LAST].concat());
            (kit, ended)
        };
        for operations in 0..40 {
            let (kit, _) = begun();
            let ended = until(&kit, operations, |_| 0, |_| true);
            drop(kit.open().unwrap());
            let told = format!("{} of 500, {first}, {operations}", first_part(500));
            assert_eq!(
                count(&kit, &contents),
                (vec![1, 1, 1, 2, 1, 1], 0),
                "{told}"
            );
            if ended == Ended::Well {
                break;
            }
        }
        begun().1
    });
}

/// A message of ours came long before; mail of others with another From_ line is its equal.
#[test]
fn mail_of_others_is_not_taken_for_ours_that_has_a_receipt() {
    const TWIN: &[u8] =
        b"From MAILER-DAEMON Fri Jan  5 10:30:00 2024\nSubject: three\n\nno end\n\n";
    let mut contents = own_essences();
    contents.push(essence(b"\nmore\n"));
    let dead_at = |operations| {
        let kit = mbox();
        kit.open().unwrap().deliver(&[NO_END]).unwrap();
        let deliver = |mut opened: Opened| deliver_rest(&mut opened, &[NO_END, ANN, BOB]);
        let ended = until(&kit, operations, half, deliver);
        (ended == Ended::InAppend).then_some(kit)
    };
    let append_at = (0..1000).find(|&operations| dead_at(operations).is_some());
    for second in [Meanwhile::Nothing, Meanwhile::Append, Meanwhile::Rewrite] {
        at_every_stop(|operations, part| {
            let kit = append_at.and_then(dead_at).unwrap();
            append(&kit, TWIN);
            let ended = until(&kit, operations, part, |_| true);
            second.happen(&kit, MORE);
            drop(kit.open().unwrap());
            let more = usize::from(second == Meanwhile::Append);
            let told = format!("{second:?}, {} of 500, {operations}", part(500));
            assert_eq!(count(&kit, &contents), (vec![1, 1, 2, more], 0), "{told}");
            ended
        });
    }
}

/// As a program may send it that says nothing else.
#[test]
fn mail_of_others_is_known_by_its_from_line() {
    let mut contents = own_essences();
    contents.push(essence(b"Subject: theirs\n\nlines\n"));
    let half_appended = half_appended(FOREIGN);
    for second in [Meanwhile::Nothing, Meanwhile::Rewrite] {
        at_every_stop(|operations, part| {
            let kit = half_appended();
            append(&kit, AGAIN);
            let ended = until(&kit, operations, part, |_| true);
            second.happen(&kit, MORE);
            drop(kit.open().unwrap());
            let told = format!("{second:?}, {} of 500, {operations}", part(500));
            assert_eq!(count(&kit, &contents), (vec![1, 1, 1, 2], 0), "{told}");
            ended
        });
    }
}

/// Where they differ, a line was quoted before that looks like the begin of mail; or one is the begin
/// of the other.
#[test]
fn mail_of_others_that_begins_like_what_is_put_aside_stays() {
    let mail = |number: u8| {
        let text =
            format!("Subject: report\n\n>From carol Fri Jan  5 10:20:00 2024\nnumber {number}\n");
        let stored = format!("From x@y Fri Jan  5 10:30:00 2024\n{text}\n");
        (stored.into_bytes(), essence(text.as_bytes()))
    };
    for numbers in [[1, 2], [1, 10]] {
        let [(before, first), (behind, other)] = numbers.map(mail);
        let mut contents = own_essences();
        contents.extend([first, other, essence(b"\nmore\n")]);
        let half_appended = half_appended(&before);
        for second in [Meanwhile::Nothing, Meanwhile::Append, Meanwhile::Rewrite] {
            at_every_stop(|operations, part| {
                let kit = half_appended();
                append(&kit, &behind);
                let ended = until(&kit, operations, part, |_| true);
                second.happen(&kit, MORE);
                drop(kit.open().unwrap());
                let more = usize::from(second == Meanwhile::Append);
                let told = format!(
                    "{numbers:?}, {second:?}, {} of 500, {operations}",
                    part(500)
                );
                let expected = vec![1, 1, 1, 1, 1, more];
                assert_eq!(count(&kit, &contents), (expected, 0), "{told}");
                ended
            });
        }
    }
}

/// Two of ours begin alike, up to a line that is quoted there; somebody took out the first.
#[test]
fn a_fragment_is_not_cut_at_its_own_quoted_line() {
    const BEGIN: &str = "Subject: x\r\n\r\nFrom carol Fri Jan  5 10:30:00 2024\r\n";
    let [first, second] = ["and one\r\n", "and two, it goes on\r\nand on, and on\r\n"]
        .map(|end| [BEGIN, end].concat());
    let ours = [first.as_bytes(), second.as_bytes()];
    at_every_stop(|operations, part| {
        let kit = mbox();
        write(&kit, FOREIGN);
        let ended = until(&kit, operations, part, |mut opened| {
            deliver_rest(&mut opened, &ours)
        });
        let content = read(&kit);
        let Some(end) = memchr::memmem::find(&content, b"and one\n\n") else {
            return ended;
        };
        write(
            &kit,
            &[FOREIGN, &content[end + b"and one\n\n".len()..], MORE].concat(),
        );
        let opened = kit.open().unwrap();
        let has = usize::from(opened.journal.has(opened.account, b"uid2"));
        let end = read(&kit);
        let told = format!("{} of 500, {operations}: {}", part(500), end.escape_ascii());
        assert_eq!(
            memchr::memmem::find_iter(&end, b"and two").count(),
            has,
            "{told}"
        );
        assert_eq!(
            memchr::memmem::find_iter(&end, b"\n\nFrom dave").count(),
            1,
            "{told}"
        );
        ended
    });
}
