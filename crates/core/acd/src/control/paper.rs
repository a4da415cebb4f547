//! Wrap-up: how a call came out, in the agent's words.

use hookswitch_model::{
    AgentId, CallId,
    agent::AgentState,
    call::AttachedData,
    command::{Refusal, Taken},
    ledger::WrapUp,
};

use crate::{calls::data, engine::Engine};

/// The keys under which they are told.
const DISPOSITION: &str = "wrap_up.disposition";
const NOTES: &str = "wrap_up.notes";

impl Engine {
    /// Takes down how a call came out. A disposition ends the agent's wrap-up; notes alone do not.
    pub(crate) fn wrap_up(
        &mut self,
        id: CallId,
        agent: &AgentId,
        disposition: Option<String>,
        notes: Option<String>,
        by: &str,
    ) -> Result<Taken, Refusal> {
        let Some(own) = self.agents.get(agent) else {
            return Err(Refusal::Unknown { what: "agent".into(), id: agent.to_string() });
        };
        let wraps_up = own.agent.state == AgentState::WrapUp;
        let Some(record) = self.calls.known_mut(id) else {
            return Err(Refusal::Unknown { what: "call".into(), id: id.to_string() });
        };
        if !record.books.handled_by().contains(agent) {
            return Err(Refusal::NotNow {
                why: format!("{agent} has not handled this call"),
                allowed: Vec::new(),
            });
        }
        if disposition.is_none() && notes.is_none() {
            return Err(Refusal::Invalid {
                why: "neither a disposition nor notes".into(),
                hint: "send at least one of them".into(),
            });
        }
        let pairs = [(DISPOSITION, disposition.clone()), (NOTES, notes.clone())];
        let changed: AttachedData =
            pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
        let new = data::attach(&mut record.call.data, changed).map_err(|too_much| Refusal::Invalid {
            why: too_much.why().into(),
            hint: "keep long texts in the CRM".into(),
        })?;
        let kept = record.control.wrap_up.get_or_insert(WrapUp { disposition: None, notes: None });
        kept.disposition = disposition.clone().or(kept.disposition.take());
        kept.notes = notes.or(kept.notes.take());
        self.tell_data(id, new, by);
        if wraps_up && disposition.is_some() {
            self.wrap_up_over(agent);
        }
        Ok(Taken::default())
    }
}
