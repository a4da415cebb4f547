//! Screen pops: one for each agent a call comes to, one claim for each pop.
//!
//! A pop is good for a minute, and only for as long as the call is on its way to the agent or with the agent: passing
//! the call on, or somebody else's answer, supersedes it. Until it is known who calls, it says so and opens nothing;
//! then it is told again, as the same pop, with the page it opens.

use std::collections::BTreeMap;

use hookswitch_model::{
    AgentId, CallId, Millis, PopId, QueueId, Timestamp,
    call::{Direction, Leg, LegState, MatchKind},
    command::{Actor, Refusal},
    event::{EventKind, Pop},
    setup::PopWhen,
};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;

/// How long a pop may be shown.
const LIFE: Millis = Millis::from_secs(60);
/// Bytes of a client's name.
const CLIENT_BYTES: usize = 256;

/// One pop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PopRecord {
    pop: Pop,
    call: CallId,
    sent_at: Timestamp,
    claimed_by: Option<String>,
    shown: bool,
    /// The call went to another.
    #[serde(default)]
    superseded: bool,
}

impl PopRecord {
    fn is_open(&self, now: Timestamp) -> bool {
        !self.superseded && now < self.pop.expires_at
    }
}

/// The pops of calls that are live or lately ended.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<PopRecord>", into = "Vec<PopRecord>")]
pub(crate) struct Pops {
    pops: BTreeMap<PopId, PopRecord>,
}

impl From<Pops> for Vec<PopRecord> {
    fn from(pops: Pops) -> Self {
        pops.pops.into_values().collect()
    }
}

impl From<Vec<PopRecord>> for Pops {
    fn from(records: Vec<PopRecord>) -> Self {
        Self { pops: records.into_iter().map(|record| (record.pop.id, record)).collect() }
    }
}

impl Pops {
    /// Forgets a pop with its call.
    pub(crate) fn forget(&mut self, id: PopId) {
        self.pops.remove(&id);
    }

    /// Whether a pop can still be shown, now that its call is on its way to the agent, or back.
    fn is_good_again(&mut self, id: PopId, now: Timestamp) -> bool {
        let Some(record) = self.pops.get_mut(&id).filter(|record| now < record.pop.expires_at) else {
            return false;
        };
        record.superseded = false;
        true
    }

    /// The pop, if this actor may touch it and it is not too old.
    fn touch(&mut self, id: PopId, actor: &Actor, now: Timestamp) -> Result<&mut PopRecord, Refusal> {
        let unknown = || Refusal::Unknown { what: "pop".into(), id: id.to_string() };
        let record = self.pops.get_mut(&id).ok_or_else(unknown)?;
        if actor.agent.as_ref().is_some_and(|agent| *agent != record.pop.agent) {
            return Err(unknown());
        }
        if now >= record.pop.expires_at {
            return Err(Refusal::PopExpired);
        }
        if record.superseded {
            return Err(Refusal::PopSuperseded);
        }
        Ok(record)
    }
}

impl Engine {
    /// An agent's device rings: the screen pops now, or when the agent answers.
    pub(crate) fn pop_at_ring(&mut self, call: CallId, agent: &AgentId, queue: Option<&QueueId>) {
        let pops = &self.setup.pops;
        match queue.and_then(|queue| pops.queues.get(queue)).unwrap_or(&pops.when) {
            PopWhen::Ring => self.pop(call, agent),
            PopWhen::Answer => {}
        }
    }

    /// It is known now who calls: every pop that waited for it is told again with the page it opens.
    pub(crate) fn complete_pops(&mut self, id: CallId) {
        let now = self.now();
        let Some(record) = self.calls.get(id) else { return };
        let (call, kind) = (record.call.clone(), record.call.customer.kind);
        if kind == MatchKind::Pending {
            return;
        }
        for (_, pop) in record.pops.clone() {
            let Some(record) = self.pops.pops.get_mut(&pop) else { continue };
            if record.pop.kind == MatchKind::Pending && record.is_open(now) {
                record.pop.kind = kind;
                let (call, pop) = (Box::new(call.clone()), record.pop.clone());
                self.emit_call(EventKind::ScreenPop { call, pop });
            }
        }
    }

    /// What is told of a call decides what the pops of its agents are worth.
    pub(crate) fn supersede_pops(&mut self, told: &EventKind) {
        let (call, passed_on_by) =
            if let EventKind::CallTransferred { call, from_agent: Some(from), .. } = told {
                (call, Some(from))
            } else if let EventKind::CallAnswered { call, agent: Some(_), .. } = told {
                (call, None)
            } else {
                return;
            };
        let Some(record) = self.calls.get(call.id) else { return };
        let is_gone = |agent: &AgentId| match passed_on_by {
            Some(from) => agent == from,
            None => !call.legs.iter().any(|leg| with_customer(leg, agent)),
        };
        for (_, pop) in record.pops.iter().filter(|(agent, _)| is_gone(agent)) {
            if let Some(record) = self.pops.pops.get_mut(pop) {
                record.superseded = true;
            }
        }
    }

    /// A call comes to an agent: the screen pops, unless it did for this call and can still be shown. Calls among
    /// agents pop nothing, nor does a call on the screen of who makes it; a call-back is made for the agent.
    pub(crate) fn pop(&mut self, call: CallId, agent: &AgentId) {
        let now = self.now();
        let Some(record) = self.calls.get(call) else { return };
        let own = record.call.legs.first().is_some_and(|leg| leg.agent.as_ref() == Some(agent));
        let dials = own && record.callback.tries().is_none();
        if dials || record.call.direction == Direction::Internal {
            return;
        }
        let popped = record.pops.iter().rev().find(|(who, _)| who == agent).map(|(_, pop)| *pop);
        if popped.is_some_and(|pop| self.pops.is_good_again(pop, now)) {
            self.complete_pops(call);
            return;
        }
        let kind = record.call.customer.kind;
        let id: PopId = self.next_id();
        let pop = Pop { id, agent: agent.clone(), kind, expires_at: now + LIFE };
        self.pops.pops.insert(
            id,
            PopRecord {
                pop: pop.clone(),
                call,
                sent_at: now,
                claimed_by: None,
                shown: false,
                superseded: false,
            },
        );
        let Some(record) = self.calls.get_mut(call) else { return };
        record.pops.push((agent.clone(), id));
        let call = Box::new(record.call.clone());
        self.emit_call(EventKind::ScreenPop { call, pop });
    }

    /// An agent is with the customer: the screen pops if it did not for this call (picked up, fetched, invited, or popped
    /// at the answer only).
    pub(crate) fn pop_once(&mut self, call: CallId, agent: &AgentId) {
        let popped = self.calls.get(call).is_some_and(|record| {
            let superseded = |pop| self.pops.pops.get(pop).is_none_or(|pop| pop.superseded);
            record.pops.iter().any(|(who, pop)| who == agent && !superseded(pop))
        });
        if !popped {
            self.pop(call, agent);
        }
    }

    /// A client wants to show a pop: the first wins, and may ask again.
    pub(crate) fn claim_pop(&mut self, id: PopId, client: String, actor: &Actor) -> Result<(), Refusal> {
        check_client(&client)?;
        let now = self.now();
        let record = self.pops.touch(id, actor, now)?;
        match &record.claimed_by {
            Some(winner) if *winner != client => Err(Refusal::PoppedElsewhere),
            Some(_) => Ok(()),
            None => {
                record.claimed_by = Some(client);
                Ok(())
            }
        }
    }

    /// A client showed a pop: told once.
    pub(crate) fn pop_shown(
        &mut self,
        id: PopId,
        client: Option<String>,
        actor: &Actor,
    ) -> Result<(), Refusal> {
        if let Some(client) = &client {
            check_client(client)?;
        }
        let now = self.now();
        let record = self.pops.touch(id, actor, now)?;
        match (&record.claimed_by, &client) {
            (Some(winner), Some(client)) if winner != client => return Err(Refusal::PoppedElsewhere),
            (None, Some(client)) => record.claimed_by = Some(client.clone()),
            (Some(_) | None, None) | (Some(_), Some(_)) => {}
        }
        if std::mem::replace(&mut record.shown, true) {
            return Ok(());
        }
        let client = record.claimed_by.clone();
        let (pop, ring_to_pop_ms) = (record.pop.clone(), now.since(record.sent_at).0);
        let Some(call) = self.calls.known(record.call).map(|known| Box::new(known.call.clone())) else {
            return Ok(());
        };
        self.emit_call(EventKind::ScreenPopped { call, pop, client, ring_to_pop_ms });
        Ok(())
    }
}

/// Whether this is a leg of the agent's that talks or holds.
fn with_customer(leg: &Leg, agent: &AgentId) -> bool {
    leg.agent.as_ref() == Some(agent) && matches!(leg.state, LegState::Connected | LegState::Held)
}

fn check_client(client: &str) -> Result<(), Refusal> {
    if client.is_empty() || client.len() > CLIENT_BYTES {
        return Err(Refusal::Invalid {
            why: format!("a client's name of {} bytes", client.len()),
            hint: format!("send 1 to {CLIENT_BYTES} bytes, for example a random id for each tab"),
        });
    }
    Ok(())
}
