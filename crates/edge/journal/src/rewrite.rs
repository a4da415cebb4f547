//! The whole journal written anew, in the place of the old one: to give back the room of what was removed, or to change
//! what records say without changing what they are.
//!
//! The new store is written beside the old one. Only when it is durable, and a marker says so, does it take the other's
//! place; a start that finds the marker finishes that, one that finds none removes what was begun.

use std::{collections::BTreeMap, fs, path::Path};

use bytes::Bytes;

use crate::{
    Entry, Error, Journal, Kind, Limit, Record, SledJournal, Snapshot,
    durable_file::{self, io_error},
    frame,
    snapshots::write_file,
    store::Store,
};

/// The folder of the store.
pub(crate) const STORE: &str = "store";
/// The folder of the snapshots.
pub(crate) const SNAPSHOTS: &str = "snapshots";
const MARKER: &str = "rewrite";
const MAGIC: [u8; 4] = *b"HSr1";
/// How much is written at once.
const AT_ONCE: Limit = Limit { entries: 4_096, bytes: 1024 * 1024 };

/// What a rewrite did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rewritten {
    /// How many entries there are.
    pub entries: u64,
    /// How many of them say something else than before, by kind.
    pub changed: BTreeMap<Kind, u64>,
    /// How many snapshots do.
    pub changed_snapshots: u64,
    /// Bytes of the store on the disk, before.
    pub bytes_before: u64,
    /// And after.
    pub bytes_after: u64,
}

impl SledJournal {
    /// Writes the journal anew. `entry` and `snapshot` say what one is to say from now on; none: the same as before.
    /// Sequences, kinds, times, metas and cursors stay. `then` is appended by the same step, so that either all of it
    /// happened or nothing. Needs room for a second store, and nobody who reads.
    ///
    /// # Errors
    /// [`Error::Corrupt`] as the old one has it, [`Error::Full`] or [`Error::Io`] when the new one cannot be written; the
    /// old one is as it was then.
    pub fn rewrite(
        mut self,
        entry: impl FnMut(&Entry) -> Result<Option<Bytes>, Error>,
        snapshot: impl FnMut(&Snapshot) -> Result<Option<Bytes>, Error>,
        then: &mut Vec<Record>,
    ) -> Result<Rewritten, Error> {
        let mut done = Rewritten { bytes_before: self.store.bytes_on_disk()?, ..Rewritten::default() };
        let path = self.path().to_owned();
        let last = self.write_anew(entry, snapshot, then, &mut done).inspect_err(|_| {
            // Left for the next start otherwise; it removes it as well.
            let _ = remove_begun(&path);
        })?;
        self.store.close();
        durable_file::save(&path.join(MARKER), MAGIC, &[])?;
        finish(&path)?;
        self.acknowledge(last)?;
        then.clear();
        Ok(done)
    }

    fn write_anew(
        &self,
        mut entry: impl FnMut(&Entry) -> Result<Option<Bytes>, Error>,
        snapshot: impl FnMut(&Snapshot) -> Result<Option<Bytes>, Error>,
        then: &[Record],
        done: &mut Rewritten,
    ) -> Result<u64, Error> {
        then.iter().try_for_each(frame::check)?;
        let reader = self.reader();
        let (mut after, last) = (reader.oldest() - 1, reader.last());
        let mut total = 0;
        let store = Store::open(self.path(), &new(STORE), self.store.lock())?;
        while after < last {
            let page = reader.read(after, AT_ONCE)?;
            let mut records = Vec::new();
            for before in page.iter() {
                let mut record = before.record.clone();
                if let Some(payload) = entry(before)? {
                    *done.changed.entry(record.kind).or_default() += 1;
                    record.payload = payload;
                }
                records.push(record);
            }
            records.iter().try_for_each(frame::check)?;
            store.write(after + 1, &records, &mut total)?;
            done.entries += records.len() as u64;
            after = page.through();
        }
        if !then.is_empty() {
            store.write(last + 1, then, &mut total)?;
        }
        store.sync()?;
        done.bytes_after = store.bytes_on_disk()?;
        store.close();
        self.snapshots_anew(snapshot, done)?;
        Ok(last + then.len() as u64)
    }

    fn snapshots_anew(
        &self,
        mut change: impl FnMut(&Snapshot) -> Result<Option<Bytes>, Error>,
        done: &mut Rewritten,
    ) -> Result<(), Error> {
        let folder = self.path().join(new(SNAPSHOTS));
        durable_file::create_folder(&folder)?;
        for seq in self.snapshots.sequences() {
            // One that does not read says nothing to anybody: it is left behind.
            let Ok(mut snapshot) = self.snapshots.load(seq) else { continue };
            if let Some(payload) = change(&snapshot)? {
                done.changed_snapshots += 1;
                snapshot.payload = payload;
            }
            write_file(&folder, &snapshot)?;
        }
        Ok(())
    }
}

/// Lets a complete rewrite take the old one's place, or removes an incomplete one. True: there was a complete one.
pub(crate) fn finish(path: &Path) -> Result<bool, Error> {
    let marker = path.join(MARKER);
    if !marker.exists() {
        remove_begun(path)?;
        return Ok(false);
    }
    for name in [STORE, SNAPSHOTS] {
        let (old, new) = (path.join(name), path.join(new(name)));
        if new.exists() {
            remove_folder(&old)?;
            fs::rename(&new, &old).map_err(io_error(&old))?;
        }
    }
    hookswitch_disk::sync_folder(path)?;
    fs::remove_file(&marker).map_err(io_error(&marker))?;
    hookswitch_disk::sync_folder(path)?;
    Ok(true)
}

fn remove_begun(path: &Path) -> Result<(), Error> {
    [STORE, SNAPSHOTS].iter().try_for_each(|name| remove_folder(&path.join(new(name))))
}

fn remove_folder(folder: &Path) -> Result<(), Error> {
    if folder.exists() { fs::remove_dir_all(folder).map_err(io_error(folder)) } else { Ok(()) }
}

fn new(name: &str) -> String {
    format!("{name}.new")
}
