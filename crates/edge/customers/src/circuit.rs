//! A CRM that is down is left alone: callers' questions are answered at once, and one of them tries it now and then.
//!
//! ```text
//! closed ──5 failures in a row──► open ──wait over──► one probe ──answers──► closed
//!                                  ▲                     │
//!                                  └──fails, wait doubled┘
//! ```

use std::time::{Duration, Instant};

/// So many failures in a row are no accident.
const FAILURES: u32 = 5;
/// The first wait.
const WAIT: Duration = Duration::from_secs(5);
/// The longest.
const LONGEST: Duration = Duration::from_secs(60);

/// Whether the CRM is asked.
#[derive(Debug, Default)]
pub(crate) struct Circuit {
    failures: u32,
    /// Until then it is left alone.
    open_until: Option<Instant>,
    wait: Duration,
    /// One asks it now, since then.
    probing: Option<Instant>,
}

impl Circuit {
    /// Whether it may be asked now. Who is told so has to say how it went, within `patience`.
    pub(crate) fn allows(&mut self, now: Instant, patience: Duration) -> bool {
        let Some(until) = self.open_until else { return true };
        // A probe that never came back is given up.
        let probed = self.probing.is_some_and(|since| now < since + patience);
        if now < until || probed {
            return false;
        }
        self.probing = Some(now);
        true
    }

    /// It answered.
    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// It did not answer, or said that it cannot; `retry_after` when it said for how long.
    pub(crate) fn failed(&mut self, now: Instant, retry_after: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        let was_open = self.open_until.is_some();
        if self.failures < FAILURES && !was_open && retry_after.is_none() {
            return;
        }
        if was_open && self.probing.take().is_none() {
            // A straggler from before it was left alone says nothing new.
            return;
        }
        self.wait = if was_open { (self.wait * 2).min(LONGEST) } else { WAIT };
        let wait = retry_after.map_or(self.wait, |wait| wait.clamp(self.wait, LONGEST));
        self.open_until = Some(now + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A circuit that has just been opened.
    fn open(now: Instant) -> Circuit {
        let mut circuit = Circuit::default();
        for _ in 0..FAILURES {
            assert!(circuit.allows(now, PATIENCE));
            circuit.failed(now, None);
        }
        circuit
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_one_success_between_does_not() {
        let now = Instant::now();
        assert!(!open(now).allows(now, PATIENCE));
        let mut circuit = Circuit::default();
        for round in 0..20 {
            circuit.failed(now, None);
            if round % 4 == 3 {
                circuit.succeeded();
            }
            assert!(circuit.allows(now, PATIENCE), "{round}");
        }
    }

    #[test]
    fn one_probe_at_a_time_and_the_wait_doubles() {
        let now = Instant::now();
        let mut circuit = open(now);
        assert!(!circuit.allows(now + s(4), PATIENCE));
        assert!(circuit.allows(now + s(5), PATIENCE));
        assert!(!circuit.allows(now + s(5), PATIENCE), "somebody probes already");
        circuit.failed(now + s(5), None);
        assert!(!circuit.allows(now + s(14), PATIENCE));
        assert!(circuit.allows(now + s(15), PATIENCE));
        circuit.succeeded();
        assert!(circuit.allows(now + s(15), PATIENCE) && circuit.allows(now + s(15), PATIENCE));
    }

    #[test]
    fn a_probe_that_never_comes_back_is_given_up() {
        let now = Instant::now();
        let mut circuit = open(now);
        assert!(circuit.allows(now + s(5), PATIENCE));
        assert!(circuit.allows(now + s(6), PATIENCE));
    }

    #[test]
    fn retry_after_is_heeded_within_reason() {
        let now = Instant::now();
        let mut circuit = Circuit::default();
        circuit.failed(now, Some(s(20)));
        assert!(!circuit.allows(now + s(19), PATIENCE) && circuit.allows(now + s(20), PATIENCE));
        let mut circuit = Circuit::default();
        circuit.failed(now, Some(Duration::MAX));
        assert!(circuit.allows(now + LONGEST, PATIENCE));
    }

    #[test]
    fn stragglers_do_not_lengthen_the_wait() {
        let now = Instant::now();
        let mut circuit = open(now);
        for _ in 0..10 {
            circuit.failed(now + s(1), None);
        }
        assert!(circuit.allows(now + s(5), PATIENCE));
    }
}
