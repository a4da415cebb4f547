//! The ordered, durable log: inputs, events and actions, each with a sequence, written once and read by everybody.
//!
//! It refuses to know what a payload says (that is `wire` for events and `acd` for inputs), who reads (that is
//! `publish`), and what time it is.
//!
//! ```
//! use hookswitch_journal::{Journal, Kind, Limit, MemoryJournal, Record};
//! use hookswitch_model::Timestamp;
//!
//! let mut journal = MemoryJournal::new();
//! let record = Record { kind: Kind::Input, at: Timestamp::from_millis(1), meta: None, payload: "{}".into() };
//! assert_eq!(journal.append(&mut vec![record.clone(), record])?, 1..3);
//! let page = journal.reader().read(1, Limit::default())?;
//! assert_eq!(page.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2]);
//! # Ok::<(), hookswitch_journal::Error>(())
//! ```
//!
//! The whole of it is the trait [`Journal`]; [`SledJournal`] keeps it on disk, [`MemoryJournal`] does not. One writer
//! appends batches, one commit each. A [`Reader`] goes by a cursor of its own: the newest entries it has from memory,
//! older ones from the disk, and it never makes the writer wait.
//!
//! Invariants:
//! - Sequences begin at 1 and are dense; an entry never changes, but by [`SledJournal::rewrite`], which is done by hand
//!   and leaves a record.
//! - What [`Journal::append`] returned for is on the disk; no reader ever saw anything else.
//! - What is missing or damaged is an error that names the sequence, never a shorter answer. A torn end that was never
//!   acknowledged is cut, and [`SledJournal::opened`] tells it.
//! - A full disk refuses a batch as a whole ([`Error::Full`]), and the same journal goes on when there is room.
//! - Retention never deletes what a start needs, and says when a follower loses what it had not read.

mod journal;
mod record;

mod acknowledged;
mod cursors;
mod durable_file;
mod error;
mod frame;
mod memory;
mod on_sled;
mod reader;
mod recovery;
mod reserve;
mod retention;
mod rewrite;
mod ring;
mod snapshots;
mod store;
mod tail;
mod verify;

use std::sync::Arc;

pub use cursors::{Cursor, Cursors};
pub use error::Error;
pub use hookswitch_model::Meta;
pub use journal::{Journal, Retained, Retention};
pub use memory::MemoryJournal;
pub use on_sled::{Options, SledJournal};
pub use reader::{Entries, Limit, Page, Reader};
pub use record::{Entry, Kind, Record};
pub use recovery::Recovery;
pub use rewrite::Rewritten;
pub use ring::{Head, Recent};
pub use snapshots::{Snapshot, Snapshots};
pub use tail::{Cut, Opened};
pub use verify::Verified;

/// Takes the records out of a batch and gives them their sequences; nothing for an empty one.
fn place(first: u64, batch: &mut Vec<Record>) -> Option<ring::Segment> {
    let entries = batch.drain(..).zip(first..).map(|(record, seq)| Entry { seq, record });
    let entries: Arc<[Entry]> = entries.collect();
    (!entries.is_empty()).then_some(entries)
}
