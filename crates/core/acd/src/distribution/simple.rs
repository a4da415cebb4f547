//! First form: right, not yet fast. The interface is the final one.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{
    AgentId, CallId, Millis, QueueId, Skill, Timestamp,
    setup::{QueueSetup, Setup, Strategy},
};
use serde::{Deserialize, Serialize};

use super::{Decision, Explanation, Figures, Placed, Ranked, Reasons, Score, Turn, Unavailable, Waiting};

/// An agent that did not take a call is not asked again for it before this, even if nobody else is there.
const BACK_OFF: Millis = Millis::from_secs(5);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Call {
    waiting: Waiting,
    entered_at: Timestamp,
    offered: Option<Vec<AgentId>>,
    failed: BTreeMap<AgentId, Timestamp>,
    sticky_until: Option<Timestamp>,
    attempts: u32,
    overdue: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Agent {
    skills: BTreeMap<Skill, u8>,
    away: Option<Unavailable>,
    idle_since: Option<Timestamp>,
    calls: u64,
    talk: Millis,
}

/// What a distributor is rebuilt from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    calls: BTreeMap<CallId, Call>,
    agents: BTreeMap<AgentId, Agent>,
    cursors: BTreeMap<QueueId, AgentId>,
    lot: u64,
}

/// Waiting calls × ready agents.
#[derive(Debug)]
pub struct Distributor {
    queues: BTreeMap<QueueId, QueueSetup>,
    teams: BTreeMap<AgentId, BTreeSet<String>>,
    state: State,
}

impl Distributor {
    /// Nobody waits, everybody is logged out.
    #[must_use]
    pub fn new(setup: &Setup, seed: u64) -> Self {
        let state =
            State { calls: BTreeMap::new(), agents: BTreeMap::new(), cursors: BTreeMap::new(), lot: seed };
        Self::restore(setup, state)
    }

    /// The distributor that made this state.
    #[must_use]
    pub fn restore(setup: &Setup, state: State) -> Self {
        let mut new = Self { queues: BTreeMap::new(), teams: BTreeMap::new(), state };
        new.configure(setup);
        new
    }

    /// Everything that is not configuration.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.clone()
    }

    fn configure(&mut self, setup: &Setup) {
        self.queues = setup.queues.iter().map(|q| (q.id.clone(), q.clone())).collect();
        self.teams = setup
            .agents
            .iter()
            .map(|a| (a.id.clone(), a.teams.iter().map(|t| t.as_str().to_owned()).collect()))
            .collect();
        self.state.agents.retain(|id, _| self.teams.contains_key(id));
        for agent in &setup.agents {
            self.state
                .agents
                .entry(agent.id.clone())
                .or_insert(Agent {
                    skills: BTreeMap::new(),
                    away: Some(Unavailable::LoggedOut),
                    idle_since: None,
                    calls: 0,
                    talk: Millis(0),
                })
                .skills = agent.skills.clone();
        }
    }

    /// Takes a new configuration. Waiting calls keep their place; those whose queue is gone are removed and returned.
    pub fn apply(&mut self, _now: Timestamp, setup: &Setup) -> Vec<CallId> {
        self.configure(setup);
        let gone: Vec<CallId> = self
            .state
            .calls
            .iter()
            .filter(|(_, c)| !self.queues.contains_key(&c.waiting.queue))
            .map(|(id, _)| *id)
            .collect();
        for call in &gone {
            self.state.calls.remove(call);
        }
        gone
    }

    /// Puts a call into a queue; none when there is no such queue. A call that is in a queue leaves it.
    pub fn enqueue(&mut self, now: Timestamp, call: CallId, waiting: Waiting) -> Option<Placed> {
        let queue = self.queues.get(&waiting.queue)?;
        let sticky_until = waiting.sticky.as_ref().and_then(|agent| {
            let there = self.state.agents.get(agent)?;
            let kept = there.away.as_ref().is_none_or(Unavailable::is_busy);
            (kept && self.qualifies(agent, queue, &waiting, now)).then_some(now + queue.sticky_wait)
        });
        let call_row = Call {
            waiting,
            entered_at: now,
            offered: None,
            failed: BTreeMap::new(),
            sticky_until,
            attempts: 0,
            overdue: false,
        };
        self.state.calls.insert(call, call_row);
        self.placed(now, call)
    }

    /// Where a call stands; none when it is in no queue.
    #[must_use]
    pub fn placed(&self, now: Timestamp, call: CallId) -> Option<Placed> {
        let row = self.state.calls.get(&call)?;
        let queue = self.queues.get(&row.waiting.queue)?;
        Some(Placed {
            position: self.position(call)?,
            requires: self.requires(queue, &row.waiting, now).0,
            estimated_wait_s: None,
        })
    }

    /// The offer failed: back at the old place, the agents of the offer last. False when the call is not being offered.
    pub fn requeue(&mut self, now: Timestamp, call: CallId) -> bool {
        let Some(row) = self.state.calls.get_mut(&call) else { return false };
        let Some(agents) = row.offered.take() else { return false };
        row.sticky_until = None;
        for agent in agents {
            if let Some(agent) = self.state.agents.get_mut(&agent) {
                agent.idle_since = None;
            }
            row.failed.insert(agent, now + BACK_OFF);
        }
        true
    }

    /// The call left: abandoned, overflowed, taken elsewhere. False when it was in no queue.
    pub fn remove(&mut self, call: CallId) -> bool {
        self.state.calls.remove(&call).is_some()
    }

    /// The call was answered: it leaves, and counts for the estimated wait. False when it was in no queue.
    pub fn answered(&mut self, _now: Timestamp, call: CallId) -> bool {
        self.state.calls.remove(&call).is_some()
    }

    /// The agent takes calls from now on.
    pub fn agent_ready(&mut self, now: Timestamp, agent: &AgentId) {
        if let Some(agent) = self.state.agents.get_mut(agent) {
            agent.away = None;
            agent.idle_since.get_or_insert(now);
        }
    }

    /// The agent takes no calls from now on.
    pub fn agent_unavailable(&mut self, _now: Timestamp, agent: &AgentId, why: Unavailable) {
        let Some(row) = self.state.agents.get_mut(agent) else { return };
        if why != Unavailable::Reserved {
            row.idle_since = None;
        }
        if !why.is_busy() {
            for call in self.state.calls.values_mut().filter(|c| c.waiting.sticky.as_ref() == Some(agent)) {
                call.sticky_until = None;
            }
        }
        row.away = Some(why);
    }

    /// The agent finished a call of this talking time: counts for least-calls and least-occupied.
    pub fn agent_took_call(&mut self, _now: Timestamp, agent: &AgentId, talk: Millis) {
        if let Some(agent) = self.state.agents.get_mut(agent) {
            agent.calls += 1;
            agent.talk = agent.talk + talk;
        }
    }

    /// The agent's skills, until the next configuration.
    pub fn set_skills(&mut self, _now: Timestamp, agent: &AgentId, skills: BTreeMap<Skill, u8>) {
        if let Some(agent) = self.state.agents.get_mut(agent) {
            agent.skills = skills;
        }
    }

    /// Fires what is due. Call [`next`](Self::next) afterwards.
    pub fn tick(&mut self, now: Timestamp) {
        for row in self.state.calls.values_mut() {
            if row.sticky_until.is_some_and(|at| at <= now) {
                row.sticky_until = None;
            }
            let queue = self.queues.get(&row.waiting.queue);
            let limit = queue.and_then(|q| q.max_wait.as_ref()).map(|m| row.entered_at + m.after);
            row.overdue = limit.is_some_and(|at| at <= now);
        }
    }

    /// When [`tick`](Self::tick) is to be called next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let rows = self.state.calls.values().filter(|c| c.offered.is_none());
        rows.flat_map(|row| {
            let queue = self.queues.get(&row.waiting.queue);
            let steps = queue
                .into_iter()
                .flat_map(|q| q.requires.iter())
                .map(|step| row.waiting.enqueued_at + step.after);
            let limit = queue.and_then(|q| q.max_wait.as_ref()).map(|m| row.entered_at + m.after);
            let at = limit.filter(|_| !row.overdue).into_iter();
            at.chain(row.sticky_until).chain(row.failed.values().copied()).chain(steps).collect::<Vec<_>>()
        })
        .min()
    }

    /// The next decision, if there is one: call it until there is none, after every input. An offered call keeps its
    /// place, its agents are reserved.
    pub fn next(&mut self, now: Timestamp) -> Option<Decision> {
        let mut order: Vec<CallId> =
            self.state.calls.iter().filter(|(_, c)| c.offered.is_none()).map(|(id, _)| *id).collect();
        order.sort_by_key(|id| self.key(*id));
        for call in &order {
            if let Some(offer) = self.offer(now, *call) {
                return Some(offer);
            }
        }
        let late = order.into_iter().find(|id| self.state.calls[id].overdue)?;
        let row = self.state.calls.remove(&late)?;
        let then = self.queues.get(&row.waiting.queue)?.max_wait.clone()?.then;
        Some(Decision::Overflow { call: late, queue: row.waiting.queue, then })
    }

    fn offer(&mut self, now: Timestamp, call: CallId) -> Option<Decision> {
        let row = &self.state.calls[&call];
        let queue = self.queues.get(&row.waiting.queue)?.clone();
        let (requires, step) = self.requires(&queue, &row.waiting, now);
        let mut ready: Vec<(AgentId, bool)> = Vec::new();
        for (id, agent) in &self.state.agents {
            let barred = row.failed.get(id).is_some_and(|until| *until > now);
            let kept = row.sticky_until.is_some() && row.waiting.sticky.as_ref() != Some(id);
            if agent.away.is_none() && !barred && !kept && self.qualifies(id, &queue, &row.waiting, now) {
                ready.push((id.clone(), row.failed.contains_key(id)));
            }
        }
        ready.sort_by_key(|(id, failed)| (*failed, self.rank(&queue, id, &requires)));
        let best = ready.first()?.clone();
        let agents: Vec<AgentId> = match queue.strategy {
            Strategy::RingAll => {
                ready.iter().filter(|r| r.1 == best.1).map(|r| r.0.clone()).take(32).collect()
            }
            Strategy::LongestIdle
            | Strategy::LeastCalls
            | Strategy::LeastOccupied
            | Strategy::BestSkill
            | Strategy::RoundRobin
            | Strategy::Random => vec![best.0.clone()],
        };
        let ranked = ready.iter().map(|(id, failed)| Ranked {
            agent: id.clone(),
            score: self.score(now, id, &requires),
            last_resort: *failed,
        });
        let row = &self.state.calls[&call];
        let reasons = Reasons {
            queue: queue.id.clone(),
            strategy: queue.strategy,
            step,
            turn: Turn {
                priority: row.waiting.priority,
                waited: now.since(row.waiting.enqueued_at),
                ageing: queue.ageing,
                attempt: row.attempts + 1,
            },
            sticky: row.waiting.sticky.as_ref() == Some(&best.0),
            ranked: ranked.collect(),
            excluded: Vec::new(),
            members: 0,
            requires,
        };
        self.state.cursors.insert(queue.id.clone(), best.0);
        for agent in &agents {
            if let Some(agent) = self.state.agents.get_mut(agent) {
                agent.away = Some(Unavailable::Reserved);
            }
        }
        let row = self.state.calls.get_mut(&call)?;
        row.offered = Some(agents.clone());
        row.attempts += 1;
        Some(Decision::Offer { call, queue: queue.id, agents, reasons: Box::new(reasons) })
    }

    fn score(&self, now: Timestamp, agent: &AgentId, requires: &BTreeMap<Skill, u8>) -> Score {
        let row = &self.state.agents[agent];
        Score {
            idle: now.since(row.idle_since.unwrap_or(now)),
            calls: row.calls,
            occupancy_ppm: 0,
            skill: requires.keys().map(|s| u32::from(row.skills.get(s).copied().unwrap_or(0))).sum(),
        }
    }

    fn rank(&self, queue: &QueueSetup, agent: &AgentId, requires: &BTreeMap<Skill, u8>) -> (u64, Timestamp) {
        let row = &self.state.agents[agent];
        let since = row.idle_since.unwrap_or_default();
        let first = match queue.strategy {
            Strategy::LongestIdle | Strategy::RingAll => 0,
            Strategy::LeastCalls => row.calls,
            Strategy::LeastOccupied => row.talk.0,
            Strategy::BestSkill => {
                1_000
                    - requires.keys().map(|s| u64::from(row.skills.get(s).copied().unwrap_or(0))).sum::<u64>()
            }
            Strategy::RoundRobin | Strategy::Random => {
                u64::from(self.state.cursors.get(&queue.id).is_some_and(|last| agent <= last))
            }
        };
        (first, since)
    }

    fn key(&self, call: CallId) -> (i64, i64, CallId) {
        let row = &self.state.calls[&call];
        let at = i64::try_from(row.waiting.enqueued_at.as_micros()).unwrap_or(i64::MAX);
        let priority = i64::from(row.waiting.priority);
        match self.queues.get(&row.waiting.queue).and_then(|q| q.ageing) {
            Some(point) => (0, at - priority * i64::try_from(point.0).unwrap_or(0) * 1_000, call),
            None => (-priority, at, call),
        }
    }

    fn requires(&self, queue: &QueueSetup, waiting: &Waiting, now: Timestamp) -> (BTreeMap<Skill, u8>, u32) {
        let waited = now.since(waiting.enqueued_at);
        let step = queue.requires.iter().rposition(|s| s.after <= waited).unwrap_or(0);
        let mut skills = waiting.requires.clone();
        for (skill, level) in queue.requires.get(step).into_iter().flat_map(|s| &s.skills) {
            let asked = skills.entry(skill.clone()).or_insert(0);
            *asked = (*asked).max(*level);
        }
        (skills, u32::try_from(step).unwrap_or(0))
    }

    fn qualifies(&self, agent: &AgentId, queue: &QueueSetup, waiting: &Waiting, now: Timestamp) -> bool {
        let (skills, step) = self.requires(queue, waiting, now);
        let instead = queue.requires.get(step as usize).and_then(|s| s.teams.as_ref());
        let teams = instead.unwrap_or(&queue.members.teams);
        let Some(mine) = self.teams.get(agent) else { return false };
        let member = teams.iter().any(|t| mine.contains(t.as_str()))
            || (instead.is_none() && queue.members.agents.contains(agent));
        let has = &self.state.agents[agent].skills;
        member && skills.iter().all(|(skill, level)| has.get(skill).copied().unwrap_or(0) >= *level)
    }

    /// Place in its queue, from 1, calls being offered included.
    #[must_use]
    pub fn position(&self, call: CallId) -> Option<u32> {
        let queue = &self.state.calls.get(&call)?.waiting.queue;
        let key = self.key(call);
        let ahead = self
            .state
            .calls
            .iter()
            .filter(|(id, c)| c.waiting.queue == *queue && self.key(**id) < key)
            .count();
        u32::try_from(ahead + 1).ok()
    }

    /// A queue's figures.
    #[must_use]
    pub fn figures(&self, now: Timestamp, queue: &QueueId) -> Figures {
        let calls: Vec<&Call> = self.state.calls.values().filter(|c| c.waiting.queue == *queue).collect();
        let longest = calls.iter().map(|c| c.waiting.enqueued_at).min().unwrap_or(now);
        Figures {
            waiting: u32::try_from(calls.len()).unwrap_or(u32::MAX),
            longest_wait_s: now.since(longest).0 / 1_000,
            ..Figures::default()
        }
    }

    /// What would be decided now for a call like this; none when there is no such queue.
    #[must_use]
    pub fn explain(&self, _now: Timestamp, waiting: &Waiting) -> Option<Explanation> {
        let queue = self.queues.get(&waiting.queue)?;
        Some(Explanation { queue: queue.id.clone(), strategy: queue.strategy, steps: Vec::new() })
    }
}
