//! What a PBX was seen to do (facts, into the engine) and what is asked of it (actions, out of the engine).
//!
//! Facts speak of calls and legs by the PBX's own references; the engine maps them to its ids. A fact says what
//! happened physically and leaves every judgement (agent, offer, ledger) to the engine, so that each kind of PBX
//! needs only to be translated, not understood twice.

mod action;

use serde::{Deserialize, Serialize};

pub use action::{Action, GaveUp, PbxAction, SuperviseMode, Target};

use crate::{
    ActionId, CallRef, LegRef, PbxId, QueueId, Timestamp,
    call::{Address, AttachedData, Direction, LegRole, LegState, PartyNumber, Via},
    ledger::Cause,
};

/// One fact, with where and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PbxEvent {
    /// Which PBX.
    pub pbx: PbxId,
    /// When it was read (live) or recorded (`trace`).
    pub at: Timestamp,
    /// Reconstructed by comparing lists after a lost link, not seen happening.
    pub recovered: bool,
    /// What.
    pub fact: Fact,
}

/// A leg as first seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegSeen {
    /// The PBX's reference.
    pub leg: LegRef,
    /// The device or line, without the part that numbers one call on it.
    pub address: Address,
    /// The number dialled to reach it, where the address alone does not tell.
    pub number: Option<String>,
}

/// What happened on a PBX.
///
/// Per call the order is: `CallStarted`, then anything, then `CallEnded` or `CallMerged` exactly once. Per leg:
/// `LegRinging` (or being the originator), `LegUp`, `Talking`, then `LegLeft` exactly once, at the latest just
/// before `CallEnded`. The originator's own leaving is told by `LegLeft` too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The link works and the PBX has been listed.
    LinkUp {
        /// What answered: `Asterisk Call Manager/11.0.0`.
        version: String,
        /// The PBX itself was restarted since the link was last up.
        restarted: bool,
        /// Since when nothing was seen, if a link was lost before.
        gap_from: Option<Timestamp>,
        /// How many calls the comparison of lists changed, began or ended.
        recovered_calls: u32,
    },
    /// The link is lost; nothing is seen from now on.
    LinkDown {
        /// Why, for people.
        reason: String,
    },
    /// First sight of a call.
    CallStarted {
        /// The PBX's reference of the call.
        call: CallRef,
        /// The leg that called (inbound: the customer; outbound and internal: the agent's or phone's).
        originator: LegSeen,
        /// Seen from the call centre.
        direction: Direction,
        /// Who calls.
        ani: PartyNumber,
        /// What was dialled.
        dnis: PartyNumber,
        /// The redirecting number.
        via: Option<Via>,
        /// The trunk it came by.
        trunk: Option<String>,
        /// Data known from the start.
        data: AttachedData,
        /// It can only be looked at: the link can carry out nothing on it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        watched: bool,
    },
    /// More became known of the numbers at first sight (presentation, redirecting number, DNIS of an IVR).
    CallNumbers {
        /// The call.
        call: CallRef,
        /// Who calls, corrected only in what was unknown.
        ani: Option<PartyNumber>,
        /// What was dialled, for a call whose number was not known at first sight.
        dnis: Option<PartyNumber>,
        /// The redirecting number.
        via: Option<Via>,
    },
    /// IVR or dialplan attached data.
    Data {
        /// The call.
        call: CallRef,
        /// Keys and new values.
        changed: AttachedData,
    },
    /// A party pressed a key outside a conversation (IVR).
    Digit {
        /// The call.
        call: CallRef,
        /// Who pressed.
        leg: LegRef,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
    /// The caller is in our waiting room and asks where to go (route mode). On a call that was routed before it
    /// means: transferred to a queue number.
    RouteRequested {
        /// The call.
        call: CallRef,
        /// The number it was handed over with.
        dnis: PartyNumber,
    },
    /// The PBX's own queue took the caller (observe mode).
    QueueJoined {
        /// The call.
        call: CallRef,
        /// The PBX's queue name.
        queue: QueueId,
        /// Place in it, from 1.
        position: u32,
    },
    /// The caller left the PBX's own queue.
    QueueLeft {
        /// The call.
        call: CallRef,
        /// The PBX's queue name.
        queue: QueueId,
        /// The caller gave up (app_queue's abandon); otherwise connected or timed out.
        abandoned: bool,
    },
    /// A device or outside number is being rung for this call.
    LegRinging {
        /// The call.
        call: CallRef,
        /// The leg that rings.
        leg: LegSeen,
        /// Our Ring action, when this ringing is ours.
        ring: Option<ActionId>,
    },
    /// A leg was answered (went off the hook); it does not have to talk to anybody yet.
    LegUp {
        /// The call.
        call: CallRef,
        /// The leg.
        leg: LegRef,
    },
    /// A leg is in conversation with another real party of this call (bridged, Local pairs seen through).
    /// Told for each of the two when the second comes, and for each further one.
    Talking {
        /// The call.
        call: CallRef,
        /// The leg.
        leg: LegRef,
    },
    /// A leg stopped being in conversation without leaving the call (its partner left, it is parked or back in a
    /// queue).
    Apart {
        /// The call.
        call: CallRef,
        /// The leg.
        leg: LegRef,
    },
    /// This leg holds the other side.
    Held {
        /// The call.
        call: CallRef,
        /// The holder.
        leg: LegRef,
    },
    /// This leg took the other side back.
    Retrieved {
        /// The call.
        call: CallRef,
        /// The holder.
        leg: LegRef,
    },
    /// A leg left the call.
    LegLeft {
        /// The call.
        call: CallRef,
        /// The leg.
        leg: LegRef,
        /// How.
        end: LegEnd,
        /// Why, as the PBX says.
        cause: Option<Cause>,
    },
    /// A leg of one call became a leg of another (attended transfer, conference).
    LegMoved {
        /// From this call.
        from: CallRef,
        /// To this one.
        to: CallRef,
        /// The leg.
        leg: LegRef,
    },
    /// Ownership moves: told when the transfer is done by the PBX, before the target rings (blind) or talks (attended).
    Transferred {
        /// The call of the customer who is transferred.
        call: CallRef,
        /// How.
        kind: TransferKind,
        /// The transferring leg.
        from: LegRef,
        /// The target's leg, where it exists already (attended).
        to_leg: Option<LegRef>,
        /// The number dialled for the target, where known.
        to_number: Option<String>,
        /// The consultation call, when there was one.
        consult: Option<CallRef>,
    },
    /// Three or more parties of this call talk.
    Conferenced {
        /// The call.
        call: CallRef,
        /// Who is in it.
        legs: Vec<LegRef>,
    },
    /// A consultation became part of another call; this call is over.
    CallMerged {
        /// The consultation.
        call: CallRef,
        /// The call it became part of.
        into: CallRef,
    },
    /// The PBX itself took the call over: voicemail, park, announcement.
    SystemTook {
        /// The call.
        call: CallRef,
        /// What: `voicemail`, `park`.
        what: String,
    },
    /// The dialplan sent the caller to the fallback, because the daemon was away or asked for it.
    FellBack {
        /// The call.
        call: CallRef,
    },
    /// The call is over: the customer's leg ended.
    CallEnded {
        /// The call.
        call: CallRef,
        /// The leg that hung up; none: the PBX ended it.
        by: Option<LegRef>,
        /// Why, as the PBX says.
        cause: Option<Cause>,
    },
    /// Our Ring is over and the caller is back in the waiting room, or talked.
    RingResult {
        /// The call.
        call: CallRef,
        /// The Ring action.
        ring: ActionId,
        /// How it came out.
        result: RingResult,
        /// Why, as the PBX says.
        cause: Option<Cause>,
    },
    /// The PBX took or refused an action.
    ActionResult {
        /// The action.
        action: ActionId,
        /// The PBX's refusal, none when it took it.
        refused: Option<String>,
    },
    /// Whether a number can be dialled, as asked by `CheckNumber`.
    NumberChecked {
        /// The action that asked.
        action: ActionId,
        /// The PBX would know what to do with it.
        exists: bool,
    },
    /// A Dial, Consult or Supervise of ours is over without a leg of its own to tell it: the device could not be rung,
    /// or nobody answered.
    DialFailed {
        /// The action.
        action: ActionId,
        /// How.
        end: LegEnd,
        /// Why, as the PBX says.
        cause: Option<Cause>,
    },
    /// A supervisor's leg came to a conversation, without being a party of the call.
    Supervised {
        /// The call.
        call: CallRef,
        /// The supervisor's leg.
        leg: LegSeen,
        /// How.
        mode: SuperviseMode,
    },
    /// Recording of a call began or ended.
    Recording {
        /// The call.
        call: CallRef,
        /// On or off.
        on: bool,
    },
    /// The PBX knows something new of a device.
    Device {
        /// The device.
        address: Address,
        /// What.
        state: crate::agent::DeviceState,
    },
    /// A member of the PBX's own queue was paused or came back (observe mode).
    MemberPaused {
        /// The device.
        address: Address,
        /// Paused, or back.
        paused: bool,
        /// Why, as the PBX was told.
        reason: Option<String>,
    },
    /// An agent used a feature code.
    AgentAsked {
        /// The device it was dialled from.
        address: Address,
        /// What was asked.
        feature: AgentFeature,
    },
}

impl Fact {
    /// The call it is about; for a moved leg the call it came to.
    #[must_use]
    pub const fn call(&self) -> Option<&CallRef> {
        match self {
            Self::CallStarted { call, .. }
            | Self::CallNumbers { call, .. }
            | Self::Data { call, .. }
            | Self::Digit { call, .. }
            | Self::RouteRequested { call, .. }
            | Self::QueueJoined { call, .. }
            | Self::QueueLeft { call, .. }
            | Self::LegRinging { call, .. }
            | Self::LegUp { call, .. }
            | Self::Talking { call, .. }
            | Self::Apart { call, .. }
            | Self::Held { call, .. }
            | Self::Retrieved { call, .. }
            | Self::LegLeft { call, .. }
            | Self::LegMoved { to: call, .. }
            | Self::Transferred { call, .. }
            | Self::Conferenced { call, .. }
            | Self::CallMerged { call, .. }
            | Self::SystemTook { call, .. }
            | Self::FellBack { call }
            | Self::CallEnded { call, .. }
            | Self::RingResult { call, .. }
            | Self::Supervised { call, .. }
            | Self::Recording { call, .. } => Some(call),
            Self::LinkUp { .. }
            | Self::LinkDown { .. }
            | Self::ActionResult { .. }
            | Self::NumberChecked { .. }
            | Self::DialFailed { .. }
            | Self::Device { .. }
            | Self::MemberPaused { .. }
            | Self::AgentAsked { .. } => None,
        }
    }

    /// The action it answers, where it names no call.
    #[must_use]
    pub const fn action(&self) -> Option<ActionId> {
        if let Self::ActionResult { action, .. }
        | Self::NumberChecked { action, .. }
        | Self::DialFailed { action, .. } = self
        {
            Some(*action)
        } else {
            None
        }
    }
}

/// How a leg left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegEnd {
    /// It hung up itself.
    HungUp,
    /// The other side or the PBX ended it.
    Released,
    /// It rang until the time was over.
    NoAnswer,
    /// It was busy (486, cause 17).
    Busy,
    /// It refused (603, cause 21).
    Rejected,
    /// It could not be reached (480, not registered, cause 3, 19, 20).
    Unreachable,
    /// The number or device does not exist, or the network failed.
    Failed,
    /// It rang and was cancelled: another leg answered, or it was taken back.
    Cancelled,
    /// It rang and the caller left.
    CallerLeft,
    /// It transferred the call away.
    Transferred,
}

/// How our Ring came out, from Asterisk's DIALSTATUS and HANGUPCAUSE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RingResult {
    /// It was answered; the conversation is over.
    Answered,
    /// Nobody answered in time.
    NoAnswer,
    /// Busy or refused.
    Declined,
    /// No device could be reached.
    Unreachable,
    /// The caller left.
    CallerLeft,
}

/// How a call was transferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferKind {
    /// Without asking the target.
    Blind,
    /// After (or while) talking to the target.
    Attended,
    /// Parked and picked up elsewhere.
    Park,
}

/// What a feature code asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentFeature {
    /// Log in, ready.
    Login,
    /// Log out.
    Logout,
    /// Not ready.
    Pause,
    /// Ready.
    Ready,
}

/// What the engine believes of a live call: the normaliser compares lists with it after a lost link or a restart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownCall {
    /// The PBX's reference.
    pub call: CallRef,
    /// Seen from the call centre.
    pub direction: Direction,
    /// Waiting in our waiting room, or being rung from there.
    pub routed: bool,
    /// Its live legs.
    pub legs: Vec<KnownLeg>,
}

/// A live leg of a [`KnownCall`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownLeg {
    /// The PBX's reference.
    pub leg: LegRef,
    /// The device or line.
    pub address: Address,
    /// Which part it plays.
    pub role: LegRole,
    /// Where it stands.
    pub state: LegState,
}
