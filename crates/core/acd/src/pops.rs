//! Screen pops: one for each agent a call comes to, one claim for each pop.

use std::collections::BTreeMap;

use hookswitch_model::{
    AgentId, CallId, Millis, PopId, Timestamp,
    call::Direction,
    command::{Actor, Refusal},
    event::{EventKind, Pop},
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

    fn is_open(&self, id: PopId, now: Timestamp) -> bool {
        self.pops.get(&id).is_some_and(|record| now < record.pop.expires_at)
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
        Ok(record)
    }
}

impl Engine {
    /// A call comes to an agent: the screen pops, unless it did for this call and can still be shown. Calls among
    /// agents pop nothing, nor does a call on the screen of who makes it.
    pub(crate) fn pop(&mut self, call: CallId, agent: &AgentId) {
        let now = self.now();
        let Some(record) = self.calls.get(call) else { return };
        let own = record.call.legs.first().is_some_and(|leg| leg.agent.as_ref() == Some(agent));
        let popped = record.pops.iter().any(|(who, pop)| who == agent && self.pops.is_open(*pop, now));
        if own || popped || record.call.direction == Direction::Internal {
            return;
        }
        let kind = record.call.customer.kind;
        let id: PopId = self.next_id();
        let pop = Pop { id, agent: agent.clone(), kind, expires_at: now + LIFE };
        self.pops
            .pops
            .insert(id, PopRecord { pop: pop.clone(), call, sent_at: now, claimed_by: None, shown: false });
        let Some(record) = self.calls.get_mut(call) else { return };
        record.pops.push((agent.clone(), id));
        let call = Box::new(record.call.clone());
        self.emit_call(EventKind::ScreenPop { call, pop });
    }

    /// An agent is with the customer: the screen pops if it never did for this call (picked up, fetched, invited).
    pub(crate) fn pop_once(&mut self, call: CallId, agent: &AgentId) {
        let popped =
            self.calls.get(call).is_some_and(|record| record.pops.iter().any(|(who, _)| who == agent));
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

fn check_client(client: &str) -> Result<(), Refusal> {
    if client.is_empty() || client.len() > CLIENT_BYTES {
        return Err(Refusal::Invalid {
            why: format!("a client's name of {} bytes", client.len()),
            hint: format!("send 1 to {CLIENT_BYTES} bytes, for example a random id for each tab"),
        });
    }
    Ok(())
}
