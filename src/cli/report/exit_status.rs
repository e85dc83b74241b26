//! The exit status of a run over one or several accounts.

use crate::cli::failure::Kind;

/// How the run ended for one account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Why it ended early.
    pub(crate) failure: Option<Kind>,
    /// Messages that failed, or that are suspect, and that no later run will help.
    pub(crate) lost_messages: u64,
    /// Messages that failed and that a later run may help.
    pub(crate) later_messages: u64,
}

impl Ending {
    /// An account that ended early.
    pub(crate) fn failed(kind: Kind) -> Self {
        Self {
            failure: Some(kind),
            ..Self::default()
        }
    }
}

/// The exit status: the highest rule that holds. A signal that arrived, or a bug, comes first;
/// then what all accounts have in common; then that something failed for good; then that
/// something is worth another try.
pub(crate) fn exit_status(signal: Option<Kind>, endings: &[Ending]) -> u8 {
    let failures = || endings.iter().filter_map(|ending| ending.failure);
    let ends_all = |kind: &Kind| matches!(kind, Kind::Interrupted | Kind::Terminated | Kind::Bug);
    if let Some(kind) = signal.or_else(|| failures().find(ends_all)) {
        return kind.exit_status();
    }
    let statuses: Vec<_> = failures().map(Kind::exit_status).collect();
    if let Some(first) = statuses.first()
        && statuses.len() == endings.len()
        && statuses.iter().all(|status| status == first)
    {
        return *first;
    }
    let later = Kind::TryLater.exit_status();
    if endings.iter().any(|ending| ending.lost_messages > 0)
        || statuses.iter().any(|status| *status != later)
    {
        return Kind::Partial.exit_status();
    }
    if !statuses.is_empty() || endings.iter().any(|ending| ending.later_messages > 0) {
        return later;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::{Ending, exit_status};
    use crate::cli::failure::Kind;

    const GOOD: Ending = Ending {
        failure: None,
        lost_messages: 0,
        later_messages: 0,
    };
    const LOST: Ending = Ending {
        lost_messages: 1,
        ..GOOD
    };
    const LATER: Ending = Ending {
        later_messages: 1,
        ..GOOD
    };

    #[test]
    fn statuses() {
        let failed = Ending::failed;
        let auth = failed(Kind::AuthRefused);
        let timeout = failed(Kind::Timeout);
        let locked = failed(Kind::Locked);
        for (endings, expected) in [
            (vec![], 0),
            (vec![GOOD], 0),
            (vec![GOOD, GOOD], 0),
            (vec![LOST], 1),
            (vec![LATER], 75),
            (vec![LATER, LOST], 1),
            (vec![GOOD, LATER], 75),
            (vec![auth], 77),
            (vec![auth, auth], 77),
            (vec![auth, failed(Kind::HostUnknown)], 1),
            (vec![auth, GOOD], 1),
            (vec![auth, timeout], 1),
            (vec![timeout], 75),
            // Two kinds, one code.
            (vec![timeout, locked], 75),
            (vec![timeout, GOOD], 75),
            (vec![timeout, LATER], 75),
            (vec![timeout, LOST], 1),
            (
                vec![Ending {
                    lost_messages: 1,
                    ..timeout
                }],
                75,
            ),
            (vec![failed(Kind::Partial)], 1),
            (vec![failed(Kind::Bug), auth], 70),
            (vec![GOOD, failed(Kind::Interrupted)], 130),
            (vec![failed(Kind::Terminated), failed(Kind::Bug)], 143),
        ] {
            assert_eq!(exit_status(None, &endings), expected, "{endings:?}");
        }
    }

    #[test]
    fn a_signal_comes_first() {
        assert_eq!(exit_status(Some(Kind::Interrupted), &[GOOD]), 130);
        assert_eq!(
            exit_status(Some(Kind::Terminated), &[Ending::failed(Kind::Bug)]),
            143
        );
    }
}
