//! The ledger of one call: how it must be booked.

use anyhow::{Context as _, Result, bail};
use hookswitch_tests::events::text;
use serde_json::Value;

/// How far a duration may be from what the phones saw, in seconds, where the expectation does not say.
const TOLERANCE: f64 = 0.05;
/// The PBX itself owning a call for less than this is no segment that anybody sees.
const GLIMPSE: f64 = 0.1;

/// `answered, by customer, cause 16, handled 1001 1002, resolved 1002, segments system 1001:answered 1002:blind,
/// wait 0.40, talk 2.00~0.1, hold 0, consult of 1, merged into 1` (`consult of none`). What is not named is not looked at, and the first
/// word is the disposition (`*`: any). `?` before a segment: may be missing.
#[derive(Debug, Clone, Default)]
pub(crate) struct LedgerExpectation(Vec<Entry>);

#[derive(Debug, Clone)]
enum Entry {
    /// The value at this key, as text; lists are joined by blanks.
    Is(&'static str, String),
    /// Milliseconds at these keys, added, as seconds, with a tolerance.
    Lasts(&'static [&'static str], f64, f64),
    Segments(Vec<String>),
    /// The id of an expected call, by its number.
    Call(&'static str, usize),
}

impl LedgerExpectation {
    pub(crate) fn parse(sentence: &str) -> Result<Self> {
        let mut parts = sentence.split(',').map(str::trim);
        let disposition = parts.next().filter(|word| !word.is_empty()).context("which disposition?")?;
        let mut entries = Vec::new();
        if disposition != "*" {
            entries.push(Entry::Is("disposition", disposition.to_owned()));
        }
        for part in parts {
            entries.push(Entry::parse(part).with_context(|| format!("`{part}`"))?);
        }
        Ok(Self(entries))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every ledger that differs from this one in one entry.
    pub(crate) fn falsified(&self) -> Vec<(String, Self)> {
        let mut all = Vec::new();
        for (at, entry) in self.0.iter().enumerate() {
            let wrong = match entry {
                Entry::Is(key, value) => Entry::Is(key, format!("{value} x")),
                Entry::Lasts(keys, seconds, tolerance) => Entry::Lasts(keys, seconds + 1.0, *tolerance),
                Entry::Segments(owners) => Entry::Segments(owners[..owners.len() - 1].to_vec()),
                Entry::Call(key, number) => Entry::Call(key, number + 1),
            };
            let mut entries = self.0.clone();
            entries[at] = wrong;
            all.push((format!("{entry:?} is falsified"), Self(entries)));
        }
        all
    }
}

impl Entry {
    fn parse(part: &str) -> Result<Self> {
        let (word, rest) = part.split_once(' ').unwrap_or((part, ""));
        let rest = rest.trim();
        Ok(match word {
            "by" => Self::Is("ended_by", rest.to_owned()),
            "cause" => Self::Is("cause/q850", rest.to_owned()),
            "handled" => Self::Is("handled_by", rest.to_owned()),
            "resolved" if rest.is_empty() => Self::Is("resolved_by", "null".to_owned()),
            "resolved" => Self::Is("resolved_by", rest.to_owned()),
            "segments" => Self::Segments(rest.split_whitespace().map(str::to_owned).collect()),
            "wait" => Self::lasts(&["wait_ms"], rest)?,
            "talk" => Self::lasts(&["talk_ms"], rest)?,
            "hold" => Self::lasts(&["hold_ms"], rest)?,
            "talk+hold" => Self::lasts(&["talk_ms", "hold_ms"], rest)?,
            "consult" if rest == "of none" => Self::Is("consult_of", "null".to_owned()),
            "consult" => Self::Call("consult_of", number(rest, "of ")?),
            "merged" => Self::Call("merged_into", number(rest, "into ")?),
            _ => bail!("no such word"),
        })
    }

    fn lasts(keys: &'static [&'static str], rest: &str) -> Result<Self> {
        let (seconds, tolerance) = match rest.split_once('~') {
            Some((seconds, tolerance)) => (seconds, tolerance.parse()?),
            None => (rest, TOLERANCE),
        };
        Ok(Self::Lasts(keys, seconds.parse()?, tolerance))
    }

    fn difference(&self, ledger: &Value, calls: &[Option<&str>]) -> Option<String> {
        match self {
            Self::Is(key, expected) => {
                let is = plain(ledger.pointer(&format!("/{key}")));
                (is != *expected).then(|| format!("{key} is `{is}`, expected `{expected}`"))
            }
            Self::Lasts(keys, expected, tolerance) => {
                let is = keys.iter().filter_map(|key| ledger[*key].as_f64()).sum::<f64>() / 1_000.0;
                let off = (is - expected).abs() > *tolerance;
                off.then(|| format!("{} is {is:.3} s, expected {expected:.2}", keys.join(" + ")))
            }
            Self::Segments(expected) => {
                let is = segments(ledger);
                (!same(expected, &is))
                    .then(|| format!("segments are `{}`, expected `{}`", is.join(" "), expected.join(" ")))
            }
            Self::Call(key, number) => {
                let expected = calls.get(number - 1).copied().flatten().unwrap_or("a call that was not seen");
                let is = plain(ledger.get(key));
                (is != expected).then(|| format!("{key} is {is}, expected that of call {number}, {expected}"))
            }
        }
    }
}

fn number(rest: &str, preposition: &str) -> Result<usize> {
    let number: usize = rest.strip_prefix(preposition).context("of what?")?.parse()?;
    (number > 0).then_some(number).context("calls are counted from 1")
}

/// What the ledger of a `call.ended` has otherwise than expected.
pub(crate) fn differences(
    expected: &LedgerExpectation,
    ended: &Value,
    calls: &[Option<&str>],
) -> Vec<String> {
    let Some(ledger) = ended.pointer("/data/ledger") else { return vec![format!("no ledger in {ended}")] };
    expected.0.iter().filter_map(|entry| entry.difference(ledger, calls)).collect()
}

fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "null".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| plain(Some(item))).collect::<Vec<_>>().join(" "),
        Some(other) => other.to_string(),
    }
}

/// Segments as `1001:answered`, `queue/support:queued`, `system/park:park`, `external:blind`; glimpses left out.
fn segments(ledger: &Value) -> Vec<String> {
    let mut owners = Vec::new();
    for segment in ledger["segments"].as_array().into_iter().flatten() {
        let how = text(segment, "/how").unwrap_or("");
        let length = || Some(epoch(text(segment, "/to")?).ok()? - epoch(text(segment, "/from")?).ok()?);
        if let Some(agent) = text(segment, "/agent") {
            owners.push(format!("{agent}:{how}"));
        } else if let Some(queue) = text(segment, "/queue") {
            owners.push(format!("queue/{queue}:{how}"));
        } else if text(segment, "/external").is_some() {
            owners.push(format!("external:{how}"));
        } else if length().is_none_or(|length| length > GLIMPSE) {
            owners.push(format!("system/{}:{how}", text(segment, "/system").unwrap_or("?")));
        }
    }
    owners
}

/// Owners as expected; `1001` stands for any way it came to 1001, `system` for whatever the PBX did.
fn same(expected: &[String], is: &[String]) -> bool {
    let Some((first, others)) = expected.split_first() else { return is.is_empty() };
    let (optional, pattern) = first.strip_prefix('?').map_or((false, first.as_str()), |rest| (true, rest));
    let fits = is.first().is_some_and(|owner| {
        owner.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    (fits && same(others, &is[1..])) || (optional && same(others, is))
}

/// Seconds since the epoch of an RFC 3339 time in UTC.
///
/// # Errors
/// When it is none.
pub(crate) fn epoch(time: &str) -> Result<f64> {
    let numbers: Vec<f64> = time
        .trim_end_matches('Z')
        .split(['-', 'T', ':'])
        .map(|part| part.parse().with_context(|| format!("{time} is no time")))
        .collect::<Result<_>>()?;
    let [year, month, day, hour, minute, second] = numbers[..] else { bail!("{time} is no time") };
    // Days from the civil date, with the year starting in March.
    let (year, month) = if month > 2.0 { (year, month - 3.0) } else { (year - 1.0, month + 9.0) };
    let days = 365.0 * year + (year / 4.0).floor() - (year / 100.0).floor()
        + (year / 400.0).floor()
        + (306.0f64.mul_add(month, 5.0) / 10.0).floor()
        + day
        - 1.0
        - 719_468.0;
    Ok(days * 86_400.0 + hour * 3_600.0 + minute * 60.0 + second)
}
