//! The journal on disk: frames in one tree of sled ([`crate::store`]), and beside it what sled cannot be trusted with.
//!
//! The last acknowledged sequence stands in a file of its own, because sled, damaged in the right way, opens empty
//! without an error. A full disk makes sled refuse everything until it is opened anew, which needs room of its own: that
//! is what the reserve is for.
//!
//! ```text
//! <path>/lock           held while it is open
//! <path>/store/db …     sled
//! <path>/acknowledged   the last sequence that was confirmed
//! <path>/reserve        room that is given up when the disk is full
//! <path>/snapshots/     the engine's state
//! <path>/cursors/       how far each follower is
//! <path>/rewrite        there only while a rewritten store takes the place of the old one
//! ```

use std::{ops::Range, path::Path, sync::Arc};

use hookswitch_disk as disk;

use crate::{
    Cursors, Error, Journal, Opened, Reader, Record, Recovery, Retained, Retention, Snapshots,
    acknowledged::Acknowledged,
    durable_file::create_folder,
    frame, place,
    recovery::recover,
    reserve::{Reserve, says_full},
    retention::Plan,
    rewrite,
    ring::{Publisher, Recent, first, size},
    store::Store,
    tail,
};

/// How many frames retention removes at once: about as long as a large commit takes.
const REMOVED_AT_ONCE: usize = 1_024;

/// How a journal on disk works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// What is kept in memory for readers.
    pub recent: Recent,
    /// The room set aside for a full disk, in bytes: opening sled anew, snapshots and cursors have to fit.
    pub reserve_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { recent: Recent::default(), reserve_bytes: 16 * 1024 * 1024 }
    }
}

/// The journal on disk. See the module.
#[derive(Debug)]
pub struct SledJournal {
    pub(crate) store: Store,
    acknowledged: Acknowledged,
    reserve: Reserve,
    pub(crate) publisher: Publisher,
    cursors: Cursors,
    pub(crate) snapshots: Snapshots,
    /// The size of all records since the first.
    total: u64,
    opened: Opened,
    state: State,
}

/// Whether it takes records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    /// There was no room; whether there is now is found out by the next append.
    Full,
    /// What the disk holds is not known.
    Stopped,
}

impl SledJournal {
    /// Opens or creates the journal in this folder. [`SledJournal::opened`] tells what was found.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has it; [`Error::Behind`] when confirmed entries are gone;
    /// [`Error::Corrupt`] when the last confirmed one is damaged; [`Error::Version`] when a newer program wrote it;
    /// [`Error::Store`] when it does not read at all.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, Options::default())
    }

    /// Opens it otherwise than usual.
    ///
    /// # Errors
    /// As [`SledJournal::open`].
    pub fn open_with(path: &Path, options: Options) -> Result<Self, Error> {
        create_folder(path)?;
        let lock = Arc::new(disk::lock(path)?);
        let mut opened = Opened { finished_rewrite: rewrite::finish(path)?, ..Opened::default() };
        let reserve = Reserve::new(path.join("reserve"), options.reserve_bytes);
        let open = || {
            let store = Store::open(path, rewrite::STORE, Arc::clone(&lock))?;
            let acknowledged = Acknowledged::open(&path.join("acknowledged"))?;
            disk::sync_folder(path)?;
            Ok((store, acknowledged))
        };
        let (store, mut acknowledged) = open().or_else(|error| {
            if !says_full(&error) {
                return Err(error);
            }
            reserve.give_up();
            open()
        })?;
        let extent = tail::settle(&store, &mut acknowledged, &mut opened)?;
        opened.full = match reserve.take() {
            Err(error) if !says_full(&error) => return Err(error),
            taken => taken.is_err(),
        };
        let archive = Box::new(store.clone());
        let publisher = Publisher::new(archive, options.recent, extent.oldest, extent.last);
        let reader = Reader::new(Arc::clone(&publisher.shared));
        let snapshots = Snapshots::open(&path.join(rewrite::SNAPSHOTS), reader)?;
        let cursors = Cursors::open(&path.join("cursors"))?;
        let state = if opened.full { State::Full } else { State::Ready };
        let total = extent.total;
        Ok(Self { store, acknowledged, reserve, publisher, cursors, snapshots, total, opened, state })
    }

    /// What was found when it was opened.
    #[must_use]
    pub const fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.store.path()
    }

    fn commit(&mut self, next: u64, batch: &[Record]) -> Result<(), Error> {
        let mut total = self.total;
        self.store.write(next, batch, &mut total)?;
        self.store.sync()?;
        self.acknowledged.note(next + batch.len() as u64 - 1)?;
        self.total = total;
        Ok(())
    }

    /// After a write failed for want of room: gives up the reserve, so that the journal can be read, shortened and
    /// opened, and takes back what is left of the batch.
    fn make_do(&mut self) -> Error {
        self.state = State::Full;
        self.store.close();
        self.reserve.give_up();
        match self.go_back() {
            Ok(()) => {
                Error::Full { path: self.path().to_owned(), source: std::io::ErrorKind::StorageFull.into() }
            }
            Err(error) => self.refused(error),
        }
    }

    /// Goes on if there is room: a reserve, and as much again.
    fn resume(&mut self) -> Result<(), Error> {
        self.reserve.take().and_then(|()| self.go_back()).map_err(|error| self.refused(error))?;
        self.state = State::Ready;
        Ok(())
    }

    fn refused(&mut self, error: Error) -> Error {
        if says_full(&error) {
            self.reserve.give_up();
        } else {
            self.state = State::Stopped;
        }
        error
    }

    /// Opens the store if it is closed and brings it to where readers are: nothing acknowledged may be missing, nothing
    /// else may be there.
    fn go_back(&mut self) -> Result<(), Error> {
        self.store.reopen()?;
        let last = self.publisher.shared.head().seq;
        self.store.cut(last + 1)?;
        self.acknowledged.set(last)?;
        tail::settle(&self.store, &mut self.acknowledged, &mut Opened::default()).map(drop)
    }
}

impl Journal for SledJournal {
    fn append(&mut self, batch: &mut Vec<Record>) -> Result<Range<u64>, Error> {
        batch.iter().try_for_each(frame::check)?;
        match self.state {
            State::Ready => {}
            State::Full => self.resume()?,
            State::Stopped => return Err(Error::Stopped { path: self.path().to_owned() }),
        }
        let next = self.publisher.shared.head().seq + 1;
        let end = next + batch.len() as u64;
        if !batch.is_empty() {
            self.commit(next, batch)
                .map_err(|error| if says_full(&error) { self.make_do() } else { self.refused(error) })?;
        }
        if let Some(segment) = place(next, batch) {
            self.publisher.publish(segment);
        }
        Ok(next..end)
    }

    fn confirm(&mut self) -> Result<(), Error> {
        self.acknowledged.confirm().map_err(|error| self.refused(error))
    }

    fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.publisher.shared))
    }

    fn cursors(&self) -> Cursors {
        self.cursors.clone()
    }

    fn snapshots(&self) -> Snapshots {
        self.snapshots.clone()
    }

    fn recover(&self) -> Result<Recovery, Error> {
        recover(self.path(), &self.reader(), &self.snapshots)
    }

    fn retain(&mut self, retention: &Retention) -> Result<Retained, Error> {
        let oldest = self.publisher.shared.oldest();
        let bytes = if retention.max_bytes.is_some() { self.kept_bytes(oldest)? } else { 0 };
        let mut plan = Plan::new(*retention, &self.cursors, &self.snapshots, oldest, bytes);
        let mut going = Vec::new();
        let (mut more, mut failed) = (false, None);
        self.store.frames(oldest, |frame| match frame {
            Ok(frame) if plan.may_go(&frame.entries) => {
                going.push(first(&frame.entries));
                more = going.len() == REMOVED_AT_ONCE;
                !more
            }
            Ok(_) => false,
            Err(error) => {
                failed = Some(error);
                false
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.publisher.shared.set_oldest(plan.oldest());
        self.store.remove(&going)?;
        Ok(Retained { more, ..plan.report() })
    }
}

impl SledJournal {
    /// Confirms what a rewrite added.
    pub(crate) fn acknowledge(&mut self, last: u64) -> Result<(), Error> {
        self.acknowledged.set(last)
    }

    /// The size of the records from this one on.
    fn kept_bytes(&self, oldest: u64) -> Result<u64, Error> {
        let (mut bytes, mut failed) = (0, None);
        self.store.frames(oldest, |frame| match frame {
            Ok(frame) => {
                let own = size(&frame.entries);
                bytes += frame.total.map_or(own, |total| self.total - total.min(self.total) + own);
                // Frames of format 1 do not say; after the first that does, all is known.
                frame.total.is_none()
            }
            Err(error) => {
                failed = Some(error);
                false
            }
        })?;
        failed.map_or(Ok(bytes), Err)
    }
}

#[cfg(test)]
mod tests {
    use hookswitch_model::Timestamp;

    use super::*;
    use crate::{Kind, Limit};

    fn record(payload: &str) -> Record {
        Record { kind: Kind::Event, at: Timestamp::default(), meta: None, payload: payload.to_owned().into() }
    }

    /// Nothing is shown before it was synced, and after that failed nothing more is taken.
    #[test]
    fn what_could_not_be_synced_is_shown_to_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = SledJournal::open(folder.path()).unwrap();
        journal.append(&mut vec![record("a")]).unwrap();
        journal.store.break_sync();
        let mut batch = vec![record("b")];
        assert!(matches!(journal.append(&mut batch), Err(Error::Io { .. })));
        assert!(matches!(journal.append(&mut batch), Err(Error::Stopped { .. })));
        assert_eq!((batch.len(), journal.reader().last()), (1, 1));
        assert!(journal.reader().read(1, Limit::default()).unwrap().is_empty());
        drop(journal);
        // It was written: nobody saw it, and it is kept.
        let journal = SledJournal::open(folder.path()).unwrap();
        assert_eq!((journal.opened().kept.clone(), journal.reader().last()), (2..3, 2));
    }

    /// How far it is confirmed is synced when nobody waits, at the latest by the next append; when that fails nothing
    /// more is taken.
    #[test]
    fn a_confirmation_that_cannot_be_synced_stops_the_journal() {
        type Ask = fn(&mut SledJournal) -> Result<(), Error>;
        let asks: [Ask; 2] =
            [|journal| journal.confirm(), |journal| journal.append(&mut vec![record("b")]).map(drop)];
        for (place, ask) in asks.into_iter().enumerate() {
            let folder = tempfile::tempdir().unwrap();
            let mut journal = SledJournal::open(folder.path()).unwrap();
            journal.append(&mut vec![record("a")]).unwrap();
            journal.acknowledged.break_sync();
            assert!(matches!(ask(&mut journal), Err(Error::Io { .. })), "{place}");
            assert!(matches!(journal.append(&mut vec![record("c")]), Err(Error::Stopped { .. })), "{place}");
            assert_eq!(journal.reader().last(), 1, "{place}");
        }
        let folder = tempfile::tempdir().unwrap();
        let mut journal = SledJournal::open(folder.path()).unwrap();
        journal.append(&mut vec![record("a")]).unwrap();
        journal.confirm().unwrap();
        journal.acknowledged.break_sync();
        journal.confirm().unwrap();
        assert_eq!(journal.append(&mut vec![record("b")]).unwrap(), 2..3, "nothing was left to confirm");
    }

    /// The store took the batch, and the room ran out only then.
    #[test]
    fn what_was_written_and_then_refused_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = SledJournal::open(folder.path()).unwrap();
        journal.append(&mut vec![record("a"), record("b")]).unwrap();
        journal.store.write(3, &[record("refused"), record("refused")], &mut 0).unwrap();
        assert!(says_full(&journal.make_do()));
        assert_eq!(journal.reader().last(), 2);
        assert_eq!(journal.append(&mut vec![record("c")]).unwrap(), 3..4);
        drop(journal);
        let journal = SledJournal::open(folder.path()).unwrap();
        let page = journal.reader().read(0, Limit::default()).unwrap();
        let said: Vec<_> = page.iter().map(|entry| entry.record.payload.clone()).collect();
        assert_eq!(said, ["a", "b", "c"]);
    }
}
