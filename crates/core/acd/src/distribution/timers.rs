//! One timer a call.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use hookswitch_model::Timestamp;

use super::waiting::CallNo;

/// Moments at which calls are to be looked at.
///
/// Calls that came one after the other have timers one after the other, so that far timers are only collected, by
/// stretches of time, and sorted when their stretch comes, which they nearly are by then: setting one touches memory
/// that was touched just before. Most timers are cancelled, because calls are answered: cancelling is free, a cancelled
/// timer is recognised when it comes up, and they are thrown out when they outnumber the others.
///
/// Timers of the same moment come up in no particular order: all of them are done before anything is decided.
#[derive(Debug, Clone, Default)]
pub(super) struct Timers {
    /// The stretch that has been reached, the next timer last.
    near: Vec<Timer>,
    /// Timers that were set when their stretch had been reached.
    late: BinaryHeap<Reverse<Timer>>,
    /// Everything after, by stretch.
    far: BTreeMap<u64, Vec<Timer>>,
    reached: u64,
    /// Timers that are meant, and timers that are kept.
    live: usize,
    kept: usize,
}

type Timer = (Timestamp, CallNo);

/// A stretch of time: some half a second.
const fn stretch(at: Timestamp) -> u64 {
    at.as_micros() >> 19
}

impl Timers {
    /// Moves a call's timer from one moment to another.
    pub(super) fn change(&mut self, call: CallNo, from: Option<Timestamp>, to: Option<Timestamp>) {
        self.live -= usize::from(from.is_some());
        let Some(at) = to else { return };
        self.live += 1;
        self.kept += 1;
        if stretch(at) <= self.reached {
            self.late.push(Reverse((at, call)));
        } else {
            self.far.entry(stretch(at)).or_default().push((at, call));
        }
    }

    /// Throws cancelled timers out, so that the next one is still meant. To be called after every change.
    pub(super) fn settle(&mut self, is_meant: impl Fn(CallNo, Timestamp) -> bool) {
        if self.kept > 2 * self.live + 1_024 {
            let keep = |(at, call): &Timer| is_meant(*call, *at);
            self.near.retain(keep);
            self.late.retain(|Reverse(timer)| keep(timer));
            self.far.values_mut().for_each(|timers| timers.retain(keep));
            self.far.retain(|_, timers| !timers.is_empty());
            self.kept = self.near.len() + self.late.len() + self.far.values().map(Vec::len).sum::<usize>();
        }
        loop {
            match self.first() {
                Some((at, call)) if is_meant(call, at) => return,
                Some(_) => self.pop(),
                None => {
                    let Some((reached, timers)) = self.far.pop_first() else { return };
                    self.reached = reached;
                    self.near = timers;
                    self.near.sort_unstable_by(|a, b| b.cmp(a));
                }
            }
        }
    }

    /// The next timer.
    pub(super) fn first(&self) -> Option<Timer> {
        let late = self.late.peek().map(|Reverse(timer)| *timer);
        match (self.near.last().copied(), late) {
            (Some(near), Some(late)) => Some(near.min(late)),
            (near, late) => near.or(late),
        }
    }

    /// Takes the next timer out.
    pub(super) fn pop(&mut self) {
        let first = self.first();
        self.kept -= usize::from(first.is_some());
        if self.near.last().copied() == first {
            self.near.pop();
        } else {
            self.late.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cancelled_timers_neither_come_up_nor_pile_up() {
        let at = Timestamp::from_millis;
        let mut timers = Timers::default();
        timers.change(0, None, Some(at(5_000_000)));
        for call in 1..=10_000 {
            timers.change(call, None, Some(at(u64::from(call) * 100)));
            timers.change(call, Some(at(u64::from(call) * 100)), None);
            timers.settle(|call, _| call == 0);
        }
        assert_eq!(timers.first(), Some((at(5_000_000), 0)));
        assert!(timers.kept < 2_000, "{} timers are kept", timers.kept);
    }

    proptest! {
        #[test]
        fn timers_come_up_in_time_and_none_is_lost(
            steps in prop::collection::vec((0..20_u32, prop::option::of(0..6_000_000_u64)), 1..300),
        ) {
            let mut timers = Timers::default();
            let mut meant: Vec<Option<Timestamp>> = vec![None; 20];
            let mut now = Timestamp::from_micros(0);
            for (call, in_micros) in steps {
                let to = in_micros.map(|micros| Timestamp::from_micros(now.as_micros() + micros));
                let from = std::mem::replace(&mut meant[call as usize], to);
                if from != to {
                    timers.change(call, from, to);
                }
                timers.settle(|call, at| meant[call as usize] == Some(at));
                let next = meant.iter().flatten().min().copied();
                prop_assert_eq!(timers.first().map(|(at, _)| at), next);
                if let Some((at, call)) = timers.first().filter(|_| call % 3 == 0) {
                    now = at;
                    timers.pop();
                    timers.change(call, Some(at), None);
                    meant[call as usize] = None;
                    timers.settle(|call, at| meant[call as usize] == Some(at));
                }
            }
        }
    }
}
