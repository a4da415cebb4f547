//! Claims about the distributor: the same choices as a plain model over random histories, and what callers and agents
//! may expect, one claim a test.

mod claims;
mod estimates;
mod explained;
mod histories;
mod model;

use std::collections::BTreeMap;

use hookswitch_model::{
    AgentId, CallId, Millis, QueueId, Skill, TeamId, Timestamp,
    agent::AgentState,
    setup::{AgentSetup, Members, QueueSetup, Requirement, ServiceLevel, Setup, Strategy},
};

use super::{Claimant, Waiting};

fn agent_id(id: &str) -> AgentId {
    AgentId::new(id).unwrap()
}

fn queue_id(id: &str) -> QueueId {
    QueueId::new(id).unwrap()
}

fn call_id(number: u32) -> CallId {
    CallId::from(u128::from(number))
}

fn skills(levels: &[(&str, u8)]) -> BTreeMap<Skill, u8> {
    levels.iter().map(|(skill, level)| (Skill::new(skill).unwrap(), *level)).collect()
}

fn agent(id: &str, levels: &[(&str, u8)], teams: &[&str]) -> AgentSetup {
    AgentSetup {
        id: agent_id(id),
        name: id.to_owned(),
        pbx: "hq".parse().unwrap(),
        extension: None,
        devices: Vec::new(),
        skills: skills(levels),
        teams: teams.iter().map(|team| TeamId::new(team).unwrap()).collect(),
        start: AgentState::LoggedOut,
        caller_id: None,
        remote_answer: false,
    }
}

fn requirement(after: u64, levels: &[(&str, u8)]) -> Requirement {
    Requirement { after: Millis::from_secs(after), skills: skills(levels), teams: None }
}

fn queue(id: &str, strategy: Strategy, teams: &[&str]) -> QueueSetup {
    let teams = teams.iter().map(|team| TeamId::new(team).unwrap()).collect();
    QueueSetup {
        id: queue_id(id),
        strategy,
        members: Members { teams, agents: Vec::new() },
        requires: Vec::new(),
        offer_timeout: Millis::from_secs(15),
        wrap_up: Millis(0),
        service_level: ServiceLevel { target: 0.8, within: Millis::from_secs(20) },
        max_wait: None,
        sticky: None,
        sticky_wait: Millis::from_secs(20),
        ageing: None,
        transfer_keeps_place: false,
        announce: None,
        callback: None,
    }
}

fn setup(agents: Vec<AgentSetup>, queues: Vec<QueueSetup>) -> Setup {
    Setup { agents, queues, ..Setup::default() }
}

/// A call for this queue that comes now.
fn waiting(queue: &str, now: Timestamp) -> Waiting {
    Waiting {
        queue: queue_id(queue),
        priority: 0,
        enqueued_at: now,
        requires: BTreeMap::new(),
        sticky: None,
        prefer: None,
        claimant: Claimant::Caller,
    }
}

/// Seconds after some noon.
fn at(secs: u64) -> Timestamp {
    Timestamp::from_millis(1_795_262_400_000 + secs * 1_000)
}
