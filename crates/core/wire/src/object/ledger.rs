//! The ledger: what `call.ended` books.

use std::borrow::Cow;

use hookswitch_model::{self as model, AgentId, CallId, QueueId};
use serde::{Deserialize, Serialize};

use super::{Text, borrowed};
use crate::{time::Time, words};

/// What a finished call carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger<'a> {
    /// `answered`, `abandoned`, `missed`, `busy`, `rejected`, `failed`, `merged`, `lost`, `callback`.
    pub disposition: Text<'a>,
    /// `customer`, `agent`, `system`.
    pub ended_by: Text<'a>,
    /// Why, as the PBX says.
    pub cause: Option<Cause<'a>>,
    /// Who owned it when; adds up to the call.
    pub segments: Vec<Segment<'a>>,
    /// Agents who talked to the customer, in order of joining.
    pub handled_by: Cow<'a, [AgentId]>,
    /// The agent who was with the customer last.
    pub resolved_by: Option<AgentId>,
    /// Until the answer or the end, milliseconds.
    pub wait_ms: u64,
    /// Time the customer talked, our holds left out.
    pub talk_ms: u64,
    /// Time our side held the customer.
    pub hold_ms: u64,
    /// The call this one became part of.
    pub merged_into: Option<CallId>,
    /// The call this one is a consultation of.
    pub consult_of: Option<CallId>,
    /// The caller's own call, which this one calls back.
    #[serde(default)]
    pub callback_of: Option<CallId>,
    /// What the agent left, when known.
    pub wrap_up: Option<WrapUp<'a>>,
}

/// Why a call ended, ITU-T Q.850.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause<'a> {
    /// The cause value; 0 when the PBX gave none.
    pub q850: u16,
    /// In words.
    pub text: Text<'a>,
}

/// A span of a call under one owner: exactly one of `agent`, `queue`, `external`, `system` is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment<'a> {
    /// An agent talked (or held).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// It waited in a queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueId>,
    /// An outside party, by number or address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<Text<'a>>,
    /// The PBX itself: IVR, ringing outside a queue, voicemail, parking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<Text<'a>>,
    /// From when.
    pub from: Time,
    /// Until when.
    pub to: Time,
    /// How it came there.
    pub how: Text<'a>,
}

/// What an agent left after a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrapUp<'a> {
    /// The agent's disposition code.
    pub disposition: Option<Text<'a>>,
    /// Free text.
    pub notes: Option<Text<'a>>,
}

impl<'a> From<&'a model::ledger::Ledger> for Ledger<'a> {
    fn from(ledger: &'a model::ledger::Ledger) -> Self {
        Self {
            disposition: words::disposition(ledger.disposition).into(),
            ended_by: words::ended_by(ledger.ended_by).into(),
            cause: ledger
                .cause
                .as_ref()
                .map(|cause| Cause { q850: cause.q850, text: cause.text.as_str().into() }),
            segments: ledger.segments.iter().map(Segment::from).collect(),
            handled_by: Cow::Borrowed(&ledger.handled_by),
            resolved_by: ledger.resolved_by.clone(),
            wait_ms: ledger.wait_ms,
            talk_ms: ledger.talk_ms,
            hold_ms: ledger.hold_ms,
            merged_into: ledger.merged_into,
            consult_of: ledger.consult_of,
            callback_of: ledger.callback_of,
            wrap_up: ledger.wrap_up.as_ref().map(|wrap_up| WrapUp {
                disposition: borrowed(&wrap_up.disposition),
                notes: borrowed(&wrap_up.notes),
            }),
        }
    }
}

impl<'a> From<&'a model::ledger::Segment> for Segment<'a> {
    fn from(segment: &'a model::ledger::Segment) -> Self {
        use model::ledger::Owner;
        let mut wire = Self {
            agent: None,
            queue: None,
            external: None,
            system: None,
            from: segment.from.into(),
            to: segment.to.into(),
            how: segment.how.as_str().into(),
        };
        match &segment.owner {
            Owner::Agent(agent) => wire.agent = Some(agent.clone()),
            Owner::Queue(queue) => wire.queue = Some(queue.clone()),
            Owner::External(party) => wire.external = Some(party.as_str().into()),
            Owner::System(what) => wire.system = Some(what.as_str().into()),
        }
        wire
    }
}
