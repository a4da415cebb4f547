//! Call-backs: each begins once, ends once, dials no more than it says, and came out as the people outside lived it.

use std::collections::BTreeMap;

use hookswitch_model::Millis;
use hookswitch_sim::Reached;
use serde_json::Value;

use super::{List, gave_up};
use crate::{
    office::CALLS_BACK,
    told::{Tale, Told, text},
    world::World,
};

impl Tale {
    /// Whether this caller was promised to be called back.
    pub(super) fn promised(&self, call: &str) -> bool {
        let mut origins = self.callbacks.values().filter_map(|places| self.events[*places.first()?].origin());
        !call.is_empty() && origins.any(|origin| origin == call)
    }
}

impl Told {
    /// Of an event of a call-back: the call-back.
    fn callback_object(&self) -> &Value {
        &self.event["data"]["callback"]
    }

    /// The call of the caller who is called back; none where a program asked for it.
    fn origin(&self) -> Option<&str> {
        self.callback_object()["origin"]["call"].as_str()
    }
}

pub(super) fn check(world: &World, tale: &Tale, list: &mut List) {
    if gave_up(tale) {
        return;
    }
    // By the reference of its call at the PBX: the try, and the call-back.
    let mut tries: BTreeMap<(&str, &str), (&Told, &str)> = BTreeMap::new();
    for id in tale.callbacks.keys() {
        course(tale, id, list);
        let dialled = tale.of_callback(id).filter(|told| told.kind == "callback.dialled");
        for told in dialled {
            let call = &told.event["data"]["call"];
            let of = (text(&call["pbx"]), text(&call["pbx_ref"]));
            if tries.insert(of, (told, id)).is_some() {
                list.add("a try is one call", format!("{of:?} is two"), id);
            }
            of_try(tale, told, id, list);
        }
    }
    ends(tale, list);
    let mut lived: BTreeMap<&str, u64> = BTreeMap::new();
    let mut talked: BTreeMap<(&str, &str), &Reached> = BTreeMap::new();
    let mut seen: BTreeMap<(&str, &str), &Reached> = BTreeMap::new();
    for (place, reached) in &world.reached {
        let of = (world.sites[*place].name.as_str(), reached.linkedid.as_str());
        let Some((told, id)) = tries.get(&of) else {
            // What was done while the disk was full is forgotten when the daemon is killed then.
            if !world.is_blind(*place, reached.from, reached.to) {
                list.add("nobody is called whom nobody promised it", format!("{reached:?}"), "");
            }
            continue;
        };
        if seen.insert(of, reached).is_some() {
            list.add("a try dials once", format!("{reached:?}"), id);
        }
        if told.callback_object()["number"]["e164"] != *reached.number {
            list.add("the number that was promised is dialled", format!("{reached:?}"), id);
        }
        // Who takes it back does not see what the daemon did not.
        let seen = !world.is_blind(*place, reached.from, reached.to);
        *lived.entry(id).or_default() += u64::from(seen);
        if !reached.talked_to.is_empty() {
            talked.insert(of, reached);
        }
        booked(world, tale, *place, reached, told, id, list);
    }
    for (of, (told, id)) in &tries {
        let call = text(&told.event["data"]["call"]["id"]);
        let Some(end) = tale.end_of(call) else { continue };
        let answered = end.event["data"]["ledger"]["disposition"] == "answered";
        if answered && !talked.contains_key(of) && !world.clicked.contains(of.1) {
            list.add("no conversation is invented", format!("{call} is answered"), id);
        }
    }
    for (id, dials) in lived {
        let last = tale.of_callback(id).last();
        let told = last.and_then(|told| told.callback_object()["attempts"].as_u64()).unwrap_or_default();
        if told < dials && !world.plan.loses_events() {
            list.add("each dial counts", format!("{told} told, {dials} lived"), id);
        }
    }
}

/// From `created` to `ended`: each try in between ends before the next, the place and the number stay.
fn course(tale: &Tale, id: &str, list: &mut List) {
    let events: Vec<&Told> = tale.of_callback(id).collect();
    let kinds: Vec<&str> = events.iter().map(|told| told.kind.trim_start_matches("callback.")).collect();
    let ends = kinds.iter().filter(|kind| **kind == "ended").count();
    if kinds.first() != Some(&"created") || kinds.last() != Some(&"ended") || ends != 1 {
        list.add("a call-back begins once and ends once", kinds.join(" "), id);
    }
    for pair in events.windows(2) {
        let tried = pair[0].kind == "callback.dialled";
        let follows = match pair[1].kind.as_str() {
            "callback.dialled" => !tried,
            "callback.retry" => tried,
            _ => true,
        };
        if !follows {
            list.add("a try ends before the next", kinds.join(" "), id);
        }
        for stays in ["enqueued_at", "created_at", "number", "origin", "priority", "expires_at", "due"] {
            let (before, after) = (&pair[0].callback_object()[stays], &pair[1].callback_object()[stays]);
            if before != after {
                list.add("a call-back keeps what it is", format!("{stays}: {before}, then {after}"), id);
            }
        }
        let attempts = |told: &Told| told.callback_object()["attempts"].as_u64().unwrap_or_default();
        let (before, after) = (attempts(pair[0]), attempts(pair[1]));
        if after < before || after > before + 1 || after > CALLS_BACK.attempts.1 {
            list.add("a try counts once", format!("{before} attempts, then {after}"), id);
        }
        // The customer was dialled, and is not again before the pause is over: that is the lease.
        let again = pair[1].time().since(pair[0].time());
        let pause = Millis(CALLS_BACK.retry_after / 1_000);
        if pair[1].kind == "callback.dialled" && was_dialled(pair[0]) && again < pause {
            list.add("there is a pause between two dials", format!("{again:?}"), id);
        }
    }
    if let Some(ended) = events.last().filter(|told| told.kind == "callback.ended") {
        outcome(tale, ended, id, list);
    }
}

/// Whether a retry follows a try in which the customer was, or may have been, dialled.
fn was_dialled(told: &Told) -> bool {
    told.kind == "callback.retry" && !matches!(text(&told.callback_object()["last"]), "agent" | "not_now")
}

/// The word for the end is true.
fn outcome(tale: &Tale, ended: &Told, id: &str, list: &mut List) {
    let callback = ended.callback_object();
    let outcome = text(&ended.event["data"]["outcome"]);
    let attempts = callback["attempts"].as_u64().unwrap_or_default();
    let right = match outcome {
        "completed" => {
            let end = tale.end_of(text(&callback["call"]));
            // Who was talked to may have been sent into a queue afterwards, and have given up there.
            end.is_none_or(|end| {
                let ledger = &end.event["data"]["ledger"];
                let talked = ledger["handled_by"].as_array().is_some_and(|agents| !agents.is_empty());
                talked || text(&ledger["disposition"]) == "lost"
            })
        }
        "cancelled" => ended.event["data"]["by"].is_string(),
        "superseded" => superseded(tale, ended),
        "failed" => attempts >= CALLS_BACK.attempts.0,
        "expired" => ended.time() + Millis::from_secs(15) >= crate::told::time(&callback["expires_at"]),
        "queue_gone" => text(&callback["queue"]).ends_with("later"),
        _ => false,
    };
    if !right {
        list.add("a call-back ends as it is told", format!("{outcome}: {callback}"), id);
    }
}

/// The caller is in the same queue now.
fn superseded(tale: &Tale, ended: &Told) -> bool {
    let callback = ended.callback_object();
    let later = tale.events.iter().filter(|told| told.sequence > ended.sequence);
    let mut queued = later.filter(|told| told.kind == "call.queued");
    queued.next().is_some_and(|told| {
        let data = &told.event["data"];
        data["queue"] == callback["queue"] && data["call"]["ani"]["e164"] == callback["number"]["e164"]
    })
}

/// The chain from the caller's call to the try, and what the try carries.
fn of_try(tale: &Tale, told: &Told, id: &str, list: &mut List) {
    let call = text(&told.event["data"]["call"]["id"]);
    let Some(course) = tale.calls.get(call) else {
        list.add("a try is a call", format!("{call} was not told"), id);
        return;
    };
    let first = course.events.first().map(|place| &tale.events[*place]);
    let next = tale.events.iter().find(|other| other.sequence > told.sequence);
    if first.map(|first| first.sequence) != next.map(|next| next.sequence) {
        list.add("a try begins with the next event", call.to_owned(), id);
    }
    let Some(end) = tale.end_of(call) else { return };
    let data = &end.event["data"];
    let of = told.origin().map_or(Value::Null, Value::from);
    let (wanted, carried) = (&data["ledger"]["callback_of"], &data["call"]["data"]["callback"]);
    if *wanted != of || carried != id || data["call"]["direction"] != "outbound" {
        list.add("the chain of a call-back holds", data.to_string(), id);
    }
}

/// Who is called back has exactly one call-back, and no other call says so.
fn ends(tale: &Tale, list: &mut List) {
    let mut origins: BTreeMap<&str, u32> = BTreeMap::new();
    for id in tale.callbacks.keys() {
        if let Some(call) = tale.of_callback(id).next().and_then(Told::origin) {
            *origins.entry(call).or_default() += 1;
        }
    }
    for (call, count) in origins.iter().filter(|(_, count)| **count > 1) {
        list.add("a caller is called back once", format!("{count} call-backs"), call);
    }
    for told in tale.events.iter().filter(|told| told.kind == "call.ended") {
        let ledger = &told.event["data"]["ledger"];
        if ledger["disposition"] == "callback" && !origins.contains_key(told.call.as_str()) {
            list.add("who is called back was promised it", ledger.to_string(), &told.call);
        }
        if ledger["callback_of"].is_string() && told.event["data"]["call"]["data"]["callback"].is_null() {
            list.add("the chain of a call-back holds", ledger.to_string(), &told.call);
        }
    }
}

/// The try came out as the person outside lived it.
fn booked(
    world: &World,
    tale: &Tale,
    place: usize,
    reached: &Reached,
    told: &Told,
    id: &str,
    list: &mut List,
) {
    let blind = world.is_blind(place, reached.from, reached.to) || world.plan.loses_events();
    let call = text(&told.event["data"]["call"]["id"]);
    let Some(end) = tale.end_of(call).filter(|_| !world.clicked.contains(&reached.linkedid)) else { return };
    let ledger = &end.event["data"]["ledger"];
    let disposition = text(&ledger["disposition"]);
    let talked = !reached.talked_to.is_empty();
    if talked != (disposition == "answered") && !blind {
        list.add("a try is booked as it was lived", format!("{disposition}, but {reached:?}"), id);
    }
    let over = tale.of_callback(id).find(|other| other.sequence > told.sequence);
    let outcome = over.map_or("", |over| text(&over.event["data"]["outcome"]));
    if talked != (outcome == "completed") && !blind {
        list.add("who was reached is not called again", format!("{outcome:?}, but {reached:?}"), id);
    }
    let handled = ledger["handled_by"].as_array().into_iter().flatten();
    let handled: Vec<&str> = handled.filter_map(|agent| agent.as_str()?.rsplit('-').next()).collect();
    if handled != reached.talked_to && !blind {
        list.add("who handled it is who talked", format!("{handled:?}, but {reached:?}"), id);
    }
}
