//! When something is due: one moment a transaction, in order, exact to take out again.

use std::collections::BTreeSet;

use super::table::Handle;
use crate::time::Instant;

/// Whose timer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    Server(Handle),
    Client(Handle),
}

/// The moments at which transactions are due.
///
/// Each transaction has one entry, its earliest; it moves when that changes and goes when the transaction ends. So
/// nothing is ever scanned and nothing stale stays behind.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Instant, Owner)>);

impl Timers {
    /// Moves an owner's entry from `old` to `new`.
    pub(crate) fn set(&mut self, owner: Owner, old: Option<Instant>, new: Option<Instant>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.0.remove(&(old, owner));
        }
        if let Some(new) = new {
            self.0.insert((new, owner));
        }
    }

    /// The earliest moment.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(due, _)| *due)
    }

    /// Takes out one owner that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Owner> {
        let first = self.0.first().filter(|(due, _)| *due <= now)?;
        let owner = first.1;
        self.0.pop_first();
        Some(owner)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The end of several moments that comes first.
pub(crate) fn earliest(moments: impl IntoIterator<Item = Option<Instant>>) -> Option<Instant> {
    moments.into_iter().flatten().min()
}
