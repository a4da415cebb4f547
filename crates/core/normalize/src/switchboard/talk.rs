//! Conversations: who came together, who came apart, who holds whom.

use hookswitch_model::{CallRef, LegRef, pbx::Fact};

use super::{
    Switchboard,
    call::{Leg, Numbers},
    channel::{Kind, Progress},
    settle::Pending,
};

impl Switchboard {
    /// A channel came into a bridge, in place of `swapped` if that is named.
    pub(crate) fn entered(&mut self, uid: &str, bridge: &str, holding: bool, swapped: Option<&str>) {
        let Some((uid, channel)) = self.topology.entry(uid) else { return };
        let (uid, party) = (uid.clone(), channel.is_party());
        let left = match swapped {
            Some(swapped) => self.topology.conversation(swapped),
            None => self.topology.conversation(uid.as_str()),
        };
        self.topology.enter(&uid, bridge, holding, swapped);
        if party {
            self.consults_through(&uid, bridge);
            self.back_from_hold(&uid);
        }
        self.place_again();
        self.connected(&uid);
        let parties = self.topology.conversation(uid.as_str());
        self.back_from_desk(&parties);
        self.review(&left);
    }

    /// A channel left its bridge.
    pub(crate) fn left(&mut self, uid: &str) {
        let with = self.topology.conversation(uid);
        self.topology.leave(uid);
        self.review(&with);
    }

    /// The parties around a channel may have come together.
    pub(super) fn connected(&mut self, uid: &LegRef) {
        let parties = self.topology.conversation(uid.as_str());
        if parties.len() > 1 {
            self.adopt(&parties);
        }
        if let Some((one, other)) = self.strangers(uid, &parties) {
            if self.shared_phone(&one, &other).is_some() {
                // A transfer in the making, or a conference: the next events tell which.
                self.later(Pending::Join(uid.clone()));
            } else {
                self.join(uid);
            }
            return;
        }
        self.review(&parties);
        self.confer(&parties);
    }

    /// Parties that are in no call yet get into one: that of the others, or a new one.
    fn adopt(&mut self, parties: &[LegRef]) {
        let is_strange = |party: &&LegRef| !self.on.contains_key(party.as_str());
        let strange: Vec<LegRef> = parties.iter().filter(is_strange).cloned().collect();
        if strange.is_empty() {
            return;
        }
        let known = parties.iter().find_map(|party| self.call_on(party.as_str()).cloned());
        let call = known.or_else(|| {
            let first = |party: &&LegRef| {
                self.topology.get(party.as_str()).is_some_and(|channel| channel.linked == **party)
            };
            let caller = parties.iter().find(first).or(parties.first())?.clone();
            self.caller(&caller);
            self.call_on(caller.as_str()).cloned()
        });
        let Some(call) = call else { return };
        for party in strange {
            let parted =
                self.topology.get(party.as_str()).is_some_and(|channel| channel.parted.contains(&call));
            if !parted && self.leg_of(&call, party.as_str()).is_none() {
                self.add(&call, &party);
            }
        }
    }

    /// Adds a leg that is up already and was not seen ringing.
    pub(super) fn add(&mut self, call: &CallRef, party: &LegRef) {
        let Some(channel) = self.topology.get_mut(party.as_str()) else { return };
        channel.progress = Progress::Up;
        let leg = Leg::new(party.clone(), channel.address.clone());
        let seen = leg.seen();
        let side = self.endpoints.side(&leg.address);
        self.introduce(call, Some(side));
        let Some(known) = self.calls.get_mut(call) else { return };
        known.legs.push(leg);
        self.on.entry(party.clone()).or_default().push(call.clone());
        self.say(call, Fact::LegRinging { call: call.clone(), leg: seen, ring: None });
        self.up(party.as_str());
    }

    /// Looks again at everybody named: in conversation or not.
    pub(super) fn review(&mut self, parties: &[LegRef]) {
        let mut calls: Vec<CallRef> = Vec::with_capacity(1);
        for call in parties.iter().filter_map(|party| self.on.get(party)).flatten() {
            if !calls.contains(call) {
                calls.push(call.clone());
            }
        }
        for call in calls {
            self.review_call(&call, parties);
        }
    }

    fn review_call(&mut self, call: &CallRef, parties: &[LegRef]) {
        let Some(known) = self.calls.get(call) else { return };
        let channels = known.legs.iter().map(|leg| leg.channel.clone());
        for channel in channels.filter(|channel| parties.contains(channel)).collect::<Vec<_>>() {
            if self.talks(call, channel.as_str()) {
                self.together(call, &channel);
            } else {
                self.apart(call, &channel);
            }
        }
        if let Some(known) = self.calls.get_mut(call) {
            known.conference = known.conference.min(known.legs.iter().filter(|leg| leg.talking).count());
        }
    }

    /// Whether this channel hears another leg of the call.
    pub(super) fn talks(&self, call: &CallRef, channel: &str) -> bool {
        let Some(known) = self.calls.get(call) else { return false };
        self.topology.heard(channel).any(|other| known.on(other.as_str()).is_some())
    }

    fn together(&mut self, call: &CallRef, channel: &LegRef) {
        let Some(leg) = self.calls.get_mut(call).and_then(|known| known.on_mut(channel.as_str())) else {
            return;
        };
        leg.apart_at = None;
        if leg.talking {
            return;
        }
        leg.talking = true;
        let leg = leg.leg.clone();
        self.introduce(call, None);
        self.up(channel.as_str());
        if let Some(known) = self.calls.get_mut(call) {
            known.hung_up_by = None;
            known.recalls = None;
            known.taken = false;
        }
        self.say(call, Fact::Talking { call: call.clone(), leg });
    }

    fn apart(&mut self, call: &CallRef, channel: &LegRef) {
        let now = self.now;
        let Some(leg) = self.calls.get_mut(call).and_then(|known| known.on_mut(channel.as_str())) else {
            return;
        };
        if leg.talking && leg.apart_at.is_none() {
            leg.apart_at = Some(now);
            let leg = leg.leg.clone();
            self.later(Pending::Apart(call.clone(), leg));
        }
    }

    /// Three or more parties of one call talk.
    pub(super) fn confer(&mut self, parties: &[LegRef]) {
        let Some(call) = parties.first().and_then(|party| self.call_on(party.as_str())).cloned() else {
            return;
        };
        let Some(known) = self.calls.get_mut(&call) else { return };
        let legs: Vec<LegRef> = known
            .legs
            .iter()
            .filter(|leg| leg.talking && parties.contains(&leg.channel))
            .map(|leg| leg.leg.clone())
            .collect();
        if legs.len() < 3 || legs.len() <= known.conference {
            return;
        }
        known.conference = legs.len();
        self.say(&call, Fact::Conferenced { call: call.clone(), legs });
    }

    /// Somebody in a call comes to a Local half that nobody dialled: he consults whoever is behind it, by feature
    /// code or AMI's Atxfer. That is a call of its own, in which he has a second leg.
    fn consults_through(&mut self, uid: &LegRef, bridge: &str) {
        let fresh = self.topology.members(bridge).iter().find_map(|member| {
            let half = self.topology.get(member.as_str())?;
            let free = half.kind == Kind::LocalHalf
                && half.dialled_by().is_none()
                && !half.originated
                && !self.consults.contains_key(member);
            let (peer_uid, peer) = self.topology.entry(half.peer()?.as_str())?;
            (free && peer.bridge().is_none()).then(|| (member.clone(), peer_uid.clone(), peer.exten.clone()))
        });
        let Some((near, far, exten)) = fresh else { return };
        let alone = |call: &CallRef| self.calls.get(call).is_none_or(|call| call.legs.len() < 2);
        let Some(channel) = self.topology.get(uid.as_str()) else { return };
        if self.call_on(uid.as_str()).is_none_or(alone) {
            return;
        }
        let mut leg = Leg::new(far.clone(), channel.address.clone());
        leg.channel = uid.clone();
        leg.up = true;
        let mut numbers = Numbers::default();
        numbers.ani.raw = channel.address.extension().unwrap_or_default().to_owned();
        if *exten != *"s" {
            numbers.dnis.raw = exten.into();
        }
        let Some(call) = self.open(leg, numbers) else { return };
        self.consults.insert(near, call.clone());
        self.consults.insert(far, call);
    }

    /// Who holds somebody and comes back to him holds no longer.
    fn back_from_hold(&mut self, uid: &LegRef) {
        let Some(call) = self.call_on(uid.as_str()).cloned() else { return };
        if self.talks(&call, uid.as_str()) {
            self.retrieve(&call, uid);
        }
    }

    /// This channel put the other side on hold.
    pub(crate) fn held(&mut self, uid: &str) {
        let Some(call) = self.call_on(uid).cloned() else { return };
        let Some(leg) = self.calls.get_mut(&call).and_then(|known| known.on_mut(uid)) else { return };
        let retrieved = leg.retrieved_at.take();
        if leg.held && retrieved.is_none() {
            return;
        }
        leg.held = true;
        let leg = leg.leg.clone();
        if let Some(at) = retrieved {
            self.say_at(&call, at, Fact::Retrieved { call: call.clone(), leg: leg.clone() });
        }
        self.say(&call, Fact::Held { call: call.clone(), leg });
    }

    /// This channel took the other side back: told a moment later, if no transfer follows.
    pub(crate) fn unheld(&mut self, uid: &str) {
        let now = self.now;
        for call in self.on.get(uid).cloned().unwrap_or_default() {
            let Some(leg) = self.calls.get_mut(&call).and_then(|known| known.on_mut(uid)) else { continue };
            // At its desk it stays, whatever its phone does.
            if leg.held && !leg.desk && leg.retrieved_at.is_none() {
                leg.retrieved_at = Some(now);
                let leg = leg.leg.clone();
                self.later(Pending::Retrieved(call, leg));
                return;
            }
        }
    }

    fn retrieve(&mut self, call: &CallRef, channel: &LegRef) {
        let Some(leg) = self.calls.get_mut(call).and_then(|known| known.on_mut(channel.as_str())) else {
            return;
        };
        // Who holds from a desk is seen to by `back_from_desk`.
        if !leg.held || leg.desk {
            return;
        }
        leg.held = false;
        leg.retrieved_at = None;
        let leg = leg.leg.clone();
        self.say(call, Fact::Retrieved { call: call.clone(), leg });
    }
}
