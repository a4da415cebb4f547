//! What is known: a snapshot, and every event after it.

use std::collections::{BTreeMap, VecDeque};

use hookswitch_model::{AgentId, CallId, PbxId, QueueId, Timestamp};
use hookswitch_wire::{
    Sequence, Snapshot, Time,
    object::{Agent, Call, Link, Queue},
};
use serde::Deserialize;
use serde_json::Value;

/// How many points of the past a queue has.
pub(super) const TREND: usize = 24;

/// Whether the daemon is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Connection {
    Live,
    /// Since the last event; with the reason.
    Lost(String),
}

/// Live calls, agents, queues and links by their ids.
#[derive(Debug)]
pub(super) struct Board {
    /// What it is true at.
    pub(super) sequence: Sequence,
    pub(super) calls: BTreeMap<CallId, Call<'static>>,
    pub(super) agents: BTreeMap<AgentId, Agent<'static>>,
    pub(super) queues: BTreeMap<QueueId, Queue>,
    pub(super) links: BTreeMap<PbxId, Link<'static>>,
    pub(super) connection: Connection,
    /// Callers who waited, by queue, newest last.
    trend: BTreeMap<QueueId, VecDeque<u32>>,
    /// How far this computer's clock is ahead of the daemon's: an event takes time to arrive, so the least is true.
    ahead_us: i64,
}

/// The part of an event that changes the board. What a type does not have, or has as an id, is none.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "type")]
    kind: String,
    sequence: Sequence,
    time: Time,
    data: Value,
}

impl Board {
    pub(super) fn new(snapshot: Snapshot<'static>) -> Self {
        let mut board = Self {
            sequence: Sequence::default(),
            calls: BTreeMap::new(),
            agents: BTreeMap::new(),
            queues: BTreeMap::new(),
            links: BTreeMap::new(),
            connection: Connection::Live,
            trend: BTreeMap::new(),
            ahead_us: i64::MAX,
        };
        board.replace(snapshot);
        board
    }

    /// Begins anew, as after a gap.
    pub(super) fn replace(&mut self, snapshot: Snapshot<'static>) {
        self.sequence = snapshot.sequence;
        self.calls = snapshot.calls.into_iter().map(|call| (call.id, call)).collect();
        self.agents = snapshot.agents.into_iter().map(|agent| (agent.id.clone(), agent)).collect();
        self.queues = snapshot.queues.into_iter().map(|queue| (queue.id.clone(), queue)).collect();
        self.links = snapshot.pbx.into_iter().map(|link| (link.pbx.clone(), link)).collect();
    }

    /// Takes one event as it came, at this moment of the local clock. What the board holds already is old news; what
    /// cannot be read is of a newer daemon, and left out.
    pub(super) fn take(&mut self, event: &str, local: Timestamp) {
        let Ok(told) = serde_json::from_str::<Told>(event) else { return };
        if told.kind == "stream.snapshot" {
            if let Ok(snapshot) = serde_json::from_value(told.data) {
                self.replace(snapshot);
            }
            return;
        }
        if told.kind.starts_with("stream.") || told.sequence <= self.sequence {
            return;
        }
        self.sequence = told.sequence;
        self.ahead_us = self.ahead_us.min(micros(local).saturating_sub(micros(told.time.0)));
        let mut data = told.data;
        if told.kind == "pbx.link" {
            if let Ok(link) = serde_json::from_value::<Link<'static>>(data) {
                self.links.insert(link.pbx.clone(), link);
            }
            return;
        }
        if let Ok(call) = serde_json::from_value::<Call<'static>>(data["call"].take()) {
            match call.ended_at {
                None => drop(self.calls.insert(call.id, call)),
                Some(_) => drop(self.calls.remove(&call.id)),
            }
        }
        if let Ok(agent) = serde_json::from_value::<Agent<'static>>(data["agent"].take()) {
            self.agents.insert(agent.id.clone(), agent);
        }
        if let Ok(queue) = serde_json::from_value::<Queue>(data["queue"].take()) {
            self.queues.insert(queue.id.clone(), queue);
        }
    }

    /// Now, by the daemon's clock.
    pub(super) fn now(&self, local: Timestamp) -> Timestamp {
        let ahead = if self.ahead_us == i64::MAX { 0 } else { self.ahead_us };
        Timestamp::from_micros(u64::try_from(micros(local).saturating_sub(ahead)).unwrap_or_default())
    }

    /// Notes how many wait: once in a while, by the terminal's loop.
    pub(super) fn note_trend(&mut self) {
        for (id, queue) in &self.queues {
            let points = self.trend.entry(id.clone()).or_default();
            points.push_back(queue.figures.waiting);
            if points.len() > TREND {
                points.pop_front();
            }
        }
    }

    /// Oldest first; at most [`TREND`].
    pub(super) fn trend(&self, queue: &QueueId) -> Vec<u32> {
        self.trend.get(queue).map(|points| points.iter().copied().collect()).unwrap_or_default()
    }

    /// When the caller who waits longest in a queue came into it.
    pub(super) fn waits_since(&self, queue: &QueueId) -> Option<Timestamp> {
        let waiting = self.calls.values().filter(|call| call.queue.as_ref() == Some(queue) && waits(call));
        waiting.filter_map(|call| call.queued_at).map(|at| at.0).min()
    }
}

/// Whether a call waits, also while an agent is rung for it.
pub(super) fn waits(call: &Call<'_>) -> bool {
    call.queue.is_some() && matches!(call.state.as_ref(), "queued" | "offered")
}

fn micros(at: Timestamp) -> i64 {
    i64::try_from(at.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in super::super) fn call(id: &str, state: &str, queue: &str, ended: bool) -> Value {
        let ended = ended.then_some("2026-11-21T19:01:00.000000Z");
        json!({"id": id, "direction": "inbound", "state": state, "pbx": "hq", "pbx_ref": "1.1",
            "ani": {"raw": "+49305550001", "e164": "+49305550001", "withheld": false, "name": null},
            "dnis": {"raw": "5003", "e164": null}, "via": null, "queue": queue, "priority": 0, "rule": null,
            "config_version": 1, "customer": {"match": "none", "candidates": []}, "data": {}, "legs": [],
            "started_at": "2026-11-21T19:00:00.000000Z", "queued_at": "2026-11-21T19:00:00.000000Z",
            "answered_at": null, "ended_at": ended})
    }

    pub(in super::super) fn snapshot() -> Board {
        let figures = json!({"id": "support", "waiting": 1, "longest_wait_s": 5, "ready": 0, "talking": 1,
            "service_level": 0.75, "answered": 3, "abandoned": 1, "logged_in": 2, "offered": 5});
        let agent = json!({"id": "alice", "name": "Alice \u{1b}[31mZhang", "state": "talking", "reason": null,
            "since": "2026-11-21T18:59:00.000000Z", "next": null,
            "devices": [{"address": "PJSIP/1001", "state": "in_use"}], "queues": ["support"],
            "skills": {"billing": 8}, "calls": [], "evidence": null});
        let body = json!({"sequence": "00000000000000000005", "agents": [agent], "queues": [figures],
            "calls": [call("01KANY3H6N0000000000000001", "queued", "support", false)],
            "pbx": [{"pbx": "hq", "state": "up", "gap": null}]});
        Board::new(serde_json::from_value(body).unwrap())
    }

    pub(in super::super) fn at(text: &str) -> Timestamp {
        Time::parse(text).unwrap().0
    }

    fn event(kind: &str, sequence: u64, data: &Value) -> String {
        json!({"specversion": "1.0", "id": "x", "source": "/pbx/hq", "type": kind, "time": "2026-11-21T19:01:00Z",
            "sequence": format!("{sequence:020}"), "datacontenttype": "application/json", "data": data})
        .to_string()
    }

    #[test]
    fn calls_come_and_go_with_their_events() {
        let mut board = snapshot();
        let id = "01KANY3H6N0000000000000002";
        let now = at("2026-11-21T19:01:00Z");
        board.take(&event("call.started", 6, &json!({"call": call(id, "started", "support", false)})), now);
        assert_eq!(board.calls.len(), 2);
        board.take(&event("call.ended", 7, &json!({"call": call(id, "ended", "support", true)})), now);
        assert_eq!(board.calls.len(), 1);
    }

    #[test]
    fn what_the_snapshot_held_is_old_news() {
        let mut board = snapshot();
        let link = json!({"pbx": "hq", "state": "down", "gap": null});
        board.take(&event("pbx.link", 5, &link), at("2026-11-21T19:01:00Z"));
        assert_eq!(board.links.values().next().unwrap().state, "up");
        board.take(&event("pbx.link", 6, &link), at("2026-11-21T19:01:00Z"));
        assert_eq!(board.links.values().next().unwrap().state, "down");
    }

    #[test]
    fn a_clock_that_is_wrong_does_not_change_waits() {
        let mut board = snapshot();
        let stats = json!({"queue": {"id": "support", "waiting": 0, "longest_wait_s": 0, "ready": 1, "talking": 0,
            "service_level": null, "answered": 0, "abandoned": 0}});
        let an_hour_ahead = at("2026-11-21T20:01:00Z");
        board.take(&event("queue.stats", 6, &stats), an_hour_ahead);
        assert_eq!(board.now(an_hour_ahead), at("2026-11-21T19:01:00Z"));
        assert_eq!(board.queues.values().next().unwrap().figures.ready, 1);
    }

    #[test]
    fn bytes_of_another_world_change_nothing() {
        let mut board = snapshot();
        for text in ["", "{}", "[]", "{\"type\":\"call.started\"}", "\u{0}"] {
            board.take(text, at("2026-11-21T19:01:00Z"));
        }
        assert_eq!((board.calls.len(), board.sequence), (1, Sequence(5)));
    }
}
