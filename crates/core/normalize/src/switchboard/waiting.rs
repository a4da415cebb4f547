//! A caller with nobody to talk to: queues, our waiting room, digits, data, what the PBX itself does.

use hookswitch_model::{
    ActionId, CallRef, LegRef, QueueId, Timestamp,
    call::{AttachedData, PartyNumber, Via},
    ledger::Cause,
    pbx::{Fact, LegEnd, RingResult},
};

use super::{
    Switchboard,
    call::{Asking, Call},
    channel::Kind,
    settle::Pending,
};

/// What has a caller who is in one of our menus.
const MENU: &str = "menu";

/// How a caller left the PBX's own queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueExit {
    /// Gave up; the queue says so before it says that the caller left.
    Abandoned,
    /// Left.
    Left,
}

impl Switchboard {
    pub(crate) fn queue_joined(&mut self, uid: &str, queue: QueueId, position: u32) {
        let Some(call) = self.call_for(uid) else { return };
        self.gets_on(&call);
        let there = self.calls.get(&call).and_then(|known| known.queue.as_ref());
        if there.is_none_or(|(there, _)| *there != queue) {
            self.queue_joined_by(&call, queue, position);
        }
    }

    pub(super) fn queue_joined_by(&mut self, call: &CallRef, queue: QueueId, position: u32) {
        self.introduce(call, None);
        self.progress(call);
        let Some(known) = self.calls.get_mut(call) else { return };
        known.queue = Some((queue.clone(), position));
        known.abandoned = false;
        known.taken = false;
        self.say(call, Fact::QueueJoined { call: call.clone(), queue, position });
    }

    pub(crate) fn queue_left(&mut self, uid: &str, exit: QueueExit) {
        let Some(call) = self.call_for(uid) else { return };
        let Some(known) = self.calls.get_mut(&call) else { return };
        if exit == QueueExit::Abandoned {
            known.abandoned = true;
            return;
        }
        let abandoned = known.abandoned;
        if let Some((queue, _)) = known.queue.take() {
            self.say(&call, Fact::QueueLeft { call: call.clone(), queue, abandoned });
            self.left_alone(&call);
        }
    }

    /// The PBX's queue connects the caller with a member. Behind a Local pair usually a phone has answered; if
    /// nobody was rung there, the dialplan behind it is the member, and the pair is the leg.
    pub(crate) fn member_answered(&mut self, caller: &str, member: &str) {
        let Some(call) = self.call_for(caller) else { return };
        let Some((member, half)) = self.topology.entry(member) else { return };
        let (member, peer) = (member.clone(), half.peer().cloned());
        let Some(peer) = peer.filter(|_| !half.is_party()) else { return };
        let reached = self.topology.get(peer.as_str()).is_some_and(|peer| peer.bridge().is_some());
        if !reached && self.topology.dialled_by(peer.as_str()).is_empty() {
            if let Some(half) = self.topology.get_mut(member.as_str()) {
                half.kind = Kind::Party;
            }
            self.add(&call, &member);
        }
    }

    /// The caller is in our waiting room. Told with the attached data, or without it when that does not come.
    pub(crate) fn asks_route(&mut self, uid: &str, dnis: PartyNumber) -> bool {
        let Some(call) = self.call_for(uid) else { return false };
        self.gets_on(&call);
        self.introduce(&call, None);
        self.progress(&call);
        let at = self.now;
        if let Some(known) = self.calls.get_mut(&call) {
            let dnis = if dnis.raw.is_empty() { known.numbers.dnis.clone() } else { dnis };
            known.asking = Some(Asking { dnis, at });
            known.taken = false;
        }
        self.later(Pending::Route(call));
        true
    }

    pub(super) fn routed_by(&mut self, call: &CallRef, dnis: PartyNumber) {
        let at = self.now;
        if let Some(known) = self.calls.get_mut(call) {
            known.asking = Some(Asking { dnis, at });
        }
        self.route_now(call);
    }

    /// The caller is in our waiting room, by a list or by the music there. Whether that is news: nobody asked a route for it
    /// yet. If a Ring was out, it is over.
    pub(crate) fn found_waiting(&mut self, uid: &str) -> bool {
        let Some(call) = self.call_on(uid).cloned() else { return false };
        let Some(known) = self.calls.get_mut(&call) else { return false };
        if let Some(ring) = known.ring {
            self.ring_result(uid, ring, RingResult::NoAnswer, None);
        }
        let asked = |known: &Call| known.routed.is_some() || known.asking.is_some();
        let routed = self.calls.get(&call).is_none_or(asked);
        !routed && self.asks_route(uid, PartyNumber::default())
    }

    /// The number a waiting caller was handed over with, for a caller whose handing over was not seen.
    pub(crate) fn handed_over(&mut self, uid: &str, dnis: &PartyNumber) {
        let Some(call) = self.call_on(uid).cloned() else { return };
        let Some(known) = self.calls.get_mut(&call) else { return };
        if let Some(asking) = known.asking.as_mut().filter(|asking| asking.dnis.raw.is_empty()) {
            asking.dnis = dnis.clone();
        }
        if known.numbers.dnis.raw.is_empty() {
            known.numbers.dnis = dnis.clone();
            let dnis = Some(dnis.clone());
            self.say(&call, Fact::CallNumbers { call: call.clone(), ani: None, dnis, via: None });
        }
    }

    /// The data came, or cannot be waited for any longer.
    pub(crate) fn route_now(&mut self, call: &CallRef) {
        let Some(known) = self.calls.get_mut(call) else { return };
        let Some(Asking { dnis, at }) = known.asking.take() else { return };
        known.routed = Some(dnis.clone());
        self.say_at(call, at, Fact::RouteRequested { call: call.clone(), dnis });
    }

    /// The dialplan sends the caller to the fallback. A Ring of ours that is on its way fetches him from there: then he
    /// never was in it, as far as anybody is concerned.
    pub(crate) fn fell_back(&mut self, uid: &str) {
        let Some(call) = self.call_for(uid) else { return };
        let at = self.now;
        let Some(known) = self.calls.get_mut(&call) else { return };
        known.fell_back_at = Some(at);
        if known.ring_sent.is_some() {
            self.later(Pending::FellBack(call));
        } else {
            self.fell_back_for_sure(&call);
        }
    }

    /// After a gap a caller who asked us for a route was found elsewhere than in our waiting room, and not by a Ring. Whoever
    /// was sent there by us is known to have been.
    pub(crate) fn found_away(&mut self, uid: &str) {
        let Some(call) = self.call_on(uid).cloned() else { return };
        let at = self.now;
        let Some(known) = self.calls.get_mut(&call).filter(|known| known.routed.is_some()) else { return };
        if known.leg(known.customer.as_str()).is_some_and(|customer| customer.channel == *uid) {
            known.fell_back_at = Some(at);
            self.recovered = true;
            self.fell_back_for_sure(&call);
            self.recovered = false;
        }
    }

    /// After a gap the PBX was found to serve the caller itself.
    pub(crate) fn found_served(&mut self, uid: &str, what: &str) {
        self.recovered = true;
        self.found_in(uid, what);
        self.recovered = false;
    }

    /// The caller is in a menu of ours. Whoever comes back from it asks for a route anew, whether it is seen or not.
    pub(crate) fn in_menu(&mut self, uid: &str) {
        self.system_took(uid, MENU);
        let Some(call) = self.call_on(uid).cloned() else { return };
        if let Some(known) = self.calls.get_mut(&call) {
            known.routed = None;
        }
    }

    /// After a gap the caller was found in a menu of ours.
    pub(crate) fn found_in_menu(&mut self, uid: &str) {
        self.recovered = true;
        self.in_menu(uid);
        self.recovered = false;
    }

    /// No Ring came to fetch the caller from the fallback, and none will.
    pub(super) fn fell_back_for_sure(&mut self, call: &CallRef) {
        let Some(at) = self.calls.get_mut(call).and_then(|known| known.fell_back_at.take()) else { return };
        self.progress(call);
        if let Some(known) = self.calls.get_mut(call) {
            known.ring_sent = None;
            known.routed = None;
        }
        self.say_at(call, at, Fact::FellBack { call: call.clone() });
        self.left_alone(call);
    }

    /// A Ring of ours was sent for this call.
    pub(crate) fn ring_sent(&mut self, call: &CallRef, ring: ActionId) {
        if let Some(known) = self.calls.get_mut(call) {
            known.ring_sent = Some(ring);
        }
    }

    /// The PBX will not do what was asked. If that was a Ring, it fetches nobody.
    pub(crate) fn ring_refused(&mut self, ring: ActionId) {
        let sent = |call: &&mut Call| call.ring_sent == Some(ring);
        let Some(known) = self.calls.values_mut().find(sent) else { return };
        known.ring_sent = None;
        let call = known.call.clone();
        self.fell_back_for_sure(&call);
    }

    /// A Ring of ours reached the dialplan.
    pub(super) fn ring_shows(&mut self, call: &CallRef, ring: ActionId) {
        if let Some(known) = self.calls.get_mut(call).filter(|known| known.ring_sent == Some(ring)) {
            known.ring_sent = None;
            known.fell_back_at = None;
        }
    }

    /// Our Ring is over. `said` is what DIALSTATUS and HANGUPCAUSE mean where no leg said it better.
    pub(crate) fn ring_result(&mut self, uid: &str, ring: ActionId, said: RingResult, cause: Option<Cause>) {
        let Some(call) = self.call_for(uid) else { return };
        self.ring_shows(&call, ring);
        let Some(known) = self.calls.get_mut(&call) else { return };
        known.ring = None;
        let result = match known.ring_end.take() {
            Some((of, end)) if of == ring && said != RingResult::Answered => as_result(end, said),
            Some(_) | None => said,
        };
        self.say(&call, Fact::RingResult { call: call.clone(), ring, result, cause });
    }

    /// A key was pressed, as the PBX writes it. In a conversation it is none of our business.
    pub(crate) fn pressed(&mut self, uid: &str, digit: &str) {
        let is_key = |c: &char| matches!(c, '0'..='9' | '*' | '#' | 'A'..='D');
        let Some(digit) = digit.chars().next().filter(is_key) else { return };
        let Some(call) = self.call_on(uid).cloned() else { return };
        let Some(leg) = self.calls.get(&call).and_then(|known| known.on(uid)) else { return };
        if leg.talking {
            return;
        }
        let leg = leg.leg.clone();
        self.say(&call, Fact::Digit { call: call.clone(), leg, digit });
    }

    /// Data of an IVR or dialplan. On a call that is not told yet it will be part of the beginning.
    pub(crate) fn attach(&mut self, uid: &str, mut changed: AttachedData) {
        let Some(call) = self.call_for(uid) else { return };
        let Some(known) = self.calls.get_mut(&call) else { return };
        changed.retain(|key, value| known.numbers.data.get(key) != Some(value));
        if changed.is_empty() {
            return;
        }
        known.numbers.data.extend(changed.clone());
        if known.told {
            self.say(&call, Fact::Data { call: call.clone(), changed });
        }
    }

    /// More is known of the numbers of the call that this channel began.
    pub(crate) fn numbers(&mut self, uid: &str, ani: Option<PartyNumber>, via: Option<Via>) {
        let Some(call) = self.call_on(uid).cloned() else { return };
        let Some(known) = self.calls.get_mut(&call) else { return };
        if let Some(ani) = &ani {
            known.numbers.ani = ani.clone();
        }
        if let Some(via) = &via {
            known.numbers.via = Some(via.clone());
        }
        if known.told {
            self.say(&call, Fact::CallNumbers { call: call.clone(), ani, dnis: None, via });
        }
    }

    /// The numbers of this channel's call are as sure as they get: a caller from outside can be told.
    pub(crate) fn numbers_are_sure(&mut self, uid: &str) {
        let Some(call) = self.call_on(uid).cloned() else { return };
        let Some(known) = self.calls.get_mut(&call) else { return };
        if std::mem::take(&mut known.numbers.open) && known.originator == *uid && !known.told {
            self.introduce(&call, None);
        }
    }

    /// The PBX serves the caller itself.
    pub(crate) fn system_took(&mut self, uid: &str, what: &str) {
        let Some(call) = self.call_for(uid) else { return };
        self.gets_on(&call);
        self.progress(&call);
        self.took(&call, what, self.now);
    }

    pub(super) fn took(&mut self, call: &CallRef, what: &str, at: Timestamp) {
        let Some(known) = self.calls.get_mut(call) else { return };
        if !std::mem::replace(&mut known.taken, true) {
            self.say_at(call, at, Fact::SystemTook { call: call.clone(), what: what.to_owned() });
        }
    }

    /// The channel of a customer who is up and has nobody: no leg rings for him, he is in no queue, and nothing is
    /// known that the PBX does with him.
    pub(super) fn alone(&self, call: &CallRef) -> Option<&LegRef> {
        let known = self.calls.get(call)?;
        let [leg] = known.legs.as_slice() else { return None };
        let unserved = known.queue.is_none() && known.routed.is_none() && known.asking.is_none();
        let going_on = known.told && !known.taken && !known.originated && known.hung_up_by.is_none();
        let only_here = self.on.get(&leg.channel).is_some_and(|calls| calls.len() == 1);
        let talks = leg.talking && leg.apart_at.is_none();
        (leg.up && !talks && unserved && going_on && only_here).then_some(&leg.channel)
    }

    /// Something of the call ended, or the customer was answered. Of a customer who is alone then the PBX is asked, once, what it does with him: only the
    /// class `dialplan`, which is not read because it is most of a stream, would tell.
    pub(super) fn left_alone(&mut self, call: &CallRef) {
        if self.alone(call).is_none() {
            return;
        }
        let now = self.now;
        if let Some(known) = self.calls.get_mut(call) {
            known.alone_since = now;
        }
        self.later(Pending::Alone(call.clone()));
    }

    /// The PBX was asked, and serves the caller itself.
    pub(crate) fn found_in(&mut self, uid: &str, what: &str) {
        let Some(call) = self.call_for(uid) else { return };
        let Some(known) = self.calls.get(&call).filter(|_| self.alone(&call).is_some()) else { return };
        let since = known.alone_since;
        self.resolve_blind(&call);
        self.progress(&call);
        self.took(&call, what, since);
    }

    /// The channel dialled one of our feature codes: no call.
    pub(crate) fn silence(&mut self, uid: &str) {
        let Some(call) = self.call_on(uid).cloned() else { return };
        if let Some(known) = self.calls.get_mut(&call).filter(|known| !known.told) {
            known.silent = true;
        }
    }
}

const fn as_result(end: LegEnd, said: RingResult) -> RingResult {
    match end {
        LegEnd::NoAnswer => RingResult::NoAnswer,
        LegEnd::Busy | LegEnd::Rejected => RingResult::Declined,
        LegEnd::Unreachable | LegEnd::Failed => RingResult::Unreachable,
        LegEnd::CallerLeft => RingResult::CallerLeft,
        LegEnd::HungUp | LegEnd::Released | LegEnd::Cancelled | LegEnd::Transferred => said,
    }
}
