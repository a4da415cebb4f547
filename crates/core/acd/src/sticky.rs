//! Who was with which customer last: what `sticky` of a queue goes by.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{
    AgentId, QueueId, Timestamp,
    call::{Call, Direction, PartyNumber},
};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;

/// So many customers are remembered, the longest unheard of is forgotten first.
const REMEMBERED: usize = 100_000;

/// The last agent of each customer, by number.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<(String, AgentId, Timestamp)>", into = "Vec<(String, AgentId, Timestamp)>")]
pub(crate) struct LastAgents {
    by_number: BTreeMap<String, (AgentId, Timestamp)>,
    by_age: BTreeSet<(Timestamp, String)>,
}

impl From<LastAgents> for Vec<(String, AgentId, Timestamp)> {
    fn from(last: LastAgents) -> Self {
        last.by_number.into_iter().map(|(number, (agent, at))| (number, agent, at)).collect()
    }
}

impl From<Vec<(String, AgentId, Timestamp)>> for LastAgents {
    fn from(list: Vec<(String, AgentId, Timestamp)>) -> Self {
        let mut last = Self::default();
        for (number, agent, at) in list {
            last.remember(number, agent, at);
        }
        last
    }
}

impl LastAgents {
    fn remember(&mut self, number: String, agent: AgentId, at: Timestamp) {
        if let Some((_, before)) = self.by_number.insert(number.clone(), (agent, at)) {
            self.by_age.remove(&(before, number.clone()));
        }
        self.by_age.insert((at, number));
        if self.by_age.len() > REMEMBERED
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.by_number.remove(&oldest);
        }
    }
}

/// What a customer is known by; none for a caller without a number.
fn key(ani: &PartyNumber) -> Option<&str> {
    let number = ani.e164.as_deref().unwrap_or(&ani.raw);
    (!number.is_empty()).then_some(number)
}

impl Engine {
    /// The agent this caller had last, if the queue asks for it and it is not too long ago.
    pub(crate) fn sticky_agent(&self, now: Timestamp, call: &Call, queue: &QueueId) -> Option<AgentId> {
        let span = self.plan.queue(&self.setup, queue)?.sticky?;
        let (agent, at) = self.last_agents.by_number.get(key(&call.ani)?)?;
        (now.since(*at) <= span).then(|| agent.clone())
    }

    /// Who talked with this number last; none: nobody, or no queue asks for it, and so it is not remembered.
    #[must_use]
    pub fn last_agent(&self, number: &PartyNumber) -> Option<&AgentId> {
        self.last_agents.by_number.get(key(number)?).map(|(agent, _)| agent)
    }

    /// An agent was with this customer to the end.
    pub(crate) fn remember_agent(&mut self, now: Timestamp, call: &Call, agent: &AgentId) {
        let asked_for = self.plan.asks_for_last_agents();
        if let Some(number) = key(&call.ani).filter(|_| asked_for && call.direction == Direction::Inbound) {
            self.last_agents.remember(number.to_owned(), agent.clone(), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_agent_counts() {
        let mut last = LastAgents::default();
        last.remember("1".into(), "a".parse().unwrap(), Timestamp::from_millis(1));
        last.remember("1".into(), "b".parse().unwrap(), Timestamp::from_millis(2));
        assert_eq!(last.by_number["1"].0, "b");
        assert_eq!(last.by_age.len(), 1);
    }
}
