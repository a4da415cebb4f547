//! What was asked of the PBX by the engine: holding at a desk, consulting from within a call, calls begun for agents.
//!
//! The dialplan labels what it does on the legs themselves (`UserEvent`), so that a stream tells the same story whoever
//! asked, and after a restart. Who hears whom is still seen at the bridges.

use hookswitch_model::{
    CallRef, LegRef,
    ledger::Cause,
    pbx::{Fact, LegEnd, LegSeen, SuperviseMode},
};

use super::{
    Switchboard,
    call::{Leg, Numbers},
    channel::{Channel, Kind},
    settle::Pending,
};

/// How many of the engine's own calls are remembered to have begun.
const REMEMBERED: usize = 256;

/// A listed channel that bears the name of a consultation.
#[derive(Debug)]
pub(super) struct Consulted {
    uid: LegRef,
    consult: CallRef,
    /// It is who consults, not whom he reached.
    consults: bool,
}

impl Switchboard {
    /// Whether a device rang for a call that the engine began, or is rung: its legs tell how it ends.
    pub(crate) fn was_begun(&self, call: &CallRef) -> bool {
        self.calls.get(call).is_some_and(|call| call.told) || self.begun.contains(call)
    }

    /// Whether this leg waits at its desk while it holds somebody, or consults from there.
    pub(crate) fn at_desk(&self, leg: &LegRef) -> bool {
        let held = |leg: &Leg| leg.held && leg.desk;
        let desks = |channel: &LegRef| {
            let calls = self.on.get(channel).into_iter().flatten().filter_map(|call| self.calls.get(call));
            calls.filter_map(|call| call.on(channel.as_str())).any(held)
        };
        desks(leg) || self.topology.named(leg.as_str()).is_some_and(|leg| desks(&leg))
    }

    /// The customer hears music, because `holder` holds him.
    pub(crate) fn held_at_desk(&mut self, customer: &str, holder: &str) {
        let Some(call) = self.call_for(customer) else { return };
        let Some(leg) = self.calls.get_mut(&call).and_then(|known| known.on_mut(holder)) else { return };
        leg.desk = true;
        let open = leg.retrieved_at.take();
        if leg.held && open.is_none() {
            return;
        }
        leg.held = true;
        let leg = leg.leg.clone();
        if let Some(at) = open {
            self.say_at(&call, at, Fact::Retrieved { call: call.clone(), leg: leg.clone() });
        }
        self.say(&call, Fact::Held { call: call.clone(), leg });
    }

    /// A believed leg of a consultation goes by its channel's name: this is the channel.
    pub(super) fn is_consulting(&mut self, uid: &LegRef, name: &LegRef) {
        let Some(calls) = self.on.remove(name).filter(|_| uid != name) else { return };
        self.topology.remove(name.as_str());
        for call in calls {
            if let Some(leg) = self.calls.get_mut(&call).and_then(|known| known.on_mut(name.as_str())) {
                leg.channel = uid.clone();
            }
            self.on.entry(uid.clone()).or_default().push(call.clone());
            self.consults.insert(uid.clone(), call);
        }
    }

    /// A list shows a customer who is held by our doing, or is back with who held him without anybody's asking.
    pub(crate) fn found_held(&mut self, customer: &str, held: bool) {
        let Some(call) = self.call_on(customer).cloned() else { return };
        let Some(known) = self.calls.get_mut(&call) else { return };
        for leg in known.legs.iter_mut().filter(|leg| leg.held) {
            leg.desk = true;
            if !held {
                leg.retrieved_at = Some(self.now);
                let leg = leg.leg.clone();
                self.pending.add(self.now, Pending::Retrieved(call.clone(), leg));
            }
        }
    }

    /// Whoever held one of these from his desk and now talks to him holds no longer; what he consulted about is over.
    pub(super) fn back_from_desk(&mut self, parties: &[LegRef]) {
        for party in parties {
            let Some(call) = self.call_at_desk(party) else { continue };
            if !self.talks(&call, party.as_str()) {
                continue;
            }
            let leg = self.calls.get_mut(&call).and_then(|known| known.on_mut(party.as_str()));
            let Some(leg) = leg else { continue };
            (leg.desk, leg.held, leg.retrieved_at) = (false, false, None);
            let leg = leg.leg.clone();
            self.say(&call, Fact::Retrieved { call: call.clone(), leg });
            if let Some(consult) = self.consults.get(party).cloned() {
                self.later(Pending::Consulted(consult));
            }
        }
    }

    /// Whom he consulted did not come along: that is over.
    pub(super) fn back_alone(&mut self, consult: &CallRef) {
        let Some(known) = self.calls.get(consult) else { return };
        let originator = known.leg(known.originator.as_str()).map(|leg| leg.channel.clone());
        if originator.is_some_and(|channel| !self.talks(consult, channel.as_str())) {
            self.consult_ends(consult, LegEnd::HungUp, None);
        }
    }

    fn call_at_desk(&self, channel: &LegRef) -> Option<CallRef> {
        let desk = |call: &&CallRef| {
            let leg = self.calls.get(*call).and_then(|known| known.on(channel.as_str()));
            leg.is_some_and(|leg| leg.desk && leg.held)
        };
        self.on.get(channel)?.iter().find(desk).cloned()
    }

    /// Somebody at his desk calls somebody: a call of its own, under the reference it was given. Told when it is seen
    /// whom it reaches.
    pub(crate) fn consult_begins(&mut self, agent: &str, consult: CallRef, to: &str) {
        let Some((uid, channel)) = self.topology.entry(agent) else { return };
        if self.calls.contains_key(&consult) || self.consults.contains_key(uid) {
            return;
        }
        // A leg of its own needs a reference of its own; the PBX knows a channel by its name as well.
        let mut leg = Leg::new(LegRef::new(&channel.name), channel.address.clone());
        leg.channel = uid.clone();
        leg.up = true;
        let (uid, mut numbers) = (uid.clone(), Numbers::default());
        numbers.ani.raw = channel.address.extension().unwrap_or_default().to_owned();
        numbers.dnis.raw = to.to_owned();
        numbers.dnis.e164 = self.settings.plan.e164(to);
        if self.open_as(consult.clone(), leg, numbers).is_some() {
            self.consults.insert(uid, consult);
        }
    }

    /// The consultation of this agent, if nothing was told of it: nobody was seen to ring.
    pub(crate) fn consults_unheard(&self, agent: &str) -> Option<CallRef> {
        let consult = self.consults.get(agent)?;
        let known = self.calls.get(consult).filter(|known| !known.told)?;
        known.leg(known.originator.as_str()).filter(|leg| leg.channel == *agent)?;
        Some(consult.clone())
    }

    /// A channel was listed that bears the name of a consultation; `consults`: it is who consults.
    pub(crate) fn found_in_consultation(&mut self, uid: &LegRef, consult: CallRef, consults: bool) {
        self.consults_unseen.push(Consulted { uid: uid.clone(), consult, consults });
    }

    /// Consultations that the lists show and of which nothing was seen: they begin now, with whom they reached.
    pub(super) fn consultations_found(&mut self) {
        let mut listed = std::mem::take(&mut self.consults_unseen);
        listed.sort_by_key(|one| (!one.consults, super::belief::made(&one.uid)));
        let open = listed.iter().filter(|one| one.consults).map(|one| one.consult.clone());
        let open: Vec<CallRef> = open.collect();
        for one in listed.iter().filter(|one| one.consults) {
            let reached = listed.iter().filter(|other| !other.consults && other.consult == one.consult);
            let number =
                reached.filter_map(|other| self.number_of(other.uid.as_str())).next().unwrap_or_default();
            self.consult_begins(one.uid.as_str(), one.consult.clone(), &number);
        }
        for one in listed.iter().filter(|one| !one.consults && open.contains(&one.consult)) {
            let party = self.topology.get(one.uid.as_str()).is_some_and(Channel::is_party);
            if party && self.calls.contains_key(&one.consult) {
                self.ring(&one.consult, &one.uid);
            }
        }
    }

    /// The number somebody is reached by, as the name of the channel shows it.
    pub(crate) fn number_of(&self, uid: &str) -> Option<String> {
        let extension = self.topology.get(uid)?.address.extension()?;
        Some(extension.to_owned())
    }

    /// The attempt or the conversation is over, and who consulted is at his desk again.
    pub(crate) fn consult_over(&mut self, consult: &CallRef, end: LegEnd, cause: Option<Cause>) {
        let told = self.calls.get(consult).is_some_and(|known| known.told);
        self.consult_ends(consult, if told { LegEnd::Released } else { end }, cause);
    }

    /// A consultation of which nothing was told, and nothing will be.
    pub(crate) fn consult_in_vain(&mut self, consult: &CallRef) {
        let Some(known) = self.calls.get_mut(consult) else { return };
        known.silent = true;
        self.consult_ends(consult, LegEnd::Released, None);
    }

    fn consult_ends(&mut self, consult: &CallRef, end: LegEnd, cause: Option<Cause>) {
        let Some(known) = self.calls.get(consult) else { return };
        let originator = known.originator.clone();
        // Whoever was consulted and is still there leaves with it.
        self.leave(consult, &originator, end, cause);
    }

    /// Who consulted leaves, and the customer goes to whom he consulted, who may still ring.
    pub(crate) fn consult_completed(&mut self, customer: &str, consult: &CallRef) {
        self.settle_joins();
        let Some(call) = self.call_for(customer).filter(|call| call != consult) else { return };
        if !self.calls.contains_key(consult) {
            return;
        }
        self.merge(&call, consult, &[]);
        if let Some(known) = self.calls.get_mut(&call) {
            // He is rung anew for the customer; nobody is called back.
            known.recalls = None;
        }
    }

    /// A device of an agent rings for a call that the engine began under this reference; more than one may.
    pub(super) fn rings_for(&mut self, callee: &LegRef, call: CallRef, mut numbers: Numbers) {
        let Some(channel) = self.topology.get(callee.as_str()) else { return };
        let leg = Leg::new(callee.clone(), channel.address.clone());
        let seen = leg.seen();
        if channel.parted.contains(&call) {
            return;
        }
        if let Some(known) = self.calls.get_mut(&call) {
            known.legs.push(leg);
            self.on.entry(callee.clone()).or_default().push(call.clone());
        } else {
            numbers.ani.raw = leg.address.extension().unwrap_or_default().to_owned();
            if self.open_as(call.clone(), leg, numbers).is_none() {
                return;
            }
            if let Some(known) = self.calls.get_mut(&call) {
                known.originated = true;
            }
            if self.begun.len() == REMEMBERED {
                self.begun.pop_front();
            }
            self.begun.push_back(call.clone());
        }
        self.say(&call, Fact::LegRinging { call: call.clone(), leg: seen, ring: None });
    }

    /// Of several devices of a call's beginning another one counts from now on: it was answered, or this one left.
    pub(super) fn begins_at(&mut self, call: &CallRef, leaving: Option<&LegRef>, answered: Option<&LegRef>) {
        let Some(known) = self.calls.get_mut(call).filter(|known| known.originated) else { return };
        let first = known.originator.clone();
        if known.leg(first.as_str()).is_some_and(|leg| leg.up) || leaving.is_some_and(|leg| *leg != first) {
            return;
        }
        let heir = answered.or_else(|| known.legs.iter().map(|leg| &leg.leg).find(|leg| **leg != first));
        if let Some(heir) = heir.cloned().filter(|heir| *heir != first) {
            if known.customer == first {
                known.customer = heir.clone();
            }
            known.originator = heir;
        }
    }

    /// A supervisor's device: no party of any call.
    pub(crate) fn is_no_party(&mut self, uid: &str) {
        if let Some(channel) = self.topology.get_mut(uid) {
            channel.kind = Kind::Machine;
        }
    }

    /// A supervisor hears the conversation of `leg`. Whether there is one.
    pub(crate) fn supervised(&mut self, supervisor: &LegRef, leg: &str, mode: SuperviseMode) -> bool {
        let heard = self.topology.named(leg).unwrap_or_else(|| LegRef::new(leg));
        let Some(call) = self.call_on(heard.as_str()).cloned() else { return false };
        let Some(channel) = self.topology.get(supervisor.as_str()) else { return false };
        if channel.hangup.is_some() || self.spies.iter().any(|(spy, _)| spy == supervisor) {
            return true;
        }
        let seen = LegSeen { leg: supervisor.clone(), address: channel.address.clone(), number: None };
        self.spies.push((supervisor.clone(), call.clone()));
        self.say(&call, Fact::Supervised { call: call.clone(), leg: seen, mode });
        true
    }

    /// A supervisor's channel is gone.
    pub(super) fn supervisor_gone(&mut self, uid: &str, cause: Option<&Cause>) {
        let Some(at) = self.spies.iter().position(|(spy, _)| *spy == *uid) else { return };
        let (leg, call) = self.spies.swap_remove(at);
        let asked = self.topology.get(uid).is_some_and(|channel| channel.hangup.is_some());
        let end = if asked { LegEnd::HungUp } else { LegEnd::Released };
        self.say(&call, Fact::LegLeft { call: call.clone(), leg, end, cause: cause.cloned() });
    }

    /// Supervisors leave at the latest with the call.
    pub(super) fn supervisors_leave(&mut self, call: &CallRef) {
        while let Some(at) = self.spies.iter().position(|(_, of)| of == call) {
            let (leg, call) = self.spies.swap_remove(at);
            self.say(&call, Fact::LegLeft { call: call.clone(), leg, end: LegEnd::Released, cause: None });
        }
    }

    /// What a merged call's supervisors hear is the other call now.
    pub(super) fn supervisors_move(&mut self, from: &CallRef, into: &CallRef) {
        let mut moved = Vec::new();
        for (leg, call) in self.spies.iter_mut().filter(|(_, call)| call == from) {
            *call = into.clone();
            moved.push(leg.clone());
        }
        for leg in moved {
            self.say(into, Fact::LegMoved { from: from.clone(), to: into.clone(), leg });
        }
    }
}
