//! Which account of a journal a maildrop is.

use super::index::{Index, Name};
use super::record::{AccountId, Identity};

/// Accounts found in this run, of which nothing was written yet.
#[derive(Debug, Default)]
pub(super) struct Newcomers(Vec<(AccountId, Identity)>);

impl Newcomers {
    /// The account of an identity: the one it had, or that of the same user and host on another
    /// port if any unique-id listed is among that one's receipts, or a new one.
    pub(super) fn account(
        &mut self,
        index: &Index,
        identity: &Identity,
        listed: &mut dyn Iterator<Item = &[u8]>,
    ) -> AccountId {
        let known = |(_, other): &&(AccountId, Identity)| other == identity;
        let mut all = index.identities().iter().chain(&self.0);
        if let Some((account, _)) = all.find(known) {
            return *account;
        }
        let account = predecessor(index, identity, listed).unwrap_or_else(|| self.unused(index));
        self.0.push((account, identity.clone()));
        account
    }

    /// Takes out what has to be written before anything is written of this account.
    pub(super) fn take(&mut self, account: AccountId) -> Vec<(AccountId, Identity)> {
        self.0.extract_if(.., |(id, _)| *id == account).collect()
    }

    fn unused(&self, index: &Index) -> AccountId {
        let all = index.identities().iter().chain(&self.0);
        let greatest = all.map(|(account, _)| account.0).max().unwrap_or(0);
        AccountId(greatest.saturating_add(1))
    }
}

/// The same user and host on another port, if it has any message of these.
fn predecessor(
    index: &Index,
    identity: &Identity,
    listed: &mut dyn Iterator<Item = &[u8]>,
) -> Option<AccountId> {
    let Identity::Login { user, host, .. } = identity else {
        return None;
    };
    let mut candidates: Vec<AccountId> = Vec::new();
    for (account, other) in index.identities() {
        match other {
            Identity::Login {
                user: other_user,
                host: other_host,
                ..
            } if other_user == user && other_host == host => candidates.push(*account),
            Identity::Login { .. } | Identity::Named(_) => {}
        }
    }
    candidates.dedup();
    if candidates.is_empty() {
        return None;
    }
    for unique_id in listed {
        let has = |account: &&AccountId| index.has(**account, Name::UniqueId(unique_id));
        if let Some(account) = candidates.iter().find(has) {
            return Some(*account);
        }
    }
    None
}
