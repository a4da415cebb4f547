//! One call as the engine keeps it: the public object and what the engine must know beside it.

use std::collections::{BTreeMap, VecDeque};

use hookswitch_model::{
    ActionId, AgentId, CallId, CallRef, LegId, LegRef, MenuId, OfferId, PbxId, PopId, QueueId, Skill,
    Timestamp,
    call::{Call, Leg, LegRole, LegState},
    ledger::{Cause, Owner},
    pbx::{LegEnd, TransferKind},
    setup::Rejection,
    why::{Preferred, Why},
};
use serde::{Deserialize, Serialize};

use crate::{announce::Announced, callbacks::Tie, control::Control, customers::Unrouted, ledger::Books};

/// What the engine knows of a leg beside the public [`Leg`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Party {
    /// The PBX's reference.
    pub(crate) leg_ref: LegRef,
    /// Off the hook.
    pub(crate) up: bool,
    /// It was rung (an originator that was rung is click-to-dial).
    pub(crate) rang: bool,
    /// It came from a call of its own.
    pub(crate) moved: bool,
    /// In conversation with another party of this call.
    pub(crate) in_talk: bool,
    /// With the customer, and told so by `call.answered`, `call.party_joined` or `call.transferred`.
    pub(crate) told: bool,
    /// Gave the call away: what it does from now on is no business of this call.
    pub(crate) transferred: bool,
    /// When it first talked to the customer.
    pub(crate) joined_at: Option<Timestamp>,
    /// How it came to the customer: `answered`, `blind`, `attended`, `conference`, `park`, `pickup`.
    pub(crate) how: String,
    /// The offer it rings for.
    pub(crate) offer: Option<OfferId>,
    /// How it left.
    pub(crate) end: Option<LegEnd>,
    /// Why it left.
    pub(crate) cause: Option<Cause>,
    /// Its device answers when it is told to.
    #[serde(default)]
    pub(crate) remote_answer: bool,
    /// When the last sign of this leg came.
    #[serde(default)]
    pub(crate) seen: Timestamp,
    /// Questions for a sign of this leg that are out, and when the last was asked.
    #[serde(default)]
    pub(crate) probes: Vec<ActionId>,
    #[serde(default)]
    pub(crate) asked_at: Option<Timestamp>,
}

impl Party {
    /// The leg lives.
    pub(crate) fn sign_of_life(&mut self, now: Timestamp) {
        self.seen = now;
        self.probes.clear();
        self.asked_at = None;
    }
}

/// A stay in a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Visit {
    /// The queue.
    pub(crate) queue: QueueId,
    /// Since when in this one.
    pub(crate) since: Timestamp,
    /// The PBX's own queue (observe mode), not ours.
    pub(crate) of_pbx: bool,
    /// How it came there: `queued`, `blind`, `overflow`.
    pub(crate) how: String,
}

/// Our Ring that is out for a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ring {
    /// The action.
    pub(crate) id: ActionId,
    /// The offers it makes; ended ones stay until the Ring is over.
    pub(crate) offers: Vec<OfferId>,
    /// The queue it came from; none: a route to an agent.
    pub(crate) queue: Option<QueueId>,
    /// When it is over by itself, whatever becomes of what we ask.
    pub(crate) over_by: Timestamp,
    /// It was taken back: whoever answers now has lost the race.
    pub(crate) taken_back: bool,
    /// Its deadline passed once: the next time the call is taken back without a word from the PBX.
    pub(crate) overdue: bool,
}

/// Where a caller is sent who leaves our waiting room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Exit {
    /// The dialplan's fallback.
    FallBack,
    /// A number.
    Number(String),
    /// A menu of the dialplan, from which the caller comes back.
    Menu(MenuId),
    /// The end.
    Hangup,
    /// The end, told as such.
    Reject(Rejection),
    /// The end, after this prompt.
    Farewell(Option<String>),
}

/// Where a caller is, of what our waiting room knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// Not in our hands.
    #[default]
    Elsewhere,
    /// In our waiting room.
    Waiting,
    /// Rung for.
    Ringing(Ring),
    /// In the waiting room, and a Ring was refused: tried again when [`crate::timers::Timer::Retry`] is due.
    Refused,
    /// Told to leave.
    Leaving {
        /// Where to.
        exit: Exit,
        /// By this action; none: the link was down, nothing was asked yet.
        asked: Option<ActionId>,
    },
}

/// A transfer whose target does not talk yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Takeover {
    /// How.
    pub(crate) kind: TransferKind,
    /// The target's leg, where it exists.
    pub(crate) to_leg: Option<LegRef>,
    /// The target is already in conversation with the one who transfers.
    pub(crate) talks: bool,
}

impl Takeover {
    /// The word the ledger has for it.
    pub(crate) const fn how(&self) -> &'static str {
        match self.kind {
            TransferKind::Blind => "blind",
            TransferKind::Attended => "attended",
            TransferKind::Park => "park",
        }
    }
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CallRecord {
    /// The public object.
    pub(crate) call: Call,
    /// The customer's number at first sight.
    pub(crate) ani: String,
    /// One for each leg of [`Call::legs`], at the same place.
    pub(crate) parties: Vec<Party>,
    /// Which of them is the customer; none while an outbound call rings nobody yet.
    pub(crate) customer: Option<usize>,
    /// Actions may be asked for (route mode, and the call is not only watched).
    pub(crate) routed: bool,
    /// It can be recorded.
    #[serde(default = "yes")]
    pub(crate) records: bool,
    /// The books.
    pub(crate) books: Books,
    /// The queue it waits in.
    pub(crate) visit: Option<Visit>,
    /// Since when the caller waits, over all queues of this wait; kept for a wait that is taken up again.
    pub(crate) waiting_since: Option<Timestamp>,
    /// Skills the route asks for beside the queue's own.
    pub(crate) requires: BTreeMap<Skill, u8>,
    /// Whom its rule wants first.
    #[serde(default)]
    pub(crate) prefer: Option<Preferred>,
    /// It waits for the customer to be known before it is routed.
    #[serde(default)]
    pub(crate) unrouted: Option<Unrouted>,
    /// Where our waiting room has the caller.
    pub(crate) place: Place,
    /// A Ring that was out when the dialplan sent the caller to the fallback: it may be carried out all the same.
    pub(crate) stray_ring: Option<Ring>,
    /// The caller left while a queue's offer rang.
    pub(crate) left_an_offer: bool,
    /// Offers that are out.
    pub(crate) offers: Vec<OfferId>,
    /// Offers told so far.
    pub(crate) attempts: u32,
    /// A transfer under way.
    pub(crate) takeover: Option<Takeover>,
    /// It was transferred, and nobody took it up since.
    pub(crate) untaken: bool,
    /// The PBX itself has the caller: `voicemail`, `park`, `fallback`.
    pub(crate) system: Option<String>,
    /// The call this one consults for.
    pub(crate) consult_of: Option<CallId>,
    /// What it has to do with call-backs.
    #[serde(default)]
    pub(crate) callback: Tie,
    /// Pops sent, newest last.
    pub(crate) pops: Vec<(AgentId, PopId)>,
    /// When the last sign of life came.
    pub(crate) last_seen: Timestamp,
    /// Questions for a sign of life that are out.
    pub(crate) probes: Vec<ActionId>,
    /// Actions whose refusal matters.
    pub(crate) asked: VecDeque<ActionId>,
    /// It was given up: the PBX may still tell its end.
    pub(crate) lost: bool,
    /// What the caller was told last of this wait.
    #[serde(default)]
    pub(crate) announced: Option<Announced>,
    /// What people asked for.
    #[serde(default)]
    pub(crate) control: Control,
    /// Why it went where it went.
    pub(crate) why: Why,
}

/// Calls of before this was known were an Asterisk's.
const fn yes() -> bool {
    true
}

impl CallRecord {
    /// How the PBX calls it.
    pub(crate) fn reference(&self) -> (PbxId, CallRef) {
        (self.call.pbx.clone(), self.call.pbx_ref.clone())
    }

    /// The place of a leg that has not left, or else of the last that had this reference.
    pub(crate) fn leg(&self, leg_ref: &LegRef) -> Option<usize> {
        self.parties.iter().rposition(|p| p.leg_ref == *leg_ref)
    }

    /// The place of a leg by our id.
    pub(crate) fn leg_by_id(&self, id: LegId) -> Option<usize> {
        self.call.legs.iter().position(|l| l.id == id)
    }

    /// There were legs, and all have left.
    pub(crate) fn is_empty(&self) -> bool {
        !self.parties.is_empty() && (0..self.parties.len()).all(|place| !self.is_here(place))
    }

    /// Whether a leg is still there.
    pub(crate) fn is_here(&self, place: usize) -> bool {
        self.call.legs.get(place).is_some_and(|l| l.state != LegState::Left)
    }

    /// Enters a leg. Returns its place.
    pub(crate) fn add_leg(&mut self, leg: Leg, leg_ref: LegRef, up: bool) -> usize {
        self.call.legs.push(leg);
        self.parties.push(Party {
            leg_ref,
            up,
            rang: false,
            moved: false,
            in_talk: false,
            told: false,
            transferred: false,
            joined_at: None,
            how: String::new(),
            offer: None,
            end: None,
            cause: None,
            remote_answer: false,
            seen: self.last_seen,
            probes: Vec::new(),
            asked_at: None,
        });
        self.parties.len() - 1
    }

    /// Legs that are there, with their parties; the customer's and a supervisor's left out.
    pub(crate) fn partners(&self) -> impl Iterator<Item = (usize, &Leg, &Party)> {
        let legs = self.call.legs.iter().zip(&self.parties).enumerate();
        legs.filter(|(place, (leg, _))| {
            Some(*place) != self.customer && leg.state != LegState::Left && leg.role != LegRole::Supervisor
        })
        .map(|(place, (leg, party))| (place, leg, party))
    }

    /// Partners who talk to the customer, or hold.
    pub(crate) fn present(&self) -> impl Iterator<Item = (usize, &Leg, &Party)> {
        self.partners().filter(|(_, _, party)| party.told && !party.transferred)
    }

    /// Whether the customer is in conversation with anybody now.
    pub(crate) fn in_conversation(&self) -> bool {
        let customer = self.customer.filter(|place| self.is_here(*place));
        customer.is_some_and(|place| self.parties[place].in_talk)
            && self.partners().any(|(_, _, party)| party.in_talk)
    }

    /// A consultation by our doing, of a call that lives.
    pub(crate) fn consults_by_us(&self) -> bool {
        self.control.dial.as_ref().is_some_and(|dial| dial.consults)
    }

    /// Every leg is taken to have given a sign of life.
    pub(crate) fn all_legs_seen(&mut self, now: Timestamp) {
        for party in &mut self.parties {
            party.sign_of_life(now);
        }
    }

    /// Who a leg is, as an owner.
    pub(crate) fn owner_of(&self, place: usize) -> Owner {
        let leg = &self.call.legs[place];
        match (&leg.agent, &leg.number) {
            (Some(agent), _) => Owner::Agent(agent.clone()),
            (None, Some(number)) => Owner::External(number.clone()),
            (None, None) => Owner::External(leg.address.as_str().to_owned()),
        }
    }

    /// The customer's leg, where it is there; else the first that is: what a question about the call asks for.
    pub(crate) fn anchor(&self) -> Option<usize> {
        self.customer
            .filter(|place| self.is_here(*place))
            .or_else(|| (0..self.parties.len()).find(|p| self.is_here(*p)))
    }

    /// The Ring that is out.
    pub(crate) fn ring(&self) -> Option<&Ring> {
        match &self.place {
            Place::Ringing(ring) => Some(ring),
            Place::Elsewhere | Place::Waiting | Place::Refused | Place::Leaving { .. } => None,
        }
    }

    /// The Ring that is out, to change it.
    pub(crate) fn ring_mut(&mut self) -> Option<&mut Ring> {
        match &mut self.place {
            Place::Ringing(ring) => Some(ring),
            Place::Elsewhere | Place::Waiting | Place::Refused | Place::Leaving { .. } => None,
        }
    }
}
