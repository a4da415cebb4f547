//! The call object, whole in every call event.

use std::{borrow::Cow, collections::BTreeMap};

use hookswitch_model::{self as model, AgentId, CallId, LegId, PbxId, QueueId};
use serde::{Deserialize, Serialize};

use super::{Text, borrowed};
use crate::{time::Time, words};

/// A call, whole, so that a client needs no memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call<'a> {
    /// Kept over transfers and restarts.
    pub id: CallId,
    /// `inbound`, `outbound`, `internal`.
    pub direction: Text<'a>,
    /// `started`, `queued`, `offered`, `connected`, `held`, `ended`.
    pub state: Text<'a>,
    /// The PBX it lives on.
    pub pbx: PbxId,
    /// The PBX's own id of the customer's leg (Asterisk: Uniqueid).
    pub pbx_ref: Text<'a>,
    /// Who calls.
    pub ani: Ani<'a>,
    /// What was dialled.
    pub dnis: Dnis<'a>,
    /// The redirecting number of a diverted call.
    pub via: Option<Via<'a>>,
    /// The queue it is or was last in.
    pub queue: Option<QueueId>,
    /// Its priority there.
    pub priority: i32,
    /// The routing rule that matched.
    pub rule: Option<Text<'a>>,
    /// The configuration it was routed under.
    pub config_version: u64,
    /// The customer, as far as known.
    pub customer: Customer<'a>,
    /// Attached data.
    pub data: Cow<'a, BTreeMap<String, String>>,
    /// All legs in order of first sight, the customer's first.
    pub legs: Vec<Leg<'a>>,
    /// First sight.
    pub started_at: Time,
    /// First time in a queue.
    pub queued_at: Option<Time>,
    /// First time customer and agent (or far end) talked.
    pub answered_at: Option<Time>,
    /// The end of the customer's leg.
    pub ended_at: Option<Time>,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ani<'a> {
    /// As the PBX gave it.
    pub raw: Text<'a>,
    /// In E.164, where it can be told.
    pub e164: Option<Text<'a>>,
    /// The caller asked not to be shown.
    pub withheld: bool,
    /// The display name.
    pub name: Option<Text<'a>>,
}

/// What was dialled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dnis<'a> {
    /// As the PBX gave it.
    pub raw: Text<'a>,
    /// In E.164, where it can be told.
    pub e164: Option<Text<'a>>,
}

/// The redirecting number of a diverted call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Via<'a> {
    /// As the PBX gave it.
    pub raw: Text<'a>,
    /// In E.164, where it can be told.
    pub e164: Option<Text<'a>>,
    /// Why it was diverted: `cfu`, `cfb`, `cfnr`, …
    pub reason: Option<Text<'a>>,
}

/// The customer of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Customer<'a> {
    /// `one`, `many`, `none`, `pending`, `error`.
    #[serde(rename = "match")]
    pub kind: Text<'a>,
    /// Best first.
    pub candidates: Vec<Candidate<'a>>,
}

/// One record that may be the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate<'a> {
    /// The record's id in the CRM.
    pub id: Text<'a>,
    /// What to show.
    pub name: Option<Text<'a>>,
    /// 0 to 1.
    pub score: f64,
    /// Why it is a candidate.
    pub why: Text<'a>,
    /// Further fields of the record; not written when there are none.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub fields: Cow<'a, BTreeMap<String, String>>,
}

#[allow(clippy::ptr_arg, reason = "serde hands over the field as it is")]
fn is_empty(fields: &Cow<'_, BTreeMap<String, String>>) -> bool {
    fields.is_empty()
}

/// One leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg<'a> {
    /// Our id.
    pub id: LegId,
    /// `customer`, `agent`, `external`, `consult`, `supervisor`.
    pub role: Text<'a>,
    /// The device or line.
    pub address: Text<'a>,
    /// The agent behind it.
    pub agent: Option<AgentId>,
    /// `ringing`, `connected`, `held`, `left`.
    pub state: Text<'a>,
    /// What may be asked for it now.
    pub actions: Vec<Text<'a>>,
}

impl<'a> From<&'a model::call::Call> for Call<'a> {
    fn from(call: &'a model::call::Call) -> Self {
        Self {
            id: call.id,
            direction: words::direction(call.direction).into(),
            state: words::call_state(call.state).into(),
            pbx: call.pbx.clone(),
            pbx_ref: call.pbx_ref.as_str().into(),
            ani: Ani::from(&call.ani),
            dnis: Dnis { raw: call.dnis.raw.as_str().into(), e164: borrowed(&call.dnis.e164) },
            via: call.via.as_ref().map(Via::from),
            queue: call.queue.clone(),
            priority: call.priority,
            rule: borrowed(&call.rule),
            config_version: call.config_version,
            customer: Customer::from(&call.customer),
            data: Cow::Borrowed(&call.data),
            legs: call.legs.iter().map(Leg::from).collect(),
            started_at: call.started_at.into(),
            queued_at: call.queued_at.map(Time),
            answered_at: call.answered_at.map(Time),
            ended_at: call.ended_at.map(Time),
        }
    }
}

impl<'a> From<&'a model::call::PartyNumber> for Ani<'a> {
    fn from(ani: &'a model::call::PartyNumber) -> Self {
        Self {
            raw: ani.raw.as_str().into(),
            e164: borrowed(&ani.e164),
            withheld: ani.withheld,
            name: borrowed(&ani.name),
        }
    }
}

impl Ani<'_> {
    /// Without number and name: what those may see from whom the caller withheld them.
    pub(crate) fn hide(&mut self) {
        self.raw = Cow::Borrowed("");
        self.e164 = None;
        self.name = None;
    }
}

impl<'a> From<&'a model::call::Via> for Via<'a> {
    fn from(via: &'a model::call::Via) -> Self {
        Self { raw: via.raw.as_str().into(), e164: borrowed(&via.e164), reason: borrowed(&via.reason) }
    }
}

impl<'a> From<&'a model::call::Customer> for Customer<'a> {
    fn from(customer: &'a model::call::Customer) -> Self {
        Self {
            kind: words::match_kind(customer.kind).into(),
            candidates: customer.candidates.iter().map(Candidate::from).collect(),
        }
    }
}

impl<'a> From<&'a model::call::Candidate> for Candidate<'a> {
    fn from(candidate: &'a model::call::Candidate) -> Self {
        Self {
            id: candidate.id.as_str().into(),
            name: borrowed(&candidate.name),
            score: candidate.score,
            why: candidate.why.as_str().into(),
            fields: Cow::Borrowed(&candidate.fields),
        }
    }
}

impl<'a> From<&'a model::call::Leg> for Leg<'a> {
    fn from(leg: &'a model::call::Leg) -> Self {
        Self {
            id: leg.id,
            role: words::leg_role(leg.role).into(),
            address: leg.address.as_str().into(),
            agent: leg.agent.clone(),
            state: words::leg_state(leg.state).into(),
            actions: leg.actions.iter().map(|action| words::leg_action(*action).into()).collect(),
        }
    }
}
