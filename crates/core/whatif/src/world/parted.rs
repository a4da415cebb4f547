//! Callers who left the record: what the engine asks for them is carried out as the record makes likely.

use hookswitch_model::{
    ActionId, AgentId, LegRef, Millis, PbxId, Timestamp,
    call::{Address, CallState},
    input::Input,
    pbx::{Action, Fact, LegEnd, LegSeen, PbxAction, PbxEvent, RingResult},
};

use super::{Due, Step, Todo, World};
use crate::{
    course::{Habit, Script, lot},
    figures::Key,
    record::{callback_key, was_missed},
};

/// How long a device takes to ring.
pub(super) const SHOWN: Millis = Millis(200);
/// How long a PBX takes to do what it was asked.
pub(super) const DONE: Millis = Millis(20);
/// How long somebody lets it ring of whom nothing is known.
pub(super) const RINGS: Millis = Millis::from_secs(5);
/// How long somebody needs to be ready again of whom nothing is known.
const RETURNS: Millis = Millis::from_secs(60);
/// How long somebody is in a menu.
const CHOOSES: Millis = Millis::from_secs(10);
/// How long somebody talks of whom nothing is known.
const TALKS: Millis = Millis::from_secs(180);

impl World<'_> {
    pub(super) fn plan_at(&mut self, at: Timestamp, todo: Todo) {
        self.order += 1;
        self.due.push(std::cmp::Reverse(Due { at, order: self.order, todo }));
    }

    pub(super) fn plan(&mut self, key: &Key, after: Millis, step: Step) {
        let Some(course) = self.courses.get(key) else { return };
        let todo = Todo::Step { call: key.clone(), plan: course.plan, step };
        self.plan_at(self.now + after, todo);
    }

    /// Something else was decided for this caller than in the record.
    pub(super) fn part(&mut self, key: &Key) {
        let talks = matches!(self.state(key), Some(CallState::Connected | CallState::Held));
        let Some(course) = self.courses.get_mut(key) else { return };
        if !std::mem::replace(&mut course.follows, false) {
            return;
        }
        course.plan += 1;
        self.simulated += 1;
        if talks {
            let talk = self.talk(key);
            self.plan(key, talk, Step::Ends);
        }
    }

    /// How long this caller talks: as recorded, or as another of the record did.
    pub(super) fn talk(&self, key: &Key) -> Millis {
        let own = self.recorded.scripts.get(key).and_then(Script::talked);
        let talks = &self.recorded.talks;
        let another = talks.get((lot(key, 1) * talks.len() as f64) as usize).copied();
        own.or(another).unwrap_or(TALKS)
    }

    /// Carries out what the engine asks for.
    pub(super) fn act(&mut self, key: &Key, action: &PbxAction) {
        match &action.action {
            Action::Ring { devices, timeout, .. } => self.ring(key, action.id, devices, *timeout),
            Action::Withdraw { ring, all: true, .. } => {
                self.again(key);
                self.plan(key, DONE, Step::RingEnds(*ring, LegEnd::Cancelled));
            }
            Action::Withdraw { legs, .. } => {
                for leg in legs.clone() {
                    self.leaves(key, leg, LegEnd::Cancelled);
                }
            }
            Action::Hangup { .. } => {
                self.again(key);
                self.plan(key, DONE, Step::Ends);
            }
            Action::Farewell { .. } => {
                self.again(key);
                self.plan(key, DONE, Step::Ends);
                self.done(&action.pbx, action.id);
            }
            Action::Menu { .. } => {
                self.again(key);
                self.done(&action.pbx, action.id);
                self.plan(key, CHOOSES, Step::Chooses);
            }
            Action::FallBack { .. } => {
                self.again(key);
                self.plan(key, DONE, Step::FallsBack);
                let talk = self.talk(key);
                self.plan(key, DONE + talk, Step::Ends);
            }
            Action::SendTo { .. } => {
                self.again(key);
                let talk = self.talk(key);
                self.plan(key, DONE + talk, Step::Ends);
                self.done(&action.pbx, action.id);
            }
            Action::NoteQueue { .. }
            | Action::Announce { .. }
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
            | Action::Probe { .. } => self.done(&action.pbx, action.id),
        }
    }

    /// What was planned for the caller is void.
    pub(super) fn again(&mut self, key: &Key) {
        if let Some(course) = self.courses.get_mut(key) {
            course.plan += 1;
        }
    }

    fn ring(&mut self, key: &Key, ring: ActionId, devices: &[Address], timeout: Millis) {
        self.again(key);
        let Some(course) = self.courses.get_mut(key) else { return };
        course.attempts += 1;
        let salt = 2 + course.attempts * 16;
        let own = self.recorded.scripts.get(key).and_then(|script| script.rang_for);
        let first = self.who_answers(key, salt, devices, own.unwrap_or(RINGS), timeout);
        self.plan(key, SHOWN, Step::Rings(ring, devices.to_vec()));
        match first {
            Some((after, at)) => self.plan(key, after, Step::Answers(ring, at)),
            None => self.plan(key, timeout, Step::RingEnds(ring, LegEnd::NoAnswer)),
        }
    }

    /// Which of these devices answers first, and after which time; none: nobody does. Agents answer as often and as
    /// fast as they do in the record, or after `unknown`.
    pub(super) fn who_answers(
        &self,
        key: &Key,
        salt: u64,
        devices: &[Address],
        unknown: Millis,
        timeout: Millis,
    ) -> Option<(Millis, usize)> {
        let nobody = Habit::default();
        let answers = devices.iter().enumerate().filter_map(|(at, device)| {
            let agent = self.agent(&key.0, device);
            let habit = agent.and_then(|agent| self.recorded.habits.get(agent)).unwrap_or(&nobody);
            let after = habit.ring_time().unwrap_or(unknown);
            let answers = lot(key, salt + at as u64) < habit.answers();
            (answers && after < timeout).then_some((after, at))
        });
        answers.min().map(|(after, at)| (after.max(SHOWN + DONE), at))
    }

    fn agent(&self, pbx: &PbxId, device: &Address) -> Option<&AgentId> {
        let mut agents = self.setup.agents.iter();
        agents.find(|agent| agent.pbx == *pbx && agent.devices.contains(device)).map(|agent| &agent.id)
    }

    pub(super) fn step(&mut self, key: &Key, step: Step) {
        match step {
            Step::Rings(ring, devices) => self.rings(key, ring, devices),
            Step::Answers(_, at) => self.answers(key, at),
            Step::RingEnds(ring, end) => {
                self.stop_ringing(key, end);
                let result = RingResult::NoAnswer;
                self.tell(key, Fact::RingResult { call: key.1.clone(), ring, result, cause: None });
                if end == LegEnd::NoAnswer {
                    self.missed();
                }
            }
            Step::FallsBack => self.tell(key, Fact::FellBack { call: key.1.clone() }),
            Step::Chooses => self.chooses(key),
            Step::Try(step) => self.try_goes_on(key, step),
            Step::Ends => self.end(key, LegEnd::Released),
        }
    }

    fn rings(&mut self, key: &Key, ring: ActionId, devices: Vec<Address>) {
        let Some(course) = self.courses.get_mut(key) else { return };
        let name = |at: usize| LegRef::new(&format!("{}/{}/{at}", key.1.as_str(), course.attempts));
        let legs: Vec<LegRef> = (0..devices.len()).map(name).collect();
        course.ringing.clone_from(&legs);
        for (leg, address) in legs.into_iter().zip(devices) {
            let leg = LegSeen { leg, address, number: None };
            self.tell(key, Fact::LegRinging { call: key.1.clone(), leg, ring: Some(ring) });
        }
    }

    fn answers(&mut self, key: &Key, at: usize) {
        let Some(course) = self.courses.get_mut(key) else { return };
        if at >= course.ringing.len() {
            return;
        }
        let leg = course.ringing.remove(at);
        course.partner = Some(leg.clone());
        self.stop_ringing(key, LegEnd::Cancelled);
        let call = key.1.clone();
        self.tell(key, Fact::LegUp { call: call.clone(), leg: leg.clone() });
        if let Some(caller) = self.caller(key) {
            self.tell(key, Fact::Talking { call: call.clone(), leg: caller });
        }
        self.tell(key, Fact::Talking { call, leg });
        let talk = self.talk(key);
        self.plan(key, talk, Step::Ends);
    }

    /// Chooses in a menu what the record says was chosen, and asks where to go.
    fn chooses(&mut self, key: &Key) {
        let Some(script) = self.recorded.scripts.get(key) else { return };
        let (call, changed, dnis) = (key.1.clone(), script.data.clone(), script.dnis.clone());
        if !changed.is_empty() {
            self.tell(key, Fact::Data { call: call.clone(), changed });
        }
        self.tell(key, Fact::RouteRequested { call, dnis });
    }

    /// A waiting caller presses the key for a call-back, where the queue takes one.
    pub(super) fn presses(&mut self, key: &Key) {
        let call = self.calls.get(key).and_then(|call| self.engine.call(*call));
        let Some(queue) = call.and_then(|call| call.queue.clone()) else { return };
        if let (Some(digit), Some(leg)) = (callback_key(&self.setup, &queue), self.caller(key)) {
            self.tell(key, Fact::Digit { call: key.1.clone(), leg, digit });
        }
    }

    /// Agents who did not take a call come back when they usually do.
    pub(super) fn missed(&mut self) {
        let missed: Vec<AgentId> =
            self.engine.agents().filter(|agent| was_missed(agent)).map(|agent| agent.id.clone()).collect();
        for agent in missed {
            let habit = self.recorded.habits.get(&agent).and_then(Habit::return_time);
            self.plan_at(self.now + habit.unwrap_or(RETURNS), Todo::Returns(agent));
        }
    }

    fn caller(&self, key: &Key) -> Option<LegRef> {
        self.recorded.scripts.get(key)?.caller.clone()
    }

    fn stop_ringing(&mut self, key: &Key, end: LegEnd) {
        let ringing = self.courses.get_mut(key).map(|course| std::mem::take(&mut course.ringing));
        for leg in ringing.unwrap_or_default() {
            self.leaves(key, leg, end);
        }
    }

    pub(super) fn leaves(&mut self, key: &Key, leg: LegRef, end: LegEnd) {
        if let Some(course) = self.courses.get_mut(key) {
            course.ringing.retain(|ringing| *ringing != leg);
        }
        self.tell(key, Fact::LegLeft { call: key.1.clone(), leg, end, cause: None });
    }

    /// Everybody leaves; the caller hung up.
    pub(super) fn end(&mut self, key: &Key, end: LegEnd) {
        self.stop_ringing(key, end);
        let partner = self.courses.get_mut(key).and_then(|course| course.partner.take());
        if let Some(partner) = partner {
            self.leaves(key, partner, LegEnd::Released);
        }
        let caller = self.caller(key);
        if let Some(caller) = caller.clone() {
            self.leaves(key, caller, LegEnd::HungUp);
        }
        self.tell(key, Fact::CallEnded { call: key.1.clone(), by: caller, cause: None });
    }

    pub(super) fn tell(&mut self, key: &Key, fact: Fact) {
        let event = PbxEvent { pbx: key.0.clone(), at: self.now, recovered: false, fact };
        self.handle(self.now, Input::Pbx(Box::new(event)));
    }
}
