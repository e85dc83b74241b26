//! Progress: one bar an account with messages, octets, rate and time left.

use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use unicode_width::UnicodeWidthStr as _;

use super::text::{fit, size};
use crate::protocol::text::escape;

/// How often progress is shown where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Columns for an account's name in front of its bar.
const NAME_COLUMNS: usize = 16;

/// What a bar looks like: messages, octets, rate, time left; it must fit into 80 columns.
const TEMPLATE: &str = "{prefix:.bold} [{wide_bar}] {msg}  {binary_bytes}/{binary_total_bytes}  \
                        {binary_bytes_per_sec}  {eta}";

/// The progress of all accounts.
#[derive(Debug)]
pub(crate) struct Progress(Kind);

#[derive(Debug)]
enum Kind {
    None,
    Bars(MultiProgress),
    Lines,
}

impl Progress {
    pub(super) fn none() -> Self {
        Self(Kind::None)
    }

    pub(super) fn bars() -> Self {
        Self(Kind::Bars(MultiProgress::with_draw_target(
            ProgressDrawTarget::stderr(),
        )))
    }

    pub(super) fn lines() -> Self {
        Self(Kind::Lines)
    }

    /// Does something with the bars out of the way.
    pub(super) fn above(&self, write: impl FnOnce()) {
        match &self.0 {
            Kind::Bars(bars) => bars.suspend(write),
            Kind::None | Kind::Lines => write(),
        }
    }

    /// The progress of one account, which is to retrieve so much.
    pub(crate) fn account(&self, name: &str, messages: u64, octets: u64) -> AccountProgress {
        let shown = match &self.0 {
            Kind::None => Shown::Nothing,
            Kind::Bars(bars) => {
                // Nothing is drawn before the bar is whole and in its place.
                let bar = ProgressBar::with_draw_target(Some(octets), ProgressDrawTarget::hidden())
                    .with_style(style())
                    .with_prefix(short(name))
                    .with_message(format!("0/{messages}"));
                Shown::Bar(bars.add(bar))
            }
            Kind::Lines => Shown::Lines {
                next: Mutex::new(Instant::now() + LINE_INTERVAL),
            },
        };
        AccountProgress {
            name: name.to_owned(),
            messages,
            octets,
            messages_done: AtomicU64::new(0),
            octets_done: AtomicU64::new(0),
            began: Instant::now(),
            shown,
        }
    }
}

/// What is worth its columns of an account's name: of a URL, whose mail it is.
fn short(name: &str) -> String {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    let name = escape(name);
    if name.width() > NAME_COLUMNS {
        fit(&name, NAME_COLUMNS)
    } else {
        name.into_owned()
    }
}

fn style() -> ProgressStyle {
    // The template is a constant, and a test reads it.
    ProgressStyle::with_template(TEMPLATE)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// The progress of one account.
pub(crate) struct AccountProgress {
    name: String,
    messages: u64,
    octets: u64,
    messages_done: AtomicU64,
    octets_done: AtomicU64,
    began: Instant,
    shown: Shown,
}

enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines { next: Mutex<Instant> },
}

impl AccountProgress {
    /// So many more octets came in. What is to be said about it where there is no terminal.
    pub(crate) fn received(&self, octets: u64) -> Option<String> {
        let done = self.octets_done.fetch_add(octets, Ordering::Relaxed) + octets;
        match &self.shown {
            Shown::Nothing => None,
            Shown::Bar(bar) => {
                // Servers tell sizes too low: a bar beyond its end would tell nonsense.
                if done > self.octets {
                    bar.set_length(done);
                }
                bar.set_position(done);
                None
            }
            Shown::Lines { next } => {
                let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                (Instant::now() >= *next).then(|| {
                    *next = Instant::now() + LINE_INTERVAL;
                    self.line()
                })
            }
        }
    }

    /// One more message is settled.
    pub(crate) fn settled(&self) {
        let done = self.messages_done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Shown::Bar(bar) = &self.shown {
            bar.set_message(format!("{done}/{}", self.messages));
        }
    }

    /// The account is done; its bar goes away.
    pub(crate) fn finish(&self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }

    fn line(&self) -> String {
        let octets = self.octets_done.load(Ordering::Relaxed);
        let milliseconds = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let rate = octets.saturating_mul(1000) / milliseconds.max(1);
        let left = self.octets.saturating_sub(octets) / rate.max(1);
        format!(
            "{}: {}/{} messages, {} of {}, {}/s, {left} s left",
            self.name,
            self.messages_done.load(Ordering::Relaxed),
            self.messages,
            size(octets),
            size(self.octets),
            size(rate),
        )
    }
}

impl fmt::Debug for AccountProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountProgress")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use indicatif::{MultiProgress, ProgressDrawTarget, ProgressStyle};

    use super::{Kind, Progress, Shown, TEMPLATE};

    #[test]
    fn a_bar_counts_messages_and_octets() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let account = Progress(Kind::Bars(bars)).account("work", 10, 100);
        assert_eq!(account.received(60), None);
        assert_eq!(account.received(60), None);
        account.settled();
        let Shown::Bar(bar) = &account.shown else {
            panic!("no bar")
        };
        assert_eq!((bar.position(), bar.length()), (120, Some(120)));
        assert_eq!(
            (bar.prefix(), bar.message()),
            ("work".to_owned(), "1/10".to_owned())
        );
    }

    #[test]
    fn lines_come_now_and_then() {
        let account = Progress::lines().account("work", 10, 100);
        assert_eq!(account.received(50), None);
        assert!(
            account
                .line()
                .starts_with("work: 0/10 messages, 50 B of 100 B, ")
        );
    }
}
