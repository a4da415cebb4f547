//! Which of the oldest batches may go.

use crate::{
    Cursors, Retained, Retention, Snapshots,
    ring::{Segment, last, size},
};

/// Decides batch by batch, oldest first, and keeps account of why.
#[derive(Debug)]
pub(crate) struct Plan {
    retention: Retention,
    /// The oldest kept snapshot holds all up to here; nothing after it may go.
    snapshot: u64,
    followers: Vec<(String, u64)>,
    /// Of what is still kept.
    bytes: u64,
    report: Retained,
}

impl Plan {
    /// For a journal that keeps `bytes` of records from `oldest` on.
    pub(crate) fn new(
        retention: Retention,
        cursors: &Cursors,
        snapshots: &Snapshots,
        oldest: u64,
        bytes: u64,
    ) -> Self {
        let snapshot = snapshots.sequences().first().copied().unwrap_or(0);
        Self {
            retention,
            snapshot,
            followers: cursors.all(),
            bytes,
            report: Retained { oldest, ..Retained::default() },
        }
    }

    /// Whether this batch may go; after the first that may not, none may.
    pub(crate) fn may_go(&mut self, segment: &Segment) -> bool {
        let last = last(segment);
        let newest = segment.iter().map(|entry| entry.record.at).max().unwrap_or_default();
        let too_much = self.retention.max_bytes.is_some_and(|most| self.bytes > most);
        if last > self.snapshot || (newest >= self.retention.keep_from && !too_much) {
            return false;
        }
        let need_it: Vec<_> = self.followers.iter().filter(|(_, done)| *done < last).cloned().collect();
        if newest >= self.retention.hold_from && !need_it.is_empty() && !too_much {
            self.report.held_back_by = need_it;
            return false;
        }
        if !need_it.is_empty() {
            self.report.lost_by = need_it;
        }
        self.bytes = self.bytes.saturating_sub(size(segment));
        self.report.removed += segment.len() as u64;
        self.report.oldest = last + 1;
        true
    }

    /// The oldest sequence that stays, as decided so far.
    pub(crate) const fn oldest(&self) -> u64 {
        self.report.oldest
    }

    pub(crate) fn report(self) -> Retained {
        self.report
    }
}
