//! What the distributor is told of a call, and what it answers.

use std::collections::BTreeMap;

use hookswitch_model::{AgentId, CallId, QueueId, Skill, Timestamp, setup::Overflow};
use serde::{Deserialize, Serialize};

use super::reasons::Reasons;

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

/// Why an agent takes no call. The wording of exclusions rests on it, and whether a sticky call waits for the agent:
/// it waits for those who are busy, not for those who are away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unavailable {
    /// Not working.
    LoggedOut,
    /// Working, takes no calls.
    NotReady {
        /// Why: `lunch`, `no_answer`.
        reason: Option<String>,
    },
    /// An offer is out.
    Reserved,
    /// On a call.
    Talking,
    /// On a call, holding the other side.
    Holding,
    /// After a call.
    WrapUp {
        /// Until when, where it ends by itself.
        until: Option<Timestamp>,
    },
    /// Ready, but no device can be reached.
    Device,
}

impl Unavailable {
    /// Whether the agent comes back by itself soon, so that a sticky call waits for it.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        match self {
            Self::Reserved | Self::Talking | Self::Holding | Self::WrapUp { .. } => true,
            Self::LoggedOut | Self::NotReady { .. } | Self::Device => false,
        }
    }
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
    /// The call waited too long. It is no longer in the queue.
    Overflow {
        /// The call.
        call: CallId,
        /// The queue it waited in.
        queue: QueueId,
        /// Where it goes.
        then: Overflow,
    },
}
