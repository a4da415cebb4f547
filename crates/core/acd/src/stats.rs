//! The figures of queues and agents, kept up with every change; those of a queue are told at most once a second.
//!
//! What is counted is counted for one day of the configured time zone ([`Setup::timezone`]), and told when the next
//! begins. A call counts for the day on which something became of it.
//!
//! [`Setup::timezone`]: hookswitch_model::setup::Setup::timezone

mod agents;
mod day;

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{
    AgentId, CallId, Millis, QueueId, Timestamp,
    agent::{AgentState, Figures as AgentFigures},
    event::EventKind,
    ledger::{Ledger, VisitEnd},
    queue::Queue,
    share,
};
use serde::{Deserialize, Serialize};

use self::{agents::Tallies, day::Day};
use crate::{engine::Engine, timers::Timer};

/// Least time between two `queue.stats` of one queue.
const EVERY: Millis = Millis::from_secs(1);
/// What counts as answered in time in a queue of the PBX that is not configured here.
const WITHIN: Millis = Millis::from_secs(20);

/// What is counted of a queue in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Counts {
    offered: u64,
    answered: u64,
    in_time: u64,
    abandoned: u64,
    left: u64,
    /// The waits of those that were answered.
    waited_ms: u64,
    /// Those whose call is over, and the time agents had them.
    handled: u64,
    handled_ms: u64,
}

/// One queue's figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    waiting: BTreeSet<(Timestamp, CallId)>,
    ready: u32,
    talking: u32,
    #[serde(default)]
    logged_in: u32,
    /// The agents that are ready, by since when.
    #[serde(default)]
    idle: BTreeSet<(Timestamp, AgentId)>,
    #[serde(default)]
    counts: Counts,
    dirty: bool,
    told_at: Option<Timestamp>,
}

impl Figures {
    fn queue(&self, id: &QueueId, now: Timestamp, day: &Day) -> Queue {
        // Nobody was there at midnight to begin a new day.
        let is_over = day.is_over(now);
        let counts = if is_over { Counts::default() } else { self.counts };
        let since = if is_over { day.around(now).0 } else { day.began };
        let over = counts.answered + counts.abandoned;
        Queue {
            id: id.clone(),
            waiting: u32::try_from(self.waiting.len()).unwrap_or(u32::MAX),
            longest_wait_s: self.waiting.first().map_or(0, |(since, _)| now.since(*since).0 / 1_000),
            ready: self.ready,
            talking: self.talking,
            service_level: (over > 0).then(|| share(counts.in_time, over)),
            answered: counts.answered,
            abandoned: counts.abandoned,
            logged_in: self.logged_in,
            longest_idle_s: self.idle.first().map(|(since, _)| now.since(*since).0 / 1_000),
            estimated_wait_s: None,
            offered: counts.offered,
            answered_in_time: counts.in_time,
            left: counts.left,
            average_wait_s: mean_s(counts.waited_ms, counts.answered),
            average_talk_s: mean_s(counts.handled_ms, counts.handled),
            callbacks: 0,
            alerts: Vec::new(),
            since,
        }
    }

    /// An agent of the queue came into a state (or into the queue with it), or out of it.
    fn agent_is(&mut self, agent: &AgentId, state: AgentState, since: Timestamp, comes: bool) {
        let step = |count: &mut u32, by: bool| {
            let by = u32::from(by);
            *count = if comes { *count + by } else { count.saturating_sub(by) };
        };
        let is = counts(state);
        step(&mut self.ready, is.ready);
        step(&mut self.talking, is.talking);
        step(&mut self.logged_in, is.logged_in);
        if is.ready && comes {
            self.idle.insert((since, agent.clone()));
        } else if is.ready {
            self.idle.remove(&(since, agent.clone()));
        }
    }
}

/// The mean of so many, in whole seconds.
fn mean_s(sum_ms: u64, count: u64) -> Option<u64> {
    (count > 0).then(|| (sum_ms + count * 500) / (count * 1_000))
}

/// All figures.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Stats {
    queues: BTreeMap<QueueId, Figures>,
    dirty: BTreeSet<QueueId>,
    #[serde(default)]
    agents: Tallies,
    #[serde(default)]
    day: Day,
    /// The call that left a queue last, and when: one that comes back in the same instant never left.
    #[serde(default)]
    just_left: Option<(QueueId, CallId, Timestamp)>,
}

impl Stats {
    /// Days are those of this time zone.
    pub(crate) fn of_zone(&mut self, zone: &str, now: Timestamp) {
        self.day.of_zone(zone, now);
    }

    /// Begins a new day, if the last is over.
    pub(crate) fn turn_the_day(&mut self, now: Timestamp) {
        if !self.day.is_over(now) {
            return;
        }
        self.day.turn(now);
        self.agents.turn(self.day.began);
        let counted: Vec<QueueId> = self.queues.iter_mut().filter_map(Self::forget_counts).collect();
        self.dirty.extend(counted);
    }

    fn forget_counts((id, figures): (&QueueId, &mut Figures)) -> Option<QueueId> {
        let counts = std::mem::take(&mut figures.counts);
        (counts != Counts::default()).then(|| id.clone())
    }

    /// When this day is over, if a queue's figures change then.
    fn midnight(&self) -> Option<Timestamp> {
        let counted = self.queues.values().any(|figures| figures.counts != Counts::default());
        self.day.ends.filter(|_| counted)
    }

    /// Keeps figures for this queue.
    pub(crate) fn open(&mut self, id: &QueueId) {
        self.queues.entry(id.clone()).or_default();
    }

    /// Forgets a queue that is configured no more, once nobody waits in it.
    pub(crate) fn close(&mut self, id: &QueueId) {
        if self.queues.get(id).is_some_and(|figures| figures.waiting.is_empty()) {
            self.queues.remove(id);
            self.dirty.remove(id);
        }
    }

    /// The queues there are figures of.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &QueueId> {
        self.queues.keys()
    }

    fn change(&mut self, id: &QueueId, change: impl FnOnce(&mut Figures)) {
        match self.queues.get_mut(id) {
            Some(figures) => change(figures),
            None => change(self.queues.entry(id.clone()).or_default()),
        }
        if !self.dirty.contains(id) {
            self.dirty.insert(id.clone());
        }
    }

    /// Something of a queue changed that is not kept here.
    pub(crate) fn touch(&mut self, id: &QueueId) {
        self.change(id, |_| {});
    }

    /// A call begins to wait.
    pub(crate) fn enter(&mut self, id: &QueueId, now: Timestamp, call: CallId) {
        let stayed = self.just_left.take_if(|(q, c, at)| q == id && *c == call && *at == now).is_some();
        self.change(id, |figures| {
            figures.waiting.insert((now, call));
            // As in the ledger: one segment.
            figures.counts.offered += u64::from(!stayed);
            figures.counts.left = figures.counts.left.saturating_sub(u64::from(stayed));
        });
    }

    /// A call waits no more, and went elsewhere, unless [`answered`](Self::answered) or
    /// [`abandoned`](Self::abandoned) follows.
    pub(crate) fn leave(&mut self, id: &QueueId, since: Timestamp, call: CallId, now: Timestamp) {
        self.change(id, |figures| {
            figures.waiting.remove(&(since, call));
            figures.counts.left += 1;
        });
        self.just_left = Some((id.clone(), call, now));
    }

    /// The call that just left was answered after this wait.
    pub(crate) fn answered(&mut self, id: &QueueId, waited: Millis, in_time: bool) {
        self.just_left = None;
        self.change(id, |Figures { counts, .. }| {
            counts.left = counts.left.saturating_sub(1);
            counts.answered += 1;
            counts.in_time += u64::from(in_time);
            counts.waited_ms += waited.0;
        });
    }

    /// The caller that just left gave up.
    pub(crate) fn abandoned(&mut self, id: &QueueId) {
        self.just_left = None;
        self.change(id, |Figures { counts, .. }| {
            counts.left = counts.left.saturating_sub(1);
            counts.abandoned += 1;
        });
    }

    /// A call is over.
    pub(crate) fn ended(&mut self, ledger: &Ledger) {
        for agent in &ledger.handled_by {
            self.agents.handled(agent);
        }
        for visit in ledger.visits().filter(|visit| visit.end == VisitEnd::Answered) {
            self.change(visit.queue, |Figures { counts, .. }| {
                counts.handled += 1;
                counts.handled_ms += visit.handled.0;
            });
        }
    }

    /// An agent of these queues changed state.
    pub(crate) fn agent_moved(
        &mut self,
        agent: &AgentId,
        queues: &[QueueId],
        (from, to): (AgentState, AgentState),
        now: Timestamp,
    ) {
        let since = self.agents.moved(agent, (from, to), now, self.day.began);
        if counts(from) == counts(to) {
            return;
        }
        for queue in queues {
            self.change(queue, |figures| {
                figures.agent_is(agent, from, since, false);
                figures.agent_is(agent, to, now, true);
            });
        }
    }

    /// An agent begins (or ends) to serve a queue, in this state.
    pub(crate) fn agent_serves(&mut self, agent: &AgentId, queue: &QueueId, state: AgentState, serves: bool) {
        let since = self.agents.since(agent).unwrap_or_default();
        self.change(queue, |figures| figures.agent_is(agent, state, since, serves));
    }

    /// An agent is configured no more.
    pub(crate) fn agent_gone(&mut self, agent: &AgentId) {
        self.agents.forget(agent);
    }

    /// One queue's figures now, without the estimated wait.
    pub(crate) fn queue(&self, id: &QueueId, now: Timestamp) -> Option<Queue> {
        Some(self.queues.get(id)?.queue(id, now, &self.day))
    }

    /// Since when the first in line of a queue waits.
    pub(crate) fn head(&self, id: &QueueId) -> Option<Timestamp> {
        self.queues.get(id)?.waiting.first().map(|(since, _)| *since)
    }

    /// An agent's figures now.
    pub(crate) fn agent(&self, id: &AgentId, now: Timestamp) -> AgentFigures {
        if self.day.is_over(now) {
            let mut tallies = self.agents.clone();
            let midnight = self.day.around(now).0;
            tallies.turn(midnight);
            return tallies.figures(id, now, midnight);
        }
        self.agents.figures(id, now, self.day.began)
    }
}

/// What a state counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Is {
    ready: bool,
    talking: bool,
    logged_in: bool,
}

const fn counts(state: AgentState) -> Is {
    let (ready, talking, logged_in) = match state {
        AgentState::Ready => (true, false, true),
        AgentState::Talking | AgentState::Holding => (false, true, true),
        AgentState::NotReady | AgentState::Reserved | AgentState::WrapUp => (false, false, true),
        AgentState::LoggedOut => (false, false, false),
    };
    Is { ready, talking, logged_in }
}

impl Engine {
    /// A queue's figures now.
    pub(crate) fn queue_now(&self, id: &QueueId, now: Timestamp) -> Option<Queue> {
        let queue = self.stats.queue(id, now)?;
        Some(Queue {
            estimated_wait_s: self.distributor.estimated_wait_s(now, id),
            callbacks: self.callbacks.promised(id),
            alerts: self.alerts.of(id),
            ..queue
        })
    }

    /// A call in a queue was answered.
    pub(crate) fn count_answered(&mut self, queue: &QueueId, waited: Millis) {
        let within = self.plan.queue(&self.setup, queue).map_or(WITHIN, |queue| queue.service_level.within);
        self.stats.answered(queue, waited, waited <= within);
    }

    /// Tells the figures that changed, those told less than a second ago excepted: they have a deadline.
    pub(crate) fn tell_stats(&mut self) {
        let now = self.now();
        let dirty = std::mem::take(&mut self.stats.dirty);
        if !dirty.is_empty()
            && let Some(midnight) = self.stats.midnight()
        {
            self.timers.set(Timer::Midnight, midnight);
        }
        for id in dirty {
            self.look_at_alerts(&id);
            let Some(figures) = self.stats.queues.get_mut(&id) else { continue };
            let due = figures.told_at.map(|at| at + EVERY).filter(|due| *due > now);
            match due {
                Some(due) => {
                    figures.dirty = true;
                    self.timers.set(Timer::Stats(id), due);
                }
                None => self.tell_queue(&id),
            }
        }
    }

    /// Tells a queue's figures.
    pub(crate) fn tell_queue(&mut self, id: &QueueId) {
        let now = self.now();
        let Some(figures) = self.stats.queues.get_mut(id) else { return };
        figures.dirty = false;
        figures.told_at = Some(now);
        self.timers.cancel(&Timer::Stats(id.clone()));
        if let Some(queue) = self.queue_now(id, now) {
            self.emit(None, EventKind::QueueStats { queue: Box::new(queue) });
        }
    }

    /// The second is over for which a queue's change had to wait.
    pub(crate) fn stats_due(&mut self, id: &QueueId) {
        if self.stats.queues.get(id).is_some_and(|figures| figures.dirty) {
            self.tell_queue(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(secs * 1_000)
    }

    #[test]
    fn a_queue_counts_agents_by_state() {
        let (queue, alice): (QueueId, AgentId) = ("q".parse().unwrap(), "alice".parse().unwrap());
        let mut stats = Stats::default();
        let queues = std::slice::from_ref(&queue);
        let seen = |stats: &Stats, secs| {
            let told = stats.queue(&queue, at(secs)).unwrap();
            (told.ready, told.talking, told.logged_in, told.longest_idle_s)
        };
        stats.agent_serves(&alice, &queue, AgentState::LoggedOut, true);
        assert_eq!(seen(&stats, 5), (0, 0, 0, None));
        stats.agent_moved(&alice, queues, (AgentState::LoggedOut, AgentState::Ready), at(10));
        assert_eq!(seen(&stats, 17), (1, 0, 1, Some(7)));
        stats.agent_moved(&alice, queues, (AgentState::Ready, AgentState::Reserved), at(20));
        stats.agent_moved(&alice, queues, (AgentState::Reserved, AgentState::Talking), at(25));
        assert_eq!(seen(&stats, 30), (0, 1, 1, None));
        stats.agent_serves(&alice, &queue, AgentState::Talking, false);
        assert_eq!(seen(&stats, 40), (0, 0, 0, None));
    }

    #[test]
    fn every_call_that_came_in_is_accounted_for() {
        let queue: QueueId = "q".parse().unwrap();
        let call = CallId::from;
        let mut stats = Stats::default();
        for n in 1..=4 {
            stats.enter(&queue, at(n), call(n.into()));
        }
        stats.leave(&queue, at(1), call(1), at(11));
        stats.answered(&queue, Millis::from_secs(10), true);
        stats.leave(&queue, at(2), call(2), at(12));
        stats.abandoned(&queue);
        stats.leave(&queue, at(3), call(3), at(13));
        stats.leave(&queue, at(4), call(4), at(14));
        stats.enter(&queue, at(14), call(4));
        let told = stats.queue(&queue, at(20)).unwrap();
        assert_eq!((told.offered, told.answered, told.abandoned, told.left, told.waiting), (4, 1, 1, 1, 1));
        assert_eq!((told.average_wait_s, told.service_level), (Some(10), Some(0.5)));
    }

    #[test]
    fn a_new_day_begins_with_nothing_counted_also_where_nobody_told_the_engine() {
        let queue: QueueId = "q".parse().unwrap();
        let mut stats = Stats::default();
        stats.of_zone("Europe/Berlin", at(0));
        stats.enter(&queue, at(10), CallId::from(1));
        // Midnight in Berlin is 23:00 UTC.
        let (before, midnight) = (at(23 * 3_600 - 1), at(23 * 3_600));
        assert_eq!(stats.queue(&queue, before).map(|q| q.offered), Some(1));
        let asleep = stats.queue(&queue, midnight).unwrap();
        assert_eq!((asleep.offered, asleep.waiting, asleep.since), (0, 1, midnight));
        stats.dirty.clear();
        assert_eq!(stats.midnight(), Some(midnight));
        stats.turn_the_day(midnight);
        assert_eq!(stats.queue(&queue, midnight), Some(asleep));
        assert_eq!((stats.dirty.len(), stats.midnight()), (1, None), "it is told, once");
    }
}
