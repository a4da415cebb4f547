//! Days of a calendar: `2026-12-25`, `2026-12-24/2027-01-01`, `--12-25`, `--12-24/--01-06`.

use std::str::FromStr;

use jiff::civil::Date;

/// One day or several in a row, in one year or in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Days {
    /// From the one to the other, both included.
    Once(Date, Date),
    /// From a month and day to another, both included; over the new year when the second is earlier.
    EachYear((i8, i8), (i8, i8)),
}

/// A text that names no days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoDays;

impl Days {
    pub(super) fn contain(&self, date: Date) -> bool {
        match *self {
            Self::Once(from, to) => (from..=to).contains(&date),
            Self::EachYear(from, to) => {
                let day = (date.month(), date.day());
                if from <= to { (from..=to).contains(&day) } else { day >= from || day <= to }
            }
        }
    }

    /// How many they are, in a leap year.
    pub(super) fn length(&self) -> i32 {
        let between = |from: Date, to: Date| from.until(to).map_or(0, |span| span.get_days()) + 1;
        match *self {
            Self::Once(from, to) => between(from, to),
            Self::EachYear(from, to) => {
                let of = |year, (month, day)| Date::new(year, month, day).unwrap_or(Date::MIN);
                between(of(2024, from), of(if from <= to { 2024 } else { 2025 }, to))
            }
        }
    }
}

impl FromStr for Days {
    type Err = NoDays;

    fn from_str(text: &str) -> Result<Self, NoDays> {
        let (from, to) = text.split_once('/').unwrap_or((text, text));
        if let (Some(from), Some(to)) = (of_a_year(from), of_a_year(to)) {
            return Ok(Self::EachYear(from, to));
        }
        let date = |text: &str| if text.len() == 10 { text.parse::<Date>().ok() } else { None };
        match (date(from), date(to)) {
            (Some(from), Some(to)) if from <= to => Ok(Self::Once(from, to)),
            _ => Err(NoDays),
        }
    }
}

/// `--12-25`
fn of_a_year(text: &str) -> Option<(i8, i8)> {
    let (month, day) = text.strip_prefix("--")?.split_once('-')?;
    let number = |text: &str| if text.len() == 2 { text.parse::<i8>().ok() } else { None };
    let (month, day) = (number(month)?, number(day)?);
    // In a leap year every day there is exists.
    Date::new(2024, month, day).ok().map(|_| (month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(days: &str, date: &str, expected: bool) {
        let days: Days = days.parse().unwrap();
        assert_eq!(days.contain(date.parse().unwrap()), expected, "{date}");
    }

    #[test]
    fn days_are_of_one_year_or_of_each() {
        check("2026-12-25", "2026-12-25", true);
        check("2026-12-25", "2027-12-25", false);
        check("--12-25", "2031-12-25", true);
        check("--02-29", "2028-02-29", true);
        check("2026-12-24/2027-01-01", "2026-12-31", true);
        check("2026-12-24/2027-01-01", "2027-01-02", false);
        check("--12-24/--12-26", "2030-12-26", true);
        check("--12-24/--01-06", "2030-01-06", true);
        check("--12-24/--01-06", "2030-01-07", false);
        check("--12-24/--01-06", "2030-12-24", true);
    }

    #[test]
    fn what_names_no_days_is_refused() {
        for text in [
            "",
            "2026-13-01",
            "2026-1-1",
            "--02-30",
            "--2-3",
            "2026-12-26/2026-12-25",
            "--12-24/2026-12-25",
            "x/y",
        ] {
            assert_eq!(text.parse::<Days>(), Err(NoDays), "{text}");
        }
    }

    #[test]
    fn a_stretch_over_the_new_year_is_as_long_as_it_is() {
        let length = |text: &str| text.parse::<Days>().unwrap().length();
        assert_eq!(length("--12-31/--01-02"), 3);
        assert_eq!(length("2026-12-31/2027-01-02"), 3);
        assert_eq!(length("--03-01"), 1);
    }
}
