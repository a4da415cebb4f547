//! All deadlines of the engine but the distributor's, in one ordered set.
//!
//! There is no polling: [`Timers::next`] is when the dispatcher wakes the engine, and nothing is looked at before.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{AgentId, CallId, CallbackId, QueueId, Timestamp};
use serde::{Deserialize, Serialize};

/// What is due. One of each at a time: setting it again moves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Timer {
    /// Our Ring of this call should long have had a result.
    Ring(CallId),
    /// What the PBX refused is asked again.
    Retry(CallId),
    /// The customer was waited for long enough: this call is routed.
    Route(CallId),
    /// Nothing was seen of this call: ask for it, or give it up.
    Trace(CallId),
    /// An agent's wrap-up is over.
    WrapUp(AgentId),
    /// A queue's figures changed less than a second after they were told.
    Stats(QueueId),
    /// A new day begins for the figures.
    Midnight,
    /// What is under way on this call should have come about.
    Control(CallId),
    /// The PBX should have shown this call, which we made.
    Shown(CallId),
    /// Who was held by our doing may be alone.
    Rescue(CallId),
    /// A supervisor should have come.
    Supervise(CallId),
    /// A call-back is due, or is given up.
    Callback(CallbackId),
    /// A figure of this queue may be beyond a limit, or back, by time alone.
    Alert(QueueId),
    /// A waiting caller is told where the call stands.
    Announce(CallId),
}

/// The deadlines, soonest first; at the same moment in the order of [`Timer`], so that a replay fires the same way.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(Timestamp, Timer)>", into = "Vec<(Timestamp, Timer)>")]
pub(crate) struct Timers {
    due: BTreeSet<(Timestamp, Timer)>,
    at: BTreeMap<Timer, Timestamp>,
}

impl Timers {
    /// Sets or moves a deadline.
    pub(crate) fn set(&mut self, timer: Timer, at: Timestamp) {
        if let Some(before) = self.at.insert(timer.clone(), at) {
            self.due.remove(&(before, timer.clone()));
        }
        self.due.insert((at, timer));
    }

    /// Forgets a deadline; nothing happens when there is none.
    pub(crate) fn cancel(&mut self, timer: &Timer) {
        if let Some((timer, at)) = self.at.remove_entry(timer) {
            self.due.remove(&(at, timer));
        }
    }

    /// When the soonest is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes the soonest that is due by now, with when it was due.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        if self.next()? > now {
            return None;
        }
        let (due, timer) = self.due.pop_first()?;
        self.at.remove(&timer);
        Some((due, timer))
    }
}

impl From<Vec<(Timestamp, Timer)>> for Timers {
    fn from(list: Vec<(Timestamp, Timer)>) -> Self {
        let mut timers = Self::default();
        for (at, timer) in list {
            timers.set(timer, at);
        }
        timers
    }
}

impl From<Timers> for Vec<(Timestamp, Timer)> {
    fn from(timers: Timers) -> Self {
        timers.due.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_set_twice_fires_once_at_the_later_time() {
        let mut timers = Timers::default();
        let timer = Timer::Ring(CallId::from_bits(1));
        timers.set(timer.clone(), Timestamp::from_millis(5));
        timers.set(timer.clone(), Timestamp::from_millis(9));
        assert_eq!(timers.pop(Timestamp::from_millis(8)), None);
        assert_eq!(timers.pop(Timestamp::from_millis(9)), Some((Timestamp::from_millis(9), timer)));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_cancelled_deadline_never_fires() {
        let mut timers = Timers::default();
        let timer = Timer::Retry(CallId::from_bits(1));
        timers.set(timer.clone(), Timestamp::from_millis(5));
        timers.cancel(&timer);
        assert_eq!(timers.pop(Timestamp::from_millis(99)), None);
    }
}
