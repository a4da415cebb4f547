//! What another configuration would change, and whom it would touch: before it is applied.
//!
//! Two configurations are compared by what they mean, not by their text: an agent who moved to another file did not
//! change, a route that moved behind another did.

mod pbxs;
mod reach;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use hookswitch_model::setup::{AgentSetup, AlertSetup, MenuSetup, QueueSetup, Setup};
use serde::Serialize;
use serde_json::Value;

pub(crate) use reach::{Unreachable, unreachable};

use crate::{Alias, Config, Token, Webhook, check::queues};

/// What another configuration would change, and whom it would touch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// What changes, in the order of the sections.
    pub changes: Vec<Change>,
    /// Agents, queues and rules that would be of no use.
    pub impact: Impact,
}

/// How something changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
    /// It is tried earlier or later than before: of routes.
    Moved,
}

/// When a change takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Takes {
    /// With `apply`, while calls wait.
    Now,
    /// At the next start of the daemon: what it listens on, where its journal is, which PBXs it is linked to.
    Restart,
}

/// One thing that changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// `agent`, `queue`, `route`, `server`, …: as in the file.
    pub section: &'static str,
    /// Its id or name; none for what there is one of.
    pub id: Option<String>,
    /// How.
    pub kind: ChangeKind,
    /// The keys that differ, where that can be shown: what may hold a secret is not.
    pub fields: Vec<FieldChange>,
    /// When it takes effect.
    pub takes: Takes,
}

/// One key that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// With dots between: `skills.billing`. Times are in milliseconds.
    pub key: String,
    /// Null: it was not there.
    pub from: Value,
    /// Null: it will not be there.
    pub to: Value,
}

/// Agents, queues and rules that would be of no use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Impact {
    /// Agents who serve no queue.
    pub agents_without_queue: Vec<Useless>,
    /// Queues that no agent serves with the skills asked for at any waiting time.
    pub queues_without_agent: Vec<Useless>,
    /// Rules that can never take a call.
    pub unreachable_rules: Vec<Useless>,
}

/// Something of no use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Useless {
    /// The agent, the queue, the rule.
    pub id: String,
    /// Of a rule: the one before it that takes all its calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<String>,
    /// It is this change that makes it useless.
    pub new: bool,
}

/// Compares two configurations.
#[must_use]
pub fn plan(before: &Config, after: &Config) -> Plan {
    let mut changes = Changes::default();
    changes.single("server", &before.server, &after.server, Takes::Restart);
    changes.single("journal", &before.journal, &after.journal, Takes::Restart);
    changes.single("numbers", &before.numbers, &after.numbers, Takes::Restart);
    changes.single("auth", &before.auth, &after.auth, Takes::Now);
    pbxs::compare(before, after, &mut changes);
    let (old, new) = (before.setup(0), after.setup(0));
    changes.setup(&old, &new);
    changes.single("crm", &before.crm, &after.crm, Takes::Now);
    let webhook =
        |webhook: &Webhook| (webhook.name.clone(), Webhook { key: String::new(), ..webhook.clone() });
    changes.list(
        "webhook",
        before.webhooks.iter().map(webhook),
        after.webhooks.iter().map(webhook),
        Takes::Now,
    );
    let token = |token: &Token| (token.name.clone(), Token { key: String::new(), ..token.clone() });
    changes.list("token", before.tokens.iter().map(token), after.tokens.iter().map(token), Takes::Now);
    let alias = |alias: &Alias| (alias.path.clone(), Alias { key: String::new(), ..alias.clone() });
    changes.list("alias", before.aliases.iter().map(alias), after.aliases.iter().map(alias), Takes::Now);
    Plan { changes: changes.0, impact: Impact::of(&old, &new) }
}

#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn push(&mut self, section: &'static str, id: Option<String>, kind: ChangeKind, takes: Takes) {
        self.0.push(Change { section, id, kind, fields: Vec::new(), takes });
    }

    /// A section of which there is one.
    fn single<T: PartialEq>(&mut self, section: &'static str, before: &T, after: &T, takes: Takes) {
        if before != after {
            self.push(section, None, ChangeKind::Changed, takes);
        }
    }

    /// Named things, of which it is not shown what differs.
    fn list<T: PartialEq>(
        &mut self,
        section: &'static str,
        before: impl Iterator<Item = (String, T)>,
        after: impl Iterator<Item = (String, T)>,
        takes: Takes,
    ) {
        let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) = (before.collect(), after.collect());
        for (id, kind) in compared(&before, &after) {
            self.push(section, Some(id.clone()), kind, takes);
        }
    }

    /// Named things, of which it is shown what differs.
    fn shown<T: Serialize + PartialEq>(
        &mut self,
        section: &'static str,
        before: &BTreeMap<String, T>,
        after: &BTreeMap<String, T>,
    ) {
        for (id, kind) in compared(before, after) {
            let fields = differences(before.get(id), after.get(id));
            let takes = Takes::Now;
            self.0.push(Change { section, id: Some(id.clone()), kind, fields, takes });
        }
    }

    fn setup(&mut self, before: &Setup, after: &Setup) {
        let agents = |setup: &Setup| by(&setup.agents, |agent| agent.id.to_string());
        self.shown("agent", &agents(before), &agents(after));
        let queues = |setup: &Setup| by(&setup.queues, |queue| queue.id.to_string());
        self.shown("queue", &queues(before), &queues(after));
        let routes = |setup: &Setup| by(&setup.routes, |route| route.name.clone());
        self.shown("route", &routes(before), &routes(after));
        for name in moved(before, after) {
            self.push("route", Some(name), ChangeKind::Moved, Takes::Now);
        }
        let calendars = |setup: &Setup| setup.calendars.clone();
        self.shown("calendar", &calendars(before), &calendars(after));
        let menus = |setup: &Setup| -> BTreeMap<String, MenuSetup> {
            setup.menus.iter().map(|(id, menu)| (id.to_string(), menu.clone())).collect()
        };
        self.shown("menu", &menus(before), &menus(after));
        self.shown("alerts", &alerts(before), &alerts(after));
    }
}

/// The limits of each queue, by figure.
fn alerts(setup: &Setup) -> BTreeMap<String, BTreeMap<&'static str, AlertSetup>> {
    let by_figure =
        |limits: &Vec<AlertSetup>| limits.iter().map(|limit| (limit.figure.as_str(), *limit)).collect();
    setup.alerts.iter().map(|(queue, limits)| (queue.to_string(), by_figure(limits))).collect()
}

/// What is in one or differs, in the order of names.
fn compared<'a, T: PartialEq>(
    before: &'a BTreeMap<String, T>,
    after: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = (&'a String, ChangeKind)> {
    let ids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    ids.into_iter().filter_map(|id| match (before.get(id), after.get(id)) {
        (None, _) => Some((id, ChangeKind::Added)),
        (_, None) => Some((id, ChangeKind::Removed)),
        (Some(before), Some(after)) => (before != after).then_some((id, ChangeKind::Changed)),
    })
}

fn by<T: Clone>(items: &[T], id: impl Fn(&T) -> String) -> BTreeMap<String, T> {
    items.iter().map(|item| (id(item), item.clone())).collect()
}

/// The routes that are in both and not in the same order: the fewest that would have to be moved by hand.
fn moved(before: &Setup, after: &Setup) -> Vec<String> {
    let places: BTreeMap<&str, usize> =
        before.routes.iter().enumerate().map(|(place, route)| (route.name.as_str(), place)).collect();
    let both: Vec<(&str, usize)> = after
        .routes
        .iter()
        .filter_map(|route| Some((route.name.as_str(), *places.get(route.name.as_str())?)))
        .collect();
    let stay = longest_rising(&both);
    both.into_iter().filter(|(_, place)| !stay.contains(place)).map(|(name, _)| name.to_owned()).collect()
}

/// The places of a longest subsequence in which they rise.
fn longest_rising(routes: &[(&str, usize)]) -> BTreeSet<usize> {
    let mut best: Vec<(usize, Option<usize>)> = Vec::with_capacity(routes.len());
    for (at, (_, place)) in routes.iter().enumerate() {
        let before = (0..at).filter(|other| routes[*other].1 < *place).max_by_key(|other| best[*other].0);
        best.push((before.map_or(0, |other| best[other].0) + 1, before));
    }
    let mut at = (0..routes.len()).max_by_key(|at| best[*at].0);
    let mut rising = BTreeSet::new();
    while let Some(here) = at {
        rising.insert(routes[here].1);
        at = best[here].1;
    }
    rising
}

fn differences<T: Serialize>(before: Option<&T>, after: Option<&T>) -> Vec<FieldChange> {
    let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
    let flat = |item: &T| {
        let mut found = BTreeMap::new();
        // Keys are strings, so it cannot fail.
        flatten(String::new(), serde_json::to_value(item).unwrap_or_default(), &mut found);
        found
    };
    let (before, after) = (flat(before), flat(after));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value = |of: &BTreeMap<String, Value>, key: &str| of.get(key).cloned().unwrap_or_default();
    keys.into_iter()
        .map(|key| FieldChange { key: key.clone(), from: value(&before, key), to: value(&after, key) })
        .filter(|field| field.from != field.to)
        .collect()
}

fn flatten(key: String, value: Value, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(if key.is_empty() { name } else { format!("{key}.{name}") }, value, found);
            }
        }
        value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            found.insert(key, value);
        }
    }
}

impl Impact {
    fn of(before: &Setup, after: &Setup) -> Self {
        Self {
            agents_without_queue: marked(&idle_agents(before), idle_agents(after)),
            queues_without_agent: marked(&unserved_queues(before), unserved_queues(after)),
            unreachable_rules: marked(&unreachable_rules(before), unreachable_rules(after)),
        }
    }

    /// Everything of no use.
    fn all(&self) -> impl Iterator<Item = (&'static str, &Useless)> {
        let agents = self.agents_without_queue.iter().map(|agent| ("agent", agent));
        let queues = self.queues_without_agent.iter().map(|queue| ("queue", queue));
        agents.chain(queues).chain(self.unreachable_rules.iter().map(|rule| ("route", rule)))
    }

    /// Whether this change makes nothing useless that was of use.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        self.all().all(|(_, useless)| !useless.new)
    }
}

/// Says of each whether it was there before.
fn marked(before: &[Useless], after: Vec<Useless>) -> Vec<Useless> {
    after.into_iter().map(|useless| Useless { new: !before.contains(&useless), ..useless }).collect()
}

fn useless(id: &str) -> Useless {
    Useless { id: id.to_owned(), behind: None, new: false }
}

fn idle_agents(setup: &Setup) -> Vec<Useless> {
    let serves = |agent: &AgentSetup, queue: &QueueSetup| {
        let mut later = queue.requires.iter().filter_map(|step| step.teams.as_ref()).flatten();
        queues::is_member(agent, queue) || later.any(|team| agent.teams.contains(team))
    };
    let idle = |agent: &&AgentSetup| !setup.queues.iter().any(|queue| serves(agent, queue));
    setup.agents.iter().filter(idle).map(|agent| useless(agent.id.as_str())).collect()
}

fn unserved_queues(setup: &Setup) -> Vec<Useless> {
    let unserved = |queue: &&QueueSetup| !queues::is_served(queue, &setup.agents);
    setup.queues.iter().filter(unserved).map(|queue| useless(queue.id.as_str())).collect()
}

fn unreachable_rules(setup: &Setup) -> Vec<Useless> {
    let told = |Unreachable { rule, behind }| Useless { id: rule, behind: Some(behind), new: false };
    unreachable(&setup.routes).into_iter().map(told).collect()
}

/// As a person reads it: one line a change, one a victim.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes.is_empty() {
            writeln!(f, "nothing changes")?;
        }
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        for (what, Useless { id, behind, new }) in self.impact.all() {
            let why = match (what, behind) {
                (_, Some(behind)) => format!("is never reached: {behind:?} takes all its calls"),
                ("agent", None) => "serves no queue".to_owned(),
                (_, None) => "has no agent with the skills it asks for".to_owned(),
            };
            writeln!(f, "! {what} {id} {why}{}", if *new { "" } else { " (as before)" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, word) = match self.kind {
            ChangeKind::Added => ('+', ""),
            ChangeKind::Removed => ('-', ""),
            ChangeKind::Changed => ('~', ""),
            ChangeKind::Moved => ('~', " is tried at another place"),
        };
        write!(f, "{sign} {}", self.section)?;
        if let Some(id) = &self.id {
            write!(f, " {id}")?;
        }
        f.write_str(word)?;
        for (at, field) in self.fields.iter().enumerate() {
            let FieldChange { key, from, to } = field;
            write!(f, "{}{key} {from} → {to}", if at == 0 { ": " } else { ", " })?;
        }
        match self.takes {
            Takes::Now => Ok(()),
            Takes::Restart => f.write_str(" (at the next start)"),
        }
    }
}
