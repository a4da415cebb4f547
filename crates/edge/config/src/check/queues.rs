//! Queues that nobody can serve, and queues that overflow in a circle.

use std::collections::BTreeMap;

use hookswitch_model::{
    QueueId,
    setup::{AgentSetup, Overflow, QueueSetup, Requirement},
};

use crate::{Config, Queue, read::Reader};

pub(crate) fn check(reader: &mut Reader, config: &Config) {
    for queue in &config.queues {
        never_served(reader, config, queue);
        never_called_back(reader, config, queue);
    }
    circles(reader, config);
}

/// Warns when no agent fits any step of what the queue asks for.
fn never_served(reader: &mut Reader, config: &Config, queue: &Queue) {
    let setup = &queue.setup;
    let agents: Vec<AgentSetup> = config.agents.iter().map(|agent| agent.setup.clone()).collect();
    if agents.iter().any(|agent| is_member(agent, setup)) && !is_served(setup, &agents) {
        let last = setup.requires.len().saturating_sub(1);
        let message =
            format!("no member of {} has the skills of any step: its callers wait for ever", setup.id);
        let hint = "add a last step that a member fulfils, or max_wait";
        reader.warn_at(&format!("{}.requires[{last}]", queue.key), message, hint);
    }
}

/// Warns of callers who are to be called back where no number may be dialled.
fn never_called_back(reader: &mut Reader, config: &Config, queue: &Queue) {
    let setup = &queue.setup;
    let unasked = setup.max_wait.as_ref().is_some_and(|max_wait| max_wait.then == Overflow::Callback);
    if !config.numbers.outbound_allow.is_empty() || !(unasked || setup.callback.is_some()) {
        return;
    }
    let key = if setup.callback.is_some() { "callback" } else { "max_wait.then.callback" };
    let message = format!("nobody of {} is called back: no number may be dialled", setup.id);
    let hint = "allow prefixes, as in [numbers] outbound_allow = [\"+49\"]";
    reader.warn_at(&format!("{}.{key}", queue.key), message, hint);
}

/// Whether an agent fits any step of what the queue asks for.
pub(crate) fn is_served(queue: &QueueSetup, agents: &[AgentSetup]) -> bool {
    let fits = |agent: &AgentSetup, step: &Requirement| match &step.teams {
        Some(teams) => agent.teams.iter().any(|team| teams.contains(team)) && fits(agent, step),
        None => is_member(agent, queue) && fits(agent, step),
    };
    queue.requires.iter().any(|step| agents.iter().any(|agent| fits(agent, step)))
}

pub(crate) fn is_member(agent: &AgentSetup, queue: &QueueSetup) -> bool {
    queue.members.agents.contains(&agent.id)
        || agent.teams.iter().any(|team| queue.members.teams.contains(team))
}

fn fits(agent: &AgentSetup, step: &Requirement) -> bool {
    step.skills.iter().all(|(skill, least)| agent.skills.get(skill).is_some_and(|level| level >= least))
}

/// Callers would be moved around for ever without anybody noticing.
fn circles(reader: &mut Reader, config: &Config) {
    let next: BTreeMap<&QueueId, (&QueueId, &Queue)> = config
        .queues
        .iter()
        .filter_map(|queue| match &queue.setup.max_wait.as_ref()?.then {
            Overflow::Queue(to) => Some((&queue.setup.id, (to, queue))),
            Overflow::Transfer(_) | Overflow::Hangup | Overflow::Callback => None,
        })
        .collect();
    for (start, (_, queue)) in &next {
        let mut path = vec![*start];
        while let Some((to, _)) = path.last().and_then(|last| next.get(last)) {
            if to == start {
                // Each circle is told once, at its first queue by name.
                if path.iter().all(|other| start <= other) {
                    let names: Vec<&str> = path.iter().chain([start]).map(|id| id.as_str()).collect();
                    let message = format!("callers overflow in a circle: {}", names.join(" → "));
                    let key = format!("{}.max_wait.then.queue", queue.key);
                    reader.error_at(
                        &key,
                        message,
                        "let the last queue end with transfer, callback or hangup",
                    );
                }
                break;
            }
            if path.contains(to) {
                break;
            }
            path.push(to);
        }
    }
}
