//! What to deliver when: a state machine without socket or clock.
//!
//! ```text
//!           offer                start                 taken
//! (journal) ─────→ waits in its lane ─→ in flight ─────────────→ delivered, unconfirmed
//!                    ↑                     │ else, before 75 h
//!                    └──── back-off ───────┤
//!                                          ├ after 75 h ───────→ dead
//!                                          ├ refused 6 times ──→ refused
//!                                          └ 410: all stops ───→ disabled
//! ```
//!
//! Only the first of a lane is ever tried, so that the events of a call arrive in order. Whether the receiver as a whole
//! answers is the matter of [`Health`].

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    delivery::{Attempt, Delivery, DeliveryState, DeliveryView, Lane},
    health::{Health, Next, Trouble},
};

/// How many settled deliveries are shown.
const SHOWN: usize = 1_000;
/// How many dead letters are kept, over restarts too: the latest.
const DEAD_KEPT: usize = 500;
/// How many deliveries may be unsettled before the journal is read on.
const WINDOW: usize = 4_096;
/// How many bytes of events they may hold.
const WINDOW_BYTES: usize = 16 * 1024 * 1024;
/// The longest until a delivery is tried again.
const RETRY_CAP: Duration = Duration::from_secs(3600);
/// How often a receiver that works may refuse an event before it is believed: over about half a minute.
const REFUSALS: u32 = 6;

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The receiver took it.
    Delivered,
    /// It answered 2xx, which does not say that it took it.
    Unconfirmed,
    /// It works and answered 2xx, and says that it did not take it.
    Refused,
    /// It works and does not take this event (a 4xx about what was sent).
    Rejected,
    /// It does not work.
    Failed(Trouble),
    /// It is gone for good (410).
    Gone,
    /// It says that it will never take it.
    Hopeless,
    /// It cannot be made: no attempt would help.
    Impossible,
}

/// What to post now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) seq: u64,
    pub(crate) event: String,
    pub(crate) lane: Lane,
    pub(crate) prev: Option<u64>,
    pub(crate) payload: Bytes,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Plan {
    give_up_after: Duration,
    /// Spreads retries; drawn once.
    seed: u64,
    unsettled: BTreeMap<u64, Delivery>,
    bytes: usize,
    /// Sequences by lane, in order; the first is tried.
    lanes: HashMap<Lane, VecDeque<u64>>,
    /// The first of each lane that is not in flight, by when it is to be tried.
    due: BTreeSet<(Instant, u64)>,
    in_flight: usize,
    /// Nothing is begun: what is under way is to end.
    draining: bool,
    health: Health,
    settled: VecDeque<DeliveryView>,
    dead: VecDeque<DeliveryView>,
    dead_count: u64,
}

impl Plan {
    pub(crate) fn new(concurrency: usize, give_up_after: Duration, seed: u64) -> Self {
        Self {
            give_up_after,
            seed,
            unsettled: BTreeMap::new(),
            bytes: 0,
            lanes: HashMap::new(),
            due: BTreeSet::new(),
            in_flight: 0,
            draining: false,
            health: Health::new(concurrency.max(1)),
            settled: VecDeque::new(),
            dead: VecDeque::new(),
            dead_count: 0,
        }
    }

    /// Whether more may be offered.
    pub(crate) fn has_room(&self) -> bool {
        !self.health.is_gone() && !self.draining && self.unsettled.len() < WINDOW && self.bytes < WINDOW_BYTES
    }

    /// Takes an event. Sequences rise, but for what is offered after [`Plan::rewind`].
    pub(crate) fn offer(&mut self, now: Instant, delivery: Delivery) {
        let seq = delivery.seq;
        let lane = self.lanes.entry(delivery.lane.clone()).or_default();
        lane.push_back(seq);
        let is_first = lane.len() == 1;
        self.bytes += delivery.payload.len();
        self.unsettled.insert(seq, delivery);
        if is_first {
            self.schedule(seq, now);
        }
    }

    fn schedule(&mut self, seq: u64, at: Instant) {
        if let Some(delivery) = self.unsettled.get_mut(&seq) {
            let at = at.max(delivery.not_before);
            if let Some(before) = delivery.due.replace(at) {
                self.due.remove(&(before, seq));
            }
            self.due.insert((at, seq));
        }
    }

    /// The next to post, if one is due.
    pub(crate) fn start(&mut self, now: Instant) -> Option<Job> {
        let (next, seq) = self.next()?;
        if self.draining || !self.health.lets_start(now, next, self.in_flight) {
            return None;
        }
        self.health.started(seq);
        self.due.pop_first();
        let delivery = self.unsettled.get_mut(&seq)?;
        (delivery.in_flight, delivery.due) = (true, None);
        self.in_flight += 1;
        Some(Job {
            seq,
            event: delivery.event.clone(),
            lane: delivery.lane.clone(),
            prev: delivery.prev,
            payload: delivery.payload.clone(),
        })
    }

    /// When [`Plan::start`] is to be asked again, if nothing else happens.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let (next, _) = self.next()?;
        if self.draining { None } else { self.health.wake_at(next, self.in_flight) }
    }

    fn next(&self) -> Option<(Next, u64)> {
        let (due, seq) = *self.due.first()?;
        let is_new = self.unsettled.get(&seq).is_some_and(|delivery| delivery.tried == 0);
        Some((Next { due, is_new }, seq))
    }

    /// A part of what is told with an event was taken, and the next is under way.
    pub(crate) fn step(&mut self, now: Instant, seq: u64, attempt: Attempt) {
        if let Some(delivery) = self.unsettled.get_mut(&seq).filter(|delivery| delivery.in_flight) {
            delivery.refusals = 0;
            delivery.note(attempt);
            self.answered(now);
        }
    }

    /// Nothing is told of this event.
    pub(crate) fn skip(&mut self, now: Instant, seq: u64) {
        let Some(delivery) = self.unsettled.get_mut(&seq).filter(|delivery| delivery.in_flight) else {
            return;
        };
        delivery.in_flight = false;
        self.in_flight -= 1;
        self.remove(now, seq);
    }

    /// What came of an attempt.
    pub(crate) fn outcome(&mut self, now: Instant, seq: u64, attempt: Attempt, verdict: Verdict) {
        let Some(delivery) = self.unsettled.get_mut(&seq).filter(|delivery| delivery.in_flight) else {
            return;
        };
        delivery.in_flight = false;
        delivery.refusals = if verdict == Verdict::Refused { delivery.refusals + 1 } else { 0 };
        let (believed, tried) = (delivery.refusals >= REFUSALS, delivery.note(attempt));
        self.in_flight -= 1;
        match verdict {
            Verdict::Delivered => self.take_answer(now, seq, DeliveryState::Delivered),
            Verdict::Unconfirmed => self.take_answer(now, seq, DeliveryState::Unconfirmed),
            Verdict::Refused if believed => self.take_answer(now, seq, DeliveryState::Refused),
            Verdict::Refused | Verdict::Rejected => {
                self.answered(now);
                self.try_again(now, seq, tried, Duration::ZERO);
            }
            Verdict::Failed(trouble) => {
                let seed = self.seed;
                self.health.failed(now, seq, trouble, |probes, cap| backoff(seed, 0, probes, cap));
                self.try_again(now, seq, tried, trouble.pause());
            }
            Verdict::Gone => {
                self.schedule(seq, now);
                self.health.set_gone();
            }
            Verdict::Hopeless => self.take_answer(now, seq, DeliveryState::Refused),
            Verdict::Impossible => self.settle(now, seq, DeliveryState::Dead),
        }
    }

    fn take_answer(&mut self, now: Instant, seq: u64, state: DeliveryState) {
        self.answered(now);
        self.settle(now, seq, state);
    }

    /// When the receiver is back, nothing waits for an hour that a receiver that did not answer has cost.
    fn answered(&mut self, now: Instant) {
        if self.health.answered() {
            for (_, seq) in std::mem::take(&mut self.due) {
                self.schedule(seq, now);
            }
        }
    }

    fn try_again(&mut self, now: Instant, seq: u64, tried: u32, asked: Duration) {
        self.schedule(seq, now + backoff(self.seed, seq, tried, RETRY_CAP).max(asked));
        self.bury(now, seq);
    }

    /// Gives up on a failed delivery that was tried long enough; while the receiver is down, on all that old.
    fn bury(&mut self, now: Instant, seq: u64) {
        let old = |delivery: &&Delivery| {
            !delivery.in_flight && now.saturating_duration_since(delivery.since) >= self.give_up_after
        };
        let dead: Vec<u64> = match self.unsettled.get(&seq).filter(old) {
            None => Vec::new(),
            Some(_) if self.is_down() => {
                self.unsettled.values().filter(old).map(|delivery| delivery.seq).collect()
            }
            Some(_) => vec![seq],
        };
        for seq in dead {
            self.settle(now, seq, DeliveryState::Dead);
        }
    }

    fn remove(&mut self, now: Instant, seq: u64) -> Option<Delivery> {
        let delivery = self.unsettled.remove(&seq)?;
        self.bytes -= delivery.payload.len();
        if let Some(due) = delivery.due {
            self.due.remove(&(due, seq));
        }
        self.advance(now, &delivery.lane, seq);
        Some(delivery)
    }

    fn settle(&mut self, now: Instant, seq: u64, state: DeliveryState) {
        let Some(delivery) = self.remove(now, seq) else { return };
        let view = delivery.view(state);
        if state.is_dead_letter() {
            self.dead_count += 1;
            push_bounded(&mut self.dead, view, DEAD_KEPT);
        } else {
            push_bounded(&mut self.settled, view, SHOWN);
        }
    }

    /// Takes a delivery out of its lane; the next one's turn has come if it was the first.
    fn advance(&mut self, now: Instant, lane: &Lane, seq: u64) {
        let Some(queue) = self.lanes.get_mut(lane) else { return };
        let was_first = queue.front() == Some(&seq);
        queue.retain(|other| *other != seq);
        match queue.front().copied() {
            None => drop(self.lanes.remove(lane)),
            Some(next) if was_first => self.give_turn(next, now),
            Some(_) => {}
        }
    }

    /// What only waited for the event before it has all its time before it. (What waited for a receiver that is down
    /// has not: else a receiver that never comes back would be tried 75 h for each event of a call.)
    fn give_turn(&mut self, seq: u64, now: Instant) {
        let down = self.is_down();
        if let Some(next) = self.unsettled.get_mut(&seq).filter(|next| next.tried == 0 && !down) {
            next.since = now;
        }
        self.schedule(seq, now);
    }

    /// Begins nothing more until [`Plan::rewind`].
    pub(crate) fn drain(&mut self) {
        self.draining = true;
    }

    /// Whether an attempt is under way.
    pub(crate) const fn is_idle(&self) -> bool {
        self.in_flight == 0
    }

    /// Begins anew after a position: what lies behind it will be offered again, what lies before stays to be delivered.
    /// No attempt may be under way.
    pub(crate) fn rewind(&mut self, now: Instant, after: u64) {
        debug_assert!(self.is_idle(), "an event would be sent twice at once");
        let before = std::mem::take(&mut self.unsettled);
        self.lanes.clear();
        self.due.clear();
        (self.bytes, self.draining) = (0, false);
        self.health = self.health.anew();
        for (_, delivery) in before.into_iter().filter(|(seq, _)| *seq <= after) {
            self.offer(now, Delivery { due: None, ..delivery });
        }
        self.settled.retain(|view| view.sequence.0 <= after);
        let kept = self.dead.len();
        self.dead.retain(|view| view.sequence.0 <= after);
        self.dead_count -= (kept - self.dead.len()) as u64;
    }

    /// The receiver said that it is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.health.is_gone()
    }

    /// It was said before the restart.
    pub(crate) fn set_gone(&mut self) {
        self.health.set_gone();
    }

    /// The receiver asked for it before the restart.
    pub(crate) fn leave_alone_until(&mut self, at: Instant) {
        self.health.leave_alone_until(at);
    }

    /// When a receiver that is down is tried next.
    pub(crate) fn probe_at(&self) -> Option<Instant> {
        self.health.probe_at()
    }

    /// The events that wait for this one to be told.
    pub(crate) fn behind(&self, seq: u64) -> impl Iterator<Item = &Bytes> {
        let lane = self.unsettled.get(&seq).and_then(|delivery| self.lanes.get(&delivery.lane));
        let behind = lane.into_iter().flatten().filter(move |other| **other > seq);
        behind.filter_map(|other| self.unsettled.get(other)).map(|delivery| &delivery.payload)
    }

    /// Whether an event is not settled.
    pub(crate) fn has(&self, seq: u64) -> bool {
        self.unsettled.contains_key(&seq)
    }

    /// What is not settled, oldest first.
    pub(crate) fn unsettled(&self) -> impl Iterator<Item = &Delivery> {
        self.unsettled.values()
    }

    /// The oldest that is not settled.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.unsettled.keys().next().copied()
    }

    /// How many dead letters there are, also those that are not kept any more.
    pub(crate) const fn dead(&self) -> u64 {
        self.dead_count
    }

    /// The dead letters that are kept, oldest first.
    pub(crate) fn dead_letters(&self) -> impl Iterator<Item = &DeliveryView> {
        self.dead.iter()
    }

    /// Those of before the restart.
    pub(crate) fn remember_dead(&mut self, letters: impl IntoIterator<Item = DeliveryView>, count: u64) {
        self.dead.extend(letters);
        self.dead_count = count;
    }

    /// The receiver counts as down.
    pub(crate) const fn is_down(&self) -> bool {
        self.health.is_down()
    }

    /// The latest deliveries, newest first.
    pub(crate) fn views(&self) -> Vec<DeliveryView> {
        let state = |delivery: &Delivery| match (self.is_gone(), delivery.refusals) {
            (true, _) => DeliveryState::Disabled,
            (false, 0) => DeliveryState::Pending,
            (false, _) => DeliveryState::Refused,
        };
        let latest = self.unsettled.values().rev().take(SHOWN);
        let unsettled = latest.map(|delivery| delivery.view(state(delivery)));
        let mut views: Vec<DeliveryView> =
            unsettled.chain(self.settled.iter().cloned()).chain(self.dead.iter().cloned()).collect();
        views.sort_by_key(|view| std::cmp::Reverse(view.sequence));
        views
    }
}

fn push_bounded(list: &mut VecDeque<DeliveryView>, view: DeliveryView, most: usize) {
    if list.len() >= most {
        list.pop_front();
    }
    list.push_back(view);
}

/// `1 s · 2^(tried - 1)`, at most `cap`, spread by a fifth either way.
fn backoff(seed: u64, seq: u64, tried: u32, cap: Duration) -> Duration {
    let doubled = Duration::from_secs(1).saturating_mul(1 << tried.saturating_sub(1).min(20));
    let lot = mix(seed ^ mix(seq) ^ u64::from(tried)) >> 11;
    doubled.min(cap).mul_f64(0.8 + 0.4 * (lot as f64 / (1_u64 << 53) as f64))
}

/// SplitMix64's finaliser: spreads neighbouring numbers.
const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 31)
}
