//! What a receiver was told of a call: kept over restarts, in the notes of the webhook's cursor.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_wire::model::CallId;
use serde::{Deserialize, Serialize};

use super::source::{Per, Phase};

/// How many calls are remembered: what never ends must not be kept for ever.
const CALLS: usize = 20_000;

/// Of all calls that are not over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Memory(BTreeMap<CallId, Told>);

/// Of one call.
///
/// ```text
///        start             answer             end
///  new ───────→ started ──────────→ started ──────→ over: nothing is told
///   ↑                          │ move
///   └──────────────────────────┘ the next part, under another id
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    /// From 0.
    part: u32,
    started: bool,
    ended: bool,
    /// Of this part: messages, with the agent where they are told to each.
    keys: BTreeSet<String>,
    /// With the event at this position, which is not settled yet.
    at: u64,
    with_event: BTreeSet<String>,
    /// What answers held.
    vars: BTreeMap<String, String>,
    /// Whom the latest message was about.
    agent: Option<String>,
    /// The first event that was told.
    since: u64,
}

/// A message as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(super) key: String,
    pub(super) per: Per,
    pub(super) phase: Option<Phase>,
    pub(super) agent: Option<String>,
}

impl Memory {
    pub(crate) fn of(&self, call: CallId) -> Told {
        self.0.get(&call).cloned().unwrap_or_default()
    }

    /// A message was taken, and its answer held this.
    pub(crate) fn note(&mut self, call: CallId, seq: u64, mark: &Mark, vars: BTreeMap<String, String>) {
        self.0.entry(call).or_default().note(seq, mark, vars);
        if self.0.len() > CALLS {
            // Ids begin with the time: the first is the oldest.
            self.0.pop_first();
        }
    }

    /// The call is over, and everything of it settled.
    pub(crate) fn forget(&mut self, call: CallId) {
        self.0.remove(&call);
    }

    /// Events after this position are told again: what began after it was never told, of what began before only the
    /// beginning was.
    pub(crate) fn rewind(&mut self, after: u64) {
        self.0.retain(|_, told| told.since <= after);
        for told in self.0.values_mut() {
            let vars = std::mem::take(&mut told.vars);
            *told = Told { started: true, since: told.since, part: told.part, vars, ..Told::default() };
        }
    }
}

impl Told {
    pub(super) const fn part(&self) -> u32 {
        self.part
    }

    pub(super) const fn is_started(&self) -> bool {
        self.started
    }

    pub(super) const fn is_ended(&self) -> bool {
        self.ended
    }

    pub(super) const fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    pub(super) fn agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }

    /// Whether this was told, as far as it is told once.
    pub(super) fn has(&self, seq: u64, mark: &Mark) -> bool {
        if mark.is_of_the_event() {
            self.at == seq && self.with_event.contains(&mark.key)
        } else {
            self.keys.contains(&mark.key)
        }
    }

    fn note(&mut self, seq: u64, mark: &Mark, vars: BTreeMap<String, String>) {
        if self.since == 0 {
            self.since = seq;
        }
        if self.at != seq {
            self.at = seq;
            self.with_event.clear();
        }
        let keys = if mark.is_of_the_event() { &mut self.with_event } else { &mut self.keys };
        keys.insert(mark.key.clone());
        match mark.phase {
            Some(Phase::Start) => self.started = true,
            Some(Phase::End) => self.ended = true,
            Some(Phase::Move) => {
                (self.part, self.started) = (self.part + 1, false);
                self.keys.clear();
            }
            Some(Phase::Update | Phase::Answer) | None => {}
        }
        self.vars.extend(vars);
        if mark.agent.is_some() {
            self.agent.clone_from(&mark.agent);
        }
    }
}

impl Mark {
    /// A move belongs to its event: the part after it may be moved as well.
    fn is_of_the_event(&self) -> bool {
        self.per == Per::Event || self.phase == Some(Phase::Move)
    }
}
