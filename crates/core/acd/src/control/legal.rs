//! What may be asked for a leg now. Nobody else decides it: pages draw their buttons from it, refusals repeat it, and a
//! verb is carried out if and only if it stands here.

use hookswitch_model::call::{LegAction, LegRole, LegState};

use crate::calls::CallRecord;

/// The actions of a leg.
pub(crate) fn actions(record: &CallRecord, place: usize) -> Vec<LegAction> {
    let (leg, party) = (&record.call.legs[place], &record.parties[place]);
    if leg.agent.is_none() || leg.state == LegState::Left || !record.routed || party.transferred {
        return Vec::new();
    }
    let control = &record.control;
    if let Some(doing) = control.doing.as_ref().filter(|doing| !doing.seen) {
        return if doing.kind.is_light() { vec![LegAction::Hangup] } else { Vec::new() };
    }
    if control.blocked || control.dial.as_ref().is_some_and(|dial| !dial.shown) {
        return Vec::new();
    }
    if leg.role == LegRole::Supervisor {
        return vec![LegAction::Hangup];
    }
    if control.consult.as_ref().is_some_and(|consult| consult.by == leg.id) {
        let target = control.consult.as_ref().and_then(|consult| consult.target.as_ref());
        return consulting(target.map(|(_, up)| *up), false);
    }
    if place == 0 && control.dial.as_ref().is_some_and(|dial| dial.consults) {
        return consulting(record.consulted().map(|place| record.parties[place].up), true);
    }
    match leg.state {
        LegState::Left => Vec::new(),
        LegState::Ringing if party.remote_answer => vec![LegAction::Answer, LegAction::Hangup],
        LegState::Ringing => vec![LegAction::Hangup],
        // Who is consulted moves nobody: the customer is another's.
        LegState::Connected | LegState::Held if record.consults_by_us() => {
            vec![LegAction::Dtmf, LegAction::Hangup]
        }
        LegState::Connected if party.in_talk => talking(record, place),
        LegState::Connected => vec![LegAction::Hangup],
        LegState::Held => holding(record, place),
    }
}

fn talking(record: &CallRecord, place: usize) -> Vec<LegAction> {
    let mut actions = match record.others(place).len() {
        0 => vec![LegAction::Hangup],
        1 => vec![
            LegAction::Hold,
            LegAction::Transfer,
            LegAction::Consult,
            LegAction::Conference,
            LegAction::Dtmf,
            LegAction::Hangup,
            LegAction::Record,
        ],
        // Who is in a conference leaves it, and holds or moves nobody.
        _ => vec![LegAction::Dtmf, LegAction::Hangup, LegAction::Record],
    };
    actions.retain(|action| *action != LegAction::Record || record.records);
    actions
}

fn holding(record: &CallRecord, place: usize) -> Vec<LegAction> {
    match record.others(place).len() {
        0 => vec![LegAction::Hangup],
        1 => vec![
            LegAction::Retrieve,
            LegAction::Transfer,
            LegAction::Consult,
            LegAction::Conference,
            LegAction::Hangup,
        ],
        _ => vec![LegAction::Retrieve, LegAction::Hangup],
    }
}

/// While somebody is consulted: `target` is nobody yet, or rings (false), or is off the hook (true).
fn consulting(target: Option<bool>, on_consultation: bool) -> Vec<LegAction> {
    let mut actions = Vec::new();
    if target.is_some() {
        actions.push(LegAction::ConsultComplete);
    }
    actions.push(LegAction::ConsultCancel);
    if target == Some(true) {
        actions.push(LegAction::ConsultConference);
        if on_consultation {
            actions.push(LegAction::Dtmf);
        }
    }
    actions.push(LegAction::Hangup);
    actions
}

impl CallRecord {
    /// The other parties of the conversation of a leg, off the hook: who is held, transferred or hears tones.
    pub(crate) fn others(&self, place: usize) -> Vec<usize> {
        let legs = self.call.legs.iter().zip(&self.parties).enumerate();
        let there = legs.filter(|(other, (leg, party))| {
            *other != place
                && leg.state != LegState::Left
                && leg.role != LegRole::Supervisor
                && party.up
                && !party.transferred
        });
        there.map(|(other, _)| other).collect()
    }

    /// Who is consulted, of a consultation: whoever is there beside who consults, the last who came.
    pub(crate) fn consulted(&self) -> Option<usize> {
        let there =
            |place: &usize| self.is_here(*place) && self.call.legs[*place].role != LegRole::Supervisor;
        (1..self.parties.len()).rev().find(there)
    }
}
