//! Reading: many readers, each with a cursor of its own.

use std::{ops::Range, sync::Arc};

use tokio::sync::watch;

use crate::{
    Entry, Error, Head,
    ring::{Segment, Shared, first, last},
};

/// How much to read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// At most so many entries.
    pub entries: usize,
    /// About so many bytes of payload; the batch in which the bound falls is read whole.
    pub bytes: usize,
}

impl Default for Limit {
    fn default() -> Self {
        Self { entries: 1_024, bytes: 1024 * 1024 }
    }
}

/// Reads the journal; cheap to clone, never in the writer's way.
#[derive(Debug, Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

impl Reader {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// How far the journal is.
    #[must_use]
    pub fn head(&self) -> Head {
        self.shared.head()
    }

    /// The last durable sequence; 0 before the first.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.shared.head().seq
    }

    /// The oldest sequence that can be read; one more than the last when there is none.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.shared.oldest()
    }

    /// Tells when there is more to read; closed when the journal is.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Head> {
        self.shared.watch()
    }

    /// Entries after this sequence, from memory only; none when they are not in memory any more and have to be
    /// [`read`](Self::read). Never blocks.
    #[must_use]
    pub fn recent(&self, after: u64, limit: Limit) -> Option<Page> {
        let through = self.last();
        if after >= through {
            return Some(Page { segments: Vec::new(), after, through: after, skipped: 0..0 });
        }
        let segments = self.shared.recent(after, limit.bytes)?;
        Some(Page::new(segments, after, through, limit))
    }

    /// Entries after this sequence, from memory or from the disk. Blocks while the disk works: on an async runtime it
    /// belongs on a blocking thread.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Version`] or [`Error::Store`] as the disk has it.
    pub fn read(&self, after: u64, limit: Limit) -> Result<Page, Error> {
        if let Some(page) = self.recent(after, limit) {
            return Ok(page);
        }
        let through = self.last();
        let from = after.max(self.oldest().saturating_sub(1));
        let page = Page::new(self.shared.archive.read(from, limit.bytes)?, after, through, limit);
        // What is skipped has to be older than the oldest, which may have moved on meanwhile.
        let explained = if page.is_empty() {
            from >= through || from + 1 < self.oldest()
        } else {
            page.skipped.end <= self.oldest()
        };
        if explained { Ok(page) } else { Err(self.shared.archive.missing(from + 1)) }
    }
}

/// Entries that follow one another, shared with all who read them.
#[derive(Debug, Clone)]
pub struct Page {
    segments: Vec<Segment>,
    after: u64,
    through: u64,
    skipped: Range<u64>,
}

impl Page {
    /// What these batches hold after `after`, as far as `through` and the limit.
    fn new(segments: Vec<Segment>, after: u64, through: u64, limit: Limit) -> Self {
        let Some(start) = segments.first().map(|segment| first(segment).max(after + 1)) else {
            return Self { segments, after, through: after, skipped: 0..0 };
        };
        let end = segments.last().map_or(after, last);
        let through = through.min(end).min((start - 1).saturating_add(limit.entries.max(1) as u64));
        let skipped = if start > after + 1 { after + 1..start } else { 0..0 };
        Self { segments, after: start - 1, through, skipped }
    }

    /// The entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.segments.iter().flat_map(|segment| {
            // Sequences are dense: a place in the batch is a difference.
            let place = |seq: u64| usize::try_from(seq.saturating_sub(first(segment))).unwrap_or(usize::MAX);
            let end = place(self.through + 1).min(segment.len());
            &segment[place(self.after + 1).min(end)..end]
        })
    }

    /// The last sequence read: where to go on from.
    #[must_use]
    pub const fn through(&self) -> u64 {
        self.through
    }

    /// Nothing is there yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.through <= self.after
    }

    /// Sequences that were asked for and are not kept any more; empty as a rule.
    #[must_use]
    pub fn skipped(&self) -> Range<u64> {
        self.skipped.clone()
    }
}

/// Entries one by one, up to the end there was when it was made.
#[derive(Debug)]
pub struct Entries {
    reader: Reader,
    page: std::vec::IntoIter<Entry>,
    after: u64,
    until: u64,
}

impl Entries {
    pub(crate) fn new(reader: Reader, after: u64) -> Self {
        let until = reader.last();
        Self { reader, page: Vec::new().into_iter(), after, until }
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(entry) = self.page.next() {
            return Some(Ok(entry));
        }
        if self.after >= self.until {
            return None;
        }
        match self.reader.read(self.after, Limit::default()) {
            Ok(page) => {
                self.after = page.through().max(self.after + 1);
                self.page = page.iter().cloned().collect::<Vec<_>>().into_iter();
                self.next()
            }
            Err(error) => {
                self.until = self.after;
                Some(Err(error))
            }
        }
    }
}
