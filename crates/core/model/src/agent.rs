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

/// What an agent did in a time: how long in which state, in milliseconds, and how many calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Work {
    /// Calls in which the agent talked to the customer, each when it is over.
    pub handled: u64,
    /// Ready.
    pub ready_ms: u64,
    /// Not ready.
    pub not_ready_ms: u64,
    /// Reserved: being rung.
    pub reserved_ms: u64,
    /// Talking.
    pub talking_ms: u64,
    /// Holding.
    pub holding_ms: u64,
    /// Time after calls.
    pub wrap_up_ms: u64,
}

impl Work {
    /// Adds time in a state. Time logged out is no work.
    pub const fn spend(&mut self, state: AgentState, span: crate::Millis) {
        let sum = match state {
            AgentState::LoggedOut => return,
            AgentState::NotReady => &mut self.not_ready_ms,
            AgentState::Ready => &mut self.ready_ms,
            AgentState::Reserved => &mut self.reserved_ms,
            AgentState::Talking => &mut self.talking_ms,
            AgentState::Holding => &mut self.holding_ms,
            AgentState::WrapUp => &mut self.wrap_up_ms,
        };
        *sum = sum.saturating_add(span.0);
    }

    /// Adds up.
    pub const fn add(&mut self, other: &Self) {
        self.handled += other.handled;
        self.ready_ms += other.ready_ms;
        self.not_ready_ms += other.not_ready_ms;
        self.reserved_ms += other.reserved_ms;
        self.talking_ms += other.talking_ms;
        self.holding_ms += other.holding_ms;
        self.wrap_up_ms += other.wrap_up_ms;
    }

    /// All of the time logged in.
    #[must_use]
    pub const fn logged_in_ms(&self) -> u64 {
        self.not_ready_ms + self.ready_ms + self.reserved_ms + self.busy_ms()
    }

    /// Talking, holding and time after calls.
    #[must_use]
    pub const fn busy_ms(&self) -> u64 {
        self.talking_ms + self.holding_ms + self.wrap_up_ms
    }

    /// The share of the time at work with calls, 0 to 1: [`busy_ms`](Self::busy_ms) of that and the time ready or being
    /// rung; none before there was any. Four places.
    #[must_use]
    pub fn occupancy(&self) -> Option<f64> {
        let whole = self.busy_ms() + self.ready_ms + self.reserved_ms;
        (whole > 0).then(|| crate::share(self.busy_ms(), whole))
    }
}

/// An agent's work of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Of the day: since the midnight of the configured time zone.
    pub today: Work,
    /// Since the agent logged in; none of one who is logged out.
    pub since_login: Option<Work>,
    /// When that was.
    pub logged_in_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Millis;

    #[test]
    fn occupancy_is_work_with_calls_of_the_time_there_was_for_calls() {
        let mut work = Work::default();
        assert_eq!(work.occupancy(), None);
        for (state, secs) in [
            (AgentState::LoggedOut, 1_000),
            (AgentState::NotReady, 500),
            (AgentState::Ready, 30),
            (AgentState::Reserved, 10),
            (AgentState::Talking, 30),
            (AgentState::Holding, 10),
            (AgentState::WrapUp, 20),
        ] {
            work.spend(state, Millis::from_secs(secs));
        }
        assert_eq!(work.logged_in_ms(), 600_000);
        assert_eq!(work.occupancy(), Some(0.6), "60 of 100 s; the break does not count");
    }
}
