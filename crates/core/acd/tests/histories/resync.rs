//! What a normaliser tells when a link is back: the lists compared with what the engine believes.

use hookswitch_model::{
    CallRef,
    call::LegState,
    pbx::{Action, Fact, KnownCall, LegEnd, LegSeen, PbxAction},
};

use crate::pbx::{Caller, Pbx, Where, ended, left, number, started};

/// The dialplan's patience with a daemon that is away.
const STALE_MS: u64 = 9_000;

impl Pbx {
    /// Callers who wait while nobody watches go to the fallback by themselves.
    pub(crate) fn nobody_watches(&mut self, ms: u64) {
        let stale = ms > STALE_MS;
        for caller in self.callers.values_mut().filter(|_| stale) {
            if matches!(caller.place, Where::Room) {
                caller.place = Where::Elsewhere;
            }
        }
    }

    /// What a link says of an action that was on its way when it was lost, where it was to send a caller away: whether he
    /// is in the waiting room still.
    pub(crate) fn asked_after(&self, action: &PbxAction) -> Option<Fact> {
        let (Action::SendTo { leg, .. }
        | Action::FallBack { leg, .. }
        | Action::Farewell { leg, .. }
        | Action::Menu { leg, .. }) = &action.action
        else {
            return None;
        };
        let waits = |caller: &Caller| caller.leg == *leg && matches!(caller.place, Where::Room);
        let refused = self.callers.values().any(waits).then(|| "it did not reach the PBX".to_owned());
        Some(Fact::ActionResult { action: action.id, refused })
    }

    /// The difference between what is believed and what is, as facts.
    pub(crate) fn difference(&self, believed: &[KnownCall]) -> Vec<Fact> {
        let mut facts = Vec::new();
        for known in believed {
            match self.callers.values().find(|caller| caller.call == known.call) {
                Some(caller) => self.differ(known, caller, &mut facts),
                None if self.desk.has(&known.call) => self.differ_at_desk(known, &mut facts),
                None => {
                    for leg in &known.legs {
                        facts.push(left(&known.call, &leg.leg, LegEnd::Released));
                    }
                    facts.push(ended(&known.call, None));
                }
            }
        }
        for caller in self.callers.values() {
            if !believed.iter().any(|known| known.call == caller.call) {
                introduce(caller, &mut facts);
            }
        }
        facts
    }

    fn differ(&self, known: &KnownCall, caller: &Caller, facts: &mut Vec<Fact>) {
        for leg in known.legs.iter().filter(|leg| !self.lives(&leg.leg)) {
            let end = if leg.state == LegState::Ringing { LegEnd::Cancelled } else { LegEnd::Released };
            facts.push(left(&known.call, &leg.leg, end));
        }
        if let Where::Talking { phone, .. } = &caller.place {
            let believed = known.legs.iter().find(|leg| leg.leg == phone.leg);
            if believed.is_none() {
                let seen = LegSeen { leg: phone.leg.clone(), address: phone.device.clone(), number: None };
                facts.push(Fact::LegRinging { call: caller.call.clone(), leg: seen, ring: None });
            }
            if believed.is_none_or(|leg| leg.state == LegState::Ringing) {
                talk(caller, &phone.leg, facts);
            }
        }
        if matches!(caller.place, Where::Room) && !known.routed {
            facts.push(Fact::RouteRequested { call: caller.call.clone(), dnis: number(&caller.dnis) });
        }
        match caller.place {
            Where::Menu if known.routed => facts.push(in_menu(caller)),
            Where::Elsewhere if known.routed => facts.push(Fact::FellBack { call: caller.call.clone() }),
            _ => {}
        }
    }
}

pub(crate) fn talk(caller: &Caller, leg: &hookswitch_model::LegRef, facts: &mut Vec<Fact>) {
    let call: CallRef = caller.call.clone();
    facts.push(Fact::LegUp { call: call.clone(), leg: leg.clone() });
    facts.push(Fact::Talking { call: call.clone(), leg: caller.leg.clone() });
    facts.push(Fact::Talking { call, leg: leg.clone() });
}

fn in_menu(caller: &Caller) -> Fact {
    Fact::SystemTook { call: caller.call.clone(), what: "menu".into() }
}

/// A caller who came while nobody watched.
fn introduce(caller: &Caller, facts: &mut Vec<Fact>) {
    let call = &caller.call;
    facts.push(started(call, &caller.leg, "+49301", &caller.dnis));
    facts.push(Fact::LegUp { call: call.clone(), leg: caller.leg.clone() });
    match &caller.place {
        Where::Room | Where::Ringing { .. } => {
            facts.push(Fact::RouteRequested { call: call.clone(), dnis: number(&caller.dnis) });
        }
        Where::Talking { phone, .. } => {
            let seen = LegSeen { leg: phone.leg.clone(), address: phone.device.clone(), number: None };
            facts.push(Fact::LegRinging { call: call.clone(), leg: seen, ring: None });
            talk(caller, &phone.leg, facts);
        }
        Where::Menu => facts.push(in_menu(caller)),
        Where::Held { .. } | Where::Heir { .. } | Where::Alone | Where::Elsewhere => {}
    }
}
