//! What to deliver when: a state machine without socket or clock.
//!
//! ```text
//!           offer                start                 2xx
//! (journal) ─────→ waits in its lane ─→ in flight ─────────────→ delivered
//!                    ↑                     │ else, before 75 h
//!                    └──── back-off ───────┤
//!                                          ├ after 75 h ───────→ dead
//!                                          └ 410: all stops ───→ disabled
//! ```
//!
//! Only the first of a lane is ever tried, so that the events of a call arrive in order. The receiver as a whole is up
//! or down: after three failures in a row, or when it says `Retry-After`, one delivery at a time tries whether it is
//! back, and then all go on at once.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::delivery::{Attempt, Delivery, DeliveryState, DeliveryView, Lane};

/// How many settled deliveries are shown, and as many dead ones.
const SHOWN: usize = 1_000;
/// How many deliveries may be unsettled before the journal is read on.
const WINDOW: usize = 4_096;
/// How many bytes of events they may hold.
const WINDOW_BYTES: usize = 16 * 1024 * 1024;
/// Failures in a row after which the receiver counts as down.
const DOWN_AFTER: u32 = 3;
/// The longest until a receiver that is down is tried again.
const PROBE_CAP: Duration = Duration::from_secs(300);
/// The longest until a delivery is tried again.
const RETRY_CAP: Duration = Duration::from_secs(3600);
/// The longest `Retry-After` that is heeded.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The receiver took it.
    Delivered,
    /// It did not.
    Failed {
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// It is gone for good (410).
    Gone,
    /// It cannot be made: no attempt would help.
    Impossible,
}

/// What to post now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) seq: u64,
    pub(crate) event: String,
    pub(crate) prev: Option<u64>,
    pub(crate) payload: Bytes,
}

/// Whether the receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Up {
        failures: u32,
    },
    /// So many probes failed; `probing` is under way.
    Down {
        probes: u32,
        probe_at: Instant,
        probing: Option<u64>,
    },
    Gone,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Plan {
    concurrency: usize,
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
    health: Health,
    settled: VecDeque<DeliveryView>,
    dead: VecDeque<DeliveryView>,
    dead_count: u64,
}

impl Plan {
    pub(crate) fn new(concurrency: usize, give_up_after: Duration, seed: u64) -> Self {
        Self {
            concurrency: concurrency.max(1),
            give_up_after,
            seed,
            unsettled: BTreeMap::new(),
            bytes: 0,
            lanes: HashMap::new(),
            due: BTreeSet::new(),
            in_flight: 0,
            health: Health::Up { failures: 0 },
            settled: VecDeque::new(),
            dead: VecDeque::new(),
            dead_count: 0,
        }
    }

    /// Whether more may be offered.
    pub(crate) fn has_room(&self) -> bool {
        self.health != Health::Gone && self.unsettled.len() < WINDOW && self.bytes < WINDOW_BYTES
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
            if let Some(before) = delivery.due.replace(at) {
                self.due.remove(&(before, seq));
            }
            self.due.insert((at, seq));
        }
    }

    /// The next to post, if one is due.
    pub(crate) fn start(&mut self, now: Instant) -> Option<Job> {
        let (due, seq) = *self.due.first()?;
        let free = match self.health {
            Health::Up { .. } => due <= now && self.in_flight < self.concurrency,
            Health::Down { probe_at, .. } => probe_at <= now && self.in_flight == 0,
            Health::Gone => false,
        };
        if !free {
            return None;
        }
        if let Health::Down { probing, .. } = &mut self.health {
            *probing = Some(seq);
        }
        self.due.pop_first();
        let delivery = self.unsettled.get_mut(&seq)?;
        (delivery.in_flight, delivery.due) = (true, None);
        self.in_flight += 1;
        Some(Job {
            seq,
            event: delivery.event.clone(),
            prev: delivery.prev,
            payload: delivery.payload.clone(),
        })
    }

    /// When [`Plan::start`] is to be asked again, if nothing else happens.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let (due, _) = *self.due.first()?;
        match self.health {
            Health::Up { .. } => (self.in_flight < self.concurrency).then_some(due),
            Health::Down { probe_at, .. } => (self.in_flight == 0).then_some(probe_at),
            Health::Gone => None,
        }
    }

    /// What came of an attempt.
    pub(crate) fn outcome(&mut self, now: Instant, seq: u64, attempt: Attempt, verdict: Verdict) {
        let Some(delivery) = self.unsettled.get_mut(&seq).filter(|delivery| delivery.in_flight) else {
            return;
        };
        delivery.in_flight = false;
        delivery.note(attempt);
        self.in_flight -= 1;
        match verdict {
            Verdict::Delivered => {
                self.settle(now, seq, DeliveryState::Delivered);
                self.is_up(now);
            }
            Verdict::Impossible => self.settle(now, seq, DeliveryState::Dead),
            Verdict::Gone => {
                self.schedule(seq, now);
                self.health = Health::Gone;
            }
            Verdict::Failed { retry_after } => self.failed(now, seq, retry_after),
        }
    }

    fn is_up(&mut self, now: Instant) {
        if matches!(self.health, Health::Down { .. }) {
            for (_, seq) in std::mem::take(&mut self.due) {
                self.schedule(seq, now);
            }
        }
        if self.health != Health::Gone {
            self.health = Health::Up { failures: 0 };
        }
    }

    fn failed(&mut self, now: Instant, seq: u64, retry_after: Option<Duration>) {
        let asked = retry_after.unwrap_or_default().min(PATIENCE);
        let tried = self.unsettled.get(&seq).map_or(1, |delivery| delivery.tried);
        let pause = self.backoff(seq, tried, RETRY_CAP).max(asked);
        self.schedule(seq, now + pause);
        let down = |probes, pause: Duration| Health::Down {
            probes,
            probe_at: now + pause.max(asked),
            probing: None,
        };
        self.health = match self.health {
            Health::Up { failures } if failures + 1 >= DOWN_AFTER || retry_after.is_some() => {
                down(0, self.backoff(0, 1, PROBE_CAP))
            }
            Health::Up { failures } => Health::Up { failures: failures + 1 },
            Health::Down { probes, probing, .. } if probing == Some(seq) => {
                down(probes.saturating_add(1), self.backoff(0, probes.saturating_add(2), PROBE_CAP))
            }
            // It was begun while the receiver was up, and tells nothing new but how long to wait.
            Health::Down { probes, probe_at, probing } => {
                Health::Down { probes, probe_at: probe_at.max(now + asked), probing }
            }
            Health::Gone => Health::Gone,
        };
        self.bury(now, seq);
    }

    /// Gives up on a failed delivery that was tried long enough; while the receiver is down, on all that old.
    fn bury(&mut self, now: Instant, seq: u64) {
        let down = matches!(self.health, Health::Down { .. });
        let old = |delivery: &&Delivery| {
            !delivery.in_flight && now.saturating_duration_since(delivery.since) >= self.give_up_after
        };
        let dead: Vec<u64> = match self.unsettled.get(&seq).filter(old) {
            None => Vec::new(),
            Some(_) if down => self.unsettled.values().filter(old).map(|delivery| delivery.seq).collect(),
            Some(_) => vec![seq],
        };
        for seq in dead {
            self.settle(now, seq, DeliveryState::Dead);
        }
    }

    /// `base · 2^(tried - 1)`, at most `cap`, spread by a fifth either way.
    fn backoff(&self, seq: u64, tried: u32, cap: Duration) -> Duration {
        let doubled = Duration::from_secs(1).saturating_mul(1 << tried.saturating_sub(1).min(20));
        let lot = mix(self.seed ^ mix(seq) ^ u64::from(tried)) >> 11;
        doubled.min(cap).mul_f64(0.8 + 0.4 * (lot as f64 / (1_u64 << 53) as f64))
    }

    fn settle(&mut self, now: Instant, seq: u64, state: DeliveryState) {
        let Some(delivery) = self.unsettled.remove(&seq) else { return };
        self.bytes -= delivery.payload.len();
        if let Some(due) = delivery.due {
            self.due.remove(&(due, seq));
        }
        self.advance(now, &delivery.lane, seq);
        let (list, view) = match state {
            DeliveryState::Dead => {
                self.dead_count += 1;
                (&mut self.dead, delivery.view(state))
            }
            DeliveryState::Pending | DeliveryState::Delivered | DeliveryState::Disabled => {
                (&mut self.settled, delivery.view(state))
            }
        };
        if list.len() == SHOWN {
            list.pop_front();
        }
        list.push_back(view);
    }

    /// Takes a delivery out of its lane; the next one's turn has come if it was the first.
    fn advance(&mut self, now: Instant, lane: &Lane, seq: u64) {
        let Some(queue) = self.lanes.get_mut(lane) else { return };
        let was_first = queue.front() == Some(&seq);
        queue.retain(|other| *other != seq);
        match queue.front().copied() {
            None => drop(self.lanes.remove(lane)),
            Some(next) if was_first => self.schedule(next, now),
            Some(_) => {}
        }
    }

    /// The receiver said that it is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.health == Health::Gone
    }

    /// It was said before the restart.
    pub(crate) fn set_gone(&mut self) {
        self.health = Health::Gone;
    }

    /// Begins anew after a position: what lies behind it will be offered again, what lies before stays to be delivered.
    /// No attempt may be under way.
    pub(crate) fn rewind(&mut self, now: Instant, after: u64) {
        let before = std::mem::take(&mut self.unsettled);
        self.lanes.clear();
        self.due.clear();
        (self.bytes, self.in_flight, self.health) = (0, 0, Health::Up { failures: 0 });
        for (_, mut delivery) in before.into_iter().filter(|(seq, _)| *seq <= after) {
            (delivery.in_flight, delivery.due) = (false, None);
            self.offer(now, delivery);
        }
    }

    /// What is not settled, oldest first.
    pub(crate) fn unsettled(&self) -> impl Iterator<Item = &Delivery> {
        self.unsettled.values()
    }

    /// The oldest that is not settled.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.unsettled.keys().next().copied()
    }

    /// How many were given up since the start.
    pub(crate) const fn dead(&self) -> u64 {
        self.dead_count
    }

    /// The receiver counts as down.
    pub(crate) const fn is_down(&self) -> bool {
        matches!(self.health, Health::Down { .. })
    }

    /// The latest deliveries, newest first.
    pub(crate) fn views(&self) -> Vec<DeliveryView> {
        let pending = if self.is_gone() { DeliveryState::Disabled } else { DeliveryState::Pending };
        let unsettled = self.unsettled.values().rev().take(SHOWN).map(|delivery| delivery.view(pending));
        let mut views: Vec<DeliveryView> =
            unsettled.chain(self.settled.iter().cloned()).chain(self.dead.iter().cloned()).collect();
        views.sort_by_key(|view| std::cmp::Reverse(view.sequence));
        views
    }
}

/// SplitMix64's finaliser: spreads neighbouring numbers.
const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 31)
}
