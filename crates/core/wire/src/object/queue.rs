//! Queues with their figures, and PBX links.

use hookswitch_model::{self as model, PbxId, QueueId, event::LinkState};
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
            },
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
