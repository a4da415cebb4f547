//! Labels on what bridges show: blind and attended transfer, parking, pick-up.

use hookswitch_model::{
    CallRef, LegRef,
    ledger::Cause,
    pbx::{Fact, LegEnd, TransferKind},
};

use super::{
    Switchboard,
    call::{Blind, Leg},
    settle::Pending,
};

impl Switchboard {
    /// A party sends the others to a number.
    pub(crate) fn blind(&mut self, transferer: &str, number: Option<&str>) {
        let now = self.now;
        let Some(call) = self.call_on(transferer).cloned() else { return };
        let Some(known) = self.calls.get_mut(&call) else { return };
        let Some(leg) = known.on_mut(transferer) else { return };
        leg.retrieved_at = None;
        let from = leg.leg.clone();
        known.blind = Some(Blind { from, to: number.map(str::to_owned), at: now });
        self.later(Pending::Blind(call));
    }

    /// A call gets on. Where its customer was taken out of a conversation whose other party did not hang up, that was
    /// a blind transfer: the thread of Asterisk that tells of one (`BlindTransfer`) and the one that already serves
    /// the customer at the new place (`DialBegin`, `QueueCallerJoin`) run beside each other, and either may be first.
    pub(super) fn gets_on(&mut self, call: &CallRef) {
        if let Some(sent) = self.sent_on(call)
            && let Some(known) = self.calls.get_mut(call)
        {
            known.blind.get_or_insert(sent);
        }
        self.resolve_blind(call);
    }

    pub(super) fn sent_on(&self, call: &CallRef) -> Option<Blind> {
        let known = self.calls.get(call)?;
        let customer = known.leg(known.customer.as_str())?;
        let up: Vec<&Leg> = known.legs.iter().filter(|leg| leg.up && leg.leg != customer.leg).collect();
        let [other] = up.as_slice() else { return None };
        let stays = |leg: &Leg| {
            self.topology.get(leg.channel.as_str()).is_none_or(|channel| channel.hangup.is_none())
                && leg.talking
                && !leg.held
        };
        let here = self.topology.get(customer.channel.as_str())?;
        let taken =
            customer.apart_at.is_some() && stays(customer) && stays(other) && known.hung_up_by.is_none();
        taken.then(|| Blind {
            from: other.leg.clone(),
            to: (!here.exten.is_empty()).then(|| here.exten.to_string()),
            at: self.now,
        })
    }

    /// The channel of a leg is gone that lost its customer and did not hang up.
    pub(super) fn may_have_sent_on(&mut self, call: &CallRef, leg: &LegRef, cause: Option<Cause>) {
        if let Some(leg) = self.calls.get_mut(call).and_then(|known| known.leg_mut(leg.as_str())) {
            leg.gone = Some(cause);
        }
        self.later(Pending::Gone(call.clone(), leg.clone()));
    }

    /// No transfer showed.
    pub(super) fn settle_gone(&mut self, call: &CallRef, leg: &LegRef) {
        let known = self.calls.get_mut(call).and_then(|known| known.leg_mut(leg.as_str()));
        if let Some(cause) = known.and_then(|leg| leg.gone.take()) {
            self.leave(call, leg, LegEnd::Released, cause);
        }
    }

    /// The transfer is one, and no parking.
    pub(super) fn resolve_blind(&mut self, call: &CallRef) {
        let Some(Blind { from, to, at }) = self.calls.get_mut(call).and_then(|known| known.blind.take())
        else {
            return;
        };
        self.say_at(
            call,
            at,
            Fact::Transferred {
                call: call.clone(),
                kind: TransferKind::Blind,
                from: from.clone(),
                to_leg: None,
                to_number: to,
                consult: None,
            },
        );
        self.leave_transferred(call, &from);
    }

    /// A party completed an attended transfer: `first` and `second` are its channels in the two calls (one and
    /// the same by feature code). The calls may share a bridge by now, or the target rings still, or waits.
    pub(crate) fn attended(&mut self, first: &str, second: &str) {
        self.settle_joins();
        for uid in [first, second] {
            self.discard_retrieval(uid);
        }
        if first == second {
            return self.attended_within(first);
        }
        let calls = (self.call_on(first).cloned(), self.call_on(second).cloned());
        if let (Some(one), Some(other)) = calls
            && one != other
        {
            self.redial(first, second);
            self.merge(&one, &other, &[]);
        }
    }

    /// By feature code, and nobody was reached yet: the target waits in a queue.
    fn attended_within(&mut self, uid: &str) {
        let Some([one, other]) = self.on.get(uid).map(Vec::as_slice) else { return };
        let (one, other) = (one.clone(), other.clone());
        let customers = [&one, &other].into_iter().filter_map(|call| {
            let known = self.calls.get(call)?;
            known.leg(known.customer.as_str()).map(|leg| leg.channel.clone())
        });
        let customer = customers.into_iter().find(|channel| *channel != *uid);
        let parties =
            customer.map(|channel| self.topology.conversation(channel.as_str())).unwrap_or_default();
        self.merge(&one, &other, &parties);
    }

    fn discard_retrieval(&mut self, uid: &str) {
        let Some(call) = self.call_on(uid).cloned() else { return };
        if let Some(leg) = self.calls.get_mut(&call).and_then(|known| known.on_mut(uid)) {
            leg.retrieved_at = None;
        }
    }

    /// What the transferer's second channel rang, the transferred party rings from now on.
    fn redial(&mut self, first: &str, second: &str) {
        let with = self.topology.conversation(first);
        let Some(heir) = with.into_iter().find(|party| *party != *first) else { return };
        for ringing in self.topology.dialled_by(second).to_vec() {
            self.topology.dial(Some(&heir), &ringing);
        }
    }

    /// A channel was put into a parking place, by whoever is reached at `parker` (`PJSIP/1001`).
    pub(crate) fn parked(&mut self, parkee: &str, parker: &str) {
        let Some(call) = self.call_for(parkee) else { return };
        let Some(known) = self.calls.get_mut(&call) else { return };
        let by_device =
            known.legs.iter().find(|leg| leg.address.as_str() == parker && leg.channel != *parkee);
        let from =
            known.blind.take().map(|blind| blind.from).or_else(|| by_device.map(|leg| leg.leg.clone()));
        known.parked_by = from.clone().or(known.parked_by.take());
        self.introduce(&call, None);
        self.took(&call, "park", self.now);
        if let Some(from) = from {
            self.leave_transferred(&call, &from);
        }
    }

    /// Nobody fetched it: it is offered again to who parked it.
    pub(crate) fn unparked(&mut self, parkee: &str) {
        let Some(call) = self.call_for(parkee) else { return };
        if let Some(known) = self.calls.get_mut(&call) {
            known.parked_by = None;
        }
    }

    /// A party took over a call that rang at another phone.
    pub(crate) fn picked_up(&mut self, picker: &str, target: &str) {
        let Some(call) = self.call_on(target).cloned() else { return };
        let Some((picker, channel)) = self.topology.entry(picker) else { return };
        let (picker, address) = (picker.clone(), channel.address.clone());
        if let Some(leg) = self.leg_of(&call, target) {
            self.leave(&call, &leg, LegEnd::Cancelled, None);
        }
        match self.call_on(picker.as_str()).cloned() {
            Some(own) if own != call => self.merge(&own, &call, &[]),
            Some(_) => {}
            None => {
                let leg = Leg::new(picker.clone(), address);
                let seen = leg.seen();
                let Some(known) = self.calls.get_mut(&call) else { return };
                known.legs.push(leg);
                self.on.entry(picker.clone()).or_default().push(call.clone());
                self.say(&call, Fact::LegRinging { call: call.clone(), leg: seen, ring: None });
                self.up(picker.as_str());
            }
        }
    }
}
