//! What came of a run: for queues, for agents, and who got what.

use std::collections::BTreeMap;

use hookswitch_model::{
    AgentId, CallRef, CallbackId, Millis, PbxId, QueueId, Timestamp,
    agent::AgentState,
    callback::CallbackOutcome,
    event::{Event, EventKind},
    ledger::{Ledger, VisitEnd},
    setup::Setup,
};
use serde::Serialize;

use crate::promised::Promised;

/// A call of the record: what it is called stays the same in every run.
pub(crate) type Key = (PbxId, CallRef);

/// One decision of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// The PBX's reference of the call; of the try of a call-back: the caller's, and which try it is.
    pub call: CallRef,
    /// What.
    pub fate: Fate,
}

/// What was decided for a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// A rule put it into a queue.
    Queued {
        /// The rule.
        rule: Option<String>,
        /// The queue.
        queue: QueueId,
    },
    /// An agent was rung.
    Offered {
        /// Who.
        agent: AgentId,
    },
    /// An agent, or somebody else, answered.
    Answered {
        /// Who; none: nobody of the configuration.
        agent: Option<AgentId>,
    },
}

/// A queue's figures over a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct QueueFigures {
    /// Calls that waited in it.
    pub offered: u64,
    /// Calls answered out of it.
    pub answered: u64,
    /// Calls whose callers gave up in it.
    pub abandoned: u64,
    /// Calls that left it otherwise: overflow, fallback.
    pub left: u64,
    /// Mean wait of all of them, in milliseconds.
    pub mean_wait_ms: u64,
    /// Nine in ten waited no longer.
    pub p90_wait_ms: u64,
    /// The longest wait.
    pub longest_wait_ms: u64,
    /// Answered within the target time, of answered and abandoned; none: there were none.
    pub service_level: Option<f64>,
}

/// An agent's figures over a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AgentFigures {
    /// Calls in which the agent talked to the customer.
    pub calls: u64,
    /// Time reserved, talking, holding or after a call, in milliseconds.
    pub busy_ms: u64,
    /// Time logged in, in milliseconds.
    pub logged_in_ms: u64,
    /// The one of the other; none: never logged in.
    pub occupancy: Option<f64>,
}

/// What came of call-backs over a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CallbackFigures {
    /// Promised.
    pub promised: u64,
    /// Customers dialled for it, once or several times each.
    pub dialled: u64,
    /// Customers who talked to an agent.
    pub reached: u64,
    /// Given up: tried in vain as often as the queue tries, expired, forbidden.
    pub failed: u64,
    /// Taken back, or superseded by another call of the customer.
    pub cancelled: u64,
    /// Mean time from the place in line to the conversation, of those who were reached, in milliseconds.
    pub mean_wait_ms: u64,
}

/// The figures of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// By queue.
    pub queues: BTreeMap<QueueId, QueueFigures>,
    /// By agent.
    pub agents: BTreeMap<AgentId, AgentFigures>,
    /// All queues together.
    pub total: QueueFigures,
    /// Call-backs.
    pub callbacks: CallbackFigures,
}

/// What came of the traffic under a configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Run {
    /// Every decision, in order.
    pub decisions: Vec<Decision>,
    /// In figures.
    pub figures: Figures,
    /// Who talked to whom: by the PBX's reference of the call, in the order of joining.
    pub handled_by: BTreeMap<CallRef, Vec<AgentId>>,
    /// Callers who left the record, because something else was decided for them.
    pub simulated: u64,
}

/// A visit to a queue.
struct Stay {
    queue: QueueId,
    wait: Millis,
    end: VisitEnd,
}

/// Reads the events of a run.
#[derive(Default)]
pub(crate) struct Reader {
    decisions: Vec<Decision>,
    stays: Vec<Stay>,
    handled_by: BTreeMap<CallRef, Vec<AgentId>>,
    agents: BTreeMap<AgentId, (AgentFigures, AgentState, Timestamp)>,
    pub(crate) promised: Promised,
    callbacks: CallbackFigures,
    /// Since when customers wait who are being called back.
    waits: BTreeMap<CallbackId, Timestamp>,
    waited_ms: u64,
    last: Timestamp,
}

impl Reader {
    /// Agents as they are when the run begins.
    pub(crate) fn begin(&mut self, agents: impl Iterator<Item = (AgentId, AgentState)>, at: Timestamp) {
        self.last = at;
        for (agent, state) in agents {
            self.agents.insert(agent, (AgentFigures::default(), state, at));
        }
    }

    pub(crate) fn event(&mut self, event: &Event) {
        self.last = self.last.max(event.at);
        self.promised.event(event);
        self.called_back(event);
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other events decide nothing")]
        match &event.kind {
            EventKind::CallQueued { call, queued } => {
                let (rule, queue) = (call.rule.clone(), queued.queue.clone());
                self.decided(event.at, &call.pbx_ref, Fate::Queued { rule, queue });
            }
            EventKind::CallOffered { call, offer } => {
                self.decided(event.at, &call.pbx_ref, Fate::Offered { agent: offer.agent.clone() });
            }
            EventKind::CallAnswered { call, agent, .. } => {
                let agent = agent.as_ref().map(|agent| agent.id.clone());
                self.decided(event.at, &call.pbx_ref, Fate::Answered { agent });
            }
            EventKind::CallEnded { call, ledger } => self.ended(&call.pbx_ref, ledger),
            EventKind::AgentState { agent, to, .. } => self.turned(&agent.id, *to, event.at),
            _ => {}
        }
    }

    fn called_back(&mut self, event: &Event) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others are about no call-back")]
        match &event.kind {
            EventKind::CallbackCreated { .. } => self.callbacks.promised += 1,
            EventKind::CallbackDialled { callback, .. } => {
                self.waits.insert(callback.id, callback.enqueued_at);
            }
            EventKind::CallAnswered { call, .. } => {
                let callback = call.data.get("callback").and_then(|id| id.parse().ok());
                if let Some(since) = callback.and_then(|id: CallbackId| self.waits.remove(&id)) {
                    self.callbacks.reached += 1;
                    self.waited_ms += event.at.since(since).0;
                }
            }
            EventKind::CallbackEnded { callback, outcome, .. } => {
                self.waits.remove(&callback.id);
                self.callbacks.dialled += u64::from(callback.attempts);
                match outcome {
                    CallbackOutcome::Completed => {}
                    CallbackOutcome::Cancelled | CallbackOutcome::Superseded => self.callbacks.cancelled += 1,
                    CallbackOutcome::Failed
                    | CallbackOutcome::Forbidden
                    | CallbackOutcome::QueueGone
                    | CallbackOutcome::Expired => self.callbacks.failed += 1,
                }
            }
            _ => {}
        }
    }

    fn decided(&mut self, at: Timestamp, call: &CallRef, fate: Fate) {
        self.decisions.push(Decision { at, call: self.promised.call(call), fate });
    }

    fn ended(&mut self, call: &CallRef, ledger: &Ledger) {
        for visit in ledger.visits() {
            let wait = visit.to.since(visit.from);
            self.stays.push(Stay { queue: visit.queue.clone(), wait, end: visit.end });
        }
        for agent in &ledger.handled_by {
            self.agents.entry(agent.clone()).or_insert_with(unseen).0.calls += 1;
        }
        self.handled_by.insert(self.promised.call(call), ledger.handled_by.clone());
    }

    fn turned(&mut self, agent: &AgentId, to: AgentState, at: Timestamp) {
        let (figures, state, since) = self.agents.entry(agent.clone()).or_insert_with(unseen);
        book(figures, *state, at.since(*since));
        (*state, *since) = (to, at);
    }

    pub(crate) fn finish(mut self, setup: &Setup, simulated: u64) -> Run {
        let last = self.last;
        for (figures, state, since) in self.agents.values_mut() {
            book(figures, *state, last.since(*since));
            figures.occupancy =
                (figures.logged_in_ms > 0).then(|| figures.busy_ms as f64 / figures.logged_in_ms as f64);
        }
        let within = |queue: &QueueId| {
            let queue = setup.queues.iter().find(|other| other.id == *queue);
            queue.map_or(Millis::from_secs(20), |queue| queue.service_level.within)
        };
        let mut by_queue: BTreeMap<QueueId, Vec<&Stay>> = BTreeMap::new();
        for stay in &self.stays {
            by_queue.entry(stay.queue.clone()).or_default().push(stay);
        }
        let queues = by_queue.iter().map(|(queue, stays)| (queue.clone(), summed(stays, within)));
        let figures = Figures {
            queues: queues.collect(),
            agents: self.agents.into_iter().map(|(agent, (figures, ..))| (agent, figures)).collect(),
            total: summed(&self.stays.iter().collect::<Vec<_>>(), within),
            callbacks: CallbackFigures {
                mean_wait_ms: self.waited_ms.checked_div(self.callbacks.reached).unwrap_or(0),
                ..self.callbacks
            },
        };
        Run { decisions: self.decisions, figures, handled_by: self.handled_by, simulated }
    }
}

fn unseen() -> (AgentFigures, AgentState, Timestamp) {
    (AgentFigures::default(), AgentState::LoggedOut, Timestamp::default())
}

fn book(figures: &mut AgentFigures, state: AgentState, time: Millis) {
    match state {
        AgentState::LoggedOut => return,
        AgentState::Reserved | AgentState::Talking | AgentState::Holding | AgentState::WrapUp => {
            figures.busy_ms += time.0;
        }
        AgentState::NotReady | AgentState::Ready => {}
    }
    figures.logged_in_ms += time.0;
}

fn summed(stays: &[&Stay], within: impl Fn(&QueueId) -> Millis) -> QueueFigures {
    let count = |end: VisitEnd| stays.iter().filter(|stay| stay.end == end).count() as u64;
    let mut waits: Vec<u64> = stays.iter().map(|stay| stay.wait.0).collect();
    waits.sort_unstable();
    let (answered, abandoned) = (count(VisitEnd::Answered), count(VisitEnd::Abandoned));
    let in_time = stays
        .iter()
        .filter(|stay| stay.end == VisitEnd::Answered && stay.wait <= within(&stay.queue))
        .count();
    let decided = answered + abandoned;
    QueueFigures {
        offered: stays.len() as u64,
        answered,
        abandoned,
        left: stays.len() as u64 - decided,
        mean_wait_ms: waits.iter().sum::<u64>().checked_div(waits.len() as u64).unwrap_or(0),
        p90_wait_ms: waits.get(waits.len().saturating_sub(1) * 9 / 10).copied().unwrap_or(0),
        longest_wait_ms: waits.last().copied().unwrap_or(0),
        service_level: (decided > 0).then(|| in_time as f64 / decided as f64),
    }
}
