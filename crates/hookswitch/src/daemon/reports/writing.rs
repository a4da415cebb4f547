//! The answer, piece by piece: no long report is whole in memory as text.

use bytes::Bytes;
use hookswitch_http::{Form, Pieces};
use hookswitch_model::Timestamp;
use hookswitch_report::{Measures, Report};

/// Bytes of a piece, about.
const PIECE: usize = 16 * 1024;

/// How an answer is written, and what its head says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writing {
    pub(super) form: Form,
    /// When the journal begins, where that is after the report's begin.
    pub(super) recorded_from: Option<Timestamp>,
    /// The journal's position it is true at.
    pub(super) sequence: u64,
}

impl Writing {
    /// The pieces of a report.
    pub(super) fn pieces<R: Measures + Send>(self, report: Report<R>) -> Pieces {
        let mut next = Some(0);
        Box::new(std::iter::from_fn(move || {
            let first = next?;
            let mut text = if first == 0 { self.begin(&report) } else { String::new() };
            let mut place = first;
            while let Some(row) = report.rows.get(place).filter(|_| text.len() < PIECE) {
                match self.form {
                    Form::Csv => text.push_str(&report.csv_row(row)),
                    Form::Json => {
                        text.push_str(if place == 0 { "" } else { "," });
                        text.push_str(&report.json_row(row));
                    }
                }
                place += 1;
            }
            next = Some(place).filter(|place| *place < report.rows.len());
            if next.is_none() {
                text.push_str(&self.end(&report));
            }
            Some(Bytes::from(text))
        }))
    }

    fn begin<R: Measures>(self, report: &Report<R>) -> String {
        match self.form {
            Form::Csv => report.csv_head(),
            Form::Json => {
                let (grid, span) = (&report.grid, report.grid.span());
                let quoted = |at| format!("\"{}\"", grid.local(at));
                format!(
                    "{{\"from\":{},\"to\":{},\"interval\":\"{}\",\"timezone\":\"{}\",\"recorded_from\":{},\"items\":[",
                    quoted(span.from),
                    quoted(span.to),
                    grid.interval().as_str(),
                    grid.timezone(),
                    self.recorded_from.map_or_else(|| "null".to_owned(), quoted),
                )
            }
        }
    }

    fn end<R: Measures>(self, report: &Report<R>) -> String {
        match self.form {
            Form::Csv => String::new(),
            Form::Json => {
                format!("],\"total\":{},\"sequence\":\"{:020}\"}}", report.json_total(), self.sequence)
            }
        }
    }
}
