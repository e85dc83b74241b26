//! Power cuts, kills and I/O errors at every operation of the store, on a disk that keeps its
//! promises and not one more.

pub(crate) mod disk;
pub(crate) mod kind;
mod world;

use disk::{Fault, Names, Survives};
use kind::Kind;
use proptest::prelude::*;
use world::{After, Message, Task, World};

const SMALL: Message = "Subject: one\r\n\r\nFrom here on\r\n>From there\r\n";
const NO_END: Message =
    "Date: Fri, 5 Jan 2024 10:00:00 +0000\r\nSubject: two\r\n\r\nlone \r, no end";
const EMPTY: Message = "";
const MESSAGES: [Message; 4] = [SMALL, NO_END, SMALL, EMPTY];

const KINDS: [Kind; 4] = [Kind::Maildir, Kind::Mbox, Kind::Eml, Kind::EmlByMonth];

/// How a run ends early, and what happens before the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Crash {
    end: End,
    then: Meanwhile,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// SIGKILL: what the kernel was told stays.
    Kill,
    /// SIGKILL within a write, after so many quarters of it.
    KillWithin(usize),
    PowerCut(Names, Survives),
    ErrorOnce,
    ErrorsFrom,
    DiskFull,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    /// Another program delivers, right behind what is there.
    Mail,
    /// A reader rewrites the mbox.
    Reader,
    /// One rewrites its last message, and not what is before.
    LastReader,
    MailAndReader,
    /// Somebody takes out the first message of ours.
    TakenOut,
    TakenOutAndMail,
    /// Another program puts mail in front of all, and syncs nothing.
    MailInFront,
    /// Somebody removes what was staged for an mbox.
    NoStage,
}

impl Crash {
    fn of(end: End) -> Self {
        let then = Meanwhile::Nothing;
        Self { end, then }
    }

    /// A run that comes so far and no further.
    fn strike(self, world: &mut World, operations: usize) {
        // How it ends is for others to test.
        drop(world.run(self.end.fault(operations)));
        if let End::PowerCut(names, survives) = self.end {
            world.cut_power(names, survives);
        }
        match self.then {
            Meanwhile::Nothing => {}
            Meanwhile::Mail => world.others_deliver(),
            Meanwhile::Reader => world.others_read(),
            Meanwhile::LastReader => world.others_read_last(),
            Meanwhile::MailAndReader => {
                world.others_deliver();
                world.others_read();
            }
            Meanwhile::TakenOut => world.others_take_out(),
            Meanwhile::TakenOutAndMail => {
                world.others_take_out();
                world.others_deliver();
            }
            Meanwhile::MailInFront => world.others_rewrite(),
            Meanwhile::NoStage => world.others_remove_stages(),
        }
    }
}

impl End {
    fn fault(self, operations: usize) -> Fault {
        match self {
            Self::Kill | Self::PowerCut(..) => Fault::Stop(operations),
            Self::KillWithin(quarters) => Fault::StopWithin(operations, quarters),
            Self::ErrorOnce => Fault::ErrorOnce(operations),
            Self::ErrorsFrom => Fault::ErrorsFrom(operations),
            Self::DiskFull => Fault::FullFrom(operations),
        }
    }
}

/// A run that nothing happens to has each message once; and it still has when then the power goes
/// and takes all with it that was not synced: by now the server may have nothing left.
fn recover(world: &mut World, told: &dyn std::fmt::Debug) {
    for _ in 0..2 {
        if let Err(error) = world.run(Fault::None) {
            panic!("{told:?}: {error}: {error:?}");
        }
        world.check(told);
        world.cut_power(Names::Harsh, Survives::Nothing);
    }
}

fn crashes(kind: Kind) -> Vec<Crash> {
    let mut ends = vec![
        End::Kill,
        End::KillWithin(2),
        End::ErrorOnce,
        End::ErrorsFrom,
        End::DiskFull,
    ];
    for names in [Names::Ordered, Names::Harsh] {
        for survives in [Survives::Nothing, Survives::Some(1), Survives::Some(2)] {
            ends.push(End::PowerCut(names, survives));
        }
    }
    ends.push(End::PowerCut(Names::Harsh, Survives::Lengths));
    let mut crashes: Vec<Crash> = ends.into_iter().map(Crash::of).collect();
    if kind == Kind::Mbox {
        crashes.extend(
            [
                (End::Kill, Meanwhile::MailInFront),
                (End::Kill, Meanwhile::NoStage),
                (End::ErrorOnce, Meanwhile::NoStage),
                (End::ErrorOnce, Meanwhile::LastReader),
                (End::ErrorsFrom, Meanwhile::TakenOutAndMail),
            ]
            .map(|(end, then)| Crash { end, then }),
        );
        for end in [End::Kill, End::KillWithin(1), End::KillWithin(3)] {
            for then in [
                Meanwhile::Mail,
                Meanwhile::Reader,
                Meanwhile::MailAndReader,
                Meanwhile::TakenOut,
                Meanwhile::TakenOutAndMail,
            ] {
                crashes.push(Crash { end, then });
            }
        }
        for survives in [Survives::Nothing, Survives::Lengths, Survives::Some(3)] {
            let end = End::PowerCut(Names::Harsh, survives);
            crashes.push(Crash {
                end,
                then: Meanwhile::Mail,
            });
        }
    }
    crashes
}

fn crash_everywhere(kind: Kind, messages: &[Message], batch_messages: usize) {
    for after in [After::Keep, After::Delete] {
        for crash in crashes(kind) {
            for operations in 0.. {
                let mut world = World::new(Task {
                    kind,
                    after,
                    messages: messages.to_vec(),
                    batch_messages,
                });
                let told = (kind, after, crash, operations);
                crash.strike(&mut world, operations);
                let is_over = world.operations() <= operations;
                recover(&mut world, &told);
                if is_over {
                    assert!(
                        operations > 20,
                        "{told:?}: a run of so few operations is none"
                    );
                    break;
                }
            }
        }
    }
}

#[test]
fn a_maildir_survives_a_crash_at_every_operation() {
    crash_everywhere(Kind::Maildir, &MESSAGES, 2);
}

#[test]
fn an_mbox_survives_a_crash_at_every_operation() {
    crash_everywhere(Kind::Mbox, &MESSAGES, 2);
}

#[test]
fn an_eml_folder_survives_a_crash_at_every_operation() {
    // It makes more folders than one without months, and does else the same.
    crash_everywhere(Kind::EmlByMonth, &MESSAGES, 2);
}

/// Of so many files the last ones are closed before they are synced.
#[test]
fn a_batch_synced_together_survives_a_crash_at_every_operation() {
    crash_everywhere(Kind::Maildir, &[SMALL; 9], 9);
}

/// A run that finds the journal there must not take it for lasting.
#[test]
fn a_destination_is_opened_in_spite_of_two_crashes() {
    for first in 5..14 {
        for second in 0..14 {
            for seed in 4..7 {
                let mut world = World::new(Task {
                    kind: Kind::Mbox,
                    after: After::Keep,
                    messages: vec![SMALL],
                    batch_messages: 1,
                });
                let power_cut = Crash::of(End::PowerCut(Names::Harsh, Survives::Some(seed)));
                Crash::of(End::Kill).strike(&mut world, first);
                power_cut.strike(&mut world, second);
                recover(&mut world, &(first, second, seed));
            }
        }
    }
}

/// Messages, and how many of them make a batch.
type Batches = (&'static [Message], usize);

const ONE_BY_ONE: Batches = (&[SMALL, SMALL], 1);
const AT_ONCE: Batches = (&[SMALL, NO_END, SMALL], 3);

/// What a replay finds in an mbox, or takes from a staging folder, it must not take for lasting; nor
/// what was left of a replay that failed.
fn crash_every_replay(kind: Kind, batches: Batches, before: Crash) {
    let (messages, batch_messages) = batches;
    let task = Task {
        kind,
        after: After::Keep,
        messages: messages.to_vec(),
        batch_messages,
    };
    let crashes = [
        Crash::of(End::ErrorOnce),
        Crash::of(End::PowerCut(Names::Harsh, Survives::Lengths)),
    ];
    for first in 20.. {
        for crash in crashes {
            for second in 0.. {
                let mut world = World::new(task.clone());
                before.strike(&mut world, first);
                if world.operations() <= first {
                    return;
                }
                world.others_sync();
                crash.strike(&mut world, second);
                let is_over = world.operations() <= second;
                recover(&mut world, &(kind, before, first, crash, second));
                if is_over {
                    break;
                }
            }
        }
    }
}

#[test]
fn the_replay_of_an_mbox_survives_a_crash_at_every_operation() {
    let power_cut = End::PowerCut(Names::Harsh, Survives::Lengths);
    for (end, then) in [
        (End::Kill, Meanwhile::Nothing),
        (End::Kill, Meanwhile::MailInFront),
        (End::KillWithin(2), Meanwhile::Mail),
        (End::KillWithin(2), Meanwhile::MailAndReader),
        (power_cut, Meanwhile::Mail),
    ] {
        crash_every_replay(Kind::Mbox, ONE_BY_ONE, Crash { end, then });
    }
}

/// Of a batch, some are found and have receipts before the others are there.
#[test]
fn the_replay_of_a_batch_beside_other_programs_survives_a_crash_at_every_operation() {
    for quarters in 1..4 {
        for then in [Meanwhile::Reader, Meanwhile::TakenOut] {
            let end = End::KillWithin(quarters);
            crash_every_replay(Kind::Mbox, AT_ONCE, Crash { end, then });
        }
    }
}

#[test]
fn the_replay_of_an_eml_folder_survives_a_crash_at_every_operation() {
    crash_every_replay(Kind::Eml, ONE_BY_ONE, Crash::of(End::Kill));
}

/// What has a receipt may be deleted from the server.
#[test]
fn what_is_adopted_is_durable() {
    let mut world = World::new(Task {
        kind: Kind::Maildir,
        after: After::Keep,
        messages: Vec::new(),
        batch_messages: 1,
    });
    let copied = world.adopt_copied(SMALL);
    world.cut_power(Names::Harsh, Survives::Nothing);
    assert_eq!(std::fs::read(copied).unwrap(), SMALL.as_bytes());
}

fn any_crash() -> impl Strategy<Value = (Crash, usize)> {
    let names = prop_oneof![Just(Names::Ordered), Just(Names::Harsh)];
    let power_cut =
        (names, any::<u64>()).prop_map(|(names, seed)| End::PowerCut(names, Survives::Some(seed)));
    let end = prop_oneof![
        1 => Just(End::Kill),
        1 => (1..4_usize).prop_map(End::KillWithin),
        1 => Just(End::ErrorOnce),
        1 => Just(End::ErrorsFrom),
        1 => Just(End::DiskFull),
        3 => power_cut,
    ];
    let then = prop_oneof![Just(Meanwhile::Nothing), Just(Meanwhile::Mail)];
    let crash = (end, then).prop_map(|(end, then)| Crash { end, then });
    (crash, 0..120_usize)
}

/// Once a reader has moved them, NULs that a power cut has left are not told from mail.
fn any_kill() -> impl Strategy<Value = (Crash, usize)> {
    let end = prop_oneof![
        1 => Just(End::Kill),
        4 => (1..4_usize).prop_map(End::KillWithin),
        1 => Just(End::ErrorsFrom),
    ];
    let then = prop::sample::select(
        &[
            Meanwhile::Nothing,
            Meanwhile::Mail,
            Meanwhile::Reader,
            Meanwhile::MailAndReader,
            Meanwhile::TakenOut,
            Meanwhile::TakenOutAndMail,
        ][..],
    );
    let crash = (end, then).prop_map(|(end, then)| Crash { end, then });
    (crash, 20..120_usize)
}

fn any_task() -> impl Strategy<Value = Task> {
    let kind = prop::sample::select(&KINDS[..]);
    let after = prop_oneof![Just(After::Keep), Just(After::Delete)];
    let messages = prop::collection::vec(prop::sample::select(&MESSAGES[..]), 1..9);
    (kind, after, messages, 1..5_usize).prop_map(|(kind, after, messages, batch_messages)| Task {
        kind,
        after,
        messages,
        batch_messages,
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Also while it recovers from the crash before.
    #[test]
    fn any_store_survives_any_crashes(
        task in any_task(),
        crashes in prop::collection::vec(any_crash(), 1..4),
    ) {
        let mut world = World::new(task.clone());
        for (crash, operations) in &crashes {
            crash.strike(&mut world, *operations);
        }
        recover(&mut world, &(task, crashes));
    }

    #[test]
    fn any_mbox_survives_any_kills_beside_other_programs(
        task in any_task(),
        kills in prop::collection::vec(any_kill(), 1..5),
    ) {
        let mut task = Task { kind: Kind::Mbox, ..task };
        // Another one, cut behind its From_ line, would look the same.
        task.messages.retain(|message| *message != EMPTY);
        let mut world = World::new(task.clone());
        for (kill, operations) in &kills {
            kill.strike(&mut world, *operations);
        }
        recover(&mut world, &(task, kills));
    }
}
