//! Which country national numbers belong to, by what the PBX dials, shows and registers.

use std::collections::BTreeMap;

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};

use super::{Confidence, Findings};
use crate::number::digits;

/// A country that national numbers may belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Country {
    /// Two letters of ISO 3166: `DE`.
    pub code: String,
    /// Its calling code: `+49`.
    pub calling_code: String,
    /// How sure that is.
    pub confidence: Confidence,
    /// What speaks for it.
    pub evidence: Vec<String>,
}

/// Points of a country with what gave them.
#[derive(Debug, Default)]
struct Votes(BTreeMap<String, (u32, String, Vec<String>)>);

impl Votes {
    fn add(&mut self, points: u32, number: &str, what: &str) {
        let Some((region, code)) = country_of(number) else { return };
        let entry = self.0.entry(region).or_insert_with(|| (0, code, Vec::new()));
        entry.0 += points;
        if entry.2.len() < 4 {
            entry.2.push(format!("{what} {number}"));
        }
    }
}

/// The country by all that was found; none when nothing speaks for one.
#[must_use]
pub fn country(findings: &Findings) -> Option<Country> {
    let mut votes = Votes::default();
    for registration in &findings.registrations {
        let user = registration.client_uri.split(['@', ';']).next().unwrap_or_default();
        votes.add(3, &international(user.rsplit(':').next().unwrap_or_default()), "registered as");
    }
    for endpoint in findings.endpoints.values().filter_map(|endpoint| endpoint.caller_id.as_deref()) {
        votes.add(3, &international(endpoint), "a device shows");
    }
    for (_, exten, step) in findings.dialplan.steps() {
        if step.application == "Set" && step.data.starts_with("CALLERID(") {
            votes.add(3, &international(&step.data), "the dialplan shows");
        }
        if step.priority == 1 && !exten.starts_with('_') {
            votes.add(2, &international(exten), "the dialplan takes calls to");
        }
    }
    for caller in findings.callers.iter().filter(|number| number.starts_with('+')).take(3) {
        votes.add(1, caller, "a caller now:");
    }
    if findings.dialplan.steps().any(|(_, exten, _)| exten.ends_with("NXXNXXXXXX")) {
        votes.add(3, "+12015550100", "the dialplan has the pattern NXXNXXXXXX, as of");
    }
    winner(votes, tones(findings))
}

/// Tones are those of the sample file (`us`) on most machines: they decide only between equals.
fn tones(findings: &Findings) -> Option<String> {
    let file = findings.file("indications.conf", Some("general"))?;
    file.get("general", "country").map(str::to_ascii_uppercase).filter(|country| country != "US")
}

fn winner(votes: Votes, tones: Option<String>) -> Option<Country> {
    let mut votes = votes.0;
    if let Some(tones) = tones {
        let evidence = format!("indications.conf has country={}", tones.to_ascii_lowercase());
        if votes.is_empty() {
            let (calling_code, confidence) = (calling_code(&tones)?, Confidence::Guess);
            return Some(Country { code: tones, calling_code, confidence, evidence: vec![evidence] });
        }
        if let Some(entry) = votes.get_mut(&tones) {
            entry.0 += 1;
            entry.2.push(evidence);
        }
    }
    let mut ranked: Vec<_> = votes.into_iter().collect();
    ranked.sort_by_key(|(_, (points, ..))| std::cmp::Reverse(*points));
    let second = ranked.get(1).map_or(0, |(_, (points, ..))| *points);
    let (code, (points, calling_code, evidence)) = ranked.into_iter().next()?;
    let confidence = match points {
        6.. if points >= 3 * second => Confidence::Certain,
        3.. if points >= 2 * second => Confidence::Likely,
        _ => Confidence::Guess,
    };
    Some(Country { code, calling_code, confidence, evidence })
}

/// What stands in `"Head Office" <+49 30 555000>`, `CALLERID(num)=0049…`, `4930555000`, with a plus where it can only be
/// an international number; empty otherwise.
fn international(text: &str) -> String {
    let text = text.rsplit(['<', '=']).next().unwrap_or(text).trim();
    let number = digits(text);
    match text {
        _ if text.starts_with('+') => format!("+{number}"),
        _ if number.starts_with("00") => format!("+{}", &number[2..]),
        // No zero in front and too long for a national number: a trunk's way of writing an international one.
        _ if number.len() >= 10 && !number.starts_with('0') && !is_north_american(&number) => {
            format!("+{number}")
        }
        _ => String::new(),
    }
}

/// `NXXNXXXXXX`: a national number of North America, or an international one of somewhere else; nobody can tell.
fn is_north_american(number: &str) -> bool {
    let first = |at: usize| number.as_bytes().get(at).is_some_and(|digit| (b'2'..=b'9').contains(digit));
    number.len() == 10 && first(0) && first(3)
}

/// Region and calling code of an international number.
fn country_of(number: &str) -> Option<(String, String)> {
    let number = PHONE_NUMBER_UTIL.parse(number.strip_prefix('+').map(|_| number)?, None).ok()?;
    let region = number.is_valid().then(|| number.get_region_code())??;
    let code = region.as_region_str().to_string();
    Some((code.clone(), calling_code(&code)?))
}

/// `+49` of `DE`.
fn calling_code(country: &str) -> Option<String> {
    let code = PHONE_NUMBER_UTIL.get_country_code_for_region(Region::from_code(country).ok()?)?;
    Some(format!("+{code}"))
}
