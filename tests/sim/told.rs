//! What the daemon told, read from the final journal as its readers read it: JSON, by the names of the contract.

use std::collections::BTreeMap;

use hookswitch_journal::{Kind, Limit, Reader};
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
    pub(crate) event: Value,
}

/// Everything told, and the calls of it.
#[derive(Debug, Default)]
pub(crate) struct Tale {
    pub(crate) events: Vec<Told>,
    /// By id.
    pub(crate) calls: BTreeMap<String, Course>,
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
            for entry in page.iter().filter(|entry| entry.record.kind == Kind::Event) {
                tale.tell(entry.seq, &entry.record.payload);
            }
            after = page.through();
        }
    }

    fn tell(&mut self, sequence: u64, json: &[u8]) {
        let event: Value = serde_json::from_slice(json).expect("events are JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let call = &event["data"]["call"];
        let told = Told {
            sequence,
            id: text(&event["id"]),
            kind: text(&event["type"]),
            recovered: event["recovered"] == Value::Bool(true),
            call: text(&call["id"]),
            event: Value::Null,
        };
        if !told.call.is_empty() {
            let course = self.calls.entry(told.call.clone()).or_default();
            (course.pbx, course.uniqueid) = (text(&call["pbx"]), text(&call["pbx_ref"]));
            course.events.push(self.events.len());
        }
        self.events.push(Told { event, ..told });
    }

    /// The events of a call.
    pub(crate) fn of<'a>(&'a self, course: &'a Course) -> impl Iterator<Item = &'a Told> {
        course.events.iter().map(|place| &self.events[*place])
    }

    /// The last events of a call, for people.
    pub(crate) fn last_of(&self, call: &str) -> String {
        let Some(course) = self.calls.get(call) else { return format!("nothing was told of {call}") };
        let mut lines: Vec<String> = self.of(course).map(Told::line).collect();
        if lines.len() > 20 {
            lines.drain(..lines.len() - 20);
        }
        lines.join("\n")
    }
}

impl Told {
    /// In one line.
    pub(crate) fn line(&self) -> String {
        let data = &self.event["data"];
        let legs = data["call"]["legs"].as_array().map(|legs| {
            let leg = |leg: &Value| format!("{}:{}", leg["address"], leg["state"]);
            legs.iter().map(leg).collect::<Vec<_>>().join(" ")
        });
        let more = ["offer", "queue", "ledger", "leg", "agent"].iter().filter_map(|key| data.get(*key));
        let more: Vec<String> = more.map(ToString::to_string).collect();
        let recovered = if self.recovered { " recovered" } else { "" };
        let (time, legs) = (self.event["time"].as_str().unwrap_or_default(), legs.unwrap_or_default());
        format!("  {} {time} {}{recovered} [{legs}] {}", self.sequence, self.kind, more.join(" "))
    }
}
