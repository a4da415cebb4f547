//! What a person or a program asks for, and the answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ActionId, AgentId, CallId, CallbackId, PopId, QueueId, Skill, Timestamp, agent::AgentState,
    call::AttachedData, pbx::SuperviseMode,
};

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
    /// Click-to-dial: the agent's device first, then the destination.
    Dial {
        /// Whose device.
        agent: AgentId,
        /// Where to.
        to: Destination,
        /// Attached to the call from the start.
        data: AttachedData,
    },
    /// Do something with the agent's leg of a call.
    Control {
        /// The call.
        call: CallId,
        /// Whose leg.
        agent: AgentId,
        /// What.
        verb: Verb,
    },
    /// How the call came out, in the agent's words; legal from the answer on, as long as the call is remembered. A
    /// disposition ends the agent's wrap-up, notes alone do not.
    WrapUp {
        /// The call.
        call: CallId,
        /// Who handled it.
        agent: AgentId,
        /// One of the centre's outcomes.
        disposition: Option<String>,
        /// Free text.
        notes: Option<String>,
    },
    /// Change what an agent can do, at run time.
    SetSkills {
        /// Whose.
        agent: AgentId,
        /// New levels; none takes the skill away, a skill not named stays.
        skills: BTreeMap<Skill, Option<u8>>,
    },
    /// A supervisor comes to an agent's conversation.
    Supervise {
        /// The call.
        call: CallId,
        /// Who supervises: an agent of the configuration, for the device that rings.
        supervisor: AgentId,
        /// Whose conversation; none: of the agent who talks.
        agent: Option<AgentId>,
        /// Listen, whisper to the agent, or talk to both.
        mode: SuperviseMode,
    },
    /// Somebody is to be called back by a queue's agents.
    CreateCallback {
        /// Whose agents call.
        queue: QueueId,
        /// Whom.
        number: Destination,
        /// Not before this; none: as soon as it is its turn.
        at: Option<Timestamp>,
        /// Who is asked first.
        agent: Option<AgentId>,
        /// Attached to each try.
        data: AttachedData,
    },
    /// A waiting caller is to be called back, and keeps the place.
    CallBack {
        /// The caller.
        call: CallId,
    },
    /// Nobody is to be called back any more.
    CancelCallback {
        /// Which.
        callback: CallbackId,
    },
    /// The daemon stops: hand waiting callers to the fallback.
    Shutdown,
}

/// Where a person wants a call to go: an agent's id or extension, a queue's id, or a number. The engine decides which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// As asked, without the decoration of a page (spaces, brackets, `tel:`).
    pub text: String,
    /// The number in E.164, where it is one.
    pub e164: Option<String>,
}

/// Tones of one request at most. A PBX plays each for a tenth of a second before it reads what is asked next.
pub const MAX_TONES: usize = 32;

/// Whether a text is tones to send: 1 to [`MAX_TONES`] of `0`–`9`, `*`, `#`, `A`–`D`.
#[must_use]
pub fn are_tones(text: &str) -> bool {
    let is_tone = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'*' | b'#' | b'A'..=b'D');
    (1..=MAX_TONES).contains(&text.len()) && text.bytes().all(is_tone)
}

/// What may be done with one's leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Verb {
    /// Let the ringing device answer, where it can be told to.
    Answer,
    /// Hang up; with a consultation open, that one.
    Hangup,
    /// The others hear music.
    Hold,
    /// Talk again.
    Retrieve,
    /// Send tones to the others.
    Dtmf {
        /// [`are_tones`].
        digits: String,
    },
    /// Blind transfer.
    Transfer {
        /// Where to.
        to: Destination,
    },
    /// Hold the others and call somebody.
    Consult {
        /// Whom.
        to: Destination,
    },
    /// Leave, so that the two others talk.
    ConsultComplete,
    /// Let the one who was consulted go, and talk to the first again.
    ConsultCancel,
    /// All three talk.
    ConsultConference,
    /// Record the conversation, or stop it.
    Record {
        /// On or off.
        on: bool,
    },
}

impl Request {
    /// What is asked for, in a word: for audit lines, metrics and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SetAgentState { .. } => "state",
            Self::SetData { .. } => "data",
            Self::ClaimPop { .. } => "pop/claim",
            Self::PopShown { .. } => "pop/shown",
            Self::Dial { .. } => "dial",
            Self::Control { verb, .. } => verb.as_str(),
            Self::WrapUp { .. } => "wrap-up",
            Self::SetSkills { .. } => "skills",
            Self::Supervise { .. } => "supervise",
            Self::CreateCallback { .. } => "callback/create",
            Self::CallBack { .. } => "callback",
            Self::CancelCallback { .. } => "callback/cancel",
            Self::Shutdown => "shutdown",
        }
    }

    /// The call it is about, where it names one.
    #[must_use]
    pub const fn call(&self) -> Option<CallId> {
        match self {
            Self::SetData { call, .. }
            | Self::Control { call, .. }
            | Self::WrapUp { call, .. }
            | Self::Supervise { call, .. }
            | Self::CallBack { call } => Some(*call),
            Self::SetAgentState { .. }
            | Self::ClaimPop { .. }
            | Self::PopShown { .. }
            | Self::Dial { .. }
            | Self::SetSkills { .. }
            | Self::CreateCallback { .. }
            | Self::CancelCallback { .. }
            | Self::Shutdown => None,
        }
    }

    /// Whose leg, state or skills it is about, where it names somebody.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::SetAgentState { agent, .. }
            | Self::Dial { agent, .. }
            | Self::Control { agent, .. }
            | Self::WrapUp { agent, .. }
            | Self::SetSkills { agent, .. } => Some(agent),
            Self::Supervise { agent, .. } | Self::CreateCallback { agent, .. } => agent.as_ref(),
            Self::SetData { .. }
            | Self::ClaimPop { .. }
            | Self::PopShown { .. }
            | Self::CallBack { .. }
            | Self::CancelCallback { .. }
            | Self::Shutdown => None,
        }
    }
}

impl Verb {
    /// The path segment of the public API.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Hangup => "hangup",
            Self::Hold => "hold",
            Self::Retrieve => "retrieve",
            Self::Dtmf { .. } => "dtmf",
            Self::Transfer { .. } => "transfer",
            Self::Consult { .. } => "consult",
            Self::ConsultComplete => "consult/complete",
            Self::ConsultCancel => "consult/cancel",
            Self::ConsultConference => "consult/conference",
            Self::Record { .. } => "record",
        }
    }
}

/// What a command that was taken has made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The call it began: of a click-to-dial, of a consultation.
    pub call: Option<CallId>,
    /// The call-back it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<CallbackId>,
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The command.
    pub command: ActionId,
    /// Taken, or why not.
    pub result: Result<Taken, Refusal>,
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
    /// The same number is to be called back by the same queue already.
    #[error("this number is to be called back already")]
    CalledBackAlready {
        /// By this call-back.
        callback: CallbackId,
    },
    /// Another client won the pop.
    #[error("popped elsewhere")]
    PoppedElsewhere,
    /// The pop is too old.
    #[error("the pop is expired")]
    PopExpired,
    /// The call is not, or no longer, on its way to this agent: passed on, taken by another.
    #[error("the pop is superseded: the call went to another")]
    PopSuperseded,
    /// Not with this token, whatever the state of things.
    #[error("{why}")]
    Forbidden {
        /// Why, for people.
        why: String,
    },
}
