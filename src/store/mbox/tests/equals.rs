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
    let before = || {
        let kit = mbox();
        kit.open().unwrap().deliver(&[NO_END]).unwrap();
        kit
    };
    let half_appended = dead_in_append(before, half, |mut opened| {
        deliver_rest(&mut opened, &[NO_END, ANN, BOB])
    });
    for second in [Meanwhile::Nothing, Meanwhile::Append, Meanwhile::Rewrite] {
        at_every_stop(|operations, part| {
            let kit = half_appended();
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

/// Two of ours begin alike, up to a line in which there is a From_ line; somebody took out the first.
#[test]
fn a_fragment_is_not_cut_at_its_own_line() {
    for before in ["", "1 "] {
        let begin = format!("Subject: x\r\n\r\n{before}From carol Fri Jan  5 10:30:00 2024\r\n");
        let [first, second] = ["and one\r\n", "and two, it goes on\r\nand on, and on\r\n"]
            .map(|end| [&begin, end].concat());
        let ours = [first.as_bytes(), second.as_bytes()];
        at_every_stop(|operations, part| {
            let kit = mbox();
            write(&kit, FOREIGN);
            let deliver = |mut opened: Opened| deliver_rest(&mut opened, &ours);
            let ended = until(&kit, operations, part, deliver);
            let content = read(&kit);
            let Some(first) = memchr::memmem::find(&content, b"and one\n\n") else {
                return ended;
            };
            let rest = &content[first + b"and one\n\n".len()..];
            write(&kit, &[FOREIGN, rest, MORE].concat());
            let opened = kit.open().unwrap();
            let has = usize::from(opened.journal.has(opened.account, b"uid2"));
            let end = read(&kit);
            let times = |text| memchr::memmem::find_iter(&end, text).count();
            let told = format!("{} of 500, {operations}: {}", part(500), end.escape_ascii());
            assert_eq!(times(&b"and two"[..]), has, "{told}");
            assert_eq!(times(b"\n\nFrom dave"), 1, "{told}");
            ended
        });
    }
}

/// One that is missing begins like one that came before, up to such a line; and that has a field that
/// readers have, so that its content is not known any more.
#[test]
fn a_message_that_came_before_is_not_cut_at_its_own_line() {
    const BEGIN: &str = "Lines: 2\r\nSubject: x\r\n\r\n1 From carol Fri Jan  5 10:30:00 2024\r\n";
    let content = essence(b"Subject: x\n\n1 From carol Fri Jan  5 10:30:00 2024\nand one\n");
    let [first, second] =
        ["and one\r\n", "and two, it goes on\r\n"].map(|end| [BEGIN, end].concat());
    at_every_stop(|operations, part| {
        let kit = mbox();
        kit.open().unwrap().deliver(&[first.as_bytes()]).unwrap();
        let ended = until(&kit, operations, part, |mut opened| {
            opened.count = 1;
            opened.deliver(&[second.as_bytes()]).is_ok() && opened.journal.sync().is_ok()
        });
        Meanwhile::AppendAndRewrite.happen(&kit, MORE);
        drop(kit.open().unwrap());
        let told = format!("{} of 500, {operations}", part(500));
        assert_eq!(count(&kit, &[content]).0, [1], "{told}");
        ended
    });
}

/// Behind half a line of ours, the mail of others begins like what that line was to be.
#[test]
fn mail_of_others_behind_half_a_line_that_quotes_one_like_it_comes_out_again() {
    for date in [
        "Thu Jan  4 09:00:00 2024",
        "Fri Jan  5 09:00:00 2024",
        "Fri Jan  5 10:29:00 2024",
    ] {
        let ours = format!("Subject: x\r\n\r\nFrom carol@example.org {date}\r\nand more of it\r\n");
        let stored = format!("Subject: x\n\n>From carol@example.org {date}\nand more of it\n");
        let contents = [
            essence(stored.as_bytes()),
            essence(b"Subject: theirs\n\nlines\n"),
        ];
        let dead = dead_in_append(
            mbox,
            |_| 0,
            |mut opened| opened.deliver(&[ours.as_bytes()]).is_ok(),
        );
        let whole = mbox();
        whole.open().unwrap().deliver(&[ours.as_bytes()]).unwrap();
        let whole = read(&whole);
        for octets in 8..=whole.len() {
            let kit = dead();
            write(&kit, &whole[..octets]);
            Meanwhile::AppendAndRewrite.happen(&kit, FOREIGN);
            drop(kit.open().unwrap());
            assert_eq!(count(&kit, &contents), (vec![1; 2], 0), "{date}, {octets}");
        }
    }
}

/// Ours was cut within a field that readers have, and mail of others goes on in it: without that field
/// the fragment shows what their mail shows.
#[test]
fn a_fragment_that_shows_the_mail_within_it_is_not_that_mail() {
    const OWN: &[u8] = b"Status: RO\r\nSubject: a\r\n\r\nx\r\n";
    const FROM_LINE: &[u8] = b"From MAILER-DAEMON Fri Jan  5 10:00:01 2024\n";
    let contents = [
        essence(b"Subject: a\n\nx\n"),
        essence(b"Subject: theirs\n\nlines\n"),
        essence(b"\nmore\n"),
    ];
    let dead = dead_in_append(mbox, |_| 0, |mut opened| opened.deliver(&[OWN]).is_ok());
    for octets in 0..=b"Status: RO\n".len() {
        at_every_stop(|operations, part| {
            let kit = dead();
            write(
                &kit,
                &[FROM_LINE, &b"Status: RO\n"[..octets], FOREIGN].concat(),
            );
            let ended = until(&kit, operations, part, |_| true);
            Meanwhile::AppendAndRewrite.happen(&kit, MORE);
            drop(kit.open().unwrap());
            let told = format!("{octets}, {} of 500, {operations}", part(500));
            assert_eq!(count(&kit, &contents), (vec![1; 3], 0), "{told}");
            ended
        });
    }
}

/// A repair died within the From_ line of mail that was put aside, other mail goes on in that line,
/// and somebody takes out ours one by one: that mail is there all the same.
#[test]
fn mail_of_others_behind_half_a_from_line_of_others_is_not_doubled() {
    fn take_out_first(kit: &Kit) {
        let content = read(kit);
        let second = memchr::memmem::find_iter(&content, b"\nFrom MAILER").next();
        if let Some(line_feed) = second {
            write(kit, &content[line_feed + 1..]);
        }
    }
    let contents = [essence(b"Subject: theirs\n\nlines\n"), essence(b"\nmore\n")];
    let in_repair = mboxes_in_repair(|octets| octets - FOREIGN.len() + 40);
    at_every_stop(|operations, part| {
        let kit = in_repair();
        Meanwhile::AppendAndRewrite.happen(&kit, MORE);
        take_out_first(&kit);
        let ended = until(&kit, operations, part, |_| true);
        if ended == Ended::Elsewhere {
            take_out_first(&kit);
        }
        drop(kit.open().unwrap());
        let told = format!("{} of 500, {operations}", part(500));
        assert_eq!(count(&kit, &contents).0, [1, 1], "{told}");
        ended
    });
}
