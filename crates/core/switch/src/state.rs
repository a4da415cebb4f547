//! What is kept of legs, calls and attempts while they live.

use std::collections::BTreeMap;

use hookswitch_sip::{ClientId, Instant, Response, ServerId, message::Request};

use crate::{
    CallId, LegId, Line, OrderId, Supervision, Target,
    dialog::Dialog,
    event::{Caller, Cause, End},
    id::DialogId,
    session::Session,
    spoken::Asking,
    voice::Voice,
};

/// One dialog with one party.
#[derive(Debug)]
pub(crate) struct Leg {
    /// What is at the other end.
    pub(crate) line: Line,
    /// The call it is a party of; none once it left and only its dialog is still to be ended.
    pub(crate) call: Option<CallId>,
    /// How often it consulted: tells its parts in several calls apart.
    pub(crate) part: u8,
    /// How many parts it had.
    pub(crate) parts: u8,
    /// The call it holds while it consults in [`call`](Self::call), and its part there.
    pub(crate) about: Option<(CallId, u8)>,
    /// The dialog.
    pub(crate) dialog: Dialog,
    /// Where the dialog stands.
    pub(crate) phase: Phase,
    /// What each side was told of the other's voice.
    pub(crate) voice: Voice,
    /// Whom it is to hear.
    pub(crate) peer: Peer,
    /// It hears a call without being a party of it.
    pub(crate) watches: bool,
    /// It was told to be in conversation.
    pub(crate) talking: bool,
    /// It holds the other side by its own phone.
    pub(crate) holds: bool,
    /// It holds the other side by order.
    pub(crate) holds_by_order: bool,
    /// An offer that is open.
    pub(crate) open: Open,
    /// How often it was told anew of the same other side: a peer that always answers something new is not asked for ever.
    pub(crate) rounds: u8,
    /// What keeps the dialog alive.
    pub(crate) session: Session,
    /// The peer takes UPDATE.
    pub(crate) updates: bool,
    /// A 2xx of ours that is not acknowledged.
    pub(crate) unacknowledged: Option<Unacknowledged>,
    /// Requests that were passed on and are not answered.
    pub(crate) relayed: Vec<Passing>,
    /// A 2xx of theirs whose ACK waits for an answer from the other side.
    pub(crate) owed_ack: Option<u32>,
    /// The last ACK we sent for a 2xx: sent again when the 2xx is.
    pub(crate) acked: Option<(u32, Option<bytes::Bytes>)>,
}

/// Where a dialog stands.
#[derive(Debug)]
pub(crate) enum Phase {
    /// They asked, and are not answered.
    Asked(Asked),
    /// We asked, and are not answered.
    Calling(Calling),
    /// Answered.
    Up,
    /// Being ended; nobody's party any more.
    Leaving,
}

/// Their INVITE.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Its transaction.
    pub(crate) server: ServerId,
    /// The INVITE.
    pub(crate) invite: Box<Request>,
    /// They brought no offer: ours goes with the answer, theirs comes with the ACK (RFC 3264 section 4).
    pub(crate) late: bool,
    /// The last provisional answer, sent again from time to time.
    pub(crate) told: u16,
    /// Provisional answers must be acknowledged (RFC 3262).
    pub(crate) reliably: bool,
    /// The one that is not acknowledged yet.
    pub(crate) unheard: Option<Unheard>,
    /// The number of the last one.
    pub(crate) rseq: u32,
}

/// A reliable provisional answer that is not acknowledged.
#[derive(Debug)]
pub(crate) struct Unheard {
    pub(crate) response: Response,
    /// Sent again after this; doubles.
    pub(crate) wait: std::time::Duration,
    /// When it was first sent.
    pub(crate) since: Instant,
}

/// Our INVITE.
#[derive(Debug)]
pub(crate) struct Calling {
    /// Its transaction.
    pub(crate) client: ClientId,
    /// The INVITE, for when it must be sent again: elsewhere, or with credentials.
    pub(crate) invite: Box<Request>,
    /// The attempt it is part of.
    pub(crate) attempt: u64,
    /// Where else the same line can be tried.
    pub(crate) others: Vec<crate::switch::Destination>,
    /// It gave a sign of life.
    pub(crate) heard_of: bool,
    /// Credentials were given.
    pub(crate) authorized: bool,
}

/// A 2xx of ours that is not acknowledged (RFC 3261 section 13.3.1.4).
#[derive(Debug)]
pub(crate) struct Unacknowledged {
    pub(crate) server: ServerId,
    pub(crate) response: Response,
    pub(crate) wait: std::time::Duration,
    pub(crate) since: Instant,
    /// The answer to our offer comes with the ACK, for this leg.
    pub(crate) answer_for: Option<DialogId>,
}

/// Whom a leg is to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Nobody was connected yet: it is left as it is.
    Unset,
    /// Another leg, end to end.
    Leg(DialogId),
    /// Nobody.
    Silence,
    /// Our own media, at this port: music or a conference.
    Port(u16),
}

/// An offer that is open in a dialog: at most one.
#[derive(Debug)]
pub(crate) enum Open {
    /// None.
    Nothing,
    /// Ours, in a re-INVITE or UPDATE.
    Ours,
    /// Theirs, passed on to the other side.
    Theirs(Passing),
    /// Theirs, to be passed on as soon as the other side may be offered something.
    Waits(Passing),
}

/// A re-INVITE or UPDATE of theirs that waits for the other side.
#[derive(Debug)]
pub(crate) struct Passing {
    pub(crate) server: ServerId,
    pub(crate) request: Box<Request>,
}

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    /// Who is in it, or rung for it, in order of appearance. Who consults in another call is among them.
    pub(crate) parties: Vec<DialogId>,
    /// Whose end ends the call.
    pub(crate) customer: DialogId,
    /// Who is being rung.
    pub(crate) attempt: Option<u64>,
    /// In the waiting room.
    pub(crate) waits: bool,
    /// The last Ring for it: may be taken back after it was answered.
    pub(crate) last_ring: Option<OrderId>,
    /// The queue it was told to be in.
    pub(crate) queue: Option<String>,
    /// What was dialled.
    pub(crate) dialled: String,
    /// Who calls.
    pub(crate) caller: Caller,
    /// What came with the call.
    pub(crate) data: BTreeMap<String, String>,
    /// Attempts at ringing somebody who is to hear it, those that are over perhaps included.
    pub(crate) supervisors: Vec<u64>,
    /// Counted up with each call: of two that become one, the older goes on.
    pub(crate) age: u64,
    /// Its conference or supervision.
    pub(crate) room: Option<u64>,
    /// What is said to its waiting caller and must come to its end.
    pub(crate) speech: Option<Speech>,
}

impl Call {
    /// Its caller waits, nobody is rung, and nothing is said that must come to its end.
    pub(crate) const fn is_free(&self) -> bool {
        self.waits && self.attempt.is_none() && self.speech.is_none()
    }
}

/// What must come to its end before a waiting caller goes anywhere.
#[derive(Debug)]
pub(crate) enum Speech {
    /// A menu.
    Asks(Box<Asking>),
    /// Then the call is over.
    Farewell,
}

/// Phones and numbers that are tried at once; the first to answer wins.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) call: CallId,
    pub(crate) reason: Reason,
    /// Who rings.
    pub(crate) legs: Vec<DialogId>,
    /// Who talks to the winner.
    pub(crate) heir: Option<DialogId>,
    /// The end that says most so far.
    pub(crate) worst: Option<(End, Cause)>,
}

/// Why somebody is rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// By [`Command::Ring`](crate::Command::Ring).
    Ring(OrderId),
    /// A user dialled it.
    Dialled,
    /// A waiting caller is sent there.
    SentTo,
    /// A user's own phone, for a call to somebody.
    Own { order: OrderId, to: Target, shown: Option<String> },
    /// The far end of that.
    Far,
    /// Somebody is consulted.
    Consult,
    /// The target of a blind transfer, or of an attended one that came too early.
    Transfer,
    /// A supervisor.
    Supervise { order: OrderId, leg: LegId, mode: Supervision },
}
