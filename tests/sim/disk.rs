//! The simulated disk: a log of which only what was synced survives, and a journal on it.
//!
//! A batch is one frame with its length and checksum. A process that dies between write and sync leaves any prefix of
//! what it wrote, or whole blocks that never came; a start reads frames up to the first that is not whole and cuts the
//! rest off. Snapshots and cursors are files of their own, replaced as a whole.

use std::{
    io,
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hookswitch_journal::{
    Cursors, Error, Journal, Kind, MemoryJournal, Reader, Record, Recovery, Retained, Retention, Snapshots,
};
use hookswitch_model::{Meta, Timestamp};
use hookswitch_sim::Random;

use crate::points::{Place, Points};

/// A block of the disk: what is written together or not at all.
const BLOCK: usize = 512;

/// What survives the daemon.
#[derive(Debug)]
pub(crate) struct Disk {
    /// Bytes that a power cut leaves.
    durable: Vec<u8>,
    /// Bytes written behind them and not synced.
    pending: Vec<u8>,
    /// No room for a byte more.
    pub(crate) full: bool,
    /// Batches that were refused for want of room.
    pub(crate) refused: u64,
    /// Frames that a start cut off because they were torn.
    pub(crate) torn: u64,
    chance: Random,
}

/// The disk as the journal and the world hold it.
pub(crate) type Shared = Arc<Mutex<Disk>>;

pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    pub(crate) fn new(seed: u64) -> Shared {
        let chance = Random::new(seed ^ 0xd15c);
        let (durable, pending) = (Vec::new(), Vec::new());
        Arc::new(Mutex::new(Self { durable, pending, full: false, refused: 0, torn: 0, chance }))
    }

    /// The process or the power is gone: of what was not synced some may have reached the platter.
    pub(crate) fn cut(&mut self) {
        let mut tail = std::mem::take(&mut self.pending);
        let kept = usize::try_from(self.chance.between(0, tail.len() as u64)).unwrap_or(0);
        tail.truncate(kept);
        // Blocks arrive in any order: one of them may be missing in the middle.
        if kept > BLOCK && self.chance.chance(300) {
            let blocks = (kept / BLOCK) as u64;
            let hole = usize::try_from(self.chance.between(0, blocks - 1)).unwrap_or(0) * BLOCK;
            tail[hole..hole + BLOCK].fill(0);
        }
        self.durable.extend_from_slice(&tail);
    }

    /// The batches a start finds, after it cut off what is not whole.
    fn batches(&mut self) -> Vec<Vec<Record>> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some((batch, end)) = frame_at(&self.durable, at) {
            found.push(batch);
            at = end;
        }
        self.torn += u64::from(at < self.durable.len());
        self.durable.truncate(at);
        found
    }
}

/// The journal of one life of the daemon.
pub(crate) struct DiskJournal {
    disk: Shared,
    points: Points,
    inner: Arc<Mutex<MemoryJournal>>,
}

impl std::fmt::Debug for DiskJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DiskJournal")
    }
}

/// What of a life's journal lies in files beside the log: taken along into the next life.
#[derive(Debug, Clone)]
pub(crate) struct Beside(Arc<Mutex<MemoryJournal>>);

impl DiskJournal {
    /// Opens what is on the disk. `beside` are snapshots and cursors of the life before; the newest snapshot is torn
    /// when `torn_snapshot`.
    pub(crate) fn open(disk: &Shared, points: &Points, beside: Option<&Beside>, torn_snapshot: bool) -> Self {
        let mut inner = MemoryJournal::new();
        for mut batch in lock(disk).batches() {
            inner.append(&mut batch).expect("memory has room");
        }
        if let Some(Beside(before)) = beside {
            let before = lock(before);
            let cursors = before.cursors();
            for (name, _) in cursors.all() {
                let cursor = cursors.get(&name).expect("it was just listed");
                inner.cursors().set(&name, &cursor).expect("memory has room");
            }
            let newest = before.recover().ok().and_then(|recovery| recovery.snapshot);
            if let Some(snapshot) =
                newest.filter(|snapshot| !torn_snapshot && snapshot.seq <= inner.reader().last())
            {
                inner.snapshots().save(&snapshot).expect("memory has room");
            }
        }
        Self { disk: Arc::clone(disk), points: points.clone(), inner: Arc::new(Mutex::new(inner)) }
    }

    pub(crate) fn beside(&self) -> Beside {
        Beside(Arc::clone(&self.inner))
    }

    /// Whether the process dies here; the error is what unwinds it.
    fn point(&self, place: Place) -> Result<(), Error> {
        let died = |_| Error::Io { path: PathBuf::from("disk"), source: io::Error::other("killed") };
        self.points.at(place).map_err(died)
    }
}

impl Journal for DiskJournal {
    fn append(&mut self, batch: &mut Vec<Record>) -> Result<Range<u64>, Error> {
        let frame = frame(batch);
        if batch.is_empty() {
            return lock(&self.inner).append(batch);
        }
        {
            let mut disk = lock(&self.disk);
            if disk.full {
                disk.refused += 1;
                let source = io::Error::from(io::ErrorKind::StorageFull);
                return Err(Error::Full { path: PathBuf::from("disk"), source });
            }
            disk.pending.extend_from_slice(&frame);
        }
        self.point(Place::Written)?;
        {
            let mut disk = lock(&self.disk);
            let synced = std::mem::take(&mut disk.pending);
            disk.durable.extend_from_slice(&synced);
        }
        self.point(Place::Synced)?;
        lock(&self.inner).append(batch)
    }

    fn reader(&self) -> Reader {
        lock(&self.inner).reader()
    }

    fn cursors(&self) -> Cursors {
        lock(&self.inner).cursors()
    }

    fn snapshots(&self) -> Snapshots {
        lock(&self.inner).snapshots()
    }

    fn recover(&self) -> Result<Recovery, Error> {
        lock(&self.inner).recover()
    }

    fn retain(&mut self, retention: &Retention) -> Result<Retained, Error> {
        // A simulated day is shorter than any retention.
        lock(&self.inner).retain(retention)
    }
}

/// Length and checksum, then the records.
fn frame(batch: &[Record]) -> Vec<u8> {
    let mut body = Vec::new();
    for record in batch {
        body.push(code(record.kind));
        body.extend_from_slice(&record.at.as_micros().to_le_bytes());
        let meta = record.meta.as_ref().map(|meta| serde_json::to_vec(meta).expect("names are texts"));
        put(&mut body, &meta.unwrap_or_default());
        put(&mut body, &record.payload);
    }
    let mut frame = Vec::with_capacity(body.len() + 8);
    frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
    frame.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    frame.extend_from_slice(&body);
    frame
}

fn put(body: &mut Vec<u8>, bytes: &[u8]) {
    body.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    body.extend_from_slice(bytes);
}

/// The frame at this place and where it ends; none when it is not whole.
fn frame_at(log: &[u8], at: usize) -> Option<(Vec<Record>, usize)> {
    let mut rest = log.get(at..)?;
    let (length, checksum) = (take_u32(&mut rest)? as usize, take_u32(&mut rest)?);
    let mut body = rest.get(..length)?;
    // A hole of zeros is no frame, though the checksum of nothing is nothing.
    if body.is_empty() || crc32fast::hash(body) != checksum {
        return None;
    }
    let mut batch = Vec::new();
    while !body.is_empty() {
        batch.push(record(&mut body)?);
    }
    Some((batch, at + 8 + length))
}

fn record(body: &mut &[u8]) -> Option<Record> {
    let (kind, rest) = body.split_first()?;
    *body = rest;
    let (at, rest) = body.split_first_chunk::<8>()?;
    *body = rest;
    let meta = take_bytes(body)?;
    let meta: Option<Meta> =
        (!meta.is_empty()).then(|| serde_json::from_slice(meta).expect("what was written"));
    let payload = take_bytes(body)?.to_vec().into();
    Some(Record { kind: kind_of(*kind)?, at: Timestamp::from_micros(u64::from_le_bytes(*at)), meta, payload })
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_u32(bytes)? as usize;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

const KINDS: [Kind; 6] = [Kind::Input, Kind::Event, Kind::Action, Kind::Setup, Kind::Answer, Kind::Audit];

fn code(kind: Kind) -> u8 {
    kind as u8
}

fn kind_of(code: u8) -> Option<Kind> {
    KINDS.into_iter().find(|kind| *kind as u8 == code)
}
