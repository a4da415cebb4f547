//! What an event is about, apart from what it says.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    AgentId, CallId, QueueId,
    call::{Call, LegRole, LegState},
    event::{Event, EventKind},
};

/// What the filters of subscribers look at: kept beside the bytes of an event, so that nobody parses an event to find
/// out whom it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The type's name in the contract: `call.offered`.
    pub type_name: Cow<'static, str>,
    /// The call it is about.
    pub call: Option<CallId>,
    /// The agents whose own call, pop or state it is: an agent's token reads calls by this. Ordered, each once.
    pub agents: Vec<AgentId>,
    /// The queue the call is in, or whose figures these are.
    pub queue: Option<QueueId>,
}

impl Event {
    /// What this event is about.
    #[must_use]
    pub fn meta(&self) -> Meta {
        let call = self.kind.call();
        // A pop is for one screen, whoever else is in the call.
        let for_one_screen =
            matches!(self.kind, EventKind::ScreenPop { .. } | EventKind::ScreenPopped { .. });
        let mut agents: Vec<AgentId> =
            call.filter(|_| !for_one_screen).map(Call::own_agents).unwrap_or_default();
        agents.extend(self.kind.named_agents().cloned());
        agents.sort_unstable();
        agents.dedup();
        Meta {
            type_name: Cow::Borrowed(self.kind.name()),
            call: call.map(|call| call.id),
            agents,
            queue: self.kind.queue().or(call.and_then(|call| call.queue.as_ref())).cloned(),
        }
    }
}

impl Call {
    /// The agents whose own call this is now: those with a leg in it that has not left.
    #[must_use]
    pub fn own_agents(&self) -> Vec<AgentId> {
        let live = self.legs.iter().filter(|leg| leg.state != LegState::Left);
        let mut agents: Vec<AgentId> = live.filter_map(|leg| leg.agent.clone()).collect();
        agents.sort_unstable();
        agents.dedup();
        agents
    }
}

impl EventKind {
    /// The agents this event itself names, beside those who are in the call: whom an offer was for, who just left,
    /// who handled the call that ended. Of a call that nobody handled, everybody it rang at; of a call that is over,
    /// everybody who had a leg.
    fn named_agents(&self) -> Box<dyn Iterator<Item = &AgentId> + '_> {
        match self {
            Self::CallOffered { offer, .. } | Self::CallOfferEnded { offer, .. } => {
                Box::new(std::iter::once(&offer.agent))
            }
            Self::CallAnswered { agent, .. } => Box::new(agent.iter().map(|agent| &agent.id)),
            Self::CallPartyLeft { call, leg, .. } => {
                Box::new(call.legs.iter().filter(|l| l.id == *leg).filter_map(|l| l.agent.as_ref()))
            }
            Self::CallTransferred { from_agent, to_agent, .. } => Box::new(from_agent.iter().chain(to_agent)),
            // Who began a consultation or an internal call is its customer, and handles nobody.
            Self::CallEnded { call, ledger } if !ledger.handled_by.is_empty() => {
                let customers = call.legs.iter().filter(|leg| leg.role == LegRole::Customer);
                Box::new(ledger.handled_by.iter().chain(customers.filter_map(|leg| leg.agent.as_ref())))
            }
            Self::CallEnded { call, .. } => Box::new(every_agent(call)),
            Self::CallData { call, .. } | Self::CallIdentified { call } if call.ended_at.is_some() => {
                Box::new(every_agent(call))
            }
            Self::ScreenPop { pop, .. } | Self::ScreenPopped { pop, .. } => {
                Box::new(std::iter::once(&pop.agent))
            }
            Self::AgentState { agent, .. } => Box::new(std::iter::once(&agent.id)),
            Self::CallControlFailed { agent, .. } => Box::new(std::iter::once(agent)),
            // Whose try it was: the legs of its call, which is over by then, and who is to be asked first.
            Self::CallbackRetry { call, callback } | Self::CallbackEnded { call, callback, .. } => {
                Box::new(call.iter().flat_map(|call| every_agent(call)).chain(&callback.agent))
            }
            Self::CallbackCreated { callback, .. } | Self::CallbackDialled { callback, .. } => {
                Box::new(callback.agent.iter())
            }
            Self::CallStarted { .. }
            | Self::CallIdentified { .. }
            | Self::CallData { .. }
            | Self::CallQueued { .. }
            | Self::CallHeld { .. }
            | Self::CallRetrieved { .. }
            | Self::CallPartyJoined { .. }
            | Self::CallConferenced { .. }
            | Self::QueueStats { .. }
            | Self::QueueAlert { .. }
            | Self::PbxLink { .. }
            | Self::ConfigApplied { .. }
            | Self::InvariantViolated { .. } => Box::new(std::iter::empty()),
        }
    }

    /// The queue this event itself names.
    fn queue(&self) -> Option<&QueueId> {
        match self {
            Self::CallQueued { queued, .. } => Some(&queued.queue),
            Self::CallOffered { offer, .. } | Self::CallOfferEnded { offer, .. } => offer.queue.as_ref(),
            Self::QueueStats { queue } | Self::QueueAlert { queue, .. } => Some(&queue.id),
            Self::CallbackCreated { callback, .. }
            | Self::CallbackDialled { callback, .. }
            | Self::CallbackRetry { callback, .. }
            | Self::CallbackEnded { callback, .. } => Some(&callback.queue),
            Self::CallStarted { .. }
            | Self::CallIdentified { .. }
            | Self::CallData { .. }
            | Self::CallAnswered { .. }
            | Self::CallHeld { .. }
            | Self::CallRetrieved { .. }
            | Self::CallPartyJoined { .. }
            | Self::CallPartyLeft { .. }
            | Self::CallTransferred { .. }
            | Self::CallConferenced { .. }
            | Self::CallEnded { .. }
            | Self::CallControlFailed { .. }
            | Self::ScreenPop { .. }
            | Self::ScreenPopped { .. }
            | Self::AgentState { .. }
            | Self::PbxLink { .. }
            | Self::ConfigApplied { .. }
            | Self::InvariantViolated { .. } => None,
        }
    }
}

fn every_agent(call: &Call) -> impl Iterator<Item = &AgentId> {
    call.legs.iter().filter_map(|leg| leg.agent.as_ref())
}
