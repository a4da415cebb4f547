//! Tries of call-backs that the record does not know: an agent is rung, then the customer, as the record makes likely.

use hookswitch_model::{
    CallRef, LegRef, PbxId,
    call::{Address, AttachedData, Direction, PartyNumber},
    callback::TryEnd,
    ledger::Cause,
    pbx::{Action, Fact, LegEnd, LegSeen, PbxAction, PbxEvent, Target},
};

use super::{
    Course, Step, World,
    parted::{DONE, RINGS, SHOWN},
};
use crate::{
    figures::Key,
    promised::{Dialled, Name},
};

/// A try under way.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The call-back.
    name: Name,
    number: String,
    data: AttachedData,
    /// The customer's leg, once it is dialled.
    far: Option<LegRef>,
}

/// What happens next in a try.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AttemptStep {
    /// The agent's telephone rings.
    Rings(Address),
    /// It rang in vain.
    Missed,
    /// The agent answers, and the customer is dialled.
    Answered,
    /// The customer answers, or it is known that not.
    CameOut(Dialled),
    /// They have talked.
    Over,
}

impl World<'_> {
    /// The engine makes a call that the record does not have under this name.
    pub(super) fn dial(&mut self, key: Key, action: &PbxAction) {
        let name = self.reader.promised.tried(&action.action).cloned();
        let (Some(name), Action::Dial { devices, timeout, to: Target::Number(number), data, .. }) =
            (name, &action.action)
        else {
            // A person's own call comes as it was recorded, under the name it has there.
            self.comes_to_nothing(&action.pbx, action);
            return;
        };
        self.simulated += 1;
        self.courses.insert(key.clone(), Course::begin(false));
        let nth = self.dialled.get(&name).map_or(0, |nth| u64::from(*nth));
        let customer = (key.0.clone(), name.clone());
        let attempt = Attempt { name, number: number.clone(), data: data.clone(), far: None };
        self.attempts.insert(key.clone(), attempt);
        let answers = self.who_answers(&customer, 32 + nth * 16, devices, RINGS, *timeout);
        let device = devices.get(answers.map_or(0, |(_, at)| at)).cloned();
        self.plan(&key, SHOWN, Step::Try(AttemptStep::Rings(device.unwrap_or_else(|| Address::new("")))));
        match answers {
            Some((after, _)) => self.plan(&key, after, Step::Try(AttemptStep::Answered)),
            None => self.plan(&key, *timeout, Step::Try(AttemptStep::Missed)),
        }
    }

    fn comes_to_nothing(&mut self, pbx: &PbxId, action: &PbxAction) {
        let fact = Fact::DialFailed { action: action.id, end: LegEnd::Released, cause: None };
        let event = PbxEvent { pbx: pbx.clone(), at: self.now, recovered: false, fact };
        self.handle(self.now, hookswitch_model::input::Input::Pbx(Box::new(event)));
    }

    /// The try whose agent's leg this action is for.
    pub(super) fn attempted(&self, action: &PbxAction) -> Option<Key> {
        let Action::Hangup { leg, .. } = &action.action else { return None };
        Some((action.pbx.clone(), CallRef::new(leg.as_str()))).filter(|key| self.attempts.contains_key(key))
    }

    /// What the engine asks for while a try is under way: nobody wants it any more.
    pub(super) fn act_on_attempt(&mut self, key: &Key, action: &PbxAction) {
        if let Action::Hangup { .. } = action.action {
            self.again(key);
            self.plan(key, DONE, Step::Try(AttemptStep::Over));
        }
    }

    pub(super) fn try_goes_on(&mut self, key: &Key, step: AttemptStep) {
        match step {
            AttemptStep::Rings(device) => self.try_rings(key, device),
            AttemptStep::Missed => {
                self.leaves(key, agents_leg(key), LegEnd::NoAnswer);
                self.try_ends(key, LegEnd::NoAnswer);
                self.missed();
            }
            AttemptStep::Answered => self.customer_rings(key),
            AttemptStep::CameOut(Dialled { end: None, talked, .. }) => {
                let Some(far) = self.attempts.get(key).and_then(|attempt| attempt.far.clone()) else {
                    return;
                };
                let call = key.1.clone();
                self.tell(key, Fact::LegUp { call: call.clone(), leg: far.clone() });
                self.tell(key, Fact::Talking { call: call.clone(), leg: agents_leg(key) });
                self.tell(key, Fact::Talking { call, leg: far });
                let talk = talked.unwrap_or_else(|| self.talk(key));
                self.plan(key, talk, Step::Try(AttemptStep::Over));
            }
            AttemptStep::CameOut(Dialled { end: Some(end), .. }) => self.customer_leaves(key, leg_end(end)),
            AttemptStep::Over => self.customer_leaves(key, LegEnd::HungUp),
        }
    }

    fn try_rings(&mut self, key: &Key, address: Address) {
        let Some(attempt) = self.attempts.get(key) else { return };
        let number = |raw: &str, e164| PartyNumber { raw: raw.to_owned(), e164, ..PartyNumber::default() };
        let started = Fact::CallStarted {
            call: key.1.clone(),
            originator: LegSeen { leg: agents_leg(key), address: address.clone(), number: None },
            direction: Direction::Outbound,
            ani: number(address.extension().unwrap_or_default(), None),
            dnis: number(&attempt.number, Some(attempt.number.clone())),
            via: None,
            trunk: None,
            data: attempt.data.clone(),
            watched: false,
        };
        self.tell(key, started);
        let leg = LegSeen { leg: agents_leg(key), address, number: None };
        self.tell(key, Fact::LegRinging { call: key.1.clone(), leg, ring: None });
    }

    fn customer_rings(&mut self, key: &Key) {
        let far = LegRef::new(&format!("{}/far", key.1));
        let Some(attempt) = self.attempts.get_mut(key) else { return };
        attempt.far = Some(far.clone());
        let (name, number) = (attempt.name.clone(), attempt.number.clone());
        self.tell(key, Fact::LegUp { call: key.1.clone(), leg: agents_leg(key) });
        let leg = LegSeen { leg: far, address: Address::new("customer"), number: Some(number) };
        self.tell(key, Fact::LegRinging { call: key.1.clone(), leg, ring: None });
        let nth = self.dialled.entry(name.clone()).or_default();
        *nth += 1;
        let reached = Dialled { end: None, after: RINGS, talked: None };
        let like = self.recorded.reach.of(&(key.0.clone(), name), *nth).unwrap_or(reached);
        self.plan(key, like.after.max(DONE), Step::Try(AttemptStep::CameOut(like)));
    }

    fn customer_leaves(&mut self, key: &Key, end: LegEnd) {
        if let Some(far) = self.attempts.get(key).and_then(|attempt| attempt.far.clone()) {
            self.leaves(key, far, end);
        }
        self.leaves(key, agents_leg(key), LegEnd::Released);
        self.try_ends(key, end);
    }

    fn try_ends(&mut self, key: &Key, end: LegEnd) {
        let by = self.attempts.remove(key).and_then(|attempt| attempt.far);
        let by = by.filter(|_| end == LegEnd::HungUp);
        let cause = Some(Cause { q850: q850(end), text: String::new() });
        self.tell(key, Fact::CallEnded { call: key.1.clone(), by, cause });
    }
}

/// The agent's leg is called like the call.
fn agents_leg(key: &Key) -> LegRef {
    LegRef::new(key.1.as_str())
}

/// How the customer's leg of such a try ends. What nobody saw was no answer to anybody.
const fn leg_end(end: TryEnd) -> LegEnd {
    match end {
        TryEnd::Busy => LegEnd::Busy,
        TryEnd::Rejected => LegEnd::Rejected,
        TryEnd::Failed => LegEnd::Failed,
        TryEnd::NoAnswer | TryEnd::Unseen | TryEnd::Agent | TryEnd::NotNow => LegEnd::NoAnswer,
    }
}

/// The cause of ITU-T Q.850 that goes with a leg's end.
const fn q850(end: LegEnd) -> u16 {
    match end {
        LegEnd::Busy => 17,
        LegEnd::NoAnswer => 19,
        LegEnd::Rejected => 21,
        LegEnd::Failed | LegEnd::Unreachable => 27,
        LegEnd::HungUp | LegEnd::Released | LegEnd::Cancelled | LegEnd::CallerLeft | LegEnd::Transferred => {
            16
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_reached_nobody_is_told_a_cause_that_says_so() {
        assert_eq!([TryEnd::Busy, TryEnd::NoAnswer, TryEnd::Rejected].map(leg_end).map(q850), [17, 19, 21]);
        assert_eq!([LegEnd::HungUp, LegEnd::Released].map(q850), [16, 16]);
        assert_ne!(q850(leg_end(TryEnd::Failed)), 16);
    }
}
