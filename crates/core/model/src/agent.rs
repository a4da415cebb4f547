//! An agent: state, evidence, devices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{AgentId, CallId, QueueId, Skill, Timestamp, call::Address};

/// The states of an agent. `Reserved`, `Talking` and `Holding` are leases on live evidence ([`Agent::evidence`]).
///
/// ```text
/// logged_out ⇄ not_ready ⇄ ready → reserved → talking ⇄ holding
///                  ↑          ↑        │          │
///                  │          └────────┤          ↓
///                  └── no answer ──────┘      wrap_up → ready | what was asked for while talking
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Not working.
    LoggedOut,
    /// Working, takes no calls; has a reason.
    NotReady,
    /// Waits for a call.
    Ready,
    /// An offer is out.
    Reserved,
    /// On a call.
    Talking,
    /// On a call, holding the other side.
    Holding,
    /// After a call.
    WrapUp,
}

impl AgentState {
    /// The name of the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::NotReady => "not_ready",
            Self::Ready => "ready",
            Self::Reserved => "reserved",
            Self::Talking => "talking",
            Self::Holding => "holding",
            Self::WrapUp => "wrap_up",
        }
    }
}

/// What the PBX knows of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Nothing was heard of it yet; it is tried.
    #[default]
    Unknown,
    /// Registered and free.
    Idle,
    /// Rings.
    Ringing,
    /// In use.
    InUse,
    /// Not registered or not reachable: it is not tried.
    Unavailable,
}

/// One device of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// What the PBX rings.
    pub address: Address,
    /// What the PBX knows of it.
    pub state: DeviceState,
}

/// A state asked for while it could not be taken: remembered, taken when the call (and wrap-up) is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextState {
    /// The state asked for.
    pub state: AgentState,
    /// Its reason.
    pub reason: Option<String>,
}

/// An agent, whole, as `agent.state` carries it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// The configuration's id.
    pub id: AgentId,
    /// What to show.
    pub name: String,
    /// Where the agent stands.
    pub state: AgentState,
    /// Why: `no_answer`, `lunch`, …
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// When the state ends by itself (wrap-up, an offer), if it does.
    pub until: Option<Timestamp>,
    /// Remembered for after the call.
    pub next: Option<NextState>,
    /// The devices, with what the PBX knows of them.
    pub devices: Vec<Device>,
    /// The queues the agent serves.
    pub queues: Vec<QueueId>,
    /// Skill levels, 1 to 10.
    pub skills: BTreeMap<Skill, u8>,
    /// Live calls the agent is part of.
    pub calls: Vec<CallId>,
    /// What a busy state rests on: `leg …`, `offer …`.
    pub evidence: Option<String>,
}
