//! Which commands are sent when: a sliding window of commands that are not answered yet.

use std::collections::VecDeque;

use super::settings::PipelinePolicy;
use crate::protocol::limits::PIPELINE_OCTETS_MAX;
use crate::protocol::{Command, MessageNumber};

/// A message, or a part of one, to be asked for with [`Client::ask`](super::Client::ask).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The message.
    Retr {
        /// Which.
        number: MessageNumber,
        /// How many octets LIST claimed. Used to tell whether what comes can be all of it, and
        /// for nothing else: servers are often wrong about it.
        listed_octets: Option<u64>,
    },
    /// The header and so many lines of the body.
    Top {
        /// Of which message.
        number: MessageNumber,
        /// How many lines of the body.
        lines: u32,
    },
}

impl Request {
    /// Which message.
    pub fn number(&self) -> MessageNumber {
        match self {
            Self::Retr { number, .. } | Self::Top { number, .. } => *number,
        }
    }
}

/// What can wait in a pipeline.
pub(super) trait Pipelined {
    /// The command that is sent for it.
    fn command(&self) -> Command;
}

impl Pipelined for Request {
    fn command(&self) -> Command {
        match self {
            Self::Retr { number, .. } => Command::Retr(*number),
            Self::Top { number, lines } => Command::Top(*number, *lines),
        }
    }
}

/// A message to be marked as deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deletion(pub(super) MessageNumber);

impl Pipelined for Deletion {
    fn command(&self) -> Command {
        Command::Dele(self.0)
    }
}

/// How many commands may be outstanding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    commands_max: usize,
}

impl Window {
    /// One command at a time.
    pub(super) const LOCK_STEP: Self = Self { commands_max: 1 };

    /// What the user wants, and else what the server offers.
    pub(super) fn new(policy: PipelinePolicy, is_offered: bool) -> Self {
        match policy {
            PipelinePolicy::Auto if is_offered => Self {
                commands_max: PIPELINE_OCTETS_MAX,
            },
            PipelinePolicy::Auto | PipelinePolicy::Off => Self::LOCK_STEP,
            PipelinePolicy::Window(commands) => Self {
                commands_max: usize::from(commands.get()),
            },
        }
    }

    /// Whether commands may be sent before the earlier ones are answered.
    pub(super) fn is_pipelining(self) -> bool {
        self != Self::LOCK_STEP
    }
}

/// Commands to be sent and commands to be answered, in order.
#[derive(Debug)]
pub(super) struct Pipeline<T> {
    window: Window,
    has_fallen: bool,
    queued: Waiting<T>,
    outstanding: Waiting<T>,
}

impl<T: Pipelined> Pipeline<T> {
    pub(super) fn new(window: Window) -> Self {
        Self {
            window,
            has_fallen: false,
            queued: Waiting::new(),
            outstanding: Waiting::new(),
        }
    }

    pub(super) fn window(&self) -> Window {
        self.window
    }

    /// From here on, this window.
    pub(super) fn set_window(&mut self, window: Window) {
        self.window = window;
    }

    /// From here on, one command at a time; those that are outstanding are still answered.
    pub(super) fn fall_into_lock_step(&mut self) {
        self.has_fallen |= self.window.is_pipelining();
        self.window = Window::LOCK_STEP;
    }

    /// Whether it was made to take one command at a time.
    pub(super) fn has_fallen(&self) -> bool {
        self.has_fallen
    }

    /// Whether one more could be sent, if not at once then with the next write.
    pub(super) fn is_open(&self) -> bool {
        let commands = self.queued.len() + self.outstanding.len();
        let octets = self.queued.octets + self.outstanding.octets;
        commands < self.window.commands_max && octets < PIPELINE_OCTETS_MAX
    }

    /// One more to be sent when its turn comes.
    pub(super) fn queue(&mut self, item: T) {
        self.queued.push(item);
    }

    /// How many were queued or sent and are not answered.
    pub(super) fn len(&self) -> usize {
        self.queued.len() + self.outstanding.len()
    }

    /// Whether commands were sent whose answers have not begun.
    pub(super) fn is_outstanding(&self) -> bool {
        self.outstanding.len() > 0
    }

    /// Lets go of what is queued and was not sent.
    pub(super) fn forget_queued(&mut self) {
        self.queued = Waiting::new();
    }

    /// The commands to send now, in one write. None until half of what may be outstanding is
    /// answered: a write for each answer would cost more than the commands in it.
    pub(super) fn due(&mut self) -> Vec<Command> {
        let mut due = Vec::new();
        let half_answered = self.outstanding.octets <= PIPELINE_OCTETS_MAX / 2
            && self.outstanding.len() <= self.window.commands_max / 2;
        if !half_answered {
            return due;
        }
        while self.outstanding.len() < self.window.commands_max
            && let Some((item, octets)) = self.queued.pop_within(self.room())
        {
            due.push(item.command());
            self.outstanding.push_measured(item, octets);
        }
        due
    }

    /// What the next answer belongs to.
    pub(super) fn answered(&mut self) -> Option<T> {
        self.outstanding
            .pop_within(usize::MAX)
            .map(|(item, _)| item)
    }

    /// Octets of commands that may still be sent. A single command always may.
    fn room(&self) -> usize {
        if self.outstanding.len() == 0 {
            return usize::MAX;
        }
        PIPELINE_OCTETS_MAX.saturating_sub(self.outstanding.octets)
    }
}

/// A queue that knows how many octets its commands have.
#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<(T, usize)>,
    octets: usize,
}

impl<T: Pipelined> Waiting<T> {
    fn new() -> Self {
        Self {
            items: VecDeque::new(),
            octets: 0,
        }
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    fn push(&mut self, item: T) {
        let mut line = Vec::with_capacity(32);
        item.command().encode(&mut line);
        self.push_measured(item, line.len());
    }

    fn push_measured(&mut self, item: T, octets: usize) {
        self.octets += octets;
        self.items.push_back((item, octets));
    }

    fn pop_within(&mut self, octets_max: usize) -> Option<(T, usize)> {
        let first = self
            .items
            .pop_front_if(|(_, octets)| *octets <= octets_max)?;
        self.octets -= first.1;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::{Deletion, Pipeline, Window};
    use crate::client::settings::PipelinePolicy;
    use crate::protocol::limits::PIPELINE_OCTETS_MAX;
    use crate::protocol::{Command, MessageNumber};

    /// `DELE 100` and its line end.
    const OCTETS: usize = 10;

    fn filled(window: Window) -> Pipeline<Deletion> {
        let mut pipeline = Pipeline::new(window);
        fill(&mut pipeline);
        pipeline
    }

    fn fill(pipeline: &mut Pipeline<Deletion>) {
        while pipeline.is_open() {
            pipeline.queue(Deletion(MessageNumber::new(100).unwrap()));
        }
    }

    #[test]
    fn at_most_4_kib_of_commands_are_outstanding() {
        let mut pipeline = filled(Window::new(PipelinePolicy::Auto, true));
        let due = pipeline.due();
        assert_eq!(due.len(), PIPELINE_OCTETS_MAX / OCTETS);
        assert!(
            due.iter()
                .all(|command| matches!(command, Command::Dele(_)))
        );
        assert!(pipeline.due().is_empty());
    }

    #[test]
    fn a_write_waits_until_half_is_answered() {
        let mut pipeline = filled(Window::new(PipelinePolicy::Auto, true));
        let whole = pipeline.due().len();
        let half = PIPELINE_OCTETS_MAX / 2 / OCTETS;
        for _ in 0..whole - half - 1 {
            pipeline.answered().unwrap();
            fill(&mut pipeline);
            assert!(pipeline.due().is_empty());
        }
        pipeline.answered().unwrap();
        fill(&mut pipeline);
        assert_eq!(pipeline.due().len(), whole - half);
    }

    #[test]
    fn a_window_of_commands_is_kept() {
        let policy = PipelinePolicy::Window(NonZeroU16::new(3).unwrap());
        let mut pipeline = filled(Window::new(policy, false));
        assert_eq!(pipeline.len(), 3);
        assert_eq!(pipeline.due().len(), 3);
        pipeline.answered().unwrap();
        fill(&mut pipeline);
        assert!(pipeline.due().is_empty(), "two of three are outstanding");
        pipeline.answered().unwrap();
        fill(&mut pipeline);
        assert_eq!(pipeline.due().len(), 2);
    }

    #[test]
    fn in_lock_step_one_command_is_outstanding() {
        for (policy, is_offered) in [(PipelinePolicy::Auto, false), (PipelinePolicy::Off, true)] {
            let mut pipeline = filled(Window::new(policy, is_offered));
            assert_eq!(pipeline.due().len(), 1);
            assert!(pipeline.due().is_empty() && !pipeline.is_open());
            pipeline.answered().unwrap();
            assert!(pipeline.answered().is_none() && pipeline.is_open());
        }
    }

    #[test]
    fn falling_into_lock_step_keeps_what_is_outstanding() {
        let mut pipeline = filled(Window::new(PipelinePolicy::Auto, true));
        let whole = pipeline.due().len();
        pipeline.queue(Deletion(MessageNumber::new(1).unwrap()));
        pipeline.fall_into_lock_step();
        for _ in 0..whole {
            assert!(pipeline.due().is_empty());
            assert!(!pipeline.is_open());
            pipeline.answered().unwrap();
        }
        assert_eq!(pipeline.due().len(), 1);
    }
}
