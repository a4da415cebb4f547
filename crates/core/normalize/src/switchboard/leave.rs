//! Ends: of legs, of calls.

use hookswitch_model::{
    CallRef, LegRef,
    call::PartyNumber,
    ledger::Cause,
    pbx::{Fact, LegEnd},
};

use super::{
    Switchboard,
    call::{Call, Leg, Numbers},
    channel::{HangupRequest, Kind, Outcome},
};

/// The cause with the standard's words.
pub(crate) fn cause(q850: u16) -> Cause {
    let text = match q850 {
        1 => "Unallocated (unassigned) number",
        3 => "No route to destination",
        16 => "Normal Clearing",
        17 => "User busy",
        18 => "No user responding",
        19 => "User alerting, no answer",
        20 => "Subscriber absent",
        21 => "Call Rejected",
        26 => "Answered elsewhere",
        27 => "Destination out of order",
        28 => "Invalid number format",
        34 => "Circuit/channel congestion",
        38 => "Network out of order",
        127 => "Interworking, unspecified",
        _ => "Unknown",
    };
    Cause { q850, text: text.to_owned() }
}

impl Switchboard {
    /// The far side of a channel asks for its end.
    pub(crate) fn hangup_requested(&mut self, uid: &str, cause: Option<u16>) {
        let Some(channel) = self.topology.get_mut(uid) else { return };
        channel.hangup.get_or_insert(HangupRequest { cause });
        // ChanSpy may keep the channel until who is heard hangs up.
        self.supervisor_gone(uid, None);
        for call in self.on.get(uid).cloned().unwrap_or_default() {
            self.retrieved_for_sure(&call);
            let Some(known) = self.calls.get_mut(&call) else { continue };
            let Some(leg) = known.on(uid) else { continue };
            if leg.up || (leg.leg == known.originator && !known.originated) {
                let leg = leg.leg.clone();
                // Somebody who hung up and left before did not end what is going on now.
                let there = known.hung_up_by.as_ref().is_some_and(|by| known.leg(by.as_str()).is_some());
                if !there {
                    known.hung_up_by = Some(leg);
                }
            }
        }
    }

    /// An Originate came to nothing: what it says of the channel, if nobody said anything before.
    pub(crate) fn originate_failed(&mut self, uid: &str, outcome: Outcome) {
        if let Some(channel) = self.topology.get_mut(uid) {
            channel.outcome.get_or_insert(outcome);
        }
    }

    /// A channel is gone.
    pub(crate) fn gone(&mut self, uid: &str, cause: Option<Cause>) {
        self.settle_joins();
        self.supervisor_gone(uid, cause.as_ref());
        if let Some(consult) = self.consults_unheard(uid) {
            self.consult_in_vain(&consult);
        }
        let Some((reference, channel)) = self.topology.entry(uid) else { return };
        let (reference, half) = (reference.clone(), channel.kind == Kind::LocalHalf);
        let mut settled = true;
        for call in self.on.get(uid).cloned().unwrap_or_default() {
            self.resolve_blind(&call);
            let Some(leg) = self.calls.get(&call).and_then(|known| known.on(uid)) else { continue };
            let leg = leg.leg.clone();
            if self.sent_on(&call).is_some_and(|sent| sent.from == leg) {
                self.may_have_sent_on(&call, &leg, cause.clone());
                settled = false;
                continue;
            }
            let end = self.end_of(&call, &leg, cause.as_ref());
            self.leave(&call, &leg, end, cause.clone());
        }
        let with = self.topology.conversation(uid);
        let consult = self.consults.get(uid).cloned();
        let by_caller = consult.as_ref().is_some_and(|call| {
            // The far half is asked to end when the near one went; not when what it reached ended.
            self.topology.get(call.as_str()).is_some_and(|far| far.hangup.is_some())
        });
        self.topology.remove(uid);
        if settled {
            self.on.remove(uid);
        }
        self.unplaced.retain(|other| *other != reference);
        self.review(&with);
        if half && consult.is_some() {
            self.wire_cut(&reference, by_caller, cause);
        }
    }

    /// A Local half is gone that carried a consultation: it is over, unless the two came together without it.
    fn wire_cut(&mut self, half: &LegRef, by_caller: bool, cause: Option<Cause>) {
        let Some(call) = self.consults.remove(half) else { return };
        let Some(known) = self.calls.get(&call) else { return };
        let Some(leg) = known.leg(known.originator.as_str()) else { return };
        if !self.talks(&call, leg.channel.as_str()) {
            let leg = leg.leg.clone();
            let end = match known.hung_up_by.as_ref() {
                Some(by) if *by != leg => LegEnd::Released,
                Some(_) => LegEnd::HungUp,
                None if by_caller => LegEnd::HungUp,
                None => LegEnd::Released,
            };
            self.leave(&call, &leg, end, cause);
        }
    }

    fn end_of(&self, call: &CallRef, leg: &LegRef, cause: Option<&Cause>) -> LegEnd {
        let Some(known) = self.calls.get(call) else { return LegEnd::Released };
        let Some(leg) = known.leg(leg.as_str()) else { return LegEnd::Released };
        let asked = self.topology.get(leg.channel.as_str()).is_some_and(|channel| channel.hangup.is_some());
        if !leg.up && (leg.leg != known.originator || known.originated) {
            return self.ring_end(call, leg.channel.as_str(), cause.map(|cause| cause.q850));
        }
        if asked { LegEnd::HungUp } else { LegEnd::Released }
    }

    /// A leg leaves its call. The customer's leg takes the call with it.
    pub(super) fn leave(&mut self, call: &CallRef, leg: &LegRef, end: LegEnd, cause: Option<Cause>) {
        self.note_ring_end(call, leg, end);
        self.begins_at(call, Some(leg), None);
        let Some(known) = self.calls.get(call) else { return };
        if known.customer == *leg || known.legs.len() < 2 {
            return self.finish(call, leg, end, cause);
        }
        self.unlink(call, leg);
        self.say(call, Fact::LegLeft { call: call.clone(), leg: leg.clone(), end, cause });
        self.review_rest(call);
        let goes_on = |known: &Call| {
            known
                .leg(known.customer.as_str())
                .is_some_and(|customer| self.talks(call, customer.channel.as_str()))
        };
        if self.calls.get(call).is_some_and(goes_on)
            && let Some(known) = self.calls.get_mut(call)
        {
            known.hung_up_by = None;
        }
        self.left_alone(call);
    }

    /// Of several devices that one Ring rings, the end that says most decides how the Ring came out.
    fn note_ring_end(&mut self, call: &CallRef, leg: &LegRef, end: LegEnd) {
        const fn weight(end: LegEnd) -> u8 {
            match end {
                LegEnd::NoAnswer => 3,
                LegEnd::Busy | LegEnd::Rejected => 2,
                LegEnd::Unreachable | LegEnd::Failed => 1,
                LegEnd::HungUp
                | LegEnd::Released
                | LegEnd::Cancelled
                | LegEnd::CallerLeft
                | LegEnd::Transferred => 0,
            }
        }
        let Some(known) = self.calls.get_mut(call) else { return };
        let Some(leg) = known.leg(leg.as_str()).filter(|leg| !leg.up) else { return };
        let Some(ring) = self.topology.get(leg.channel.as_str()).and_then(|channel| channel.ring) else {
            return;
        };
        match &mut known.ring_end {
            Some((of, noted)) if *of == ring && weight(*noted) >= weight(end) => {}
            noted => *noted = Some((ring, end)),
        }
    }

    /// A leg leaves because it gave the call to somebody else; the customer's part goes to who remains.
    pub(super) fn leave_transferred(&mut self, call: &CallRef, leg: &LegRef) {
        let Some(known) = self.calls.get_mut(call) else { return };
        if known.customer == *leg {
            let heir = known.legs.iter().filter(|one| one.leg != *leg).max_by_key(|one| one.up);
            let Some(heir) = heir.map(|heir| heir.leg.clone()) else { return };
            known.customer = heir;
        }
        known.hung_up_by = None;
        if self.unlink(call, leg).is_some() {
            self.say(
                call,
                Fact::LegLeft { call: call.clone(), leg: leg.clone(), end: LegEnd::Transferred, cause: None },
            );
        }
        self.review_rest(call);
        self.left_alone(call);
    }

    /// The legs that remain may have lost their partner.
    fn review_rest(&mut self, call: &CallRef) {
        let Some(known) = self.calls.get(call) else { return };
        let channels: Vec<LegRef> = known.legs.iter().map(|leg| leg.channel.clone()).collect();
        for channel in
            channels.iter().filter(|channel| !self.talks(call, channel.as_str())).cloned().collect::<Vec<_>>()
        {
            self.review(std::slice::from_ref(&channel));
        }
    }

    /// Takes a leg out of its call.
    pub(super) fn unlink(&mut self, call: &CallRef, leg: &LegRef) -> Option<Leg> {
        let known = self.calls.get_mut(call)?;
        let at = known.legs.iter().position(|one| one.leg == *leg)?;
        let leg = known.legs.remove(at);
        self.off(&leg.channel, call);
        if let Some(channel) = self.topology.get_mut(leg.channel.as_str()) {
            channel.parted.push(call.clone());
        }
        Some(leg)
    }

    fn off(&mut self, channel: &LegRef, call: &CallRef) {
        if let Some(calls) = self.on.get_mut(channel) {
            calls.retain(|other| other != call);
            if calls.is_empty() {
                self.on.remove(channel);
            }
        }
    }

    /// The call is over with this leg; all that remain leave before it.
    fn finish(&mut self, call: &CallRef, leg: &LegRef, end: LegEnd, cause: Option<Cause>) {
        self.introduce(call, None);
        self.route_now(call);
        self.fell_back_for_sure(call);
        let stay = self.talk_on(call, leg);
        let Some(known) = self.calls.get(call) else { return };
        let by = known.hung_up_by.clone().or_else(|| (end == LegEnd::HungUp).then(|| leg.clone()));
        let others: Vec<LegRef> =
            known.legs.iter().map(|one| one.leg.clone()).filter(|one| one != leg).collect();
        for other in others {
            let end = self.end_with_call(call, &other);
            self.unlink(call, &other);
            self.say(call, Fact::LegLeft { call: call.clone(), leg: other, end, cause: None });
        }
        self.supervisors_leave(call);
        self.unlink(call, leg);
        self.say(call, Fact::LegLeft { call: call.clone(), leg: leg.clone(), end, cause: cause.clone() });
        self.say(call, Fact::CallEnded { call: call.clone(), by, cause });
        self.forget(call);
        self.review(&stay);
    }

    /// Parties of a conference who talk on without the customer have a call of their own from now on.
    fn talk_on(&mut self, call: &CallRef, customer: &LegRef) -> Vec<LegRef> {
        let Some(known) = self.calls.get(call) else { return Vec::new() };
        let stays = |leg: &&Leg| {
            let only_here = self.on.get(&leg.channel).is_some_and(|calls| calls.len() == 1);
            let asked =
                self.topology.get(leg.channel.as_str()).is_none_or(|channel| channel.hangup.is_some());
            leg.leg != *customer && leg.up && only_here && !asked
        };
        let mut staying: Vec<Leg> = known.legs.iter().filter(stays).cloned().collect();
        staying.sort_by_key(|leg| self.calls.contains_key(leg.leg.as_str()));
        let Some(first) = staying.first() else { return Vec::new() };
        let with = self.topology.conversation(first.channel.as_str());
        let others: Vec<&Leg> = staying[1..].iter().filter(|leg| with.contains(&leg.channel)).collect();
        let Some(second) = others.first() else { return Vec::new() };
        let number = |leg: &Leg| PartyNumber {
            raw: leg.number.as_deref().or(leg.address.extension()).unwrap_or_default().to_owned(),
            ..PartyNumber::default()
        };
        let numbers = Numbers { ani: number(first), dnis: number(second), ..Numbers::default() };
        let mut originator = Leg::new(first.leg.clone(), first.address.clone());
        originator.channel = first.channel.clone();
        originator.up = true;
        let toward = self.endpoints.side(&second.address);
        let Some(next) = self.open(originator, numbers) else { return Vec::new() };
        self.introduce(&next, Some(toward));
        for other in &others {
            self.move_leg(call, &next, &other.leg);
        }
        with
    }

    /// How a leg ends that is still there when its call ends.
    fn end_with_call(&self, call: &CallRef, leg: &LegRef) -> LegEnd {
        let Some(known) = self.calls.get(call) else { return LegEnd::Released };
        let Some(leg) = known.leg(leg.as_str()) else { return LegEnd::Released };
        if !leg.up {
            // Its attempt may be over already, only its hang-up has not come yet.
            let tried = self.topology.get(leg.channel.as_str());
            let over = tried.is_some_and(|channel| channel.outcome.is_some() || channel.hangup.is_some());
            let end = if over { self.ring_end(call, leg.channel.as_str(), None) } else { LegEnd::CallerLeft };
            return if end == LegEnd::Cancelled { LegEnd::CallerLeft } else { end };
        }
        let asked = self.topology.get(leg.channel.as_str()).is_some_and(|channel| channel.hangup.is_some());
        let first = known.hung_up_by.as_ref() == Some(&leg.leg);
        if asked && first { LegEnd::HungUp } else { LegEnd::Released }
    }

    pub(super) fn forget(&mut self, call: &CallRef) -> Option<Call> {
        self.consults.retain(|_, consult| consult != call);
        self.calls.remove(call)
    }
}
