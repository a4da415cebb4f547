//! What a person or a program asks for, and the answer.

use serde::{Deserialize, Serialize};

use crate::{ActionId, AgentId, CallId, PopId, agent::AgentState, call::AttachedData};

/// Who asks: for the audit line, and for `by` in events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The token's name, `feature code`, `shutdown`, …
    pub name: String,
    /// The agent the token belongs to, for an agent's token.
    pub agent: Option<AgentId>,
}

/// A request with its identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Answers and resulting events carry it.
    pub id: ActionId,
    /// Who asks.
    pub actor: Actor,
    /// What.
    pub request: Request,
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Change an agent's state; while busy it is remembered as `next`.
    SetAgentState {
        /// Whose.
        agent: AgentId,
        /// `LoggedOut`, `NotReady`, `Ready` or `WrapUp`; the others are not asked for but happen.
        state: AgentState,
        /// Why.
        reason: Option<String>,
    },
    /// Attach data to a call.
    SetData {
        /// The call.
        call: CallId,
        /// Keys and new values.
        changed: AttachedData,
    },
    /// A client wants to show a pop; one wins.
    ClaimPop {
        /// The pop.
        pop: PopId,
        /// Which client: a tab, a device.
        client: String,
    },
    /// A client showed a pop.
    PopShown {
        /// The pop.
        pop: PopId,
        /// Which client.
        client: Option<String>,
    },
    /// The daemon stops: hand waiting callers to the fallback.
    Shutdown,
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The command.
    pub command: ActionId,
    /// Taken, or why not.
    pub result: Result<(), Refusal>,
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// No agent, call or pop of that id.
    #[error("no such {what}: {id}")]
    Unknown {
        /// `agent`, `call`, `pop`.
        what: String,
        /// The id asked for.
        id: String,
    },
    /// Legal in general, not now.
    #[error("{why}")]
    NotNow {
        /// Why, for people.
        why: String,
        /// What would be legal now.
        allowed: Vec<String>,
    },
    /// Never legal as asked.
    #[error("{why}; {hint}")]
    Invalid {
        /// Why.
        why: String,
        /// What would do.
        hint: String,
    },
    /// Another client won the pop.
    #[error("popped elsewhere")]
    PoppedElsewhere,
    /// The pop is too old.
    #[error("the pop is expired")]
    PopExpired,
}
