//! Rows of figures, as JSON and as CSV: one list of columns makes both.

use std::{fmt::Write as _, sync::Arc};

use serde_json::Value;

use crate::Grid;

/// The content of a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A whole number.
    Count(u64),
    /// A share, 0 to 1.
    Share(f64),
    /// There is nothing to tell: no call to take a mean of.
    Nothing,
}

/// One figure of a row.
#[derive(Debug)]
pub struct Column<R> {
    /// Its name, in both forms.
    pub name: &'static str,
    /// What it is of a row.
    pub cell: fn(&R) -> Cell,
}

/// What adds up in a row.
pub trait Measures: Default + Clone + 'static {
    /// The figures, in order.
    const COLUMNS: &'static [Column<Self>];

    /// Adds another row to this one.
    fn add(&mut self, other: &Self);
}

/// One subject in one interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<R> {
    /// Which interval of the grid.
    pub place: usize,
    /// Whose figures; none: calls outside queues.
    pub key: Option<Arc<str>>,
    /// The figures.
    pub of: R,
}

/// A report: rows by interval, then by key.
#[derive(Debug, Clone)]
pub struct Report<R> {
    /// What a row is of: `queue`, `agent`, `team`.
    pub subject: &'static str,
    /// The intervals.
    pub grid: Grid,
    /// The rows.
    pub rows: Vec<Row<R>>,
}

impl<R: Measures> Report<R> {
    /// The rows added up.
    #[must_use]
    pub fn total(&self) -> R {
        let mut total = R::default();
        self.rows.iter().for_each(|row| total.add(&row.of));
        total
    }

    /// The lines of RFC 4180, head first, each with its end.
    pub fn csv(&self) -> impl Iterator<Item = String> + '_ {
        std::iter::once(self.csv_head()).chain(self.rows.iter().map(|row| self.csv_row(row)))
    }

    /// The line that names the columns.
    #[must_use]
    pub fn csv_head(&self) -> String {
        let names = R::COLUMNS.iter().map(|column| column.name);
        ["from", "to", self.subject].into_iter().chain(names).collect::<Vec<_>>().join(",") + "\r\n"
    }

    /// The line of a row.
    #[must_use]
    pub fn csv_row(&self, row: &Row<R>) -> String {
        let span = self.grid.at(row.place);
        let key = row.key.as_deref().unwrap_or_default();
        let mut line =
            format!("{},{},{}", self.grid.local(span.from), self.grid.local(span.to), csv_text(key));
        for column in R::COLUMNS {
            line.push(',');
            // Writing to a text does not fail.
            let _ = match (column.cell)(&row.of) {
                Cell::Count(count) => write!(line, "{count}"),
                Cell::Share(share) => write!(line, "{share}"),
                Cell::Nothing => Ok(()),
            };
        }
        line + "\r\n"
    }

    /// A row as a JSON object.
    #[must_use]
    pub fn json_row(&self, row: &Row<R>) -> String {
        let span = self.grid.at(row.place);
        let key = row.key.as_deref().map_or(Value::Null, Value::from);
        let head = format!(
            "{{\"from\":\"{}\",\"to\":\"{}\",\"{}\":{key}",
            self.grid.local(span.from),
            self.grid.local(span.to),
            self.subject
        );
        head + &members(&row.of) + "}"
    }

    /// The sums as a JSON object.
    #[must_use]
    pub fn json_total(&self) -> String {
        let members = members(&self.total());
        format!("{{{}}}", members.trim_start_matches(','))
    }
}

/// `,"offered":3,…`.
fn members<R: Measures>(row: &R) -> String {
    let mut text = String::new();
    for column in R::COLUMNS {
        // Writing to a text does not fail.
        let _ = match (column.cell)(row) {
            Cell::Count(count) => write!(text, ",\"{}\":{count}", column.name),
            Cell::Share(share) => write!(text, ",\"{}\":{share}", column.name),
            Cell::Nothing => write!(text, ",\"{}\":null", column.name),
        };
    }
    text
}

/// A text as a field of RFC 4180. What a spreadsheet would take for a formula gets an apostrophe before it, which shows
/// it as the text it is.
fn csv_text(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !text.contains([',', '"', '\r', '\n']) {
        return text.to_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// The mean of so many, rounded to whole seconds.
pub(crate) const fn mean_s(sum_ms: u64, count: u64) -> Cell {
    if count == 0 { Cell::Nothing } else { Cell::Count((sum_ms + count * 500) / (count * 1_000)) }
}

/// A share with four places.
pub(crate) fn share(part: u64, whole: u64) -> Cell {
    if whole == 0 { Cell::Nothing } else { Cell::Share(hookswitch_model::share(part, whole)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_quoted_where_it_must_be_and_is_never_a_formula() {
        assert_eq!(csv_text("support"), "support");
        assert_eq!(csv_text("a,b"), "\"a,b\"");
        assert_eq!(csv_text("say \"hi\"\r\n"), "\"say \"\"hi\"\"\r\n\"");
        for text in ["=1+1", "+49", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(csv_text(text), format!("\"'{text}\""));
        }
        assert_eq!(csv_text("=\"x\""), "\"'=\"\"x\"\"\"");
    }

    #[test]
    fn means_are_rounded_and_there_is_none_of_nothing() {
        assert_eq!(mean_s(1_499, 1), Cell::Count(1));
        assert_eq!(mean_s(3_000, 2), Cell::Count(2), "1.5 s");
        assert_eq!(mean_s(0, 0), Cell::Nothing);
        assert_eq!(share(0, 0), Cell::Nothing);
    }
}
