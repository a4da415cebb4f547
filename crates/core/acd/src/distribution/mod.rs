//! Waiting calls × ready agents: who serves whom, decided without looking at all calls or all agents.
//!
//! # How
//!
//! Calls that ask the same of the same agents are alike to agents: they share a *profile* (queue, step of its
//! requirement, skills the route adds), and wait there in order of their keys. Whom a profile matches
//! is computed when the configuration or an agent's skills change, as one row of bits for each agent. So
//!
//! - an **agent who gets ready** compares the first calls of the profiles in its row: one sweep over an array;
//! - a **call that arrives** asks its profile's order of ready agents for the best;
//! - a **requirement that loosens** with time is a timer that moves the call to the next profile, where its unchanged
//!   key gives it its place among those who wait there already.
//!
//! Between two inputs there is no pair of a ready agent and a waiting call that could be joined. An input that makes
//! one possible is followed by calls of [`next`](Distributor::next) until it answers none; each takes the call whose
//! turn it is among all that can be served, then the agent its queue's strategy prefers. Nothing is polled.
//!
//! # Rules
//!
//! - The smallest key first: strict priority, or priority with ageing, then age, then the id of the call.
//! - An agent who did not take a call is asked again for it only when nobody else is ready, and not before
//!   [`BACK_OFF`] has passed. Meanwhile the agent takes other calls.
//! - A call with a sticky agent who is ready or busy waits for that agent alone, at its place, until the queue's
//!   `sticky_wait` has passed or the agent goes away; then for everybody. Where a rule prefers an agent, that agent
//!   comes before the sticky one, and the agent's teams are asked alone for a while before everybody is, if anybody of
//!   them who qualifies is ready or busy.
//! - An agent takes one call at a time.
//!
//! # It refuses to know
//!
//! What a call is beyond its key and demand, what an offer is beyond its agents, and any PBX. It does not see agents'
//! states, it is told [`Unavailable`].
//!
//! # Invariants
//!
//! - The same calls of the same methods give the same decisions, also after [`state`](Distributor::state) and
//!   [`restore`](Distributor::restore): nothing depends on internal numbers, all ties are broken by ids.
//! - A call is open, kept for one agent, or offered; in exactly one of these places.

mod bits;
mod choose;
mod clock;
mod decision;
mod demand;
mod explain;
mod line;
mod order;
mod pace;
mod ready;
mod roster;
mod state;
#[cfg(test)]
mod tests;
mod timers;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{AgentId, CallId, Millis, QueueId, Skill, TeamId, Timestamp, why::Unavailable};

pub use decision::{Claimant, Decision, Placed, Waiting};
pub use state::State;

use demand::{Profiles, Queue, QueueNumbers, Skilled};
use line::InLine;
use order::AgentNo;
use pace::Crew;
use ready::Ready;
use roster::Roster;
use timers::Timers;
use waiting::{Call, CallNo, Calls, Failed, Key, Place};

/// An agent who did not take a call is not asked again for it before this, even if nobody else is there.
pub const BACK_OFF: Millis = Millis::from_secs(5);

/// A decision lists why each other member was left out in queues of up to this many members. In larger ones the list
/// would take longer than the decision; [`Distributor::explain`] makes it there, on request.
pub const MEMBERS_EXPLAINED: usize = 64;

/// Ring-all rings at most this many agents at once, the longest idle.
pub const RING_ALL: usize = 32;

/// Waiting calls × ready agents. See the [module](self).
#[derive(Debug, Clone)]
pub struct Distributor {
    queues: Vec<Queue>,
    queue_numbers: QueueNumbers,
    roster: Roster,
    profiles: Profiles,
    calls: Calls,
    ready: Ready,
    /// A ready agent that has not been put into the orders yet. The common case is an agent who gets ready and is given
    /// a call at once, and then need never be put in.
    fresh: Option<AgentNo>,
    /// Ready agents for whom calls are kept.
    wanted: BTreeSet<AgentNo>,
    timers: Timers,
    /// Waiting calls that waited too long.
    overdue: BTreeSet<Key>,
    /// State of the lot of the strategy `random`.
    lot: u64,
}

impl Distributor {
    /// Puts a call into a queue; none when there is no such queue. A call that is in a queue leaves it first.
    pub fn enqueue(&mut self, now: Timestamp, call: CallId, waiting: Waiting) -> Option<Placed> {
        let queue = *self.queue_numbers.get(&waiting.queue)?;
        self.remove(now, call);
        let demand = self.demand(queue, &waiting.requires, &[]);
        let (priority, since) = (waiting.priority, waiting.enqueued_at);
        let key = Key::new(call, priority, since, self.queues[queue].setup.ageing);
        let number = self.calls.insert(Call {
            key,
            enqueued_at: since,
            priority,
            waiting: Box::new(waiting),
            entered_at: now,
            queue,
            demand,
            teams_until: None,
            step: 0,
            place: Place::Open,
            failed: Vec::new(),
            attempts: 0,
            overdue: false,
            due: None,
        });
        self.time_passed(now, queue);
        self.queues[queue].line.insert(priority, InLine { since, call, number });
        self.catch_up(now, number);
        self.calls.get_mut(number).place = self.first_place(now, number);
        self.keep_among_teams(now, number);
        self.put(number);
        self.arm(now, number);
        self.placed(now, call)
    }

    /// With the agent it is kept for, if that agent is there and would be asked anyway.
    fn first_place(&self, now: Timestamp, number: CallNo) -> Place {
        let call = self.calls.get(number);
        let keeper = call.waiting.keeper(self.queues[call.queue].setup.sticky_wait);
        let Some((agent, wait)) = keeper.and_then(|(id, wait)| Some((self.roster.number(id)?, wait))) else {
            return Place::Open;
        };
        let is_ready = self.roster.get(agent).standing.is_some();
        // One who is ready is asked first also where nobody is waited for.
        let least = if is_ready { Millis(1) } else { Millis(0) };
        let wait = wait.max(least);
        let place = Place::Kept { agent, until: now + wait };
        if wait > Millis(0) && self.keeps(number, agent) { place } else { Place::Open }
    }

    /// Keeps a call among the teams of the agent its rule prefers, for as long as the rule says.
    fn keep_among_teams(&mut self, now: Timestamp, number: CallNo) {
        let call = self.calls.get(number);
        let Some(prefer) = call.waiting.prefer.clone().filter(|prefer| prefer.team_wait > Millis(0)) else {
            return;
        };
        let from = match call.place {
            Place::Kept { until, .. } => until,
            Place::Open | Place::Offered(_) => now,
        };
        let (queue, step, requires) = (call.queue, call.step, call.waiting.requires.clone());
        let demand = self.demand(queue, &requires, &prefer.teams);
        let profile = self.profiles.demand(demand).steps[step].1;
        let there =
            |agent: &AgentNo| self.profiles.rows.contains(*agent as usize, profile) && self.is_there(*agent);
        if !prefer.teams.is_empty() && self.queues[queue].members.iter().any(there) {
            let row = self.calls.get_mut(number);
            row.demand = demand;
            row.teams_until = Some(from + prefer.team_wait);
        }
    }

    /// Ready, or back soon.
    fn is_there(&self, agent: AgentNo) -> bool {
        self.roster.get(agent).away.as_ref().is_none_or(Unavailable::is_busy)
    }

    /// Whether a call may wait for this agent alone.
    fn keeps(&self, number: CallNo, agent: AgentNo) -> bool {
        self.is_there(agent) && self.profiles.rows.contains(agent as usize, self.profile(number))
    }

    /// The offer failed: the call is back at its old place, and the agents of the offer come last for it. False when
    /// the call is not being offered.
    pub fn requeue(&mut self, now: Timestamp, call: CallId) -> bool {
        let Some(number) = self.calls.number(call) else { return false };
        let row = self.calls.get_mut(number);
        let Place::Offered(agents) = &mut row.place else { return false };
        let agents = std::mem::take(agents);
        row.place = Place::Open;
        let queue = row.queue;
        self.time_passed(now, queue);
        self.queues[queue].pace.requeued(call);
        for agent in agents {
            let failed = Failed { agent, until: now + BACK_OFF };
            let row = self.calls.get_mut(number);
            match row.failed.iter_mut().find(|other| other.agent == agent) {
                Some(other) => *other = failed,
                None => row.failed.push(failed),
            }
            self.roster.get_mut(agent).idle_since = None;
            self.rank_anew(now, agent);
        }
        self.put(number);
        self.arm(now, number);
        true
    }

    /// The call left: abandoned, or taken elsewhere. False when it was in no queue.
    pub fn remove(&mut self, now: Timestamp, call: CallId) -> bool {
        let Some(queue) = self.queue_of(call) else { return false };
        self.time_passed(now, queue);
        self.queues[queue].pace.left(call);
        self.take_out(call)
    }

    /// A call-back stands in for a call from now on: at its place, with all that is known of who did not take it. False
    /// when the call is in no queue, or is being offered.
    pub fn stand_in(&mut self, now: Timestamp, call: CallId, callback: CallId) -> bool {
        let Some(number) = self.calls.number(call) else { return false };
        if matches!(self.calls.get(number).place, Place::Offered(_)) {
            return false;
        }
        self.take(number);
        self.set_timer(number, None);
        let Some(mut row) = self.calls.remove(call) else { return false };
        let (priority, since) = (row.priority, row.enqueued_at);
        let queue = &mut self.queues[row.queue];
        queue.line.remove(priority, since, call);
        row.key = Key::new(callback, priority, since, queue.setup.ageing);
        row.waiting.claimant = Claimant::Callback;
        row.overdue = false;
        let queue = row.queue;
        let number = self.calls.insert(row);
        self.queues[queue].line.insert(priority, InLine { since, call: callback, number });
        self.put(number);
        self.arm(now, number);
        true
    }

    fn queue_of(&self, call: CallId) -> Option<usize> {
        Some(self.calls.get(self.calls.number(call)?).queue)
    }

    /// Counts the time until now, before a queue changes.
    fn time_passed(&mut self, now: Timestamp, queue: usize) {
        let crew = self.crew(queue);
        let queue = &mut self.queues[queue];
        queue.pace.passed(now, crew, queue.line.len());
    }

    fn crew(&self, queue: usize) -> Crew {
        let members = &self.queues[queue].member_bits;
        Crew { there: members.common(&self.roster.there), ready: members.common(&self.roster.ready) }
    }

    fn take_out(&mut self, call: CallId) -> bool {
        let Some(number) = self.calls.number(call) else { return false };
        self.take(number);
        self.set_timer(number, None);
        let Some(row) = self.calls.remove(call) else { return false };
        self.queues[row.queue].line.remove(row.priority, row.enqueued_at, call);
        true
    }

    /// The call was answered: it leaves, and counts for the estimated wait. False when it was in no queue.
    pub fn answered(&mut self, now: Timestamp, call: CallId) -> bool {
        let Some(queue) = self.queue_of(call) else { return false };
        self.time_passed(now, queue);
        self.queues[queue].pace.answered(now, call);
        self.take_out(call)
    }

    /// The agent takes calls from now on.
    pub fn agent_ready(&mut self, now: Timestamp, agent: &AgentId) {
        let Some(number) = self.roster.number(agent) else { return };
        if self.roster.get(number).standing.is_none() {
            self.roster.set_away(now, number, None);
            self.enter(number);
        }
    }

    /// The agent takes no calls from now on. Calls kept for an agent who goes away wait for everybody again.
    pub fn agent_unavailable(&mut self, now: Timestamp, agent: &AgentId, why: Unavailable) {
        let Some(number) = self.roster.number(agent) else { return };
        self.leave(number);
        let is_busy = why.is_busy();
        self.roster.set_away(now, number, Some(why));
        if !is_busy {
            self.release_kept(now, number);
        }
    }

    /// The agent finished a call of this talking time: counts for least-calls and least-occupied.
    pub fn agent_took_call(&mut self, now: Timestamp, agent: &AgentId, talk: Millis) {
        let Some(number) = self.roster.number(agent) else { return };
        self.roster.get_mut(number).tally.took_call(now, talk);
        self.rank_anew(now, number);
    }

    /// The agent's skills, until a configuration gives the agent others.
    pub fn set_skills(&mut self, now: Timestamp, agent: &AgentId, skills: BTreeMap<Skill, u8>) {
        let Some(number) = self.roster.number(agent) else { return };
        let was_ready = self.leave(number);
        if self.roster.set_skills(number, skills) {
            self.profiles.number_skills(&self.roster);
        }
        self.match_agent(number);
        if was_ready {
            self.enter(number);
        }
        self.recheck_kept(now, number);
    }

    /// Where a call stands; none when it is in no queue.
    #[must_use]
    pub fn placed(&self, now: Timestamp, call: CallId) -> Option<Placed> {
        let number = self.calls.number(call)?;
        let row = self.calls.get(number);
        let place = self.place(row);
        Some(Placed {
            position: u32::try_from(place).unwrap_or(u32::MAX),
            requires: BTreeMap::clone(&self.profiles.get(self.profile(number)).asked),
            estimated_wait_s: self.estimate_s(now, row.queue, place - 1),
        })
    }

    /// Seconds a caller who came into this queue now would wait; none when it cannot be told.
    #[must_use]
    pub fn estimated_wait_s(&self, now: Timestamp, queue: &QueueId) -> Option<u64> {
        let queue = *self.queue_numbers.get(queue)?;
        self.estimate_s(now, queue, self.queues[queue].line.len())
    }

    /// Those being offered are ahead of those who are not, as a rule.
    fn estimate_s(&self, now: Timestamp, queue: usize, ahead: usize) -> Option<u64> {
        let crew = self.crew(queue);
        let Queue { pace, line, .. } = &self.queues[queue];
        pace.estimate_s(now, crew, line.len(), ahead.saturating_sub(pace.offers()))
    }

    /// Place in its queue, from 1, calls being offered included; none when it is in no queue.
    #[must_use]
    pub fn position(&self, call: CallId) -> Option<u32> {
        let place = self.place(self.calls.get(self.calls.number(call)?));
        Some(u32::try_from(place).unwrap_or(u32::MAX))
    }

    fn place(&self, row: &Call) -> usize {
        let queue = &self.queues[row.queue];
        queue.line.place(row.priority, row.enqueued_at, row.key.call, queue.setup.ageing)
    }

    /// How many agents are ready, over all queues.
    #[must_use]
    pub fn ready_agents(&self) -> usize {
        self.roster.ready.words().iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The profile a call is in now.
    fn profile(&self, number: CallNo) -> usize {
        let row = self.calls.get(number);
        self.profiles.demand(row.demand).steps[row.step].1
    }

    /// Puts a call's key where its place says.
    fn put(&mut self, number: CallNo) {
        let profile = self.profile(number);
        let row = self.calls.get(number);
        match row.place {
            Place::Open => self.profiles.insert(profile, row, number),
            Place::Kept { agent, .. } => {
                let keeper = self.roster.get_mut(agent);
                keeper.kept.insert(row.key);
                if keeper.standing.is_some() {
                    self.wanted.insert(agent);
                }
            }
            Place::Offered(_) => return,
        }
        if row.overdue {
            self.overdue.insert(row.key);
        }
    }

    /// Takes a call's key from where its place says.
    fn take(&mut self, number: CallNo) {
        let profile = self.profile(number);
        let row = self.calls.get(number);
        match row.place {
            Place::Open => self.profiles.remove(profile, row),
            Place::Kept { agent, .. } => {
                let keeper = self.roster.get_mut(agent);
                keeper.kept.remove(&row.key);
                if keeper.kept.is_empty() {
                    self.wanted.remove(&agent);
                }
            }
            Place::Offered(_) => return,
        }
        if row.overdue {
            self.overdue.remove(&row.key);
        }
    }

    /// A ready agent is in the orders from now on, or is the fresh one.
    fn enter(&mut self, agent: AgentNo) {
        self.settle_fresh();
        self.fresh = Some(agent);
        if !self.roster.get(agent).kept.is_empty() {
            self.wanted.insert(agent);
        }
    }

    /// Puts the fresh agent into the orders.
    fn settle_fresh(&mut self) {
        if let Some(agent) = self.fresh.take()
            && let Some(standing) = self.roster.get(agent).standing
        {
            let scores = Skilled { profiles: &self.profiles, roster: &self.roster };
            self.ready.insert(agent, &standing, &scores);
        }
    }

    /// A ready agent is in no order any more. False when the agent was not ready.
    fn leave(&mut self, agent: AgentNo) -> bool {
        let Some(standing) = self.roster.get(agent).standing else { return false };
        self.wanted.remove(&agent);
        if self.fresh == Some(agent) {
            self.fresh = None;
        } else {
            let scores = Skilled { profiles: &self.profiles, roster: &self.roster };
            self.ready.remove(agent, &standing, &scores);
        }
        true
    }

    /// What the strategies compare has changed.
    fn rank_anew(&mut self, now: Timestamp, agent: AgentNo) {
        if self.leave(agent) {
            self.roster.set_away(now, agent, None);
            self.enter(agent);
        }
    }

    /// The number of a queue's demand with these extra skills, among these teams; made if it is new.
    fn demand(&mut self, queue: usize, extra: &BTreeMap<Skill, u8>, teams: &[TeamId]) -> usize {
        if let Some(demand) = self.profiles.find(queue, extra, teams) {
            return demand;
        }
        // Agents enter and leave orders with the profiles they match: those who are in must be counted for the new.
        self.settle_fresh();
        let first = self.profiles.len();
        let demand = self.profiles.add(queue, &self.queues[queue], extra, teams, &self.roster);
        for profile in first..self.profiles.len() {
            self.ready.serve(profile, self.queues[queue].setup.strategy);
        }
        for member in 0..self.queues[queue].members.len() {
            let agent = self.queues[queue].members[member];
            let was_ready = self.leave(agent);
            for profile in first..self.profiles.len() {
                let fits = self.profiles.fits(profile, agent, &self.queues, &self.roster);
                self.profiles.qualify(profile, agent, fits);
            }
            if was_ready {
                self.enter(agent);
            }
        }
        demand
    }

    /// Computes whom an agent's skills match. The agent must not be in the orders.
    fn match_agent(&mut self, agent: AgentNo) {
        for profile in 0..self.profiles.len() {
            let fits = self.profiles.fits(profile, agent, &self.queues, &self.roster);
            self.profiles.qualify(profile, agent, fits);
        }
    }
}
