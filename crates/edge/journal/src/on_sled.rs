//! The journal on disk: frames in one tree of sled.
//!
//! What was measured decides how sled is used here. Its `flush` alone survives a crash of the process but no power cut
//! (it asks the kernel for `sync_file_range` only): each commit therefore ends with `sync_data` on sled's own file. One
//! thread writes, one tree, one atomic batch a commit, no flusher thread. Values stay small ([`crate::frame`]), each
//! with its checksum and sequence. The last acknowledged sequence stands in a file beside it, because sled, damaged in
//! the right way, opens empty without an error.
//!
//! ```text
//! <path>/lock           held while it is open
//! <path>/store/db …     sled
//! <path>/acknowledged   the last sequence that was confirmed
//! <path>/snapshots/     the engine's state
//! <path>/cursors/       how far each follower is
//! ```

use std::{
    fs::{File, OpenOptions, TryLockError},
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    Cursors, Error, Journal, Reader, Record, Recovery, Retained, Retention, Snapshots,
    acknowledged::Acknowledged,
    durable_file::{create_folder, io_error, sync_folder},
    frame::{self, Assembler},
    place,
    recovery::recover,
    retention::Plan,
    ring::{Archive, Publisher, Recent, Segment, first, last, payload_bytes, size},
};

/// How much of itself sled keeps in memory: readers have the newest entries in memory anyway.
const SLED_CACHE: u64 = 8 * 1024 * 1024;
/// How many batches retention removes in one step.
const REMOVED_AT_ONCE: usize = 256;

/// The journal on disk. See the module.
#[derive(Debug)]
pub struct SledJournal {
    store: Store,
    /// sled's own file: what is synced.
    db_file: File,
    acknowledged: Acknowledged,
    publisher: Publisher,
    cursors: Cursors,
    snapshots: Snapshots,
    stopped: bool,
}

/// The tree, with what readers of it need.
#[derive(Debug, Clone)]
struct Store {
    db: sled::Db,
    path: PathBuf,
    /// Held as long as anybody reads.
    _lock: Arc<File>,
}

impl SledJournal {
    /// Opens or creates the journal in this folder.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has it; [`Error::Behind`] when confirmed entries are gone;
    /// [`Error::Store`], [`Error::Corrupt`] or [`Error::Version`] when it does not read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, Recent::default())
    }

    /// Opens it with another measure of what is kept in memory.
    ///
    /// # Errors
    /// As [`SledJournal::open`].
    pub fn open_with(path: &Path, recent: Recent) -> Result<Self, Error> {
        create_folder(path)?;
        let lock = lock(path)?;
        let store = Store::open(path, lock)?;
        let acknowledged = Acknowledged::open(&path.join("acknowledged"))?;
        sync_folder(path)?;
        let (oldest, last) = store.bounds()?;
        if last < acknowledged.seq() {
            return Err(Error::Behind {
                path: path.to_owned(),
                found: last,
                acknowledged: acknowledged.seq(),
            });
        }
        let db_path = path.join("store").join("db");
        let db_file = File::open(&db_path).map_err(io_error(&db_path))?;
        let publisher = Publisher::new(Box::new(store.clone()), recent, oldest, last);
        let snapshots = Snapshots::open(&path.join("snapshots"), Reader::new(Arc::clone(&publisher.shared)))?;
        let cursors = Cursors::open(&path.join("cursors"))?;
        Ok(Self { store, db_file, acknowledged, publisher, cursors, snapshots, stopped: false })
    }

    /// Reads every entry and says the first thing that is wrong.
    ///
    /// # Errors
    /// [`Error::Corrupt`] with the sequence, or as the disk has it.
    pub fn verify(&self) -> Result<(), Error> {
        let mut after = self.publisher.shared.oldest().saturating_sub(1);
        while after < self.publisher.shared.head().seq {
            let segments = self.store.read(after, 8 * 1024 * 1024)?;
            match segments.first() {
                Some(segment) if first(segment) == after + 1 => {}
                Some(_) | None => return Err(self.store.missing(after + 1)),
            }
            after = segments.last().map_or(after, last);
        }
        Ok(())
    }

    fn commit(&mut self, next: u64, batch: &[Record]) -> Result<(), Error> {
        let mut writes = sled::Batch::default();
        for range in frame::split(batch) {
            let first_seq = next + range.start as u64;
            for (value, part) in frame::encode(first_seq, &batch[range]).into_iter().zip(0..) {
                writes.insert(&frame::key(first_seq, part), value);
            }
        }
        self.store.guarded(|db| db.apply_batch(writes).and_then(|()| db.flush().map(drop)))?;
        self.db_file.sync_data().map_err(io_error(&self.store.path))?;
        self.acknowledged.set(next + batch.len() as u64 - 1)
    }
}

impl Journal for SledJournal {
    fn append(&mut self, batch: &mut Vec<Record>) -> Result<Range<u64>, Error> {
        if self.stopped {
            return Err(Error::Stopped { path: self.store.path.clone() });
        }
        batch.iter().try_for_each(frame::check)?;
        let next = self.publisher.shared.head().seq + 1;
        let end = next + batch.len() as u64;
        if !batch.is_empty() {
            self.commit(next, batch).inspect_err(|_| self.stopped = true)?;
        }
        if let Some(segment) = place(next, batch) {
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
        recover(&self.store.path, &self.reader(), &self.snapshots)
    }

    fn retain(&mut self, retention: &Retention) -> Result<Retained, Error> {
        let oldest = self.publisher.shared.oldest();
        let bytes = match retention.max_bytes {
            Some(_) => self
                .store
                .batches(oldest)
                .map(|batch| batch.map(|batch| size(&batch)))
                .sum::<Result<_, _>>()?,
            None => 0,
        };
        let mut plan = Plan::new(*retention, &self.cursors, &self.snapshots, oldest, bytes);
        loop {
            let mut batches = self.store.batches(plan.oldest()).take(REMOVED_AT_ONCE);
            let mut going = Vec::new();
            let more = loop {
                match batches.next().transpose()? {
                    Some(segment) if plan.may_go(&segment) => going.push(first(&segment)),
                    Some(_) => break false,
                    None => break going.len() == REMOVED_AT_ONCE,
                }
            };
            self.publisher.shared.set_oldest(plan.oldest());
            self.store.remove(&going)?;
            if !more {
                return Ok(plan.report());
            }
        }
    }
}

impl Store {
    fn open(path: &Path, lock: File) -> Result<Self, Error> {
        let folder = path.join("store");
        let config = sled::Config::new().path(&folder).flush_every_ms(None).cache_capacity(SLED_CACHE);
        let db = guarded(path, || open_patiently(&config))?;
        sync_folder(&folder)?;
        Ok(Self { db, path: path.to_owned(), _lock: Arc::new(lock) })
    }

    fn guarded<T>(&self, work: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, Error> {
        guarded(&self.path, || work(&self.db))
    }

    /// The oldest and the last sequence; 1 and 0 when it is empty.
    fn bounds(&self) -> Result<(u64, u64), Error> {
        let ends = self.guarded(|db| Ok((db.first()?, db.last()?)))?;
        let (Some((oldest, _)), Some((newest, _))) = ends else { return Ok((1, 0)) };
        let (oldest, newest) = (self.key(&oldest)?.0, self.key(&newest)?.0);
        let tail = self.batches(newest).next().transpose()?.ok_or_else(|| self.missing(newest))?;
        Ok((oldest, last(&tail)))
    }

    /// The batches from the one that begins at this sequence on.
    fn batches(&self, first_seq: u64) -> Batches<'_> {
        let from = frame::key(first_seq, 0);
        Batches { store: self, parts: self.db.range(from..), failed: false }
    }

    fn remove(&self, firsts: &[u64]) -> Result<(), Error> {
        let mut removals = sled::Batch::default();
        for first_seq in firsts {
            let parts = self.db.range(frame::key(*first_seq, 0)..=frame::key(*first_seq, u32::MAX)).keys();
            for key in parts {
                removals.remove(guarded(&self.path, || key)?);
            }
        }
        self.guarded(|db| db.apply_batch(removals))
    }

    fn key(&self, key: &[u8]) -> Result<(u64, u32), Error> {
        let corrupt = || Error::Corrupt { path: self.path.clone(), seq: 0, why: "a key is none of ours" };
        frame::parse_key(key).ok_or_else(corrupt)
    }
}

impl Archive for Store {
    fn read(&self, after: u64, bytes: usize) -> Result<Vec<Segment>, Error> {
        // The batch that holds the next entry begins at it or before.
        let before =
            self.guarded(|db| db.range(..=frame::key(after + 1, u32::MAX)).next_back().transpose())?;
        let start = before.map(|(key, _)| self.key(&key)).transpose()?.map_or(after + 1, |(seq, _)| seq);
        let mut room = bytes;
        let mut segments: Vec<Segment> = Vec::new();
        for segment in self.batches(start) {
            let segment = segment?;
            if last(&segment) <= after {
                continue;
            }
            if segments.last().is_some_and(|before| last(before) + 1 != first(&segment)) {
                return Err(Error::Corrupt {
                    path: self.path.clone(),
                    seq: first(&segment),
                    why: "the batch before it is missing",
                });
            }
            room = room.saturating_sub(payload_bytes(&segment));
            segments.push(segment);
            if room == 0 {
                break;
            }
        }
        Ok(segments)
    }

    fn missing(&self, seq: u64) -> Error {
        Error::Corrupt { path: self.path.clone(), seq, why: "it is missing" }
    }
}

/// Batches in order, put together from their parts.
struct Batches<'a> {
    store: &'a Store,
    parts: sled::Iter,
    failed: bool,
}

impl Batches<'_> {
    fn batch(&mut self) -> Result<Option<Segment>, Error> {
        let mut assembler: Option<Assembler<'_>> = None;
        loop {
            let Some((key, value)) = guarded(&self.store.path, || self.parts.next().transpose())? else {
                return match assembler {
                    Some(cut_off) => Err(cut_off.corrupt("its last part is missing")),
                    None => Ok(None),
                };
            };
            let (first_seq, _) = self.store.key(&key)?;
            let assembler = assembler.get_or_insert_with(|| Assembler::new(&self.store.path, first_seq));
            if let Some(segment) = assembler.part(&value)? {
                return Ok(Some(segment));
            }
        }
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<Segment, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = self.batch().transpose();
        self.failed = batch.as_ref().is_some_and(Result::is_err);
        batch
    }
}

/// Damage can make sled panic where it should say so: both are told as the same error.
fn guarded<T>(path: &Path, work: impl FnOnce() -> sled::Result<T>) -> Result<T, Error> {
    let store = |message: String| Error::Store { path: path.to_owned(), message };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| store(error.to_string())),
        Err(_) => Err(store("it is damaged beyond what its own recovery can read".to_owned())),
    }
}

/// Opens sled. The folder is locked by us already, so that a lock on sled's own file is one of this process: a thread
/// of sled's lets it go a moment after the last handle is gone.
fn open_patiently(config: &sled::Config) -> sled::Result<sled::Db> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match config.open() {
            Err(sled::Error::Io(error))
                if error.to_string().contains("lock") && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            outcome => return outcome,
        }
    }
}

fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(io_error(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(Error::Io { path, source }),
    }
}
