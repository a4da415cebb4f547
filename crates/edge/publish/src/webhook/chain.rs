//! `prev` on webhooks: the previous event of the same call under the webhook's filter.

use std::collections::{BTreeMap, VecDeque};

use hookswitch_wire::{Meta, model::CallId};
use serde::{Deserialize, Serialize};

/// How many calls that ended are remembered, for the few events that may follow `call.ended`.
const ENDED: usize = 1_024;

/// The last event of each call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chain {
    last: BTreeMap<CallId, u64>,
    /// In the order of their end.
    ended: VecDeque<CallId>,
}

impl Chain {
    /// Notes an event; the one before it of the same call.
    pub(crate) fn step(&mut self, meta: &Meta, seq: u64) -> Option<u64> {
        let call = meta.call?;
        let prev = self.last.insert(call, seq);
        if meta.type_name == "call.ended" {
            self.ended.push_back(call);
            if self.ended.len() > ENDED
                && let Some(old) = self.ended.pop_front()
            {
                self.last.remove(&old);
            }
        }
        prev
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(type_name: &'static str, call: u128) -> Meta {
        Meta {
            type_name: type_name.into(),
            call: Some(CallId::from_bits(call)),
            agents: Vec::new(),
            queue: None,
        }
    }

    #[test]
    fn each_call_has_a_chain_of_its_own_that_outlives_its_end_for_a_while() {
        let mut chain = Chain::default();
        assert_eq!(chain.step(&meta("call.started", 1), 1), None);
        assert_eq!(chain.step(&meta("call.started", 2), 2), None);
        assert_eq!(chain.step(&meta("call.ended", 1), 3), Some(1));
        assert_eq!(chain.step(&meta("call.data", 1), 4), Some(3));
        assert_eq!(chain.step(&meta("call.held", 2), 5), Some(2));
        for call in 0..ENDED as u128 {
            chain.step(&meta("call.ended", 100 + call), 100 + call as u64);
        }
        assert_eq!(chain.step(&meta("call.data", 1), 2_000), None, "long ended calls are forgotten");
        assert_eq!(chain.step(&meta("call.held", 2), 2_001), Some(5), "live ones never");
        assert!(chain.last.len() <= ENDED + 2);
    }
}
