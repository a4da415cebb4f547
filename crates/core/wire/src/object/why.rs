//! Why a call went where it went, would go where it would, and why an agent has none: JSON, and a page for people.

mod page;

use std::collections::BTreeMap;

use hookswitch_model::{
    self as model, AgentId, CallId, CallbackId, MenuId, QueueId, Skill, TeamId, Timestamp,
    setup::{Rejection, RouteTarget, Strategy},
    why::{Because, Exclusion, MoveReason, MovedTo, Unavailable},
};
use serde::{Deserialize, Serialize};

use crate::{time::Time, words};

/// Why a call went where it went: the decisions in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The call.
    pub call: CallId,
    /// Oldest first; of very many, the first and the last ones.
    pub decisions: Vec<Decision>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Time,
    /// The configuration it was decided under.
    pub config_version: u64,
    /// What, with its reasons.
    #[serde(flatten)]
    pub what: What,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum What {
    /// A rule sent the call somewhere.
    Routed(Routed),
    /// Agents were chosen.
    Offered(Offered),
    /// The call left a queue without an agent.
    Moved(Moved),
    /// The caller was to be called back, and cannot be.
    NotCalledBack(NotCalledBack),
}

/// What the rules said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routed {
    /// The rule that took it; null: no rule did.
    pub rule: Option<String>,
    /// Where to: `{"queue": "support"}`, `{"agent": "alice"}`, `{"transfer": "600"}`, `{"hangup": true}`,
    /// `{"reject": "busy"}`; null: to the PBX's fallback.
    pub to: Option<Goes>,
    /// Its priority there.
    pub priority: i32,
    /// Least levels asked for beside the queue's own.
    pub requires: BTreeMap<Skill, u8>,
    /// Data it attached.
    pub set: BTreeMap<String, String>,
    /// Whom it wants first; null: nobody in particular.
    pub prefer: Option<Prefer>,
    /// How long the call waited for its customer to be known; null: it did not.
    pub waited_for_customer: Option<WaitedForCustomer>,
    /// The rules in the order they were tried; the last took the call, if one did.
    pub tried: Vec<Tried>,
}

/// Where a call goes: exactly one is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goes {
    /// Into a queue.
    Queue(QueueId),
    /// To an agent.
    Agent(AgentId),
    /// To a number of the PBX.
    Transfer(String),
    /// Into a menu of the dialplan.
    Menu(MenuId),
    /// Ended.
    Hangup(bool),
    /// Refused: `busy`, `spam`.
    Reject(String),
    /// Called back.
    Callback(bool),
    /// To the PBX's fallback.
    Fallback(bool),
}

/// An agent who is asked first, then the agent's teams, then everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prefer {
    /// Who.
    pub agent: AgentId,
    /// For how long the agent alone is asked, while busy.
    pub wait_ms: u64,
    /// The agent's teams.
    pub teams: Vec<TeamId>,
    /// For how long after that they alone are asked.
    pub team_wait_ms: u64,
}

/// A call waited for its customer to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitedForCustomer {
    /// How long.
    pub waited_ms: u64,
    /// Whether the answer came in time.
    pub answered: bool,
}

/// One rule that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Its name.
    pub rule: String,
    /// Whether it took the call.
    pub matched: bool,
    /// What in it could not be compared, if anything.
    pub note: Option<String>,
}

/// Why these agents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offered {
    /// The queue.
    pub queue: QueueId,
    /// How it chooses.
    pub strategy: String,
    /// Which step of its requirement was in force, from 0.
    pub step: u32,
    /// The least levels, the route's included.
    pub requires: BTreeMap<Skill, u8>,
    /// Only these teams were asked; empty: everybody.
    pub teams: Vec<TeamId>,
    /// The call's priority.
    pub priority: i32,
    /// How long it had waited.
    pub waited_ms: u64,
    /// A wait of this length counted as a point of priority; null: priorities are strict.
    pub ageing_ms: Option<u64>,
    /// 1 for the first offer, counted on.
    pub attempt: u32,
    /// The call was kept for the chosen agent: the customer's last one, or the one the rule prefers.
    pub kept_for_agent: bool,
    /// Who was ready and qualified: the chosen ones, then the others, best first.
    pub ranked: Vec<Ranked>,
    /// Everybody else, with the one reason. Not listed in very large queues.
    pub excluded: Vec<Excluded>,
    /// How many serve the queue.
    pub members: u32,
}

/// An agent who could have the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Who.
    pub agent: AgentId,
    /// What strategies compare.
    pub score: Score,
    /// Did not take this call before: comes after all others.
    pub last_resort: bool,
}

/// What strategies compare; all parts, whatever the strategy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Idle for so long.
    pub idle_ms: u64,
    /// Calls taken today.
    pub calls: u64,
    /// Share of today's logged-in time spent talking, 0 to 1.
    pub occupancy: f64,
    /// Sum of the levels of the skills asked for.
    pub skill: u32,
}

/// An agent who could not have the call, and the one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// Who.
    pub agent: AgentId,
    /// Why.
    #[serde(flatten)]
    pub why: Reason,
}

/// The one reason why an agent could not have a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// `not_asked`, `other_team`, `skill`, `logged_out`, `not_ready`, `reserved`, `talking`, `holding`, `wrap_up`,
    /// `device`, `declined`, `kept_for_other`.
    pub reason: String,
    /// The same for people: `has billing 2, 5 is asked for`.
    pub text: String,
    /// Until when it holds, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// A call left a queue without an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The queue.
    pub from: QueueId,
    /// Where it went.
    pub to: Goes,
    /// `max_wait`, `queue_gone`, `asked`.
    pub reason: String,
}

/// A caller was to be called back, and cannot be: the call waits on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCalledBack {
    /// The queue.
    pub queue: QueueId,
    /// `withheld`, `no_number`, `not_allowed`, `already`, `too_many`.
    pub reason: String,
    /// The same for people.
    pub text: String,
}

/// How a call would be routed that does not exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// When.
    pub at: Time,
    /// The same by the clock of who asked, else of the configuration's time zone: `2026-12-24T10:00:00+01:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<String>,
    /// The configuration.
    pub config_version: u64,
    /// The rules.
    pub routed: Routed,
    /// Whom the queue would ask, where a rule sends the call to one.
    pub queue: Option<Asks>,
}

/// Whom a queue would ask for a call, by waiting time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asks {
    /// The queue.
    pub queue: QueueId,
    /// How it chooses.
    pub strategy: String,
    /// Calls there that would be served before this one.
    pub ahead: u32,
    /// The agent it would be kept for at first: the customer's last one, or the one the rule prefers.
    pub keeper: Option<Keeper>,
    /// By waiting time.
    pub steps: Vec<Step>,
}

/// The agent a call is kept for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeper {
    /// Who.
    pub agent: AgentId,
    /// For how long, while busy.
    pub wait_ms: u64,
    /// The one reason against it now; null: is asked at once.
    pub why_not: Option<Reason>,
}

/// From one waiting time on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// From this waiting time on.
    pub after_ms: u64,
    /// The least levels, the route's included.
    pub requires: BTreeMap<Skill, u8>,
    /// Only these teams; empty: everybody who serves the queue then.
    pub teams: Vec<TeamId>,
    /// In the order they would be asked.
    pub ranked: Vec<Ranked>,
    /// Everybody else, with the one reason.
    pub excluded: Vec<Excluded>,
}

/// Why an agent has no call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyIdle {
    /// The agent.
    pub agent: AgentId,
    /// The configuration.
    pub config_version: u64,
    /// Why no calls are taken; null: they are.
    pub unavailable: Option<Reason>,
    /// The agent's queues.
    pub queues: Vec<Waiting>,
}

/// What waits in one of an agent's queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The queue.
    pub queue: QueueId,
    /// How many wait, those being offered included.
    pub waiting: u32,
    /// Those that are not being offered, the next one first; of very many the first.
    pub calls: Vec<NotForAgent>,
}

/// A waiting call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotForAgent {
    /// The call.
    pub call: CallId,
    /// The one reason why this agent does not get it; null: another call or agent is before it.
    pub why_not: Option<Reason>,
    /// It is this call-back, and no call yet; not written for a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<CallbackId>,
}

impl From<&model::why::Why> for Why {
    fn from(why: &model::why::Why) -> Self {
        let decision = |decided: &model::why::Decided| Decision {
            at: decided.at.into(),
            config_version: decided.config_version,
            what: match &decided.because {
                Because::Routed(routed) => What::Routed(routed.into()),
                Because::Offered(reasons) => What::Offered((&**reasons).into()),
                Because::Moved(moved) => What::Moved(moved.into()),
                Because::NotCalledBack(not) => What::NotCalledBack(NotCalledBack {
                    queue: not.queue.clone(),
                    reason: words::no_callback(not.reason).to_owned(),
                    text: not.reason.said().to_owned(),
                }),
            },
        };
        Self { call: why.call, decisions: why.decisions.iter().map(decision).collect() }
    }
}

impl From<&model::why::Routed> for Routed {
    fn from(routed: &model::why::Routed) -> Self {
        let tried = |tried: &model::why::Tried| Tried {
            rule: tried.rule.to_string(),
            matched: tried.matched,
            note: tried.note.clone(),
        };
        Self {
            rule: routed.rule.as_ref().map(ToString::to_string),
            to: routed.target.as_ref().map(Goes::from),
            priority: routed.priority,
            requires: routed.requires.clone(),
            set: routed.set.clone(),
            prefer: routed.prefer.as_ref().map(|prefer| Prefer {
                agent: prefer.agent.clone(),
                wait_ms: prefer.wait.0,
                teams: prefer.teams.clone(),
                team_wait_ms: prefer.team_wait.0,
            }),
            waited_for_customer: routed
                .waited
                .map(|waited| WaitedForCustomer { waited_ms: waited.waited.0, answered: waited.answered }),
            tried: routed.tried.iter().map(tried).collect(),
        }
    }
}

impl From<&RouteTarget> for Goes {
    fn from(target: &RouteTarget) -> Self {
        match target {
            RouteTarget::Queue(queue) => Self::Queue(queue.clone()),
            RouteTarget::Agent(agent) => Self::Agent(agent.clone()),
            RouteTarget::Transfer(number) => Self::Transfer(number.clone()),
            RouteTarget::Menu(menu) => Self::Menu(menu.clone()),
            RouteTarget::Hangup => Self::Hangup(true),
            RouteTarget::Reject(Rejection::Busy) => Self::Reject("busy".to_owned()),
            RouteTarget::Reject(Rejection::Spam) => Self::Reject("spam".to_owned()),
        }
    }
}

impl From<&model::why::Moved> for Moved {
    fn from(moved: &model::why::Moved) -> Self {
        let to = match &moved.to {
            MovedTo::Target(target) => target.into(),
            MovedTo::Callback => Goes::Callback(true),
            MovedTo::FallBack => Goes::Fallback(true),
        };
        let reason = match moved.reason {
            MoveReason::MaxWait => "max_wait",
            MoveReason::QueueGone => "queue_gone",
            MoveReason::Asked => "asked",
        };
        Self { from: moved.from.clone(), to, reason: reason.to_owned() }
    }
}

impl From<&model::why::Reasons> for Offered {
    fn from(reasons: &model::why::Reasons) -> Self {
        Self {
            queue: reasons.queue.clone(),
            strategy: strategy(reasons.strategy).to_owned(),
            step: reasons.step,
            requires: (*reasons.requires).clone(),
            teams: reasons.teams.clone(),
            priority: reasons.turn.priority,
            waited_ms: reasons.turn.waited.0,
            ageing_ms: reasons.turn.ageing.map(|ageing| ageing.0),
            attempt: reasons.turn.attempt,
            kept_for_agent: reasons.sticky,
            ranked: reasons.ranked.iter().map(Ranked::from).collect(),
            excluded: reasons.excluded.iter().map(Excluded::from).collect(),
            members: reasons.members,
        }
    }
}

impl From<&model::why::Ranked> for Ranked {
    fn from(ranked: &model::why::Ranked) -> Self {
        let score = ranked.score;
        Self {
            agent: ranked.agent.clone(),
            score: Score {
                idle_ms: score.idle.0,
                calls: score.calls,
                occupancy: model::share(u64::from(score.occupancy_ppm), 1_000_000),
                skill: score.skill,
            },
            last_resort: ranked.last_resort,
        }
    }
}

impl From<&model::why::Excluded> for Excluded {
    fn from(excluded: &model::why::Excluded) -> Self {
        Self { agent: excluded.agent.clone(), why: (&excluded.why).into() }
    }
}

impl From<&Exclusion> for Reason {
    fn from(why: &Exclusion) -> Self {
        let of = |reason: &str, text: String, until: Option<Timestamp>| Self {
            reason: reason.to_owned(),
            text,
            until: until.map(Time),
        };
        match why {
            Exclusion::NotAsked => of("not_asked", "is not asked at this waiting time".to_owned(), None),
            Exclusion::OtherTeam { until } => {
                of("other_team", "is in none of the teams that are asked first".to_owned(), *until)
            }
            Exclusion::Skill { skill, asked, has } => {
                of("skill", format!("has {skill} {has}, {asked} is asked for"), None)
            }
            Exclusion::Failed { until } => {
                of("declined", "did not take this call before".to_owned(), Some(*until))
            }
            Exclusion::Sticky { agent, until } => {
                of("kept_for_other", format!("the call is kept for {agent}"), Some(*until))
            }
            Exclusion::LoggedOut => (&Unavailable::LoggedOut).into(),
            Exclusion::NotReady { because } => (&Unavailable::NotReady { reason: because.clone() }).into(),
            Exclusion::Reserved => (&Unavailable::Reserved).into(),
            Exclusion::Talking => (&Unavailable::Talking).into(),
            Exclusion::Holding => (&Unavailable::Holding).into(),
            Exclusion::WrapUp { until } => (&Unavailable::WrapUp { until: *until }).into(),
            Exclusion::Device => (&Unavailable::Device).into(),
        }
    }
}

impl From<&Unavailable> for Reason {
    fn from(why: &Unavailable) -> Self {
        let (reason, text, until) = match why {
            Unavailable::LoggedOut => ("logged_out", "is logged out".to_owned(), None),
            Unavailable::NotReady { reason: None } => ("not_ready", "is not ready".to_owned(), None),
            Unavailable::NotReady { reason: Some(because) } => {
                ("not_ready", format!("is not ready: {because}"), None)
            }
            Unavailable::Reserved => ("reserved", "is being rung".to_owned(), None),
            Unavailable::Talking => ("talking", "talks".to_owned(), None),
            Unavailable::Holding => ("holding", "holds a call".to_owned(), None),
            Unavailable::WrapUp { until } => ("wrap_up", "wraps a call up".to_owned(), *until),
            Unavailable::Device => ("device", "has no device that can be reached".to_owned(), None),
        };
        Self { reason: reason.to_owned(), text, until: until.map(Time) }
    }
}

impl From<&model::why::Explained> for Explained {
    fn from(explained: &model::why::Explained) -> Self {
        Self {
            at: explained.at.into(),
            local: None,
            config_version: explained.config_version,
            routed: (&explained.routed).into(),
            queue: explained.queue.as_ref().map(Asks::from),
        }
    }
}

impl From<&model::why::Explanation> for Asks {
    fn from(asks: &model::why::Explanation) -> Self {
        let step = |step: &model::why::StepExplained| Step {
            after_ms: step.after.0,
            requires: step.requires.clone(),
            teams: step.teams.clone(),
            ranked: step.ranked.iter().map(Ranked::from).collect(),
            excluded: step.excluded.iter().map(Excluded::from).collect(),
        };
        Self {
            queue: asks.queue.clone(),
            strategy: strategy(asks.strategy).to_owned(),
            ahead: asks.ahead,
            keeper: asks.keeper.as_ref().map(|keeper| Keeper {
                agent: keeper.agent.clone(),
                wait_ms: keeper.wait.0,
                why_not: keeper.why.as_ref().map(Reason::from),
            }),
            steps: asks.steps.iter().map(step).collect(),
        }
    }
}

impl From<&model::why::WhyIdle> for WhyIdle {
    fn from(why: &model::why::WhyIdle) -> Self {
        let call = |one: &model::why::NotForAgent| NotForAgent {
            call: one.call,
            why_not: one.why.as_ref().map(Reason::from),
            callback: one.callback,
        };
        let queue = |queue: &model::why::WaitingFor| Waiting {
            queue: queue.queue.clone(),
            waiting: queue.waiting,
            calls: queue.calls.iter().map(call).collect(),
        };
        Self {
            agent: why.agent.clone(),
            config_version: why.config_version,
            unavailable: why.unavailable.as_ref().map(Reason::from),
            queues: why.queues.iter().map(queue).collect(),
        }
    }
}

/// The contract's word for a strategy.
const fn strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::LongestIdle => "longest-idle",
        Strategy::LeastCalls => "least-calls",
        Strategy::LeastOccupied => "least-occupied",
        Strategy::BestSkill => "best-skill",
        Strategy::RoundRobin => "round-robin",
        Strategy::Random => "random",
        Strategy::RingAll => "ring-all",
    }
}
