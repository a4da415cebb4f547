//! The one place where the daemon reads the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hookswitch_model::Timestamp;
use tokio::time::Instant;

/// Wall time that never runs backwards: the monotonic clock, anchored to the wall once. A step of the system's
/// clock while the daemon runs changes no deadline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    anchor: Instant,
    micros: u64,
}

impl Clock {
    /// Starts now, or at `not_before` if the wall clock lies behind it (the journal must not run backwards).
    pub(crate) fn start(not_before: Timestamp) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let micros = u64::try_from(wall.as_micros()).unwrap_or(u64::MAX).max(not_before.as_micros());
        Self { anchor: Instant::now(), micros }
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = u64::try_from(self.anchor.elapsed().as_micros()).unwrap_or(u64::MAX);
        Timestamp::from_micros(self.micros.saturating_add(passed))
    }

    /// The instant of this moment, to sleep until.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.anchor + Duration::from_micros(at.as_micros().saturating_sub(self.micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_never_runs_behind_the_journal() {
        let ahead = Timestamp::from_micros(u64::MAX / 2);
        let clock = Clock::start(ahead);
        assert_eq!(clock.now(), ahead);
        tokio::time::advance(Duration::from_millis(5)).await;
        assert_eq!(clock.now(), ahead + hookswitch_model::Millis(5));
        assert_eq!(Instant::now(), clock.instant(clock.now()));
    }
}
