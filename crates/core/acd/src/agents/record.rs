//! One agent as the engine keeps it, and the state that follows from it.

use std::collections::BTreeMap;

use hookswitch_model::{
    AgentId, CallId, LegId, OfferId, PbxId, Skill, Timestamp,
    agent::{Agent, AgentState, Device, DeviceState, NextState},
    setup::AgentSetup,
};
use serde::{Deserialize, Serialize};

use hookswitch_model::why::Unavailable;

use super::change::REMOVED;

/// What was asked for last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Base {
    /// Not working.
    LoggedOut,
    /// Working, takes no calls, and why.
    NotReady(Option<String>),
    /// Waits for calls.
    Ready,
}

/// What a leg of an agent is as evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LeaseKind {
    /// Just began to dial: no state yet (it may turn out to be click-to-dial), but no time for an offer.
    Dialling,
    /// Rings. The state rests on the offer, not on this.
    Ringing,
    /// Off the hook.
    Up,
    /// Off the hook and holding.
    Holding,
}

/// Evidence: a live leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    call: CallId,
    leg: LegId,
    kind: LeaseKind,
}

/// A reservation: an offer that is out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Reservation {
    call: CallId,
    offer: OfferId,
    until: Option<Timestamp>,
}

/// Time after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrapUp {
    /// Until when; none: until the agent asks for something else.
    pub(crate) until: Option<Timestamp>,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AgentRecord {
    /// The public object, state included, as told last.
    pub(crate) agent: Agent,
    /// Where the devices are.
    pub(crate) pbx: PbxId,
    /// What others dial.
    pub(crate) extension: Option<String>,
    /// What was asked for last.
    pub(crate) base: Base,
    /// Time after a call that runs, visible or not.
    pub(crate) wrap_up: Option<WrapUp>,
    leases: Vec<Lease>,
    reservations: Vec<Reservation>,
    /// What was remembered when the state was told last.
    told_next: Option<NextState>,
    /// What the distributor was told last; none: takes calls.
    pub(crate) away: Option<Unavailable>,
    /// The skills the configuration gave; those of [`Agent::skills`] may have been changed since.
    #[serde(default)]
    configured: Option<BTreeMap<Skill, u8>>,
}

/// A change that is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    /// Before.
    pub(crate) from: AgentState,
    /// After.
    pub(crate) to: AgentState,
}

/// A state with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct View {
    state: AgentState,
    evidence: Option<String>,
    until: Option<Timestamp>,
}

impl AgentRecord {
    /// An agent of the configuration at first sight: logged out.
    pub(crate) fn new(now: Timestamp, setup: &AgentSetup) -> Self {
        let agent = Agent {
            id: setup.id.clone(),
            name: setup.name.clone(),
            state: AgentState::LoggedOut,
            reason: None,
            since: now,
            until: None,
            next: None,
            devices: Vec::new(),
            queues: Vec::new(),
            skills: setup.skills.clone(),
            calls: Vec::new(),
            evidence: None,
        };
        let mut record = Self {
            agent,
            pbx: setup.pbx.clone(),
            extension: None,
            base: Base::LoggedOut,
            wrap_up: None,
            leases: Vec::new(),
            reservations: Vec::new(),
            told_next: None,
            away: Some(Unavailable::LoggedOut),
            configured: None,
        };
        record.configure(setup);
        record
    }

    /// The agent as told for the last time: configured no more.
    pub(crate) fn removed(&self, now: Timestamp) -> Agent {
        Agent {
            state: AgentState::LoggedOut,
            reason: Some(REMOVED.to_owned()),
            since: now,
            until: None,
            next: None,
            calls: Vec::new(),
            evidence: None,
            ..self.agent.clone()
        }
    }

    /// Takes what a configuration says; what is known of the devices is kept.
    pub(crate) fn configure(&mut self, setup: &AgentSetup) {
        let known = std::mem::take(&mut self.agent.devices);
        let state = |address: &_| {
            known.iter().find(|d| d.address == *address).map_or(DeviceState::Unknown, |d| d.state)
        };
        let devices =
            setup.devices.iter().map(|address| Device { address: address.clone(), state: state(address) });
        self.agent.devices = devices.collect();
        self.agent.name.clone_from(&setup.name);
        if self.configured.as_ref() != Some(&setup.skills) {
            self.agent.skills.clone_from(&setup.skills);
            self.configured = Some(setup.skills.clone());
        }
        self.pbx.clone_from(&setup.pbx);
        let default = || setup.devices.first()?.extension().map(str::to_owned);
        self.extension = setup.extension.clone().or_else(default);
    }

    /// Whom it is.
    pub(crate) const fn id(&self) -> &AgentId {
        &self.agent.id
    }

    /// Sets, changes or (none) ends what a leg is as evidence.
    pub(crate) fn lease(&mut self, call: CallId, leg: LegId, kind: Option<LeaseKind>) {
        let known = self.leases.iter().position(|lease| lease.leg == leg && lease.call == call);
        match (known, kind) {
            (Some(place), Some(kind)) => self.leases[place].kind = kind,
            (Some(place), None) => {
                self.leases.remove(place);
            }
            (None, Some(kind)) => self.leases.push(Lease { call, leg, kind }),
            (None, None) => {}
        }
    }

    /// An offer is out.
    pub(crate) fn reserve(&mut self, call: CallId, offer: OfferId, until: Option<Timestamp>) {
        self.reservations.retain(|r| r.offer != offer);
        self.reservations.push(Reservation { call, offer, until });
    }

    /// An offer is over.
    pub(crate) fn release(&mut self, offer: OfferId) {
        self.reservations.retain(|r| r.offer != offer);
    }

    /// The offers that are out.
    pub(crate) fn offers(&self) -> Vec<OfferId> {
        self.reservations.iter().map(|r| r.offer).collect()
    }

    /// Another live call of this agent with a leg off the hook: what a new call of theirs consults for.
    pub(crate) fn call_in_hand(&self, but: CallId) -> Option<CallId> {
        let live = self.leases.iter().rev().filter(|lease| lease.call != but);
        let held = live.clone().find(|lease| lease.kind == LeaseKind::Holding);
        held.or_else(|| live.clone().find(|lease| lease.kind == LeaseKind::Up)).map(|lease| lease.call)
    }

    /// On the telephone, or about to be.
    pub(crate) fn is_engaged(&self) -> bool {
        !self.leases.is_empty() || !self.reservations.is_empty()
    }

    /// In a state that rests on evidence.
    pub(crate) fn is_busy(&self) -> bool {
        is_busy(self.view().state)
    }

    fn view(&self) -> View {
        let of = |kind| self.leases.iter().find(|lease| lease.kind == kind);
        let leg = |lease: &Lease| Some(format!("leg {}", lease.leg));
        if let Some(lease) = of(LeaseKind::Up) {
            return View { state: AgentState::Talking, evidence: leg(lease), until: None };
        }
        if let Some(lease) = of(LeaseKind::Holding) {
            return View { state: AgentState::Holding, evidence: leg(lease), until: None };
        }
        if let Some(first) = self.reservations.first() {
            let evidence = Some(format!("offer {}", first.offer));
            return View { state: AgentState::Reserved, evidence, until: first.until };
        }
        if let Some(wrap_up) = self.wrap_up {
            return View { state: AgentState::WrapUp, evidence: None, until: wrap_up.until };
        }
        let state = match &self.base {
            Base::LoggedOut => AgentState::LoggedOut,
            Base::NotReady(_) => AgentState::NotReady,
            Base::Ready => AgentState::Ready,
        };
        View { state, evidence: None, until: None }
    }

    /// Takes what was asked for while it could not be had.
    fn take_next(&mut self) {
        if is_busy(self.view().state) {
            return;
        }
        let wraps = self.agent.next.as_ref().is_some_and(|next| next.state == AgentState::WrapUp);
        if self.base == Base::LoggedOut && !wraps {
            self.wrap_up = None;
        }
        if self.wrap_up.is_some() && !wraps {
            return;
        }
        if let Some(next) = self.agent.next.take() {
            self.take(next);
        }
    }

    /// Takes a state that was asked for, now. A busy state is not asked for: it changes nothing.
    pub(crate) fn take(&mut self, asked: NextState) {
        match asked.state {
            AgentState::LoggedOut => self.base = Base::LoggedOut,
            AgentState::NotReady => self.base = Base::NotReady(asked.reason),
            AgentState::Ready => self.base = Base::Ready,
            AgentState::WrapUp => {
                self.wrap_up = Some(WrapUp { until: None });
                return;
            }
            AgentState::Reserved | AgentState::Talking | AgentState::Holding => return,
        }
        self.wrap_up = None;
    }

    /// Brings the public object in line with the evidence. Returns a change that is to be told: of the state, of its
    /// reason, of its end, or of what is remembered. `audit` says why, where the base state does not.
    pub(crate) fn refresh(&mut self, now: Timestamp, audit: Option<&str>) -> Option<Change> {
        self.take_next();
        let view = self.view();
        let from = self.agent.state;
        let reason = match (&self.base, view.state) {
            (Base::NotReady(reason), AgentState::NotReady) => reason.clone(),
            _ if view.state == from => self.agent.reason.clone(),
            _ => audit.map(str::to_owned),
        };
        let told = from == view.state
            && self.agent.reason == reason
            && self.agent.next == self.told_next
            && (view.state != AgentState::WrapUp || self.agent.until == view.until);
        if from != view.state || self.agent.reason != reason {
            self.agent.since = now;
        }
        self.agent.state = view.state;
        self.agent.reason = reason;
        self.agent.evidence = view.evidence;
        self.agent.until = view.until;
        self.agent.calls = self.calls();
        self.told_next.clone_from(&self.agent.next);
        (!told).then_some(Change { from, to: view.state })
    }

    fn calls(&self) -> Vec<CallId> {
        let mut calls = Vec::new();
        for call in self.leases.iter().map(|l| l.call).chain(self.reservations.iter().map(|r| r.call)) {
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        calls
    }

    /// Why this agent takes no queue's call now; none when one may come. `linked`: the PBX can be told to ring.
    pub(crate) fn unavailable(&self, linked: bool) -> Option<Unavailable> {
        match self.agent.state {
            AgentState::LoggedOut => Some(Unavailable::LoggedOut),
            AgentState::NotReady => Some(Unavailable::NotReady { reason: self.agent.reason.clone() }),
            AgentState::Reserved => Some(Unavailable::Reserved),
            AgentState::Talking => Some(Unavailable::Talking),
            AgentState::Holding => Some(Unavailable::Holding),
            AgentState::WrapUp => Some(Unavailable::WrapUp { until: self.agent.until }),
            AgentState::Ready if !self.leases.is_empty() => Some(Unavailable::Talking),
            AgentState::Ready if !linked || self.reachable().next().is_none() => Some(Unavailable::Device),
            AgentState::Ready => None,
        }
    }

    /// The devices that may be rung.
    pub(crate) fn reachable(&self) -> impl Iterator<Item = &Device> {
        self.agent.devices.iter().filter(|device| device.state != DeviceState::Unavailable)
    }
}

/// A state that rests on evidence.
const fn is_busy(state: AgentState) -> bool {
    match state {
        AgentState::Reserved | AgentState::Talking | AgentState::Holding => true,
        AgentState::LoggedOut | AgentState::NotReady | AgentState::Ready | AgentState::WrapUp => false,
    }
}
