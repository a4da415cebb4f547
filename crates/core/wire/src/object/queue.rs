//! Queues with their figures, and PBX links.

use hookswitch_model::{self as model, AlertId, PbxId, QueueId, event::LinkState};
use serde::{Deserialize, Serialize};

use super::Text;
use crate::{time::Time, words};

/// A queue with its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    /// The configuration's id; in observe mode the PBX's own queue name.
    pub id: QueueId,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// Figures that are beyond their limits.
    #[serde(default)]
    pub alerts: Vec<Alert>,
}

/// A figure of a queue beyond its limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The same when it is raised and when it is cleared.
    pub id: AlertId,
    /// `waiting`, `longest_wait`, `service_level`, `agents_ready`, `abandoned`.
    pub figure: Text<'static>,
    /// What it was then: a count, seconds, a share; null: it said nothing.
    pub value: Option<f64>,
    /// The limit it crossed.
    pub limit: f64,
    /// When it was raised.
    pub since: Time,
}

impl From<&model::alert::Alert> for Alert {
    fn from(alert: &model::alert::Alert) -> Self {
        Self {
            id: alert.id,
            figure: alert.figure.as_str().into(),
            value: alert.value,
            limit: alert.limit,
            since: alert.since.into(),
        }
    }
}

/// The figures of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Calls that wait, those being offered included.
    pub waiting: u32,
    /// Seconds the longest of them has waited.
    pub longest_wait_s: u64,
    /// Agents that are ready.
    pub ready: u32,
    /// Agents that talk or hold.
    pub talking: u32,
    /// Share answered within the target time, 0 to 1; null before the first.
    pub service_level: Option<f64>,
    /// Calls answered.
    pub answered: u64,
    /// Calls abandoned.
    pub abandoned: u64,
    /// Agents that are logged in.
    #[serde(default)]
    pub logged_in: u32,
    /// Seconds the longest idle of those that are ready has been so.
    #[serde(default)]
    pub longest_idle_s: Option<u64>,
    /// Seconds a caller who came now would wait; null when it cannot be told.
    #[serde(default)]
    pub estimated_wait_s: Option<u64>,
    /// Calls that came in.
    #[serde(default)]
    pub offered: u64,
    /// Calls answered within the target time.
    #[serde(default)]
    pub answered_in_time: u64,
    /// Calls that went elsewhere.
    #[serde(default)]
    pub left: u64,
    /// Mean wait of the answered calls, seconds.
    #[serde(default)]
    pub average_wait_s: Option<u64>,
    /// Mean time agents had an answered call, seconds.
    #[serde(default)]
    pub average_talk_s: Option<u64>,
    /// Call-backs in line or until their time comes; none of them is in `waiting`.
    #[serde(default)]
    pub callbacks: u32,
    /// The midnight since which calls are counted.
    #[serde(default)]
    pub since: Time,
}

impl From<&model::queue::Queue> for Queue {
    fn from(queue: &model::queue::Queue) -> Self {
        Self {
            id: queue.id.clone(),
            figures: Figures {
                waiting: queue.waiting,
                longest_wait_s: queue.longest_wait_s,
                ready: queue.ready,
                talking: queue.talking,
                service_level: queue.service_level,
                answered: queue.answered,
                abandoned: queue.abandoned,
                logged_in: queue.logged_in,
                longest_idle_s: queue.longest_idle_s,
                estimated_wait_s: queue.estimated_wait_s,
                offered: queue.offered,
                answered_in_time: queue.answered_in_time,
                left: queue.left,
                average_wait_s: queue.average_wait_s,
                average_talk_s: queue.average_talk_s,
                callbacks: queue.callbacks,
                since: queue.since.into(),
            },
            alerts: queue.alerts.iter().map(Alert::from).collect(),
        }
    }
}

/// The link to a PBX: what `pbx.link` says, and an item of the snapshot's `pbx`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link<'a> {
    /// Its name.
    pub pbx: PbxId,
    /// `up`, `down`, `resynchronised`.
    pub state: Text<'a>,
    /// What was not seen while the link was down.
    pub gap: Option<Gap>,
}

/// What was not seen while a link was down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// From.
    pub from: Time,
    /// Until.
    pub to: Time,
    /// Calls that the comparison of lists changed.
    pub recovered_calls: u32,
}

impl Link<'_> {
    /// The link of this PBX.
    #[must_use]
    pub fn new(pbx: &PbxId, state: LinkState, gap: Option<&model::event::Gap>) -> Self {
        Self {
            pbx: pbx.clone(),
            state: words::link_state(state).into(),
            gap: gap.map(|gap| Gap {
                from: gap.from.into(),
                to: gap.to.into(),
                recovered_calls: gap.recovered_calls,
            }),
        }
    }
}
