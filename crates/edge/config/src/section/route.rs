//! `[[route]]`: which call goes where.

use std::collections::BTreeMap;

use hookswitch_model::{
    Skill,
    setup::{RouteSetup, RouteTarget},
};

use super::agent::skills;
use crate::read::{
    Node, Reader,
    value::{always_true, any_key, condition, integer, line, map, name, number, text},
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
        let hangup = fields.optional("hangup", always_true).map(|()| RouteTarget::Hangup);
        fields.exactly_one(&["queue", "agent", "transfer", "hangup"]);
        queue.or(agent).or(transfer).or(hangup)
    };
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
        prefer: None,
    };
    Some(Route { key, setup })
}

fn requires(reader: &mut Reader, node: &Node<'_>) -> Option<BTreeMap<Skill, u8>> {
    let mut fields = reader.fields(node)?;
    let skills = fields.or("skills", BTreeMap::new(), skills);
    fields.finish();
    Some(skills)
}
