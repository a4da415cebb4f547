//! Call-backs and menus in the office: who presses keys, and what comes of dialling customers.

use hookswitch_model::{
    ActionId, CallRef, LegRef, MenuId, Millis,
    call::{Address, AttachedData, Direction, PartyNumber},
    ledger::Cause,
    pbx::{Action, Fact, LegEnd, LegSeen, Target},
    setup::{
        CallbackSetup, MaxWait, MenuSetup, MenuTakes, OutboundSetup, Overflow, RouteSetup, RouteTarget, Setup,
    },
};

use crate::{Deed, Office, callers_number};

/// What the people of a try are about to do, by the call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Try {
    Rings(CallRef, Address, String),
    Missed(CallRef),
    AgentAnswers(CallRef),
    CameOut(CallRef, Option<LegEnd>),
    Over(CallRef),
}

/// The same office, where `support` calls back and everybody goes through a menu first.
pub(crate) fn with_callbacks(mut setup: Setup) -> Setup {
    setup.outbound = OutboundSetup { allow: vec!["+49".to_owned()], ..OutboundSetup::default() };
    for queue in &mut setup.queues {
        queue.callback = Some(CallbackSetup {
            key: Some('1'),
            attempts: 2,
            retry_after: Millis::from_secs(300),
            expires: Millis::from_secs(3_600),
            ..CallbackSetup::default()
        });
    }
    let after = Millis::from_secs(180);
    setup.queues[0].max_wait = Some(MaxWait { after, then: Overflow::Callback });
    let menu = MenuId::new("main").unwrap();
    let takes = MenuTakes::Choices([('1', "sales".to_owned()), ('2', "support".to_owned())].into());
    setup.menus.insert(
        menu.clone(),
        MenuSetup {
            prompt: "welcome".to_owned(),
            timeout: Millis::from_secs(5),
            retries: 1,
            invalid: None,
            takes,
            otherwise: None,
            data: "ivr.main".to_owned(),
        },
    );
    let main = RouteSetup {
        name: "main".to_owned(),
        when: None,
        target: RouteTarget::Menu(menu),
        priority: 0,
        requires: [].into(),
        set: AttachedData::new(),
        prefer: None,
    };
    let chosen = RouteSetup {
        name: "chosen".to_owned(),
        when: Some("data[\"ivr.main\"] == \"sales\"".to_owned()),
        target: RouteTarget::Queue(setup.queues[1].id.clone()),
        priority: 3,
        ..main.clone()
    };
    setup.routes.splice(0..0, [main, chosen]);
    setup
}

impl Office {
    /// Call-backs, menus and keys; false: it is none of these.
    pub(crate) fn asked_of_callbacks(&mut self, id: ActionId, action: &Action) -> bool {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others are those of the office as it was")]
        match action {
            Action::Dial { call, devices, timeout, to: Target::Number(number), .. } => {
                let (call, device) = (call.clone(), devices[0].clone());
                self.later(Millis(150), Deed::Try(Try::Rings(call.clone(), device, number.clone())));
                if self.random.unit() < 0.9 {
                    let after = self.random.between(1.0, 9.0);
                    self.later(after, Deed::Try(Try::AgentAnswers(call)));
                } else {
                    self.later(*timeout, Deed::Try(Try::Missed(call)));
                }
            }
            Action::Farewell { call, .. } => {
                let caller = callers_number(call);
                self.fact(Fact::ActionResult { action: id, refused: None });
                self.later(Millis(40), Deed::HangsUp(caller));
            }
            Action::Menu { call, .. } => {
                let caller = callers_number(call);
                self.fact(Fact::ActionResult { action: id, refused: None });
                let after = self.random.between(2.0, 8.0);
                self.later(after, Deed::Chooses(caller));
            }
            Action::Hangup { leg, .. } => {
                self.fact(Fact::ActionResult { action: id, refused: None });
                self.later(Millis(30), Deed::Try(Try::Over(CallRef::new(leg.as_str()))));
            }
            _ => return false,
        }
        true
    }

    pub(crate) fn chooses(&mut self, caller: u32) {
        let (call, _) = Self::names(caller);
        let chosen = if self.random.unit() < 0.3 { "sales" } else { "support" };
        let changed = [("ivr.main".to_owned(), chosen.to_owned())].into();
        self.fact(Fact::Data { call: call.clone(), changed });
        self.fact(Fact::RouteRequested { call, dnis: self.dialled[caller as usize].clone() });
        if self.random.unit() < 0.25 {
            let after = self.random.between(20.0, 60.0);
            self.later(after, Deed::Presses(caller));
        }
    }

    pub(crate) fn presses(&mut self, caller: u32) {
        let (call, leg) = Self::names(caller);
        self.fact(Fact::Digit { call, leg, digit: '1' });
    }

    pub(crate) fn tries(&mut self, step: Try) {
        let own = |call: &CallRef| LegRef::new(call.as_str());
        let far = |call: &CallRef| LegRef::new(&format!("{call}-far"));
        match step {
            Try::Rings(call, address, number) => self.try_rings(&call, address, &number),
            Try::Missed(call) if self.live.contains(&call) => {
                let agent =
                    self.device_of.get(&call).and_then(|device| device.extension()?.parse::<u32>().ok());
                self.try_over(&call, &[(own(&call), LegEnd::NoAnswer)], None, 19);
                if let Some(agent) = agent {
                    let away = self.random.between(20.0, 60.0);
                    self.later(away, Deed::Returns(agent - 1_000));
                }
            }
            Try::AgentAnswers(call) if self.live.contains(&call) => {
                self.fact(Fact::LegUp { call: call.clone(), leg: own(&call) });
                let leg = LegSeen {
                    leg: far(&call),
                    address: Address::new("PJSIP/trunk"),
                    number: self.number_of.get(&call).cloned(),
                };
                self.fact(Fact::LegRinging { call: call.clone(), leg, ring: None });
                let after = self.random.between(3.0, 25.0);
                let end = match self.random.unit() {
                    lot if lot < 0.6 => None,
                    lot if lot < 0.8 => Some(LegEnd::NoAnswer),
                    lot if lot < 0.95 => Some(LegEnd::Busy),
                    _ => Some(LegEnd::Rejected),
                };
                self.later(after, Deed::Try(Try::CameOut(call, end)));
            }
            Try::CameOut(call, end) if self.live.contains(&call) => match end {
                Some(end) => {
                    let cause = if end == LegEnd::Busy { 17 } else { 19 };
                    let legs = [(far(&call), end), (own(&call), LegEnd::Released)];
                    self.try_over(&call, &legs, None, cause);
                }
                None => {
                    self.fact(Fact::LegUp { call: call.clone(), leg: far(&call) });
                    self.fact(Fact::Talking { call: call.clone(), leg: own(&call) });
                    self.fact(Fact::Talking { call: call.clone(), leg: far(&call) });
                    let talk = self.random.between(30.0, 240.0);
                    self.later(talk, Deed::Try(Try::Over(call)));
                }
            },
            Try::Over(call) if self.live.contains(&call) => {
                let legs = [(far(&call), LegEnd::HungUp), (own(&call), LegEnd::Released)];
                let by = far(&call);
                self.try_over(&call, &legs, Some(by), 16);
            }
            // It is over already.
            Try::Missed(_) | Try::AgentAnswers(_) | Try::CameOut(..) | Try::Over(_) => {}
        }
    }

    fn try_rings(&mut self, call: &CallRef, address: Address, number: &str) {
        self.live.insert(call.clone());
        self.device_of.insert(call.clone(), address.clone());
        self.number_of.insert(call.clone(), number.to_owned());
        let leg = LegSeen { leg: LegRef::new(call.as_str()), address, number: None };
        self.fact(Fact::CallStarted {
            call: call.clone(),
            originator: leg.clone(),
            direction: Direction::Outbound,
            ani: PartyNumber::default(),
            dnis: PartyNumber {
                raw: number.to_owned(),
                e164: Some(number.to_owned()),
                ..PartyNumber::default()
            },
            via: None,
            trunk: None,
            data: AttachedData::new(),
            watched: false,
        });
        self.fact(Fact::LegRinging { call: call.clone(), leg, ring: None });
    }

    fn try_over(&mut self, call: &CallRef, legs: &[(LegRef, LegEnd)], by: Option<LegRef>, q850: u16) {
        self.live.remove(call);
        for (leg, end) in legs {
            self.fact(Fact::LegLeft { call: call.clone(), leg: leg.clone(), end: *end, cause: None });
        }
        let cause = Some(Cause { q850, text: String::new() });
        self.fact(Fact::CallEnded { call: call.clone(), by, cause });
    }
}
