//! One tree of sled.

use std::{
    fs::{self, File},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use sled::{Batch, Db, IVec, Iter};

use crate::{
    Error,
    file::{at, sync_folder},
};

/// How long the last handle's lock may outlive it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A tree in a folder of its own. One writes, any number read.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    db: Db,
    /// sled's own file: what is synced.
    file: File,
}

impl Store {
    /// Opens or creates the tree in this folder, which whoever asks has locked ([`crate::lock`] of the one above it).
    /// `cache`: how many bytes of itself it keeps in memory.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it does not read; [`Error::Io`].
    pub fn open(folder: &Path, cache: u64) -> Result<Self, Error> {
        remove_unfinished(folder)?;
        let config = sled::Config::new().path(folder).flush_every_ms(None).cache_capacity(cache);
        let db = guarded(folder, || open_patiently(&config))?;
        sync_folder(folder)?;
        let path = folder.join("db");
        let file = File::open(&path).map_err(at(&path))?;
        Ok(Self { folder: folder.to_owned(), db, file })
    }

    /// Works on the tree.
    ///
    /// # Errors
    /// [`Error::Damaged`] for what sled says or panics with; [`Error::Io`].
    pub fn with<T>(&self, work: impl FnOnce(&Db) -> sled::Result<T>) -> Result<T, Error> {
        guarded(&self.folder, || work(&self.db))
    }

    /// The next entry of a range.
    ///
    /// # Errors
    /// As [`Self::with`].
    pub fn next(&self, range: &mut Iter) -> Result<Option<(IVec, IVec)>, Error> {
        guarded(&self.folder, || range.next().transpose())
    }

    /// Writes a batch, all of it or nothing. It survives the death of the process, not yet a power cut.
    ///
    /// # Errors
    /// As [`Self::with`]. After one only a store that is opened anew takes writes.
    pub fn write(&self, batch: Batch) -> Result<(), Error> {
        self.with(|db| db.apply_batch(batch).and_then(|()| db.flush().map(drop)))
    }

    /// Makes all that was written survive a power cut.
    ///
    /// # Errors
    /// What the kernel could not write it may have forgotten: what is on the disk is not known any more.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Lets go of the tree, and of all it has in memory.
    pub fn close(self) {
        // After a failed write there is nothing it could still save; a panic of its own says the same.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(self)));
    }

    /// From now on syncing fails: what cannot be synced, like this file, says so.
    ///
    /// # Errors
    /// Where there is no such file.
    #[cfg(feature = "faults")]
    pub fn break_sync(&mut self) -> io::Result<()> {
        self.file = File::open("/dev/null")?;
        Ok(())
    }
}

/// Damage can make sled panic where it should say so: both are told as the same error.
fn guarded<T>(folder: &Path, work: impl FnOnce() -> sled::Result<T>) -> Result<T, Error> {
    let damaged = |message: String| Error::Damaged { path: folder.to_owned(), message };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(sled::Error::Io(source))) => Err(at(folder)(source)),
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(_) => Err(damaged("it is damaged beyond what its own recovery can read".to_owned())),
    }
}

/// Opens sled. The folder is locked by us already, so that a lock on sled's own file is one of this process: a thread
/// of sled's lets it go a moment after the last handle is gone.
fn open_patiently(config: &sled::Config) -> sled::Result<Db> {
    let deadline = Instant::now() + PATIENCE;
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
