//! Whether a receiver answers, and how much it is given at once: the circuit of one endpoint.
//!
//! ```text
//!        3 failures in a row, 429, 503 or Retry-After          410
//!   up ───────────────────────────────────────────────→ down ─────→ gone
//!    ↑                                                   │ ↑          │
//!    └────── a probe is answered: width 1, growing ──────┘ │ fails    │ replayed,
//!    ↑                                                     └─┘        │ reconfigured
//!    └────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Up, as many deliveries go side by side as the width says: each failure halves it, each answer adds one, so that a
//! receiver in trouble gets less before it is given up on, and one that is back is not flooded. Down, one delivery at a
//! time tries whether it is back. While it is only one or two events that failed, it may be for them: an event that was
//! never tried then does not wait for the next probe but is one.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row after which the receiver counts as down.
const DOWN_AFTER: usize = 3;
/// The longest until a receiver that is down is tried again.
const PROBE_CAP: Duration = Duration::from_secs(300);
/// The longest `Retry-After` that is heeded.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// See the module.
#[derive(Debug)]
pub(super) struct Health {
    circuit: Circuit,
    /// Which failed since the last answer, up to [`DOWN_AFTER`] of them.
    suspects: Vec<u64>,
    /// How many deliveries may go side by side now.
    width: usize,
    /// And at most.
    most: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Circuit {
    Up {
        /// In a row.
        failures: usize,
    },
    /// So many probes failed; `probing` is under way.
    Down {
        probes: u32,
        probe_at: Instant,
        probing: Option<u64>,
        /// It said itself that it wants to be left alone.
        asked: bool,
    },
    Gone,
}

/// What is to be started next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next {
    /// When it is to be tried.
    pub(super) due: Instant,
    /// It never was.
    pub(super) is_new: bool,
}

/// What an attempt tells of the receiver when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Trouble {
    /// It said that it has too much to do (429, 503).
    pub(crate) overloaded: bool,
    /// How long it asked to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

impl Trouble {
    /// How long it is to be left alone.
    pub(super) fn pause(self) -> Duration {
        self.retry_after.unwrap_or_default().min(PATIENCE)
    }
}

impl Health {
    pub(super) const fn new(most: usize) -> Self {
        Self { circuit: Circuit::Up { failures: 0 }, suspects: Vec::new(), width: most, most }
    }

    /// The same receiver, of which nothing is known.
    pub(super) const fn anew(&self) -> Self {
        Self::new(self.most)
    }

    /// Whether this one may be started, with so many in flight.
    pub(super) fn lets_start(&self, now: Instant, next: Next, in_flight: usize) -> bool {
        self.wake_at(next, in_flight).is_some_and(|at| at <= now)
    }

    /// When this one may be started, if nothing else happens.
    pub(super) fn wake_at(&self, next: Next, in_flight: usize) -> Option<Instant> {
        match self.circuit {
            Circuit::Up { .. } => (in_flight < self.width).then_some(next.due),
            Circuit::Down { probe_at, asked, .. } => {
                let doubted = !asked && self.suspects.len() < DOWN_AFTER;
                let at = if next.is_new && doubted { next.due.min(probe_at) } else { probe_at };
                (in_flight == 0).then_some(at)
            }
            Circuit::Gone => None,
        }
    }

    pub(super) fn started(&mut self, seq: u64) {
        if let Circuit::Down { probing, .. } = &mut self.circuit {
            *probing = Some(seq);
        }
    }

    /// The receiver answered as one that works. True when it was down until now.
    pub(super) fn answered(&mut self) -> bool {
        self.suspects.clear();
        let was = std::mem::replace(&mut self.circuit, Circuit::Up { failures: 0 });
        match was {
            Circuit::Up { .. } => self.width = (self.width + 1).min(self.most),
            Circuit::Down { .. } => self.width = 1,
            // Said by an earlier attempt; one that was under way then changes nothing.
            Circuit::Gone => self.circuit = Circuit::Gone,
        }
        matches!(was, Circuit::Down { .. })
    }

    /// An attempt failed. `pause` is how long until the probe after so many of them.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        seq: u64,
        trouble: Trouble,
        pause: impl Fn(u32, Duration) -> Duration,
    ) {
        self.width = (self.width / 2).max(1);
        if self.suspects.len() < DOWN_AFTER && !self.suspects.contains(&seq) {
            self.suspects.push(seq);
        }
        let asked = trouble.overloaded || trouble.retry_after.is_some();
        let down = |probes: u32| Circuit::Down {
            probes,
            probe_at: now + pause(probes.saturating_add(1), PROBE_CAP).max(trouble.pause()),
            probing: None,
            asked,
        };
        self.circuit = match self.circuit {
            Circuit::Up { failures } if failures + 1 >= DOWN_AFTER || asked => down(0),
            Circuit::Up { failures } => Circuit::Up { failures: failures + 1 },
            Circuit::Down { probes, probing, .. } if probing == Some(seq) => down(probes.saturating_add(1)),
            // It was begun while the receiver was up, and tells nothing new but how long to wait.
            Circuit::Down { probes, probe_at, probing, asked: before } => Circuit::Down {
                probes,
                probe_at: probe_at.max(now + trouble.pause()),
                probing,
                asked: asked || before,
            },
            Circuit::Gone => Circuit::Gone,
        };
    }

    /// The receiver asked for it before a restart.
    pub(super) fn leave_alone_until(&mut self, at: Instant) {
        self.circuit = Circuit::Down { probes: 0, probe_at: at, probing: None, asked: true };
    }

    /// It is gone for good, until it is replayed or reconfigured.
    pub(super) fn set_gone(&mut self) {
        self.circuit = Circuit::Gone;
    }

    pub(super) fn is_gone(&self) -> bool {
        self.circuit == Circuit::Gone
    }

    pub(super) const fn is_down(&self) -> bool {
        matches!(self.circuit, Circuit::Down { .. })
    }

    /// When a receiver that is down is tried next.
    pub(super) const fn probe_at(&self) -> Option<Instant> {
        match self.circuit {
            Circuit::Down { probe_at, .. } => Some(probe_at),
            Circuit::Up { .. } | Circuit::Gone => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pause(probes: u32, cap: Duration) -> Duration {
        (SECOND * 2_u32.pow(probes - 1)).min(cap)
    }

    fn tried(due: Instant) -> Next {
        Next { due, is_new: false }
    }

    fn in_flight_at_most(health: &Health, now: Instant) -> usize {
        (0..100).take_while(|in_flight| health.lets_start(now, tried(now), *in_flight)).count()
    }

    #[test]
    fn each_failure_halves_what_goes_side_by_side_and_each_answer_adds_one() {
        let (mut health, now) = (Health::new(16), Instant::now());
        let mut widths = vec![in_flight_at_most(&health, now)];
        for failed in [true, true, false, true, false, false, false] {
            if failed {
                health.failed(now, 1, Trouble::default(), pause);
            } else {
                assert!(!health.answered());
            }
            widths.push(in_flight_at_most(&health, now));
        }
        assert_eq!(widths, [16, 8, 4, 5, 2, 3, 4, 5]);
    }

    #[test]
    fn three_failures_in_a_row_or_one_overload_open_the_circuit() {
        let now = Instant::now();
        let overloaded = Trouble { overloaded: true, retry_after: None };
        let asked = Trouble { overloaded: false, retry_after: Some(SECOND) };
        for (troubles, down) in [
            (vec![Trouble::default(); 2], false),
            (vec![Trouble::default(); 3], true),
            (vec![overloaded], true),
            (vec![asked], true),
        ] {
            let mut health = Health::new(16);
            for trouble in &troubles {
                health.failed(now, 1, *trouble, pause);
            }
            assert_eq!(health.is_down(), down, "{troubles:?}");
        }
    }

    #[test]
    fn one_probe_at_a_time_later_and_later_and_a_slow_start_when_it_is_back() {
        let (mut health, mut now) = (Health::new(16), Instant::now());
        health.failed(now, 1, Trouble { overloaded: true, retry_after: Some(SECOND * 30) }, pause);
        assert_eq!(health.wake_at(tried(now), 0), Some(now + SECOND * 30), "as it asked");
        // Begun before: tells nothing new.
        health.failed(now, 2, Trouble::default(), pause);
        let mut waits = Vec::new();
        for _ in 0..12 {
            let at = health.wake_at(tried(now), 0).unwrap();
            waits.push((at - now).as_secs());
            now = at;
            assert_eq!(in_flight_at_most(&health, now), 1);
            health.started(7);
            health.failed(now, 7, Trouble::default(), pause);
        }
        assert_eq!(waits, [30, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert!(health.answered());
        let mut widths = vec![in_flight_at_most(&health, now)];
        for _ in 0..20 {
            health.answered();
            widths.push(in_flight_at_most(&health, now));
        }
        assert_eq!(widths[..4], [1, 2, 3, 4]);
        assert_eq!(widths[20], 16);
    }

    #[test]
    fn gone_stays_gone_whatever_was_under_way() {
        let (mut health, now) = (Health::new(4), Instant::now());
        health.set_gone();
        assert!(!health.answered());
        health.failed(now, 1, Trouble::default(), pause);
        assert!(health.is_gone());
        assert_eq!((in_flight_at_most(&health, now), health.wake_at(tried(now), 0)), (0, None));
    }

    #[test]
    fn while_few_events_failed_a_new_one_is_not_made_to_wait_for_them() {
        let now = Instant::now();
        let fresh = Next { due: now, is_new: true };
        let mut health = Health::new(16);
        for _ in 0..3 {
            health.failed(now, 1, Trouble::default(), pause);
        }
        assert!(health.is_down());
        assert!(!health.lets_start(now, tried(now), 0), "the one that failed waits");
        assert!(health.lets_start(now, fresh, 0) && !health.lets_start(now, fresh, 1), "one at a time");
        for seq in [2, 3] {
            health.started(seq);
            health.failed(now, seq, Trouble::default(), pause);
        }
        assert!(!health.lets_start(now, fresh, 0), "three failed: it is the receiver");

        let mut busy = Health::new(16);
        busy.failed(now, 1, Trouble { overloaded: true, retry_after: None }, pause);
        assert!(!busy.lets_start(now, fresh, 0), "who wants to be left alone is left alone");
    }
}
