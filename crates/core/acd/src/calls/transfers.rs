//! Transfers, conferences, and what the PBX does with a call by itself.

use hookswitch_model::{AgentId, CallId, LegId, LegRef, event::EventKind, pbx::TransferKind};

use super::{Exit, Place, Takeover, settle::PARK};
use crate::{engine::Engine, offers::MENU};

/// What is seen of a transfer.
pub(crate) struct Transfer {
    pub(crate) kind: TransferKind,
    pub(crate) from: LegRef,
    pub(crate) to_leg: Option<LegRef>,
    pub(crate) to_number: Option<String>,
    pub(crate) consult: Option<CallId>,
}

/// The target of a transfer, as far as known.
#[derive(Default)]
struct Target {
    agent: Option<AgentId>,
    number: Option<String>,
    /// Is in conversation with who transfers.
    talks: bool,
    /// Still rings for who transfers, and rings for the customer from now on.
    rings: bool,
}

impl Engine {
    /// Ownership moves.
    pub(crate) fn transferred(&mut self, id: CallId, transfer: Transfer) {
        let now = self.now();
        if transfer.kind == TransferKind::Blind && self.gave_away(id, &transfer.from) {
            self.counters.stale += 1;
            return;
        }
        let from_agent =
            self.leg_agent(id, &transfer.from).or_else(|| self.leg_agent(transfer.consult?, &transfer.from));
        let target = self.target(id, &transfer);
        if let Some(consult) = transfer.consult.and_then(|consult| self.calls.known_mut(consult)) {
            consult.consult_of = consult.consult_of.or(Some(id));
        }
        let Some(record) = self.calls.get_mut(id) else { return };
        let legs = record.call.legs.iter().zip(&mut record.parties);
        for (leg, party) in legs {
            let same_agent = from_agent.is_some() && leg.agent == from_agent && party.told;
            if party.leg_ref == transfer.from || same_agent {
                party.transferred = true;
            }
        }
        let to_leg = transfer.to_leg.as_ref().and_then(|leg| record.leg(leg));
        let already = to_leg.is_some_and(|place| record.parties[place].told);
        if !already {
            record.untaken = !target.talks;
            record.takeover =
                Some(Takeover { kind: transfer.kind, to_leg: transfer.to_leg, talks: target.talks });
        }
        if transfer.kind != TransferKind::Park {
            record.system = None;
        }
        record.settle(now);
        let call = Box::new(record.call.clone());
        let to_agent = target.agent.clone();
        self.emit_call(EventKind::CallTransferred {
            call,
            kind: transfer.kind,
            from_agent,
            to_agent: target.agent,
            to: target.number,
            consult_call: transfer.consult,
        });
        if let Some(agent) = to_agent.filter(|_| target.talks || target.rings) {
            self.pop(id, &agent);
        }
    }

    /// The transfer was told already, by who came to the waiting room.
    fn gave_away(&self, id: CallId, from: &LegRef) -> bool {
        let place = self.calls.get(id).and_then(|record| Some((record, record.leg(from)?)));
        place.is_some_and(|(record, place)| record.parties[place].transferred && record.is_here(place))
    }

    fn leg_agent(&self, id: CallId, leg: &LegRef) -> Option<AgentId> {
        let record = self.calls.known(id)?;
        record.call.legs[record.leg(leg)?].agent.clone()
    }

    /// Who the call goes to: the agent behind the leg, or behind the number, also where the PBX names only an extension.
    fn target(&self, id: CallId, transfer: &Transfer) -> Target {
        let leg = transfer.to_leg.as_ref().and_then(|leg| {
            let calls = [Some(id), transfer.consult].into_iter().flatten();
            calls.filter_map(|call| self.calls.known(call)).find_map(|record| {
                let place = record.leg(leg)?;
                Some((record.call.legs[place].clone(), record.parties[place].up))
            })
        });
        let Some(pbx) = self.calls.get(id).map(|record| &record.call.pbx) else { return Target::default() };
        let by_number = || self.agents.by_number(pbx, transfer.to_number.as_deref()?).cloned();
        let onward = self.calls.get(id).and_then(|record| record.control.onward.as_ref());
        let asked = onward.filter(|_| transfer.kind == TransferKind::Blind);
        if let Some(asked) = asked.filter(|asked| asked.to.is_some()) {
            let (agent, number) = (asked.to_agent.clone(), asked.to.clone());
            return Target { agent, number, ..Target::default() };
        }
        let agent = leg.as_ref().and_then(|(leg, _)| leg.agent.clone()).or_else(by_number);
        let extension = || self.agents.get(agent.as_ref()?)?.extension.clone();
        let of_leg =
            || leg.as_ref().map(|(leg, _)| leg.number.clone().unwrap_or_else(|| leg.address.to_string()));
        let number = transfer.to_number.clone().or_else(extension).or_else(of_leg);
        // Who fetches a parked call does not talk to anybody before.
        let up = leg.filter(|_| transfer.kind == TransferKind::Attended).map(|(_, up)| up);
        Target { agent, number, talks: up == Some(true), rings: up == Some(false) }
    }

    /// Three or more parties talk.
    pub(crate) fn conferenced(&mut self, id: CallId, legs: &[LegRef]) {
        self.settle(id);
        let Some(record) = self.calls.get(id) else { return };
        let places = legs.iter().filter_map(|leg| record.leg(leg));
        let legs: Vec<LegId> = places.map(|place| record.call.legs[place].id).collect();
        let call = Box::new(record.call.clone());
        self.emit_call(EventKind::CallConferenced { call, legs });
    }

    /// The PBX itself took the call: voicemail, park, announcement.
    pub(crate) fn system_took(&mut self, id: CallId, what: String) {
        let now = self.now();
        if what == MENU {
            self.seen_in_menu(id);
        }
        self.out_of_queue(id, false);
        let Some(record) = self.calls.get_mut(id) else { return };
        let held_before = record.call.state == hookswitch_model::call::CallState::Held;
        let holder = record.parties.iter().rposition(|party| party.told);
        record.system = Some(what);
        record.settle(now);
        let parked = record.system.as_deref() == Some(PARK) && !held_before;
        let Some(place) = holder.filter(|_| parked) else { return };
        let call = Box::new(record.call.clone());
        let leg = &call.legs[place];
        let by = leg.agent.as_ref().map_or_else(|| leg.address.to_string(), ToString::to_string);
        let leg = leg.id;
        self.emit_call(EventKind::CallHeld { call, leg, by });
    }

    /// Whether a caller is in our waiting room, or rung for out of it, as far as we know. Who was told to go somewhere may be
    /// there.
    pub(crate) fn is_in_our_hands(&self, id: CallId) -> bool {
        match self.calls.get(id).map(|record| &record.place) {
            Some(Place::Waiting | Place::Refused | Place::Ringing(_)) => true,
            Some(Place::Leaving { exit, asked }) => *exit == Exit::FallBack || asked.is_none(),
            Some(Place::Elsewhere) | None => false,
        }
    }

    /// The dialplan sent the caller to the fallback: what happens there is the PBX's.
    pub(crate) fn fell_back(&mut self, id: CallId) {
        let now = self.now();
        if let Some(record) = self.calls.get_mut(id) {
            record.stray_ring = record.ring().cloned();
        }
        self.end_offers(id, hookswitch_model::offer::OfferOutcome::Withdrawn);
        self.out_of_queue(id, false);
        let Some(record) = self.calls.get_mut(id) else { return };
        record.place = Place::Elsewhere;
        record.system = Some("fallback".to_owned());
        record.settle(now);
    }
}
