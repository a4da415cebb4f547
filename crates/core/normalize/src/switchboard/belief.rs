//! What is believed while nothing is seen, and what becomes of it when the PBX is listed.

use std::collections::BTreeSet;

use hookswitch_model::{
    CallRef, LegRef, QueueId, Timestamp,
    call::{LegRole, LegState, PartyNumber},
    ledger::Cause,
    pbx::KnownCall,
};

use super::{
    Switchboard,
    call::{Call, Leg, Numbers},
    channel::{Channel, Progress},
};

/// See [`Switchboard::leaves_unseen`].
#[derive(Debug)]
pub(super) struct LeftUnseen {
    uid: LegRef,
    /// The channel is gone, too, with this cause.
    gone: Option<Option<Cause>>,
}

impl Switchboard {
    /// A call from before a restart of the daemon.
    pub(crate) fn believe(&mut self, known: KnownCall) {
        let Some(first) =
            known.legs.iter().find(|leg| leg.leg == *known.call.as_str()).or(known.legs.first())
        else {
            return;
        };
        self.ages += 1;
        let mut call = Call::new(Leg::new(first.leg.clone(), first.address.clone()), self.ages, self.now);
        call.call = known.call.clone();
        (call.told, call.believed) = (true, true);
        call.direction = Some(known.direction);
        call.routed = known.routed.then(PartyNumber::default);
        let up = known.legs.iter().filter(|leg| leg.state != LegState::Ringing).count();
        call.legs.clear();
        for leg in known.legs {
            let mut channel = Channel::new(leg.address.as_str(), leg.leg.clone());
            channel.address = leg.address.clone();
            channel.stale = true;
            let mut believed = Leg::new(leg.leg.clone(), leg.address);
            believed.up = leg.state != LegState::Ringing;
            believed.held = leg.state == LegState::Held;
            believed.talking = believed.up && up > 1;
            channel.progress = if believed.up { Progress::Up } else { Progress::Ringing };
            if leg.role == LegRole::Customer {
                call.customer = leg.leg.clone();
            }
            self.topology.insert(leg.leg.clone(), channel);
            self.on.entry(leg.leg).or_default().push(known.call.clone());
            call.legs.push(believed);
        }
        self.calls.insert(known.call, call);
    }

    /// Nothing is seen any longer: all that is known becomes belief.
    pub(crate) fn doubt(&mut self) {
        self.settle_all();
        self.topology.doubt();
        self.calls.values_mut().for_each(|call| call.believed = true);
        self.left_unseen.clear();
    }

    /// While the lists come, a channel left a bridge that nobody saw it enter: it talked there. To whom, the next to leave
    /// that bridge tells; so it is taken to be there until then.
    pub(crate) fn leaves_unseen(&mut self, uid: &LegRef, bridge: &str) {
        self.entered(uid.as_str(), bridge, false, None);
        let left = LeftUnseen { uid: uid.clone(), gone: None };
        if self.topology.heard(uid.as_str()).next().is_none() {
            self.left_unseen.push(left);
            return;
        }
        let there = |one: &LeftUnseen| self.topology.get(one.uid.as_str()).is_some_and(|c| c.is_in(bridge));
        let (over, waiting) = std::mem::take(&mut self.left_unseen).into_iter().partition(there);
        self.left_unseen = waiting;
        self.they_left(over);
        self.they_left(vec![left]);
    }

    /// A channel is gone of which it is not known yet to whom it talked: it waits for that. False: nobody is waited for.
    pub(crate) fn gone_unseen(&mut self, uid: &str, cause: Option<&Cause>) -> bool {
        let Some(left) = self.left_unseen.iter_mut().find(|left| left.uid == *uid) else { return false };
        left.gone = Some(cause.cloned());
        true
    }

    fn they_left(&mut self, over: Vec<LeftUnseen>) {
        for left in &over {
            self.left(left.uid.as_str());
        }
        for LeftUnseen { uid, gone } in over {
            if let Some(cause) = gone {
                self.gone(uid.as_str(), cause);
            }
        }
    }

    /// When the oldest believed channel was made, by its reference (seconds since the epoch, a dot, a count).
    pub(crate) fn oldest_belief(&self) -> Option<Timestamp> {
        let believed = self.topology.stale();
        let seconds = believed.iter().map(|uid| made(uid).0).filter(|seconds| *seconds > 0);
        seconds.min().map(|seconds| Timestamp::from_micros(seconds.saturating_mul(1_000_000)))
    }

    /// A channel was found in a list, in this bridge (and whether that is one for waiting).
    pub(crate) fn found(&mut self, uid: &LegRef, progress: Progress, bridge: Option<(&str, bool)>) {
        if let Some(channel) = self.topology.get_mut(uid.as_str()) {
            channel.stale = false;
            channel.progress = progress;
            let name = LegRef::new(&channel.name);
            self.is_consulting(uid, &name);
        }
        match bridge {
            Some((bridge, holding)) => self.topology.enter(uid, bridge, holding, None),
            None => self.topology.leave(uid.as_str()),
        }
        self.found.push(uid.clone());
    }

    /// A caller was found in one of the PBX's own queues.
    pub(crate) fn found_in_queue(&mut self, uid: &str, queue: QueueId, position: u32) {
        self.found_in_queues.push((LegRef::new(uid), queue, position));
    }

    /// The lists are in. Tells what changed. If they are not whole, nothing is concluded from what is missing.
    pub(crate) fn compared(&mut self, whole: bool) {
        self.recovered = true;
        let alone = std::mem::take(&mut self.left_unseen);
        self.they_left(alone);
        if whole {
            for uid in self.topology.stale() {
                self.gone(uid.as_str(), None);
            }
        }
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(made);
        self.consultations_found();
        for uid in &found {
            self.place_found(uid);
        }
        for uid in &found {
            self.connected(uid);
            let up = self.topology.get(uid.as_str()).is_some_and(|channel| channel.progress == Progress::Up);
            if up {
                self.up(uid.as_str());
            }
            self.review(std::slice::from_ref(uid));
        }
        for (uid, queue, position) in std::mem::take(&mut self.found_in_queues) {
            let known = self.call_on(uid.as_str()).and_then(|call| self.calls.get(call));
            if known.is_some_and(|call| call.queue.is_none()) {
                self.queue_joined(uid.as_str(), queue, position);
            }
        }
        self.settle_all();
        self.recovered = false;
    }

    /// How many calls the facts from this one on are about.
    pub(crate) fn changed_since(&self, first: usize) -> u32 {
        let changed: BTreeSet<&CallRef> =
            self.out[first..].iter().filter_map(|event| event.fact.call()).collect();
        u32::try_from(changed.len()).unwrap_or(u32::MAX)
    }

    /// Finds the call of a listed channel that is in none yet: it calls, or it rings for who it is linked with.
    fn place_found(&mut self, uid: &LegRef) {
        let begun = self.begun_unseen.iter().position(|(begun, ..)| begun == uid);
        let begun = begun.map(|at| self.begun_unseen.remove(at));
        let Some(channel) = self.topology.get(uid.as_str()) else { return };
        if !channel.is_party() || self.on.contains_key(uid.as_str()) {
            return;
        }
        if let Some((_, call, numbers)) = begun
            && self.place_begun(uid, call, numbers)
        {
            return;
        }
        let Some(channel) = self.topology.get(uid.as_str()).filter(|channel| channel.bridge().is_none())
        else {
            return;
        };
        let (linked, progress) = (channel.linked.clone(), channel.progress);
        if linked == *uid {
            self.caller(uid);
        } else if progress != Progress::Up
            && let Some(call) = self.call_on(linked.as_str()).cloned()
        {
            self.ring(&call, uid);
        }
    }

    /// A listed channel of a call that the engine began, found in the order in which channels were made: the agent's
    /// devices first, then whom the agent reaches, who is placed by the bridge when they talk.
    fn place_begun(&mut self, uid: &LegRef, call: CallRef, numbers: Numbers) -> bool {
        let is_up = |uid: &str| self.topology.get(uid).is_some_and(|one| one.progress == Progress::Up);
        let Some(known) = self.calls.get(&call) else {
            self.rings_for(uid, call, numbers);
            return true;
        };
        if !is_up(known.originator.as_str()) {
            self.rings_for(uid, call, numbers);
            return true;
        }
        let rings = !is_up(uid.as_str());
        if rings {
            self.ring(&call, uid);
        }
        rings
    }

    /// The PBX does not know the channel of this leg.
    pub(crate) fn vanished(&mut self, leg: &LegRef) {
        let calls = self.calls.values().filter_map(|call| Some((call.age, call.leg(leg.as_str())?)));
        let channel = calls.min_by_key(|(age, _)| *age).map(|(_, leg)| leg.channel.clone());
        self.recovered = true;
        self.gone(channel.as_ref().unwrap_or(leg).as_str(), None);
        self.recovered = false;
    }
}

/// When a channel was made, and which it was: `1795288742.51`. Channels with a reference of ours sort first.
pub(super) fn made(uid: &LegRef) -> (u64, u64) {
    let (seconds, count) = uid.as_str().split_once('.').unwrap_or_default();
    (seconds.parse().unwrap_or_default(), count.parse().unwrap_or_default())
}
