//! Moments as the public JSON writes them.

use std::fmt;

use hookswitch_model::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::sequence::digits;

/// Bytes of a moment.
const LENGTH: usize = 27;
/// Microseconds of a day.
const DAY: u64 = 86_400_000_000;
/// The last microsecond of the year 9999.
const LATEST: u64 = 253_402_300_799_999_999;

/// A moment in RFC 3339, UTC, with microseconds: `2026-11-21T19:00:00.123456Z`. Always 27 characters, so that the
/// texts sort as the moments do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time(pub Timestamp);

impl Time {
    /// The moment of this text.
    ///
    /// # Errors
    /// The parser's words when it is not a moment of RFC 3339, or lies before 1970.
    pub fn parse(text: &str) -> Result<Self, String> {
        let moment: jiff::Timestamp = text.parse().map_err(|error: jiff::Error| error.to_string())?;
        let micros =
            u64::try_from(moment.as_microsecond()).map_err(|_| format!("{text} lies before 1970"))?;
        Ok(Self(Timestamp::from_micros(micros)))
    }
}

impl Time {
    /// The text. Written by hand because an event holds up to six moments, and this is a third of the cost of encoding
    /// it otherwise.
    fn text(self) -> [u8; LENGTH] {
        let micros = self.0.as_micros().min(LATEST);
        let (days, within) = (micros / DAY, micros % DAY);
        let (year, month, day) = civil(days);
        let second = within / 1_000_000;
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        text[..4].copy_from_slice(&digits::<4>(year));
        for (at, value) in
            [(5, month), (8, day), (11, second / 3600), (14, second / 60 % 60), (17, second % 60)]
        {
            text[at..at + 2].copy_from_slice(&digits::<2>(value));
        }
        text[20..26].copy_from_slice(&digits::<6>(within % 1_000_000));
        text
    }
}

/// Year, month and day, so many days after 1970-01-01. Years are counted from March, so that the leap day is the last:
/// then months have 153 days in five, years 1461 in four, centuries 146097 in four.
const fn civil(days: u64) -> (u64, u64, u64) {
    // 719468 days lie between 0000-03-01 and 1970-01-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_six_decimals_even_when_they_are_zero() {
        let at = Time(Timestamp::from_micros(1_795_287_600_000_000));
        assert_eq!(at.to_string(), "2026-11-21T19:00:00.000000Z");
        let at = Time(Timestamp::from_micros(1_795_287_600_123_456));
        assert_eq!(at.to_string(), "2026-11-21T19:00:00.123456Z");
        assert_eq!(Time::parse("2026-11-21T19:00:00.123456Z"), Ok(at));
        assert_eq!(Time::parse("2026-11-21T20:00:00.123456+01:00"), Ok(at));
    }

    #[test]
    fn a_moment_beyond_the_calendar_is_the_last_one_of_it() {
        assert_eq!(Time(Timestamp::from_micros(u64::MAX)).to_string(), "9999-12-31T23:59:59.999999Z");
        assert!(Time::parse("1969-12-31T23:59:59Z").is_err());
    }

    #[test]
    fn every_day_of_four_centuries_is_that_of_the_calendar() {
        let mut date = jiff::civil::date(1970, 1, 1);
        for day in 0..146_097 {
            let at = Time(Timestamp::from_micros(day * DAY + DAY - 1));
            assert_eq!(at.to_string(), format!("{date}T23:59:59.999999Z"));
            date = date.tomorrow().unwrap();
        }
    }
}
