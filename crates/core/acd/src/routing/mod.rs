//! Which rule takes a call, and where it sends it.
//!
//! Rules are tried in the order of the configuration, and the first whose condition holds takes the call. Conditions are
//! [CEL](https://cel.dev), compiled once. These names stand for the call:
//!
//! | name | what it is |
//! | --- | --- |
//! | `ani`, `ani.raw`, `ani.e164`, `ani.withheld`, `ani.name` | who calls; `ani` alone is the number as it came |
//! | `dnis`, `dnis.raw`, `dnis.e164` | what was dialled; `dnis` alone is the number as it came |
//! | `via`, `via.raw`, `via.e164`, `via.reason` | who diverted the call |
//! | `data.key`, `data["ivr.choice"]` | attached data, always text |
//! | `customer.id`, `customer.name`, `customer.match`, `customer.score`, `customer.FIELD` | the best candidate |
//! | `now.hour`, `.minute`, `.second`, `.weekday` (`"mon"`), `.day`, `.month`, `.year`, `.date`, `.time` (`"17:05"`), `.iso` | the local time: of the calendars' time zone if all have the same, else UTC |
//! | `pbx`, `trunk` | where the call came in |
//! | `calendar.office`, `open("office")` | whether a calendar is open now |
//!
//! What is missing is null and never an error: `customer.tier == "gold"` is false where no customer is known, and
//! `data.foo == null` is true where nothing is attached under `foo`. A comparison that cannot be made (text with a
//! number, `startsWith` of null) is false, and the rest of the condition is still looked at; what could not be compared
//! is told with the rule in [`Tried`].
//!
//! Most tests compare one name with a constant. Those are taken out of the condition when it is loaded and cost some
//! nanoseconds; only the rest is left to the CEL interpreter. Its cost is bounded at load: conditions are short, lists
//! are short, and a loop in a loop is refused.

mod calendar;
mod compile;
mod condition;
mod facts;
mod names;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_expression::{Compiler, Error, Interpreter};
use hookswitch_model::{
    Skill, Timestamp,
    call::{AttachedData, Call},
    setup::{RouteSetup, RouteTarget, Setup},
};
use serde::{Deserialize, Serialize};

use calendar::Calendars;
use compile::condition;
use condition::Condition;
use facts::{CallFacts, Path};
use names::CallNames;

/// A rule, or a calendar (`calendar.office`), that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{rule:?}: {message}")]
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
    /// What in it could not be compared, if anything. Such a comparison is false.
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
    /// The rules that were tried, in order; the last is the one that took it, if one did.
    pub tried: Vec<Tried>,
}

/// The rules, compiled. See the [module](self).
#[derive(Debug)]
pub struct Router {
    rules: Vec<Rule>,
    /// What conditions name, each once.
    paths: Vec<Path>,
    calendars: Calendars,
    interpreter: Interpreter,
}

#[derive(Debug)]
struct Rule {
    name: Arc<str>,
    /// None: takes every call.
    when: Option<Condition>,
    setup: RouteSetup,
}

impl RuleError {
    fn of(rule: &str, error: Error) -> Self {
        Self { rule: rule.to_owned(), column: error.column, message: error.message, hint: error.hint }
    }
}

impl Router {
    /// Whether this calendar is open; none when there is no such calendar.
    pub(crate) fn is_open(&self, calendar: &str, now: Timestamp) -> Option<bool> {
        Some(self.calendars.is_open(self.calendars.number(calendar)?, now))
    }

    /// Compiles the rules of a configuration.
    ///
    /// # Errors
    /// Every rule and calendar that cannot be used, with its place and a hint.
    pub fn new(setup: &Setup) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        let calendars = Calendars::new(&setup.calendars, &mut errors);
        let mut compiler = Compiler::new(CallNames(&calendars));
        let mut rules = Vec::with_capacity(setup.routes.len());
        for route in &setup.routes {
            let compile = |when: &String| compiler.compile(when).and_then(|when| condition(&when));
            match route.when.as_ref().map(compile).transpose() {
                Ok(when) => {
                    rules.push(Rule { name: route.name.as_str().into(), when, setup: route.clone() });
                }
                Err(error) => errors.push(RuleError::of(&route.name, error)),
            }
        }
        let paths = compiler.into_names();
        if errors.is_empty() {
            Ok(Self { rules, paths, calendars, interpreter: Interpreter::default() })
        } else {
            Err(errors)
        }
    }

    /// Routes a call at this time.
    #[must_use]
    pub fn route(&self, now: Timestamp, call: &Call) -> Routed {
        let facts = CallFacts::new(now, call, &self.paths, &self.calendars);
        let mut tried = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            let mut note = None;
            let matched =
                rule.when.as_ref().is_none_or(|when| when.holds(&facts, &self.interpreter, &mut note));
            tried.push(Tried { rule: Arc::clone(&rule.name), matched, note });
            if matched {
                return Routed {
                    rule: Some(Arc::clone(&rule.name)),
                    target: Some(rule.setup.target.clone()),
                    priority: rule.setup.priority,
                    requires: rule.setup.requires.clone(),
                    set: rule.setup.set.clone(),
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
