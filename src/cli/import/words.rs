//! Words of a configuration: parted by blanks, quoted or not.

/// The words of a text with `"..."` and `'...'` around those that hold blanks; `#` begins a
/// comment.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(&first) = rest.peek() {
        if first.is_whitespace() {
            rest.next();
        } else if first == '#' {
            while rest.next_if(|c| *c != '\n').is_some() {}
        } else {
            words.push(word(&mut rest));
        }
    }
    words
}

fn word(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut word = String::new();
    while let Some(&c) = rest.peek() {
        if c.is_whitespace() {
            break;
        }
        rest.next();
        match c {
            '"' | '\'' => {
                while let Some(inner) = rest.next().filter(|inner| *inner != c) {
                    let escaped = (inner == '\\').then(|| rest.next()).flatten();
                    word.push(escaped.unwrap_or(inner));
                }
            }
            c => word.push(c),
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn quoted_and_bare() {
        for (text, expected) in [
            ("a b", vec!["a", "b"]),
            ("user 'al ice' # no", vec!["user", "al ice"]),
            ("pass \"a \\\"b\" x", vec!["pass", "a \"b", "x"]),
            ("''", vec![""]),
            ("# only\nnext", vec!["next"]),
            ("\"unclosed", vec!["unclosed"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
