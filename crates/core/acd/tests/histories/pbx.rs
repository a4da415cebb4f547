//! A PBX as far as the engine sees it: a waiting room, phones, bridges, and what goes wrong.

use std::collections::BTreeMap;

use hookswitch_model::{
    ActionId, CallRef, LegRef, Millis, Timestamp,
    agent::DeviceState,
    call::{Address, AttachedData, Direction, PartyNumber},
    ledger::Cause,
    pbx::{Action, Fact, LegEnd, LegSeen, PbxAction, RingResult, TransferKind},
};

use crate::{
    chance::Chance,
    desk::{Desk, DeskStep},
    run::Shape,
};

/// A phone that was rung for a caller.
#[derive(Debug, Clone)]
pub(crate) struct Phone {
    pub(crate) leg: LegRef,
    pub(crate) device: Address,
}

/// Where a caller is.
#[derive(Debug, Clone)]
pub(crate) enum Where {
    Room,
    Menu,
    Ringing {
        ring: ActionId,
        withdrawn: bool,
        phones: Vec<Phone>,
        worst: RingResult,
    },
    Talking {
        ring: Option<ActionId>,
        withdrawn: bool,
        phone: Phone,
    },
    /// In music, while an agent waits at the desk or consults.
    Held {
        phone: Phone,
    },
    /// In music, and whoever held is gone: the dialplan finds the way back.
    Alone,
    /// Rings somebody who was consulted and left to this caller.
    Heir {
        phone: Phone,
    },
    Elsewhere,
}

#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) call: CallRef,
    pub(crate) leg: LegRef,
    pub(crate) dnis: String,
    pub(crate) place: Where,
}

/// What is going to happen.
#[derive(Debug)]
pub(crate) enum Step {
    Arrives,
    HangsUp(u64),
    Carries(PbxAction),
    Answers(u64, LegRef),
    Declines(u64, LegRef),
    RingsOut(u64, ActionId),
    AgentHangsUp(u64, LegRef),
    Holds(u64, LegRef, bool),
    Transfers(u64, LegRef),
    /// A caller wants to be called back.
    Presses(u64),
    Chooses(u64),
    AtDesk(DeskStep),
}

pub(crate) struct Pbx {
    pub(crate) now: Timestamp,
    pub(crate) agenda: BTreeMap<(Timestamp, u64), Step>,
    pub(crate) callers: BTreeMap<u64, Caller>,
    pub(crate) told: Vec<Fact>,
    pub(crate) unreachable: Vec<Address>,
    pub(crate) chance: Chance,
    pub(crate) shape: Shape,
    pub(crate) busy: BTreeMap<Address, u64>,
    /// Calls and legs whose end was not told: found out when somebody asks.
    forgotten: BTreeMap<LegRef, CallRef>,
    /// What agents asked for: calls of their own, consultations.
    pub(crate) desk: Desk,
    /// Facts that reach the engine whatever is lost: the truth, when asked for it.
    pub(crate) sure: Vec<Fact>,
    steps: u64,
    legs: u64,
    pub(crate) arrived: u64,
}

impl Pbx {
    pub(crate) fn new(seed: u64, shape: Shape, now: Timestamp) -> Self {
        Self {
            now,
            agenda: BTreeMap::new(),
            callers: BTreeMap::new(),
            told: Vec::new(),
            unreachable: Vec::new(),
            chance: Chance::new(seed),
            shape,
            busy: BTreeMap::new(),
            forgotten: BTreeMap::new(),
            desk: Desk::default(),
            sure: Vec::new(),
            steps: 0,
            legs: 0,
            arrived: 0,
        }
    }

    pub(crate) fn later(&mut self, ms: u64, step: Step) {
        self.steps += 1;
        self.agenda.insert((self.now + Millis(ms), self.steps), step);
    }

    pub(crate) fn tell(&mut self, fact: Fact) {
        self.told.push(fact);
    }

    pub(crate) fn new_leg(&mut self) -> LegRef {
        self.legs += 1;
        LegRef::new(&format!("l{}", self.legs))
    }

    pub(crate) fn take(&mut self, step: Step) {
        match step {
            Step::Arrives => self.arrives(),
            Step::HangsUp(n) => self.hangs_up(n, true),
            Step::Carries(action) => self.carries(action),
            Step::Answers(n, leg) => self.answers(n, &leg),
            Step::Declines(n, leg) => {
                let end = *self.chance.pick(&[LegEnd::Busy, LegEnd::Rejected]);
                self.phone_stops(n, &leg, end);
            }
            Step::RingsOut(n, ring) => self.rings_out(n, ring),
            Step::AgentHangsUp(n, leg) => self.agent_hangs_up(n, &leg),
            Step::Holds(n, leg, on) => self.holds(n, &leg, on),
            Step::Transfers(n, leg) => self.transfers(n, &leg),
            Step::Chooses(n) => self.chooses(n),
            Step::Presses(n) => self.presses(n),
            Step::AtDesk(step) => self.at_desk(step),
        }
    }

    fn arrives(&mut self) {
        self.arrived += 1;
        let n = self.arrived;
        let leg = self.new_leg();
        let call = CallRef::new(leg.as_str());
        let dnis = (*self.chance.pick(&["5003", "5003", "5013", "5023", "6001"])).to_owned();
        let ani = format!("+4930{}", self.chance.of(0..20));
        self.tell(started(&call, &leg, &ani, &dnis));
        self.tell(Fact::LegUp { call: call.clone(), leg: leg.clone() });
        self.tell(Fact::RouteRequested { call: call.clone(), dnis: number(&dnis) });
        self.callers.insert(n, Caller { call, leg, dnis, place: Where::Room });
        let patience = self.chance.of(1_000..self.shape.patience_ms);
        self.later(patience, Step::HangsUp(n));
        if self.chance.percent(self.shape.presses) {
            let after = self.chance.of(500..patience.max(501));
            self.later(after, Step::Presses(n));
        }
    }

    /// The caller goes; sometimes the PBX forgets to say so.
    fn hangs_up(&mut self, n: u64, by_caller: bool) {
        let Some(caller) = self.callers.remove(&n) else { return };
        let mut facts = Vec::new();
        let (call, leg) = (caller.call, caller.leg);
        match caller.place {
            Where::Ringing { phones, .. } => {
                for phone in phones {
                    self.busy.remove(&phone.device);
                    facts.push(left(&call, &phone.leg, LegEnd::CallerLeft));
                }
            }
            Where::Talking { phone, .. } => {
                self.busy.remove(&phone.device);
                facts.push(left(&call, &phone.leg, LegEnd::Released));
            }
            Where::Held { phone } => {
                self.busy.remove(&phone.device);
                facts.extend(self.consult_ends(n, LegEnd::Released));
                facts.push(left(&call, &phone.leg, LegEnd::Released));
            }
            Where::Heir { phone } => {
                self.busy.remove(&phone.device);
                facts.push(left(&call, &phone.leg, LegEnd::CallerLeft));
            }
            Where::Room | Where::Menu | Where::Alone | Where::Elsewhere => {}
        }
        facts.push(left(&call, &leg, if by_caller { LegEnd::HungUp } else { LegEnd::Released }));
        facts.push(ended(&call, by_caller.then_some(leg)));
        if self.chance.percent(self.shape.forgets) {
            let legs = facts.into_iter().filter_map(|fact| match fact {
                Fact::LegLeft { call, leg, .. } => Some((leg, call)),
                _ => None,
            });
            self.forgotten.extend(legs);
        } else {
            self.told.extend(facts);
        }
    }

    fn carries(&mut self, PbxAction { id, action, expires_at, .. }: PbxAction) {
        if self.now > expires_at || self.chance.percent(self.shape.drops) {
            return;
        }
        if self.chance.percent(self.shape.refuses) && !matches!(action, Action::Probe { .. }) {
            self.tell(Fact::ActionResult { action: id, refused: Some("not today".into()) });
            return;
        }
        let of_leg = |leg: &LegRef| self.callers.iter().find(|(_, c)| c.leg == *leg).map(|(n, _)| *n);
        match action {
            Action::Ring { leg, devices, timeout, .. } => match of_leg(&leg) {
                Some(n) => self.ring(n, id, devices, timeout),
                None => self.tell(Fact::ActionResult { action: id, refused: Some("no such channel".into()) }),
            },
            Action::Withdraw { leg, ring, legs, all, .. } => {
                if let Some(n) = of_leg(&leg) {
                    self.withdraw(n, ring, &legs, all);
                }
            }
            Action::Hangup { leg, .. } => match of_leg(&leg) {
                Some(n) => self.hangs_up(n, false),
                None => self.hang_up_phone(id, &leg),
            },
            Action::SendTo { leg, .. } => self.sends(id, of_leg(&leg), false),
            Action::FallBack { leg, .. } => self.sends(id, of_leg(&leg), true),
            Action::Farewell { leg, .. } => match of_leg(&leg) {
                Some(n) => {
                    self.tell(Fact::ActionResult { action: id, refused: None });
                    self.hangs_up(n, false);
                }
                None => self.refuse(id, "no such channel"),
            },
            Action::Menu { leg, .. } => self.enters_menu(id, of_leg(&leg)),
            Action::Announce { .. } => self.tell(Fact::ActionResult { action: id, refused: None }),
            Action::Probe { call, leg } => self.probed(id, &call, &leg),
            Action::NoteQueue { .. } => {}
            Action::Dial { .. }
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
            | Action::CheckNumber { .. } => self.asked_at_desk(id, action),
        }
    }

    fn ring(&mut self, n: u64, id: ActionId, devices: Vec<Address>, timeout: Millis) {
        let caller = self.callers.get_mut(&n).unwrap();
        if self.shape.loses > 0 && !matches!(caller.place, Where::Room) {
            self.refuse(id, "not in the waiting room");
            return;
        }
        assert!(matches!(caller.place, Where::Room), "a Ring for a caller who is {:?}", caller.place);
        let call = caller.call.clone();
        caller.place =
            Where::Ringing { ring: id, withdrawn: false, phones: Vec::new(), worst: RingResult::Unreachable };
        self.tell(Fact::ActionResult { action: id, refused: None });
        for device in devices {
            if self.unreachable.contains(&device) {
                continue;
            }
            let leg = self.new_leg();
            let seen = LegSeen { leg: leg.clone(), address: device.clone(), number: None };
            self.tell(Fact::LegRinging { call: call.clone(), leg: seen, ring: Some(id) });
            let phone = Phone { leg: leg.clone(), device: device.clone() };
            let Some(Caller { place: Where::Ringing { phones, .. }, .. }) = self.callers.get_mut(&n) else {
                return;
            };
            phones.push(phone);
            if self.busy.insert(device, n).is_some() {
                self.later(1, Step::Declines(n, leg));
            } else if self.chance.percent(60) {
                let after = self.chance.of(100..timeout.0);
                self.later(after, Step::Answers(n, leg));
            } else if self.chance.percent(30) {
                let after = self.chance.of(100..timeout.0);
                self.later(after, Step::Declines(n, leg));
            }
        }
        self.later(timeout.0, Step::RingsOut(n, id));
        self.ring_may_be_over(n);
    }

    /// A ringing phone stops; when it was the last, the caller is back in the room.
    fn phone_stops(&mut self, n: u64, leg: &LegRef, end: LegEnd) {
        let Some(caller) = self.callers.get_mut(&n) else { return };
        let call = caller.call.clone();
        let Where::Ringing { phones, worst, .. } = &mut caller.place else { return };
        let Some(at) = phones.iter().position(|phone| phone.leg == *leg) else { return };
        let phone = phones.remove(at);
        *worst = match end {
            LegEnd::Busy | LegEnd::Rejected => RingResult::Declined,
            _ => RingResult::NoAnswer,
        };
        self.busy.remove(&phone.device);
        self.tell(left(&call, leg, end));
        self.ring_may_be_over(n);
    }

    fn ring_may_be_over(&mut self, n: u64) {
        let Some(caller) = self.callers.get_mut(&n) else { return };
        let Where::Ringing { ring, phones, worst, .. } = &caller.place else { return };
        if !phones.is_empty() {
            return;
        }
        let (call, ring, result) = (caller.call.clone(), *ring, *worst);
        caller.place = Where::Room;
        self.tell(Fact::RingResult { call, ring, result, cause: None });
    }

    fn rings_out(&mut self, n: u64, ring: ActionId) {
        let Some(Caller { place: Where::Ringing { ring: now, phones, .. }, .. }) = self.callers.get(&n)
        else {
            return;
        };
        if *now == ring {
            for leg in phones.iter().map(|phone| phone.leg.clone()).collect::<Vec<_>>() {
                self.phone_stops(n, &leg, LegEnd::NoAnswer);
            }
        }
    }

    fn answers(&mut self, n: u64, leg: &LegRef) {
        let Some(caller) = self.callers.get_mut(&n) else { return };
        let Where::Ringing { ring, withdrawn, phones, .. } = &caller.place else { return };
        let (ring, withdrawn) = (*ring, *withdrawn);
        let Some(winner) = phones.iter().find(|phone| phone.leg == *leg).cloned() else { return };
        let others: Vec<Phone> = phones.iter().filter(|phone| phone.leg != *leg).cloned().collect();
        let (call, own) = (caller.call.clone(), caller.leg.clone());
        caller.place = Where::Talking { ring: Some(ring), withdrawn, phone: winner };
        self.tell(Fact::LegUp { call: call.clone(), leg: leg.clone() });
        for phone in others {
            self.busy.remove(&phone.device);
            self.tell(left(&call, &phone.leg, LegEnd::Cancelled));
        }
        self.tell(Fact::Talking { call: call.clone(), leg: own });
        self.tell(Fact::Talking { call, leg: leg.clone() });
        self.talk_goes_on(n, leg);
    }

    pub(crate) fn talk_goes_on(&mut self, n: u64, leg: &LegRef) {
        let length = self.chance.of(500..60_000);
        if self.chance.percent(20) {
            self.later(length / 3, Step::Holds(n, leg.clone(), true));
            self.later(length / 2, Step::Holds(n, leg.clone(), false));
        }
        match self.chance.of(0..10) {
            0..4 => self.later(length, Step::AgentHangsUp(n, leg.clone())),
            4..8 => self.later(length, Step::HangsUp(n)),
            _ => self.later(length, Step::Transfers(n, leg.clone())),
        }
    }

    fn talks(&self, n: u64, leg: &LegRef) -> Option<(&Caller, Phone)> {
        let caller = self.callers.get(&n)?;
        match &caller.place {
            Where::Talking { phone, .. } if phone.leg == *leg => Some((caller, phone.clone())),
            _ => None,
        }
    }

    fn holds(&mut self, n: u64, leg: &LegRef, on: bool) {
        let Some((caller, _)) = self.talks(n, leg) else { return };
        let (call, leg) = (caller.call.clone(), leg.clone());
        self.tell(if on { Fact::Held { call, leg } } else { Fact::Retrieved { call, leg } });
    }

    /// The agent goes. Who was taken back from is in the room again, everybody else's call is over.
    fn agent_hangs_up(&mut self, n: u64, leg: &LegRef) {
        let Some((caller, phone)) = self.talks(n, leg) else { return };
        let (call, own) = (caller.call.clone(), caller.leg.clone());
        let Where::Talking { ring, withdrawn, .. } = caller.place else { return };
        self.busy.remove(&phone.device);
        self.tell(left(&call, leg, LegEnd::HungUp));
        match ring {
            Some(ring) if withdrawn => {
                self.tell(Fact::Apart { call: call.clone(), leg: own });
                self.callers.get_mut(&n).unwrap().place = Where::Room;
                self.tell(Fact::RingResult { call, ring, result: RingResult::Answered, cause: None });
            }
            _ => {
                self.callers.remove(&n);
                self.tell(left(&call, &own, LegEnd::Released));
                self.tell(ended(&call, Some(leg.clone())));
            }
        }
    }

    /// Blind, into a queue.
    fn transfers(&mut self, n: u64, leg: &LegRef) {
        let Some((caller, phone)) = self.talks(n, leg) else { return };
        let (call, own) = (caller.call.clone(), caller.leg.clone());
        self.busy.remove(&phone.device);
        self.tell(Fact::Transferred {
            call: call.clone(),
            kind: TransferKind::Blind,
            from: leg.clone(),
            to_leg: None,
            to_number: Some("5013".into()),
            consult: None,
        });
        self.tell(left(&call, leg, LegEnd::Transferred));
        self.tell(Fact::Apart { call: call.clone(), leg: own });
        self.tell(Fact::RouteRequested { call, dnis: number("5013") });
        self.callers.get_mut(&n).unwrap().place = Where::Room;
        let patience = self.chance.of(1_000..self.shape.patience_ms);
        self.later(patience, Step::HangsUp(n));
    }

    fn withdraw(&mut self, n: u64, of: ActionId, legs: &[LegRef], all: bool) {
        let caller = self.callers.get_mut(&n).unwrap();
        match &mut caller.place {
            Where::Ringing { ring, withdrawn, .. } | Where::Talking { ring: Some(ring), withdrawn, .. }
                if *ring == of =>
            {
                *withdrawn |= all;
            }
            _ => return,
        }
        for leg in legs {
            if self.talks(n, leg).is_some() {
                self.agent_hangs_up(n, leg);
            } else {
                self.phone_stops(n, leg, LegEnd::Cancelled);
            }
        }
    }

    fn hang_up_phone(&mut self, id: ActionId, leg: &LegRef) {
        if self.desk_hangs_up(id, leg) {
            return;
        }
        let talks = |caller: &&u64| self.talks(**caller, leg).is_some();
        if let Some(n) = self.callers.keys().find(talks).copied() {
            self.tell(Fact::ActionResult { action: id, refused: None });
            self.agent_hangs_up(n, leg);
            return;
        }
        let rings = |caller: &Caller| match &caller.place {
            Where::Ringing { phones, .. } => phones.iter().any(|phone| phone.leg == *leg),
            _ => false,
        };
        if let Some(n) = self.callers.iter().find(|(_, caller)| rings(caller)).map(|(n, _)| *n) {
            self.phone_stops(n, leg, LegEnd::Cancelled);
        }
    }

    fn sends(&mut self, id: ActionId, n: Option<u64>, back: bool) {
        let Some(n) = n else {
            self.tell(Fact::ActionResult { action: id, refused: Some("no such channel".into()) });
            return;
        };
        let caller = self.callers.get_mut(&n).unwrap();
        let bridged = matches!(caller.place, Where::Talking { .. });
        assert!(!bridged || self.shape.loses > 0, "a Redirect of a caller who talks");
        if bridged {
            self.refuse(id, "bridged");
            return;
        }
        caller.place = Where::Elsewhere;
        let call = caller.call.clone();
        self.tell(Fact::ActionResult { action: id, refused: None });
        if back {
            self.tell(Fact::FellBack { call });
        }
        self.later(20_000, Step::HangsUp(n));
    }

    fn enters_menu(&mut self, id: ActionId, n: Option<u64>) {
        let caller = n.and_then(|n| Some((n, self.callers.get_mut(&n)?)));
        let Some((n, caller)) = caller else { return self.refuse(id, "no such channel") };
        if !matches!(caller.place, Where::Room) {
            assert!(self.shape.loses > 0, "a menu for a caller who is {:?}", caller.place);
            return self.refuse(id, "not in the waiting room");
        }
        caller.place = Where::Menu;
        let call = caller.call.clone();
        self.tell(Fact::ActionResult { action: id, refused: None });
        self.tell(Fact::SystemTook { call, what: "menu".into() });
        let thinks = self.chance.of(500..8_000);
        self.later(thinks, Step::Chooses(n));
    }

    /// The caller is back from a menu, with or without a choice.
    fn chooses(&mut self, n: u64) {
        let Some(caller) = self.callers.get_mut(&n).filter(|caller| matches!(caller.place, Where::Menu))
        else {
            return;
        };
        caller.place = Where::Room;
        let (call, dnis) = (caller.call.clone(), number(&caller.dnis));
        if let Some(choice) = *self.chance.pick(&[Some("sales"), Some("support"), None]) {
            let changed: AttachedData = [("ivr.main".to_owned(), choice.to_owned())].into();
            self.tell(Fact::Data { call: call.clone(), changed });
        }
        self.tell(Fact::RouteRequested { call, dnis });
    }

    /// Whether this leg lives.
    pub(crate) fn lives(&self, leg: &LegRef) -> bool {
        self.callers.values().any(|caller| {
            caller.leg == *leg
                || match &caller.place {
                    Where::Ringing { phones, .. } => phones.iter().any(|phone| phone.leg == *leg),
                    Where::Talking { phone, .. } | Where::Held { phone } | Where::Heir { phone } => {
                        phone.leg == *leg
                    }
                    Where::Room | Where::Menu | Where::Alone | Where::Elsewhere => false,
                }
        }) || self.desk.lives(leg)
    }

    /// Asked for a forgotten leg, a PBX says so, or is silent about that, too. One that loses much tells the truth.
    fn probed(&mut self, id: ActionId, call: &CallRef, leg: &LegRef) {
        if self.lives(leg) {
            self.sure.push(Fact::ActionResult { action: id, refused: None });
        } else if self.shape.loses > 0 {
            self.sure.push(left(call, leg, LegEnd::Released));
            let goes_on = self.callers.values().any(|caller| caller.call == *call) || self.desk.has(call);
            if !goes_on {
                self.sure.push(ended(call, None));
            }
        } else if self.chance.percent(50)
            && let Some(call) = self.forgotten.remove(leg)
        {
            self.tell(left(&call, leg, LegEnd::Released));
            if *leg == *call.as_str() {
                self.tell(ended(&call, None));
            }
        }
    }

    pub(crate) fn refuse(&mut self, id: ActionId, why: &str) {
        self.tell(Fact::ActionResult { action: id, refused: Some(why.into()) });
    }

    /// A phone goes away or comes back; whether that is told is chance.
    pub(crate) fn phone_changes(&mut self, device: &Address) {
        let gone = self.unreachable.iter().position(|known| known == device);
        let state = match gone {
            Some(at) => {
                self.unreachable.remove(at);
                DeviceState::Idle
            }
            None => {
                self.unreachable.push(device.clone());
                DeviceState::Unavailable
            }
        };
        if gone.is_some() || self.chance.percent(50) {
            self.tell(Fact::Device { address: device.clone(), state });
        }
    }
}

pub(crate) fn number(raw: &str) -> PartyNumber {
    let e164 = raw.starts_with('+').then(|| raw.to_owned());
    PartyNumber { raw: raw.to_owned(), e164, ..PartyNumber::default() }
}

pub(crate) fn started(call: &CallRef, leg: &LegRef, ani: &str, dnis: &str) -> Fact {
    Fact::CallStarted {
        call: call.clone(),
        originator: LegSeen { leg: leg.clone(), address: Address::new("PJSIP/trunk"), number: None },
        direction: Direction::Inbound,
        ani: number(ani),
        dnis: number(dnis),
        via: None,
        trunk: Some("trunk".into()),
        data: AttachedData::new(),
        watched: false,
    }
}

pub(crate) fn left(call: &CallRef, leg: &LegRef, end: LegEnd) -> Fact {
    Fact::LegLeft { call: call.clone(), leg: leg.clone(), end, cause: None }
}

pub(crate) fn ended(call: &CallRef, by: Option<LegRef>) -> Fact {
    Fact::CallEnded { call: call.clone(), by, cause: Some(Cause { q850: 16, text: String::new() }) }
}
