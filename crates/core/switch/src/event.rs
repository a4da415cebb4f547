//! What a switch sees happen.

use std::collections::BTreeMap;

use crate::{
    CallId, LegId, Line, OrderId,
    command::{Refused, Supervision},
};

/// What a switch sees happen.
///
/// Per call: [`Began`](Self::Began), then anything, then [`Ended`](Self::Ended) or [`Merged`](Self::Merged) exactly
/// once. Per leg of a call: `Began` or [`Rings`](Self::Rings), [`Up`](Self::Up), [`Talks`](Self::Talks), then
/// [`Left`](Self::Left) exactly once, at the latest just before the call's end; a leg that is [`Moved`](Self::Moved)
/// leaves the other call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// First sight of a call.
    Began(Box<Began>),
    /// A caller is in the waiting room and asks where to go.
    Waits {
        /// The call.
        call: CallId,
        /// The number the caller came with.
        dialled: String,
    },
    /// A phone or number is being tried.
    Rings {
        /// For this call.
        call: CallId,
        /// The leg.
        leg: LegId,
        /// What is rung.
        line: Line,
        /// The number dialled, where the line alone does not tell.
        number: Option<String>,
        /// The [`Ring`](crate::Command::Ring) it is part of.
        order: Option<OrderId>,
    },
    /// A leg was answered.
    Up {
        /// The call.
        call: CallId,
        /// The leg.
        leg: LegId,
    },
    /// A leg is in conversation with another of the call.
    Talks {
        /// The call.
        call: CallId,
        /// The leg.
        leg: LegId,
    },
    /// A leg lost its partner and is still there.
    Apart {
        /// The call.
        call: CallId,
        /// The leg.
        leg: LegId,
    },
    /// A leg put the other side on hold, by its phone or by order.
    Held {
        /// The call.
        call: CallId,
        /// The holder.
        leg: LegId,
    },
    /// A leg took the other side back.
    Retrieved {
        /// The call.
        call: CallId,
        /// The holder.
        leg: LegId,
    },
    /// A waiting party pressed a key.
    Digit {
        /// The call.
        call: CallId,
        /// Who.
        leg: LegId,
        /// Which.
        digit: char,
    },
    /// A caller chose in a menu.
    Data {
        /// The call.
        call: CallId,
        /// What the menu is for, and what was chosen.
        changed: BTreeMap<String, String>,
    },
    /// A leg left a call.
    Left {
        /// The call.
        call: CallId,
        /// The leg.
        leg: LegId,
        /// How.
        end: End,
        /// Why.
        cause: Option<Cause>,
    },
    /// A leg of one call is one of another from now on.
    Moved {
        /// From this call.
        from: CallId,
        /// To this one.
        to: CallId,
        /// The leg.
        leg: LegId,
    },
    /// A party gave its call to another.
    Transferred {
        /// The call that goes on.
        call: CallId,
        /// After (or while) talking to the target.
        attended: bool,
        /// Who gives.
        from: LegId,
        /// Who gets, where already a leg.
        to_leg: Option<LegId>,
        /// The number asked for.
        to_number: Option<String>,
        /// The call in which the target was consulted.
        consult: Option<CallId>,
    },
    /// Three or more talk.
    Conferenced {
        /// The call.
        call: CallId,
        /// Who.
        legs: Vec<LegId>,
    },
    /// A call became part of another.
    Merged {
        /// The call that is over.
        call: CallId,
        /// The one that goes on.
        into: CallId,
    },
    /// A call is over.
    Ended {
        /// The call.
        call: CallId,
        /// Who hung up; none: the switch.
        by: Option<LegId>,
        /// Why.
        cause: Option<Cause>,
    },
    /// A [`Ring`](crate::Command::Ring) came to nothing, and the caller waits.
    RingOver {
        /// The call.
        call: CallId,
        /// The order.
        order: OrderId,
        /// How it came out.
        outcome: Outcome,
        /// Why, as the phone that said most.
        cause: Option<Cause>,
    },
    /// An order is taken, or refused.
    Done {
        /// Which.
        order: OrderId,
        /// Why not.
        refused: Option<Refused>,
    },
    /// Whether a number can be dialled.
    Checked {
        /// The order that asked.
        order: OrderId,
        /// It can.
        exists: bool,
    },
    /// A Dial or Supervise came to nothing before there was a leg to tell it.
    DialFailed {
        /// The order.
        order: OrderId,
        /// How.
        end: End,
        /// Why.
        cause: Option<Cause>,
    },
    /// A supervisor hears a conversation.
    Supervised {
        /// The call.
        call: CallId,
        /// The supervisor's leg.
        leg: LegId,
        /// The supervisor's device.
        line: Line,
        /// How.
        mode: Supervision,
    },
    /// What is known of a user's phones changed.
    User {
        /// The user.
        name: Line,
        /// What they do.
        state: UserState,
    },
    /// A trunk answers, or answers no more.
    Trunk {
        /// Its name.
        name: String,
        /// It answers.
        up: bool,
    },
}

/// First sight of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Began {
    /// The call.
    pub call: CallId,
    /// Who began it.
    pub leg: LegId,
    /// Where from.
    pub line: Line,
    /// From where to where.
    pub direction: Direction,
    /// Who calls.
    pub caller: Caller,
    /// What was dialled.
    pub dialled: String,
    /// Who diverted it to us (RFC 5806, RFC 7044).
    pub via: Option<Diverted>,
    /// `uui` (RFC 7433) and `x-…` headers.
    pub data: BTreeMap<String, String>,
}

/// From where to where a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From a trunk.
    Inbound,
    /// From a user to a trunk.
    Outbound,
    /// From a user to another, or to the waiting room.
    Internal,
}

/// Who calls, as far as we believe it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// The number or name of the address, as it came; empty when none did.
    pub number: String,
    /// The display name.
    pub name: Option<String>,
    /// Asked not to be shown (RFC 3323 `Privacy: id`, an anonymous address).
    pub withheld: bool,
}

/// Who diverted a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diverted {
    /// The number diverted from.
    pub number: String,
    /// Why, in the peer's word.
    pub reason: Option<String>,
}

/// How a leg left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// It hung up itself.
    HungUp,
    /// The other side or the switch ended it.
    Released,
    /// It rang until the time was over.
    NoAnswer,
    /// Busy (486, 600).
    Busy,
    /// Refused (603, 403, a redirection).
    Rejected,
    /// Not reached (480, 408, no answer to the INVITE, not registered).
    Unreachable,
    /// No such number, or the network failed.
    Failed,
    /// It rang and was taken back.
    Cancelled,
    /// It rang and the caller left.
    CallerLeft,
    /// It gave the call away.
    Transferred,
}

/// How a Ring came out that nobody answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Was answered and taken back in the same moment.
    Answered,
    /// Rang in vain.
    NoAnswer,
    /// Busy or refused.
    Declined,
    /// Nothing could be reached.
    Unreachable,
}

/// Why something ended: Q.850, from a Reason header (RFC 3326) or the status (RFC 3398 section 8.2.6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The value.
    pub q850: u16,
    /// The peer's words, if any.
    pub text: String,
}

/// What a user's phones do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserState {
    /// None is registered.
    Away,
    /// Registered and free.
    Idle,
    /// Being rung.
    Ringing,
    /// In a call.
    InUse,
}
