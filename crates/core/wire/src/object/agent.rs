//! The agent object.

use std::{borrow::Cow, collections::BTreeMap};

use hookswitch_model::{self as model, AgentId, CallId, QueueId, Skill};
use serde::{Deserialize, Serialize};

use super::{Text, borrowed};
use crate::{time::Time, words};

/// An agent, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
        }
    }
}

impl<'a> From<&'a model::agent::Device> for Device<'a> {
    fn from(device: &'a model::agent::Device) -> Self {
        Self { address: device.address.as_str().into(), state: words::device_state(device.state).into() }
    }
}
