//! A supervisor's leg: rung, there, gone. It is no party of the conversation.

use std::collections::VecDeque;

use hookswitch_model::{
    ActionId, AgentId, CallId, LegRef, Millis,
    call::{Leg, LegRole, LegState},
    command::{Refusal, Taken},
    event::EventKind,
    pbx::{Action, LegEnd, LegSeen, SuperviseMode},
};

use super::{desk::Supervision, dial::reference};
use crate::{engine::Engine, timers::Timer};

/// How long a supervisor's device may ring.
const RING: Millis = Millis::from_secs(45);

impl Engine {
    /// Rings a supervisor for an agent's conversation, or says why not.
    pub(crate) fn supervise(
        &mut self,
        command: ActionId,
        id: CallId,
        supervisor: &AgentId,
        agent: Option<&AgentId>,
        mode: SuperviseMode,
    ) -> Result<Taken, Refusal> {
        let place = self.supervised_place(id, supervisor, agent)?;
        let Some(record) = self.calls.get(id) else { return Ok(Taken::default()) };
        let (pbx, call) = record.reference();
        let leg = record.parties[place].leg_ref.clone();
        let own = self.agents.get(supervisor).into_iter().flat_map(|record| record.reachable());
        let devices: Vec<_> = own.map(|device| device.address.clone()).collect();
        let Some(address) = devices.first().cloned() else { return Ok(Taken::default()) };
        let asked: ActionId = self.next_id();
        let own_leg = Leg {
            id: self.next_id(),
            role: LegRole::Supervisor,
            address,
            number: None,
            agent: Some(supervisor.clone()),
            state: LegState::Ringing,
            actions: Vec::new(),
        };
        let until = self.now() + RING;
        let supervision =
            Supervision { command, asked, supervisor: supervisor.clone(), leg: own_leg.id, until };
        if let Some(record) = self.calls.get_mut(id) {
            record.add_leg(own_leg, LegRef::new(reference(asked).as_str()), false);
            record.control.supervisions.push(supervision);
        }
        self.settle(id);
        self.timers.set(Timer::Supervise(id), until);
        self.ask_as(asked, &pbx, Some(id), Action::Supervise { call, leg, devices, mode });
        self.sync_call_agents(id, None);
        Ok(Taken::default())
    }

    /// The place of the leg that is to be supervised.
    fn supervised_place(
        &self,
        id: CallId,
        supervisor: &AgentId,
        agent: Option<&AgentId>,
    ) -> Result<usize, Refusal> {
        let unknown = |what: &str, id: String| Refusal::Unknown { what: what.into(), id };
        let not_now = |why: String| Refusal::NotNow { why, allowed: Vec::new() };
        if self.calls.known(id).is_none() {
            return Err(unknown("call", id.to_string()));
        }
        for named in agent.into_iter().chain([supervisor]) {
            if self.agents.get(named).is_none() {
                return Err(unknown("agent", named.to_string()));
            }
        }
        let record = self.calls.get(id).ok_or_else(|| not_now("the call is over".into()))?;
        let own = self.agents.get(supervisor).filter(|own| own.pbx == record.call.pbx);
        if !record.routed || own.is_none() {
            return Err(Refusal::Invalid {
                why: format!("{supervisor} cannot come to calls of {}", record.call.pbx),
                hint: "a supervisor has a device on the same PBX, in mode = \"route\"".into(),
            });
        }
        if !self.is_linked(&record.call.pbx) {
            return Err(not_now(format!("the link to {} is down", record.call.pbx)));
        }
        if own.is_some_and(|own| own.is_engaged()) {
            return Err(not_now(format!("{supervisor} is in a call")));
        }
        if own.is_none_or(|own| own.reachable().next().is_none()) {
            return Err(not_now(format!("no device of {supervisor} can be reached")));
        }
        let talks = |place: &usize| {
            let (leg, party) = (&record.call.legs[*place], &record.parties[*place]);
            leg.role != LegRole::Supervisor
                && leg.state != LegState::Left
                && party.in_talk
                && leg.agent.is_some()
                && agent.is_none_or(|agent| leg.agent.as_ref() == Some(agent))
        };
        let place = (0..record.parties.len()).find(talks);
        place.ok_or_else(|| not_now("no agent talks in this call".into()))
    }

    /// The supervisor hears the conversation now.
    pub(crate) fn supervised(&mut self, id: CallId, seen: LegSeen) {
        let Some(record) = self.calls.get(id) else { return };
        let agent = self.agents.by_device(&record.call.pbx, &seen.address).cloned();
        let rung = record.control.supervisions.iter().position(|rung| {
            agent.as_ref() == Some(&rung.supervisor) || reference(rung.asked).as_str() == seen.leg.as_str()
        });
        let new = self.next_id();
        let Some(record) = self.calls.get_mut(id) else { return };
        let rung = rung.map(|at| record.control.supervisions.remove(at));
        let known = rung
            .as_ref()
            .and_then(|rung| record.leg_by_id(rung.leg))
            .or_else(|| record.leg(&seen.leg))
            .filter(|place| record.is_here(*place));
        let place = known.unwrap_or_else(|| {
            let leg = Leg {
                id: new,
                role: LegRole::Supervisor,
                address: seen.address.clone(),
                number: seen.number.clone(),
                agent,
                state: LegState::Ringing,
                actions: Vec::new(),
            };
            record.add_leg(leg, seen.leg.clone(), false)
        });
        if record.parties[place].up {
            return;
        }
        record.parties[place].leg_ref = seen.leg;
        record.parties[place].up = true;
        record.call.legs[place].address = seen.address;
        record.call.legs[place].state = LegState::Connected;
        self.settle(id);
        if let Some(rung) = rung {
            self.carries(rung.command);
        }
        self.tell_supervisor(id, place, true);
    }

    fn tell_supervisor(&mut self, id: CallId, place: usize, joined: bool) {
        let Some(record) = self.calls.get(id) else { return };
        let call = Box::new(record.call.clone());
        let (leg, role) = (call.legs[place].id, call.legs[place].role);
        self.emit_call(if joined {
            EventKind::CallPartyJoined { call, leg, role }
        } else {
            EventKind::CallPartyLeft { call, leg, role }
        });
    }

    /// A supervisor's leg left; one who was never there is nobody's news.
    pub(crate) fn supervisor_left(&mut self, id: CallId, place: usize, end: LegEnd) {
        let Some(record) = self.calls.get_mut(id) else { return };
        let leg = record.call.legs[place].id;
        let rung = record.control.supervisions.iter().find(|rung| rung.leg == leg).cloned();
        if let Some(rung) = rung {
            self.nobody_came(id, &rung, "nobody answered");
            return;
        }
        record.parties[place].end = Some(end);
        record.call.legs[place].state = LegState::Left;
        self.settle(id);
        self.tell_supervisor(id, place, false);
    }

    /// A supervisor could not be rung. False when no supervisor was rung by this action.
    pub(super) fn supervision_failed(&mut self, action: ActionId, why: &str) -> bool {
        let found = self.calls.live().find_map(|record| {
            let rung = record.control.supervisions.iter().find(|rung| rung.asked == action)?;
            Some((record.call.id, rung.clone()))
        });
        let Some((id, rung)) = found else { return false };
        self.nobody_came(id, &rung, why);
        true
    }

    /// Supervisors who did not come in time.
    pub(crate) fn supervise_overdue(&mut self, id: CallId) {
        let now = self.now();
        let Some(record) = self.calls.get(id) else { return };
        let (late, rest): (VecDeque<_>, VecDeque<_>) =
            record.control.supervisions.iter().cloned().partition(|rung| rung.until <= now);
        if let Some(next) = rest.iter().map(|rung| rung.until).min() {
            self.timers.set(Timer::Supervise(id), next);
        }
        for rung in late {
            self.nobody_came(id, &rung, "nobody came in time");
        }
    }

    fn nobody_came(&mut self, id: CallId, rung: &Supervision, why: &str) {
        let Some(record) = self.calls.get_mut(id) else { return };
        record.control.supervisions.retain(|other| other != rung);
        if let Some(place) = record.leg_by_id(rung.leg) {
            record.parties[place].end = Some(LegEnd::NoAnswer);
            record.call.legs[place].state = LegState::Left;
        }
        self.settle(id);
        let before = self.carries(rung.command);
        self.control_failed(id, &rung.supervisor.clone(), "supervise", why);
        self.sync_call_agents(id, None);
        self.carry_on(before);
    }
}
