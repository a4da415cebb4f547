//! What holds of every stream of events, whatever happened: checked at the end of each story and each load.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::events::{kind, summary, text};

/// Everything that is wrong with a finished stream, one line each; empty when all is well.
///
/// - a call starts once, first, and ends once; after that only `call.data` and `call.identified` follow
/// - each offer is made once and ends once, and no agent has two offers of queues at a time
/// - the customer's number never changes, nor the PBX's id of the leg of a customer who called
/// - the segments of a ledger follow each other without gap or overlap, from the start of the call to its end
/// - a call pops once for an agent
/// - a call-back is made once and ends once; each of its tries is followed by one retry or the end, and no try begins
///   while another is out
/// - Hookswitch itself found nothing wrong (`invariant.violated`)
#[must_use]
pub fn violations(events: &[Value]) -> Vec<String> {
    let mut checker = Checker::default();
    for event in events {
        checker.take(event);
    }
    checker.finish()
}

#[derive(Debug, Default)]
struct Checker<'a> {
    calls: BTreeMap<&'a str, Call<'a>>,
    /// Open offers: their agent.
    offers: BTreeMap<&'a str, &'a str>,
    finished_offers: BTreeSet<&'a str>,
    pops: BTreeSet<(&'a str, &'a str)>,
    callbacks: BTreeMap<&'a str, Callback>,
    wrong: Vec<String>,
}

/// Where a call-back stands, as its events tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Callback {
    Waits,
    IsTried,
    Over,
}

#[derive(Debug)]
struct Call<'a> {
    identity: [Option<&'a Value>; 3],
    ended: bool,
}

impl<'a> Checker<'a> {
    fn complain(&mut self, event: &Value, what: &str) {
        self.wrong.push(format!("{what}: {}", summary(event)));
    }

    fn take(&mut self, event: &'a Value) {
        if kind(event) == "invariant.violated" {
            self.wrong.push(format!("Hookswitch itself says: {event}"));
        }
        if let Some(id) = text(event, "/data/callback/id") {
            self.take_callback(event, id);
        } else if let Some(id) = text(event, "/data/call/id") {
            self.take_call(event, id);
        }
        match kind(event) {
            "call.offered" | "call.offer_ended" => self.take_offer(event),
            "screen.pop" => {
                let key = (
                    text(event, "/data/call/id").unwrap_or(""),
                    text(event, "/data/pop/agent").unwrap_or(""),
                );
                if !self.pops.insert(key) {
                    self.complain(event, "a second pop of the call for the agent");
                }
            }
            _ => {}
        }
    }

    fn take_call(&mut self, event: &'a Value, id: &'a str) {
        let identity =
            ["/data/call/ani/raw", "/data/call/pbx_ref", "/data/call/pbx"].map(|p| event.pointer(p));
        match self.calls.get(id) {
            None => {
                if kind(event) != "call.started" {
                    self.complain(event, "the call was not started");
                }
                self.calls.insert(id, Call { identity, ended: false });
            }
            Some(call) => {
                let changed = call.identity != identity;
                let late = call.ended && !matches!(kind(event), "call.data" | "call.identified");
                if kind(event) == "call.started" {
                    self.complain(event, "started twice");
                }
                if changed {
                    self.complain(event, "the customer's identity changed");
                }
                if late {
                    self.complain(event, "after call.ended");
                }
            }
        }
        if kind(event) == "call.ended" {
            self.calls.entry(id).and_modify(|call| call.ended = true);
            self.take_segments(event);
        }
    }

    fn take_callback(&mut self, event: &'a Value, id: &'a str) {
        let before = self.callbacks.get(id).copied();
        let (legal, after) = match kind(event) {
            "callback.created" => (before.is_none(), Callback::Waits),
            "callback.dialled" => (before == Some(Callback::Waits), Callback::IsTried),
            "callback.retry" => (before == Some(Callback::IsTried), Callback::Waits),
            _ => (matches!(before, Some(Callback::Waits | Callback::IsTried)), Callback::Over),
        };
        if !legal {
            self.complain(event, &format!("not the next of a call-back: {before:?}"));
        }
        self.callbacks.insert(id, after);
    }

    fn take_offer(&mut self, event: &'a Value) {
        let id = text(event, "/data/offer/id").unwrap_or("");
        let agent = text(event, "/data/offer/agent").unwrap_or("");
        if kind(event) == "call.offered" {
            // Without a queue it is the PBX that rings, and it may let calls wait.
            let by_queue = text(event, "/data/offer/queue").is_some();
            if by_queue && self.offers.values().any(|busy| *busy == agent) {
                self.complain(event, "the agent has an offer already");
            }
            if self.finished_offers.contains(id) || self.offers.insert(id, agent).is_some() {
                self.complain(event, "the offer was made before");
            }
        } else {
            if self.offers.remove(id).is_none() {
                self.complain(event, "the offer is not open");
            }
            self.finished_offers.insert(id);
        }
    }

    fn take_segments(&mut self, event: &'a Value) {
        // Times are RFC 3339 in UTC with microseconds: text compares as time.
        let mut at = text(event, "/data/call/started_at").unwrap_or("");
        let segments = event.pointer("/data/ledger/segments").and_then(Value::as_array);
        for segment in segments.into_iter().flatten() {
            let (from, to) = (text(segment, "/from").unwrap_or(""), text(segment, "/to").unwrap_or(""));
            if from != at || to < from {
                self.complain(event, &format!("segment {segment} does not follow {at}"));
            }
            at = to;
        }
        let end = text(event, "/data/call/ended_at").unwrap_or("");
        if at != end {
            self.complain(event, &format!("segments end at {at}, the call at {end}"));
        }
    }

    fn finish(mut self) -> Vec<String> {
        let open =
            self.calls.iter().filter(|(_, call)| !call.ended).map(|(id, _)| format!("call {id} never ended"));
        self.wrong.extend(open);
        let open = self.offers.iter().map(|(id, agent)| format!("offer {id} to {agent} never ended"));
        self.wrong.extend(open);
        self.wrong
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, extra: Value) -> Value {
        let mut data = json!({"call": {"id": "1", "ani": {"raw": "+49"}, "pbx_ref": "7", "pbx": "hq", "started_at": "a", "ended_at": "c"}});
        for (key, value) in extra.as_object().unwrap() {
            data[key] = value.clone();
        }
        json!({"type": kind, "data": data})
    }

    fn good() -> Vec<Value> {
        let offer = json!({"offer": {"id": "o", "agent": "alice", "queue": "q"}});
        let segments =
            json!([{"queue": "q", "from": "a", "to": "b"}, {"agent": "alice", "from": "b", "to": "c"}]);
        vec![
            event("call.started", json!({})),
            event("call.offered", offer.clone()),
            event("screen.pop", json!({"pop": {"agent": "alice"}})),
            event("call.offer_ended", offer),
            event("call.ended", json!({"ledger": {"segments": segments}})),
            event("call.data", json!({})),
        ]
    }

    #[track_caller]
    fn check(change: impl Fn(&mut Vec<Value>), complaint: &str) {
        let mut events = good();
        change(&mut events);
        let found = violations(&events);
        assert!(found.iter().any(|line| line.contains(complaint)), "{complaint} is not among {found:?}");
    }

    #[test]
    fn a_good_stream_is_accepted() {
        assert_eq!(violations(&good()), Vec::<String>::new());
    }

    #[test]
    fn each_violation_is_found() {
        check(|e| drop(e.remove(0)), "not started");
        check(|e| drop(e.remove(4)), "never ended");
        check(|e| drop(e.remove(3)), "offer o to alice never ended");
        check(|e| e.push(e[4].clone()), "after call.ended");
        check(|e| e.insert(1, e[0].clone()), "started twice");
        check(|e| e.insert(2, e[1].clone()), "has an offer already");
        check(|e| e.insert(2, e[2].clone()), "second pop");
        check(|e| e[3]["data"]["call"]["ani"]["raw"] = json!("+43"), "identity changed");
        check(|e| e[4]["data"]["ledger"]["segments"][1]["from"] = json!("bb"), "does not follow");
        check(|e| e[4]["data"]["call"]["ended_at"] = json!("d"), "segments end at");
        check(|e| e.push(json!({"type": "invariant.violated"})), "itself");
    }
}
