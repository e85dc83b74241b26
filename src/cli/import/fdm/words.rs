//! The words of fdm's configuration, with its macros filled in.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A keyword or a number.
    Bare(String),
    /// A string, quoted.
    Text(String),
    /// `$(COMMAND)`: what the command prints.
    Command(String),
    Open,
    Close,
}

impl Word {
    /// The keyword.
    pub(super) fn bare(&self) -> &str {
        match self {
            Self::Bare(text) => text,
            Self::Text(_) | Self::Command(_) | Self::Open | Self::Close => "",
        }
    }

    /// The string or number.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Bare(text) | Self::Text(text) => Some(text),
            Self::Command(_) | Self::Open | Self::Close => None,
        }
    }
}

/// The words of a text; definitions of macros are used up.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut reader = Reader {
        rest: text.chars().peekable(),
        macros: BTreeMap::new(),
    };
    let mut words = Vec::new();
    while let Some(word) = reader.word() {
        let name = word.bare().to_owned();
        if name.starts_with(['$', '%']) && name.len() > 1 {
            reader.skip_blanks();
            if reader.rest.next_if_eq(&'=').is_some() {
                if let Some(value) = reader.word() {
                    reader.macros.insert(name, value);
                }
                continue;
            }
            words.push(reader.macros.get(&name).cloned().unwrap_or(word));
            continue;
        }
        words.push(word);
    }
    words
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    macros: BTreeMap<String, Word>,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        while let Some(&c) = self.rest.peek() {
            if c == '#' {
                while self.rest.next_if(|c| *c != '\n').is_some() {}
            } else if c.is_whitespace() {
                self.rest.next();
            } else {
                break;
            }
        }
    }

    fn word(&mut self) -> Option<Word> {
        self.skip_blanks();
        let first = self.rest.next()?;
        Some(match first {
            '{' => Word::Open,
            '}' => Word::Close,
            '"' => Word::Text(self.quoted()),
            '\'' => {
                let mut text = String::new();
                while let Some(c) = self.rest.next().filter(|c| *c != '\'') {
                    text.push(c);
                }
                Word::Text(text)
            }
            '$' | '%' if self.rest.next_if_eq(&'(').is_some() => Word::Command(self.command()),
            first => {
                let mut text = String::from(first);
                let is_part = |c: &char| !c.is_whitespace() && !"{}\"'#=,()".contains(*c);
                while let Some(c) = self.rest.next_if(is_part) {
                    text.push(c);
                }
                Word::Bare(text)
            }
        })
    }

    /// Up to the closing quote; `${NAME}` is filled in, a backslash makes the next one plain.
    fn quoted(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self.rest.next().filter(|c| *c != '"') {
            match c {
                '\\' => match self.rest.next() {
                    Some('t') => text.push('\t'),
                    Some('n') => text.push('\n'),
                    other => text.extend(other),
                },
                '$' | '%' if self.rest.next_if_eq(&'{').is_some() => {
                    let mut name = String::from(c);
                    while let Some(c) = self.rest.next().filter(|c| *c != '}') {
                        name.push(c);
                    }
                    let value = self.macros.get(&name).and_then(Word::text);
                    text.push_str(value.unwrap_or_default());
                }
                c => text.push(c),
            }
        }
        text
    }

    /// Up to the bracket that closes.
    fn command(&mut self) -> String {
        let mut text = String::new();
        let mut open = 1_u32;
        for c in self.rest.by_ref() {
            match c {
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
            if open == 0 {
                break;
            }
            text.push(c);
        }
        text.trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{Word, words};

    #[test]
    fn macros_are_filled_in() {
        let text = r#"
$base = "example.org" # a comment
%port = 1995
$secret = $(pass show "x (y)")
account "a\"b" pop3s server "pop.${base}" port %port pass $secret 'it is $so' { $unknown }
"#;
        let bare = |text: &str| Word::Bare(text.to_owned());
        let quoted = |text: &str| Word::Text(text.to_owned());
        assert_eq!(
            words(text),
            [
                bare("account"),
                quoted("a\"b"),
                bare("pop3s"),
                bare("server"),
                quoted("pop.example.org"),
                bare("port"),
                bare("1995"),
                bare("pass"),
                Word::Command("pass show \"x (y)\"".to_owned()),
                quoted("it is $so"),
                Word::Open,
                bare("$unknown"),
                Word::Close,
            ]
        );
    }
}
