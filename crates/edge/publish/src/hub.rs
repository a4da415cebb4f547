//! The stream for WebSocket, SSE and polling readers.

mod notice;
mod shared;

use std::{
    borrow::Cow,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::{BufMut, Bytes, BytesMut};
use hookswitch_journal::{Entry, Error, Head, Kind, Limit, Page, Reader};
use hookswitch_wire::{Sequence, model::Timestamp, prev_at, splice_prev, stream, without_withheld_number};
use tokio::sync::watch;

use crate::{Filter, Scope};
pub use notice::Notice;
use notice::{Board, Look};
use shared::{Form, SharedBytes};

/// How far a live subscription may fall behind before it is closed. It bounds nothing in memory here (readers read the
/// journal), but the age of what a reader shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// At most so many entries of the journal.
    pub entries: u64,
    /// At most so many bytes of them.
    pub bytes: u64,
}

impl Default for Bound {
    fn default() -> Self {
        Self { entries: 32_768, bytes: 12 * 1024 * 1024 }
    }
}

/// How many entries a page of polling looks at before it answers with what it has.
const LOOKED_AT: u64 = 65_536;
/// The most events a page of polling holds.
pub const MAX_PAGE: usize = 1_000;
/// How much of the journal is read at once.
const STEP: Limit = Limit { entries: 512, bytes: 256 * 1024 };

/// Fans the journal out to readers; cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    reader: Reader,
    bound: Bound,
    board: Board,
    shared: Arc<SharedBytes>,
}

/// One text for a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its type: of the event, or `stream.hello`, `stream.gap`, `stream.degraded`, `stream.restored`.
    pub type_name: Cow<'static, str>,
    /// Where to resume after it; none for what has no place in the stream, a [`Notice`].
    pub sequence: Option<u64>,
    /// The CloudEvent, with `prev`.
    pub json: Bytes,
}

impl Frame {
    /// It admits a break: the reader needs a snapshot before it goes on.
    #[must_use]
    pub fn is_gap(&self) -> bool {
        self.type_name == "stream.gap"
    }
}

/// Why a subscription is over.
#[derive(Debug, thiserror::Error)]
pub enum Closed {
    /// The reader fell behind the bound; it resumes by its cursor.
    #[error("{entries} events behind; resume after the last sequence read")]
    Behind {
        /// How far.
        entries: u64,
    },
    /// The journal could not be read.
    #[error("the journal could not be read")]
    Journal(#[source] Error),
    /// The journal is closed: the daemon stops.
    #[error("the daemon stops")]
    Stopped,
}

impl Closed {
    /// The WebSocket close code.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::Behind { .. } => 4008,
            Self::Journal(_) => 1011,
            Self::Stopped => 1001,
        }
    }
}

impl Hub {
    /// A hub over this journal.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self::with_bound(reader, Bound::default())
    }

    /// A hub with another bound for slow readers.
    #[must_use]
    pub fn with_bound(reader: Reader, bound: Bound) -> Self {
        Self { reader, bound, board: Board::new(), shared: Arc::new(SharedBytes::new()) }
    }

    /// Tells all readers of this hub and its clones, also those to come, in which mode the daemon works. Said twice it
    /// is told once. It is not journalled, and never waits for anybody.
    pub fn notice(&self, notice: Notice) {
        self.board.put(notice, now(), self.last());
    }

    /// The last sequence of the journal.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.reader.last()
    }

    /// A stream from behind this cursor on; none: from now on; 0: from the oldest event on.
    #[must_use]
    pub fn subscribe(&self, after: Option<u64>, filter: Filter) -> Subscription {
        let head = self.reader.head();
        let cursor = after.unwrap_or(head.seq);
        Subscription {
            watch: self.reader.watch(),
            reader: self.reader.clone(),
            bound: self.bound,
            chain: self.chain(filter, cursor),
            board: self.board.look(),
            cursor,
            bytes: head.bytes,
            live: cursor == head.seq,
            greeted: false,
        }
    }

    /// A page for polling readers, of at most `limit` events (and at most [`MAX_PAGE`]).
    ///
    /// # Errors
    /// [`Closed::Journal`] when the journal could not be read.
    pub async fn page(&self, after: Option<u64>, limit: usize, filter: Filter) -> Result<EventPage, Closed> {
        let limit = limit.clamp(1, MAX_PAGE);
        let asked = after.unwrap_or_else(|| self.reader.last());
        let mut chain = self.chain(filter, asked);
        let mut page = EventPage { frames: Vec::new(), next: asked, notice: self.board.standing() };
        page.frames.extend(chain.resume_in_range(&self.reader, &mut page.next));
        let until = page.next.saturating_add(LOOKED_AT);
        while page.next < until && page.frames.len() < limit {
            let read = read(&self.reader, page.next, STEP).await?;
            if read.is_empty() {
                break;
            }
            page.take(&mut chain, &read, limit);
        }
        Ok(page)
    }

    fn chain(&self, filter: Filter, prev: u64) -> Chain {
        Chain { filter, prev, shared: Arc::clone(&self.shared) }
    }
}

/// A page for polling readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    frames: Vec<Frame>,
    next: u64,
    notice: Option<Frame>,
}

impl EventPage {
    /// The events, and what is admitted to be missing.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The cursor of the next page, past what the filter left out.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Puts a snapshot behind the last break of the page, for the reader who cannot have all events.
    pub fn put_snapshot(&mut self, json: Bytes) {
        if let Some(gap) = self.frames.iter().rposition(Frame::is_gap) {
            let snapshot = Frame { type_name: Cow::Borrowed("stream.snapshot"), sequence: None, json };
            self.frames.insert(gap + 1, snapshot);
        }
    }

    /// `{"events":[…],"next":"SEQ"}`, and while not all is well `"notices":[…]`.
    #[must_use]
    pub fn json(&self) -> Bytes {
        let size: usize = self.frames.iter().map(|event| event.json.len() + 1).sum();
        let mut json = BytesMut::with_capacity(size + 512);
        json.put_slice(br#"{"events":["#);
        for (place, event) in self.frames.iter().enumerate() {
            if place > 0 {
                json.put_u8(b',');
            }
            json.put_slice(&event.json);
        }
        json.put_slice(format!(r#"],"next":"{}""#, Sequence(self.next)).as_bytes());
        if let Some(notice) = &self.notice {
            json.put_slice(br#","notices":["#);
            json.put_slice(&notice.json);
            json.put_u8(b']');
        }
        json.put_u8(b'}');
        json.freeze()
    }

    fn take(&mut self, chain: &mut Chain, read: &Page, limit: usize) {
        self.frames.extend(chain.gap(read));
        for entry in read.iter() {
            if self.frames.len() >= limit {
                return;
            }
            self.next = entry.seq;
            self.frames.extend(chain.frame(entry));
        }
        self.next = read.through();
    }
}

/// The chain of `prev` under one filter.
#[derive(Debug)]
struct Chain {
    filter: Filter,
    /// The last event that passed, or the cursor.
    prev: u64,
    shared: Arc<SharedBytes>,
}

impl Chain {
    /// The entry as this reader sees it; nothing when it is not for this reader.
    fn frame(&mut self, entry: &Entry) -> Option<Frame> {
        let record = &entry.record;
        let meta =
            record.meta.as_ref().filter(|meta| record.kind == Kind::Event && self.filter.passes(meta))?;
        let form = Form { prev: self.prev, hidden: matches!(self.filter.scope, Scope::Agent(_)) };
        let json = self.shared.get(entry.seq, form, record.payload.len(), || {
            let shown =
                if form.hidden { without_withheld_number(&record.payload) } else { record.payload.clone() };
            Some(splice_prev(&shown, prev_at(&shown)?, form.prev))
        })?;
        self.prev = entry.seq;
        Some(Frame { type_name: meta.type_name.clone(), sequence: Some(entry.seq), json })
    }

    /// Admits what retention deleted while it was being read up to.
    fn gap(&mut self, page: &Page) -> Option<Frame> {
        let skipped = page.skipped();
        (!skipped.is_empty()).then(|| self.break_at(skipped.start - 1, skipped.end - 1))
    }

    /// Admits a cursor that is older than what is kept, or that is another journal's; moves it to where events are.
    fn resume_in_range(&mut self, reader: &Reader, cursor: &mut u64) -> Option<Frame> {
        let nearest = (*cursor).clamp(reader.oldest().saturating_sub(1), reader.last());
        // From the beginning is from the oldest, and no break.
        let asked = std::mem::replace(cursor, nearest);
        if asked == 0 {
            self.prev = nearest;
        }
        (asked != nearest && asked != 0).then(|| self.break_at(asked, nearest))
    }

    fn break_at(&mut self, from: u64, to: u64) -> Frame {
        self.prev = to;
        let json = stream::gap(now(), stream::Gap { from: Sequence(from), to: Sequence(to) });
        Frame { type_name: Cow::Borrowed("stream.gap"), sequence: Some(to), json }
    }
}

/// One reader's stream.
///
/// The first frame is `stream.hello`; `prev` of each event is the sequence of the one before it under the same filter,
/// of the first one the cursor. A `stream.gap` is the last frame of its batch, so that a snapshot can follow it. A
/// [`Notice`] comes as soon as it is given, between two batches.
#[derive(Debug)]
pub struct Subscription {
    reader: Reader,
    watch: watch::Receiver<Head>,
    bound: Bound,
    chain: Chain,
    board: Look,
    /// The last entry looked at.
    cursor: u64,
    /// [`Head::bytes`] at the cursor, once live.
    bytes: u64,
    /// The head has been reached: from now on the bound holds. Until then it reads at its own pace.
    live: bool,
    greeted: bool,
}

impl Subscription {
    /// The next frames, as soon as there is one: all that are there, up to about 256 KiB. Nothing is lost when the
    /// future is dropped.
    ///
    /// # Errors
    /// [`Closed`] when the stream is over.
    pub async fn next_batch(&mut self) -> Result<Vec<Frame>, Closed> {
        if !self.greeted {
            self.greeted = true;
            return Ok(self.greet());
        }
        loop {
            if self.board.has_news()
                && let Some(notice) = self.board.news()
            {
                return Ok(vec![notice]);
            }
            let head = *self.watch.borrow_and_update();
            if self.cursor >= head.seq {
                self.live = true;
                self.bytes = head.bytes;
                tokio::select! {
                    more = self.watch.changed() => more.map_err(|_| Closed::Stopped)?,
                    () = self.board.changed() => {}
                }
                continue;
            }
            if self.live && self.is_behind(head) {
                return Err(Closed::Behind { entries: head.seq - self.cursor });
            }
            let page = read(&self.reader, self.cursor, STEP).await?;
            let frames = self.take(&page);
            if !frames.is_empty() {
                return Ok(frames);
            }
        }
    }

    /// Resolves once the reader is too far behind; to be raced with writing a batch, because a writer that is stuck
    /// does not ask for the next one. Never resolves while old events are being caught up with.
    pub async fn fell_behind(&self) -> Closed {
        let mut watch = self.watch.clone();
        let fell = watch.wait_for(|head| self.live && self.is_behind(*head)).await.map(|head| head.seq);
        fell.map_or(Closed::Stopped, |head| Closed::Behind { entries: head - self.cursor })
    }

    /// The last sequence looked at: everything up to it that passes the filter has been handed out.
    #[must_use]
    pub const fn cursor(&self) -> u64 {
        self.cursor
    }

    fn greet(&mut self) -> Vec<Frame> {
        let asked = self.cursor;
        let gap = self.chain.resume_in_range(&self.reader, &mut self.cursor);
        // Where the chain starts; after a gap that is for the gap to say.
        let start = if gap.is_some() { asked } else { self.cursor };
        let hello = stream::Hello { sequence: Sequence(start), oldest: Sequence(self.reader.oldest()) };
        let hello = Frame {
            type_name: Cow::Borrowed("stream.hello"),
            sequence: Some(start),
            json: stream::hello(now(), hello),
        };
        std::iter::once(hello).chain(self.board.news()).chain(gap).collect()
    }

    fn take(&mut self, page: &Page) -> Vec<Frame> {
        if let Some(gap) = self.chain.gap(page) {
            self.cursor = page.skipped().end - 1;
            return vec![gap];
        }
        self.cursor = page.through();
        let mut frames = Vec::new();
        for entry in page.iter() {
            self.bytes += entry.record.payload.len() as u64;
            frames.extend(self.chain.frame(entry));
        }
        frames
    }

    const fn is_behind(&self, head: Head) -> bool {
        head.seq.saturating_sub(self.cursor) > self.bound.entries
            || head.bytes.saturating_sub(self.bytes) > self.bound.bytes
    }
}

/// Reads on; what is not in memory any more on a thread that may block.
async fn read(reader: &Reader, after: u64, limit: Limit) -> Result<Page, Closed> {
    if let Some(page) = reader.recent(after, limit) {
        return Ok(page);
    }
    let reader = reader.clone();
    let page = tokio::task::spawn_blocking(move || reader.read(after, limit)).await;
    page.map_err(|_| Closed::Stopped)?.map_err(Closed::Journal)
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
