//! Where a start begins.

use std::path::Path;

use crate::{Entries, Error, Reader, Snapshot, Snapshots};

/// What a start needs: a state, and what happened after it.
#[derive(Debug)]
pub struct Recovery {
    /// The state to begin from; none: begin empty, from the first entry.
    pub snapshot: Option<Snapshot>,
    /// The entries after it, in order.
    pub entries: Entries,
    /// What was wrong with newer snapshots.
    pub passed_over: Vec<Error>,
}

pub(crate) fn recover(path: &Path, reader: &Reader, snapshots: &Snapshots) -> Result<Recovery, Error> {
    let (snapshot, passed_over) = snapshots.newest();
    let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.seq);
    let oldest = reader.oldest();
    if after + 1 < oldest {
        return Err(Error::NoStart { path: path.to_owned(), oldest });
    }
    Ok(Recovery { snapshot, entries: Entries::new(reader.clone(), after), passed_over })
}
