//! How long a caller will wait, as far as it can be told.

use hookswitch_model::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// A queue's answers: their mean distance in time while somebody waited.
///
/// The estimate is the place times that distance. It needs no model of agents, follows the load within about eight
/// answers, and is only as good as the next minutes are like the last. While nothing is answered the time since the
/// last answer counts as the distance, so that an estimate grows when the agents leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Pace {
    /// From when the next distance counts: the last answer, or when the queue stopped being empty.
    from: Option<Timestamp>,
    /// Mean distance; none before the second answer.
    distance: Option<Millis>,
    answers: u64,
}

impl Pace {
    /// The first call came into an empty queue.
    pub(super) const fn began(&mut self, now: Timestamp) {
        self.from = Some(now);
    }

    /// A call was answered.
    pub(super) fn answered(&mut self, now: Timestamp) {
        let distance = self.from.map_or(Millis(0), |from| now.since(from));
        self.answers += 1;
        self.distance = match self.distance {
            // An eighth of the new to seven eighths of the old.
            Some(mean) => Some(Millis((mean.0 * 7 + distance.0) / 8)),
            None if self.answers >= 2 => Some(distance),
            None => None,
        };
        self.from = Some(now);
    }

    /// Seconds until the call at this place is answered.
    pub(super) fn estimate_s(&self, now: Timestamp, place: usize) -> Option<u64> {
        let stalled = self.from.map_or(Millis(0), |from| now.since(from));
        let distance = self.distance?.max(stalled);
        let place = u64::try_from(place).unwrap_or(u64::MAX);
        Some(Millis(distance.0.saturating_mul(place)).as_secs_ceil())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(secs * 1_000)
    }

    #[test]
    fn the_estimate_is_the_place_times_the_distance_of_answers() {
        let mut pace = Pace::default();
        pace.began(at(0));
        assert_eq!(pace.estimate_s(at(0), 1), None, "nothing is known yet");
        for answer in 1..=5 {
            pace.answered(at(answer * 10));
        }
        assert_eq!(pace.estimate_s(at(50), 3), Some(30));
    }

    #[test]
    fn the_estimate_grows_while_nothing_is_answered_and_a_night_does_not_count() {
        let mut pace = Pace::default();
        pace.began(at(0));
        pace.answered(at(10));
        pace.answered(at(20));
        assert_eq!(pace.estimate_s(at(80), 2), Some(120), "stalled for a minute");
        pace.began(at(30_000));
        assert_eq!(pace.estimate_s(at(30_000), 1), Some(10), "the first call of the morning");
    }
}
