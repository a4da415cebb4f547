//! Small files that are whole or not there: written beside, synced, renamed.

use std::{fs, io, path::Path};

use hookswitch_disk::sync_folder;

use crate::Error;

pub(crate) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
    |source| hookswitch_disk::Error::Io { path: path.to_owned(), source }.into()
}

/// Creates a folder with its parents, durably.
pub(crate) fn create_folder(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(io_error(folder))?;
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync_folder(parent)?;
    }
    Ok(())
}

/// Replaces a file: `magic`, CRC-32 of the body (little-endian), body.
pub(crate) fn save(path: &Path, magic: [u8; 4], body: &[u8]) -> Result<(), Error> {
    Ok(hookswitch_disk::replace(path, &[&magic, &crc32fast::hash(body).to_le_bytes(), body])?)
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
