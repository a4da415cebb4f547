//! What `data` holds, one struct for each shape in the contract's table of events.

use std::{borrow::Cow, collections::BTreeMap};

use hookswitch_model::{self as model, AgentId, CallId, LegId, QueueId, Skill};
use serde::{Deserialize, Serialize};

use crate::{
    object::{Agent, Alert, Call, Callback, Customer, Figures, Ledger, Offer, Pop, Queue, Text, borrowed},
    time::Time,
    words,
};

/// `call.started`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallStarted<'a> {
    /// The call.
    pub call: Call<'a>,
}

/// `call.identified`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallIdentified<'a> {
    /// The call.
    pub call: Call<'a>,
    /// Who it is, as far as known.
    pub customer: Customer<'a>,
}

/// `call.data`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallData<'a> {
    /// The call.
    pub call: Call<'a>,
    /// The keys that changed, with their new values.
    pub changed: Cow<'a, BTreeMap<String, String>>,
    /// Who changed them.
    pub by: Text<'a>,
}

/// `call.queued`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallQueued<'a> {
    /// The call.
    pub call: Call<'a>,
    /// The queue.
    pub queue: QueueId,
    /// Place in it, from 1.
    pub position: u32,
    /// Seconds until an answer, as estimated now.
    pub estimated_wait_s: Option<u64>,
    /// Least levels of the skills asked for now.
    pub requires: Cow<'a, BTreeMap<Skill, u8>>,
    /// Higher is served first.
    pub priority: i32,
    /// The routing rule that matched.
    pub rule: Option<Text<'a>>,
}

impl<'a> CallQueued<'a> {
    pub(crate) fn new(call: Call<'a>, queued: &'a model::event::Queued) -> Self {
        Self {
            call,
            queue: queued.queue.clone(),
            position: queued.position,
            estimated_wait_s: queued.estimated_wait_s,
            requires: Cow::Borrowed(&queued.requires),
            priority: queued.priority,
            rule: borrowed(&queued.rule),
        }
    }
}

/// `call.offered`, `call.offer_ended`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallOffer<'a> {
    /// The call.
    pub call: Call<'a>,
    /// The offer; with its outcome once it is over.
    pub offer: Offer<'a>,
}

/// `call.answered`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallAnswered<'a> {
    /// The call.
    pub call: Call<'a>,
    /// The agent who talks; null when it is a far end.
    pub agent: Option<Agent<'a>>,
    /// The leg that was answered.
    pub leg: LegId,
}

/// `call.held`, `call.retrieved`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallHold<'a> {
    /// The call.
    pub call: Call<'a>,
    /// The leg that holds the other side.
    pub leg: LegId,
    /// Who did it.
    pub by: Text<'a>,
}

/// `call.party_joined`, `call.party_left`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallParty<'a> {
    /// The call.
    pub call: Call<'a>,
    /// The leg.
    pub leg: LegId,
    /// Its role.
    pub role: Text<'a>,
}

/// `call.transferred`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallTransferred<'a> {
    /// The call.
    pub call: Call<'a>,
    /// `blind`, `attended`, `park`.
    pub kind: Text<'a>,
    /// Who gave it away.
    pub from_agent: Option<AgentId>,
    /// Who takes it, when the target is an agent's.
    pub to_agent: Option<AgentId>,
    /// The target as it was dialled.
    pub to: Option<Text<'a>>,
    /// The consultation it came from.
    pub consult_call: Option<CallId>,
}

/// `call.conferenced`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallConferenced<'a> {
    /// The call.
    pub call: Call<'a>,
    /// The legs that talk.
    pub legs: Cow<'a, [LegId]>,
}

/// `call.ended`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallEnded<'a> {
    /// The call.
    pub call: Call<'a>,
    /// What it books.
    pub ledger: Ledger<'a>,
}

/// `call.control_failed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallControlFailed<'a> {
    /// The call.
    pub call: Call<'a>,
    /// Whose leg it was asked for; an id.
    pub agent: AgentId,
    /// What was asked for: `transfer`, `consult/complete`, `dial`, `supervise`.
    pub verb: Text<'a>,
    /// Why it did not come about.
    pub reason: Text<'a>,
}

/// `screen.pop`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScreenPop<'a> {
    /// The call.
    pub call: Call<'a>,
    /// What to open.
    pub pop: Pop<'a>,
}

/// `screen.popped`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScreenPopped<'a> {
    /// The call.
    pub call: Call<'a>,
    /// What was opened.
    pub pop: Pop<'a>,
    /// Which client showed it.
    pub client: Option<Text<'a>>,
    /// From the first ring of the offer to the screen.
    pub ring_to_pop_ms: u64,
}

/// `agent.state`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentState<'a> {
    /// The agent.
    pub agent: Agent<'a>,
    /// The state before.
    pub from: Text<'a>,
    /// The state now.
    pub to: Text<'a>,
    /// Why.
    pub reason: Option<Text<'a>>,
    /// What a busy state rests on.
    pub evidence: Option<Text<'a>>,
    /// When it ends by itself.
    pub until: Option<Time>,
}

impl<'a> AgentState<'a> {
    pub(crate) fn new(
        agent: &'a model::agent::Agent,
        from: model::agent::AgentState,
        to: model::agent::AgentState,
    ) -> Self {
        Self {
            agent: Agent::from(agent),
            from: words::agent_state(from).into(),
            to: words::agent_state(to).into(),
            reason: borrowed(&agent.reason),
            evidence: borrowed(&agent.evidence),
            until: agent.until.map(Time),
        }
    }
}

/// `queue.stats`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueStats {
    /// The queue with its figures.
    pub queue: Queue,
    /// The figures once more, beside it.
    #[serde(flatten)]
    pub figures: Figures,
}

impl From<&model::queue::Queue> for QueueStats {
    fn from(queue: &model::queue::Queue) -> Self {
        let queue = Queue::from(queue);
        Self { figures: queue.figures, queue }
    }
}

/// `queue.alert`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueAlert<'a> {
    /// The queue with its figures as they were then.
    pub queue: Queue,
    /// What is, or was, beyond its limit.
    pub alert: Alert,
    /// `raised`, `cleared`.
    pub state: Text<'a>,
}

impl<'a> QueueAlert<'a> {
    /// This alert of this queue begins, or is over.
    #[must_use]
    pub fn new(queue: &model::queue::Queue, alert: &model::alert::Alert, raised: bool) -> Self {
        let state = if raised { "raised" } else { "cleared" };
        Self { queue: Queue::from(queue), alert: Alert::from(alert), state: state.into() }
    }
}

/// `callback.created`, `callback.retry`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallbackChanged<'a> {
    /// The call-back.
    pub callback: Callback<'a>,
    /// The call it comes from; of a retry the try that failed. Null where there is none, or it is forgotten.
    pub call: Option<Call<'a>>,
}

/// `callback.dialled`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallbackDialled<'a> {
    /// The call-back.
    pub callback: Callback<'a>,
    /// The try.
    pub call: Call<'a>,
}

/// `callback.ended`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallbackEnded<'a> {
    /// The call-back.
    pub callback: Callback<'a>,
    /// The last try; null where there was none.
    pub call: Option<Call<'a>>,
    /// `completed`, `cancelled`, `superseded`, `failed`, `forbidden`, `queue_gone`, `expired`.
    pub outcome: Text<'a>,
    /// Who took it back; null where nobody did.
    pub by: Option<Text<'a>>,
}

/// `config.applied`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigApplied {
    /// The configuration that is in force now.
    pub version: u64,
    /// The one before.
    pub previous: Option<u64>,
}

/// `invariant.violated`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvariantViolated<'a> {
    /// The call whose ledger would not add up; not written when it is no call's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call<'a>>,
    /// What does not hold.
    pub rule: Text<'a>,
    /// Raw evidence.
    pub evidence: Text<'a>,
}
