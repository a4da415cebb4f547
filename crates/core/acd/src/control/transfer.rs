//! Blind transfer: checked before it is done, and nobody is lost by it.

use hookswitch_model::{
    AgentId, CallId, LegRef, Millis,
    agent::AgentState,
    command::{Destination, Refusal},
    pbx::{Action, Target},
};

use super::{Kind, Onward, Stop, destination::Bound, verbs::Asked};
use crate::engine::Engine;

/// How long a transferred caller may be on the way to the waiting room.
pub(super) const ON_THE_WAY: Millis = Millis::from_secs(60);

impl Engine {
    /// Transfers the other party, or says why not.
    pub(super) fn transfer(&mut self, asked: &Asked, to: &Destination) -> Result<(), Refusal> {
        let Some(record) = self.calls.get(asked.call) else { return Ok(()) };
        let to = self.bound(&record.call.pbx.clone(), to)?;
        match &to {
            Bound::Agent(agent) => self.can_be_called(&asked.agent, agent)?,
            Bound::Outside(e164) => self.may_call_outside(&asked.agent, e164)?,
            Bound::Queue(_) | Bound::House(_) => {}
        }
        match &to {
            Bound::Agent(_) | Bound::Queue(_) => self.move_other(asked, to),
            Bound::House(number) | Bound::Outside(number) => {
                let check = Action::CheckNumber { number: number.clone() };
                self.begin(asked, Kind::CheckTransfer { to }, check);
            }
        }
        Ok(())
    }

    /// Whether a colleague can be reached now.
    pub(super) fn can_be_called(&self, own: &AgentId, agent: &AgentId) -> Result<(), Refusal> {
        let not_now = |why: String| Refusal::NotNow { why, allowed: Vec::new() };
        if own == agent {
            return Err(Refusal::Invalid {
                why: format!("{agent} is who asks"),
                hint: "name another agent".into(),
            });
        }
        let Some(record) = self.agents.get(agent) else { return Ok(()) };
        if record.agent.state == AgentState::LoggedOut {
            return Err(not_now(format!("{agent} is logged out")));
        }
        if record.is_engaged() {
            return Err(not_now(format!("{agent} is in a call")));
        }
        if record.reachable().next().is_none() {
            return Err(not_now(format!("no device of {agent} can be reached")));
        }
        Ok(())
    }

    /// Asks for the transfer itself.
    pub(super) fn move_other(&mut self, asked: &Asked, to: Bound) {
        let now = self.now();
        let Some(record) = self.calls.get(asked.call) else { return };
        let Some(other) = record.others(asked.place).first().copied() else { return };
        let (call, leg) = (record.call.pbx_ref.clone(), record.parties[asked.place].leg_ref.clone());
        let other = record.parties[other].leg_ref.clone();
        let onward = |stops: Vec<Stop>, to_agent: Option<AgentId>, to: Option<String>| {
            Some(Onward { stops: stops.into(), until: now + ON_THE_WAY, to_agent, to })
        };
        let (onward, target, outside) = match &to {
            Bound::Agent(agent) => {
                let mut stops = vec![Stop::Agent(agent.clone()), Stop::Agent(asked.agent.clone())];
                stops.extend(self.old_place(asked.call));
                let number = self.agents.get(agent).and_then(|agent| agent.extension.clone());
                (onward(stops, Some(agent.clone()), number), Target::WaitingRoom, false)
            }
            Bound::Queue(queue) => {
                let keeps = self.plan.queue(&self.setup, queue).is_some_and(|q| q.transfer_keeps_place);
                let since = record.waiting_since.filter(|_| keeps).unwrap_or(now);
                let stops = vec![Stop::Queue { queue: queue.clone(), since }];
                (onward(stops, None, Some(queue.to_string())), Target::WaitingRoom, false)
            }
            Bound::House(number) => (None, Target::Number(number.clone()), false),
            Bound::Outside(number) => (None, Target::Number(number.clone()), true),
        };
        if outside {
            self.calls_outside(&asked.agent);
        }
        if let Some(record) = self.calls.get_mut(asked.call) {
            record.control.onward = onward;
            record.control.outside |= outside;
        }
        self.begin(asked, Kind::Transfer { to }, Action::Transfer { call, leg, other, to: target });
    }

    /// The queue a call came from, at the old place; none when it came from none of ours.
    pub(super) fn old_place(&self, id: CallId) -> Option<Stop> {
        let record = self.calls.get(id)?;
        let queue = record.call.queue.clone()?;
        self.plan.queue(&self.setup, &queue)?;
        Some(Stop::Queue { queue, since: record.waiting_since.unwrap_or(self.now()) })
    }

    /// Who is transferred came to the waiting room before the PBX said that it is a transfer: it is one all the same.
    pub(super) fn tell_transfer(&mut self, id: CallId, from: &LegRef) {
        let transfer = crate::calls::Transfer {
            kind: hookswitch_model::pbx::TransferKind::Blind,
            from: from.clone(),
            to_leg: None,
            to_number: None,
            consult: None,
        };
        self.transferred(id, transfer);
    }
}
