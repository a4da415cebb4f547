//! Names that must exist: PBXs, teams, agents, queues, skills.

use std::collections::BTreeSet;

use hookswitch_model::{
    MenuId, Skill, TeamId,
    setup::{Mode, Overflow, RouteTarget},
};

use super::queues::is_member;
use crate::{Config, Route, read::Reader, suggest};

/// What may be named.
struct Known<'a> {
    pbxs: Vec<&'a str>,
    teams: BTreeSet<&'a str>,
    agents: Vec<&'a str>,
    queues: Vec<&'a str>,
    skills: BTreeSet<&'a str>,
}

pub(crate) fn check(reader: &mut Reader, config: &Config) {
    let known = Known {
        pbxs: config.pbxs.iter().map(|pbx| pbx.name.as_str()).collect(),
        teams: config.agents.iter().flat_map(|agent| agent.setup.teams.iter().map(TeamId::as_str)).collect(),
        agents: config.agents.iter().map(|agent| agent.setup.id.as_str()).collect(),
        queues: config.queues.iter().map(|queue| queue.setup.id.as_str()).collect(),
        skills: config.agents.iter().flat_map(|agent| agent.setup.skills.keys().map(Skill::as_str)).collect(),
    };
    if !reader.has("pbx[0]") {
        reader.warn_at(
            "",
            "there is no [[pbx]]: no call will ever come",
            "add one: [[pbx]] with name, address, username, secret",
        );
    }
    for agent in &config.agents {
        let name = agent.setup.pbx.as_str();
        if !known.pbxs.contains(&name) && !known.pbxs.is_empty() {
            let hint = suggest::hint(name, "[[pbx]]", known.pbxs.iter().copied());
            reader.error_at(&format!("{}.pbx", agent.key), format!("no [[pbx]] is called {name:?}"), hint);
        }
    }
    for token in &config.tokens {
        if let Some(agent) = &token.agent {
            known.agent(reader, &format!("{}.agent", token.key), agent.as_str());
        }
    }
    if let Some(hours) = &config.numbers.outbound.hours
        && !config.calendars.contains_key(hours)
    {
        let hint = suggest::hint(hours, "[calendar]", config.calendars.keys().map(String::as_str));
        reader.error_at("numbers.outbound.hours", format!("no [calendar] is called {hours:?}"), hint);
    }
    queues(reader, config, &known);
    routes(reader, config, &known);
    unused_menus(reader, config);
}

fn queues(reader: &mut Reader, config: &Config, known: &Known<'_>) {
    for queue in &config.queues {
        let key = &queue.key;
        let served = config.agents.iter().any(|agent| is_member(&agent.setup, &queue.setup));
        for (index, team) in queue.setup.members.teams.iter().enumerate() {
            known.team(reader, &format!("{key}.members.teams[{index}]"), team.as_str(), served);
        }
        for (index, agent) in queue.setup.members.agents.iter().enumerate() {
            known.agent(reader, &format!("{key}.members.agents[{index}]"), agent.as_str());
        }
        for (step, requirement) in queue.setup.requires.iter().enumerate() {
            let key = format!("{key}.requires[{step}]");
            for (index, team) in requirement.teams.iter().flatten().enumerate() {
                known.team(reader, &format!("{key}.teams[{index}]"), team.as_str(), true);
            }
            for skill in requirement.skills.keys() {
                known.skill(reader, &format!("{key}.skills.{skill}"), skill.as_str());
            }
        }
        for (index, old) in queue.replaces.iter().enumerate() {
            let key = format!("{key}.replaces[{index}]");
            if known.queues.contains(&old.as_str()) {
                let hint = "a queue that is still there keeps its callers; take it out, or leave this out";
                reader.error_at(&key, format!("there is a [[queue]] {:?}", old.as_str()), hint);
            }
        }
        if let Some(max_wait) = &queue.setup.max_wait
            && let Overflow::Queue(to) = &max_wait.then
        {
            known.queue(reader, &format!("{key}.max_wait.then.queue"), to.as_str());
        }
        if let Some(hours) = queue.setup.callback.as_ref().and_then(|callback| callback.hours.as_ref())
            && !config.calendars.contains_key(hours)
        {
            let hint = suggest::hint(hours, "[calendar]", config.calendars.keys().map(String::as_str));
            let key = format!("{key}.callback.hours");
            reader.error_at(&key, format!("no [calendar] is called {hours:?}"), hint);
        }
    }
}

fn routes(reader: &mut Reader, config: &Config, known: &Known<'_>) {
    for route in &config.routes {
        let key = &route.key;
        match &route.setup.target {
            RouteTarget::Queue(queue) => known.queue(reader, &format!("{key}.queue"), queue.as_str()),
            RouteTarget::Agent(agent) => known.agent(reader, &format!("{key}.agent"), agent.as_str()),
            RouteTarget::Menu(menu) => menus(reader, config, route, menu),
            RouteTarget::Transfer(_) | RouteTarget::Hangup | RouteTarget::Reject(_) => {}
        }
        for skill in route.setup.requires.keys() {
            known.skill(reader, &format!("{key}.requires.skills.{skill}"), skill.as_str());
        }
    }
}

/// The menu there must be, and a PBX that can have it: callers of one that is only observed never come to us.
fn menus(reader: &mut Reader, config: &Config, route: &Route, menu: &MenuId) {
    let key = format!("{}.menu", route.key);
    if !config.menus.contains_key(menu) {
        let hint = suggest::hint(menu.as_str(), "[menu]", config.menus.keys().map(MenuId::as_str));
        reader.error_at(&key, format!("no [menu] is called {:?}", menu.as_str()), hint);
    }
    if !config.pbxs.is_empty() && !config.pbxs.iter().any(|pbx| pbx.mode == Mode::Route) {
        let message = "no PBX here can have a menu";
        reader.error_at(&key, message, "menus are for a PBX with mode = \"route\", or of kind \"sip\"");
    }
}

/// Menus that no rule leads to.
fn unused_menus(reader: &mut Reader, config: &Config) {
    for menu in config.menus.keys() {
        let leads = |route: &Route| route.setup.target == RouteTarget::Menu(menu.clone());
        if !config.routes.iter().any(leads) {
            let hint = format!("add one: [[route]] with name and menu = {:?}", menu.as_str());
            reader.warn_at(&format!("menu.{menu}"), "no [[route]] leads to this menu", hint);
        }
    }
}

impl Known<'_> {
    /// A team may be without agents for a while, so it is an error only where nobody else serves the queue.
    fn team(&self, reader: &mut Reader, key: &str, name: &str, others_serve: bool) {
        if !self.teams.contains(name) {
            let hint = suggest::hint(
                name,
                "team: an agent is in one by teams = [\"…\"]",
                self.teams.iter().copied(),
            );
            let message = format!("no agent is in a team {name:?}");
            if others_serve {
                reader.warn_at(key, message, hint);
            } else {
                reader.error_at(key, message, hint);
            }
        }
    }

    fn agent(&self, reader: &mut Reader, key: &str, name: &str) {
        if !self.agents.contains(&name) {
            let hint = suggest::hint(name, "[[agent]]", self.agents.iter().copied());
            reader.error_at(key, format!("no [[agent]] has the id {name:?}"), hint);
        }
    }

    fn queue(&self, reader: &mut Reader, key: &str, name: &str) {
        if !self.queues.contains(&name) {
            let hint = suggest::hint(name, "[[queue]]", self.queues.iter().copied());
            reader.error_at(key, format!("no [[queue]] has the id {name:?}"), hint);
        }
    }

    /// Nobody may have it yet, so it is only a warning.
    fn skill(&self, reader: &mut Reader, key: &str, name: &str) {
        if !self.skills.contains(name) {
            let hint = suggest::hint(name, "agent with skills", self.skills.iter().copied());
            reader.warn_at(key, format!("no agent has the skill {name:?}"), hint);
        }
    }
}
