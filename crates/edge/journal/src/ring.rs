//! What the writer and all readers share: the newest entries in memory, and how far the journal is.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::watch;

use crate::{Entry, Error, frame};

/// The entries of one batch, shared and never changed.
pub(crate) type Segment = Arc<[Entry]>;

/// How far the journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// The last durable sequence; 0 before the first.
    pub seq: u64,
    /// Payload bytes appended since the journal was opened: the difference of two tells how many bytes lie between.
    pub bytes: u64,
}

/// How much of the newest entries is kept in memory for readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recent {
    /// At most so many entries (the newest batch is kept whatever its size).
    pub entries: usize,
    /// At most so many bytes of payload.
    pub bytes: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self { entries: 65_536, bytes: 16 * 1024 * 1024 }
    }
}

/// Where older entries are read from.
pub(crate) trait Archive: Send + Sync + fmt::Debug {
    /// Whole batches from the one that holds `after + 1` on, at most about `bytes` of payload; blocking.
    fn read(&self, after: u64, bytes: usize) -> Result<Vec<Segment>, Error>;

    /// What to say when this entry should be there and is not.
    fn missing(&self, seq: u64) -> Error;
}

/// The writer's end: when it is dropped, readers learn that nothing more comes.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) shared: Arc<Shared>,
    head: watch::Sender<Head>,
}

/// Shared by the writer and all readers.
#[derive(Debug)]
pub(crate) struct Shared {
    ring: Mutex<Ring>,
    recent: Recent,
    head: watch::Receiver<Head>,
    oldest: AtomicU64,
    pub(crate) archive: Box<dyn Archive>,
}

#[derive(Debug, Default)]
struct Ring {
    segments: VecDeque<Segment>,
    entries: usize,
    bytes: usize,
}

impl Publisher {
    /// A journal that ends at `last` and of which `oldest` is the oldest entry (`last + 1` when it is empty).
    pub(crate) fn new(archive: Box<dyn Archive>, recent: Recent, oldest: u64, last: u64) -> Self {
        let (head, readers) = watch::channel(Head { seq: last, bytes: 0 });
        let oldest = AtomicU64::new(oldest);
        Self {
            shared: Arc::new(Shared { ring: Mutex::default(), recent, head: readers, oldest, archive }),
            head,
        }
    }

    /// Shows a durable batch to the readers.
    pub(crate) fn publish(&self, segment: Segment) {
        let (seq, bytes) = (last(&segment), payload_bytes(&segment));
        self.shared.lock().push(segment, self.shared.recent);
        self.head.send_modify(|head| *head = Head { seq, bytes: head.bytes + bytes as u64 });
    }
}

impl Shared {
    pub(crate) fn head(&self) -> Head {
        *self.head.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Head> {
        self.head.clone()
    }

    pub(crate) fn oldest(&self) -> u64 {
        self.oldest.load(Ordering::Acquire)
    }

    /// Says that nothing older is to be had. Said before it is deleted, so that no reader takes a hole for the end.
    pub(crate) fn set_oldest(&self, oldest: u64) {
        self.oldest.store(oldest, Ordering::Release);
        let mut ring = self.lock();
        while ring.segments.front().is_some_and(|segment| last(segment) < oldest) {
            ring.evict();
        }
    }

    /// The batches in memory from the one that holds `after + 1` on; none when that one is not in memory. At most
    /// about `bytes` of payload.
    pub(crate) fn recent(&self, after: u64, bytes: usize) -> Option<Vec<Segment>> {
        let ring = self.lock();
        if ring.segments.front().is_none_or(|oldest| first(oldest) > after + 1) {
            return None;
        }
        let from = ring.segments.partition_point(|segment| last(segment) <= after);
        let mut room = bytes;
        let mut segments = Vec::new();
        for segment in ring.segments.range(from..) {
            segments.push(Arc::clone(segment));
            room = room.saturating_sub(payload_bytes(segment));
            if room == 0 {
                break;
            }
        }
        Some(segments)
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn push(&mut self, segment: Segment, keep: Recent) {
        self.entries += segment.len();
        self.bytes += payload_bytes(&segment);
        self.segments.push_back(segment);
        while self.segments.len() > 1 && (self.entries > keep.entries || self.bytes > keep.bytes) {
            self.evict();
        }
    }

    fn evict(&mut self) {
        if let Some(segment) = self.segments.pop_front() {
            self.entries -= segment.len();
            self.bytes -= payload_bytes(&segment);
        }
    }
}

/// The first sequence of a batch; batches are never empty.
pub(crate) fn first(segment: &Segment) -> u64 {
    segment.first().map_or(0, |entry| entry.seq)
}

/// The last sequence of a batch.
pub(crate) fn last(segment: &Segment) -> u64 {
    segment.last().map_or(0, |entry| entry.seq)
}

/// What a batch counts for when the journal is kept to a size.
pub(crate) fn size(segment: &Segment) -> u64 {
    segment.iter().map(|entry| frame::size(&entry.record) as u64).sum()
}

pub(crate) fn payload_bytes(segment: &Segment) -> usize {
    segment.iter().map(|entry| entry.record.payload.len()).sum()
}
