//! The PBX's own queues (observe mode): seen, not decided.

use std::collections::BTreeMap;

use hookswitch_model::{CallId, QueueId, event::Queued};

use super::Visit;
use crate::engine::Engine;

impl Engine {
    /// The PBX's own queue took the caller.
    pub(crate) fn queue_joined(&mut self, id: CallId, queue: QueueId, position: u32) {
        let now = self.now();
        let Some(record) = self.calls.get(id) else { return };
        if record.visit.as_ref().is_some_and(|visit| visit.queue == queue) {
            return;
        }
        let how = record.takeover.as_ref().map_or("queued", |takeover| takeover.how()).to_owned();
        let queued = Queued {
            queue: queue.clone(),
            position,
            estimated_wait_s: None,
            requires: BTreeMap::new(),
            priority: record.call.priority,
            rule: None,
        };
        let since = if record.visit.is_some() { record.waiting_since.unwrap_or(now) } else { now };
        self.begin_visit(id, Visit { queue, since: now, of_pbx: true, how }, since, queued);
    }

    /// The caller left the PBX's own queue. One who is connected stays in it for the ledger until the conversation
    /// begins; one who gave up, until the call ends, which follows.
    pub(crate) fn queue_left(&mut self, id: CallId, queue: &QueueId, abandoned: bool) {
        let Some(record) = self.calls.get(id) else { return };
        let here = record.visit.as_ref().is_some_and(|visit| visit.of_pbx && visit.queue == *queue);
        let connecting = record.partners().any(|(_, _, party)| party.up && !party.told);
        if here && !abandoned && !connecting {
            self.end_visit(id);
            self.settle(id);
        }
    }
}
