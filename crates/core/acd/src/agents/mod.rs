//! Agents: what they asked for, what they are busy with, and the state that follows.
//!
//! ```text
//!            asked for                 evidence comes and goes                     time
//!  ┌────────────────────────────┐
//!  │ logged_out ⇄ not_ready ⇄   │  offer out     leg up        all legs held
//!  │             ready          │ ──────────▶ reserved ──▶ talking ⇄ holding
//!  │   (the base state)         │                │             │
//!  │                            │ ◀──────────────┘             │ last leg left
//!  │                            │   offer over                 ▼
//!  │                            │ ◀──────────────────────── wrap_up ◀── asked for
//!  └────────────────────────────┘   over, or ended by asking
//! ```
//!
//! A state is never set: it is read off the record ([`AgentRecord::view`]), the first that applies of
//!
//! 1. `talking`: a leg of the agent is off the hook and holds nobody;
//! 2. `holding`: all such legs hold;
//! 3. `reserved`: an offer is out;
//! 4. `wrap_up`: until its time is over or the agent asks for something else;
//! 5. the base state, which is what was asked for last.
//!
//! So a busy state cannot outlive its evidence. What is asked for while busy is kept as `next` and becomes the base
//! state when call and wrap-up are over.

mod change;
mod commands;
mod record;

use std::collections::BTreeMap;

use hookswitch_model::{AgentId, PbxId, call::Address};
use serde::{Deserialize, Serialize};

pub(crate) use change::{EVIDENCE_GONE, NO_ANSWER, UNREACHABLE};
pub(crate) use record::{AgentRecord, Base, Change, LeaseKind};

/// The agents, found by id, by device and by extension.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<AgentRecord>", into = "Vec<AgentRecord>")]
pub(crate) struct AgentBook {
    agents: BTreeMap<AgentId, AgentRecord>,
    by_device: BTreeMap<(PbxId, Address), AgentId>,
    by_extension: BTreeMap<(PbxId, String), AgentId>,
}

impl From<AgentBook> for Vec<AgentRecord> {
    fn from(book: AgentBook) -> Self {
        book.agents.into_values().collect()
    }
}

impl From<Vec<AgentRecord>> for AgentBook {
    fn from(records: Vec<AgentRecord>) -> Self {
        let mut book = Self {
            agents: records.into_iter().map(|record| (record.agent.id.clone(), record)).collect(),
            ..Self::default()
        };
        book.index();
        book
    }
}

impl AgentBook {
    /// Enters an agent, or replaces it. [`AgentBook::index`] makes it findable.
    pub(crate) fn insert(&mut self, record: AgentRecord) {
        self.agents.insert(record.agent.id.clone(), record);
    }

    /// Takes an agent out.
    pub(crate) fn remove(&mut self, id: &AgentId) -> Option<AgentRecord> {
        self.agents.remove(id)
    }

    /// Makes the agents findable by device and extension. Of two agents with the same, the first by id is found.
    pub(crate) fn index(&mut self) {
        self.by_device.clear();
        self.by_extension.clear();
        for (id, record) in self.agents.iter().rev() {
            for device in &record.agent.devices {
                self.by_device.insert((record.pbx.clone(), device.address.clone()), id.clone());
            }
            if let Some(extension) = &record.extension {
                self.by_extension.insert((record.pbx.clone(), extension.clone()), id.clone());
            }
        }
    }

    /// An agent.
    pub(crate) fn get(&self, id: &AgentId) -> Option<&AgentRecord> {
        self.agents.get(id)
    }

    /// An agent, to change it.
    pub(crate) fn get_mut(&mut self, id: &AgentId) -> Option<&mut AgentRecord> {
        self.agents.get_mut(id)
    }

    /// All agents, by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &AgentRecord> {
        self.agents.values()
    }

    /// The agents of a PBX, by id.
    pub(crate) fn on(&self, pbx: &PbxId) -> Vec<AgentId> {
        self.agents.values().filter(|r| r.pbx == *pbx).map(|r| r.agent.id.clone()).collect()
    }

    /// Whose device this is.
    pub(crate) fn by_device(&self, pbx: &PbxId, address: &Address) -> Option<&AgentId> {
        self.by_device.get(&(pbx.clone(), address.clone()))
    }

    /// Who is reached by this number: an agent's extension, or what only a device's address tells.
    pub(crate) fn by_number(&self, pbx: &PbxId, number: &str) -> Option<&AgentId> {
        self.by_extension.get(&(pbx.clone(), number.to_owned()))
    }
}
