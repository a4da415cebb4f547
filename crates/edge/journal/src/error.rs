//! What can go wrong.

use std::{io, path::PathBuf};

use crate::reserve::is_full;

/// Why the journal could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder or a file of it could not be used.
    #[error("journal {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no room on the disk, or none in the quota.
    #[error("journal {}: there is no room: {source}", path.display())]
    Full {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process holds it.
    #[error("journal {} is in use by another process", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The store could not be opened or refused a write.
    #[error("journal {}: {message}", path.display())]
    Store {
        /// The folder.
        path: PathBuf,
        /// What the store says.
        message: String,
    },
    /// What was acknowledged as durable is not there.
    #[error("journal {} ends at {found}, but {acknowledged} was acknowledged as durable", path.display())]
    Behind {
        /// The folder.
        path: PathBuf,
        /// The last sequence found.
        found: u64,
        /// The last sequence acknowledged.
        acknowledged: u64,
    },
    /// Bytes are not what was written.
    #[error("journal {}: entry {seq} is damaged: {why}", path.display())]
    Corrupt {
        /// The folder.
        path: PathBuf,
        /// The first sequence of the damaged part.
        seq: u64,
        /// What does not fit.
        why: &'static str,
    },
    /// A small file beside the store is not what was written.
    #[error("{} is damaged: {why}", path.display())]
    DamagedFile {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: &'static str,
    },
    /// Written by a newer version of this program.
    #[error("journal {}: entry {seq} has format {found}, this program reads up to {known}", path.display())]
    Version {
        /// The folder.
        path: PathBuf,
        /// The first sequence of that format.
        seq: u64,
        /// Its format.
        found: u8,
        /// The newest format known here.
        known: u8,
    },
    /// A record or cursor is larger than is kept.
    #[error("{what} of {bytes} bytes is too large, at most {most} are kept")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The bound.
        most: usize,
    },
    /// An earlier append failed.
    #[error("journal {} stopped after a failed write", path.display())]
    Stopped {
        /// The folder.
        path: PathBuf,
    },
    /// A snapshot of a state that is not durable yet.
    #[error("a snapshot at {seq} while the journal is durable up to {last} only")]
    SnapshotAhead {
        /// The snapshot's sequence.
        seq: u64,
        /// The journal's last.
        last: u64,
    },
    /// There is neither a snapshot nor the first entry to begin from.
    #[error("journal {} begins at {oldest} and no snapshot reaches that far", path.display())]
    NoStart {
        /// The folder.
        path: PathBuf,
        /// The oldest entry.
        oldest: u64,
    },
}

impl From<hookswitch_disk::Error> for Error {
    fn from(error: hookswitch_disk::Error) -> Self {
        use hookswitch_disk::Error as Disk;
        match error {
            Disk::Io { path, source } if is_full(&source) => Self::Full { path, source },
            Disk::Io { path, source } => Self::Io { path, source },
            Disk::InUse { path } => Self::InUse { path },
            Disk::Damaged { path, message } => Self::Store { path, message },
        }
    }
}

impl Error {
    /// What would help, for people.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Full { .. } => {
                Some("make room on that disk; the journal goes on by itself as soon as there is some")
            }
            Self::InUse { .. } => Some("stop the other hookswitch, or give this one another [journal] path"),
            Self::Behind { .. } => Some(
                "the disk lost what it had confirmed: restore the folder from a backup, or move it away to begin anew",
            ),
            Self::Corrupt { .. } | Self::DamagedFile { .. } => Some(
                "check the disk; `hookswitch journal verify` tells all that is damaged, `hookswitch journal export` saves \
                 what reads; restore the folder from a backup, or move it away to begin anew",
            ),
            Self::Store { .. } => {
                Some("check the disk and its free space; the folder can be moved away to begin anew")
            }
            Self::Version { .. } => Some("run the newer hookswitch that wrote it"),
            Self::NoStart { .. } => {
                Some("restore the snapshots folder, or move the journal away to begin anew")
            }
            Self::Stopped { .. } => Some("see the first error; restart once the disk is well"),
            Self::Io { .. } | Self::TooLarge { .. } | Self::SnapshotAhead { .. } => None,
        }
    }
}
