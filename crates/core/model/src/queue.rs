//! A queue's figures.

use serde::{Deserialize, Serialize};

use crate::QueueId;

/// A queue, whole, as `queue.stats` carries it. Figures of the day count since the start of the journal's period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    /// The configuration's id.
    pub id: QueueId,
    /// Calls that wait, those being offered included.
    pub waiting: u32,
    /// Seconds the longest of them has waited.
    pub longest_wait_s: u64,
    /// Agents of the queue that are ready.
    pub ready: u32,
    /// Agents of the queue that talk or hold.
    pub talking: u32,
    /// Answered within the target time, of all answered and abandoned; none before the first.
    pub service_level: Option<f64>,
    /// Calls answered.
    pub answered: u64,
    /// Calls abandoned.
    pub abandoned: u64,
}
