//! Room set aside: a file that is given up when the disk is full, so that what must still be written can be.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::{Error, durable_file::io_error};

/// The file.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
    bytes: u64,
}

impl Reserve {
    /// So many bytes in this file; none at all for 0.
    pub(crate) const fn new(path: PathBuf, bytes: u64) -> Self {
        Self { path, bytes }
    }

    /// Sets the room aside, if it is not. Asks for twice as much and gives half of it back: what goes on with the last
    /// byte there is stops again at once.
    ///
    /// # Errors
    /// [`Error::Full`] when there is not as much; nothing is set aside then.
    pub(crate) fn take(&self) -> Result<(), Error> {
        if self.bytes == 0 || fs::metadata(&self.path).is_ok_and(|file| file.len() == self.bytes) {
            return Ok(());
        }
        let taken = self.allocate();
        if taken.is_err() {
            self.give_up();
        }
        taken.map_err(io_error(&self.path))?;
        Ok(self.path.parent().map_or(Ok(()), hookswitch_disk::sync_folder)?)
    }

    fn allocate(&self) -> io::Result<()> {
        let mut file = File::create(&self.path)?;
        match fallocate(&file, FallocateFlags::empty(), 0, 2 * self.bytes) {
            Ok(()) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => write_zeros(&mut file, 2 * self.bytes)?,
            Err(error) => return Err(error.into()),
        }
        file.set_len(self.bytes)?;
        file.sync_all()
    }

    /// Gives the room to whoever needs it now.
    pub(crate) fn give_up(&self) {
        // It is not there, or nothing can be done about it: the next write tells.
        let _ = fs::remove_file(&self.path);
    }
}

fn write_zeros(file: &mut File, bytes: u64) -> io::Result<()> {
    let zeros = [0; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let piece = left.min(zeros.len() as u64);
        file.write_all(&zeros[..piece as usize])?;
        left -= piece;
    }
    file.sync_all()
}

/// Whether an error says that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::WriteZero
    )
}

/// The same of an error of ours.
pub(crate) const fn says_full(error: &Error) -> bool {
    matches!(error, Error::Full { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_set_aside_once_and_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reserve");
        let reserve = Reserve::new(path.clone(), 100_000);
        reserve.take().unwrap();
        reserve.take().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 100_000);
        reserve.give_up();
        reserve.give_up();
        assert!(!path.exists());
    }

    #[test]
    fn more_than_the_disk_has_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reserve");
        let reserve = Reserve::new(path.clone(), 1 << 60);
        reserve.take().unwrap_err();
        assert!(!path.exists());
    }
}
