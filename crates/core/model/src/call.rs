//! A call and its legs: the object that every call event carries whole.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{AgentId, CallId, CallRef, LegId, PbxId, QueueId, Timestamp};

/// Attached data: what IVR, CRM and agents wrote on the call. Ordered, so that the same call is the same bytes.
pub type AttachedData = BTreeMap<String, String>;

/// Who called whom, seen from the call centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From outside to us.
    Inbound,
    /// From an agent to the outside.
    Outbound,
    /// From one of us to another.
    Internal,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Seen, nothing decided.
    Started,
    /// Waiting in a queue.
    Queued,
    /// An agent's device rings.
    Offered,
    /// Customer and agent (or far end) talk.
    Connected,
    /// Our side holds the customer.
    Held,
    /// Over.
    Ended,
}

/// Which part a leg plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegRole {
    /// The customer: the caller of an inbound call, the far end of an outbound one, the originator of an internal one.
    Customer,
    /// An agent of the configuration.
    Agent,
    /// Anybody else: an outside number, a phone that belongs to no agent.
    External,
    /// The party an agent consults.
    Consult,
    /// A supervisor who listens, whispers or barges in.
    Supervisor,
}

/// Where a leg stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegState {
    /// Rings, or has not been answered yet.
    Ringing,
    /// Off the hook and not held.
    Connected,
    /// This leg holds the other side (the holder's leg), as the PBX reports it.
    Held,
    /// Gone.
    Left,
}

/// What may be asked for a leg now. A page draws its buttons from this: each name is the path of the verb below the
/// call, [`Conference`](Self::Conference) excepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegAction {
    /// Let the ringing device answer.
    Answer,
    /// The others hear music.
    Hold,
    /// Talk again.
    Retrieve,
    /// Blind transfer.
    Transfer,
    /// Call somebody while the others are held.
    Consult,
    /// A third may be brought in: `consult`, then `consult/conference`.
    Conference,
    /// Send tones.
    Dtmf,
    /// Hang up.
    Hangup,
    /// Leave the two others to each other.
    #[serde(rename = "consult/complete")]
    ConsultComplete,
    /// Let the one who is consulted go.
    #[serde(rename = "consult/cancel")]
    ConsultCancel,
    /// All three talk.
    #[serde(rename = "consult/conference")]
    ConsultConference,
    /// Record the conversation, or stop it.
    Record,
}

impl LegAction {
    /// The name of the public API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Hold => "hold",
            Self::Retrieve => "retrieve",
            Self::Transfer => "transfer",
            Self::Consult => "consult",
            Self::Conference => "conference",
            Self::Dtmf => "dtmf",
            Self::Hangup => "hangup",
            Self::ConsultComplete => "consult/complete",
            Self::ConsultCancel => "consult/cancel",
            Self::ConsultConference => "consult/conference",
            Self::Record => "record",
        }
    }
}

/// What the PBX can reach: `PJSIP/1001`, `PJSIP/trunk`, `sip:alice`; without the part that numbers one call on it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(std::sync::Arc<str>);

impl Address {
    /// The address with this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits of its last part, if it is a number: the usual extension of a device. `PJSIP/1001` → `1001`.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        let last = self.0.rsplit(['/', ':']).next()?;
        let last = last.split('@').next()?;
        (!last.is_empty() && last.bytes().all(|b| b.is_ascii_digit())).then_some(last)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// A party's number as it came and as it is compared.
///
/// Prints masked with `{:?}`, because logs outlive the purpose of a number.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PartyNumber {
    /// As the PBX gave it; empty when it gave none.
    pub raw: String,
    /// In E.164 with the plus sign, where it can be told.
    pub e164: Option<String>,
    /// The party asked not to be shown (presentation, not absence of a number).
    pub withheld: bool,
    /// The display name, where one came.
    pub name: Option<String>,
}

impl fmt::Debug for PartyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail: String = self.raw.chars().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect();
        write!(f, "***{tail}{}", if self.withheld { " (withheld)" } else { "" })
    }
}

/// The redirecting number of a diverted call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Via {
    /// As the PBX gave it.
    pub raw: String,
    /// In E.164, where it can be told.
    pub e164: Option<String>,
    /// Why it was diverted, in the PBX's word: `cfu`, `cfb`, `cfnr`, …
    pub reason: Option<String>,
}

/// How the customer of a call was matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
    /// Exactly one record.
    One,
    /// Several records; the candidates are ranked.
    Many,
    /// No record.
    None,
    /// Being looked up.
    Pending,
    /// The look-up failed.
    Error,
}

/// One record that may be the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The record's id in the CRM.
    pub id: String,
    /// What to show.
    pub name: Option<String>,
    /// 0 to 1.
    pub score: f64,
    /// Why it is a candidate: `exact E.164`.
    pub why: String,
    /// Further fields of the record, for rules and templates (`customer.tier`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// The customer of a call, as far as known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// How the match came out.
    #[serde(rename = "match")]
    pub kind: MatchKind,
    /// Best first.
    pub candidates: Vec<Candidate>,
}

impl Customer {
    /// Nobody is known by that number.
    #[must_use]
    pub const fn none() -> Self {
        Self { kind: MatchKind::None, candidates: Vec::new() }
    }

    /// Being looked up.
    #[must_use]
    pub const fn pending() -> Self {
        Self { kind: MatchKind::Pending, candidates: Vec::new() }
    }
}

/// One leg of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// Our id.
    pub id: LegId,
    /// Which part it plays.
    pub role: LegRole,
    /// The device or line.
    pub address: Address,
    /// The number dialled to reach it, where the address alone does not tell (`PJSIP/trunk`).
    pub number: Option<String>,
    /// The agent behind it.
    pub agent: Option<AgentId>,
    /// Where it stands.
    pub state: LegState,
    /// What may be asked for it now.
    pub actions: Vec<LegAction>,
}

/// A call, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Our id.
    pub id: CallId,
    /// Seen from the call centre.
    pub direction: Direction,
    /// Where it stands.
    pub state: CallState,
    /// The PBX it lives on.
    pub pbx: PbxId,
    /// The PBX's own id of the customer's leg (Asterisk: Uniqueid).
    pub pbx_ref: CallRef,
    /// Who calls. Frozen at first sight: a transfer never changes it.
    pub ani: PartyNumber,
    /// What was dialled.
    pub dnis: PartyNumber,
    /// The redirecting number of a diverted call.
    pub via: Option<Via>,
    /// The trunk it came by, as the PBX names it.
    pub trunk: Option<String>,
    /// The queue it is or was last in.
    pub queue: Option<QueueId>,
    /// Its priority there; higher is served first.
    pub priority: i32,
    /// The name of the routing rule that matched.
    pub rule: Option<String>,
    /// The configuration it was routed under.
    pub config_version: u64,
    /// The customer, as far as known.
    pub customer: Customer,
    /// Attached data.
    pub data: AttachedData,
    /// All legs, those that left included, in order of first sight. The customer's leg is the first.
    pub legs: Vec<Leg>,
    /// First sight.
    pub started_at: Timestamp,
    /// First time in a queue.
    pub queued_at: Option<Timestamp>,
    /// First time customer and agent (or far end) talked.
    pub answered_at: Option<Timestamp>,
    /// The end of the customer's leg.
    pub ended_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_names_its_extension_only_when_it_is_a_number() {
        assert_eq!(Address::new("PJSIP/1001").extension(), Some("1001"));
        assert_eq!(Address::new("sip:1001@pbx").extension(), Some("1001"));
        assert_eq!(Address::new("PJSIP/trunk").extension(), None);
        assert_eq!(Address::new("sip:alice").extension(), None);
    }

    #[test]
    fn a_number_prints_masked() {
        let number = PartyNumber { raw: "+49305550001".into(), ..PartyNumber::default() };
        assert_eq!(format!("{number:?}"), "***001");
    }
}
