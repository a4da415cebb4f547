//! What the engine says happened: journalled, published, counted.

use serde::{Deserialize, Serialize};

use crate::{
    ActionId, AgentId, CallId, EventId, LegId, PbxId, PopId, QueueId, Skill, Timestamp,
    agent::{Agent, AgentState},
    alert::Alert,
    call::{AttachedData, Call, MatchKind},
    callback::{Callback, CallbackOutcome},
    ledger::Ledger,
    offer::Offer,
    pbx::TransferKind,
    queue::Queue,
};

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Unique, stable over redelivery.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// The PBX it comes from; none: Hookswitch itself.
    pub pbx: Option<PbxId>,
    /// Reconstructed after a lost link.
    pub recovered: bool,
    /// The command of a client it carries out.
    pub action: Option<ActionId>,
    /// What.
    pub kind: EventKind,
}

/// The parts of `call.queued`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Queued {
    /// The queue.
    pub queue: QueueId,
    /// Place in it, from 1.
    pub position: u32,
    /// Seconds until an answer, as estimated now.
    pub estimated_wait_s: Option<u64>,
    /// The skills asked for now.
    pub requires: std::collections::BTreeMap<Skill, u8>,
    /// Higher is served first.
    pub priority: i32,
    /// The routing rule that matched.
    pub rule: Option<String>,
}

/// An order to an agent's screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pop {
    /// Our id: the claim goes by it.
    pub id: PopId,
    /// Whose screen.
    pub agent: AgentId,
    /// How the customer was matched: decides which template makes the URL.
    pub kind: MatchKind,
    /// Not to be shown after this.
    pub expires_at: Timestamp,
}

/// The state of a PBX link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Connected, listed.
    Up,
    /// Lost.
    Down,
    /// Back, listed, compared.
    Resynchronised,
}

/// What was not seen while a link was down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// From.
    pub from: Timestamp,
    /// Until.
    pub to: Timestamp,
    /// Calls that the comparison of lists changed.
    pub recovered_calls: u32,
}

/// What happened. The variants are the event types of the contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant and field is documented in the table of the public contract")]
pub enum EventKind {
    CallStarted {
        call: Box<Call>,
    },
    CallIdentified {
        call: Box<Call>,
    },
    CallData {
        call: Box<Call>,
        changed: AttachedData,
        by: String,
    },
    CallQueued {
        call: Box<Call>,
        queued: Queued,
    },
    CallOffered {
        call: Box<Call>,
        offer: Offer,
    },
    CallOfferEnded {
        call: Box<Call>,
        offer: Offer,
    },
    CallAnswered {
        call: Box<Call>,
        agent: Option<Box<Agent>>,
        leg: LegId,
    },
    CallHeld {
        call: Box<Call>,
        leg: LegId,
        by: String,
    },
    CallRetrieved {
        call: Box<Call>,
        leg: LegId,
        by: String,
    },
    CallPartyJoined {
        call: Box<Call>,
        leg: LegId,
        role: crate::call::LegRole,
    },
    CallPartyLeft {
        call: Box<Call>,
        leg: LegId,
        role: crate::call::LegRole,
    },
    CallTransferred {
        call: Box<Call>,
        kind: TransferKind,
        from_agent: Option<AgentId>,
        to_agent: Option<AgentId>,
        /// The target: an agent's extension, a number, a queue.
        to: Option<String>,
        consult_call: Option<CallId>,
    },
    CallConferenced {
        call: Box<Call>,
        legs: Vec<LegId>,
    },
    CallEnded {
        call: Box<Call>,
        ledger: Box<Ledger>,
    },
    /// What was asked for and taken did not come about: the sequel of a command that was answered already.
    CallControlFailed {
        call: Box<Call>,
        /// Whose leg.
        agent: AgentId,
        /// What was asked for: `transfer`, `consult/complete`, `dial`, `supervise`.
        verb: String,
        /// Why, for people.
        reason: String,
    },
    ScreenPop {
        call: Box<Call>,
        pop: Pop,
    },
    ScreenPopped {
        call: Box<Call>,
        pop: Pop,
        client: Option<String>,
        ring_to_pop_ms: u64,
    },
    AgentState {
        agent: Box<Agent>,
        from: AgentState,
        to: AgentState,
    },
    QueueStats {
        queue: Box<Queue>,
    },
    QueueAlert {
        queue: Box<Queue>,
        alert: Alert,
        /// It begins; else it is over.
        raised: bool,
    },
    /// `call` is the one it comes from.
    CallbackCreated {
        callback: Box<Callback>,
        call: Option<Box<Call>>,
    },
    /// `call` is the try: it begins with the next event.
    CallbackDialled {
        callback: Box<Callback>,
        call: Box<Call>,
    },
    /// The try did not reach the customer, and another will follow.
    CallbackRetry {
        callback: Box<Callback>,
        call: Option<Box<Call>>,
    },
    CallbackEnded {
        callback: Box<Callback>,
        call: Option<Box<Call>>,
        outcome: CallbackOutcome,
        /// Who took it back, by name.
        by: Option<String>,
    },
    PbxLink {
        pbx: PbxId,
        state: LinkState,
        gap: Option<Gap>,
    },
    ConfigApplied {
        version: u64,
        previous: Option<u64>,
    },
    InvariantViolated {
        rule: String,
        evidence: String,
        call: Option<Box<Call>>,
    },
}

impl EventKind {
    /// The type's name in the contract: `call.offered`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CallStarted { .. } => "call.started",
            Self::CallIdentified { .. } => "call.identified",
            Self::CallData { .. } => "call.data",
            Self::CallQueued { .. } => "call.queued",
            Self::CallOffered { .. } => "call.offered",
            Self::CallOfferEnded { .. } => "call.offer_ended",
            Self::CallAnswered { .. } => "call.answered",
            Self::CallHeld { .. } => "call.held",
            Self::CallRetrieved { .. } => "call.retrieved",
            Self::CallPartyJoined { .. } => "call.party_joined",
            Self::CallPartyLeft { .. } => "call.party_left",
            Self::CallTransferred { .. } => "call.transferred",
            Self::CallConferenced { .. } => "call.conferenced",
            Self::CallEnded { .. } => "call.ended",
            Self::CallControlFailed { .. } => "call.control_failed",
            Self::ScreenPop { .. } => "screen.pop",
            Self::ScreenPopped { .. } => "screen.popped",
            Self::AgentState { .. } => "agent.state",
            Self::QueueStats { .. } => "queue.stats",
            Self::QueueAlert { .. } => "queue.alert",
            Self::CallbackCreated { .. } => "callback.created",
            Self::CallbackDialled { .. } => "callback.dialled",
            Self::CallbackRetry { .. } => "callback.retry",
            Self::CallbackEnded { .. } => "callback.ended",
            Self::PbxLink { .. } => "pbx.link",
            Self::ConfigApplied { .. } => "config.applied",
            Self::InvariantViolated { .. } => "invariant.violated",
        }
    }

    /// The call the event is about, if any.
    #[must_use]
    pub fn call(&self) -> Option<&Call> {
        match self {
            Self::CallStarted { call }
            | Self::CallIdentified { call }
            | Self::CallData { call, .. }
            | Self::CallQueued { call, .. }
            | Self::CallOffered { call, .. }
            | Self::CallOfferEnded { call, .. }
            | Self::CallAnswered { call, .. }
            | Self::CallHeld { call, .. }
            | Self::CallRetrieved { call, .. }
            | Self::CallPartyJoined { call, .. }
            | Self::CallPartyLeft { call, .. }
            | Self::CallTransferred { call, .. }
            | Self::CallConferenced { call, .. }
            | Self::CallEnded { call, .. }
            | Self::CallControlFailed { call, .. }
            | Self::ScreenPop { call, .. }
            | Self::CallbackDialled { call, .. }
            | Self::ScreenPopped { call, .. } => Some(call),
            Self::CallbackCreated { call, .. }
            | Self::CallbackRetry { call, .. }
            | Self::CallbackEnded { call, .. }
            | Self::InvariantViolated { call, .. } => call.as_deref(),
            Self::AgentState { .. }
            | Self::QueueStats { .. }
            | Self::QueueAlert { .. }
            | Self::PbxLink { .. }
            | Self::ConfigApplied { .. } => None,
        }
    }
}
