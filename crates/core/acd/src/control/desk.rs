//! What is under way on a call because somebody asked for it.

use std::collections::VecDeque;

use hookswitch_model::{
    ActionId, AgentId, CallId, LegId, LegRef, QueueId, Timestamp, call::AttachedData, ledger::WrapUp,
};
use serde::{Deserialize, Serialize};

use super::destination::Bound;

/// What control knows of a call beside what is seen of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Control {
    /// What is under way.
    pub(crate) doing: Option<Doing>,
    /// The consultation that an agent of this call has open by our doing.
    pub(crate) consult: Option<Consulting>,
    /// We made this call.
    pub(crate) dial: Option<Dialled>,
    /// Where a caller goes who was transferred and comes to the waiting room.
    pub(crate) onward: Option<Onward>,
    /// This leg holds the others by our doing: they are alone when it goes.
    pub(crate) holder: Option<LegId>,
    /// Something is under way on the call this one consults for.
    pub(crate) blocked: bool,
    /// By our doing it leads outside.
    pub(crate) outside: bool,
    /// Supervisors who are rung.
    pub(crate) supervisions: Vec<Supervision>,
    /// How the call came out, as an agent said.
    pub(crate) wrap_up: Option<WrapUp>,
}

/// One thing under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Doing {
    /// The command it carries out.
    pub(crate) command: ActionId,
    /// Who asked, by name.
    pub(crate) by: String,
    /// Whose leg.
    pub(crate) agent: AgentId,
    /// That leg.
    pub(crate) leg: LegId,
    /// How the PBX calls that leg.
    pub(crate) leg_ref: LegRef,
    /// What.
    pub(crate) kind: Kind,
    /// What was asked of the PBX last.
    pub(crate) asked: ActionId,
    /// Over by then, whatever comes.
    pub(crate) until: Timestamp,
    /// Its effect was seen: what follows of it still carries its id.
    pub(crate) seen: bool,
}

/// What is under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Answer,
    Hangup,
    Hold,
    Retrieve,
    Dtmf,
    Record {
        on: bool,
    },
    /// The PBX is asked whether it knows the number, before the transfer.
    CheckTransfer {
        to: Bound,
    },
    Transfer {
        to: Bound,
    },
    /// The same, before the consultation, which is a call already.
    CheckConsult {
        consult: CallId,
        to: Bound,
    },
    Consult {
        consult: CallId,
    },
    Complete,
    Cancel,
    Conference,
}

impl Kind {
    /// The verb's name in the public API.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Hangup => "hangup",
            Self::Hold => "hold",
            Self::Retrieve => "retrieve",
            Self::Dtmf => "dtmf",
            Self::Record { .. } => "record",
            Self::CheckTransfer { .. } | Self::Transfer { .. } => "transfer",
            Self::CheckConsult { .. } | Self::Consult { .. } => "consult",
            Self::Complete => "consult/complete",
            Self::Cancel => "consult/cancel",
            Self::Conference => "consult/conference",
        }
    }

    /// It is what begins this consultation.
    pub(crate) fn begins(&self, id: CallId) -> bool {
        match self {
            Self::CheckConsult { consult, .. } | Self::Consult { consult } => *consult == id,
            Self::Answer
            | Self::Hangup
            | Self::Hold
            | Self::Retrieve
            | Self::Dtmf
            | Self::Record { .. }
            | Self::CheckTransfer { .. }
            | Self::Transfer { .. }
            | Self::Complete
            | Self::Cancel
            | Self::Conference => false,
        }
    }

    /// A hang-up may overtake it: nobody is moved.
    pub(crate) const fn is_light(&self) -> bool {
        match self {
            Self::Answer | Self::Hold | Self::Retrieve | Self::Dtmf | Self::Record { .. } => true,
            Self::Hangup
            | Self::CheckTransfer { .. }
            | Self::Transfer { .. }
            | Self::CheckConsult { .. }
            | Self::Consult { .. }
            | Self::Complete
            | Self::Cancel
            | Self::Conference => false,
        }
    }
}

/// A consultation, as the call it is about knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Consulting {
    /// The consultation.
    pub(crate) call: CallId,
    /// The leg that consults, in this call.
    pub(crate) by: LegId,
    /// Who is consulted, once the PBX shows it, and whether they are off the hook.
    pub(crate) target: Option<(LegRef, bool)>,
}

/// A call of our making.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dialled {
    /// The command; none: nobody asked for it, it is a call-back's turn.
    pub(crate) command: Option<ActionId>,
    /// What was asked of the PBX.
    pub(crate) asked: ActionId,
    /// It consults for another call; else it is a click-to-dial.
    pub(crate) consults: bool,
    /// The PBX showed it.
    pub(crate) shown: bool,
    /// It leads outside.
    pub(crate) outside: bool,
    /// The data it was given from the call it consults for.
    pub(crate) copied: AttachedData,
    /// How the PBX said it ended, when no leg told.
    pub(crate) end: Option<hookswitch_model::pbx::LegEnd>,
}

/// Where a transferred caller goes from the waiting room: the first that takes the call, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Onward {
    /// What is still to be tried; the fallback when nothing is.
    pub(crate) stops: VecDeque<Stop>,
    /// Not used after this: whoever comes then was sent by somebody else.
    pub(crate) until: Timestamp,
    /// Who was asked for, for `call.transferred`.
    pub(crate) to_agent: Option<AgentId>,
    /// What was asked for, likewise.
    pub(crate) to: Option<String>,
}

/// One place to be tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stop {
    /// This agent is rung.
    Agent(AgentId),
    /// Waits in this queue, as from then.
    Queue { queue: QueueId, since: Timestamp },
}

/// A supervisor who is rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Supervision {
    /// The command.
    pub(crate) command: ActionId,
    /// What was asked of the PBX.
    pub(crate) asked: ActionId,
    /// Who supervises.
    pub(crate) supervisor: AgentId,
    /// The supervisor's leg.
    pub(crate) leg: LegId,
    /// Nobody came by then: it failed.
    pub(crate) until: Timestamp,
}
