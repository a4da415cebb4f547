//! Files beside the store: locks, and small files that are whole or not there.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::Path,
};

use crate::Error;

pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
    |source| Error::Io { path: path.to_owned(), source }
}

/// Locks a folder for as long as the file lives: `<folder>/lock`, which stays.
///
/// # Errors
/// [`Error::InUse`] while somebody else holds it; [`Error::Io`].
pub fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(at(&path)(source)),
    }
}

/// Makes what was created in or removed from a folder survive a power cut.
///
/// # Errors
/// [`Error::Io`].
pub fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

/// Replaces a small file, durably: it holds these parts afterwards, or what it held before. Written beside, synced,
/// renamed.
///
/// # Errors
/// [`Error::Io`]: it is not known which of the two it holds.
pub fn replace(path: &Path, parts: &[&[u8]]) -> Result<(), Error> {
    let beside = path.with_extension("new");
    let write = || {
        let mut file = File::create(&beside)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| {
        // On a full disk half a file is room that somebody else needs.
        let _ = fs::remove_file(&beside);
        at(path)(error)
    })?;
    path.parent().map_or(Ok(()), sync_folder)
}
