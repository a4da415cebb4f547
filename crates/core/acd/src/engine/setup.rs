//! Configurations: the first, and those that take over while calls wait.

use std::{collections::BTreeSet, sync::Arc};

use hookswitch_model::{
    AgentId, CallId,
    agent::AgentState,
    event::EventKind,
    offer::OfferOutcome,
    setup::{AgentSetup, Setup},
};

use super::{Engine, Plan, plan::queues_of};
use crate::{
    agents::{AgentRecord, Base},
    calls::Place,
    routing::Router,
    timers::Timer,
};

impl Engine {
    /// Puts the agents into their first states, at the first input.
    pub(super) fn open(&mut self) {
        self.life.opened = true;
        let setup = Arc::clone(&self.setup);
        self.stats.of_zone(setup.timezone(), self.now());
        for queue in &setup.queues {
            self.stats.open(&queue.id);
        }
        self.configure_agents(&setup);
    }

    /// A configuration takes over. Waiting calls keep their places; those whose queue is gone go where the
    /// configuration sends them. One whose rules cannot be used changes nothing and is told: `check` would have refused
    /// it.
    ///
    /// The same configuration under the same version is not told again; whether somebody can be asked who a customer
    /// is may have changed all the same: the directory got its first contact.
    pub(super) fn apply(&mut self, setup: &Arc<Setup>) {
        if self.life.announced == Some(setup.version) && self.is_but_for_lookup(setup) {
            self.setup = Arc::clone(setup);
            self.route_who_waited_for_customers();
            return;
        }
        match Router::new(setup) {
            Ok(router) => self.router = router,
            Err(errors) => {
                let evidence = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                self.violated("configuration_is_valid", evidence, None);
                return;
            }
        }
        let now = self.now();
        self.setup = Arc::clone(setup);
        self.plan = Plan::new(setup);
        for pbx in &setup.pbxs {
            self.links.entry(pbx.name.clone()).or_default();
        }
        for queue in &setup.queues {
            self.stats.open(&queue.id);
        }
        self.stats.of_zone(setup.timezone(), now);
        let gone = self.distributor.apply(now, setup);
        self.configure_agents(setup);
        let previous = self.life.announced.replace(setup.version);
        self.emit(None, EventKind::ConfigApplied { version: setup.version, previous });
        for call in gone {
            self.move_on(call);
        }
        self.look_at_all_alerts();
        self.forget_queues(setup);
        self.line_up_callbacks();
        self.announce_as_configured();
        self.route_who_waited_for_customers();
    }

    /// Figures of queues that are configured no more end, once neither agents nor callers are in them.
    fn forget_queues(&mut self, setup: &Setup) {
        let known: BTreeSet<_> = setup.queues.iter().map(|queue| &queue.id).collect();
        let unknown: Vec<_> = self.stats.ids().filter(|queue| !known.contains(queue)).cloned().collect();
        for queue in &unknown {
            self.stats.close(queue);
        }
    }

    /// Whether a configuration is the one in force, but for who can be asked about customers.
    fn is_but_for_lookup(&self, setup: &Setup) -> bool {
        Setup { lookup: self.setup.lookup, ..setup.clone() } == *self.setup
    }

    /// A waiting call whose queue is gone. One that is being rung for goes on when nobody answers.
    fn move_on(&mut self, id: CallId) {
        let now = self.now();
        let Some(record) = self.calls.get(id) else { return };
        let since = record.waiting_since.unwrap_or(now);
        match (&record.place, record.visit.as_ref().map(|visit| visit.queue.clone())) {
            (Place::Waiting | Place::Refused, Some(from)) => {
                self.timers.cancel(&Timer::Retry(id));
                self.queue_gone(id, from, since);
            }
            (Place::Waiting | Place::Refused, None)
            | (Place::Elsewhere | Place::Ringing(_) | Place::Leaving { .. }, _) => {}
        }
    }

    /// Callers who wait for their customers to be known may be routed by other rules now, or wait in vain.
    fn route_who_waited_for_customers(&mut self) {
        let waiting = self.calls.live().filter(|record| record.unrouted.is_some());
        let waiting: Vec<CallId> = waiting.map(|record| record.call.id).collect();
        for call in waiting {
            self.route_at_last(call);
        }
    }

    fn configure_agents(&mut self, setup: &Setup) {
        let known: BTreeSet<&AgentId> = setup.agents.iter().map(|agent| &agent.id).collect();
        let gone: Vec<AgentId> =
            self.agents.iter().map(|r| r.id().clone()).filter(|id| !known.contains(id)).collect();
        for id in gone {
            self.dismiss(&id);
        }
        for agent in &setup.agents {
            self.configure_agent(setup, agent);
        }
        self.agents.index();
    }

    fn configure_agent(&mut self, setup: &Setup, agent: &AgentSetup) {
        let now = self.now();
        let queues = queues_of(setup, agent);
        let (new, mut record) = match self.agents.remove(&agent.id) {
            Some(mut record) => {
                record.configure(agent);
                (false, record)
            }
            None => (true, AgentRecord::new(now, agent)),
        };
        let state = record.agent.state;
        let before = std::mem::replace(&mut record.agent.queues, queues);
        for queue in before.iter().filter(|queue| !record.agent.queues.contains(queue)) {
            self.stats.agent_serves(&agent.id, queue, state, false);
        }
        for queue in record.agent.queues.iter().filter(|queue| !before.contains(queue)) {
            self.stats.agent_serves(&agent.id, queue, state, true);
        }
        if new && agent.start == AgentState::Ready {
            record.base = Base::Ready;
        }
        if record.agent.skills != agent.skills {
            self.distributor.set_skills(now, &agent.id, record.agent.skills.clone());
        }
        self.agents.insert(record);
        self.sync_agent(&agent.id, new.then_some("start"));
    }

    /// An agent is configured no more: offers are taken back; a conversation goes on without an agent. Told as logged out,
    /// so that no time is counted beyond that.
    fn dismiss(&mut self, id: &AgentId) {
        let offers = self.agents.get(id).map(AgentRecord::offers).unwrap_or_default();
        for offer in offers {
            if self.is_ours(offer) {
                self.withdraw(offer, OfferOutcome::Withdrawn);
            } else {
                self.end_offer(offer, OfferOutcome::Withdrawn);
            }
        }
        let Some(record) = self.agents.remove(id) else { return };
        self.timers.cancel(&Timer::WrapUp(id.clone()));
        for queue in &record.agent.queues {
            self.stats.agent_serves(id, queue, record.agent.state, false);
        }
        self.stats.agent_gone(id);
        let from = record.agent.state;
        let agent = Box::new(record.removed(self.now()));
        self.emit(Some(record.pbx), EventKind::AgentState { agent, from, to: AgentState::LoggedOut });
    }
}
