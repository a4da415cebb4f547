//! A queue's figures.

use serde::{Deserialize, Serialize};

use crate::{QueueId, Timestamp, alert::Alert};

/// A queue, whole, as `queue.stats` carries it. What is counted (calls, service level, averages) is counted since
/// [`since`](Self::since), the midnight the day began with: a call for the day something became of it.
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
    /// Agents of the queue that are logged in.
    #[serde(default)]
    pub logged_in: u32,
    /// Seconds the longest idle of those that are ready has been so; none when nobody is.
    #[serde(default)]
    pub longest_idle_s: Option<u64>,
    /// Seconds a caller who came now would wait; none when it cannot be told.
    #[serde(default)]
    pub estimated_wait_s: Option<u64>,
    /// Calls that came in.
    #[serde(default)]
    pub offered: u64,
    /// Calls answered within the target time.
    #[serde(default)]
    pub answered_in_time: u64,
    /// Calls that went elsewhere: overflow, transfer, fallback, lost.
    #[serde(default)]
    pub left: u64,
    /// Mean wait of the answered calls, in seconds; none before the first.
    #[serde(default)]
    pub average_wait_s: Option<u64>,
    /// Mean time agents had an answered call, holds included, in seconds, of those that are over; none before the first.
    #[serde(default)]
    pub average_talk_s: Option<u64>,
    /// Call-backs in line or until their time comes; none of them is in [`waiting`](Self::waiting).
    #[serde(default)]
    pub callbacks: u32,
    /// Figures that are beyond their limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<Alert>,
    /// The midnight since which is counted.
    #[serde(default)]
    pub since: Timestamp,
}
