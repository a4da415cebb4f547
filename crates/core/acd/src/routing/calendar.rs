//! Opening hours and the local time.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{Timestamp, setup::CalendarSetup};
use jiff::{
    Zoned,
    tz::{TimeZone, TimeZoneDatabase},
};

use super::RuleError;

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
    closed: BTreeSet<String>,
}

impl Calendars {
    /// Looks the time zones up in the database that is part of the program: every machine has the same.
    pub(super) fn new(setups: &BTreeMap<String, CalendarSetup>, errors: &mut Vec<RuleError>) -> Self {
        let zones = TimeZoneDatabase::bundled();
        let mut list = Vec::new();
        for (name, setup) in setups {
            match zones.get(&setup.timezone) {
                Ok(zone) => list.push(Calendar {
                    name: name.clone(),
                    zone,
                    open: setup.open.clone(),
                    closed: setup.closed.iter().cloned().collect(),
                }),
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
        let day = usize::try_from(here.weekday().to_monday_zero_offset()).unwrap_or(0);
        let minute = minute_of_day(&here);
        calendar.open[day].iter().any(|(from, to)| (*from..*to).contains(&minute))
            && !calendar.closed.contains(&here.date().to_string())
    }

    /// The time that `now` stands for.
    pub(super) fn local(&self, now: Timestamp) -> Zoned {
        zoned(now, &self.home)
    }
}

fn zoned(now: Timestamp, zone: &TimeZone) -> Zoned {
    let micros = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX).to_zoned(zone.clone())
}

fn minute_of_day(here: &Zoned) -> u16 {
    u16::try_from(i32::from(here.hour()) * 60 + i32::from(here.minute())).unwrap_or(0)
}
