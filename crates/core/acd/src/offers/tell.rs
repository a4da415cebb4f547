//! The life of one offer as events tell it.

use hookswitch_model::{
    ActionId, AgentId, CallId, LegId, OfferId,
    call::{Address, CallState},
    event::EventKind,
    offer::{Offer, OfferOutcome},
    pbx::LegEnd,
    setup::Mode,
};

use super::OfferRecord;
use crate::{
    agents::{NO_ANSWER, UNREACHABLE},
    engine::Engine,
};

impl Engine {
    /// Reserves an agent for a call by our own Ring. Nobody is told of an offer before the PBX shows it.
    pub(crate) fn open_own_offer(
        &mut self,
        call: CallId,
        agent: &AgentId,
        ring: ActionId,
        devices: Vec<Address>,
        offer: Offer,
    ) {
        let id = offer.id;
        let until = offer.expires_at;
        let record = OfferRecord {
            offer,
            call,
            ring: Some(ring),
            devices,
            told_at: None,
            legs: Vec::new(),
            ends: Vec::new(),
        };
        self.offers.insert(record);
        if let Some(call) = self.calls.get_mut(call) {
            call.offers.push(id);
        }
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.reserve(call, id, until);
        }
        self.sync_agent(agent, None);
    }

    /// A device of an agent rings for a call: part of an offer that is out, or an offer of the PBX's own making.
    pub(crate) fn agent_rings(&mut self, call: CallId, agent: &AgentId, leg: LegId, ring: Option<ActionId>) {
        let Some(record) = self.calls.get(call) else { return };
        let for_agent = |id: &OfferId| self.offers.get(*id).is_some_and(|offer| offer.offer.agent == *agent);
        let id = match record.offers.iter().copied().find(for_agent) {
            Some(id) => id,
            None => self.open_seen_offer(call, agent, ring),
        };
        if let Some(offer) = self.offers.get_mut(id) {
            offer.legs.push(leg);
        }
        if let Some(record) = self.calls.get_mut(call)
            && let Some(place) = record.leg_by_id(leg)
        {
            record.parties[place].offer = Some(id);
        }
        self.tell_offer(id);
        self.sync_agent(agent, None);
    }

    /// An offer that was not decided now: the PBX's own, a Ring of ours that overtook the fallback, or (in a recording)
    /// one that was decided then. Whoever is rung for a caller in a queue is rung by that queue.
    fn open_seen_offer(&mut self, call: CallId, agent: &AgentId, ring: Option<ActionId>) -> OfferId {
        let id: OfferId = self.next_id();
        let Some(record) = self.calls.get_mut(call) else { return id };
        let stray = record.stray_ring.as_ref().filter(|stray| Some(stray.id) == ring);
        let visited = record.visit.as_ref().map(|visit| visit.queue.clone());
        let queue = stray.and_then(|stray| stray.queue.clone()).or(visited);
        let ring = stray.map(|stray| stray.id);
        record.offers.push(id);
        let offer = Offer { id, agent: agent.clone(), queue, attempt: 0, expires_at: None, outcome: None };
        let devices = Vec::new();
        self.offers.insert(OfferRecord {
            offer,
            call,
            ring,
            devices,
            told_at: None,
            legs: Vec::new(),
            ends: Vec::new(),
        });
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.reserve(call, id, None);
        }
        id
    }

    /// Tells an offer, once.
    pub(crate) fn tell_offer(&mut self, id: OfferId) {
        let now = self.now();
        let Some(offer) = self.offers.get_mut(id) else { return };
        if offer.told_at.is_some() {
            return;
        }
        let Some(record) = self.calls.get_mut(offer.call) else { return };
        record.attempts += 1;
        offer.told_at = Some(now);
        offer.offer.attempt = record.attempts;
        record.settle(now);
        let mut call = Box::new(record.call.clone());
        if matches!(call.state, CallState::Started | CallState::Queued) {
            call.state = CallState::Offered;
        }
        let (call_id, offer) = (call.id, offer.offer.clone());
        let (agent, queue) = (offer.agent.clone(), offer.queue.clone());
        self.emit_call(EventKind::CallOffered { call, offer });
        self.pop_at_ring(call_id, &agent, queue.as_ref());
    }

    /// An offer is over. Told if it was told; what follows for the agent happens here.
    pub(crate) fn end_offer(&mut self, id: OfferId, outcome: OfferOutcome) {
        let now = self.now();
        let Some(mut offer) = self.offers.remove(id) else { return };
        offer.offer.outcome = Some(outcome);
        let agent = offer.offer.agent.clone();
        let mut ours = offer.ring.is_some() && offer.offer.queue.is_some();
        if let Some(record) = self.calls.get_mut(offer.call) {
            ours |= record.visit.as_ref().is_some_and(|visit| !visit.of_pbx);
            ours |= record.callback.tries().is_some() && offer.offer.queue.is_some();
            record.left_an_offer = outcome == OfferOutcome::CallerLeft && offer.offer.queue.is_some();
            record.offers.retain(|open| *open != id);
            for party in record.parties.iter_mut().filter(|party| party.offer == Some(id)) {
                party.offer = None;
            }
            if offer.told_at.is_some() {
                record.settle(now);
                let call = Box::new(record.call.clone());
                self.emit_call(EventKind::CallOfferEnded { call, offer: offer.offer.clone() });
            }
        }
        if ours {
            match outcome {
                OfferOutcome::NoAnswer => self.take_off_duty(&agent, NO_ANSWER),
                OfferOutcome::Unreachable => self.take_off_duty(&agent, UNREACHABLE),
                OfferOutcome::Accepted
                | OfferOutcome::Declined
                | OfferOutcome::Withdrawn
                | OfferOutcome::CallerLeft => {}
            }
        }
        if let Some(record) = self.agents.get_mut(&agent) {
            record.release(id);
        }
        self.sync_agent(&agent, None);
    }

    /// A leg that rang for an offer left.
    pub(crate) fn offered_leg_left(&mut self, id: OfferId, end: LegEnd) {
        let Some(offer) = self.offers.get_mut(id) else { return };
        offer.ends.push(end);
        if let Some(outcome) = offer.decided() {
            self.end_offer(id, outcome);
            return;
        }
        let over = offer.ring.is_none() && offer.legs.len() == offer.ends.len();
        if over {
            self.end_offer(id, OfferOutcome::Withdrawn);
        }
    }

    /// An agent's leg is up: the offer is accepted.
    pub(crate) fn offered_leg_up(&mut self, id: OfferId) {
        let call = self.offers.get(id).map(|offer| offer.call);
        self.tell_offer(id);
        self.end_offer(id, OfferOutcome::Accepted);
        if let Some(call) = call {
            self.try_accepted(call);
        }
    }

    /// Ends every offer of a call that is still out, except those a condition spares.
    pub(crate) fn end_offers(&mut self, call: CallId, outcome: OfferOutcome) {
        let open = self.calls.get(call).map(|record| record.offers.clone()).unwrap_or_default();
        for offer in open {
            self.end_offer(offer, outcome);
        }
    }

    /// Whether an offer is ours to take back: by our Ring, or of a call-back's try.
    pub(crate) fn is_ours(&self, id: OfferId) -> bool {
        self.offers.get(id).is_some_and(|offer| {
            let tries = || self.calls.get(offer.call).is_some_and(|record| record.callback.tries().is_some());
            offer.ring.is_some() || (offer.offer.queue.is_some() && tries())
        })
    }

    /// Whether calls of this PBX are ours to route.
    pub(crate) fn routes(&self, pbx: &hookswitch_model::PbxId) -> bool {
        self.plan.mode(pbx) == Some(Mode::Route)
    }
}
