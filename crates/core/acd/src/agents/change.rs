//! What follows for an agent when its evidence changes: the event, the distributor, the queues' figures.

use hookswitch_model::{
    AgentId, CallId, LegId, Millis, PbxId, agent::DeviceState, call::Address, event::EventKind,
};

use super::{Base, Change, record::WrapUp};
use crate::{engine::Engine, timers::Timer};

/// The reason of an agent whose offer was not answered.
pub(crate) const NO_ANSWER: &str = "no_answer";
/// The reason of an agent whose devices could not be reached. It goes by itself when one is seen again.
pub(crate) const UNREACHABLE: &str = "unreachable";
/// The reason of an agent who is configured no more.
pub(super) const REMOVED: &str = "removed";
/// The audit line of an agent released because a call was given up.
pub(crate) const EVIDENCE_GONE: &str = "evidence_gone";

impl Engine {
    /// Brings an agent's state in line with its evidence, tells the change, and the distributor.
    pub(crate) fn sync_agent(&mut self, id: &AgentId, audit: Option<&str>) {
        let now = self.now();
        let Some(record) = self.agents.get_mut(id) else { return };
        let change = record.refresh(now, audit);
        match record.wrap_up.and_then(|wrap_up| wrap_up.until) {
            Some(until) => self.timers.set(Timer::WrapUp(id.clone()), until),
            None => self.timers.cancel(&Timer::WrapUp(id.clone())),
        }
        if let Some(Change { from, to }) = change {
            let agent = Box::new(record.agent.clone());
            let pbx = record.pbx.clone();
            if from != to {
                self.stats.agent_moved(id, &agent.queues, (from, to), now);
            }
            self.emit(Some(pbx), EventKind::AgentState { agent, from, to });
        }
        self.sync_availability(id);
    }

    /// Tells the distributor whether the agent takes calls, where that changed.
    pub(crate) fn sync_availability(&mut self, id: &AgentId) {
        let now = self.now();
        let Some(record) = self.agents.get_mut(id) else { return };
        let linked = self.links.get(&record.pbx).is_some_and(crate::engine::Link::is_up);
        let away = record.unavailable(linked);
        if away == record.away {
            return;
        }
        record.away.clone_from(&away);
        match away {
            Some(why) => self.distributor.agent_unavailable(now, id, why),
            None => self.distributor.agent_ready(now, id),
        }
    }

    /// Brings the evidence of every agent in a call in line with its legs.
    pub(crate) fn sync_call_agents(&mut self, call: CallId, audit: Option<&str>) {
        let Some(record) = self.calls.known(call) else { return };
        let legs = record.call.legs.iter().enumerate();
        let leases: Vec<(AgentId, LegId, _)> =
            legs.filter_map(|(place, leg)| Some((leg.agent.clone()?, leg.id, record.lease(place)))).collect();
        let mut agents: Vec<AgentId> = Vec::new();
        for (agent, leg, kind) in leases {
            if let Some(record) = self.agents.get_mut(&agent) {
                record.lease(call, leg, kind);
            }
            if !agents.contains(&agent) {
                agents.push(agent);
            }
        }
        for agent in agents {
            self.sync_agent(&agent, audit);
        }
    }

    /// An agent's leg left a call in which it talked to the customer: the call counts, and wrap-up begins.
    pub(crate) fn agent_finished(&mut self, call: CallId, place: usize) {
        let now = self.now();
        let Some(record) = self.calls.known(call) else { return };
        let (Some(leg), Some(party)) = (record.call.legs.get(place), record.parties.get(place)) else {
            return;
        };
        let (Some(agent), Some(joined_at)) = (&leg.agent, party.joined_at) else { return };
        let queue = record.call.queue.as_ref().and_then(|queue| self.plan.queue(&self.setup, queue));
        let wrap_up = queue.map_or(Millis(0), |queue| queue.wrap_up);
        let agent = agent.clone();
        self.distributor.agent_took_call(now, &agent, now.since(joined_at));
        let Some(record) = self.agents.get_mut(&agent) else { return };
        if wrap_up > Millis(0) && record.base != Base::LoggedOut {
            record.wrap_up = Some(WrapUp { until: Some(now + wrap_up) });
        }
    }

    /// Time after a call is over.
    pub(crate) fn wrap_up_over(&mut self, id: &AgentId) {
        if let Some(record) = self.agents.get_mut(id) {
            record.wrap_up = None;
        }
        self.sync_agent(id, None);
    }

    /// The agent did not take a queue's offer: no more calls until somebody says so.
    pub(crate) fn take_off_duty(&mut self, id: &AgentId, reason: &str) {
        if let Some(record) = self.agents.get_mut(id)
            && record.base == Base::Ready
        {
            record.base = Base::NotReady(Some(reason.to_owned()));
        }
    }

    /// The PBX knows something new of a device.
    pub(crate) fn device_changed(&mut self, pbx: &PbxId, address: &Address, state: DeviceState) {
        let Some(id) = self.agents.by_device(pbx, address).cloned() else { return };
        let Some(record) = self.agents.get_mut(&id) else { return };
        for device in record.agent.devices.iter_mut().filter(|d| d.address == *address) {
            device.state = state;
        }
        let back = match state {
            DeviceState::Idle | DeviceState::Ringing | DeviceState::InUse => true,
            DeviceState::Unknown | DeviceState::Unavailable => false,
        };
        if back && record.base == Base::NotReady(Some(UNREACHABLE.to_owned())) {
            record.base = Base::Ready;
        }
        self.sync_agent(&id, None);
        if state == DeviceState::Unavailable {
            self.probe_device(pbx, address);
        }
    }
}
