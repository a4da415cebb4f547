//! Which events a subscriber reads.

use std::{fmt, str::FromStr};

use hookswitch_wire::{
    Meta,
    model::{AgentId, QueueId},
};

/// A pattern of event types: `call.offered`, `call.*` or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypePattern(Pattern);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    All,
    /// With the dot.
    Family(String),
    Exact(String),
}

/// Not a pattern of event types.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no event type: call.offered, call.* and * are patterns")]
pub struct NotAPattern(String);

impl FromStr for TypePattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let pattern = match text.split_once('.') {
            None if text == "*" => Pattern::All,
            Some((family, "*")) if word(family) => Pattern::Family(format!("{family}.")),
            Some((family, name)) if word(family) && word(name) => Pattern::Exact(text.to_owned()),
            Some(_) | None => return Err(NotAPattern(text.to_owned())),
        };
        Ok(Self(pattern))
    }
}

impl fmt::Display for TypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Pattern::All => f.write_str("*"),
            Pattern::Family(family) => write!(f, "{family}*"),
            Pattern::Exact(name) => f.write_str(name),
        }
    }
}

impl TypePattern {
    fn matches(&self, type_name: &str) -> bool {
        match &self.0 {
            Pattern::All => true,
            Pattern::Family(family) => type_name.starts_with(family),
            Pattern::Exact(name) => type_name == name,
        }
    }
}

/// Patterns of event types; none stands for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Types(Vec<TypePattern>);

impl Types {
    /// Those of a query: patterns with commas between.
    ///
    /// # Errors
    /// [`NotAPattern`] with the first that is none.
    pub fn parse(list: &str) -> Result<Self, NotAPattern> {
        let patterns = list.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        patterns.map(str::parse).collect::<Result<_, _>>().map(Self)
    }

    fn match_type(&self, type_name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.matches(type_name))
    }
}

impl FromIterator<TypePattern> for Types {
    fn from_iter<I: IntoIterator<Item = TypePattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

/// What a subscriber may read, whatever it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// Everything.
    #[default]
    All,
    /// What an agent's token reads: the agent's own calls and pops, the states of all agents, the statistics of all
    /// queues. Numbers that a caller withheld are left out.
    Agent(AgentId),
}

impl Scope {
    fn allows(&self, meta: &Meta) -> bool {
        match self {
            Self::All => true,
            Self::Agent(agent) => {
                let of_all = meta.type_name.starts_with("agent.") || meta.type_name == "queue.stats";
                of_all || meta.agents.contains(agent)
            }
        }
    }
}

/// What a subscriber asks for and may read. Two readers with an equal filter see the same events with the same `prev`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of these types.
    pub types: Types,
    /// Of this agent: the calls the agent is in, pops, changes of state.
    pub agent: Option<AgentId>,
    /// Of this queue: its calls, its statistics.
    pub queue: Option<QueueId>,
    /// What may be read at all.
    pub scope: Scope,
}

impl Filter {
    /// Whether an event of this kind passes.
    #[must_use]
    pub fn passes(&self, meta: &Meta) -> bool {
        self.types.match_type(&meta.type_name)
            && self.agent.as_ref().is_none_or(|agent| meta.agents.contains(agent))
            && self.queue.as_ref().is_none_or(|queue| meta.queue.as_ref() == Some(queue))
            && self.scope.allows(meta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(type_name: &'static str, agents: &[&str], queue: Option<&str>) -> Meta {
        Meta {
            type_name: type_name.into(),
            call: None,
            agents: agents.iter().map(|agent| AgentId::new(agent).unwrap()).collect(),
            queue: queue.map(|queue| QueueId::new(queue).unwrap()),
        }
    }

    #[test]
    fn types_are_exact_names_families_and_all() {
        let passes = |types: &str, name: &'static str| {
            let filter = Filter { types: Types::parse(types).unwrap(), ..Filter::default() };
            filter.passes(&meta(name, &[], None))
        };
        assert!(passes("", "pbx.link") && passes("*", "pbx.link"));
        assert!(passes("call.ended", "call.ended") && !passes("call.ended", "call.answered"));
        assert!(passes("agent.state, call.*", "call.held") && !passes("agent.state,call.*", "screen.pop"));
        assert!(!passes("call.*", "callback.created"), "a family ends at its dot");
        for wrong in ["call", "call.", ".*", "call.off*", "Call.ended", "call.*.x", "call ended", "**"] {
            assert!(Types::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_agents_token_reads_own_calls_all_agent_states_and_queue_statistics() {
        let alice = Filter { scope: Scope::Agent(AgentId::new("alice").unwrap()), ..Filter::default() };
        assert!(alice.passes(&meta("call.answered", &["alice", "bob"], None)));
        assert!(!alice.passes(&meta("call.answered", &["bob"], None)));
        assert!(alice.passes(&meta("screen.pop", &["alice"], None)));
        assert!(!alice.passes(&meta("screen.pop", &["bob"], None)));
        assert!(alice.passes(&meta("agent.state", &["bob"], None)));
        assert!(alice.passes(&meta("queue.stats", &[], Some("support"))));
        assert!(!alice.passes(&meta("pbx.link", &[], None)));
        assert!(!alice.passes(&meta("invariant.violated", &[], None)));
    }

    #[test]
    fn agent_and_queue_narrow_what_the_scope_allows() {
        let support = Some(QueueId::new("support").unwrap());
        let filter = Filter {
            agent: Some(AgentId::new("bob").unwrap()),
            queue: support,
            scope: Scope::Agent(AgentId::new("alice").unwrap()),
            ..Filter::default()
        };
        assert!(filter.passes(&meta("call.answered", &["alice", "bob"], Some("support"))));
        assert!(!filter.passes(&meta("call.answered", &["alice", "bob"], Some("sales"))));
        assert!(!filter.passes(&meta("call.answered", &["alice"], Some("support"))));
        assert!(!filter.passes(&meta("call.answered", &["bob"], Some("support"))));
    }
}
