//! Opening hours and the local time.

use std::collections::BTreeMap;

use hookswitch_model::{Timestamp, setup::CalendarSetup};
use jiff::{
    Zoned,
    civil::Time,
    tz::{TimeZone, TimeZoneDatabase},
};

use super::{
    RuleError,
    days::{Days, NoDays},
};

/// Days that are looked at for the next one that is open.
const LOOK_AHEAD: usize = 366;

/// Named calendars.
#[derive(Debug)]
pub(super) struct Calendars {
    list: Vec<Calendar>,
    /// The time zone of `now`: that of the calendars if they have one in common, else UTC.
    home: TimeZone,
}

#[derive(Debug)]
struct Calendar {
    name: String,
    zone: TimeZone,
    open: [Vec<(u16, u16)>; 7],
    closed: Vec<Days>,
    /// The fewest days first.
    special: Vec<(Days, Vec<(u16, u16)>)>,
}

impl Calendars {
    /// Looks the time zones up in the database that is part of the program: every machine has the same.
    pub(super) fn new(setups: &BTreeMap<String, CalendarSetup>, errors: &mut Vec<RuleError>) -> Self {
        let zones = TimeZoneDatabase::bundled();
        let mut list = Vec::new();
        for (name, setup) in setups {
            match zones.get(&setup.timezone) {
                Ok(zone) => list.push(Calendar::new(name, zone, setup, errors)),
                Err(_) => errors.push(RuleError {
                    rule: format!("calendar.{name}"),
                    column: None,
                    message: format!("there is no time zone {:?}", setup.timezone),
                    hint: "write an IANA name, such as \"Europe/Berlin\"".to_owned(),
                }),
            }
        }
        let common = list.first().filter(|first| list.iter().all(|other| other.zone == first.zone));
        let home = common.map_or(TimeZone::UTC, |first| first.zone.clone());
        Self { list, home }
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|calendar| calendar.name == name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|calendar| calendar.name.as_str())
    }

    /// Whether a calendar is open.
    pub(super) fn is_open(&self, calendar: usize, now: Timestamp) -> bool {
        let Some(calendar) = self.list.get(calendar) else { return false };
        let here = zoned(now, &calendar.zone);
        let minute = minute_of_day(&here);
        calendar.hours(&here).iter().any(|(from, to)| (*from..*to).contains(&minute))
    }

    /// When a calendar is open next: now, if it is; none: not within a year.
    pub(super) fn opens(&self, calendar: usize, now: Timestamp) -> Option<Timestamp> {
        if self.is_open(calendar, now) {
            return Some(now);
        }
        let calendar = self.list.get(calendar)?;
        let mut day = zoned(now, &calendar.zone).start_of_day().ok()?;
        for _ in 0..=LOOK_AHEAD {
            let moments = calendar.hours(&day).iter().filter_map(|(from, _)| {
                let time =
                    Time::new(i8::try_from(from / 60).ok()?, i8::try_from(from % 60).ok()?, 0, 0).ok()?;
                let zoned = day.date().to_datetime(time).to_zoned(calendar.zone.clone()).ok()?;
                u64::try_from(zoned.timestamp().as_microsecond()).ok().map(Timestamp::from_micros)
            });
            if let Some(opens) = moments.filter(|at| *at > now).min() {
                return Some(opens);
            }
            day = day.tomorrow().ok()?.start_of_day().ok()?;
        }
        None
    }

    /// The time that `now` stands for.
    pub(super) fn local(&self, now: Timestamp) -> Zoned {
        zoned(now, &self.home)
    }
}

impl Calendar {
    fn new(name: &str, zone: TimeZone, setup: &CalendarSetup, errors: &mut Vec<RuleError>) -> Self {
        let mut days = |text: &String| match text.parse::<Days>() {
            Ok(days) => Some(days),
            Err(NoDays) => {
                errors.push(RuleError {
                    rule: format!("calendar.{name}"),
                    column: None,
                    message: format!("{text:?} names no day"),
                    hint: "as in \"2026-12-25\", \"--12-25\" or \"2026-12-24/2027-01-01\"".to_owned(),
                });
                None
            }
        };
        let closed = setup.closed.iter().filter_map(&mut days).collect();
        let special = setup.special.iter().filter_map(|(text, spans)| Some((days(text)?, spans.clone())));
        let mut special: Vec<(Days, Vec<(u16, u16)>)> = special.collect();
        special.sort_by_key(|(days, _)| (days.length(), matches!(days, Days::EachYear(..))));
        Self { name: name.to_owned(), zone, open: setup.open.clone(), closed, special }
    }

    /// When it is open on this day.
    fn hours(&self, here: &Zoned) -> &[(u16, u16)] {
        let date = here.date();
        if let Some((_, spans)) = self.special.iter().find(|(days, _)| days.contain(date)) {
            return spans;
        }
        if self.closed.iter().any(|days| days.contain(date)) {
            return &[];
        }
        &self.open[usize::try_from(here.weekday().to_monday_zero_offset()).unwrap_or(0)]
    }
}

fn zoned(now: Timestamp, zone: &TimeZone) -> Zoned {
    let micros = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX).to_zoned(zone.clone())
}

fn minute_of_day(here: &Zoned) -> u16 {
    u16::try_from(i32::from(here.hour()) * 60 + i32::from(here.minute())).unwrap_or(0)
}
