//! The call book: every live call and the last ones that ended, found by our id or the PBX's reference.

pub(crate) mod cause;
pub(crate) mod data;
pub(crate) mod disposition;
mod legs;
mod lifecycle;
mod queues;
mod reaper;
mod record;
mod settle;
mod transfers;

use std::collections::{BTreeMap, VecDeque};

use hookswitch_model::{CallId, CallRef, PbxId};
use serde::{Deserialize, Serialize};

pub(crate) use lifecycle::{Begin, Finish};
pub(crate) use record::{CallRecord, Exit, Place, Ring, Takeover, Visit};
pub(crate) use transfers::Transfer;

/// So many ended calls are kept: for late data, for the claim of a pop, for `why`.
const ENDED_KEPT: usize = 512;

/// Calls by id and by reference.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub(crate) struct CallBook {
    live: BTreeMap<CallId, CallRecord>,
    ended: BTreeMap<CallId, CallRecord>,
    order: VecDeque<CallId>,
    by_ref: BTreeMap<(PbxId, CallRef), CallId>,
}

/// What of the book is kept in a snapshot: the index is made again.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    live: Vec<CallRecord>,
    ended: Vec<CallRecord>,
}

impl From<CallBook> for Kept {
    fn from(mut book: CallBook) -> Self {
        let ended = book.order.iter().filter_map(|id| book.ended.remove(id)).collect();
        Self { live: book.live.into_values().collect(), ended }
    }
}

impl From<Kept> for CallBook {
    fn from(kept: Kept) -> Self {
        let mut book = Self::default();
        for record in kept.ended {
            book.by_ref.insert(record.reference(), record.call.id);
            book.order.push_back(record.call.id);
            book.ended.insert(record.call.id, record);
        }
        for record in kept.live {
            book.insert(record);
        }
        book
    }
}

impl CallBook {
    /// Enters a new call.
    pub(crate) fn insert(&mut self, record: CallRecord) {
        self.by_ref.insert(record.reference(), record.call.id);
        self.live.insert(record.call.id, record);
    }

    /// The call the PBX means by this reference, live or ended.
    pub(crate) fn id(&self, pbx: &PbxId, call: &CallRef) -> Option<CallId> {
        self.by_ref.get(&(pbx.clone(), call.clone())).copied()
    }

    /// The live call the PBX means by this reference.
    pub(crate) fn live_id(&self, pbx: &PbxId, call: &CallRef) -> Option<CallId> {
        self.id(pbx, call).filter(|id| self.live.contains_key(id))
    }

    /// A live call.
    pub(crate) fn get(&self, id: CallId) -> Option<&CallRecord> {
        self.live.get(&id)
    }

    /// A live call, to change it.
    pub(crate) fn get_mut(&mut self, id: CallId) -> Option<&mut CallRecord> {
        self.live.get_mut(&id)
    }

    /// A call, live or lately ended.
    pub(crate) fn known(&self, id: CallId) -> Option<&CallRecord> {
        self.live.get(&id).or_else(|| self.ended.get(&id))
    }

    /// A call, live or lately ended, to change it.
    pub(crate) fn known_mut(&mut self, id: CallId) -> Option<&mut CallRecord> {
        match self.live.get_mut(&id) {
            Some(record) => Some(record),
            None => self.ended.get_mut(&id),
        }
    }

    /// Calls that lately ended, in that order, and the live ones.
    pub(crate) fn all(&self) -> impl Iterator<Item = &CallRecord> {
        self.order.iter().filter_map(|id| self.ended.get(id)).chain(self.live())
    }

    /// Live calls, oldest first.
    pub(crate) fn live(&self) -> impl Iterator<Item = &CallRecord> {
        self.live.values()
    }

    /// A call is over: it moves to the ended ones. Returns the one that is forgotten for it.
    pub(crate) fn retire(&mut self, id: CallId) -> Option<CallRecord> {
        let record = self.live.remove(&id)?;
        self.ended.insert(id, record);
        self.order.push_back(id);
        if self.order.len() <= ENDED_KEPT {
            return None;
        }
        let oldest = self.order.pop_front()?;
        let forgotten = self.ended.remove(&oldest)?;
        let reference = forgotten.reference();
        if self.by_ref.get(&reference) == Some(&oldest) {
            self.by_ref.remove(&reference);
        }
        Some(forgotten)
    }
}
