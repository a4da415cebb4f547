//! Moments as the public JSON writes them.

use std::fmt;

use hookswitch_model::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

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

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        static PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
        let micros = i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX);
        let moment = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
        let mut text = String::with_capacity(27);
        PRINTER.print_timestamp(&moment, &mut text).map_err(|_| fmt::Error)?;
        f.write_str(&text)
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
        serializer.collect_str(self)
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
        assert_eq!(Time(Timestamp::from_micros(u64::MAX)).to_string(), "9999-12-30T22:00:00.999999Z");
        assert!(Time::parse("1969-12-31T23:59:59Z").is_err());
    }
}
