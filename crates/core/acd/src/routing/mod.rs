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
//! | `ani in list.blacklist` | whether the number, as it came or in E.164, stands in a list; so of any other name |
//!
//! What is missing is null and never an error: `customer.tier == "gold"` is false where no customer is known, and
//! `data.foo == null` is true where nothing is attached under `foo`. A comparison that cannot be made (text with a
//! number, `startsWith` of null) is false, and the rest of the condition is still looked at; what could not be compared
//! is told with the rule in [`Tried`](hookswitch_model::why::Tried).
//!
//! A rule that sends callers into a menu is passed over for a call that has the data the menu fills, be it empty: so no
//! caller is asked twice, and none runs in a circle.
//!
//! Most tests compare one name, or a number worked out of names, with a constant. Those are taken out of the condition
//! when it is loaded and cost some nanoseconds; only the rest is left to the CEL interpreter. Its cost is bounded at load: conditions are short, lists
//! are short, and a loop in a loop is refused.

mod calendar;
mod compile;
mod condition;
mod days;
mod facts;
mod lists;
mod names;
mod number;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use hookswitch_expression::{Compiler, Error, Facts as _, Interpreter, Value};
use hookswitch_model::{
    AgentId, MenuId, TeamId, Timestamp,
    call::{AttachedData, Call},
    setup::{RouteSetup, RouteTarget, Setup},
    why::{Preferred, Routed, Tried},
};
use serde::{Deserialize, Serialize};

use calendar::Calendars;
use compile::{Preference, condition, preference};
use condition::Condition;
use facts::{CallFacts, Path};
use lists::Lists;
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

/// The rules, compiled. See the [module](self).
#[derive(Debug)]
pub struct Router {
    rules: Vec<Rule>,
    /// What conditions name, each once.
    paths: Vec<Path>,
    calendars: Calendars,
    lists: Lists,
    people: People,
    interpreter: Interpreter,
}

#[derive(Debug)]
struct Rule {
    name: Arc<str>,
    /// None: takes every call.
    when: Option<Condition>,
    prefer: Option<Preference>,
    /// What the menu fills that it sends callers into.
    asks: Option<String>,
    setup: RouteSetup,
}

impl Rule {
    /// Of a rule that sends callers into a menu: the name of what the menu would fill, where the call has it already.
    fn answered(&self, call: &Call) -> Option<&str> {
        self.asks.as_deref().filter(|key| call.data.contains_key(*key))
    }
}

/// The name of the data that a menu fills.
pub(crate) fn data_key(setup: &Setup, menu: &MenuId) -> String {
    setup.menus.get(menu).map_or_else(|| format!("ivr.{menu}"), |menu| menu.data.clone())
}

/// The agents that rules can prefer, by id and by name, with their teams.
#[derive(Debug, Default)]
struct People {
    by_id: BTreeMap<AgentId, Vec<TeamId>>,
    by_name: BTreeMap<String, AgentId>,
}

impl People {
    /// Nobody, where no rule prefers anybody.
    fn new(setup: &Setup) -> Self {
        let mut new = Self::default();
        if setup.routes.iter().any(|route| route.prefer.is_some()) {
            for agent in &setup.agents {
                new.by_id.insert(agent.id.clone(), agent.teams.clone());
                new.by_name.insert(agent.name.to_lowercase(), agent.id.clone());
            }
        }
        new
    }

    /// By id, or by name in whatever case: a CRM knows its users by names of its own.
    fn find(&self, named: &str) -> Option<(&AgentId, &[TeamId])> {
        let id = AgentId::new(named).ok();
        let by_id = id.and_then(|id| self.by_id.get_key_value(&id));
        let found = by_id.or_else(|| self.by_id.get_key_value(self.by_name.get(&named.to_lowercase())?));
        found.map(|(id, teams)| (id, teams.as_slice()))
    }
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

    /// When this calendar is open next: now, if it is; none: not within a year, or there is no such calendar.
    pub(crate) fn opens(&self, calendar: &str, now: Timestamp) -> Option<Timestamp> {
        self.calendars.opens(self.calendars.number(calendar)?, now)
    }

    /// Compiles the rules of a configuration.
    ///
    /// # Errors
    /// Every rule and calendar that cannot be used, with its place and a hint.
    pub fn new(setup: &Setup) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        let calendars = Calendars::new(&setup.calendars, &mut errors);
        let lists = Lists::new(&setup.lists);
        let mut compiler = Compiler::new(CallNames { calendars: &calendars, lists: &lists });
        let mut parsed = Vec::with_capacity(setup.routes.len());
        for route in &setup.routes {
            let prefer = route.prefer.as_ref().map(|prefer| &prefer.agent);
            let compiled =
                [route.when.as_ref(), prefer].map(|text| text.map(|text| compiler.compile(text)).transpose());
            parsed.push((route, compiled));
        }
        let paths = compiler.into_names();
        let mut rules = Vec::with_capacity(parsed.len());
        for (route, [when, prefer]) in parsed {
            let when = when.and_then(|when| when.map(|when| condition(&when, &paths)).transpose());
            let prefer = prefer.and_then(|prefer| prefer.map(|of| preference(&of, &paths)).transpose());
            match (when, prefer) {
                (Ok(when), Ok(prefer)) => {
                    let name = route.name.as_str().into();
                    let asks = match &route.target {
                        RouteTarget::Menu(menu) => Some(data_key(setup, menu)),
                        RouteTarget::Queue(_)
                        | RouteTarget::Agent(_)
                        | RouteTarget::Transfer(_)
                        | RouteTarget::Hangup
                        | RouteTarget::Reject(_) => None,
                    };
                    rules.push(Rule { name, when, prefer, asks, setup: route.clone() });
                }
                (when, prefer) => {
                    let found = [when.err(), prefer.err()].into_iter().flatten();
                    errors.extend(found.map(|error| RuleError::of(&route.name, error)));
                }
            }
        }
        let people = People::new(setup);
        if errors.is_empty() {
            Ok(Self { rules, paths, calendars, lists, people, interpreter: Interpreter::default() })
        } else {
            Err(errors)
        }
    }

    fn facts<'a>(&'a self, now: Timestamp, call: &'a Call) -> CallFacts<'a> {
        CallFacts::new(now, call, &self.paths, &self.calendars, &self.lists)
    }

    /// Whether it depends on the customer, who is not known yet, which rule takes this call, or whom the rule prefers.
    /// A rule that asks for the customer and cannot hold for another reason does not count, nor does one behind a rule
    /// that takes the call whoever calls.
    #[must_use]
    pub fn needs_customer(&self, now: Timestamp, call: &Call) -> bool {
        let facts = self.facts(now, call);
        for rule in self.rules.iter().filter(|rule| rule.answered(call).is_none()) {
            let holds = rule.when.as_ref().map(|when| when.holds_for_anybody(&facts, &self.interpreter));
            match holds.unwrap_or(Some(true)) {
                None => return true,
                Some(true) => {
                    return match &rule.prefer {
                        Some(Preference::Name(name)) => facts.is_of_customer(*name),
                        Some(Preference::Text(_)) | None => false,
                    };
                }
                Some(false) => {}
            }
        }
        false
    }

    /// Routes a call at this time.
    #[must_use]
    pub fn route(&self, now: Timestamp, call: &Call) -> Routed {
        let facts = self.facts(now, call);
        let mut tried = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            let mut note = None;
            let mut matched =
                rule.when.as_ref().is_none_or(|when| when.holds(&facts, &self.interpreter, &mut note));
            if let Some(key) = rule.answered(call).filter(|_| matched) {
                matched = false;
                note = Some(format!("not asked again: {key:?} is known"));
            }
            let prefer = if matched { self.preferred(rule, &facts, &mut note) } else { None };
            tried.push(Tried { rule: Arc::clone(&rule.name), matched, note });
            if matched {
                return Routed {
                    rule: Some(Arc::clone(&rule.name)),
                    target: Some(rule.setup.target.clone()),
                    priority: rule.setup.priority,
                    requires: rule.setup.requires.clone(),
                    set: rule.setup.set.clone(),
                    tried,
                    prefer,
                    waited: None,
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
            prefer: None,
            waited: None,
        }
    }

    /// The agent that a rule prefers for a call. Who is named and unknown is noted.
    fn preferred(&self, rule: &Rule, facts: &CallFacts<'_>, note: &mut Option<String>) -> Option<Preferred> {
        let setup = rule.setup.prefer.as_ref()?;
        let named = match rule.prefer.as_ref()? {
            Preference::Text(text) => Cow::Borrowed(text.as_str()),
            Preference::Name(number) => match facts.value(*number) {
                Value::Text(text) => text,
                Value::Null
                | Value::Bool(_)
                | Value::Int(_)
                | Value::Float(_)
                | Value::Fields(_)
                | Value::Json(_) => return None,
            },
        };
        let found = self.people.find(&named);
        if found.is_none() {
            note.get_or_insert_with(|| format!("no agent is called {named:?}"));
        }
        let (agent, teams) = found?;
        Some(Preferred {
            agent: agent.clone(),
            wait: setup.wait,
            teams: teams.to_vec(),
            team_wait: setup.team_wait,
        })
    }
}
