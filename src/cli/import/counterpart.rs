//! What of another program's configuration has no counterpart in ours, and what may be said of
//! it: nothing that can be a secret is repeated, since a terminal or a log may show it.

use std::collections::BTreeMap;

use super::Imported;

/// What becomes of a setting that popfetch has no key for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing is missed without it.
    Needless,
    /// It is named with its value and why it is left out.
    Named(&'static str),
    /// The same without its value: a command line may hold a password.
    NamedBare(&'static str),
}

/// The settings of a program that have no counterpart.
pub(super) type Fates = &'static [(&'static str, Fate)];

impl Imported {
    /// Names what was not taken over. What the program itself does not know is named without its
    /// value: it may be a misspelt password.
    pub(super) fn leave_out_rest(&mut self, fates: Fates, rest: BTreeMap<String, String>) {
        for (key, value) in rest {
            let fate = fates.iter().find(|(known, _)| *known == key);
            match fate.map(|(_, fate)| *fate) {
                Some(Fate::Needless) => {}
                Some(Fate::Named(why)) => {
                    let setting = format!("{key} {value}");
                    self.leave_out(format!("{}: {why}", setting.trim()));
                }
                Some(Fate::NamedBare(why)) => self.leave_out(format!("{key}: {why}")),
                None => self.leave_out(format!("{key}: not known as a setting")),
            }
        }
    }
}
