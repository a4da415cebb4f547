//! Call-backs: callers who keep their place in line while they hang up, and those who are to be called at a time.
//!
//! ```text
//!            due, open, an agent is chosen      the agent is there        they talk        it is over
//!  waiting ────────────────────────────▶ offered ────────▶ dialling ────────▶ connected ────────▶ completed
//!     ▲ ▲                                  │                  │
//!     │ └── the agent does not answer ─────┘                  │ busy, silent, away
//!     └──────── retry: later, as long as there are attempts ──┤
//!                                                             └─ no attempt is left ─▶ failed
//!  waiting · offered · dialling ─▶ cancelled (asked for, or the caller called again)      waiting ─▶ expired
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    AgentId, CallId, CallbackId, QueueId, Skill, Timestamp,
    call::{AttachedData, Customer, PartyNumber},
};

/// Where a call-back stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackState {
    /// In line, or until its time comes.
    Waiting,
    /// An agent's device rings for it.
    Offered,
    /// The agent is on the line, the customer's number is dialled.
    Dialling,
    /// Agent and customer talk.
    Connected,
    /// They talked.
    Completed,
    /// Nobody wants it any more.
    Cancelled,
    /// The customer was not reached as often as the queue tries, or cannot be called.
    Failed,
    /// Nobody was free for as long as the queue keeps a call-back.
    Expired,
}

impl CallbackState {
    /// Whether it is over: nothing follows.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Waiting | Self::Offered | Self::Dialling | Self::Connected => false,
            Self::Completed | Self::Cancelled | Self::Failed | Self::Expired => true,
        }
    }
}

/// Where a call-back comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackOrigin {
    /// A caller who waited.
    Caller {
        /// The call.
        call: CallId,
    },
    /// Somebody asked for it.
    Request {
        /// Who, by name.
        by: String,
    },
}

/// How a try came out that did not reach the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TryEnd {
    /// The agent did not answer, declined or could not be reached: the customer was not dialled.
    Agent,
    /// The customer was busy.
    Busy,
    /// The customer did not answer, or the agent hung up before.
    NoAnswer,
    /// The customer refused.
    Rejected,
    /// The customer could not be reached, or the number does not exist.
    Failed,
    /// Nobody can say: the PBX was out of sight. It counts as dialled.
    Unseen,
    /// It may not be dialled now: limits and hours of `[numbers]`. It was not dialled.
    NotNow,
}

impl TryEnd {
    /// Whether the customer's number was, or may have been, dialled: such a try counts.
    #[must_use]
    pub const fn was_dialled(self) -> bool {
        match self {
            Self::Busy | Self::NoAnswer | Self::Rejected | Self::Failed | Self::Unseen => true,
            Self::Agent | Self::NotNow => false,
        }
    }
}

/// How a call-back ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackOutcome {
    /// Agent and customer talked.
    Completed,
    /// Taken back by a person or a program.
    Cancelled,
    /// The caller called again, and took the place.
    Superseded,
    /// Tried as often as the queue tries.
    Failed,
    /// The number may not be dialled any more.
    Forbidden,
    /// Its queue is gone, and the rules send it to none.
    QueueGone,
    /// Not reached in the time the queue keeps a call-back.
    Expired,
}

impl CallbackOutcome {
    /// The state it leaves behind.
    #[must_use]
    pub const fn state(self) -> CallbackState {
        match self {
            Self::Completed => CallbackState::Completed,
            Self::Cancelled | Self::Superseded => CallbackState::Cancelled,
            Self::Failed | Self::Forbidden | Self::QueueGone => CallbackState::Failed,
            Self::Expired => CallbackState::Expired,
        }
    }
}

/// A call-back, whole, as every event about it carries it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Callback {
    /// Our id.
    pub id: CallbackId,
    /// The queue whose agents call.
    pub queue: QueueId,
    /// Where it stands.
    pub state: CallbackState,
    /// Who is called; `e164` is what is dialled.
    pub number: PartyNumber,
    /// The customer, as far as known when it was made.
    pub customer: Customer,
    /// Attached to each try.
    pub data: AttachedData,
    /// Higher is served first.
    pub priority: i32,
    /// Skills asked for beside the queue's own.
    pub requires: BTreeMap<Skill, u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when the customer waits: the place in line. Of one that is to be called at a time, that time.
    pub enqueued_at: Timestamp,
    /// Where it comes from.
    pub origin: CallbackOrigin,
    /// Not before this.
    pub due: Option<Timestamp>,
    /// Who is asked first.
    pub agent: Option<AgentId>,
    /// How often the customer's number was dialled.
    pub attempts: u32,
    /// When it is in line again; none: it is, or is being tried.
    pub next_at: Option<Timestamp>,
    /// Given up after this, unless it is being tried.
    pub expires_at: Timestamp,
    /// The try that is under way, or the last.
    pub call: Option<CallId>,
    /// How the last try came out that did not reach the customer.
    pub last: Option<TryEnd>,
}
