//! Ringing: who is rung for whom, who answered, who did not and why.

use hookswitch_model::{
    ActionId, CallRef, LegRef,
    call::{Direction, PartyNumber},
    pbx::{Fact, LegEnd},
};

use super::{
    Switchboard,
    call::{Call, Leg, Numbers},
    channel::{Channel, Outcome, Progress},
    endpoints::{Side, dialled_number},
};

/// An attempt to reach a channel.
#[derive(Debug, Default)]
pub(crate) struct Attempt<'a> {
    /// Who dials; nobody for an Originate.
    pub(crate) by: Option<&'a str>,
    /// As given to Dial, without the technology: `1001`, `trunk/sip:4930…@host`.
    pub(crate) dial_string: &'a str,
    /// Our Ring action.
    pub(crate) ring: Option<ActionId>,
    /// The reference of the call that the engine begins with it.
    pub(crate) begins: Option<CallRef>,
    /// A call that the originated channel names as its own, in a variable.
    pub(crate) joins: Option<CallRef>,
    /// What is known of an originated call's numbers.
    pub(crate) numbers: Numbers,
}

impl Switchboard {
    /// A channel is being reached.
    pub(crate) fn dialled(&mut self, callee: &str, attempt: Attempt<'_>) {
        let by = attempt.by.and_then(|by| self.topology.entry(by)).map(|(uid, _)| uid.clone());
        let Some((callee, channel)) = self.topology.entry(callee) else { return };
        let (callee, address, party) = (callee.clone(), channel.address.clone(), channel.is_party());
        self.endpoints.dialled(&address, attempt.dial_string);
        let number = match self.endpoints.side(&address) {
            Side::Trunk => dialled_number(attempt.dial_string).map(str::to_owned),
            Side::Phone => None,
        };
        if let Some(channel) = self.topology.get_mut(callee.as_str()) {
            channel.originated = by.is_none();
            channel.outcome = None;
            channel.dialled_number = number;
            channel.ring = attempt.ring;
        }
        self.topology.dial(by.as_ref(), &callee);
        if !party || self.on.contains_key(callee.as_str()) {
            return;
        }
        if let Some(call) = attempt.begins {
            return self.rings_for(&callee, call, attempt.numbers);
        }
        match by {
            None => self.originated(&callee, attempt.joins, attempt.numbers),
            Some(_) => self.place(&callee, attempt.numbers),
        }
    }

    /// Puts a ringing channel into the call it rings for, if that is known yet.
    fn place(&mut self, callee: &LegRef, numbers: Numbers) {
        let Some(by) = self.topology.get(callee.as_str()).and_then(Channel::dialled_by).cloned() else {
            return;
        };
        if let Some(call) = self.call_for(by.as_str()) {
            return self.ring(&call, callee);
        }
        if let Some(party) = self.topology.served(by.as_str()) {
            // Somebody whose beginning was not seen.
            self.caller(&party);
            if let Some(call) = self.call_for(party.as_str()) {
                self.ring(&call, callee);
            }
            return;
        }
        let peer = self.topology.get(by.as_str()).and_then(Channel::peer);
        if peer.and_then(|peer| self.topology.get(peer.as_str())).is_some_and(|peer| peer.originated) {
            // An Originate through a Local pair: the phone behind it is who calls.
            return self.originated(callee, None, numbers);
        }
        if !self.unplaced.contains(callee) {
            self.unplaced.push(callee.clone());
        }
    }

    /// Puts the channels that rang for nobody known where they belong, if that is known now.
    pub(super) fn place_again(&mut self) {
        for callee in std::mem::take(&mut self.unplaced) {
            self.place(&callee, Numbers::default());
        }
    }

    pub(super) fn ring(&mut self, call: &CallRef, callee: &LegRef) {
        let Some(channel) = self.topology.get(callee.as_str()) else { return };
        if channel.parted.contains(call) || self.on.contains_key(callee.as_str()) {
            return;
        }
        let (address, ring) = (channel.address.clone(), channel.ring);
        let mut leg = Leg::new(callee.clone(), address.clone());
        leg.number.clone_from(&channel.dialled_number);
        let up = channel.progress == Progress::Up;
        let seen = leg.seen();
        let side = self.endpoints.side(&address);
        if let Some(ring) = ring {
            self.ring_shows(call, ring);
        }
        self.gets_on(call);
        self.introduce(call, Some(side));
        self.progress(call);
        self.learn_destination(call, &leg);
        let Some(known) = self.calls.get_mut(call) else { return };
        known.originated = false;
        known.ring = ring.or(known.ring);
        known.taken = false;
        known.legs.push(leg);
        self.on.entry(callee.clone()).or_default().push(call.clone());
        self.say(call, Fact::LegRinging { call: call.clone(), leg: seen, ring });
        if up {
            self.up(callee.as_str());
        }
    }

    /// Whom an originated call is for shows when the first leg after the agent's is rung.
    fn learn_destination(&mut self, call: &CallRef, far: &Leg) {
        let number = far.number.as_deref().or(far.address.extension()).unwrap_or_default();
        let Some(known) = self.calls.get_mut(call) else { return };
        if known.originated && known.numbers.dnis.raw.is_empty() && !number.is_empty() {
            let e164 = self.settings.plan.e164(number);
            known.numbers.dnis = PartyNumber { raw: number.to_owned(), e164, ..PartyNumber::default() };
            let dnis = Some(known.numbers.dnis.clone());
            self.say(call, Fact::CallNumbers { call: call.clone(), ani: None, dnis, via: None });
        }
    }

    /// A channel is rung for nobody: click-to-dial, an agent rung for a waiting caller, a call-back of the PBX.
    fn originated(&mut self, callee: &LegRef, joins: Option<CallRef>, mut numbers: Numbers) {
        let joins = joins.filter(|call| self.waits(call)).or_else(|| self.recalling(callee));
        if let Some(call) = joins {
            return self.ring(&call, callee);
        }
        let Some(channel) = self.topology.get(callee.as_str()) else { return };
        let mut leg = Leg::new(callee.clone(), channel.address.clone());
        leg.number.clone_from(&channel.dialled_number);
        let (seen, ring) = (leg.seen(), channel.ring);
        if numbers.ani.raw.is_empty() {
            numbers.ani.raw = leg.address.extension().unwrap_or_default().to_owned();
        }
        let Some(call) = self.open(leg, numbers) else { return };
        if let Some(known) = self.calls.get_mut(&call) {
            known.originated = true;
        }
        self.say(&call, Fact::LegRinging { call: call.clone(), leg: seen, ring });
    }

    /// A call whose caller is there and talks to nobody.
    fn waits(&self, call: &CallRef) -> bool {
        self.calls
            .get(call)
            .is_some_and(|call| !call.legs.iter().any(|leg| leg.talking && leg.apart_at.is_none()))
    }

    /// The call that this device transferred to somebody who did not answer, if it waits for that.
    fn recalling(&self, callee: &LegRef) -> Option<CallRef> {
        let address = &self.topology.get(callee.as_str())?.address;
        let recalls = |call: &&Call| call.recalls.as_ref() == Some(address) && call.legs.len() == 1;
        let oldest = self.calls.values().filter(recalls).min_by_key(|call| call.age);
        oldest.map(|call| call.call.clone())
    }

    /// A channel was answered.
    pub(crate) fn up(&mut self, uid: &str) {
        if let Some(channel) = self.topology.get_mut(uid) {
            channel.progress = Progress::Up;
        }
        for call in self.on.get(uid).cloned().unwrap_or_default() {
            let Some(known) = self.calls.get_mut(&call) else { continue };
            let code = known.numbers.dnis.raw.starts_with(['*', '#']);
            let Some(leg) = known.on_mut(uid).filter(|leg| !leg.up) else { continue };
            leg.up = true;
            let leg = leg.leg.clone();
            self.begins_at(&call, None, Some(&leg));
            let Some(known) = self.calls.get(&call) else { continue };
            if known.told {
                self.say(&call, Fact::LegUp { call: call.clone(), leg: leg.clone() });
            } else if !code {
                self.introduce(&call, None);
            }
            self.answered_outside(&call, &leg);
            self.left_alone(&call);
        }
    }

    /// The customer of a call to outside is who answers there.
    fn answered_outside(&mut self, call: &CallRef, leg: &LegRef) {
        let Some(known) = self.calls.get(call) else { return };
        let first = known.direction == Some(Direction::Outbound) && known.customer == known.originator;
        let ours = |leg: &Leg| self.endpoints.side(&leg.address) == Side::Phone;
        let by_us = known.leg(known.originator.as_str()).is_none_or(ours);
        if first && by_us && *leg != known.originator {
            let customer = leg.clone();
            if let Some(known) = self.calls.get_mut(call) {
                known.customer = customer;
            }
        }
    }

    /// An attempt is over.
    pub(crate) fn dial_ended(&mut self, callee: &str, outcome: Outcome) {
        let Some(channel) = self.topology.get_mut(callee) else { return };
        // The first word counts: app_queue says NOANSWER, then CANCEL.
        channel.outcome.get_or_insert(outcome);
        let asked = channel.hangup;
        if !channel.is_party() {
            return;
        }
        if outcome == Outcome::Answered {
            return self.up(callee);
        }
        let certain = match asked {
            Some(asked) => asked.cause.is_some(), // Else the hang-up tells.
            None => outcome != Outcome::NoAnswer, // Timed out, or hung up by somebody: see `rung_in_vain`.
        };
        if certain {
            self.rung_out(callee);
        }
    }

    /// Our Ring is over and nobody answered; what DIALSTATUS says comes before the phones' hang-ups. A phone that
    /// rang until the time was over makes it NOANSWER; one that was hung up meanwhile does not.
    pub(crate) fn rung_in_vain(&mut self, caller: &str, timed_out: bool) {
        for callee in self.topology.dialled_by(caller).to_vec() {
            let Some(channel) = self.topology.get_mut(callee.as_str()) else { continue };
            if channel.progress == Progress::Up || channel.outcome != Some(Outcome::NoAnswer) {
                continue;
            }
            if channel.hangup.is_none() && !timed_out {
                channel.outcome = Some(Outcome::Cancelled);
            }
            self.rung_out(callee.as_str());
        }
    }

    /// A leg that rings rings no longer.
    fn rung_out(&mut self, callee: &str) {
        let asked = self.topology.get(callee).and_then(|channel| channel.hangup);
        for call in self.on.get(callee).cloned().unwrap_or_default() {
            let Some(leg) = self.calls.get(&call).and_then(|call| call.on(callee)).filter(|leg| !leg.up)
            else {
                continue;
            };
            let leg = leg.leg.clone();
            let cause = asked.and_then(|asked| asked.cause).map(super::leave::cause);
            let end = self.ring_end(&call, callee, None);
            self.leave(&call, &leg, end, cause);
        }
    }

    /// How a leg ended that was never answered.
    pub(super) fn ring_end(&self, call: &CallRef, channel: &str, cause: Option<u16>) -> LegEnd {
        let Some(channel) = self.topology.get(channel) else { return LegEnd::Cancelled };
        let asked = channel.hangup.map(|asked| asked.cause.or(cause));
        match (channel.outcome, asked) {
            (Some(Outcome::Busy), _) => LegEnd::Busy,
            (Some(Outcome::Forwarded), _) => LegEnd::Rejected,
            (_, Some(cause)) => refusal(cause.unwrap_or_default()),
            (Some(Outcome::Congestion), None) => LegEnd::Failed,
            (Some(Outcome::Unavailable), None) => LegEnd::Unreachable,
            // An Originate that times out ends without a word; one that is hung up says NOANSWER.
            (Some(Outcome::NoAnswer), None) if channel.originated => LegEnd::Cancelled,
            (Some(Outcome::NoAnswer), None) => LegEnd::NoAnswer,
            (None, None) if channel.originated => LegEnd::NoAnswer,
            (Some(Outcome::Cancelled | Outcome::Answered) | None, None) => self.cancelled(call, channel),
        }
    }

    /// Why a ringing leg was taken back.
    fn cancelled(&self, call: &CallRef, channel: &Channel) -> LegEnd {
        let Some(known) = self.calls.get(call) else { return LegEnd::Cancelled };
        let by = channel.dialled_by().and_then(|by| self.topology.entry(by.as_str()));
        let left = |uid: &str| self.topology.get(uid).is_none_or(|channel| channel.hangup.is_some());
        let caller = known.leg(known.customer.as_str());
        if caller.is_none_or(|caller| left(caller.channel.as_str())) {
            return LegEnd::CallerLeft;
        }
        if by.is_some_and(|(by, _)| self.consults.get(by) == Some(call) && left(by.as_str())) {
            return LegEnd::CallerLeft;
        }
        // Rung through a Local pair: what the outer attempt says is what happened.
        let outer = by.and_then(|(_, by)| {
            let near = by.peer().and_then(|near| self.topology.get(near.as_str()));
            near.and_then(|near| near.outcome).or(by.outer)
        });
        if outer == Some(Outcome::NoAnswer) {
            return LegEnd::NoAnswer;
        }
        let elsewhere = |leg: &Leg| leg.up && leg.leg != known.customer;
        if known.recalls.is_some() && !known.legs.iter().any(elsewhere) {
            return LegEnd::NoAnswer;
        }
        LegEnd::Cancelled
    }
}

/// What a phone or trunk meant by its refusal, Q.850.
const fn refusal(cause: u16) -> LegEnd {
    match cause {
        17 => LegEnd::Busy,
        3 | 18 | 19 | 20 | 27 => LegEnd::Unreachable,
        26 => LegEnd::Cancelled,
        0 | 16 | 21 | 127 => LegEnd::Rejected,
        _ => LegEnd::Failed,
    }
}
