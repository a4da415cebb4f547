//! Small files that are whole or not there: written beside, synced, renamed.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use crate::{Error, reserve::is_full};

pub(crate) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
    |source| {
        let path = path.to_owned();
        if is_full(&source) { Error::Full { path, source } } else { Error::Io { path, source } }
    }
}

/// Makes what was created in or removed from a folder survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_error(folder))
}

/// Creates a folder with its parents, durably.
pub(crate) fn create_folder(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(io_error(folder))?;
    folder.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), sync_folder)
}

/// Replaces a file: `magic`, CRC-32 of the body (little-endian), body.
pub(crate) fn save(path: &Path, magic: [u8; 4], body: &[u8]) -> Result<(), Error> {
    let beside = path.with_extension("new");
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(&magic)?;
        file.write_all(&crc32fast::hash(body).to_le_bytes())?;
        file.write_all(body)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| {
        // On a full disk half a file is room that somebody else needs.
        let _ = fs::remove_file(&beside);
        io_error(path)(error)
    })?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// The body of a file.
pub(crate) fn load(path: &Path, magic: [u8; 4]) -> Result<Vec<u8>, Error> {
    let mut bytes = fs::read(path).map_err(io_error(path))?;
    let corrupt = |why| Error::DamagedFile { path: path.to_owned(), why };
    let Some((head, body)) = bytes.split_first_chunk::<8>() else { return Err(corrupt("it is cut off")) };
    if head[..4] != magic {
        return Err(corrupt("it is another kind of file, or of another version"));
    }
    if head[4..] != crc32fast::hash(body).to_le_bytes() {
        return Err(corrupt("the checksum does not match"));
    }
    bytes.drain(..8);
    Ok(bytes)
}
