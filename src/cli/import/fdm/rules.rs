//! fdm's actions and rules: where an account's mail ends up.

use super::Words;
use super::words::Word;

/// What an action does with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    Maildir(String),
    Mbox(String),
    Pipe(String),
    /// Another action, by its name.
    Call(String),
    /// What popfetch does not do.
    Other,
}

/// `match CONDITION ACTIONS`.
#[derive(Debug)]
pub(super) struct Rule {
    condition: Condition,
    deeds: Vec<Deed>,
    /// The next rules see the message, too.
    goes_on: bool,
}

#[derive(Debug)]
enum Condition {
    All,
    Accounts(Vec<String>),
    /// It asks what is in the message.
    Other,
}

/// The deeds after an action's name, or after `action` in a rule.
pub(super) fn deeds(words: &mut Words) -> Vec<Deed> {
    skip_users(words);
    if words.next_is(&Word::Open) {
        let mut deeds = Vec::new();
        while words.front().is_some_and(|word| *word != Word::Close) {
            deeds.extend(deed(words));
        }
        words.pop_front();
        return deeds;
    }
    deed(words).into_iter().collect()
}

/// `user U` or `users { U ... }`.
pub(super) fn skip_users(words: &mut Words) {
    if words.next_is_bare("user") {
        words.pop_front();
    } else if words.next_is_bare("users") {
        words.strings();
    }
}

fn deed(words: &mut Words) -> Option<Deed> {
    let word = words.pop_front()?;
    if let Word::Text(name) = word {
        return Some(Deed::Call(name));
    }
    let deed = match word.bare() {
        "maildir" => Deed::Maildir(words.string()?),
        "mbox" => {
            let path = words.string()?;
            if words.next_is_bare("compress") {
                Deed::Other
            } else {
                Deed::Mbox(path)
            }
        }
        "pipe" => Deed::Pipe(words.string()?),
        "action" => Deed::Call(words.string()?),
        "" => return None,
        _ => {
            // Its words are of no interest.
            while words
                .front()
                .is_some_and(|word| matches!(word, Word::Text(_)))
            {
                words.pop_front();
            }
            Deed::Other
        }
    };
    Some(deed)
}

/// A rule, after `match`.
pub(super) fn rule(words: &mut Words) -> Rule {
    let mut condition = Vec::new();
    while let Some(word) = words.front() {
        if matches!(word.bare(), "action" | "actions") {
            break;
        }
        condition.extend(words.pop_front());
    }
    words.pop_front();
    let deeds = deeds(words);
    Rule {
        condition: parse_condition(&condition),
        deeds,
        goes_on: words.next_is_bare("continue"),
    }
}

fn parse_condition(words: &[Word]) -> Condition {
    match words {
        [all] if all.bare() == "all" => Condition::All,
        [account, names @ ..] if matches!(account.bare(), "account" | "accounts") => {
            let names = names
                .iter()
                .filter(|word| !matches!(word, Word::Open | Word::Close));
            let names: Option<Vec<_>> = names
                .map(|word| match word {
                    Word::Text(name) if !name.contains(['*', '?', '[']) => Some(name.clone()),
                    Word::Text(_) | Word::Bare(_) | Word::Command(_) | Word::Open | Word::Close => {
                        None
                    }
                })
                .collect();
            names.map_or(Condition::Other, Condition::Accounts)
        }
        _ => Condition::Other,
    }
}

/// The one place where all mail of an account ends up, if there is one.
pub(super) fn place<'a>(
    account: &str,
    rules: &'a [Rule],
    actions: &'a [(String, Vec<Deed>)],
) -> Option<&'a Deed> {
    let rule = rules.iter().find(|rule| match &rule.condition {
        Condition::All | Condition::Other => true,
        Condition::Accounts(names) => names.iter().any(|name| name == account),
    })?;
    if rule.goes_on || matches!(rule.condition, Condition::Other) {
        return None;
    }
    let mut deeds = rule.deeds.as_slice();
    // fdm follows five calls and no more.
    for _ in 0..=5 {
        match deeds {
            [Deed::Call(name)] => {
                deeds = &actions.iter().find(|(known, _)| known == name)?.1;
            }
            [deed @ (Deed::Maildir(_) | Deed::Mbox(_) | Deed::Pipe(_))] => return Some(deed),
            _ => return None,
        }
    }
    None
}
