//! Why a call went where it went.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_model::{AgentId, CallId, Millis, QueueId, Skill, Timestamp, setup::Strategy};
use serde::{Deserialize, Serialize};

/// The part of a decision's reasons that the distributor knows; the routing rule is told by
/// [`Routed`](crate::routing::Routed).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reasons {
    /// The queue.
    pub queue: QueueId,
    /// How it chooses.
    pub strategy: Strategy,
    /// Which step of the queue's requirement was in force, from 0.
    pub step: u32,
    /// The least levels asked for, the route's included.
    pub requires: Arc<BTreeMap<Skill, u8>>,
    /// Why it was this call's turn.
    pub turn: Turn,
    /// The call was kept for, and got, the caller's last agent.
    pub sticky: bool,
    /// The agents that were ready and qualified: the chosen ones, then the others, best first.
    pub ranked: Vec<Ranked>,
    /// One reason for each other member.
    pub excluded: Vec<Excluded>,
    /// How many agents serve the queue at one step or another. Above
    /// [`MEMBERS_EXPLAINED`](super::MEMBERS_EXPLAINED) only the chosen ones are listed.
    pub members: u32,
}

/// Why it was a call's turn: the parts of its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The call's priority.
    pub priority: i32,
    /// How long it had waited.
    pub waited: Millis,
    /// A point of priority counted as this much waiting; none: priorities are strict.
    pub ageing: Option<Millis>,
    /// 1 for the first offer, counted on.
    pub attempt: u32,
}

/// An agent that could have had the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranked {
    /// Who.
    pub agent: AgentId,
    /// What the strategy compared.
    pub score: Score,
    /// Did not answer or declined this call before: comes after all others.
    pub last_resort: bool,
}

/// What strategies compare. All parts are given whatever the strategy: a reader sees what another would have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Idle for this long.
    pub idle: Millis,
    /// Calls taken today.
    pub calls: u64,
    /// Share of today's logged-in time spent talking, in millionths, as of getting ready.
    pub occupancy_ppm: u32,
    /// Sum of the levels of the skills asked for.
    pub skill: u32,
}

/// A member who could not have the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// Who.
    pub agent: AgentId,
    /// The one reason.
    pub why: Exclusion,
}

/// Why a member could not have a call. The first that applies is told, in this order of the variants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Exclusion {
    /// Serves the queue at another step, not at this one.
    NotAsked,
    /// A level is too low.
    Skill {
        /// Which.
        skill: Skill,
        /// The level asked for.
        asked: u8,
        /// The level the agent has; 0: none.
        has: u8,
    },
    /// Not working.
    LoggedOut,
    /// Working, takes no calls.
    NotReady {
        /// Why.
        because: Option<String>,
    },
    /// An offer of another call is out.
    Reserved,
    /// On a call.
    Talking,
    /// On a call, holding.
    Holding,
    /// After a call.
    WrapUp {
        /// Until when.
        until: Option<Timestamp>,
    },
    /// No device can be reached.
    Device,
    /// Did not answer or declined this call, and is not asked again before then.
    Failed {
        /// When it may be asked again, if nobody else can be.
        until: Timestamp,
    },
    /// The call waits for its sticky agent.
    Sticky {
        /// The agent it waits for.
        agent: AgentId,
        /// Until when.
        until: Timestamp,
    },
}

/// Routing a call that does not exist: what would be decided now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The queue.
    pub queue: QueueId,
    /// How it chooses.
    pub strategy: Strategy,
    /// What is asked, by waiting time.
    pub steps: Vec<StepExplained>,
}

/// One step of a requirement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepExplained {
    /// From this waiting time on.
    pub after: Millis,
    /// The least levels, the route's included.
    pub requires: BTreeMap<Skill, u8>,
    /// Ready and qualified, best first.
    pub ranked: Vec<Ranked>,
    /// Everybody else who serves the queue, with the one reason.
    pub excluded: Vec<Excluded>,
}

/// Why an agent has no call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyIdle {
    /// Why the agent takes no calls; none: calls are taken.
    pub away: Option<super::Unavailable>,
    /// The agent's queues in which somebody waits.
    pub queues: Vec<WaitingFor>,
}

/// What keeps the next call of a queue from an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingFor {
    /// The queue.
    pub queue: QueueId,
    /// How many wait in it, those being offered included.
    pub waiting: u32,
    /// The call whose turn is next.
    pub next: CallId,
    /// Why the agent does not get it; none: it is about to be offered.
    pub why: Option<Exclusion>,
}
