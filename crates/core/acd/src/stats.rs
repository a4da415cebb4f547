//! The figures of queues, kept up with every change and told at most once a second for each queue.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{
    CallId, Millis, QueueId, Timestamp, agent::AgentState, event::EventKind, queue::Queue,
};
use serde::{Deserialize, Serialize};

use crate::{engine::Engine, timers::Timer};

/// Least time between two `queue.stats` of one queue.
const EVERY: Millis = Millis::from_secs(1);
/// What counts as answered in time in a queue of the PBX that is not configured here.
const WITHIN: Millis = Millis::from_secs(20);

/// One queue's figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    waiting: BTreeSet<(Timestamp, CallId)>,
    ready: u32,
    talking: u32,
    answered: u64,
    in_time: u64,
    abandoned: u64,
    dirty: bool,
    told_at: Option<Timestamp>,
}

impl Figures {
    fn queue(&self, id: &QueueId, now: Timestamp) -> Queue {
        let over = self.answered + self.abandoned;
        Queue {
            id: id.clone(),
            waiting: u32::try_from(self.waiting.len()).unwrap_or(u32::MAX),
            longest_wait_s: self.waiting.first().map_or(0, |(since, _)| now.since(*since).0 / 1_000),
            ready: self.ready,
            talking: self.talking,
            service_level: (over > 0).then(|| share(self.in_time, over)),
            answered: self.answered,
            abandoned: self.abandoned,
            logged_in: 0,
            longest_idle_s: None,
            estimated_wait_s: None,
            offered: 0,
            answered_in_time: self.in_time,
            left: 0,
            average_wait_s: None,
            average_talk_s: None,
            since: Timestamp::default(),
        }
    }
}

/// A share, 0 to 1, rounded to four places so that it prints short.
fn share(part: u64, whole: u64) -> f64 {
    let per_myriad = part.saturating_mul(10_000).saturating_add(whole / 2) / whole.max(1);
    f64::from(u32::try_from(per_myriad).unwrap_or(10_000)) / 10_000.0
}

/// All queues' figures.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Stats {
    queues: BTreeMap<QueueId, Figures>,
    dirty: BTreeSet<QueueId>,
}

impl Stats {
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
    pub(crate) fn ids(&self) -> Vec<QueueId> {
        self.queues.keys().cloned().collect()
    }

    fn change(&mut self, id: &QueueId, change: impl FnOnce(&mut Figures)) {
        change(self.queues.entry(id.clone()).or_default());
        if !self.dirty.contains(id) {
            self.dirty.insert(id.clone());
        }
    }

    /// A call begins to wait.
    pub(crate) fn enter(&mut self, id: &QueueId, since: Timestamp, call: CallId) {
        self.change(id, |figures| {
            figures.waiting.insert((since, call));
        });
    }

    /// A call waits no more.
    pub(crate) fn leave(&mut self, id: &QueueId, since: Timestamp, call: CallId) {
        self.change(id, |figures| {
            figures.waiting.remove(&(since, call));
        });
    }

    /// A call was answered after this wait.
    pub(crate) fn answered(&mut self, id: &QueueId, in_time: bool) {
        self.change(id, |figures| {
            figures.answered += 1;
            figures.in_time += u64::from(in_time);
        });
    }

    /// A caller gave up.
    pub(crate) fn abandoned(&mut self, id: &QueueId) {
        self.change(id, |figures| figures.abandoned += 1);
    }

    /// An agent of these queues changed state.
    pub(crate) fn agent_moved(&mut self, queues: &[QueueId], from: AgentState, to: AgentState) {
        let (ready, talking) = (counts(from), counts(to));
        if ready == talking {
            return;
        }
        for queue in queues {
            self.change(queue, |figures| {
                figures.ready = figures.ready - u32::from(ready.0).min(figures.ready) + u32::from(talking.0);
                figures.talking =
                    figures.talking - u32::from(ready.1).min(figures.talking) + u32::from(talking.1);
            });
        }
    }

    /// An agent begins (or ends) to serve a queue, in this state.
    pub(crate) fn agent_serves(&mut self, queue: &QueueId, state: AgentState, serves: bool) {
        let (ready, talking) = counts(state);
        self.change(queue, |figures| {
            let step = |count: &mut u32, by: bool| {
                let by = u32::from(by);
                *count = if serves { *count + by } else { count.saturating_sub(by) };
            };
            step(&mut figures.ready, ready);
            step(&mut figures.talking, talking);
        });
    }

    /// One queue's figures now.
    pub(crate) fn queue(&self, id: &QueueId, now: Timestamp) -> Option<Queue> {
        Some(self.queues.get(id)?.queue(id, now))
    }

    /// The queues' figures now.
    pub(crate) fn queues(&self, now: Timestamp) -> impl Iterator<Item = Queue> {
        self.queues.iter().map(move |(id, figures)| figures.queue(id, now))
    }
}

/// Whether an agent in this state counts as ready, as talking.
const fn counts(state: AgentState) -> (bool, bool) {
    match state {
        AgentState::Ready => (true, false),
        AgentState::Talking | AgentState::Holding => (false, true),
        AgentState::LoggedOut | AgentState::NotReady | AgentState::Reserved | AgentState::WrapUp => {
            (false, false)
        }
    }
}

impl Engine {
    /// A call in a queue was answered.
    pub(crate) fn count_answered(&mut self, queue: &QueueId, waited: Millis) {
        let within = self.plan.queue(&self.setup, queue).map_or(WITHIN, |queue| queue.service_level.within);
        self.stats.answered(queue, waited <= within);
    }

    /// Tells the figures that changed, those told less than a second ago excepted: they have a deadline.
    pub(crate) fn tell_stats(&mut self) {
        let now = self.now();
        for id in std::mem::take(&mut self.stats.dirty) {
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
        let queue = Box::new(figures.queue(id, now));
        self.timers.cancel(&Timer::Stats(id.clone()));
        self.emit(None, EventKind::QueueStats { queue });
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

    #[test]
    fn a_share_is_rounded_to_four_places() {
        assert!((share(2, 3) - 0.6667).abs() < 1e-9);
        assert!((share(3, 3) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_queue_counts_agents_by_state() {
        let queue: QueueId = "q".parse().unwrap();
        let mut stats = Stats::default();
        stats.agent_serves(&queue, AgentState::Ready, true);
        stats.agent_moved(std::slice::from_ref(&queue), AgentState::Ready, AgentState::Reserved);
        stats.agent_moved(std::slice::from_ref(&queue), AgentState::Reserved, AgentState::Talking);
        let now = Timestamp::from_millis(0);
        let told = stats.queue(&queue, now).unwrap();
        assert_eq!((told.ready, told.talking), (0, 1));
    }
}
