//! The book of call-backs: every one that is promised and the last ones that are over.

use std::collections::{BTreeMap, VecDeque};

use hookswitch_model::{
    AgentId, CallId, CallbackId, PbxId, QueueId, Timestamp,
    call::PartyNumber,
    callback::{Callback, CallbackState},
    why::Preferred,
};
use serde::{Deserialize, Serialize};

/// So many that are over are kept, for those who ask.
const ENDED_KEPT: usize = 512;
/// So many are promised at once at most: a promise is kept in memory and in every snapshot.
pub(super) const PROMISED: usize = 10_000;

/// What a call has to do with call-backs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tie {
    /// Nothing.
    #[default]
    None,
    /// The caller asked for one while an agent was rung: made when that agent does not answer.
    Wished,
    /// The caller is called back, and leaves.
    Promised(CallbackId),
    /// It is a try.
    Tries {
        /// Of this call-back.
        callback: CallbackId,
        /// The caller's own call.
        of: Option<CallId>,
    },
}

impl Tie {
    /// The call-back this call is a try of.
    pub(crate) const fn tries(&self) -> Option<CallbackId> {
        match self {
            Self::Tries { callback, .. } => Some(*callback),
            Self::None | Self::Wished | Self::Promised(_) => None,
        }
    }
}

/// One call-back as the engine keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CallbackRecord {
    /// The public object.
    pub(crate) callback: Callback,
    /// Not in line before this, whatever the hours are.
    pub(crate) not_before: Option<Timestamp>,
    /// The customer's last agent, where the queue asks for one.
    pub(crate) sticky: Option<AgentId>,
    /// Whom its rule wants first.
    pub(crate) prefer: Option<Preferred>,
    /// What the caller had dialled, and where: for the rules, should its queue be gone.
    pub(crate) dnis: PartyNumber,
    pub(crate) pbx: Option<PbxId>,
}

impl CallbackRecord {
    /// What the same number may not have twice.
    fn number(&self) -> (QueueId, String) {
        (self.callback.queue.clone(), self.callback.number.e164.clone().unwrap_or_default())
    }
}

/// What stands in line for a call-back: its id, as that of a call that does not exist. Both are drawn from one source.
pub(crate) const fn entry(id: CallbackId) -> CallId {
    CallId::from_bits(id.bits())
}

/// The call-back that an entry of a line would be.
pub(crate) const fn of_entry(call: CallId) -> CallbackId {
    CallbackId::from_bits(call.bits())
}

/// All call-backs.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub(crate) struct CallbackBook {
    live: BTreeMap<CallbackId, CallbackRecord>,
    ended: VecDeque<Callback>,
    by_number: BTreeMap<(QueueId, String), CallbackId>,
    /// How many of each queue are promised and not yet kept.
    promised: BTreeMap<QueueId, u32>,
}

/// What of the book is kept in a snapshot: the indexes are made again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    live: Vec<CallbackRecord>,
    ended: VecDeque<Callback>,
}

impl From<CallbackBook> for Kept {
    fn from(book: CallbackBook) -> Self {
        Self { live: book.live.into_values().collect(), ended: book.ended }
    }
}

impl From<Kept> for CallbackBook {
    fn from(kept: Kept) -> Self {
        let mut book = Self { ended: kept.ended, ..Self::default() };
        for record in kept.live {
            book.insert(record);
        }
        book
    }
}

impl CallbackBook {
    /// Enters one.
    pub(crate) fn insert(&mut self, record: CallbackRecord) {
        *self.promised.entry(record.callback.queue.clone()).or_default() += 1;
        self.by_number.insert(record.number(), record.callback.id);
        self.live.insert(record.callback.id, record);
    }

    fn take_out(&mut self, id: CallbackId) -> Option<CallbackRecord> {
        let record = self.live.remove(&id)?;
        let number = record.number();
        if self.by_number.get(&number) == Some(&id) {
            self.by_number.remove(&number);
        }
        if let Some(promised) = self.promised.get_mut(&number.0) {
            *promised = promised.saturating_sub(1);
        }
        Some(record)
    }

    /// Moves one to another queue.
    pub(super) fn move_to(&mut self, id: CallbackId, queue: QueueId) {
        if let Some(mut record) = self.take_out(id) {
            record.callback.queue = queue;
            self.insert(record);
        }
    }

    /// One is over.
    pub(super) fn retire(&mut self, id: CallbackId) {
        let Some(record) = self.take_out(id) else { return };
        self.ended.push_back(record.callback);
        if self.ended.len() > ENDED_KEPT {
            self.ended.pop_front();
        }
    }

    /// One that is not over.
    pub(crate) fn get(&self, id: CallbackId) -> Option<&CallbackRecord> {
        self.live.get(&id)
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, id: CallbackId) -> Option<&mut CallbackRecord> {
        self.live.get_mut(&id)
    }

    /// One that is not over, or is so lately.
    pub(crate) fn known(&self, id: CallbackId) -> Option<&Callback> {
        let live = self.live.get(&id).map(|record| &record.callback);
        live.or_else(|| self.ended.iter().rev().find(|callback| callback.id == id))
    }

    /// All that are known, those that are not over first, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Callback> {
        self.live.values().map(|record| &record.callback).chain(&self.ended)
    }

    /// Those that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Callback> {
        let live = self.live.values().map(|record| &record.callback);
        live.filter(|callback| callback.state == CallbackState::Waiting)
    }

    /// The one by which this queue calls this number back.
    pub(super) fn of_number(&self, queue: &QueueId, e164: &str) -> Option<CallbackId> {
        self.by_number.get(&(queue.clone(), e164.to_owned())).copied()
    }

    /// How many are not over.
    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// How many of a queue are not over.
    pub(crate) fn promised(&self, queue: &QueueId) -> u32 {
        self.promised.get(queue).copied().unwrap_or_default()
    }
}
