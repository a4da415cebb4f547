//! The trait: all a journal does, in one file.

use std::{fmt, ops::Range};

use hookswitch_model::Timestamp;

use crate::{Cursors, Error, Reader, Record, Recovery, Snapshots};

/// The ordered, durable log, held by its only writer.
///
/// Calls block: a writer runs on a thread of its own. Everybody else holds a [`Reader`], [`Cursors`] or [`Snapshots`],
/// none of which makes the writer wait.
pub trait Journal: Send + fmt::Debug {
    /// Appends a batch and returns the sequences it was given, dense and from 1 on, **once it is durable**: after a
    /// power cut either all of the batch is there or, if this never returned, none of it. Only then do readers see it.
    ///
    /// One call is one commit, however many records: that is the group commit. The batch is drained when it is
    /// durable, and left as it was when it was refused.
    ///
    /// # Errors
    /// - [`Error::TooLarge`] before anything is written.
    /// - [`Error::Full`] when there is no room: nothing of the batch is kept, and the same append works once there is.
    /// - [`Error::Io`] or [`Error::Store`] when the disk fails otherwise; every further append fails then, too
    ///   ([`Error::Stopped`]), because it is not known what the disk holds.
    fn append(&mut self, batch: &mut Vec<Record>) -> Result<Range<u64>, Error>;

    /// Makes durable how far appends were confirmed, for when nobody waits: after what was appended has been shown.
    /// The next append does it otherwise. It guards against disks that lose what they confirmed, and against nothing
    /// else: what an append returned for is durable by then.
    ///
    /// # Errors
    /// [`Error::Io`]; every further append fails then, too.
    fn confirm(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Who wants to read.
    fn reader(&self) -> Reader;

    /// Where followers note how far they are.
    fn cursors(&self) -> Cursors;

    /// Where the engine's state is kept from time to time, so that a start reads little.
    fn snapshots(&self) -> Snapshots;

    /// The newest good snapshot and the entries after it.
    ///
    /// # Errors
    /// [`Error::NoStart`] when neither a snapshot nor the first entry is there to begin from.
    fn recover(&self) -> Result<Recovery, Error>;

    /// Deletes the oldest entries as far as `retention` allows; not all at once, so that appends wait for it no longer
    /// than for one another: [`Retained::more`] asks to be called again.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Store`] or [`Error::Corrupt`] as the disk has it; what was deleted so far stays so.
    fn retain(&mut self, retention: &Retention) -> Result<Retained, Error>;
}

/// What may be deleted. Never what the older of the two kept snapshots needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Entries before this may go, if no follower still needs them.
    pub keep_from: Timestamp,
    /// Entries before this go even if a follower still needs them, which is then said.
    pub hold_from: Timestamp,
    /// The oldest entries go while there are more bytes of them than this, however young they are and even if a
    /// follower still needs them, which is then said: a full disk would hold up everybody.
    pub max_bytes: Option<u64>,
}

/// What was deleted, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retained {
    /// How many entries were deleted.
    pub removed: u64,
    /// The oldest sequence that is left.
    pub oldest: u64,
    /// There is more that may go: call again, in a while.
    pub more: bool,
    /// Followers who kept older entries from being deleted, with the last sequence each has done.
    pub held_back_by: Vec<(String, u64)>,
    /// Followers who lost entries they had not read, with the last sequence each has done.
    pub lost_by: Vec<(String, u64)>,
}
