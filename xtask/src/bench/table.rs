//! Tables in Markdown, and numbers as people read them.

use std::fmt::Write as _;

/// A table, the first column to the left, the others to the right.
#[derive(Debug, Default)]
pub(super) struct Table {
    text: String,
}

impl Table {
    pub(super) fn new(head: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut table = Self::default();
        let columns = table.row(head);
        table.text.push_str("| --- |");
        table.text.push_str(&" ---: |".repeat(columns.saturating_sub(1)));
        table.text.push('\n');
        table
    }

    /// Adds a row, and returns how many cells it has.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) -> usize {
        let mut columns = 0;
        self.text.push('|');
        for cell in cells {
            let _ = write!(self.text, " {} |", cell.into());
            columns += 1;
        }
        self.text.push('\n');
        columns
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// With a comma before each three digits, and digits after the point where there are few before it.
pub(super) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        below if below < 10.0 => 2,
        below if below < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    fraction.map_or(grouped.clone(), |fraction| format!("{grouped}.{fraction}"))
}

/// In thousands.
pub(super) fn thousands(value: f64) -> String {
    number(value / 1000.0)
}

/// A figure, or a dash where there is none.
pub(super) fn or_dash(value: Option<f64>, shown: impl Fn(f64) -> String) -> String {
    value.map_or("–".to_owned(), shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits_and_are_grouped() {
        assert_eq!(number(1_234_567.8), "1,234,568");
        assert_eq!(number(123.4), "123");
        assert_eq!(number(12.34), "12.3");
        assert_eq!(number(1.234), "1.23");
        assert_eq!(number(0.0), "0.00");
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(["a", "b"]);
        table.row(["1", "2"]);
        assert_eq!(table.into_text(), "| a | b |\n| --- | ---: |\n| 1 | 2 |\n");
    }
}
