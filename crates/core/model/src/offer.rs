//! An offer: one reservation of an agent for a call.

use serde::{Deserialize, Serialize};

use crate::{AgentId, OfferId, QueueId, Timestamp};

/// How an offer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferOutcome {
    /// The agent answered.
    Accepted,
    /// The device rang until the time was over.
    NoAnswer,
    /// The agent refused (486, 603, 302).
    Declined,
    /// The device could not be reached (480, not registered).
    Unreachable,
    /// Taken back: another answered, or the agent went not ready.
    Withdrawn,
    /// The caller left while it rang.
    CallerLeft,
}

/// An offer as events carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Our id.
    pub id: OfferId,
    /// Who is rung.
    pub agent: AgentId,
    /// The queue that decided it; none for a direct ring.
    pub queue: Option<QueueId>,
    /// 1 for the first offer of this call, counted on.
    pub attempt: u32,
    /// When it is taken back if nobody answers.
    pub expires_at: Option<Timestamp>,
    /// How it ended, once it did.
    pub outcome: Option<OfferOutcome>,
}
