//! Contacts on disk: one tree of sled, with what it cannot be trusted with beside it, as the journal does.
//!
//! Its `flush` alone survives a crash of the process but no power cut (it asks the kernel for `sync_file_range` only), so
//! its own file is synced after it; and damaged in the right way it opens with less, so the last confirmed batch stands
//! in a file of its own.
//!
//! ```text
//! <path>/lock         held while it is open
//! <path>/store/db …   sled
//! <path>/confirmed    the number of the last batch that was confirmed
//! ```

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    DirectoryError,
    pages::{Pages, Write, start},
};

/// How much of itself sled keeps in memory.
const SLED_CACHE: u64 = 16 * 1024 * 1024;
const GENERATION: &[u8] = b"m/generation";

/// The tree.
pub(crate) struct OnSled {
    path: PathBuf,
    db: sled::Db,
    /// sled's own file: what is synced.
    file: File,
    /// The last batch that was confirmed; none: a sync failed, and what the disk holds is not known.
    generation: Mutex<Option<u64>>,
    _lock: File,
}

impl OnSled {
    pub(crate) fn open(path: &Path) -> Result<Self, DirectoryError> {
        fs::create_dir_all(path).map_err(at(path))?;
        // Contacts are nobody else's business on this machine.
        #[cfg(unix)]
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).map_err(at(path))?;
        let lock = lock(path)?;
        let store = path.join("store");
        remove_unfinished(&store)?;
        let config = sled::Config::new().path(&store).flush_every_ms(None).cache_capacity(SLED_CACHE);
        let db = guarded(|| open_patiently(&config))?;
        sync_folder(&store)?;
        sync_folder(path)?;
        let db_path = store.join("db");
        let file = File::open(&db_path).map_err(at(&db_path))?;
        let found = guarded(|| db.get(GENERATION))?;
        let found =
            found.and_then(|bytes| Some(u64::from_le_bytes(bytes.as_ref().try_into().ok()?))).unwrap_or(0);
        let confirmed = confirmed(path)?;
        if found < confirmed {
            return Err(DirectoryError::Behind { path: path.display().to_string(), confirmed, found });
        }
        Ok(Self { path: path.to_owned(), db, file, generation: Mutex::new(Some(found)), _lock: lock })
    }
}

impl Pages for OnSled {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DirectoryError> {
        guarded(|| self.db.get(key)).map(|value| value.map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), DirectoryError> {
        let mut range = self.db.range::<&[u8], _>((start(prefix, after), std::ops::Bound::Unbounded));
        while let Some((key, value)) = guarded(|| range.next().transpose())? {
            if !key.starts_with(prefix) || !each(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, writes: Vec<Write>) -> Result<(), DirectoryError> {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        let next = generation.ok_or(DirectoryError::Stopped)? + 1;
        let mut batch = sled::Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        batch.insert(GENERATION, &next.to_le_bytes());
        *generation = None;
        guarded(|| self.db.apply_batch(batch).and_then(|()| self.db.flush()))?;
        self.file.sync_data().map_err(at(&self.path))?;
        confirm(&self.path, next)?;
        *generation = Some(next);
        Ok(())
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> DirectoryError + '_ {
    |source| DirectoryError::Io { path: path.display().to_string(), source }
}

fn sync_folder(folder: &Path) -> Result<(), DirectoryError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

fn lock(folder: &Path) -> Result<File, DirectoryError> {
    let path = folder.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DirectoryError::InUse(folder.display().to_string())),
        Err(TryLockError::Error(source)) => Err(at(&path)(source)),
    }
}

/// The last batch that was confirmed; 0 for a new directory.
fn confirmed(folder: &Path) -> Result<u64, DirectoryError> {
    let path = folder.join("confirmed");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let damaged = || DirectoryError::Damaged(format!("{} holds no number", path.display()));
            text.trim().parse().map_err(|_| damaged())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(at(&path)(error)),
    }
}

/// Whole or not there: written beside, synced, renamed.
fn confirm(folder: &Path, generation: u64) -> Result<(), DirectoryError> {
    let (path, beside) = (folder.join("confirmed"), folder.join("confirmed.new"));
    let write = || {
        let mut file = File::create(&beside)?;
        writeln!(file, "{generation}")?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    };
    write().map_err(at(&path))?;
    sync_folder(folder)
}

/// Damage can make sled panic where it should say so: both are told as the same error.
fn guarded<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, DirectoryError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(sled::Error::Io(source))) => Err(at(Path::new("store"))(source)),
        Ok(Err(error)) => Err(DirectoryError::Damaged(error.to_string())),
        Err(_) => Err(DirectoryError::Damaged("beyond what the store's own recovery can read".to_owned())),
    }
}

/// The folder is locked by us already, so that a lock on sled's own file is one of this process: a thread of sled's lets
/// it go a moment after the last handle is gone.
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
fn remove_unfinished(folder: &Path) -> Result<(), DirectoryError> {
    let files = match fs::read_dir(folder) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at(folder)(error)),
    };
    for file in files {
        let path = file.map_err(at(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(&path).map_err(at(&path))?;
        }
    }
    Ok(())
}
