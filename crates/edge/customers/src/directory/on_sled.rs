//! Contacts on disk: one tree, and beside it the number of the last batch that was confirmed, because a tree damaged in the
//! right way opens with less.
//!
//! ```text
//! <path>/lock         held while it is open
//! <path>/store/db …   the tree
//! <path>/confirmed    the number of the last batch that was confirmed
//! ```

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use hookswitch_disk as disk;

use super::{
    DirectoryError,
    pages::{Pages, Write, start},
};

/// How much of itself the tree keeps in memory.
const CACHE: u64 = 16 * 1024 * 1024;
const GENERATION: &[u8] = b"m/generation";

/// The tree.
pub(crate) struct OnSled {
    path: PathBuf,
    store: disk::Store,
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
        let lock = disk::lock(path)?;
        let store = disk::Store::open(&path.join("store"), CACHE)?;
        disk::sync_folder(path)?;
        let found = store.with(|db| db.get(GENERATION))?;
        let found =
            found.and_then(|bytes| Some(u64::from_le_bytes(bytes.as_ref().try_into().ok()?))).unwrap_or(0);
        let confirmed = confirmed(path)?;
        if found < confirmed {
            return Err(DirectoryError::Behind { path: path.display().to_string(), confirmed, found });
        }
        Ok(Self { path: path.to_owned(), store, generation: Mutex::new(Some(found)), _lock: lock })
    }
}

impl Pages for OnSled {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DirectoryError> {
        Ok(self.store.with(|db| db.get(key))?.map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), DirectoryError> {
        let bounds = (start(prefix, after), std::ops::Bound::Unbounded);
        let mut range = self.store.with(|db| Ok(db.range::<&[u8], _>(bounds)))?;
        while let Some((key, value)) = self.store.next(&mut range)? {
            if !key.starts_with(prefix) || !each(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, writes: Vec<Write>) -> Result<(), DirectoryError> {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        let next = generation.ok_or(DirectoryError::Stopped)? + 1;
        let mut batch = disk::Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        batch.insert(GENERATION, &next.to_le_bytes());
        *generation = None;
        self.store.write(batch)?;
        self.store.sync().map_err(at(&self.path))?;
        disk::replace(&self.path.join("confirmed"), &[format!("{next}\n").as_bytes()])?;
        *generation = Some(next);
        Ok(())
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> DirectoryError + '_ {
    |source| DirectoryError::Io { path: path.display().to_string(), source }
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
