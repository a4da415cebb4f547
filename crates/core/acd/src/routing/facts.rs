//! What conditions can name, and its values for one call.

use std::{collections::BTreeMap, sync::OnceLock};

use hookswitch_expression::{Facts, Value};
use hookswitch_model::{
    Timestamp,
    call::{Call, MatchKind},
};
use jiff::Zoned;

use super::{calendar::Calendars, lists::Lists};

/// One name that a condition may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Path {
    AniRaw,
    AniE164,
    AniWithheld,
    AniName,
    DnisRaw,
    DnisE164,
    ViaRaw,
    ViaE164,
    ViaReason,
    /// One key of the attached data.
    Data(String),
    /// All of it, as a map.
    AllData,
    CustomerId,
    CustomerName,
    CustomerMatch,
    CustomerScore,
    /// A further field of the first candidate.
    CustomerField(String),
    /// The first candidate's fields, as a map.
    AllCustomer,
    Now(Moment),
    Pbx,
    Trunk,
    /// Whether the calendar of this number is open.
    Calendar(usize),
    /// The list of this number: what something can be in.
    List(usize),
}

impl Path {
    /// Whether it depends on who the customer is.
    pub(super) const fn is_of_customer(&self) -> bool {
        matches!(
            self,
            Self::CustomerId
                | Self::CustomerName
                | Self::CustomerMatch
                | Self::CustomerScore
                | Self::CustomerField(_)
                | Self::AllCustomer
        )
    }
}

/// A part of the local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Weekday,
    Date,
    Time,
    Iso,
}

impl Moment {
    pub(super) const ALL: [(&'static str, Self); 10] = [
        ("hour", Self::Hour),
        ("minute", Self::Minute),
        ("weekday", Self::Weekday),
        ("date", Self::Date),
        ("time", Self::Time),
        ("day", Self::Day),
        ("month", Self::Month),
        ("year", Self::Year),
        ("second", Self::Second),
        ("iso", Self::Iso),
    ];
}

/// The values of one call at one time. Nothing is converted before it is asked for.
pub(super) struct CallFacts<'a> {
    call: &'a Call,
    now: Timestamp,
    paths: &'a [Path],
    calendars: &'a Calendars,
    lists: &'a Lists,
    local: OnceLock<Zoned>,
}

impl<'a> CallFacts<'a> {
    pub(super) const fn new(
        now: Timestamp,
        call: &'a Call,
        paths: &'a [Path],
        calendars: &'a Calendars,
        lists: &'a Lists,
    ) -> Self {
        Self { call, now, paths, calendars, lists, local: OnceLock::new() }
    }

    /// Whether what a name stands for is in a list. A number that stands for itself is, in either of its forms.
    pub(super) fn is_in(&self, number: usize, list: usize) -> bool {
        let either = |raw: &str, e164: Option<&String>| {
            self.lists.contains(list, raw) || e164.is_some_and(|e164| self.lists.contains(list, e164))
        };
        let path = &self.paths[number];
        if *path == Path::AniRaw {
            return either(&self.call.ani.raw, self.call.ani.e164.as_ref());
        }
        if *path == Path::DnisRaw {
            return either(&self.call.dnis.raw, self.call.dnis.e164.as_ref());
        }
        if *path == Path::ViaRaw {
            return self.call.via.as_ref().is_some_and(|via| either(&via.raw, via.e164.as_ref()));
        }
        if let Value::Text(text) = self.value(number) { self.lists.contains(list, &text) } else { false }
    }

    /// Whether a name depends on who the customer is.
    pub(super) fn is_of_customer(&self, number: usize) -> bool {
        self.paths[number].is_of_customer()
    }

    fn part(&self, part: Moment) -> Value<'_> {
        let here = self.local.get_or_init(|| self.calendars.local(self.now));
        match part {
            Moment::Year => Value::Int(here.year().into()),
            Moment::Month => Value::Int(here.month().into()),
            Moment::Day => Value::Int(here.day().into()),
            Moment::Hour => Value::Int(here.hour().into()),
            Moment::Minute => Value::Int(here.minute().into()),
            Moment::Second => Value::Int(here.second().into()),
            Moment::Weekday => {
                let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
                text(days[usize::try_from(here.weekday().to_monday_zero_offset()).unwrap_or(0)])
            }
            Moment::Date => Value::Text(here.date().to_string().into()),
            Moment::Time => Value::Text(format!("{:02}:{:02}", here.hour(), here.minute()).into()),
            Moment::Iso => {
                Value::Text(here.timestamp().display_with_offset(here.offset()).to_string().into())
            }
        }
    }
}

impl Facts for CallFacts<'_> {
    fn value(&self, number: usize) -> Value<'_> {
        let call = self.call;
        let best = call.customer.candidates.first();
        match &self.paths[number] {
            Path::AniRaw => text(&call.ani.raw),
            Path::AniE164 => maybe(call.ani.e164.as_ref()),
            Path::AniWithheld => Value::Bool(call.ani.withheld),
            Path::AniName => maybe(call.ani.name.as_ref()),
            Path::DnisRaw => text(&call.dnis.raw),
            Path::DnisE164 => maybe(call.dnis.e164.as_ref()),
            Path::ViaRaw => maybe(call.via.as_ref().map(|via| &via.raw)),
            Path::ViaE164 => maybe(call.via.as_ref().and_then(|via| via.e164.as_ref())),
            Path::ViaReason => maybe(call.via.as_ref().and_then(|via| via.reason.as_ref())),
            Path::Data(key) => maybe(call.data.get(key)),
            Path::AllData => Value::Fields(&call.data),
            Path::AllCustomer => Value::Fields(best.map_or(NOTHING, |best| &best.fields)),
            Path::CustomerId => maybe(best.map(|best| &best.id)),
            Path::CustomerName => maybe(best.and_then(|best| best.name.as_ref())),
            Path::CustomerMatch => text(match call.customer.kind {
                MatchKind::One => "one",
                MatchKind::Many => "many",
                MatchKind::None => "none",
                MatchKind::Pending => "pending",
                MatchKind::Error => "error",
            }),
            Path::CustomerScore => best.map_or(Value::Null, |best| Value::Float(best.score)),
            Path::CustomerField(field) => maybe(best.and_then(|best| best.fields.get(field))),
            Path::Now(part) => self.part(*part),
            Path::Pbx => text(call.pbx.as_str()),
            Path::Trunk => maybe(call.trunk.as_ref()),
            Path::Calendar(calendar) => Value::Bool(self.calendars.is_open(*calendar, self.now)),
            // Refused anywhere but behind `in` when the rule is loaded.
            Path::List(_) => Value::Null,
        }
    }
}

const NOTHING: &BTreeMap<String, String> = &BTreeMap::new();

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

fn maybe(text: Option<&String>) -> Value<'_> {
    text.map_or(Value::Null, |text| Value::Text(text.into()))
}
