//! The ledgers of a journal, counted by hand: no grid, no fold, no types of the report.

use std::collections::BTreeMap;

use hookswitch_model::Timestamp;
use hookswitch_wire::Time;
use serde_json::Value;

use crate::told::Tale;

/// Sums by the names of the report's columns.
pub(crate) type Sums = BTreeMap<&'static str, u64>;

/// What the report says in its sum, or a row.
pub(crate) fn figure(row: &Value, name: &str) -> u64 {
    row[name].as_u64().unwrap_or_else(|| panic!("{name} is no count in {row}"))
}

fn at(value: &Value) -> Timestamp {
    Time::parse(value.as_str().expect("a time")).expect("a moment").0
}

/// How long a segment is.
fn length(segment: &Value) -> u64 {
    (at(&segment["to"]).as_micros() - at(&segment["from"]).as_micros()) / 1_000
}

/// Every `call.ended`.
fn ledgers(tale: &Tale) -> impl Iterator<Item = &Value> {
    tale.events.iter().filter(|told| told.kind == "call.ended").map(|told| &told.event)
}

/// All calls, whole: what every row of the report of queues adds up to.
pub(crate) fn calls(tale: &Tale) -> Sums {
    let mut sums = Sums::new();
    let mut add = |name, by: u64| *sums.entry(name).or_default() += by;
    for event in ledgers(tale) {
        let ledger = &event["data"]["ledger"];
        add("calls", 1);
        add("calls_recovered", u64::from(event["recovered"] == true));
        let disposition = match ledger["disposition"].as_str().expect("a disposition") {
            "answered" => "calls_answered",
            "abandoned" => "calls_abandoned",
            "missed" => "calls_missed",
            "busy" => "calls_busy",
            "rejected" => "calls_rejected",
            "failed" => "calls_failed",
            "merged" => "calls_merged",
            "lost" => "calls_lost",
            "callback" => "calls_callback",
            other => panic!("{other}"),
        };
        add(disposition, 1);
        for name in ["wait_ms", "talk_ms", "hold_ms"] {
            add(name, ledger[name].as_u64().expect("milliseconds"));
        }
    }
    sums
}

/// The waits in one queue.
pub(crate) fn waits(tale: &Tale, queue: &str) -> Sums {
    let mut sums = Sums::new();
    for event in ledgers(tale) {
        let ledger = &event["data"]["ledger"];
        let segments = ledger["segments"].as_array().expect("segments");
        for (place, segment) in segments.iter().enumerate().filter(|(_, segment)| segment["queue"] == queue) {
            let waited = length(segment);
            let next = segments.get(place + 1);
            let end = match next {
                Some(next) if next.get("agent").is_some() || next.get("external").is_some() => "answered",
                Some(_) => "left",
                None if ledger["disposition"] == "abandoned" => "abandoned",
                None if ledger["disposition"] == "lost" => "lost",
                None => "left",
            };
            *sums.entry("offered").or_default() += 1;
            *sums.entry(end).or_default() += 1;
            match end {
                "answered" => *sums.entry("answered_wait_ms").or_default() += waited,
                "abandoned" => *sums.entry("abandoned_wait_ms").or_default() += waited,
                _ => {}
            }
        }
    }
    sums
}

/// One agent's parts in calls, and offers.
pub(crate) fn parts(tale: &Tale, agent: &str) -> Sums {
    let mut sums = Sums::new();
    for event in ledgers(tale) {
        let ledger = &event["data"]["ledger"];
        let handled = ledger["handled_by"].as_array().expect("agents").iter().any(|one| one == agent);
        *sums.entry("handled").or_default() += u64::from(handled);
        let own =
            ledger["segments"].as_array().expect("segments").iter().filter(|part| part["agent"] == agent);
        let had: u64 = own.map(length).sum();
        *sums.entry("handled_ms").or_default() += if handled { had } else { 0 };
    }
    let ended = tale.events.iter().filter(|told| told.kind == "call.offer_ended");
    for offer in ended.map(|told| &told.event["data"]["offer"]).filter(|offer| offer["agent"] == agent) {
        *sums.entry("offers").or_default() += 1;
        *sums.entry("offers_accepted").or_default() += u64::from(offer["outcome"] == "accepted");
    }
    sums
}

/// An agent's time in each state, from its changes.
pub(crate) fn states(tale: &Tale, agent: &str, from_ms: u64, to_ms: u64) -> BTreeMap<String, u64> {
    let changes = tale.events.iter().filter(|told| told.kind == "agent.state");
    let changes = changes.map(|told| &told.event).filter(|event| event["data"]["agent"]["id"] == agent);
    let mut sums = BTreeMap::new();
    let (mut state, mut since) = (String::new(), from_ms);
    for event in changes {
        let data = &event["data"];
        let time = at(&event["time"]).as_millis();
        let before = data["from"].as_str().expect("a state").to_owned();
        *sums.entry(before).or_default() += time - since;
        (state, since) = (data["to"].as_str().expect("a state").to_owned(), time);
    }
    *sums.entry(state).or_default() += to_ms - since;
    sums
}
