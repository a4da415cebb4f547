//! How far each follower is.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use crate::{
    Error,
    durable_file::{self, io_error},
};

const MAGIC: [u8; 4] = *b"HSc1";
/// The most a follower may note beside its sequence.
const MAX_STATE: usize = 16 * 1024 * 1024;

/// How far a follower is, and what it needs to go on from there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor {
    /// The last sequence it has done.
    pub seq: u64,
    /// Its own notes; the journal does not look into them.
    pub state: Bytes,
}

/// The cursors of all followers, by name; cheap to clone.
///
/// A follower does its work first and notes it afterwards: after a crash it does some of it again, and misses nothing.
#[derive(Debug, Clone)]
pub struct Cursors {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: Option<PathBuf>,
    known: Mutex<BTreeMap<String, Cursor>>,
}

impl Cursors {
    /// Cursors that last as long as the process.
    pub(crate) fn in_memory() -> Self {
        Self { inner: Arc::new(Inner { folder: None, known: Mutex::default() }) }
    }

    /// Cursors in files of this folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        durable_file::create_folder(folder)?;
        let mut known = BTreeMap::new();
        for file in fs::read_dir(folder).map_err(io_error(folder))? {
            let path = file.map_err(io_error(folder))?.path();
            if path.extension().is_none_or(|extension| extension != "cursor") {
                continue;
            }
            let (name, cursor) = decode(&path)?;
            known.insert(name, cursor);
        }
        Ok(Self { inner: Arc::new(Inner { folder: Some(folder.to_owned()), known: Mutex::new(known) }) })
    }

    /// How far this follower is; none when it never noted anything.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cursor> {
        self.known().get(name).cloned()
    }

    /// Notes how far a follower is. Blocks while the disk works.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written, [`Error::TooLarge`] when the notes are.
    pub fn set(&self, name: &str, cursor: &Cursor) -> Result<(), Error> {
        let bytes = cursor.state.len();
        if bytes > MAX_STATE {
            return Err(Error::TooLarge { what: "a follower's notes", bytes, most: MAX_STATE });
        }
        if let Some(folder) = &self.inner.folder {
            durable_file::save(&file_of(folder, name), MAGIC, &encode(name, cursor))?;
        }
        self.known().insert(name.to_owned(), cursor.clone());
        Ok(())
    }

    /// Forgets a follower that is no more, so that nothing is kept for it.
    ///
    /// # Errors
    /// [`Error::Io`] when its file cannot be removed.
    pub fn forget(&self, name: &str) -> Result<(), Error> {
        if let Some(folder) = &self.inner.folder
            && self.known().contains_key(name)
        {
            let path = file_of(folder, name);
            fs::remove_file(&path).map_err(io_error(&path))?;
        }
        self.known().remove(name);
        Ok(())
    }

    /// All followers, with the last sequence each has done.
    #[must_use]
    pub fn all(&self) -> Vec<(String, u64)> {
        self.known().iter().map(|(name, cursor)| (name.clone(), cursor.seq)).collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Cursor>> {
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file name for any text: what is not plain is written as its code.
fn file_of(folder: &Path, name: &str) -> PathBuf {
    let mut file = String::with_capacity(name.len() + 7);
    for c in name.chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_') {
            file.push(c);
        } else {
            file.push_str(&format!("%{:x}.", u32::from(c)));
        }
    }
    folder.join(file + ".cursor")
}

/// Sequence, length of the name, name, notes.
fn encode(name: &str, cursor: &Cursor) -> Vec<u8> {
    let mut body = cursor.seq.to_le_bytes().to_vec();
    body.extend_from_slice(&(name.len() as u32).to_le_bytes());
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(&cursor.state);
    body
}

fn decode(path: &Path) -> Result<(String, Cursor), Error> {
    let body = Bytes::from(durable_file::load(path, MAGIC)?);
    let parse = || {
        let (seq, rest) = body.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let name = rest.get(..u32::from_le_bytes(*length) as usize)?;
        let state = body.slice(12 + name.len()..);
        Some((String::from_utf8(name.to_vec()).ok()?, Cursor { seq: u64::from_le_bytes(*seq), state }))
    };
    parse().ok_or_else(|| Error::DamagedFile { path: path.to_owned(), why: "it is cut off" })
}
