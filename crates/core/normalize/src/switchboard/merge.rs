//! Two calls become one: attended transfer, conference, pick-up, retrieval from a parking place.

use hookswitch_model::{
    CallRef, LegRef,
    pbx::{Fact, LegEnd, TransferKind},
};

use super::{Switchboard, call::Call, endpoints::Side};

/// One person in two calls: the leg in the call that stays, and the one in the call that is merged.
#[derive(Debug, Clone)]
pub(super) struct SharedPhone {
    stays: LegRef,
    merged: LegRef,
}

impl Switchboard {
    /// Two parties around this channel that have no call in common: in conversation, or about to be, because one
    /// still rings behind the Local half that this channel is.
    pub(super) fn strangers(&self, uid: &LegRef, parties: &[LegRef]) -> Option<(CallRef, CallRef)> {
        let ringing = self.behind(uid);
        let around = || parties.iter().chain(&ringing);
        for one in around() {
            for other in around() {
                let (Some(ones), Some(others)) = (self.on.get(one), self.on.get(other)) else { continue };
                if let (Some(first), Some(second)) = (ones.first(), others.first())
                    && !ones.iter().any(|call| others.contains(call))
                {
                    return Some((first.clone(), second.clone()));
                }
            }
        }
        None
    }

    /// Parties that ring on behalf of a Local half.
    fn behind(&self, uid: &LegRef) -> Vec<LegRef> {
        let peer = self.topology.get(uid.as_str()).and_then(|half| half.peer());
        peer.map(|peer| self.topology.dialled_by(peer.as_str()).to_vec()).unwrap_or_default()
    }

    /// Makes one call of all the calls around this channel.
    pub(super) fn join(&mut self, uid: &LegRef) {
        let mut parties = self.topology.conversation(uid.as_str());
        while let Some((one, other)) = self.strangers(uid, &parties) {
            self.merge(&one, &other, &parties);
            parties = self.topology.conversation(uid.as_str());
        }
        self.review(&parties);
        self.back_from_desk(&parties);
        self.confer(&parties);
    }

    /// A phone that has a leg in both calls.
    pub(super) fn shared_phone(&self, stays: &CallRef, merged: &CallRef) -> Option<SharedPhone> {
        self.shared_phones(stays, merged).next()
    }

    fn shared_phones(&self, stays: &CallRef, merged: &CallRef) -> impl Iterator<Item = SharedPhone> {
        let (stays, merged) = (self.calls.get(stays), self.calls.get(merged));
        let (one, other) = (stays.map_or(&[][..], |c| &c.legs), merged.map_or(&[][..], |c| &c.legs));
        one.iter()
            .filter(|leg| self.endpoints.side(&leg.address) == Side::Phone)
            .flat_map(move |leg| other.iter().map(move |twin| (leg, twin)))
            .filter(|(leg, twin)| leg.channel == twin.channel || leg.address == twin.address)
            .map(|(leg, twin)| SharedPhone { stays: leg.leg.clone(), merged: twin.leg.clone() })
    }

    /// Which of two calls goes on: the one with a customer from outside, else the one that the other consults
    /// for, else the older.
    fn survivor(&self, one: &CallRef, other: &CallRef) -> Option<(CallRef, CallRef)> {
        let (first, second) = (self.calls.get(one)?, self.calls.get(other)?);
        let consults = |call: &Call, about: &Call| {
            call.leg(call.originator.as_str()).is_some_and(|leg| {
                let side = self.endpoints.side(&leg.address);
                let twin = |twin: &&super::Leg| twin.channel == leg.channel || twin.address == leg.address;
                side == Side::Phone && about.legs.iter().any(|other| twin(&other))
            })
        };
        let first_stays = match (first.has_outside(), second.has_outside()) {
            (true, false) => true,
            (false, true) => false,
            (true, true) | (false, false) => match (consults(first, second), consults(second, first)) {
                (true, false) => false,
                (false, true) => true,
                (true, true) | (false, false) => first.age < second.age,
            },
        };
        Some(if first_stays { (one.clone(), other.clone()) } else { (other.clone(), one.clone()) })
    }

    /// Moves the legs of one call into the other. Who has a leg in both and takes no part in the conversation
    /// transferred.
    pub(super) fn merge(&mut self, one: &CallRef, other: &CallRef, parties: &[LegRef]) {
        let Some((into, from)) = self.survivor(one, other) else { return };
        let is_out = |call: &CallRef, leg: &LegRef| {
            let leg = self.calls.get(call).and_then(|call| call.leg(leg.as_str()));
            leg.is_some_and(|leg| !parties.contains(&leg.channel))
        };
        let transferer = self
            .shared_phones(&into, &from)
            .find(|phone| is_out(&into, &phone.stays) && is_out(&from, &phone.merged));
        let shared = transferer.clone().or_else(|| {
            self.shared_phones(&into, &from)
                .find(|phone| is_out(&from, &phone.merged) || self.same_channel(&into, &from, phone))
        });
        self.introduce(&from, None);
        self.introduce(&into, None);
        let twin = shared.map(|phone| phone.merged);
        let moved = self.move_legs(&from, &into, twin.as_ref());
        self.transferred(&into, &from, transferer.as_ref(), &moved);
        if let Some(twin) = twin {
            let end = if transferer.is_some() { LegEnd::Transferred } else { LegEnd::Released };
            self.unlink(&from, &twin);
            self.say(&from, Fact::LegLeft { call: from.clone(), leg: twin, end, cause: None });
        }
        self.supervisors_move(&from, &into);
        self.say(&from, Fact::CallMerged { call: from.clone(), into: into.clone() });
        if let Some(over) = self.forget(&from) {
            self.inherit(&into, over);
        }
    }

    fn same_channel(&self, into: &CallRef, from: &CallRef, phone: &SharedPhone) -> bool {
        let channel = |call: &CallRef, leg: &LegRef| {
            self.calls.get(call).and_then(|call| call.leg(leg.as_str())).map(|leg| leg.channel.clone())
        };
        channel(into, &phone.stays) == channel(from, &phone.merged)
    }

    fn move_legs(&mut self, from: &CallRef, into: &CallRef, but: Option<&LegRef>) -> Vec<LegRef> {
        let Some(known) = self.calls.get(from) else { return Vec::new() };
        let moving: Vec<LegRef> =
            known.legs.iter().map(|leg| leg.leg.clone()).filter(|leg| Some(leg) != but).collect();
        for leg in &moving {
            self.move_leg(from, into, leg);
        }
        moving
    }

    pub(super) fn move_leg(&mut self, from: &CallRef, into: &CallRef, reference: &LegRef) {
        let Some(mut leg) = self.unlink(from, reference) else { return };
        leg.talking = false;
        leg.apart_at = None;
        self.on.entry(leg.channel.clone()).or_default().push(into.clone());
        if let Some(known) = self.calls.get_mut(into) {
            known.legs.push(leg);
        }
        self.say(into, Fact::LegMoved { from: from.clone(), to: into.clone(), leg: reference.clone() });
    }

    /// Tells who transferred, if it is a transfer.
    fn transferred(
        &mut self,
        into: &CallRef,
        from: &CallRef,
        transferer: Option<&SharedPhone>,
        moved: &[LegRef],
    ) {
        let Some(known) = self.calls.get_mut(into) else { return };
        let parked_by = known.parked_by.take();
        let target = moved.iter().filter_map(|leg| known.leg(leg.as_str())).max_by_key(|leg| !leg.up);
        let to_leg = target.or_else(|| moved.first().and_then(|leg| known.leg(leg.as_str())));
        let (ringing, to_leg) = (to_leg.is_some_and(|leg| !leg.up), to_leg.map(|leg| leg.leg.clone()));
        let (kind, by, consult) = match (transferer, parked_by) {
            (Some(phone), _) => (TransferKind::Attended, phone.stays.clone(), Some(from.clone())),
            (None, Some(parker)) => (TransferKind::Park, parker, None),
            (None, None) => return,
        };
        let recalls = known.leg(by.as_str()).filter(|_| ringing).map(|leg| leg.address.clone());
        known.recalls = recalls;
        known.hung_up_by = None;
        let number = self.calls.get(from).map(|from| from.numbers.dnis.raw.clone());
        self.say(
            into,
            Fact::Transferred {
                call: into.clone(),
                kind,
                from: by.clone(),
                to_leg,
                to_number: number.filter(|number| !number.is_empty() && kind == TransferKind::Attended),
                consult,
            },
        );
        if transferer.is_some() {
            self.leave_transferred(into, &by);
        }
    }

    /// What the merged call was doing, the other does now.
    fn inherit(&mut self, into: &CallRef, over: Call) {
        if let Some((queue, position)) = over.queue {
            self.queue_joined_by(into, queue, position);
        } else if let Some(dnis) = over.routed {
            self.routed_by(into, dnis);
        }
    }
}
