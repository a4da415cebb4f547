//! The ledger of a call: what `call.ended` books.

use serde::{Deserialize, Serialize};

use crate::{AgentId, CallId, QueueId, Timestamp};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Customer and somebody talked.
    Answered,
    /// The caller left while in a queue.
    Abandoned,
    /// Rang outside a queue, nobody answered.
    Missed,
    /// The called party was busy (486).
    Busy,
    /// The called party refused (603).
    Rejected,
    /// It could not be put through.
    Failed,
    /// A consultation that became part of another call.
    Merged,
    /// The PBX never said how it ended.
    Lost,
}

/// Who ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The customer's side hung up.
    Customer,
    /// An agent, or the far end that was reached, hung up.
    Agent,
    /// PBX or Hookswitch.
    System,
}

/// Why a leg or call ended, ITU-T Q.850.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The cause value, 1 to 127; 0 when the PBX gave none.
    pub q850: u16,
    /// The PBX's text, or the standard's.
    pub text: String,
}

/// Who owned the call in a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// It waited in a queue.
    Queue(QueueId),
    /// An agent talked (or held).
    Agent(AgentId),
    /// An outside party, by number or address.
    External(String),
    /// The PBX itself: IVR, ringing outside a queue, voicemail, parking.
    System(String),
}

/// A span of a call under one owner. Segments do not overlap and add up to the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Who owned it.
    pub owner: Owner,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// How it came there: `inbound`, `queued`, `answered`, `blind`, `attended`, `conference`, `voicemail`, …
    pub how: String,
}

/// Notes an agent left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrapUp {
    /// The agent's disposition code.
    pub disposition: Option<String>,
    /// Free text.
    pub notes: Option<String>,
}

/// What a finished call carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// How it ended.
    pub disposition: Disposition,
    /// Who ended it.
    pub ended_by: EndedBy,
    /// Why, as the PBX says.
    pub cause: Option<Cause>,
    /// Who owned it when; adds up to the call.
    pub segments: Vec<Segment>,
    /// Agents who talked to the customer, in order of joining.
    pub handled_by: Vec<AgentId>,
    /// The agent who was with the customer last.
    pub resolved_by: Option<AgentId>,
    /// From the first queueing (outside a queue: from the start) to the answer or the end.
    pub wait_ms: u64,
    /// Time the customer talked, our holds left out.
    pub talk_ms: u64,
    /// Time our side held the customer.
    pub hold_ms: u64,
    /// The call this one became part of.
    pub merged_into: Option<CallId>,
    /// The call this one is a consultation of.
    pub consult_of: Option<CallId>,
    /// Disposition and notes, when known.
    pub wrap_up: Option<WrapUp>,
}
