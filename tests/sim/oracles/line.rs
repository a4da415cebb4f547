//! The line: a call-back neither costs nor wins a place, and nobody is told a place that is none.
//!
//! Rebuilt from the events alone. What they leave open (since when a caller waits who came by a menu) counts for the
//! daemon; callers of whom it may have lost sight meanwhile, and entries that an agent did not take, are not compared.

use std::collections::BTreeMap;

use hookswitch_model::{Millis, Timestamp};

use super::{List, gave_up};
use crate::{
    faults::Fault,
    told::{Tale, Told, text, time},
    world::World,
};

/// How long a link that is back has until all is as before.
const SETTLES: Millis = Millis::from_secs(5);
/// What decisions of the same moment may differ by.
const MOMENT: Millis = Millis::from_secs(1);

/// How long the brief queue has anybody wait: whoever overflows out of it is not told of until he is gone.
const BRIEF: Millis = Millis::from_secs(6);

/// Somebody in line: a caller, or a call-back.
#[derive(Debug)]
struct Entry {
    queue: String,
    /// Waits since some time from here …
    earliest: Timestamp,
    /// … to here.
    latest: Timestamp,
    /// In line from this time on; none: being rung for.
    from: Option<Timestamp>,
    /// May be compared.
    sure: bool,
}

#[derive(Default)]
struct Line {
    /// By the id of the call or the call-back.
    entries: BTreeMap<String, Entry>,
    /// By queue and number: places that callers took back.
    taken: BTreeMap<(String, String), Timestamp>,
    /// By PBX.
    settled: BTreeMap<String, Timestamp>,
}

pub(super) fn check(world: &World, tale: &Tale, list: &mut List) {
    // Who is moved by another configuration is compared with nobody.
    let reloads = world.plan.faults.iter().any(|(_, fault)| *fault == Fault::Reload);
    if gave_up(tale) || world.plan.watched || reloads {
        return;
    }
    let mut line = Line::default();
    let mut announced = tale.announced.iter().peekable();
    for told in &tale.events {
        while let Some(asked) = announced.next_if(|asked| asked.sequence < told.sequence) {
            let here = line.entries.values().filter(|entry| entry.queue == asked.queue).count();
            if asked.position.is_some_and(|place| place == 0 || place as usize > here) {
                list.add("a place that is told is one", format!("{asked:?}, {here} are in line"), "");
            }
        }
        line.follow(told, list);
    }
}

impl Line {
    fn follow(&mut self, told: &Told, list: &mut List) {
        let (data, now) = (&told.event["data"], told.time());
        match told.kind.as_str() {
            "call.queued" => self.enter_caller(told),
            "agent.state" if data["agent"]["state"] == "reserved" => self.reserve(&data["agent"]["calls"]),
            "call.offered" if data["offer"]["queue"].is_string() => self.turn(&told.call, now, list),
            "call.offer_ended" if text(&data["offer"]["outcome"]) != "accepted" => self.back(&told.call, now),
            "call.answered" | "call.transferred" | "call.ended" => drop(self.entries.remove(&told.call)),
            "callback.created" | "callback.retry" => self.enter_callback(told),
            "callback.dialled" => self.turn(&told.callback, now, list),
            "callback.ended" => {
                self.entries.remove(&told.callback);
                let callback = &data["callback"];
                let number =
                    (text(&callback["queue"]).to_owned(), text(&callback["number"]["e164"]).to_owned());
                if data["outcome"] == "superseded" {
                    self.taken.insert(number, time(&callback["enqueued_at"]));
                }
            }
            "pbx.link" => self.lose_sight(text(&data["pbx"]), now),
            _ => {}
        }
    }

    fn enter_caller(&mut self, told: &Told) {
        let (data, now) = (&told.event["data"], told.time());
        let (queue, call) = (text(&data["queue"]).to_owned(), &data["call"]);
        let number = (queue.clone(), text(&call["ani"]["e164"]).to_owned());
        let place = self.taken.remove(&number);
        let started = time(&call["started_at"]);
        let earliest = place.map_or(started, |place| place.min(started));
        // Who was asked, or came by another queue, waits since some time before; another PBX's phones do not ring for it,
        // nor do those of an agent who has just handed it on.
        let handed_on =
            call["legs"].as_array().is_some_and(|legs| legs.iter().any(|leg| leg["agent"].is_string()));
        let sure = queue.split('-').next() == call["pbx"].as_str() && !handed_on;
        let entry = Entry { queue, earliest, latest: now, from: Some(now), sure };
        self.entries.insert(told.call.clone(), entry);
    }

    fn enter_callback(&mut self, told: &Told) {
        let callback = &told.event["data"]["callback"];
        // It stands where the caller stood, behind whom he stood, and with the agents he would not have been given.
        let origin = callback["origin"]["call"].as_str().and_then(|call| self.entries.remove(call));
        let was_sure = origin.or_else(|| self.entries.remove(&told.callback)).is_none_or(|entry| entry.sure);
        let since = time(&callback["enqueued_at"]);
        let next = &callback["next_at"];
        let from = if next.is_string() { time(next).max(told.time()) } else { told.time() };
        // One that an agent did not take waits behind others for a moment; one for an agent by name waits for that.
        let sure = was_sure && callback["last"] != "agent" && callback["agent"].is_null();
        let queue = text(&callback["queue"]).to_owned();
        let entry = Entry { queue, earliest: since, latest: since, from: Some(from), sure };
        self.entries.insert(told.callback.clone(), entry);
    }

    /// An agent is kept for somebody, whose turn has come: the phone rings a little later, and another's may ring before.
    fn reserve(&mut self, calls: &serde_json::Value) {
        for call in calls.as_array().into_iter().flatten() {
            if let Some(entry) = self.entries.get_mut(text(call)) {
                entry.from = None;
            }
        }
    }

    /// Somebody's turn has come: nobody of the same queue has waited for longer.
    fn turn(&mut self, id: &str, now: Timestamp, list: &mut List) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.from = None;
        let entry = &self.entries[id];
        let pbx = entry.queue.split('-').next().unwrap_or_default();
        if self.settled.get(pbx).is_some_and(|settled| now < *settled) {
            return;
        }
        let before = self.entries.iter().find(|(_, other)| {
            let waits = other.from.is_some_and(|from| from + MOMENT < now);
            let overflows = other.queue.ends_with("-brief") && other.earliest + BRIEF < now;
            other.queue == entry.queue && other.sure && waits && !overflows && other.latest < entry.earliest
        });
        if let Some((other, waits)) = before {
            list.add(
                "nobody is served before who came before",
                format!("{other} {waits:?}, but {entry:?}"),
                id,
            );
        }
    }

    /// Nobody took it: in line again, behind others for a moment.
    fn back(&mut self, id: &str, now: Timestamp) {
        if let Some(entry) = self.entries.get_mut(id) {
            (entry.from, entry.sure) = (Some(now), false);
        }
    }

    /// A PBX is out of sight, or in sight again.
    fn lose_sight(&mut self, pbx: &str, now: Timestamp) {
        self.settled.insert(pbx.to_owned(), now + SETTLES);
        for entry in self.entries.values_mut() {
            entry.sure &= entry.queue.split('-').next() != Some(pbx);
        }
    }
}
