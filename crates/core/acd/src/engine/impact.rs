//! What another configuration would do with those who wait now: asked before it is applied.

use std::collections::BTreeSet;

use hookswitch_model::{
    CallId, QueueId, Timestamp,
    setup::{RouteTarget, Setup},
};
use serde::Serialize;

use super::Engine;
use crate::routing::{Router, RuleError};

/// A caller who waits, and whom another configuration would send elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rerouted {
    /// Who.
    pub call: CallId,
    /// Where the caller waits.
    pub queue: QueueId,
    /// The queue is gone: the caller leaves it when the configuration is applied. Else the caller stays, and only who
    /// comes later is sent elsewhere.
    pub leaves: bool,
    /// The rule that would take the call now; none: no rule would, or another queue takes the place of the one that is
    /// gone.
    pub rule: Option<String>,
    /// Where that rule sends it.
    pub to: Option<RouteTarget>,
}

impl Engine {
    /// The waiting callers whom this configuration would send elsewhere, in the order of their ids.
    ///
    /// # Errors
    /// Every rule of it that cannot be used.
    pub fn rerouted(&self, setup: &Setup, now: Timestamp) -> Result<Vec<Rerouted>, Vec<RuleError>> {
        let router = Router::new(setup)?;
        let queues: BTreeSet<&QueueId> = setup.queues.iter().map(|queue| &queue.id).collect();
        let waiting = self.calls.live().filter_map(|record| {
            let visit = record.visit.as_ref().filter(|visit| !visit.of_pbx)?;
            Some((record, &visit.queue))
        });
        let rerouted = waiting.filter_map(|(record, queue)| {
            let leaves = !queues.contains(queue);
            if let Some(successor) = setup.replaced.get(queue).filter(|to| leaves && queues.contains(to)) {
                return Some(Rerouted {
                    call: record.call.id,
                    queue: queue.clone(),
                    leaves,
                    rule: None,
                    to: Some(RouteTarget::Queue(successor.clone())),
                });
            }
            let routed = router.route(now, &record.call);
            let elsewhere = routed.target != Some(RouteTarget::Queue(queue.clone()));
            (leaves || elsewhere).then(|| Rerouted {
                call: record.call.id,
                queue: queue.clone(),
                leaves,
                rule: routed.rule.map(|rule| rule.as_ref().to_owned()),
                to: routed.target,
            })
        });
        Ok(rerouted.collect())
    }
}
