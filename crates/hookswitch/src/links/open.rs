//! Actions of which it is not known whether they reached the PBX: the link or the daemon went away in between. The truth
//! is asked of the PBX, so that none is lost and none is repeated.
//!
//! - What **begins a call** leaves a mark behind itself: a global variable of the PBX with the action's id, written on the
//!   same connection just after it. An action later than the mark did not reach the PBX and is carried out now, unless it
//!   has expired.
//! - What **sends a waiting caller away** is asked after by where the caller is: in the waiting room still, or gone.
//! - Everything else is told by the lists that follow each log-in: who rings, who talks, who is held, who is gone.

use hookswitch_ami::Action as Ami;
use hookswitch_model::{
    ActionId, LegRef,
    pbx::{Action, PbxAction},
};

/// ActionID of the `Setvar` that leaves a mark.
pub(super) const MARK_ID: &str = "hookswitch-mark";
/// ActionID of the `Getvar` that reads it.
pub(super) const LAST_MARK_ID: &str = "hookswitch-last-mark";
/// The context callers wait in.
pub(super) const WAITING_ROOM: &str = "hookswitch-wait";
/// Before an action's id: ActionID of the `Getvar` that asks where its caller is.
const WHERE: &str = "hookswitch-where-";
const VARIABLE: &str = "HS_ORIGINATED";

/// Whether this request makes the PBX call somebody.
pub(super) fn begins_a_call(request: &Ami) -> bool {
    request.name() == "Originate"
}

/// The mark of an action that begins a call.
pub(super) fn mark(action: ActionId) -> Ami {
    Ami::new("Setvar").action_id(MARK_ID).header("Variable", VARIABLE).header("Value", action.to_string())
}

/// Asks for the last mark.
pub(super) fn last_mark() -> Ami {
    Ami::new("Getvar").action_id(LAST_MARK_ID).header("Variable", VARIABLE)
}

/// How many of these actions, in the order they were sent, reached the PBX whose last mark is this one. A mark of none of
/// them is of an action that this daemon does not know any more: it was killed while its disk was full. What is older
/// than that one came before it.
pub(super) fn reached(sent: &[PbxAction], last: Option<ActionId>) -> usize {
    let Some(last) = last else { return 0 };
    match sent.iter().position(|action| action.id == last) {
        Some(place) => place + 1,
        None => sent.iter().take_while(|action| action.id.millis() < last.millis()).count(),
    }
}

/// Whether this action sends a waiting caller away.
pub(super) fn moves_a_caller(action: &PbxAction) -> bool {
    caller(action).is_some()
}

/// Asks where the caller is whom this action was to send away.
pub(super) fn where_is_he(action: &PbxAction) -> Option<Ami> {
    let leg = caller(action)?;
    let question = Ami::new("Getvar").action_id(format_args!("{WHERE}{}", action.id));
    Some(question.header("Channel", leg.as_str()).header("Variable", "CONTEXT"))
}

/// The action after which this ActionID asks.
pub(super) fn asked_after(id: &str) -> Option<ActionId> {
    id.strip_prefix(WHERE)?.parse().ok()
}

fn caller(action: &PbxAction) -> Option<&LegRef> {
    match &action.action {
        Action::SendTo { leg, .. }
        | Action::FallBack { leg, .. }
        | Action::Farewell { leg, .. }
        | Action::Menu { leg, .. } => Some(leg),
        Action::Ring { .. }
        | Action::Withdraw { .. }
        | Action::NoteQueue { .. }
        | Action::Announce { .. }
        | Action::Hangup { .. }
        | Action::Dial { .. }
        | Action::Hold { .. }
        | Action::Retrieve { .. }
        | Action::Transfer { .. }
        | Action::Consult { .. }
        | Action::ConsultComplete { .. }
        | Action::ConsultCancel { .. }
        | Action::ConsultConference { .. }
        | Action::Answer { .. }
        | Action::Dtmf { .. }
        | Action::Supervise { .. }
        | Action::Record { .. }
        | Action::CheckNumber { .. }
        | Action::Probe { .. } => None,
    }
}
