//! The places at which the daemon may die, counted.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use crate::disk::lock;

/// Where the daemon is when it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Bytes of the PBX are in memory and not read.
    Received,
    /// Facts were read and the engine has not seen them.
    Read,
    /// The engine has handled them and nothing is written.
    Handled,
    /// The batch is written and not synced.
    Written,
    /// The batch is durable and nobody has seen it.
    Synced,
    /// Readers may see it, no action has been sent.
    Published,
    /// Half of an action is on the wire.
    HalfSent,
    /// An action is on the wire, its answer has not come.
    Sent,
    /// A start has read the journal and written nothing.
    Started,
}

/// Killed here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Killed;

/// Counts places, and says at which the daemon dies. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Points(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    passed: u64,
    kill_at: Option<u64>,
    died_at: Option<Place>,
    /// How often it died where, over all lives.
    deaths: BTreeMap<Place, u64>,
}

impl Points {
    /// The daemon is at a place.
    pub(crate) fn at(&self, place: Place) -> Result<(), Killed> {
        let mut counted = lock(&self.0);
        if counted.died_at.is_some() {
            return Err(Killed);
        }
        counted.passed += 1;
        if counted.kill_at.is_some_and(|at| counted.passed > at) {
            counted.kill_at = None;
            counted.died_at = Some(place);
            *counted.deaths.entry(place).or_default() += 1;
            return Err(Killed);
        }
        Ok(())
    }

    /// It dies after so many more places.
    pub(crate) fn kill_after(&self, more: u64) {
        let mut counted = lock(&self.0);
        counted.kill_at = Some(counted.passed + more);
    }

    /// A kill that has not happened yet will not.
    pub(crate) fn spare(&self) {
        lock(&self.0).kill_at = None;
    }

    /// It died and was not buried.
    pub(crate) fn is_dead(&self) -> bool {
        lock(&self.0).died_at.is_some()
    }

    /// Where it died, once after each death; places are passed again from then on.
    pub(crate) fn take_death(&self) -> Option<Place> {
        lock(&self.0).died_at.take()
    }

    /// Places passed.
    pub(crate) fn passed(&self) -> u64 {
        lock(&self.0).passed
    }

    /// How often it died where.
    pub(crate) fn deaths(&self) -> BTreeMap<Place, u64> {
        lock(&self.0).deaths.clone()
    }
}
