//! Legs: ringing, answered, in conversation, holding, gone.

use hookswitch_model::{
    ActionId, AgentId, CallId, LegRef,
    call::{Direction, Leg, LegRole, LegState},
    event::EventKind,
    ledger::Cause,
    offer::OfferOutcome,
    pbx::{Action, LegEnd, LegSeen},
};

use super::{CallRecord, Place, cause};
use crate::{engine::Engine, timers::Timer};

impl Engine {
    /// A device or outside number is being rung.
    pub(crate) fn leg_ringing(&mut self, id: CallId, seen: LegSeen, ring: Option<ActionId>) {
        let now = self.now();
        let Some(record) = self.calls.get(id) else { return };
        let known = record.leg(&seen.leg).filter(|place| record.is_here(*place));
        let told = |place: usize| {
            record.parties[place].rang
                || record.parties[place].up
                || record.call.legs[place].role == LegRole::Supervisor
        };
        if known.is_some_and(told) {
            return;
        }
        let agent = self.agents.by_device(&record.call.pbx, &seen.address).cloned();
        let place = match known {
            Some(place) => place,
            None => self.add_ringing(id, &seen, agent.clone()),
        };
        let Some(record) = self.calls.get_mut(id) else { return };
        record.parties[place].rang = true;
        record.settle(now);
        let leg = record.call.legs[place].id;
        let Some(agent) = agent else { return };
        if self.rings_in_vain(id, &agent, ring) {
            self.stop_ringing(id, &seen.leg);
        } else {
            self.agent_rings(id, &agent, leg, ring);
        }
    }

    fn add_ringing(&mut self, id: CallId, seen: &LegSeen, agent: Option<AgentId>) -> usize {
        let leg_id = self.next_id();
        let remote_answer = agent.as_ref().is_some_and(|agent| self.answers_when_told(agent));
        let Some(record) = self.calls.get_mut(id) else { return 0 };
        let role = role_of(record, agent.as_ref());
        let far_end = is_far_end(record, agent.as_ref());
        let leg = Leg {
            id: leg_id,
            role,
            address: seen.address.clone(),
            number: seen.number.clone(),
            agent,
            state: LegState::Ringing,
            actions: Vec::new(),
        };
        let place = record.add_leg(leg, seen.leg.clone(), false);
        record.parties[place].remote_answer = remote_answer;
        if far_end {
            record.customer = Some(place);
        }
        place
    }

    fn answers_when_told(&self, agent: &AgentId) -> bool {
        self.setup.agents.iter().any(|setup| setup.id == *agent && setup.remote_answer)
    }

    /// Rings for our Ring, but the offer to this agent is over already.
    fn rings_in_vain(&self, id: CallId, agent: &AgentId, ring: Option<ActionId>) -> bool {
        let Some(record) = self.calls.get(id) else { return false };
        let ours = ring.is_some() && record.ring().map(|out| out.id) == ring;
        let offered = |offer: &_| self.offers.get(*offer).is_some_and(|offer| offer.offer.agent == *agent);
        ours && !record.offers.iter().any(offered)
    }

    /// An offer was taken back before the PBX showed this leg: it is ended as soon as it shows.
    fn stop_ringing(&mut self, id: CallId, leg: &LegRef) {
        let Some(record) = self.calls.get(id) else { return };
        let pbx = record.call.pbx.clone();
        self.ask(&pbx, None, Action::Hangup { leg: leg.clone(), cause: cause::NORMAL });
    }

    /// Brings an agent's evidence in line with a leg, without telling yet.
    fn lease_leg(&mut self, id: CallId, place: usize) {
        let Some(record) = self.calls.get(id) else { return };
        let (Some(agent), leg) = (&record.call.legs[place].agent, record.call.legs[place].id) else { return };
        let kind = record.lease(place);
        if let Some(agent) = self.agents.get_mut(&agent.clone()) {
            agent.lease(id, leg, kind);
        }
    }

    /// The place of a leg that is there; one that is not is counted.
    fn here(&mut self, id: CallId, leg: &LegRef) -> Option<usize> {
        let record = self.calls.get(id)?;
        let place = record.leg(leg).filter(|place| record.is_here(*place));
        if place.is_none() {
            self.counters.unknown_legs += 1;
        }
        place
    }

    /// A leg went off the hook.
    pub(crate) fn leg_up(&mut self, id: CallId, leg: &LegRef) {
        let now = self.now();
        let Some(place) = self.here(id, leg) else { return };
        let Some(record) = self.calls.get_mut(id) else { return };
        if std::mem::replace(&mut record.parties[place].up, true) {
            return;
        }
        record.call.legs[place].state = LegState::Connected;
        // Of several devices that ring for who calls a colleague, the one that was answered makes the call.
        let own = record.call.legs[place].agent.is_some()
            && record.call.legs[place].agent == record.call.legs[0].agent;
        if record.control.dial.is_some() && record.customer == Some(0) && own && !record.parties[0].up {
            record.customer = Some(place);
        }
        if is_far_end(record, record.call.legs[place].agent.as_ref()) && place > 0 {
            record.customer = Some(place);
        }
        record.settle(now);
        // Who makes a call is reserved by an offer that no ringing may have told.
        let own = record.control.dial.is_some().then(|| record.offers.first().copied()).flatten();
        let offer = record.parties[place].offer.or(own.filter(|_| place == 0));
        self.lease_leg(id, place);
        if let Some(offer) = offer {
            self.offered_leg_up(offer);
        }
    }

    /// A leg is in conversation.
    pub(crate) fn leg_talking(&mut self, id: CallId, leg: &LegRef) {
        let now = self.now();
        self.leg_up(id, leg);
        let Some(record) = self.calls.get_mut(id) else { return };
        let Some(place) = record.leg(leg).filter(|place| record.is_here(*place)) else { return };
        if record.call.legs[place].role == LegRole::Supervisor {
            return;
        }
        record.parties[place].in_talk = true;
        record.parties[place].transferred = false;
        let joining: Vec<usize> = if record.in_conversation() {
            record
                .partners()
                .filter(|(_, _, party)| party.in_talk && !party.told)
                .map(|(place, _, _)| place)
                .collect()
        } else {
            Vec::new()
        };
        if joining.is_empty() {
            record.settle(now);
        }
        for place in joining {
            self.join(id, place);
        }
    }

    /// A party is with the customer for the first time.
    fn join(&mut self, id: CallId, place: usize) {
        let now = self.now();
        let Some(record) = self.calls.get_mut(id) else { return };
        let others = record.present().filter(|(_, _, party)| party.in_talk).count();
        let leg_ref = record.parties[place].leg_ref.clone();
        let takeover = if others == 0 { record.takeover.take() } else { None };
        // Somebody else than the target may take the call up: who transferred is rung back.
        let takeover = takeover.filter(|takeover| takeover.to_leg.as_ref().is_none_or(|leg| *leg == leg_ref));
        let taken = takeover.as_ref().is_some_and(|takeover| takeover.talks && takeover.to_leg.is_some());
        let how = match &takeover {
            Some(takeover) => takeover.how(),
            None if others > 0 => "conference",
            None if record.parties[place].moved && !record.parties[place].rang => "pickup",
            None => "answered",
        };
        let party = &mut record.parties[place];
        party.told = true;
        party.joined_at = Some(now);
        party.how = how.to_owned();
        record.untaken = false;
        record.system = None;
        record.control.onward = None;
        record.call.answered_at.get_or_insert(now);
        self.out_of_queue(id, true);
        self.try_answered(id);
        if others == 0 {
            self.end_offers(id, OfferOutcome::Withdrawn);
        }
        let Some(record) = self.calls.get_mut(id) else { return };
        record.settle(now);
        let call = Box::new(record.call.clone());
        let (leg, role, agent) = (call.legs[place].id, call.legs[place].role, call.legs[place].agent.clone());
        if others > 0 {
            self.emit_call(EventKind::CallPartyJoined { call, leg, role });
        } else if !taken {
            let agent =
                agent.as_ref().and_then(|agent| self.agents.get(agent)).map(|a| Box::new(a.agent.clone()));
            self.emit_call(EventKind::CallAnswered { call, agent, leg });
        }
        if let Some(agent) = agent {
            self.pop_once(id, &agent);
        }
    }

    /// The call waits no more, in our queue or the PBX's: answered, or taken elsewhere.
    pub(crate) fn out_of_queue(&mut self, id: CallId, answered: bool) {
        let now = self.now();
        let visit = self.end_visit(id);
        if let Some(visit) = visit.filter(|_| answered) {
            self.count_answered(&visit.queue, now.since(visit.since));
        }
        if answered {
            self.distributor.answered(now, id);
        } else {
            self.distributor.remove(now, id);
        }
        let Some(record) = self.calls.get_mut(id) else { return };
        let race = record.ring().is_some_and(|ring| ring.taken_back);
        if !race {
            record.place = Place::Elsewhere;
            self.timers.cancel(&Timer::Ring(id));
            self.timers.cancel(&Timer::Retry(id));
        }
    }

    /// A leg stopped being in conversation, and is still there.
    pub(crate) fn leg_apart(&mut self, id: CallId, leg: &LegRef) {
        let now = self.now();
        let Some(place) = self.here(id, leg) else { return };
        let Some(record) = self.calls.get_mut(id) else { return };
        record.parties[place].in_talk = false;
        record.settle(now);
    }

    /// A leg holds the other side. The customer's own hold is no `call.held`.
    pub(crate) fn leg_held(&mut self, id: CallId, leg: &LegRef) {
        self.hold(id, leg, LegState::Connected, LegState::Held);
    }

    /// A leg took the other side back.
    pub(crate) fn leg_retrieved(&mut self, id: CallId, leg: &LegRef) {
        self.hold(id, leg, LegState::Held, LegState::Connected);
    }

    fn hold(&mut self, id: CallId, leg: &LegRef, from: LegState, to: LegState) {
        let now = self.now();
        let Some(place) = self.here(id, leg) else { return };
        let Some(record) = self.calls.get_mut(id) else { return };
        if record.call.legs[place].state != from {
            return;
        }
        record.call.legs[place].state = to;
        if to == LegState::Connected {
            self.consult_left_behind(id, place);
        }
        let Some(record) = self.calls.get_mut(id) else { return };
        record.settle(now);
        let call = Box::new(record.call.clone());
        let leg = &call.legs[place];
        let ours = leg.agent.is_some() || Some(place) != record.customer;
        if !ours || call.answered_at.is_none() {
            return;
        }
        let by = leg.agent.as_ref().map_or_else(|| leg.address.to_string(), ToString::to_string);
        let leg = leg.id;
        self.lease_leg(id, place);
        if to == LegState::Connected {
            self.nobody_is_held(id);
        }
        self.emit_call(match to {
            LegState::Held => EventKind::CallHeld { call, leg, by },
            LegState::Ringing | LegState::Connected | LegState::Left => {
                EventKind::CallRetrieved { call, leg, by }
            }
        });
    }

    /// A leg left.
    pub(crate) fn leg_left(&mut self, id: CallId, leg: &LegRef, end: LegEnd, cause: Option<Cause>) {
        let now = self.now();
        let Some(place) = self.here(id, leg) else { return };
        if self.calls.get(id).is_some_and(|record| record.call.legs[place].role == LegRole::Supervisor) {
            self.supervisor_left(id, place, end);
            return;
        }
        if end != LegEnd::Transferred {
            self.holder_left(id, place);
        }
        self.agent_finished(id, place);
        let Some(record) = self.calls.get_mut(id) else { return };
        let party = &mut record.parties[place];
        let goes_quietly = !party.told || party.transferred || end == LegEnd::Transferred;
        party.end = Some(end);
        party.cause = cause;
        party.in_talk = false;
        let offer = party.offer;
        record.call.legs[place].state = LegState::Left;
        record.settle(now);
        let left = !goes_quietly && Some(place) != record.customer && record.in_conversation();
        let call = left.then(|| Box::new(record.call.clone()));
        self.lease_leg(id, place);
        if let Some(offer) = offer {
            self.offered_leg_left(offer, end);
        }
        if let Some(call) = call {
            let (leg, role) = (call.legs[place].id, call.legs[place].role);
            self.emit_call(EventKind::CallPartyLeft { call, leg, role });
        }
        self.end_is_due(id);
    }

    /// A leg of one call became a leg of another.
    pub(crate) fn leg_moved(&mut self, from: CallId, to: CallId, leg: &LegRef) {
        let now = self.now();
        let Some(place) = self.here(from, leg) else { return };
        let Some(old) = self.calls.get_mut(from) else { return };
        let mut moved = old.call.legs[place].clone();
        let party = old.parties[place].clone();
        old.parties[place].end = Some(LegEnd::Transferred);
        old.parties[place].in_talk = false;
        old.parties[place].offer = None;
        old.call.legs[place].state = LegState::Left;
        old.offers.retain(|offer| Some(*offer) != party.offer);
        old.settle(now);
        let Some(new) = self.calls.get_mut(to) else { return };
        if new.leg(leg).is_some_and(|place| new.is_here(place)) {
            return;
        }
        moved.role = match moved.role {
            LegRole::Supervisor => LegRole::Supervisor,
            LegRole::Customer | LegRole::Agent | LegRole::External | LegRole::Consult => {
                if moved.agent.is_some() { LegRole::Agent } else { LegRole::External }
            }
        };
        if moved.state == LegState::Held {
            moved.state = LegState::Connected;
        }
        let agent = moved.agent.clone();
        let place = new.add_leg(moved, leg.clone(), party.up);
        new.parties[place].rang = party.rang;
        new.parties[place].remote_answer = party.remote_answer;
        new.parties[place].seen = now;
        new.parties[place].moved = true;
        new.parties[place].offer = party.offer;
        new.offers.extend(party.offer);
        new.settle(now);
        self.lease_leg(to, place);
        if let Some(offer) = party.offer.and_then(|offer| self.offers.get_mut(offer)) {
            offer.call = to;
            let (id, until) = (offer.offer.id, offer.offer.expires_at);
            if let Some(agent) = agent.and_then(|agent| self.agents.get_mut(&agent)) {
                agent.reserve(to, id, until);
            }
        }
    }
}

/// The part of a leg that is rung.
fn role_of(record: &CallRecord, agent: Option<&AgentId>) -> LegRole {
    let consulted = record.call.legs.iter().any(|leg| leg.role == LegRole::Consult);
    if record.consult_of.is_some() && !consulted {
        LegRole::Consult
    } else if agent.is_some() {
        LegRole::Agent
    } else if is_far_end(record, agent) {
        LegRole::Customer
    } else {
        LegRole::External
    }
}

/// Whether a leg of an outbound call is its customer: the first of the outside that answers, and until then whoever
/// is being tried.
fn is_far_end(record: &CallRecord, agent: Option<&AgentId>) -> bool {
    let answered = record.customer.is_some_and(|place| record.parties[place].up);
    record.call.direction == Direction::Outbound && agent.is_none() && !answered
}
