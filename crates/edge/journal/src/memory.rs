//! A journal that lasts as long as the process: for tests, `demo` and `trace`.

use std::{
    collections::VecDeque,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    Cursors, Error, Journal, Reader, Record, Recovery, Retained, Retention, Snapshots, frame, place,
    recovery::recover,
    retention::Plan,
    ring::{Archive, Publisher, Recent, Segment, first, last, payload_bytes, size},
};

/// See the module. Clones of nothing outlive it but readers, which keep what they need.
#[derive(Debug)]
pub struct MemoryJournal {
    kept: Kept,
    publisher: Publisher,
    cursors: Cursors,
    snapshots: Snapshots,
}

/// All batches, oldest first.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<VecDeque<Segment>>>);

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::with_recent(Recent::default())
    }

    /// An empty journal whose readers go through the archive for what is not `recent`.
    #[must_use]
    pub fn with_recent(recent: Recent) -> Self {
        let kept = Kept::default();
        let publisher = Publisher::new(Box::new(kept.clone()), recent, 1, 0);
        let snapshots = Snapshots::in_memory(Reader::new(Arc::clone(&publisher.shared)));
        Self { kept, publisher, cursors: Cursors::in_memory(), snapshots }
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl Journal for MemoryJournal {
    fn append(&mut self, batch: &mut Vec<Record>) -> Result<Range<u64>, Error> {
        batch.iter().try_for_each(frame::check)?;
        let next = self.publisher.shared.head().seq + 1;
        let end = next + batch.len() as u64;
        if let Some(segment) = place(next, batch) {
            self.kept.lock().push_back(Arc::clone(&segment));
            self.publisher.publish(segment);
        }
        Ok(next..end)
    }

    fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.publisher.shared))
    }

    fn cursors(&self) -> Cursors {
        self.cursors.clone()
    }

    fn snapshots(&self) -> Snapshots {
        self.snapshots.clone()
    }

    fn recover(&self) -> Result<Recovery, Error> {
        recover(Path::new("memory"), &self.reader(), &self.snapshots)
    }

    fn retain(&mut self, retention: &Retention) -> Result<Retained, Error> {
        let mut kept = self.kept.lock();
        let (oldest, bytes) = (self.publisher.shared.oldest(), kept.iter().map(size).sum());
        let mut plan = Plan::new(*retention, &self.cursors, &self.snapshots, oldest, bytes);
        let going = kept.iter().take_while(|segment| plan.may_go(segment)).count();
        self.publisher.shared.set_oldest(plan.oldest());
        kept.drain(..going);
        Ok(plan.report())
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Segment>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Archive for Kept {
    fn read(&self, after: u64, bytes: usize) -> Result<Vec<Segment>, Error> {
        let kept = self.lock();
        let from = kept.partition_point(|segment| last(segment) <= after);
        let mut room = bytes;
        let mut segments = Vec::new();
        for segment in kept.range(from..) {
            segments.push(Arc::clone(segment));
            room = room.saturating_sub(payload_bytes(segment));
            if room == 0 {
                break;
            }
        }
        debug_assert!(segments.is_sorted_by_key(first), "batches are kept in order");
        Ok(segments)
    }

    fn missing(&self, seq: u64) -> Error {
        Error::Corrupt { path: PathBuf::from("memory"), seq, why: "it is gone" }
    }
}
