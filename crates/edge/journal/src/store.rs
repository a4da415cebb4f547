//! Frames in one tree on the disk. One thread writes, one atomic batch a commit.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use hookswitch_disk as disk;

use crate::{
    Error, Record,
    frame::{self, Assembler, Frame},
    ring::{Archive, Segment, first, last, payload_bytes},
};

/// How much of itself the tree keeps in memory: readers have the newest entries in memory anyway.
const CACHE: u64 = 8 * 1024 * 1024;

/// The tree, with what readers of it need. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    /// The journal's folder, for messages.
    path: PathBuf,
    folder: PathBuf,
    open: Arc<RwLock<Option<disk::Store>>>,
    /// Held as long as anybody reads.
    lock: Arc<File>,
}

impl Store {
    /// Opens or creates the tree in this folder of the journal.
    pub(crate) fn open(path: &Path, folder: &str, lock: Arc<File>) -> Result<Self, Error> {
        let folder = path.join(folder);
        let this = Self { path: path.to_owned(), folder, open: Arc::default(), lock };
        this.reopen()?;
        Ok(this)
    }

    /// Opens it, if it is closed.
    pub(crate) fn reopen(&self) -> Result<(), Error> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.is_some() {
            return Ok(());
        }
        *open = Some(disk::Store::open(&self.folder, CACHE)?);
        Ok(())
    }

    /// Lets go of it, and of all it has in memory. Waits for who reads just now.
    pub(crate) fn close(&self) {
        let open = self.open.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(open) = open {
            open.close();
        }
    }

    /// Writes a batch, not yet durably; `total` is moved on.
    pub(crate) fn write(&self, first_seq: u64, batch: &[Record], total: &mut u64) -> Result<(), Error> {
        let mut writes = disk::Batch::default();
        for (key, value) in frame::encode_batch(first_seq, batch, total) {
            writes.insert(&key, value);
        }
        self.apply(writes)
    }

    /// Makes all that was written survive a power cut.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let open = self.read_lock();
        open.as_ref().ok_or_else(|| self.closed())?.sync().map_err(|source| {
            // Never taken for a full disk: what the kernel could not write it may have forgotten.
            Error::Io { path: self.path.clone(), source }
        })
    }

    /// The first sequences of the oldest and of the newest frame; none when it is empty.
    pub(crate) fn ends(&self) -> Result<Option<(u64, u64)>, Error> {
        let (oldest, newest) = self.with(|db| Ok((db.first()?, db.last()?)))?;
        let (Some((oldest, _)), Some((newest, _))) = (oldest, newest) else { return Ok(None) };
        Ok(Some((self.key(&oldest)?.0, self.key(&newest)?.0)))
    }

    /// The first sequence of the frame that holds this one, or would.
    pub(crate) fn frame_of(&self, seq: u64) -> Result<Option<u64>, Error> {
        let before = self.with(|db| db.range(..=frame::key(seq, u32::MAX)).next_back().transpose())?;
        before.map(|(key, _)| Ok(self.key(&key)?.0)).transpose()
    }

    /// The first sequence of the first frame after this one, whatever it holds.
    pub(crate) fn frame_after(&self, first_seq: u64) -> Result<Option<u64>, Error> {
        let after = self.with(|db| db.range(frame::key(first_seq, u32::MAX)..).next().transpose())?;
        after.map(|(key, _)| Ok(self.key(&key)?.0)).transpose()
    }

    /// Hands the frames from the one that begins at this sequence on to `each`, until it says no. What does not read is
    /// an error in its place, the last.
    pub(crate) fn frames(
        &self,
        first_seq: u64,
        mut each: impl FnMut(Result<Frame, Error>) -> bool,
    ) -> Result<(), Error> {
        let open = self.read_lock();
        let opened = open.as_ref().ok_or_else(|| self.closed())?;
        let mut parts = opened.with(|db| Ok(db.range(frame::key(first_seq, 0)..)))?;
        while let Some(frame) = self.frame(opened, &mut parts).transpose() {
            let failed = frame.is_err();
            if !each(frame) || failed {
                break;
            }
        }
        Ok(())
    }

    fn frame(&self, opened: &disk::Store, parts: &mut disk::Iter) -> Result<Option<Frame>, Error> {
        let mut assembler: Option<Assembler<'_>> = None;
        loop {
            let Some((key, value)) = opened.next(parts)? else {
                return match assembler {
                    Some(cut_off) => Err(cut_off.corrupt("its last part is missing")),
                    None => Ok(None),
                };
            };
            let (first_seq, _) = self.key(&key)?;
            let assembler = assembler.get_or_insert_with(|| Assembler::new(&self.path, first_seq));
            if let Some(frame) = assembler.part(&value)? {
                return Ok(Some(frame));
            }
        }
    }

    /// Removes the frames that begin at these sequences, not yet durably.
    pub(crate) fn remove(&self, firsts: &[u64]) -> Result<(), Error> {
        let mut removals = disk::Batch::default();
        for first_seq in firsts {
            self.keys(*first_seq, *first_seq)?.iter().for_each(|key| removals.remove(key));
        }
        self.with(|db| db.apply_batch(removals))
    }

    /// Removes all that begins at this sequence or later, durably. How many parts that were.
    pub(crate) fn cut(&self, from: u64) -> Result<u64, Error> {
        let keys = self.keys(from, u64::MAX)?;
        if !keys.is_empty() {
            let mut removals = disk::Batch::default();
            keys.iter().for_each(|key| removals.remove(key));
            self.apply(removals)?;
            self.sync()?;
        }
        Ok(keys.len() as u64)
    }

    fn keys(&self, from: u64, to: u64) -> Result<Vec<disk::IVec>, Error> {
        self.with(|db| db.range(frame::key(from, 0)..=frame::key(to, u32::MAX)).keys().collect())
    }

    /// Bytes on the disk.
    pub(crate) fn bytes_on_disk(&self) -> Result<u64, Error> {
        self.with(disk::Db::size_on_disk)
    }

    fn key(&self, key: &[u8]) -> Result<(u64, u32), Error> {
        let corrupt = || Error::Corrupt { path: self.path.clone(), seq: 0, why: "a key is none of ours" };
        frame::parse_key(key).ok_or_else(corrupt)
    }

    fn apply(&self, batch: disk::Batch) -> Result<(), Error> {
        let open = self.read_lock();
        Ok(open.as_ref().ok_or_else(|| self.closed())?.write(batch)?)
    }

    fn with<T>(&self, work: impl FnOnce(&disk::Db) -> disk::Outcome<T>) -> Result<T, Error> {
        let open = self.read_lock();
        Ok(open.as_ref().ok_or_else(|| self.closed())?.with(work)?)
    }

    fn read_lock(&self) -> RwLockReadGuard<'_, Option<disk::Store>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is closed only where there was not even room to open it again.
    fn closed(&self) -> Error {
        Error::Full { path: self.path.clone(), source: io::ErrorKind::StorageFull.into() }
    }

    /// From now on syncing fails: what cannot be synced, like this file, says so.
    #[cfg(test)]
    pub(crate) fn break_sync(&self) {
        let mut open = self.open.write().unwrap();
        open.as_mut().unwrap().break_sync().unwrap();
    }

    pub(crate) fn lock(&self) -> Arc<File> {
        Arc::clone(&self.lock)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Archive for Store {
    fn read(&self, after: u64, bytes: usize) -> Result<Vec<Segment>, Error> {
        // The frame that holds the next entry begins at it or before.
        let start = self.frame_of(after + 1)?.unwrap_or(after + 1);
        let mut room = bytes;
        let mut segments: Vec<Segment> = Vec::new();
        let mut failed = None;
        self.frames(start, |frame| {
            let segment = match frame {
                Ok(frame) => frame.entries,
                Err(error) => {
                    failed = Some(error);
                    return false;
                }
            };
            if last(&segment) <= after {
                return true;
            }
            if segments.last().is_some_and(|before| last(before) + 1 != first(&segment)) {
                let (path, seq) = (self.path.clone(), first(&segment));
                failed = Some(Error::Corrupt { path, seq, why: "the batch before it is missing" });
                return false;
            }
            room = room.saturating_sub(payload_bytes(&segment));
            segments.push(segment);
            room > 0
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(segments),
        }
    }

    fn missing(&self, seq: u64) -> Error {
        Error::Corrupt { path: self.path.clone(), seq, why: "it is missing" }
    }
}
