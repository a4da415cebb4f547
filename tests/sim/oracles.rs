//! What must hold when a world has come to rest, whatever went wrong in it. Told is compared with lived.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::agent::AgentState;
use hookswitch_sim::{Fate, FateEnd, SECOND};
use serde_json::Value;

use crate::{
    office::{DIRECT, FALLBACK},
    replay,
    told::{Course, Tale, Told},
    world::World,
};

mod callbacks;
mod line;
mod rooms;

/// A promise that was broken.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) rule: &'static str,
    pub(crate) what: String,
    /// The call it is about; empty for none.
    pub(crate) call: String,
}

/// Everything that is wrong with a world at rest.
pub(crate) fn broken(world: &World) -> (Vec<Broken>, Tale) {
    let mut list = Broken::list();
    for what in &world.wrong {
        list.add("the world goes on", what.clone(), "");
    }
    let Some(life) = &world.life else {
        list.add("the daemon comes back", "it is not there at the end".to_owned(), "");
        return (list.0, Tale::default());
    };
    let tale = Tale::read(&life.reader());
    readers(world, &tale, &mut list);
    stream(world, &tale, &mut list);
    courses(&tale, &mut list);
    promises(world, &tale, &mut list);
    fates(world, &tale, &mut list);
    callbacks::check(world, &tale, &mut list);
    line::check(world, &tale, &mut list);
    rooms::check(world, &tale, &mut list);
    rest(world, &mut list);
    wires(world, &mut list);
    for what in replay::differences(&life.reader(), life.machine().engine()) {
        list.add("the journal replays bit for bit", what, "");
    }
    (list.0, tale)
}

/// What is broken so far.
struct List(Vec<Broken>);

impl Broken {
    const fn list() -> List {
        List(Vec::new())
    }
}

impl List {
    fn add(&mut self, rule: &'static str, what: String, call: &str) {
        self.0.push(Broken { rule, what, call: call.to_owned() });
    }
}

/// Acknowledged then lost, gaps passed silently, events told twice: none.
fn readers(world: &World, tale: &Tale, list: &mut List) {
    let ids: BTreeMap<u64, &Told> = tale.events.iter().map(|told| (told.sequence, told)).collect();
    for reader in &world.readers {
        for wrong in &reader.wrong {
            list.add("a reader's chain holds", wrong.clone(), "");
        }
        for (sequence, id) in &reader.seen {
            match ids.get(sequence) {
                Some(told) if told.id == *id => {}
                Some(told) => list.add(
                    "what was shown stays",
                    format!("{id} was shown at {sequence}, there stands {}", told.id),
                    &told.call,
                ),
                None => list.add("what was shown stays", format!("{id} at {sequence} is gone"), ""),
            }
        }
        let missing = ids
            .iter()
            .filter(|(sequence, told)| reader.wants(&told.kind) && !reader.seen.contains_key(sequence));
        for (sequence, told) in missing {
            list.add("a reader misses nothing", format!("{sequence} {} was not read", told.kind), &told.call);
        }
        if reader.gaps > 0 {
            list.add("nothing was deleted", format!("{} gaps", reader.gaps), "");
        }
    }
}

/// Ids are unique; what cannot be is not told.
fn stream(world: &World, tale: &Tale, list: &mut List) {
    let mut ids = BTreeSet::new();
    for told in &tale.events {
        if !ids.insert(&told.id) {
            list.add("an event has one id", format!("{} twice", told.id), &told.call);
        }
        let given_up = world.plan.held_bytes < 1024 * 1024
            && told.event["data"]["rule"].as_str().is_some_and(|rule| rule.contains("no room"));
        if told.kind == "invariant.violated" && !given_up {
            list.add("the engine's invariants hold", told.event["data"].to_string(), &told.call);
        }
    }
}

/// Whether events were given up because the disk had no room for too long: the one stated loss.
fn gave_up(tale: &Tale) -> bool {
    tale.events.iter().any(|told| told.kind == "invariant.violated")
}

/// Each call begins once, ends once, and says nothing but data after its end; its offers end; its books add up.
fn courses(tale: &Tale, list: &mut List) {
    if gave_up(tale) {
        return;
    }
    let mut by_reference: BTreeMap<(&str, &str), Vec<&String>> = BTreeMap::new();
    for (id, course) in &tale.calls {
        by_reference.entry((&course.pbx, &course.uniqueid)).or_default().push(id);
        let kinds: Vec<&str> = tale.of(course).map(|told| told.kind.as_str()).collect();
        let count = |kind: &str| kinds.iter().filter(|other| **other == kind).count();
        if kinds.first() != Some(&"call.started") || count("call.started") != 1 {
            list.add("a call starts once", kinds.join(" "), id);
        }
        if count("call.ended") != 1 {
            list.add("a call ends once", format!("{} ends", count("call.ended")), id);
        }
        let after = kinds.iter().skip_while(|kind| **kind != "call.ended").skip(1);
        for late in after.filter(|kind| !matches!(**kind, "call.data" | "call.identified")) {
            list.add("nothing follows the end", (*late).to_owned(), id);
        }
        offers(tale, id, course, list);
        if let Some(ended) = tale.of(course).find(|told| told.kind == "call.ended")
            && let Some(wrong) = unbalanced(&ended.event["data"])
        {
            list.add("the books add up", wrong, id);
        }
    }
    for ((pbx, uniqueid), ids) in by_reference {
        if ids.len() > 1 {
            list.add("one caller is one call", format!("{pbx} {uniqueid}: {ids:?}"), ids[1]);
        }
    }
}

/// Every offer that was told ends once.
fn offers(tale: &Tale, id: &str, course: &Course, list: &mut List) {
    let mut open: BTreeSet<String> = BTreeSet::new();
    let mut over: BTreeSet<String> = BTreeSet::new();
    for told in tale.of(course) {
        let offer = told.event["data"]["offer"]["id"].as_str().unwrap_or_default().to_owned();
        match told.kind.as_str() {
            "call.offered" if over.contains(&offer) || !open.insert(offer.clone()) => {
                list.add("an offer is told once", offer, id);
            }
            "call.offer_ended" if !open.remove(&offer) || !over.insert(offer.clone()) => {
                list.add("an offer ends once, after it began", offer, id);
            }
            _ => {}
        }
    }
    if !open.is_empty() {
        list.add("every offer ends", format!("{open:?}"), id);
    }
}

/// What is wrong with a ledger.
fn unbalanced(data: &Value) -> Option<String> {
    let (call, ledger) = (&data["call"], &data["ledger"]);
    let mut at = &call["started_at"];
    for segment in ledger["segments"].as_array()? {
        if segment["from"] != *at {
            return Some(format!("a hole or an overlap before {segment}"));
        }
        at = &segment["to"];
    }
    if *at != call["ended_at"] {
        return Some(format!("the segments end at {at}, the call at {}", call["ended_at"]));
    }
    let live = call["legs"].as_array()?.iter().find(|leg| leg["state"] != "left");
    live.map(|leg| format!("the call is over and {leg} is in it"))
}

/// What a client was told is done stands in the stream.
fn promises(world: &World, tale: &Tale, list: &mut List) {
    if gave_up(tale) {
        return;
    }
    for key in &world.promised {
        let kept = tale.events.iter().any(|told| told.event["data"]["changed"].get(key).is_some());
        if !kept {
            list.add("what was confirmed is kept", format!("{key} was set, and no event tells it"), "");
        }
    }
}

/// Nobody is lost, and every call is booked as its caller lived it.
fn fates(world: &World, tale: &Tale, list: &mut List) {
    let mut of_caller: BTreeMap<(&str, &str), (&String, &Course)> = BTreeMap::new();
    for (id, course) in &tale.calls {
        of_caller.insert((&course.pbx, &course.uniqueid), (id, course));
    }
    let struck: u64 = world.plan.faults.iter().filter(|(_, fault)| fault.loses_legs()).count() as u64;
    let mut turned_away = 0;
    for (place, fate) in &world.fates {
        let site = &world.sites[*place];
        let known = of_caller.get(&(site.name.as_str(), fate.uniqueid.as_str()));
        let call = known.map_or("", |(id, _)| id.as_str());
        let partly = world.is_blind(*place, fate.from, fate.to);
        // Who dials an agent directly may be refused by that agent. A promise that was made while the disk was full is
        // forgotten when the daemon is killed then.
        let let_go =
            fate.context == "hookswitch-farewell" && (tale.promised(call) || gave_up(tale) || partly);
        if fate.end == FateEnd::TurnedAway && fate.dnis != DIRECT && !world.plan.watched && !let_go {
            turned_away += 1;
            if turned_away > struck {
                list.add("no caller is lost", format!("{fate:?}"), call);
            }
        }
        let agents = fate.talked_to.iter().filter(|endpoint| *endpoint != FALLBACK);
        let clicked = world.clicked.contains(&fate.uniqueid);
        if agents.count() > 1 && !clicked {
            list.add("no caller is handed on by a repeated action", format!("{fate:?}"), call);
        }
        let lived = (site.world_time(fate.from), site.world_time(fate.to));
        let mut blind = world.sights[*place].blind.iter();
        let unseen = blind.any(|(from, to)| *from <= lived.0 + SECOND && lived.1 <= *to + SECOND);
        match known {
            None if unseen || gave_up(tale) => {}
            None => list.add("no caller is overlooked", format!("{fate:?}"), ""),
            // What was given up is missing here, too.
            Some(_) if gave_up(tale) => {}
            Some((id, course)) if clicked => moved(tale, id, course, fate, list),
            Some((id, course)) => booked(tale, id, course, fate, partly || world.plan.loses_events(), list),
        }
    }
}

/// A caller whom agents held, transferred and spoke of to others: no conversation is told that was none.
fn moved(tale: &Tale, id: &str, course: &Course, fate: &Fate, list: &mut List) {
    let Some(ended) = tale.of(course).find(|told| told.kind == "call.ended") else { return };
    let handled: BTreeSet<&str> = ended.event["data"]["ledger"]["handled_by"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|agent| agent.as_str()?.rsplit('-').next())
        .collect();
    if let Some(stranger) = handled.iter().find(|agent| !fate.talked_to.iter().any(|there| there == *agent)) {
        list.add("who handled it is who talked", format!("{stranger}, but {fate:?}"), id);
    }
}

/// The disposition is what the caller lived; where the daemon was blind, at least nothing that cannot be.
fn booked(tale: &Tale, id: &str, course: &Course, fate: &Fate, blind: bool, list: &mut List) {
    let Some(ended) = tale.of(course).find(|told| told.kind == "call.ended") else { return };
    let disposition = ended.event["data"]["ledger"]["disposition"].as_str().unwrap_or_default();
    // Who overflowed out of the queue, or fell back out of it, does not wait in it any more.
    let last = tale
        .of(course)
        .filter(|told| matches!(told.kind.as_str(), "call.queued" | "call.transferred"))
        .last();
    let queued = last.is_some_and(|told| told.kind == "call.queued");
    let answered = tale.of(course).any(|told| told.kind == "call.answered");
    let promised = tale.promised(id);
    // The PBX never said how it ended: that is what the word is for.
    let right = match (fate.end, blind) {
        _ if disposition == "lost" => blind,
        (end, _) if disposition == "callback" => promised && (end != FateEnd::Talked || blind),
        (_, false) if promised => false,
        (FateEnd::Talked, false) => disposition == "answered",
        (FateEnd::Talked, true) => disposition == "answered" || !answered,
        (FateEnd::GaveUp, false) if queued => disposition == "abandoned",
        (FateEnd::GaveUp, false) => disposition == "missed",
        (FateEnd::GaveUp | FateEnd::TurnedAway, _) => disposition != "answered",
        (FateEnd::Restarted, _) => disposition != "answered" || !fate.talked_to.is_empty(),
    };
    if !right {
        list.add("a call is booked as it was lived", format!("{disposition}, but {fate:?}"), id);
    }
    if blind {
        return;
    }
    let handled: Vec<String> = ended.event["data"]["ledger"]["handled_by"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|agent| Some(agent.as_str()?.rsplit('-').next()?.to_owned()))
        .collect();
    let lived: Vec<&String> = fate.talked_to.iter().filter(|endpoint| *endpoint != FALLBACK).collect();
    if handled.iter().collect::<Vec<_>>() != lived {
        list.add("who handled it is who talked", format!("{handled:?}, but {fate:?}"), id);
    }
}

/// Nobody is busy, nothing is live.
fn rest(world: &World, list: &mut List) {
    let Some(life) = &world.life else { return };
    let engine = life.machine().engine();
    for call in engine.calls() {
        list.add("every call comes to an end", format!("{} is live", call.pbx_ref), &call.id.to_string());
    }
    for agent in engine.agents() {
        let busy = matches!(agent.state, AgentState::Reserved | AgentState::Talking | AgentState::Holding);
        if busy || agent.evidence.is_some() || !agent.calls.is_empty() {
            list.add("nobody stays busy", format!("{agent:?}"), "");
        }
    }
    for callback in engine.callbacks().filter(|callback| !callback.state.is_over()) {
        list.add("every call-back comes to an end", format!("{callback:?}"), &callback.id.to_string());
    }
    for queue in engine.queues(life.time(world.now)).filter(|queue| queue.waiting + queue.callbacks > 0) {
        list.add("nobody is left in line", format!("{queue:?}"), "");
    }
    if let Some(degraded) = life.machine().degraded() {
        list.add("a full disk is left behind", format!("{degraded:?}"), "");
    }
    for site in &world.sites {
        for warning in site.pbx.warnings() {
            list.add("the simulator can do what is asked", warning.clone(), "");
        }
    }
}

/// No action is carried out twice, nobody is torn out of a conversation.
fn wires(world: &World, list: &mut List) {
    for site in &world.sites {
        for (action, times) in site.asked.iter().filter(|(_, times)| **times > 1) {
            list.add("an action is asked once", format!("{action} came to {} {times} times", site.name), "");
        }
        if world.plan.watched && site.changed > 0 {
            list.add("who only watches changes nothing", format!("{} times", site.changed), "");
        }
        for what in &site.torn_away {
            list.add("nobody who talks is redirected", what.clone(), "");
        }
    }
}
