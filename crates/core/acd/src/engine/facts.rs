//! What the PBXs were seen to do, handed to whom it concerns.

use hookswitch_model::{CallId, CallRef, PbxId, pbx::Fact};

use super::{Engine, links::Back};
use crate::agents::EVIDENCE_GONE;

impl Engine {
    /// Applies one fact.
    pub(super) fn fact(&mut self, pbx: &PbxId, fact: Fact) {
        if !self.is_recovered() && !matches!(fact, Fact::LinkUp { .. } | Fact::LinkDown { .. }) {
            self.link_alive(pbx);
        }
        match fact {
            Fact::LinkUp { version, restarted, gap_from, recovered_calls } => {
                self.link_up(pbx, Back { version, restarted, gap_from, recovered_calls });
            }
            Fact::LinkDown { reason: _ } => self.link_down(pbx),
            Fact::Device { address, state } => self.device_changed(pbx, &address, state),
            Fact::MemberPaused { address, paused, reason } => {
                self.member_paused(pbx, &address, paused, reason)
            }
            Fact::AgentAsked { address, feature } => self.agent_asked(pbx, &address, feature),
            Fact::ActionResult { action, refused } => self.action_result(action, refused.as_deref()),
            Fact::NumberChecked { action, exists } => self.number_checked(pbx, action, exists),
            Fact::DialFailed { action, end, cause } => self.dial_failed(pbx, action, end, cause),
            Fact::CallStarted { .. }
            | Fact::CallNumbers { .. }
            | Fact::Data { .. }
            | Fact::Digit { .. }
            | Fact::RouteRequested { .. }
            | Fact::QueueJoined { .. }
            | Fact::QueueLeft { .. }
            | Fact::LegRinging { .. }
            | Fact::LegUp { .. }
            | Fact::Talking { .. }
            | Fact::Apart { .. }
            | Fact::Held { .. }
            | Fact::Retrieved { .. }
            | Fact::LegLeft { .. }
            | Fact::LegMoved { .. }
            | Fact::Transferred { .. }
            | Fact::Conferenced { .. }
            | Fact::CallMerged { .. }
            | Fact::SystemTook { .. }
            | Fact::FellBack { .. }
            | Fact::CallEnded { .. }
            | Fact::RingResult { .. }
            | Fact::Supervised { .. }
            | Fact::Recording { .. } => self.call_fact(pbx, fact),
        }
    }

    /// The live call a fact is about, seen alive by it.
    fn seen(&mut self, pbx: &PbxId, call: &CallRef) -> Option<CallId> {
        let Some(id) = self.calls.live_id(pbx, call) else {
            self.counters.unknown_calls += 1;
            return None;
        };
        let now = self.now();
        if let Some(record) = self.calls.get_mut(id) {
            record.last_seen = now;
        }
        Some(id)
    }

    fn call_fact(&mut self, pbx: &PbxId, fact: Fact) {
        if let Fact::CallStarted { call, originator, direction, ani, dnis, via, trunk, data, watched } = fact
        {
            let begin =
                crate::calls::Begin { call, originator, direction, ani, dnis, via, trunk, data, watched };
            if !self.shows(pbx, &begin) {
                self.call_started(pbx, begin);
            }
            return;
        }
        let Some(reference) = call_of(&fact) else { return };
        if let Fact::CallEnded { call, .. } = &fact
            && self.calls.live_id(pbx, call).is_none()
        {
            self.ended_again(pbx, call);
            return;
        }
        let Some(id) = self.seen(pbx, reference) else { return };
        let audit = self.audits(id, &fact).then_some(EVIDENCE_GONE);
        self.legs_seen(id, &fact);
        self.effect(id, &fact);
        self.live_call_fact(pbx, id, fact);
        self.consult_changed(id);
        self.sync_call_agents(id, audit);
    }

    fn live_call_fact(&mut self, pbx: &PbxId, id: CallId, fact: Fact) {
        match fact {
            Fact::CallNumbers { ani, dnis, via, .. } => self.numbers_known(id, ani, dnis, via),
            Fact::Data { changed, .. } => self.attach(id, changed, "pbx"),
            Fact::Digit { leg, digit, .. } => self.digit(id, &leg, digit),
            Fact::RouteRequested { dnis, .. } => self.route_requested(id, dnis),
            Fact::QueueJoined { queue, position, .. } => self.queue_joined(id, queue, position),
            Fact::QueueLeft { queue, abandoned, .. } => self.queue_left(id, &queue, abandoned),
            Fact::LegRinging { leg, ring, .. } => self.leg_ringing(id, leg, ring),
            Fact::LegUp { leg, .. } => self.leg_up(id, &leg),
            Fact::Talking { leg, .. } => self.leg_talking(id, &leg),
            Fact::Apart { leg, .. } => self.leg_apart(id, &leg),
            Fact::Held { leg, .. } => self.leg_held(id, &leg),
            Fact::Retrieved { leg, .. } => self.leg_retrieved(id, &leg),
            Fact::LegLeft { leg, end, cause, .. } => self.leg_left(id, &leg, end, cause),
            Fact::LegMoved { to, leg, .. } => {
                if let Some(to) = self.seen(pbx, &to) {
                    self.leg_moved(id, to, &leg);
                    self.consult_changed(to);
                    self.sync_call_agents(to, None);
                }
            }
            Fact::Transferred { kind, from, to_leg, to_number, consult, .. } => {
                let consult = consult.and_then(|consult| self.calls.id(pbx, &consult));
                self.transferred(id, crate::calls::Transfer { kind, from, to_leg, to_number, consult });
            }
            Fact::Conferenced { legs, .. } => self.conferenced(id, &legs),
            Fact::CallMerged { into, .. } => {
                let into = self.calls.id(pbx, &into);
                self.call_merged(id, into);
            }
            Fact::SystemTook { what, .. } => self.system_took(id, what),
            Fact::FellBack { .. } if self.is_recovered() && !self.is_in_our_hands(id) => {}
            Fact::FellBack { .. } => self.fell_back(id),
            Fact::CallEnded { by, cause, .. } => self.call_ended(id, by.as_ref(), cause),
            Fact::RingResult { ring, result, .. } => self.ring_result(id, ring, result),
            Fact::CallStarted { .. }
            | Fact::LinkUp { .. }
            | Fact::LinkDown { .. }
            | Fact::Device { .. }
            | Fact::MemberPaused { .. }
            | Fact::AgentAsked { .. }
            | Fact::ActionResult { .. }
            | Fact::NumberChecked { .. }
            | Fact::DialFailed { .. } => {}
            Fact::Supervised { leg, .. } => self.supervised(id, leg),
            Fact::Recording { on, .. } => self.recording(id, on, "pbx"),
        }
    }
}

/// The call a fact is about; of a leg that moves, the one it leaves.
const fn call_of(fact: &Fact) -> Option<&CallRef> {
    if let Fact::LegMoved { from, .. } = fact { Some(from) } else { fact.call() }
}
