//! The contract's word for each value of an enum of the model: written out, so that renaming inside renames nothing
//! outside.

use hookswitch_model::{
    agent::{AgentState, DeviceState},
    call::{CallState, Direction, LegAction, LegRole, LegState, MatchKind},
    callback::{CallbackOutcome, CallbackState, TryEnd},
    event::LinkState,
    ledger::{Disposition, EndedBy},
    offer::OfferOutcome,
    pbx::TransferKind,
    why::NoCallback,
};

macro_rules! words {
    ($($(#[$doc:meta])* $function:ident($type:ty) { $($variant:ident => $word:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[must_use]
        pub const fn $function(value: $type) -> &'static str {
            match value { $(<$type>::$variant => $word,)+ }
        }
    )+};
}

words! {
    /** Who called whom. */
    direction(Direction) { Inbound => "inbound", Outbound => "outbound", Internal => "internal" }
    /** Where a call stands. */
    call_state(CallState) {
        Started => "started", Queued => "queued", Offered => "offered", Connected => "connected", Held => "held",
        Ended => "ended",
    }
    /** Which part a leg plays. */
    leg_role(LegRole) {
        Customer => "customer", Agent => "agent", External => "external", Consult => "consult",
        Supervisor => "supervisor",
    }
    /** Where a leg stands. */
    leg_state(LegState) { Ringing => "ringing", Connected => "connected", Held => "held", Left => "left" }
    /** What may be asked for a leg. */
    leg_action(LegAction) {
        Answer => "answer", Hold => "hold", Retrieve => "retrieve", Transfer => "transfer", Consult => "consult",
        Conference => "conference", Dtmf => "dtmf", Hangup => "hangup", ConsultComplete => "consult/complete",
        ConsultCancel => "consult/cancel", ConsultConference => "consult/conference", Record => "record",
    }
    /** How a customer was matched. */
    match_kind(MatchKind) {
        One => "one", Many => "many", None => "none", Pending => "pending", Error => "error",
    }
    /** Where an agent stands. */
    agent_state(AgentState) {
        LoggedOut => "logged_out", NotReady => "not_ready", Ready => "ready", Reserved => "reserved",
        Talking => "talking", Holding => "holding", WrapUp => "wrap_up",
    }
    /** What a PBX knows of a device. */
    device_state(DeviceState) {
        Unknown => "unknown", Idle => "idle", Ringing => "ringing", InUse => "in_use", Unavailable => "unavailable",
    }
    /** How an offer ended. */
    offer_outcome(OfferOutcome) {
        Accepted => "accepted", NoAnswer => "no_answer", Declined => "declined", Unreachable => "unreachable",
        Withdrawn => "withdrawn", CallerLeft => "caller_left",
    }
    /** How a call was transferred. */
    transfer_kind(TransferKind) { Blind => "blind", Attended => "attended", Park => "park" }
    /** The state of a PBX link. */
    link_state(LinkState) { Up => "up", Down => "down", Resynchronised => "resynchronised" }
    /** How a call ended. */
    disposition(Disposition) {
        Answered => "answered", Abandoned => "abandoned", Missed => "missed", Busy => "busy", Rejected => "rejected",
        Failed => "failed", Merged => "merged", Lost => "lost", Callback => "callback",
    }
    /** Where a call-back stands. */
    callback_state(CallbackState) {
        Waiting => "waiting", Offered => "offered", Dialling => "dialling", Connected => "connected",
        Completed => "completed", Cancelled => "cancelled", Failed => "failed", Expired => "expired",
    }
    /** How a call-back ended. */
    callback_outcome(CallbackOutcome) {
        Completed => "completed", Cancelled => "cancelled", Superseded => "superseded", Failed => "failed",
        Forbidden => "forbidden", QueueGone => "queue_gone", Expired => "expired",
    }
    /** How a try came out that did not reach the customer. */
    try_end(TryEnd) {
        Agent => "agent", Busy => "busy", NoAnswer => "no_answer", Rejected => "rejected", Failed => "failed",
        Unseen => "unseen", NotNow => "not_now",
    }
    /** Why nobody calls a number back. */
    no_callback(NoCallback) {
        Withheld => "withheld", NoNumber => "no_number", NotAllowed => "not_allowed", Already => "already",
        TooMany => "too_many",
    }
    /** Who ended a call. */
    ended_by(EndedBy) { Customer => "customer", Agent => "agent", System => "system" }
}
