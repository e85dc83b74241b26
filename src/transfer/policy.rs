//! What becomes of a message on the server once it is stored, and how much a run may take.

/// What becomes of a message on the server once it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterStoring {
    /// It stays.
    #[default]
    Keep,
    /// It is deleted.
    Delete,
    /// It is deleted by the first run so long after its receipt.
    DeleteAfter {
        /// Age of the receipt.
        seconds: u64,
    },
}

impl AfterStoring {
    /// Whether a message with a receipt of this time is to be deleted now.
    pub fn is_due(self, receipt_seconds: i64, now_seconds: i64) -> bool {
        match self {
            Self::Keep => false,
            Self::Delete => true,
            Self::DeleteAfter { seconds } => {
                let age_seconds = now_seconds.saturating_sub(receipt_seconds);
                u64::try_from(age_seconds).is_ok_and(|age_seconds| age_seconds >= seconds)
            }
        }
    }

    /// Whether messages are ever deleted.
    pub fn deletes(self) -> bool {
        self != Self::Keep
    }
}

/// The default bound on one message: far above any mail, far below a disk.
pub const MESSAGE_OCTETS_MAX: u64 = 4 << 30;

/// How much one run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// A message of more octets is left on the server.
    pub message_octets_max: u64,
    /// Once so many octets are retrieved, the rest waits for the next run.
    pub run_octets_max: Option<u64>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            message_octets_max: MESSAGE_OCTETS_MAX,
            run_octets_max: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AfterStoring;

    #[test]
    fn a_message_is_due_by_the_age_of_its_receipt() {
        let fortnight = AfterStoring::DeleteAfter {
            seconds: 14 * 86_400,
        };
        let table = [
            (AfterStoring::Keep, 0, i64::MAX, false),
            (AfterStoring::Delete, 100, 100, true),
            (AfterStoring::Delete, 100, 0, true),
            (fortnight, 1_000, 1_000 + 14 * 86_400 - 1, false),
            (fortnight, 1_000, 1_000 + 14 * 86_400, true),
            (fortnight, 1_000, 0, false),
        ];
        for (after, receipt, now, expected) in table {
            assert_eq!(
                after.is_due(receipt, now),
                expected,
                "{after:?} {receipt} {now}"
            );
        }
    }
}
