//! Click-to-dial, and the tries of call-backs: calls that exist before the PBX shows them.

use std::collections::BTreeMap;

use hookswitch_model::{
    ActionId, AgentId, CallId, CallRef, CallbackId, LegRef, Millis, PbxId, QueueId, Timestamp,
    agent::AgentState,
    call::{Address, AttachedData, Direction, Leg, LegRole, LegState, PartyNumber},
    command::{Destination, Refusal, Taken},
    event::EventKind,
    ledger::Cause,
    offer::{Offer, OfferOutcome},
    pbx::{Action, LegEnd, Target},
};
use serde::{Deserialize, Serialize};

use super::{Dialled, destination::Bound};
use crate::{
    callbacks::Tried,
    calls::{Begin, CallRecord, data},
    engine::{ACTION_LIFE, Engine},
    offers::OfferRecord,
    timers::Timer,
};

/// A second click on the same number in this time is the same click, while the call it made is there.
const DOUBLE_CLICK: Millis = Millis::from_secs(2);
/// How long an agent's own devices ring where the configuration says nothing.
const RING: Millis = Millis::from_secs(30);
/// How long the PBX may take to show a call after the last moment it may have begun it.
const SHOW: Millis = Millis::from_secs(5);

/// The last click of each agent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Clicks {
    last: BTreeMap<AgentId, Click>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Click {
    at: Timestamp,
    to: String,
    call: CallId,
}

/// A call of our making that is about to exist.
pub(crate) struct Making {
    pub(crate) command: Option<ActionId>,
    pub(crate) agent: AgentId,
    pub(crate) to: Bound,
    pub(crate) data: AttachedData,
    /// The call it consults for, and how the PBX calls the agent's leg there.
    pub(crate) consults: Option<(CallId, LegRef, Address)>,
    /// The call-back it is a try of.
    pub(crate) tries: Option<Tried>,
}

impl Engine {
    /// Rings the agent's devices, then the destination; or says why not.
    pub(crate) fn dial(
        &mut self,
        command: ActionId,
        agent: &AgentId,
        to: &Destination,
        data: AttachedData,
    ) -> Result<Taken, Refusal> {
        let now = self.now();
        let Some(record) = self.agents.get(agent) else {
            return Err(Refusal::Unknown { what: "agent".into(), id: agent.to_string() });
        };
        let pbx = record.pbx.clone();
        let dialled = to.e164.as_ref().unwrap_or(&to.text);
        if let Some(click) = self.clicks.last.get(agent)
            && click.to == *dialled
            && now.since(click.at) < DOUBLE_CLICK
            && self.calls.get(click.call).is_some()
        {
            return Ok(Taken { call: Some(click.call), ..Taken::default() });
        }
        self.can_dial(agent)?;
        let bound = self.bound(&pbx, to)?;
        let target = self.dial_target(agent, &bound)?;
        let mut checked = AttachedData::new();
        data::attach(&mut checked, data).map_err(|too_much| Refusal::Invalid {
            why: too_much.why().into(),
            hint: "attach a key to what is kept elsewhere, not the thing itself".into(),
        })?;
        let timeout = self.setup.outbound.ring_timeouts.get(&pbx).copied().unwrap_or(RING);
        let making = Making {
            command: Some(command),
            agent: agent.clone(),
            to: bound,
            data: checked,
            consults: None,
            tries: None,
        };
        let call = self.make_and_dial(&pbx, making, target, timeout);
        self.clicks.last.insert(agent.clone(), Click { at: now, to: dialled.clone(), call });
        Ok(Taken { call: Some(call), ..Taken::default() })
    }

    /// Makes a call and asks the PBX for it: the agent's devices first, then the target.
    pub(crate) fn make_and_dial(
        &mut self,
        pbx: &PbxId,
        making: Making,
        target: Target,
        timeout: Millis,
    ) -> CallId {
        let now = self.now();
        let (agent, data) = (making.agent.clone(), making.data.clone());
        let queue = making.tries.as_ref().map(|tried| tried.queue.clone());
        let own = self.agents.get(&agent).into_iter().flat_map(|record| record.reachable());
        let devices: Vec<Address> = own.map(|device| device.address.clone()).collect();
        if matches!(making.to, Bound::Outside(_)) {
            self.calls_outside(&agent);
        }
        let (call, asked) = self.make_call(pbx, making);
        self.reserve_own(call, &agent, queue, now + timeout);
        let action = Action::Dial {
            call: reference(asked),
            devices,
            timeout,
            to: target,
            caller_id: self.caller_id(&agent),
            data,
        };
        self.ask_as(asked, pbx, Some(call), action);
        self.timers.set(Timer::Shown(call), now + ACTION_LIFE + SHOW);
        call
    }

    /// Whether this agent can begin a call now.
    pub(crate) fn can_dial(&self, agent: &AgentId) -> Result<(), Refusal> {
        let Some(record) = self.agents.get(agent) else { return Ok(()) };
        let not_now = |why: String, allowed: Vec<String>| Err(Refusal::NotNow { why, allowed });
        if !self.routes(&record.pbx) {
            return Err(Refusal::Invalid {
                why: format!("{} is only observed", record.pbx),
                hint: "set mode = \"route\" to have it controlled".into(),
            });
        }
        if record.agent.state == AgentState::LoggedOut {
            return not_now(format!("{agent} is logged out"), vec!["ready".into(), "not_ready".into()]);
        }
        if !self.is_linked(&record.pbx) {
            return not_now(format!("the link to {} is down", record.pbx), Vec::new());
        }
        if record.reachable().next().is_none() {
            return not_now(format!("no device of {agent} can be reached"), Vec::new());
        }
        if record.is_engaged() {
            return not_now(format!("{agent} is in a call"), self.allowed_to(agent));
        }
        Ok(())
    }

    /// What an agent may do with the legs there are.
    fn allowed_to(&self, agent: &AgentId) -> Vec<String> {
        let calls = self.agents.get(agent).into_iter().flat_map(|record| &record.agent.calls);
        let legs = calls.filter_map(|call| self.calls.get(*call)).flat_map(|record| &record.call.legs);
        let own = legs.filter(|leg| leg.agent.as_ref() == Some(agent)).flat_map(|leg| &leg.actions);
        let mut allowed: Vec<String> = own.map(|action| action.as_str().to_owned()).collect();
        allowed.dedup();
        allowed
    }

    /// What the PBX is to dial for a destination, if it may be dialled.
    pub(super) fn dial_target(&self, own: &AgentId, to: &Bound) -> Result<Target, Refusal> {
        match to {
            Bound::Agent(agent) => {
                self.can_be_called(own, agent)?;
                let devices = self.agents.get(agent).into_iter().flat_map(|record| record.reachable());
                Ok(Target::Devices(devices.map(|device| device.address.clone()).collect()))
            }
            Bound::Queue(queue) => Err(Refusal::Invalid {
                why: format!("{queue} is a queue"),
                hint: "name an agent or a number; a queue takes callers by transfer".into(),
            }),
            Bound::House(number) => Ok(Target::Number(number.clone())),
            Bound::Outside(e164) => {
                self.may_call_outside(own, e164)?;
                Ok(Target::Number(e164.clone()))
            }
        }
    }

    /// The number shown to whom an agent calls.
    pub(super) fn caller_id(&self, agent: &AgentId) -> Option<String> {
        self.setup.agents.iter().find(|setup| setup.id == *agent)?.caller_id.clone()
    }

    /// Enters a call of our making and tells it. Returns it, and the action that is to be asked for it.
    pub(super) fn make_call(&mut self, pbx: &PbxId, making: Making) -> (CallId, ActionId) {
        let Making { command, agent, to, data, consults, tries } = making;
        let (asked, id): (ActionId, CallId) = (self.next_id(), self.next_id());
        let outside = matches!(to, Bound::Outside(_));
        let own = self.agents.get(&agent);
        let extension = own.and_then(|own| own.extension.clone()).unwrap_or_default();
        let device = own.and_then(|own| Some(own.reachable().next()?.address.clone()));
        let address = consults.as_ref().map(|(_, _, address)| address.clone()).or(device);
        let call = reference(asked);
        let leg_ref = consults.as_ref().map_or_else(|| LegRef::new(call.as_str()), |(_, leg, _)| leg.clone());
        let begin = Begin {
            call,
            originator: hookswitch_model::pbx::LegSeen {
                leg: leg_ref.clone(),
                address: address.unwrap_or_else(|| Address::new(&extension)),
                number: None,
            },
            direction: if outside { Direction::Outbound } else { Direction::Internal },
            ani: PartyNumber { raw: extension, ..PartyNumber::default() },
            dnis: self.number_of(&to),
            via: None,
            trunk: None,
            data: data.clone(),
            watched: false,
        };
        let up = consults.is_some();
        let leg = Leg {
            id: self.next_id(),
            role: if outside { LegRole::Agent } else { LegRole::Customer },
            address: begin.originator.address.clone(),
            number: None,
            agent: Some(agent),
            state: if up { LegState::Connected } else { LegState::Ringing },
            actions: Vec::new(),
        };
        let mut record = self.new_record(id, pbx, begin);
        record.consult_of = consults.as_ref().map(|(main, _, _)| *main);
        record.control.dial =
            Some(Dialled { command, asked, consults: up, shown: false, outside, copied: data, end: None });
        record.add_leg(leg, leg_ref, up);
        record.settle(self.now());
        let tried = tries.map(|tried| record.be_try(tried));
        let call = Box::new(record.call.clone());
        self.calls.insert(record);
        self.watch_trace(id);
        if let Some(callback) = tried.flatten() {
            self.tell_dialled(callback, &call);
        }
        self.emit_call(EventKind::CallStarted { call });
        self.ask_who(id);
        self.sync_call_agents(id, None);
        (id, asked)
    }

    fn number_of(&self, to: &Bound) -> PartyNumber {
        let number = |raw: &str, e164: Option<&String>| PartyNumber {
            raw: raw.to_owned(),
            e164: e164.cloned(),
            ..PartyNumber::default()
        };
        match to {
            Bound::Agent(agent) => {
                let extension = self.agents.get(agent).and_then(|record| record.extension.clone());
                number(&extension.unwrap_or_else(|| agent.to_string()), None)
            }
            Bound::Queue(queue) => number(queue.as_str(), None),
            Bound::House(raw) => number(raw, None),
            Bound::Outside(e164) => number(e164, Some(e164)),
        }
    }

    /// The agent's own phone is going to ring: reserved from now on.
    fn reserve_own(&mut self, call: CallId, agent: &AgentId, queue: Option<QueueId>, until: Timestamp) {
        let offer = Offer {
            id: self.next_id(),
            agent: agent.clone(),
            queue,
            attempt: 0,
            expires_at: Some(until),
            outcome: None,
        };
        let id = offer.id;
        self.offers.insert(OfferRecord::of_pbx(call, offer));
        if let Some(record) = self.calls.get_mut(call) {
            record.offers.push(id);
        }
        if let Some(record) = self.agents.get_mut(agent) {
            record.reserve(call, id, Some(until));
        }
        self.sync_agent(agent, None);
    }

    /// The PBX shows a call we made, for the first time. False when it is none of ours. One that was written off is
    /// hung up: nobody expects it any more.
    pub(crate) fn shows(&mut self, pbx: &PbxId, begin: &Begin) -> bool {
        let Some(id) = self.calls.id(pbx, &begin.call) else { return false };
        let Some(record) = self.calls.known_mut(id) else { return false };
        let ended = record.call.ended_at.is_some();
        let Some(dial) = record.control.dial.as_mut() else { return false };
        if ended && dial.consults {
            // The leg is that of an agent who is in a call: a call like any other.
            return false;
        }
        if ended {
            self.counters.stale += 1;
            let action =
                Action::Hangup { leg: begin.originator.leg.clone(), cause: crate::calls::cause::NORMAL };
            self.ask(pbx, None, action);
            return true;
        }
        let consults = dial.consults;
        if std::mem::replace(&mut dial.shown, true) {
            return false;
        }
        if let (Some(leg), Some(party)) = (record.call.legs.first_mut(), record.parties.first_mut()) {
            leg.address = begin.originator.address.clone();
            party.leg_ref = begin.originator.leg.clone();
        }
        let now = self.now();
        if let Some(record) = self.calls.get_mut(id) {
            record.last_seen = now;
            record.settle(now);
        }
        self.timers.cancel(&Timer::Shown(id));
        if consults {
            self.consult_shown(id);
        }
        true
    }

    /// The PBX had its time to show a call we made. Where nobody saw, because the link is down or the daemon was
    /// (`slept`), the comparison of lists will tell.
    pub(crate) fn shown_overdue(&mut self, id: CallId, slept: bool) {
        let Some(record) = self.calls.get(id) else { return };
        if self.is_linked(&record.call.pbx) && !slept {
            self.dial_over(id, LegEnd::Failed, None, "the PBX gave no sign of it");
        } else {
            self.timers.set(Timer::Shown(id), self.now() + ACTION_LIFE);
        }
    }

    /// The PBX says that a call of our making is over, or a supervisor did not come.
    pub(crate) fn dial_failed(&mut self, pbx: &PbxId, action: ActionId, end: LegEnd, cause: Option<Cause>) {
        if let Some(id) = self.calls.live_id(pbx, &reference(action)) {
            self.dial_over(id, end, cause, said(end));
        } else if !self.supervision_failed(action, said(end)) {
            self.counters.stale += 1;
        }
    }

    /// Ends a call of our making that came to nothing.
    pub(crate) fn dial_over(&mut self, id: CallId, end: LegEnd, cause: Option<Cause>, why: &str) {
        let Some(record) = self.calls.get_mut(id) else { return };
        let Some(dial) = record.control.dial.as_mut() else { return };
        dial.end = Some(end);
        let (command, consults) = (dial.command, dial.consults);
        let before = command.map(|command| self.carries(command));
        if consults {
            self.consult_came_to_nothing(id, why);
        } else {
            self.own_phone_failed(id, end, why);
        }
        self.finish_made(id, cause);
        if let Some(before) = before {
            self.carry_on(before);
        }
    }

    fn own_phone_failed(&mut self, id: CallId, end: LegEnd, why: &str) {
        let tries = self.calls.get(id).is_some_and(|record| record.callback.tries().is_some());
        let outcome = match end {
            // That the PBX does not do it is nothing that the agent did.
            LegEnd::Failed if tries => OfferOutcome::Withdrawn,
            LegEnd::NoAnswer => OfferOutcome::NoAnswer,
            LegEnd::Busy | LegEnd::Rejected => OfferOutcome::Declined,
            LegEnd::Unreachable | LegEnd::Failed => OfferOutcome::Unreachable,
            LegEnd::HungUp
            | LegEnd::Released
            | LegEnd::Cancelled
            | LegEnd::CallerLeft
            | LegEnd::Transferred => OfferOutcome::Withdrawn,
        };
        let Some(record) = self.calls.get(id) else { return };
        let agent = record.call.legs.first().and_then(|leg| leg.agent.clone());
        let up = record.parties.first().is_some_and(|party| party.up);
        self.end_offers(id, outcome);
        if let Some(agent) = agent.filter(|_| !up && !tries) {
            self.control_failed(id, &agent, "dial", why);
        }
    }

    fn finish_made(&mut self, id: CallId, cause: Option<Cause>) {
        let ending = crate::calls::disposition::Ending {
            by: None,
            q850: cause.as_ref().map(|cause| cause.q850),
            recovered: self.is_recovered(),
            lost: false,
        };
        self.finish(id, crate::calls::Finish { ending, cause, merged: None });
        // What the PBX still says of it is no second end.
        if let Some(record) = self.calls.known_mut(id) {
            record.lost = true;
        }
    }
}

impl CallRecord {
    /// It is this call-back's try from now on.
    fn be_try(&mut self, tried: Tried) -> Option<CallbackId> {
        let Tried { tie, queue, priority, customer } = tried;
        self.call.queue = Some(queue);
        self.call.priority = priority;
        if let Some(customer) = customer {
            self.call.customer = customer;
        }
        self.callback = tie;
        self.callback.tries()
    }
}

/// How the PBX is to call what this action makes.
pub(super) fn reference(action: ActionId) -> CallRef {
    CallRef::new(&format!("hs-{action}"))
}

/// How a leg's end is told to people.
const fn said(end: LegEnd) -> &'static str {
    match end {
        LegEnd::NoAnswer => "nobody answered",
        LegEnd::Busy => "the phone was busy",
        LegEnd::Rejected => "the phone refused",
        LegEnd::Unreachable => "the phone could not be reached",
        LegEnd::Failed => "it could not be put through",
        LegEnd::HungUp | LegEnd::Released | LegEnd::Cancelled | LegEnd::CallerLeft | LegEnd::Transferred => {
            "it was ended"
        }
    }
}
