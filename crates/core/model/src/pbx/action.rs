//! What is asked of a PBX.

use serde::{Deserialize, Serialize};

use crate::{
    ActionId, CallRef, LegRef, MenuId, Millis, PbxId, QueueId, Timestamp,
    call::{Address, AttachedData},
};

/// An action with its identity and expiry. It is carried out at most once and never after `expires_at`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PbxAction {
    /// Our id; also the AMI ActionID.
    pub id: ActionId,
    /// Where.
    pub pbx: PbxId,
    /// Not after this.
    pub expires_at: Timestamp,
    /// What.
    pub action: Action,
}

/// What is asked of a PBX.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Ring these devices for a caller in the waiting room; the first that answers talks. Answered by `RingResult`
    /// with this action's id.
    Ring {
        /// The call.
        call: CallRef,
        /// The caller's leg.
        leg: LegRef,
        /// All devices, of one agent or (ring-all) of several.
        devices: Vec<Address>,
        /// How long.
        timeout: Millis,
    },
    /// Stop ringing these legs. With `all` the caller goes back to the waiting room.
    Withdraw {
        /// The call.
        call: CallRef,
        /// The caller's leg.
        leg: LegRef,
        /// The Ring action that is taken back.
        ring: ActionId,
        /// The ringing legs to end.
        legs: Vec<LegRef>,
        /// Nothing of this Ring is left.
        all: bool,
    },
    /// Tell the dialplan which queue the caller waits in (its own fallback, its own music).
    NoteQueue {
        /// The call.
        call: CallRef,
        /// The caller's leg.
        leg: LegRef,
        /// The queue.
        queue: QueueId,
    },
    /// Send a waiting caller to a number of the PBX (overflow).
    SendTo {
        /// The call.
        call: CallRef,
        /// The caller's leg.
        leg: LegRef,
        /// The number, dialled in the PBX's `dial_context`.
        number: String,
    },
    /// Hang a leg up.
    Hangup {
        /// The leg.
        leg: LegRef,
        /// Q.850 cause.
        cause: u16,
    },
    /// Hand a waiting caller to the dialplan's fallback.
    FallBack {
        /// The call.
        call: CallRef,
        /// The caller's leg.
        leg: LegRef,
        /// Why, for a PBX that has to tell the caller's side.
        #[serde(default)]
        why: GaveUp,
    },
    /// Say a prompt to a waiting caller and hang up. Told by `CallEnded` like any end.
    Farewell {
        /// The call.
        call: CallRef,
        /// The caller's leg.
        leg: LegRef,
        /// What the caller hears, in the PBX's own names; none: nothing.
        prompt: Option<String>,
    },
    /// Tell a waiting caller the place in the queue and how long it will still take. The caller does not leave the waiting
    /// room for it, and may be rung for in the middle of it.
    Announce {
        /// The call.
        call: CallRef,
        /// The caller's leg.
        leg: LegRef,
        /// The queue, which may have sounds of its own.
        queue: QueueId,
        /// The place, from 1; none: not said.
        position: Option<u32>,
        /// Said in whole minutes, rounded up; none: not said.
        wait: Option<Millis>,
    },
    /// Send a waiting caller into a menu of the dialplan. What was chosen comes as `Data`, then `RouteRequested`: the
    /// caller is back in the waiting room.
    Menu {
        /// The call.
        call: CallRef,
        /// The caller's leg.
        leg: LegRef,
        /// The menu.
        menu: MenuId,
    },
    /// Click-to-dial and call-back: ring an agent's devices; the first that answers is connected to `to`. The call
    /// shows itself under the reference given here.
    Dial {
        /// The reference the PBX is to give the agent's leg and so the call.
        call: CallRef,
        /// The agent's devices.
        devices: Vec<Address>,
        /// How long they ring.
        timeout: Millis,
        /// Whom to dial then.
        to: Target,
        /// The number the far end is shown; none: what the PBX does by itself. Never a name of the house.
        caller_id: Option<String>,
        /// Set on the call as `HS_DATA_*`.
        data: AttachedData,
    },
    /// The others hear music; the leg stays and waits.
    Hold {
        /// The call.
        call: CallRef,
        /// The holder.
        leg: LegRef,
        /// The others in the conversation.
        others: Vec<LegRef>,
    },
    /// The leg and the others talk again.
    Retrieve {
        /// The call.
        call: CallRef,
        /// The holder.
        leg: LegRef,
        /// Who was held.
        others: Vec<LegRef>,
    },
    /// Blind transfer: `other` goes to `to`, `leg` leaves. Told by `Transferred` like any other.
    Transfer {
        /// The call.
        call: CallRef,
        /// Who transfers.
        leg: LegRef,
        /// Who is transferred.
        other: LegRef,
        /// Where to.
        to: Target,
    },
    /// Hold `other` and connect `leg` to `to`: a consultation, a call of its own under the reference given here.
    Consult {
        /// The call.
        call: CallRef,
        /// Who consults.
        leg: LegRef,
        /// Who is held.
        other: LegRef,
        /// The reference of the consultation.
        consult: CallRef,
        /// Who is consulted.
        to: Target,
        /// How long it rings.
        timeout: Millis,
        /// The number the target is shown; none: what the PBX does by itself.
        caller_id: Option<String>,
    },
    /// Attended transfer: `other` and `target` talk (or `other` hears `target` ring), `leg` leaves.
    ConsultComplete {
        /// The call of the one who was held.
        call: CallRef,
        /// The consultation.
        consult: CallRef,
        /// Who consulted.
        leg: LegRef,
        /// Who was held.
        other: LegRef,
        /// Who was consulted.
        target: LegRef,
    },
    /// `target` is let go, `leg` and `other` talk again.
    ConsultCancel {
        /// The call of the one who was held.
        call: CallRef,
        /// The consultation.
        consult: CallRef,
        /// Who consulted.
        leg: LegRef,
        /// Who was held.
        other: LegRef,
        /// Who was consulted, if a leg was seen.
        target: Option<LegRef>,
    },
    /// All of them talk.
    ConsultConference {
        /// The call of the one who was held.
        call: CallRef,
        /// The consultation.
        consult: CallRef,
        /// Who consulted.
        leg: LegRef,
        /// Who was held.
        other: LegRef,
        /// Who was consulted.
        target: LegRef,
    },
    /// Tell a device that rings to answer.
    Answer {
        /// The ringing leg.
        leg: LegRef,
        /// Its device.
        device: Address,
    },
    /// Send tones to a leg.
    Dtmf {
        /// Who hears them.
        leg: LegRef,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digits: String,
    },
    /// Ring a supervisor's devices; the first that answers hears the conversation of `leg`.
    Supervise {
        /// The call.
        call: CallRef,
        /// The supervised agent's leg.
        leg: LegRef,
        /// The supervisor's devices.
        devices: Vec<Address>,
        /// How.
        mode: SuperviseMode,
    },
    /// Record what a leg says and hears, or stop.
    Record {
        /// The call.
        call: CallRef,
        /// The leg.
        leg: LegRef,
        /// On or off.
        on: bool,
    },
    /// Ask whether a number can be dialled, without dialling it; answered by `NumberChecked`.
    CheckNumber {
        /// In the PBX's `dial_context`.
        number: String,
    },
    /// Ask whether a leg still lives; answered by `LegLeft`/`CallEnded` (recovered) if not.
    Probe {
        /// The call.
        call: CallRef,
        /// The leg.
        leg: LegRef,
    },
}

/// Why a caller is handed to the fallback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GaveUp {
    /// No rule knows the number.
    NoRoute,
    /// There is nobody for the call as things are.
    #[default]
    Nobody,
    /// The agent whom alone a rule names is busy.
    Busy,
    /// The agent whom alone a rule names declined.
    Declined,
    /// The daemon stops: another may take the call.
    Stopping,
}

/// Where an action of ours connects to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// An agent's devices, all at once.
    Devices(Vec<Address>),
    /// A number, dialled in the PBX's `dial_context`.
    Number(String),
    /// Our waiting room: the engine decides further (a queue, an agent). Only for a transfer.
    WaitingRoom,
}

/// How a supervisor takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuperviseMode {
    /// Hears both, is heard by nobody.
    Listen,
    /// Hears both, is heard by the agent.
    Whisper,
    /// Talks to both.
    Barge,
}
