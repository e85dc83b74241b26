//! Colours, where they are wanted.

use std::fmt;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Error,
    Warning,
    Hint,
    Heading,
    Faint,
    New,
}

/// Colours, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Palette {
    colored: bool,
}

impl Palette {
    pub(crate) fn new(colored: bool) -> Self {
        Self { colored }
    }

    /// The text in the colours of its style.
    pub(crate) fn paint<T: fmt::Display>(self, style: Style, text: T) -> Painted<T> {
        let code = match style {
            Style::Error => "1;31",
            Style::Warning => "1;33",
            Style::Hint => "36",
            Style::Heading => "1",
            Style::Faint => "2",
            Style::New => "32",
        };
        Painted {
            code: if self.colored { code } else { "" },
            text,
        }
    }
}

/// Text in colours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Painted<T> {
    code: &'static str,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code.is_empty() {
            return self.text.fmt(f);
        }
        write!(f, "\x1b[{}m{}\x1b[0m", self.code, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Palette, Style};

    #[test]
    fn colours_are_used_only_when_wanted() {
        let paint = |colored| Palette::new(colored).paint(Style::Error, "no").to_string();
        assert_eq!(paint(true), "\x1b[1;31mno\x1b[0m");
        assert_eq!(paint(false), "no");
    }
}
