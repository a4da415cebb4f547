//! Queues: waits by the queue they were in, and whole calls by the queue they came to first.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_model::{
    CallId, Millis, QueueId, Timestamp,
    ledger::{Disposition, Ledger, VisitEnd},
};

use crate::{
    Cell, Column, Grid, Measures, Report, Row,
    table::{mean_s, share},
};

/// What counts as answered in time in a queue that is not configured (any more): as in the live figures.
const WITHIN: Millis = Millis::from_secs(20);

/// A call that is over, as its `call.ended` tells it.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The call.
    pub call: CallId,
    /// When it began.
    pub started_at: Timestamp,
    /// When somebody first talked to the customer.
    pub answered_at: Option<Timestamp>,
    /// The end was reconstructed after a lost link.
    pub recovered: bool,
    /// Its books.
    pub ledger: Ledger,
}

/// How many dispositions there are.
const DISPOSITIONS: usize = 9;

const fn place_of(disposition: Disposition) -> usize {
    match disposition {
        Disposition::Answered => 0,
        Disposition::Abandoned => 1,
        Disposition::Missed => 2,
        Disposition::Busy => 3,
        Disposition::Rejected => 4,
        Disposition::Failed => 5,
        Disposition::Merged => 6,
        Disposition::Lost => 7,
        Disposition::Callback => 8,
    }
}

/// A queue in an interval; without a queue: calls that came to none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueRow {
    answered: u64,
    answered_in_time: u64,
    abandoned: u64,
    left: u64,
    lost: u64,
    open: u64,
    answered_wait_ms: u64,
    abandoned_wait_ms: u64,
    longest_wait_ms: u64,
    handled_ms: u64,
    calls: [u64; DISPOSITIONS],
    recovered: u64,
    wait_ms: u64,
    talk_ms: u64,
    hold_ms: u64,
}

impl QueueRow {
    const fn offered(&self) -> u64 {
        self.answered + self.abandoned + self.left + self.lost + self.open
    }

    fn visited(&mut self, end: VisitEnd, wait: Millis, handled: Millis, within: Millis) {
        match end {
            VisitEnd::Answered => {
                self.answered += 1;
                self.answered_in_time += u64::from(wait <= within);
                self.answered_wait_ms += wait.0;
            }
            VisitEnd::Abandoned => {
                self.abandoned += 1;
                self.abandoned_wait_ms += wait.0;
            }
            VisitEnd::Left => self.left += 1,
            VisitEnd::Lost => self.lost += 1,
        }
        self.longest_wait_ms = self.longest_wait_ms.max(wait.0);
        self.handled_ms += handled.0;
    }

    fn ended(&mut self, ended: &Ended) {
        self.calls[place_of(ended.ledger.disposition)] += 1;
        self.recovered += u64::from(ended.recovered);
        self.wait_ms += ended.ledger.wait_ms;
        self.talk_ms += ended.ledger.talk_ms;
        self.hold_ms += ended.ledger.hold_ms;
    }
}

macro_rules! count {
    ($name:literal, $of:expr) => {
        Column { name: $name, cell: |row: &Self| Cell::Count($of(row)) }
    };
}

impl Measures for QueueRow {
    const COLUMNS: &'static [Column<Self>] = &[
        count!("offered", Self::offered),
        count!("answered", |row: &Self| row.answered),
        count!("answered_in_time", |row: &Self| row.answered_in_time),
        count!("abandoned", |row: &Self| row.abandoned),
        count!("left", |row: &Self| row.left),
        count!("lost", |row: &Self| row.lost),
        count!("open", |row: &Self| row.open),
        Column {
            name: "service_level",
            cell: |row| share(row.answered_in_time, row.answered + row.abandoned),
        },
        Column { name: "average_wait_s", cell: |row| mean_s(row.answered_wait_ms, row.answered) },
        Column { name: "average_abandon_s", cell: |row| mean_s(row.abandoned_wait_ms, row.abandoned) },
        Column { name: "average_talk_s", cell: |row| mean_s(row.handled_ms, row.answered) },
        count!("longest_wait_ms", |row: &Self| row.longest_wait_ms),
        count!("answered_wait_ms", |row: &Self| row.answered_wait_ms),
        count!("abandoned_wait_ms", |row: &Self| row.abandoned_wait_ms),
        count!("handled_ms", |row: &Self| row.handled_ms),
        count!("calls", |row: &Self| row.calls.iter().sum()),
        count!("calls_answered", |row: &Self| row.calls[0]),
        count!("calls_abandoned", |row: &Self| row.calls[1]),
        count!("calls_missed", |row: &Self| row.calls[2]),
        count!("calls_busy", |row: &Self| row.calls[3]),
        count!("calls_rejected", |row: &Self| row.calls[4]),
        count!("calls_failed", |row: &Self| row.calls[5]),
        count!("calls_merged", |row: &Self| row.calls[6]),
        count!("calls_lost", |row: &Self| row.calls[7]),
        count!("calls_callback", |row: &Self| row.calls[8]),
        count!("calls_recovered", |row: &Self| row.recovered),
        count!("wait_ms", |row: &Self| row.wait_ms),
        count!("talk_ms", |row: &Self| row.talk_ms),
        count!("hold_ms", |row: &Self| row.hold_ms),
    ];

    fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.answered_in_time += other.answered_in_time;
        self.abandoned += other.abandoned;
        self.left += other.left;
        self.lost += other.lost;
        self.open += other.open;
        self.answered_wait_ms += other.answered_wait_ms;
        self.abandoned_wait_ms += other.abandoned_wait_ms;
        self.longest_wait_ms = self.longest_wait_ms.max(other.longest_wait_ms);
        self.handled_ms += other.handled_ms;
        for (mine, theirs) in self.calls.iter_mut().zip(other.calls) {
            *mine += theirs;
        }
        self.recovered += other.recovered;
        self.wait_ms += other.wait_ms;
        self.talk_ms += other.talk_ms;
        self.hold_ms += other.hold_ms;
    }
}

/// The fold: told of every call that came into a queue and of every call that ended, it makes the rows.
#[derive(Debug)]
pub struct Queues {
    grid: Grid,
    /// The queues there are a row of, with what counts as answered in time in each.
    keys: BTreeMap<Arc<str>, Millis>,
    rows: BTreeMap<(usize, Option<Arc<str>>), QueueRow>,
    /// Where calls that are not over came in, within the span.
    open: BTreeMap<CallId, Vec<(usize, Arc<str>)>>,
}

impl Queues {
    /// An empty report. `within` are the queues there are, with what counts as answered in time in each: they have a
    /// row in every interval.
    #[must_use]
    pub fn new(grid: Grid, within: BTreeMap<QueueId, Millis>) -> Self {
        let keys = within.into_iter().map(|(queue, within)| (queue.as_str().into(), within)).collect();
        Self { grid, keys, rows: BTreeMap::new(), open: BTreeMap::new() }
    }

    /// A call came into a queue.
    pub fn queued(&mut self, call: CallId, queue: &QueueId, at: Timestamp) {
        if let Some(place) = self.grid.place(at) {
            let key = self.key(queue);
            self.open.entry(call).or_default().push((place, key));
        }
    }

    /// A call is over.
    pub fn ended(&mut self, ended: &Ended) {
        self.open.remove(&ended.call);
        let mut first = None;
        for visit in ended.ledger.visits() {
            let key = self.key(visit.queue);
            first.get_or_insert_with(|| (visit.from, Arc::clone(&key)));
            let Some(place) = self.grid.place(visit.from) else { continue };
            let within = self.keys.get(&key).copied().unwrap_or(WITHIN);
            let row = self.rows.entry((place, Some(key))).or_default();
            row.visited(visit.end, visit.to.since(visit.from), visit.handled, within);
        }
        let (at, key) = first.map_or((ended.started_at, None), |(at, key)| (at, Some(key)));
        if let Some(place) = self.grid.place(at) {
            self.rows.entry((place, key)).or_default().ended(ended);
        }
    }

    /// Whether calls that came in within the span are not over yet: what follows may still tell of them.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// How many rows there would be now.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.grid.len().saturating_mul(self.keys.len() + 1)
    }

    fn key(&mut self, queue: &QueueId) -> Arc<str> {
        if let Some((key, _)) = self.keys.get_key_value(queue.as_str()) {
            return Arc::clone(key);
        }
        let key: Arc<str> = queue.as_str().into();
        self.keys.insert(Arc::clone(&key), WITHIN);
        key
    }

    /// The report. Every queue has a row in every interval; calls outside queues where there were any.
    #[must_use]
    pub fn finish(mut self) -> Report<QueueRow> {
        for (place, key) in std::mem::take(&mut self.open).into_values().flatten() {
            self.rows.entry((place, Some(key))).or_default().open += 1;
        }
        let mut rows = Vec::with_capacity(self.rows());
        for place in 0..self.grid.len() {
            let outside = self.rows.remove(&(place, None)).map(|of| Row { place, key: None, of });
            rows.extend(outside);
            for key in self.keys.keys() {
                let key = Some(Arc::clone(key));
                let of = self.rows.remove(&(place, key.clone())).unwrap_or_default();
                rows.push(Row { place, key, of });
            }
        }
        Report { subject: "queue", grid: self.grid, rows }
    }
}
