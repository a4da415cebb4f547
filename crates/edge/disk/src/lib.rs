//! What is kept on a disk: one sled tree in a folder, small files beside it, and who may open them.
//!
//! It refuses to know what is kept. Who keeps something decides what an acknowledgement means, and calls [`Store::sync`]
//! before it gives one.
//!
//! ```
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path();
//! use hookswitch_disk::{Batch, Store, lock};
//!
//! let _lock = lock(folder)?;
//! let store = Store::open(&folder.join("store"), 1024 * 1024)?;
//! let mut batch = Batch::default();
//! batch.insert(b"a", b"1");
//! store.write(batch)?; // survives the death of the process
//! store.sync()?; // survives a power cut
//! assert_eq!(store.with(|db| db.get(b"a"))?.unwrap(), b"1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What was measured of sled, and what follows from it:
//! - Its `flush` alone survives a crash of the process but no power cut (it asks the kernel for `sync_file_range` only):
//!   what is to last ends with [`Store::sync`], which syncs sled's own file.
//! - Once a write failed it refuses every further one until it is opened anew.
//! - A thread of its own lets its lock go a moment after the last handle is gone: opening waits for that.
//! - A summary that it was writing when it was killed keeps it from opening: such a file is removed.
//! - Damage can make it panic: that is [`Error::Damaged`], as what it says itself is.
//! - Damaged in the right way it opens with less. So whoever acknowledges keeps a number of what was acknowledged, in a
//!   file of its own ([`replace`]), and compares.

mod file;
mod store;

use std::{io, path::PathBuf};

pub use file::{lock, replace, sync_folder};
pub use sled::{Batch, Db, IVec, Iter, Result as Outcome};
pub use store::Store;

/// Why something could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system says no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process holds the folder, or another part of this one.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The store does not read, or refused a write.
    #[error("{}: {message}", path.display())]
    Damaged {
        /// The store's folder.
        path: PathBuf,
        /// What the store says.
        message: String,
    },
}
