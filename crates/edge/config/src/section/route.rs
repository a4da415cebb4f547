//! `[[route]]`: which call goes where.

use std::collections::BTreeMap;

use hookswitch_model::{
    Millis, Skill,
    setup::{PreferSetup, Rejection, RouteSetup, RouteTarget},
};
use toml::de::DeValue;

use super::agent::skills;
use crate::{
    defaults,
    read::{
        Node, Reader,
        value::{always_true, any_key, condition, duration_in, integer, line, map, name, number, text},
    },
    suggest,
};

/// `[[route]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where it stands: `route[0]`.
    pub key: String,
    /// What the engine knows.
    pub setup: RouteSetup,
}

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Route> {
    let key = node.key.clone();
    let mut fields = reader.fields(node)?;
    let name =
        fields.required("name", "what events and explanations call it, as in \"gold customers\"", line);
    let when = fields.optional("when", condition);
    let target = {
        let queue = fields.optional("queue", self::name).map(RouteTarget::Queue);
        let agent = fields.optional("agent", self::name).map(RouteTarget::Agent);
        let transfer = fields.optional("transfer", number).map(RouteTarget::Transfer);
        let menu = fields.optional("menu", self::name).map(RouteTarget::Menu);
        let hangup = fields.optional("hangup", always_true).map(|()| RouteTarget::Hangup);
        let reject = fields.optional("reject", reject);
        fields.exactly_one(&["queue", "agent", "transfer", "menu", "hangup", "reject"]);
        queue.or(agent).or(transfer).or(menu).or(hangup).or(reject)
    };
    let prefer = fields.optional("prefer", prefer);
    if fields.has("prefer") && !fields.has("queue") {
        let hint = "give the route a queue, which the call waits in while the agent is busy";
        fields.error_at("prefer", "`prefer` means nothing without `queue`", hint);
    }
    let priority = fields.or("priority", 0, integer(-1_000, 1_000));
    let requires = fields.or("requires", BTreeMap::new(), requires);
    let set = fields.or("set", BTreeMap::new(), map(any_key, text));
    fields.finish();
    let setup = RouteSetup {
        name: name?,
        when,
        target: target?,
        priority: i32::try_from(priority).unwrap_or_default(),
        requires,
        set,
        prefer,
    };
    Some(Route { key, setup })
}

const REJECTIONS: [(&str, RouteTarget); 3] = [
    ("busy", RouteTarget::Reject(Rejection::Busy)),
    ("hangup", RouteTarget::Hangup),
    ("spam", RouteTarget::Reject(Rejection::Spam)),
];

fn reject(reader: &mut Reader, node: &Node<'_>) -> Option<RouteTarget> {
    let word = text(reader, node)?;
    let found = REJECTIONS.into_iter().find(|(known, _)| *known == word);
    if found.is_none() {
        let hint = suggest::hint(&word, "way to refuse a call", REJECTIONS.iter().map(|(known, _)| *known));
        reader.error(node, format!("{word:?} is not known here"), hint);
    }
    found.map(|(_, target)| target)
}

/// `prefer = "customer.owner"`, or with times.
fn prefer(reader: &mut Reader, node: &Node<'_>) -> Option<PreferSetup> {
    if matches!(node.value, DeValue::String(_)) {
        return Some(PreferSetup {
            agent: condition(reader, node)?,
            wait: defaults::PREFER_WAIT,
            team_wait: defaults::PREFER_TEAM_WAIT,
        });
    }
    let mut fields = reader.fields(node)?;
    let hint = "what names an agent by id or name, as in \"customer.owner\"";
    let agent = fields.required("agent", hint, condition);
    let bounds = || duration_in(Millis(0), Millis::from_secs(86_400));
    let wait = fields.or("wait", defaults::PREFER_WAIT, bounds());
    let team_wait = fields.or("team_wait", defaults::PREFER_TEAM_WAIT, bounds());
    fields.finish();
    Some(PreferSetup { agent: agent?, wait, team_wait })
}

fn requires(reader: &mut Reader, node: &Node<'_>) -> Option<BTreeMap<Skill, u8>> {
    let mut fields = reader.fields(node)?;
    let skills = fields.or("skills", BTreeMap::new(), skills);
    fields.finish();
    Some(skills)
}
