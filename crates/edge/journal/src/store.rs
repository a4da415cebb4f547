//! sled, as it is used here: frames in one tree, opened, read and written without trusting it further than measured.
//!
//! Its `flush` alone survives a crash of the process but no power cut (it asks the kernel for `sync_file_range` only):
//! what is to last ends with [`Store::sync`], which syncs sled's own file. One thread writes, one tree, one atomic batch
//! a commit, no flusher thread. Once a write failed, sled refuses every further one until it is opened anew.

use std::{
    fs::{self, File},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::{Duration, Instant},
};

use crate::{
    Error, Record,
    durable_file::{io_error, sync_folder},
    frame::{self, Assembler, Frame},
    ring::{Archive, Segment, first, last, payload_bytes},
};

/// How much of itself sled keeps in memory: readers have the newest entries in memory anyway.
const SLED_CACHE: u64 = 8 * 1024 * 1024;

/// The tree, with what readers of it need. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    /// The journal's folder, for messages.
    path: PathBuf,
    folder: PathBuf,
    open: Arc<RwLock<Option<Handle>>>,
    /// Held as long as anybody reads.
    lock: Arc<File>,
}

#[derive(Debug)]
struct Handle {
    db: sled::Db,
    /// sled's own file: what is synced.
    file: File,
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
        remove_unfinished(&self.folder)?;
        let config = sled::Config::new().path(&self.folder).flush_every_ms(None).cache_capacity(SLED_CACHE);
        let db = guarded(&self.path, || open_patiently(&config))?;
        sync_folder(&self.folder)?;
        let file_path = self.folder.join("db");
        let file = File::open(&file_path).map_err(io_error(&file_path))?;
        *open = Some(Handle { db, file });
        Ok(())
    }

    /// Lets go of sled, and of all it has in memory. Waits for who reads just now.
    pub(crate) fn close(&self) {
        let open = self.open.write().unwrap_or_else(PoisonError::into_inner).take();
        // After a failed write there is nothing sled could still save; a panic of its own says the same.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(open)));
    }

    /// Writes a batch, not yet durably; `total` is moved on.
    pub(crate) fn write(&self, first_seq: u64, batch: &[Record], total: &mut u64) -> Result<(), Error> {
        let mut writes = sled::Batch::default();
        for (key, value) in frame::encode_batch(first_seq, batch, total) {
            writes.insert(&key, value);
        }
        self.with(|db| db.apply_batch(writes).and_then(|()| db.flush().map(drop)))
    }

    /// Makes all that was written survive a power cut.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let open = self.read_lock();
        open.as_ref().ok_or_else(|| self.closed())?.file.sync_data().map_err(|source| {
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
        let mut parts = opened.db.range(frame::key(first_seq, 0)..);
        while let Some(frame) = self.frame(&mut parts).transpose() {
            let failed = frame.is_err();
            if !each(frame) || failed {
                break;
            }
        }
        Ok(())
    }

    fn frame(&self, parts: &mut sled::Iter) -> Result<Option<Frame>, Error> {
        let mut assembler: Option<Assembler<'_>> = None;
        loop {
            let Some((key, value)) = guarded(&self.path, || parts.next().transpose())? else {
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
        let mut removals = sled::Batch::default();
        for first_seq in firsts {
            self.keys(*first_seq, *first_seq)?.iter().for_each(|key| removals.remove(key));
        }
        self.with(|db| db.apply_batch(removals))
    }

    /// Removes all that begins at this sequence or later, durably. How many parts that were.
    pub(crate) fn cut(&self, from: u64) -> Result<u64, Error> {
        let keys = self.keys(from, u64::MAX)?;
        if !keys.is_empty() {
            let mut removals = sled::Batch::default();
            keys.iter().for_each(|key| removals.remove(key));
            self.with(|db| db.apply_batch(removals).and_then(|()| db.flush().map(drop)))?;
            self.sync()?;
        }
        Ok(keys.len() as u64)
    }

    fn keys(&self, from: u64, to: u64) -> Result<Vec<sled::IVec>, Error> {
        self.with(|db| db.range(frame::key(from, 0)..=frame::key(to, u32::MAX)).keys().collect())
    }

    /// Bytes on the disk.
    pub(crate) fn bytes_on_disk(&self) -> Result<u64, Error> {
        self.with(sled::Db::size_on_disk)
    }

    fn key(&self, key: &[u8]) -> Result<(u64, u32), Error> {
        let corrupt = || Error::Corrupt { path: self.path.clone(), seq: 0, why: "a key is none of ours" };
        frame::parse_key(key).ok_or_else(corrupt)
    }

    fn with<T>(&self, work: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, Error> {
        let open = self.read_lock();
        let opened = open.as_ref().ok_or_else(|| self.closed())?;
        guarded(&self.path, || work(&opened.db))
    }

    fn read_lock(&self) -> RwLockReadGuard<'_, Option<Handle>> {
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
        open.as_mut().unwrap().file = File::open("/dev/null").unwrap();
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

/// Damage can make sled panic where it should say so: both are told as the same error.
fn guarded<T>(path: &Path, work: impl FnOnce() -> sled::Result<T>) -> Result<T, Error> {
    let store = |message: String| Error::Store { path: path.to_owned(), message };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(sled::Error::Io(source))) => Err(io_error(path)(source)),
        Ok(Err(error)) => Err(store(error.to_string())),
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

/// A summary that sled was writing when it ended keeps it from opening; it holds nothing that `db` does not.
fn remove_unfinished(folder: &Path) -> Result<(), Error> {
    let files = match fs::read_dir(folder) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error(folder)(error)),
    };
    for file in files {
        let path = file.map_err(io_error(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(&path).map_err(io_error(&path))?;
        }
    }
    Ok(())
}
