//! `[[queue]]`: who waits for whom, and how long.

use std::collections::BTreeMap;

use hookswitch_model::{
    Millis, QueueId,
    setup::{
        AlertSetup, MaxWait, Members, Overflow, PopWhen, QueueSetup, Requirement, ServiceLevel, Strategy,
    },
};

use super::{
    agent::skills,
    alerts,
    announce::{self, Sounds},
    callback,
    crm::POP_WHEN,
    pbx::{Fallback, fallback, word},
};
use crate::{
    defaults, duration,
    read::{
        Node, Reader,
        value::{
            always_true, boolean, duration as any_duration, duration_in, items, list, name, number, one_of,
            share,
        },
    },
};

/// `[[queue]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// Where it stands: `queue[0]`.
    pub key: String,
    /// What the engine knows.
    pub setup: QueueSetup,
    /// Where its callers go when the daemon is away, if not where the PBX's others go.
    pub fallback: Option<Fallback>,
    /// The class of music its callers hear, if not the PBX's.
    pub music: Option<String>,
    /// What its callers are told with, if not with Asterisk's own sounds.
    pub sounds: Sounds,
    /// When its agents' screens pop, if not when all others do.
    pub pop: Option<PopWhen>,
    /// Which of its figures are watched.
    pub alerts: Vec<AlertSetup>,
    /// Queues that are gone and whose callers wait in this one.
    pub replaces: Vec<QueueId>,
}

pub(crate) const STRATEGIES: [(&str, Strategy); 7] = [
    ("longest-idle", Strategy::LongestIdle),
    ("least-calls", Strategy::LeastCalls),
    ("least-occupied", Strategy::LeastOccupied),
    ("best-skill", Strategy::BestSkill),
    ("round-robin", Strategy::RoundRobin),
    ("random", Strategy::Random),
    ("ring-all", Strategy::RingAll),
];

const DAY: Millis = Millis::from_secs(86_400);
const YEAR: Millis = Millis::from_secs(366 * 86_400);

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Queue> {
    let key = node.key.clone();
    let mut fields = reader.fields(node)?;
    let id = fields.required(
        "id",
        "the queue's name in rules, events and lists, as in \"support\"",
        name::<QueueId>,
    );
    let strategy = fields.or("strategy", defaults::STRATEGY, one_of(&STRATEGIES));
    let hint = "who serves it: { teams = [\"tier1\"] } or { agents = [\"alice\"] }";
    let members = fields.required("members", hint, members).unwrap_or_default();
    let requires = fields.or("requires", vec![nothing_required()], requires);
    let offer_bounds = duration_in(Millis::from_secs(1), Millis::from_secs(600));
    let offer_timeout = fields.or("offer_timeout", defaults::OFFER_TIMEOUT, offer_bounds);
    let wrap_up = fields.or("wrap_up", defaults::WRAP_UP, duration_in(Millis(0), DAY));
    let service_level = fields.or("service_level", default_service_level(), service_level);
    let max_wait = fields.optional("max_wait", max_wait);
    let sticky = fields.optional("sticky", duration_in(Millis::from_secs(1), YEAR));
    let sticky_wait = fields.or("sticky_wait", defaults::STICKY_WAIT, duration_in(Millis(0), DAY));
    if fields.has("sticky_wait") && !fields.has("sticky") {
        fields.warn_at(
            "sticky_wait",
            "`sticky_wait` does nothing without `sticky`",
            "set `sticky`, as in \"7d\"",
        );
    }
    let ageing = fields.optional("ageing", duration_in(Millis(100), DAY));
    let transfer_keeps_place = fields.or("transfer_keeps_place", false, boolean);
    let callback = fields.optional("callback", callback::read);
    let (announce, sounds) = fields.optional("announce", announce::read).unzip();
    let fallback = fields.optional("fallback", fallback);
    let music = fields.optional("music", word("-_."));
    let pop = fields.optional("pop", one_of(&POP_WHEN));
    let alerts = fields.or("alerts", Vec::new(), alerts::read);
    let replaces = fields.or("replaces", Vec::new(), list(name));
    fields.finish();
    let setup = QueueSetup {
        id: id?,
        strategy,
        members,
        requires,
        offer_timeout,
        wrap_up,
        service_level,
        max_wait,
        sticky,
        sticky_wait,
        ageing,
        transfer_keeps_place,
        callback,
        announce,
    };
    Some(Queue { key, setup, fallback, music, sounds: sounds.unwrap_or_default(), pop, alerts, replaces })
}

fn nothing_required() -> Requirement {
    Requirement { after: Millis(0), skills: BTreeMap::new(), teams: None }
}

fn default_service_level() -> ServiceLevel {
    ServiceLevel { target: defaults::SERVICE_LEVEL_TARGET, within: defaults::SERVICE_LEVEL_WITHIN }
}

fn members(reader: &mut Reader, node: &Node<'_>) -> Option<Members> {
    let mut fields = reader.fields(node)?;
    let members = Members {
        teams: fields.or("teams", Vec::new(), list(name)),
        agents: fields.or("agents", Vec::new(), list(name)),
    };
    fields.finish();
    if members == Members::default() && node.value.as_table().is_some_and(|table| all_empty(table)) {
        reader.error(node, "nobody serves this queue", "name teams or agents");
    }
    Some(members)
}

fn all_empty(table: &toml::de::DeTable<'_>) -> bool {
    table
        .iter()
        .all(|(_, value)| value.get_ref().as_array().is_some_and(|array| array.iter().next().is_none()))
}

fn requires(reader: &mut Reader, node: &Node<'_>) -> Option<Vec<Requirement>> {
    let nodes = items(reader, node)?;
    let mut steps: Vec<Requirement> = Vec::new();
    for node in &nodes {
        let before = steps.last().map(|step| step.after);
        steps.extend(requirement(reader, node, before));
    }
    // Until the first step nothing is asked for.
    if steps.is_empty() {
        steps.push(nothing_required());
    }
    Some(steps)
}

fn requirement(reader: &mut Reader, node: &Node<'_>, before: Option<Millis>) -> Option<Requirement> {
    let mut fields = reader.fields(node)?;
    let after = match before {
        None => fields.optional("after", any_duration),
        Some(_) => {
            let hint = "from which waiting time on, as in \"30s\"; only the first step goes without";
            fields.required("after", hint, any_duration)
        }
    };
    match (before, after) {
        (None, Some(after)) if after > Millis(0) => {
            let message = "nothing is said of the time before the first step";
            fields.error_at("after", message, "leave `after` out of the first step");
        }
        (Some(before), Some(after)) if after <= before => {
            let message =
                format!("after {} stands behind after {}", duration::show(after), duration::show(before));
            fields.error_at("after", message, "sort the steps by `after`, each later than the one before");
        }
        (None | Some(_), None | Some(_)) => {}
    }
    let skills = fields.or("skills", BTreeMap::new(), skills);
    let teams = fields.optional("teams", list(name));
    fields.finish();
    Some(Requirement { after: after.or(before).unwrap_or_default(), skills, teams })
}

fn service_level(reader: &mut Reader, node: &Node<'_>) -> Option<ServiceLevel> {
    let mut fields = reader.fields(node)?;
    let level = ServiceLevel {
        target: fields.or("target", defaults::SERVICE_LEVEL_TARGET, share),
        within: fields.or("within", defaults::SERVICE_LEVEL_WITHIN, duration_in(Millis(1), DAY)),
    };
    fields.finish();
    Some(level)
}

fn max_wait(reader: &mut Reader, node: &Node<'_>) -> Option<MaxWait> {
    let mut fields = reader.fields(node)?;
    let after = fields.required(
        "after",
        "how long a caller may wait, as in \"10m\"",
        duration_in(Millis::from_secs(1), DAY),
    );
    let hint = "{ queue = \"…\" }, { transfer = \"+49…\" }, { callback = true } or { hangup = true }";
    let then = fields.required("then", hint, overflow);
    fields.finish();
    Some(MaxWait { after: after?, then: then? })
}

fn overflow(reader: &mut Reader, node: &Node<'_>) -> Option<Overflow> {
    let mut fields = reader.fields(node)?;
    let queue = fields.optional("queue", name).map(Overflow::Queue);
    let transfer = fields.optional("transfer", number).map(Overflow::Transfer);
    let hangup = fields.optional("hangup", always_true).map(|()| Overflow::Hangup);
    let callback = fields.optional("callback", always_true).map(|()| Overflow::Callback);
    fields.exactly_one(&["queue", "transfer", "callback", "hangup"]);
    fields.finish();
    queue.or(transfer).or(hangup).or(callback)
}
