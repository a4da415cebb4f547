//! What holds whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_acd::Engine;
use hookswitch_model::{
    AgentId, CallId, CallRef, CallbackId, OfferId, QueueId, Timestamp,
    agent::{AgentState, DeviceState},
    call::{Call, CallState, Direction, LegState},
    callback::CallbackOutcome,
    event::{Event, EventKind},
    ledger::{Ledger, Owner},
};

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Oracles {
    live: BTreeMap<CallId, String>,
    ended: BTreeSet<CallId>,
    offers: BTreeMap<OfferId, (AgentId, Option<QueueId>)>,
    ended_offers: BTreeSet<OfferId>,
    /// Waiting calls that were never offered: queue, and since when they wait there.
    fresh: BTreeMap<CallId, (QueueId, Timestamp)>,
    rung: BTreeSet<CallId>,
    pub(crate) answered_by: BTreeMap<AgentId, u64>,
    /// Call-backs that are not over, and whether one is being tried.
    promised: BTreeMap<CallbackId, bool>,
    /// Calls that were dialled, by what the PBX was told to call them.
    dialled: BTreeSet<CallRef>,
    /// Places that who calls again takes back, by number.
    given_back: BTreeMap<String, Timestamp>,
}

impl Oracles {
    pub(crate) fn see(&mut self, event: &Event) {
        if let EventKind::InvariantViolated { rule, evidence, .. } = &event.kind {
            panic!("violated {rule}: {evidence}");
        }
        if let Some(call) = event.kind.call() {
            self.see_call(event, call);
        }
        match &event.kind {
            EventKind::CallStarted { call } => {
                assert!(self.live.insert(call.id, call.ani.raw.clone()).is_none(), "started twice");
            }
            EventKind::CallbackCreated { callback, call } => {
                assert!(self.promised.insert(callback.id, false).is_none(), "promised twice");
                if let Some(call) = call {
                    self.fresh.remove(&call.id);
                }
            }
            EventKind::CallbackDialled { callback, .. } => {
                assert_eq!(
                    self.promised.insert(callback.id, true),
                    Some(false),
                    "tried while it is tried, or over"
                );
            }
            EventKind::CallbackRetry { callback, .. } => {
                assert_eq!(self.promised.insert(callback.id, false), Some(true), "a retry of no try");
            }
            EventKind::CallbackEnded { callback, outcome, .. } => {
                assert!(self.promised.remove(&callback.id).is_some(), "over twice");
                if *outcome == CallbackOutcome::Superseded {
                    self.given_back.insert(callback.number.raw.clone(), callback.enqueued_at);
                }
            }
            EventKind::CallQueued { call, queued } => {
                // The wait before an overflow counts. Who was rung for before may come back to an old place.
                let since = self.fresh.get(&call.id).map_or(event.at, |(_, since)| *since);
                let since = self.given_back.remove(&call.ani.raw).map_or(since, |place| place.min(since));
                if !self.rung.contains(&call.id) {
                    self.fresh.insert(call.id, (queued.queue.clone(), since));
                }
            }
            EventKind::CallOffered { offer, call } => {
                self.offered(offer.id, &offer.agent, offer.queue.as_ref(), call)
            }
            EventKind::CallOfferEnded { offer, .. } => {
                assert!(
                    self.offers.remove(&offer.id).is_some(),
                    "an offer ended that was not open: {offer:?}"
                );
                self.ended_offers.insert(offer.id);
            }
            EventKind::CallAnswered { agent, call, .. } => {
                self.fresh.remove(&call.id);
                if let Some(agent) = agent {
                    *self.answered_by.entry(agent.id.clone()).or_default() += 1;
                }
            }
            EventKind::CallEnded { call, ledger } => {
                assert!(self.live.remove(&call.id).is_some() && self.ended.insert(call.id), "ended twice");
                self.fresh.remove(&call.id);
                assert!(
                    !self.offers.keys().any(|offer| self.ended_offers.contains(offer)),
                    "an offer is open and ended"
                );
                books(call, ledger);
            }
            _ => {}
        }
    }

    fn see_call(&self, event: &Event, call: &Call) {
        if let Some(ani) = self.live.get(&call.id) {
            assert_eq!(call.ani.raw, *ani, "the customer changed");
        }
        let late = self.ended.contains(&call.id);
        let allowed = matches!(
            event.kind,
            EventKind::CallData { .. }
                | EventKind::CallIdentified { .. }
                | EventKind::ScreenPopped { .. }
                | EventKind::CallbackRetry { .. }
                | EventKind::CallbackEnded { .. }
        );
        assert!(!late || allowed, "{} after the end", event.kind.name());
    }

    fn offered(&mut self, offer: OfferId, agent: &AgentId, queue: Option<&QueueId>, call: &Call) {
        let twice = self.offers.values().any(|(other, by)| other == agent && by.is_some() && queue.is_some());
        assert!(!twice, "{agent} has two offers of queues");
        assert!(!self.ended_offers.contains(&offer), "an offer was told again");
        self.offers.insert(offer, (agent.clone(), queue.cloned()));
        self.fresh.remove(&call.id);
    }

    /// A Ring goes out for this call: nobody who waits in the same queue for longer, and was never offered, is passed
    /// over.
    pub(crate) fn first_come(&mut self, engine: &Engine, call: &Call) {
        self.rung.insert(call.id);
        let Some((queue, since)) = self.fresh.remove(&call.id) else { return };
        let waits = |id: &CallId| {
            let is_here = |call: &Call| call.legs.iter().any(|leg| leg.state != LegState::Left);
            engine.call(*id).is_some_and(|call| call.state == CallState::Queued && is_here(call))
        };
        let older = self.fresh.iter().find(|(id, (other, at))| *other == queue && *at < since && waits(id));
        assert!(older.is_none(), "{older:?} waits in {queue} for longer than {:?}", call.id);
    }

    /// The PBX is asked to dial: once for each call.
    pub(crate) fn dialled(&mut self, call: &CallRef) {
        assert!(self.dialled.insert(call.clone()), "{call} is dialled twice");
    }

    /// A Ring was taken back or refused before anybody heard of it.
    pub(crate) fn is_over(&self) -> bool {
        self.live.is_empty() && self.offers.is_empty() && self.promised.is_empty()
    }

    pub(crate) fn open(&self) -> String {
        format!("live {:?}, offers {:?}, promised {:?}", self.live.keys(), self.offers, self.promised)
    }
}

/// What a ledger must be, whatever happened.
fn books(call: &Call, ledger: &Ledger) {
    let ended_at = call.ended_at.expect("an end");
    let mut at = call.started_at;
    for segment in &ledger.segments {
        assert_eq!(segment.from, at, "a gap or an overlap: {:?}", ledger.segments);
        let of_system = matches!(segment.owner, Owner::System(_));
        assert!(segment.to > segment.from || !of_system, "a segment of the system without length");
        at = segment.to;
    }
    assert_eq!(at, ended_at, "the segments do not add up");
    let length = ended_at.since(call.started_at).0;
    assert!(ledger.talk_ms + ledger.hold_ms <= length + 1, "{ledger:?}");
    assert!(ledger.wait_ms <= length);
    assert_eq!(ledger.handled_by.is_empty(), ledger.resolved_by.is_none());
    assert!(call.legs.iter().all(|leg| leg.state == LegState::Left && leg.actions.is_empty()));
    assert_eq!(call.state, CallState::Ended);
}

/// What holds of an engine between two inputs.
pub(crate) fn settled(engine: &Engine, now: Timestamp, linked: bool) {
    for agent in engine.agents() {
        let busy = matches!(agent.state, AgentState::Reserved | AgentState::Talking | AgentState::Holding);
        assert_eq!(busy, agent.evidence.is_some(), "{agent:?}");
        let Some(evidence) = &agent.evidence else { continue };
        if let Some(leg) = evidence.strip_prefix("leg ") {
            let live = engine.calls().flat_map(|call| &call.legs).any(|one| {
                one.id.to_string() == leg
                    && one.state != LegState::Left
                    && one.agent.as_ref() == Some(&agent.id)
            });
            assert!(live, "{} rests on a leg that is gone", agent.id);
        }
        let talks = engine.calls().filter(|call| {
            let legs = || call.legs.iter().filter(|leg| leg.agent.as_ref() == Some(&agent.id));
            legs().any(|leg| matches!(leg.state, LegState::Connected | LegState::Held))
        });
        let own = |call: &Call| {
            let first = call.legs.first().is_some_and(|leg| leg.agent.as_ref() == Some(&agent.id));
            first && call.direction != Direction::Inbound
        };
        let consults = engine.calls().any(own);
        assert!(talks.count() <= 1 + usize::from(consults), "{} is on two calls", agent.id);
    }
    for call in engine.calls() {
        assert!(call.ended_at.is_none() && call.started_at <= now);
    }
    if linked {
        nobody_waits_beside_a_free_agent(engine, now);
    }
}

fn nobody_waits_beside_a_free_agent(engine: &Engine, now: Timestamp) {
    // A phone may still ring for an offer that was taken back: then the agent is ready, but not free.
    let free = |agent: &&hookswitch_model::agent::Agent| {
        agent.state == AgentState::Ready
            && agent.calls.is_empty()
            && agent.devices.iter().any(|d| d.state != DeviceState::Unavailable)
    };
    let queues: BTreeSet<&QueueId> = engine.agents().filter(free).flat_map(|agent| &agent.queues).collect();
    for call in engine.calls().filter(|call| call.state == CallState::Queued) {
        let queue = call.queue.as_ref().unwrap();
        let never_offered = call.legs.len() == 1 && engine.why(call.id).unwrap().decisions.len() == 1;
        assert!(
            !(never_offered && queues.contains(queue)),
            "{call:?} waits in {queue} beside a free agent: {:#?}",
            engine.agents().map(|agent| engine.why_idle(&agent.id, now)).collect::<Vec<_>>()
        );
    }
}
