//! What agents ask for, as a PBX does it: calls of their own, holding, transfers, consultations.

use std::collections::BTreeMap;

use hookswitch_model::{
    ActionId, CallRef, LegRef,
    call::{Address, AttachedData, Direction},
    pbx::{Action, Fact, KnownCall, LegEnd, LegSeen, Target, TransferKind},
};

use crate::pbx::{Pbx, Phone, Step, Where, ended, left, number};

/// A call an agent made.
#[derive(Debug)]
struct Made {
    own: Phone,
    up: bool,
    far: Option<LegRef>,
    /// The far end is busy.
    busy: bool,
}

/// A consultation of the agent who holds this caller.
#[derive(Debug)]
struct Consult {
    of: u64,
    own: LegRef,
    target: Phone,
    up: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Desk {
    made: BTreeMap<CallRef, Made>,
    consults: BTreeMap<CallRef, Consult>,
}

#[derive(Debug)]
pub(crate) enum DeskStep {
    /// The own phone of who dials, or the one who is called, answers.
    Answers(CallRef),
    /// It is over.
    Ends(CallRef),
    /// Who is consulted answers, or does not.
    Consulted(CallRef, bool),
    /// Who rings for a caller who was left to him answers, or does not.
    HeirAnswers(u64, bool),
    /// The agent who holds this caller hangs up.
    Vanishes(u64),
    /// The dialplan finds a caller who is held by nobody.
    FindsAlone(u64),
}

impl Desk {
    pub(crate) fn has(&self, call: &CallRef) -> bool {
        self.made.contains_key(call) || self.consults.contains_key(call)
    }

    pub(crate) fn lives(&self, leg: &LegRef) -> bool {
        self.made.values().any(|made| made.own.leg == *leg || made.far.as_ref() == Some(leg))
            || self.consults.values().any(|consult| consult.own == *leg || consult.target.leg == *leg)
    }
}

fn internal(call: &CallRef, own: &LegRef, device: &Address) -> Fact {
    Fact::CallStarted {
        call: call.clone(),
        originator: LegSeen { leg: own.clone(), address: device.clone(), number: None },
        direction: Direction::Internal,
        ani: number("10"),
        dnis: number("11"),
        via: None,
        trunk: None,
        data: AttachedData::new(),
        watched: false,
    }
}

fn ringing(call: &CallRef, phone: &Phone) -> Fact {
    let leg = LegSeen { leg: phone.leg.clone(), address: phone.device.clone(), number: None };
    Fact::LegRinging { call: call.clone(), leg, ring: None }
}

impl Pbx {
    pub(crate) fn asked_at_desk(&mut self, id: ActionId, action: Action) {
        match action {
            Action::Dial { call, devices, to, .. } => {
                let busy = matches!(to, Target::Number(_)) && self.chance.percent(self.shape.presses / 2);
                self.dials(id, call, &devices, busy);
            }
            Action::Hold { leg, .. } => self.desk_holds(id, &leg),
            Action::Retrieve { leg, .. } => self.desk_retrieves(id, &leg),
            Action::Transfer { leg, other, to, .. } => self.desk_transfers(id, &leg, &other, &to),
            Action::Consult { leg, consult, to, .. } => self.desk_consults(id, &leg, consult, &to),
            Action::ConsultComplete { leg, consult, .. } => self.completes(id, &leg, &consult),
            Action::ConsultCancel { leg, .. } => self.desk_retrieves(id, &leg),
            Action::Dtmf { .. } | Action::Record { .. } => self.take_it(id),
            Action::CheckNumber { .. } => {
                let exists = self.chance.percent(80);
                self.tell(Fact::NumberChecked { action: id, exists });
            }
            _ => self.refuse(id, "cannot"),
        }
    }

    fn take_it(&mut self, id: ActionId) {
        self.tell(Fact::ActionResult { action: id, refused: None });
    }

    pub(crate) fn at_desk(&mut self, step: DeskStep) {
        match step {
            DeskStep::Answers(call) => self.made_answers(&call),
            DeskStep::Ends(call) => self.made_ends(&call),
            DeskStep::Consulted(call, answers) => self.consulted(&call, answers),
            DeskStep::HeirAnswers(n, answers) => self.heir(n, answers),
            DeskStep::Vanishes(n) => self.vanishes(n),
            DeskStep::FindsAlone(n) => self.finds_alone(n),
        }
    }

    /// A device that can be rung, taken.
    fn free(&mut self, devices: &[Address]) -> Option<Phone> {
        let device = devices.iter().find(|d| !self.busy.contains_key(*d) && !self.unreachable.contains(d))?;
        self.busy.insert(device.clone(), 0);
        Some(Phone { leg: self.new_leg(), device: device.clone() })
    }

    fn dials(&mut self, id: ActionId, call: CallRef, devices: &[Address], busy: bool) {
        let Some(mut own) = self.free(devices) else {
            self.tell(Fact::DialFailed { action: id, end: LegEnd::Busy, cause: None });
            return;
        };
        own.leg = LegRef::new(call.as_str());
        self.take_it(id);
        self.tell(internal(&call, &own.leg, &own.device));
        self.tell(ringing(&call, &own));
        self.desk.made.insert(call.clone(), Made { own, up: false, far: None, busy });
        let after = self.chance.of(500..20_000);
        if self.chance.percent(70) {
            self.later(after, Step::AtDesk(DeskStep::Answers(call.clone())));
        }
        let length = self.chance.of(20_000..60_000);
        self.later(length, Step::AtDesk(DeskStep::Ends(call)));
    }

    fn made_answers(&mut self, call: &CallRef) {
        let far = self.new_leg();
        let Some(made) = self.desk.made.get_mut(call) else { return };
        let own = made.own.leg.clone();
        if !made.up {
            made.up = true;
            self.tell(Fact::LegUp { call: call.clone(), leg: own });
            self.later(2_000, Step::AtDesk(DeskStep::Answers(call.clone())));
            return;
        }
        if made.busy {
            let device = made.own.device.clone();
            self.desk.made.remove(call);
            self.busy.remove(&device);
            let leg = LegSeen {
                leg: far.clone(),
                address: Address::new("PJSIP/trunk"),
                number: Some("+49".into()),
            };
            self.tell(Fact::LegRinging { call: call.clone(), leg, ring: None });
            self.tell(left(call, &far, LegEnd::Busy));
            self.tell(left(call, &own, LegEnd::Released));
            self.tell(ended(call, None));
            return;
        }
        made.far = Some(far.clone());
        let leg =
            LegSeen { leg: far.clone(), address: Address::new("PJSIP/trunk"), number: Some("+49".into()) };
        self.tell(Fact::LegRinging { call: call.clone(), leg, ring: None });
        self.tell(Fact::LegUp { call: call.clone(), leg: far.clone() });
        self.tell(Fact::Talking { call: call.clone(), leg: own });
        self.tell(Fact::Talking { call: call.clone(), leg: far });
    }

    fn made_ends(&mut self, call: &CallRef) {
        let Some(made) = self.desk.made.remove(call) else { return };
        self.busy.remove(&made.own.device);
        let end = if made.up { LegEnd::HungUp } else { LegEnd::NoAnswer };
        self.tell(left(call, &made.own.leg, end));
        if let Some(far) = made.far {
            self.tell(left(call, &far, LegEnd::Released));
        }
        self.tell(ended(call, made.up.then_some(made.own.leg)));
    }

    /// The caller presses the key for a call-back: heard in the waiting room only.
    pub(crate) fn presses(&mut self, n: u64) {
        let Some(caller) = self.callers.get(&n) else { return };
        if matches!(caller.place, Where::Room) {
            let (call, leg) = (caller.call.clone(), caller.leg.clone());
            self.tell(Fact::Digit { call, leg, digit: '1' });
        }
    }

    /// The caller whom this leg talks to or holds.
    fn partner(&self, leg: &LegRef) -> Option<u64> {
        let with = |place: &Where| match place {
            Where::Talking { phone, .. } | Where::Held { phone } => phone.leg == *leg,
            _ => false,
        };
        self.callers.iter().find(|(_, caller)| with(&caller.place)).map(|(n, _)| *n)
    }

    fn desk_holds(&mut self, id: ActionId, leg: &LegRef) {
        let Some(n) = self.partner(leg) else { return self.refuse(id, "gone") };
        self.take_it(id);
        self.puts_on_hold(n);
    }

    fn puts_on_hold(&mut self, n: u64) {
        let caller = self.callers.get_mut(&n).unwrap();
        let Where::Talking { phone, .. } = caller.place.clone() else { return };
        let (call, leg) = (caller.call.clone(), phone.leg.clone());
        caller.place = Where::Held { phone };
        self.tell(Fact::Held { call, leg });
        if self.chance.percent(20) {
            let after = self.chance.of(500..20_000);
            self.later(after, Step::AtDesk(DeskStep::Vanishes(n)));
        }
    }

    /// Who is held and consulted about is talked to again; the consultation is over by that.
    fn desk_retrieves(&mut self, id: ActionId, leg: &LegRef) {
        let Some(n) = self.partner(leg) else { return self.refuse(id, "gone") };
        self.take_it(id);
        let over = self.consult_ends(n, LegEnd::Cancelled);
        self.told.extend(over);
        let caller = self.callers.get_mut(&n).unwrap();
        let Where::Held { phone } = caller.place.clone() else { return };
        let call = caller.call.clone();
        caller.place = Where::Talking { ring: None, withdrawn: false, phone };
        self.tell(Fact::Retrieved { call, leg: leg.clone() });
        self.talk_goes_on(n, leg);
    }

    fn desk_transfers(&mut self, id: ActionId, leg: &LegRef, other: &LegRef, to: &Target) {
        let Some(n) = self.partner(leg).filter(|n| self.callers[n].leg == *other) else {
            return self.refuse(id, "gone");
        };
        self.take_it(id);
        let over = self.consult_ends(n, LegEnd::Cancelled);
        self.told.extend(over);
        let caller = self.callers.get_mut(&n).unwrap();
        let (Where::Talking { phone, .. } | Where::Held { phone }) = caller.place.clone() else { return };
        let (call, own) = (caller.call.clone(), caller.leg.clone());
        let waits = *to == Target::WaitingRoom;
        caller.place = if waits { Where::Room } else { Where::Elsewhere };
        let dnis = caller.dnis.clone();
        self.busy.remove(&phone.device);
        let kind = TransferKind::Blind;
        let (to_leg, to_number, consult) = (None, None, None);
        self.tell(Fact::Transferred {
            call: call.clone(),
            kind,
            from: leg.clone(),
            to_leg,
            to_number,
            consult,
        });
        self.tell(left(&call, leg, LegEnd::Transferred));
        self.tell(Fact::Apart { call: call.clone(), leg: own });
        if waits {
            self.tell(Fact::RouteRequested { call, dnis: number(&dnis) });
        }
        let patience = self.chance.of(1_000..self.shape.patience_ms);
        self.later(patience, Step::HangsUp(n));
    }

    fn desk_consults(&mut self, id: ActionId, leg: &LegRef, consult: CallRef, to: &Target) {
        let Some(n) = self.partner(leg) else { return self.refuse(id, "gone") };
        let devices = match to {
            Target::Devices(devices) => devices.clone(),
            _ => vec![Address::new("PJSIP/trunk")],
        };
        self.take_it(id);
        self.puts_on_hold(n);
        let Where::Held { phone } = self.callers[&n].place.clone() else { return };
        let Some(target) = self.free(&devices) else {
            self.tell(Fact::DialFailed { action: id, end: LegEnd::Busy, cause: None });
            return;
        };
        let own = self.new_leg();
        self.tell(internal(&consult, &own, &phone.device));
        self.tell(Fact::LegUp { call: consult.clone(), leg: own.clone() });
        self.tell(ringing(&consult, &target));
        self.desk.consults.insert(consult.clone(), Consult { of: n, own, target, up: false });
        let (after, answers) = (self.chance.of(500..15_000), self.chance.percent(70));
        self.later(after, Step::AtDesk(DeskStep::Consulted(consult, answers)));
    }

    fn consulted(&mut self, call: &CallRef, answers: bool) {
        let Some(consult) = self.desk.consults.get_mut(call) else { return };
        if consult.up {
            return;
        }
        if answers {
            consult.up = true;
            let (own, target) = (consult.own.clone(), consult.target.leg.clone());
            self.tell(Fact::LegUp { call: call.clone(), leg: target.clone() });
            self.tell(Fact::Talking { call: call.clone(), leg: own });
            self.tell(Fact::Talking { call: call.clone(), leg: target });
        } else {
            let of = consult.of;
            let over = self.consult_ends(of, LegEnd::NoAnswer);
            self.told.extend(over);
        }
    }

    /// The facts with which the consultation about this caller ends, if there is one.
    pub(crate) fn consult_ends(&mut self, n: u64, end: LegEnd) -> Vec<Fact> {
        let Some(call) = self.desk.consults.iter().find(|(_, c)| c.of == n).map(|(call, _)| call.clone())
        else {
            return Vec::new();
        };
        let consult = self.desk.consults.remove(&call).unwrap();
        self.busy.remove(&consult.target.device);
        let by = consult.own.clone();
        vec![
            left(&call, &consult.target.leg, if consult.up { LegEnd::Released } else { end }),
            left(&call, &consult.own, LegEnd::HungUp),
            ended(&call, Some(by)),
        ]
    }

    fn completes(&mut self, id: ActionId, leg: &LegRef, call: &CallRef) {
        let Some(n) = self.partner(leg) else { return self.refuse(id, "gone") };
        let Some(consult) = self.desk.consults.remove(call) else { return self.refuse(id, "gone") };
        self.take_it(id);
        let caller = self.callers.get_mut(&n).unwrap();
        let Where::Held { phone } = caller.place.clone() else { return };
        let (main, own) = (caller.call.clone(), caller.leg.clone());
        let target = consult.target.clone();
        caller.place = if consult.up {
            Where::Talking { ring: None, withdrawn: false, phone: target.clone() }
        } else {
            Where::Heir { phone: target.clone() }
        };
        self.busy.remove(&phone.device);
        self.tell(Fact::LegMoved { from: call.clone(), to: main.clone(), leg: target.leg.clone() });
        self.tell(Fact::Transferred {
            call: main.clone(),
            kind: TransferKind::Attended,
            from: leg.clone(),
            to_leg: Some(target.leg.clone()),
            to_number: None,
            consult: Some(call.clone()),
        });
        self.tell(left(&main, leg, LegEnd::Transferred));
        self.tell(left(call, &consult.own, LegEnd::Transferred));
        self.tell(Fact::CallMerged { call: call.clone(), into: main.clone() });
        if consult.up {
            self.tell(Fact::Talking { call: main.clone(), leg: own });
            self.tell(Fact::Talking { call: main, leg: target.leg.clone() });
            self.talk_goes_on(n, &target.leg);
        } else {
            let (after, answers) = (self.chance.of(500..15_000), self.chance.percent(50));
            self.later(after, Step::AtDesk(DeskStep::HeirAnswers(n, answers)));
        }
        let patience = self.chance.of(20_000..self.shape.patience_ms);
        self.later(patience, Step::HangsUp(n));
    }

    fn heir(&mut self, n: u64, answers: bool) {
        let Some(caller) = self.callers.get_mut(&n) else { return };
        let Where::Heir { phone } = caller.place.clone() else { return };
        let (call, own, dnis) = (caller.call.clone(), caller.leg.clone(), caller.dnis.clone());
        if answers {
            caller.place = Where::Talking { ring: None, withdrawn: false, phone: phone.clone() };
            self.tell(Fact::LegUp { call: call.clone(), leg: phone.leg.clone() });
            self.tell(Fact::Talking { call: call.clone(), leg: own });
            self.tell(Fact::Talking { call, leg: phone.leg.clone() });
            self.talk_goes_on(n, &phone.leg);
        } else {
            caller.place = Where::Room;
            self.busy.remove(&phone.device);
            self.tell(left(&call, &phone.leg, LegEnd::NoAnswer));
            self.tell(Fact::RouteRequested { call, dnis: number(&dnis) });
        }
    }

    fn vanishes(&mut self, n: u64) {
        let Some(caller) = self.callers.get(&n) else { return };
        let Where::Held { phone } = caller.place.clone() else { return };
        let call = caller.call.clone();
        let over = self.consult_ends(n, LegEnd::Cancelled);
        self.told.extend(over);
        self.callers.get_mut(&n).unwrap().place = Where::Alone;
        self.busy.remove(&phone.device);
        self.tell(left(&call, &phone.leg, LegEnd::HungUp));
        self.later(3_000, Step::AtDesk(DeskStep::FindsAlone(n)));
        let patience = self.chance.of(20_000..self.shape.patience_ms);
        self.later(patience, Step::HangsUp(n));
    }

    fn finds_alone(&mut self, n: u64) {
        let Some(caller) = self.callers.get_mut(&n) else { return };
        if matches!(caller.place, Where::Alone) {
            caller.place = Where::Room;
            let fact = Fact::RouteRequested { call: caller.call.clone(), dnis: number(&caller.dnis) };
            self.tell(fact);
        }
    }

    /// Hangs up a leg that is at a desk. False when it is none.
    pub(crate) fn desk_hangs_up(&mut self, id: ActionId, leg: &LegRef) -> bool {
        let made = self.desk.made.iter().find(|(_, made)| made.own.leg == *leg).map(|(call, _)| call.clone());
        if let Some(call) = made {
            self.take_it(id);
            self.made_ends(&call);
            return true;
        }
        let consulted = self.desk.consults.values().find(|c| c.target.leg == *leg || c.own == *leg);
        if let Some(n) = consulted.map(|consult| consult.of) {
            self.take_it(id);
            let over = self.consult_ends(n, LegEnd::Rejected);
            self.told.extend(over);
            return true;
        }
        let held = |place: &Where| matches!(place, Where::Held { phone } if phone.leg == *leg);
        let n = self.callers.iter().find(|(_, caller)| held(&caller.place)).map(|(n, _)| *n);
        if let Some(n) = n {
            self.take_it(id);
            self.vanishes(n);
        }
        n.is_some()
    }

    /// After a lost link: what of such a call is not as it is believed.
    pub(crate) fn differ_at_desk(&self, known: &KnownCall, facts: &mut Vec<Fact>) {
        for leg in known.legs.iter().filter(|leg| !self.lives(&leg.leg)) {
            facts.push(left(&known.call, &leg.leg, LegEnd::Released));
        }
        let up = |leg: &LegRef| Fact::LegUp { call: known.call.clone(), leg: leg.clone() };
        if let Some(made) = self.desk.made.get(&known.call).filter(|made| made.up) {
            facts.push(up(&made.own.leg));
        }
        if let Some(consult) = self.desk.consults.get(&known.call).filter(|consult| consult.up) {
            facts.push(up(&consult.target.leg));
        }
    }
}
