//! The last sequence that was acknowledged as durable, in a file of its own: if the store ever opens with less, it
//! lost what it had confirmed, and that is noticed.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::{Error, durable_file::io_error};

/// Two slots in sectors of their own, written in turn: a torn write leaves the other.
const SLOTS: [u64; 2] = [0, 4096];
/// Sequence and CRC-32 of it, little-endian.
const SLOT: usize = 12;

/// The file.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    file: File,
    path: PathBuf,
    seq: u64,
    next: usize,
    is_new: bool,
    /// What was noted is not synced yet.
    noted: bool,
}

impl Acknowledged {
    /// Opens or creates the file.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(io_error(path))?;
        let mut this = Self { file, path: path.to_owned(), seq: 0, next: 0, is_new: false, noted: false };
        let length = this.file.metadata().map_err(io_error(path))?.len();
        if length == 0 {
            // Both slots exist from now on, so that a later write changes no length and `sync_data` is cheap.
            this.write(1, 0)
                .and_then(|()| this.write(0, 0))
                .and_then(|()| this.file.sync_all())
                .map_err(io_error(path))?;
            this.is_new = true;
            return Ok(this);
        }
        let slots = SLOTS.map(|at| this.read(at));
        let (newer, seq) = match slots {
            [Some(a), Some(b)] if b > a => (1, b),
            [Some(a), _] => (0, a),
            [None, Some(b)] => (1, b),
            [None, None] => {
                return Err(Error::DamagedFile { path: this.path, why: "neither slot is whole" });
            }
        };
        (this.seq, this.next) = (seq, 1 - newer);
        Ok(this)
    }

    /// The last sequence acknowledged.
    pub(crate) const fn seq(&self) -> u64 {
        self.seq
    }

    /// The file was not there: nothing is known of what the store may hold.
    pub(crate) const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Acknowledges up to this sequence, durably.
    pub(crate) fn set(&mut self, seq: u64) -> Result<(), Error> {
        self.note(seq)?;
        self.confirm()
    }

    /// Acknowledges up to this sequence. That outlives the process, and a power cut once it is confirmed. What was
    /// noted before is confirmed first: of the two slots one is always whole.
    pub(crate) fn note(&mut self, seq: u64) -> Result<(), Error> {
        self.confirm()?;
        self.write(self.next, seq).map_err(io_error(&self.path))?;
        (self.seq, self.next, self.is_new, self.noted) = (seq, 1 - self.next, false, true);
        Ok(())
    }

    /// Makes what was noted durable.
    pub(crate) fn confirm(&mut self) -> Result<(), Error> {
        if self.noted {
            // Never taken for a full disk: what the kernel could not write it may have forgotten.
            self.file.sync_data().map_err(|source| Error::Io { path: self.path.clone(), source })?;
            self.noted = false;
        }
        Ok(())
    }

    /// From now on syncing fails: what cannot be synced, like this file, says so.
    #[cfg(test)]
    pub(crate) fn break_sync(&mut self) {
        self.file = OpenOptions::new().write(true).open("/dev/null").unwrap();
    }

    fn write(&self, slot: usize, seq: u64) -> io::Result<()> {
        let mut bytes = [0; SLOT];
        bytes[..8].copy_from_slice(&seq.to_le_bytes());
        bytes[8..].copy_from_slice(&crc32fast::hash(&seq.to_le_bytes()).to_le_bytes());
        self.file.write_all_at(&bytes, SLOTS[slot])
    }

    fn read(&self, at: u64) -> Option<u64> {
        let mut bytes = [0; SLOT];
        self.file.read_exact_at(&mut bytes, at).ok()?;
        let (seq, crc) = bytes.split_first_chunk::<8>()?;
        (crc == crc32fast::hash(seq).to_le_bytes()).then(|| u64::from_le_bytes(*seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acknowledged");
        let mut file = Acknowledged::open(&path).unwrap();
        for seq in [5, 9, 12] {
            file.set(seq).unwrap();
        }
        drop(file);
        let mut file = Acknowledged::open(&path).unwrap();
        assert_eq!(file.seq(), 12);
        file.set(20).unwrap();
        // 20 went where 9 stood; tear it.
        let torn = SLOTS.into_iter().find(|at| file.read(*at) == Some(20)).unwrap();
        file.file.write_all_at(&[0xff; 4], torn).unwrap();
        assert_eq!(Acknowledged::open(&path).unwrap().seq(), 12);
    }

    #[test]
    fn a_file_of_which_nothing_is_whole_is_damage_and_not_zero() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acknowledged");
        std::fs::write(&path, [1; 5000]).unwrap();
        assert!(matches!(Acknowledged::open(&path), Err(Error::DamagedFile { .. })));
    }
}
