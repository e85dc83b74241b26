//! The languages that a server speaks (RFC 6856 section 3, LANG).

use super::text::ServerText;

/// A language that a server's texts can come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language {
    /// Its tag (RFC 5646), such as `de-AT`.
    pub tag: ServerText,
    /// Its name, in itself.
    pub name: ServerText,
}

impl Language {
    /// Reads a row of the answer to LANG, without its line end; `None` if it holds no tag.
    pub fn parse(row: &[u8]) -> Option<Self> {
        let row = row.trim_ascii();
        let end = row.iter().position(u8::is_ascii_whitespace);
        let (tag, name) = row.split_at_checked(end.unwrap_or(row.len()))?;
        (!tag.is_empty()).then(|| Self {
            tag: ServerText::new(tag),
            name: ServerText::new(name.trim_ascii()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn rows() {
        let check = |row: &str, expected: Option<(&str, &str)>| {
            let language = Language::parse(row.as_bytes());
            let shown = language.map(|it| (it.tag.to_string(), it.name.to_string()));
            let expected = expected.map(|(tag, name)| (tag.to_owned(), name.to_owned()));
            assert_eq!(shown, expected, "{row}");
        };
        check("en English", Some(("en", "English")));
        check(
            " fr   Fran\u{e7}ais (ici) ",
            Some(("fr", "Fran\u{e7}ais (ici)")),
        );
        check("de-AT", Some(("de-AT", "")));
        check("", None);
    }
}
