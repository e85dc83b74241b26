//! The table of messages: columns of fixed width, so that a row can be printed as soon as it is
//! known and a hundred thousand of them need no memory.

use super::style::{Palette, Style};
use super::text::{fit, local_time, size};
use crate::protocol::text::{escape, escape_bytes};

/// Which columns a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Number, size, state, unique-id.
    Short,
    /// Number, size, state, date, sender, subject.
    Long,
    /// Number, size, what would be done and why, unique-id.
    Planned,
}

/// One message for the table.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MessageRow<'a> {
    pub(crate) number: Option<u32>,
    pub(crate) octets: Option<u64>,
    pub(crate) state: &'a str,
    pub(crate) is_new: bool,
    pub(crate) unique_id: Option<&'a [u8]>,
    pub(crate) date_seconds: Option<i64>,
    pub(crate) from: Option<&'a str>,
    pub(crate) subject: Option<&'a str>,
}

/// A table with rows one by one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageTable {
    shape: Shape,
    /// The columns of the terminal; rows are cut there.
    width: Option<usize>,
    palette: Palette,
}

const NUMBER_COLUMNS: usize = 7;
const SIZE_COLUMNS: usize = 11;
const STATE_COLUMNS: usize = 6;
const PLANNED_COLUMNS: usize = 44;
const DATE_COLUMNS: usize = 16;
const FROM_COLUMNS_MAX: usize = 28;
const HEADER_COLUMNS_MIN: usize = 10;

impl MessageTable {
    /// A table of this shape.
    pub(crate) fn new(shape: Shape, width: Option<usize>, palette: Palette) -> Self {
        Self {
            shape,
            width,
            palette,
        }
    }

    /// Its shape.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// The line above the rows.
    pub(crate) fn heading(&self) -> String {
        let front = format!("{:>NUMBER_COLUMNS$}  {:>SIZE_COLUMNS$}  ", "NUMBER", "SIZE");
        let (from_columns, _) = self.sender_and_subject_columns();
        let rest = match self.shape {
            Shape::Short => format!("{:STATE_COLUMNS$}  UNIQUE-ID", "STATE"),
            Shape::Planned => format!("{:PLANNED_COLUMNS$}  UNIQUE-ID", "WOULD BE"),
            Shape::Long => format!(
                "{:STATE_COLUMNS$}  {:DATE_COLUMNS$}  {:from_columns$}  SUBJECT",
                "STATE", "DATE", "FROM"
            ),
        };
        self.palette
            .paint(Style::Heading, format!("{front}{rest}"))
            .to_string()
    }

    /// One row.
    pub(crate) fn row(&self, row: &MessageRow<'_>) -> String {
        let number = row
            .number
            .map_or_else(|| "-".to_owned(), |number| number.to_string());
        let octets = row.octets.map_or_else(|| "-".to_owned(), size);
        let front = format!("{number:>NUMBER_COLUMNS$}  {octets:>SIZE_COLUMNS$}  ");
        let state = match self.shape {
            Shape::Short | Shape::Long => fit(row.state, STATE_COLUMNS),
            Shape::Planned => fit(row.state, PLANNED_COLUMNS),
        };
        let style = if row.is_new { Style::New } else { Style::Faint };
        let state = self.palette.paint(style, state);
        let rest = match self.shape {
            Shape::Short | Shape::Planned => row.unique_id.map(escape_bytes).unwrap_or_default(),
            Shape::Long => self.header_columns(row),
        };
        format!("{front}{state}  {rest}").trim_end().to_owned()
    }

    fn header_columns(&self, row: &MessageRow<'_>) -> String {
        let date = row.date_seconds.and_then(local_time).unwrap_or_default();
        let (from_columns, subject_columns) = self.sender_and_subject_columns();
        let from = fit(row.from.unwrap_or_default(), from_columns);
        let subject = row.subject.unwrap_or_default();
        let subject = match subject_columns {
            Some(columns) => fit(subject, columns),
            None => escape(subject).into_owned(),
        };
        format!("{date:DATE_COLUMNS$}  {from}  {subject}")
    }

    /// The two share what the other columns leave of the line; without a terminal a subject may
    /// be of any length.
    fn sender_and_subject_columns(&self) -> (usize, Option<usize>) {
        let Some(width) = self.width else {
            return (FROM_COLUMNS_MAX, None);
        };
        let before = NUMBER_COLUMNS + SIZE_COLUMNS + STATE_COLUMNS + DATE_COLUMNS;
        let gaps = 5 * 2;
        let left = width.saturating_sub(before + gaps);
        let from = (left * 2 / 5).clamp(HEADER_COLUMNS_MIN, FROM_COLUMNS_MAX);
        (
            from,
            Some(left.saturating_sub(from).max(HEADER_COLUMNS_MIN)),
        )
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::{MessageRow, MessageTable, Palette, Shape};

    fn table(shape: Shape, width: Option<usize>) -> MessageTable {
        MessageTable::new(shape, width, Palette::new(false))
    }

    #[test]
    fn the_short_table() {
        let table = table(Shape::Short, None);
        let row = MessageRow {
            number: Some(1),
            octets: Some(2048),
            state: "new",
            is_new: true,
            unique_id: Some(b"u\x1b1"),
            ..MessageRow::default()
        };
        assert_eq!(table.heading(), " NUMBER         SIZE  STATE   UNIQUE-ID");
        assert_eq!(table.row(&row), "      1     2.00 KiB  new     u\\x1b1");
        let unknown = MessageRow {
            state: "stored",
            ..MessageRow::default()
        };
        assert_eq!(table.row(&unknown), "      -            -  stored");
    }

    #[test]
    fn the_long_table_ends_where_the_terminal_does() {
        for width in [80, 100, 200] {
            check_long(width);
        }
    }

    fn check_long(width: usize) {
        let table = table(Shape::Long, Some(width));
        let row = MessageRow {
            number: Some(1),
            octets: Some(1 << 40),
            state: "new",
            from: Some("\u{4f60}\u{597d}, a name that is much too long for its column"),
            subject: Some(
                "a subject that is much too long for what is left of the line, however wide the \
                 terminal is, since it goes on and on and on and on and on and on and on and on",
            ),
            ..MessageRow::default()
        };
        assert_eq!(table.row(&row).width(), width);
        assert!(table.heading().width() <= width);
    }

    #[test]
    fn numbers_stay_right_aligned() {
        let table = table(Shape::Short, None);
        let row = |number| {
            table.row(&MessageRow {
                number: Some(number),
                ..MessageRow::default()
            })
        };
        assert!(row(7).starts_with("      7  "));
        assert!(row(1_234_567).starts_with("1234567  "));
    }
}
