//! The form of a man page's source, so that no formatter complains of it.

/// Columns of a line, which roff's own rules ask for.
const COLUMNS: usize = 80;
/// Defines the apostrophe for formatters that bend it; once a page is enough.
const APOSTROPHE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// The same page: with the definition of the apostrophe once, paragraphs parted as roff wants,
/// and no long lines where text flows.
pub(super) fn tidied(text: &str) -> String {
    let text = text
        .replace(APOSTROPHE, "")
        .replace("\n.br\n\n.br\n", "\n.sp\n");
    let mut tidy = APOSTROPHE.to_owned();
    let mut is_flowing = true;
    for line in text.lines() {
        match line {
            ".nf" => is_flowing = false,
            ".fi" => is_flowing = true,
            _ => {}
        }
        if is_flowing && !line.starts_with(['.', '\'']) {
            wrap(line.trim_end(), &mut tidy);
        } else {
            tidy.push_str(line.trim_end());
            tidy.push('\n');
        }
    }
    tidy
}

/// Breaks a line at blanks.
fn wrap(line: &str, text: &mut String) {
    let mut column = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        // At the beginning of a line these would be commands.
        let may_begin = !word.starts_with(['.', '\'']);
        if column > 0 && column + 1 + length > COLUMNS && may_begin {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::{APOSTROPHE, tidied};

    #[test]
    fn long_lines_are_broken_where_text_flows() {
        let long = "word ".repeat(20);
        let text = format!(".SH {long}\n{long}\n.nf\n{long}\n.fi\n{long}.config\n");
        let line = "word ".repeat(16).trim_end().to_owned();
        let rest = "word word word word";
        let head = format!(".SH {}", long.trim_end());
        let whole = long.trim_end();
        let expected = format!(
            "{APOSTROPHE}{head}\n{line}\n{rest}\n.nf\n{whole}\n.fi\n{line}\n{rest} .config\n"
        );
        assert_eq!(tidied(&text), expected);
    }

    #[test]
    fn paragraphs_inside_an_entry() {
        let text = "one\n.br\n\n.br\ntwo\n";
        assert_eq!(tidied(text), format!("{APOSTROPHE}one\n.sp\ntwo\n"));
    }
}
