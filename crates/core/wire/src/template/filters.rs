//! The filters on numbers and for URLs.

use std::{fmt, sync::Arc};

use jiff::{Timestamp, fmt::strtime, tz::TimeZone};
use minijinja::{Environment, Error, ErrorKind, Value, value::ValueKind};

/// What the number filters need to know of the world's numbering plans.
pub trait Numbers: fmt::Debug + Send + Sync {
    /// The number in E.164 with the plus sign, where it can be told.
    fn e164(&self, raw: &str) -> Option<String>;
    /// The number as it is dialled within its country.
    fn national(&self, raw: &str) -> String;
}

/// Knows no country: a number with `+` or `00` is in E.164, any other is left alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainNumbers;

impl Numbers for PlainNumbers {
    fn e164(&self, raw: &str) -> Option<String> {
        let digits = digits(raw);
        let international = match raw.trim_start() {
            raw if raw.starts_with('+') => digits.as_str(),
            _ => digits.strip_prefix("00")?,
        };
        (!international.is_empty()).then(|| format!("+{international}"))
    }

    fn national(&self, raw: &str) -> String {
        raw.to_owned()
    }
}

pub(super) fn add(environment: &mut Environment<'static>, numbers: &Arc<dyn Numbers>) {
    let plan = Arc::clone(numbers);
    environment.add_filter("e164", move |value: &Value| {
        known_e164(value).or_else(|| plan.e164(&number(value))).unwrap_or_default()
    });
    let plan = Arc::clone(numbers);
    environment.add_filter("national", move |value: &Value| plan.national(&number(value)));
    environment.add_filter("digits", |value: &Value| digits(&number(value)));
    environment.add_filter("last", |value: &Value, count: usize| {
        let digits = digits(&number(value));
        digits[digits.len().saturating_sub(count)..].to_owned()
    });
    environment.add_filter("urlencode", |value: &Value| percent_encode(&plain(value)));
    environment.add_filter("datetime", datetime);
}

/// A time of an event as a CRM writes it: `strftime`, in UTC where no time zone is named. Nothing for no time.
fn datetime(value: &Value, format: &str, zone: Option<&str>) -> Result<String, Error> {
    let text = plain(value);
    if text.is_empty() {
        return Ok(text);
    }
    let wrong = |what: String| Error::new(ErrorKind::InvalidOperation, what);
    let at: Timestamp = text.parse().map_err(|_| wrong(format!("{text:?} is no time")))?;
    let zone = zone.map_or(Ok(TimeZone::UTC), TimeZone::get);
    let zone = zone.map_err(|error| wrong(error.to_string()))?;
    strtime::format(format, &at.to_zoned(zone)).map_err(|error| wrong(error.to_string()))
}

/// The E.164 form that an object such as `ani` already holds.
fn known_e164(value: &Value) -> Option<String> {
    value.get_attr("e164").ok()?.as_str().map(str::to_owned)
}

/// The number in a text, or in an object such as `ani`: E.164 before what the PBX gave.
fn number(value: &Value) -> String {
    known_e164(value).unwrap_or_else(|| match value.get_attr("raw").ok().filter(|raw| !raw.is_undefined()) {
        Some(raw) => plain(&raw),
        None => plain(value),
    })
}

/// The text of a value; nothing for none and undefined.
fn plain(value: &Value) -> String {
    if value.is_none() || value.is_undefined() {
        return String::new();
    }
    if value.kind() == ValueKind::Bool { value.is_true().to_string() } else { value.to_string() }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(crate) fn percent_encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}
