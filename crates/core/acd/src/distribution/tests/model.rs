//! The rules of the distributor in the plainest form: look at every call, look at every agent, sort.

use std::{cmp::Reverse, collections::BTreeMap};

use hookswitch_model::{
    AgentId, CallId, Millis, QueueId, Skill, Timestamp,
    setup::{AgentSetup, Overflow, QueueSetup, Setup, Strategy},
};

use super::super::{BACK_OFF, Claimant, RING_ALL, Unavailable, Waiting, choose::draw, demand::both};

/// What was decided, without reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decided {
    Offer(CallId, Vec<AgentId>),
    Overflow(CallId, Overflow),
}

#[derive(Debug, Clone)]
struct Call {
    waiting: Waiting,
    entered_at: Timestamp,
    kept_until: Option<Timestamp>,
    teams_until: Option<Timestamp>,
    offered: Option<Vec<AgentId>>,
    failed: BTreeMap<AgentId, Timestamp>,
}

#[derive(Debug, Clone, Default)]
struct Agent {
    away: Option<Unavailable>,
    idle_since: Option<Timestamp>,
    /// Calls today and occupancy as of getting ready.
    standing: (u64, u128),
    took: Vec<(Timestamp, Millis)>,
    logged_in: Vec<(Timestamp, Option<Timestamp>)>,
    changed: Option<(BTreeMap<Skill, u8>, BTreeMap<Skill, u8>)>,
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    setup: Setup,
    configured: BTreeMap<AgentId, AgentSetup>,
    calls: BTreeMap<CallId, Call>,
    agents: BTreeMap<AgentId, Agent>,
    cursors: BTreeMap<QueueId, AgentId>,
    lot: u64,
}

impl Model {
    pub(super) fn new(setup: &Setup, seed: u64) -> Self {
        let nobody = Setup::default();
        let mut new = Self {
            setup: nobody,
            configured: BTreeMap::new(),
            calls: BTreeMap::new(),
            agents: BTreeMap::new(),
            cursors: BTreeMap::new(),
            lot: seed,
        };
        new.apply(Timestamp::default(), setup);
        new
    }

    pub(super) fn apply(&mut self, now: Timestamp, setup: &Setup) -> Vec<CallId> {
        self.setup = setup.clone();
        self.configured = setup.agents.iter().map(|agent| (agent.id.clone(), agent.clone())).collect();
        self.agents.retain(|id, _| setup.agents.iter().any(|agent| agent.id == *id));
        for agent in &setup.agents {
            let new = Agent { away: Some(Unavailable::LoggedOut), ..Agent::default() };
            let row = self.agents.entry(agent.id.clone()).or_insert(new);
            row.changed = row.changed.take().filter(|(configured, _)| *configured == agent.skills);
        }
        let known = |id: &QueueId| setup.queues.iter().any(|queue| queue.id == *id);
        let gone: Vec<CallId> =
            self.calls.iter().filter(|(_, c)| !known(&c.waiting.queue)).map(|(id, _)| *id).collect();
        self.calls.retain(|id, _| !gone.contains(id));
        self.cursors.retain(|id, _| known(id));
        for call in self.calls.values_mut() {
            call.failed.retain(|agent, _| self.agents.contains_key(agent));
            if let Some(offered) = &mut call.offered {
                offered.retain(|agent| self.agents.contains_key(agent));
            }
        }
        self.give_up_sticky(now);
        gone
    }

    fn queue(&self, id: &QueueId) -> &QueueSetup {
        self.setup.queues.iter().find(|queue| queue.id == *id).unwrap()
    }

    fn skills(&self, id: &AgentId) -> &BTreeMap<Skill, u8> {
        self.agents[id].changed.as_ref().map_or(&self.configured[id].skills, |(_, now)| now)
    }

    /// What is asked now, and the number of the step.
    fn asked(&self, now: Timestamp, call: &Call) -> (BTreeMap<Skill, u8>, usize) {
        let queue = self.queue(&call.waiting.queue);
        let waited = now.since(call.waiting.enqueued_at);
        let step = queue.requires.iter().rposition(|step| step.after <= waited).unwrap_or(0);
        let own = queue.requires.get(step).map(|step| step.skills.clone()).unwrap_or_default();
        (both(&own, &call.waiting.requires), step)
    }

    fn qualifies(&self, now: Timestamp, id: &AgentId, call: &Call) -> bool {
        let queue = self.queue(&call.waiting.queue);
        let (asked, step) = self.asked(now, call);
        let instead = queue.requires.get(step).and_then(|step| step.teams.as_ref());
        let teams = instead.unwrap_or(&queue.members.teams);
        let by_team = self.configured[id].teams.iter().any(|team| teams.contains(team));
        let by_name = instead.is_none() && queue.members.agents.contains(id);
        let has = |skill: &Skill| self.skills(id).get(skill).copied().unwrap_or(0);
        let only = call.teams_until.is_some_and(|until| now < until);
        let wanted = call.waiting.prefer.iter().flat_map(|prefer| &prefer.teams).collect::<Vec<_>>();
        if only && !self.configured[id].teams.iter().any(|team| wanted.contains(&team)) {
            return false;
        }
        (by_team || by_name) && asked.iter().all(|(skill, least)| has(skill) >= *least)
    }

    fn keeps(&self, now: Timestamp, id: &AgentId, call: &Call) -> bool {
        let Some(agent) = self.agents.get(id) else { return false };
        agent.away.as_ref().is_none_or(Unavailable::is_busy) && self.qualifies(now, id, call)
    }

    fn give_up_sticky(&mut self, now: Timestamp) {
        for id in self.calls.keys().copied().collect::<Vec<_>>() {
            let call = &self.calls[&id];
            let (Some(until), Some(agent)) = (call.kept_until, call.keeper()) else { continue };
            // A call that is being offered to its sticky agent is decided about when it comes back.
            if call.offered.is_none() && (until <= now || !self.keeps(now, agent, call)) {
                self.calls.get_mut(&id).unwrap().kept_until = None;
            }
        }
    }

    pub(super) fn enqueue(&mut self, now: Timestamp, id: CallId, waiting: Waiting) {
        let mut call = Call {
            waiting,
            entered_at: now,
            kept_until: None,
            teams_until: None,
            offered: None,
            failed: BTreeMap::new(),
        };
        let prefer = call.waiting.prefer.clone();
        let sticky_wait = self.queue(&call.waiting.queue).sticky_wait;
        let mut wait = prefer.as_ref().map_or(sticky_wait, |prefer| prefer.wait);
        if let Some(agent) = call.keeper().cloned() {
            if self.agents.get(&agent).is_some_and(|agent| agent.away.is_none()) {
                wait = wait.max(Millis(1));
            }
            if wait > Millis(0) && self.keeps(now, &agent, &call) {
                call.kept_until = Some(now + wait);
            }
        }
        if let Some(prefer) = prefer.filter(|prefer| prefer.team_wait > Millis(0) && !prefer.teams.is_empty())
        {
            let until = call.kept_until.unwrap_or(now) + prefer.team_wait;
            let asked = Call { teams_until: Some(until), ..call.clone() };
            if self.agents.keys().any(|id| self.keeps(now, id, &asked)) {
                call = asked;
            }
        }
        self.calls.insert(id, call);
    }

    pub(super) fn requeue(&mut self, now: Timestamp, id: CallId) -> bool {
        let Some(call) = self.calls.get_mut(&id) else { return false };
        let Some(agents) = call.offered.take() else { return false };
        call.kept_until = None;
        for id in agents {
            if let Some(agent) = self.agents.get_mut(&id) {
                agent.idle_since = None;
                call.failed.insert(id, now + BACK_OFF);
            }
        }
        self.rank_anew(now);
        true
    }

    fn rank_anew(&mut self, now: Timestamp) {
        for agent in
            self.agents.values_mut().filter(|agent| agent.away.is_none() && agent.idle_since.is_none())
        {
            agent.idle_since = Some(now);
            agent.standing = agent.measure(now);
        }
    }

    pub(super) fn stand_in(&mut self, id: CallId, with: CallId) -> bool {
        let Some(mut call) = self.calls.remove(&id) else { return false };
        let waits = call.offered.is_none();
        if waits {
            call.waiting.claimant = Claimant::Callback;
        }
        self.calls.insert(if waits { with } else { id }, call);
        waits
    }

    pub(super) fn remove(&mut self, id: CallId) -> bool {
        self.calls.remove(&id).is_some()
    }

    pub(super) fn agent_ready(&mut self, now: Timestamp, id: &AgentId) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        if agent.away.is_some() {
            agent.log(now, true);
            agent.away = None;
            agent.idle_since.get_or_insert(now);
            agent.standing = agent.measure(now);
        }
    }

    pub(super) fn agent_unavailable(&mut self, now: Timestamp, id: &AgentId, why: Unavailable) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        agent.log(now, why != Unavailable::LoggedOut);
        if !matches!(why, Unavailable::Reserved | Unavailable::Device) {
            agent.idle_since = None;
        }
        agent.away = Some(why);
        self.give_up_sticky(now);
    }

    pub(super) fn agent_took_call(&mut self, now: Timestamp, id: &AgentId, talk: Millis) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        agent.took.push((now, talk));
        if agent.away.is_none() {
            agent.standing = agent.measure(now);
        }
    }

    pub(super) fn set_skills(&mut self, now: Timestamp, id: &AgentId, skills: BTreeMap<Skill, u8>) {
        if !self.agents.contains_key(id) {
            return;
        }
        let configured = self.configured[id].skills.clone();
        self.agents.get_mut(id).unwrap().changed = (configured != skills).then_some((configured, skills));
        self.give_up_sticky(now);
    }

    fn key(&self, id: CallId) -> (i64, i64, CallId) {
        let waiting = &self.calls[&id].waiting;
        let arrived = i64::try_from(waiting.enqueued_at.as_micros()).unwrap();
        match self.queue(&waiting.queue).ageing {
            Some(point) => {
                (0, arrived - i64::from(waiting.priority) * i64::try_from(point.0).unwrap() * 1_000, id)
            }
            None => (-i64::from(waiting.priority), arrived, id),
        }
    }

    fn in_turn(&self) -> Vec<CallId> {
        let mut open: Vec<CallId> =
            self.calls.iter().filter(|(_, call)| call.offered.is_none()).map(|(id, _)| *id).collect();
        open.sort_by_key(|id| self.key(*id));
        open
    }

    pub(super) fn next(&mut self, now: Timestamp) -> Option<Decided> {
        self.give_up_sticky(now);
        for id in self.in_turn() {
            let agents = self.choose(now, id);
            if agents.is_empty() {
                continue;
            }
            for agent in &agents {
                self.agents.get_mut(agent).unwrap().away = Some(Unavailable::Reserved);
            }
            let queue = self.calls[&id].waiting.queue.clone();
            if self.queue(&queue).strategy == Strategy::RoundRobin {
                self.cursors.insert(queue, agents[0].clone());
            }
            self.calls.get_mut(&id).unwrap().offered = Some(agents.clone());
            return Some(Decided::Offer(id, agents));
        }
        let late = |id: &CallId| {
            let call = &self.calls[id];
            let limit = self.queue(&call.waiting.queue).max_wait.as_ref()?;
            if call.waiting.claimant != Claimant::Caller {
                return None;
            }
            (call.entered_at + limit.after <= now).then(|| (*id, limit.then.clone()))
        };
        let (id, then) = self.in_turn().iter().find_map(late)?;
        if then == Overflow::Callback {
            self.calls.get_mut(&id).unwrap().waiting.claimant = Claimant::Stays;
        } else {
            self.calls.remove(&id);
        }
        Some(Decided::Overflow(id, then))
    }

    fn choose(&mut self, now: Timestamp, id: CallId) -> Vec<AgentId> {
        let call = &self.calls[&id];
        let mut able: Vec<AgentId> = Vec::new();
        for (agent, row) in &self.agents {
            let kept_for_another = call.kept_until.is_some() && call.keeper() != Some(agent);
            let barred = call.failed.get(agent).is_some_and(|until| *until > now);
            if row.away.is_none() && !kept_for_another && !barred && self.qualifies(now, agent, call) {
                able.push(agent.clone());
            }
        }
        if able.iter().any(|agent| !call.failed.contains_key(agent)) {
            able.retain(|agent| !call.failed.contains_key(agent));
        }
        if call.kept_until.is_some() || able.is_empty() {
            return able;
        }
        let queue = self.queue(&call.waiting.queue);
        let (asked, _) = self.asked(now, call);
        let since = |id: &AgentId| self.agents[id].idle_since;
        let sum = |id: &AgentId| -> u32 {
            asked.keys().map(|skill| u32::from(self.skills(id).get(skill).copied().unwrap_or(0))).sum()
        };
        let strategy = queue.strategy;
        match strategy {
            Strategy::LongestIdle | Strategy::RingAll => able.sort_by_key(|id| (since(id), id.clone())),
            Strategy::LeastCalls => {
                able.sort_by_key(|id| (self.agents[id].standing.0, since(id), id.clone()));
            }
            Strategy::LeastOccupied => {
                able.sort_by_key(|id| (self.agents[id].standing.1, since(id), id.clone()));
            }
            Strategy::BestSkill => able.sort_by_key(|id| (Reverse(sum(id)), since(id), id.clone())),
            Strategy::RoundRobin => {
                let cursor = self.cursors.get(&queue.id);
                able.sort_by_key(|id| (cursor.is_some_and(|last| id <= last), id.clone()));
            }
            Strategy::Random => {
                let n = draw(&mut self.lot, able.len());
                able.swap(0, n);
            }
        }
        let dials = call.waiting.claimant == Claimant::Callback;
        let most = if strategy == Strategy::RingAll && !dials { RING_ALL } else { 1 };
        able.truncate(most);
        able
    }

    /// Each call's place in its queue, by id, those being offered included.
    pub(super) fn places(&self) -> BTreeMap<CallId, u32> {
        let place = |id: &CallId| {
            let queue = &self.calls[id].waiting.queue;
            let ahead = self
                .calls
                .iter()
                .filter(|(other, call)| call.waiting.queue == *queue && self.key(**other) < self.key(*id));
            u32::try_from(ahead.count() + 1).unwrap()
        };
        self.calls.keys().map(|id| (*id, place(id))).collect()
    }

    pub(super) fn ready(&self) -> usize {
        self.agents.values().filter(|agent| agent.away.is_none()).count()
    }
}

impl Call {
    fn keeper(&self) -> Option<&AgentId> {
        self.waiting.prefer.as_ref().map(|prefer| &prefer.agent).or(self.waiting.sticky.as_ref())
    }
}

impl Agent {
    fn log(&mut self, now: Timestamp, is: bool) {
        match (self.logged_in.last_mut(), is) {
            (None | Some((_, Some(_))), true) => self.logged_in.push((now, None)),
            (Some((_, end @ None)), false) => *end = Some(now),
            (None | Some((_, Some(_))), false) | (Some((_, None)), true) => {}
        }
    }

    /// Calls and occupancy since midnight UTC.
    fn measure(&self, now: Timestamp) -> (u64, u128) {
        let midnight = Timestamp::from_micros(now.as_micros() / 86_400_000_000 * 86_400_000_000);
        let today: Vec<Millis> =
            self.took.iter().filter(|(at, _)| *at >= midnight).map(|(_, t)| *t).collect();
        let here =
            |(from, to): &(Timestamp, Option<Timestamp>)| to.unwrap_or(now).since((*from).max(midnight)).0;
        let logged_in: u64 = self.logged_in.iter().map(here).sum();
        let talk: u64 = today.iter().map(|talk| talk.0).sum();
        let share = u128::from(talk) * 1_000_000 / u128::from(logged_in.max(1));
        (u64::try_from(today.len()).unwrap(), share.min(1_000_000))
    }
}
