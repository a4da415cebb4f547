//! Why: the reasons of decisions that were taken, would be taken, or wait to be taken.
//!
//! The engine keeps a [`Why`] with every call, answers [`Explained`] for a call that does not exist, and [`WhyIdle`]
//! for an agent who has no call.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    AgentId, CallId, CallbackId, Millis, QueueId, Skill, TeamId, Timestamp,
    call::AttachedData,
    setup::{RouteTarget, Strategy},
};

/// Why a call went where it went, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The call.
    pub call: CallId,
    /// What was decided, oldest first; of very many, the first and the last ones.
    pub decisions: VecDeque<Decided>,
}

/// One thing that was decided for a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// When.
    pub at: Timestamp,
    /// The configuration it was decided under.
    pub config_version: u64,
    /// What, with its reasons.
    pub because: Because,
}

/// The reasons of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// A rule sent the call somewhere.
    Routed(Routed),
    /// An agent was chosen.
    Offered(Box<Reasons>),
    /// The call left a queue without an agent.
    Moved(Moved),
    /// The caller was to be called back, and cannot be: the call waits on.
    NotCalledBack(NotCalledBack),
}

/// A caller who cannot be called back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCalledBack {
    /// The queue.
    pub queue: QueueId,
    /// Why not.
    pub reason: NoCallback,
}

/// Why nobody calls a number back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoCallback {
    /// The caller asked not to be shown.
    Withheld,
    /// There is no number that could be dialled from outside.
    NoNumber,
    /// Numbers of that prefix may not be dialled: `outbound_allow`.
    NotAllowed,
    /// The same queue calls it back already.
    Already,
    /// So many are to be called back that no more are kept.
    TooMany,
}

impl NoCallback {
    /// For people.
    #[must_use]
    pub const fn said(self) -> &'static str {
        match self {
            Self::Withheld => "the number is withheld",
            Self::NoNumber => "there is no number that can be dialled",
            Self::NotAllowed => "numbers of that prefix may not be dialled",
            Self::Already => "this number is to be called back already",
            Self::TooMany => "no more call-backs are kept",
        }
    }
}

/// Where a call went that left a queue without an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The queue it waited in.
    pub from: QueueId,
    /// Where it went.
    pub to: MovedTo,
    /// Why.
    pub reason: MoveReason,
}

/// Where a call went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovedTo {
    /// Where a rule can send a call, too.
    Target(RouteTarget),
    /// Nowhere: the caller is called back.
    Callback,
    /// Out of the waiting room, to the PBX's fallback.
    FallBack,
}

/// Why a call left a queue without an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveReason {
    /// It waited for as long as the queue allows.
    MaxWait,
    /// A configuration took over that has no such queue.
    QueueGone,
    /// The caller asked for it by key, or somebody did for the caller.
    Asked,
}

/// Where the rules send a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routed {
    /// The rule that took it; none: no rule did.
    pub rule: Option<Arc<str>>,
    /// Where to; none: no rule took it.
    pub target: Option<RouteTarget>,
    /// Its priority there.
    pub priority: i32,
    /// Skills asked for beside the queue's own.
    pub requires: BTreeMap<Skill, u8>,
    /// Data to attach.
    pub set: AttachedData,
    /// The rules that were tried, in order; the last is the one that took it, if one did.
    pub tried: Vec<Tried>,
    /// The agent the rule wants first, and for how long; none: nobody in particular.
    #[serde(default)]
    pub prefer: Option<Preferred>,
    /// The call waited for its customer, because a rule that reads it was reached; none: it did not.
    #[serde(default)]
    pub waited: Option<WaitedForCustomer>,
}

/// What came of trying one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Its name.
    pub rule: Arc<str>,
    /// Whether it took the call.
    pub matched: bool,
    /// What in it could not be compared, if anything. Such a comparison is false.
    pub note: Option<String>,
}

/// A call that waited for its customer to be known before it was routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitedForCustomer {
    /// How long.
    pub waited: Millis,
    /// Whether the answer came in time; else the call was routed with what was known.
    pub answered: bool,
}

/// The agent a rule wants first, then the agent's teams, then everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferred {
    /// Who.
    pub agent: AgentId,
    /// For how long the agent alone is asked.
    pub wait: Millis,
    /// The agent's teams.
    pub teams: Vec<TeamId>,
    /// For how long after that the teams alone are asked.
    pub team_wait: Millis,
}

/// The part of a decision's reasons that the distributor knows; the routing rule is told by [`Routed`].
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
    /// Only these teams were asked; empty: everybody.
    #[serde(default)]
    pub teams: Vec<TeamId>,
    /// Why it was this call's turn.
    pub turn: Turn,
    /// The call was kept for, and got, one agent: the caller's last one, or the one its rule prefers.
    pub sticky: bool,
    /// The agents that were ready and qualified: the chosen ones, then the others, best first.
    pub ranked: Vec<Ranked>,
    /// One reason for each other member.
    pub excluded: Vec<Excluded>,
    /// How many agents serve the queue at one step or another. In very large queues only the chosen ones are listed.
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
    /// The call is for the teams of the agent its rule prefers.
    OtherTeam {
        /// Until when; none: as long as this step is told of.
        until: Option<Timestamp>,
    },
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
    /// The call waits for one agent.
    Sticky {
        /// The agent it waits for.
        agent: AgentId,
        /// Until when.
        until: Timestamp,
    },
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

/// How a call would be routed that does not exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// When.
    pub at: Timestamp,
    /// The configuration it would be decided under.
    pub config_version: u64,
    /// The rules.
    pub routed: Routed,
    /// The queue's choice, where a rule sends it to one.
    pub queue: Option<Explanation>,
}

/// Whom a queue would ask for a call, by waiting time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The queue.
    pub queue: QueueId,
    /// How it chooses.
    pub strategy: Strategy,
    /// Calls that wait there and would be served before this one.
    #[serde(default)]
    pub ahead: u32,
    /// The agent the call would be kept for at first; none: nobody in particular.
    #[serde(default)]
    pub keeper: Option<Keeper>,
    /// What is asked, by waiting time.
    pub steps: Vec<StepExplained>,
}

/// The one agent a call is kept for: the caller's last one, or the one its rule prefers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeper {
    /// Who.
    pub agent: AgentId,
    /// For how long, while the agent is busy.
    pub wait: Millis,
    /// The one reason why the agent cannot have it now; none: is asked at once.
    pub why: Option<Exclusion>,
}

/// One step of a requirement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepExplained {
    /// From this waiting time on.
    pub after: Millis,
    /// The least levels, the route's included.
    pub requires: BTreeMap<Skill, u8>,
    /// Only these teams are asked; empty: everybody who serves the queue at this step.
    #[serde(default)]
    pub teams: Vec<TeamId>,
    /// Ready and qualified, best first.
    pub ranked: Vec<Ranked>,
    /// Everybody else who serves the queue, with the one reason.
    pub excluded: Vec<Excluded>,
}

/// Why an agent has no call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyIdle {
    /// The agent.
    pub agent: AgentId,
    /// The configuration the queues are those of.
    pub config_version: u64,
    /// Why the agent takes no calls; none: calls are taken.
    pub unavailable: Option<Unavailable>,
    /// Each queue the agent serves.
    pub queues: Vec<WaitingFor>,
}

/// What keeps the calls of a queue from an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingFor {
    /// The queue.
    pub queue: QueueId,
    /// How many wait in it, those being offered included.
    pub waiting: u32,
    /// Those that are not being offered, the one whose turn it is first; of very many the first ones.
    pub calls: Vec<NotForAgent>,
}

/// A waiting call that an agent does not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotForAgent {
    /// The call.
    pub call: CallId,
    /// The one reason; none: the agent could have it, and another call or another agent is before it.
    pub why: Option<Exclusion>,
    /// It is a call-back, and no call yet.
    #[serde(default)]
    pub callback: Option<CallbackId>,
}
