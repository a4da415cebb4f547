//! What people do at screens and telephones, and programs over HTTP.

use hookswitch_model::{
    ActionId, AgentId, CallId, QueueId, Timestamp,
    agent::AgentState,
    call::{CallState, LegAction},
    callback::CallbackState,
    command::{Actor, Command, Destination, Request, Verb},
};
use hookswitch_sim::{CallIn, LegId, MILLISECOND, Micros, Mood, SECOND};

use super::{Deed, World};
use crate::office::{self, DIRECT, FALLBACK, KEYED, NUMBERS, PBXS, PHONES, TRUNK, WATCHED};

/// So many people call where keys are pressed: few enough that some call again while they are to be called back.
const PEOPLE: u64 = 20;
/// What they press: mostly what means something somewhere.
const KEYS: [char; 12] = ['1', '1', '1', '1', '*', '*', '#', '2', '2', '3', '4', '0'];

impl World {
    /// Somebody who is about to call.
    pub(super) fn caller(&mut self) -> CallIn {
        let chance = &mut self.chance;
        let person = chance.between(1, if self.plan.keys { PEOPLE } else { 9_999_999 });
        let numbers = match (self.plan.watched, self.plan.keys) {
            (true, _) => &WATCHED[..],
            (false, true) => &KEYED[..],
            (false, false) => &NUMBERS[..],
        };
        let number = match usize::try_from(chance.between(0, 9)).unwrap_or(0) {
            0 => DIRECT,
            other => numbers[other % numbers.len()],
        };
        let mut call = CallIn::new(number_of(person), number);
        call.withheld = chance.chance(50);
        call.patience = Some(chance.between(3 * SECOND, 45 * SECOND));
        call.talk = Some(chance.between(500 * MILLISECOND, 15 * SECOND));
        call
    }

    /// What a caller is going to press, and when.
    pub(super) fn will_press(&mut self, site: usize, caller: LegId) {
        let mut at = self.now + self.chance.between(100 * MILLISECOND, 3 * SECOND);
        for _ in 0..self.chance.between(0, 5) {
            let key = KEYS[usize::try_from(self.chance.between(0, 11)).unwrap_or(0)];
            self.plan_deed(at, Deed::Press(site, caller, key));
            at += self.chance.exponential(1_500 * MILLISECOND);
        }
    }

    /// What somebody may want of call-backs about this time, and how people outside feel.
    pub(super) fn plan_wishes(&mut self, at: Micros) {
        if self.chance.chance(400) {
            let after = self.chance.between(0, 3 * SECOND);
            self.plan_deed(at + after, Deed::Wish);
        }
        if self.chance.chance(150) {
            self.plan_deed(at, Deed::Command);
        }
        if self.chance.chance(300) {
            let site = usize::try_from(self.chance.between(0, self.sites.len() as u64 - 1)).unwrap_or(0);
            self.plan_deed(at, Deed::Outside(site));
        }
    }

    /// From now on, people outside who are called answer, are busy, do not pick up, refuse or cannot be reached.
    pub(super) fn mood_outside(&mut self, site: usize) {
        let after = self.chance.between(300 * MILLISECOND, 4 * SECOND);
        let mood = match self.chance.between(0, 9) {
            0 => Mood::Refuse(486),
            1 => Mood::Decline { after, status: 603 },
            2 => Mood::Refuse(404),
            3 => Mood::Manual,
            4 => Mood::Dead,
            _ => office::outside(),
        };
        self.sites[site].pbx.set_mood(TRUNK, mood);
    }

    /// A program asks for a call-back, or that a waiting caller is called back, or takes one back; or an agent who calls
    /// somebody back hangs up.
    pub(super) fn wish(&mut self) {
        let what = self.chance.between(0, 9);
        if what < 2 {
            return self.agent_hangs_up();
        }
        let request = match what {
            2..=4 => self.create_callback(),
            5..=6 => self.call_back(),
            _ => self.cancel_callback(),
        };
        let id = self.ids.next(Timestamp::from_micros(self.now));
        let Some((life, request)) = self.life.as_mut().zip(request) else { return };
        life.ask(Command { id, actor: Actor { name: "crm".to_owned(), agent: None }, request });
    }

    fn create_callback(&mut self) -> Option<Request> {
        let chance = &mut self.chance;
        let text = number_of(chance.between(1, PEOPLE));
        let (name, phone) = match chance.between(0, 2) {
            0 => ("support", PHONES[0]),
            1 => ("billing", PHONES[4]),
            _ => ("later", PHONES[5]),
        };
        let pbx = &self.sites[usize::try_from(chance.between(0, self.sites.len() as u64 - 1)).ok()?].name;
        let agent = chance.chance(300).then(|| AgentId::new(&format!("{pbx}-{phone}")).expect("a name"));
        let ahead = chance.between(SECOND, 40 * SECOND);
        let at = chance.chance(300).then(|| self.life.as_ref().map(|life| life.time(self.now + ahead)));
        let number = Destination { e164: Some(text.clone()), text };
        let queue = QueueId::new(&format!("{pbx}-{name}")).expect("a name");
        Some(Request::CreateCallback { queue, number, at: at.flatten(), agent, data: [].into() })
    }

    fn call_back(&mut self) -> Option<Request> {
        let engine = self.life.as_ref()?.machine().engine();
        let waiting: Vec<CallId> =
            engine.calls().filter(|call| call.state == CallState::Queued).map(|call| call.id).collect();
        Some(Request::CallBack { call: *self.chance.one_of(&waiting)? })
    }

    fn cancel_callback(&mut self) -> Option<Request> {
        let engine = self.life.as_ref()?.machine().engine();
        let live = engine.callbacks().filter(|callback| !callback.state.is_over());
        let live: Vec<_> = live.map(|callback| callback.id).collect();
        Some(Request::CancelCallback { callback: *self.chance.one_of(&live)? })
    }

    /// One who is rung for a call-back, or hears the customer's phone ring, has enough.
    fn agent_hangs_up(&mut self) {
        let Some(life) = &self.life else { return };
        let tried = |state| matches!(state, CallbackState::Offered | CallbackState::Dialling);
        let tries = life.machine().engine().callbacks().filter(|callback| tried(callback.state));
        let calls = tries.filter_map(|callback| life.machine().engine().call(callback.call?));
        let agents = calls.filter_map(|call| Some((call.pbx.clone(), call.legs.first()?.address.clone())));
        let agents: Vec<_> = agents.collect();
        let Some((pbx, device)) = self.chance.one_of(&agents) else { return };
        let Some(site) = self.sites.iter_mut().find(|site| site.name == *pbx) else { return };
        let at = site.time(self.now);
        for leg in site.pbx.legs_of(device.extension().unwrap_or_default()) {
            site.pbx.hang_up(at, leg);
        }
    }

    /// Everybody whom a missed call had put off duty is back.
    pub(super) fn everybody_works(&mut self) {
        let Some(life) = &mut self.life else { return };
        let agents = life.machine().engine().agents();
        let away: Vec<AgentId> = agents
            .filter(|agent| agent.state == AgentState::NotReady)
            .map(|agent| agent.id.clone())
            .collect();
        for agent in away {
            let id = self.ids.next(Timestamp::from_micros(self.now));
            let request = Request::SetAgentState { agent, state: AgentState::Ready, reason: None };
            life.ask(Command { id, actor: Actor { name: "lead".to_owned(), agent: None }, request });
        }
    }

    /// An agent in a call asks for one of the things that are offered.
    pub(super) fn click(&mut self) {
        let Some(life) = &mut self.life else { return };
        let chance = &mut self.chance;
        let offered: Vec<(CallId, AgentId, LegAction)> = life
            .machine()
            .engine()
            .calls()
            .flat_map(|call| call.legs.iter().map(move |leg| (call.id, leg)))
            .filter_map(|(call, leg)| Some((call, leg.agent.clone()?, leg)))
            .flat_map(|(call, agent, leg)| {
                leg.actions.iter().map(move |action| (call, agent.clone(), *action))
            })
            .filter(|(_, _, action)| !matches!(action, LegAction::Hangup | LegAction::Dtmf))
            .collect();
        let Some(place) = (offered.len() as u64).checked_sub(1) else { return };
        let place = usize::try_from(chance.between(0, place)).unwrap_or(0);
        let (call, agent, action) = offered[place].clone();
        let phone = PHONES[usize::try_from(chance.between(0, 5)).unwrap_or(0)];
        let text = match chance.between(0, 3) {
            0 => format!("{}-support", PBXS[0]),
            1 => FALLBACK.to_owned(),
            _ => phone.to_owned(),
        };
        let to = Destination { text, e164: None };
        let Some(verb) = verb(action, to) else { return };
        let reference = life.machine().engine().call(call).map(|call| call.pbx_ref.to_string());
        self.clicked.extend(reference);
        let actor = Actor { name: agent.to_string(), agent: Some(agent.clone()) };
        let id = self.ids.next(Timestamp::from_micros(self.now));
        life.ask(Command { id, actor, request: Request::Control { call, agent, verb } });
    }

    /// Somebody asks for something over HTTP.
    pub(super) fn command(&mut self) {
        let id: ActionId = self.ids.next(Timestamp::from_micros(self.now));
        let Some(life) = &mut self.life else { return };
        let calls: Vec<CallId> = life.machine().engine().calls().map(|call| call.id).collect();
        let request = if let Some(call) = calls.last().filter(|_| self.chance.chance(600)) {
            let key = format!("key-{id}");
            self.asked.insert(id, key.clone());
            Request::SetData { call: *call, changed: [(key, "1".into())].into_iter().collect() }
        } else {
            let phone = PHONES[usize::try_from(self.chance.between(0, 5)).unwrap_or(0)];
            let agent = AgentId::new(&format!("{}-{phone}", PBXS[0])).expect("a name");
            let ready = self.chance.chance(700);
            let state = if ready { AgentState::Ready } else { AgentState::NotReady };
            Request::SetAgentState { agent, state, reason: (!ready).then(|| "lunch".to_owned()) }
        };
        life.ask(Command { id, actor: Actor { name: "crm".to_owned(), agent: None }, request });
    }
}

/// The number of a person outside.
fn number_of(person: u64) -> String {
    format!("+4930{person:07}")
}

/// What a button asks for; none for those of which the simulated people make no use.
fn verb(button: LegAction, to: Destination) -> Option<Verb> {
    match button {
        LegAction::Hold => Some(Verb::Hold),
        LegAction::Retrieve => Some(Verb::Retrieve),
        LegAction::Transfer => Some(Verb::Transfer { to }),
        LegAction::Consult => Some(Verb::Consult { to }),
        LegAction::ConsultComplete => Some(Verb::ConsultComplete),
        LegAction::ConsultCancel => Some(Verb::ConsultCancel),
        // The simulated PBX does not note who was in a conference room with whom: nothing could be compared.
        LegAction::ConsultConference => None,
        _ => None,
    }
}
