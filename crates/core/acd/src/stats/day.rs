//! The day that figures are counted in: from local midnight to local midnight.

use hookswitch_model::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// A day of the configured time zone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Day {
    zone: String,
    /// Since when is counted.
    pub(super) began: Timestamp,
    /// The next midnight; none before the first input.
    pub(super) ends: Option<Timestamp>,
}

impl Day {
    /// Days are those of this time zone. A change of it moves the end of the day, not its begin.
    pub(super) fn of_zone(&mut self, zone: &str, now: Timestamp) {
        if self.ends.is_some() && self.zone == zone {
            return;
        }
        zone.clone_into(&mut self.zone);
        let (began, ends) = self.around(now);
        if self.ends.is_none() {
            self.began = began;
        }
        self.ends = Some(ends);
    }

    /// Whether it is over.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.ends.is_some_and(|ends| ends <= now)
    }

    /// The day that this moment is in.
    pub(super) fn turn(&mut self, now: Timestamp) {
        let (began, ends) = self.around(now);
        (self.began, self.ends) = (began, Some(ends));
    }

    /// The midnights before and after.
    pub(super) fn around(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        // The configuration was checked; should a name be unknown all the same, days are those of UTC.
        let zone = TimeZoneDatabase::bundled().get(&self.zone).unwrap_or(TimeZone::UTC);
        let micros = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        let here = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX).to_zoned(zone);
        let midnight = |zoned: Option<jiff::Zoned>| {
            let micros = zoned.map(|midnight| midnight.timestamp().as_microsecond());
            micros.and_then(|micros| u64::try_from(micros).ok()).map(Timestamp::from_micros)
        };
        let tomorrow = here.date().tomorrow().and_then(|date| date.to_zoned(here.time_zone().clone()));
        (
            midnight(here.start_of_day().ok()).unwrap_or_default(),
            midnight(tomorrow.ok()).unwrap_or(Timestamp::from_micros(u64::MAX)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-10-25T12:00:00Z.
    const NOON: Timestamp = Timestamp::from_millis(1_792_929_600_000);
    const HOUR: u64 = 3_600_000;

    #[test]
    fn a_day_is_as_long_as_the_zone_makes_it() {
        let mut day = Day::default();
        assert!(!day.is_over(NOON), "nothing has begun");
        day.of_zone("Europe/Berlin", NOON);
        let ends = day.ends.unwrap();
        assert_eq!(ends.since(day.began).0, 25 * HOUR, "the clocks go back");
        assert!(!day.is_over(Timestamp::from_micros(ends.as_micros() - 1)) && day.is_over(ends));
        day.turn(ends);
        assert_eq!((day.began, day.ends.unwrap().since(ends).0), (ends, 24 * HOUR));
    }

    #[test]
    fn another_zone_ends_the_day_elsewhere_and_loses_nothing_of_it() {
        let mut day = Day::default();
        day.of_zone("UTC", NOON);
        let began = day.began;
        day.of_zone("Asia/Tokyo", NOON);
        assert_eq!((day.began, day.ends.unwrap().since(NOON).0), (began, 3 * HOUR));
        day.of_zone("Nowhere/Land", NOON);
        assert_eq!(day.ends.unwrap().since(NOON).0, 12 * HOUR, "as UTC");
    }
}
