//! The part of the journal that a report is made of.

use hookswitch_http::ReportRefused;
use hookswitch_journal::{Entry, Error, Kind, Limit, Reader};
use hookswitch_model::{Millis, Timestamp};
use hookswitch_report::Span;
use tracing::warn;

use super::{Fold, told};

/// Records that are read for one report at most.
const MOST_RECORDS: u64 = 5_000_000;
/// Rows of one report at most.
const MOST_ROWS: usize = 100_000;
/// Records of one burst have the times of their facts: so far one may lie behind the record before it.
const DISORDER: Millis = Millis::from_secs(60);

/// Entries, first to last, and when the report's own time is over.
#[derive(Debug)]
pub(super) struct Stretch {
    /// From where on is read: the sequence before the first.
    after: u64,
    /// The last that may be read.
    until: u64,
    span: Span,
    /// When the journal begins, where that is after the report's begin: what was before is not recorded any more.
    pub(super) begins: Option<Timestamp>,
}

impl Stretch {
    /// Looks for the first entry of a span, as a book is opened at a page: reads a dozen or two of entries.
    pub(super) fn find(journal: &Reader, span: Span, until: u64) -> Result<Self, ReportRefused> {
        let begin = Timestamp::from_micros(span.from.as_micros().saturating_sub(DISORDER.0 * 1_000));
        let oldest = journal.oldest();
        let after = before(journal, begin, until)?;
        let end = before(journal, span.to, until)?;
        let first = time_of(journal, oldest)?;
        // A journal that was never cut begins with the first there was to record.
        let begins = first.filter(|first| oldest > 1 && *first > span.from).map(|first| first.min(span.to));
        let records = end.saturating_sub(after);
        if records > MOST_RECORDS {
            return Err(ReportRefused::TooLarge {
                what: format!(
                    "from and to hold {records} records of the journal, {MOST_RECORDS} at most are read"
                ),
                hint: format!(
                    "ask in {} parts or more, each of a shorter time",
                    records.div_ceil(MOST_RECORDS)
                ),
            });
        }
        Ok(Self { after, until, span, begins })
    }

    /// Hands on what was told, until the fold has all it needs; beyond the span's end no further than the bound.
    pub(super) fn read(&self, journal: &Reader, fold: &mut impl Fold) -> Result<(), ReportRefused> {
        check_rows(fold)?;
        let mut after = self.after;
        let last = self.until.min(self.after.saturating_add(2 * MOST_RECORDS));
        while after < last {
            let page = journal.read(after, Limit::default()).map_err(|error| unreadable(&error))?;
            if page.is_empty() {
                break;
            }
            for entry in page.iter().take_while(|entry| entry.seq <= last) {
                if entry.record.at >= self.span.to && fold.is_complete() {
                    return check_rows(fold);
                }
                take(entry, fold)?;
            }
            check_rows(fold)?;
            after = page.through();
        }
        Ok(())
    }
}

fn take(entry: &Entry, fold: &mut impl Fold) -> Result<(), ReportRefused> {
    if entry.record.kind != Kind::Event {
        return Ok(());
    }
    match told::read(entry) {
        Ok(Some((told, at))) => fold.take(told, at),
        Ok(None) => {}
        Err(error) => {
            // A report that left a call out in silence would be wrong.
            warn!(sequence = entry.seq, %error, "an event of the journal could not be read for a report");
            return Err(ReportRefused::Unreadable);
        }
    }
    Ok(())
}

fn check_rows(fold: &impl Fold) -> Result<(), ReportRefused> {
    let rows = fold.rows();
    if rows <= MOST_ROWS {
        return Ok(());
    }
    Err(ReportRefused::TooLarge {
        what: format!("the report would have {rows} rows, {MOST_ROWS} are the most"),
        hint: "ask for a shorter time or a longer interval".to_owned(),
    })
}

/// The last sequence before this moment; times never run backwards by more than [`DISORDER`].
fn before(journal: &Reader, moment: Timestamp, until: u64) -> Result<u64, ReportRefused> {
    let (mut low, mut high) = (journal.oldest(), until + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        // What is gone by now was older.
        if time_of(journal, middle)?.is_none_or(|at| at < moment) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low.saturating_sub(1))
}

/// The time of an entry; none when it is not kept any more.
fn time_of(journal: &Reader, seq: u64) -> Result<Option<Timestamp>, ReportRefused> {
    let page = journal.read(seq.saturating_sub(1), Limit { entries: 1, bytes: 1 });
    let page = page.map_err(|error| unreadable(&error))?;
    Ok(page.iter().next().filter(|entry| entry.seq == seq).map(|entry| entry.record.at))
}

fn unreadable(error: &Error) -> ReportRefused {
    warn!(%error, hint = error.hint(), "the journal could not be read for a report");
    ReportRefused::Unreadable
}
