//! `[calendar.*]`: opening hours.

use std::collections::BTreeMap;

use hookswitch_model::setup::CalendarSetup;
use jiff::{civil::Date, tz::TimeZone};
use toml::de::DeValue;

use crate::read::{
    Node, Reader,
    value::{list, map, text},
};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<CalendarSetup> {
    let mut fields = reader.fields(node)?;
    let timezone = fields.required("timezone", "its IANA name, as in \"Europe/Berlin\"", timezone);
    let open = fields.required("open", "as in { mon-fri = \"08:00-18:00\" }", open).unwrap_or_default();
    let closed = fields.or("closed", Vec::new(), list(days));
    let special = fields.or("special", BTreeMap::new(), map(days_key, other_hours));
    fields.finish();
    Some(CalendarSetup { timezone: timezone.unwrap_or_default(), open, closed, special })
}

fn timezone(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = text(reader, node)?;
    // `get` is lenient with case; the name is kept as it is known.
    match TimeZone::get(&text) {
        Ok(zone) => Some(zone.iana_name().unwrap_or(&text).to_owned()),
        Err(_) => {
            let names: Vec<String> =
                jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
            let hint = match crate::suggest::closest(&text, names.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => "an IANA name, as in \"Europe/Berlin\"".to_owned(),
            };
            reader.error(node, format!("{text:?} is no time zone"), hint);
            None
        }
    }
}

/// The spans of each day, Monday first, sorted.
type Week = [Vec<(u16, u16)>; 7];

fn open(reader: &mut Reader, node: &Node<'_>) -> Option<Week> {
    let days = map(days_of, spans)(reader, node)?;
    let mut week = Week::default();
    for (days, spans) in days {
        for day in days {
            week[day].extend(&spans);
        }
    }
    for (day, spans) in DAYS.iter().zip(&mut week) {
        spans.sort_unstable();
        if let Some([(from, to), (next, _)]) = spans.array_windows().find(|[(_, to), (next, _)]| next < to) {
            let message =
                format!("{day} is open {}-{} and again from {}", clock(*from), clock(*to), clock(*next));
            reader.error_at(&node.key, message, "let the spans of a day follow each other");
        }
    }
    Some(week)
}

/// `mon`, `mon-fri`, `sat-mon`: the days from Monday, 0.
fn days_of(key: &str) -> Result<Vec<usize>, String> {
    let day = |name: &str| DAYS.iter().position(|day| *day == name);
    let days = match key.split_once('-') {
        Some((from, to)) => day(from).zip(day(to)).map(|(from, to)| {
            let length = (to + DAYS.len() - from) % DAYS.len() + 1;
            (from..from + length).map(|day| day % DAYS.len()).collect()
        }),
        None => day(key).map(|day| vec![day]),
    };
    days.ok_or_else(|| "mon, tue, wed, thu, fri, sat, sun, or a range of them as in mon-fri".to_owned())
}

fn spans(reader: &mut Reader, node: &Node<'_>) -> Option<Vec<(u16, u16)>> {
    match node.value {
        DeValue::Array(_) => list(span)(reader, node),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Table(_) => span(reader, node).map(|span| vec![span]),
    }
}

fn span(reader: &mut Reader, node: &Node<'_>) -> Option<(u16, u16)> {
    let text = text(reader, node)?;
    let span = text.split_once('-').and_then(|(from, to)| Some((minutes(from.trim())?, minutes(to.trim())?)));
    let (problem, hint) = match span {
        Some((from, to)) if from < to => return span,
        Some(_) => (
            "ends before it begins",
            "a span over midnight is two: 22:00-24:00 and, the next day, 00:00-06:00",
        ),
        None => ("is no span of a day", "as in \"08:00-18:00\"; midnight at the end is 24:00"),
    };
    reader.error(node, format!("{text:?} {problem}"), hint);
    None
}

/// `08:30` → 510.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |part: &str| {
        (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let (hour, minute): (u16, u16) = (number(hour)?, number(minute)?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= 24 * 60).then_some(total)
}

fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// A day or several in a row, as they are written.
fn days(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = match node.value {
        DeValue::Datetime(date) => date.to_string(),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => text(reader, node)?,
    };
    match day_problem(&text) {
        None => Some(text),
        Some(problem) => {
            reader.error(node, format!("{text:?} {problem}"), DAYS_HINT);
            None
        }
    }
}

const DAYS_HINT: &str = "as in \"2026-12-25\", \"2026-12-24/2027-01-01\", or each year \"--12-25\"";

/// What is wrong with days, if anything is.
fn day_problem(text: &str) -> Option<&'static str> {
    let (from, to) = text.split_once('/').unwrap_or((text, text));
    match (day(from), day(to)) {
        (Some(from), Some(to)) if from.is_each_year() != to.is_each_year() => {
            Some("goes from a day of one year to a day of each")
        }
        (Some(Day::Once(from)), Some(Day::Once(to))) if to < from => Some("ends before it begins"),
        (Some(_), Some(_)) => None,
        (None, _) | (_, None) => Some("is no date"),
    }
}

/// One day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    /// Of one year.
    Once(Date),
    /// Of each.
    EachYear,
}

impl Day {
    const fn is_each_year(self) -> bool {
        matches!(self, Self::EachYear)
    }
}

fn day(text: &str) -> Option<Day> {
    match text.strip_prefix("--") {
        // In a leap year every day there is exists.
        Some(day) if day.len() == "12-25".len() => {
            format!("2024-{day}").parse::<Date>().ok().map(|_| Day::EachYear)
        }
        Some(_) => None,
        None if text.len() == "2026-12-25".len() => text.parse().ok().map(Day::Once),
        None => None,
    }
}

/// The spans of a day with other hours; closed where there are none.
fn other_hours(reader: &mut Reader, node: &Node<'_>) -> Option<Vec<(u16, u16)>> {
    let mut spans = spans(reader, node)?;
    spans.sort_unstable();
    if spans.array_windows().any(|[(_, to), (next, _)]| next < to) {
        reader.error(node, "two spans overlap", "let the spans of a day follow each other");
    }
    Some(spans)
}

fn days_key(key: &str) -> Result<String, String> {
    match day_problem(key) {
        None => Ok(key.to_owned()),
        Some(problem) => Err(format!("it {problem}: write {DAYS_HINT}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_days_may_go_over_the_weekend() {
        assert_eq!(days_of("mon-fri"), Ok(vec![0, 1, 2, 3, 4]));
        assert_eq!(days_of("sat-mon"), Ok(vec![5, 6, 0]));
        assert_eq!(days_of("wed"), Ok(vec![2]));
        assert_eq!(days_of("mon-mon"), Ok(vec![0]));
        assert!(days_of("monday").is_err() && days_of("mon-").is_err() && days_of("").is_err());
    }

    #[test]
    fn days_are_of_one_year_or_of_each() {
        for text in ["2026-12-25", "--12-25", "--02-29", "2026-12-24/2027-01-01", "--12-24/--01-06"] {
            assert_eq!(day_problem(text), None, "{text}");
        }
        for text in
            ["", "2026-02-30", "--02-30", "--2-3", "2026-12-26/2026-12-25", "--12-24/2026-12-25", "12-25"]
        {
            assert!(day_problem(text).is_some(), "{text}");
        }
    }

    #[test]
    fn times_are_of_one_day() {
        assert_eq!(minutes("08:30"), Some(510));
        assert_eq!(minutes("24:00"), Some(1_440));
        for text in ["24:01", "8:30", "08:60", "0830", "aa:bb", "+8:00", ""] {
            assert_eq!(minutes(text), None, "{text}");
        }
    }
}
