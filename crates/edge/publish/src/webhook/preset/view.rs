//! What the templates of a preset see of an event.

use std::{fmt, sync::Arc};

use hookswitch_wire::template::{Numbers, PlainNumbers};
use serde_json::{Map, Value, json};

use super::{outcome::outcome, told::Told};

/// The names at the root, for the check of templates. `docs/presets.md` says what each is.
pub(super) const NAMES: [&str; 42] = [
    // The event itself.
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "sequence",
    "prev",
    "datacontenttype",
    "recovered",
    "action",
    "data",
    // Shorter ways into it.
    "call",
    "offer",
    "ledger",
    "customer",
    // Who and where.
    "direction",
    "from",
    "to",
    "far_end",
    "agent",
    "from_agent",
    "ringing",
    // How it stands.
    "part",
    "call_id",
    "previous_call_id",
    "is_talking",
    "outcome",
    "q850",
    "cause_text",
    "talk_s",
    "wait_s",
    "duration_s",
    // Of the configuration, of the receiver.
    "url",
    "values",
    "vars",
    "words",
    // Where something else is written.
    "item",
    "fields",
    "body",
    "headers",
    "secret",
];

/// An agent as templates see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AgentCard {
    /// The configuration's id.
    pub id: String,
    /// What to show.
    pub name: String,
    /// What others dial.
    pub extension: String,
    /// The first device.
    pub device: String,
    /// What the receiver calls the agent; empty: as the preset makes it of the others.
    pub user: String,
}

/// See the module.
pub(super) struct View {
    context: Map<String, Value>,
    numbers: Arc<dyn Numbers>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("View")
    }
}

/// A number such as `ani`, or a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) raw: String,
    pub(super) e164: Option<String>,
    pub(super) withheld: bool,
}

impl Number {
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(raw) => Some(Self { raw: raw.clone(), ..Self::default() }),
            Value::Object(fields) => Some(Self {
                raw: text(fields.get("raw")).to_owned(),
                e164: fields.get("e164").and_then(Value::as_str).map(str::to_owned),
                withheld: fields.get("withheld").and_then(Value::as_bool).unwrap_or_default(),
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        }
    }
}

/// What a view is made of.
pub(super) struct Sight<'a> {
    pub(super) event: &'a Value,
    /// Offers that were told right after this event.
    pub(super) ahead: &'a [Value],
    pub(super) told: &'a Told,
    pub(super) url: &'a str,
    /// By id.
    pub(super) agents: &'a Map<String, Value>,
    pub(super) values: &'a Value,
    pub(super) words: &'a Value,
    pub(super) numbers: &'a Arc<dyn Numbers>,
}

impl Sight<'_> {
    pub(super) fn view(&self) -> View {
        let Value::Object(mut context) = self.event.clone() else {
            return View { context: Map::new(), numbers: Arc::clone(self.numbers) };
        };
        let data = &self.event["data"];
        let call = &data["call"];
        let agent = self.agent();
        let is_out = call["direction"] == "outbound";
        let own =
            if agent.is_null() { Value::Null } else { json!({"raw": agent["extension"], "e164": null}) };
        let (from, to) = match (is_out, own) {
            (true, Value::Null) => (call["ani"].clone(), call["dnis"].clone()),
            (true, own) => (own, call["dnis"].clone()),
            (false, _) => (call["ani"].clone(), call["dnis"].clone()),
        };
        let ledger = &data["ledger"];
        let seconds = |key: &str| ledger[key].as_u64().map(|ms| (ms + 500) / 1_000);
        let more = json!({
            "call": call, "offer": data["offer"], "ledger": ledger, "customer": customer(call),
            "direction": if is_out { "out" } else { "in" },
            "far_end": if is_out { &to } else { &from },
            "agent": agent, "from_agent": self.card(&data["from_agent"]), "ringing": self.ringing(),
            "part": self.told.part() + 1,
            "is_talking": call["state"] == "connected" || call["state"] == "held",
            "outcome": outcome(call, ledger), "q850": ledger["cause"]["q850"],
            "cause_text": ledger["cause"]["text"],
            "talk_s": seconds("talk_ms").map(|talk| talk + seconds("hold_ms").unwrap_or_default()),
            "wait_s": seconds("wait_ms"), "duration_s": duration(call),
            "url": self.url, "values": self.values, "vars": self.told.vars(), "words": self.words,
        });
        if let Value::Object(more) = more {
            context.extend(more);
        }
        context.insert("from".to_owned(), from);
        context.insert("to".to_owned(), to);
        View { context, numbers: Arc::clone(self.numbers) }
    }

    /// Whom the event is about: who is rung, who talks, who did last.
    fn agent(&self) -> Value {
        let data = &self.event["data"];
        let is_transfer = self.event["type"] == "call.transferred";
        let is_answer = self.event["type"] == "call.answered";
        let named = [
            &data["offer"]["agent"],
            &data["agent"]["id"],
            if is_transfer { &data["to_agent"] } else { &Value::Null },
            &data["ledger"]["resolved_by"],
        ];
        let named = named.into_iter().find(|id| id.is_string());
        let legs = data["call"]["legs"].as_array().map(Vec::as_slice).unwrap_or_default();
        let leg = |there: bool| {
            let mut legs = legs.iter().filter(move |leg| (leg["state"] != "left") == there);
            legs.find(|leg| leg["agent"].is_string()).map(|leg| leg["agent"].clone())
        };
        match named {
            Some(id) => self.card(id),
            // A call handed to or answered by nobody we know has no agent, whoever was there before.
            None if is_transfer || is_answer => Value::Null,
            None => {
                let told = || self.told.agent().map(Value::from);
                leg(true).or_else(told).or_else(|| leg(false)).map_or(Value::Null, |id| self.card(&id))
            }
        }
    }

    fn card(&self, id: &Value) -> Value {
        let Some(id) = id.as_str() else { return Value::Null };
        // One who is not configured any more is still somebody.
        let unknown = || json!({"id": id, "name": id, "extension": "", "device": "", "user": id});
        self.agents.get(id).cloned().unwrap_or_else(unknown)
    }

    /// All who are rung now, in the order in which they began to.
    fn ringing(&self) -> Vec<Value> {
        let legs = self.event["data"]["call"]["legs"].as_array().map(Vec::as_slice).unwrap_or_default();
        let legs = legs.iter().filter(|leg| leg["state"] == "ringing").map(|leg| &leg["agent"]);
        let offered = std::iter::once(self.event).filter(|event| event["type"] == "call.offered");
        let offered = offered.chain(self.ahead).map(|event| &event["data"]["offer"]["agent"]);
        let mut seen: Vec<&Value> = Vec::new();
        for id in legs.chain(offered).filter(|id| id.is_string()) {
            if !seen.contains(&id) {
                seen.push(id);
            }
        }
        seen.into_iter().map(|id| self.card(id)).collect()
    }
}

impl View {
    pub(super) const fn context(&self) -> &Map<String, Value> {
        &self.context
    }

    pub(super) fn numbers(&self) -> &dyn Numbers {
        self.numbers.as_ref()
    }

    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.context.insert(name.to_owned(), value);
        self
    }

    /// The same with one of a list.
    pub(super) fn with_item(&self, item: &Value) -> Map<String, Value> {
        let mut context = self.context.clone();
        context.insert("item".to_owned(), item.clone());
        context
    }

    /// A call as templates are tried on it while they are checked.
    pub(super) fn example() -> Self {
        let event = json!({
            "type": "call.ended", "id": "0", "time": "2026-11-21T19:00:00.000000Z", "sequence": "1",
            "data": {
                "call": {
                    "id": "01JD0000000000000000000000", "direction": "inbound", "state": "ended", "legs": [],
                    "ani": {"raw": "+49305550001", "e164": "+49305550001", "withheld": false, "name": null},
                    "dnis": {"raw": "5003", "e164": null}, "customer": {"match": "none", "candidates": []},
                    "started_at": "2026-11-21T19:00:00.000000Z", "answered_at": "2026-11-21T19:00:05.000000Z",
                    "ended_at": "2026-11-21T19:01:00.000000Z", "data": {},
                },
                "ledger": {"disposition": "answered", "wait_ms": 5000, "talk_ms": 55000, "hold_ms": 0,
                    "cause": {"q850": 16, "text": "Normal Clearing"}},
            },
        });
        let numbers: Arc<dyn Numbers> = Arc::new(PlainNumbers);
        let sight = Sight {
            event: &event,
            ahead: &[],
            told: &Told::default(),
            url: "https://crm.example.com",
            agents: &Map::new(),
            values: &Value::Null,
            words: &Value::Null,
            numbers: &numbers,
        };
        sight.view()
    }
}

/// The best candidate with its further fields beside its own; null when nobody is known.
fn customer(call: &Value) -> Value {
    let Some(Value::Object(candidate)) = call["customer"]["candidates"].get(0) else { return Value::Null };
    let mut fields = candidate.get("fields").and_then(Value::as_object).cloned().unwrap_or_default();
    fields.extend(candidate.clone());
    Value::Object(fields)
}

/// Whole seconds from first sight to the end.
fn duration(call: &Value) -> Option<u64> {
    let at = |key: &str| call[key].as_str()?.parse::<jiff::Timestamp>().ok();
    let ms = at("ended_at")?.as_millisecond().checked_sub(at("started_at")?.as_millisecond())?;
    u64::try_from(ms).ok().map(|ms| (ms + 500) / 1_000)
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}
