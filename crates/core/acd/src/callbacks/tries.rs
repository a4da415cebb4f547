//! Tries: an agent is rung, then the customer; what came of it decides how the call-back goes on.

use hookswitch_model::{
    AgentId, CallId, CallbackId, Millis, QueueId,
    call::{AttachedData, Call, Customer, LegState, MatchKind},
    callback::{Callback, CallbackOrigin, CallbackOutcome, CallbackState, TryEnd},
    command::Refusal,
    event::EventKind,
    ledger::Disposition,
    offer::OfferOutcome,
    pbx::{Action, LegEnd, Target},
    why::{Because, Reasons},
};

use super::{Tie, entry};
use crate::{
    calls::cause,
    control::{destination::Bound, dial::Making},
    engine::Engine,
    offers::DIRECT_RING,
    timers::Timer,
    why,
};

/// The key under which a try says what it is.
const KEY: &str = "callback";
/// How soon what may not be dialled now, or was refused by the PBX, is tried again.
const SOON: Millis = Millis::from_secs(30);

impl Engine {
    /// It is a call-back's turn: the agent's devices are rung, then the customer. What is in the way of it now (the
    /// number, the limits, the hours) is looked at once more.
    pub(crate) fn dial_back(&mut self, id: CallbackId, agents: &[AgentId], reasons: Box<Reasons>) {
        let now = self.now();
        let Some(callback) = self.callbacks.get(id).map(|record| record.callback.clone()) else {
            self.give_back(id, agents);
            return;
        };
        let (Some(agent), Some(e164)) = (agents.first(), callback.number.e164.clone()) else { return };
        let hours = self.calls_back(&callback.queue).hours;
        if hours.is_some_and(|hours| self.router.is_open(&hours, now) != Some(true)) {
            self.give_back(id, agents);
            self.line_up(id);
            return;
        }
        match self.may_call_outside(agent, &e164) {
            Ok(()) => {}
            Err(Refusal::NotNow { .. }) => {
                self.give_back(id, agents);
                self.again_soon(id, TryEnd::NotNow);
                return;
            }
            Err(_) => {
                self.give_back(id, agents);
                self.end_callback(id, CallbackOutcome::Forbidden, None);
                return;
            }
        }
        if self.can_dial(agent).is_err() {
            self.distributor.requeue(now, entry(id));
            self.not_taken(agents);
            return;
        }
        self.begin_try(&callback, agent, e164, reasons);
    }

    /// A decision that cannot be carried out: the call-back is in line no more, and the agents are free.
    fn give_back(&mut self, id: CallbackId, agents: &[AgentId]) {
        self.distributor.remove(self.now(), entry(id));
        self.not_taken(agents);
    }

    /// Not now, but soon; tried in vain, but not dialled.
    fn again_soon(&mut self, id: CallbackId, last: TryEnd) {
        let next = self.now() + SOON;
        if let Some(record) = self.callbacks.get_mut(id) {
            record.not_before = Some(next);
            record.callback.last = Some(last);
        }
        self.line_up(id);
    }

    fn begin_try(&mut self, callback: &Callback, agent: &AgentId, e164: String, reasons: Box<Reasons>) {
        let (now, version) = (self.now(), self.setup.version);
        let Some(pbx) = self.agents.get(agent).map(|record| record.pbx.clone()) else { return };
        let mut data: AttachedData = callback.data.clone();
        data.insert(KEY.to_owned(), callback.id.to_string());
        let of = match &callback.origin {
            CallbackOrigin::Caller { call } => Some(*call),
            CallbackOrigin::Request { .. } => None,
        };
        let known = matches!(callback.customer.kind, MatchKind::One | MatchKind::Many);
        let queue = self.plan.queue(&self.setup, &callback.queue);
        let timeout = queue.map_or(DIRECT_RING, |queue| queue.offer_timeout);
        let making = Making {
            command: None,
            agent: agent.clone(),
            to: Bound::Outside(e164.clone()),
            data,
            consults: None,
            tries: Some(Tried {
                tie: Tie::Tries { callback: callback.id, of },
                queue: callback.queue.clone(),
                priority: callback.priority,
                customer: known.then(|| callback.customer.clone()),
            }),
        };
        let call = self.make_and_dial(&pbx, making, Target::Number(e164), timeout);
        if let Some(record) = self.calls.get_mut(call) {
            why::note(&mut record.why, now, version, Because::Offered(reasons));
        }
    }

    /// A call of our making is this call-back's try from now on, and is told before it begins.
    pub(crate) fn tell_dialled(&mut self, id: CallbackId, call: &Call) {
        let Some(record) = self.callbacks.get_mut(id) else { return };
        record.callback.state = CallbackState::Offered;
        record.callback.call = Some(call.id);
        record.callback.next_at = None;
        let callback = Box::new(record.callback.clone());
        self.timers.cancel(&Timer::Callback(id));
        self.emit_of_callback(EventKind::CallbackDialled { callback, call: Box::new(call.clone()) });
    }

    /// The call-back that this live call tries.
    fn tried_by(&self, call: CallId) -> Option<CallbackId> {
        self.calls.known(call).and_then(|record| record.callback.tries())
    }

    /// The agent is on the line: the customer's number is dialled now.
    pub(crate) fn try_accepted(&mut self, call: CallId) {
        let Some(id) = self.tried_by(call) else { return };
        if let Some(record) = self.callbacks.get_mut(id)
            && record.callback.state == CallbackState::Offered
        {
            record.callback.state = CallbackState::Dialling;
            record.callback.attempts += 1;
        }
    }

    /// Agent and customer talk: the call-back is in line no more.
    pub(crate) fn try_answered(&mut self, call: CallId) {
        let now = self.now();
        let Some(id) = self.tried_by(call) else { return };
        if let Some(record) = self.callbacks.get_mut(id) {
            record.callback.state = CallbackState::Connected;
            self.distributor.answered(now, entry(id));
        }
    }

    /// The PBX was out of sight when it should have shown a call of our making.
    pub(crate) fn may_have_been_missed(&self, call: CallId) -> bool {
        let Some(record) = self.calls.known(call) else { return false };
        let back = self.links.get(&record.call.pbx).and_then(crate::engine::Link::since);
        !record.is_shown() && back.is_none_or(|back| back > record.call.started_at)
    }

    /// A try is over, as its ledger says.
    pub(crate) fn try_over(&mut self, call: CallId, disposition: Disposition, unseen: bool) {
        let Some(id) = self.tried_by(call) else { return };
        let Some(state) = self.callbacks.get(id).map(|record| record.callback.state) else { return };
        if state == CallbackState::Connected {
            self.end_callback(id, CallbackOutcome::Completed, None);
            return;
        }
        let dialled = state == CallbackState::Dialling;
        let end = match disposition {
            _ if unseen => TryEnd::Unseen,
            _ if !dialled => TryEnd::Agent,
            Disposition::Busy => TryEnd::Busy,
            Disposition::Rejected => TryEnd::Rejected,
            Disposition::Failed => TryEnd::Failed,
            Disposition::Lost => TryEnd::Unseen,
            Disposition::Answered
            | Disposition::Abandoned
            | Disposition::Missed
            | Disposition::Merged
            | Disposition::Callback => TryEnd::NoAnswer,
        };
        if let Some(record) = self.callbacks.get_mut(id) {
            record.callback.last = Some(end);
            // What nobody saw may have been dialled.
            record.callback.attempts += u32::from(end.was_dialled() && !dialled);
        }
        if end.was_dialled() { self.missed_customer(id) } else { self.missed_agent(id, call) }
    }

    /// The agent did not answer: back in line, at the old place; that agent comes last for it.
    fn missed_agent(&mut self, id: CallbackId, call: CallId) {
        let now = self.now();
        let dial = self.calls.known(call).and_then(|record| record.control.dial.as_ref());
        let refused = dial.is_some_and(|dial| !dial.shown && dial.end == Some(LegEnd::Failed));
        if let Some(record) = self.callbacks.get_mut(id) {
            record.callback.state = CallbackState::Waiting;
            // A PBX that refuses everything is not flooded.
            record.not_before = refused.then(|| now + SOON);
        }
        if !refused {
            self.distributor.requeue(now, entry(id));
        }
        self.line_up(id);
        self.tell_retry(id);
    }

    /// The customer was not reached: later again, if the queue still tries.
    fn missed_customer(&mut self, id: CallbackId) {
        let now = self.now();
        self.distributor.remove(now, entry(id));
        // Its queue may have gone while it was tried: then the other queue's policy counts.
        if !self.has_queue(id) {
            return;
        }
        let Some(callback) = self.callbacks.get(id).map(|record| &record.callback) else { return };
        let setup = self.calls_back(&callback.queue);
        let next = now + setup.retry_after;
        if callback.attempts >= setup.attempts {
            self.end_callback(id, CallbackOutcome::Failed, None);
            return;
        }
        if next >= callback.expires_at {
            self.end_callback(id, CallbackOutcome::Expired, None);
            return;
        }
        if let Some(record) = self.callbacks.get_mut(id) {
            record.callback.state = CallbackState::Waiting;
            record.not_before = Some(next);
        }
        self.line_up(id);
        self.tell_retry(id);
    }

    fn tell_retry(&mut self, id: CallbackId) {
        let Some(callback) = self.callbacks.get(id).map(|record| Box::new(record.callback.clone())) else {
            return;
        };
        self.stats.touch(&callback.queue);
        let call = self.last_try(&callback);
        self.emit_of_callback(EventKind::CallbackRetry { callback, call });
    }

    /// The call of the last try, as far as it is remembered.
    pub(super) fn last_try(&self, callback: &Callback) -> Option<Box<Call>> {
        let record = self.calls.known(callback.call?)?;
        Some(Box::new(record.call.clone()))
    }

    /// Ends a try that nobody wants any more: whoever rings or is on the line is let go.
    pub(crate) fn stop_try(&mut self, call: CallId) {
        let Some(record) = self.calls.get(call) else { return };
        if !record.is_shown() {
            self.dial_over(call, LegEnd::Released, None, "nobody is to be called back any more");
            return;
        }
        let pbx = record.call.pbx.clone();
        let here =
            record.call.legs.iter().zip(&record.parties).filter(|(leg, _)| leg.state != LegState::Left);
        let own: Vec<_> =
            here.filter(|(leg, _)| leg.agent.is_some()).map(|(_, party)| party.leg_ref.clone()).collect();
        self.end_offers(call, OfferOutcome::Withdrawn);
        for leg in own {
            self.ask(&pbx, None, Action::Hangup { leg, cause: cause::NORMAL });
        }
    }
}

/// What a call-back gives to its try.
pub(crate) struct Tried {
    pub(crate) tie: Tie,
    pub(crate) queue: QueueId,
    pub(crate) priority: i32,
    pub(crate) customer: Option<Customer>,
}
