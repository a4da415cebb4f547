//! What a switch can be ordered to do.

use std::{collections::BTreeMap, time::Duration};

use crate::{CallId, LegId, Line, OrderId};

/// What a switch can be ordered to do. Each order is answered once by [`Event::Done`](crate::Event::Done), a
/// [`Check`](Self::Check) by [`Event::Checked`](crate::Event::Checked); what comes of it is told by other events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Ring these for a caller in the waiting room; the first that answers talks. Its end is
    /// [`Event::RingOver`](crate::Event::RingOver), unless somebody answers or the caller leaves.
    Ring {
        /// The call.
        call: CallId,
        /// All of them at once.
        lines: Vec<Line>,
        /// How long.
        timeout: Duration,
    },
    /// Stop ringing these legs.
    Withdraw {
        /// The call.
        call: CallId,
        /// The order that rings.
        ring: OrderId,
        /// The legs to end.
        legs: Vec<LegId>,
        /// Nothing of that order is left: whoever rings or answered by it is let go, and the caller waits again.
        all: bool,
    },
    /// The caller waits in this queue: told so (182), or answered with its music.
    Queue {
        /// The call.
        call: CallId,
        /// The queue.
        queue: String,
    },
    /// A waiting caller comes into a menu, answered first where that is still to be done. What is chosen is told by
    /// [`Event::Data`](crate::Event::Data), and then [`Event::Waits`](crate::Event::Waits) again.
    Menu {
        /// The call.
        call: CallId,
        /// The menu.
        menu: String,
    },
    /// Tell a waiting caller the place in a queue and the time it will still take. A key cuts it short.
    Announce {
        /// The call.
        call: CallId,
        /// The queue.
        queue: String,
        /// The place, from 1; none: not said.
        position: Option<u32>,
        /// The wait; none: not said.
        wait: Option<Duration>,
    },
    /// Say something to a waiting caller, and hang up.
    Farewell {
        /// The caller's leg.
        leg: LegId,
        /// Sounds, `&` between them.
        prompt: String,
    },
    /// Connect a waiting caller with a number.
    SendTo {
        /// The call.
        call: CallId,
        /// The number.
        number: String,
    },
    /// Hang a leg up; a call that is not answered yet is refused so.
    Hangup {
        /// The leg.
        leg: LegId,
        /// Q.850 cause.
        cause: u16,
    },
    /// Nobody here can do anything for a waiting caller: refused so where that can still be said.
    GiveUp {
        /// The call.
        call: CallId,
        /// Q.850 cause: 1 for 404, 18 for 480, 41 for 503.
        cause: u16,
    },
    /// Ring a user's devices; who answers is connected with `to` (RFC 3725).
    Dial {
        /// The name the call is to have.
        call: CallId,
        /// The user's devices.
        lines: Vec<Line>,
        /// How long they ring.
        timeout: Duration,
        /// Whom to ring then.
        to: Target,
        /// The number the far end is shown.
        shown: Option<String>,
        /// Attached data, for the phones.
        data: BTreeMap<String, String>,
    },
    /// The other of a pair hears music or nothing.
    Hold {
        /// Who holds.
        leg: LegId,
    },
    /// The pair talks again.
    Retrieve {
        /// Who held.
        leg: LegId,
    },
    /// Blind transfer: `other` goes to `to`, `leg` leaves.
    Transfer {
        /// Who transfers.
        leg: LegId,
        /// Who is transferred.
        other: LegId,
        /// Where to.
        to: Target,
    },
    /// Hold `other` and connect `leg` with `to`, in a call of its own.
    Consult {
        /// Who consults.
        leg: LegId,
        /// Who is held.
        other: LegId,
        /// The name of the consultation.
        consult: CallId,
        /// Who is consulted.
        to: Target,
        /// How long it rings.
        timeout: Duration,
        /// The number the target is shown.
        shown: Option<String>,
    },
    /// Attended transfer: who was held gets who is consulted, who consults leaves.
    Complete {
        /// The consultation.
        consult: CallId,
    },
    /// Who is consulted is let go, the pair talks again.
    Cancel {
        /// The consultation.
        consult: CallId,
    },
    /// All three talk.
    Conference {
        /// The consultation.
        consult: CallId,
    },
    /// Tell a ringing phone to answer.
    Answer {
        /// Its leg.
        leg: LegId,
    },
    /// Send tones.
    Tones {
        /// Who hears them.
        leg: LegId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digits: String,
    },
    /// Ring a supervisor's devices; the first that answers hears the conversation of `leg`.
    Supervise {
        /// The supervised leg.
        leg: LegId,
        /// The supervisor's devices.
        lines: Vec<Line>,
        /// How.
        mode: Supervision,
    },
    /// Whether a number can be dialled; answered by [`Event::Checked`](crate::Event::Checked).
    Check {
        /// The number.
        number: String,
    },
    /// Whether a leg still lives; refused if not.
    Probe {
        /// The call.
        call: CallId,
        /// The leg.
        leg: LegId,
    },
}

/// Where an order connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// These, all at once.
    Lines(Vec<Line>),
    /// A number: of the house, or outside by the trunk.
    Number(String),
    /// The waiting room. Only for a transfer.
    WaitingRoom,
}

/// How a supervisor takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Supervision {
    /// Hears both, is heard by nobody.
    Listen,
    /// Hears both, is heard by the supervised leg.
    Whisper,
    /// Talks to both.
    Barge,
}

/// Why an order is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No such call, or it is over.
    #[error("no such call")]
    NoCall,
    /// No such leg, or it left.
    #[error("no such leg")]
    NoLeg,
    /// Legal at another time.
    #[error("not possible as things are")]
    NotNow,
    /// Nobody to ring.
    #[error("nothing to ring")]
    NoDevice,
    /// Nobody knows the number.
    #[error("nobody knows the number")]
    NoNumber,
    /// No media of our own is configured, which this needs.
    #[error("needs media ports, and none are configured")]
    NoMedia,
    /// There is no room for another call or leg.
    #[error("too many calls")]
    Full,
    /// The device does not do that.
    #[error("the device cannot do that")]
    Unsupported,
}
