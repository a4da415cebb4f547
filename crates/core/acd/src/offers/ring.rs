//! Our Ring: one in flight for a call, from the decision to the caller's return to the waiting room.
//!
//! A caller is only rung for while in the waiting room. After a Ring it is there again when the PBX says so
//! ([`Fact::RingResult`](hookswitch_model::pbx::Fact)), not before: a Redirect too early would tear a conversation.

use std::collections::BTreeMap;

use hookswitch_model::{
    ActionId, AgentId, CallId, LegId, Millis, OfferId, QueueId,
    call::{Address, LegState},
    offer::{Offer, OfferOutcome},
    pbx::{Action, RingResult},
};

use super::outcome;
use crate::{
    calls::{Exit, Place, Ring},
    engine::Engine,
    timers::Timer,
};

/// How long after its time a Ring may go without a result.
const GRACE: Millis = Millis::from_secs(5);
/// How long an agent stays reserved by a Ring whose end nobody can see, because the link is down.
const UNSEEN: Millis = Millis::from_secs(60);
/// How long an agent is rung for whom nothing else is said.
pub(crate) const DIRECT_RING: Millis = Millis::from_secs(30);
/// How long after a refusal the same is asked again.
const RETRY: Millis = Millis::from_secs(2);

impl Engine {
    /// Rings these agents for a caller in the waiting room. False when nobody of them can be rung.
    pub(crate) fn ring(
        &mut self,
        call: CallId,
        queue: Option<QueueId>,
        agents: &[AgentId],
        timeout: Millis,
    ) -> bool {
        let now = self.now();
        let Some(record) = self.calls.get(call) else { return false };
        let pbx = record.call.pbx.clone();
        let (Some(anchor), reference) = (record.anchor(), record.call.pbx_ref.clone()) else { return false };
        let leg = record.parties[anchor].leg_ref.clone();
        let mut by_agent: BTreeMap<AgentId, Vec<Address>> = BTreeMap::new();
        for id in agents {
            let Some(agent) = self.agents.get(id).filter(|agent| agent.pbx == pbx) else { continue };
            let devices: Vec<Address> = agent.reachable().map(|device| device.address.clone()).collect();
            if !devices.is_empty() {
                by_agent.insert(id.clone(), devices);
            }
        }
        if by_agent.is_empty() {
            return false;
        }
        let devices = by_agent.values().flatten().cloned().collect();
        let id = self.ask(&pbx, Some(call), Action::Ring { call: reference, leg, devices, timeout });
        let mut offers = Vec::new();
        for (agent, devices) in by_agent {
            let offer = Offer {
                id: self.next_id(),
                agent: agent.clone(),
                queue: queue.clone(),
                attempt: 0,
                expires_at: Some(now + timeout),
                outcome: None,
            };
            offers.push(offer.id);
            self.open_own_offer(call, &agent, id, devices, offer);
        }
        if let Some(record) = self.calls.get_mut(call) {
            let over_by = now + timeout + GRACE;
            record.place =
                Place::Ringing(Ring { id, offers, queue, over_by, taken_back: false, overdue: false });
            self.timers.set(Timer::Ring(call), over_by);
        }
        true
    }

    /// Takes an offer of ours back.
    pub(crate) fn withdraw(&mut self, id: OfferId, outcome: OfferOutcome) {
        let Some(offer) = self.offers.get(id) else { return };
        let (call, legs) = (offer.call, offer.legs.clone());
        self.end_offer(id, outcome);
        let Some(record) = self.calls.get_mut(call) else { return };
        let all = record.offers.is_empty();
        if record.callback.tries().is_some() && record.call.answered_at.is_none() {
            self.stop_try(call);
            return;
        }
        let Some(ring) = record.ring_mut() else { return };
        ring.taken_back |= all;
        self.stop_ring(call, &legs, all);
        if all {
            self.timers.set(Timer::Ring(call), self.now() + GRACE);
        }
    }

    /// Asks the PBX to end these legs of the Ring that is out, as far as they ring.
    fn stop_ring(&mut self, call: CallId, legs: &[LegId], all: bool) {
        let Some(record) = self.calls.get(call) else { return };
        let ringing = |leg: &LegId| {
            let place = record.leg_by_id(*leg)?;
            (record.call.legs[place].state == LegState::Ringing)
                .then(|| record.parties[place].leg_ref.clone())
        };
        let legs = legs.iter().filter_map(ringing).collect();
        let (pbx, reference) = record.reference();
        let anchor = record.anchor().map(|anchor| record.parties[anchor].leg_ref.clone());
        let (Some(leg), Some(ring)) = (anchor, record.ring().map(|ring| ring.id)) else { return };
        self.ask(&pbx, None, Action::Withdraw { call: reference, leg, ring, legs, all });
    }

    /// Our Ring is over.
    pub(crate) fn ring_result(&mut self, call: CallId, ring: ActionId, result: RingResult) {
        let Some(out) = self.calls.get(call).and_then(|record| record.ring()).filter(|out| out.id == ring)
        else {
            self.stray_ring_over(call, ring, result);
            return;
        };
        let taken_back = out.taken_back;
        match result {
            RingResult::Answered if taken_back => self.back_to_waiting(call),
            RingResult::Answered => {
                self.end_offers(call, OfferOutcome::Withdrawn);
                self.ring_is_over(call, Place::Elsewhere);
            }
            RingResult::CallerLeft => {
                self.end_offers(call, OfferOutcome::CallerLeft);
                self.ring_is_over(call, Place::Elsewhere);
            }
            RingResult::NoAnswer | RingResult::Declined | RingResult::Unreachable => {
                self.end_unanswered(call, result);
                self.back_to_waiting(call);
            }
        }
    }

    /// A Ring is over that the engine had written off when the dialplan sent the caller to the fallback: it overtook
    /// that, and the caller is in the waiting room after all.
    fn stray_ring_over(&mut self, call: CallId, ring: ActionId, result: RingResult) {
        let now = self.now();
        let stray =
            self.calls.get_mut(call).and_then(|record| record.stray_ring.take_if(|stray| stray.id == ring));
        let (Some(stray), Some(record)) = (stray, self.calls.get(call)) else {
            self.counters.stale += 1;
            return;
        };
        let since = record.waiting_since.unwrap_or(now);
        let elsewhere = record.place != Place::Elsewhere || record.in_conversation();
        if elsewhere || matches!(result, RingResult::Answered | RingResult::CallerLeft) {
            return;
        }
        self.end_unanswered(call, result);
        match stray.queue {
            Some(queue) => self.enter_queue(call, queue, since, "queued"),
            None => self.leave(call, Exit::FallBack),
        }
    }

    /// Ends what is left of a Ring nobody answered. An offer the PBX never showed was tried all the same: its only
    /// device could not be reached.
    fn end_unanswered(&mut self, call: CallId, result: RingResult) {
        let open = self.calls.get(call).map(|record| record.offers.clone()).unwrap_or_default();
        let shown = open.iter().any(|id| self.offers.get(*id).is_some_and(|offer| offer.told_at.is_some()));
        for id in open {
            let Some(offer) = self.offers.get(id) else { continue };
            let outcome = match (outcome::of_ends(&offer.ends), offer.told_at) {
                (Some(outcome), _) => outcome,
                (None, None) if shown => OfferOutcome::Unreachable,
                (None, _) => outcome::of_ring(result),
            };
            self.tell_offer(id);
            self.end_offer(id, outcome);
        }
    }

    fn ring_is_over(&mut self, call: CallId, place: Place) {
        self.timers.cancel(&Timer::Ring(call));
        if let Some(record) = self.calls.get_mut(call) {
            record.place = place;
        }
    }

    /// The caller is in the waiting room again, at the old place in the queue.
    pub(crate) fn back_to_waiting(&mut self, call: CallId) {
        let now = self.now();
        let Some(record) = self.calls.get(call) else { return };
        let queue = match &record.place {
            Place::Ringing(ring) => ring.queue.clone(),
            Place::Refused | Place::Waiting | Place::Leaving { .. } | Place::Elsewhere => {
                record.visit.as_ref().map(|visit| visit.queue.clone())
            }
        };
        let waits = record.visit.is_some();
        let since = record.waiting_since;
        self.ring_is_over(call, Place::Waiting);
        match queue {
            None if self.goes_onward(call) => self.next_stop(call),
            None => self.leave(call, Exit::FallBack),
            Some(_) if waits && self.distributor.requeue(now, call) => self.settle(call),
            Some(queue) => self.enter_queue(call, queue, since.unwrap_or(now), "queued"),
        }
        self.wished_callback(call);
    }

    /// The PBX did not take our Ring: nothing rings. Tried again a little later, so that a PBX that refuses everything
    /// is not flooded.
    pub(crate) fn ring_refused(&mut self, call: CallId) {
        self.end_offers(call, OfferOutcome::Withdrawn);
        self.ring_is_over(call, Place::Refused);
        self.timers.set(Timer::Retry(call), self.now() + RETRY);
        self.probe(call);
    }

    /// What was refused is tried again. Without a link, or when the moment was slept through, the comparison of lists
    /// is waited for.
    pub(crate) fn retry(&mut self, call: CallId, slept: bool) {
        let linked = self.calls.get(call).is_some_and(|record| self.is_linked(&record.call.pbx));
        if slept || !linked {
            let wait = if slept { GRACE } else { UNSEEN };
            self.timers.set(Timer::Retry(call), self.now() + wait);
            return;
        }
        match self.calls.get(call).map(|record| record.place.clone()) {
            Some(Place::Refused) => self.back_to_waiting(call),
            Some(Place::Leaving { exit, .. }) => self.leave_again(call, exit),
            Some(Place::Elsewhere | Place::Waiting | Place::Ringing(_)) | None => {}
        }
    }

    /// A Ring went without a result for too long, or was taken back and still is not over. It is taken back (again);
    /// only when even the PBX's own limit has passed without a word, the caller is taken to be in the waiting room.
    /// Without a link, or when the moment was slept through, the comparison of lists is waited for, but not for ever.
    pub(crate) fn ring_overdue(&mut self, call: CallId, slept: bool) {
        let now = self.now();
        let Some(record) = self.calls.get(call) else { return };
        let Some(ring) = record.ring().cloned() else { return };
        if slept {
            self.timers.set(Timer::Ring(call), now + GRACE);
        } else if !self.is_linked(&record.call.pbx) {
            self.ring_unseen(call, ring.overdue);
        } else if record.in_conversation() {
            self.end_offers(call, OfferOutcome::Withdrawn);
            self.ring_is_over(call, Place::Elsewhere);
        } else if record.partners().any(|(_, _, party)| party.up) && !ring.taken_back {
            // Somebody went off the hook and the conversation was not told: a Redirect might tear it.
            self.probe(call);
            self.timers.set(Timer::Ring(call), now + GRACE);
        } else if now < ring.over_by {
            let legs: Vec<LegId> = record.call.legs.iter().skip(1).map(|leg| leg.id).collect();
            self.stop_ring(call, &legs, true);
            self.timers.set(Timer::Ring(call), ring.over_by + GRACE);
        } else if ring.overdue || ring.taken_back {
            self.back_to_waiting(call);
        } else {
            self.take_ring_back(call);
        }
    }

    fn ring_unseen(&mut self, call: CallId, again: bool) {
        if again {
            self.end_offers(call, OfferOutcome::Withdrawn);
            return;
        }
        if let Some(ring) = self.calls.get_mut(call).and_then(|record| record.ring_mut()) {
            ring.overdue = true;
        }
        self.timers.set(Timer::Ring(call), self.now() + UNSEEN);
    }

    fn take_ring_back(&mut self, call: CallId) {
        if let Some(ring) = self.calls.get_mut(call).and_then(|record| record.ring_mut()) {
            ring.overdue = true;
        }
        let open = self.calls.get(call).map(|record| record.offers.clone()).unwrap_or_default();
        for offer in &open {
            let shown = self.offers.get(*offer).is_some_and(|offer| offer.told_at.is_some());
            self.withdraw(*offer, if shown { OfferOutcome::NoAnswer } else { OfferOutcome::Withdrawn });
        }
        self.timers.set(Timer::Ring(call), self.now() + GRACE);
    }

    /// The link is back and the PBX was listed: a Ring from before of which nothing rings any more is over.
    pub(crate) fn settle_ring_after_gap(&mut self, call: CallId) {
        let Some(record) = self.calls.get(call) else { return };
        let Some(ring) = record.ring() else { return };
        let over_by = ring.over_by;
        let rings = record
            .call
            .legs
            .iter()
            .zip(&record.parties)
            .skip(1)
            .any(|(leg, party)| party.rang && leg.state != LegState::Left);
        if rings || record.in_conversation() {
            self.timers.set(Timer::Ring(call), over_by.max(self.now()) + GRACE);
            return;
        }
        self.end_offers(call, OfferOutcome::Withdrawn);
        self.back_to_waiting(call);
    }
}
