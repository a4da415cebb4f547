//! What the daemon told, read from the final journal as its readers read it: JSON, by the names of the contract.

use std::collections::BTreeMap;

use hookswitch_journal::{Kind, Limit, Reader};
use hookswitch_model::{
    Timestamp,
    pbx::{Action, PbxAction},
};
use hookswitch_wire::Time;
use serde_json::Value;

/// One event.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) sequence: u64,
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) recovered: bool,
    /// The call it is about; empty for none.
    pub(crate) call: String,
    /// The call-back it is about; empty for none.
    pub(crate) callback: String,
    pub(crate) event: Value,
}

/// Everything told, and the calls of it.
#[derive(Debug, Default)]
pub(crate) struct Tale {
    pub(crate) events: Vec<Told>,
    /// By id.
    pub(crate) calls: BTreeMap<String, Course>,
    /// By id: places in `events`.
    pub(crate) callbacks: BTreeMap<String, Vec<usize>>,
    /// What callers were to be told, in order of the journal.
    pub(crate) announced: Vec<Announced>,
}

/// An announcement that was asked of a PBX.
#[derive(Debug)]
pub(crate) struct Announced {
    pub(crate) sequence: u64,
    pub(crate) pbx: String,
    pub(crate) uniqueid: String,
    pub(crate) queue: String,
    pub(crate) position: Option<u32>,
}

/// One call from its first event to its last, as places in [`Tale::events`].
#[derive(Debug, Default)]
pub(crate) struct Course {
    pub(crate) pbx: String,
    pub(crate) uniqueid: String,
    pub(crate) events: Vec<usize>,
}

impl Tale {
    /// Reads a journal from its first entry to its last.
    pub(crate) fn read(journal: &Reader) -> Self {
        let mut tale = Self::default();
        let mut after = 0;
        loop {
            let page = journal.read(after, Limit::default()).expect("memory reads");
            if page.is_empty() {
                return tale;
            }
            for entry in page.iter() {
                match entry.record.kind {
                    Kind::Event => tale.tell(entry.seq, &entry.record.payload),
                    Kind::Action => tale.ask(entry.seq, &entry.record.payload),
                    Kind::Setup | Kind::Input | Kind::Answer | Kind::Audit => {}
                }
            }
            after = page.through();
        }
    }

    fn tell(&mut self, sequence: u64, json: &[u8]) {
        let event: Value = serde_json::from_slice(json).expect("events are JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // An event of a call-back names the call it came from, or its try: it is none of that call's own.
        let callback = text(&event["data"]["callback"]["id"]);
        let call = if callback.is_empty() { &event["data"]["call"] } else { &Value::Null };
        let told = Told {
            sequence,
            id: text(&event["id"]),
            kind: text(&event["type"]),
            recovered: event["recovered"] == Value::Bool(true),
            call: text(&call["id"]),
            callback,
            event: Value::Null,
        };
        if !told.callback.is_empty() {
            self.callbacks.entry(told.callback.clone()).or_default().push(self.events.len());
        }
        if !told.call.is_empty() {
            let course = self.calls.entry(told.call.clone()).or_default();
            (course.pbx, course.uniqueid) = (text(&call["pbx"]), text(&call["pbx_ref"]));
            course.events.push(self.events.len());
        }
        self.events.push(Told { event, ..told });
    }

    fn ask(&mut self, sequence: u64, json: &[u8]) {
        #[derive(serde::Deserialize)]
        struct Versioned {
            body: PbxAction,
        }
        let asked: Versioned = serde_json::from_slice(json).expect("actions are JSON");
        if let Action::Announce { call, queue, position, .. } = asked.body.action {
            let (pbx, uniqueid) = (asked.body.pbx.to_string(), call.to_string());
            self.announced.push(Announced { sequence, pbx, uniqueid, queue: queue.to_string(), position });
        }
    }

    /// The events of a call-back.
    pub(crate) fn of_callback(&self, id: &str) -> impl Iterator<Item = &Told> {
        self.callbacks.get(id).into_iter().flatten().map(|place| &self.events[*place])
    }

    /// How a call ended, if that was told.
    pub(crate) fn end_of(&self, call: &str) -> Option<&Told> {
        self.of(self.calls.get(call)?).find(|told| told.kind == "call.ended")
    }

    /// The events of a call.
    pub(crate) fn of<'a>(&'a self, course: &'a Course) -> impl Iterator<Item = &'a Told> {
        course.events.iter().map(|place| &self.events[*place])
    }

    /// The last events of a call, for people.
    pub(crate) fn last_of(&self, call: &str) -> String {
        let mut lines: Vec<String> = match self.calls.get(call) {
            Some(course) => self.of(course).map(Told::line).collect(),
            None => self.of_callback(call).map(Told::line).collect(),
        };
        if lines.len() > 20 {
            lines.drain(..lines.len() - 20);
        }
        lines.join("\n")
    }
}

/// A time in an event.
pub(crate) fn time(value: &Value) -> Timestamp {
    Time::parse(value.as_str().unwrap_or_default()).expect("events have times").0
}

/// A text in an event; empty for none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl Told {
    /// When.
    pub(crate) fn time(&self) -> Timestamp {
        time(&self.event["time"])
    }

    /// In one line.
    pub(crate) fn line(&self) -> String {
        let data = &self.event["data"];
        let legs = data["call"]["legs"].as_array().map(|legs| {
            let leg = |leg: &Value| format!("{}:{}", leg["address"], leg["state"]);
            legs.iter().map(leg).collect::<Vec<_>>().join(" ")
        });
        let more = ["callback", "offer", "queue", "ledger", "leg", "agent", "changed"]
            .iter()
            .filter_map(|key| data.get(*key));
        let more: Vec<String> = more.map(ToString::to_string).collect();
        let recovered = if self.recovered { " recovered" } else { "" };
        let (time, legs) = (self.event["time"].as_str().unwrap_or_default(), legs.unwrap_or_default());
        format!("  {} {time} {}{recovered} [{legs}] {}", self.sequence, self.kind, more.join(" "))
    }
}
