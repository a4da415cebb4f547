//! The guard against toll fraud: who may call outside, where to, how often, when.

use std::collections::{BTreeMap, VecDeque};

use hookswitch_model::{AgentId, Millis, Timestamp, command::Refusal, setup::OutboundSetup};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;

const MINUTE: Millis = Millis::from_secs(60);
const DAY: Millis = Millis::from_secs(86_400);

/// When calls outside were begun, as long as a limit looks back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(AgentId, VecDeque<Timestamp>)>", into = "Vec<(AgentId, VecDeque<Timestamp>)>")]
pub(crate) struct Begun {
    by_agent: BTreeMap<AgentId, VecDeque<Timestamp>>,
}

impl From<Vec<(AgentId, VecDeque<Timestamp>)>> for Begun {
    fn from(list: Vec<(AgentId, VecDeque<Timestamp>)>) -> Self {
        Self { by_agent: list.into_iter().collect() }
    }
}

impl From<Begun> for Vec<(AgentId, VecDeque<Timestamp>)> {
    fn from(begun: Begun) -> Self {
        begun.by_agent.into_iter().collect()
    }
}

impl Begun {
    /// A call outside begins.
    fn note(&mut self, now: Timestamp, agent: &AgentId) {
        let times = self.by_agent.entry(agent.clone()).or_default();
        while times.front().is_some_and(|at| now.since(*at) >= DAY) {
            times.pop_front();
        }
        times.push_back(now);
    }

    fn of(&self, now: Timestamp, agent: &AgentId, within: Millis) -> usize {
        self.by_agent.get(agent).map_or(0, |times| recent(now, times, within))
    }

    fn all(&self, now: Timestamp, within: Millis) -> usize {
        self.by_agent.values().map(|times| recent(now, times, within)).sum()
    }

    /// Why one more call would be too many.
    fn too_many(&self, now: Timestamp, agent: &AgentId, policy: &OutboundSetup) -> Option<String> {
        let over = |limit: Option<u32>, count: usize| limit.filter(|limit| count >= *limit as usize);
        if let Some(limit) = over(policy.per_agent_per_minute, self.of(now, agent, MINUTE)) {
            return Some(format!("{agent} began {limit} calls outside in the last minute"));
        }
        if let Some(limit) = over(policy.per_agent_per_day, self.of(now, agent, DAY)) {
            return Some(format!("{agent} began {limit} calls outside in the last 24 hours"));
        }
        let limit = over(policy.per_minute, self.all(now, MINUTE))?;
        Some(format!("{limit} calls outside were begun in the last minute"))
    }
}

fn recent(now: Timestamp, times: &VecDeque<Timestamp>, within: Millis) -> usize {
    times.iter().rev().take_while(|at| now.since(**at) < within).count()
}

impl Engine {
    /// Whether this agent may call this number now. Nothing is counted yet.
    pub(crate) fn may_call_outside(&self, agent: &AgentId, e164: &str) -> Result<(), Refusal> {
        let (now, policy) = (self.now(), &self.setup.outbound);
        if !policy.allow.iter().any(|prefix| e164.starts_with(prefix.as_str())) {
            return Err(Refusal::Invalid {
                why: "numbers of that prefix may not be dialled".into(),
                hint: "an administrator allows prefixes with [numbers] outbound_allow".into(),
            });
        }
        if let Some(hours) = &policy.hours
            && self.router.is_open(hours, now) != Some(true)
        {
            return Err(not_now(format!("nobody is called outside while {hours:?} is closed")));
        }
        if let Some(why) = self.outbound.too_many(now, agent, policy) {
            return Err(not_now(why));
        }
        if let Some(limit) = policy.concurrent {
            let outside = self.calls.live().filter(|record| record.control.leads_outside());
            if outside.count() >= limit as usize {
                return Err(not_now(format!("{limit} calls lead outside already")));
            }
        }
        Ok(())
    }

    /// A call outside begins.
    pub(super) fn calls_outside(&mut self, agent: &AgentId) {
        let now = self.now();
        self.outbound.note(now, agent);
    }
}

impl super::Control {
    /// By our doing, this call leads outside.
    fn leads_outside(&self) -> bool {
        self.outside || self.dial.as_ref().is_some_and(|dial| dial.outside)
    }
}

fn not_now(why: String) -> Refusal {
    Refusal::NotNow { why, allowed: Vec::new() }
}
