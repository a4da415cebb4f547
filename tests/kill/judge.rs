//! What was told, at each place where it was told, against what the callers lived.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use anyhow::{Result, ensure};
use hookswitch_sim::{Fate, FateEnd, Reached};
use hookswitch_tests::{
    events::{kind, summary, text},
    invariants::violations,
};
use serde_json::Value;

/// What is compared.
pub(crate) struct Evidence<'a> {
    /// What a reader read over all lives.
    pub(crate) read: &'a [Value],
    pub(crate) breaks: &'a [String],
    /// What stands in the journal at the end.
    pub(crate) journal: &'a [Value],
    /// What a receiver took, as it came.
    pub(crate) delivered: &'a [Value],
    pub(crate) snapshot: &'a Value,
    pub(crate) fates: &'a [Fate],
    /// Who was called outside.
    pub(crate) reached: &'a [Reached],
    /// The journal's last sequence when all was at rest.
    pub(crate) last: &'a str,
}

/// The figures, and what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    events: usize,
    callers: usize,
    answered: usize,
    promised: usize,
    dialled: usize,
    deliveries: usize,
    duplicates: usize,
    wrong: Vec<String>,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, callers, answered, promised, dialled, deliveries, duplicates, wrong } = self;
        write!(
            f,
            "{events} events, {callers} callers of whom {answered} talked and {promised} were to be called back, who were \
             dialled {dialled} times; {deliveries} deliveries, of which {duplicates} \
             came again and fell to dedupe by id; {} promises broken",
            wrong.len()
        )
    }
}

impl Judged {
    pub(crate) fn new(evidence: Evidence<'_>) -> Self {
        let mut judged =
            Self { events: evidence.journal.len(), callers: evidence.fates.len(), ..Self::default() };
        judged.wrong.extend(evidence.breaks.iter().cloned());
        judged.wrong.extend(violations(evidence.journal));
        judged.reader(&evidence);
        judged.receiver(&evidence);
        judged.lives(&evidence);
        judged.callbacks(&evidence);
        judged.rest(evidence.snapshot);
        judged
    }

    pub(crate) fn conclude(self) -> Result<()> {
        let count = self.wrong.len();
        ensure!(count == 0, "{count} promises broken:\n{}", self.wrong[..count.min(20)].join("\n"));
        Ok(())
    }

    /// What was read is what stands in the journal: nothing lost, nothing twice, nothing left out.
    fn reader(&mut self, evidence: &Evidence<'_>) {
        let at = |event: &Value| text(event, "/sequence").unwrap_or_default().to_owned();
        let id = |event: &Value| text(event, "/id").unwrap_or_default().to_owned();
        let journal: BTreeMap<String, String> = evidence.journal.iter().map(|e| (at(e), id(e))).collect();
        let mut read: BTreeMap<String, String> = BTreeMap::new();
        for event in evidence.read {
            if read.insert(at(event), id(event)).is_some() {
                self.wrong.push(format!("read twice: {}", summary(event)));
            }
            if at(event).as_str() <= evidence.last && journal.get(&at(event)) != Some(&id(event)) {
                self.wrong.push(format!("shown, then lost: {}", summary(event)));
            }
        }
        for (sequence, id) in journal.iter().filter(|(sequence, _)| !read.contains_key(*sequence)) {
            self.wrong.push(format!("never read: {id} at {sequence}"));
        }
        if journal.values().collect::<BTreeSet<_>>().len() != journal.len() {
            self.wrong.push("an id stands twice in the journal".to_owned());
        }
    }

    /// Every event of a call was delivered; after dedupe by id in the order of the journal, call by call.
    fn receiver(&mut self, evidence: &Evidence<'_>) {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut last: BTreeMap<&str, &str> = BTreeMap::new();
        self.deliveries = evidence.delivered.len();
        for event in evidence.delivered {
            let (Some(id), Some(call), Some(sequence)) =
                (text(event, "/id"), text(event, "/data/call/id"), text(event, "/sequence"))
            else {
                self.wrong.push(format!("no event of a call: {event}"));
                continue;
            };
            if !seen.insert(id) {
                self.duplicates += 1;
                continue;
            }
            if last.insert(call, sequence).is_some_and(|before| before >= sequence) {
                self.wrong.push(format!("out of order at the receiver: {}", summary(event)));
            }
        }
        let of_calls = evidence.journal.iter().filter(|event| kind(event).starts_with("call."));
        let missing = of_calls.filter(|event| !seen.contains(text(event, "/id").unwrap_or_default()));
        self.wrong.extend(missing.map(|event| format!("never delivered: {}", summary(event))));
    }

    /// Callers are calls, each once; nobody is lost, no conversation is invented.
    fn lives(&mut self, evidence: &Evidence<'_>) {
        let mut ended: BTreeMap<&str, &Value> = BTreeMap::new();
        let mut answered: BTreeSet<&str> = BTreeSet::new();
        let mut started: BTreeSet<&str> = BTreeSet::new();
        for event in evidence.journal {
            let of_call = kind(event).starts_with("call.");
            let Some(reference) = text(event, "/data/call/pbx_ref").filter(|_| of_call) else { continue };
            match kind(event) {
                "call.started" if !started.insert(reference) => {
                    self.wrong.push(format!("a caller is two calls: {}", summary(event)));
                }
                "call.answered" => drop(answered.insert(reference)),
                "call.ended" => drop(ended.insert(reference, event)),
                _ => {}
            }
        }
        let created = evidence.journal.iter().filter(|event| kind(event) == "callback.created");
        let promised: BTreeSet<&str> =
            created.filter_map(|event| text(event, "/data/call/pbx_ref")).collect();
        for reference in started.iter().filter(|reference| !ended.contains_key(*reference)) {
            self.wrong.push(format!("a call has no end: {reference}"));
        }
        for fate in evidence.fates {
            self.answered += usize::from(fate.end == FateEnd::Talked);
            let promised = promised.contains(fate.uniqueid.as_str());
            if fate.end == FateEnd::TurnedAway && !(promised && fate.context == "hookswitch-farewell") {
                self.wrong.push(format!("a caller is lost: {fate:?}"));
            }
            if fate.talked_to.len() > 1 {
                self.wrong.push(format!("a caller was handed on: {fate:?}"));
            }
            let Some(end) = ended.get(fate.uniqueid.as_str()) else { continue };
            let disposition = text(end, "/data/ledger/disposition").unwrap_or_default();
            let talked = fate.end == FateEnd::Talked;
            let told = answered.contains(fate.uniqueid.as_str());
            let right = match (talked, disposition) {
                (true, "answered") => true,
                // The conversation began and ended while nobody watched, and that is said.
                (true, _) => !told && end["recovered"] == true,
                (false, "answered") => false,
                (false, "callback") => promised,
                (false, _) => true,
            };
            if !right {
                self.wrong.push(format!("{fate:?} was booked: {}", summary(end)));
            }
        }
    }

    /// Whoever was promised a call-back has one, which ends once; it dials once a try, whom it was promised to.
    fn callbacks(&mut self, evidence: &Evidence<'_>) {
        let mut courses: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        let mut tries: BTreeMap<&str, &str> = BTreeMap::new();
        for event in evidence.journal {
            let Some(id) = text(event, "/data/callback/id") else { continue };
            courses.entry(id).or_default().push(event);
            if kind(event) == "callback.dialled"
                && let Some(reference) = text(event, "/data/call/pbx_ref")
                && let Some(number) = text(event, "/data/callback/number/e164")
                && tries.insert(reference, number).is_some()
            {
                self.wrong.push(format!("two tries are one call: {}", summary(event)));
            }
        }
        self.promised = courses.len();
        for (id, course) in courses {
            let kinds: Vec<&str> = course.iter().map(|event| kind(event)).collect();
            let right = |pair: &[&str]| {
                let tried = pair[0] == "callback.dialled";
                if tried { pair[1] != "callback.dialled" } else { pair[1] != "callback.retry" }
            };
            let whole = kinds.first() == Some(&"callback.created") && kinds.last() == Some(&"callback.ended");
            let once = |name: &str| kinds.iter().filter(|kind| **kind == name).count() == 1;
            if !whole || !once("callback.created") || !once("callback.ended") || !kinds.windows(2).all(right)
            {
                self.wrong.push(format!("call-back {id}: {}", kinds.join(" ")));
            }
        }
        self.dialled = evidence.reached.len();
        for reached in evidence.reached {
            if tries.remove(reached.linkedid.as_str()) != Some(reached.number.as_str()) {
                self.wrong.push(format!("nobody promised that call, or it was made before: {reached:?}"));
            }
        }
    }

    /// Nobody is busy when nobody calls.
    fn rest(&mut self, snapshot: &Value) {
        for call in snapshot["calls"].as_array().into_iter().flatten() {
            self.wrong.push(format!("a call lives on: {call}"));
        }
        for agent in snapshot["agents"].as_array().into_iter().flatten() {
            let busy = matches!(agent["state"].as_str(), Some("reserved" | "talking" | "holding"));
            if busy || !agent["evidence"].is_null() {
                self.wrong.push(format!("an agent is busy with nobody: {agent}"));
            }
        }
    }
}
