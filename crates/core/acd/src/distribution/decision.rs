//! What the distributor is told of a call, and what it answers.

use std::collections::BTreeMap;

use hookswitch_model::{
    AgentId, CallId, Millis, QueueId, Skill, Timestamp,
    setup::Overflow,
    why::{Preferred, Reasons},
};
use serde::{Deserialize, Serialize};

/// A call that is to wait in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The queue.
    pub queue: QueueId,
    /// Higher is served first.
    pub priority: i32,
    /// Since when the caller waits, over all queues: decides the place, and how far the requirement is loosened.
    pub enqueued_at: Timestamp,
    /// Skills the route asks for beside the queue's own. They are never loosened.
    pub requires: BTreeMap<Skill, u8>,
    /// The agent to try first. Not a member, or short of a skill: it is ignored.
    pub sticky: Option<AgentId>,
    /// The agent a rule wants first, before [`sticky`](Self::sticky), and then the agent's teams.
    #[serde(default)]
    pub prefer: Option<Preferred>,
    /// Who or what stands in line.
    #[serde(default)]
    pub claimant: Claimant,
}

/// Who or what stands in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claimant {
    /// A caller, for as long as the queue lets callers wait.
    #[default]
    Caller,
    /// A caller who was to be called back and cannot be: waits for as long as it takes.
    Stays,
    /// A call-back, for which the caller need not wait: one agent is asked at a time, because one dials.
    Callback,
}

impl Waiting {
    /// The agent to try first, and for how long; `otherwise` is how long a queue waits for a sticky one.
    pub(super) fn keeper(&self, otherwise: Millis) -> Option<(&AgentId, Millis)> {
        match &self.prefer {
            Some(prefer) => Some((&prefer.agent, prefer.wait)),
            None => Some((self.sticky.as_ref()?, otherwise)),
        }
    }
}

/// Where a call stands, as `call.queued` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Place in the queue, from 1, calls that are being offered included.
    pub position: u32,
    /// The least levels asked for now.
    pub requires: BTreeMap<Skill, u8>,
    /// Seconds until an answer; none before the queue has answered twice.
    pub estimated_wait_s: Option<u64>,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Ring these agents for this call. The agents are reserved; the call keeps its place until it is
    /// [answered](super::Distributor::answered), [removed](super::Distributor::remove) or
    /// [requeued](super::Distributor::requeue).
    Offer {
        /// The call.
        call: CallId,
        /// Its queue.
        queue: QueueId,
        /// Who is rung; several only for ring-all.
        agents: Vec<AgentId>,
        /// Why so.
        reasons: Box<Reasons>,
    },
    /// The call waited too long. It is no longer in the queue; where it is to be called back, it is there until the
    /// [call-back stands in](super::Distributor::stand_in) for it, and does not overflow again.
    Overflow {
        /// The call.
        call: CallId,
        /// The queue it waited in.
        queue: QueueId,
        /// Where it goes.
        then: Overflow,
    },
}
