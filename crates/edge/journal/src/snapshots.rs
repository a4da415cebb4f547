//! The engine's state, kept from time to time, each in a file of its own.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::{Bytes, BytesMut};
use hookswitch_model::Timestamp;

use crate::{
    Error, Reader,
    durable_file::{self, io_error},
};

const MAGIC: [u8; 4] = *b"HSs1";
/// How many are kept: the newest, and one in case its file is damaged.
const KEPT: usize = 2;

/// The state after all entries up to a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last entry in it.
    pub seq: u64,
    /// When it was taken.
    pub at: Timestamp,
    /// The state; the journal does not look into it.
    pub payload: Bytes,
}

/// Keeps the two newest snapshots; cheap to clone.
#[derive(Debug, Clone)]
pub struct Snapshots {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: Option<PathBuf>,
    reader: Reader,
    /// With the payload only where there is no folder.
    kept: Mutex<BTreeMap<u64, Option<Snapshot>>>,
}

impl Snapshots {
    pub(crate) fn in_memory(reader: Reader) -> Self {
        Self { inner: Arc::new(Inner { folder: None, reader, kept: Mutex::default() }) }
    }

    pub(crate) fn open(folder: &Path, reader: Reader) -> Result<Self, Error> {
        durable_file::create_folder(folder)?;
        let mut kept = BTreeMap::new();
        for file in fs::read_dir(folder).map_err(io_error(folder))? {
            let path = file.map_err(io_error(folder))?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_suffix(".snapshot"));
            if let Some(seq) = name.and_then(|name| name.parse().ok()) {
                kept.insert(seq, None);
            }
        }
        Ok(Self {
            inner: Arc::new(Inner { folder: Some(folder.to_owned()), reader, kept: Mutex::new(kept) }),
        })
    }

    /// Keeps a snapshot and drops all but the two newest. Blocks while the disk works.
    ///
    /// # Errors
    /// [`Error::SnapshotAhead`] when what it holds is not durable yet; [`Error::Io`] when it cannot be written.
    pub fn save(&self, snapshot: &Snapshot) -> Result<(), Error> {
        let last = self.inner.reader.last();
        if snapshot.seq > last {
            return Err(Error::SnapshotAhead { seq: snapshot.seq, last });
        }
        if let Some(folder) = &self.inner.folder {
            write_file(folder, snapshot)?;
        }
        let mut kept = self.kept();
        kept.insert(snapshot.seq, self.inner.folder.is_none().then(|| snapshot.clone()));
        while kept.len() > KEPT {
            let Some((seq, _)) = kept.pop_first() else { break };
            if let Some(folder) = &self.inner.folder {
                let path = file_of(folder, seq);
                fs::remove_file(&path).map_err(io_error(&path))?;
            }
        }
        Ok(())
    }

    /// The sequences that a snapshot is kept of, oldest first.
    #[must_use]
    pub fn sequences(&self) -> Vec<u64> {
        self.kept().keys().copied().collect()
    }

    /// The newest snapshot that reads and is not ahead of the journal, with what was wrong with newer ones.
    pub(crate) fn newest(&self) -> (Option<Snapshot>, Vec<Error>) {
        let last = self.inner.reader.last();
        let mut passed_over = Vec::new();
        for seq in self.sequences().into_iter().rev() {
            match self.load(seq) {
                Ok(snapshot) if snapshot.seq <= last => return (Some(snapshot), passed_over),
                Ok(snapshot) => passed_over.push(Error::SnapshotAhead { seq: snapshot.seq, last }),
                Err(error) => passed_over.push(error),
            }
        }
        (None, passed_over)
    }

    /// The snapshot of this sequence.
    ///
    /// # Errors
    /// [`Error::DamagedFile`] or [`Error::Io`] when there is none that reads.
    pub fn load(&self, seq: u64) -> Result<Snapshot, Error> {
        let corrupt = |path: &Path, why| Error::DamagedFile { path: path.to_owned(), why };
        let Some(folder) = &self.inner.folder else {
            let snapshot = self.kept().get(&seq).cloned().flatten();
            return snapshot.ok_or_else(|| corrupt(Path::new("memory"), "it is gone"));
        };
        let path = file_of(folder, seq);
        let mut body = Bytes::from(durable_file::load(&path, MAGIC)?);
        let payload =
            (body.len() >= 16).then(|| body.split_off(16)).ok_or_else(|| corrupt(&path, "it is cut off"))?;
        let (found, at) = body.split_first_chunk::<8>().ok_or_else(|| corrupt(&path, "it is cut off"))?;
        let at = at.first_chunk::<8>().map_or(0, |at| u64::from_le_bytes(*at));
        if u64::from_le_bytes(*found) != seq {
            return Err(corrupt(&path, "it is another's"));
        }
        Ok(Snapshot { seq, at: Timestamp::from_micros(at), payload })
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<u64, Option<Snapshot>>> {
        self.inner.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a snapshot's file.
pub(crate) fn write_file(folder: &Path, snapshot: &Snapshot) -> Result<(), Error> {
    let mut body = BytesMut::with_capacity(16 + snapshot.payload.len());
    body.extend_from_slice(&snapshot.seq.to_le_bytes());
    body.extend_from_slice(&snapshot.at.as_micros().to_le_bytes());
    body.extend_from_slice(&snapshot.payload);
    durable_file::save(&file_of(folder, snapshot.seq), MAGIC, &body)
}

fn file_of(folder: &Path, seq: u64) -> PathBuf {
    folder.join(format!("{seq:020}.snapshot"))
}
