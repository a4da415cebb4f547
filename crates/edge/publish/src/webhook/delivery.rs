//! One delivery, and how it is shown.

use bytes::Bytes;
use hookswitch_wire::{
    Meta, Sequence, Time,
    model::{AgentId, CallId, QueueId},
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The most attempts that are shown of a delivery: the latest.
const SHOWN_ATTEMPTS: usize = 20;

/// What is delivered one after another. Different lanes go side by side.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// The events of a call.
    Call(CallId),
    /// The states of an agent.
    Agent(AgentId),
    /// The statistics of a queue.
    Queue(QueueId),
    /// All others.
    Rest,
}

impl Lane {
    pub(crate) fn of(meta: &Meta) -> Self {
        match (&meta.call, &meta.agents[..], &meta.queue) {
            (Some(call), _, _) => Self::Call(*call),
            (None, [agent], _) => Self::Agent(agent.clone()),
            (None, _, Some(queue)) => Self::Queue(queue.clone()),
            (None, _, None) => Self::Rest,
        }
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is being tried, or waits for its turn.
    Pending,
    /// The receiver took it.
    Delivered,
    /// The receiver answered 2xx, which it also does when it refuses.
    Unconfirmed,
    /// The receiver answered 2xx and said that it did not take it: the last time, or as often as it is believed.
    Refused,
    /// It was tried as long as is tried, or cannot be made.
    Dead,
    /// The receiver said that it is gone (410).
    Disabled,
}

impl DeliveryState {
    /// Settled without the receiver having it.
    pub(crate) const fn is_dead_letter(self) -> bool {
        match self {
            Self::Refused | Self::Dead => true,
            Self::Pending | Self::Delivered | Self::Unconfirmed | Self::Disabled => false,
        }
    }
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was made.
    pub at: Time,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Why there was none, or why the answer does not count.
    pub error: Option<String>,
    /// How long it took.
    pub ms: u64,
}

/// A delivery as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// The event's id.
    pub event: String,
    /// Its position in the journal.
    pub sequence: Sequence,
    /// Where it stands.
    pub state: DeliveryState,
    /// The latest attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// A delivery that is not settled.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) seq: u64,
    pub(crate) event: String,
    pub(crate) lane: Lane,
    /// The event before it of the same call.
    pub(crate) prev: Option<u64>,
    /// The event's public JSON, without `prev`.
    pub(crate) payload: Bytes,
    /// From when on it is tried, for how long it is tried.
    pub(crate) since: Instant,
    /// How often it was tried.
    pub(crate) tried: u32,
    /// How often in a row the receiver refused it.
    pub(crate) refusals: u32,
    /// The latest attempts.
    pub(crate) attempts: Vec<Attempt>,
    /// An attempt is being made.
    pub(crate) in_flight: bool,
    /// When the next attempt is to be made; none while one is being made, and while it is not the first of its lane.
    pub(crate) due: Option<Instant>,
    /// It is not tried before: others are to be told with it.
    pub(crate) not_before: Instant,
}

impl Delivery {
    /// Notes an attempt; how many there were.
    pub(crate) fn note(&mut self, attempt: Attempt) -> u32 {
        self.tried = self.tried.saturating_add(1);
        if self.attempts.len() == SHOWN_ATTEMPTS {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
        self.tried
    }

    pub(crate) fn view(&self, state: DeliveryState) -> DeliveryView {
        DeliveryView {
            event: self.event.clone(),
            sequence: Sequence(self.seq),
            state,
            attempts: self.attempts.clone(),
        }
    }
}
