//! How a call ended, judged from what was seen: pure, one table.

use hookswitch_model::{
    ledger::{Disposition, EndedBy},
    pbx::{GaveUp, LegEnd},
};

use super::{CallRecord, cause};
use crate::callbacks::Tie;

/// What is known of a call when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The leg that hung up; none: the PBX, or nobody knows.
    pub(crate) by: Option<By>,
    /// The PBX's cause.
    pub(crate) q850: Option<u16>,
    /// Told by comparing lists, not seen.
    pub(crate) recovered: bool,
    /// The PBX was asked for it and did not know it any more, or never answered.
    pub(crate) lost: bool,
}

/// Whose leg hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The customer's.
    Customer,
    /// The originator's, of a call that somebody of us made.
    Originator,
    /// Another.
    Other,
}

/// The disposition of a call that ends so. The record is as it was just before the end: legs that rang until then
/// have left with [`LegEnd::CallerLeft`].
pub(crate) fn disposition(record: &CallRecord, ending: &Ending) -> Disposition {
    if ending.lost {
        return Disposition::Lost;
    }
    if matches!(record.callback, Tie::Promised(_)) && record.call.answered_at.is_none() {
        return Disposition::Callback;
    }
    if record.visit.is_some() || record.left_an_offer {
        return Disposition::Abandoned;
    }
    if originator_never_answered(record) {
        return Disposition::Failed;
    }
    if let Some(end) = record.control.dial.as_ref().and_then(|dial| dial.end)
        && record.call.answered_at.is_none()
    {
        return of_end(end).1;
    }
    if record.call.answered_at.is_some() {
        return if was_dropped(record, ending) { Disposition::Failed } else { Disposition::Answered };
    }
    if record.system.is_some() || caller_left(record, ending) {
        return Disposition::Missed;
    }
    by_attempts(record).unwrap_or_else(|| by_cause(record, ending))
}

/// Who ended it. A call that the called devices refused was ended by nobody but the system.
pub(crate) fn ended_by(record: &CallRecord, ending: &Ending) -> EndedBy {
    let talked = record.call.answered_at.is_some();
    match ending.by {
        _ if originator_never_answered(record) || ending.lost => EndedBy::System,
        Some(By::Customer) => EndedBy::Customer,
        Some(By::Originator) => EndedBy::Agent,
        Some(By::Other) if talked => EndedBy::Agent,
        Some(By::Other) | None => EndedBy::System,
    }
}

/// Click-to-dial whose own device did not pick up.
fn originator_never_answered(record: &CallRecord) -> bool {
    let Some((own, first)) = record.call.legs.first().zip(record.parties.first()) else { return false };
    let clicked = record.control.dial.as_ref().is_some_and(|dial| !dial.consults);
    let mut own_legs = record.call.legs.iter().zip(&record.parties).filter(|(leg, _)| leg.agent == own.agent);
    if clicked { !own_legs.any(|(_, party)| party.up) } else { first.rang && !first.up }
}

/// The PBX kept the caller, whatever the devices had said that were tried until then, and the caller gave up. Who was
/// not even answered by the PBX heard what they said.
fn caller_left(record: &CallRecord, ending: &Ending) -> bool {
    ending.by == Some(By::Customer) && record.customer == Some(0) && record.parties[0].up
}

/// What a caller is told for whom there is nobody: outside any queue, what the devices said that were rung.
pub(crate) fn gave_up(record: &CallRecord) -> GaveUp {
    match by_attempts(record).filter(|_| record.call.queued_at.is_none()) {
        Some(Disposition::Busy) => GaveUp::Busy,
        Some(Disposition::Rejected) => GaveUp::Declined,
        Some(
            Disposition::Answered
            | Disposition::Abandoned
            | Disposition::Missed
            | Disposition::Failed
            | Disposition::Merged
            | Disposition::Lost
            | Disposition::Callback,
        )
        | None => GaveUp::Nobody,
    }
}

/// What the devices that rang say together, the originator's left out.
fn by_attempts(record: &CallRecord) -> Option<Disposition> {
    let attempts = record.parties.iter().skip(1).filter(|party| party.rang).filter_map(|party| party.end);
    let ranked = attempts.map(of_end);
    ranked.max_by_key(|(rank, _)| *rank).map(|(_, disposition)| disposition)
}

/// What one device says, and how much that counts beside what others say.
const fn of_end(end: LegEnd) -> (u8, Disposition) {
    match end {
        LegEnd::NoAnswer
        | LegEnd::CallerLeft
        | LegEnd::HungUp
        | LegEnd::Released
        | LegEnd::Cancelled
        | LegEnd::Transferred => (4, Disposition::Missed),
        LegEnd::Rejected => (3, Disposition::Rejected),
        LegEnd::Busy => (2, Disposition::Busy),
        LegEnd::Unreachable => (1, Disposition::Missed),
        LegEnd::Failed => (0, Disposition::Failed),
    }
}

/// No device was tried.
fn by_cause(record: &CallRecord, ending: &Ending) -> Disposition {
    let answered_by_pbx = record.customer.is_some_and(|place| record.parties[place].up);
    match ending.q850 {
        _ if ending.by == Some(By::Customer) || ending.recovered => Disposition::Missed,
        Some(17) => Disposition::Busy,
        Some(21) => Disposition::Rejected,
        Some(q850) if cause::is_absence(q850) => Disposition::Missed,
        Some(q850) if cause::is_failure(q850) => Disposition::Failed,
        Some(_) | None if answered_by_pbx || ending.by.is_some() => Disposition::Missed,
        Some(_) | None => Disposition::Failed,
    }
}

/// The PBX itself dropped it after a transfer that nobody took up: nothing is where it went, or who is there was busy,
/// away or did not answer. A customer who hung up meanwhile was answered before.
fn was_dropped(record: &CallRecord, ending: &Ending) -> bool {
    record.untaken && ending.by.is_none() && !ending.recovered && record.system.is_none()
}
