//! Which time a report is about, and into which intervals it is cut.

use std::{fmt, str::FromStr};

use hookswitch_model::Timestamp;
use jiff::{
    Zoned,
    civil::DateTime,
    tz::{TimeZone, TimeZoneDatabase},
};

/// Intervals of one report at most: a quarter of an hour for three months.
pub const MOST_INTERVALS: usize = 10_000;

/// Why a report cannot be made of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Refused {
    /// The culprit and where it stands.
    pub what: String,
    /// What would do.
    pub hint: String,
    /// It could be had in parts: the range is too large, not wrong.
    pub too_large: bool,
}

impl Refused {
    fn wrong(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into(), too_large: false }
    }

    /// More than one report may hold.
    #[must_use]
    pub fn too_large(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into(), too_large: true }
    }
}

/// The time zone of this IANA name, from the database that is part of the program.
///
/// # Errors
/// [`Refused`] when there is none.
pub fn zone(name: &str) -> Result<TimeZone, Refused> {
    TimeZoneDatabase::bundled().get(name).map_err(|_| {
        let shown: String = name.chars().take(64).collect();
        Refused::wrong(format!("tz: {shown:?} is no time zone"), "an IANA name, as in Europe/Berlin")
    })
}

/// The length of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// 15 minutes.
    Quarter,
    /// 30 minutes.
    Half,
    /// 60 minutes.
    Hour,
    /// From local midnight to local midnight.
    Day,
}

impl Interval {
    /// The name in the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quarter => "15m",
            Self::Half => "30m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// Microseconds; none for a day, which has no fixed length.
    const fn micros(self) -> Option<u64> {
        const MINUTE: u64 = 60_000_000;
        match self {
            Self::Quarter => Some(15 * MINUTE),
            Self::Half => Some(30 * MINUTE),
            Self::Hour => Some(60 * MINUTE),
            Self::Day => None,
        }
    }
}

impl FromStr for Interval {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let all = [Self::Quarter, Self::Half, Self::Hour, Self::Day];
        all.into_iter().find(|interval| interval.as_str() == text).ok_or_else(|| {
            let shown: String = text.chars().take(64).collect();
            Refused::wrong(format!("interval: {shown:?} is none"), "15m, 30m, 1h or 1d")
        })
    }
}

/// From, and until before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment after.
    pub to: Timestamp,
}

impl Span {
    /// What these texts mean: RFC 3339 (`2026-10-25T08:00:00+01:00`), or a date or a local time in the zone. Without
    /// `to` until now; without `from` from the midnight before.
    ///
    /// # Errors
    /// [`Refused`] when one is no moment, or `from` does not lie before `to`.
    pub fn parse(
        from: Option<&str>,
        to: Option<&str>,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Self, Refused> {
        let to = to.map_or(Ok(now), |text| moment("to", text, zone))?;
        let from = match from {
            Some(text) => moment("from", text, zone)?,
            None => midnight_before(to, zone),
        };
        if from < to {
            return Ok(Self { from, to });
        }
        Err(Refused::wrong(
            format!("from ({}) does not lie before to ({})", local(from, zone), local(to, zone)),
            "to is where the report ends: from=2026-10-01&to=2026-11-01 is October",
        ))
    }
}

fn moment(key: &str, text: &str, zone: &TimeZone) -> Result<Timestamp, Refused> {
    let wrong = || {
        let shown: String = text.chars().take(64).collect();
        Refused::wrong(
            format!("{key}: {shown:?} is no moment from 1970 on"),
            "RFC 3339 as in 2026-10-25T08:00:00Z (a plus sign in an address is written %2B), or a date as in 2026-10-25",
        )
    };
    // In an address a plus sign that was not written %2B has become a space.
    let offset = text.rsplit_once(' ').map(|(time, offset)| format!("{time}+{offset}"));
    let exact = || text.parse().ok().or_else(|| offset.as_deref()?.parse().ok());
    let civil = || Some(text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok()?.timestamp());
    let only_date = text.len() <= "2026-10-25".len();
    let found: Option<jiff::Timestamp> = if only_date { civil() } else { exact().or_else(civil) };
    let micros = u64::try_from(found.ok_or_else(wrong)?.as_microsecond()).map_err(|_| wrong())?;
    Ok(Timestamp::from_micros(micros))
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Zoned {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX).to_zoned(zone.clone())
}

fn at(zoned: &Zoned) -> Timestamp {
    Timestamp::from_micros(u64::try_from(zoned.timestamp().as_microsecond()).unwrap_or(0))
}

/// The begin of the day that a span ending here is in.
fn midnight_before(to: Timestamp, zone: &TimeZone) -> Timestamp {
    let last = Timestamp::from_micros(to.as_micros().saturating_sub(1));
    zoned(last, zone).start_of_day().map_or(Timestamp::default(), |midnight| at(&midnight))
}

/// A moment in RFC 3339 with the zone's offset, to the second where it is one.
fn local(moment: Timestamp, zone: &TimeZone) -> impl fmt::Display + use<> {
    zoned(moment, zone)
        .strftime(if moment.as_micros().is_multiple_of(1_000_000) {
            "%Y-%m-%dT%H:%M:%S%:z"
        } else {
            "%Y-%m-%dT%H:%M:%S.%6f%:z"
        })
        .to_string()
}

/// A span, cut into intervals that begin anew at each local midnight. The first and the last are as short as the span
/// makes them, and so is the last of a day that is no multiple of the interval.
#[derive(Debug, Clone)]
pub struct Grid {
    /// Where intervals begin, and where the last ends.
    bounds: Vec<Timestamp>,
    interval: Interval,
    zone: TimeZone,
}

impl Grid {
    /// Cuts a span.
    ///
    /// # Errors
    /// [`Refused`] when there would be more than [`MOST_INTERVALS`].
    pub fn new(span: Span, interval: Interval, zone: TimeZone) -> Result<Self, Refused> {
        let mut bounds = vec![span.from];
        let mut midnight = zoned(span.from, &zone).start_of_day().ok();
        while let Some(begin) = midnight.as_ref().map(at).filter(|begin| *begin < span.to) {
            midnight = midnight.and_then(|day| day.date().tomorrow().ok()?.to_zoned(zone.clone()).ok());
            let end = midnight.as_ref().map_or(span.to, at).min(span.to);
            let step = interval.micros().unwrap_or(u64::MAX);
            let mut next = begin.as_micros();
            while next < end.as_micros() {
                if next > span.from.as_micros() {
                    bounds.push(Timestamp::from_micros(next));
                }
                if bounds.len() > MOST_INTERVALS {
                    return Err(Refused::too_large(
                        format!(
                            "from {} to {} has more than {MOST_INTERVALS} intervals of {}",
                            local(span.from, &zone),
                            local(span.to, &zone),
                            interval.as_str()
                        ),
                        "ask for a shorter time or a longer interval",
                    ));
                }
                next = next.saturating_add(step);
            }
        }
        bounds.push(span.to);
        Ok(Self { bounds, interval, zone })
    }

    /// How many intervals there are; at least one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Never: a span is not empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole.
    #[must_use]
    pub fn span(&self) -> Span {
        self.interval_at(0, self.len())
    }

    /// The length asked for.
    #[must_use]
    pub const fn interval(&self) -> Interval {
        self.interval
    }

    /// The time zone's name.
    #[must_use]
    pub fn timezone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The interval a moment is in; none outside the span.
    #[must_use]
    pub fn place(&self, moment: Timestamp) -> Option<usize> {
        let after = self.bounds.partition_point(|bound| *bound <= moment);
        (after > 0 && after < self.bounds.len()).then(|| after - 1)
    }

    /// An interval.
    #[must_use]
    pub fn at(&self, place: usize) -> Span {
        self.interval_at(place, place + 1)
    }

    fn interval_at(&self, first: usize, end: usize) -> Span {
        let bound = |place: usize| self.bounds.get(place).copied().unwrap_or_default();
        Span { from: bound(first), to: bound(end) }
    }

    /// The intervals a span of time passes through, each with its part of the span.
    pub fn cut(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = (usize, Span)> + '_ {
        let whole = self.span();
        let (from, to) = (from.max(whole.from), to.min(whole.to));
        let first = if from < to { self.place(from) } else { None };
        let places = first.map_or(0..0, |first| first..self.len());
        places
            .map(|place| (place, self.at(place)))
            .take_while(move |(_, part)| part.from < to)
            .map(move |(place, part)| (place, Span { from: part.from.max(from), to: part.to.min(to) }))
    }

    /// A moment as the zone's clocks show it.
    #[must_use]
    pub fn local(&self, moment: Timestamp) -> impl fmt::Display + use<> {
        local(moment, &self.zone)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_348_800_000);

    fn grid(from: &str, to: &str, interval: Interval, tz: &str) -> Grid {
        let zone = zone(tz).unwrap();
        Grid::new(Span::parse(Some(from), Some(to), &zone, NOW).unwrap(), interval, zone).unwrap()
    }

    fn begins(grid: &Grid) -> Vec<String> {
        (0..grid.len()).map(|place| grid.local(grid.at(place).from).to_string()).collect()
    }

    #[test]
    fn a_day_on_which_the_clocks_change_has_23_or_25_hours() {
        assert_eq!(grid("2026-03-29", "2026-03-30", Interval::Hour, "Europe/Berlin").len(), 23);
        let autumn = grid("2026-10-25", "2026-10-26", Interval::Hour, "Europe/Berlin");
        assert_eq!(autumn.len(), 25);
        assert_eq!(begins(&autumn)[2..4], ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]);
        assert_eq!(grid("2026-10-24", "2026-10-27", Interval::Day, "Europe/Berlin").len(), 3);
    }

    #[test]
    fn intervals_begin_anew_at_midnight_where_a_day_is_no_multiple() {
        // Half an hour back: a day of 24.5 hours.
        let grid = grid("2026-04-05", "2026-04-07", Interval::Hour, "Australia/Lord_Howe");
        assert_eq!(grid.len(), 25 + 24);
        assert_eq!(begins(&grid)[25], "2026-04-06T00:00:00+10:30");
        assert_eq!(grid.at(24).to.since(grid.at(24).from).0, 1_800_000);
    }

    #[test]
    fn the_first_and_the_last_interval_are_as_short_as_the_span() {
        let grid = grid("2026-11-21T10:05:00Z", "2026-11-21T11:20:00Z", Interval::Half, "UTC");
        let lengths: Vec<_> =
            (0..grid.len()).map(|at| grid.at(at).to.since(grid.at(at).from).0 / 60_000).collect();
        assert_eq!(lengths, [25, 30, 20]);
    }

    #[test]
    fn moments_are_rfc_3339_dates_or_local_times() {
        let zone = zone("Europe/Berlin").unwrap();
        let read = |text: &str| moment("from", text, &zone).map(|at| local(at, &TimeZone::UTC).to_string());
        assert_eq!(read("2026-11-21").unwrap(), "2026-11-20T23:00:00+00:00");
        assert_eq!(read("2026-11-21T08:00").unwrap(), "2026-11-21T07:00:00+00:00");
        assert_eq!(read("2026-11-21 08:00:00").unwrap(), "2026-11-21T07:00:00+00:00");
        assert_eq!(read("2026-11-21T08:00:00Z").unwrap(), "2026-11-21T08:00:00+00:00");
        assert_eq!(read("2026-11-21T08:00:00.5+05:30").unwrap(), "2026-11-21T02:30:00.500000+00:00");
        assert_eq!(
            read("2026-11-21T08:00:00 05:30").unwrap(),
            "2026-11-21T02:30:00+00:00",
            "+ became a space"
        );
        for text in ["", "yesterday", "2026-13-01", "1969-12-31T00:00:00Z", "99999999999999999999"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_said_is_today() {
        let zone = zone("Europe/Berlin").unwrap();
        let span = Span::parse(None, None, &zone, NOW).unwrap();
        assert_eq!(local(span.from, &zone).to_string(), "2026-11-22T00:00:00+01:00");
        assert_eq!(span.to, NOW);
        let backwards = Span::parse(Some("2026-11-22"), Some("2026-11-21"), &zone, NOW).unwrap_err();
        assert!(backwards.what.contains("does not lie before"), "{backwards}");
    }

    #[test]
    fn a_range_of_too_many_intervals_is_refused_with_a_way_out() {
        let zone = zone("UTC").unwrap();
        let span = Span::parse(Some("1970-01-01"), Some("9999-01-01"), &zone, NOW).unwrap();
        let refused = Grid::new(span, Interval::Quarter, zone.clone()).unwrap_err();
        assert!(refused.too_large && refused.hint.contains("longer interval"), "{refused:?}");
        assert!(Grid::new(span, Interval::Day, zone).is_err());
    }

    proptest! {
        #[test]
        fn every_moment_of_the_span_is_in_the_one_interval_that_holds_it(
            from in 0_u64..2_000_000_000, length in 1_u64..400_000, inside in 0_u64..400_000, kind in 0_usize..4
        ) {
            let interval = [Interval::Quarter, Interval::Half, Interval::Hour, Interval::Day][kind];
            let second = |at: u64| Timestamp::from_millis(at * 1_000);
            let span = Span { from: second(from), to: second(from + length) };
            let grid = Grid::new(span, interval, zone("Europe/Berlin").unwrap()).unwrap();
            prop_assert_eq!(grid.span(), span);
            for pair in (0..grid.len()).collect::<Vec<_>>().windows(2) {
                prop_assert_eq!(grid.at(pair[0]).to, grid.at(pair[1]).from);
            }
            let moment = second(from + inside);
            match grid.place(moment) {
                Some(place) => prop_assert!(grid.at(place).from <= moment && moment < grid.at(place).to),
                None => prop_assert!(inside >= length),
            }
            let parts: u64 = grid.cut(moment, span.to).map(|(_, part)| part.to.since(part.from).0).sum();
            prop_assert_eq!(parts, span.to.since(moment).0);
        }
    }
}
