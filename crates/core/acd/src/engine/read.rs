//! Read access: lists, what a normaliser starts from, and why.

use hookswitch_model::{
    AgentId, CallId, CallbackId, PbxId, QueueId, Timestamp,
    agent::{Agent, Figures},
    call::{Call, LegState, MatchKind},
    callback::Callback,
    pbx::{KnownCall, KnownLeg},
    queue::Queue,
    setup::{RouteTarget, Setup},
    why::{Explained, Why, WhyIdle},
};

use super::{Counters, Engine, LinkStatus};
use crate::{
    callbacks::entry,
    calls::{CallRecord, Place},
    distribution::{Claimant, Waiting},
};

impl Engine {
    /// The configuration in force.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Live calls, oldest first.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.live().map(|record| &record.call)
    }

    /// Calls, live or lately ended, of which nobody has said yet who the customer is.
    pub fn unidentified(&self) -> impl Iterator<Item = &Call> {
        self.calls.all().map(|record| &record.call).filter(|call| call.customer.kind == MatchKind::Pending)
    }

    /// A call, live or lately ended.
    #[must_use]
    pub fn call(&self, id: CallId) -> Option<&Call> {
        self.calls.known(id).map(|record| &record.call)
    }

    /// The agents, by id.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agents.iter().map(|record| &record.agent)
    }

    /// An agent.
    #[must_use]
    pub fn agent(&self, id: &AgentId) -> Option<&Agent> {
        self.agents.get(id).map(|record| &record.agent)
    }

    /// The queues' figures at this time.
    pub fn queues(&self, now: Timestamp) -> impl Iterator<Item = Queue> {
        self.stats.ids().filter_map(move |id| self.queue_now(id, now))
    }

    /// A queue's figures at this time.
    #[must_use]
    pub fn queue(&self, id: &QueueId, now: Timestamp) -> Option<Queue> {
        self.queue_now(id, now)
    }

    /// What an agent did of late, at this time.
    #[must_use]
    pub fn figures(&self, id: &AgentId, now: Timestamp) -> Figures {
        self.stats.agent(id, now)
    }

    /// The call-backs, those that are not over first, oldest first; the last that are over follow.
    pub fn callbacks(&self) -> impl Iterator<Item = &Callback> {
        self.callbacks.iter()
    }

    /// A call-back, not over or lately so.
    #[must_use]
    pub fn callback(&self, id: CallbackId) -> Option<&Callback> {
        self.callbacks.known(id)
    }

    /// A call-back's place in line, from 1; none: it is not in line.
    #[must_use]
    pub fn callback_position(&self, id: CallbackId) -> Option<u32> {
        self.distributor.position(entry(id))
    }

    /// The links to the PBXs.
    pub fn links(&self) -> impl Iterator<Item = LinkStatus> {
        self.links.iter().map(|(pbx, link)| LinkStatus::of(pbx, link))
    }

    /// What was passed over.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// What is believed of a PBX's live calls: the normaliser compares the PBX's lists with it.
    #[must_use]
    pub fn known_calls(&self, pbx: &PbxId) -> Vec<KnownCall> {
        // What the PBX has not shown yet is not compared with what it lists: it shows it then, or never.
        let shown = |record: &&CallRecord| record.control.dial.as_ref().is_none_or(|dial| dial.shown);
        let of_pbx = self.calls.live().filter(|record| record.call.pbx == *pbx).filter(shown);
        of_pbx
            .map(|record| {
                let legs = record.call.legs.iter().zip(&record.parties);
                let live = legs.filter(|(leg, _)| leg.state != LegState::Left);
                KnownCall {
                    call: record.call.pbx_ref.clone(),
                    direction: record.call.direction,
                    routed: record.place != Place::Elsewhere,
                    legs: live
                        .map(|(leg, party)| KnownLeg {
                            leg: party.leg_ref.clone(),
                            address: leg.address.clone(),
                            role: leg.role,
                            state: leg.state,
                        })
                        .collect(),
                }
            })
            .collect()
    }

    /// Why a call, live or lately ended, went where it went.
    #[must_use]
    pub fn why(&self, id: CallId) -> Option<&Why> {
        self.calls.known(id).map(|record| &record.why)
    }

    /// Why an agent has no call: what keeps the calls of each of the agent's queues away.
    #[must_use]
    pub fn why_idle(&self, id: &AgentId, now: Timestamp) -> Option<WhyIdle> {
        let record = self.agents.get(id)?;
        Some(WhyIdle {
            agent: id.clone(),
            config_version: self.setup.version,
            unavailable: record.away.clone(),
            queues: self.distributor.waiting_for(now, id),
        })
    }

    /// How this imaginary call would be routed now.
    #[must_use]
    pub fn explain(&self, call: &Call, now: Timestamp) -> Explained {
        let routed = self.router.route(now, call);
        let queue = match &routed.target {
            Some(RouteTarget::Queue(queue)) => {
                let waiting = Waiting {
                    queue: queue.clone(),
                    priority: routed.priority,
                    enqueued_at: now,
                    requires: routed.requires.clone(),
                    sticky: self.sticky_agent(now, call, queue),
                    prefer: routed.prefer.clone(),
                    claimant: Claimant::Caller,
                };
                self.distributor.explain(now, &waiting)
            }
            Some(
                RouteTarget::Agent(_)
                | RouteTarget::Transfer(_)
                | RouteTarget::Menu(_)
                | RouteTarget::Hangup
                | RouteTarget::Reject(_),
            )
            | None => None,
        };
        Explained { at: now, config_version: self.setup.version, routed, queue }
    }
}
