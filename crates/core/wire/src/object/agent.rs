//! The agent object.

use std::{borrow::Cow, collections::BTreeMap};

use hookswitch_model::{self as model, AgentId, CallId, QueueId, Skill};
use serde::{Deserialize, Serialize};

use super::{Text, borrowed};
use crate::{time::Time, words};

/// An agent, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent<'a> {
    /// The configuration's id.
    pub id: AgentId,
    /// What to show.
    pub name: Text<'a>,
    /// `logged_out`, `not_ready`, `ready`, `reserved`, `talking`, `holding`, `wrap_up`.
    pub state: Text<'a>,
    /// Why.
    pub reason: Option<Text<'a>>,
    /// Since when.
    pub since: Time,
    /// The state asked for while it could not be taken.
    pub next: Option<Next<'a>>,
    /// The devices.
    pub devices: Vec<Device<'a>>,
    /// The queues the agent serves.
    pub queues: Cow<'a, [QueueId]>,
    /// Skill levels, 1 to 10.
    pub skills: Cow<'a, BTreeMap<Skill, u8>>,
    /// Live calls the agent is part of.
    pub calls: Cow<'a, [CallId]>,
    /// What a busy state rests on: `leg …`, `offer …`.
    pub evidence: Option<Text<'a>>,
    /// What the agent did of late: in lists and in the agent asked for, not in events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<AgentFigures>,
}

/// What an agent did of late.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AgentFigures {
    /// Since midnight.
    pub today: Work,
    /// Since the agent logged in; null for one who is logged out.
    pub since_login: Option<Work>,
    /// When that was.
    pub logged_in_at: Option<Time>,
}

/// How many calls and how long in which state, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Calls in which the agent talked to the customer and which are over.
    pub handled: u64,
    /// Share of the time for calls that was spent with calls, 0 to 1.
    pub occupancy: Option<f64>,
    /// Ready.
    pub ready_ms: u64,
    /// Not ready.
    pub not_ready_ms: u64,
    /// Being rung.
    pub reserved_ms: u64,
    /// Talking.
    pub talking_ms: u64,
    /// Holding.
    pub holding_ms: u64,
    /// After calls.
    pub wrap_up_ms: u64,
}

impl From<model::agent::Work> for Work {
    fn from(work: model::agent::Work) -> Self {
        Self {
            handled: work.handled,
            occupancy: work.occupancy(),
            ready_ms: work.ready_ms,
            not_ready_ms: work.not_ready_ms,
            reserved_ms: work.reserved_ms,
            talking_ms: work.talking_ms,
            holding_ms: work.holding_ms,
            wrap_up_ms: work.wrap_up_ms,
        }
    }
}

impl Agent<'_> {
    /// The same with what the agent did of late.
    #[must_use]
    pub fn with(mut self, figures: model::agent::Figures) -> Self {
        self.figures = Some(AgentFigures {
            today: figures.today.into(),
            since_login: figures.since_login.map(Work::from),
            logged_in_at: figures.logged_in_at.map(Time::from),
        });
        self
    }
}

/// A state remembered for after the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next<'a> {
    /// The state asked for.
    pub state: Text<'a>,
    /// Its reason.
    pub reason: Option<Text<'a>>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device<'a> {
    /// What the PBX rings.
    pub address: Text<'a>,
    /// `unknown`, `idle`, `ringing`, `in_use`, `unavailable`.
    pub state: Text<'a>,
}

impl<'a> From<&'a model::agent::Agent> for Agent<'a> {
    fn from(agent: &'a model::agent::Agent) -> Self {
        Self {
            id: agent.id.clone(),
            name: agent.name.as_str().into(),
            state: words::agent_state(agent.state).into(),
            reason: borrowed(&agent.reason),
            since: agent.since.into(),
            next: agent.next.as_ref().map(|next| Next {
                state: words::agent_state(next.state).into(),
                reason: borrowed(&next.reason),
            }),
            devices: agent.devices.iter().map(Device::from).collect(),
            queues: Cow::Borrowed(&agent.queues),
            skills: Cow::Borrowed(&agent.skills),
            calls: Cow::Borrowed(&agent.calls),
            evidence: borrowed(&agent.evidence),
            figures: None,
        }
    }
}

impl<'a> From<&'a model::agent::Device> for Device<'a> {
    fn from(device: &'a model::agent::Device) -> Self {
        Self { address: device.address.as_str().into(), state: words::device_state(device.state).into() }
    }
}
