//! What holds of every traced stream, beside what holds of every stream of events
//! ([`hookswitch_tests::invariants`]).

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_tests::events::{kind, summary, text};
use hookswitch_tests::invariants;
use serde_json::Value;

/// States in which nobody talks or is rung.
const FREE: [&str; 4] = ["ready", "not_ready", "wrap_up", "logged_out"];

/// How far talk and hold together may be from the segments of who had the caller, in milliseconds: a PBX takes a
/// moment to move somebody from one bridge to another, and to tear a call down when its last conversation is over.
const BALANCE: f64 = 100.0;

/// Everything that is wrong, one line each. A recording that is cut leaves calls, offers and agents as they were.
pub(crate) fn violations(events: &[Value], cut: bool) -> Vec<String> {
    let mut wrong = invariants::violations(events);
    if cut {
        wrong.retain(|line| !line.ends_with("never ended"));
    } else {
        agents_end_free(events, &mut wrong);
    }
    events_are_ordered(events, &mut wrong);
    calls_are_in_the_state_told(events, &mut wrong);
    pops_follow_rings(events, &mut wrong);
    for ended in events.iter().filter(|event| kind(event) == "call.ended") {
        let id = text(ended, "/data/call/id").unwrap_or("");
        let course: Vec<&Value> =
            events.iter().filter(|event| text(event, "/data/call/id") == Some(id)).collect();
        ledger_is_consistent(ended, &course, &mut wrong);
        call_is_over(ended, &mut wrong);
    }
    wrong
}

fn agents_end_free(events: &[Value], wrong: &mut Vec<String>) {
    let mut last: BTreeMap<&str, &Value> = BTreeMap::new();
    for event in events.iter().filter(|event| kind(event) == "agent.state") {
        last.insert(text(event, "/data/agent/id").unwrap_or(""), event);
    }
    for (agent, event) in last {
        let state = text(event, "/data/to").unwrap_or("");
        let calls = event.pointer("/data/agent/calls").and_then(Value::as_array).map_or(0, Vec::len);
        if !FREE.contains(&state) || calls > 0 {
            wrong.push(format!("{agent} ends {state} with {calls} calls"));
        }
    }
}

fn events_are_ordered(events: &[Value], wrong: &mut Vec<String>) {
    for pair in events.windows(2) {
        for key in ["/sequence", "/time"] {
            let [before, after] = [&pair[0], &pair[1]].map(|event| text(event, key).unwrap_or(""));
            if before > after || (key == "/sequence" && before == after) {
                wrong.push(format!("{key} {after} follows {before}: {}", summary(&pair[1])));
            }
        }
    }
}

/// What an event says just happened is where its call stands.
fn calls_are_in_the_state_told(events: &[Value], wrong: &mut Vec<String>) {
    for event in events {
        let states: &[&str] = match kind(event) {
            "call.started" => &["started"],
            "call.queued" => &["queued"],
            // A phone may also be rung for a call that somebody has already: conferences, calls rung back from parking.
            "call.offered" => &["offered", "connected", "held"],
            "call.answered" | "call.conferenced" => &["connected"],
            "call.held" => &["held"],
            // Others may hold still.
            "call.retrieved" => &["connected", "held"],
            "call.ended" => &["ended"],
            _ => continue,
        };
        let state = text(event, "/data/call/state").unwrap_or("");
        if !states.contains(&state) {
            wrong.push(format!("the call is {state}: {}", summary(event)));
        }
    }
}

/// The screen of an agent whose device rings for a customer's call opens once; colleagues' calls open none.
fn pops_follow_rings(events: &[Value], wrong: &mut Vec<String>) {
    let mut rung = BTreeSet::new();
    let mut popped = BTreeSet::new();
    for event in events {
        let key = |pointer| (text(event, "/data/call/id").unwrap_or(""), text(event, pointer).unwrap_or(""));
        let inbound = text(event, "/data/call/direction") == Some("inbound");
        match kind(event) {
            "call.offered" if inbound => drop(rung.insert(key("/data/offer/agent"))),
            "screen.pop" => {
                popped.insert(key("/data/pop/agent"));
                if text(event, "/data/call/direction") == Some("internal") {
                    wrong.push(format!("a pop for an internal call: {}", summary(event)));
                }
            }
            _ => {}
        }
    }
    wrong.extend(rung.difference(&popped).map(|(call, agent)| format!("no pop for {agent}, rung by {call}")));
}

fn strings<'a>(value: &'a Value, pointer: &str) -> Vec<&'a str> {
    let items = value.pointer(pointer).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn milliseconds(from: Option<&str>, to: Option<&str>) -> Option<f64> {
    Some((crate::ledger::epoch(to?).ok()? - crate::ledger::epoch(from?).ok()?) * 1_000.0)
}

fn ledger_is_consistent(ended: &Value, course: &[&Value], wrong: &mut Vec<String>) {
    let mut claim = |holds: bool, what: &str| {
        if !holds {
            wrong.push(format!("{what}: {}", ended["data"]["ledger"]));
        }
    };
    let seen = |name: &str| course.iter().any(|event| kind(event) == name);
    let handled = strings(ended, "/data/ledger/handled_by");
    let resolved = text(ended, "/data/ledger/resolved_by");
    let disposition = text(ended, "/data/ledger/disposition").unwrap_or("");
    let figure = |key: &str| ended["data"]["ledger"][key].as_f64().unwrap_or(-1.0);
    let [wait, talk, hold] = ["wait_ms", "talk_ms", "hold_ms"].map(figure);
    let segments =
        ended.pointer("/data/ledger/segments").and_then(Value::as_array).cloned().unwrap_or_default();
    let owners: Vec<&str> = segments.iter().filter_map(|segment| text(segment, "/agent")).collect();

    claim(handled.is_empty() == resolved.is_none(), "who handled, but nobody resolved, or the reverse");
    claim(resolved.is_none_or(|agent| handled.contains(&agent)), "resolved by somebody who did not handle");
    claim(owners.iter().all(|agent| handled.contains(agent)), "a segment of an agent who did not handle");
    claim(seen("call.conferenced") || owners.last().copied() == resolved, "the last owner did not resolve");
    claim(
        segments.iter().all(|segment| text(segment, "/how") != Some("")),
        "a segment that came from nowhere",
    );
    claim(seen("call.answered") || (handled.is_empty() && talk == 0.0), "talk without an answer");
    claim(seen("call.answered") || disposition != "answered", "answered, but nobody did");
    claim(seen("call.held") || hold == 0.0, "held, but nobody did");
    claim(
        (disposition == "merged") == (text(ended, "/data/ledger/merged_into").is_some()),
        "merged into nothing",
    );
    let length = milliseconds(text(ended, "/data/call/started_at"), text(ended, "/data/call/ended_at"));
    claim(length.is_some_and(|length| talk + hold <= length + 1.0), "more talk and hold than call");
    claim(
        (talk + hold - owned(&segments)).abs() <= BALANCE,
        "talk and hold are not the time somebody had the caller",
    );
    let since = text(ended, "/data/call/queued_at").or(text(ended, "/data/call/started_at"));
    let until = text(ended, "/data/call/answered_at").or(text(ended, "/data/call/ended_at"));
    // Who was answered before a queue has waited twice.
    if let Some(expected) = milliseconds(since, until).filter(|waited| *waited >= 0.0) {
        claim(wait >= expected - 1.0, "less wait than there was");
        let queues = course.iter().filter(|event| kind(event) == "call.queued").count();
        claim(queues > 1 || wait <= expected + 1.0, "more wait than there was");
    }
}

/// Milliseconds in which somebody had the caller: agents, outside parties, the parking place.
fn owned(segments: &[Value]) -> f64 {
    let had = |segment: &&Value| {
        segment.get("agent").or(segment.get("external")).is_some() || segment["system"] == "park"
    };
    segments.iter().filter(had).filter_map(|one| milliseconds(text(one, "/from"), text(one, "/to"))).sum()
}

fn call_is_over(ended: &Value, wrong: &mut Vec<String>) {
    let legs = ended.pointer("/data/call/legs").and_then(Value::as_array);
    let alive = legs.into_iter().flatten().any(|leg| text(leg, "/state") != Some("left"));
    if alive || text(ended, "/data/call/state") != Some("ended") {
        wrong.push(format!("ended, but not over: {}", summary(ended)));
    }
}
