//! Whole fetches between a server that looks on at every step and a disk that keeps its promises
//! and not one more: power cuts, kills and I/O errors at every operation of the disk, dropped
//! lines at every step of the protocol, and one after another of them.
//!
//! Whatever happens, at the moment the server is asked to delete a message it must be on disk
//! for good; and in the end each message is there once.

mod judge;
mod world;

use std::fmt::Debug;

use proptest::prelude::*;
use world::{Haste, Message, Trouble, UniqueIds, Work, World};

use super::Error;
use super::policy::AfterStoring;
use crate::store::crash_tests::disk::{Fault, Names, Survives};
use crate::store::crash_tests::kind::Kind;

const SMALL: Message = "Subject: one\r\n\r\nFrom here on\r\n>From there\r\n";
const DOTS: Message =
    "Date: Fri, 5 Jan 2024 10:00:00 +0000\r\nSubject: two\r\n\r\n.\r\n..\r\nlone \r\r\n";
const EMPTY: Message = "\r\n";
/// Two of them are alike.
const MESSAGES: [Message; 4] = [SMALL, DOTS, SMALL, EMPTY];

const KINDS: [Kind; 4] = [Kind::Maildir, Kind::Mbox, Kind::Eml, Kind::EmlByMonth];
const AFTER: [AfterStoring; 2] = [AfterStoring::Keep, AfterStoring::Delete];

/// How a run ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crash {
    /// SIGKILL: what the kernel was told stays.
    Kill,
    PowerCut(Names, Survives),
    ErrorOnce,
    ErrorsFrom,
    DiskFull,
}

impl Crash {
    fn fault(self, operations: usize) -> Fault {
        match self {
            Self::Kill | Self::PowerCut(..) => Fault::Stop(operations),
            Self::ErrorOnce => Fault::ErrorOnce(operations),
            Self::ErrorsFrom => Fault::ErrorsFrom(operations),
            Self::DiskFull => Fault::FullFrom(operations),
        }
    }

    /// A run that comes so far and no further, over a line that is dropped at some step.
    fn strike(self, world: &mut World, operations: usize, hang_up: Option<u64>) {
        let fault = self.fault(operations);
        // How it ends is for others to test.
        drop(world.run(Trouble { fault, hang_up }));
        if let Self::PowerCut(names, survives) = self {
            world.cut_power(names, survives);
        }
    }
}

/// A run that nothing happens to brings what is missing; and then nothing is missing any more,
/// even if the power goes and takes all with it that was not synced.
fn recover(world: &mut World, told: &dyn Debug) {
    for is_first in [true, false] {
        if let Err(error) = world.run(Trouble::NONE) {
            panic!("{told:?}: {error}: {error:?}");
        }
        world.check_moments(told);
        world.check_end(told);
        if !is_first {
            world.check_idle(told);
        }
        world.cut_power(Names::Harsh, Survives::Nothing);
        world.check_confirmed(told);
    }
}

fn work(kind: Kind, after: AfterStoring) -> Work {
    Work {
        kind,
        after,
        messages: MESSAGES.to_vec(),
        unique_ids: UniqueIds::Each,
        batch: None,
        haste: Haste::None,
        retries: 0,
    }
}

fn crash_everywhere(kind: Kind) {
    let crashes: [fn(u64) -> Crash; 4] = [
        |_| Crash::Kill,
        |_| Crash::ErrorOnce,
        |_| Crash::PowerCut(Names::Harsh, Survives::Nothing),
        |seed| Crash::PowerCut(Names::Harsh, Survives::Some(seed)),
    ];
    for after in AFTER {
        for crash in crashes {
            for operations in 0.. {
                let crash = crash(operations as u64);
                let mut world = World::new(&work(kind, after));
                let told = (kind, after, crash, operations);
                crash.strike(&mut world, operations, None);
                let is_over = world.operations() <= operations;
                world.check_moments(&told);
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
fn a_fetch_into_a_maildir_survives_a_crash_at_every_operation() {
    crash_everywhere(Kind::Maildir);
}

#[test]
fn a_fetch_into_an_mbox_survives_a_crash_at_every_operation() {
    crash_everywhere(Kind::Mbox);
}

#[test]
fn a_fetch_into_an_eml_folder_survives_a_crash_at_every_operation() {
    crash_everywhere(Kind::Eml);
}

/// Over a line that is dropped at each step of the protocol.
fn drop_everywhere(kind: Kind) {
    for after in AFTER {
        for retries in [0, 1] {
            for step in 0.. {
                let mut world = World::new(&Work {
                    retries,
                    batch: Some(3),
                    ..work(kind, after)
                });
                let told = (kind, after, retries, step);
                let ended = world.run(Trouble {
                    fault: Fault::None,
                    hang_up: Some(step),
                });
                let is_over = world.steps() <= step;
                world.check_moments(&told);
                if retries > 0 {
                    match ended {
                        Ok(()) => world.check_end(&told),
                        // Its end is for the next run to find out.
                        Err(Error::DeletionUnconfirmed(_)) => {}
                        Err(error) => panic!("{told:?}: {error}: {error:?}"),
                    }
                }
                world.cut_power(Names::Harsh, Survives::Nothing);
                recover(&mut world, &told);
                if is_over {
                    assert!(step > 40, "{told:?}: a run of so few steps is none");
                    break;
                }
            }
        }
    }
}

#[test]
fn a_fetch_into_a_maildir_survives_a_dropped_line_at_every_step() {
    drop_everywhere(Kind::Maildir);
}

#[test]
fn a_fetch_into_an_mbox_survives_a_dropped_line_at_every_step() {
    drop_everywhere(Kind::Mbox);
}

/// Which of them is stored only a session can tell, and here each session brings one.
#[test]
fn messages_that_nothing_tells_apart_come_all() {
    for unique_ids in [UniqueIds::Shared, UniqueIds::None] {
        for batch in [None, Some(1)] {
            let mut world = World::new(&Work {
                messages: vec![SMALL; 3],
                unique_ids,
                batch,
                ..work(Kind::Maildir, AfterStoring::Keep)
            });
            recover(&mut world, &(unique_ids, batch));
        }
    }
}

fn any_work() -> impl Strategy<Value = Work> {
    let messages = prop::collection::vec(prop::sample::select(&MESSAGES[..]), 1..8);
    let unique_ids = prop_oneof![
        3 => Just(UniqueIds::Each),
        1 => Just(UniqueIds::Shared),
        1 => Just(UniqueIds::None),
    ];
    (
        prop::sample::select(&KINDS[..]),
        prop::sample::select(&AFTER[..]),
        messages,
        unique_ids,
        prop::option::of(1..4_usize),
        prop_oneof![Just(Haste::None), Just(Haste::Utmost)],
        0..3_u32,
    )
        .prop_map(
            |(kind, after, messages, unique_ids, batch, haste, retries)| Work {
                kind,
                after,
                messages,
                unique_ids,
                batch,
                haste,
                retries,
            },
        )
}

/// How a run ends early, after how many operations, and at which step the line is dropped.
type Blow = (Crash, usize, Option<u64>);

fn any_blow() -> impl Strategy<Value = Blow> {
    let names = prop_oneof![Just(Names::Ordered), Just(Names::Harsh)];
    let power_cut = (names, any::<u64>())
        .prop_map(|(names, seed)| Crash::PowerCut(names, Survives::Some(seed)));
    let crash = prop_oneof![
        1 => Just(Crash::Kill),
        1 => Just(Crash::ErrorOnce),
        1 => Just(Crash::ErrorsFrom),
        1 => Just(Crash::DiskFull),
        3 => power_cut,
    ];
    (crash, 0..120_usize, prop::option::of(0..70_u64))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(200)
    })]

    /// Also while it recovers from the one before.
    #[test]
    fn any_fetch_survives_any_blows(
        work in any_work(),
        blows in prop::collection::vec(any_blow(), 1..4),
    ) {
        let told = (&work, &blows);
        let mut world = World::new(&work);
        for (crash, operations, hang_up) in &blows {
            crash.strike(&mut world, *operations, *hang_up);
            world.check_moments(&told);
        }
        recover(&mut world, &told);
    }
}
